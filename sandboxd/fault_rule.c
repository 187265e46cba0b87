/* Rules as the control API writes them.  Everything is checked here: what
 * leaves this file can be acted on. */
#include "sandboxd/fault.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/err.h"
#include "common/own.h"
#include "common/phone.h"

static const char *const kind_names[] = {
	[KIND_DROP] = "drop",
	[KIND_DUPLICATE] = "duplicate",
	[KIND_DELAY] = "delay",
	[KIND_REORDER] = "reorder",
	[KIND_CORRUPT] = "corrupt",
	[KIND_CUT] = "cut",
	[KIND_CUT_MID_FRAME] = "cut_mid_frame",
	[KIND_SILENCE] = "silence",
	[KIND_STREAM_ERROR] = "stream_error",
	[KIND_RAW] = "raw",
	[KIND_ACK_DROP] = "ack_drop",
	[KIND_ACK_DELAY] = "ack_delay",
	[KIND_ACK_ERROR] = "ack_error",
	[KIND_LOGIN_FAILURE] = "login_failure",
	[KIND_BAD_CERT] = "bad_cert",
	[KIND_NO_ONE_TIME_KEY] = "no_one_time_key",
	[KIND_BAD_BUNDLE_SIGNATURE] = "bad_bundle_signature",
	[KIND_ACK_PHASH] = "ack_phash",
	[KIND_NO_SENDER_KEY] = "no_sender_key",
	[KIND_AGGREGATE_RECEIPT] = "aggregate_receipt",
	[KIND_MEDIA_ERROR] = "media_error",
	[KIND_MEDIA_SLOW] = "media_slow",
	[KIND_MEDIA_TRUNCATE] = "media_truncate",
	[KIND_MEDIA_FLIP] = "media_flip",
};

static const char *const defect_names[] = {
	[WA_CHAIN_GOOD] = NULL,
	[WA_CHAIN_BAD_ROOT] = "bad_root",
	[WA_CHAIN_BAD_LEAF_SIG] = "bad_leaf_signature",
	[WA_CHAIN_BAD_ISSUER] = "bad_issuer",
	[WA_CHAIN_BAD_LEAF_ISSUER] = "bad_leaf_issuer",
	[WA_CHAIN_WRONG_KEY] = "wrong_key",
	[WA_CHAIN_EXPIRED] = "expired",
	[WA_CHAIN_NOT_YET] = "not_yet",
};

#define NOW_KINDS                                                           \
	(BIT(KIND_CUT) | BIT(KIND_CUT_MID_FRAME) | BIT(KIND_STREAM_ERROR) | \
		BIT(KIND_RAW))
#define PHONE_KINDS                                                          \
	(BIT(KIND_DROP) | BIT(KIND_DUPLICATE) | BIT(KIND_CORRUPT) |          \
		BIT(KIND_NO_ONE_TIME_KEY) | BIT(KIND_BAD_BUNDLE_SIGNATURE) | \
		BIT(KIND_NO_SENDER_KEY) | ACK_KINDS)
#define ACK_KINDS                                                         \
	(BIT(KIND_ACK_DROP) | BIT(KIND_ACK_DELAY) | BIT(KIND_ACK_ERROR) | \
		BIT(KIND_ACK_PHASH))
#define DELAY_KINDS \
	(BIT(KIND_DELAY) | BIT(KIND_ACK_DELAY) | BIT(KIND_MEDIA_SLOW))
#define MEDIA_KINDS                                     \
	(BIT(KIND_MEDIA_ERROR) | BIT(KIND_MEDIA_SLOW) | \
		BIT(KIND_MEDIA_TRUNCATE) | BIT(KIND_MEDIA_FLIP))
#define DOWNLOAD_KINDS (BIT(KIND_MEDIA_TRUNCATE) | BIT(KIND_MEDIA_FLIP))
/* Those that have a direction; the others keep the default. */
#define DIRECTED_KINDS                                                  \
	(BIT(KIND_DROP) | BIT(KIND_DUPLICATE) | BIT(KIND_DELAY) |       \
		BIT(KIND_REORDER) | BIT(KIND_CORRUPT) | BIT(KIND_CUT) | \
		BIT(KIND_CUT_MID_FRAME) | BIT(KIND_SILENCE) |           \
		BIT(KIND_STREAM_ERROR) | BIT(KIND_RAW) | MEDIA_KINDS)
#define COUNT_MAX 1000000

const char *fault_kind_name(enum fault_kind kind)
{
	return kind_names[kind];
}

void fault_rule_free(struct fault_rule **rulep)
{
	struct fault_rule *rule = move(*rulep);

	if (rule == NULL)
		return;
	buf_fini(&rule->raw);
	free(rule);
}

