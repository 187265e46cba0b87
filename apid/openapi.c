#include "apid/openapi.h"

#include <ctype.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "apid/endpoint.h"
#include "apid/openapi_schema.h"
#include "apid/router.h"
#include "common/buf.h"
#include "common/own.h"

#define IDEMPOTENCY_PARAMETER "IdempotencyKey"

/* ---- what the document says of itself ---- */

/* The reference's groups in its order, then ours.  A group that is missing here
 * comes last, without words. */
static const struct {
	const char *name, *description;
} tags[] = {
	{ "API Keys", "Keys for integrations." },
	{ "Devices", "Linked WhatsApp devices and what each may still send." },
	{ "Messaging", "Send messages and see what became of them. Every send "
		       "counts against its device's safety limits." },
	{ "Media", "Files to be sent, and files that were received." },
	{ "Campaigns",
		"One text to many: contact groups, tags and phone numbers may "
		"be combined; each number gets it once. Campaigns share the "
		"devices' safety limits with direct messages." },
	{ "Contacts", "The address book." },
	{ "Contact Groups & Tags",
		"Contacts in groups and under coloured tags." },
	{ "Scheduled Messages", "Messages that are sent later." },
	{ "Auto-Reply Rules", "Answers to messages with certain words." },
	{ "Webhooks", "Events, delivered to a URL of yours." },
	{ "WhatsApp Status", "Stories, and who may see them." },
	{ "Spintax", "Texts in many variants: {Hi|Hello|Hey}." },
	{ "Session", "A session token in exchange for e-mail and password." },
	{ "Account", "The account and its plan." },
	{ "Linking", "From a new device to a linked one, and back." },
	{ "Messages", "Every kind of message, to people and to groups." },
	{ "Groups", "WhatsApp groups, through one device." },
	{ "Chats", "A device's chats." },
	{ "People", "Whom the devices know, as WhatsApp knows them." },
	{ "Profile", "How a device's account shows itself." },
	{ "Events", "Events as they happen." },
	{ "Operation", "Health, figures and this document." },
};

static const struct {
	int status;
	const char *name, *description;
} refusals[] = {
	{ 400, "BadRequest", "Bad Request - invalid input" },
	{ 401, "Unauthorized", "Unauthorized - missing or invalid API key" },
	{ 403, "Forbidden",
		"Forbidden - unavailable feature, exceeded plan limit, or no "
		"access to resource" },
	{ 404, "NotFound", "Not Found - resource does not exist" },
	{ 409, "Conflict",
		"Conflict - duplicate resource, or not in this state" },
	{ 410, "Gone", "Gone - it was there and is no longer" },
	{ 413, "PayloadTooLarge", "Payload Too Large" },
	{ 416, "RangeNotSatisfiable", "Range Not Satisfiable" },
	{ 429, "TooManyRequests",
		"Too Many Requests - account send limit "
		"(daily/hourly/minute) or anti-spam pause" },
	{ 500, "InternalServerError", "Internal Server Error" },
	{ 503, "ServiceUnavailable",
		"Service Unavailable - try again after Retry-After" },
	{ 504, "GatewayTimeout", "Gateway Timeout - WhatsApp did not answer" },
};

static json_t *info(void)
{
	return json_pack("{s:s, s:s, s:s, s:s}", "title", "Vereda API",
		"version", VEREDA_VERSION, "summary",
		"A self-hosted WhatsApp gateway", "description",
		"Phone numbers match `^\\+?[0-9]{7,15}$`, dates are ISO 8601. "
		"Unknown members and query parameters are refused. Resources "
		"of other accounts do not exist. A refusal is a JSON object "
		"with `statusCode`, `error` and `message`.");
}

static json_t *security_schemes(void)
{
	return json_pack("{s:{s:s, s:s, s:s, s:s}, s:{s:s, s:s, s:s}}",
		"ApiKey", "type", "apiKey", "in", "header", "name", "X-API-Key",
		"description", "A key of the account.", "Bearer", "type",
		"http", "scheme", "bearer", "description",
		"A session token from POST /v1/auth/login, or an API key.");
}

