/* Media at the host: what was uploaded and serves again, and what was received
 * and is not here yet. */
#include "common/store/lanedb_impl.h"

#include <stdio.h>
#include <string.h>

#include "common/err.h"

#define REF_VERSION 1
#define SHA256_TEXT 65
/* Room for any row: growing would leave keys behind. */
#define ROW_MAX 2048

/* ---- a blob's reference as bytes ---- */

struct ref_head {
	uint8_t version, type, has_sha256;
	uint8_t key[WA_MEDIA_KEY], sha256[32], enc_sha256[32];
	uint8_t length[8];
};
_Static_assert(sizeof(struct ref_head) == 3 + WA_MEDIA_KEY + 64 + 8, "");

static void add_text(struct buf *out, const char *text)
{
	buf_add(out, text, strlen(text) + 1);
}

static void ref_add(struct buf *out, const struct wa_media_ref *ref)
{
	buf_add_byte(out, REF_VERSION);
	buf_add_byte(out, (uint8_t)ref->type);
	buf_add_byte(out, ref->has_sha256);
	buf_add(out, ref->key, sizeof(ref->key));
	buf_add(out, ref->sha256, sizeof(ref->sha256));
	buf_add(out, ref->enc_sha256, sizeof(ref->enc_sha256));
	buf_add_be(out, ref->length, 8);
	add_text(out, ref->direct_path);
	add_text(out, ref->url);
}

/* What is left to be read of a row. */
struct reader {
	const uint8_t *at;
	size_t left;
	bool failed;
};

static void take(struct reader *r, void *out, size_t n)
{
	if (r->failed || r->left < n) {
		r->failed = true;
		return;
	}
	memcpy(out, r->at, n);
	r->at += n;
	r->left -= n;
}

static void take_text(struct reader *r, char *out, size_t cap)
{
	size_t n = r->failed ? 0 : strnlen((const char *)r->at, r->left) + 1;

	if (n > cap)
		r->failed = true;
	take(r, out, n);
}

static void take_jid(struct reader *r, struct wa_jid *out)
{
	char text[WA_JID_TEXT] = "";

	*out = (struct wa_jid){ 0 };
	take_text(r, text, sizeof(text));
	if (text[0] != '\0' && wa_jid_parse(text, strlen(text), out) != 0)
		r->failed = true;
}

static void take_ref(struct reader *r, struct wa_media_ref *out)
{
	struct ref_head head = { 0 };

	take(r, &head, sizeof(head));
	if (head.version != REF_VERSION || head.type < WA_MEDIA_IMAGE ||
		head.type > WA_MEDIA_LINK_THUMBNAIL)
		r->failed = true;
	out->type = head.type;
	out->has_sha256 = head.has_sha256 != 0;
	memcpy(out->key, head.key, sizeof(head.key));
	memcpy(out->sha256, head.sha256, sizeof(head.sha256));
	memcpy(out->enc_sha256, head.enc_sha256, sizeof(head.enc_sha256));
	out->length = 0;
	for (size_t i = 0; i < sizeof(head.length); i++)
		out->length = out->length << 8 | head.length[i];
	take_text(r, out->direct_path, sizeof(out->direct_path));
	take_text(r, out->url, sizeof(out->url));
	explicit_bzero(&head, sizeof(head));
}

static void wipe_free(struct buf *plain)
{
	if (plain->data != NULL)
		explicit_bzero(plain->data, plain->cap);
	buf_fini(plain);
}

/* ---- uploads ---- */

static const char *upload_place(
	struct lanedb *db, const uint8_t sha256[32], enum wa_media_type type)
{
	char hex[SHA256_TEXT];

	for (size_t i = 0; i < 32; i++)
		snprintf(hex + 2 * i, 3, "%02x", sha256[i]);
	return lanedb_place(db, "upload %s %d", hex, (int)type);
}

