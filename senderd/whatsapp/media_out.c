#include "senderd/whatsapp/media_out.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "common/arena.h"
#include "common/clock.h"
#include "common/err.h"
#include "common/ids.h"
#include "common/log.h"
#include "common/own.h"
#include "common/store/media.h"
#include "senderd/facts.h"
#include "senderd/whatsapp/outbound.h"
#include "senderd/whatsapp/transfer.h"

/* Transfers run few at a time, and what is received needs some as well. */
#define RUNNING_MAX 2
#define TRIES_MAX 6
#define WAIT_BASE_MS 5000
#define WAIT_FACTOR 4 /* 5 s, 20 s, 80 s, 5 min, 21 min */
#define DAY_MS (24 * 3600 * 1000LL)
/* Without reuse_days: as long as messages that waited for it may take. */
#define FRESH_MIN_MS (3600 * 1000LL)

/* One for each media row and type that messages wait for, so never more than
 * there are messages in memory.  QUEUED -> RUNNING -> done, or RESTING ->
 * QUEUED. */
struct upload {
	TAILQ_ENTRY(upload) entry;
	struct media_uploads *owner;
	int64_t media_id;
	uint8_t sha256[32];
	enum wa_media_type type;
	unsigned n_tries;
	enum { QUEUED, RUNNING, RESTING } state;
	struct lane_timer rest;
};

struct media_uploads {
	TAILQ_HEAD(upload_line, upload) all; /* oldest first */
	size_t n_running;
	struct lane_timer pump;
};

struct media_uploads *media_uploads_new(void)
{
	struct media_uploads *uploads = xcalloc(1, sizeof(*uploads));

	TAILQ_INIT(&uploads->all);
	return uploads;
}

static void upload_free(struct upload **uploadp)
{
	struct upload *upload = move(*uploadp);

	if (upload == NULL)
		return;
	TAILQ_REMOVE(&upload->owner->all, upload, entry);
	lane_timer_stop(&upload->rest);
	free(upload);
}

void media_uploads_free(struct media_uploads **uploadsp)
{
	struct media_uploads *uploads = move(*uploadsp);
	struct upload *upload;

	if (uploads == NULL)
		return;
	lane_timer_stop(&uploads->pump);
	while ((upload = TAILQ_FIRST(&uploads->all)) != NULL)
		upload_free(&upload);
	free(uploads);
}

static int64_t fresh_ms(const struct lane *lane)
{
	int64_t ms = lane->config->media.reuse_days * DAY_MS;

	return ms > FRESH_MIN_MS ? ms : FRESH_MIN_MS;
}

/* 1: there is one that messages may name. */
static int fresh_load(struct lane *lane, const uint8_t sha256[32],
	enum wa_media_type type, struct wa_media_ref *out,
	int64_t *uploaded_ms_out, struct err *err)
{
	int found = lanedb_upload_load(
		lane->db, sha256, type, out, uploaded_ms_out, err);

	if (found < 1)
		return found;
	return clock_now_ms() - *uploaded_ms_out < fresh_ms(lane);
}

/* ---- uploading ---- */

static void pump_soon(struct lane *lane);

/* The messages that waited go on, or fail with @reason. */
static void upload_end(
	struct lane *lane, struct upload *upload, const char *reason)
{
	int64_t media_id = upload->media_id;

	upload_free(&upload);
	outbound_resume_media(lane, media_id, reason);
}

static void on_rested(struct lane *lane, void *arg)
{
	struct upload *upload = arg;

	upload->state = QUEUED;
	pump_soon(lane);
}

static void upload_later(struct lane *lane, struct upload *upload)
{
	int64_t wait_ms = WAIT_BASE_MS;

	if (++upload->n_tries >= TRIES_MAX) {
		log_warning("upload media=%lld status=failed tries=%u "
			    "action=\"its messages fail\"",
			(long long)upload->media_id, upload->n_tries);
		upload_end(lane, upload, "upload_failed");
		return;
	}
	for (unsigned i = 1; i < upload->n_tries; i++)
		wait_ms *= WAIT_FACTOR;
	upload->state = RESTING;
	lane_timer_start(lane, &upload->rest, random_jitter(wait_ms, 20),
		on_rested, upload);
}

static void on_uploaded(struct lane *lane, enum transfer_outcome outcome,
	const struct wa_media_ref *ref, const char *path, void *arg)
{
	struct upload *upload = arg;
	struct err err = ERR_NONE;

	(void)path;
	upload->owner->n_running--;
	pump_soon(lane);
	switch (outcome) {
	case TRANSFER_DONE:
		if (lanedb_upload_save(lane->db, ref, clock_now_ms(), &err) !=
			0)
			facts_fail(lane, &err);
		upload_end(lane, upload, NULL);
		return;
	case TRANSFER_REFUSED:
		log_warning("upload media=%lld status=refused "
			    "action=\"its messages fail\"",
			(long long)upload->media_id);
		upload_end(lane, upload, "media_unavailable");
		return;
	case TRANSFER_GONE:
	case TRANSFER_CORRUPT:
	case TRANSFER_FAILED:
		upload_later(lane, upload);
		return;
	}
}

