/* Media that leaves: uploaded once, named by many messages. */
#include "tests/unit/senderd/fake_transfer.h"

#include "common/store/media.h"
#include "senderd/whatsapp/outbound.h"

#define DAY_MS (24 * 3600 * 1000LL)

static const uint8_t sha256[32] = { 1, 2, 3 };
static const uint8_t thumbnail[] = { 0xff, 0xd8, 0xff };
static const uint8_t waveform[] = { 1, 50, 100 };

static int64_t media_add(struct fake *fake, enum media_kind kind)
{
	return fake_media_insert(fake, &(struct media){ .kind = kind,
					       .state = MEDIA_READY,
					       .sha256 = sha256,
					       .size = 11,
					       .mime = "image/jpeg",
					       .file_name = "a b.jpg",
					       .width = 640,
					       .height = 480,
					       .seconds = 3,
					       .pages = 4,
					       .is_animated = true,
					       .thumbnail = thumbnail,
					       .n_thumbnail = sizeof thumbnail,
					       .waveform = waveform,
					       .n_waveform = sizeof waveform });
}

/* Why the last one was refused. */
static const char *reason;

static enum media_out_state get_as(struct fake *fake, int64_t media_id,
	enum wa_media_type type, struct media_out *out)
{
	struct err err = ERR_NONE;
	enum media_out_state state =
		media_out_get(&fake->lane, media_id, type, out, &reason, &err);

	fake_run(fake);
	return state;
}

static enum media_out_state get(
	struct fake *fake, int64_t media_id, struct media_out *out)
{
	return get_as(fake, media_id, WA_MEDIA_IMAGE, out);
}

static struct wa_media_ref ref_of(const struct fake_transfer *transfer)
{
	struct wa_media_ref ref = { .type = transfer->type,
		.direct_path = "/v/1?x",
		.url = "https://mmg.example/v/1?x",
		.length = 11,
		.has_sha256 = true };

	memcpy(ref.sha256, transfer->sha256, 32);
	memset(ref.key, 0x77, sizeof ref.key);
	memset(ref.enc_sha256, 0x88, sizeof ref.enc_sha256);
	return ref;
}

static void upload_done(struct fake *fake)
{
	struct wa_media_ref ref;

	assert_non_null(fake_transfer());
	ref = ref_of(fake_transfer());
	fake_transfer_end(fake, TRANSFER_DONE, &ref, NULL);
}

/* ---- rows ---- */

static void only_files_that_are_here_can_be_sent(void **state)
{
	struct fake *fake = *state;
	struct media row = { .kind = MEDIA_IMAGE,
		.state = MEDIA_PENDING,
		.mime = "image/jpeg" };
	struct media_out out;

	assert_int_equal(get(fake, 4711, &out), MEDIA_OUT_REFUSED);
	assert_string_equal(reason, "media_unavailable");
	assert_int_equal(get(fake, fake_media_insert(fake, &row), &out),
		MEDIA_OUT_REFUSED);
	row.state = MEDIA_GONE;
	assert_int_equal(get(fake, fake_media_insert(fake, &row), &out),
		MEDIA_OUT_REFUSED);
	assert_null(fake_transfer());
}

static void a_file_of_another_account_is_none_of_ours(void **state)
{
	struct fake *fake = *state;
	int64_t media_id = media_add(fake, MEDIA_IMAGE);
	struct media_out out;

	fake->lane.account_id++;
	assert_int_equal(get(fake, media_id, &out), MEDIA_OUT_REFUSED);
	fake->lane.account_id--;
	assert_int_equal(get(fake, media_id, &out), MEDIA_OUT_WAITS);
}

