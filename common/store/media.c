#include "common/store/media.h"

#include <assert.h>

#include "common/err.h"
#include "common/own.h"
#include "common/store/message.h"
#include "common/store/store_impl.h"

static_assert(MEDIA_IMAGE == 1 && MEDIA_VIDEO == 2 && MEDIA_AUDIO == 3 &&
		      MEDIA_DOCUMENT == 4 && MEDIA_STICKER == 5 &&
		      MEDIA_VOICE == 6,
	"stored numbers never change");
static_assert(MEDIA_READY == 1 && MEDIA_PENDING == 2 && MEDIA_GONE == 3 &&
		      MEDIA_FAILED == 4,
	"stored numbers never change");

#define SHA256_BYTES 32

const char *media_state_name(enum media_state state)
{
	switch (state) {
	case MEDIA_READY:
		return "READY";
	case MEDIA_PENDING:
		return "PENDING";
	case MEDIA_GONE:
		return "GONE";
	case MEDIA_FAILED:
		return "FAILED";
	}
	return "UNKNOWN";
}

/* ---- rows ---- */

#define MEDIA_SELECT                                                    \
	"SELECT f.id, f.public_id, f.account_id, f.device_id, f.kind, " \
	"f.state,"                                                      \
	" f.sha256, f.size, f.mime, f.file_name, f.width, f.height,"    \
	" f.seconds, f.pages, f.is_animated, f.thumbnail, f.waveform,"  \
	" f.made_from, f.created_ms, f.deleted_ms FROM media f"

static const uint8_t *read_sha256(struct query *q)
{
	size_t n;
	const uint8_t *bytes = query_blob(q, &n);

	return n == SHA256_BYTES ? bytes : NULL;
}

static struct media media_from_row(struct query *q)
{
	struct media m = { 0 };

	m.id = query_int(q);
	m.public_id = query_text(q);
	m.account_id = query_int(q);
	m.device_id = query_int(q);
	m.kind = (enum media_kind)query_int(q);
	m.state = (enum media_state)query_int(q);
	m.sha256 = read_sha256(q);
	m.size = (uint64_t)query_int(q);
	m.mime = query_text(q);
	m.file_name = query_text(q);
	m.width = (uint32_t)query_int(q);
	m.height = (uint32_t)query_int(q);
	m.seconds = (uint32_t)query_int(q);
	m.pages = (uint32_t)query_int(q);
	m.is_animated = query_int(q) != 0;
	m.thumbnail = query_blob(q, &m.n_thumbnail);
	m.waveform = query_blob(q, &m.n_waveform);
	m.made_from = query_int(q);
	m.created_ms = query_int(q);
	m.deleted_ms = query_int(q);
	return m;
}

static int media_one(
	struct query *q, media_row_fn *row, void *arg, struct err *err)
{
	struct media media;

	if (query_one(q, "media", err) != 0)
		return -1;
	media = media_from_row(q);
	row(&media, arg);
	return 0;
}

/* ---- inserting ---- */

/* Uploads are listed, so they count; what was received or made does not. */
static int total_add(
	struct tx *tx, const struct media *media, int n, struct err *err)
{
	const struct list_key key = { .list = LIST_MEDIA,
		.account_id = media->account_id,
		.status = media->kind };

	if (media->device_id != 0 || media->made_from != 0)
		return 0;
	return list_total_add(tx, &key, n, err);
}

static void bind_blob(struct query *q, const void *bytes, size_t n)
{
	if (bytes == NULL || n == 0)
		query_bind_text(q, NULL);
	else
		query_bind_blob(q, bytes, n);
}

static void bind_media(struct query *q, const struct media *m)
{
	query_bind_text(q, m->public_id);
	query_bind_int(q, m->account_id);
	query_bind_int(q, m->device_id);
	query_bind_int(q, m->kind);
	query_bind_int(q, m->state);
	bind_blob(q, m->sha256, SHA256_BYTES);
	query_bind_int(q, (int64_t)m->size);
	query_bind_text(q, m->mime);
	query_bind_text(q, m->file_name);
	query_bind_int(q, m->width);
	query_bind_int(q, m->height);
	query_bind_int(q, m->seconds);
	query_bind_int(q, m->pages);
	query_bind_int(q, m->is_animated);
	bind_blob(q, m->thumbnail, m->n_thumbnail);
	bind_blob(q, m->waveform, m->n_waveform);
	query_bind_int_or_null(q, m->made_from);
	query_bind_int(q, m->created_ms);
}

int store_media_insert(struct tx *tx, struct media *media, struct err *err)
{
	scoped(query_close) struct query q = query_open(tx_db(tx),
		"INSERT INTO media (public_id, account_id, device_id, kind,"
		" state, sha256, size, mime, file_name, width, height,"
		" seconds, pages, is_animated, thumbnail, waveform,"
		" made_from, created_ms, deleted_ms) VALUES (?, ?, ?, ?, ?,"
		" ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0)");

	bind_media(&q, media);
	if (query_insert(&q, &media->id, err) < 0)
		return -1;
	return total_add(tx, media, 1, err);
}

/* ---- single rows ---- */

int store_media_by_public_id(struct store *store, int64_t account_id,
	const char *public_id, media_row_fn *row, void *arg, struct err *err)
{
	scoped(query_close) struct query q = query_open(store_db(store),
		MEDIA_SELECT " WHERE f.public_id = ? AND f.account_id = ?"
			     " AND f.deleted_ms = 0");

	query_bind_text(&q, public_id);
	query_bind_int(&q, account_id);
	return media_one(&q, row, arg, err);
}

