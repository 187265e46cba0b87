#include "sandboxd/control.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/err.h"
#include "common/log.h"
#include "common/own.h"
#include "common/phone.h"
#include "sandboxd/fault.h"
#include "sandboxd/media.h"
#include "sandboxd/phone.h"

/* ---- what handlers use ---- */

int control_only(const struct control *control, const char *const *names,
	struct err *err)
{
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)control->body, key, value)
	{
		const char *const *name = names;

		while (*name != NULL && strcmp(*name, key) != 0)
			name++;
		if (*name == NULL)
			return err_set(err, ERR_INVALID,
				"unknown property %.40s", key);
	}
	return 0;
}

int control_number(const char *what, const char *text, int64_t low,
	int64_t high, int64_t *out, struct err *err)
{
	char *end;
	long long value;

	errno = 0;
	value = strtoll(text, &end, 10);
	if (errno != 0 || end == text || *end != '\0' || text[0] == ' ' ||
		value < low || value > high)
		return err_set(err, ERR_INVALID,
			"%s must be a whole number from %" PRId64
			" to %" PRId64,
			what, low, high);
	*out = value;
	return 0;
}

int control_query(const struct control *control, const char *key, int64_t low,
	int64_t high, int64_t *out, struct err *err)
{
	const size_t n_key = strlen(key);
	const char *at = control->query;
	char value[24];

	while (*at != '\0') {
		size_t n = strcspn(at, "&");

		if (n > n_key && strncmp(at, key, n_key) == 0 &&
			at[n_key] == '=') {
			snprintf(value, sizeof(value), "%.*s",
				(int)(n - n_key - 1), at + n_key + 1);
			return control_number(key, value, low, high, out, err);
		}
		at += n;
		at += strspn(at, "&");
	}
	return 0;
}

/* ---- / ---- */

static void count_network(const struct sandbox *sandbox, json_t *counts)
{
	json_int_t phones = 0, companions = 0, connected = 0, inbox = 0;

	for (const struct account *account = sandbox->accounts; account != NULL;
		account = account->next) {
		phones++;
		inbox +=
			(json_int_t)account->devices->phone->inbox.next_seq - 1;
		account_each_device (device, account) {
			companions += device->number > 0;
			connected += device->session != NULL;
		}
	}
	json_object_set_new(counts, "phones", json_integer(phones));
	json_object_set_new(counts, "companions", json_integer(companions));
	json_object_set_new(counts, "connected", json_integer(connected));
	/* Every message that reached a phone, each once. */
	json_object_set_new(counts, "inbox", json_integer(inbox));
}

static int info_get(struct control *control, struct err *err)
{
	const struct sandbox *sandbox = control->sandbox;
	char hex[2 * WA_KEY_BYTES + 1];
	json_t *counts;

	(void)err;
	for (size_t i = 0; i < WA_KEY_BYTES; i++)
		sprintf(hex + 2 * i, "%02x", sandbox->root.pub[i]);
	counts = json_pack("{s:I, s:I, s:I, s:I, s:I}", "messages",
		(json_int_t)sandbox->count.messages, "acks",
		(json_int_t)sandbox->count.acks, "receipts",
		(json_int_t)sandbox->count.receipts, "sessions",
		(json_int_t)sandbox->count.sessions, "logins",
		(json_int_t)sandbox->count.logins);
	count_network(sandbox, counts);
	json_object_set_new(
		control->answer, "name", json_string("vereda sandbox network"));
	json_object_set_new(control->answer, "wsUrl",
		json_sprintf("ws://127.0.0.1:%d/ws/chat", sandbox->port));
	json_object_set_new(control->answer, "noiseRootKey", json_string(hex));
	json_object_set_new(control->answer, "mediaHost",
		json_string(media_hostname(control->sandbox)));
	if (media_host_certificate(sandbox) != NULL)
		json_object_set_new(control->answer, "mediaCertificate",
			json_string(media_host_certificate(sandbox)));
	json_object_set_new(control->answer, "readAfterMs",
		json_integer(sandbox->read_after_ms));
	json_object_set_new(control->answer, "counts", counts);
	return 200;
}

/* ---- /faults ---- */

static int fault_create(struct control *control, struct err *err)
{
	struct fault_rule *rule = NULL;
	unsigned id, acted;

	if (fault_rule_parse(control->body, &rule, err) != 0)
		return -1;
	id = fault_add(control->sandbox, rule, &acted);
	if (id == 0)
		return err_set(err, ERR_LIMIT, "there are %d faults already",
			FAULT_RULES_MAX);
	json_object_set_new(control->answer, "id", json_integer(id));
	json_object_set_new(control->answer, "acted", json_integer(acted));
	return 201;
}

