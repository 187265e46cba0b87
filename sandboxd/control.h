/* The control API: the way from a request to a handler, and back as JSON.
 * control.c routes and serves "/" and "/faults", control_phone.c "/phones".
 *
 *   GET    /              wsUrl, noiseRootKey, readAfterMs, counts
 *   POST   /phones        {phone, name?, readAfterMs?, deliver?, autoReply?}
 *                         201; 200 when it exists, and what is named changes
 *   GET    /phones/:phone
 *   POST   /phones/:phone/scan        {qr} or {code}
 *   GET    /phones/:phone/inbox       ?since=0&limit=100
 *   DELETE /phones/:phone/inbox
 *   GET    /phones/:phone/outbox      likewise; with status and error
 *   PUT    /phones/:phone/options     as POST /phones; also mediaRetry?
 *                         ("answer", "not_found", "silent"), appStateSnapshot?,
 *                         appStateCorrupt? ("patchMac", "snapshotMac",
 *                         "valueMac", "snapshot"; null: nothing)
 *   POST   /phones/:phone/send        control_send.c: 201 {id}
 *   POST   /phones/:phone/typing      {to | group, state: "composing",
 *                         "recording" or "paused"}
 *   POST   /phones/:phone/presence    {available}
 *   POST   /phones/:phone/contacts    {entries: [{phone, name}]}; without a
 *                         name it is taken out
 *   POST   /phones/:phone/chats       {chat, archived?, mutedUntil? (ms, -1 for
 *                         ever, 0 not), pinned?, read?}
 *   GET    /phones/:phone/app-state   what all devices share, decoded
 *   POST   /phones/:phone/history     {chats, messages, older?, days?, chunks?,
 *                         media?, inline?}: for companions now and later
 *   POST   /phones/:phone/lid-migration  {phones?}: LIDs for the companions
 *   GET    /phones/:phone/devices
 *   DELETE /phones/:phone/devices/:n  unlinks a companion
 *   POST   /phones/:phone/identity    registers the number anew
 *   GET    /phones/:phone/profile
 *   PUT    /phones/:phone/profile     {about?, picture?, privacy?,
 *                         statusPrivacy?, blocked?}; what is named changes
 *   POST   /groups        {creator, subject, members?, mode?}: 201
 *   GET    /groups
 *   GET    /groups/:jid
 *   POST   /groups/:jid/add           {phone, by?}; so remove, promote, demote
 *   POST   /groups/:jid/leave         {phone}
 *   POST   /groups/:jid/settings      {announcement?, locked?, ephemeral?,
 *                         adminAdd?, approval?, subject?, by?}
 *   GET    /media         what the media host has, the newest first
 *   DELETE /media/:id
 *   POST   /faults                    a rule (fault.h): 201 {id, acted}
 *   GET    /faults
 *   DELETE /faults  and  /faults/:id
 *
 * An inbox entry is {seq, id, from, fromLid, device, type, text, t,
 * duplicates}, with chat and author in groups and status, and what
 * phone_content.c finds in it; "since" is the number after which a page starts.
 * An outbox entry has receipts instead, by reader.  readAfterMs:
 * -1 never, null the sandbox's own delay.  deliver: false switches the phone
 * off.  autoReply: sent for each new message of a companion; null takes it
 * back.
 *
 * A picture is a JPEG in base64, null takes it away; statusPrivacy is {type:
 * contacts|whitelist|blacklist, list}; blocked and list are phones.  A group's
 * mode is "lid" or "pn"; "by" is the phone that does it, without it the
 * creator. Errors are {"error": words} with a status from 400 on. */
#ifndef SANDBOXD_CONTROL_H
#define SANDBOXD_CONTROL_H

#include <jansson.h>

#include "sandboxd/sandbox.h"

#define CONTROL_SEGMENTS_MAX 5
#define CONTROL_SEGMENT_LEN 64

struct control {
	struct sandbox *sandbox;
	char segments[CONTROL_SEGMENTS_MAX][CONTROL_SEGMENT_LEN]; /* decoded */
	size_t n_segments;
	const char *query;   /* or "" */
	const json_t *body;  /* an object, empty when there was none */
	struct phone *phone; /* of the second segment, in /phones/:phone/... */
	struct group *group; /* likewise, in /groups/:jid/... */
	json_t *answer;	     /* an object to fill */
};

/* Returns the HTTP status, or -1 and @err. */
typedef int control_fn(struct control *control, struct err *err);

control_fn control_phone_create, control_phone_get, control_phone_scan,
	control_phone_inbox, control_phone_inbox_clear, control_phone_outbox,
	control_phone_options, control_phone_devices,
	control_phone_device_remove, control_phone_identity;
/* control_send.c */
control_fn control_phone_send;
/* control_sync.c */
control_fn control_phone_contacts, control_phone_chats, control_phone_app_state,
	control_phone_history, control_phone_lid_migration,
	control_phone_typing, control_phone_presence;

/* control_group.c */
control_fn control_group_create, control_group_list, control_group_get,
	control_group_add, control_group_remove, control_group_promote,
	control_group_demote, control_group_leave, control_group_settings;
/* control_profile.c */
control_fn control_profile_get, control_profile_put, control_media_list,
	control_media_delete;

/* ERR_INVALID when the body has a property that is not in the NULL-terminated
 * @names. */
int control_only(const struct control *control, const char *const *names,
	struct err *err);
/* A whole number from the query; @out keeps its value when it is not there. */
int control_query(const struct control *control, const char *key, int64_t low,
	int64_t high, int64_t *out, struct err *err);
/* -1 and ERR_INVALID when @text is not a whole number within the bounds. */
int control_number(const char *what, const char *text, int64_t low,
	int64_t high, int64_t *out, struct err *err);

#endif
