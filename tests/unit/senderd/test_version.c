/* The version that lanes report, and where a newer one is found. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/config.h"
#include "common/own.h"
#include "senderd/version.h"

static void the_revision_is_found_as_pages_write_it(void **state)
{
	static const struct {
		const char *text;
		int64_t revision;
	} cases[] = {
		{ "x,\"client_revision\":1035194821,\"y\":1", 1035194821 },
		{ "{\\\"client_revision\\\": 1045649367}", 1045649367 },
		{ "client_revision:7", 7 },
		{ "\"client_revision\":", -1 },
		{ "\"client_revision\":0", -1 },
		{ "\"client_revision\":null", -1 },
		{ "\"client_revision\":99999999999", -1 },
		{ "client_revisio", -1 },
		{ "", -1 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_int_equal(version_find_revision(
					 cases[i].text, strlen(cases[i].text)),
			cases[i].revision);
}

static void a_number_cut_off_by_the_end_is_not_read_past_it(void **state)
{
	char *exact = strdup("client_revision\":12");
	size_t n = strlen(exact);
	char *tight = malloc(n);

	(void)state;
	memcpy(tight, exact, n); /* no NUL: the sanitizer watches */
	assert_int_equal(version_find_revision(tight, n), 12);
	free(tight);
	free(exact);
}

static void versions_are_compared_as_numbers(void **state)
{
	(void)state;
	assert_true(version_compare("2.3000.9", "2.3000.10") < 0);
	assert_true(version_compare("2.3001.0", "2.3000.99") > 0);
	assert_int_equal(version_compare("2.3000.1", "2.3000.1"), 0);
	assert_true(version_compare("nonsense", "0.0.1") < 0);
}

static void put(const char *dir, const char *text)
{
	char path[128];
	FILE *file;

	snprintf(path, sizeof path, "%s/client_version", dir);
	file = fopen(path, "w");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static void the_newer_of_configured_and_cached_is_used(void **state)
{
	static const struct {
		const char *cached, *used;
	} cases[] = {
		{ "2.3000.2000\n", "2.3000.2000" },
		{ "2.3000.999\n", "2.3000.1000" },
		{ "", "2.3000.1000" },
		{ "2.3000\n", "2.3000.1000" },
		{ "9.9.999999999999999999\n", "2.3000.1000" },
	};
	char dir[] = "/tmp/vereda-version-XXXXXX", command[64];
	struct config config = { 0 };
	char version[VERSION_LEN];

	(void)state;
	assert_non_null(mkdtemp(dir));
	config.suite.state_dir = dir;
	config.whatsapp.client_version = (char *)"2.3000.1000";
	config.whatsapp.version_source = (char *)"https://example.org/";
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		put(dir, cases[i].cached);
		version_current(&config, version);
		if (i < ARRAY_LEN(cases) - 1)
			assert_string_equal(version, cases[i].used);
		else /* too many digits are cut, never more than the buffer */
			assert_true(strlen(version) < VERSION_LEN);
	}
	put(dir, "2.3000.2000\n");
	config.whatsapp.version_source = (char *)"";
	version_current(&config, version);
	assert_string_equal(version, "2.3000.1000");
	snprintf(command, sizeof command, "rm -r %s", dir);
	assert_int_equal(system(command), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_revision_is_found_as_pages_write_it),
		cmocka_unit_test(
			a_number_cut_off_by_the_end_is_not_read_past_it),
		cmocka_unit_test(versions_are_compared_as_numbers),
		cmocka_unit_test(the_newer_of_configured_and_cached_is_used),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
