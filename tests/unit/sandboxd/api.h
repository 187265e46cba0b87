/* The control API without a socket: a request in, its JSON out. */
#ifndef TESTS_SANDBOXD_API_H
#define TESTS_SANDBOXD_API_H

#include "network.h"

#include <jansson.h>

#include "common/arena.h"

/* ---- pairing.c, which needs real sessions ---- */

int pairing_scan(struct sandbox *sandbox, struct account *account,
	const char *qr, struct err *err)
{
	(void)sandbox, (void)account, (void)qr;
	return err_set(err, ERR_NOT_FOUND, "nothing pairs here");
}

int pairing_enter_code(struct sandbox *sandbox, struct account *account,
	const char *code, struct err *err)
{
	return pairing_scan(sandbox, account, code, err);
}

/* ---- requests ---- */

static int api_status; /* of the last request */

/* @body: JSON with ' for ", or NULL.  The caller frees the answer. */
static inline json_t *api_try(
	const char *method, const char *path, const char *body)
{
	char *text = xstrdup(body == NULL ? "" : body);
	struct buf out = BUF_INIT;
	json_t *json;

	for (char *c = text; *c != '\0'; c++) {
		if (*c == '\'')
			*c = '"';
	}
	api_status = control_on_request(
		&net.sandbox, method, path, "", text, strlen(text), &out);
	json = json_loadb((const char *)out.data, out.len, 0, NULL);
	buf_fini(&out);
	free(text);
	arena_reset(net.sandbox.arena);
	assert_non_null(json);
	return json;
}

static inline json_t *api(
	const char *method, const char *path, const char *body)
{
	json_t *json = api_try(method, path, body);

	if (api_status >= 300)
		fail_msg("%s %s: %d %s", method, path, api_status,
			json_string_value(json_object_get(json, "error")));
	return json;
}

/* A request whose answer nobody reads. */
static inline void api_do(
	const char *method, const char *path, const char *body)
{
	json_decref(api(method, path, body));
}

/* POST /phones/:phone/send; the id lives until the next call. */
static inline const char *api_send(const char *phone, const char *body)
{
	static char id[64];
	char path[64];
	json_t *json;

	snprintf(path, sizeof(path), "/phones/%s/send", phone);
	json = api("POST", path, body);
	snprintf(id, sizeof(id), "%s",
		json_string_value(json_object_get(json, "id")));
	json_decref(json);
	return id;
}

/* The newest entry of "inbox" or "outbox"; the caller frees it. */
static inline json_t *api_last(const char *phone, const char *box)
{
	char path[64];
	json_t *json, *entries, *last;

	snprintf(path, sizeof(path), "/phones/%s/%s", phone, box);
	json = api("GET", path, NULL);
	entries = json_object_get(json, "entries");
	assert_true(json_array_size(entries) > 0);
	last = json_incref(
		json_array_get(entries, json_array_size(entries) - 1));
	json_decref(json);
	return last;
}

/* Every member of @expected (JSON with ' for ") is in @json, with this value;
 * objects are compared member by member. */
static inline bool api_holds(const json_t *json, json_t *expected)
{
	const char *key;
	json_t *value;

	if (!json_is_object(expected))
		return json_equal(json, expected);
	json_object_foreach(expected, key, value)
	{
		if (!api_holds(json_object_get(json, key), value))
			return false;
	}
	return true;
}

static inline void assert_holds(const json_t *json, const char *expected)
{
	char *text = xstrdup(expected), *got;
	json_t *want;

	for (char *c = text; *c != '\0'; c++) {
		if (*c == '\'')
			*c = '"';
	}
	want = json_loads(text, 0, NULL);
	assert_non_null(want);
	if (!api_holds(json, want)) {
		got = json_dumps(json, 0);
		fail_msg("%s is not in %s", text, got);
	}
	json_decref(want);
	free(text);
}

#endif