static json_t *idempotency_parameter(void)
{
	return json_pack("{s:s, s:s, s:s, s:{s:s, s:i, s:i}}", "name",
		"Idempotency-Key", "in", "header", "description",
		"The first good answer is kept for a day and given again to a "
		"request with the same key and body; another body is 409.",
		"schema", "type", "string", "minLength", 1, "maxLength", 200);
}

/* ---- names ---- */

/* "/v1/api-keys/:id" -> "/v1/api-keys/{id}" */
static char *path_template(const char *path)
{
	struct buf out = BUF_INIT;

	while (*path != '\0') {
		const size_t n = strcspn(path, ":");

		buf_add(&out, path, n);
		path += n;
		if (*path == ':') {
			const size_t n_name = strcspn(++path, "/");

			buf_printf(&out, "{%.*s}", (int)n_name, path);
			path += n_name;
		}
	}
	(void)buf_cstr(&out);
	return (char *)out.data;
}

/* "List API Keys" -> "listApiKeys", with @first_upper "ListApiKeys" */
static void add_camel(struct buf *out, const char *words, bool first_upper)
{
	bool starts = true;

	for (; *words != '\0'; words++) {
		const unsigned char c = (unsigned char)*words;

		if (c == '\'')
			continue;
		if (!isalnum(c)) {
			starts = true;
			continue;
		}
		if (starts && (first_upper || out->len > 0))
			buf_add_byte(out, (uint8_t)toupper(c));
		else
			buf_add_byte(out, (uint8_t)tolower(c));
		starts = false;
	}
}

/* The summary; with the method where the group has it already, with the group
 * where another one has it.  @taken: id -> group. */
static char *operation_id(json_t *taken, const struct endpoint *e)
{
	struct buf id = BUF_INIT;
	const char *group;

	add_camel(&id, e->summary, false);
	group = json_string_value(json_object_get(taken, buf_cstr(&id)));
	if (group != NULL && strcmp(group, e->group) == 0) {
		buf_add_str(&id, "By");
		add_camel(&id, e->method, true);
	} else if (group != NULL) {
		buf_add_str(&id, "In");
		add_camel(&id, e->group, true);
	}
	json_object_set_new(taken, buf_cstr(&id), json_string(e->group));
	return (char *)id.data;
}

/* ---- requests ---- */

static const char *place_name(enum param_in in)
{
	return in == IN_PATH ? "path" : "query";
}

/* Those whose good answer is kept: writer.c. */
static bool takes_idempotency_key(const struct endpoint *e)
{
	return strcmp(e->method, "POST") == 0 && e->auth == AUTH_ACCOUNT &&
	       e->call == NULL && (e->write != NULL || e->start != NULL);
}

static json_t *parameters(const struct endpoint *e)
{
	json_t *list = json_array();

	for (const struct param *p = e->params; p != NULL && p->name != NULL;
		p++) {
		json_t *schema, *parameter;

		if (p->in == IN_BODY)
			continue;
		schema = openapi_schema_param(e, p);
		parameter = json_pack("{s:s, s:s, s:b, s:o}", "name", p->name,
			"in", place_name(p->in), "required", (int)p->required,
			"schema", schema);
		json_object_set(parameter, "description",
			json_object_get(schema, "description"));
		json_object_del(schema, "description");
		json_array_append_new(list, parameter);
	}
	if (takes_idempotency_key(e))
		json_array_append_new(
			list, json_pack("{s:s}", "$ref",
				      "#/components/"
				      "parameters/" IDEMPOTENCY_PARAMETER));
	return list;
}

/* {"schema", "example"}; takes @schema. */
static json_t *media_type(json_t *schema, const char *example)
{
	json_t *media = json_pack("{s:o}", "schema", schema);
	json_t *value = example != NULL
				? json_loads(example, JSON_DECODE_ANY, NULL)
				: NULL;

	if (value != NULL)
		json_object_set_new(media, "example", value);
	return media;
}

static void put_body(json_t *operation, const struct endpoint *e)
{
	bool is_required = false;
	json_t *schema = openapi_schema_body(e, &is_required);

	if (schema == NULL)
		return;
	json_object_set_new(operation, "requestBody",
		json_pack("{s:b, s:{s:o}}", "required", (int)is_required,
			"content",
			e->takes_file ? "multipart/form-data"
				      : "application/json",
			media_type(schema, e->example_body)));
}

