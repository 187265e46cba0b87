/* Signal records of a lane.
 *
 * Sessions change with every message, so they are cached in memory and written
 * back once a turn: a session that encrypted sixty messages of a turn is sealed
 * and stored once.  The cache is bounded; a record that must make room in the
 * middle of a turn is written to the open transaction early.  After a rollback
 * nothing of the cache is believed. */
#include "common/store/lanedb_impl.h"

#include <stdlib.h>
#include <string.h>

#include "common/err.h"

#define CACHE_ENTRIES 256
#define CACHE_BYTES (256 * 1024) /* of records; checked when one comes in */
#define CACHE_BUCKETS 256

struct entry {
	char name[RECORD_NAME];
	uint16_t device;
	bool is_used;
	bool is_dirty;
	bool is_absent; /* known not to exist, or deleted */
	bool is_recent; /* touched since the clock hand passed */
	struct buf record;
	int next; /* in its bucket, or -1 */
};

struct session_cache {
	struct entry entries[CACHE_ENTRIES];
	int buckets[CACHE_BUCKETS];
	int hand;
	int n_dirty;
	size_t n_bytes; /* of all records */
};

struct session_cache *session_cache_new(void)
{
	struct session_cache *cache = xcalloc(1, sizeof(*cache));

	for (int i = 0; i < CACHE_BUCKETS; i++)
		cache->buckets[i] = -1;
	return cache;
}

static void entry_wipe(struct entry *entry)
{
	if (entry->record.data != NULL)
		explicit_bzero(entry->record.data, entry->record.cap);
	buf_fini(&entry->record);
	memset(entry, 0, sizeof(*entry));
}

void session_cache_free(struct session_cache **cachep)
{
	struct session_cache *cache = move(*cachep);

	if (cache == NULL)
		return;
	for (int i = 0; i < CACHE_ENTRIES; i++)
		entry_wipe(&cache->entries[i]);
	free(cache);
}

static int bucket_of(const char *name, uint16_t device)
{
	uint32_t hash = 2166136261u ^ device;

	for (; *name != '\0'; name++)
		hash = (hash ^ (uint8_t)*name) * 16777619u;
	return (int)(hash % CACHE_BUCKETS);
}

static struct entry *find(
	struct session_cache *cache, const char *name, uint16_t device)
{
	int i = cache->buckets[bucket_of(name, device)];

	while (i >= 0) {
		struct entry *entry = &cache->entries[i];

		if (entry->device == device && strcmp(entry->name, name) == 0) {
			entry->is_recent = true;
			return entry;
		}
		i = entry->next;
	}
	return NULL;
}

/* ---- the table ---- */

static int row_write(
	struct lanedb *db, const struct entry *entry, struct err *err)
{
	scoped(query_close) struct query q = query_open(&db->db,
		"INSERT INTO session (name, device, sealed) VALUES (?, ?, ?)"
		" ON CONFLICT (name, device)"
		" DO UPDATE SET sealed = excluded.sealed");

	lanedb_seal(db,
		record_place(db, "session", "", entry->name, entry->device),
		entry->record.data, entry->record.len);
	query_bind_text(&q, entry->name);
	query_bind_int(&q, entry->device);
	query_bind_blob(&q, db->scratch.data, db->scratch.len);
	return query_run(&q, NULL, err);
}

static int row_delete(
	struct lanedb *db, const struct entry *entry, struct err *err)
{
	scoped(query_close) struct query q = query_open(
		&db->db, "DELETE FROM session WHERE name = ? AND device = ?");

	query_bind_text(&q, entry->name);
	query_bind_int(&q, entry->device);
	return query_run(&q, NULL, err);
}

static int entry_flush(struct lanedb *db, struct entry *entry, struct err *err)
{
	if (lanedb_begin(db, err) != 0 ||
		(entry->is_absent ? row_delete(db, entry, err)
				  : row_write(db, entry, err)) != 0)
		return -1;
	entry->is_dirty = false;
	db->sessions->n_dirty--;
	return 0;
}

static int row_read(struct lanedb *db, struct entry *entry, struct err *err)
{
	scoped(query_close) struct query q = query_open(&db->db,
		"SELECT sealed FROM session WHERE name = ? AND device = ?");
	const void *sealed;
	size_t n;
	int rc;

	query_bind_text(&q, entry->name);
	query_bind_int(&q, entry->device);
	rc = query_step(&q, err);
	entry->is_absent = rc == 0;
	if (rc != 1)
		return rc;
	sealed = query_blob(&q, &n);
	return lanedb_unseal(db,
		record_place(db, "session", "", entry->name, entry->device),
		sealed, n, &entry->record, err);
}

