/* See validate.h. */
#include "apid/validate.h"

#include <event2/buffer.h>
#include <event2/http.h>
#include <event2/keyvalq_struct.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "apid/http.h"
#include "apid/request.h"
#include "common/buf.h"
#include "common/clock.h"
#include "common/own.h"
#include "common/recipient.h"
#include "common/wa/crypto.h"

#define MAX_URL 2048
#define MAX_IDEMPOTENCY_KEY 200
#define MAX_ID 64
#define MAX_PROBLEMS 200 /* bytes, before the last one */

static void problem_add(
	struct buf *problems, const char *name, const char *what)
{
	if (problems->len > MAX_PROBLEMS)
		return;
	if (problems->len > 0)
		buf_add_str(problems, "; ");
	/* Names in problems may be a client's: bounded, and only printable. */
	for (size_t i = 0; i < 64 && name[i] != '\0'; i++)
		buf_add_byte(problems, name[i] >= ' ' && name[i] != 127
					       ? (uint8_t)name[i]
					       : '?');
	buf_add_byte(problems, ' ');
	buf_add_str(problems, what);
}

/* "name must have 1 to 100 characters": @verb is "must have". */
static void problem_add_limits(const struct param *param, const char *verb,
	const char *unit, struct buf *problems)
{
	const bool has_max = param->max > 0 && param->max < INT64_MAX;
	scoped(str_free) char *what = NULL;

	if (!has_max)
		what = xasprintf(
			"%s at least %" PRId64 "%s", verb, param->min, unit);
	else if (param->min > 0 || unit[0] == '\0')
		what = xasprintf("%s %" PRId64 " to %" PRId64 "%s", verb,
			param->min, param->max, unit);
	else
		what = xasprintf(
			"%s at most %" PRId64 "%s", verb, param->max, unit);
	problem_add(problems, param->name, what);
}

static void problem_add_type(const struct param *param, struct buf *problems)
{
	const char *what = "must be a string";

	if (param->type == PARAM_INT)
		what = "must be a whole number";
	else if (param->type == PARAM_BOOL)
		what = "must be true or false";
	problem_add(problems, param->name, what);
}

static size_t utf8_characters(const char *text)
{
	size_t n = 0;

	for (; *text != '\0'; text++)
		n += ((unsigned char)*text & 0xc0) != 0x80;
	return n;
}

static bool word_in(const char *words, const char *text)
{
	size_t n = strlen(text);

	while (*words != '\0') {
		size_t word = strcspn(words, "|");

		if (word == n && memcmp(words, text, n) == 0)
			return true;
		words += word + (words[word] == '|');
	}
	return false;
}

static bool is_url(const char *text)
{
	struct evhttp_uri *uri;
	const char *scheme, *host;
	bool good;

	if (strlen(text) > MAX_URL)
		return false;
	uri = evhttp_uri_parse(text);
	if (uri == NULL)
		return false;
	scheme = evhttp_uri_get_scheme(uri);
	host = evhttp_uri_get_host(uri);
	good = scheme != NULL && host != NULL && host[0] != '\0' &&
	       (strcasecmp(scheme, "http") == 0 ||
		       strcasecmp(scheme, "https") == 0);
	evhttp_uri_free(uri);
	return good;
}

static void check_length(
	const struct param *param, const char *text, struct buf *problems)
{
	size_t n = utf8_characters(text);

	if (n == 0 && param->min == 1)
		problem_add(problems, param->name, "must not be empty");
	else if (n < (size_t)param->min ||
		 (param->max > 0 && n > (size_t)param->max))
		problem_add_limits(param, "must have", " characters", problems);
}

static void check_word(
	const struct param *param, const char *text, struct buf *problems)
{
	scoped(str_free) char *what = NULL;

	if (word_in(param->help, text))
		return;
	what = xasprintf("must be one of %s", param->help);
	problem_add(problems, param->name, what);
}

static void take_name(
	const struct param *param, const char *text, struct buf *problems)
{
	unsigned kinds = RECIPIENT_PERSON;
	const char *what = "must be a phone number or an address like "
			   "900002@lid";
	struct recipient recipient;

	if (param->type == PARAM_CONTACT && id_is_uuid(text))
		return;
	if (param->type == PARAM_RECIPIENT) {
		kinds |= RECIPIENT_GROUP;
		what = "must match ^\\+?[0-9]{7,15}$, or be an address like "
		       "900002@lid or 120363012345678901@g.us";
	} else if (param->type == PARAM_GROUP) {
		kinds = RECIPIENT_GROUP;
		what = "must be an address like 120363012345678901@g.us";
	}
	if (recipient_parse(text, strlen(text), kinds, &recipient) != 0)
		problem_add(problems, param->name, what);
}

