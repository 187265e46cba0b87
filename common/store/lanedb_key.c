/* The lane's own keys: one-time prekeys, signed prekeys, app-state keys. */
#include "common/store/lanedb_impl.h"

#include <sodium.h>
#include <string.h>

#include "common/err.h"

/* 24 bits on the wire; 0 means "none" to some clients and 0xFFFFFF is never
 * deleted by the Signal library. */
#define PREKEY_ID_MAX 0xFFFFFE
#define APP_KEY_ID_MAX 64
#define NEXT_PREKEY "next_prekey_id"
#define KEPT_SIGNED_PREKEYS "3"

/* ---- one-time prekeys ---- */

static int next_prekey_id(struct lanedb *db, uint32_t *out, struct err *err)
{
	scoped(buf_fini) struct buf plain = BUF_INIT;
	int rc = lanedb_value_load(db, NEXT_PREKEY, &plain, err);

	if (rc < 0)
		return -1;
	*out = 1;
	if (rc == 0)
		return 0;
	if (plain.len != sizeof(*out))
		return err_set(err, ERR_IO, NEXT_PREKEY " is damaged");
	memcpy(out, plain.data, sizeof(*out));
	return 0;
}

static int prekey_insert(
	struct lanedb *db, const struct lane_prekey *prekey, struct err *err)
{
	/* After sixteen million keys the ids begin anew: what still has the
	 * number then was never used. */
	scoped(query_close) struct query q = query_open(&db->db,
		"INSERT INTO prekey (id, sealed, uploaded) VALUES (?, ?, 0)"
		" ON CONFLICT (id) DO UPDATE SET sealed = excluded.sealed,"
		" uploaded = 0");

	lanedb_seal(db, lanedb_place(db, "prekey %u", prekey->id), &prekey->key,
		sizeof(prekey->key));
	query_bind_int(&q, prekey->id);
	query_bind_blob(&q, db->scratch.data, db->scratch.len);
	return query_run(&q, NULL, err);
}

int lanedb_prekeys_make(
	struct lanedb *db, int n, struct lane_prekey *out, struct err *err)
{
	uint32_t id;

	if (lanedb_begin(db, err) != 0 || next_prekey_id(db, &id, err) != 0)
		return -1;
	for (int i = 0; i < n; i++) {
		out[i].id = id;
		wa_keypair_new(&out[i].key);
		if (prekey_insert(db, &out[i], err) != 0)
			return -1;
		id = id >= PREKEY_ID_MAX ? 1 : id + 1;
	}
	return lanedb_value_save(db, NEXT_PREKEY, &id, sizeof(id), err);
}

int lanedb_prekeys_mark_uploaded(
	struct lanedb *db, uint32_t first_id, uint32_t last_id, struct err *err)
{
	if (lanedb_begin(db, err) != 0)
		return -1;
	scoped(query_close) struct query q = query_open(&db->db,
		"UPDATE prekey SET uploaded = 1 WHERE id BETWEEN ? AND ?");

	query_bind_int(&q, first_id);
	query_bind_int(&q, last_id);
	return query_run(&q, NULL, err);
}

static int read_pair(struct lanedb *db, struct query *q, uint32_t id,
	struct wa_keypair *out, struct err *err)
{
	scoped(buf_fini) struct buf plain = BUF_INIT;
	const void *sealed;
	size_t n;

	sealed = query_blob(q, &n);
	if (lanedb_unseal(db, lanedb_place(db, "prekey %u", id), sealed, n,
		    &plain, err) != 0)
		return -1;
	if (plain.len != sizeof(*out))
		return err_set(
			err, ERR_IO, "prekey %u: %zu bytes", id, plain.len);
	memcpy(out, plain.data, sizeof(*out));
	explicit_bzero(plain.data, plain.len);
	return 0;
}

int lanedb_prekeys_pending(
	struct lanedb *db, struct lane_prekey *out, int max, struct err *err)
{
	scoped(query_close) struct query q = query_open(&db->db,
		"SELECT id, sealed FROM prekey WHERE uploaded = 0"
		" ORDER BY id LIMIT ?");
	int n = 0, rc;

	query_bind_int(&q, max);
	while ((rc = query_step(&q, err)) == 1 && n < max) {
		out[n].id = (uint32_t)query_int(&q);
		if (read_pair(db, &q, out[n].id, &out[n].key, err) != 0)
			return -1;
		n++;
	}
	return rc < 0 ? -1 : n;
}

int lanedb_prekeys_count(struct lanedb *db, bool uploaded, struct err *err)
{
	scoped(query_close) struct query q = query_open(
		&db->db, "SELECT count(*) FROM prekey WHERE uploaded = ?");

	query_bind_int(&q, uploaded);
	if (query_one(&q, "count", err) != 0)
		return -1;
	return (int)query_int(&q);
}

int lanedb_prekey_load(
	struct lanedb *db, uint32_t id, struct buf *out, struct err *err)
{
	scoped(query_close) struct query q =
		query_open(&db->db, "SELECT sealed FROM prekey WHERE id = ?");
	const void *sealed;
	size_t n;
	int rc;

	query_bind_int(&q, id);
	rc = query_step(&q, err);
	if (rc != 1)
		return rc;
	sealed = query_blob(&q, &n);
	return lanedb_unseal(db, lanedb_place(db, "prekey %u", id), sealed, n,
		       out, err) == 0
		       ? 1
		       : -1;
}