int lanedb_upload_load(struct lanedb *db, const uint8_t sha256[32],
	enum wa_media_type type, struct wa_media_ref *out,
	int64_t *uploaded_ms_out, struct err *err)
{
	scoped(wipe_free) struct buf plain = BUF_INIT;
	scoped(query_close) struct query q =
		query_open(&db->db, "SELECT uploaded_ms, sealed FROM upload"
				    " WHERE sha256 = ? AND type = ?");
	struct reader r = { 0 };
	const void *sealed;
	size_t n;
	int rc;

	query_bind_blob(&q, sha256, 32);
	query_bind_int(&q, type);
	rc = query_step(&q, err);
	if (rc != 1)
		return rc;
	*uploaded_ms_out = query_int(&q);
	sealed = query_blob(&q, &n);
	if (lanedb_unseal(db, upload_place(db, sha256, type), sealed, n, &plain,
		    err) != 0)
		return -1;
	r.at = plain.data;
	r.left = plain.len;
	take_ref(&r, out);
	return r.failed ? err_set(err, ERR_IO, "upload: damaged row") : 1;
}

int lanedb_upload_save(struct lanedb *db, const struct wa_media_ref *ref,
	int64_t uploaded_ms, struct err *err)
{
	scoped(wipe_free) struct buf plain = BUF_INIT;

	if (lanedb_begin(db, err) != 0)
		return -1;
	scoped(query_close) struct query q = query_open(&db->db,
		"INSERT INTO upload (sha256, type, sealed, uploaded_ms)"
		" VALUES (?, ?, ?, ?) ON CONFLICT (sha256, type) DO UPDATE SET"
		" sealed = excluded.sealed,"
		" uploaded_ms = excluded.uploaded_ms");

	buf_reserve(&plain, ROW_MAX);
	ref_add(&plain, ref);
	lanedb_seal(db, upload_place(db, ref->sha256, ref->type), plain.data,
		plain.len);
	query_bind_blob(&q, ref->sha256, 32);
	query_bind_int(&q, ref->type);
	query_bind_blob(&q, db->scratch.data, db->scratch.len);
	query_bind_int(&q, uploaded_ms);
	return query_run(&q, NULL, err);
}

int lanedb_upload_expire(
	struct lanedb *db, int64_t before_ms, int limit, struct err *err)
{
	if (lanedb_begin(db, err) != 0)
		return -1;
	scoped(query_close) struct query q = query_open(&db->db,
		"DELETE FROM upload WHERE (sha256, type) IN"
		" (SELECT sha256, type FROM upload WHERE uploaded_ms < ?"
		" ORDER BY uploaded_ms LIMIT ?)");

	query_bind_int(&q, before_ms);
	query_bind_int(&q, limit);
	return query_run(&q, NULL, err);
}

/* ---- fetches ---- */

_Static_assert(LANE_FETCH_DUE == 1 && LANE_FETCH_RUNNING == 2, "");

#define FETCH_SELECT \
	"SELECT media_id, wa_id, phase, attempts, next_ms, sealed FROM fetch"

static void fetch_add(struct buf *out, const struct lane_fetch *fetch)
{
	char text[WA_JID_TEXT] = "";

	ref_add(out, &fetch->ref);
	add_text(out, wa_jid_text(&fetch->chat, text));
	text[0] = '\0';
	if (!wa_jid_is_empty(&fetch->participant))
		wa_jid_text(&fetch->participant, text);
	add_text(out, text);
	buf_add_byte(out, fetch->from_me);
}

int lanedb_fetch_save(
	struct lanedb *db, const struct lane_fetch *fetch, struct err *err)
{
	scoped(wipe_free) struct buf plain = BUF_INIT;

	if (lanedb_begin(db, err) != 0)
		return -1;
	scoped(query_close) struct query q = query_open(&db->db,
		"INSERT INTO fetch (media_id, wa_id, phase, attempts, next_ms,"
		" sealed) VALUES (?, ?, ?, ?, ?, ?)"
		" ON CONFLICT (media_id) DO UPDATE SET"
		" phase = excluded.phase, attempts = excluded.attempts,"
		" next_ms = excluded.next_ms, sealed = excluded.sealed");