/* A value that came as text, from path, query or a JSON string. */
static void take_text(const struct param *param, struct arg *arg,
	const char *text, struct buf *problems)
{
	arg->is_set = true;
	arg->text = text;
	switch (param->type) {
	case PARAM_STRING:
	case PARAM_DEVICE_UID:
		check_length(param, text, problems);
		return;
	case PARAM_PHONE:
		if (phone_parse(text, strlen(text), arg->phone) != 0)
			problem_add(problems, param->name,
				"must match ^\\+?[0-9]{7,15}$");
		return;
	case PARAM_UUID:
		if (!id_is_uuid(text))
			problem_add(problems, param->name, "must be a UUID");
		return;
	case PARAM_DATE:
		if (clock_parse_iso(text, &arg->number) != 0)
			problem_add(problems, param->name,
				"must be an ISO 8601 date like "
				"2030-12-25T10:00:00Z");
		return;
	case PARAM_URL:
		if (!is_url(text))
			problem_add(problems, param->name,
				"must be an http or https URL");
		return;
	case PARAM_ENUM:
		check_word(param, text, problems);
		return;
	case PARAM_RECIPIENT:
	case PARAM_PERSON:
	case PARAM_GROUP:
	case PARAM_CONTACT:
		take_name(param, text, problems);
		return;
	case PARAM_COLOR:
		if (strlen(text) != 7 || text[0] != '#' ||
			strspn(text + 1, "0123456789abcdefABCDEF") != 6)
			problem_add(problems, param->name,
				"must be a colour like #6366f1");
		return;
	case PARAM_PICTURE:
		if (!id_is_uuid(text))
			problem_add(problems, param->name, "must be a UUID");
		return;
	case PARAM_UNTIL:
		if (strcmp(text, "forever") != 0 &&
			clock_parse_iso(text, &arg->number) != 0)
			problem_add(problems, param->name,
				"must be an ISO 8601 date, \"forever\" or "
				"null");
		return;
	case PARAM_INT:
	case PARAM_BOOL:
	case PARAM_PHONES:
	case PARAM_PEOPLE:
	case PARAM_TEXTS:
	case PARAM_UUIDS:
	case PARAM_OBJECT:
		problem_add_type(param, problems);
		return;
	}
}

static void take_number(const struct param *param, struct arg *arg,
	int64_t number, struct buf *problems)
{
	arg->is_set = true;
	arg->number = number;
	if (number < param->min || number > param->max)
		problem_add_limits(param, "must be", "", problems);
}

/* ---- query ---- */

/* A phone's plus that was not escaped came as a space. */
static void restore_plus(char *phone)
{
	if (phone[0] == ' ')
		phone[0] = '+';
}

static void take_query_value(const struct param *param, struct arg *arg,
	char *text, struct buf *problems)
{
	char *end;
	long long number;

	if (param->type == PARAM_BOOL) {
		arg->is_set = true;
		arg->number = strcmp(text, "true") == 0;
		if (!arg->number && strcmp(text, "false") != 0)
			problem_add(
				problems, param->name, "must be true or false");
		return;
	}
	if (param->type == PARAM_PHONE)
		restore_plus(text);
	if (param->type != PARAM_INT) {
		take_text(param, arg, text, problems);
		return;
	}
	number = strtoll(text, &end, 10);
	if (end == text || *end != '\0' || text[0] == ' ' || text[0] == '+' ||
		number == LLONG_MAX || number == LLONG_MIN) {
		problem_add(problems, param->name, "must be a whole number");
		return;
	}
	take_number(param, arg, number, problems);
}

/* Decodes "%41+b" in place of @text, which is NUL-terminated.  False: a bad
 * escape, a NUL, or not UTF-8. */
static bool query_decode(char *text)
{
	size_t decoded_bytes;
	char *decoded = evhttp_uridecode(text, 1, &decoded_bytes);
	json_t *utf8;

	if (decoded == NULL)
		return false;
	utf8 = strlen(decoded) == decoded_bytes ? json_string(decoded) : NULL;
	if (utf8 != NULL)
		strcpy(text, decoded);
	free(decoded);
	json_decref(utf8);
	return utf8 != NULL;
}

static int param_index(
	const struct request *request, enum param_in in, const char *name)
{
	const struct param *param = request->endpoint->params;

	for (int i = 0; param != NULL && param[i].name != NULL; i++) {
		if (param[i].in == in && strcmp(param[i].name, name) == 0)
			return i;
	}
	return -1;
}

