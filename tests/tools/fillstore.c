/* Fills the store of an account up to N rows of a kind, as the daemons would
 * have written them, to see what lists cost then.  Prints JSON:
 *
 *	fillstore DB EMAIL DEVICE_UID N what...
 *
 * what: messages, attempts, scheduled, media, contacts, tags, campaign. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/clock.h"
#include "common/err.h"
#include "common/ids.h"
#include "common/own.h"
#include "common/store/account.h"
#include "common/store/addressbook.h"
#include "common/store/attempt.h"
#include "common/store/campaign.h"
#include "common/store/device.h"
#include "common/store/media.h"
#include "common/store/message.h"
#include "common/store/recipient.h"
#include "common/store/scheduled.h"
#include "common/store/webhook.h"

#define CHUNK 5000

struct fill {
	struct store *store;
	int64_t account_id, device_id;
	int64_t now_ms;
	int64_t parent_id;	 /* a segment's or campaign's row */
	char group_id[UUID_LEN]; /* public, of what was filled last */
	struct err err;
};

typedef int fill_fn(struct fill *fill, struct tx *tx, int64_t i);

static void check(int rc, const struct fill *fill)
{
	if (rc == 0)
		return;
	fprintf(stderr, "fillstore: %s\n", fill->err.msg);
	exit(1);
}

static struct tx *begin(struct fill *fill)
{
	struct tx *tx = tx_begin(fill->store, &fill->err);

	check(tx == NULL ? -1 : 0, fill);
	return tx;
}

static void phone_of(int64_t i, char out[16])
{
	snprintf(out, 16, "1%010" PRId64,
		INT64_C(2000000000) + i * 7919 % INT64_C(8000000000));
}

static int add_message(struct fill *fill, struct tx *tx, int64_t i)
{
	char uid[UUID_LEN], wa_id[WA_MSG_ID_LEN], phone[16], chat[48];
	bool duplicate;
	struct message message = { .account_id = fill->account_id,
		.device_id = fill->device_id,
		.kind = MESSAGE_TEXT,
		.source = MESSAGE_BY_API,
		.public_id = uid,
		.wa_id = wa_id,
		.chat = chat,
		.phone = phone,
		.text = "Hello, this is one message of very many.",
		.created_ms = fill->now_ms };
	struct message_change sent = {
		.wa_id = wa_id, .status = MESSAGE_SENT, .at_ms = fill->now_ms
	};

	id_uuid7(uid);
	phone_of(i % 5000, phone);
	snprintf(chat, sizeof(chat), "%s@s.whatsapp.net", phone);
	if (store_message_wa_id(tx, fill->device_id, wa_id, &fill->err) != 0 ||
		store_message_insert_out(
			tx, &message, &duplicate, &fill->err) != 0)
		return -1;
	return store_message_change(
		tx, fill->device_id, &sent, &duplicate, NULL, NULL, &fill->err);
}

static int add_attempt(struct fill *fill, struct tx *tx, int64_t i)
{
	const struct attempt attempt = { .account_id = fill->account_id,
		.device_id = fill->device_id,
		.event_id = 1,
		.url = "https://example.com/hook",
		.number = 1,
		.status = i % 100 == 0 ? ATTEMPT_FAILED : ATTEMPT_SUCCESS,
		.response_code = i % 100 == 0 ? 500 : 200,
		.started_ms = fill->now_ms,
		.duration_ms = 12 };

	return store_attempt_record(
		tx, &attempt, &(struct webhook_place){ 0 }, &fill->err);
}

static int add_scheduled(struct fill *fill, struct tx *tx, int64_t i)
{
	char uid[UUID_LEN], phone[16];
	int64_t id;
	const struct scheduled scheduled = { .public_id = uid,
		.account_id = fill->account_id,
		.device_id = fill->device_id,
		.phone = phone,
		.text = "Your appointment is tomorrow",
		.due_ms = fill->now_ms + INT64_C(86400000) * 365 + i,
		.status = SCHEDULED_PENDING,
		.created_ms = fill->now_ms,
		.updated_ms = fill->now_ms };

	id_uuid7(uid);
	phone_of(i, phone);
	return store_scheduled_create(tx, &scheduled, &id, &fill->err);
}

static int add_media(struct fill *fill, struct tx *tx, int64_t i)
{
	char uid[UUID_LEN];
	uint8_t sha256[32] = { 0 };
	struct media media = { .public_id = uid,
		.account_id = fill->account_id,
		.kind = i % 10 == 0 ? MEDIA_VIDEO : MEDIA_IMAGE,
		.state = MEDIA_READY,
		.sha256 = sha256,
		.size = 1000,
		.mime = "image/jpeg",
		.file_name = "picture.jpg",
		.created_ms = fill->now_ms };

	id_uuid7(uid);
	memcpy(sha256, &i, sizeof(i));
	return store_media_insert(tx, &media, &fill->err);
}

static int start_group(struct fill *fill, struct tx *tx)
{
	char name[64];
	struct segment group = { .public_id = fill->group_id,
		.account_id = fill->account_id,
		.kind = SEGMENT_GROUP,
		.name = name };

	id_uuid7(fill->group_id);
	snprintf(name, sizeof(name), "Everybody %s", fill->group_id);
	if (store_segment_create(tx, &group, fill->now_ms, &fill->err) != 0)
		return -1;
	fill->parent_id = group.id;
	return 0;
}

