#include "common/config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/err.h"
#include "common/own.h"

static char dir[] = "/tmp/vereda-test-config-XXXXXX";

static char *manual; /* docs/operations.md, read before the directory changes */

static int read_manual(void)
{
	FILE *file = fopen("docs/operations.md", "r");
	size_t n;

	if (file == NULL)
		return -1;
	manual = xcalloc(1, 256 * 1024);
	n = fread(manual, 1, 256 * 1024 - 1, file);
	fclose(file);
	return n > 0 ? 0 : -1;
}

static int make_dir(void **state)
{
	(void)state;
	if (read_manual() != 0)
		return -1;
	return mkdtemp(dir) != NULL && chdir(dir) == 0 ? 0 : -1;
}

static int remove_dir(void **state)
{
	scoped(str_free) char *command = xasprintf("rm -rf %s", dir);

	(void)state;
	str_free(&manual);
	return system(command);
}

static struct config *load_text(const char *text)
{
	struct config *config = NULL;
	struct err err = ERR_NONE;

	if (config_load_text(text, strlen(text), "t", &config, &err) != 0)
		fail_msg("%s", err.msg);
	return config;
}

static void expect_error(const char *text, size_t n, const char *message)
{
	struct config *config = NULL;
	struct err err = ERR_NONE;

	assert_int_equal(
		config_load_text(text, n, "vereda.conf", &config, &err), -1);
	assert_null(config);
	assert_int_equal(err.code, ERR_INVALID);
	assert_string_equal(err.msg, message);
}

static void an_empty_file_gives_the_defaults(void **state)
{
	scoped(config_free) struct config *config = load_text("");

	(void)state;
	assert_string_equal(config->api.listen, "127.0.0.1");
	assert_int_equal(config->api.port, 8080);
	assert_int_equal(config->api.max_body_bytes, 1024 * 1024);
	assert_string_equal(
		config->whatsapp.url, "wss://web.whatsapp.com/ws/chat");
	assert_string_equal(config->whatsapp.noise_root_key, "");
	assert_int_equal(config->sender.ping_min_sec, 20);
	assert_int_equal(config->sender.ping_max_sec, 30);
	assert_string_equal(config->sender.receipts, "active");
	assert_int_equal(config->webhook.attempts, 3);
	assert_false(config->webhook.allow_private_targets);
	assert_true(config->safety.enabled);
	assert_int_equal(config->safety.n_daily_tiers, 5);
	assert_int_equal(config->safety.daily_tiers[2].from_day, 8);
	assert_int_equal(config->safety.daily_tiers[4].per_day, 200);
	assert_string_equal(config->suite.state_dir, "/var/lib/vereda");
	assert_string_equal(config->suite.run_dir, "/var/lib/vereda/run");
}

static void a_file_changes_what_it_names(void **state)
{
	scoped(config_free) struct config *config =
		load_text("# comment\n"
			  "[api]\n"
			  "port = 80 ; a comment, too\n"
			  "  listen = ::1\r\n"
			  "\n"
			  "[webhook]\n"
			  "allow_private_targets = true\n"
			  "[safety]\n"
			  "daily_tiers = 0:1,30:1000000\n");

	(void)state;
	assert_int_equal(config->api.port, 80);
	assert_string_equal(config->api.listen, "::1");
	assert_true(config->webhook.allow_private_targets);
	assert_int_equal(config->safety.n_daily_tiers, 2);
	assert_int_equal(config->safety.daily_tiers[1].from_day, 30);
	assert_int_equal(config->safety.daily_tiers[1].per_day, 1000000);
}

