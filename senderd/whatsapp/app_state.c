#include "senderd/whatsapp/app_state.h"

#include <stdlib.h>
#include <string.h>

#include "common/err.h"
#include "common/log.h"
#include "common/own.h"
#include "senderd/facts.h"
#include "senderd/whatsapp/app_state_impl.h"

#define DUE_VALUE "app_state_due" /* among the lane's values: one byte */
#define ALL (BIT(APP_COLLECTIONS) - 1)

static const char *const names[APP_COLLECTIONS] = {
	[APP_CRITICAL_BLOCK] = "critical_block",
	[APP_CRITICAL_UNBLOCK_LOW] = "critical_unblock_low",
	[APP_REGULAR_HIGH] = "regular_high",
	[APP_REGULAR] = "regular",
	[APP_REGULAR_LOW] = "regular_low",
};

const char *app_collection_name(enum app_collection collection)
{
	return names[collection];
}

/* ---- life ---- */

struct app_state *app_state_new(void)
{
	struct app_state *state = xcalloc(1, sizeof *state);

	state->busy = APP_NOBODY;
	TAILQ_INIT(&state->uploads);
	return state;
}

void app_state_free(struct app_state **statep)
{
	struct app_state *state = move(*statep);

	if (state == NULL)
		return;
	lane_timer_stop(&state->timer);
	syncd_snapshot_free(&state->snapshot);
	buf_fini(&state->patch);
	app_upload_drop_all(state);
	free(state);
}

/* What is in memory may be ahead of the lane database: the turn that ended the
 * connection was perhaps dropped. */
void app_state_on_disconnect(struct lane *lane)
{
	struct app_state *state = lane->app_state;

	lane_timer_stop(&state->timer);
	syncd_snapshot_free(&state->snapshot);
	if (!state->is_downloading)
		state->busy = APP_NOBODY;
	app_upload_fail_all(lane, ERR_TIMEOUT, "the connection was lost");
}

/* ---- what is due ---- */

int app_state_due_save(struct lane *lane, unsigned due, struct err *err)
{
	uint8_t byte = (uint8_t)due;

	if (due == lane->app_state->due)
		return 0;
	lane->app_state->due = due;
	return lanedb_value_save(lane->db, DUE_VALUE, &byte, 1, err);
}

static int due_load(struct lane *lane, struct err *err)
{
	scoped(buf_fini) struct buf stored = BUF_INIT;
	int found = lanedb_value_load(lane->db, DUE_VALUE, &stored, err);

	if (found < 0)
		return -1;
	if (found == 0)
		return app_state_due_save(lane, ALL, err); /* the first login */
	lane->app_state->due = stored.len == 1 ? stored.data[0] & ALL : ALL;
	return 0;
}

int app_state_mark(struct lane *lane, unsigned bits, struct err *err)
{
	struct app_state *state = lane->app_state;

	state->resting &= ~bits;
	if (state->busy != APP_NOBODY)
		state->again |= bits & BIT(state->busy);
	return app_state_due_save(lane, state->due | bits, err);
}

static void mark_and_kick(struct lane *lane, unsigned bits)
{
	struct err err = ERR_NONE;

	if (app_state_mark(lane, bits, &err) != 0)
		facts_fail(lane, &err);
	app_state_kick(lane);
}

void app_state_on_ready(struct lane *lane)
{
	struct err err = ERR_NONE;

	lane->app_state->resting = 0;
	lane->app_state->n_tries = 0;
	if (due_load(lane, &err) != 0)
		facts_fail(lane, &err);
	app_state_kick(lane);
}

void app_state_on_dirty(struct lane *lane)
{
	mark_and_kick(lane, ALL);
}

/* Collections that were never read are due with the first keys, and those that
 * waited for one. */
void app_state_on_keys(struct lane *lane)
{
	struct app_state *state = lane->app_state;
	unsigned bits = state->parked;
	uint8_t hash[LANE_HASH_BYTES];
	struct err err = ERR_NONE;
	uint64_t version = 0;

	state->parked = 0;
	for (unsigned i = 0; i < APP_COLLECTIONS; i++) {
		if (lanedb_collection_load(
			    lane->db, names[i], &version, hash, &err) != 0) {
			facts_fail(lane, &err);
			return;
		}
		if (version == 0)
			bits |= BIT(i);
	}
	mark_and_kick(lane, bits);
}

static int collection_find(const char *name)
{
	for (int i = 0; name != NULL && i < APP_COLLECTIONS; i++) {
		if (strcmp(names[i], name) == 0)
			return i;
	}
	return APP_NOBODY;
}

int app_state_on_notification(
	struct lane *lane, const struct wa_node *notification, struct err *err)
{
	struct wa_jid from;
	unsigned bits = 0;

	if (!wa_node_jid(notification, "from", &from) ||
		!lane_is_self(lane, &from))
		return 0;
	wa_node_each (child, notification) {
		int collection = collection_find(wa_node_str(child, "name"));

		if (collection != APP_NOBODY)
			bits |= BIT(collection);
	}
	if (app_state_mark(lane, bits, err) != 0)
		return -1;
	app_state_kick(lane);
	return 0;
}

/* ---- what comes next ---- */

static int next_due(const struct app_state *state)
{
	unsigned bits = state->due & ~state->parked & ~state->resting;

	for (int i = 0; i < APP_COLLECTIONS; i++) {
		if (bits & BIT(i))
			return i;
	}
	return APP_NOBODY;
}

static void on_kick(struct lane *lane, void *arg)
{
	struct app_state *state = lane->app_state;
	struct err err = ERR_NONE;
	int n_keys = lanedb_app_key_count(lane->db, &err);

	(void)arg;
	if (n_keys < 0)
		facts_fail(lane, &err);
	if (n_keys <= 0 || !lane_is_ready(lane) || state->busy != APP_NOBODY)
		return;
	state->busy = next_due(state);
	if (state->busy != APP_NOBODY)
		app_state_fetch(lane);
	else
		app_upload_next(lane);
}

void app_state_kick(struct lane *lane)
{
	struct app_state *state = lane->app_state;

	if (state->busy == APP_NOBODY)
		lane_timer_start(lane, &state->timer, 0, on_kick, NULL);
}

/* ---- for people ---- */

static const char *state_name(const struct app_state *state, unsigned bit)
{
	if (state->parked & bit)
		return "PARKED";
	if (state->resting & bit)
		return "GIVEN_UP";
	return state->due & bit ? "DUE" : "SYNCED";
}

json_t *app_state_status(struct lane *lane)
{
	json_t *json = json_object();
	uint8_t hash[LANE_HASH_BYTES];
	struct err err = ERR_NONE;

	for (unsigned i = 0; i < APP_COLLECTIONS; i++) {
		uint64_t version = 0;

		if (lanedb_collection_load(
			    lane->db, names[i], &version, hash, &err) != 0)
			log_warning(
				"app_state reason=\"%s\" action=none", err.msg);
		json_object_set_new(json, names[i],
			json_pack("{s:I, s:s}", "version", (json_int_t)version,
				"state", state_name(lane->app_state, BIT(i))));
	}
	json_object_set_new(
		json, "broken", json_integer(lane->app_state->n_broken));
	return json;
}