/* ---- one property each; a missing one keeps its default ---- */

static int name_index(const char *const *names, size_t n, const json_t *value)
{
	const char *text = json_string_value(value);

	for (size_t i = 0; text != NULL && i < n; i++) {
		if (names[i] != NULL && strcmp(names[i], text) == 0)
			return (int)i;
	}
	return -1;
}

static int take_int(const json_t *json, const char *key, int low, int high,
	int *out, struct err *err)
{
	const json_t *value = json_object_get(json, key);

	if (value == NULL)
		return 0;
	if (!json_is_integer(value) || json_integer_value(value) < low ||
		json_integer_value(value) > high)
		return err_set(err, ERR_INVALID,
			"%s must be an integer from %d to %d", key, low, high);
	*out = (int)json_integer_value(value);
	return 0;
}

/* Names of stanzas and conflicts: short lower-case words. */
static int take_word(const json_t *json, const char *key, char *out, size_t cap,
	struct err *err)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyz_:-";
	const json_t *value = json_object_get(json, key);
	const char *text = json_string_value(value);

	if (value == NULL)
		return 0;
	if (text == NULL || text[0] == '\0' || strlen(text) >= cap ||
		text[strspn(text, allowed)] != '\0')
		return err_set(err, ERR_INVALID,
			"%s must be a word of lower-case letters", key);
	snprintf(out, cap, "%s", text);
	return 0;
}

static int take_phone(
	const json_t *json, struct fault_rule *rule, struct err *err)
{
	const json_t *value = json_object_get(json, "phone");
	char digits[PHONE_LEN];

	if (value == NULL)
		return 0;
	if (!json_is_string(value) ||
		phone_parse(json_string_value(value), json_string_length(value),
			digits) != 0)
		return err_set(
			err, ERR_INVALID, "phone must match ^\\+?[0-9]{7,15}$");
	snprintf(rule->pn, sizeof(rule->pn), "%s", digits);
	return 0;
}

/* A phone is kept as its digits, whatever way it is written. */
static int take_to(const json_t *json, struct fault_rule *rule, struct err *err)
{
	const json_t *value = json_object_get(json, "to");
	const char *text = json_string_value(value);
	size_t n = json_string_length(value);
	char digits[PHONE_LEN];
	struct wa_jid jid;

	if (value == NULL)
		return 0;
	if (text != NULL && phone_parse(text, n, digits) == 0) {
		snprintf(rule->to, sizeof(rule->to), "%s", digits);
		return 0;
	}
	if (text == NULL || wa_jid_parse(text, n, &jid) != 0 ||
		(!wa_jid_is_group(&jid) && jid.server != WA_SERVER_BROADCAST))
		return err_set(err, ERR_INVALID,
			"to must be a phone, a group or status@broadcast");
	wa_jid_text(&jid, rule->to);
	return 0;
}

static int take_version(
	const json_t *json, struct fault_rule *rule, struct err *err)
{
	const json_t *value = json_object_get(json, "version");
	const char *text = json_string_value(value);

	if (value == NULL)
		return 0;
	if (text == NULL || text[0] == '\0' ||
		strlen(text) >= sizeof(rule->version) ||
		text[strspn(text, "0123456789.")] != '\0')
		return err_set(
			err, ERR_INVALID, "version must be numbers with dots");
	snprintf(rule->version, sizeof(rule->version), "%s", text);
	return 0;
}

static int take_direction(
	const json_t *json, struct fault_rule *rule, struct err *err)
{
	static const char *const names[] = {
		[FAULT_OUT] = "out", [FAULT_IN] = "in"
	};
	const json_t *value = json_object_get(json, "direction");
	int i;

	if (value == NULL)
		return 0;
	i = name_index(names, ARRAY_LEN(names), value);
	if (i < 0)
		return err_set(err, ERR_INVALID, "direction must be out or in");
	rule->direction = (enum fault_direction)i;
	return 0;
}

static int take_probability(
	const json_t *json, struct fault_rule *rule, struct err *err)
{
	const json_t *value = json_object_get(json, "probability");

	if (value == NULL)
		return 0;
	rule->probability = json_number_value(value);
	if (!json_is_number(value) || !isfinite(rule->probability) ||
		rule->probability < 0 || rule->probability > 1)
		return err_set(err, ERR_INVALID,
			"probability must be a number from 0 to 1");
	return 0;
}

