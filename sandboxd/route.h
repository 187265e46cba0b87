/* What the files of the routing share: route.c (messages), route_group.c (those
 * to groups and status), route_receipt.c, route_presence.c and route_devices.c.
 * The rules are those of messages.md 11.2 to 11.7. */
#ifndef SANDBOXD_ROUTE_H
#define SANDBOXD_ROUTE_H

#include <stdbool.h>

#include "sandboxd/sandbox.h"

#define ROUTE_ID_MAX 128

/* Codes of a refusal in <ack error> (messages.md 2.11). */
enum {
	REFUSED_MALFORMED = 400,
	REFUSED_FORBIDDEN = 403,
	REFUSED_NO_TARGET = 404,
	REFUSED_STALE_MODE = 421,
	REFUSED_SCHEMA = 479
};

/* One <message> on its way. */
struct passage {
	struct sandbox *sandbox;
	struct device *from;
	const struct wa_node *message;
	const char *id;
	int64_t t;
	struct wa_jid to;
	struct account *peer; /* of @to; NULL: not a user of this network */
	struct group *group;  /* of @to, or NULL */
	bool status;	      /* to status@broadcast */
	bool direct;	      /* one device gets the top-level <enc> */
	bool to_phone;	      /* category peer: from a companion to its phone */
	char phash[WA_PHASH_LEN]; /* for the ack, when the sender's differs */
};

/* The id of a client's stanza, or NULL when there is none that could be
 * answered. */
const char *route_id(const struct wa_node *stanza);
/* A stanza of the server's with its time, @t unix seconds. */
struct wa_node *route_stanza(
	struct sandbox *sandbox, const char *tag, const char *id, int64_t t);
/* Straight to the device, past its queue: acks. */
void route_answer(struct device *device, const struct wa_node *answer);
/* @child under @parent as well, without a copy: both are only read from now on.
 */
void route_share(struct wa_node *parent, const struct wa_node *child);
/* The account's address in the namespace of @like, without device; and in the
 * other one. */
struct wa_jid route_bare_like(
	const struct account *account, const struct wa_jid *like);
struct wa_jid route_bare_unlike(
	const struct account *account, const struct wa_jid *like);
/* ---- route.c, for route_group.c ---- */
/* Is it a part that one device alone can read? */
bool route_is_pairwise(const struct wa_node *part);
/* What a delivered message has whoever gets it: type, notify, edit. */
void route_set_common(const struct passage *p, struct wa_node *out);
/* The device-identity if any <enc> in @out needs it, and every child of the
 * message that is not between the sender and the server. */
void route_add_rest(const struct passage *p, struct wa_node *out);
bool route_is_status(const struct wa_jid *jid);

/* ---- route_group.c ---- */
/* 0, or the error of the ack. */
int route_group_check(struct passage *p);
int route_status_check(const struct passage *p);
void route_group_deliver(const struct passage *p);
void route_status_deliver(const struct passage *p);

/* ---- route_devices.c ---- */
/* One that others may write to: the phone, or a companion with a bundle. */
bool route_is_listed(const struct device *device);
/* A notification from @about, without its content. */
struct wa_node *route_notification(
	struct sandbox *sandbox, const struct account *about, const char *type);
/* To every companion of @account but @except (or NULL).  Phones look up what
 * they want to know. */
void route_tell_companions(struct sandbox *sandbox, struct account *account,
	const struct device *except, const struct wa_node *node);

/* Its session ended: whoever watches the account hears that it went away. */
void route_presence_lost(struct sandbox *sandbox, struct device *device);

#endif
