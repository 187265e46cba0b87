#include "common/store/device.h"

#include <assert.h>

#include "common/buf.h"
#include "common/err.h"
#include "common/own.h"
#include "common/store/message.h"
#include "common/store/recipient.h"
#include "common/store/store_impl.h"

static_assert(DEVICE_PAIRING == 1 && DEVICE_CONNECTED == 2 &&
		      DEVICE_DISCONNECTED == 3 && DEVICE_LOGGED_OUT == 4 &&
		      DEVICE_BANNED == 5,
	"stored numbers never change");

const char *device_status_name(enum device_status status)
{
	switch (status) {
	case DEVICE_PAIRING:
		return "PAIRING";
	case DEVICE_CONNECTED:
		return "CONNECTED";
	case DEVICE_DISCONNECTED:
		return "DISCONNECTED";
	case DEVICE_LOGGED_OUT:
		return "LOGGED_OUT";
	case DEVICE_BANNED:
		return "BANNED";
	}
	return "UNKNOWN";
}

#define DEVICE_SELECT                                                         \
	"SELECT d.id, d.account_id, d.uid, d.name, d.status, d.phone, d.jid," \
	" d.lid, d.push_name, d.lane_state, d.lane_reason, d.lane_since_ms,"  \
	" d.last_frame_ms, d.created_ms, d.linked_ms, d.deleted_ms,"          \
	" t.job_seq, t.event_seq, d.health, d.health_reason,"                 \
	" d.cold_chats_until_ms, d.cold_chats_reason FROM device d"           \
	" JOIN device_tally t ON t.device_id = d.id"

static struct device device_from_row(struct query *q)
{
	struct device device = { 0 };

	device.id = query_int(q);
	device.account_id = query_int(q);
	device.uid = query_text(q);
	device.name = query_text(q);
	device.status = (enum device_status)query_int(q);
	device.phone = query_text(q);
	device.jid = query_text(q);
	device.lid = query_text(q);
	device.push_name = query_text(q);
	device.lane_state = query_text(q);
	device.lane_reason = query_text(q);
	device.lane_since_ms = query_int(q);
	device.last_frame_ms = query_int(q);
	device.created_ms = query_int(q);
	device.linked_ms = query_int(q);
	device.deleted_ms = query_int(q);
	device.job_seq = query_int(q);
	device.event_seq = query_int(q);
	device.health = query_text(q);
	device.health_reason = query_text(q);
	device.cold_chats_until_ms = query_int(q);
	device.cold_chats_reason = query_text(q);
	return device;
}

static int device_insert(struct db *db, const struct device *device,
	int64_t *id_out, struct err *err)
{
	scoped(query_close) struct query q = query_open(db,
		"INSERT INTO device (account_id, uid, name, status, phone,"
		" jid, lid, push_name, lane_state, lane_reason, lane_since_ms,"
		" last_frame_ms, created_ms, linked_ms, deleted_ms) VALUES"
		" (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0)");

	query_bind_int(&q, device->account_id);
	query_bind_text(&q, device->uid);
	query_bind_text(&q, device->name);
	query_bind_int(&q, device->status);
	query_bind_text(&q, device->phone);
	query_bind_text(&q, device->jid);
	query_bind_text(&q, device->lid);
	query_bind_text(&q, device->push_name);
	query_bind_text(&q, device->lane_state);
	query_bind_text(&q, device->lane_reason);
	query_bind_int(&q, device->lane_since_ms);
	query_bind_int(&q, device->last_frame_ms);
	query_bind_int(&q, device->created_ms);
	query_bind_int(&q, device->linked_ms);
	return query_insert(&q, id_out, err) < 0 ? -1 : 0;
}

int store_device_create(struct tx *tx, const struct device *device,
	int64_t *id_out, struct err *err)
{
	scoped(query_close) struct query tally = query_open(tx_db(tx),
		"INSERT INTO device_tally (device_id, account_id)"
		" VALUES (?, ?)");

	if (device_insert(tx_db(tx), device, id_out, err) != 0)
		return -1;
	query_bind_int(&tally, *id_out);
	query_bind_int(&tally, device->account_id);
	return query_run(&tally, NULL, err);
}

