#include "apid/openapi_schema.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "apid/endpoint.h"
#include "apid/shape.h"
#include "common/own.h"

#define PHONE_PATTERN "^\\+?[0-9]{7,15}$"
/* A phone number, or an address of one of these servers: recipient.h. */
#define ADDRESS_PATTERN(servers) "^(\\+?[0-9]{7,15}|[^@]+@(" servers "))$"
#define PERSON_PATTERN ADDRESS_PATTERN("s\\.whatsapp\\.net|c\\.us|lid")
#define RECIPIENT_PATTERN \
	ADDRESS_PATTERN("s\\.whatsapp\\.net|c\\.us|lid|g\\.us")
#define GROUP_PATTERN "^[0-9-]+@g\\.us$"
#define ID_MAX 64 /* characters of a text in PARAM_TEXTS */

/* ---- refusals ---- */

static const struct field error_fields[] = {
	{ "statusCode", FIELD_INTEGER, 0, NULL, "The HTTP status." },
	{ "error", FIELD_TEXT, 0, NULL, "What kind of refusal it is." },
	{ "message", FIELD_TEXT, 0, NULL, "One sentence that tells why." },
	{ .name = NULL },
};
static const struct field send_limit_fields[] = {
	{ "statusCode", FIELD_INTEGER, 0, NULL, NULL },
	{ "error", FIELD_WORD, 0, "Account Send Limit", NULL },
	{ "message", FIELD_TEXT, 0, NULL, "Which limit, and until when." },
	{ "accountId", FIELD_UUID, 0, NULL, "The account." },
	{ "deviceUid", FIELD_TEXT, 0, NULL, "The device whose budget it is." },
	{ "resetsAt", FIELD_TIME, 0, NULL, "When sending is possible again." },
	{ .name = NULL },
};
static const struct field pause_fields[] = {
	{ "statusCode", FIELD_INTEGER, 0, NULL, NULL },
	{ "error", FIELD_WORD, 0, "Anti-Spam Pause", NULL },
	{ "message", FIELD_TEXT, 0, NULL, "Why, and until when." },
	{ "accountId", FIELD_UUID, 0, NULL, "The account." },
	{ "resetsAt", FIELD_TIME, FIELD_NULL, NULL,
		"null: until an operator ends it." },
	{ .name = NULL },
};
static const struct field plan_fields[] = {
	{ "statusCode", FIELD_INTEGER, 0, NULL, NULL },
	{ "error", FIELD_WORD, 0,
		"PLAN_FEATURE_UNAVAILABLE|PLAN_LIMIT_EXCEEDED", NULL },
	{ "message", FIELD_TEXT, 0, NULL, NULL },
	{ "plan", FIELD_TEXT, 0, NULL, "The account's plan." },
	{ "limit", FIELD_INTEGER, FIELD_NULL, NULL,
		"What the plan allows; null: it is a feature." },
	{ "used", FIELD_INTEGER, FIELD_NULL, NULL,
		"How much of it is used; null: it is a feature." },
	{ .name = NULL },
};
static const struct shape refusals[] = {
	{ "Error", error_fields, false },
	{ "AccountSendLimit", send_limit_fields, false },
	{ "AntiSpamPause", pause_fields, false },
	{ "PlanRefusal", plan_fields, false },
};

static json_t *ref_to(const char *name)
{
	return json_pack(
		"{s:o}", "$ref", json_sprintf("#/components/schemas/%s", name));
}

json_t *openapi_schema_refusal(int status)
{
	if (status == 403)
		return json_pack("{s:[o, o]}", "anyOf", ref_to("PlanRefusal"),
			ref_to("Error"));
	if (status == 429)
		return json_pack("{s:[o, o, o]}", "anyOf",
			ref_to("AccountSendLimit"), ref_to("AntiSpamPause"),
			ref_to("Error"));
	return ref_to("Error");
}

/* ---- pieces ---- */

static void put(json_t *schema, const char *key, json_t *value)
{
	json_object_set_new(schema, key, value);
}

static json_t *of_type(const char *type)
{
	return json_pack("{s:s}", "type", type);
}

static json_t *of_format(const char *format)
{
	return json_pack("{s:s, s:s}", "type", "string", "format", format);
}

static json_t *of_pattern(const char *pattern)
{
	return json_pack("{s:s, s:s}", "type", "string", "pattern", pattern);
}

/* "A|B" */
static json_t *of_words(const char *words)
{
	json_t *list = json_array();

	while (*words != '\0') {
		const size_t n = strcspn(words, "|");

		json_array_append_new(list, json_stringn(words, n));
		words += n + (words[n] == '|');
	}
	return json_pack("{s:s, s:o}", "type", "string", "enum", list);
}

