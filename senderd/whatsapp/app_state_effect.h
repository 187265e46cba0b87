/* What a record of app state means to us: names of contacts, how chats are
 * listed, our own name, who is who (connection.md 8.9). */
#ifndef SENDERD_WHATSAPP_APP_STATE_EFFECT_H
#define SENDERD_WHATSAPP_APP_STATE_EFFECT_H

#include "common/wa/syncd.h"
#include "senderd/lane.h"
#include "whatsapp.pb-c.h"

struct err;

/* What we have no use for, and what makes no sense, does nothing.  -1: the lane
 * database failed. */
int app_state_effect(struct lane *lane, enum wa_syncd_operation operation,
	const Wa__SyncActionData *data, struct err *err);

#endif