int lanedb_prekey_remove(struct lanedb *db, uint32_t id, struct err *err)
{
	if (lanedb_begin(db, err) != 0)
		return -1;
	scoped(query_close) struct query q =
		query_open(&db->db, "DELETE FROM prekey WHERE id = ?");

	query_bind_int(&q, id);
	return query_run(&q, NULL, err);
}

/* ---- signed prekeys: sealed as private key, public key, signature ---- */

int lanedb_signed_prekey_save(struct lanedb *db,
	const struct lane_signed_prekey *key, struct err *err)
{
	uint8_t plain[sizeof(key->key) + sizeof(key->signature)];

	if (lanedb_begin(db, err) != 0)
		return -1;
	scoped(query_close) struct query insert = query_open(&db->db,
		"INSERT INTO signed_prekey (id, sealed, created_ms)"
		" VALUES (?, ?, ?) ON CONFLICT (id) DO UPDATE SET"
		" sealed = excluded.sealed, created_ms = excluded.created_ms");
	scoped(query_close) struct query trim = query_open(&db->db,
		"DELETE FROM signed_prekey WHERE id NOT IN"
		" (SELECT id FROM signed_prekey"
		" ORDER BY created_ms DESC, id DESC LIMIT " KEPT_SIGNED_PREKEYS
		")");

	memcpy(plain, &key->key, sizeof(key->key));
	memcpy(plain + sizeof(key->key), key->signature,
		sizeof(key->signature));
	lanedb_seal(db, lanedb_place(db, "signed_prekey %u", key->id), plain,
		sizeof(plain));
	explicit_bzero(plain, sizeof(plain));
	query_bind_int(&insert, key->id);
	query_bind_blob(&insert, db->scratch.data, db->scratch.len);
	query_bind_int(&insert, key->created_ms);
	if (query_run(&insert, NULL, err) != 0)
		return -1;
	return query_run(&trim, NULL, err);
}

static int unseal_signed(struct lanedb *db, struct query *q, uint32_t id,
	struct buf *out, struct err *err)
{
	size_t n, before = out->len;
	const void *sealed = query_blob(q, &n);

	if (lanedb_unseal(db, lanedb_place(db, "signed_prekey %u", id), sealed,
		    n, out, err) != 0)
		return -1;
	if (out->len - before != sizeof(struct wa_keypair) + WA_SIGNATURE_BYTES)
		return err_set(err, ERR_IO, "signed prekey: %zu bytes",
			out->len - before);
	return 0;
}

int lanedb_signed_prekey_newest(
	struct lanedb *db, struct lane_signed_prekey *out, struct err *err)
{
	scoped(buf_fini) struct buf plain = BUF_INIT;
	scoped(query_close) struct query q = query_open(&db->db,
		"SELECT id, created_ms, sealed FROM signed_prekey"
		" ORDER BY created_ms DESC, id DESC LIMIT 1");
	int rc = query_step(&q, err);

	if (rc != 1)
		return rc;
	out->id = (uint32_t)query_int(&q);
	out->created_ms = query_int(&q);
	if (unseal_signed(db, &q, out->id, &plain, err) != 0)
		return -1;
	memcpy(&out->key, plain.data, sizeof(out->key));
	memcpy(out->signature, plain.data + sizeof(out->key),
		sizeof(out->signature));
	explicit_bzero(plain.data, plain.len);
	return 1;
}

int lanedb_signed_prekey_load(
	struct lanedb *db, uint32_t id, struct buf *out, struct err *err)
{
	scoped(query_close) struct query q = query_open(
		&db->db, "SELECT sealed FROM signed_prekey WHERE id = ?");
	int rc;

	query_bind_int(&q, id);
	rc = query_step(&q, err);
	if (rc != 1)
		return rc;
	return unseal_signed(db, &q, id, out, err) == 0 ? 1 : -1;
}

/* ---- app-state keys ---- */

int lanedb_app_key_save(struct lanedb *db, const uint8_t *key_id,
	size_t n_key_id, const uint8_t *data, size_t n, int64_t timestamp,
	struct err *err)
{
	char id_hex[2 * APP_KEY_ID_MAX + 1];

	if (n_key_id > APP_KEY_ID_MAX)
		return err_set(err, ERR_INVALID,
			"app-state key id of %zu bytes", n_key_id);
	if (lanedb_begin(db, err) != 0)
		return -1;
	scoped(query_close) struct query q = query_open(&db->db,
		"INSERT INTO app_key (key_id, sealed, timestamp)"
		" VALUES (?, ?, ?) ON CONFLICT (key_id) DO UPDATE SET"
		" sealed = excluded.sealed, timestamp = excluded.timestamp"
		" WHERE excluded.timestamp >= app_key.timestamp");

	sodium_bin2hex(id_hex, sizeof(id_hex), key_id, n_key_id);
	lanedb_seal(db, lanedb_place(db, "app_key %s", id_hex), data, n);
	query_bind_blob(&q, key_id, n_key_id);
	query_bind_blob(&q, db->scratch.data, db->scratch.len);
	query_bind_int(&q, timestamp);
	return query_run(&q, NULL, err);
}

int lanedb_app_key_count(struct lanedb *db, struct err *err)
{
	scoped(query_close) struct query q =
		query_open(&db->db, "SELECT count(*) FROM app_key");

	if (query_one(&q, "count", err) != 0)
		return -1;
	return (int)query_int(&q);
}