static int add_contact(struct fill *fill, struct tx *tx, int64_t i)
{
	static const char *const names[] = { "Ada", "Grace", "Edsger",
		"Barbara", "Donald", "Niklaus", "Frances", "Dennis" };
	char phone[16], name[48];
	const struct book_entry entry = {
		.account_id = fill->account_id, .phone = phone, .name = name
	};
	bool is_new, is_added;
	int64_t id;

	phone_of(i, phone);
	snprintf(name, sizeof(name), "%s %" PRId64, names[i % ARRAY_LEN(names)],
		i);
	if (store_book_put(
		    tx, &entry, fill->now_ms, &id, &is_new, &fill->err) != 0)
		return -1;
	return store_segment_add(
		tx, fill->parent_id, id, &is_added, &fill->err);
}

static int add_tag(struct fill *fill, struct tx *tx, int64_t i)
{
	char uid[UUID_LEN], name[64];
	struct segment tag = { .public_id = uid,
		.account_id = fill->account_id,
		.kind = SEGMENT_TAG,
		.name = name,
		.color = "#6366f1" };

	id_uuid7(uid);
	snprintf(name, sizeof(name), "Tag %" PRId64 " %s", i, uid);
	return store_segment_create(tx, &tag, fill->now_ms, &fill->err);
}

static int start_campaign(struct fill *fill, struct tx *tx)
{
	struct campaign campaign = { .public_id = fill->group_id,
		.account_id = fill->account_id,
		.name = fill->group_id,
		.kind = MESSAGE_TEXT,
		.text = "Hello",
		.audience = "{}",
		.failure_limit = 3 };

	id_uuid7(fill->group_id);
	if (store_campaign_create(tx, &campaign, &fill->device_id, 1,
		    fill->now_ms, &fill->err) != 0)
		return -1;
	fill->parent_id = campaign.id;
	return 0;
}

static int add_recipient(struct fill *fill, struct tx *tx, int64_t i)
{
	char phone[16];

	phone_of(i, phone);
	if (store_recipient_add(tx, fill->parent_id, i, 1, 0, phone, "Ada",
		    &fill->err) != 0)
		return -1;
	return store_recipient_added(tx, fill->parent_id, 1, &fill->err);
}

static int end_campaign(struct fill *fill, struct tx *tx)
{
	bool changed;

	if (store_campaign_ready(tx, fill->parent_id, CAMPAIGN_SCHEDULED,
		    fill->now_ms + INT64_C(86400000) * 365, fill->now_ms,
		    &fill->err) != 0)
		return -1;
	return store_campaign_pause(tx, fill->parent_id, "filled", fill->now_ms,
		&changed, &fill->err);
}

static const struct {
	const char *name;
	int (*start)(struct fill *fill, struct tx *tx);
	fill_fn *add;
	int (*end)(struct fill *fill, struct tx *tx);
} kinds[] = {
	{ "messages", NULL, add_message, NULL },
	{ "attempts", NULL, add_attempt, NULL },
	{ "scheduled", NULL, add_scheduled, NULL },
	{ "media", NULL, add_media, NULL },
	{ "contacts", start_group, add_contact, NULL },
	{ "tags", NULL, add_tag, NULL },
	{ "campaign", start_campaign, add_recipient, end_campaign },
};

static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void in_tx(struct fill *fill, int (*fn)(struct fill *, struct tx *))
{
	scoped(tx_end) struct tx *tx = NULL;

	if (fn == NULL)
		return;
	tx = begin(fill);
	check(fn(fill, tx), fill);
	check(tx_commit(tx, &fill->err), fill);
}

static void run(struct fill *fill, const char *what, int64_t n)
{
	const double began = seconds();
	size_t k = 0;

	while (k < ARRAY_LEN(kinds) && strcmp(kinds[k].name, what) != 0)
		k++;
	if (k == ARRAY_LEN(kinds)) {
		fprintf(stderr, "fillstore: what is \"%s\"?\n", what);
		exit(2);
	}
	fill->group_id[0] = '\0';
	in_tx(fill, kinds[k].start);
	for (int64_t i = 0; i < n;) {
		scoped(tx_end) struct tx *tx = begin(fill);

		for (int64_t end = i + CHUNK; i < n && i < end; i++)
			check(kinds[k].add(fill, tx, i), fill);
		check(tx_commit(tx, &fill->err), fill);
	}
	in_tx(fill, kinds[k].end);
	printf("{\"what\":\"%s\",\"rows\":%" PRId64 ",\"rows_per_second\":%.0f,"
	       "\"id\":\"%s\"}\n",
		what, n, (double)n / (seconds() - began), fill->group_id);
}

static int take_account(const struct account *account, void *arg)
{
	((struct fill *)arg)->account_id = account->id;
	return 0;
}

int main(int argc, char **argv)
{
	struct fill fill = { .now_ms = clock_now_ms() };

	if (argc < 6) {
		fprintf(stderr, "fillstore DB EMAIL DEVICE_UID N what...\n");
		return 2;
	}
	check(store_open(argv[1], STORE_WRITE, &fill.store, &fill.err), &fill);
	check(store_account_by_email(
		      fill.store, argv[2], take_account, &fill, &fill.err),
		&fill);
	check(store_device_id(fill.store, fill.account_id, argv[3],
		      &fill.device_id, &fill.err),
		&fill);
	for (int i = 5; i < argc; i++)
		run(&fill, argv[i], atoll(argv[4]));
	store_close(&fill.store);
	return 0;
}
