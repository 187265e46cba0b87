/* See lanedb.h: opening, turns, named values, the lane's own identity.
 *
 * Everything that is a key, a record or a message is sealed with the lane's key
 * and bound to its row, so that it does not open in another place. */
#include "common/store/lanedb_impl.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/err.h"

static const char *const migrations[] = {
	"CREATE TABLE value (name TEXT PRIMARY KEY, sealed BLOB NOT NULL);"

	"CREATE TABLE prekey (id INTEGER PRIMARY KEY, sealed BLOB NOT NULL,"
	" uploaded INTEGER NOT NULL);"
	"CREATE INDEX prekey_uploaded ON prekey (uploaded, id);"

	"CREATE TABLE signed_prekey (id INTEGER PRIMARY KEY,"
	" sealed BLOB NOT NULL, created_ms INTEGER NOT NULL);"

	"CREATE TABLE session (name TEXT NOT NULL, device INTEGER NOT NULL,"
	" sealed BLOB NOT NULL, PRIMARY KEY (name, device));"

	"CREATE TABLE peer_identity (name TEXT NOT NULL,"
	" device INTEGER NOT NULL, sealed BLOB NOT NULL,"
	" PRIMARY KEY (name, device));"

	"CREATE TABLE sender_key (chat TEXT NOT NULL, name TEXT NOT NULL,"
	" device INTEGER NOT NULL, sealed BLOB NOT NULL,"
	" PRIMARY KEY (chat, name, device));"
	"CREATE INDEX sender_key_name ON sender_key (name);"

	"CREATE TABLE mapping (pn TEXT PRIMARY KEY, lid TEXT NOT NULL UNIQUE);"

	"CREATE TABLE device_list (name TEXT PRIMARY KEY,"
	" devices BLOB NOT NULL, fetched_ms INTEGER NOT NULL);"

	"CREATE TABLE sent (wa_id TEXT PRIMARY KEY, chat TEXT NOT NULL,"
	" sealed BLOB NOT NULL, sent_ms INTEGER NOT NULL);"
	"CREATE INDEX sent_ms ON sent (sent_ms);"

	"CREATE TABLE retry (direction TEXT NOT NULL, peer TEXT NOT NULL,"
	" wa_id TEXT NOT NULL, count INTEGER NOT NULL, base_key BLOB,"
	" at_ms INTEGER NOT NULL, PRIMARY KEY (direction, peer, wa_id));"
	"CREATE INDEX retry_ms ON retry (at_ms);"

	"CREATE TABLE seen (chat TEXT NOT NULL, sender TEXT NOT NULL,"
	" wa_id TEXT NOT NULL, at_ms INTEGER NOT NULL,"
	" PRIMARY KEY (chat, sender, wa_id));"
	"CREATE INDEX seen_ms ON seen (at_ms);"

	"CREATE TABLE app_key (key_id BLOB PRIMARY KEY, sealed BLOB NOT NULL,"
	" timestamp INTEGER NOT NULL);"
	"CREATE TABLE token (name TEXT PRIMARY KEY, sealed BLOB NOT NULL,"
	" t INTEGER NOT NULL);"
	"CREATE TABLE contact (name TEXT PRIMARY KEY, push_name TEXT NOT "
	"NULL);",

	/* ---- version 2: every kind of message, groups, app state ---- */
	"ALTER TABLE sent ADD COLUMN envelope TEXT NOT NULL DEFAULT '';"

	/* Metadata of a group: its members, mode and settings. */
	"CREATE TABLE group_info (jid TEXT PRIMARY KEY,"
	" sealed BLOB NOT NULL, fetched_ms INTEGER NOT NULL);"
	/* Devices that have our sender key of a chat. */
	"CREATE TABLE key_holder (chat TEXT NOT NULL, name TEXT NOT NULL,"
	" device INTEGER NOT NULL, PRIMARY KEY (chat, name, device));"
	"CREATE INDEX key_holder_name ON key_holder (name);"
	/* Whom a status was for: the network does not know it. */
	"CREATE TABLE audience (wa_id TEXT PRIMARY KEY,"
	" sealed BLOB NOT NULL, at_ms INTEGER NOT NULL);"
	"CREATE INDEX audience_ms ON audience (at_ms);"

	/* What votes and edits of a message are encrypted with. */
	"CREATE TABLE secret (wa_id TEXT NOT NULL, chat TEXT NOT NULL,"
	" sender TEXT NOT NULL, sealed BLOB NOT NULL, at_ms INTEGER NOT NULL,"
	" PRIMARY KEY (wa_id, chat, sender));"
	"CREATE INDEX secret_ms ON secret (at_ms);"

	/* App state: how far each collection is, and what it is made of. */
	"CREATE TABLE collection (name TEXT PRIMARY KEY,"
	" version INTEGER NOT NULL, hash BLOB NOT NULL);"
	"CREATE TABLE collection_value (collection TEXT NOT NULL,"
	" index_mac BLOB NOT NULL, value_mac BLOB NOT NULL,"
	" PRIMARY KEY (collection, index_mac));"

	/* Who was found to be on WhatsApp, or not. */
	"CREATE TABLE number (phone TEXT PRIMARY KEY, is_there INTEGER NOT "
	"NULL,"
	" lid TEXT NOT NULL, asked_ms INTEGER NOT NULL);"
	"CREATE INDEX number_ms ON number (asked_ms);"

	/* History that is not read to its end. */
	"CREATE TABLE history_job (id INTEGER PRIMARY KEY,"
	" wa_id TEXT NOT NULL UNIQUE, sealed BLOB NOT NULL,"
	" pass INTEGER NOT NULL, done INTEGER NOT NULL,"
	" tries INTEGER NOT NULL, at_ms INTEGER NOT NULL);"

	/* Blobs at the media host that further messages may name. */
	"CREATE TABLE upload (sha256 BLOB NOT NULL, type INTEGER NOT NULL,"
	" sealed BLOB NOT NULL, uploaded_ms INTEGER NOT NULL,"
	" PRIMARY KEY (sha256, type));"
	"CREATE INDEX upload_ms ON upload (uploaded_ms);"
	/* Received media that is not here yet. */
	"CREATE TABLE fetch (media_id TEXT PRIMARY KEY, wa_id TEXT NOT NULL,"
	" sealed BLOB NOT NULL, phase INTEGER NOT NULL,"
	" attempts INTEGER NOT NULL, next_ms INTEGER NOT NULL);"
	"CREATE INDEX fetch_next ON fetch (next_ms);"
	"CREATE INDEX fetch_message ON fetch (wa_id);"
	"CREATE INDEX fetch_running ON fetch (phase) WHERE phase = 2;"

	/* After how many seconds what is said in a chat disappears. */
	"CREATE TABLE chat_timer (chat TEXT PRIMARY KEY,"
	" seconds INTEGER NOT NULL, set_ms INTEGER NOT NULL);",
};