/* ---- reading ---- */

static int device_rows(
	struct query *q, device_row_fn *row, void *arg, struct err *err)
{
	struct device device;
	int rc;

	while ((rc = query_step(q, err)) == 1) {
		device = device_from_row(q);
		if (row(&device, arg) != 0)
			return 0;
	}
	return rc;
}

static int device_one(
	struct query *q, device_row_fn *row, void *arg, struct err *err)
{
	struct device device;

	if (query_one(q, "device", err) != 0)
		return -1;
	device = device_from_row(q);
	row(&device, arg);
	return 0;
}

int store_device_list(struct store *store, int64_t account_id,
	device_row_fn *row, void *arg, struct err *err)
{
	scoped(query_close) struct query q = query_open(store_db(store),
		DEVICE_SELECT " WHERE d.account_id = ? AND d.deleted_ms = 0"
			      " ORDER BY d.id");

	query_bind_int(&q, account_id);
	return device_rows(&q, row, arg, err);
}

int store_device_all(
	struct store *store, device_row_fn *row, void *arg, struct err *err)
{
	scoped(query_close) struct query q = query_open(store_db(store),
		DEVICE_SELECT " WHERE d.deleted_ms = 0 ORDER BY d.id");

	return device_rows(&q, row, arg, err);
}

int store_device_by_uid(struct store *store, const char *uid,
	device_row_fn *row, void *arg, struct err *err)
{
	scoped(query_close) struct query q = query_open(store_db(store),
		DEVICE_SELECT " WHERE d.uid = ? AND d.deleted_ms = 0");

	query_bind_text(&q, uid);
	return device_one(&q, row, arg, err);
}

int store_device_by_id(struct store *store, int64_t id, device_row_fn *row,
	void *arg, struct err *err)
{
	scoped(query_close) struct query q =
		query_open(store_db(store), DEVICE_SELECT " WHERE d.id = ?");

	query_bind_int(&q, id);
	return device_one(&q, row, arg, err);
}

int store_device_id(struct store *store, int64_t account_id, const char *uid,
	int64_t *id_out, struct err *err)
{
	scoped(query_close) struct query q = query_open(store_db(store),
		"SELECT id FROM device"
		" WHERE uid = ? AND account_id = ? AND deleted_ms = 0");

	query_bind_text(&q, uid);
	query_bind_int(&q, account_id);
	if (query_one(&q, "device", err) != 0)
		return -1;
	*id_out = query_int(&q);
	return 0;
}

/* ---- changing ---- */

static int set_health(struct tx *tx, int64_t device_id,
	const struct device_state *state, struct err *err)
{
	scoped(query_close) struct query q = query_open(tx_db(tx),
		"UPDATE device SET health = ?, health_reason = ?"
		" WHERE id = ? AND deleted_ms = 0");

	query_bind_text(&q, state->health);
	query_bind_text(&q, state->health_reason);
	query_bind_int(&q, device_id);
	return query_run(&q, NULL, err);
}

static int set_cold_chats(struct tx *tx, int64_t device_id,
	const struct device_state *state, struct err *err)
{
	scoped(query_close) struct query q = query_open(tx_db(tx),
		"UPDATE device SET cold_chats_until_ms = ?,"
		" cold_chats_reason = ? WHERE id = ? AND deleted_ms = 0");

	query_bind_int(&q, state->cold_chats_until_ms);
	query_bind_text(&q, state->cold_chats_reason);
	query_bind_int(&q, device_id);
	return query_run(&q, NULL, err);
}

int store_device_set_proxy(struct tx *tx, int64_t device_id, const void *sealed,
	size_t n, struct err *err)
{
	scoped(query_close) struct query q = query_open(
		tx_db(tx), "UPDATE device SET proxy = ? WHERE id = ?");

	if (n > 0)
		query_bind_blob(&q, sealed, n);
	else
		query_bind_text(&q, NULL);
	query_bind_int(&q, device_id);
	return query_run(&q, NULL, err);
}

