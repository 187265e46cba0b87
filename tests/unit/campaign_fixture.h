/* Campaigns in a store of a test's own. */
#ifndef TESTS_UNIT_CAMPAIGN_FIXTURE_H
#define TESTS_UNIT_CAMPAIGN_FIXTURE_H

#include "common/store/campaign.h"
#include "common/store/recipient.h"
#include "tests/unit/store_fixture.h"

#define FAILURE_LIMIT 3

/* PREPARING, on both devices of the fixture, with @n recipients. */
static inline int64_t add_prepared(
	struct fixture *f, const char *name, int64_t n, int n_lanes)
{
	const int64_t devices[] = { f->device_id, f->second_device_id };
	char uuid[UUID_LEN], phone[20];
	struct campaign campaign = { .public_id = uuid,
		.account_id = f->account_id,
		.name = name,
		.kind = MESSAGE_TEXT,
		.text = "hello",
		.audience = "{\"groups\":[],\"tags\":[],\"phones\":[]}",
		.failure_limit = FAILURE_LIMIT };
	struct tx *tx = begin(f);

	id_uuid7(uuid);
	assert_int_equal(store_campaign_create(tx, &campaign, devices, n_lanes,
				 NOW_MS, &f->err),
		0);
	for (int64_t i = 0; i < n; i++) {
		snprintf(phone, sizeof(phone), "1555%07d", (int)i);
		assert_int_equal(store_recipient_add(tx, campaign.id, i,
					 n_lanes, 0, phone, NULL, &f->err),
			0);
	}
	assert_int_equal(store_recipient_added(tx, campaign.id, n, &f->err), 0);
	commit(f, tx);
	return campaign.id;
}

static inline int64_t add_running(
	struct fixture *f, const char *name, int64_t n, int n_lanes)
{
	const int64_t id = add_prepared(f, name, n, n_lanes);
	struct tx *tx = begin(f);

	assert_int_equal(store_campaign_ready(
				 tx, id, CAMPAIGN_RUNNING, 0, NOW_MS, &f->err),
		0);
	commit(f, tx);
	return id;
}

struct campaign_seen {
	struct campaign campaign;
	char public_id[UUID_LEN], name[64], reason[128];
	int n;
};

static inline int see_campaign(const struct campaign *campaign, void *arg)
{
	struct campaign_seen *seen = arg;

	seen->campaign = *campaign;
	snprintf(seen->public_id, UUID_LEN, "%s", campaign->public_id);
	snprintf(seen->name, sizeof(seen->name), "%s", campaign->name);
	snprintf(seen->reason, sizeof(seen->reason), "%s",
		campaign->reason != NULL ? campaign->reason : "");
	seen->n++;
	return 0;
}

static inline struct campaign_seen see(struct fixture *f, int64_t id)
{
	struct campaign_seen seen = { .n = 0 };

	assert_int_equal(store_campaign_by_id(
				 f->store, id, see_campaign, &seen, &f->err),
		0);
	assert_int_equal(seen.n, 1);
	return seen;
}

static inline int keep_recipient(const struct recipient_row *row, void *arg)
{
	*(struct recipient_row *)arg = *row;
	return 0;
}

/* A message of a recipient, handed over. */
static inline struct outgoing hand_over(struct fixture *f, struct tx *tx,
	int64_t recipient_id, int lane, int64_t device_id, bool *changed)
{
	struct outgoing out = { .duplicate = false };

	id_uuid7(out.public_id);
	assert_int_equal(
		store_message_wa_id(tx, device_id, out.wa_id, &f->err), 0);
	out.message = (struct message){ .account_id = f->account_id,
		.device_id = device_id,
		.public_id = out.public_id,
		.wa_id = out.wa_id,
		.chat = "15550002222@s.whatsapp.net",
		.phone = "15550002222",
		.text = "hello",
		.kind = MESSAGE_TEXT,
		.source = MESSAGE_BY_CAMPAIGN,
		.recipient_id = recipient_id,
		.created_ms = NOW_MS };
	assert_int_equal(store_message_insert_out(
				 tx, &out.message, &out.duplicate, &f->err),
		0);
	assert_int_equal(store_recipient_queue(tx, recipient_id, lane,
				 device_id, out.message.id, changed, &f->err),
		0);
	return out;
}

/* The next one of a lane. */
static inline struct outgoing queue_next(
	struct fixture *f, int64_t campaign_id, int lane)
{
	const int64_t device_id =
		lane == 0 ? f->device_id : f->second_device_id;
	struct recipient_row row;
	struct tx *tx = begin(f);
	struct outgoing out;
	bool changed;

	assert_int_equal(store_recipient_next(f->store, campaign_id, lane,
				 keep_recipient, &row, &f->err),
		1);
	out = hand_over(f, tx, row.id, lane, device_id, &changed);
	assert_true(changed);
	commit(f, tx);
	return out;
}

static inline void tell(struct fixture *f, const struct outgoing *out,
	enum message_status status, int64_t at_ms, const char *reason)
{
	const struct message_change change = { .wa_id = out->wa_id,
		.status = status,
		.at_ms = at_ms,
		.reason = reason };
	struct tx *tx = begin(f);
	bool changed;

	assert_int_equal(store_message_change(tx, out->message.device_id,
				 &change, &changed, NULL, NULL, &f->err),
		0);
	commit(f, tx);
}

#endif