/* Small: two thousand lanes share a host. */
static const struct db_options options = { .create = true,
	.exclusive = true,
	.cache_kib = 128,
	.checkpoint_pages = 500,
	.lookaside_slots = 40 };

int lanedb_open(const char *path, const struct secret_key *lane_key,
	struct lanedb **out, struct err *err)
{
	struct lanedb *db = xcalloc(1, sizeof(*db));

	if (db_open(&db->db, path, &options, err) != 0 ||
		db_migrate(&db->db, migrations, (int)ARRAY_LEN(migrations),
			err) != 0) {
		db_close(&db->db);
		free(db);
		return err_wrap(err, "lane database");
	}
	db->key = *lane_key;
	db->sessions = session_cache_new();
	*out = db;
	return 0;
}

void lanedb_close(struct lanedb **dbp)
{
	struct lanedb *db = move(*dbp);

	if (db == NULL)
		return;
	lanedb_rollback(db);
	session_cache_free(&db->sessions);
	db_close(&db->db);
	buf_fini(&db->scratch);
	secret_wipe(&db->key);
	free(db);
}

int lanedb_begin(struct lanedb *db, struct err *err)
{
	if (!db_is_idle(&db->db))
		return 0;
	return query_control(&db->db, "BEGIN IMMEDIATE", err);
}

int lanedb_commit(struct lanedb *db, struct err *err)
{
	if (session_cache_flush(db, err) != 0)
		return err_wrap(err, "lane database");
	if (db_is_idle(&db->db))
		return 0;
	if (query_control(&db->db, "COMMIT", err) != 0)
		return err_wrap(err, "lane database");
	session_cache_settle(db);
	return 0;
}

void lanedb_rollback(struct lanedb *db)
{
	session_cache_drop(db);
	if (!db_is_idle(&db->db))
		(void)query_control(&db->db, "ROLLBACK", NULL);
}