/* ---- making room ---- */

static void unlink_entry(struct session_cache *cache, struct entry *entry)
{
	int index = (int)(entry - cache->entries);
	int *link = &cache->buckets[bucket_of(entry->name, entry->device)];

	while (*link != index)
		link = &cache->entries[*link].next;
	*link = entry->next;
}

static void entry_drop(struct session_cache *cache, struct entry *entry)
{
	unlink_entry(cache, entry);
	cache->n_bytes -= entry->record.len;
	cache->n_dirty -= entry->is_dirty;
	entry_wipe(entry);
}

/* Second chance: the first entry that was not touched since the hand came by.
 */
static int victim(struct lanedb *db, struct entry **out, struct err *err)
{
	struct session_cache *cache = db->sessions;

	for (;;) {
		struct entry *entry = &cache->entries[cache->hand];

		cache->hand = (cache->hand + 1) % CACHE_ENTRIES;
		if (entry->is_used && entry->is_recent) {
			entry->is_recent = false;
			continue;
		}
		if (entry->is_dirty && entry_flush(db, entry, err) != 0)
			return -1;
		if (entry->is_used)
			entry_drop(cache, entry);
		*out = entry;
		return 0;
	}
}

/* A free entry, after as many others went as the bytes ask for. */
static int make_room(struct lanedb *db, struct entry **out, struct err *err)
{
	do {
		if (victim(db, out, err) != 0)
			return -1;
	} while (db->sessions->n_bytes > CACHE_BYTES);
	return 0;
}

static int insert(struct lanedb *db, const char *name, uint16_t device,
	struct entry **out, struct err *err)
{
	struct session_cache *cache = db->sessions;
	int *bucket = &cache->buckets[bucket_of(name, device)];
	struct entry *entry;

	if (make_room(db, &entry, err) != 0)
		return -1;
	strcpy(entry->name, name);
	entry->device = device;
	entry->is_used = entry->is_recent = true;
	entry->next = *bucket;
	*bucket = (int)(entry - cache->entries);
	*out = entry;
	return 0;
}

/* The entry of an address, read from the table when it is not at hand. */
static int lookup(struct lanedb *db, const struct wa_jid *address,
	struct entry **out, struct err *err)
{
	char name[RECORD_NAME];
	struct entry *entry;

	record_name(address, name);
	*out = find(db->sessions, name, address->device);
	if (*out != NULL)
		return 0;
	if (insert(db, name, address->device, &entry, err) != 0)
		return -1;
	if (row_read(db, entry, err) != 0) {
		entry_drop(db->sessions, entry);
		return -1;
	}
	db->sessions->n_bytes += entry->record.len;
	*out = entry;
	return 0;
}

static void mark_dirty(struct lanedb *db, struct entry *entry)
{
	if (!entry->is_dirty)
		db->sessions->n_dirty++;
	entry->is_dirty = true;
}

int session_cache_flush(struct lanedb *db, struct err *err)
{
	struct session_cache *cache = db->sessions;

	for (int i = 0; i < CACHE_ENTRIES && cache->n_dirty > 0; i++) {
		struct entry *entry = &cache->entries[i];

		if (entry->is_dirty && entry_flush(db, entry, err) != 0)
			return -1;
	}
	return 0;
}

void session_cache_settle(struct lanedb *db)
{
	db->sessions->n_dirty = 0; /* flushed, and now durable */
}

void session_cache_drop(struct lanedb *db)
{
	struct session_cache *cache = db->sessions;

	for (int i = 0; i < CACHE_ENTRIES; i++)
		entry_wipe(&cache->entries[i]);
	for (int i = 0; i < CACHE_BUCKETS; i++)
		cache->buckets[i] = -1;
	cache->n_dirty = 0;
	cache->n_bytes = 0;
	cache->hand = 0;
}

void session_cache_forget(struct lanedb *db, const char *name)
{
	struct session_cache *cache = db->sessions;

	for (int i = 0; i < CACHE_ENTRIES; i++) {
		struct entry *entry = &cache->entries[i];

		if (!entry->is_used || strcmp(entry->name, name) != 0)
			continue;
		entry_drop(cache, entry);
	}
}

/* ---- sessions ---- */

int lanedb_session_load(struct lanedb *db, const struct wa_jid *address,
	struct buf *out, struct err *err)
{
	struct entry *entry;

	if (lookup(db, address, &entry, err) != 0)
		return -1;
	if (entry->is_absent)
		return 0;
	buf_add(out, entry->record.data, entry->record.len);
	return 1;
}

