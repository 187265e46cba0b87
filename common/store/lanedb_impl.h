/* What the files of the lane's database know of it.  Internal to common/store.
 */
#ifndef COMMON_STORE_LANEDB_IMPL_H
#define COMMON_STORE_LANEDB_IMPL_H

#include "common/buf.h"
#include "common/own.h"
#include "common/store/db.h"
#include "common/store/lanedb.h"
#include "common/store/query.h"

struct session_cache;

/* How an address is stored: bare JID text and device number. */
#define RECORD_NAME WA_JID_TEXT
void record_name(const struct wa_jid *address, char out[RECORD_NAME]);

#define LANEDB_PLACE (2 * RECORD_NAME + 64)

struct lanedb {
	struct db db;
	struct secret_key key;
	struct session_cache *sessions; /* written back by lanedb_commit() */
	struct buf scratch;		/* sealed bytes on their way in */
	char place[LANEDB_PLACE];	/* see lanedb_place() */
};

/* Opens the turn's transaction unless it is open. */
int lanedb_begin(struct lanedb *db, struct err *err);

/* Which row a sealed value belongs to, "session 900001@lid 2": it opens in no
 * other. The text lives until the next call. */
const char *lanedb_place(struct lanedb *db, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* The place of a Signal record; @chat is "" but for sender keys. */
const char *record_place(struct lanedb *db, const char *table, const char *chat,
	const char *name, int device);
/* Seals into db->scratch, which lives until the next call. */
void lanedb_seal(
	struct lanedb *db, const char *place, const void *plain, size_t n);
/* Appends the plaintext to @out. */
int lanedb_unseal(struct lanedb *db, const char *place, const void *sealed,
	size_t n, struct buf *out, struct err *err);

/* ---- lanedb_session.c ---- */
struct session_cache *session_cache_new(void);
void session_cache_free(struct session_cache **cachep);
int session_cache_flush(struct lanedb *db, struct err *err);
void session_cache_settle(struct lanedb *db); /* after COMMIT: all clean */
void session_cache_drop(struct lanedb *db);   /* after ROLLBACK: forget all */
/* What the table now says of @name differs from the cache.  Flush before. */
void session_cache_forget(struct lanedb *db, const char *name);

#endif
