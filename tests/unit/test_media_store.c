/* Media rows: lists with totals, what was made from what, which files stay. */
#include "common/store/media.h"

#include "tests/unit/campaign_fixture.h"

struct row {
	int64_t id;
	char public_id[UUID_LEN];
	struct media media; /* texts are gone */
	char mime[64];
	uint8_t sha256[32];
	bool has_file;
};

static int take_row(const struct media *media, void *arg)
{
	struct row *row = arg;

	row->id = media->id;
	row->media = *media;
	snprintf(
		row->public_id, sizeof(row->public_id), "%s", media->public_id);
	snprintf(row->mime, sizeof(row->mime), "%s", media->mime);
	row->has_file = media->sha256 != NULL;
	if (row->has_file)
		memcpy(row->sha256, media->sha256, 32);
	return 0;
}

static const uint8_t *hash_of(uint8_t byte)
{
	static uint8_t hash[32];

	memset(hash, byte, sizeof(hash));
	return hash;
}

/* Inserted; the id in @public_id. */
static int64_t put_media(
	struct fixture *f, struct media media, char public_id[UUID_LEN])
{
	struct tx *tx = begin(f);

	id_uuid7(public_id);
	media.public_id = public_id;
	if (media.account_id == 0)
		media.account_id = f->account_id;
	if (media.state == 0)
		media.state = MEDIA_READY;
	media.mime = media.mime != NULL ? media.mime : "image/jpeg";
	media.created_ms = NOW_MS;
	assert_int_equal(store_media_insert(tx, &media, &f->err), 0);
	assert_true(media.id > 0);
	commit(f, tx);
	return media.id;
}

static void delete_media(struct fixture *f, const char *public_id)
{
	struct tx *tx = begin(f);

	assert_int_equal(store_media_delete(
				 tx, f->account_id, public_id, NOW_MS, &f->err),
		0);
	commit(f, tx);
}

struct list {
	int64_t ids[16];
	size_t n;
	int64_t total;
};

static int add_id(const struct media *media, void *arg)
{
	struct list *list = arg;

	list->ids[list->n++] = media->id;
	return 0;
}

static struct list list_media(
	struct fixture *f, enum media_kind kind, int64_t offset, int limit)
{
	struct list list = { .n = 0 };
	const struct page page = { offset, limit };

	assert_int_equal(store_media_list(f->store, f->account_id, kind, page,
				 add_id, &list, &list.total, &f->err),
		0);
	return list;
}

static void a_row_comes_back_as_it_went_in(void **state)
{
	struct fixture *f = *state;
	static const uint8_t thumbnail[] = { 1, 2, 3 };
	char id[UUID_LEN];
	struct row row = { .id = 0 };

	put_media(f,
		(struct media){ .kind = MEDIA_VIDEO,
			.sha256 = hash_of(7),
			.size = 12345,
			.mime = "video/mp4",
			.file_name = "clip.mp4",
			.width = 640,
			.height = 480,
			.seconds = 9,
			.thumbnail = thumbnail,
			.n_thumbnail = sizeof(thumbnail) },
		id);
	assert_int_equal(store_media_by_public_id(f->store, f->account_id, id,
				 take_row, &row, &f->err),
		0);
	assert_int_equal(row.media.kind, MEDIA_VIDEO);
	assert_int_equal(row.media.state, MEDIA_READY);
	assert_int_equal(row.media.size, 12345);
	assert_int_equal(row.media.width, 640);
	assert_int_equal(row.media.seconds, 9);
	assert_int_equal(row.media.n_thumbnail, 3);
	assert_int_equal(row.media.n_waveform, 0);
	assert_string_equal(row.mime, "video/mp4");
	assert_memory_equal(row.sha256, hash_of(7), 32);
	assert_int_equal(store_media_by_public_id(f->store, f->other_account_id,
				 id, take_row, &row, &f->err),
		-1);
	assert_int_equal(f->err.code, ERR_NOT_FOUND);
}

