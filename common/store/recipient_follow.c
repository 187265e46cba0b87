/* A recipient follows its message.
 *
 * QUEUED -> SENT -> DELIVERED -> READ;  QUEUED, SENT -> FAILED.  Steps may be
 * left out, and what comes late or twice changes nothing: the message has
 * settled that (message.c), and the recipient's own state says which of it was
 * counted already.  But who waits to be tried again, and turns out to have the
 * message, is FAILED once more: nobody gets two. */
#include "common/store/recipient.h"

#include <string.h>

#include "common/err.h"
#include "common/own.h"
#include "common/store/campaign_impl.h"
#include "common/store/store_impl.h"

#define DEVICE_DELETED "device deleted"

/* 0: nothing is known of it yet. */
static enum recipient_status status_of(enum message_status status)
{
	switch (status) {
	case MESSAGE_SENT:
		return RECIPIENT_SENT;
	case MESSAGE_DELIVERED:
		return RECIPIENT_DELIVERED;
	case MESSAGE_READ:
	case MESSAGE_PLAYED:
		return RECIPIENT_READ;
	case MESSAGE_FAILED:
		return RECIPIENT_FAILED;
	case MESSAGE_QUEUED:
	case MESSAGE_RECEIVED:
		return 0;
	}
	return 0;
}

static bool may_become(enum recipient_status from, enum recipient_status to)
{
	if (from == RECIPIENT_PENDING || from == RECIPIENT_FAILED)
		return false;
	if (to == RECIPIENT_FAILED)
		return from == RECIPIENT_QUEUED || from == RECIPIENT_SENT;
	return to > from;
}

static bool is_there_after_all(const struct message *m)
{
	return m->status == MESSAGE_FAILED &&
	       (m->sent_ms != 0 || m->delivered_ms != 0 || m->read_ms != 0);
}

/* Failures after which the message may be with its recipient all the same: the
 * lane may have sent it, and nobody came to know; WhatsApp had taken it; or a
 * receipt came after all. */
static bool is_unsure(const struct message *m)
{
	if (m->status != MESSAGE_FAILED)
		return false;
	if (is_there_after_all(m))
		return true;
	return m->reason != NULL &&
	       (strcmp(m->reason, "expired") == 0 ||
		       strcmp(m->reason, DEVICE_DELETED) == 0);
}

/* ---- the row ---- */

struct following {
	int64_t id, campaign_id, message_id;
	enum recipient_status status;
	int64_t sent_ms, delivered_ms, read_ms, failed_ms;
};

/* 1, 0 = no such recipient, -1. */
static int load(
	struct tx *tx, int64_t id, struct following *out, struct err *err)
{
	scoped(query_close) struct query q = query_open(tx_db(tx),
		"SELECT campaign_id, message_id, status, sent_ms,"
		" delivered_ms, read_ms, failed_ms FROM recipient"
		" WHERE id = ?");
	int rc;

	query_bind_int(&q, id);
	rc = query_step(&q, err);
	if (rc != 1)
		return rc;
	out->id = id;
	out->campaign_id = query_int(&q);
	out->message_id = query_int(&q);
	out->status = (enum recipient_status)query_int(&q);
	out->sent_ms = query_int(&q);
	out->delivered_ms = query_int(&q);
	out->read_ms = query_int(&q);
	out->failed_ms = query_int(&q);
	return 1;
}

/* What was delivered was sent by then at the latest: a receipt may come before
 * the acknowledgement. */
static int64_t sent_ms_of(const struct message *m)
{
	if (m->sent_ms != 0)
		return m->sent_ms;
	return m->delivered_ms != 0 ? m->delivered_ms : m->read_ms;
}

static bool take_times(struct following *r, const struct message *m)
{
	const struct following before = *r;

	r->sent_ms = sent_ms_of(m);
	r->delivered_ms = m->delivered_ms;
	r->read_ms = m->read_ms;
	if (r->status == RECIPIENT_FAILED)
		r->failed_ms = m->failed_ms;
	return r->sent_ms != before.sent_ms ||
	       r->delivered_ms != before.delivered_ms ||
	       r->read_ms != before.read_ms || r->failed_ms != before.failed_ms;
}

static int save(struct tx *tx, const struct following *r, const char *error,
	bool unsure, struct err *err)
{
	scoped(query_close) struct query q = query_open(tx_db(tx),
		"UPDATE recipient SET status = ?1, sent_ms = ?2,"
		" delivered_ms = ?3, read_ms = ?4, failed_ms = ?5,"
		" sort_key = CASE WHEN ?1 <= 2 THEN position"
		" WHEN ?1 = 6 THEN ?5 ELSE ?2 END,"
		" error = ?6, is_unsure = CASE ?7 WHEN 1 THEN 1"
		" ELSE is_unsure END WHERE id = ?8");

	query_bind_int(&q, r->status);
	query_bind_int(&q, r->sent_ms);
	query_bind_int(&q, r->delivered_ms);
	query_bind_int(&q, r->read_ms);
	query_bind_int(&q, r->failed_ms);
	query_bind_text(&q, error);
	query_bind_int(&q, unsure);
	query_bind_int(&q, r->id);
	return query_run(&q, NULL, err);
}

/* ---- what follows for the campaign ---- */