static int take_defect(
	const json_t *json, struct fault_rule *rule, struct err *err)
{
	const json_t *value = json_object_get(json, "defect");
	int i;

	if (value == NULL)
		return 0;
	i = name_index(defect_names, ARRAY_LEN(defect_names), value);
	if (i < 0)
		return err_set(err, ERR_INVALID, "defect is not one known");
	rule->defect = (enum wa_chain_defect)i;
	return 0;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

static int take_raw(
	const json_t *json, struct fault_rule *rule, struct err *err)
{
	const json_t *value = json_object_get(json, "hex");
	const char *hex = json_string_value(value);
	size_t n = json_string_length(value);

	if (value == NULL)
		return 0;
	if (hex == NULL || n == 0 || n % 2 != 0 || n / 2 > FAULT_RAW_MAX)
		return err_set(err, ERR_INVALID,
			"hex must be 1 to %d bytes as hex digits",
			FAULT_RAW_MAX);
	for (size_t i = 0; i < n; i += 2) {
		int high = hex_digit(hex[i]), low = hex_digit(hex[i + 1]);

		if (high < 0 || low < 0)
			return err_set(
				err, ERR_INVALID, "hex has a wrong digit");
		buf_add_byte(&rule->raw, (uint8_t)(high << 4 | low));
	}
	return 0;
}

static int take_now(
	const json_t *json, struct fault_rule *rule, struct err *err)
{
	const json_t *value = json_object_get(json, "now");

	if (value == NULL)
		return 0;
	if (!json_is_boolean(value))
		return err_set(err, ERR_INVALID, "now must be true or false");
	rule->now = json_is_true(value);
	return 0;
}

static int check_names(const json_t *json, struct err *err)
{
	static const char *const known[] = { "kind", "phone", "device",
		"direction", "stanza", "count", "probability", "delayMs",
		"code", "conflict", "hex", "after", "now", "defect", "to",
		"type", "version", "banCode", "expireSec" };
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)json, key, value)
	{
		bool found = false;

		for (size_t i = 0; i < ARRAY_LEN(known); i++)
			found = found || strcmp(known[i], key) == 0;
		if (!found)
			return err_set(err, ERR_INVALID,
				"unknown property %.40s", key);
	}
	return 0;
}

/* ---- the rule as a whole ---- */

static void set_defaults(struct fault_rule *rule)
{
	rule->device = -1;
	/* Silence lasts until the rule is taken away. */
	rule->count = rule->kind == KIND_SILENCE ? COUNT_MAX : 1;
	rule->probability = 1.0;
	rule->delay_ms = (BIT(rule->kind) & DELAY_KINDS) != 0 ? 1000 : 0;
	rule->defect = WA_CHAIN_BAD_ROOT;
	if (rule->kind == KIND_ACK_ERROR || rule->kind == KIND_STREAM_ERROR)
		rule->code = 503;
	if (rule->kind == KIND_LOGIN_FAILURE)
		rule->code = 401;
	if (rule->kind == KIND_MEDIA_ERROR)
		rule->code = 404;
	if (rule->kind == KIND_CORRUPT) /* nothing else has an <enc> */
		snprintf(rule->stanza, sizeof(rule->stanza), "message");
}

static int check_media(const struct fault_rule *rule, struct err *err)
{
	const unsigned kind = BIT(rule->kind);

	if ((kind & MEDIA_KINDS) == 0)
		return 0;
	if ((kind & DOWNLOAD_KINDS) != 0 && rule->direction != FAULT_OUT)
		return err_set(err, ERR_INVALID, "%s is of downloads",
			kind_names[rule->kind]);
	if (rule->direction == FAULT_OUT &&
		(rule->pn[0] != '\0' || rule->device >= 0))
		return err_set(err, ERR_INVALID,
			"a download does not say whose it is");
	if (rule->kind == KIND_MEDIA_ERROR &&
		(rule->code < 400 || rule->code > 599))
		return err_set(err, ERR_INVALID, "code must be 400 to 599");
	return 0;
}

static int check_narrowing(const struct fault_rule *rule, struct err *err)
{
	const unsigned kind = BIT(rule->kind);

	if (rule->direction != FAULT_OUT && (kind & DIRECTED_KINDS) == 0)
		return err_set(err, ERR_INVALID, "%s has no direction",
			kind_names[rule->kind]);
	if ((rule->to[0] != '\0' || rule->type[0] != '\0') &&
		(kind & ACK_KINDS) == 0)
		return err_set(err, ERR_INVALID,
			"to and type go with the ack of a message");
	if ((rule->version[0] != '\0' || rule->ban_code != 0 ||
		    rule->expire_s != 0) &&
		rule->kind != KIND_LOGIN_FAILURE)
		return err_set(err, ERR_INVALID,
			"version, banCode and expireSec go with login_failure");
	return check_media(rule, err);
}