static int fault_list(struct control *control, struct err *err)
{
	json_t *list = json_array();

	(void)err;
	for (const struct fault_rule *rule = fault_first(control->sandbox);
		rule != NULL; rule = rule->next)
		json_array_append_new(list, fault_rule_json(rule));
	json_object_set_new(control->answer, "faults", list);
	return 200;
}

static int fault_delete_all(struct control *control, struct err *err)
{
	(void)err;
	json_object_set_new(control->answer, "removed",
		json_integer(fault_remove_all(control->sandbox)));
	return 200;
}

static int fault_delete(struct control *control, struct err *err)
{
	int64_t id;

	if (control_number("the fault's id", control->segments[1], 1,
		    UINT32_MAX, &id, err) != 0)
		return -1;
	if (!fault_remove(control->sandbox, (unsigned)id))
		return err_set(err, ERR_NOT_FOUND, "no such fault");
	json_object_set_new(control->answer, "removed", json_integer(1));
	return 200;
}

/* ---- routing ---- */

/* ":phone" and ":group" find one, ":n" is any segment. */
static const struct {
	const char *method, *pattern;
	control_fn *fn;
} endpoints[] = {
	{ "GET", "", info_get },
	{ "POST", "phones", control_phone_create },
	{ "GET", "phones/:phone", control_phone_get },
	{ "POST", "phones/:phone/scan", control_phone_scan },
	{ "GET", "phones/:phone/inbox", control_phone_inbox },
	{ "DELETE", "phones/:phone/inbox", control_phone_inbox_clear },
	{ "GET", "phones/:phone/outbox", control_phone_outbox },
	{ "POST", "phones/:phone/send", control_phone_send },
	{ "GET", "phones/:phone/devices", control_phone_devices },
	{ "DELETE", "phones/:phone/devices/:n", control_phone_device_remove },
	{ "POST", "phones/:phone/identity", control_phone_identity },
	{ "PUT", "phones/:phone/options", control_phone_options },
	{ "POST", "phones/:phone/typing", control_phone_typing },
	{ "POST", "phones/:phone/presence", control_phone_presence },
	{ "POST", "phones/:phone/contacts", control_phone_contacts },
	{ "POST", "phones/:phone/chats", control_phone_chats },
	{ "GET", "phones/:phone/app-state", control_phone_app_state },
	{ "POST", "phones/:phone/history", control_phone_history },
	{ "POST", "phones/:phone/lid-migration", control_phone_lid_migration },
	{ "GET", "phones/:phone/profile", control_profile_get },
	{ "PUT", "phones/:phone/profile", control_profile_put },
	{ "POST", "groups", control_group_create },
	{ "GET", "groups", control_group_list },
	{ "GET", "groups/:group", control_group_get },
	{ "POST", "groups/:group/add", control_group_add },
	{ "POST", "groups/:group/remove", control_group_remove },
	{ "POST", "groups/:group/promote", control_group_promote },
	{ "POST", "groups/:group/demote", control_group_demote },
	{ "POST", "groups/:group/leave", control_group_leave },
	{ "POST", "groups/:group/settings", control_group_settings },
	{ "GET", "media", control_media_list },
	{ "DELETE", "media/:n", control_media_delete },
	{ "POST", "faults", fault_create },
	{ "GET", "faults", fault_list },
	{ "DELETE", "faults", fault_delete_all },
	{ "DELETE", "faults/:n", fault_delete },
};

static int hex_value(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *at = c == '\0' ? NULL : strchr(digits, c | 0x20);

	return at == NULL ? -1 : (int)(at - digits);
}

/* Percent decoding; -1 when it does not fit, is empty or holds a NUL. */
static int segment_decode(
	const char *text, size_t n, char out[CONTROL_SEGMENT_LEN])
{
	size_t n_out = 0;

	for (size_t i = 0; i < n; i++) {
		char c = text[i];

		if (c == '%' && i + 2 < n && hex_value(text[i + 1]) >= 0 &&
			hex_value(text[i + 2]) >= 0) {
			c = (char)(hex_value(text[i + 1]) << 4 |
				   hex_value(text[i + 2]));
			i += 2;
		}
		if (c == '\0' || n_out + 1 >= CONTROL_SEGMENT_LEN)
			return -1;
		out[n_out++] = c;
	}
	out[n_out] = '\0';
	return n_out == 0 ? -1 : 0;
}

static int path_split(struct control *control, const char *path)
{
	path += strspn(path, "/");
	while (*path != '\0') {
		size_t n = strcspn(path, "/");

		if (control->n_segments == CONTROL_SEGMENTS_MAX ||
			segment_decode(path, n,
				control->segments[control->n_segments]) != 0)
			return -1;
		control->n_segments++;
		path += n;
		path += strspn(path, "/");
	}
	return 0;
}

