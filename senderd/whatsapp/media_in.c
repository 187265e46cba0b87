#include "senderd/whatsapp/media_in.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/err.h"
#include "common/log.h"
#include "common/media/library.h"
#include "common/own.h"
#include "common/store/media.h"
#include "senderd/facts.h"
#include "senderd/whatsapp/media_retry.h"
#include "senderd/whatsapp/names.h"
#include "senderd/whatsapp/transfer.h"

/* Transfers run few at a time, and what is sent needs some as well. */
#define RUNNING_MAX 2
/* Downloads and questions to the phone together: 10 s, 30 s, 90 s, 4.5 min,
 * 13.5 min, 30 min, 30 min. */
#define TRIES_MAX 8
#define WAIT_BASE_MS 10000
#define WAIT_MAX_MS (30 * 60 * 1000LL)
/* The phone uploads the file before it answers. */
#define ANSWER_MIN_MS 60000
/* Longer than any transfer: one that is still noted as running was lost. */
#define LEASE_MS (2 * 3600 * 1000LL)
/* Media hosts keep blobs for about so long. */
#define PARKED_MS (30 * 24 * 3600 * 1000LL)
#define PUMP_MAX_MS (3600 * 1000LL)
#define SAME_ID_MAX 4
#define MIB (UINT64_C(1) << 20)

struct media_in {
	size_t n_running;
	struct lane_timer pump;
};

struct media_in *media_in_new(void)
{
	return xcalloc(1, sizeof(struct media_in));
}

void media_in_free(struct media_in **media_inp)
{
	struct media_in *media_in = move(*media_inp);

	if (media_in == NULL)
		return;
	lane_timer_stop(&media_in->pump);
	free(media_in);
}

static void fetch_wipe(struct lane_fetch *fetch)
{
	sodium_memzero(fetch, sizeof(*fetch));
}

static uint64_t max_bytes(const struct lane *lane)
{
	return (uint64_t)lane->config->media.max_mib * MIB;
}

static void pump(struct lane *lane, void *arg);

static void pump_after(struct lane *lane, int64_t wait_ms)
{
	lane_timer_start(lane, &lane->media_in->pump,
		wait_ms < PUMP_MAX_MS ? wait_ms : PUMP_MAX_MS, pump, NULL);
}

static void pump_soon(struct lane *lane)
{
	pump_after(lane, 0);
}

/* A failure of the lane database drops the turn; what it was about is still in
 * the database then, and comes up again. */
static void check(struct lane *lane, int rc, const struct err *err)
{
	if (rc < 0)
		facts_fail(lane, err);
}

/* ---- the end of one ---- */

static void log_fetch(const struct lane_fetch *fetch, const char *status)
{
	log_info("media id=%s message=%s status=%s tries=%d", fetch->media_id,
		log_quote(fetch->wa_id), status, fetch->attempts);
}

static int fetch_end(struct lane *lane, const struct lane_fetch *fetch,
	enum media_state state, const struct wa_media_ref *file,
	struct err *err)
{
	struct names chat;

	if (names_find(lane, &fetch->chat, &chat, err) != 0 ||
		lanedb_fetch_remove(lane->db, fetch->media_id, err) != 0)
		return -1;
	facts_add_media_state(
		lane, &(struct media_end){
			      .public_id = fetch->media_id,
			      .state = state,
			      .sha256 = file != NULL ? file->sha256 : NULL,
			      .size = file != NULL ? file->length : 0,
			      .wa_id = fetch->wa_id,
			      .chat = chat.jid,
		      });
	log_fetch(fetch, media_state_name(state));
	return 0;
}

static int64_t wait_ms(int attempts)
{
	int64_t ms = WAIT_BASE_MS;

	for (int i = 1; i < attempts && ms < WAIT_MAX_MS; i++)
		ms *= 3;
	return random_jitter(ms < WAIT_MAX_MS ? ms : WAIT_MAX_MS, 20);
}