	buf_reserve(&plain, ROW_MAX);
	fetch_add(&plain, fetch);
	lanedb_seal(db, lanedb_place(db, "fetch %s", fetch->media_id),
		plain.data, plain.len);
	query_bind_text(&q, fetch->media_id);
	query_bind_text(&q, fetch->wa_id);
	query_bind_int(&q, fetch->phase);
	query_bind_int(&q, fetch->attempts);
	query_bind_int(&q, fetch->next_ms);
	query_bind_blob(&q, db->scratch.data, db->scratch.len);
	return query_run(&q, NULL, err);
}

/* The row that was stepped to. */
static int fetch_from_row(struct lanedb *db, struct query *q,
	struct lane_fetch *out, struct err *err)
{
	scoped(wipe_free) struct buf plain = BUF_INIT;
	struct reader r = { 0 };
	const void *sealed;
	uint8_t from_me = 0;
	size_t n;

	*out = (struct lane_fetch){ 0 };
	snprintf(out->media_id, sizeof(out->media_id), "%s", query_text(q));
	snprintf(out->wa_id, sizeof(out->wa_id), "%s", query_text(q));
	out->phase = (enum lane_fetch_phase)query_int(q);
	out->attempts = (int)query_int(q);
	out->next_ms = query_int(q);
	sealed = query_blob(q, &n);
	if (lanedb_unseal(db, lanedb_place(db, "fetch %s", out->media_id),
		    sealed, n, &plain, err) != 0)
		return -1;
	r.at = plain.data;
	r.left = plain.len;
	take_ref(&r, &out->ref);
	take_jid(&r, &out->chat);
	take_jid(&r, &out->participant);
	take(&r, &from_me, 1);
	out->from_me = from_me != 0;
	return r.failed ? err_set(err, ERR_IO, "fetch: damaged row") : 0;
}

/* 1/0/-1 */
static int fetch_step(struct lanedb *db, struct query *q,
	struct lane_fetch *out, struct err *err)
{
	int rc = query_step(q, err);

	if (rc != 1)
		return rc;
	return fetch_from_row(db, q, out, err) == 0 ? 1 : -1;
}

int lanedb_fetch_load(struct lanedb *db, const char *media_id,
	struct lane_fetch *out, struct err *err)
{
	scoped(query_close) struct query q =
		query_open(&db->db, FETCH_SELECT " WHERE media_id = ?");

	query_bind_text(&q, media_id);
	return fetch_step(db, &q, out, err);
}

int lanedb_fetch_first(
	struct lanedb *db, struct lane_fetch *out, struct err *err)
{
	scoped(query_close) struct query q =
		query_open(&db->db, FETCH_SELECT " ORDER BY next_ms LIMIT 1");

	return fetch_step(db, &q, out, err);
}

int lanedb_fetch_of_message(struct lanedb *db, const char *wa_id,
	struct lane_fetch *out, int max, struct err *err)
{
	scoped(query_close) struct query q =
		query_open(&db->db, FETCH_SELECT " WHERE wa_id = ? LIMIT ?");
	int n = 0;
	int rc;

	query_bind_text(&q, wa_id);
	query_bind_int(&q, max);
	while (n < max && (rc = fetch_step(db, &q, &out[n], err)) == 1)
		n++;
	return n < max && rc < 0 ? -1 : n;
}

int lanedb_fetch_remove(
	struct lanedb *db, const char *media_id, struct err *err)
{
	if (lanedb_begin(db, err) != 0)
		return -1;
	scoped(query_close) struct query q =
		query_open(&db->db, "DELETE FROM fetch WHERE media_id = ?");

	query_bind_text(&q, media_id);
	return query_run(&q, NULL, err);
}

int lanedb_fetch_release(struct lanedb *db, int64_t now_ms, struct err *err)
{
	if (lanedb_begin(db, err) != 0)
		return -1;
	scoped(query_close) struct query q = query_open(&db->db,
		/* Literals: the index is of the running ones alone. */
		"UPDATE fetch SET phase = 1, next_ms = ? WHERE phase = 2");

	query_bind_int(&q, now_ms);
	return query_run(&q, NULL, err);
}
