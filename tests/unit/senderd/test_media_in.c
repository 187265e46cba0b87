/* Media that came: noted, fetched, asked for, given up. */
#include "tests/unit/senderd/fake_transfer.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "common/media/library.h"
#include "common/store/media.h"
#include "senderd/whatsapp/media_retry.h"

#define WA_ID "3EB0AABBCCDDEEFF001122"
#define FILE_TEXT "a picture of a cat"
#define MIB (1u << 20)
#define DAY_MS (24 * 3600 * 1000LL)

/* ---- what comes ---- */

struct came {
	struct wa_jid chat, sender;
	struct media_found found;
};

static void came_make(struct came *came)
{
	*came = (struct came){ .chat = wa_jid_lid(BOB_LID, 0),
		.sender = wa_jid_lid(BOB_LID, 3),
		.found = { .kind = MEDIA_IMAGE,
			.mime = "image/jpeg",
			.file_name = "cat.jpg",
			.size = strlen(FILE_TEXT),
			.width = 640,
			.height = 480,
			.wa_id = WA_ID } };
	came->found.chat = &came->chat;
	came->found.sender = &came->sender;
	came->found.ref = (struct wa_media_ref){ .type = WA_MEDIA_IMAGE,
		.direct_path = "/v/old?x",
		.length = strlen(FILE_TEXT),
		.has_sha256 = true };
	memset(came->found.ref.key, 0x21, WA_MEDIA_KEY);
	wa_sha256(FILE_TEXT, strlen(FILE_TEXT), came->found.ref.sha256);
}

/* A message with a picture came; its turn ends.  The public id is good until
 * the next call. */
static const char *come(struct fake *fake, const struct came *came)
{
	static char media_id[UUID_LEN];
	struct err err = ERR_NONE;

	assert_int_equal(
		media_in_found(&fake->lane, &came->found, media_id, &err), 0);
	fake_run(fake);
	return media_id;
}

static const char *picture_comes(struct fake *fake)
{
	struct came came;

	came_make(&came);
	return come(fake, &came);
}

/* ---- what is known of it ---- */

static int on_row(const struct media *row, void *arg)
{
	struct media *copy = arg;

	*copy = *row;
	copy->mime = strcmp(row->mime, "image/jpeg") == 0 ? "image/jpeg" : "?";
	copy->file_name = row->file_name != NULL ? "set" : NULL;
	return 0;
}

static struct media row_of(struct fake *fake, const char *media_id)
{
	struct media row = { 0 };
	struct err err = ERR_NONE;

	assert_int_equal(
		store_media_by_public_id(fake->lane.store,
			fake->lane.account_id, media_id, on_row, &row, &err),
		0);
	return row;
}

/* Is it noted where the blob is? */
static bool is_noted(
	struct fake *fake, const char *media_id, struct lane_fetch *out)
{
	struct lane_fetch fetch;
	struct err err = ERR_NONE;
	int rc = lanedb_fetch_load(fake->lane.db, media_id, &fetch, &err);

	assert_true(rc >= 0);
	if (out != NULL)
		*out = fetch;
	return rc == 1;
}

static void check_ended(
	struct fake *fake, const char *media_id, enum media_state state)
{
	assert_int_equal(row_of(fake, media_id).state, state);
	assert_false(is_noted(fake, media_id, NULL));
	assert_int_equal(fake->n_events, 1);
	assert_string_equal(fake->events[0],
		state == MEDIA_READY ? "media.ready" : "media.failed");
	assert_non_null(strstr(fake->payload, media_id));
	assert_non_null(strstr(fake->payload, WA_ID));
	assert_non_null(strstr(fake->payload, media_state_name(state)));
}

/* ---- ends of the transfer under way ---- */

static void temp_write(struct fake *fake, char path[LIBRARY_PATH])
{
	struct err err = ERR_NONE;
	scoped(fd_close) int fd = library_temp(&fake->config, path, &err);

	assert_int_equal(
		write(fd, FILE_TEXT, strlen(FILE_TEXT)), strlen(FILE_TEXT));
}

