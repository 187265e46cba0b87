/* App state: how far each collection is and what it is made of; and the numbers
 * that were asked for.
 *
 * Versions, hashes and MACs prove what a collection holds and tell nothing of
 * it, so they are not sealed; the keys are. */
#include "common/store/lanedb_impl.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "common/err.h"

#define MAC_BYTES 32
#define APP_KEY_ID_MAX 64

/* ---- collections ---- */

int lanedb_collection_load(struct lanedb *db, const char *name,
	uint64_t *version_out, uint8_t hash_out[LANE_HASH_BYTES],
	struct err *err)
{
	scoped(query_close) struct query q = query_open(
		&db->db, "SELECT version, hash FROM collection WHERE name = ?");
	const void *hash;
	size_t n;
	int rc;

	*version_out = 0;
	memset(hash_out, 0, LANE_HASH_BYTES);
	query_bind_text(&q, name);
	rc = query_step(&q, err);
	if (rc != 1)
		return rc;
	*version_out = (uint64_t)query_int(&q);
	hash = query_blob(&q, &n);
	if (n != LANE_HASH_BYTES)
		return err_set(err, ERR_IO, "hash of %zu bytes", n);
	memcpy(hash_out, hash, LANE_HASH_BYTES);
	return 0;
}

int lanedb_collection_save(struct lanedb *db, const char *name,
	uint64_t version, const uint8_t hash[LANE_HASH_BYTES], struct err *err)
{
	if (lanedb_begin(db, err) != 0)
		return -1;
	scoped(query_close) struct query q = query_open(&db->db,
		"INSERT INTO collection (name, version, hash) VALUES (?, ?, ?)"
		" ON CONFLICT (name) DO UPDATE SET"
		" version = excluded.version, hash = excluded.hash");

	query_bind_text(&q, name);
	query_bind_int(&q, (int64_t)version);
	query_bind_blob(&q, hash, LANE_HASH_BYTES);
	return query_run(&q, NULL, err);
}

static int collection_delete(
	struct lanedb *db, const char *name, int from, struct err *err)
{
	static const char *const sql[2] = {
		"DELETE FROM collection WHERE name = ?",
		"DELETE FROM collection_value WHERE collection = ?",
	};
	scoped(query_close) struct query q = query_open(&db->db, sql[from]);

	query_bind_text(&q, name);
	return query_run(&q, NULL, err);
}

int lanedb_collection_reset(
	struct lanedb *db, const char *name, struct err *err)
{
	if (lanedb_begin(db, err) != 0)
		return -1;
	if (collection_delete(db, name, 0, err) != 0)
		return -1;
	return collection_delete(db, name, 1, err);
}

/* ---- their values ---- */

int lanedb_state_value_load(struct lanedb *db, const char *name,
	const uint8_t index_mac[32], uint8_t value_mac_out[32], struct err *err)
{
	scoped(query_close) struct query q =
		query_open(&db->db, "SELECT value_mac FROM collection_value"
				    " WHERE collection = ? AND index_mac = ?");
	const void *mac;
	size_t n;
	int rc;

	query_bind_text(&q, name);
	query_bind_blob(&q, index_mac, MAC_BYTES);
	rc = query_step(&q, err);
	if (rc != 1)
		return rc;
	mac = query_blob(&q, &n);
	if (n != MAC_BYTES)
		return err_set(err, ERR_IO, "value MAC of %zu bytes", n);
	memcpy(value_mac_out, mac, MAC_BYTES);
	return 1;
}

int lanedb_state_value_save(struct lanedb *db, const char *name,
	const uint8_t index_mac[32], const uint8_t value_mac[32],
	struct err *err)
{
	if (lanedb_begin(db, err) != 0)
		return -1;
	scoped(query_close) struct query q = query_open(&db->db,
		"INSERT INTO collection_value (collection, index_mac,"
		" value_mac) VALUES (?, ?, ?)"
		" ON CONFLICT (collection, index_mac) DO UPDATE SET"
		" value_mac = excluded.value_mac");

	query_bind_text(&q, name);
	query_bind_blob(&q, index_mac, MAC_BYTES);
	query_bind_blob(&q, value_mac, MAC_BYTES);
	return query_run(&q, NULL, err);
}

