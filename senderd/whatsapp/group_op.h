/* A call about a group while it is under way; for group_*.c. */
#ifndef SENDERD_WHATSAPP_GROUP_OP_H
#define SENDERD_WHATSAPP_GROUP_OP_H

#include <jansson.h>
#include <stdbool.h>

#include "senderd/whatsapp/calls.h"
#include "senderd/whatsapp/group.h"
#include "senderd/whatsapp/people.h"

struct op {
	struct call *call;	     /* owned */
	struct wa_jid jid;	     /* of the group */
	struct people_named *people; /* owned, or NULL */
	const char *verb;	     /* a literal: tag of the request */
	unsigned step;		     /* of groups.update */
};
struct op *op_new(struct call *call);
/* The same for the group among the parameters.  NULL: the call has been
 * refused. */
struct op *op_with_group(struct lane *lane, struct call *call);
/* The participants among the parameters.  False: the call has been refused. */
bool op_read_people(struct lane *lane, struct op *op);

/* ---- ends, after which @op is gone ---- */
void op_done(struct lane *lane, struct op *op, json_t *result);
/* The group as it is now, with the members of @more (taken, or NULL). */
void op_done_group(struct lane *lane, struct op *op, json_t *more);
void op_fail(struct lane *lane, struct op *op, const struct err *err);
void op_refuse(struct lane *lane, struct op *op, const char *why);
void op_fail_answer(
	struct lane *lane, struct op *op, const struct wa_node *answer);
/* For group_ask(): the group, or why there is none. */
void op_on_group(struct lane *lane, enum group_outcome outcome, void *arg);

/* ---- group_update.c, group_invite.c ---- */
void groups_update(struct lane *lane, struct call *call);
void groups_invite(struct lane *lane, struct call *call);
void groups_invite_info(struct lane *lane, struct call *call);
void groups_join(struct lane *lane, struct call *call);
void groups_leave(struct lane *lane, struct call *call);

#endif
