#include "common/log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "common/err.h"
#include "common/own.h"

static char dir[] = "/tmp/vereda-test-log-XXXXXX";
static int real_stderr;

static int make_dir(void **state)
{
	(void)state;
	return mkdtemp(dir) != NULL && chdir(dir) == 0 ? 0 : -1;
}

static int remove_dir(void **state)
{
	scoped(str_free) char *command = xasprintf("rm -rf %s", dir);

	(void)state;
	return system(command);
}

/* stderr goes to a file, so that a test can read what was written there. */
static int catch_stderr(void **state)
{
	int fd = open("stderr", O_RDWR | O_CREAT | O_TRUNC | O_APPEND, 0600);

	(void)state;
	real_stderr = dup(STDERR_FILENO);
	dup2(fd, STDERR_FILENO);
	close(fd);
	return 0;
}

static int release_stderr(void **state)
{
	(void)state;
	log_close();
	dup2(real_stderr, STDERR_FILENO);
	close(real_stderr);
	unsetenv("JOURNAL_STREAM");
	unlink("t.log");
	return 0;
}

static const char *read_file(const char *name)
{
	static char text[8192];
	FILE *file = fopen(name, "r");
	size_t n = 0;

	if (file != NULL) {
		n = fread(text, 1, sizeof(text) - 1, file);
		fclose(file);
	}
	text[n] = '\0';
	return text;
}

static void a_line_has_time_level_and_writer(void **state)
{
	struct err err = ERR_NONE;
	const char *line;

	(void)state;
	assert_int_equal(log_open("t", NULL, LOG_LVL_INFO, &err), 0);
	log_warning("disk free_mb=%d", 3);
	line = read_file("stderr");
	assert_int_equal(strlen(line), strlen("2026-05-23T23:59:59.999Z "
					      "warning t: disk free_mb=3\n"));
	assert_string_equal(line + 24, " warning t: disk free_mb=3\n");
}

static void less_than_the_level_is_not_written(void **state)
{
	struct err err = ERR_NONE;

	(void)state;
	assert_int_equal(log_open("t", NULL, LOG_LVL_WARNING, &err), 0);
	log_info("unseen");
	log_debug("unseen");
	assert_string_equal(read_file("stderr"), "");
	log_error("seen");
	assert_non_null(strstr(read_file("stderr"), " error t: seen\n"));
}

static void the_journal_gets_priorities_and_no_times(void **state)
{
	struct err err = ERR_NONE;
	struct stat st;
	char stream[64];

	(void)state;
	assert_int_equal(fstat(STDERR_FILENO, &st), 0);
	snprintf(stream, sizeof(stream), "%ju:%ju", (uintmax_t)st.st_dev,
		(uintmax_t)st.st_ino);
	setenv("JOURNAL_STREAM", stream, 1);
	assert_int_equal(log_open("t", NULL, LOG_LVL_DEBUG, &err), 0);
	log_error("a");
	log_debug("b");
	assert_string_equal(read_file("stderr"), "<3>t: a\n<7>t: b\n");
}

static void a_stderr_that_was_redirected_is_no_journal(void **state)
{
	struct err err = ERR_NONE;

	(void)state;
	setenv("JOURNAL_STREAM", "1:2", 1);
	assert_int_equal(log_open("t", NULL, LOG_LVL_INFO, &err), 0);
	log_error("a");
	assert_null(strstr(read_file("stderr"), "<3>"));
}

static void a_file_is_written_as_well_and_opened_again_after_rotation(
	void **state)
{
	struct err err = ERR_NONE;

	(void)state;
	assert_int_equal(log_open("t", dir, LOG_LVL_INFO, &err), 0);
	log_info("one");
	assert_int_equal(rename("t.log", "t.log.1"), 0);
	log_info("two");
	log_reopen();
	log_set_ident("t/child");
	log_info("three");
	assert_non_null(strstr(read_file("t.log.1"), " info t: one\n"));
	assert_non_null(strstr(read_file("t.log.1"), " info t: two\n"));
	assert_null(strstr(read_file("t.log.1"), "three"));
	assert_non_null(strstr(read_file("t.log"), " info t/child: three\n"));
	assert_non_null(strstr(read_file("stderr"), "three"));
}