static void every_kind_is_uploaded_under_its_type(void **state)
{
	static const struct {
		enum media_kind kind;
		enum wa_media_type type;
	} cases[] = {
		{ MEDIA_IMAGE, WA_MEDIA_IMAGE },
		{ MEDIA_STICKER, WA_MEDIA_IMAGE },
		{ MEDIA_VIDEO, WA_MEDIA_VIDEO },
		{ MEDIA_AUDIO, WA_MEDIA_AUDIO },
		{ MEDIA_VOICE, WA_MEDIA_AUDIO },
		{ MEDIA_DOCUMENT, WA_MEDIA_DOCUMENT },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct fake *fake = NULL;
		struct media_out out;

		fake_setup((void **)&fake);
		assert_int_equal(get_as(fake, media_add(fake, cases[i].kind),
					 cases[i].type, &out),
			MEDIA_OUT_WAITS);
		assert_non_null(fake_transfer());
		assert_int_equal(fake_transfer()->type, cases[i].type);
		assert_memory_equal(fake_transfer()->sha256, sha256, 32);
		fake_teardown((void **)&fake);
	}
}

static void any_file_goes_as_a_document_and_as_nothing_else(void **state)
{
	struct fake *fake = *state;
	int64_t image = media_add(fake, MEDIA_IMAGE);
	struct media_out out;

	assert_int_equal(
		get_as(fake, image, WA_MEDIA_VIDEO, &out), MEDIA_OUT_REFUSED);
	assert_string_equal(reason, "media_of_another_kind");
	assert_int_equal(get_as(fake, media_add(fake, MEDIA_DOCUMENT),
				 WA_MEDIA_IMAGE, &out),
		MEDIA_OUT_REFUSED);
	assert_int_equal(
		get_as(fake, image, WA_MEDIA_DOCUMENT, &out), MEDIA_OUT_WAITS);
	/* Its keys are others, so it is another blob. */
	assert_int_equal(get(fake, image, &out), MEDIA_OUT_WAITS);
	assert_int_equal(n_fake_transfers, 2);
	assert_int_equal(fake_transfer()->type, WA_MEDIA_DOCUMENT);
}

/* ---- one upload ---- */

static void one_upload_serves_every_message(void **state)
{
	struct fake *fake = *state;
	int64_t media_id = media_add(fake, MEDIA_IMAGE);
	struct media_out out;

	for (int i = 0; i < 3; i++)
		assert_int_equal(get(fake, media_id, &out), MEDIA_OUT_WAITS);
	assert_int_equal(n_fake_transfers, 1);
	upload_done(fake);
	for (int i = 0; i < 3; i++)
		assert_int_equal(get(fake, media_id, &out), MEDIA_OUT_READY);
	/* The same file in another row, too. */
	assert_int_equal(
		get(fake, media_add(fake, MEDIA_IMAGE), &out), MEDIA_OUT_READY);
	assert_int_equal(n_fake_transfers, 1);
}

static void a_message_gets_what_the_row_and_the_host_say(void **state)
{
	struct fake *fake = *state;
	int64_t media_id = media_add(fake, MEDIA_VOICE);
	int64_t before_ms = clock_now_ms();
	struct wa_media_ref ref;
	struct media_out out;
	struct err err = ERR_NONE;

	get_as(fake, media_id, WA_MEDIA_AUDIO, &out);
	ref = ref_of(fake_transfer());
	upload_done(fake);
	/* Within one turn, to which its bytes belong. */
	assert_int_equal(media_out_get(&fake->lane, media_id, WA_MEDIA_AUDIO,
				 &out, &reason, &err),
		MEDIA_OUT_READY);
	assert_memory_equal(&out.ref, &ref, sizeof ref);
	assert_true(out.key_ms >= before_ms && out.key_ms <= clock_now_ms());
	assert_int_equal(out.kind, MEDIA_VOICE);
	assert_string_equal(out.mime, "image/jpeg");
	assert_string_equal(out.file_name, "a b.jpg");
	assert_int_equal(out.size, 11);
	assert_int_equal(out.width, 640);
	assert_int_equal(out.height, 480);
	assert_int_equal(out.seconds, 3);
	assert_int_equal(out.pages, 4);
	assert_true(out.is_animated);
	assert_int_equal(out.n_thumbnail, sizeof thumbnail);
	assert_memory_equal(out.thumbnail, thumbnail, sizeof thumbnail);
	assert_int_equal(out.n_waveform, sizeof waveform);
	assert_memory_equal(out.waveform, waveform, sizeof waveform);
}

