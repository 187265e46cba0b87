/* Who is who for a lane: PN and LID of one account, its devices, its name and
 * token. */
#include "common/store/lanedb_impl.h"

#include <string.h>

#include "common/err.h"

/* ---- PN <-> LID ---- */

static int mapped_lid(struct lanedb *db, const char *pn, char out[RECORD_NAME],
	struct err *err)
{
	scoped(query_close) struct query q =
		query_open(&db->db, "SELECT lid FROM mapping WHERE pn = ?");
	const char *lid;
	int rc;

	query_bind_text(&q, pn);
	rc = query_step(&q, err);
	if (rc != 1)
		return rc;
	lid = query_text(&q);
	if (lid == NULL || strlen(lid) >= RECORD_NAME)
		return err_set(err, ERR_IO, "mapping: damaged row");
	strcpy(out, lid);
	return 1;
}

static int mapping_store(
	struct lanedb *db, const char *pn, const char *lid, struct err *err)
{
	/* One to one: a pair that contradicts an older one replaces it. */
	scoped(query_close) struct query clear = query_open(
		&db->db, "DELETE FROM mapping WHERE pn = ? OR lid = ?");
	scoped(query_close) struct query put = query_open(
		&db->db, "INSERT INTO mapping (pn, lid) VALUES (?, ?)");

	query_bind_text(&clear, pn);
	query_bind_text(&clear, lid);
	query_bind_text(&put, pn);
	query_bind_text(&put, lid);
	if (query_run(&clear, NULL, err) != 0)
		return -1;
	return query_run(&put, NULL, err);
}

static int delete_named(
	struct lanedb *db, const char *sql, const char *name, struct err *err)
{
	scoped(query_close) struct query q = query_open(&db->db, sql);

	query_bind_text(&q, name);
	return query_run(&q, NULL, err);
}

/* What moves from a PN to its LID: three tables, of which one has a chat as
 * well. */
struct moving {
	const char *table;
	const char *select, *insert, *clear;
};

static const struct moving moving[] = {
	{ .table = "session",
		.select = "SELECT '', device, sealed FROM session"
			  " WHERE name = ?",
		.insert = "INSERT INTO session (name, device, sealed)"
			  " VALUES (?2, ?3, ?4)"
			  " ON CONFLICT (name, device) DO NOTHING",
		.clear = "DELETE FROM session WHERE name = ?" },
	{ .table = "peer_identity",
		.select = "SELECT '', device, sealed FROM peer_identity"
			  " WHERE name = ?",
		.insert = "INSERT INTO peer_identity (name, device, sealed)"
			  " VALUES (?2, ?3, ?4)"
			  " ON CONFLICT (name, device) DO NOTHING",
		.clear = "DELETE FROM peer_identity WHERE name = ?" },
	{ .table = "sender_key",
		.select = "SELECT chat, device, sealed FROM sender_key"
			  " WHERE name = ?",
		.insert = "INSERT INTO sender_key (chat, name, device, sealed)"
			  " VALUES (?1, ?2, ?3, ?4)"
			  " ON CONFLICT (chat, name, device) DO NOTHING",
		.clear = "DELETE FROM sender_key WHERE name = ?" },
};

/* One row under its new name, sealed for its new place; the LID's own stays. */
static int move_row(struct lanedb *db, const struct moving *m,
	struct query *row, const char *pn, const char *lid, struct err *err)
{
	scoped(query_close) struct query q = query_open(&db->db, m->insert);
	scoped(buf_fini) struct buf plain = BUF_INIT;
	const char *chat = query_text(row);
	const int device = (int)query_int(row);
	const void *sealed;
	size_t n;
	int rc;

	sealed = query_blob(row, &n);
	if (lanedb_unseal(db, record_place(db, m->table, chat, pn, device),
		    sealed, n, &plain, err) != 0)
		return -1;
	lanedb_seal(db, record_place(db, m->table, chat, lid, device),
		plain.data, plain.len);
	query_bind_text(&q, chat);
	query_bind_text(&q, lid);
	query_bind_int(&q, device);
	query_bind_blob(&q, db->scratch.data, db->scratch.len);
	rc = query_run(&q, NULL, err);
	explicit_bzero(plain.data, plain.len);
	return rc;
}

