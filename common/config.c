#include "common/config.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <ini.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/config_dirs.h"
#include "common/err.h"
#include "common/log.h"
#include "common/own.h"
#include "common/setting.h"

#define DEFAULT_FILE "/etc/vereda/vereda.conf"
#define FILE_MAX_BYTES (1024 * 1024)
#define EXPECTED_LINE "expected \"key = value\" or \"[section]\""

/* ---- the file ---- */

/* inih gives sections, keys and values; lines come from here, so that each has
 * its number, and none is a continuation of the one before. */
struct load {
	struct config *config;
	const char *name; /* of the file, for errors */
	const char *text; /* borrowed; what is left of it */
	size_t n;
	int line;
	int set_on_line[SETTINGS_MAX]; /* per row; 0 = not in the file */
	struct err *err;
	bool failed;
};

static int load_fail(struct load *load, const char *what)
{
	if (!load->failed)
		err_set(load->err, ERR_INVALID, "%s:%d: %s", load->name,
			load->line, what);
	load->failed = true;
	return 0;
}

static int on_unknown(struct load *load, const char *section, const char *key)
{
	scoped(str_free) char *what =
		section[0] == '\0'
			? xasprintf(
				  "%s: a setting must follow a [section] line",
				  log_quote(key))
			: xasprintf("[%s] %s: unknown setting",
				  log_quote(section), log_quote(key));

	return load_fail(load, what);
}

/* inih's handler: 1 = go on, 0 = error. */
static int on_setting(
	void *arg, const char *section, const char *key, const char *value)
{
	struct load *load = arg;
	const struct setting *setting = setting_find(section, key);
	scoped(str_free) char *where = NULL;

	if (load->failed)
		return 0;
	if (setting == NULL)
		return on_unknown(load, section, key);

	int *set_on_line = &load->set_on_line[setting - settings];

	if (*set_on_line != 0) {
		where = xasprintf("[%s] %s: is already set on line %d", section,
			key, *set_on_line);
		return load_fail(load, where);
	}
	*set_on_line = load->line;
	if (setting_assign(load->config, setting, value))
		return 1;
	where = xasprintf(
		"%s:%d: [%s] %s", load->name, load->line, section, key);
	setting_refuse(setting, where, value, load->err);
	load->failed = true;
	return 0;
}

static int on_unknown_section(struct load *load, const char *section)
{
	scoped(str_free) char *what =
		xasprintf("[%s]: unknown section", log_quote(section));

	return load_fail(load, what);
}

/* "[section]", checked here because inih lets a section without keys pass. */
static void check_section_line(struct load *load, const char *line)
{
	const char *end = strchr(line, ']');
	scoped(str_free) char *name = NULL;

	if (end == NULL) {
		load_fail(load, EXPECTED_LINE);
		return;
	}
	name = xasprintf("%.*s", (int)(end - line) - 1, line + 1);
	if (!setting_section_exists(name))
		on_unknown_section(load, name);
}

/* inih's reader, like fgets(). */
static char *read_line(char *out, int size, void *arg)
{
	struct load *load = arg;
	const char *newline;
	size_t n, skipped = 0;

	if (load->n == 0 || load->failed)
		return NULL;
	load->line++;
	newline = memchr(load->text, '\n', load->n);
	n = newline != NULL ? (size_t)(newline - load->text) + 1 : load->n;
	if (memchr(load->text, '\0', n) != NULL) {
		load_fail(load, "a NUL byte is no text");
		return NULL;
	}
	/* A leading blank would make the line a continuation to inih. */
	while (skipped < n && strchr(" \t\v\f\r", load->text[skipped]) != NULL)
		skipped++;
	if (n - skipped > (size_t)size - 1) {
		load_fail(load, "line is too long");
		return NULL;
	}
	memcpy(out, load->text + skipped, n - skipped);
	out[n - skipped] = '\0';
	load->text += n;
	load->n -= n;
	if (out[0] == '[')
		check_section_line(load, out);
	return out;
}

