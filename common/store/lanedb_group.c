/* What a lane remembers of groups and of the status feed: their metadata, who
 * has our sender keys, whom a status was for.
 *
 * A sender key is of use to nobody once a device that must not read on has it:
 * whoever takes such a device off takes the key with it, so key and holders
 * are changed together here. */
#include "common/store/lanedb_impl.h"

#include <string.h>

#include "common/err.h"

/* One statement about one chat. */
static int chat_run(struct lanedb *db, const char *sql,
	const struct wa_jid *chat, struct err *err)
{
	char name[RECORD_NAME];

	if (lanedb_begin(db, err) != 0)
		return -1;
	scoped(query_close) struct query q = query_open(&db->db, sql);

	record_name(chat, name);
	query_bind_text(&q, name);
	return query_run(&q, NULL, err);
}

/* ---- metadata ---- */

int lanedb_group_load(struct lanedb *db, const struct wa_jid *group,
	struct buf *out, int64_t *fetched_ms_out, struct err *err)
{
	scoped(query_close) struct query q = query_open(&db->db,
		"SELECT fetched_ms, sealed FROM group_info WHERE jid = ?");
	char name[RECORD_NAME];
	const void *sealed;
	size_t n;
	int rc;

	record_name(group, name);
	query_bind_text(&q, name);
	rc = query_step(&q, err);
	if (rc != 1)
		return rc;
	*fetched_ms_out = query_int(&q);
	sealed = query_blob(&q, &n);
	return lanedb_unseal(db, lanedb_place(db, "group %s", name), sealed, n,
		       out, err) == 0
		       ? 1
		       : -1;
}

int lanedb_group_save(struct lanedb *db, const struct wa_jid *group,
	const void *bytes, size_t n, int64_t now_ms, struct err *err)
{
	char name[RECORD_NAME];

	if (lanedb_begin(db, err) != 0)
		return -1;
	scoped(query_close) struct query q = query_open(&db->db,
		"INSERT INTO group_info (jid, sealed, fetched_ms)"
		" VALUES (?, ?, ?) ON CONFLICT (jid) DO UPDATE SET"
		" sealed = excluded.sealed, fetched_ms = excluded.fetched_ms");

	record_name(group, name);
	lanedb_seal(db, lanedb_place(db, "group %s", name), bytes, n);
	query_bind_text(&q, name);
	query_bind_blob(&q, db->scratch.data, db->scratch.len);
	query_bind_int(&q, now_ms);
	return query_run(&q, NULL, err);
}

int lanedb_group_expire(
	struct lanedb *db, const struct wa_jid *group, struct err *err)
{
	return chat_run(db,
		"UPDATE group_info SET fetched_ms = 0 WHERE jid = ?", group,
		err);
}

int lanedb_group_forget(
	struct lanedb *db, const struct wa_jid *group, struct err *err)
{
	return chat_run(db, "DELETE FROM group_info WHERE jid = ?", group, err);
}

/* ---- our sender keys and who has them ---- */

int lanedb_holders_clear(
	struct lanedb *db, const struct wa_jid *chat, struct err *err)
{
	return chat_run(db, "DELETE FROM key_holder WHERE chat = ?", chat, err);
}

int lanedb_sender_key_delete(struct lanedb *db, const struct wa_jid *group,
	const struct wa_jid *sender, struct err *err)
{
	char chat[RECORD_NAME], name[RECORD_NAME];

	if (lanedb_holders_clear(db, group, err) != 0)
		return -1;
	scoped(query_close) struct query q = query_open(&db->db,
		"DELETE FROM sender_key"
		" WHERE chat = ? AND name = ? AND device = ?");

	record_name(group, chat);
	record_name(sender, name);
	query_bind_text(&q, chat);
	query_bind_text(&q, name);
	query_bind_int(&q, sender->device);
	return query_run(&q, NULL, err);
}

int lanedb_sender_keys_forget(
	struct lanedb *db, const struct wa_jid *group, struct err *err)
{
	if (lanedb_holders_clear(db, group, err) != 0)
		return -1;
	return chat_run(
		db, "DELETE FROM sender_key WHERE chat = ?", group, err);
}

/* Runs @sql with the device bound first, then the sender if there is one. */
static int device_run(struct lanedb *db, const char *sql,
	const struct wa_jid *device, const struct wa_jid *sender,
	struct err *err)
{
	char name[RECORD_NAME], sender_name[RECORD_NAME];

	if (lanedb_begin(db, err) != 0)
		return -1;
	scoped(query_close) struct query q = query_open(&db->db, sql);

	record_name(device, name);
	query_bind_text(&q, name);
	query_bind_int(&q, device->device);
	if (sender != NULL) {
		record_name(sender, sender_name);
		query_bind_text(&q, sender_name);
		query_bind_int(&q, sender->device);
	}
	return query_run(&q, NULL, err);
}

int lanedb_sender_keys_revoke(struct lanedb *db, const struct wa_jid *sender,
	const struct wa_jid *device, struct err *err)
{
	if (device_run(db,
		    "DELETE FROM sender_key WHERE chat IN (SELECT chat FROM"
		    " key_holder WHERE name = ? AND device = ?)"
		    " AND name = ? AND device = ?",
		    device, sender, err) != 0)
		return -1;
	return device_run(db,
		"DELETE FROM key_holder WHERE chat IN (SELECT chat FROM"
		" key_holder WHERE name = ? AND device = ?)",
		device, NULL, err);
}