int store_device_proxy(struct store *store, int64_t device_id, struct buf *out,
	struct err *err)
{
	scoped(query_close) struct query q = query_open(store_db(store),
		"SELECT proxy FROM device"
		" WHERE id = ? AND proxy IS NOT NULL");
	const void *sealed;
	size_t n;
	int rc;

	query_bind_int(&q, device_id);
	rc = query_step(&q, err);
	if (rc != 1)
		return rc;
	sealed = query_blob(&q, &n);
	buf_add(out, sealed, n);
	return 1;
}

int store_device_set_state(struct tx *tx, int64_t device_id,
	const struct device_state *state, struct err *err)
{
	scoped(query_close) struct query q = query_open(tx_db(tx),
		"UPDATE device SET"
		" status = COALESCE(?, status),"
		" lane_state = COALESCE(?, lane_state),"
		" lane_reason = COALESCE(?, lane_reason),"
		" lane_since_ms = COALESCE(?, lane_since_ms),"
		" phone = COALESCE(?, phone),"
		" jid = COALESCE(?, jid),"
		" lid = COALESCE(?, lid),"
		" push_name = COALESCE(?, push_name),"
		" linked_ms = COALESCE(?, linked_ms),"
		" last_frame_ms = COALESCE(?, last_frame_ms)"
		" WHERE id = ? AND deleted_ms = 0");

	query_bind_int_or_null(&q, state->status);
	query_bind_text(&q, state->lane_state);
	query_bind_text(&q, state->lane_reason);
	query_bind_int_or_null(&q, state->since_ms);
	query_bind_text(&q, state->phone);
	query_bind_text(&q, state->jid);
	query_bind_text(&q, state->lid);
	query_bind_text(&q, state->push_name);
	query_bind_int_or_null(&q, state->linked_ms);
	query_bind_int_or_null(&q, state->last_frame_ms);
	query_bind_int(&q, device_id);
	if (query_run(&q, NULL, err) != 0)
		return -1;
	if (state->health != NULL && set_health(tx, device_id, state, err) != 0)
		return -1;
	return state->cold_chats_until_ms < 0
		       ? 0
		       : set_cold_chats(tx, device_id, state, err);
}

static int device_mark_deleted(
	struct db *db, int64_t device_id, int64_t now_ms, struct err *err)
{
	scoped(query_close) struct query q = query_open(db,
		"UPDATE device SET status = ?, phone = NULL, jid = NULL,"
		" lid = NULL, deleted_ms = ? WHERE id = ? AND deleted_ms = 0");
	int n;

	query_bind_int(&q, DEVICE_LOGGED_OUT);
	query_bind_int(&q, now_ms);
	query_bind_int(&q, device_id);
	if (query_run(&q, &n, err) != 0)
		return -1;
	return n == 1 ? 0 : err_set(err, ERR_NOT_FOUND, "device not found");
}

static int device_fail_queue(
	struct db *db, int64_t device_id, int64_t now_ms, struct err *err)
{
	scoped(query_close) struct query q = query_open(db,
		"UPDATE message SET status = ?, reason = 'device deleted',"
		" failed_ms = ? WHERE device_id = ? AND status = 1");

	query_bind_int(&q, MESSAGE_FAILED);
	query_bind_int(&q, now_ms);
	query_bind_int(&q, device_id);
	return query_run(&q, NULL, err);
}

int store_device_delete(
	struct tx *tx, int64_t device_id, int64_t now_ms, struct err *err)
{
	scoped(query_close) struct query webhooks = query_open(
		tx_db(tx), "DELETE FROM webhook WHERE device_id = ?");

	/* Recipients of campaigns hear of their messages one by one. */
	if (device_mark_deleted(tx_db(tx), device_id, now_ms, err) != 0 ||
		store_recipient_abandon(
			tx, device_id, "device deleted", now_ms, err) != 0 ||
		device_fail_queue(tx_db(tx), device_id, now_ms, err) != 0)
		return -1;
	query_bind_int(&webhooks, device_id);
	return query_run(&webhooks, NULL, err);
}