static void an_upload_is_used_again_for_so_many_days(void **state)
{
	static const struct {
		int reuse_days;
		int64_t good_ms, old_ms; /* after the upload */
	} cases[] = {
		{ 7, 7 * DAY_MS - 60000, 7 * DAY_MS + 60000 },
		{ 1, DAY_MS - 60000, DAY_MS + 60000 },
		/* What waited for it must still be able to use it. */
		{ 0, 3000 * 1000, 3700 * 1000 },
	};
	static int64_t shift_ms;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct fake *fake = NULL;
		struct media_out out;
		int64_t media_id;

		fake_setup((void **)&fake);
		fake->config.media.reuse_days = cases[i].reuse_days;
		media_id = media_add(fake, MEDIA_IMAGE);
		get(fake, media_id, &out);
		upload_done(fake);
		clock_shift_ms(shift_ms + cases[i].good_ms);
		assert_int_equal(get(fake, media_id, &out), MEDIA_OUT_READY);
		clock_shift_ms(shift_ms + cases[i].old_ms);
		assert_int_equal(get(fake, media_id, &out), MEDIA_OUT_WAITS);
		shift_ms += cases[i].old_ms;
		fake_teardown((void **)&fake);
	}
	clock_shift_ms(0);
}

static void a_few_run_at_a_time_and_the_rest_follow(void **state)
{
	struct fake *fake = *state;
	struct media_out out;
	uint8_t hash[32] = { 0 };

	for (int i = 0; i < 4; i++) {
		hash[0] = (uint8_t)(0x10 + i);
		get(fake,
			fake_media_insert(
				fake, &(struct media){ .kind = MEDIA_IMAGE,
					      .state = MEDIA_READY,
					      .sha256 = hash,
					      .size = 1,
					      .mime = "image/jpeg" }),
			&out);
	}
	assert_int_equal(n_fake_transfers, 2);
	for (int i = 0; i < 4; i++) {
		assert_int_equal(fake_transfer()->sha256[0], 0x10 + i);
		upload_done(fake);
	}
	assert_int_equal(n_fake_transfers, 4);
}

/* ---- with messages ---- */

static void picture_job(struct fake *fake, const char *wa_id, int64_t media_id)
{
	static const char content[] =
		"{\"messageType\":\"IMAGE\",\"media\":{}}";
	Bus__SendJob job = BUS__SEND_JOB__INIT;
	struct message message = {
		.account_id = fake->lane.account_id,
		.device_id = fake->lane.device_id,
		.kind = MESSAGE_IMAGE,
		.source = MESSAGE_BY_API,
		.wa_id = wa_id,
		.chat = BOB_PN "@s.whatsapp.net",
		.phone = BOB_PN,
		.text = "look",
		.content = content,
		.media_id = media_id,
		.created_ms = clock_now_ms(),
	};
	char uuid[UUID_LEN];
	struct err err = ERR_NONE;
	bool duplicate = false;

	id_uuid7(uuid);
	message.public_id = uuid;
	{
		scoped(tx_end) struct tx *tx = tx_begin(fake->lane.store, &err);

		assert_non_null(tx);
		assert_int_equal(store_message_insert_out(
					 tx, &message, &duplicate, &err),
			0);
		assert_int_equal(tx_commit(tx, &err), 0);
	}
	job.created_ms = message.created_ms;
	job.device_seq = message.device_seq;
	job.wa_id = (char *)wa_id;
	job.chat = (char *)message.chat;
	job.kind = MESSAGE_IMAGE;
	job.text = (char *)"look";
	job.content = (char *)content;
	job.media_id = media_id;
	outbound_on_job(&fake->lane, &job);
	fake_run(fake);
	fake_answer_all(fake);
}