static json_t *array_of(json_t *items)
{
	return json_pack("{s:s, s:o}", "type", "array", "items", items);
}

/* Also null: takes @schema. */
static json_t *or_null(json_t *schema)
{
	json_t *type = json_object_get(schema, "type");
	json_t *words = json_object_get(schema, "enum");

	if (type == NULL)
		return json_pack(
			"{s:[o, {s:s}]}", "anyOf", schema, "type", "null");
	put(schema, "type", json_pack("[O, s]", type, "null"));
	if (words != NULL)
		json_array_append_new(words, json_null());
	return schema;
}

/* ---- parameters ---- */

static json_t *bounded_text(const struct param *param)
{
	json_t *schema = of_type("string");

	if (param->min > 0)
		put(schema, "minLength", json_integer(param->min));
	if (param->max > 0)
		put(schema, "maxLength", json_integer(param->max));
	return schema;
}

static json_t *bounded_integer(const struct param *param)
{
	json_t *schema = of_type("integer");

	put(schema, "minimum", json_integer(param->min));
	if (param->max < INT64_MAX)
		put(schema, "maximum", json_integer(param->max));
	return schema;
}

static json_t *bounded_array(const struct param *param, json_t *items)
{
	json_t *schema = array_of(items);

	put(schema, "minItems", json_integer(param->min));
	put(schema, "maxItems", json_integer(param->max));
	return schema;
}

/* ---- objects that a handler checks ---- */

/* "text", "integer", "boolean", or a shape. */
static json_t *of_what(const char *what, size_t n)
{
	char name[64];

	snprintf(name, sizeof(name), "%.*s", (int)n, what);
	if (strcmp(name, "text") == 0)
		return of_type("string");
	if (strcmp(name, "integer") == 0 || strcmp(name, "boolean") == 0)
		return of_type(name);
	return ref_to(name);
}

/* What endpoint->objects says of the parameter; {} when nothing. */
static json_t *of_object(const char *objects, const char *name)
{
	const size_t n_name = strlen(name);

	while (objects != NULL && *objects != '\0') {
		const size_t n = strcspn(objects, " ");
		const char *what = objects + n_name + 1;
		const size_t n_what = n > n_name ? n - n_name - 1 : 0;

		if (n > n_name && objects[n_name] == '=' &&
			memcmp(objects, name, n_name) == 0)
			return what[0] == '['
				       ? array_of(of_what(what + 1, n_what - 2))
				       : of_what(what, n_what);
		objects += n + (objects[n] == ' ');
	}
	return json_object();
}

static json_t *until(void)
{
	return json_pack("{s:[o, {s:s}, {s:s}]}", "anyOf",
		of_format("date-time"), "const", "forever", "type", "null");
}

static json_t *of_param(
	const struct endpoint *endpoint, const struct param *param)
{
	switch (param->type) {
	case PARAM_STRING:
	case PARAM_DEVICE_UID:
		return bounded_text(param);
	case PARAM_PHONE:
		return of_pattern(PHONE_PATTERN);
	case PARAM_PHONES:
		return bounded_array(param, of_pattern(PHONE_PATTERN));
	case PARAM_UUID:
	case PARAM_PICTURE:
		return of_format("uuid");
	case PARAM_UUIDS:
		return bounded_array(param, of_format("uuid"));
	case PARAM_DATE:
		return of_format("date-time");
	case PARAM_INT:
		return bounded_integer(param);
	case PARAM_BOOL:
		return of_type("boolean");
	case PARAM_URL:
		return param->required ? of_format("uri")
				       : or_null(of_format("uri"));
	case PARAM_ENUM:
		return of_words(param->help);
	case PARAM_RECIPIENT:
		return of_pattern(RECIPIENT_PATTERN);
	case PARAM_PERSON:
		return of_pattern(PERSON_PATTERN);
	case PARAM_GROUP:
		return of_pattern(GROUP_PATTERN);
	case PARAM_CONTACT:
		return json_pack("{s:[o, o]}", "anyOf", of_format("uuid"),
			of_pattern(PERSON_PATTERN));
	case PARAM_PEOPLE:
		return bounded_array(param, of_pattern(PERSON_PATTERN));
	case PARAM_TEXTS:
		return bounded_array(
			param, json_pack("{s:s, s:i, s:i}", "type", "string",
				       "minLength", 1, "maxLength", ID_MAX));
	case PARAM_UNTIL:
		return until();
	case PARAM_OBJECT:
		return of_object(endpoint->objects, param->name);
	case PARAM_COLOR:
		return of_pattern("^#[0-9a-fA-F]{6}$");
	}
	return json_object();
}

json_t *openapi_schema_param(
	const struct endpoint *endpoint, const struct param *param)
{
	json_t *schema = of_param(endpoint, param);

	/* The words of an ENUM are its help. */
	if (param->type != PARAM_ENUM && param->help != NULL)
		put(schema, "description", json_string(param->help));
	return schema;
}

