/* One collection, fetched: its snapshot, its patches, what they keep on the
 * media host, and how a fetch ends.  See app_state.h. */
#include "senderd/whatsapp/app_state_impl.h"

#include <inttypes.h>
#include <malloc.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/err.h"
#include "common/ids.h"
#include "common/log.h"
#include "common/own.h"
#include "senderd/facts.h"
#include "senderd/whatsapp/ask_phone.h"
#include "senderd/whatsapp/transfer.h"

#define TRIES_MAX 4 /* of one question without a usable answer */
#define TRY_AGAIN_MS 2000
/* A turn takes so many records of a snapshot, or mutations of patches; what an
 * answer has beyond that is asked for again. */
#define STEP_RECORDS 200
#define TURN_MUTATIONS 5000
#define STEP_GAP_MS 1

/* The one in hand. */
static const char *name_in_hand(const struct lane *lane)
{
	return app_collection_name((enum app_collection)lane->app_state->busy);
}

/* One function writes these lines. */
static void log_collection(enum app_collection collection, const char *status,
	uint64_t version, const char *reason)
{
	log_info("app_state collection=%s status=%s version=%" PRIu64
		 " reason=\"%s\"",
		app_collection_name(collection), status, version, reason);
}

/* ---- the ends of a fetch ---- */

void app_state_release(struct lane *lane)
{
	struct app_state *state = lane->app_state;

	syncd_snapshot_free(&state->snapshot);
	buf_fini(&state->patch);
	state->busy = APP_NOBODY;
	state->n_tries = 0;
	app_state_kick(lane);
}

static void settled(struct lane *lane, uint64_t version)
{
	struct app_state *state = lane->app_state;
	enum app_collection collection = (enum app_collection)state->busy;
	unsigned bit = BIT(collection);
	struct err err = ERR_NONE;

	log_collection(collection, "synced", version, "");
	state->refetched &= ~bit;
	if (state->again & bit)
		state->again &= ~bit;
	else if (app_state_due_save(lane, state->due & ~bit, &err) != 0)
		facts_fail(lane, &err);
	app_state_release(lane);
	app_upload_on_settled(lane, collection);
}

/* @is_final: it is not tried again by itself, not even after a restart. */
static void rest(struct lane *lane, bool is_final, const char *why)
{
	struct app_state *state = lane->app_state;
	enum app_collection collection = (enum app_collection)state->busy;
	unsigned bit = BIT(collection);
	struct err err = ERR_NONE;

	log_warning("app_state collection=%s status=given_up reason=\"%s\" "
		    "action=\"left as it is until it changes\"",
		app_collection_name(collection), why);
	state->resting |= bit;
	state->again &= ~bit;
	state->refetched &= ~bit;
	if (is_final && app_state_due_save(lane, state->due & ~bit, &err) != 0)
		facts_fail(lane, &err);
	app_state_release(lane);
	app_upload_on_rest(lane, collection,
		"the phone's settings cannot be read just now");
}

static void park(struct lane *lane, const struct syncd_key_id *missing)
{
	struct app_state *state = lane->app_state;
	enum app_collection collection = (enum app_collection)state->busy;
	struct err err = ERR_NONE;

	log_collection(collection, "parked", 0, "waits for a key");
	state->parked |= BIT(collection);
	if (missing->n > 0 && ask_phone_for_key(lane, missing, &err) != 0)
		facts_fail(lane, &err);
	app_state_release(lane);
	app_upload_on_rest(lane, collection,
		"the phone has not shared the key for this yet");
}

static void on_try_again(struct lane *lane, void *arg)
{
	(void)arg;
	if (lane->app_state->busy != APP_NOBODY)
		app_state_fetch(lane);
}

static void no_answer(struct lane *lane, const char *why)
{
	struct app_state *state = lane->app_state;

	if (!lane_is_ready(lane)) {
		app_state_release(lane);
		return;
	}
	if (++state->n_tries >= TRIES_MAX) {
		rest(lane, false, why);
		return;
	}
	lane_timer_start(lane, &state->timer,
		random_jitter((int64_t)TRY_AGAIN_MS << state->n_tries, 20),
		on_try_again, NULL);
}