static int move_rows(struct lanedb *db, const struct moving *m, const char *pn,
	const char *lid, struct err *err)
{
	scoped(query_close) struct query rows = query_open(&db->db, m->select);
	int rc;

	query_bind_text(&rows, pn);
	while ((rc = query_step(&rows, err)) == 1)
		if (move_row(db, m, &rows, pn, lid, err) != 0)
			return -1;
	return rc < 0 ? -1 : delete_named(db, m->clear, pn, err);
}

/* Who has our sender keys is kept under the same names. */
static int move_holders(
	struct lanedb *db, const char *pn, const char *lid, struct err *err)
{
	scoped(query_close) struct query q = query_open(&db->db,
		"INSERT INTO key_holder (chat, name, device)"
		" SELECT chat, ?1, device FROM key_holder WHERE name = ?2"
		" ON CONFLICT (chat, name, device) DO NOTHING");

	query_bind_text(&q, lid);
	query_bind_text(&q, pn);
	if (query_run(&q, NULL, err) != 0)
		return -1;
	return delete_named(
		db, "DELETE FROM key_holder WHERE name = ?", pn, err);
}

static int migrate_records(
	struct lanedb *db, const char *pn, const char *lid, struct err *err)
{
	if (session_cache_flush(db, err) != 0)
		return -1;
	for (size_t i = 0; i < ARRAY_LEN(moving); i++)
		if (move_rows(db, &moving[i], pn, lid, err) != 0)
			return -1;
	if (move_holders(db, pn, lid, err) != 0)
		return -1;
	session_cache_forget(db, pn);
	session_cache_forget(db, lid);
	return 0;
}

int lanedb_mapping_learn(struct lanedb *db, const struct wa_jid *pn,
	const struct wa_jid *lid, bool *is_new, struct err *err)
{
	char pn_name[RECORD_NAME], lid_name[RECORD_NAME], known[RECORD_NAME];
	int rc;

	if (is_new != NULL)
		*is_new = false;
	if (pn->server != WA_SERVER_PN || lid->server != WA_SERVER_LID ||
		pn->user[0] == '\0' || lid->user[0] == '\0')
		return err_set(err, ERR_INVALID, "not a PN and a LID");
	record_name(pn, pn_name);
	record_name(lid, lid_name);
	rc = mapped_lid(db, pn_name, known, err);
	if (rc < 0)
		return -1;
	if (rc == 1 && strcmp(known, lid_name) == 0)
		return 0;
	if (is_new != NULL)
		*is_new = true;
	if (lanedb_begin(db, err) != 0 ||
		mapping_store(db, pn_name, lid_name, err) != 0)
		return -1;
	return migrate_records(db, pn_name, lid_name, err);
}

/* @name as an address with the device of @like.  1 or -1. */
static int address_from(const char *name, const struct wa_jid *like,
	struct wa_jid *out, struct err *err)
{
	if (name == NULL || wa_jid_parse(name, strlen(name), out) != 0)
		return err_set(err, ERR_IO, "mapping: damaged row");
	*out = wa_jid_with_device(out, like->device);
	return 1;
}

int lanedb_lid_of(struct lanedb *db, const struct wa_jid *pn,
	struct wa_jid *lid_out, struct err *err)
{
	char name[RECORD_NAME], lid[RECORD_NAME];
	int rc;

	record_name(pn, name);
	rc = mapped_lid(db, name, lid, err);
	return rc == 1 ? address_from(lid, pn, lid_out, err) : rc;
}

int lanedb_pn_of(struct lanedb *db, const struct wa_jid *lid,
	struct wa_jid *pn_out, struct err *err)
{
	scoped(query_close) struct query q =
		query_open(&db->db, "SELECT pn FROM mapping WHERE lid = ?");
	char name[RECORD_NAME];
	int rc;

	record_name(lid, name);
	query_bind_text(&q, name);
	rc = query_step(&q, err);
	return rc == 1 ? address_from(query_text(&q), lid, pn_out, err) : rc;
}

int lanedb_user_forget(
	struct lanedb *db, const struct wa_jid *user, struct err *err)
{
	char name[RECORD_NAME];

	record_name(user, name);
	if (session_cache_flush(db, err) != 0 || lanedb_begin(db, err) != 0 ||
		delete_named(db, "DELETE FROM session WHERE name = ?", name,
			err) != 0 ||
		delete_named(db, "DELETE FROM peer_identity WHERE name = ?",
			name, err) != 0)
		return -1;
	session_cache_forget(db, name);
	return 0;
}

/* ---- device lists: numbers as big-endian pairs ---- */

