#include "senderd/whatsapp/cold_chats.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/arena.h"
#include "common/buf.h"
#include "common/clock.h"
#include "common/err.h"
#include "common/log.h"
#include "common/own.h"
#include "senderd/facts.h"
#include "senderd/whatsapp/outbound.h"
#include "senderd/whatsapp/tokens.h"

#define VALUE "cold_chats" /* name among the lane's values */
#define HOUR_MS (3600 * 1000LL)
#define LOCK_MAX_MS (24 * HOUR_MS)
#define LEVEL_MAX 5			/* 2^5 hours is past the maximum */
#define CAP_MS (6 * HOUR_MS)		/* where the cycle's end is not told */
#define TOLD_MAX_MS (31 * 24 * HOUR_MS) /* a later end is nonsense */
#define TOLD_MIN_MS (60 * 1000LL)
#define JSON_MAX 65536

#define REASON_LOCK "reach_out_time_lock"
#define REASON_CAP "new_chats_capped"

/* What is kept over restarts; plain, since it is no secret. */
struct pause {
	int64_t until_ms; /* unix; 0 = none */
	uint32_t level;	  /* locks in a row */
	char reason[44];
};

struct cold_chats {
	struct pause pause;
	struct lane_timer timer;
	size_t n_parked;
	bool is_asking;
};

struct cold_chats *cold_chats_new(void)
{
	return xcalloc(1, sizeof(struct cold_chats));
}

void cold_chats_free(struct cold_chats **coldp)
{
	struct cold_chats *cold = move(*coldp);

	if (cold == NULL)
		return;
	lane_timer_stop(&cold->timer);
	free(cold);
}

int64_t cold_chats_until_ms(const struct lane *lane)
{
	int64_t until_ms = lane->outbound != NULL
				   ? lane->outbound->cold->pause.until_ms
				   : 0;

	return until_ms > clock_now_ms() ? until_ms : 0;
}

const char *cold_chats_reason(const struct lane *lane)
{
	return cold_chats_until_ms(lane) != 0
		       ? lane->outbound->cold->pause.reason
		       : NULL;
}

size_t cold_chats_parked(const struct lane *lane)
{
	return lane->outbound->cold->n_parked;
}

/* ---- the pause ---- */

static void pause_save(struct lane *lane)
{
	const struct pause *pause = &lane->outbound->cold->pause;
	struct err err = ERR_NONE;

	if (lanedb_value_save(lane->db, VALUE, pause, sizeof *pause, &err) != 0)
		facts_fail(lane, &err);
	lane_save_row(lane);
}

static void on_pause_over(struct lane *lane, void *arg)
{
	struct cold_chats *cold = lane->outbound->cold;

	(void)arg;
	log_info("new_chats status=resumed parked=%zu", cold->n_parked);
	cold->pause.until_ms = 0;
	cold->n_parked = 0;
	pause_save(lane);
	outbound_read_again(lane);
}

static void pause_until(struct lane *lane, int64_t until_ms, const char *reason)
{
	struct cold_chats *cold = lane->outbound->cold;
	char iso[CLOCK_ISO_LEN];

	cold->pause.until_ms = until_ms;
	snprintf(cold->pause.reason, sizeof cold->pause.reason, "%s", reason);
	clock_iso(until_ms, iso);
	log_warning("new_chats status=paused until=%s reason=%s "
		    "action=\"replies go on\"",
		iso, reason);
	pause_save(lane);
	lane_timer_start(lane, &cold->timer, until_ms - clock_now_ms(),
		on_pause_over, NULL);
}

void cold_chats_on_ready(struct lane *lane)
{
	struct cold_chats *cold = lane->outbound->cold;
	scoped(buf_fini) struct buf stored = BUF_INIT;
	struct err err = ERR_NONE;
	int found = lanedb_value_load(lane->db, VALUE, &stored, &err);

	if (found < 0)
		facts_fail(lane, &err);
	if (found <= 0 || stored.len != sizeof cold->pause)
		return;
	memcpy(&cold->pause, stored.data, sizeof cold->pause);
	cold->pause.reason[sizeof cold->pause.reason - 1] = '\0';
	cold->n_parked = 0; /* the queue is read from its start now */
	if (cold->pause.until_ms == 0)
		return;
	lane_timer_start(lane, &cold->timer,
		cold->pause.until_ms - clock_now_ms(), on_pause_over, NULL);
}

void cold_chats_on_accepted(struct lane *lane, const struct job *job)
{
	struct cold_chats *cold = lane->outbound->cold;

	if (!job->is_cold || cold->pause.level == 0 ||
		cold->pause.until_ms != 0)
		return;
	cold->pause.level = 0;
	pause_save(lane);
}

/* ---- what the server says of it ---- */

/* Unix seconds, as text or number. */
static int64_t told_ms(const json_t *object, const char *key)
{
	const json_t *value = json_object_get(object, key);

	if (json_is_integer(value))
		return json_integer_value(value) * 1000;
	if (json_is_string(value))
		return strtoll(json_string_value(value), NULL, 10) * 1000;
	return 0;
}

static void take_end(struct lane *lane, int64_t until_ms, const char *reason)
{
	int64_t now_ms = clock_now_ms();

	if (until_ms < now_ms + TOLD_MIN_MS)
		until_ms = now_ms + TOLD_MIN_MS;
	if (until_ms > now_ms + TOLD_MAX_MS)
		until_ms = now_ms + TOLD_MAX_MS;
	pause_until(lane, until_ms, reason);
}

