#include "senderd/whatsapp/privacy_calls.h"

#include <stdlib.h>
#include <string.h>

#include "common/own.h"
#include "senderd/whatsapp/privacy.h"

#define CHANGES_MAX 16

/* What WhatsApp knows; "last" is when we were seen. */
static const struct {
	const char *name;
	const char *values; /* separated and closed by a space */
} settings[] = {
	{ "groupadd", "all contacts contact_blacklist none " },
	{ "last", "all contacts contact_blacklist none " },
	{ "status", "all contacts contact_blacklist none " },
	{ "profile", "all contacts contact_blacklist none " },
	{ "readreceipts", "all none " },
	{ "online", "all match_last_seen " },
	{ "calladd", "all known " },
	{ "messages", "all contacts " },
	{ "defense", "on_standard off " },
	{ "stickers", "contacts contact_allowlist none " },
};

static bool is_one_of(const char *values, const char *value)
{
	size_t n = strlen(value);

	while (*values != '\0') {
		size_t n_next = strcspn(values, " ");

		if (n_next == n && memcmp(values, value, n) == 0)
			return true;
		values += n_next + 1;
	}
	return false;
}

static bool is_allowed(const char *name, const char *value)
{
	for (size_t i = 0; value != NULL && i < ARRAY_LEN(settings); i++) {
		if (strcmp(settings[i].name, name) == 0)
			return is_one_of(settings[i].values, value);
	}
	return false;
}

/* ---- showing ---- */

static void on_settings(
	struct lane *lane, const struct wa_node *answer, void *arg)
{
	struct call *call = arg;
	json_t *json = privacy_read(lane, answer);

	if (json == NULL) {
		call_fail_answer(lane, &call, answer);
		return;
	}
	call_done(lane, &call, json);
}

void privacy_calls_get(struct lane *lane, struct call *call)
{
	privacy_ask(lane, on_settings, call);
}

/* ---- changing: one setting a question, in turn ---- */

struct changes {
	struct call *call;
	size_t n, at;
	struct {
		const char *name, *value; /* of the call's parameters */
	} list[CHANGES_MAX];
};

static void changes_next(struct lane *lane, struct changes *changes);

static void on_changed(
	struct lane *lane, const struct wa_node *answer, void *arg)
{
	struct changes *changes = arg;
	int code = 0;

	if (iq_is_error(answer, &code)) {
		call_fail_answer(lane, &changes->call, answer);
		free(changes);
		return;
	}
	changes->at++;
	changes_next(lane, changes);
}

static void changes_next(struct lane *lane, struct changes *changes)
{
	struct wa_node *iq = NULL;
	struct wa_node *category = NULL;

	if (changes->at == changes->n) {
		privacy_ask(lane, on_settings, changes->call);
		free(changes);
		return;
	}
	iq = iq_new(lane, "set", PRIVACY_XMLNS);
	category = wa_node_add(wa_node_add(iq, "privacy"), "category");
	wa_node_set(category, "name", changes->list[changes->at].name);
	wa_node_set(category, "value", changes->list[changes->at].value);
	iq_send(lane, iq, on_changed, changes);
}

void privacy_calls_set(struct lane *lane, struct call *call)
{
	struct changes *changes = xcalloc(1, sizeof *changes);
	const char *name = NULL;
	json_t *value = NULL;

	changes->call = call;
	json_object_foreach((json_t *)call_params(call), name, value)
	{
		if (!is_allowed(name, json_string_value(value)) ||
			changes->n == CHANGES_MAX) {
			call_fail(lane, &changes->call, ERR_INVALID,
				"%.40s: no such setting, or not with this "
				"value",
				name);
			free(changes);
			return;
		}
		changes->list[changes->n].name = name;
		changes->list[changes->n++].value = json_string_value(value);
	}
	changes_next(lane, changes);
}