static void download_done(struct fake *fake)
{
	char path[LIBRARY_PATH];
	struct wa_media_ref ref;

	assert_non_null(fake_transfer());
	ref = fake_transfer()->ref;
	temp_write(fake, path);
	fake_transfer_end(fake, TRANSFER_DONE, &ref, path);
	assert_int_equal(access(path, F_OK), -1); /* kept, or removed */
}

static void download_ends(struct fake *fake, enum transfer_outcome outcome)
{
	struct wa_media_ref ref;

	assert_non_null(fake_transfer());
	ref = fake_transfer()->ref;
	fake_transfer_end(fake, outcome, &ref, NULL);
}

/* ---- fetching ---- */

static void what_came_is_a_pending_row_and_is_fetched(void **state)
{
	struct fake *fake = *state;
	const char *media_id = picture_comes(fake);
	struct media row = row_of(fake, media_id);
	struct came came;

	came_make(&came);
	assert_int_equal(row.state, MEDIA_PENDING);
	assert_int_equal(row.device_id, fake->lane.device_id);
	assert_int_equal(row.kind, MEDIA_IMAGE);
	assert_int_equal(row.size, strlen(FILE_TEXT));
	assert_int_equal(row.width, 640);
	assert_string_equal(row.mime, "image/jpeg");
	assert_string_equal(row.file_name, "set");
	assert_null(row.sha256);
	assert_int_equal(fake->n_events, 0);
	assert_non_null(fake_transfer());
	assert_false(fake_transfer()->is_upload);
	assert_memory_equal(
		&fake_transfer()->ref, &came.found.ref, sizeof came.found.ref);
	assert_int_equal(fake_transfer()->max_bytes, 16 * MIB);
}

static void a_fetched_file_is_in_the_library_and_told(void **state)
{
	struct fake *fake = *state;
	const char *media_id = picture_comes(fake);
	char text[64] = "";
	struct came came;
	struct media row;

	came_make(&came);
	download_done(fake);
	check_ended(fake, media_id, MEDIA_READY);
	row = row_of(fake, media_id);
	assert_non_null(row.sha256);
	assert_int_equal(row.size, strlen(FILE_TEXT));
	assert_non_null(strstr(fake->payload, "\"chat\":\"" BOB_LID "@lid\""));
	{
		scoped(fd_close) int fd = library_open(
			&fake->config, came.found.ref.sha256, NULL);

		assert_int_equal(
			read(fd, text, sizeof text), strlen(FILE_TEXT));
	}
	assert_string_equal(text, FILE_TEXT);
}

/* As messages name their chat, by its number if that is known. */
static void the_event_names_the_chat_as_its_message_does(void **state)
{
	struct fake *fake = *state;
	struct wa_jid pn = wa_jid_pn(BOB_PN, 0), lid = wa_jid_lid(BOB_LID, 0);
	struct err err = ERR_NONE;

	assert_int_equal(
		lanedb_mapping_learn(fake->lane.db, &pn, &lid, NULL, &err), 0);
	picture_comes(fake);
	download_done(fake);
	assert_non_null(strstr(
		fake->payload, "\"chat\":\"" BOB_PN "@s.whatsapp.net\""));
}

static void a_failure_is_tried_again_later_and_later(void **state)
{
	static const int64_t waits_ms[] = { 10000, 30000, 90000, 270000, 810000,
		1800000, 1800000 };
	struct fake *fake = *state;
	char media_id[UUID_LEN];

	snprintf(media_id, sizeof media_id, "%s", picture_comes(fake));
	for (size_t i = 0; i < ARRAY_LEN(waits_ms); i++) {
		download_ends(fake, TRANSFER_FAILED);
		assert_null(fake_transfer());
		assert_int_equal(row_of(fake, media_id).state, MEDIA_PENDING);
		fake_time_pass(
			fake, waits_ms[i] * 7 / 10, waits_ms[i] * 13 / 10);
		assert_non_null(fake_transfer());
	}
	download_ends(fake, TRANSFER_FAILED);
	check_ended(fake, media_id, MEDIA_FAILED);
	assert_int_equal(n_fake_transfers, 8);
}

