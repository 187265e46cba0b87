#include "senderd/whatsapp/history.h"

#include <inttypes.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/clock.h"
#include "common/err.h"
#include "common/ids.h"
#include "common/log.h"
#include "common/own.h"
#include "common/wa/media.h"
#include "common/wa/pbguard.h"
#include "senderd/facts.h"
#include "senderd/whatsapp/history_reader.h"
#include "senderd/whatsapp/transfer.h"

#define JOBS_MAX 1000
#define BLOB_MAX (256u << 20)	    /* bytes on the media host */
#define INFLATE_MAX (2048ull << 20) /* and what they may become */
#define TRIES_MAX 5
#define TRY_AGAIN_MS 60000
/* Of a turn. */
#define TURN_ENTRIES 200
#define TURN_MS 20
#define TURN_GAP_MS 1
#define DAY_MS (24 * 3600 * 1000LL)

struct history {
	struct lane_timer timer;
	bool has_job;
	struct lane_history job; /* as the lane database has it */
	bool is_stale;		 /* or may have: a turn was perhaps dropped */
	Wa__HistorySyncNotification *about; /* of the job; owned */
	struct history_reader *reader;	    /* of its pass, or NULL */
	bool is_downloading;
	char *path;	   /* its blob, fetched; owned, removed with the job */
	int64_t began_ms;  /* monotonic: of the job */
	size_t n_messages; /* taken by this process */
};

struct history *history_new(void)
{
	return xcalloc(1, sizeof(struct history));
}

/* The job stays in the lane database. */
static void job_forget(struct history *history)
{
	history_reader_free(&history->reader);
	if (history->about != NULL)
		wa__history_sync_notification__free_unpacked(
			history->about, NULL);
	history->about = NULL;
	if (history->path != NULL)
		unlink(history->path);
	str_free(&history->path);
	history->has_job = false;
}

void history_free(struct history **historyp)
{
	struct history *history = move(*historyp);

	if (history == NULL)
		return;
	lane_timer_stop(&history->timer);
	job_forget(history);
	free(history);
}

/* What was read may be ahead of what is committed: it is taken up again from
 * there.  A blob that is here already stays. */
void history_on_disconnect(struct lane *lane)
{
	struct history *history = lane->history;

	lane_timer_stop(&history->timer);
	history_reader_free(&history->reader);
	history->is_stale = true;
}

/* ---- what is to be taken ---- */

/* "off" does without names and messages; without addresses and tokens nobody
 * could be written to. */
static bool is_mode(const struct lane *lane, const char *mode)
{
	return strcmp(lane->config->history.mode, mode) == 0;
}

static bool is_on_demand(const Wa__HistorySyncNotification *about)
{
	return about->sync_type == WA__HISTORY_SYNC_TYPE__ON_DEMAND;
}

static bool is_wanted(
	const struct lane *lane, const Wa__HistorySyncNotification *about)
{
	switch ((int)about->sync_type) {
	case WA__HISTORY_SYNC_TYPE__INITIAL_STATUS_V3:
	case WA__HISTORY_SYNC_TYPE__NO_HISTORY:
	case WA__HISTORY_SYNC_TYPE__MESSAGE_ACCESS_STATUS:
		return false;
	case WA__HISTORY_SYNC_TYPE__ON_DEMAND:
		return true;
	case WA__HISTORY_SYNC_TYPE__FULL:
		return is_mode(lane, "messages");
	default:
		return about->has_initial_hist_bootstrap_inline_payload ||
		       !is_mode(lane, "off");
	}
}

static struct history_plan plan_of(
	const struct lane *lane, const struct history *history)
{
	bool on_demand = is_on_demand(history->about);

	return (struct history_plan){
		.pass = history->job.pass == HISTORY_ADDRESSES
				? HISTORY_ADDRESSES
				: HISTORY_CONTENT,
		.skip = history->job.pass == HISTORY_ADDRESSES
				? 0
				: history->job.done,
		.has_names = on_demand || !is_mode(lane, "off"),
		/* What was asked for later is older than app state. */
		.has_settings = !on_demand,
		.has_messages = on_demand || is_mode(lane, "messages"),
		.since_ms =
			on_demand ? 0
				  : clock_now_ms() -
					    lane->config->history.days * DAY_MS,
	};
}

/* ---- the queue ---- */

static void kick(struct lane *lane, int64_t after_ms);

