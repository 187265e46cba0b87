/* What a device has not acknowledged yet: messages, receipts, notifications and
 * calls, in order, encoded.
 *
 * An item leaves on the device's answer, not on transmission.  A session gets
 * at most QUEUE_WINDOW unanswered items at once, first what was waiting (marked
 * offline), then what comes in; a client that stops answering gets another
 * window every QUEUE_STALL_MS, or at once when it asks with <offline_batch/>.
 */
#ifndef SANDBOXD_QUEUE_H
#define SANDBOXD_QUEUE_H

#include <stdbool.h>
#include <stddef.h>

struct device;
struct sandbox;
struct wa_node;

#define QUEUE_MAX_ITEMS 100000
#define QUEUE_MAX_BYTES (256u << 20)
#define QUEUE_WINDOW 1000
#define QUEUE_STALL_MS 500

/* Messages, receipts, notifications and calls with an id wait for their answer;
 * everything else is for whoever is connected just now. */
bool queue_takes(const struct wa_node *stanza);
/* Appends, and sends when the device's session is live.  A full queue drops the
 * stanza. */
void queue_push(struct device *device, const struct wa_node *stanza);
/* The device's <ack>: drops the oldest item of this class (the stanza's tag)
 * and id. */
void queue_ack(struct device *device, const char *class, const char *id);
/* The device's receipt: drops every copy of the message. */
void queue_received(struct device *device, const char *id);
/* Takes the oldest item off, decoded into the sandbox's arena; NULL when there
 * is none. */
const struct wa_node *queue_take(
	struct sandbox *sandbox, struct device *device);

#endif