/* Once more, or it is given up. */
static int fetch_later(struct lane *lane, struct lane_fetch *fetch,
	enum lane_fetch_phase phase, int64_t after_ms, struct err *err)
{
	if (fetch->attempts >= TRIES_MAX)
		return fetch_end(lane, fetch, MEDIA_FAILED, NULL, err);
	fetch->phase = phase;
	fetch->next_ms = clock_now_ms() + after_ms;
	return lanedb_fetch_save(lane->db, fetch, err);
}

/* ---- downloading ---- */

static int on_row(const struct media *row, void *arg)
{
	*(enum media_state *)arg = row->state;
	return 0;
}

/* 1, and its state; 0: it was deleted meanwhile; -1. */
static int row_find(struct lane *lane, const char *media_id,
	enum media_state *state_out, struct err *err)
{
	if (store_media_by_public_id(lane->store, lane->account_id, media_id,
		    on_row, state_out, err) == 0)
		return 1;
	if (err->code != ERR_NOT_FOUND)
		return -1;
	*err = ERR_NONE;
	return 0;
}

/* The file came; @path is ours. */
static int fetch_keep(struct lane *lane, struct lane_fetch *fetch,
	const struct wa_media_ref *file, const char *path, struct err *err)
{
	enum media_state state;
	int found = row_find(lane, fetch->media_id, &state, err);

	if (found < 1) {
		unlink(path);
		return found < 0 ? -1
				 : lanedb_fetch_remove(
					   lane->db, fetch->media_id, err);
	}
	if (library_keep(lane->config, path, file->sha256, err) != 0) {
		log_error("media id=%s reason=\"%s\": trying again later",
			fetch->media_id, err->msg);
		unlink(path);
		return fetch_later(lane, fetch, LANE_FETCH_DUE,
			wait_ms(fetch->attempts), err);
	}
	return fetch_end(lane, fetch, MEDIA_READY, file, err);
}

static int outcome_handle(struct lane *lane, struct lane_fetch *fetch,
	enum transfer_outcome outcome, const struct wa_media_ref *file,
	const char *path, struct err *err)
{
	switch (outcome) {
	case TRANSFER_DONE:
		return fetch_keep(lane, fetch, file, path, err);
	case TRANSFER_GONE:
	case TRANSFER_CORRUPT: /* what the phone uploads anew may be whole */
		return fetch_later(lane, fetch, LANE_FETCH_ASKED, 0, err);
	case TRANSFER_FAILED:
		return fetch_later(lane, fetch, LANE_FETCH_DUE,
			wait_ms(fetch->attempts), err);
	case TRANSFER_REFUSED:
		break;
	}
	return fetch_end(lane, fetch, MEDIA_FAILED, NULL, err);
}

static void on_downloaded(struct lane *lane, enum transfer_outcome outcome,
	const struct wa_media_ref *file, const char *path, void *arg)
{
	scoped(str_free) char *media_id = arg;
	struct lane_fetch fetch;
	struct err err = ERR_NONE;
	int found = lanedb_fetch_load(lane->db, media_id, &fetch, &err);

	lane->media_in->n_running--;
	pump_soon(lane);
	if (found == 1)
		found = outcome_handle(lane, &fetch, outcome, file, path, &err);
	else if (path != NULL)
		unlink(path);
	check(lane, found, &err);
	fetch_wipe(&fetch);
}

static int download_start(
	struct lane *lane, struct lane_fetch *fetch, struct err *err)
{
	if (fetch->attempts >= TRIES_MAX)
		return fetch_end(lane, fetch, MEDIA_FAILED, NULL, err);
	fetch->attempts++;
	fetch->phase = LANE_FETCH_RUNNING;
	fetch->next_ms = clock_now_ms() + LEASE_MS;
	if (lanedb_fetch_save(lane->db, fetch, err) != 0)
		return -1;
	lane->media_in->n_running++;
	transfer_download(lane, &fetch->ref, max_bytes(lane), on_downloaded,
		xstrdup(fetch->media_id));
	return 0;
}