static void what_is_wrong_is_named_with_file_and_line(void **state)
{
	static const struct {
		const char *text, *message;
	} cases[] = {
		{ "\n\n[api]\nport = eighty\n",
			"vereda.conf:4: [api] port: expected a whole number "
			"from 0 to 65535, got \"eighty\"" },
		{ "[api]\nport = 65536",
			"vereda.conf:2: [api] port: expected a whole number "
			"from 0 to 65535, got \"65536\"" },
		{ "[api]\nport = 80 80",
			"vereda.conf:2: [api] port: expected a whole number "
			"from 0 to 65535, got \"80 80\"" },
		{ "[api]\nport = 99999999999999999999",
			"vereda.conf:2: [api] port: expected a whole number "
			"from 0 to 65535, got \"99999999999999999999\"" },
		{ "[api]\nport =",
			"vereda.conf:2: [api] port: expected a whole number "
			"from 0 to 65535, got \"\"" },
		{ "[api]\nlisten = here",
			"vereda.conf:2: [api] listen: expected an IPv4 or IPv6 "
			"address, got \"here\"" },
		{ "[suite]\nlog_level = loud",
			"vereda.conf:2: [suite] log_level: expected one of: "
			"error warning info debug, got \"loud\"" },
		{ "[suite]\nlog_level = info debug",
			"vereda.conf:2: [suite] log_level: expected one of: "
			"error warning info debug, got \"info debug\"" },
		{ "[webhook]\nallow_private_targets = maybe",
			"vereda.conf:2: [webhook] allow_private_targets: "
			"expected true or false, got \"maybe\"" },
		{ "[whatsapp]\nurl = https://example.org",
			"vereda.conf:2: [whatsapp] url: expected a URL that "
			"starts with wss:// or ws://, got "
			"\"https://example.org\"" },
		{ "[whatsapp]\nclient_version = 2.3000",
			"vereda.conf:2: [whatsapp] client_version: expected "
			"three numbers with dots between them, got "
			"\"2.3000\"" },
		{ "[api]\nprot = 1\n",
			"vereda.conf:2: [api] prot: unknown setting" },
		{ "[api]\nport = 1\nport = 2\n",
			"vereda.conf:3: [api] port: is already set on line 2" },
		{ "[apii]\nport = 1\n",
			"vereda.conf:1: [apii]: unknown section" },
		{ "\n[]\n", "vereda.conf:2: []: unknown section" },
		{ "port = 1\n", "vereda.conf:1: port: a setting must follow a "
				"[section] line" },
		{ "[api\nport = 1\n",
			"vereda.conf:1: expected \"key = value\" or "
			"\"[section]\"" },
		{ "[api]\nport\n", "vereda.conf:2: expected \"key = value\" or "
				   "\"[section]\"" },
		{ "[sender]\nping_min_sec = 31\n",
			"vereda.conf: [sender] ping_min_sec: is more than "
			"ping_max_sec" },
		{ "[whatsapp]\nmedia_scheme = http\n",
			"vereda.conf: [whatsapp] media_scheme: http is only "
			"for a test network on this host, and url is "
			"wss://web.whatsapp.com/ws/chat" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		expect_error(
			cases[i].text, strlen(cases[i].text), cases[i].message);
}

static void bytes_that_are_no_text_are_refused(void **state)
{
	char line[1000] = "[api]\nport = ";

	(void)state;
	expect_error("[api]\nport = 1\0\n", 16,
		"vereda.conf:2: a NUL byte is no text");
	memset(line + strlen(line), '1', sizeof(line) - strlen(line) - 1);
	expect_error(line, sizeof(line) - 1, "vereda.conf:2: line is too long");
}

static void a_refused_key_is_not_shown(void **state)
{
	(void)state;
	expect_error("[sandbox]\nnoise_root_priv = 0123456789abcdef\n", 45,
		"vereda.conf:2: [sandbox] noise_root_priv: expected 64 hex "
		"digits or nothing, got 16 characters");
}

static void tiers_must_begin_at_day_zero_and_rise(void **state)
{
	static const char *const wrong[] = { "", "1:10", "0:10,", ",0:10",
		"0:10,0:20", "0:10,8:1,2:5", "0:10 2:25", "0:", ":10", "0:-1",
		"0:10;2:25", "0:10,2", "0x0:1", "0:1000001",
		/* one more than there is room for */
		("0:1,1:1,2:1,3:1,4:1,5:1,6:1,7:1,8:1,9:1,10:1,11:1,"
		 "12:1,13:1,14:1,15:1,16:1") };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
		scoped(str_free) char *text =
			xasprintf("[safety]\ndaily_tiers = %s\n", wrong[i]);
		struct config *config = NULL;
		struct err err = ERR_NONE;

		if (config_load_text(text, strlen(text), "t", &config, &err) ==
			0)
			fail_msg("\"%s\" was accepted", wrong[i]);
		assert_non_null(strstr(err.msg, "day:messages"));
	}
}

static void plain_media_is_for_loopback_alone(void **state)
{
	static const struct {
		const char *url;
		bool ok;
	} cases[] = {
		{ "ws://127.0.0.1:8090/ws/chat", true },
		{ "ws://localhost/ws/chat", true },
		{ "ws://[::1]:1", true },
		{ "ws://127.0.0.1", true },
		{ "ws://127.0.0.1.example.org/", false },
		{ "ws://localhost.example.org/", false },
		{ "ws://10.0.0.1/", false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		scoped(str_free) char *text =
			xasprintf("[whatsapp]\nurl = %s\nmedia_scheme = http\n",
				cases[i].url);
		scoped(config_free) struct config *config = NULL;
		struct err err = ERR_NONE;

		assert_int_equal(config_load_text(text, strlen(text), "t",
					 &config, &err),
			cases[i].ok ? 0 : -1);
	}
}

/* ---- file, environment and command line ---- */

static void write_file(const char *name, const char *text)
{
	FILE *file = fopen(name, "w");

	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static void the_environment_goes_before_the_file_and_options_before_both(
	void **state)
{
	scoped(config_free) struct config *config = NULL;
	struct err err = ERR_NONE;

	(void)state;
	write_file("v.conf", "[api]\nport = 1\nthreads = 3\n"
			     "[suite]\nstate_dir = /one\n");
	setenv("VEREDA_API_PORT", "2", 1);
	setenv("VEREDA_SUITE_STATE_DIR", "/two", 1);
	setenv("VEREDA_API_PROT", "only a warning", 1);
	setenv("VEREDA_BIN", "not ours", 1);
	assert_int_equal(config_load("v.conf", "/three", &config, &err), 0);
	unsetenv("VEREDA_API_PORT");
	unsetenv("VEREDA_SUITE_STATE_DIR");
	unsetenv("VEREDA_API_PROT");
	unsetenv("VEREDA_BIN");
	assert_int_equal(config->api.port, 2);
	assert_int_equal(config->api.threads, 3);
	assert_string_equal(config->suite.state_dir, "/three");
}

static void a_wrong_variable_is_named(void **state)
{
	struct config *config = NULL;
	struct err err = ERR_NONE;

	(void)state;
	write_file("v.conf", "");
	setenv("VEREDA_API_PORT", "eighty", 1);
	assert_int_equal(config_load("v.conf", NULL, &config, &err), -1);
	unsetenv("VEREDA_API_PORT");
	assert_string_equal(err.msg,
		"VEREDA_API_PORT: expected a whole number from 0 to 65535, "
		"got \"eighty\"");
}

static void a_missing_file_is_an_error(void **state)
{
	struct config *config = NULL;
	struct err err = ERR_NONE;

	(void)state;
	assert_int_equal(config_load("none.conf", NULL, &config, &err), -1);
	assert_int_equal(err.code, ERR_IO);
	assert_string_equal(err.msg, "none.conf: No such file or directory");
}

static void the_sample_file_is_valid_and_changes_nothing(void **state)
{
	scoped(str_free) char *sample = NULL;
	scoped(config_free) struct config *config = NULL;
	size_t n = 0;
	FILE *file = open_memstream(&sample, &n);

	(void)state;
	config_write_sample(file);
	fclose(file);
	config = load_text(sample);
	assert_int_equal(config->api.port, 8080);

	/* Every commented setting, switched on, is accepted as well. */
	for (char *line = sample; line != NULL; line = strchr(line, '\n')) {
		line += line != sample;
		if (line[0] == '#' && line[1] != ' ')
			line[0] = ' ';
		if (line[0] == '\0')
			break;
	}
	config_free(&config);
	config = load_text(sample);
	assert_int_equal(config->api.port, 8080);
	assert_int_equal(config->safety.n_daily_tiers, 5);
}

static void the_manual_has_every_setting_with_its_default(void **state)
{
	scoped(str_free) char *sample = NULL;
	size_t n = 0;
	FILE *file = open_memstream(&sample, &n);
	char key[64], value[128];

	(void)state;
	config_write_sample(file);
	fclose(file);
	for (char *line = strstr(sample, "\n#"); line != NULL;
		line = strstr(line + 1, "\n#")) {
		scoped(str_free) char *row = NULL;

		value[0] = '\0';
		if (sscanf(line, "\n#%63[a-z_] =%127[^\n]", key, value) < 1)
			continue;
		row = value[0] != '\0'
			      ? xasprintf("| `%s` | `%s` |", key, value + 1)
			      : xasprintf("| `%s` | (empty) |", key);
		if (strstr(manual, row) == NULL)
			fail_msg("docs/operations.md lacks: %s", row);
	}
}

/* ---- directories ---- */

static struct config *load_state(const char *state_dir)
{
	struct config *config = NULL;
	struct err err = ERR_NONE;

	write_file("v.conf", "");
	if (config_load("v.conf", state_dir, &config, &err) != 0)
		fail_msg("%s", err.msg);
	return config;
}

static void a_state_directory_has_one_name_before_and_after_it_is_made(
	void **state)
{
	scoped(config_free) struct config *before = load_state("a/./b//c/");
	scoped(config_free) struct config *after = NULL;
	scoped(str_free) char *expected = xasprintf("%s/a/b/c", dir);
	struct err err = ERR_NONE;
	struct stat st;

	(void)state;
	assert_int_equal(config_make_dirs(before, &err), 0);
	after = load_state("a/b/../b/c");
	assert_string_equal(after->suite.state_dir, expected);
	assert_string_equal(before->suite.state_dir, expected);
	assert_string_equal(after->suite.state_dir, expected);
	assert_string_equal(before->suite.run_dir, after->suite.run_dir);
	assert_int_equal(stat("a/b/c/lanes", &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	assert_int_equal(stat("a/b/c/run", &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	assert_int_equal(config_make_dirs(before, &err), 0);
}

static void a_long_state_directory_gets_a_short_run_directory(void **state)
{
	static const char longish[] =
		"a-state-directory-with-a-name-that-leaves-no-room-for-the-"
		"name-of-a-socket-in-it";
	scoped(config_free) struct config *config = load_state(longish);
	scoped(config_free) struct config *again = load_state(longish);
	scoped(str_free) char *url = config_bus_url(config, "webhookd-events");
	struct err err = ERR_NONE;

	(void)state;
	assert_int_equal(strncmp(config->suite.run_dir, "/tmp/vereda-", 12), 0);
	assert_int_equal(strlen(config->suite.run_dir), 12 + 16);
	assert_string_equal(config->suite.run_dir, again->suite.run_dir);
	assert_true(strlen(url) <= strlen("ipc://") + 100);
	assert_int_equal(config_make_dirs(config, &err), 0);
	assert_int_equal(rmdir(config->suite.run_dir), 0);
}

static void a_run_directory_that_others_can_write_is_refused(void **state)
{
	scoped(config_free) struct config *config = load_state("open");
	struct err err = ERR_NONE;

	(void)state;
	assert_int_equal(config_make_dirs(config, &err), 0);
	assert_int_equal(chmod("open/run", 0777), 0);
	assert_int_equal(config_make_dirs(config, &err), -1);
	assert_int_equal(err.code, ERR_FORBIDDEN);
	assert_int_equal(rmdir("open/run"), 0);
	assert_int_equal(symlink("/tmp", "open/run"), 0);
	assert_int_equal(config_make_dirs(config, &err), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_empty_file_gives_the_defaults),
		cmocka_unit_test(a_file_changes_what_it_names),
		cmocka_unit_test(what_is_wrong_is_named_with_file_and_line),
		cmocka_unit_test(bytes_that_are_no_text_are_refused),
		cmocka_unit_test(a_refused_key_is_not_shown),
		cmocka_unit_test(tiers_must_begin_at_day_zero_and_rise),
		cmocka_unit_test(plain_media_is_for_loopback_alone),
		cmocka_unit_test(
			the_environment_goes_before_the_file_and_options_before_both),
		cmocka_unit_test(a_wrong_variable_is_named),
		cmocka_unit_test(a_missing_file_is_an_error),
		cmocka_unit_test(the_sample_file_is_valid_and_changes_nothing),
		cmocka_unit_test(the_manual_has_every_setting_with_its_default),
		cmocka_unit_test(
			a_state_directory_has_one_name_before_and_after_it_is_made),
		cmocka_unit_test(
			a_long_state_directory_gets_a_short_run_directory),
		cmocka_unit_test(
			a_run_directory_that_others_can_write_is_refused),
	};

	return cmocka_run_group_tests_name(
		"config", tests, make_dir, remove_dir);
}