static void lists_hold_uploads_newest_first_and_count_them(void **state)
{
	struct fixture *f = *state;
	char id[5][UUID_LEN];
	int64_t image =
		put_media(f, (struct media){ .kind = MEDIA_IMAGE }, id[0]);
	int64_t pdf =
		put_media(f, (struct media){ .kind = MEDIA_DOCUMENT }, id[1]);
	struct list list;

	put_media(f,
		(struct media){
			.kind = MEDIA_IMAGE, .device_id = f->device_id },
		id[2]);
	put_media(f,
		(struct media){ .kind = MEDIA_STICKER, .made_from = image },
		id[3]);
	put_media(f,
		(struct media){ .kind = MEDIA_IMAGE,
			.account_id = f->other_account_id },
		id[4]);
	list = list_media(f, 0, 0, 10);
	assert_int_equal(list.n, 2);
	assert_int_equal(list.total, 2);
	assert_int_equal(list.ids[0], pdf);
	assert_int_equal(list.ids[1], image);
	list = list_media(f, MEDIA_IMAGE, 0, 10);
	assert_int_equal(list.n, 1);
	assert_int_equal(list.total, 1);
	assert_int_equal(list.ids[0], image);
	list = list_media(f, 0, 1, 1);
	assert_int_equal(list.n, 1);
	assert_int_equal(list.ids[0], image);
	delete_media(f, id[0]);
	list = list_media(f, 0, 0, 10);
	assert_int_equal(list.n, 1);
	assert_int_equal(list.total, 1);
	list = list_media(f, MEDIA_IMAGE, 0, 10);
	assert_int_equal(list.total, 0);
}

static void deleting_takes_along_what_was_made_from_it(void **state)
{
	struct fixture *f = *state;
	char id[UUID_LEN], voice_id[UUID_LEN];
	int64_t audio = put_media(f, (struct media){ .kind = MEDIA_AUDIO }, id);
	int64_t voice = put_media(f,
		(struct media){ .kind = MEDIA_VOICE, .made_from = audio },
		voice_id);
	struct row row = { .id = 0 };
	struct tx *tx;

	assert_int_equal(store_media_made_from(f->store, audio, MEDIA_VOICE,
				 take_row, &row, &f->err),
		0);
	assert_int_equal(row.id, voice);
	assert_int_equal(store_media_made_from(f->store, audio, MEDIA_STICKER,
				 take_row, &row, &f->err),
		-1);
	assert_int_equal(f->err.code, ERR_NOT_FOUND);
	delete_media(f, id);
	assert_int_equal(store_media_made_from(f->store, audio, MEDIA_VOICE,
				 take_row, &row, &f->err),
		-1);
	assert_int_equal(store_media_by_public_id(f->store, f->account_id,
				 voice_id, take_row, &row, &f->err),
		-1);
	assert_int_equal(
		store_media_by_id(f->store, voice, take_row, &row, &f->err), 0);
	assert_int_equal(row.media.deleted_ms, NOW_MS);
	tx = begin(f);
	assert_int_equal(
		store_media_delete(tx, f->account_id, id, NOW_MS, &f->err), -1);
	assert_int_equal(f->err.code, ERR_NOT_FOUND);
	tx_end(&tx);
}

static void nobody_deletes_what_is_anothers(void **state)
{
	struct fixture *f = *state;
	char id[UUID_LEN];
	struct row row = { .id = 0 };
	struct tx *tx;

	put_media(f, (struct media){ .kind = MEDIA_IMAGE }, id);
	tx = begin(f);
	assert_int_equal(store_media_delete(
				 tx, f->other_account_id, id, NOW_MS, &f->err),
		-1);
	assert_int_equal(f->err.code, ERR_NOT_FOUND);
	commit(f, tx);
	assert_int_equal(store_media_by_public_id(f->store, f->account_id, id,
				 take_row, &row, &f->err),
		0);
}

static bool is_wanted(struct fixture *f, uint8_t byte)
{
	bool wanted;

	assert_int_equal(store_media_file_is_wanted(
				 f->store, hash_of(byte), &wanted, &f->err),
		0);
	return wanted;
}

static void a_file_is_wanted_while_a_row_names_it(void **state)
{
	struct fixture *f = *state;
	char first[UUID_LEN], second[UUID_LEN];

	assert_false(is_wanted(f, 7));
	put_media(f,
		(struct media){ .kind = MEDIA_IMAGE, .sha256 = hash_of(7) },
		first);
	put_media(f,
		(struct media){ .kind = MEDIA_IMAGE, .sha256 = hash_of(7) },
		second);
	delete_media(f, first);
	assert_true(is_wanted(f, 7));
	delete_media(f, second);
	assert_false(is_wanted(f, 7));
}

static void put_message(
	struct fixture *f, int64_t media_id, char wa_id[WA_MSG_ID_LEN])
{
	char public_id[UUID_LEN];
	struct tx *tx = begin(f);
	bool duplicate;

	id_uuid7(public_id);
	assert_int_equal(
		store_message_wa_id(tx, f->device_id, wa_id, &f->err), 0);
	assert_int_equal(store_message_insert_out(tx,
				 &(struct message){ .account_id = f->account_id,
					 .device_id = f->device_id,
					 .public_id = public_id,
					 .wa_id = wa_id,
					 .chat = "15550002222@s.whatsapp.net",
					 .phone = "15550002222",
					 .kind = MESSAGE_IMAGE,
					 .source = MESSAGE_BY_API,
					 .media_id = media_id,
					 .created_ms = NOW_MS },
				 &duplicate, &f->err),
		0);
	commit(f, tx);
}