static int unlink_one(const char *path, const char *suffix, struct err *err)
{
	scoped(str_free) char *name = xasprintf("%s%s", path, suffix);

	if (unlink(name) != 0 && errno != ENOENT)
		return err_set(err, ERR_IO, "%s: %s", name, strerror(errno));
	return 0;
}

int lanedb_destroy(struct lanedb **dbp, const char *path, struct err *err)
{
	/* The rows first: should a file survive, it is empty. */
	int emptied = lanedb_begin(*dbp, err);

	if (emptied == 0)
		emptied = db_exec(&(*dbp)->db,
			"DELETE FROM value; DELETE FROM prekey;"
			"DELETE FROM signed_prekey; DELETE FROM session;"
			"DELETE FROM peer_identity; DELETE FROM sender_key;"
			"DELETE FROM mapping; DELETE FROM device_list;"
			"DELETE FROM sent; DELETE FROM retry; DELETE FROM seen;"
			"DELETE FROM app_key; DELETE FROM token;"
			"DELETE FROM contact; DELETE FROM group_info;"
			"DELETE FROM key_holder; DELETE FROM audience;"
			"DELETE FROM secret;"
			"DELETE FROM collection; DELETE FROM collection_value;"
			"DELETE FROM number; DELETE FROM history_job;"
			"DELETE FROM chat_timer; COMMIT",
			err);
	lanedb_close(dbp);
	if (unlink_one(path, "", err) != 0 ||
		unlink_one(path, "-wal", err) != 0 ||
		unlink_one(path, "-shm", err) != 0)
		return -1;
	return emptied;
}

/* ---- sealing ---- */

const char *lanedb_place(struct lanedb *db, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(db->place, sizeof(db->place), fmt, args);
	va_end(args);
	return db->place;
}

void lanedb_seal(
	struct lanedb *db, const char *place, const void *plain, size_t n)
{
	buf_clear(&db->scratch);
	secret_seal(&db->key, place, plain, n,
		buf_reserve(&db->scratch, n + SECRET_SEAL_OVERHEAD));
	db->scratch.len = n + SECRET_SEAL_OVERHEAD;
}

int lanedb_unseal(struct lanedb *db, const char *place, const void *sealed,
	size_t n, struct buf *out, struct err *err)
{
	if (n < SECRET_SEAL_OVERHEAD)
		return err_set(
			err, ERR_IO, "%s: sealed row of %zu bytes", place, n);
	if (secret_open(&db->key, place, sealed, n,
		    buf_reserve(out, n - SECRET_SEAL_OVERHEAD), err) != 0)
		return err_wrap(err, place);
	out->len += n - SECRET_SEAL_OVERHEAD;
	return 0;
}

void record_name(const struct wa_jid *address, char out[RECORD_NAME])
{
	struct wa_jid bare = wa_jid_bare(address);

	wa_jid_text(&bare, out);
}

const char *record_place(struct lanedb *db, const char *table, const char *chat,
	const char *name, int device)
{
	return lanedb_place(db, "%s %s %s %d", table, chat, name, device);
}

/* ---- named values ---- */

int lanedb_value_load(
	struct lanedb *db, const char *name, struct buf *out, struct err *err)
{
	scoped(query_close) struct query q =
		query_open(&db->db, "SELECT sealed FROM value WHERE name = ?");
	const void *sealed;
	size_t n;
	int rc;

	query_bind_text(&q, name);
	rc = query_step(&q, err);
	if (rc != 1)
		return rc;
	sealed = query_blob(&q, &n);
	return lanedb_unseal(db, lanedb_place(db, "value %s", name), sealed, n,
		       out, err) == 0
		       ? 1
		       : -1;
}

int lanedb_value_save(struct lanedb *db, const char *name, const void *bytes,
	size_t n, struct err *err)
{
	if (lanedb_begin(db, err) != 0)
		return -1;
	scoped(query_close) struct query q = query_open(&db->db,
		"INSERT INTO value (name, sealed) VALUES (?, ?)"
		" ON CONFLICT (name) DO UPDATE SET sealed = excluded.sealed");

	lanedb_seal(db, lanedb_place(db, "value %s", name), bytes, n);
	query_bind_text(&q, name);
	query_bind_blob(&q, db->scratch.data, db->scratch.len);
	return query_run(&q, NULL, err);
}

/* ---- identity: one value with a fixed layout of our own ---- */