static int phone_ask(
	struct lane *lane, struct lane_fetch *fetch, struct err *err)
{
	int64_t after_ms;

	if (fetch->attempts >= TRIES_MAX)
		return fetch_end(lane, fetch, MEDIA_FAILED, NULL, err);
	fetch->attempts++;
	after_ms = wait_ms(fetch->attempts);
	fetch->next_ms = clock_now_ms() +
			 (after_ms > ANSWER_MIN_MS ? after_ms : ANSWER_MIN_MS);
	if (lanedb_fetch_save(lane->db, fetch, err) != 0)
		return -1;
	media_retry_ask(lane, fetch);
	log_fetch(fetch, "asked");
	return 0;
}

static int due_handle(
	struct lane *lane, struct lane_fetch *fetch, struct err *err)
{
	switch (fetch->phase) {
	case LANE_FETCH_DUE:
	case LANE_FETCH_RUNNING: /* and lost */
		return download_start(lane, fetch, err);
	case LANE_FETCH_ASKED:
		return phone_ask(lane, fetch, err);
	case LANE_FETCH_PARKED:
		break;
	}
	return fetch_end(lane, fetch, MEDIA_FAILED, NULL, err);
}

/* 1: it did something, there may be more to do. */
static int pump_one(struct lane *lane, struct err *err)
{
	int64_t now_ms = clock_now_ms();
	struct lane_fetch fetch;
	int rc = lanedb_fetch_first(lane->db, &fetch, err);

	if (rc == 1 && fetch.next_ms > now_ms) {
		pump_after(lane, fetch.next_ms - now_ms);
		rc = 0;
	} else if (rc == 1) {
		rc = due_handle(lane, &fetch, err) == 0 ? 1 : -1;
	}
	fetch_wipe(&fetch);
	return rc;
}

static void pump(struct lane *lane, void *arg)
{
	struct err err = ERR_NONE;
	int rc = 1;

	(void)arg;
	while (rc == 1 && lane_is_ready(lane) && !facts_failed(lane) &&
		lane->media_in->n_running < RUNNING_MAX)
		rc = pump_one(lane, &err);
	check(lane, rc, &err);
}

void media_in_on_ready(struct lane *lane)
{
	struct err err = ERR_NONE;

	/* Of an earlier process, or of a turn that was dropped. */
	if (lane->media_in->n_running == 0)
		check(lane,
			lanedb_fetch_release(lane->db, clock_now_ms(), &err),
			&err);
	pump_soon(lane);
}

/* ---- from messages ---- */

static void row_add(struct lane *lane, const struct media_found *found,
	const char *media_id)
{
	facts_add_media(lane, &(struct media){
				      .public_id = media_id,
				      .kind = found->kind,
				      .state = MEDIA_PENDING,
				      .size = found->size,
				      .mime = found->mime,
				      .file_name = found->file_name,
				      .width = found->width,
				      .height = found->height,
				      .seconds = found->seconds,
				      .pages = found->pages,
				      .is_animated = found->is_animated,
				      .thumbnail = found->thumbnail,
				      .n_thumbnail = found->n_thumbnail,
				      .waveform = found->waveform,
				      .n_waveform = found->n_waveform,
				      .created_ms = clock_now_ms(),
			      });
}

/* One that is too large is over in the next turn, when its message has been
 * told. */
static void schedule(struct lane *lane, struct lane_fetch *fetch)
{
	bool is_too_large = fetch->ref.length > max_bytes(lane);
	bool is_wanted = lane->config->media.auto_download;

	fetch->next_ms = clock_now_ms();
	fetch->phase =
		is_wanted && !is_too_large ? LANE_FETCH_DUE : LANE_FETCH_PARKED;
	if (!is_wanted && !is_too_large)
		fetch->next_ms += PARKED_MS;
}

