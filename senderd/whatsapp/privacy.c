#include "senderd/whatsapp/privacy.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/clock.h"
#include "common/err.h"
#include "common/own.h"
#include "senderd/facts.h"

#define TEXT_MAX 64 /* of a name or value that the server tells */
#define SETTINGS_MAX 16
/* Among the lane's values: "<unix ms> <0 or 1>". */
#define RECEIPTS_VALUE "privacy_receipts"
#define RECEIPTS_FRESH_MS (3600 * 1000LL)

/* ---- what was told last ---- */

static int receipts_keep(struct lane *lane, bool is_told, struct err *err)
{
	char text[32];
	int n = snprintf(
		text, sizeof text, "%" PRId64 " %d", clock_now_ms(), is_told);

	return lanedb_value_save(
		lane->db, RECEIPTS_VALUE, text, (size_t)n, err);
}

int privacy_forget(struct lane *lane, struct err *err)
{
	return lanedb_value_save(lane->db, RECEIPTS_VALUE, "0 0", 3, err);
}

/* 1: *@is_told is fresh; 0; -1. */
static int receipts_recall(struct lane *lane, bool *is_told, struct err *err)
{
	scoped(buf_fini) struct buf stored = BUF_INIT;
	int found = lanedb_value_load(lane->db, RECEIPTS_VALUE, &stored, err);
	char *end = NULL;
	int64_t at_ms;

	if (found <= 0)
		return found;
	at_ms = strtoll(buf_cstr(&stored), &end, 10);
	*is_told = strcmp(end, " 1") == 0;
	return clock_now_ms() - at_ms < RECEIPTS_FRESH_MS;
}

/* ---- reading ---- */

static void settings_learn(struct lane *lane, const json_t *json)
{
	const char *value =
		json_string_value(json_object_get(json, "readreceipts"));
	struct err err = ERR_NONE;

	if (value != NULL &&
		receipts_keep(lane, strcmp(value, "none") != 0, &err) != 0)
		facts_fail(lane, &err);
}

json_t *privacy_read(struct lane *lane, const struct wa_node *answer)
{
	const struct wa_node *privacy = NULL;
	json_t *json = NULL;
	int code = 0;

	if (!iq_is_error(answer, &code))
		privacy = wa_node_child(answer, "privacy");
	if (privacy == NULL)
		return NULL;
	json = json_object();
	wa_node_each (category, privacy) {
		const char *name = wa_node_str(category, "name");
		const char *value = wa_node_str(category, "value");

		if (name != NULL && value != NULL && strlen(name) < TEXT_MAX &&
			strlen(value) < TEXT_MAX &&
			json_object_size(json) < SETTINGS_MAX)
			json_object_set_new(json, name, json_string(value));
	}
	settings_learn(lane, json);
	return json;
}

void privacy_ask(struct lane *lane, iq_answer_fn *fn, void *arg)
{
	struct wa_node *iq = iq_new(lane, "get", PRIVACY_XMLNS);

	wa_node_add(iq, "privacy");
	iq_send(lane, iq, fn, arg);
}

struct receipts_wait {
	privacy_receipts_fn *done;
	void *arg;
};

/* Without an answer others are told, which is what WhatsApp does unless the
 * owner says otherwise. */
static void on_receipts(
	struct lane *lane, const struct wa_node *answer, void *arg)
{
	struct receipts_wait *wait = arg;
	struct receipts_wait copy = *wait;
	json_t *json = privacy_read(lane, answer);
	const char *value =
		json_string_value(json_object_get(json, "readreceipts"));
	bool is_told = value == NULL || strcmp(value, "none") != 0;

	free(wait);
	json_decref(json);
	copy.done(lane, is_told, copy.arg);
}

void privacy_ask_receipts(
	struct lane *lane, privacy_receipts_fn *done, void *arg)
{
	struct receipts_wait *wait = NULL;
	struct err err = ERR_NONE;
	bool is_told = true;
	int found = receipts_recall(lane, &is_told, &err);

	if (found < 0)
		facts_fail(lane, &err);
	if (found == 1) {
		done(lane, is_told, arg);
		return;
	}
	wait = xcalloc(1, sizeof *wait);
	wait->done = done;
	wait->arg = arg;
	privacy_ask(lane, on_receipts, wait);
}