static void a_directory_that_is_not_there_is_an_error(void **state)
{
	struct err err = ERR_NONE;

	(void)state;
	assert_int_equal(log_open("t", "none", LOG_LVL_INFO, &err), -1);
	assert_int_equal(err.code, ERR_IO);
	log_error("still heard");
	assert_non_null(strstr(read_file("stderr"), "still heard"));
}

static void a_line_stays_one_line_and_is_bounded(void **state)
{
	char text[5000];
	struct err err = ERR_NONE;
	const char *line;

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	text[3] = '\n';
	text[4] = '\x1b';
	assert_int_equal(log_open("t", NULL, LOG_LVL_INFO, &err), 0);
	log_info("%s", text);
	line = read_file("stderr");
	assert_non_null(strstr(line, "xxx  xxx"));
	assert_in_range(strlen(line), 100, 2200);
	assert_ptr_equal(strchr(line, '\n'), line + strlen(line) - 1);
}

static void peer_text_is_escaped(void **state)
{
	static const struct {
		const char *text, *quoted;
		size_t n;
	} cases[] = {
		{ "plain text", "plain text", 10 }, { "", "", 0 },
		{ "a\"b\\c", "a\\\"b\\\\c", 5 }, { "\n\r\t", "\\n\\r\\t", 3 },
		{ "\0\x1b\x7f", "\\x00\\x1b\\x7f", 3 },
		{ "gr\xc3\xbc\xc3\x9f", "gr\xc3\xbc\xc3\x9f", 6 },
		{ "\xf0\x9f\x98\x80", "\xf0\x9f\x98\x80", 4 },
		{ "\xc3", "\\xc3", 1 }, { "\xc3(", "\\xc3(", 2 },
		{ "\xc0\xaf", "\\xc0\\xaf", 2 },	  /* overlong */
		{ "\xed\xa0\x80", "\\xed\\xa0\\x80", 3 }, /* surrogate */
		{ "\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80", 4 },
		{ "\xc2\x9b", "\\xc2\\x9b", 2 }, /* C1 control */
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_string_equal(log_quote_n(cases[i].text, cases[i].n),
			cases[i].quoted);
	assert_string_equal(log_quote(NULL), "");
}

static void peer_text_is_bounded(void **state)
{
	char text[1000];
	const char *quoted;

	(void)state;
	memset(text, 'x', sizeof(text));
	assert_int_equal(strlen(log_quote_n(text, 160)), 160);
	quoted = log_quote_n(text, sizeof(text));
	assert_int_equal(strlen(quoted), 160);
	assert_string_equal(quoted + 157, "...");
	memset(text, '\n', sizeof(text));
	assert_in_range(strlen(log_quote_n(text, sizeof(text))), 150, 160);
	memset(text, 0xff, sizeof(text));
	assert_in_range(strlen(log_quote_n(text, sizeof(text))), 150, 160);
}

static void four_quotes_fit_one_call(void **state)
{
	const char *a = log_quote("a"), *b = log_quote("b");
	const char *c = log_quote("c"), *d = log_quote("d");

	(void)state;
	assert_string_equal(a, "a");
	assert_string_equal(b, "b");
	assert_string_equal(c, "c");
	assert_string_equal(d, "d");
}

static void levels_have_names(void **state)
{
	(void)state;
	assert_int_equal(log_level_from_name("error"), LOG_LVL_ERROR);
	assert_int_equal(log_level_from_name("warning"), LOG_LVL_WARNING);
	assert_int_equal(log_level_from_name("info"), LOG_LVL_INFO);
	assert_int_equal(log_level_from_name("debug"), LOG_LVL_DEBUG);
	assert_int_equal(log_level_from_name("loud"), LOG_LVL_INFO);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, catch_stderr, release_stderr)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_line_has_time_level_and_writer),
		TEST(less_than_the_level_is_not_written),
		TEST(the_journal_gets_priorities_and_no_times),
		TEST(a_stderr_that_was_redirected_is_no_journal),
		TEST(a_file_is_written_as_well_and_opened_again_after_rotation),
		TEST(a_directory_that_is_not_there_is_an_error),
		TEST(a_line_stays_one_line_and_is_bounded),
		cmocka_unit_test(peer_text_is_escaped),
		cmocka_unit_test(peer_text_is_bounded),
		cmocka_unit_test(four_quotes_fit_one_call),
		cmocka_unit_test(levels_have_names),
	};

	return cmocka_run_group_tests_name("log", tests, make_dir, remove_dir);
}