static void on_lock_told(struct lane *lane, const json_t *lock)
{
	struct cold_chats *cold = lane->outbound->cold;
	bool is_active = json_is_true(json_object_get(lock, "is_active"));
	int64_t until_ms = told_ms(lock, "time_enforcement_ends");

	if (!json_is_object(lock))
		return;
	if (is_active)
		take_end(lane, until_ms, REASON_LOCK);
	else if (cold->pause.until_ms != 0 &&
		 strcmp(cold->pause.reason, REASON_LOCK) == 0)
		lane_timer_start(lane, &cold->timer, 0, on_pause_over, NULL);
}

static void on_cap_told(struct lane *lane, const json_t *cap)
{
	const char *status =
		json_string_value(json_object_get(cap, "capping_status"));

	if (status != NULL && strstr(status, "CAPPED") != NULL)
		take_end(lane, told_ms(cap, "cycle_end_timestamp"), REASON_CAP);
}

/* {"data": {"xwa2_…": {…}}} */
static void on_told(struct lane *lane, const uint8_t *bytes, size_t n)
{
	json_t *json = n <= JSON_MAX
			       ? json_loadb((const char *)bytes, n, 0, NULL)
			       : NULL;
	const json_t *data = json_object_get(json, "data");

	on_lock_told(lane,
		json_object_get(data, "xwa2_fetch_account_reachout_timelock"));
	on_lock_told(lane,
		json_object_get(data, "xwa2_notify_account_reachout_timelock"));
	on_cap_told(lane, json_object_get(data, "xwa2_message_capping_info"));
	on_cap_told(lane,
		json_object_get(data,
			"xwa2_notify_new_chat_messages_capping_info_update"));
	json_decref(json);
}

static void on_mex_answer(
	struct lane *lane, const struct wa_node *answer, void *arg)
{
	const struct wa_node *result = NULL;
	const uint8_t *bytes = NULL;
	size_t n = 0;
	int code;

	(void)arg;
	lane->outbound->cold->is_asking = false;
	if (iq_is_error(answer, &code))
		return;
	result = wa_node_child(answer, "result");
	bytes = result != NULL ? wa_node_content(result, &n) : NULL;
	if (bytes != NULL)
		on_told(lane, bytes, n);
}

/* The numbers of the queries are those that clients of 2026 use. */
static void ask(struct lane *lane, const char *query_id, const char *variables)
{
	struct wa_node *iq = iq_new(lane, "get", "w:mex");
	struct wa_node *query = wa_node_add(iq, "query");

	if (lane->outbound->cold->is_asking)
		return;
	lane->outbound->cold->is_asking = true;
	wa_node_set(query, "query_id", query_id);
	wa_node_text(query, variables);
	iq_send(lane, iq, on_mex_answer, NULL);
}

void cold_chats_on_refused(struct lane *lane, int code)
{
	struct cold_chats *cold = lane->outbound->cold;
	int64_t now_ms = clock_now_ms();
	int64_t pause_ms = HOUR_MS << cold->pause.level;

	if (cold_chats_until_ms(lane) != 0)
		return; /* one that was on its way already */
	if (code == 475) {
		pause_until(lane, now_ms + CAP_MS, REASON_CAP);
		ask(lane, "24503548349331633",
			"{\"variables\":{\"input\":{\"type\":"
			"\"INDIVIDUAL_NEW_CHAT_MSG\"}}}");
		return;
	}
	if (cold->pause.level < LEVEL_MAX)
		cold->pause.level++;
	pause_until(lane,
		now_ms + (pause_ms < LOCK_MAX_MS ? pause_ms : LOCK_MAX_MS),
		REASON_LOCK);
	ask(lane, "23983697327930364", "{\"variables\":{}}");
}

int cold_chats_on_notification(
	struct lane *lane, const struct wa_node *notification, struct err *err)
{
	const struct wa_node *update = wa_node_child(notification, "update");
	size_t n = 0;
	const uint8_t *bytes =
		update != NULL ? wa_node_content(update, &n) : NULL;

	(void)err;
	if (bytes != NULL)
		on_told(lane, bytes, n);
	return 0;
}

/* ---- which chats ---- */

/* 1: a chat that the server would not let us start; 0; -1.  The cap is on chats
 * that we open: one that is open already has a session.  The lock is on all who
 * never wrote to us. */
static int is_cold(
	struct lane *lane, const struct fanout *plan, struct err *err)
{
	const char *reason = lane->outbound->cold->pause.reason;
	bool is_capped = strcmp(reason, REASON_CAP) == 0;
	int has_token;

	if (lane_is_self(lane, &plan->to))
		return 0;
	for (size_t i = 0; i < plan->n; i++) {
		const struct fanout_device *device = &plan->devices[i];
		int answered;

		if (device->is_own || !device->has_session)
			continue;
		if (is_capped)
			return 0;
		answered =
			wa_signal_is_answered(lane->signal, &device->address);
		if (answered < 0)
			return err_set(
				err, ERR_IO, "session of the lane database");
		if (answered > 0)
			return 0;
	}
	has_token = tokens_has_valid(lane, &plan->account, err);
	return has_token < 0 ? -1 : !has_token;
}

int cold_chats_park(struct lane *lane, struct job *job,
	const struct fanout *plan, bool *parked, struct err *err)
{
	struct cold_chats *cold = lane->outbound->cold;
	int64_t until_ms = cold_chats_until_ms(lane);
	char iso[CLOCK_ISO_LEN];
	int is = 0;

	*parked = false;
	if (until_ms == 0 && cold->pause.level == 0)
		return 0; /* as nearly always */
	is = is_cold(lane, plan, err);
	job->is_cold = is > 0;
	if (is <= 0 || until_ms == 0)
		return is < 0 ? -1 : 0;
	clock_iso(until_ms, iso);
	facts_add_reason(lane, job->wa_id,
		arena_printf(lane->arena, "new_chats_paused_until:%s", iso));
	cold->n_parked++;
	outbound_drop(lane->outbound, job);
	*parked = true;
	return 0;
}
