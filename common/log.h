/* Logging for the operator: one fact a line, logfmt, to stderr and, when a log
 * directory is configured, to <logdir>/<daemon>.log as well.
 *
 * stderr lines start with the journald priority "<3>".."<7>" when stderr is the
 * journal (JOURNAL_STREAM is set), and with a timestamp and a level word
 * otherwise; file lines always carry timestamp, level and identifier.
 * Values with peer text go through log_quote(): escaped and bounded. */
#ifndef COMMON_LOG_H
#define COMMON_LOG_H

#include <stddef.h>

struct err;

enum log_level {
	LOG_LVL_ERROR = 3,
	LOG_LVL_WARNING = 4,
	LOG_LVL_INFO = 6,
	LOG_LVL_DEBUG = 7
};

/* @ident is "apid", "lane/dev_ab12cd34": it names the writer of every line.
 * @log_dir may be NULL or "" (stderr only).  Returns 0, or -1 when the file
 * cannot be opened (stderr then still works).  A lane calls log_set_ident()
 * after fork; it goes on writing to the file that its supervisor opened. */
int log_open(const char *daemon, const char *log_dir, enum log_level level,
	struct err *err);
void log_set_ident(const char *ident);
void log_reopen(
	void); /* after SIGHUP: closes and opens <logdir>/<daemon>.log */
void log_close(void);
enum log_level log_level_from_name(
	const char *name); /* "error".."debug"; info if unknown */

void log_write(enum log_level level, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

#define log_error(...) log_write(LOG_LVL_ERROR, __VA_ARGS__)
#define log_warning(...) log_write(LOG_LVL_WARNING, __VA_ARGS__)
#define log_info(...) log_write(LOG_LVL_INFO, __VA_ARGS__)
#define log_debug(...) log_write(LOG_LVL_DEBUG, __VA_ARGS__)

/* Peer text made safe for a quoted logfmt value: control bytes, quotes,
 * backslashes and invalid UTF-8 are escaped, at most 160 bytes come out.
 * Returns a thread-local buffer; four may be in use in one call. */
const char *log_quote(const char *text);
const char *log_quote_n(const void *bytes, size_t n);

#endif