static void a_refused_file_is_not_tried_again(void **state)
{
	struct fake *fake = *state;
	const char *media_id = picture_comes(fake);

	download_ends(fake, TRANSFER_REFUSED);
	check_ended(fake, media_id, MEDIA_FAILED);
}

static void a_file_that_cannot_be_kept_is_fetched_again(void **state)
{
	struct fake *fake = *state;
	const char *media_id = picture_comes(fake);
	char path[LIBRARY_PATH];
	struct came came;

	came_make(&came);
	temp_write(fake, path); /* makes the directories */
	unlink(path);
	/* A file where its directory is to be. */
	library_path(&fake->config, came.found.ref.sha256, path);
	*strrchr(path, '/') = '\0';
	close(open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
	download_done(fake);
	assert_int_equal(row_of(fake, media_id).state, MEDIA_PENDING);
	assert_int_equal(unlink(path), 0);
	fake_time_pass(fake, 7000, 13000);
	download_done(fake);
	check_ended(fake, media_id, MEDIA_READY);
}

static void two_are_fetched_at_a_time(void **state)
{
	struct fake *fake = *state;

	for (int i = 0; i < 4; i++)
		picture_comes(fake);
	assert_int_equal(n_fake_transfers, 2);
	for (int i = 0; i < 4; i++)
		download_done(fake);
	assert_int_equal(n_fake_transfers, 4);
	assert_int_equal(fake->n_events, 4);
}

static void what_is_too_large_is_given_up_when_its_message_is_told(void **state)
{
	struct fake *fake = *state;
	struct came came;
	char media_id[UUID_LEN];
	struct err err = ERR_NONE;

	came_make(&came);
	came.found.ref.length = 16 * MIB + 1;
	assert_int_equal(
		media_in_found(&fake->lane, &came.found, media_id, &err), 0);
	assert_int_equal(fake_turn_end(fake), 0);
	assert_int_equal(fake->n_events, 0);
	fake_run(fake);
	assert_null(fake_transfer());
	check_ended(fake, media_id, MEDIA_FAILED);
}

static void a_row_that_was_deleted_is_forgotten(void **state)
{
	struct fake *fake = *state;
	const char *media_id = picture_comes(fake);
	struct err err = ERR_NONE;
	struct came came;

	came_make(&came);
	{
		scoped(tx_end) struct tx *tx = tx_begin(fake->lane.store, &err);

		assert_int_equal(store_media_delete(tx, fake->lane.account_id,
					 media_id, clock_now_ms(), &err),
			0);
		assert_int_equal(tx_commit(tx, &err), 0);
	}
	download_done(fake);
	assert_int_equal(fake->n_events, 0);
	assert_false(is_noted(fake, media_id, NULL));
	assert_int_equal(
		library_open(&fake->config, came.found.ref.sha256, &err), -1);
}

/* ---- when ---- */

static void without_a_connection_it_waits(void **state)
{
	struct fake *fake = *state;

	fake->lane.state = LANE_BACKOFF;
	picture_comes(fake);
	assert_null(fake_transfer());
	fake->lane.state = LANE_READY;
	media_in_on_ready(&fake->lane);
	fake_run(fake);
	assert_non_null(fake_transfer());
}

static void what_a_dead_process_was_at_is_begun_again(void **state)
{
	struct fake *fake = *state;
	struct fake_transfer lost;
	const char *media_id = picture_comes(fake);
	struct lane_fetch fetch;

	assert_true(is_noted(fake, media_id, &fetch));
	assert_int_equal(fetch.phase, LANE_FETCH_RUNNING);
	lost = *fake_transfer();
	n_fake_transfers_ended++;
	free(lost.arg); /* nobody will be called */
	media_in_free(&fake->lane.media_in);
	fake->lane.media_in = media_in_new();
	media_in_on_ready(&fake->lane);
	fake_run(fake);
	assert_non_null(fake_transfer());
	assert_true(is_noted(fake, media_id, &fetch));
	assert_int_equal(fetch.attempts, 2);
	download_done(fake);
	check_ended(fake, media_id, MEDIA_READY);
}

/* A new connection of the same process must not start it twice. */
static void what_runs_is_left_alone_by_a_reconnect(void **state)
{
	struct fake *fake = *state;

	picture_comes(fake);
	media_in_on_ready(&fake->lane);
	fake_run(fake);
	assert_int_equal(n_fake_transfers, 1);
}

static void without_auto_download_it_waits_until_wanted(void **state)
{
	struct fake *fake = *state;
	const char *media_id = NULL;
	struct err err = ERR_NONE;

	fake->config.media.auto_download = false;
	media_id = picture_comes(fake);
	assert_null(fake_transfer());
	assert_int_equal(media_in_want(&fake->lane, media_id, &err), 0);
	fake_run(fake);
	assert_non_null(fake_transfer());
	/* Wanted twice is fetched once. */
	assert_int_equal(media_in_want(&fake->lane, media_id, &err), 0);
	fake_run(fake);
	assert_int_equal(n_fake_transfers, 1);
	download_done(fake);
	check_ended(fake, media_id, MEDIA_READY);
	assert_int_equal(media_in_want(&fake->lane, media_id, &err), -1);
	assert_int_equal(err.code, ERR_NOT_FOUND);
}

static void what_nobody_wants_is_forgotten_after_a_month(void **state)
{
	struct fake *fake = *state;
	const char *media_id = NULL;

	fake->config.media.auto_download = false;
	media_id = picture_comes(fake);
	fake_time_pass(fake, 3600 * 1000, 3600 * 1000); /* looks, no more */
	assert_int_equal(row_of(fake, media_id).state, MEDIA_PENDING);
	fake_time_pass(fake, 3600 * 1000, 31 * DAY_MS);
	assert_null(fake_transfer());
	check_ended(fake, media_id, MEDIA_FAILED);
}

/* ---- the message once more ---- */

static void a_lost_note_is_made_again(void **state)
{
	struct fake *fake = *state;
	char media_id[UUID_LEN];
	struct err err = ERR_NONE;
	struct came came;

	came_make(&came);
	/* The store's half of the turn was committed, ours was not. */
	assert_int_equal(
		media_in_found(&fake->lane, &came.found, media_id, &err), 0);
	assert_int_equal(facts_commit(&fake->lane, &err), 0);
	lanedb_rollback(fake->lane.db);
	fake_run(fake);
	assert_null(fake_transfer());
	assert_int_equal(
		media_in_again(&fake->lane, &came.found, media_id, &err), 0);
	fake_run(fake);
	download_done(fake);
	check_ended(fake, media_id, MEDIA_READY);
}

static void a_message_that_comes_again_starts_nothing(void **state)
{
	struct fake *fake = *state;
	char media_id[UUID_LEN];
	struct err err = ERR_NONE;
	struct came came;

	came_make(&came);
	snprintf(media_id, sizeof media_id, "%s", come(fake, &came));
	assert_int_equal(
		media_in_again(&fake->lane, &came.found, media_id, &err), 0);
	fake_run(fake);
	assert_int_equal(n_fake_transfers, 1);
	download_done(fake);
	assert_int_equal(
		media_in_again(&fake->lane, &came.found, media_id, &err), 0);
	fake_run(fake);
	assert_int_equal(n_fake_transfers, 1);
	check_ended(fake, media_id, MEDIA_READY);
}

/* ---- the phone ---- */

/* What the question says, opened as the phone would. */
static void check_question(const struct wa_node *receipt)
{
	const struct wa_node *encrypt = wa_node_child(receipt, "encrypt");
	scoped(buf_fini) struct buf plain = BUF_INIT;
	Wa__ServerErrorReceipt *question = NULL;
	uint8_t key[WA_MEDIA_KEY];
	size_t n = 0, n_iv = 0;
	const uint8_t *sealed = NULL, *iv = NULL;

	assert_non_null(receipt);
	assert_string_equal(wa_node_str(receipt, "id"), WA_ID);
	assert_string_equal(
		wa_node_str(receipt, "to"), OWN_PN "@s.whatsapp.net");
	assert_string_equal(wa_node_str(receipt, "type"), "server-error");
	sealed = wa_node_content(wa_node_child(encrypt, "enc_p"), &n);
	iv = wa_node_content(wa_node_child(encrypt, "enc_iv"), &n_iv);
	assert_int_equal(n_iv, 12);
	memset(key, 0x21, sizeof key);
	assert_int_equal(
		wa_media_retry_open(key, WA_ID, iv, sealed, n, &plain, NULL),
		0);
	question =
		wa__server_error_receipt__unpack(NULL, plain.len, plain.data);
	assert_non_null(question);
	assert_string_equal(question->stanza_id, WA_ID);
	wa__server_error_receipt__free_unpacked(question, NULL);
}

static void what_is_gone_is_asked_of_the_phone(void **state)
{
	struct fake *fake = *state;
	const struct wa_node *about = NULL;

	picture_comes(fake);
	download_ends(fake, TRANSFER_GONE);
	check_question(fake_last(fake, "receipt"));
	about = wa_node_child(fake_last(fake, "receipt"), "rmr");
	assert_string_equal(wa_node_str(about, "jid"), BOB_LID "@lid");
	assert_string_equal(wa_node_str(about, "from_me"), "false");
	assert_null(wa_node_get(about, "participant"));
}

static void in_a_group_the_question_names_the_sender(void **state)
{
	struct fake *fake = *state;
	const struct wa_node *about = NULL;
	struct came came;

	came_make(&came);
	assert_int_equal(wa_jid_parse("120363@g.us", 11, &came.chat), 0);
	came.found.is_own = true;
	come(fake, &came);
	download_ends(fake, TRANSFER_GONE);
	about = wa_node_child(fake_last(fake, "receipt"), "rmr");
	assert_string_equal(wa_node_str(about, "jid"), "120363@g.us");
	assert_string_equal(wa_node_str(about, "from_me"), "true");
	assert_string_equal(wa_node_str(about, "participant"), BOB_LID "@lid");
}

static struct wa_node *notification_new(struct fake *fake, const char *from)
{
	struct wa_node *node = wa_node_new(fake->arena, "notification");

	wa_node_set(node, "type", "mediaretry");
	wa_node_set(node, "id", WA_ID);
	wa_node_set(node, "from", from);
	wa_node_set(wa_node_add(node, "rmr"), "jid", BOB_LID "@lid");
	return node;
}

static struct wa_node *answer_new(
	struct fake *fake, int result, const char *path, uint8_t key_byte)
{
	struct wa_node *node = notification_new(fake, OWN_PN "@s.whatsapp.net");
	struct wa_node *encrypt = wa_node_add(node, "encrypt");
	Wa__MediaRetryNotification answer = WA__MEDIA_RETRY_NOTIFICATION__INIT;
	scoped(buf_fini) struct buf sealed = BUF_INIT;
	uint8_t key[WA_MEDIA_KEY], iv[12], plain[512];

	answer.stanza_id = (char *)WA_ID;
	answer.direct_path = (char *)path;
	answer.has_result = true;
	answer.result = result;
	memset(key, key_byte, sizeof key);
	assert_true(wa__media_retry_notification__get_packed_size(&answer) <=
		    sizeof plain);
	wa_media_retry_seal(key, WA_ID, plain,
		wa__media_retry_notification__pack(&answer, plain), iv,
		&sealed);
	wa_node_bytes(wa_node_add(encrypt, "enc_p"), sealed.data, sealed.len);
	wa_node_bytes(wa_node_add(encrypt, "enc_iv"), iv, sizeof iv);
	return node;
}

static struct wa_node *error_new(struct fake *fake, const char *from, int code)
{
	struct wa_node *node = notification_new(fake, from);

	wa_node_set_int(wa_node_add(node, "error"), "code", code);
	return node;
}

static void phone_answers(struct fake *fake, const struct wa_node *answer)
{
	struct err err = ERR_NONE;

	assert_int_equal(media_in_on_retry(&fake->lane, answer, &err), 0);
	fake_run(fake);
}

static void what_the_phone_uploads_is_fetched(void **state)
{
	struct fake *fake = *state;
	const char *media_id = picture_comes(fake);

	download_ends(fake, TRANSFER_GONE);
	phone_answers(fake, answer_new(fake, 1, "/v/new?y", 0x21));
	assert_non_null(fake_transfer());
	assert_string_equal(fake_transfer()->ref.direct_path, "/v/new?y");
	download_done(fake);
	check_ended(fake, media_id, MEDIA_READY);
}

static void what_came_broken_is_asked_of_the_phone_and_given_up_in_the_end(
	void **state)
{
	struct fake *fake = *state;
	const char *media_id = picture_comes(fake);

	for (int i = 0; i < 4; i++) { /* one try is a download or a question */
		download_ends(fake, TRANSFER_CORRUPT);
		check_question(fake_last(fake, "receipt"));
		phone_answers(fake, answer_new(fake, 1, "/v/new?y", 0x21));
	}
	check_ended(fake, media_id, MEDIA_FAILED);
}

static void what_the_phone_has_no_longer_is_gone(void **state)
{
	struct fake *fake = NULL;
	const char *media_id = NULL;

	(void)state;
	for (int i = 0; i < 2; i++) {
		fake_setup((void **)&fake);
		media_id = picture_comes(fake);
		download_ends(fake, TRANSFER_GONE);
		phone_answers(fake,
			i == 0 ? answer_new(fake, 2, NULL, 0x21)
			       : error_new(fake, OWN_PN "@s.whatsapp.net", 2));
		check_ended(fake, media_id, MEDIA_GONE);
		fake_teardown((void **)&fake);
	}
}

static void an_answer_that_proves_nothing_changes_nothing(void **state)
{
	struct fake *fake = *state;
	const char *media_id = picture_comes(fake);
	struct wa_node *other_chat =
		error_new(fake, OWN_PN "@s.whatsapp.net", 2);
	struct lane_fetch before, after;

	other_chat->child->attrs->value.text = "77@lid";
	other_chat->child->attrs->value.n = 6;
	download_ends(fake, TRANSFER_GONE);
	assert_true(is_noted(fake, media_id, &before));
	phone_answers(fake, answer_new(fake, 1, "/v/new?y", 0x22)); /* key */
	phone_answers(fake, answer_new(fake, 1, NULL, 0x21));
	phone_answers(fake, answer_new(fake, 1, "//evil/x", 0x21));
	phone_answers(fake, answer_new(fake, 1, "https://evil/x", 0x21));
	phone_answers(fake, answer_new(fake, 0, "/v/new?y", 0x21));
	phone_answers(fake, answer_new(fake, 3, "/v/new?y", 0x21));
	phone_answers(fake, error_new(fake, BOB_LID "@lid", 2));
	phone_answers(fake, error_new(fake, OWN_PN "@s.whatsapp.net", 1));
	phone_answers(fake, other_chat);
	phone_answers(fake, notification_new(fake, OWN_PN "@s.whatsapp.net"));
	phone_answers(fake, wa_node_new(fake->arena, "notification"));
	assert_true(is_noted(fake, media_id, &after));
	assert_memory_equal(&before, &after, sizeof before);
	assert_null(fake_transfer());
	assert_int_equal(row_of(fake, media_id).state, MEDIA_PENDING);
}

static void an_answer_nobody_asked_for_is_ignored(void **state)
{
	struct fake *fake = *state;
	const char *media_id = picture_comes(fake);
	struct lane_fetch fetch;

	phone_answers(fake, answer_new(fake, 1, "/v/new?y", 0x21));
	phone_answers(fake, error_new(fake, OWN_PN "@s.whatsapp.net", 2));
	assert_true(is_noted(fake, media_id, &fetch));
	assert_string_equal(fetch.ref.direct_path, "/v/old?x");
	assert_int_equal(n_fake_transfers, 1);
}

static void a_phone_that_is_silent_is_asked_again_until_it_is_enough(
	void **state)
{
	static const int64_t waits_ms[] = { 60000, 90000, 270000, 810000,
		1800000, 1800000, 1800000 };
	struct fake *fake = *state;
	char media_id[UUID_LEN];

	snprintf(media_id, sizeof media_id, "%s", picture_comes(fake));
	download_ends(fake, TRANSFER_GONE);
	for (size_t i = 0; i < ARRAY_LEN(waits_ms); i++) {
		assert_int_equal(fake_count(fake, "receipt"), i + 1);
		assert_int_equal(row_of(fake, media_id).state, MEDIA_PENDING);
		fake_time_pass(
			fake, waits_ms[i] * 7 / 10, waits_ms[i] * 13 / 10);
	}
	assert_int_equal(fake_count(fake, "receipt"), ARRAY_LEN(waits_ms));
	check_ended(fake, media_id, MEDIA_FAILED);
}

static void the_phone_is_asked_when_there_is_a_connection(void **state)
{
	struct fake *fake = *state;

	picture_comes(fake);
	fake->lane.state = LANE_BACKOFF;
	download_ends(fake, TRANSFER_GONE);
	assert_int_equal(fake_count(fake, "receipt"), 0);
	fake->lane.state = LANE_READY;
	media_in_on_ready(&fake->lane);
	fake_run(fake);
	check_question(fake_last(fake, "receipt"));
}

#define LANE_TEST(test) \
	cmocka_unit_test_setup_teardown(test, fake_setup, fake_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		LANE_TEST(what_came_is_a_pending_row_and_is_fetched),
		LANE_TEST(a_fetched_file_is_in_the_library_and_told),
		LANE_TEST(the_event_names_the_chat_as_its_message_does),
		LANE_TEST(a_failure_is_tried_again_later_and_later),
		LANE_TEST(a_refused_file_is_not_tried_again),
		LANE_TEST(a_file_that_cannot_be_kept_is_fetched_again),
		LANE_TEST(two_are_fetched_at_a_time),
		LANE_TEST(
			what_is_too_large_is_given_up_when_its_message_is_told),
		LANE_TEST(a_row_that_was_deleted_is_forgotten),
		LANE_TEST(without_a_connection_it_waits),
		LANE_TEST(what_a_dead_process_was_at_is_begun_again),
		LANE_TEST(what_runs_is_left_alone_by_a_reconnect),
		LANE_TEST(without_auto_download_it_waits_until_wanted),
		LANE_TEST(what_nobody_wants_is_forgotten_after_a_month),
		LANE_TEST(a_lost_note_is_made_again),
		LANE_TEST(a_message_that_comes_again_starts_nothing),
		LANE_TEST(what_is_gone_is_asked_of_the_phone),
		LANE_TEST(
			what_came_broken_is_asked_of_the_phone_and_given_up_in_the_end),
		LANE_TEST(in_a_group_the_question_names_the_sender),
		LANE_TEST(what_the_phone_uploads_is_fetched),
		cmocka_unit_test(what_the_phone_has_no_longer_is_gone),
		LANE_TEST(an_answer_that_proves_nothing_changes_nothing),
		LANE_TEST(an_answer_nobody_asked_for_is_ignored),
		LANE_TEST(
			a_phone_that_is_silent_is_asked_again_until_it_is_enough),
		LANE_TEST(the_phone_is_asked_when_there_is_a_connection),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
