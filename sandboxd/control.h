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
 *   POST   /phones/:phone/send        {to, text}: 201 {id}
 *   GET    /phones/:phone/devices
 *   DELETE /phones/:phone/devices/:n  unlinks a companion
 *   POST   /phones/:phone/identity    registers the number anew
 *   POST   /faults                    a rule (fault.h): 201 {id, acted}
 *   GET    /faults
 *   DELETE /faults  and  /faults/:id
 *
 * An inbox entry is {seq, id, from, fromLid, device, type, text, t,
 * duplicates}; "since" is the number after which a page starts.  readAfterMs:
 * -1 never, null the sandbox's own delay.  deliver: false switches the phone
 * off.  autoReply: sent for each new message of a companion; null takes it
 * back. Errors are {"error": words} with a status from 400 on. */
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
	json_t *answer;	     /* an object to fill */
};

/* Returns the HTTP status, or -1 and @err. */
typedef int control_fn(struct control *control, struct err *err);

control_fn control_phone_create, control_phone_get, control_phone_scan,
	control_phone_inbox, control_phone_inbox_clear, control_phone_outbox,
	control_phone_send, control_phone_devices, control_phone_device_remove,
	control_phone_identity;

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