static bool path_matches(const struct control *control, const char *pattern)
{
	for (size_t i = 0; i < control->n_segments; i++) {
		size_t n = strcspn(pattern, "/");

		if (n == 0)
			return false;
		if (pattern[0] != ':' &&
			(strlen(control->segments[i]) != n ||
				strncmp(control->segments[i], pattern, n) != 0))
			return false;
		pattern += n;
		pattern += *pattern == '/';
	}
	return *pattern == '\0';
}

static int find_phone(
	struct control *control, const char *pattern, struct err *err)
{
	const char *text = control->segments[1];
	struct account *account;
	char digits[PHONE_LEN];

	if (strstr(pattern, ":phone") == NULL)
		return 0;
	if (phone_parse(text, strlen(text), digits) != 0)
		return err_set(
			err, ERR_INVALID, "phone must match ^\\+?[0-9]{7,15}$");
	account = directory_by_pn(control->sandbox, digits);
	if (account == NULL)
		return err_set(err, ERR_NOT_FOUND, "no such phone");
	control->phone = account->devices->phone;
	return 0;
}

static int find_group(
	struct control *control, const char *pattern, struct err *err)
{
	const char *text = control->segments[1];
	struct wa_jid jid;

	if (strstr(pattern, ":group") == NULL)
		return 0;
	if (wa_jid_parse(text, strlen(text), &jid) == 0)
		control->group = group_find(control->sandbox, &jid);
	return control->group != NULL
		       ? 0
		       : err_set(err, ERR_NOT_FOUND, "no such group");
}

static int dispatch(
	struct control *control, const char *method, struct err *err)
{
	bool path_known = false;

	for (size_t i = 0; i < ARRAY_LEN(endpoints); i++) {
		if (!path_matches(control, endpoints[i].pattern))
			continue;
		path_known = true;
		if (strcmp(method, endpoints[i].method) != 0)
			continue;
		if (find_phone(control, endpoints[i].pattern, err) != 0 ||
			find_group(control, endpoints[i].pattern, err) != 0)
			return -1;
		return endpoints[i].fn(control, err);
	}
	if (path_known) {
		err_set(err, ERR_INVALID, "method not allowed");
		return 405;
	}
	return err_set(err, ERR_NOT_FOUND, "no such path");
}

/* ---- request and answer ---- */

static int status_of(enum err_code code)
{
	switch (code) {
	case ERR_OK:
		return 200;
	case ERR_INVALID:
	case ERR_PEER:
		return 400;
	case ERR_UNAUTHORIZED:
		return 401;
	case ERR_FORBIDDEN:
		return 403;
	case ERR_NOT_FOUND:
		return 404;
	case ERR_CONFLICT:
		return 409;
	case ERR_TOO_LARGE:
		return 413;
	case ERR_LIMIT:
		return 429;
	case ERR_BUSY:
		return 503;
	case ERR_TIMEOUT:
		return 504;
	case ERR_IO:
	case ERR_INTERNAL:
		return 500;
	}
	return 500;
}

static json_t *body_parse(const char *body, size_t n, struct err *err)
{
	json_error_t why;
	json_t *json;

	if (n == 0)
		return json_object();
	json = json_loadb(body, n, JSON_REJECT_DUPLICATES, &why);
	if (json == NULL) {
		err_set(err, ERR_INVALID, "the body is not JSON: %s", why.text);
		return NULL;
	}
	if (!json_is_object(json)) {
		json_decref(json);
		err_set(err, ERR_INVALID, "the body must be a JSON object");
		return NULL;
	}
	return json;
}

/* A peer's text may have been cut inside a character. */
static json_t *error_text(const char *msg)
{
	json_t *text = json_string(msg);

	return text != NULL ? text : json_string(log_quote(msg));
}

static int on_json_bytes(const char *bytes, size_t n, void *arg)
{
	buf_add(arg, bytes, n);
	return 0;
}

static int serve(struct control *control, const char *method, const char *path,
	const char *body, size_t n_body, struct err *err)
{
	json_t *json;
	int status;

	if (path_split(control, path) != 0)
		return err_set(err, ERR_NOT_FOUND, "no such path");
	json = body_parse(body, n_body, err);
	if (json == NULL)
		return -1;
	control->body = json;
	status = dispatch(control, method, err);
	json_decref(json);
	return status;
}

int control_on_request(struct sandbox *sandbox, const char *method,
	const char *path, const char *query, const char *body, size_t n_body,
	struct buf *out)
{
	struct control control = {
		.sandbox = sandbox,
		.query = query == NULL ? "" : query,
		.answer = json_object(),
	};
	struct err err = ERR_NONE;
	int status = serve(&control, method, path, body, n_body, &err);

	if (status < 0)
		status = status_of(err.code);
	if (err.code != ERR_OK) {
		json_object_clear(control.answer);
		json_object_set_new(
			control.answer, "error", error_text(err.msg));
	}
	json_dump_callback(control.answer, on_json_bytes, out, JSON_COMPACT);
	json_decref(control.answer);
	return status;
}