/* ---- bodies ---- */

static void add_file(json_t *properties, json_t *required)
{
	put(properties, "file",
		json_pack("{s:s, s:s, s:s}", "type", "string",
			"contentMediaType", "application/octet-stream",
			"description", "The file."));
	json_array_append_new(required, json_string("file"));
}

json_t *openapi_schema_body(const struct endpoint *endpoint, bool *is_required)
{
	const struct param *param = endpoint->params;
	json_t *properties = json_object(), *required = json_array();
	json_t *schema = json_pack("{s:s, s:o, s:o, s:b}", "type", "object",
		"properties", properties, "required", required,
		"additionalProperties", (int)endpoint->takes_any);

	if (endpoint->takes_file)
		add_file(properties, required);
	for (; param != NULL && param->name != NULL; param++) {
		if (param->in != IN_BODY)
			continue;
		put(properties, param->name,
			openapi_schema_param(endpoint, param));
		if (param->required)
			json_array_append_new(
				required, json_string(param->name));
	}
	*is_required = json_array_size(required) > 0;
	if (!*is_required)
		json_object_del(schema, "required");
	if (json_object_size(properties) > 0 || endpoint->takes_any)
		return schema;
	json_decref(schema);
	return NULL;
}

/* ---- answers ---- */

static json_t *of_field(const struct field *field)
{
	switch (field->type) {
	case FIELD_TEXT:
		return of_type("string");
	case FIELD_INTEGER:
		return of_type("integer");
	case FIELD_NUMBER:
		return of_type("number");
	case FIELD_BOOL:
		return of_type("boolean");
	case FIELD_TIME:
		return of_format("date-time");
	case FIELD_UUID:
		return of_format("uuid");
	case FIELD_PHONE:
		return of_pattern("^\\+[0-9]+$");
	case FIELD_WORD:
		return of_words(field->of);
	case FIELD_OBJECT:
		return ref_to(field->of);
	case FIELD_LIST:
		return array_of(field->of != NULL ? ref_to(field->of)
						  : of_type("string"));
	case FIELD_MAP:
		return json_pack("{s:s, s:{s:s}}", "type", "object",
			"additionalProperties", "type", "string");
	case FIELD_ANY:
		break;
	}
	return json_object();
}

static json_t *field_schema(const struct field *field)
{
	json_t *schema = of_field(field);

	if ((field->flags & FIELD_NULL) != 0 && field->type != FIELD_ANY)
		schema = or_null(schema);
	if (field->help != NULL)
		put(schema, "description", json_string(field->help));
	return schema;
}

static json_t *of_shape(const struct shape *shape)
{
	json_t *properties = json_object(), *required = json_array();
	json_t *schema = json_pack("{s:s, s:o, s:o}", "type", "object",
		"properties", properties, "required", required);

	for (const struct field *f = shape->fields; f->name != NULL; f++) {
		put(properties, f->name, field_schema(f));
		if ((f->flags & FIELD_OPTIONAL) == 0)
			json_array_append_new(required, json_string(f->name));
	}
	if (json_array_size(required) == 0)
		json_object_del(schema, "required");
	if (shape->is_open)
		put(schema, "additionalProperties", json_true());
	return schema;
}

void openapi_schema_add_shapes(
	json_t *schemas, const struct shape *shapes, size_t n)
{
	for (size_t i = 0; i < n; i++)
		put(schemas, shapes[i].name, of_shape(&shapes[i]));
}

void openapi_schema_add_refusals(json_t *schemas)
{
	openapi_schema_add_shapes(schemas, refusals, ARRAY_LEN(refusals));
}

/* {data, total}, with @is_page also page and limit. */
static json_t *list_of(const char *name, bool is_page)
{
	json_t *properties = json_pack("{s:o, s:o}", "data",
		array_of(ref_to(name)), "total",
		json_pack("{s:s, s:s}", "type", "integer", "description",
			"How many there are on all pages."));
	json_t *required = json_pack("[s, s]", "data", "total");

	if (is_page) {
		put(properties, "page", of_type("integer"));
		put(properties, "limit", of_type("integer"));
		json_array_append_new(required, json_string("page"));
		json_array_append_new(required, json_string("limit"));
	}
	return json_pack("{s:s, s:o, s:o}", "type", "object", "properties",
		properties, "required", required);
}

json_t *openapi_schema_answer(const char *answer)
{
	if (answer == NULL)
		return json_object();
	if (strncmp(answer, "List:", 5) == 0)
		return list_of(answer + 5, false);
	if (strncmp(answer, "Page:", 5) == 0)
		return list_of(answer + 5, true);
	return ref_to(answer);
}