static void take_query_pair(
	struct request *request, char *pair, struct buf *problems)
{
	char *value = strchr(pair, '=');
	int i;

	if (value != NULL)
		*value++ = '\0';
	else
		value = pair + strlen(pair);
	if (!query_decode(pair) || !query_decode(value)) {
		problem_add(problems, "query", "is not properly encoded");
		return;
	}
	i = param_index(request, IN_QUERY, pair);
	if (i < 0)
		problem_add(problems, pair, "should not exist");
	else if (request->args[i].is_set)
		problem_add(problems, pair, "must not be repeated");
	else
		take_query_value(&request->endpoint->params[i],
			&request->args[i], value, problems);
}

static void take_query(
	struct request *request, const char *query, struct buf *problems)
{
	char *save = NULL;

	if (query == NULL || query[0] == '\0')
		return;
	request->query_values = xstrdup(query);
	for (char *pair = strtok_r(request->query_values, "&", &save);
		pair != NULL; pair = strtok_r(NULL, "&", &save))
		take_query_pair(request, pair, problems);
}

/* ---- body ---- */

/* An array of min..max items that @check accepts. */
static void take_array(const struct param *param, struct arg *arg,
	json_t *value, bool (*check)(const json_t *item), const char *items,
	struct buf *problems)
{
	json_t *item;
	size_t i;

	arg->is_set = true;
	arg->json = value;
	if (!json_is_array(value) ||
		json_array_size(value) < (size_t)param->min ||
		json_array_size(value) > (size_t)param->max) {
		problem_add_limits(
			param, "must be an array of", " items", problems);
		return;
	}
	json_array_foreach(value, i, item)
	{
		if (!check(item)) {
			problem_add(problems, param->name, items);
			return;
		}
	}
}

static bool is_phone(const json_t *item)
{
	char phone[PHONE_LEN];

	return json_is_string(item) &&
	       phone_parse(json_string_value(item), json_string_length(item),
		       phone) == 0;
}

static bool is_person(const json_t *item)
{
	struct recipient person;

	return json_is_string(item) && recipient_parse(json_string_value(item),
					       json_string_length(item),
					       RECIPIENT_PERSON, &person) == 0;
}

static bool is_uuid(const json_t *item)
{
	return json_is_string(item) && id_is_uuid(json_string_value(item));
}

static bool is_id(const json_t *item)
{
	return json_is_string(item) && json_string_length(item) >= 1 &&
	       json_string_length(item) <= MAX_ID;
}

static void take_json_value(const struct param *param, struct arg *arg,
	json_t *value, struct buf *problems)
{
	if (param->type == PARAM_UUIDS) {
		take_array(param, arg, value, is_uuid, "must hold UUIDs",
			problems);
		return;
	}
	if (param->type == PARAM_PHONES) {
		take_array(param, arg, value, is_phone,
			"must hold phone numbers that match ^\\+?[0-9]{7,15}$",
			problems);
	} else if (param->type == PARAM_PEOPLE) {
		take_array(param, arg, value, is_person,
			"must hold phone numbers or addresses like 900002@lid",
			problems);
	} else if (param->type == PARAM_TEXTS) {
		take_array(param, arg, value, is_id,
			"must hold texts of 1 to 64 characters", problems);
	} else if (param->type == PARAM_OBJECT) {
		arg->is_set = true;
		arg->json = value;
	} else if (param->type == PARAM_BOOL && json_is_boolean(value)) {
		arg->is_set = true;
		arg->number = json_is_true(value);
	} else if (param->type == PARAM_INT && json_is_integer(value)) {
		take_number(param, arg, json_integer_value(value), problems);
	} else if ((param->type == PARAM_URL || param->type == PARAM_UNTIL) &&
		   json_is_null(value)) {
		arg->is_set = true;
		arg->is_null = true;
	} else if (json_is_string(value)) {
		take_text(param, arg, json_string_value(value), problems);
	} else {
		arg->is_set = true; /* not missing, too */
		problem_add_type(param, problems);
	}
}

static void take_json(struct request *request, struct buf *problems)
{
	const char *key;
	json_t *value;

	json_object_foreach(request->body, key, value)
	{
		int i = param_index(request, IN_BODY, key);

		if (i < 0 && request->endpoint->takes_any)
			continue;
		if (i < 0)
			problem_add(problems, key, "should not exist");
		else
			take_json_value(&request->endpoint->params[i],
				&request->args[i], value, problems);
	}
}

static int take_body(struct request *request, const char *bytes, size_t n,
	struct buf *problems, struct err *err)
{
	json_error_t why;