static void messages_wait_for_the_upload_and_go_then(void **state)
{
	struct fake *fake = *state;
	int64_t media_id = media_add(fake, MEDIA_IMAGE);
	const struct wa_node *stanza = NULL;
	Wa__Message *heard = NULL;

	outbound_on_ready(&fake->lane);
	fake_run(fake);
	picture_job(fake, "3EB0A1", media_id);
	picture_job(fake, "3EB0A2", media_id);
	assert_int_equal(fake_count(fake, "message"), 0);
	assert_int_equal(n_fake_transfers, 1);
	upload_done(fake);
	fake_answer_all(fake);
	assert_int_equal(fake_count(fake, "message"), 2);
	stanza = fake_last(fake, "message");
	assert_string_equal(wa_node_str(stanza, "id"), "3EB0A2");
	assert_string_equal(wa_node_str(stanza, "type"), "media");
	heard = person_hear(
		fake, fake->bob, stanza_enc(stanza, &fake->bob->jid));
	/* It was encrypted after the first one, which nobody has read. */
	assert_non_null(heard);
	assert_non_null(heard->image_message);
	assert_string_equal(heard->image_message->direct_path, "/v/1?x");
	assert_string_equal(heard->image_message->caption, "look");
	assert_int_equal(heard->image_message->media_key.data[31], 0x77);
	wa__message__free_unpacked(heard, NULL);
}

static void an_upload_that_keeps_failing_fails_its_messages(void **state)
{
	struct fake *fake = *state;
	int64_t media_id = media_add(fake, MEDIA_IMAGE);
	int64_t wait_ms = 5000;

	outbound_on_ready(&fake->lane);
	fake_run(fake);
	picture_job(fake, "3EB0A1", media_id);
	for (int i = 0; i < 5; i++) {
		fake_transfer_end(fake, TRANSFER_FAILED, NULL, NULL);
		assert_int_equal(fake_status(fake, "3EB0A1"), MESSAGE_QUEUED);
		assert_null(fake_transfer());
		/* The first may be outbound's tick, which waits 5 s. */
		do {
			fake_time_pass(
				fake, wait_ms * 8 / 10, wait_ms * 12 / 10);
		} while (fake_transfer() == NULL);
		wait_ms *= 4;
	}
	fake_transfer_end(fake, TRANSFER_FAILED, NULL, NULL);
	assert_int_equal(fake_status(fake, "3EB0A1"), MESSAGE_FAILED);
	assert_string_equal(fake_reason(fake, "3EB0A1"), "upload_failed");
	assert_int_equal(n_fake_transfers, 6);
}

static void a_file_that_is_refused_fails_its_messages_at_once(void **state)
{
	struct fake *fake = *state;
	int64_t media_id = media_add(fake, MEDIA_IMAGE);
	struct media_out out;

	outbound_on_ready(&fake->lane);
	fake_run(fake);
	picture_job(fake, "3EB0A1", media_id);
	fake_transfer_end(fake, TRANSFER_REFUSED, NULL, NULL);
	assert_int_equal(fake_status(fake, "3EB0A1"), MESSAGE_FAILED);
	assert_string_equal(fake_reason(fake, "3EB0A1"), "media_unavailable");
	/* Another message tries anew. */
	assert_int_equal(get(fake, media_id, &out), MEDIA_OUT_WAITS);
	assert_int_equal(n_fake_transfers, 2);
}

#define LANE_TEST(test) \
	cmocka_unit_test_setup_teardown(test, fake_setup, fake_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		LANE_TEST(only_files_that_are_here_can_be_sent),
		LANE_TEST(a_file_of_another_account_is_none_of_ours),
		cmocka_unit_test(every_kind_is_uploaded_under_its_type),
		LANE_TEST(any_file_goes_as_a_document_and_as_nothing_else),
		LANE_TEST(one_upload_serves_every_message),
		LANE_TEST(a_message_gets_what_the_row_and_the_host_say),
		cmocka_unit_test(an_upload_is_used_again_for_so_many_days),
		LANE_TEST(a_few_run_at_a_time_and_the_rest_follow),
		LANE_TEST(messages_wait_for_the_upload_and_go_then),
		LANE_TEST(an_upload_that_keeps_failing_fails_its_messages),
		LANE_TEST(a_file_that_is_refused_fails_its_messages_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
