/* Events: their names, their JSON, and the way they travel: appended in the
 * transaction of the change, pushed to webhookd after its commit. */
#ifndef COMMON_EVENTLOG_H
#define COMMON_EVENTLOG_H

#include <stdbool.h>

#include "common/store/device.h"
#include "common/store/event.h"
#include "common/store/message.h"
#include "vereda.pb-c.h"

struct bus_out;
struct err;

#define EVENT_MESSAGE_SENT "message.sent"
#define EVENT_MESSAGE_DELIVERED "message.delivered"
#define EVENT_MESSAGE_READ "message.read"
#define EVENT_MESSAGE_FAILED "message.failed"
#define EVENT_MESSAGE_RECEIVED "message.received"
#define EVENT_SESSION_CONNECTED "session.connected"
#define EVENT_SESSION_DISCONNECTED "session.disconnected"

/* The event of a message that has just reached its status: type and payload
 * from the row (docs/api-decisions.md has the shape).  QUEUED and PLAYED have
 * no event: *@event_out is NULL. On success the caller owns the envelope body
 * and pushes it after commit. */
int eventlog_message(struct tx *tx, const struct message *message,
	const char *device_uid, Bus__Envelope **event_out, struct err *err);
/* session.connected / session.disconnected; @reason may be NULL. */
int eventlog_session(struct tx *tx, int64_t account_id, int64_t device_id,
	const char *device_uid, bool connected, const char *phone,
	const char *reason, int64_t now_ms, Bus__Envelope **event_out,
	struct err *err);

/* What a webhook receiver and GET /v1/events get:
 * {"id","type","timestamp","seq","deviceUid","data"}; caller frees with free().
 */
char *eventlog_render(const char *public_id, const char *type,
	int64_t created_ms, int64_t account_seq, const char *device_uid,
	const char *payload);
Bus__Envelope *eventlog_envelope(const struct event *event,
	const char *device_uid); /* a heap copy for the bus */

#endif
