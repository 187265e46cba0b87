/* The version of WhatsApp Web that lanes report.  WhatsApp refuses clients that
 * are too old (405), so the supervisor looks up what its own web client calls
 * itself, once a day and whenever a lane was refused; the answer is cached in
 * the state directory.  The newer of that and the configured one is used. */
#ifndef SENDERD_VERSION_H
#define SENDERD_VERSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct config;

#define VERSION_LEN 32 /* "2.3000.1045649367" */

void version_current(const struct config *config, char out[VERSION_LEN]);
/* False when the configuration names no place to look. */
bool version_can_follow(const struct config *config);
/* A lane was refused for its version: look soon. */
void version_ask(const struct config *config);

/* The supervisor calls it every second; looks up in a process of its own. */
struct version_watch;
struct version_watch *version_watch_new(const struct config *config);
void version_watch_free(struct version_watch **watchp);
void version_care(struct version_watch *watch, int64_t mono_ms);

/* The number after "client_revision": in @text; -1 when there is none.  The
 * text comes from the network. */
int64_t version_find_revision(const char *text, size_t n);
/* Three numbers, newest last: <0, 0, >0 as strcmp; what is no version is the
 * oldest. */
int version_compare(const char *a, const char *b);

#endif