int lanedb_session_save(struct lanedb *db, const struct wa_jid *address,
	const uint8_t *record, size_t n, struct err *err)
{
	char name[RECORD_NAME];
	struct entry *entry;

	record_name(address, name);
	entry = find(db->sessions, name, address->device);
	if (entry == NULL &&
		insert(db, name, address->device, &entry, err) != 0)
		return -1;
	db->sessions->n_bytes += n - entry->record.len;
	buf_clear(&entry->record);
	buf_add(&entry->record, record, n);
	entry->is_absent = false;
	mark_dirty(db, entry);
	return 0;
}

int lanedb_session_delete(
	struct lanedb *db, const struct wa_jid *address, struct err *err)
{
	struct entry *entry;

	if (lookup(db, address, &entry, err) != 0)
		return -1;
	if (entry->is_absent)
		return 0;
	db->sessions->n_bytes -= entry->record.len;
	buf_clear(&entry->record);
	entry->is_absent = true;
	mark_dirty(db, entry);
	return 0;
}

/* ---- identities of peers ---- */

int lanedb_peer_identity_load(struct lanedb *db, const struct wa_jid *address,
	struct buf *out, struct err *err)
{
	scoped(query_close) struct query q =
		query_open(&db->db, "SELECT sealed FROM peer_identity"
				    " WHERE name = ? AND device = ?");
	char name[RECORD_NAME];
	const void *sealed;
	size_t n;
	int rc;

	record_name(address, name);
	query_bind_text(&q, name);
	query_bind_int(&q, address->device);
	rc = query_step(&q, err);
	if (rc != 1)
		return rc;
	sealed = query_blob(&q, &n);
	return lanedb_unseal(db,
		       record_place(
			       db, "peer_identity", "", name, address->device),
		       sealed, n, out, err) == 0
		       ? 1
		       : -1;
}

int lanedb_peer_identity_save(struct lanedb *db, const struct wa_jid *address,
	const uint8_t *key, size_t n, struct err *err)
{
	char name[RECORD_NAME];

	if (lanedb_begin(db, err) != 0)
		return -1;
	scoped(query_close) struct query q = query_open(&db->db,
		"INSERT INTO peer_identity (name, device, sealed)"
		" VALUES (?, ?, ?) ON CONFLICT (name, device)"
		" DO UPDATE SET sealed = excluded.sealed");

	record_name(address, name);
	lanedb_seal(db,
		record_place(db, "peer_identity", "", name, address->device),
		key, n);
	query_bind_text(&q, name);
	query_bind_int(&q, address->device);
	query_bind_blob(&q, db->scratch.data, db->scratch.len);
	return query_run(&q, NULL, err);
}

/* ---- sender keys ---- */

int lanedb_sender_key_load(struct lanedb *db, const struct wa_jid *group,
	const struct wa_jid *sender, struct buf *out, struct err *err)
{
	scoped(query_close) struct query q = query_open(&db->db,
		"SELECT sealed FROM sender_key"
		" WHERE chat = ? AND name = ? AND device = ?");
	char chat[RECORD_NAME], name[RECORD_NAME];
	const void *sealed;
	size_t n;
	int rc;

	record_name(group, chat);
	record_name(sender, name);
	query_bind_text(&q, chat);
	query_bind_text(&q, name);
	query_bind_int(&q, sender->device);
	rc = query_step(&q, err);
	if (rc != 1)
		return rc;
	sealed = query_blob(&q, &n);
	return lanedb_unseal(db,
		       record_place(
			       db, "sender_key", chat, name, sender->device),
		       sealed, n, out, err) == 0
		       ? 1
		       : -1;
}

int lanedb_sender_key_save(struct lanedb *db, const struct wa_jid *group,
	const struct wa_jid *sender, const uint8_t *record, size_t n,
	struct err *err)
{
	char chat[RECORD_NAME], name[RECORD_NAME];

	if (lanedb_begin(db, err) != 0)
		return -1;
	scoped(query_close) struct query q = query_open(&db->db,
		"INSERT INTO sender_key (chat, name, device, sealed)"
		" VALUES (?, ?, ?, ?) ON CONFLICT (chat, name, device)"
		" DO UPDATE SET sealed = excluded.sealed");

	record_name(group, chat);
	record_name(sender, name);
	lanedb_seal(db,
		record_place(db, "sender_key", chat, name, sender->device),
		record, n);
	query_bind_text(&q, chat);
	query_bind_text(&q, name);
	query_bind_int(&q, sender->device);
	query_bind_blob(&q, db->scratch.data, db->scratch.len);
	return query_run(&q, NULL, err);
}
