#include "common/log.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/err.h"
#include "common/own.h"

#define LINE_MAX_BYTES 2048
#define QUOTE_MAX_BYTES 160
#define QUOTE_SLOTS 4

static struct {
	enum log_level level;
	bool journal;	/* stderr is the journal's socket */
	int fd;		/* the log file, or -1; log_reopen() keeps the number */
	char *path;	/* of the log file, or NULL */
	char ident[64]; /* changed before threads start, and by a lane after
			   fork */
} logger = { .level = LOG_LVL_INFO, .fd = -1, .ident = "vereda" };

static const char *level_name(enum log_level level)
{
	switch (level) {
	case LOG_LVL_ERROR:
		return "error";
	case LOG_LVL_WARNING:
		return "warning";
	case LOG_LVL_INFO:
		return "info";
	case LOG_LVL_DEBUG:
		return "debug";
	}
	return "info";
}

enum log_level log_level_from_name(const char *name)
{
	if (strcmp(name, "error") == 0)
		return LOG_LVL_ERROR;
	if (strcmp(name, "warning") == 0)
		return LOG_LVL_WARNING;
	if (strcmp(name, "debug") == 0)
		return LOG_LVL_DEBUG;
	return LOG_LVL_INFO;
}

/* JOURNAL_STREAM names device and inode of the journal's socket; a stderr that
 * was redirected since then is another file. */
static bool stderr_is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	uintmax_t dev, ino;
	struct stat st;

	if (stream == NULL || fstat(STDERR_FILENO, &st) != 0)
		return false;
	if (sscanf(stream, "%" SCNuMAX ":%" SCNuMAX, &dev, &ino) != 2)
		return false;
	return dev == (uintmax_t)st.st_dev && ino == (uintmax_t)st.st_ino;
}

static int log_file_open(const char *path)
{
	return open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY,
		0640);
}

int log_open(const char *daemon, const char *log_dir, enum log_level level,
	struct err *err)
{
	log_close();
	logger.level = level;
	logger.journal = stderr_is_journal();
	log_set_ident(daemon);
	if (log_dir == NULL || log_dir[0] == '\0')
		return 0;
	logger.path = xasprintf("%s/%s.log", log_dir, daemon);
	logger.fd = log_file_open(logger.path);
	if (logger.fd < 0)
		return err_set(err, ERR_IO, "log file %s: %s", logger.path,
			strerror(errno));
	return 0;
}

void log_set_ident(const char *ident)
{
	snprintf(logger.ident, sizeof(logger.ident), "%s", ident);
}

void log_reopen(void)
{
	if (logger.path == NULL)
		return;

	int fd = log_file_open(logger.path);

	if (fd < 0) {
		log_error("log path=%s reason=\"%s\" action=keep_old_file",
			logger.path, strerror(errno));
		return;
	}
	if (logger.fd < 0) {
		logger.fd = fd;
		return;
	}
	/* The number stays, so that another thread's write lands in the old
	 * file or in the new one, never nowhere. */
	dup3(fd, logger.fd, O_CLOEXEC);
	close(fd);
}

void log_close(void)
{
	if (logger.fd >= 0)
		close(logger.fd);
	logger.fd = -1;
	str_free(&logger.path);
}

/* One write a line: lines of several processes in one file do not mix.  A full
 * disk or a closed stderr must not stop a daemon: the result is dropped. */
static void write_line(int fd, const char *prefix, const char *text)
{
	char line[LINE_MAX_BYTES + 128];
	int n = snprintf(line, sizeof(line), "%s%s\n", prefix, text);

	if (n >= (int)sizeof(line))
		n = (int)sizeof(line) - 1;
	if (write(fd, line, (size_t)n) != n)
		return;
}

void log_write(enum log_level level, const char *fmt, ...)
{
	char text[LINE_MAX_BYTES], stamp[CLOCK_ISO_LEN], prefix[128];
	int saved_errno = errno;
	va_list args;

	if (level > logger.level)
		return;
	va_start(args, fmt);
	if (vsnprintf(text, sizeof(text), fmt, args) < 0)
		text[0] = '\0';
	va_end(args);
	for (char *c = text; *c != '\0'; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			*c = ' '; /* a line is one fact, whatever came in */

	clock_iso(clock_now_ms(), stamp);
	snprintf(prefix, sizeof(prefix), "%s %s %s: ", stamp, level_name(level),
		logger.ident);
	if (logger.fd >= 0)
		write_line(logger.fd, prefix, text);
	if (logger.journal)
		snprintf(prefix, sizeof(prefix), "<%d>%s: ", (int)level,
			logger.ident);
	write_line(STDERR_FILENO, prefix, text);
	errno = saved_errno;
}

/* Length of the well-formed UTF-8 sequence at @s, 0 if there is none. */
static size_t utf8_length(const uint8_t *s, size_t n)
{
	static const uint32_t smallest[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t length = s[0] < 0x80		? 1
			: (s[0] & 0xe0) == 0xc0 ? 2
			: (s[0] & 0xf0) == 0xe0 ? 3
			: (s[0] & 0xf8) == 0xf0 ? 4
						: 0;
	uint32_t c;

	if (length == 0 || length > n)
		return 0;
	if (length == 1)
		return 1;
	c = s[0] & (0x7fu >> length);
	for (size_t i = 1; i < length; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (s[i] & 0x3fu);
	}
	if (c < smallest[length] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
		return 0;
	return length;
}

/* Writes one character of peer text; returns how many input bytes it took. */
static size_t quote_one(const uint8_t *s, size_t n, char out[5])
{
	size_t length = utf8_length(s, n);

	if (s[0] == '"' || s[0] == '\\') {
		snprintf(out, 5, "\\%c", s[0]);
	} else if (s[0] == '\n') {
		memcpy(out, "\\n", 3);
	} else if (s[0] == '\r') {
		memcpy(out, "\\r", 3);
	} else if (s[0] == '\t') {
		memcpy(out, "\\t", 3);
	} else if (length == 0 || s[0] < ' ' || s[0] == 0x7f ||
		   (s[0] == 0xc2 && s[1] < 0xa0)) { /* C0, DEL, C1 */
		snprintf(out, 5, "\\x%02x", s[0]);
		return 1;
	} else {
		memcpy(out, s, length);
		out[length] = '\0';
		return length;
	}
	return 1;
}

const char *log_quote_n(const void *bytes, size_t n)
{
	static _Thread_local char slots[QUOTE_SLOTS][QUOTE_MAX_BYTES + 1];
	static _Thread_local unsigned next;
	char *out = slots[next++ % QUOTE_SLOTS], one[5];
	const uint8_t *s = bytes;
	size_t used = 0;

	out[0] = '\0';
	for (size_t i = 0; i < n;) {
		size_t took = quote_one(s + i, n - i, one);
		size_t length = strlen(one);

		if (used + length > QUOTE_MAX_BYTES - 3 &&
			(used + length > QUOTE_MAX_BYTES || i + took < n)) {
			memcpy(out + used, "...", 4);
			break;
		}
		memcpy(out + used, one, length + 1);
		used += length;
		i += took;
	}
	return out;
}

const char *log_quote(const char *text)
{
	if (text == NULL)
		return "";
	/* What does not come out need not be measured. */
	return log_quote_n(text, strnlen(text, QUOTE_MAX_BYTES + 1));
}