/* When it happened: the latest time that the message tells. */
static int64_t latest_ms(const struct message *m)
{
	const int64_t times[] = { m->created_ms, m->sent_ms, m->delivered_ms,
		m->read_ms, m->failed_ms };
	int64_t latest = 0;

	for (size_t i = 0; i < ARRAY_LEN(times); i++)
		latest = times[i] > latest ? times[i] : latest;
	return latest;
}

static int left_queue(struct tx *tx, const struct following *r,
	const struct message *m, struct err *err)
{
	if (pace_in_flight(tx, m->device_id, -1, err) != 0)
		return -1;
	if (r->status != RECIPIENT_FAILED &&
		campaign_forget_failures(tx, r->campaign_id, err) != 0)
		return -1;
	return 0;
}

static int moved(struct tx *tx, const struct following *r,
	enum recipient_status from, const struct message *m, bool unsure,
	struct err *err)
{
	const bool was_queued = from == RECIPIENT_QUEUED;
	const int64_t at_ms = latest_ms(m);

	if (campaign_tally_move(tx, r->campaign_id, from, r->status, 1, err) !=
			0 ||
		(was_queued && left_queue(tx, r, m, err) != 0))
		return -1;
	/* A device that is lost says nothing of its recipients. */
	if (r->status == RECIPIENT_FAILED && !unsure &&
		campaign_count_failure(tx, r->campaign_id, at_ms, err) != 0)
		return -1;
	return was_queued ? campaign_settle(tx, r->campaign_id, at_ms, err) : 0;
}

/* ---- one that waits to be tried again, and has the message ---- */

static int set_message(struct tx *tx, const struct following *r,
	const struct message *m, struct err *err)
{
	scoped(query_close) struct query q = query_open(
		tx_db(tx), "UPDATE recipient SET message_id = ? WHERE id = ?");

	query_bind_int(&q, m->id);
	query_bind_int(&q, r->id);
	return query_run(&q, NULL, err);
}

/* As if the receipt had come before the retry. */
static int take_back(struct tx *tx, struct following *r,
	const struct message *m, struct err *err)
{
	r->status = RECIPIENT_FAILED;
	(void)take_times(r, m);
	if (set_message(tx, r, m, err) != 0 ||
		save(tx, r, m->reason, true, err) != 0 ||
		campaign_tally_move(tx, r->campaign_id, RECIPIENT_PENDING,
			RECIPIENT_FAILED, 1, err) != 0)
		return -1;
	return campaign_settle(tx, r->campaign_id, latest_ms(m), err);
}

static int follow(
	struct tx *tx, const struct message *m, bool unsure, struct err *err)
{
	const enum recipient_status to = status_of(m->status);
	enum recipient_status from;
	struct following r;
	int rc = load(tx, m->recipient_id, &r, err);

	if (rc != 1)
		return rc;
	if (r.status == RECIPIENT_PENDING && is_there_after_all(m))
		return take_back(tx, &r, m, err);
	/* It has another message by now, or waits for one. */
	if (r.message_id != m->id || to == 0)
		return 0;
	from = r.status;
	if (may_become(from, to))
		r.status = to;
	if (r.status != to || (!take_times(&r, m) && r.status == from))
		return 0;
	if (save(tx, &r, to == RECIPIENT_FAILED ? m->reason : NULL, unsure,
		    err) != 0)
		return -1;
	return r.status != from ? moved(tx, &r, from, m, unsure, err) : 0;
}

int store_recipient_follow(
	struct tx *tx, const struct message *message, struct err *err)
{
	return follow(tx, message, is_unsure(message), err);
}

/* ---- a device that is gone ---- */

/* One after the other: no more than the device's in_flight are there.  1, 0 =
 * none is left, -1. */
static int abandon_one(struct tx *tx, int64_t device_id, const char *reason,
	int64_t now_ms, int64_t *message_id_out, struct err *err)
{
	scoped(query_close) struct query q = query_open(tx_db(tx),
		"UPDATE message SET status = 6, reason = ?, failed_ms = ?"
		" WHERE id = (SELECT m.id FROM message m"
		" WHERE m.device_id = ? AND m.status = 1"
		" AND m.recipient_id IS NOT NULL"
		" ORDER BY m.device_seq LIMIT 1) RETURNING id");
	int rc;

	query_bind_text(&q, reason);
	query_bind_int(&q, now_ms);
	query_bind_int(&q, device_id);
	rc = query_step(&q, err);
	if (rc == 1)
		*message_id_out = query_int(&q);
	return rc;
}

struct abandoned {
	struct tx *tx;
	struct err *err;
	int rc;
};

static int follow_abandoned(const struct message *message, void *arg)
{
	struct abandoned *abandoned = arg;

	abandoned->rc = follow(abandoned->tx, message, true, abandoned->err);
	return 0;
}

int store_recipient_abandon(struct tx *tx, int64_t device_id,
	const char *reason, int64_t now_ms, struct err *err)
{
	struct abandoned abandoned = { tx, err, 0 };
	int64_t message_id = 0;
	int rc;

	while ((rc = abandon_one(tx, device_id, reason, now_ms, &message_id,
			err)) == 1) {
		if (store_message_by_id(tx_store(tx), message_id,
			    follow_abandoned, &abandoned, err) != 0 ||
			abandoned.rc != 0)
			return -1;
	}
	return rc;
}