	request->body = json_loadb(bytes, n, JSON_REJECT_DUPLICATES, &why);
	if (request->body == NULL)
		return err_set(err, ERR_INVALID,
			"the body is not valid JSON: %s", why.text);
	if (!json_is_object(request->body))
		return err_set(
			err, ERR_INVALID, "the body must be a JSON object");
	take_json(request, problems);
	return 0;
}

static int tell(struct buf *problems, struct err *err)
{
	if (problems->len == 0)
		return 0;
	return err_set(err, ERR_INVALID, "%s", buf_cstr(problems));
}

int validate_body(
	struct request *request, const char *bytes, size_t n, struct err *err)
{
	scoped(buf_fini) struct buf problems = BUF_INIT;

	if (take_body(request, bytes, n, &problems, err) != 0)
		return -1;
	return tell(&problems, err);
}

static int read_body(
	struct request *request, struct buf *problems, struct err *err)
{
	struct evbuffer *in = evhttp_request_get_input_buffer(request->http);
	size_t n = evbuffer_get_length(in);
	bool twice = false;
	const char *type = http_header_once(request, "Content-Type", &twice);
	const struct param *param = request->endpoint->params;
	bool takes_body = false;

	for (size_t i = 0; param != NULL && param[i].name != NULL; i++)
		takes_body |= param[i].in == IN_BODY;
	if (request->endpoint->takes_file)
		return 0;
	if (n > (size_t)request->apid->config->api.max_body_bytes)
		return err_set(err, ERR_TOO_LARGE,
			"the body must not be larger than %d bytes",
			request->apid->config->api.max_body_bytes);
	if (n == 0)
		return 0;
	if (!takes_body && strcmp(request->endpoint->method, "GET") == 0)
		return 0;
	if (type == NULL || strncasecmp(type, "application/json",
				    strlen("application/json")) != 0)
		return err_set(err, ERR_INVALID,
			"Content-Type must be application/json");
	return take_body(request, (const char *)evbuffer_pullup(in, -1), n,
		problems, err);
}

static void check_required(const struct request *request, struct buf *problems)
{
	const struct param *param = request->endpoint->params;

	for (size_t i = 0; param != NULL && param[i].name != NULL; i++) {
		if (param[i].required && !request->args[i].is_set)
			problem_add(problems, param[i].name, "is required");
	}
}

/* Path values were taken by the router as text: check them as what they are.  A
 * malformed id names nothing, so it is "not found" rather than invalid. */
static int check_path_values(struct request *request, struct err *err)
{
	const struct param *param = request->endpoint->params;

	for (size_t i = 0; param != NULL && param[i].name != NULL; i++) {
		scoped(buf_fini) struct buf problems = BUF_INIT;

		if (param[i].in != IN_PATH)
			continue;
		take_text(&param[i], &request->args[i], request->args[i].text,
			&problems);
		if (problems.len > 0)
			return err_set(
				err, ERR_NOT_FOUND, "Resource does not exist");
	}
	return 0;
}

/* The key, and a hash of what it stands for: the same key with other content is
 * a mistake that must not be answered with the first one's result. */
static int take_idempotency_key(struct request *request, struct err *err)
{
	scoped(buf_fini) struct buf seen = BUF_INIT;
	struct evbuffer *in = evhttp_request_get_input_buffer(request->http);
	bool twice = false;
	const char *key = http_header_once(request, "Idempotency-Key", &twice);

	if (key == NULL || strcmp(request->endpoint->method, "POST") != 0)
		return 0;
	if (key[0] == '\0' || strlen(key) > MAX_IDEMPOTENCY_KEY)
		return err_set(err, ERR_INVALID,
			"Idempotency-Key must have 1 to %d characters",
			MAX_IDEMPOTENCY_KEY);
	request->idempotency_key = xstrdup(key);
	if (request->endpoint->takes_file)
		return 0; /* its handler knows what the key stands for */
	buf_add_str(&seen, evhttp_request_get_uri(request->http));
	buf_add_byte(&seen, 0);
	buf_add(&seen, evbuffer_pullup(in, -1), evbuffer_get_length(in));
	wa_sha256(seen.data, seen.len, request->body_hash);
	return 0;
}

int validate_request(
	struct request *request, const struct evhttp_uri *uri, struct err *err)
{
	scoped(buf_fini) struct buf problems = BUF_INIT;

	if (check_path_values(request, err) != 0 ||
		read_body(request, &problems, err) != 0)
		return -1;
	take_query(request, evhttp_uri_get_query(uri), &problems);
	check_required(request, &problems);
	if (tell(&problems, err) != 0)
		return -1;
	return take_idempotency_key(request, err);
}
