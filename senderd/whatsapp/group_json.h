/* A group as apid's clients see it. */
#ifndef SENDERD_WHATSAPP_GROUP_JSON_H
#define SENDERD_WHATSAPP_GROUP_JSON_H

#include <jansson.h>

#include "senderd/lane.h"
#include "senderd/whatsapp/group.h"

/* NULL: the lane database failed. */
json_t *group_json(struct lane *lane, const struct group *group,
	bool with_participants, struct err *err);
/* {id, phone?, lid?} of an account that is called @jid here; its names may be
 * empty. */
json_t *group_json_person(const struct wa_jid *jid, const struct wa_jid *pn,
	const struct wa_jid *lid);
/* The same with the names that we know.  NULL: the lane database failed. */
json_t *group_json_account(
	struct lane *lane, const struct wa_jid *jid, struct err *err);

#endif