/* Another row of the same file may have been uploaded meanwhile. */
static void upload_start(struct lane *lane, struct upload *upload)
{
	struct wa_media_ref ref;
	struct err err = ERR_NONE;
	int64_t uploaded_ms = 0;
	int found = fresh_load(
		lane, upload->sha256, upload->type, &ref, &uploaded_ms, &err);

	if (found < 0)
		facts_fail(lane, &err);
	if (found > 0) {
		upload_end(lane, upload, NULL);
		return;
	}
	upload->state = RUNNING;
	upload->owner->n_running++;
	transfer_upload(
		lane, upload->type, upload->sha256, on_uploaded, upload);
}

static struct upload *first_queued(struct media_uploads *uploads)
{
	struct upload *upload = TAILQ_FIRST(&uploads->all);

	while (upload != NULL && upload->state != QUEUED)
		upload = TAILQ_NEXT(upload, entry);
	return upload;
}

static void pump(struct lane *lane, void *arg)
{
	struct media_uploads *uploads = lane->uploads;
	struct upload *upload;

	(void)arg;
	while (uploads->n_running < RUNNING_MAX &&
		(upload = first_queued(uploads)) != NULL)
		upload_start(lane, upload);
}

static void pump_soon(struct lane *lane)
{
	lane_timer_start(lane, &lane->uploads->pump, 0, pump, NULL);
}

static struct upload *upload_find(struct media_uploads *uploads,
	int64_t media_id, enum wa_media_type type)
{
	struct upload *upload = TAILQ_FIRST(&uploads->all);

	while (upload != NULL &&
		(upload->media_id != media_id || upload->type != type))
		upload = TAILQ_NEXT(upload, entry);
	return upload;
}

static void upload_join(struct lane *lane, int64_t media_id,
	const uint8_t sha256[32], enum wa_media_type type)
{
	struct media_uploads *uploads = lane->uploads;
	struct upload *upload;

	if (upload_find(uploads, media_id, type) != NULL)
		return;
	upload = xcalloc(1, sizeof(*upload));
	upload->owner = uploads;
	upload->media_id = media_id;
	upload->type = type;
	memcpy(upload->sha256, sha256, sizeof(upload->sha256));
	TAILQ_INSERT_TAIL(&uploads->all, upload, entry);
	pump_soon(lane);
}

/* ---- the row ---- */

static enum wa_media_type type_of(enum media_kind kind)
{
	switch (kind) {
	case MEDIA_IMAGE:
	case MEDIA_STICKER:
		return WA_MEDIA_IMAGE;
	case MEDIA_VIDEO:
		return WA_MEDIA_VIDEO;
	case MEDIA_AUDIO:
	case MEDIA_VOICE:
		return WA_MEDIA_AUDIO;
	case MEDIA_DOCUMENT:
		break;
	}
	return WA_MEDIA_DOCUMENT;
}

struct row_arg {
	struct lane *lane;
	struct media_out *out;
	uint8_t sha256[32];
	bool is_usable;
};

static const uint8_t *bytes_keep(
	struct lane *lane, const uint8_t *bytes, size_t n)
{
	return n > 0 ? arena_dup(lane->arena, bytes, n) : NULL;
}

static int on_row(const struct media *row, void *arg)
{
	struct row_arg *found = arg;
	struct media_out *out = found->out;
	struct lane *lane = found->lane;

	found->is_usable = row->account_id == lane->account_id &&
			   row->state == MEDIA_READY && row->sha256 != NULL;
	if (!found->is_usable)
		return 0;
	memcpy(found->sha256, row->sha256, sizeof(found->sha256));
	out->kind = row->kind;
	snprintf(out->mime, sizeof(out->mime), "%s", row->mime);
	snprintf(out->file_name, sizeof(out->file_name), "%s",
		row->file_name != NULL ? row->file_name : "");
	out->size = row->size;
	out->width = row->width;
	out->height = row->height;
	out->seconds = row->seconds;
	out->pages = row->pages;
	out->is_animated = row->is_animated;
	out->thumbnail = bytes_keep(lane, row->thumbnail, row->n_thumbnail);
	out->n_thumbnail = row->n_thumbnail;
	out->waveform = bytes_keep(lane, row->waveform, row->n_waveform);
	out->n_waveform = row->n_waveform;
	return 0;
}

enum media_out_state media_out_get(struct lane *lane, int64_t media_id,
	enum wa_media_type type, struct media_out *out, const char **reason_out,
	struct err *err)
{
	struct row_arg found = { .lane = lane, .out = out };
	int fresh;

	*out = (struct media_out){ 0 };
	if (store_media_by_id(lane->store, media_id, on_row, &found, err) !=
			0 &&
		err->code != ERR_NOT_FOUND)
		return MEDIA_OUT_FAILED;
	if (!found.is_usable) {
		*err = ERR_NONE;
		*reason_out = "media_unavailable";
		return MEDIA_OUT_REFUSED;
	}
	if (type != WA_MEDIA_DOCUMENT && type != type_of(out->kind)) {
		*reason_out = "media_of_another_kind";
		return MEDIA_OUT_REFUSED;
	}
	fresh = fresh_load(
		lane, found.sha256, type, &out->ref, &out->key_ms, err);
	if (fresh < 0)
		return MEDIA_OUT_FAILED;
	if (fresh > 0)
		return MEDIA_OUT_READY;
	upload_join(lane, media_id, found.sha256, type);
	return MEDIA_OUT_WAITS;
}