/* ---- answers ---- */

static const char *success_words(int status)
{
	switch (status) {
	case 201:
		return "Created";
	case 202:
		return "Accepted";
	case 204:
		return "No Content";
	case 206:
		return "Partial Content";
	case 304:
		return "Not Modified";
	default:
		return "Success";
	}
}

static json_t *good_answer(const struct endpoint *e, int status)
{
	json_t *answer =
		json_pack("{s:s}", "description", success_words(status));
	json_t *content;

	if (status == 204 || status == 304)
		return answer;
	content = json_object();
	if (e->answer != NULL || e->other_type == NULL)
		json_object_set_new(content, "application/json",
			media_type(
				openapi_schema_answer(e->answer), e->example));
	if (e->other_type != NULL)
		json_object_set_new(content, e->other_type, json_object());
	json_object_set_new(answer, "content", content);
	return answer;
}

static void put_refusal(json_t *responses, int status)
{
	char key[12];

	snprintf(key, sizeof(key), "%d", status);
	for (size_t i = 0; i < ARRAY_LEN(refusals); i++) {
		if (refusals[i].status == status)
			json_object_set_new(responses, key,
				json_pack("{s:o}", "$ref",
					json_sprintf(
						"#/components/responses/%s",
						refusals[i].name)));
	}
}

static bool has_param(const struct endpoint *e, enum param_in in)
{
	for (const struct param *p = e->params; p != NULL && p->name != NULL;
		p++) {
		if (p->in == in)
			return true;
	}
	return false;
}

/* What follows from how a row is run; the rest is in e->errors. */
static void put_refusals_of_kind(json_t *responses, const struct endpoint *e)
{
	static const int of_call[] = { 403, 404, 409, 429, 503, 504 };

	put_refusal(responses, 400);
	if (e->auth != AUTH_NONE) {
		put_refusal(responses, 401);
		put_refusal(responses, 500);
	}
	if (has_param(e, IN_PATH))
		put_refusal(responses, 404);
	if (takes_idempotency_key(e))
		put_refusal(responses, 409);
	if (e->takes_file || has_param(e, IN_BODY))
		put_refusal(responses, 413);
	if (e->write != NULL || e->start != NULL)
		put_refusal(responses, 503);
	for (size_t i = 0; e->call != NULL && i < ARRAY_LEN(of_call); i++)
		put_refusal(responses, of_call[i]);
}

