/* Which devices got which messages of one sending device: so that a message
 * sent again with its id reaches only those that missed it.
 *
 * It remembers the last SENT_LOG_MAX pairs of message id and receiving device,
 * some 20,000 messages to three devices each, as hashes. */
#ifndef SANDBOXD_SENT_LOG_H
#define SANDBOXD_SENT_LOG_H

#include <stdbool.h>

#define SENT_LOG_MAX 65536

struct device;
struct sent_log;

/* Notes that @to got the message; false when it is known to have it.  @to may
 * be the sender itself, which notes that the sender sent it. */
bool sent_log_add(
	struct device *sender, const char *id, const struct device *to);
bool sent_log_has(
	const struct device *sender, const char *id, const struct device *to);
/* @to could not read it: the next copy is for it. */
void sent_log_forget(
	struct device *sender, const char *id, const struct device *to);
void sent_log_free(struct sent_log **logp);

#endif