/* It is not what its MACs say: from the beginning, once. */
static void broken(struct lane *lane, const struct err *why)
{
	struct app_state *state = lane->app_state;
	unsigned bit = BIT(state->busy);
	struct err err = ERR_NONE;

	state->n_broken++;
	if (lanedb_collection_reset(lane->db, name_in_hand(lane), &err) != 0) {
		facts_fail(lane, &err);
		return;
	}
	if (state->refetched & bit) {
		rest(lane, true, why->msg);
		return;
	}
	log_warning("app_state collection=%s status=broken reason=\"%s\" "
		    "action=\"fetched anew\"",
		name_in_hand(lane), why->msg);
	syncd_snapshot_free(&state->snapshot);
	state->refetched |= bit;
	app_state_fetch(lane);
}

/* ---- a snapshot ---- */

static void on_snapshot_step(struct lane *lane, void *arg)
{
	struct app_state *state = lane->app_state;
	struct syncd_snapshot *snapshot = state->snapshot;
	struct err err = ERR_NONE;
	bool done = false;

	(void)arg;
	if (snapshot == NULL)
		return;
	switch (syncd_snapshot_step(snapshot, STEP_RECORDS, &done, &err)) {
	case SYNCD_OK:
		break;
	case SYNCD_NO_KEY:
		park(lane, syncd_snapshot_missing(snapshot));
		return;
	case SYNCD_BROKEN:
		broken(lane, &err);
		return;
	case SYNCD_NEEDS_BLOB:
	case SYNCD_FAILED:
		facts_fail(lane, &err);
		return;
	}
	if (!done) {
		lane_timer_start(lane, &state->timer, STEP_GAP_MS,
			on_snapshot_step, NULL);
		return;
	}
	log_info("app_state collection=%s status=snapshot version=%" PRIu64
		 " records=%zu",
		name_in_hand(lane), syncd_snapshot_version(snapshot),
		syncd_snapshot_count(snapshot));
	syncd_snapshot_free(&state->snapshot);
	malloc_trim(0);
	app_state_fetch(lane); /* what came after it */
}

/* ---- blobs ---- */

static void blob_failed(struct lane *lane, enum transfer_outcome outcome)
{
	struct err err = ERR_NONE;

	switch (outcome) {
	case TRANSFER_DONE:
		return;
	case TRANSFER_FAILED:
		no_answer(lane, "its blob cannot be fetched");
		return;
	case TRANSFER_GONE:
	case TRANSFER_CORRUPT:
		err_set(&err, ERR_PEER, "its blob is %s",
			outcome == TRANSFER_GONE ? "gone" : "corrupt");
		broken(lane, &err);
		return;
	case TRANSFER_REFUSED:
		rest(lane, true, "its blob is too large");
		return;
	}
}

static void patch_with_blob(struct lane *lane, const char *path);

/* Runs for a collection that is still in hand: nobody else is taken up while
 * its blob is on the way. */
static void on_blob(struct lane *lane, enum transfer_outcome outcome,
	const struct wa_media_ref *ref, const char *path, void *arg)
{
	struct app_state *state = lane->app_state;

	(void)ref;
	(void)arg;
	state->is_downloading = false;
	if (!lane_is_ready(lane)) {
		if (path != NULL)
			unlink(path);
		app_state_release(lane);
		return;
	}
	if (outcome != TRANSFER_DONE) {
		blob_failed(lane, outcome);
		return;
	}
	if (state->patch.len > 0) {
		patch_with_blob(lane, path);
		unlink(path);
		return;
	}
	state->snapshot = syncd_snapshot_new(lane, name_in_hand(lane), path);
	lane_timer_start(
		lane, &state->timer, STEP_GAP_MS, on_snapshot_step, NULL);
}

static void blob_fetch(struct lane *lane, const struct wa_media_ref *ref)
{
	lane->app_state->is_downloading = true;
	transfer_download(lane, ref, SYNCD_BLOB_MAX, on_blob, NULL);
}

/* ---- patches ---- */

/* True: go on with the next one. */
static bool patch_result(struct lane *lane, enum syncd_result result,
	const struct syncd_patch_result *patch, const struct err *err)
{
	switch (result) {
	case SYNCD_OK:
		return true;
	case SYNCD_NO_KEY:
		park(lane, &patch->missing);
		return false;
	case SYNCD_NEEDS_BLOB:
		blob_fetch(lane, &patch->blob);
		return false;
	case SYNCD_BROKEN:
		broken(lane, err);
		return false;
	case SYNCD_FAILED:
		facts_fail(lane, err);
		return false;
	}
	return false;
}

static void patch_with_blob(struct lane *lane, const char *path)
{
	struct app_state *state = lane->app_state;
	struct buf patch = state->patch;
	struct syncd_patch_result out;
	struct err err = ERR_NONE;
	enum syncd_result result;

	state->patch = BUF_INIT;
	result = syncd_patch_apply(lane, name_in_hand(lane), patch.data,
		patch.len, path, &out, &err);
	buf_fini(&patch);
	if (patch_result(lane, result, &out, &err))
		app_state_fetch(lane); /* what came after it */
}