int lanedb_state_value_remove(struct lanedb *db, const char *name,
	const uint8_t index_mac[32], struct err *err)
{
	if (lanedb_begin(db, err) != 0)
		return -1;
	scoped(query_close) struct query q =
		query_open(&db->db, "DELETE FROM collection_value"
				    " WHERE collection = ? AND index_mac = ?");

	query_bind_text(&q, name);
	query_bind_blob(&q, index_mac, MAC_BYTES);
	return query_run(&q, NULL, err);
}

/* ---- keys; saved by lanedb_key.c ---- */

static int key_unseal(struct lanedb *db, const uint8_t *key_id, size_t n_key_id,
	struct query *q, struct buf *out, struct err *err)
{
	char id_hex[2 * APP_KEY_ID_MAX + 1];
	size_t n;
	const void *sealed = query_blob(q, &n);

	sodium_bin2hex(id_hex, sizeof(id_hex), key_id, n_key_id);
	return lanedb_unseal(db, lanedb_place(db, "app_key %s", id_hex), sealed,
		       n, out, err) == 0
		       ? 1
		       : -1;
}

int lanedb_app_key_load(struct lanedb *db, const uint8_t *key_id,
	size_t n_key_id, struct buf *out, struct err *err)
{
	scoped(query_close) struct query q = query_open(
		&db->db, "SELECT sealed FROM app_key WHERE key_id = ?");
	int rc;

	if (n_key_id == 0 || n_key_id > APP_KEY_ID_MAX)
		return 0;
	query_bind_blob(&q, key_id, n_key_id);
	rc = query_step(&q, err);
	return rc == 1 ? key_unseal(db, key_id, n_key_id, &q, out, err) : rc;
}

int lanedb_app_key_newest(struct lanedb *db, struct buf *key_id_out,
	struct buf *out, struct err *err)
{
	scoped(query_close) struct query q = query_open(&db->db,
		"SELECT key_id, sealed FROM app_key"
		" ORDER BY timestamp DESC, key_id DESC LIMIT 1");
	const void *key_id;
	size_t n_key_id;
	int rc = query_step(&q, err);

	if (rc != 1)
		return rc;
	key_id = query_blob(&q, &n_key_id);
	if (n_key_id == 0 || n_key_id > APP_KEY_ID_MAX)
		return err_set(err, ERR_IO, "key id of %zu bytes", n_key_id);
	buf_add(key_id_out, key_id, n_key_id);
	return key_unseal(db, key_id_out->data, key_id_out->len, &q, out, err);
}

/* ---- numbers ---- */

int lanedb_number_load(struct lanedb *db, const char *phone, bool *is_there,
	char lid_out[48], int64_t *asked_ms_out, struct err *err)
{
	scoped(query_close) struct query q = query_open(&db->db,
		"SELECT is_there, lid, asked_ms FROM number WHERE phone = ?");
	int rc;

	query_bind_text(&q, phone);
	rc = query_step(&q, err);
	if (rc != 1)
		return rc;
	*is_there = query_int(&q) != 0;
	snprintf(lid_out, LANE_NUMBER_LID, "%s", query_text(&q));
	*asked_ms_out = query_int(&q);
	return 1;
}

int lanedb_number_save(struct lanedb *db, const char *phone, bool is_there,
	const char *lid, int64_t now_ms, struct err *err)
{
	if (lanedb_begin(db, err) != 0)
		return -1;
	scoped(query_close) struct query q = query_open(&db->db,
		"INSERT INTO number (phone, is_there, lid, asked_ms)"
		" VALUES (?, ?, ?, ?) ON CONFLICT (phone) DO UPDATE SET"
		" is_there = excluded.is_there, lid = excluded.lid,"
		" asked_ms = excluded.asked_ms");

	query_bind_text(&q, phone);
	query_bind_int(&q, is_there);
	query_bind_text(&q, lid);
	query_bind_int(&q, now_ms);
	return query_run(&q, NULL, err);
}

int lanedb_number_expire(
	struct lanedb *db, int64_t before_ms, int limit, struct err *err)
{
	if (lanedb_begin(db, err) != 0)
		return -1;
	scoped(query_close) struct query q = query_open(&db->db,
		"DELETE FROM number WHERE phone IN (SELECT phone FROM number"
		" WHERE asked_ms < ? ORDER BY asked_ms LIMIT ?)");

	query_bind_int(&q, before_ms);
	query_bind_int(&q, limit);
	return query_run(&q, NULL, err);
}