static void a_deleted_file_stays_while_a_message_waits_for_it(void **state)
{
	struct fixture *f = *state;
	char id[UUID_LEN], wa_id[WA_MSG_ID_LEN];
	int64_t image = put_media(f,
		(struct media){ .kind = MEDIA_IMAGE, .sha256 = hash_of(9) },
		id);
	struct message_change sent = { .status = MESSAGE_SENT,
		.at_ms = NOW_MS };
	struct tx *tx;
	bool changed;

	put_message(f, image, wa_id);
	delete_media(f, id);
	assert_true(is_wanted(f, 9));
	tx = begin(f);
	sent.wa_id = wa_id;
	assert_int_equal(store_message_change(tx, f->device_id, &sent, &changed,
				 NULL, NULL, &f->err),
		0);
	commit(f, tx);
	assert_false(is_wanted(f, 9));
}

static void a_deleted_file_stays_while_a_campaign_goes_on(void **state)
{
	struct fixture *f = *state;
	char media_id[UUID_LEN], id[UUID_LEN];
	struct campaign campaign = { .public_id = id,
		.account_id = f->account_id,
		.name = "a",
		.kind = MESSAGE_IMAGE,
		.audience = "{}",
		.media_id = put_media(f,
			(struct media){
				.kind = MEDIA_IMAGE, .sha256 = hash_of(9) },
			media_id) };
	struct tx *tx = begin(f);

	id_uuid7(id);
	assert_int_equal(store_campaign_create(tx, &campaign, &f->device_id, 1,
				 NOW_MS, &f->err),
		0);
	commit(f, tx);
	delete_media(f, media_id);
	assert_true(is_wanted(f, 9));
	tx = begin(f);
	assert_int_equal(store_recipient_add(tx, campaign.id, 0, 1, 0,
				 "15550000001", NULL, &f->err),
		0);
	assert_int_equal(store_recipient_added(tx, campaign.id, 1, &f->err), 0);
	assert_int_equal(store_campaign_ready(tx, campaign.id, CAMPAIGN_RUNNING,
				 0, NOW_MS, &f->err),
		0);
	commit(f, tx);
	assert_true(is_wanted(f, 9));
	tx = begin(f);
	assert_int_equal(store_recipient_fail(tx, 1, "no", NOW_MS, &f->err), 0);
	commit(f, tx);
	assert_int_equal(
		see(f, campaign.id).campaign.status, CAMPAIGN_COMPLETED);
	assert_false(is_wanted(f, 9));
}

static void a_received_file_arrives_later(void **state)
{
	struct fixture *f = *state;
	char id[UUID_LEN];
	struct row row = { .id = 0 };
	struct tx *tx;

	put_media(f,
		(struct media){ .kind = MEDIA_IMAGE,
			.device_id = f->device_id,
			.state = MEDIA_PENDING,
			.size = 100 },
		id);
	tx = begin(f);
	assert_int_equal(store_media_set_state(tx, id, MEDIA_READY, hash_of(5),
				 90, take_row, &row, &f->err),
		0);
	assert_int_equal(row.media.state, MEDIA_READY);
	assert_int_equal(row.media.size, 90);
	assert_true(row.has_file);
	row = (struct row){ .id = 0 };
	assert_int_equal(store_media_set_state(tx, id, MEDIA_GONE, NULL, 0,
				 take_row, &row, &f->err),
		0);
	assert_int_equal(row.media.state, MEDIA_GONE);
	assert_int_equal(row.media.size, 90);
	commit(f, tx);
	delete_media(f, id);
	row = (struct row){ .id = 0 };
	tx = begin(f);
	assert_int_equal(store_media_set_state(tx, id, MEDIA_READY, hash_of(5),
				 90, take_row, &row, &f->err),
		0);
	assert_int_equal(row.id, 0);
	commit(f, tx);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORE_TEST(a_row_comes_back_as_it_went_in),
		STORE_TEST(lists_hold_uploads_newest_first_and_count_them),
		STORE_TEST(deleting_takes_along_what_was_made_from_it),
		STORE_TEST(nobody_deletes_what_is_anothers),
		STORE_TEST(a_file_is_wanted_while_a_row_names_it),
		STORE_TEST(a_deleted_file_stays_while_a_message_waits_for_it),
		STORE_TEST(a_deleted_file_stays_while_a_campaign_goes_on),
		STORE_TEST(a_received_file_arrives_later),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