/* Of an answer: *@more when some are left.  False: something else goes on. */
static bool patches_apply(struct lane *lane, const struct wa_node *patches,
	uint64_t *version_out, bool *more)
{
	struct app_state *state = lane->app_state;
	size_t n_mutations = 0;

	wa_node_each (child, patches) {
		struct syncd_patch_result out;
		struct err err = ERR_NONE;
		enum syncd_result result;
		size_t n = 0;
		const uint8_t *bytes = wa_node_content(child, &n);

		if (strcmp(child->tag, "patch") != 0 || bytes == NULL)
			continue;
		if (n_mutations >= TURN_MUTATIONS) {
			*more = true;
			return true;
		}
		result = syncd_patch_apply(
			lane, name_in_hand(lane), bytes, n, NULL, &out, &err);
		if (result == SYNCD_NEEDS_BLOB) {
			buf_clear(&state->patch);
			buf_add(&state->patch, bytes, n);
		}
		if (!patch_result(lane, result, &out, &err))
			return false;
		n_mutations += out.n_mutations;
		*version_out = out.version;
	}
	return true;
}

static void on_snapshot_ref(struct lane *lane, const struct wa_node *node)
{
	struct wa_media_ref ref;
	struct err err = ERR_NONE;
	size_t n = 0;
	const uint8_t *bytes = wa_node_content(node, &n);

	if (bytes != NULL && syncd_blob_ref(bytes, n, &ref)) {
		buf_clear(&lane->app_state->patch);
		blob_fetch(lane, &ref);
		return;
	}
	err_set(&err, ERR_PEER, "malformed reference to a snapshot");
	broken(lane, &err);
}

void app_state_on_collection(struct lane *lane, const struct wa_node *node)
{
	const struct wa_node *snapshot = wa_node_child(node, "snapshot");
	const struct wa_node *patches = wa_node_child(node, "patches");
	bool more = wa_node_is(node, "has_more_patches", "true");
	uint8_t hash[LANE_HASH_BYTES];
	struct err err = ERR_NONE;
	uint64_t before = 0;
	uint64_t version = 0;

	if (lanedb_collection_load(
		    lane->db, name_in_hand(lane), &before, hash, &err) != 0) {
		facts_fail(lane, &err);
		return;
	}
	if (snapshot != NULL && before == 0) {
		on_snapshot_ref(lane, snapshot);
		return;
	}
	version = before;
	if (patches != NULL && !patches_apply(lane, patches, &version, &more))
		return;
	if (!more)
		settled(lane, version);
	else if (version > before)
		app_state_fetch(lane);
	else
		rest(lane, true, "the server has more and does not give it");
}

/* ---- the question ---- */

static void on_answer(
	struct lane *lane, const struct wa_node *answer, void *arg)
{
	struct app_state *state = lane->app_state;
	const struct wa_node *sync = NULL;
	char why[64];
	int code = 0;

	(void)arg;
	if (state->busy == APP_NOBODY)
		return;
	if (!iq_is_error(answer, &code))
		sync = wa_node_child(answer, "sync");
	if (sync != NULL) {
		wa_node_each (node, sync) {
			if (!wa_node_is(node, "name", name_in_hand(lane)) ||
				iq_is_error(node, &code))
				continue;
			state->n_tries = 0;
			app_state_on_collection(lane, node);
			return;
		}
	}
	snprintf(why, sizeof why, "no answer, code %d", code);
	no_answer(lane, why);
}

/* The collection in hand, from the version it has. */
void app_state_fetch(struct lane *lane)
{
	struct wa_node *iq = iq_new(lane, "set", APP_STATE_XMLNS);
	struct wa_node *node =
		wa_node_add(wa_node_add(iq, "sync"), "collection");
	uint8_t hash[LANE_HASH_BYTES];
	struct err err = ERR_NONE;
	uint64_t version = 0;

	if (lanedb_collection_load(
		    lane->db, name_in_hand(lane), &version, hash, &err) != 0) {
		facts_fail(lane, &err);
		return;
	}
	wa_node_set(node, "name", name_in_hand(lane));
	if (version > 0)
		wa_node_set_int(node, "version", (int64_t)version);
	wa_node_set(node, "return_snapshot", version > 0 ? "false" : "true");
	iq_send(lane, iq, on_answer, NULL);
}