int lanedb_devices_load(struct lanedb *db, const struct wa_jid *user,
	uint16_t *devices, size_t max, size_t *n_out, int64_t *fetched_ms_out,
	struct err *err)
{
	scoped(query_close) struct query q = query_open(&db->db,
		"SELECT fetched_ms, devices FROM device_list WHERE name = ?");
	char name[RECORD_NAME];
	const uint8_t *bytes;
	size_t n;
	int rc;

	record_name(user, name);
	query_bind_text(&q, name);
	rc = query_step(&q, err);
	if (rc != 1)
		return rc;
	*fetched_ms_out = query_int(&q);
	bytes = query_blob(&q, &n);
	*n_out = 0;
	for (size_t i = 0; i + 1 < n && *n_out < max; i += 2)
		devices[(*n_out)++] = (uint16_t)(bytes[i] << 8 | bytes[i + 1]);
	return 1;
}

int lanedb_devices_save(struct lanedb *db, const struct wa_jid *user,
	const uint16_t *devices, size_t n, int64_t now_ms, struct err *err)
{
	scoped(buf_fini) struct buf bytes = BUF_INIT;
	char name[RECORD_NAME];

	if (lanedb_begin(db, err) != 0)
		return -1;
	scoped(query_close) struct query q = query_open(&db->db,
		"INSERT INTO device_list (name, devices, fetched_ms)"
		" VALUES (?, ?, ?) ON CONFLICT (name) DO UPDATE SET"
		" devices = excluded.devices, fetched_ms = "
		"excluded.fetched_ms");

	buf_reserve(&bytes, 2); /* an empty list is a blob, not NULL */
	for (size_t i = 0; i < n; i++)
		buf_add_be(&bytes, devices[i], 2);
	record_name(user, name);
	query_bind_text(&q, name);
	query_bind_blob(&q, bytes.data, bytes.len);
	query_bind_int(&q, now_ms);
	return query_run(&q, NULL, err);
}

int lanedb_devices_forget(
	struct lanedb *db, const struct wa_jid *user, struct err *err)
{
	char name[RECORD_NAME];

	record_name(user, name);
	if (lanedb_begin(db, err) != 0)
		return -1;
	return delete_named(
		db, "DELETE FROM device_list WHERE name = ?", name, err);
}

/* ---- privacy tokens and names ---- */

int lanedb_token_save(struct lanedb *db, const struct wa_jid *user,
	const uint8_t *token, size_t n, int64_t t, struct err *err)
{
	char name[RECORD_NAME];

	if (lanedb_begin(db, err) != 0)
		return -1;
	scoped(query_close) struct query q = query_open(&db->db,
		"INSERT INTO token (name, sealed, t) VALUES (?, ?, ?)"
		" ON CONFLICT (name) DO UPDATE SET sealed = excluded.sealed,"
		" t = excluded.t WHERE excluded.t >= token.t");

	record_name(user, name);
	lanedb_seal(db, lanedb_place(db, "token %s", name), token, n);
	query_bind_text(&q, name);
	query_bind_blob(&q, db->scratch.data, db->scratch.len);
	query_bind_int(&q, t);
	return query_run(&q, NULL, err);
}

int lanedb_token_load(struct lanedb *db, const struct wa_jid *user,
	struct buf *out, int64_t *t_out, struct err *err)
{
	scoped(query_close) struct query q = query_open(
		&db->db, "SELECT t, sealed FROM token WHERE name = ?");
	char name[RECORD_NAME];
	const void *sealed;
	size_t n;
	int rc;

	record_name(user, name);
	query_bind_text(&q, name);
	rc = query_step(&q, err);
	if (rc != 1)
		return rc;
	*t_out = query_int(&q);
	sealed = query_blob(&q, &n);
	return lanedb_unseal(db, lanedb_place(db, "token %s", name), sealed, n,
		       out, err) == 0
		       ? 1
		       : -1;
}

int lanedb_contact_save(struct lanedb *db, const struct wa_jid *user,
	const char *push_name, struct err *err)
{
	char name[RECORD_NAME];

	if (lanedb_begin(db, err) != 0)
		return -1;
	scoped(query_close) struct query q = query_open(&db->db,
		"INSERT INTO contact (name, push_name) VALUES (?, ?)"
		" ON CONFLICT (name) DO UPDATE SET"
		" push_name = excluded.push_name"
		" WHERE contact.push_name <> excluded.push_name");

	record_name(user, name);
	query_bind_text(&q, name);
	query_bind_text(&q, push_name);
	return query_run(&q, NULL, err);
}