int history_on_notification(struct lane *lane, const char *wa_id,
	const Wa__HistorySyncNotification *notification, struct err *err)
{
	scoped(buf_fini) struct buf bytes = BUF_INIT;
	size_t n = wa__history_sync_notification__get_packed_size(notification);
	int n_jobs = lanedb_history_count(lane->db, err);

	if (n_jobs < 0)
		return -1;
	if (!is_wanted(lane, notification))
		return 0;
	if (n_jobs >= JOBS_MAX) {
		log_warning("history id=%s status=refused reason=\"%d wait\" "
			    "action=\"left out\"",
			log_quote(wa_id), n_jobs);
		return 0;
	}
	wa__history_sync_notification__pack(
		notification, buf_reserve(&bytes, n + 1));
	bytes.len = n;
	if (lanedb_history_add(lane->db, wa_id, bytes.data, bytes.len,
		    clock_now_ms(), err) != 0)
		return -1;
	kick(lane, 0);
	return 0;
}

/* Done with, for whatever reason. */
static void job_end(struct lane *lane, const char *status, const char *reason)
{
	struct history *history = lane->history;
	struct err err = ERR_NONE;

	log_info("history id=%s status=%s chats=%" PRId64
		 " messages=%zu duration_ms=%" PRId64 " reason=\"%s\"",
		log_quote(history->job.wa_id), status,
		history->reader != NULL ? history_reader_chats(history->reader)
					: 0,
		history->reader != NULL
			? history_reader_messages(history->reader)
			: 0,
		clock_mono_ms() - history->began_ms, reason);
	if (lanedb_history_remove(lane->db, history->job.id, &err) != 0)
		facts_fail(lane, &err);
	job_forget(history);
	malloc_trim(0);
	kick(lane, TURN_GAP_MS);
}

static bool about_read(struct history *history, const struct buf *bytes)
{
	if (wa_pb_bounded(bytes->data, bytes->len))
		history->about = wa__history_sync_notification__unpack(
			NULL, bytes->len, bytes->data);
	return history->about != NULL;
}

/* The oldest in the lane database: the one in hand as it is there, or the next.
 * 1/0/-1 */
static int job_load(struct lane *lane, struct err *err)
{
	struct history *history = lane->history;
	scoped(buf_fini) struct buf bytes = BUF_INIT;
	struct lane_history job;
	int found = lanedb_history_next(lane->db, &job, &bytes, err);

	if (history->has_job && (found != 1 || job.id != history->job.id))
		job_forget(history);
	if (found != 1)
		return found;
	history->job = job;
	if (history->has_job)
		return 1;
	history->has_job = true;
	history->began_ms = clock_mono_ms();
	if (about_read(history, &bytes))
		return 1;
	job_end(lane, "dropped", "unreadable");
	return 0;
}

/* 1: there is one in hand; 0: not in this turn; -1.  A job is begun in a turn
 * of its own, and counted until something comes of it: one that kills the lane,
 * or whose turns are dropped, is not read for ever. */
static int job_next(struct lane *lane, struct err *err)
{
	struct history *history = lane->history;
	int found;

	if (history->has_job && !history->is_stale)
		return 1;
	history->is_stale = false;
	found = job_load(lane, err);
	if (found != 1)
		return found;
	if (history->job.tries++ >= TRIES_MAX) {
		job_end(lane, "dropped", "tried too often");
		return 0;
	}
	kick(lane, TURN_GAP_MS);
	return lanedb_history_save(lane->db, &history->job, err);
}

/* ---- the blob ---- */

static bool ref_read(
	const Wa__HistorySyncNotification *about, struct wa_media_ref *out)
{
	*out = (struct wa_media_ref){ .type = WA_MEDIA_HISTORY };
	if (about->direct_path == NULL ||
		strlen(about->direct_path) >= sizeof out->direct_path ||
		about->media_key.len != sizeof out->key ||
		about->file_enc_sha256.len != sizeof out->enc_sha256)
		return false;
	memcpy(out->direct_path, about->direct_path,
		strlen(about->direct_path) + 1);
	memcpy(out->key, about->media_key.data, sizeof out->key);
	memcpy(out->enc_sha256, about->file_enc_sha256.data,
		sizeof out->enc_sha256);
	out->has_sha256 = about->file_sha256.len == sizeof out->sha256;
	if (out->has_sha256)
		memcpy(out->sha256, about->file_sha256.data,
			sizeof out->sha256);
	out->length = about->file_length;
	return true;
}