static int check_whole(const struct fault_rule *rule, struct err *err)
{
	const unsigned kind = BIT(rule->kind);

	if (check_narrowing(rule, err) != 0)
		return -1;

	if (rule->now && (kind & NOW_KINDS) == 0)
		return err_set(err, ERR_INVALID,
			"now goes with cut, cut_mid_frame, stream_error, raw");
	if (rule->device == 0 && (kind & PHONE_KINDS) == 0)
		return err_set(err, ERR_INVALID,
			"device 0 is the phone: %s does not work on it",
			kind_names[rule->kind]);
	if (rule->kind == KIND_RAW && rule->raw.len == 0)
		return err_set(err, ERR_INVALID, "raw needs hex");
	if (rule->kind == KIND_BAD_CERT &&
		(rule->pn[0] != '\0' || rule->device >= 0))
		return err_set(err, ERR_INVALID,
			"bad_cert comes before a phone or device is known");
	return 0;
}

static int take_all(
	const json_t *json, struct fault_rule *rule, struct err *err)
{
	int count = (int)rule->count, after = 0;

	if (take_phone(json, rule, err) != 0 ||
		take_int(json, "device", 0, 255, &rule->device, err) != 0 ||
		take_direction(json, rule, err) != 0 ||
		take_word(json, "stanza", rule->stanza, sizeof(rule->stanza),
			err) != 0 ||
		take_int(json, "count", 1, COUNT_MAX, &count, err) != 0 ||
		take_int(json, "after", 0, COUNT_MAX, &after, err) != 0 ||
		take_probability(json, rule, err) != 0 ||
		take_int(json, "delayMs", 0, FAULT_DELAY_MAX_MS,
			&rule->delay_ms, err) != 0 ||
		take_int(json, "code", 0, 999, &rule->code, err) != 0 ||
		take_int(json, "banCode", 0, 999, &rule->ban_code, err) != 0 ||
		take_int(json, "expireSec", 0, 31622400, &rule->expire_s,
			err) != 0 ||
		take_to(json, rule, err) != 0 ||
		take_word(json, "type", rule->type, sizeof(rule->type), err) !=
			0 ||
		take_version(json, rule, err) != 0 ||
		take_word(json, "conflict", rule->conflict,
			sizeof(rule->conflict), err) != 0 ||
		take_defect(json, rule, err) != 0 ||
		take_raw(json, rule, err) != 0 ||
		take_now(json, rule, err) != 0)
		return -1;
	rule->count = (unsigned)count;
	rule->after = (unsigned)after;
	return 0;
}

int fault_rule_parse(
	const json_t *json, struct fault_rule **out, struct err *err)
{
	scoped(fault_rule_free) struct fault_rule *rule =
		xcalloc(1, sizeof(*rule));
	int kind;

	if (!json_is_object(json))
		return err_set(err, ERR_INVALID, "a fault is an object");
	kind = name_index(kind_names, ARRAY_LEN(kind_names),
		json_object_get(json, "kind"));
	if (kind < 0)
		return err_set(err, ERR_INVALID, "kind is not one known");
	rule->kind = (enum fault_kind)kind;
	set_defaults(rule);
	if (check_names(json, err) != 0 || take_all(json, rule, err) != 0 ||
		check_whole(rule, err) != 0)
		return -1;
	*out = move(rule);
	return 0;
}

json_t *fault_rule_json(const struct fault_rule *rule)
{
	json_t *json = json_pack("{s:i, s:s, s:s, s:i, s:i, s:f, s:i}", "id",
		(int)rule->id, "kind", kind_names[rule->kind], "direction",
		rule->direction == FAULT_OUT ? "out" : "in", "left",
		(int)rule->count, "after", (int)rule->after, "probability",
		rule->probability, "acted", (int)rule->acted);

	if (rule->pn[0] != '\0')
		json_object_set_new(json, "phone", json_string(rule->pn));
	if (rule->device >= 0)
		json_object_set_new(json, "device", json_integer(rule->device));
	if (rule->stanza[0] != '\0')
		json_object_set_new(json, "stanza", json_string(rule->stanza));
	if (rule->delay_ms != 0)
		json_object_set_new(
			json, "delayMs", json_integer(rule->delay_ms));
	if (rule->code != 0)
		json_object_set_new(json, "code", json_integer(rule->code));
	if (rule->conflict[0] != '\0')
		json_object_set_new(
			json, "conflict", json_string(rule->conflict));
	if (rule->to[0] != '\0')
		json_object_set_new(json, "to", json_string(rule->to));
	if (rule->type[0] != '\0')
		json_object_set_new(json, "type", json_string(rule->type));
	if (rule->version[0] != '\0')
		json_object_set_new(
			json, "version", json_string(rule->version));
	if (rule->kind == KIND_BAD_CERT)
		json_object_set_new(json, "defect",
			json_string(defect_names[rule->defect]));
	return json;
}
