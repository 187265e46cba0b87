/* The OpenAPI document: whatever the tables say of an operation is in it, once,
 * and nothing that it names is missing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "apid/endpoint.h"
#include "apid/openapi.h"
#include "apid/openapi_schema.h"
#include "apid/router.h"
#include "apid/shape.h"
#include "common/own.h"

static json_t *document;

static int make_document(void **state)
{
	(void)state;
	document = openapi_make();
	return document != NULL ? 0 : -1;
}

static int drop_document(void **state)
{
	(void)state;
	json_decref(document);
	return 0;
}

static json_t *at(json_t *node, const char *path)
{
	while (node != NULL && *path != '\0') {
		char key[64];
		const size_t n = strcspn(path, "/");

		snprintf(key, sizeof(key), "%.*s", (int)n, path);
		node = json_object_get(node, key);
		path += n + (path[n] == '/');
	}
	return node;
}

static void for_each_row(void (*fn)(const struct endpoint *e))
{
	const struct dialect *const *dialects;
	const size_t n = router_dialects(&dialects);

	for (size_t d = 0; d < n; d++) {
		for (size_t g = 0; g < dialects[d]->n_groups; g++) {
			const struct endpoints *group = dialects[d]->groups[g];

			for (size_t i = 0; i < group->n; i++)
				fn(&group->rows[i]);
		}
	}
}

static size_t n_rows;

static void count_row(const struct endpoint *e)
{
	(void)e;
	n_rows++;
}

static void every_row_is_one_operation_with_a_name_of_its_own(void **state)
{
	json_t *ids = json_object(), *item, *operation;
	const char *path, *method;
	size_t n = 0;

	(void)state;
	n_rows = 0;
	for_each_row(count_row);
	json_object_foreach(at(document, "paths"), path, item)
	{
		json_object_foreach(item, method, operation)
		{
			const char *id =
				json_string_value(at(operation, "operationId"));

			assert_null(strchr(path, ':'));
			assert_non_null(id);
			assert_null(json_object_get(ids, id));
			json_object_set_new(ids, id, json_true());
			n++;
		}
	}
	assert_int_equal(n, n_rows);
	json_decref(ids);
}

/* The examples are JSON literals in C: a slip shows here, not in the page. */
static void check_examples(const struct endpoint *e)
{
	const char *const texts[] = { e->example, e->example_body };

	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		json_error_t why;
		json_t *json = texts[i] != NULL
				       ? json_loads(texts[i],
						 JSON_REJECT_DUPLICATES, &why)
				       : NULL;

		if (texts[i] != NULL && json == NULL)
			fail_msg("%s %s: %s in %s", e->method, e->path,
				why.text, texts[i]);
		json_decref(json);
	}
}

static void examples_are_json(void **state)
{
	(void)state;
	for_each_row(check_examples);
}

static void check_refs(json_t *node)
{
	const char *ref = json_string_value(json_object_get(node, "$ref"));
	const char *key;
	json_t *value;
	size_t i;

	if (ref != NULL && at(document, ref + 2) == NULL)
		fail_msg("%s is nowhere", ref);
	json_object_foreach(node, key, value)
	{
		check_refs(value);
	}
	json_array_foreach(node, i, value)
	{
		check_refs(value);
	}
}

static void what_is_referred_to_is_there(void **state)
{
	(void)state;
	check_refs(document);
}

static void no_shape_has_two_meanings(void **state)
{
	const struct dialect *const *dialects;
	const size_t n = router_dialects(&dialects);
	json_t *names = json_object();

	(void)state;
	for (size_t d = 0; d < n; d++) {
		for (size_t g = 0; g < dialects[d]->n_groups; g++) {
			const struct endpoints *group = dialects[d]->groups[g];

			for (size_t i = 0; i < group->n_shapes; i++) {
				const char *name = group->shapes[i].name;

				if (json_object_get(names, name) != NULL)
					fail_msg("shape %s is there twice",
						name);
				json_object_set_new(names, name, json_true());
			}
		}
	}
	json_decref(names);
}

static void a_send_says_what_it_takes_and_what_it_answers(void **state)
{
	json_t *post = json_object_get(json_object_get(at(document, "paths"),
					       "/v1/developer/messages/send"),
		"post");
	json_t *media = json_object_get(
		at(post, "requestBody/content"), "application/json");
	json_t *schema = at(media, "schema");

	(void)state;
	assert_true(json_is_false(at(schema, "additionalProperties")));
	assert_int_equal(json_array_size(at(schema, "required")), 3);
	assert_string_equal(
		json_string_value(at(schema, "properties/to/pattern")),
		"^\\+?[0-9]{7,15}$");
	assert_true(json_is_true(at(post, "requestBody/required")));
	assert_string_equal(json_string_value(at(post, "responses/429/$ref")),
		"#/components/responses/TooManyRequests");
	assert_non_null(at(post, "responses/401"));
	assert_null(at(post, "security"));
}