static int holder_find(struct lanedb *db, const char *sql,
	const struct wa_jid *chat, const struct wa_jid *device, bool exactly,
	struct err *err)
{
	scoped(query_close) struct query q = query_open(&db->db, sql);
	char chat_name[RECORD_NAME], name[RECORD_NAME];

	record_name(chat, chat_name);
	record_name(device, name);
	query_bind_text(&q, chat_name);
	query_bind_text(&q, name);
	if (exactly)
		query_bind_int(&q, device->device);
	return query_step(&q, err);
}

int lanedb_holder_has(struct lanedb *db, const struct wa_jid *chat,
	const struct wa_jid *device, struct err *err)
{
	return holder_find(db,
		"SELECT 1 FROM key_holder"
		" WHERE chat = ? AND name = ? AND device = ?",
		chat, device, true, err);
}

int lanedb_holder_has_user(struct lanedb *db, const struct wa_jid *chat,
	const struct wa_jid *user, struct err *err)
{
	return holder_find(db,
		"SELECT 1 FROM key_holder WHERE chat = ? AND name = ? LIMIT 1",
		chat, user, false, err);
}

static int holder_run(struct lanedb *db, const char *sql,
	const struct wa_jid *chat, const struct wa_jid *device, struct err *err)
{
	char chat_name[RECORD_NAME], name[RECORD_NAME];

	if (lanedb_begin(db, err) != 0)
		return -1;
	scoped(query_close) struct query q = query_open(&db->db, sql);

	record_name(chat, chat_name);
	record_name(device, name);
	query_bind_text(&q, chat_name);
	query_bind_text(&q, name);
	query_bind_int(&q, device->device);
	return query_run(&q, NULL, err);
}

int lanedb_holder_add(struct lanedb *db, const struct wa_jid *chat,
	const struct wa_jid *device, struct err *err)
{
	return holder_run(db,
		"INSERT INTO key_holder (chat, name, device) VALUES (?, ?, ?)"
		" ON CONFLICT (chat, name, device) DO NOTHING",
		chat, device, err);
}

int lanedb_holder_remove(struct lanedb *db, const struct wa_jid *chat,
	const struct wa_jid *device, struct err *err)
{
	return holder_run(db,
		"DELETE FROM key_holder"
		" WHERE chat = ? AND name = ? AND device = ?",
		chat, device, err);
}

int lanedb_holder_each(struct lanedb *db, const struct wa_jid *chat,
	int (*fn)(const struct wa_jid *device, void *arg), void *arg,
	struct err *err)
{
	scoped(query_close) struct query q = query_open(&db->db,
		"SELECT name, device FROM key_holder WHERE chat = ?"
		" ORDER BY name, device");
	char chat_name[RECORD_NAME];
	int rc;

	record_name(chat, chat_name);
	query_bind_text(&q, chat_name);
	while ((rc = query_step(&q, err)) == 1) {
		const char *name = query_text(&q);
		struct wa_jid device;

		if (name == NULL ||
			wa_jid_parse(name, strlen(name), &device) != 0)
			return err_set(err, ERR_IO, "key_holder: damaged row");
		device = wa_jid_with_device(&device, (unsigned)query_int(&q));
		if (fn(&device, arg) != 0)
			return 0;
	}
	return rc;
}

int lanedb_holder_forget(
	struct lanedb *db, const struct wa_jid *device, struct err *err)
{
	return device_run(db,
		"DELETE FROM key_holder WHERE name = ? AND device = ?", device,
		NULL, err);
}

int lanedb_holder_forget_user(
	struct lanedb *db, const struct wa_jid *user, struct err *err)
{
	return chat_run(db, "DELETE FROM key_holder WHERE name = ?", user, err);
}

/* ---- whom a status was for ---- */

int lanedb_audience_save(struct lanedb *db, const char *wa_id,
	const void *bytes, size_t n, int64_t now_ms, struct err *err)
{
	if (lanedb_begin(db, err) != 0)
		return -1;
	scoped(query_close) struct query q = query_open(&db->db,
		"INSERT INTO audience (wa_id, sealed, at_ms) VALUES (?, ?, ?)"
		" ON CONFLICT (wa_id) DO UPDATE SET"
		" sealed = excluded.sealed, at_ms = excluded.at_ms");

	lanedb_seal(db, lanedb_place(db, "audience %s", wa_id), bytes, n);
	query_bind_text(&q, wa_id);
	query_bind_blob(&q, db->scratch.data, db->scratch.len);
	query_bind_int(&q, now_ms);
	return query_run(&q, NULL, err);
}

int lanedb_audience_load(
	struct lanedb *db, const char *wa_id, struct buf *out, struct err *err)
{
	scoped(query_close) struct query q = query_open(
		&db->db, "SELECT sealed FROM audience WHERE wa_id = ?");
	const void *sealed;
	size_t n;
	int rc;

	query_bind_text(&q, wa_id);
	rc = query_step(&q, err);
	if (rc != 1)
		return rc;
	sealed = query_blob(&q, &n);
	return lanedb_unseal(db, lanedb_place(db, "audience %s", wa_id), sealed,
		       n, out, err) == 0
		       ? 1
		       : -1;
}