static int config_read_text(struct config *config, const char *text, size_t n,
	const char *name, struct err *err)
{
	struct load load = {
		.config = config,
		.name = name,
		.text = text,
		.n = n,
		.err = err,
	};
	int line = ini_parse_stream(read_line, &load, on_setting, &load);

	if (load.failed)
		return -1;
	if (line > 0)
		return err_set(
			err, ERR_INVALID, "%s:%d: " EXPECTED_LINE, name, line);
	if (line < 0)
		return err_set(err, ERR_INTERNAL, "%s: out of memory", name);
	return 0;
}

/* ---- the environment ---- */

static char *environment_name(const char *section, const char *key)
{
	char *name = xasprintf("VEREDA_%s_%s", section, key);

	for (char *c = name; *c != '\0'; c++)
		*c = (char)toupper((unsigned char)*c);
	return name;
}

static int environment_apply(struct config *config, struct err *err)
{
	for (size_t i = 0; i < n_settings; i++) {
		scoped(str_free) char *name =
			environment_name(settings[i].section, settings[i].key);
		const char *value = getenv(name);

		if (value == NULL ||
			setting_assign(config, &settings[i], value))
			continue;
		return setting_refuse(&settings[i], name, value, err);
	}
	return 0;
}

static bool environment_is_known(const char *entry, size_t n)
{
	for (size_t i = 0; i < n_settings; i++) {
		scoped(str_free) char *name =
			environment_name(settings[i].section, settings[i].key);

		if (strlen(name) == n && strncmp(name, entry, n) == 0)
			return true;
	}
	return false;
}

/* A variable that looks like a setting and is none is most likely a typing
 * error. */
static void environment_warn(void)
{
	for (char **entry = environ; *entry != NULL; entry++) {
		size_t n = strcspn(*entry, "=");
		const char *rest = *entry + strlen("VEREDA_");
		char section[16] = "";

		if (strncmp(*entry, "VEREDA_", strlen("VEREDA_")) != 0)
			continue;
		sscanf(rest, "%15[A-Z]", section);
		for (char *c = section; *c != '\0'; c++)
			*c = (char)tolower((unsigned char)*c);
		if (rest[strlen(section)] == '_' &&
			setting_section_exists(section) &&
			!environment_is_known(*entry, n))
			log_warning("config variable=\"%s\" "
				    "reason=\"no such setting\" action=ignored",
				log_quote_n(*entry, n));
	}
}

/* ---- the whole ---- */

static bool host_is_loopback(const char *url)
{
	static const char *const hosts[] = { "127.0.0.1", "localhost",
		"[::1]" };
	const char *host = strstr(url, "://");

	host = host != NULL ? host + 3 : url;
	for (size_t i = 0; i < ARRAY_LEN(hosts); i++) {
		size_t n = strlen(hosts[i]);

		if (strncmp(host, hosts[i], n) == 0 &&
			strchr(":/?", host[n]) != NULL)
			return true; /* strchr finds the end, too */
	}
	return false;
}

/* Rules between settings; the ranges of one are in the table. */
static int config_check(const struct config *config, struct err *err)
{
	const struct {
		const char *section, *low_key, *high_key;
		int64_t low, high;
	} pairs[] = {
		{ "sender", "ping_min_sec", "ping_max_sec",
			config->sender.ping_min_sec,
			config->sender.ping_max_sec },
		{ "sender", "backoff_base_ms", "backoff_max_sec",
			config->sender.backoff_base_ms,
			(int64_t)config->sender.backoff_max_sec * 1000 },
		{ "safety", "campaign_delay_min_sec", "campaign_delay_max_sec",
			config->safety.campaign_delay_min_sec,
			config->safety.campaign_delay_max_sec },
		{ "webhook", "backoff_base_ms", "backoff_max_ms",
			config->webhook.backoff_base_ms,
			config->webhook.backoff_max_ms },
		{ "webhook", "breaker_base_sec", "breaker_max_sec",
			config->webhook.breaker_base_sec,
			config->webhook.breaker_max_sec },
	};

	for (size_t i = 0; i < ARRAY_LEN(pairs); i++)
		if (pairs[i].low > pairs[i].high)
			return err_set(err, ERR_INVALID,
				"[%s] %s: is more than %s", pairs[i].section,
				pairs[i].low_key, pairs[i].high_key);
	if (strcmp(config->whatsapp.media_scheme, "http") == 0 &&
		!host_is_loopback(config->whatsapp.url))
		return err_set(err, ERR_INVALID,
			"[whatsapp] media_scheme: http is only for a test "
			"network on this host, and url is %s",
			log_quote(config->whatsapp.url));
	return 0;
}