static void an_operation_for_everybody_asks_no_credentials(void **state)
{
	json_t *get = json_object_get(
		json_object_get(at(document, "paths"), "/healthz"), "get");

	(void)state;
	assert_int_equal(json_array_size(at(get, "security")), 0);
	assert_true(json_is_array(at(get, "security")));
	assert_null(at(get, "responses/401"));
}

/* ---- schemas ---- */

static void fields_become_schemas(void **state)
{
	static const struct field fields[] = {
		{ "id", FIELD_UUID, 0, NULL, "Id." },
		{ "word", FIELD_WORD, FIELD_NULL, "A|B", NULL },
		{ "other", FIELD_OBJECT, FIELD_NULL | FIELD_OPTIONAL, "Other",
			NULL },
		{ "list", FIELD_LIST, 0, NULL, NULL },
		{ "map", FIELD_MAP, 0, NULL, NULL },
		{ .name = NULL },
	};
	static const struct shape shapes[] = { { "Thing", fields, false },
		{ "Open", fields, true } };
	static const char expected[] =
		"{\"type\":\"object\",\"properties\":{"
		"\"id\":{\"type\":\"string\",\"format\":\"uuid\","
		"\"description\":\"Id.\"},"
		"\"word\":{\"type\":[\"string\",\"null\"],"
		"\"enum\":[\"A\",\"B\",null]},"
		"\"other\":{\"anyOf\":[{\"$ref\":\"#/components/schemas/"
		"Other\"},{\"type\":\"null\"}]},"
		"\"list\":{\"type\":\"array\",\"items\":{\"type\":"
		"\"string\"}},"
		"\"map\":{\"type\":\"object\",\"additionalProperties\":"
		"{\"type\":\"string\"}}},"
		"\"required\":[\"id\",\"word\",\"list\",\"map\"]}";
	json_t *schemas = json_object();
	json_t *wanted = json_loads(expected, 0, NULL);

	(void)state;
	openapi_schema_add_shapes(schemas, shapes, ARRAY_LEN(shapes));
	assert_true(json_equal(json_object_get(schemas, "Thing"), wanted));
	assert_true(json_is_true(at(schemas, "Open/additionalProperties")));
	json_decref(schemas);
	json_decref(wanted);
}

static void parameters_become_schemas(void **state)
{
	static const struct {
		struct param param;
		const char *schema;
	} cases[] = {
		{ { "a", IN_QUERY, PARAM_INT, false, 1, 100, "N." },
			"{\"type\":\"integer\",\"minimum\":1,\"maximum\":100,"
			"\"description\":\"N.\"}" },
		{ { "a", IN_BODY, PARAM_STRING, true, 1, 10, "T." },
			"{\"type\":\"string\",\"minLength\":1,\"maxLength\":10,"
			"\"description\":\"T.\"}" },
		{ { "a", IN_QUERY, PARAM_ENUM, false, 0, 0, "x|y" },
			"{\"type\":\"string\",\"enum\":[\"x\",\"y\"]}" },
		{ { "mentions", IN_BODY, PARAM_OBJECT, false, 0, 0, "M." },
			"{\"type\":\"array\",\"items\":{\"type\":\"string\"},"
			"\"description\":\"M.\"}" },
		{ { "target", IN_BODY, PARAM_OBJECT, false, 0, 0, "M." },
			"{\"$ref\":\"#/components/schemas/Reference\","
			"\"description\":\"M.\"}" },
		{ { "men", IN_BODY, PARAM_OBJECT, false, 0, 0, "M." },
			"{\"description\":\"M.\"}" },
	};
	static const struct endpoint e = {
		.objects = "text=text mentions=[text] target=Reference"
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		json_t *got = openapi_schema_param(&e, &cases[i].param);
		json_t *wanted = json_loads(cases[i].schema, 0, NULL);

		assert_true(json_equal(got, wanted));
		json_decref(got);
		json_decref(wanted);
	}
}

static void lists_have_their_totals(void **state)
{
	json_t *page = openapi_schema_answer("Page:X");
	json_t *list = openapi_schema_answer("List:X");

	(void)state;
	assert_int_equal(json_array_size(at(page, "required")), 4);
	assert_int_equal(json_array_size(at(list, "required")), 2);
	assert_string_equal(
		json_string_value(at(page, "properties/data/items/$ref")),
		"#/components/schemas/X");
	json_decref(page);
	json_decref(list);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			every_row_is_one_operation_with_a_name_of_its_own),
		cmocka_unit_test(examples_are_json),
		cmocka_unit_test(what_is_referred_to_is_there),
		cmocka_unit_test(no_shape_has_two_meanings),
		cmocka_unit_test(a_send_says_what_it_takes_and_what_it_answers),
		cmocka_unit_test(
			an_operation_for_everybody_asks_no_credentials),
		cmocka_unit_test(fields_become_schemas),
		cmocka_unit_test(parameters_become_schemas),
		cmocka_unit_test(lists_have_their_totals),
	};

	return cmocka_run_group_tests(tests, make_document, drop_document);
}
