#include "common/store/recipient.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/err.h"
#include "common/own.h"
#include "common/store/campaign_impl.h"
#include "common/store/store_impl.h"
#include "common/wa/crypto.h"

static_assert(RECIPIENT_PENDING == 1 && RECIPIENT_QUEUED == 2 &&
		      RECIPIENT_SENT == 3 && RECIPIENT_DELIVERED == 4 &&
		      RECIPIENT_READ == 5 && RECIPIENT_FAILED == 6,
	"stored numbers never change; SQL says all of them");

static const struct {
	enum recipient_status status;
	const char *name;
} statuses[] = {
	{ RECIPIENT_PENDING, "PENDING" },
	{ RECIPIENT_SENT, "SENT" },
	{ RECIPIENT_DELIVERED, "DELIVERED" },
	{ RECIPIENT_READ, "READ" },
	{ RECIPIENT_FAILED, "FAILED" },
	{ RECIPIENT_QUEUED, "PENDING" },
};

const char *recipient_status_name(enum recipient_status status)
{
	for (size_t i = 0; i < ARRAY_LEN(statuses); i++) {
		if (statuses[i].status == status)
			return statuses[i].name;
	}
	return "UNKNOWN";
}

enum recipient_status recipient_status_parse(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(statuses); i++) {
		if (strcmp(statuses[i].name, name) == 0)
			return statuses[i].status;
	}
	return 0;
}

/* RFC 9562: version 8 leaves all bits but its own six to us. */
void recipient_public_id(
	const char *campaign_public_id, int64_t position, char out[UUID_LEN])
{
	char name[UUID_LEN + 24];
	uint8_t hash[32];

	snprintf(name, sizeof(name), "%.36s/%" PRId64, campaign_public_id,
		position);
	wa_sha256((const uint8_t *)name, strlen(name), hash);
	hash[6] = (uint8_t)((hash[6] & 0x0f) | 0x80);
	hash[8] = (uint8_t)((hash[8] & 0x3f) | 0x80);
	snprintf(out, UUID_LEN,
		"%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-"
		"%02x%02x%02x%02x%02x%02x",
		hash[0], hash[1], hash[2], hash[3], hash[4], hash[5], hash[6],
		hash[7], hash[8], hash[9], hash[10], hash[11], hash[12],
		hash[13], hash[14], hash[15]);
}

struct recipient_row recipient_from_row(struct query *q)
{
	struct recipient_row r = { 0 };

	r.id = query_int(q);
	r.campaign_id = query_int(q);
	r.position = query_int(q);
	r.lane = (int)query_int(q);
	r.contact_id = query_int(q);
	r.phone = query_text(q);
	r.name = query_text(q);
	r.status = (enum recipient_status)query_int(q);
	r.message_id = query_int(q);
	r.n_attempts = (int)query_int(q);
	r.is_unsure = query_int(q) != 0;
	r.error = query_text(q);
	r.sent_ms = query_int(q);
	r.delivered_ms = query_int(q);
	r.read_ms = query_int(q);
	r.failed_ms = query_int(q);
	return r;
}

/* ---- the queue ---- */

int store_recipient_add(struct tx *tx, int64_t campaign_id, int64_t position,
	int n_lanes, int64_t contact_id, const char *phone, const char *name,
	struct err *err)
{
	scoped(query_close) struct query q = query_open(tx_db(tx),
		"INSERT INTO recipient (campaign_id, position, lane,"
		" contact_id, phone, name, status, sort_key, n_attempts,"
		" is_unsure, sent_ms, delivered_ms, read_ms, failed_ms)"
		" VALUES (?1, ?2, ?3, ?4, ?5, ?6, 1, ?2, 0, 0, 0, 0, 0, 0)");

	assert(n_lanes > 0);
	query_bind_int(&q, campaign_id);
	query_bind_int(&q, position);
	query_bind_int(&q, position % n_lanes);
	query_bind_int_or_null(&q, contact_id);
	query_bind_text(&q, phone);
	query_bind_text(&q, name);
	return query_run(&q, NULL, err);
}

int store_recipient_added(
	struct tx *tx, int64_t campaign_id, int64_t n, struct err *err)
{
	return campaign_tally_move(
		tx, campaign_id, 0, RECIPIENT_PENDING, n, err);
}

int store_recipient_next(struct store *store, int64_t campaign_id, int lane,
	recipient_row_fn *row, void *arg, struct err *err)
{
	scoped(query_close) struct query q = query_open(store_db(store),
		RECIPIENT_SELECT " WHERE r.campaign_id = ? AND r.lane = ?"
				 " AND r.status = 1"
				 " ORDER BY r.position LIMIT 1");
	struct recipient_row recipient;
	int rc;

	query_bind_int(&q, campaign_id);
	query_bind_int(&q, lane);
	rc = query_step(&q, err);
	if (rc != 1)
		return rc;
	recipient = recipient_from_row(&q);
	row(&recipient, arg);
	return 1;
}

/* PENDING becomes QUEUED: 1 and the campaign, 0 = it may not, -1. */
static int mark_queued(struct tx *tx, int64_t id, int lane, int64_t message_id,
	int64_t *campaign_id_out, struct err *err)
{
	scoped(query_close) struct query q = query_open(tx_db(tx),
		"UPDATE recipient SET status = 2, lane = ?, message_id = ?,"
		" n_attempts = n_attempts + 1 WHERE id = ? AND status = 1"
		" AND (SELECT c.status FROM campaign c"
		" WHERE c.id = recipient.campaign_id) = 3"
		" RETURNING campaign_id");
	int rc;

	query_bind_int(&q, lane);
	query_bind_int(&q, message_id);
	query_bind_int(&q, id);
	rc = query_step(&q, err);
	if (rc == 1)
		*campaign_id_out = query_int(&q);
	return rc;
}

int store_recipient_queue(struct tx *tx, int64_t id, int lane,
	int64_t device_id, int64_t message_id, bool *changed, struct err *err)
{
	int64_t campaign_id;
	int rc = mark_queued(tx, id, lane, message_id, &campaign_id, err);

	*changed = rc == 1;
	if (rc != 1)
		return rc;
	if (campaign_tally_move(tx, campaign_id, RECIPIENT_PENDING,
		    RECIPIENT_QUEUED, 1, err) != 0)
		return -1;
	return pace_in_flight(tx, device_id, 1, err);
}

static int mark_failed(struct tx *tx, int64_t id, const char *error,
	int64_t now_ms, int64_t *campaign_id_out, struct err *err)
{
	scoped(query_close) struct query q = query_open(tx_db(tx),
		"UPDATE recipient SET status = 6, error = ?1, failed_ms = ?2,"
		" sort_key = ?2, n_attempts = n_attempts + 1"
		" WHERE id = ?3 AND status = 1 RETURNING campaign_id");
	int rc;

	query_bind_text(&q, error);
	query_bind_int(&q, now_ms);
	query_bind_int(&q, id);
	rc = query_step(&q, err);
	if (rc == 1)
		*campaign_id_out = query_int(&q);
	return rc;
}

int store_recipient_fail(struct tx *tx, int64_t id, const char *error,
	int64_t now_ms, struct err *err)
{
	int64_t campaign_id;
	int rc = mark_failed(tx, id, error, now_ms, &campaign_id, err);

	if (rc != 1)
		return rc;
	if (campaign_tally_move(tx, campaign_id, RECIPIENT_PENDING,
		    RECIPIENT_FAILED, 1, err) != 0 ||
		campaign_count_failure(tx, campaign_id, now_ms, err) != 0)
		return -1;
	return campaign_settle(tx, campaign_id, now_ms, err);
}