static int compare_keys(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Statuses in their order; takes @object. */
static json_t *sorted(json_t *object)
{
	json_t *out = json_object();
	const char *keys[64];
	size_t n = 0;
	const char *key;
	json_t *value;

	json_object_foreach(object, key, value)
	{
		if (n < ARRAY_LEN(keys))
			keys[n++] = key;
	}
	qsort(keys, n, sizeof(keys[0]), compare_keys);
	for (size_t i = 0; i < n; i++)
		json_object_set(out, keys[i], json_object_get(object, keys[i]));
	json_decref(object);
	return out;
}

static json_t *responses_of(const struct endpoint *e)
{
	json_t *responses = json_object();
	char key[12];

	snprintf(key, sizeof(key), "%d", e->success);
	json_object_set_new(responses, key, good_answer(e, e->success));
	put_refusals_of_kind(responses, e);
	for (const char *at = e->errors; at != NULL && *at != '\0';) {
		char *end;
		const int status = (int)strtol(at, &end, 10);

		if (end == at)
			break;
		snprintf(key, sizeof(key), "%d", status);
		if (status < 400)
			json_object_set_new(
				responses, key, good_answer(e, status));
		else
			put_refusal(responses, status);
		at = end;
	}
	return sorted(responses);
}

/* ---- operations ---- */

static void put_security(json_t *operation, enum auth auth)
{
	switch (auth) {
	case AUTH_NONE:
		json_object_set_new(operation, "security", json_array());
		return;
	case AUTH_ACCOUNT:
		return; /* as the document says for all */
	case AUTH_LOCAL:
		json_object_set_new(operation, "security",
			json_pack("[{}, {s:[]}, {s:[]}]", "ApiKey", "Bearer"));
		return;
	}
}

static json_t *operation(const struct endpoint *e, json_t *taken)
{
	scoped(str_free) char *id = operation_id(taken, e);
	json_t *list = parameters(e);
	json_t *op = json_pack("{s:[s], s:s, s:s}", "tags", e->group,
		"operationId", id, "summary", e->summary);

	if (e->details != NULL)
		json_object_set_new(op, "description", json_string(e->details));
	put_security(op, e->auth);
	if (json_array_size(list) > 0)
		json_object_set(op, "parameters", list);
	json_decref(list);
	put_body(op, e);
	json_object_set_new(op, "responses", responses_of(e));
	return op;
}

static void put_operation(
	json_t *paths, json_t *taken, const struct endpoint *e)
{
	scoped(str_free) char *path = path_template(e->path);
	json_t *item = json_object_get(paths, path);
	char method[8];
	size_t n;

	if (item == NULL) {
		json_object_set_new(paths, path, json_object());
		item = json_object_get(paths, path);
	}
	for (n = 0; n < sizeof(method) - 1 && e->method[n] != '\0'; n++)
		method[n] = (char)tolower((unsigned char)e->method[n]);
	method[n] = '\0';
	json_object_set_new(item, method, operation(e, taken));
}

/* ---- the document ---- */

static void add_tag(
	json_t *list, json_t *used, const char *name, const char *description)
{
	json_t *tag;

	if (json_object_get(used, name) == NULL)
		return;
	tag = json_pack("{s:s}", "name", name);
	if (description != NULL)
		json_object_set_new(
			tag, "description", json_string(description));
	json_array_append_new(list, tag);
	json_object_del(used, name); /* @name may be its key */
}

/* Of the groups that have rows; empties @used. */
static json_t *tags_of(json_t *used)
{
	json_t *list = json_array();

	for (size_t i = 0; i < ARRAY_LEN(tags); i++)
		add_tag(list, used, tags[i].name, tags[i].description);
	while (json_object_size(used) > 0)
		add_tag(list, used,
			json_object_iter_key(json_object_iter(used)), NULL);
	return list;
}

static json_t *refusal_components(void)
{
	json_t *responses = json_object();

	for (size_t i = 0; i < ARRAY_LEN(refusals); i++)
		json_object_set_new(responses, refusals[i].name,
			json_pack("{s:s, s:{s:{s:o}}}", "description",
				refusals[i].description, "content",
				"application/json", "schema",
				openapi_schema_refusal(refusals[i].status)));
	return responses;
}

struct parts {
	json_t *paths, *schemas, *groups; /* groups: name -> true */
	json_t *ids;
};

static void add_group(struct parts *parts, const struct endpoints *group)
{
	for (size_t i = 0; i < group->n; i++) {
		put_operation(parts->paths, parts->ids, &group->rows[i]);
		json_object_set_new(
			parts->groups, group->rows[i].group, json_true());
	}
	openapi_schema_add_shapes(
		parts->schemas, group->shapes, group->n_shapes);
}

json_t *openapi_make(void)
{
	struct parts parts = { json_object(), json_object(), json_object(),
		json_object() };
	const struct dialect *const *dialects;
	const size_t n = router_dialects(&dialects);
	json_t *list;

	openapi_schema_add_refusals(parts.schemas);
	for (size_t d = 0; d < n; d++) {
		for (size_t g = 0; g < dialects[d]->n_groups; g++)
			add_group(&parts, dialects[d]->groups[g]);
	}
	list = tags_of(parts.groups);
	json_decref(parts.groups);
	json_decref(parts.ids);
	return json_pack("{s:s, s:o, s:[{s:s}], s:[{s:[]}, {s:[]}], s:o, s:o, "
			 "s:{s:o, s:o, s:{s:o}, s:o}}",
		"openapi", "3.1.0", "info", info(), "servers", "url", "/",
		"security", "ApiKey", "Bearer", "tags", list, "paths",
		parts.paths, "components", "schemas", parts.schemas,
		"responses", refusal_components(), "parameters",
		IDEMPOTENCY_PARAMETER, idempotency_parameter(),
		"securitySchemes", security_schemes());
}

static char *text; /* the document; set once */

static void make_text(void)
{
	json_t *document = openapi_make();

	text = json_dumps(document, JSON_COMPACT);
	json_decref(document);
}

const char *openapi_text(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, make_text);
	return text;
}