static void on_blob(struct lane *lane, enum transfer_outcome outcome,
	const struct wa_media_ref *ref, const char *path, void *arg)
{
	struct history *history = lane->history;
	int64_t again_ms = 0;

	(void)ref;
	(void)arg;
	history->is_downloading = false;
	switch (outcome) {
	case TRANSFER_DONE:
		history->path = xstrdup(path);
		kick(lane, 0);
		return;
	case TRANSFER_FAILED:
		job_forget(history);
		again_ms = random_jitter(TRY_AGAIN_MS, 20);
		log_warning("history status=deferred retry_ms=%" PRId64
			    " reason=\"its blob cannot be fetched\"",
			again_ms);
		kick(lane, again_ms);
		return;
	case TRANSFER_GONE:
		job_end(lane, "dropped", "its blob is gone");
		return;
	case TRANSFER_CORRUPT:
		job_end(lane, "dropped", "its blob is corrupt");
		return;
	case TRANSFER_REFUSED:
		job_end(lane, "dropped", "its blob is too large");
		return;
	}
}

static void blob_fetch(struct lane *lane)
{
	struct history *history = lane->history;
	struct wa_media_ref ref;

	if (!ref_read(history->about, &ref)) {
		job_end(lane, "dropped", "names no blob");
		return;
	}
	history->is_downloading = true;
	transfer_download(lane, &ref, BLOB_MAX, on_blob, NULL);
}

/* ---- reading ---- */

static bool is_here(const struct history *history)
{
	return history->path != NULL ||
	       history->about->has_initial_hist_bootstrap_inline_payload;
}

static int reader_open(struct lane *lane, struct err *err)
{
	struct history *history = lane->history;
	const ProtobufCBinaryData *bytes =
		&history->about->initial_hist_bootstrap_inline_payload;
	struct history_plan plan = plan_of(lane, history);
	struct blob *blob = NULL;

	if (history->path != NULL)
		blob = blob_of_file(history->path, err);
	else
		blob = blob_of_bytes(bytes->data, bytes->len);
	if (blob == NULL)
		return -1;
	blob_unzip(blob, INFLATE_MAX);
	history->reader = history_reader_new(lane, blob, &plan);
	return 0;
}

static int progress_save(struct lane *lane, struct err *err)
{
	struct history *history = lane->history;
	int64_t n_chats = history_reader_chats(history->reader);

	if (history->job.pass == HISTORY_ADDRESSES ||
		n_chats == history->job.done)
		return 0;
	history->job.done = n_chats;
	history->job.tries = 0;
	return lanedb_history_save(lane->db, &history->job, err);
}

static int pass_end(struct lane *lane, struct err *err)
{
	struct history *history = lane->history;

	if (history->job.pass != HISTORY_ADDRESSES) {
		job_end(lane, "read", "");
		return 0;
	}
	history->job.pass = HISTORY_CONTENT;
	history->job.tries = 0;
	history_reader_free(&history->reader);
	return lanedb_history_save(lane->db, &history->job, err);
}

/* Some of it.  -1: ERR_PEER for a blob that is broken. */
static int read_on(struct lane *lane, struct err *err)
{
	struct history *history = lane->history;
	size_t before;
	bool done = false;
	int rc;

	if (history->reader == NULL && reader_open(lane, err) != 0)
		return -1;
	before = history_reader_messages(history->reader);
	rc = history_reader_step(history->reader, TURN_ENTRIES,
		clock_mono_ms() + TURN_MS, &done, err);
	history->n_messages +=
		history_reader_messages(history->reader) - before;
	if (rc != 0)
		return -1;
	return done ? pass_end(lane, err) : progress_save(lane, err);
}

static void on_work(struct lane *lane, void *arg)
{
	struct history *history = lane->history;
	struct err err = ERR_NONE;
	int rc;

	(void)arg;
	if (history->is_downloading || !lane_is_ready(lane))
		return;
	rc = job_next(lane, &err);
	if (rc == 1 && !is_here(history)) {
		blob_fetch(lane);
		return;
	}
	if (rc == 1)
		rc = read_on(lane, &err) == 0 ? 1 : -1;
	if (rc < 0 && err.code == ERR_PEER)
		job_end(lane, "dropped", err.msg);
	else if (rc < 0)
		facts_fail(lane, &err);
	else if (rc == 1 && history->has_job)
		kick(lane, TURN_GAP_MS);
}

static void kick(struct lane *lane, int64_t after_ms)
{
	lane_timer_start(lane, &lane->history->timer, after_ms, on_work, NULL);
}

void history_on_ready(struct lane *lane)
{
	kick(lane, 0);
}

/* ---- for people ---- */

json_t *history_status(struct lane *lane)
{
	struct err err = ERR_NONE;
	int n_jobs = lanedb_history_count(lane->db, &err);

	return json_pack("{s:i, s:I}", "waiting", n_jobs > 0 ? n_jobs : 0,
		"messages", (json_int_t)lane->history->n_messages);
}
