/* Events: their names, their JSON, and the way they travel: appended in the
 * transaction of the change, pushed to webhookd after its commit. */
#ifndef COMMON_EVENTLOG_H
#define COMMON_EVENTLOG_H

#include <stdbool.h>

#include "common/store/device.h"
#include "common/store/event.h"
#include "common/store/media.h"
#include "common/store/message.h"
#include "vereda.pb-c.h"

struct bus_out;
struct err;

#define EVENT_MESSAGE_SENT "message.sent"
#define EVENT_MESSAGE_DELIVERED "message.delivered"
#define EVENT_MESSAGE_READ "message.read"
#define EVENT_MESSAGE_FAILED "message.failed"
#define EVENT_MESSAGE_RECEIVED "message.received"
#define EVENT_MEDIA_READY "media.ready"
#define EVENT_MEDIA_FAILED "media.failed"
#define EVENT_PRESENCE_UPDATED "presence.updated"
#define EVENT_CHAT_TYPING "chat.typing"
#define EVENT_SESSION_CONNECTED "session.connected"
#define EVENT_SESSION_DISCONNECTED "session.disconnected"
#define EVENT_GROUP_PARTICIPANTS "group.participants"
#define EVENT_GROUP_UPDATED "group.updated"
#define EVENT_GROUP_JOINED "group.joined"
#define EVENT_GROUP_LEFT "group.left"
#define EVENT_WEBHOOK_TEST "webhook.test"

/* The event of a message that has just reached its status: type and payload
 * from the row (docs/api-decisions.md has the shape).  @contact_id: public id
 * of the other party's contact, NULL or "" when there is none.  QUEUED and
 * PLAYED have no event: *@event_out is NULL. On success the caller owns the
 * envelope body and pushes it after commit. */
int eventlog_message(struct tx *tx, const struct message *message,
	const char *contact_id, const char *device_uid,
	Bus__Envelope **event_out, struct err *err);
/* Where a client gets a file: "/v1/media/<id>/download". */
#define EVENTLOG_URL 64
void eventlog_media_url(const char *public_id, char out[EVENTLOG_URL]);
/* A received file is here, or never will be: media.ready, media.failed.  A
 * PENDING one has no event: *@event_out is NULL. */
struct media_news {
	const struct media *media;
	const char *wa_id; /* of the message that brought it */
	const char *chat;  /* its chat's JID */
};
int eventlog_media(struct tx *tx, const struct media_news *news,
	const char *device_uid, Bus__Envelope **event_out, struct err *err);
/* session.connected / session.disconnected; @reason may be NULL. */
int eventlog_session(struct tx *tx, int64_t account_id, int64_t device_id,
	const char *device_uid, bool connected, const char *phone,
	const char *reason, int64_t now_ms, Bus__Envelope **event_out,
	struct err *err);

/* What happened to a group, or to us in it; goes to the group webhook:
 * {"deviceUid","chat","action","participants":[person],"actor":person,
 * "timestamp", @key: its value}; a person is {"phone","lid","contactId"}. */
struct group_person {
	const char *phone, *lid; /* digits, LID user; either may be NULL */
	const char *contact_id;	 /* public id, or NULL */
};
struct group_event {
	const char *type; /* EVENT_GROUP_...; a literal */
	int64_t account_id, device_id;
	const char *chat;   /* the group's JID */
	const char *action; /* "add", "remove", ...; a literal, or NULL */
	struct group_person actor; /* names NULL: nobody is named */
	struct group_person *people;
	size_t n_people;
	const char *key;  /* what was set, "subject"; a literal, or NULL */
	const char *text; /* to this text, or NULL: to @number */
	int64_t number;
	bool is_flag; /* @number is true or false */
	int64_t at_ms;
};
int eventlog_group(struct tx *tx, const struct group_event *event,
	const char *device_uid, Bus__Envelope **event_out, struct err *err);

/* Somebody came, went, or writes just now: {"deviceUid","chat","from","phone",
 * "lid","state","lastSeen","timestamp"}. */
struct presence_event {
	const char *type; /* EVENT_PRESENCE_UPDATED, EVENT_CHAT_TYPING */
	int64_t account_id, device_id;
	const char *chat;     /* JID */
	const char *from;     /* JID: who */
	const char *phone;    /* of whom, digits; or NULL */
	const char *lid;      /* or NULL */
	const char *state;    /* "available", "composing", ...; a literal */
	int64_t last_seen_ms; /* 0: not told */
	int64_t at_ms;
};
int eventlog_presence(struct tx *tx, const struct presence_event *presence,
	const char *device_uid, Bus__Envelope **event_out, struct err *err);

/* What a webhook receiver and GET /v1/events get:
 * {"id","type","timestamp","seq","deviceUid","data"}; caller frees with free().
 */
char *eventlog_render(const char *public_id, const char *type,
	int64_t created_ms, int64_t account_seq, const char *device_uid,
	const char *payload);
Bus__Envelope *eventlog_envelope(const struct event *event,
	const char *device_uid); /* a heap copy for the bus */

#endif