static int fetch_note(struct lane *lane, const struct media_found *found,
	const char *media_id, struct err *err)
{
	struct lane_fetch fetch = { .chat = wa_jid_bare(found->chat),
		.from_me = found->is_own,
		.ref = found->ref };
	int rc;

	snprintf(fetch.media_id, sizeof(fetch.media_id), "%s", media_id);
	snprintf(fetch.wa_id, sizeof(fetch.wa_id), "%s", found->wa_id);
	if (!wa_jid_is_user(found->chat))
		fetch.participant = wa_jid_bare(found->sender);
	schedule(lane, &fetch);
	rc = lanedb_fetch_save(lane->db, &fetch, err);
	fetch_wipe(&fetch);
	pump_soon(lane);
	return rc;
}

int media_in_found(struct lane *lane, const struct media_found *found,
	char media_id_out[UUID_LEN], struct err *err)
{
	id_uuid7(media_id_out);
	row_add(lane, found, media_id_out);
	return fetch_note(lane, found, media_id_out, err);
}

int media_in_again(struct lane *lane, const struct media_found *found,
	const char *media_id, struct err *err)
{
	enum media_state state = MEDIA_FAILED;
	struct lane_fetch fetch;
	int rc = lanedb_fetch_load(lane->db, media_id, &fetch, err);

	fetch_wipe(&fetch);
	if (rc != 0)
		return rc < 0 ? -1 : 0;
	if (row_find(lane, media_id, &state, err) < 0)
		return -1;
	return state == MEDIA_PENDING ? fetch_note(lane, found, media_id, err)
				      : 0;
}

int media_in_want(struct lane *lane, const char *media_id, struct err *err)
{
	struct lane_fetch fetch;
	int rc = lanedb_fetch_load(lane->db, media_id, &fetch, err);

	if (rc == 0)
		rc = err_set(err, ERR_NOT_FOUND, "nothing to be fetched");
	else if (rc == 1 && fetch.phase == LANE_FETCH_PARKED) {
		fetch.phase = LANE_FETCH_DUE;
		fetch.next_ms = clock_now_ms();
		rc = lanedb_fetch_save(lane->db, &fetch, err);
		pump_soon(lane);
	}
	fetch_wipe(&fetch);
	return rc < 0 ? -1 : 0;
}

/* ---- the phone's answer ---- */

static int retry_handle(struct lane *lane, const struct wa_node *notification,
	struct lane_fetch *fetch, struct err *err)
{
	struct wa_jid from;
	bool is_ours = wa_node_jid(notification, "from", &from) &&
		       lane_is_self(lane, &from);

	if (fetch->phase != LANE_FETCH_ASKED)
		return 0;
	switch (media_retry_read(notification, is_ours, fetch)) {
	case MEDIA_RETRY_UPLOADED:
		return fetch_later(lane, fetch, LANE_FETCH_DUE, 0, err);
	case MEDIA_RETRY_NOT_FOUND:
		return fetch_end(lane, fetch, MEDIA_GONE, NULL, err);
	case MEDIA_RETRY_NONE: /* asked again when its time comes */
		log_fetch(fetch, "unanswered");
		return 0;
	}
	return 0;
}

int media_in_on_retry(
	struct lane *lane, const struct wa_node *notification, struct err *err)
{
	const char *id = wa_node_str(notification, "id");
	struct lane_fetch fetches[SAME_ID_MAX];
	int n = id == NULL ? 0
			   : lanedb_fetch_of_message(
				     lane->db, id, fetches, SAME_ID_MAX, err);
	int rc = n < 0 ? -1 : 0;

	for (int i = 0; i < n; i++) {
		if (rc == 0)
			rc = retry_handle(lane, notification, &fetches[i], err);
		fetch_wipe(&fetches[i]);
	}
	if (n > 0)
		pump_soon(lane);
	return rc;
}
