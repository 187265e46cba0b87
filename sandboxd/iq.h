/* Answers to iq requests, and the handlers that have files of their own. */
#ifndef SANDBOXD_IQ_H
#define SANDBOXD_IQ_H

#include "sandboxd/sandbox.h"

/* Users in one usync query or one request for bundles: each costs a signature
 * or a key. */
#define IQ_USERS_MAX 2000

/* A result for @iq in the arena: fill it and pass it to session_send(). */
struct wa_node *iq_result(struct session *session, const struct wa_node *iq);
void iq_answer_empty(struct session *session, const struct wa_node *iq);
void iq_answer_error(struct session *session, const struct wa_node *iq,
	int code, const char *text);

/* An error with the words that go with its code; 501 also leaves a line in the
 * log: the list of what to build next. */
enum {
	IQ_BAD_REQUEST = 400,
	IQ_NOT_AUTHORIZED = 401,
	IQ_FORBIDDEN = 403,
	IQ_NOT_FOUND = 404,
	IQ_NOT_ACCEPTABLE = 406,
	IQ_CONFLICT = 409,
	IQ_GONE = 410,
	IQ_RESOURCE_LIMIT = 419,
	IQ_NOT_IMPLEMENTED = 501
};
void iq_refuse(struct session *session, const struct wa_node *iq, int code);
/* May a client's text be kept and shown: UTF-8 without NUL? */
bool iq_is_text(const void *text, size_t n);

/* ---- prekeys.c: xmlns "encrypt" ---- */
void prekeys_on_count(struct session *session, const struct wa_node *iq);
void prekeys_on_digest(struct session *session, const struct wa_node *iq);
void prekeys_on_bundles(struct session *session, const struct wa_node *iq);
void prekeys_on_upload(struct session *session, const struct wa_node *iq);
void prekeys_on_rotate(struct session *session, const struct wa_node *iq);

/* ---- usync.c ---- */
void usync_on_query(struct session *session, const struct wa_node *iq);

#endif
