/* The router: which endpoint a method and a path name, and the table itself. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "apid/ask.h"
#include "apid/request.h"
#include "apid/router.h"
#include "common/own.h"

static struct request *route(
	const char *method, const char *path, int *rc, char allow[64])
{
	struct request *request = xcalloc(1, sizeof(*request));

	*rc = router_find(method, path, request, allow, 64);
	return request;
}

static void a_path_finds_its_endpoint_and_its_values(void **state)
{
	static const struct {
		const char *method, *path;
		int rc;
		const char *endpoint, *name, *value;
	} cases[] = {
		{ "GET", "/v1/api-keys", ROUTER_FOUND, "/v1/api-keys", NULL,
			NULL },
		{ "DELETE", "/v1/api-keys/abc", ROUTER_FOUND,
			"/v1/api-keys/:id", "id", "abc" },
		{ "DELETE", "/v1/api-keys/a%2Fb%20c", ROUTER_FOUND,
			"/v1/api-keys/:id", "id", "a/b c" },
		{ "POST", "/v1/devices/dev_1/pairing-code", ROUTER_FOUND,
			"/v1/devices/:deviceUid/pairing-code", "deviceUid",
			"dev_1" },
		{ "GET", "/v1/devices/dev_1/groups/1203%40g.us", ROUTER_FOUND,
			"/v1/devices/:deviceUid/groups/:jid", "jid",
			"1203@g.us" },
		{ "POST", "/v1/devices/dev_1/groups/join", ROUTER_FOUND,
			"/v1/devices/:deviceUid/groups/join", NULL, NULL },
		{ "GET", "/v1/devices/dev_1/groups/invites/Abc", ROUTER_FOUND,
			"/v1/devices/:deviceUid/groups/invites/:code", "code",
			"Abc" },
		{ "HEAD", "/healthz", ROUTER_FOUND, "/healthz", NULL, NULL },
		{ "GET", "/v1/developer/webhooks/history", ROUTER_FOUND,
			"/v1/developer/webhooks/history", NULL, NULL },
		{ "GET", "/v1/api-keys/", ROUTER_NOT_FOUND, NULL, NULL, NULL },
		{ "GET", "/v1/api-keysx", ROUTER_NOT_FOUND, NULL, NULL, NULL },
		{ "GET", "/", ROUTER_NOT_FOUND, NULL, NULL, NULL },
		{ "GET", "", ROUTER_NOT_FOUND, NULL, NULL, NULL },
		{ "DELETE", "/v1/api-keys/a%00b", ROUTER_NOT_FOUND, NULL, NULL,
			NULL },
		{ "DELETE", "/v1/api-keys//", ROUTER_NOT_FOUND, NULL, NULL,
			NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char allow[64];
		int rc;
		scoped(request_free) struct request *request =
			route(cases[i].method, cases[i].path, &rc, allow);

		assert_int_equal(rc, cases[i].rc);
		if (rc != ROUTER_FOUND)
			continue;
		assert_string_equal(request->endpoint->path, cases[i].endpoint);
		if (cases[i].name != NULL)
			assert_string_equal(
				request_text(request, cases[i].name),
				cases[i].value);
	}
}

static void a_wrong_method_names_the_right_ones(void **state)
{
	char allow[64];
	int rc;
	scoped(request_free) struct request *request =
		route("PATCH", "/v1/api-keys", &rc, allow);

	(void)state;
	assert_int_equal(rc, ROUTER_WRONG_METHOD);
	assert_string_equal(allow, "GET, POST");
}

static bool is_same_route(const struct endpoint *a, const struct endpoint *b)
{
	return strcmp(a->method, b->method) == 0 &&
	       strcmp(a->path, b->path) == 0;
}

/* The row itself is one of them; another one would never be reached. */
static size_t rows_of_route(const struct endpoint *e)
{
	const struct dialect *const *dialects;
	size_t n_dialects = router_dialects(&dialects), n = 0;

	for (size_t d = 0; d < n_dialects; d++) {
		for (size_t g = 0; g < dialects[d]->n_groups; g++) {
			const struct endpoints *group = dialects[d]->groups[g];

			for (size_t i = 0; i < group->n; i++)
				n += is_same_route(e, &group->rows[i]);
		}
	}
	return n;
}

/* The table is the single source of truth: a row that contradicts itself would
 * be a route that cannot be called. */
static void check_row(const struct endpoint *e)
{
	const struct param *p = e->params;
	size_t n = 0, in_path = 0, colons = 0;

	assert_int_equal(
		(e->read != NULL) + (e->write != NULL) + (e->start != NULL), 1);
	assert_true(e->success >= 200 && e->success < 300);
	assert_true((e->call != NULL) == (e->start == call_start));
	assert_true(e->constants == NULL || e->call != NULL);
	for (const char *c = e->path; *c != '\0'; c++)
		colons += *c == ':';
	for (; p != NULL && p->name != NULL; p++, n++) {
		in_path += p->in == IN_PATH;
		assert_true(p->in != IN_PATH || p->required);
		assert_true(p->type != PARAM_PHONES || p->in == IN_BODY);
		assert_true(p->in != IN_BODY || strcmp(e->method, "GET") != 0);
	}
	assert_true(n <= ENDPOINT_MAX_PARAMS);
	assert_int_equal(in_path, colons);
	assert_int_equal(rows_of_route(e), 1);
}

/* The constant part of a lane call's parameters is JSON in a literal. */
static void check_constants(const struct endpoint *e)
{
	json_t *json =
		e->constants != NULL ? json_loads(e->constants, 0, NULL) : NULL;

	assert_true(e->constants == NULL || json_is_object(json));
	json_decref(json);
}

static void for_each_row(void (*check)(const struct endpoint *e))
{
	const struct dialect *const *dialects;
	size_t n_dialects = router_dialects(&dialects), n = 0;

	for (size_t d = 0; d < n_dialects; d++) {
		for (size_t g = 0; g < dialects[d]->n_groups; g++) {
			const struct endpoints *group = dialects[d]->groups[g];

			for (size_t i = 0; i < group->n; i++, n++)
				check(&group->rows[i]);
		}
	}
	assert_true(n > 70);
}

static void every_row_of_the_tables_is_sound(void **state)
{
	(void)state;
	for_each_row(check_row);
}

static void constants_of_calls_are_objects(void **state)
{
	(void)state;
	for_each_row(check_constants);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_path_finds_its_endpoint_and_its_values),
		cmocka_unit_test(a_wrong_method_names_the_right_ones),
		cmocka_unit_test(every_row_of_the_tables_is_sound),
		cmocka_unit_test(constants_of_calls_are_objects),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