static struct config *config_new(void)
{
	struct config *config = xcalloc(1, sizeof(*config));

	for (size_t i = 0; i < n_settings; i++) {
		bool ok = setting_assign(
			config, &settings[i], settings[i].fallback);

		assert(ok);
	}
	return config;
}

void config_free(struct config **configp)
{
	struct config *config = move(*configp);

	if (config == NULL)
		return;
	for (size_t i = 0; i < n_settings; i++) {
		char **text = setting_field(config, &settings[i]);

		if (!setting_is_text(&settings[i]))
			continue;
		if (settings[i].type == SETTING_HEX && *text != NULL)
			sodium_memzero(*text, strlen(*text));
		str_free(text);
	}
	free(config);
}

int config_load_text(const char *text, size_t n, const char *name,
	struct config **out, struct err *err)
{
	scoped(config_free) struct config *config = config_new();

	if (config_read_text(config, text, n, name, err) != 0)
		return -1;
	if (config_check(config, err) != 0)
		return err_wrap(err, name);
	if (config_dirs_resolve(config, err) != 0)
		return err_wrap(err, name);
	*out = move(config);
	return 0;
}

static int config_read_file(
	struct config *config, const char *path, struct err *err)
{
	scoped(fd_close) int fd = open(path, O_RDONLY | O_CLOEXEC);
	scoped(str_free) char *text = NULL;
	const char *base = strrchr(path, '/');
	ssize_t n;

	if (fd < 0)
		return err_set(err, ERR_IO, "%s: %s", path, strerror(errno));
	text = xcalloc(1, FILE_MAX_BYTES + 1);
	n = read(fd, text, FILE_MAX_BYTES + 1);
	if (n < 0)
		return err_set(err, ERR_IO, "%s: %s", path, strerror(errno));
	if (n > FILE_MAX_BYTES)
		return err_set(err, ERR_INVALID,
			"%s: too large for a configuration", path);
	return config_read_text(
		config, text, (size_t)n, base != NULL ? base + 1 : path, err);
}

int config_load(const char *file, const char *state_dir, struct config **out,
	struct err *err)
{
	scoped(config_free) struct config *config = config_new();

	if (file == NULL && access(DEFAULT_FILE, F_OK) == 0)
		file = DEFAULT_FILE;
	if (file != NULL && config_read_file(config, file, err) != 0)
		return -1;
	if (environment_apply(config, err) != 0)
		return -1;
	environment_warn();
	if (state_dir != NULL &&
		!setting_assign(
			config, setting_find("suite", "state_dir"), state_dir))
		return setting_refuse(setting_find("suite", "state_dir"),
			"--state", state_dir, err);
	if (config_check(config, err) != 0 ||
		config_dirs_resolve(config, err) != 0)
		return -1;
	*out = move(config);
	return 0;
}

void config_write_sample(FILE *out)
{
	const char *section = "";

	fprintf(out,
		"# Vereda's configuration.  Every setting is shown with its "
		"default; a line that\n"
		"# is not commented out changes it.  A setting's variable in "
		"the environment,\n"
		"# VEREDA_SECTION_KEY, goes before this file.  \" ;\" starts a "
		"comment in a line.\n");
	for (size_t i = 0; i < n_settings; i++) {
		scoped(str_free) char *expected =
			setting_expectation(&settings[i]);

		if (strcmp(section, settings[i].section) != 0) {
			section = settings[i].section;
			fprintf(out, "\n[%s]\n", section);
		}
		fprintf(out, "# %s (%s)\n#%s =%s%s\n", settings[i].help,
			expected, settings[i].key,
			settings[i].fallback[0] != '\0' ? " " : "",
			settings[i].fallback);
	}
}