int store_media_by_id(struct store *store, int64_t id, media_row_fn *row,
	void *arg, struct err *err)
{
	scoped(query_close) struct query q =
		query_open(store_db(store), MEDIA_SELECT " WHERE f.id = ?");

	query_bind_int(&q, id);
	return media_one(&q, row, arg, err);
}

int store_media_made_from(struct store *store, int64_t id, enum media_kind kind,
	media_row_fn *row, void *arg, struct err *err)
{
	scoped(query_close) struct query q = query_open(store_db(store),
		MEDIA_SELECT " WHERE f.made_from = ? AND f.kind = ?"
			     " AND f.deleted_ms = 0 LIMIT 1");

	query_bind_int(&q, id);
	query_bind_int(&q, kind);
	return media_one(&q, row, arg, err);
}

/* ---- lists ---- */

#define UPLOADS                                               \
	"account_id = ? AND device_id = 0 AND deleted_ms = 0" \
	" AND made_from IS NULL"

/* By [has kind]. */
static const char *const page_sql[2] = {
	MEDIA_SELECT PAGE_OF("f", "media", UPLOADS),
	MEDIA_SELECT PAGE_OF("f", "media", UPLOADS " AND kind = ?"),
};

int store_media_list(struct store *store, int64_t account_id,
	enum media_kind kind, struct page page, media_row_fn *row, void *arg,
	int64_t *total_out, struct err *err)
{
	const struct list_key key = { .list = LIST_MEDIA,
		.account_id = account_id,
		.status = (int)kind };
	scoped(query_close) struct query q =
		query_open(store_db(store), page_sql[key.status != 0]);
	struct media media;
	int rc;

	if (list_total_get(store, &key, total_out, err) != 0)
		return -1;
	query_bind_list(&q, &key, page);
	while ((rc = query_step(&q, err)) == 1) {
		media = media_from_row(&q);
		if (row(&media, arg) != 0)
			return 0;
	}
	return rc;
}

/* ---- changes ---- */

int store_media_set_state(struct tx *tx, const char *public_id,
	enum media_state state, const uint8_t *sha256, uint64_t size,
	media_row_fn *row, void *arg, struct err *err)
{
	scoped(query_close) struct query change = query_open(tx_db(tx),
		"UPDATE media SET state = ?1, sha256 = COALESCE(?2, sha256),"
		" size = CASE WHEN ?2 IS NULL THEN size ELSE ?3 END"
		" WHERE public_id = ?4 AND deleted_ms = 0");
	scoped(query_close) struct query q =
		query_open(tx_db(tx), MEDIA_SELECT " WHERE f.public_id = ?");
	int n_changed;

	query_bind_int(&change, state);
	bind_blob(&change, sha256, SHA256_BYTES);
	query_bind_int(&change, (int64_t)size);
	query_bind_text(&change, public_id);
	if (query_run(&change, &n_changed, err) != 0)
		return -1;
	if (n_changed == 0 || row == NULL)
		return 0;
	query_bind_text(&q, public_id);
	return media_one(&q, row, arg, err);
}

static int delete_children(
	struct tx *tx, int64_t id, int64_t now_ms, struct err *err)
{
	scoped(query_close) struct query q = query_open(tx_db(tx),
		"UPDATE media SET deleted_ms = ?"
		" WHERE made_from = ? AND deleted_ms = 0");

	query_bind_int(&q, now_ms);
	query_bind_int(&q, id);
	return query_run(&q, NULL, err);
}

int store_media_delete(struct tx *tx, int64_t account_id, const char *public_id,
	int64_t now_ms, struct err *err)
{
	scoped(query_close) struct query q = query_open(tx_db(tx),
		"UPDATE media SET deleted_ms = ? WHERE public_id = ?"
		" AND account_id = ? AND deleted_ms = 0"
		" RETURNING id, device_id, kind, made_from");
	struct media media = { .account_id = account_id };

	query_bind_int(&q, now_ms);
	query_bind_text(&q, public_id);
	query_bind_int(&q, account_id);
	if (query_one(&q, "media", err) != 0)
		return -1;
	media.id = query_int(&q);
	media.device_id = query_int(&q);
	media.kind = (enum media_kind)query_int(&q);
	media.made_from = query_int(&q);
	if (total_add(tx, &media, -1, err) != 0)
		return -1;
	return delete_children(tx, media.id, now_ms, err);
}

/* ---- files ---- */

int store_media_file_is_wanted(struct store *store, const uint8_t sha256[32],
	bool *wanted, struct err *err)
{
	static_assert(MESSAGE_QUEUED == 1, "SQL says 1 for QUEUED");
	scoped(query_close) struct query q = query_open(store_db(store),
		"SELECT EXISTS (SELECT 1 FROM media f WHERE f.sha256 = ?"
		" AND (f.deleted_ms = 0 OR EXISTS (SELECT 1 FROM message m"
		" WHERE m.media_id = f.id AND m.status = 1)"
		/* One that is not COMPLETED has messages to come. */
		" OR EXISTS (SELECT 1 FROM campaign c"
		" WHERE c.media_id = f.id AND c.status < 5)))");

	query_bind_blob(&q, sha256, SHA256_BYTES);
	if (query_one(&q, "file", err) != 0)
		return -1;
	*wanted = query_int(&q) != 0;
	return 0;
}
