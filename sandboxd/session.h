/* One client connection: what the server, login and pairing call. */
#ifndef SANDBOXD_SESSION_H
#define SANDBOXD_SESSION_H

#include "sandboxd/sandbox.h"

/* ---- called by server.c ---- */
struct session *session_open(struct sandbox *sandbox, struct lws *wsi);
/* Both return 0, or -1 to have the connection closed. */
int session_on_receive(struct session *session, const void *bytes, size_t n);
int session_on_writable(struct session *session);
void session_on_closed(struct session **sessionp);
/* At shutdown, before accounts go: forgets the device and everything that
 * waits. */
void session_detach(struct session *session);

/* ---- called by login.c and pairing.c ---- */
/* The one place that changes session->state. */
void session_set_state(struct session *session, enum session_state state);
/* Sends @node, whatever faults there are, and closes after flush. */
void session_end_with(struct session *session, const struct wa_node *node);
/* "user:3" or "unpaired", for logs; in the arena. */
const char *session_name(const struct session *session);

/* ---- login.c: the ClientPayload of a fresh connection ---- */
void login_on_payload(
	struct session *session, const uint8_t *payload, size_t n);

#endif