#define IDENTITY_VALUE "identity"
#define IDENTITY_VERSION 1

static void add_text(struct buf *out, const char *text)
{
	size_t n = strlen(text);

	buf_add_be(out, n, 2);
	buf_add(out, text, n);
}

int lanedb_identity_save(struct lanedb *db,
	const struct lane_identity *identity, struct err *err)
{
	scoped(buf_fini) struct buf out = BUF_INIT;
	char text[WA_JID_TEXT];
	int rc;

	buf_add_byte(&out, IDENTITY_VERSION);
	buf_add(&out, identity->noise.priv, WA_KEY_BYTES);
	buf_add(&out, identity->identity.priv, WA_KEY_BYTES);
	buf_add_be(&out, identity->registration_id, 4);
	buf_add(&out, identity->adv_secret, sizeof(identity->adv_secret));
	buf_add_byte(&out, identity->is_paired);
	add_text(&out,
		identity->is_paired ? wa_jid_text(&identity->jid, text) : "");
	add_text(&out, identity->is_paired && !wa_jid_is_empty(&identity->lid)
			       ? wa_jid_text(&identity->lid, text)
			       : "");
	add_text(&out, identity->push_name);
	add_text(&out, identity->platform);
	rc = lanedb_value_save(db, IDENTITY_VALUE, out.data, out.len, err);
	explicit_bzero(out.data, out.len);
	return rc;
}

struct reader {
	const uint8_t *at;
	size_t left;
	bool failed;
};

static const uint8_t *take(struct reader *r, size_t n)
{
	const uint8_t *bytes = r->at;

	if (r->failed || r->left < n) {
		r->failed = true;
		return NULL;
	}
	r->at += n;
	r->left -= n;
	return bytes;
}

static void take_copy(struct reader *r, void *out, size_t n)
{
	const uint8_t *bytes = take(r, n);

	if (bytes != NULL)
		memcpy(out, bytes, n);
}

static void take_text(struct reader *r, char *out, size_t cap)
{
	uint8_t head[2] = { 0 };
	const uint8_t *bytes;
	size_t n;

	take_copy(r, head, 2);
	n = (size_t)head[0] << 8 | head[1];
	bytes = take(r, n);
	if (bytes == NULL || n >= cap) {
		r->failed = true;
		return;
	}
	memcpy(out, bytes, n);
	out[n] = '\0';
}

static void take_jid(struct reader *r, struct wa_jid *out)
{
	char text[WA_JID_TEXT] = "";

	take_text(r, text, sizeof(text));
	if (text[0] != '\0' && wa_jid_parse(text, strlen(text), out) != 0)
		r->failed = true;
}

static void take_identity(struct reader *r, struct lane_identity *out)
{
	uint8_t priv[WA_KEY_BYTES] = { 0 }, number[4] = { 0 }, flag = 0;

	take_copy(r, priv, sizeof(priv));
	wa_keypair_from_priv(priv, &out->noise);
	take_copy(r, priv, sizeof(priv));
	wa_keypair_from_priv(priv, &out->identity);
	explicit_bzero(priv, sizeof(priv));
	take_copy(r, number, 4);
	out->registration_id = (uint32_t)number[0] << 24 |
			       (uint32_t)number[1] << 16 |
			       (uint32_t)number[2] << 8 | number[3];
	take_copy(r, out->adv_secret, sizeof(out->adv_secret));
	take_copy(r, &flag, 1);
	out->is_paired = flag != 0;
	take_jid(r, &out->jid);
	take_jid(r, &out->lid);
	take_text(r, out->push_name, sizeof(out->push_name));
	take_text(r, out->platform, sizeof(out->platform));
}

int lanedb_identity_load(
	struct lanedb *db, struct lane_identity *out, struct err *err)
{
	scoped(buf_fini) struct buf plain = BUF_INIT;
	struct reader r;
	uint8_t version = 0;
	int rc = lanedb_value_load(db, IDENTITY_VALUE, &plain, err);

	if (rc != 1)
		return rc;
	memset(out, 0, sizeof(*out));
	r = (struct reader){ .at = plain.data, .left = plain.len };
	take_copy(&r, &version, 1);
	take_identity(&r, out);
	explicit_bzero(plain.data, plain.len);
	if (r.failed || version != IDENTITY_VERSION)
		return err_set(err, ERR_IO, "the lane's identity is damaged");
	return 1;
}
