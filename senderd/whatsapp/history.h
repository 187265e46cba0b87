/* The history that a phone sends when it is linked, or when it is asked
 * (connection.md 8.10, messages.md 4.7).
 *
 * What the phone tells of is noted in the lane database in the turn that
 * acknowledges it, and read one after the other, a little a turn, so that live
 * messages flow in between.  How far it is is committed with what was read; a
 * lane that was killed goes on from there, and rows that it wrote twice are one
 * row. */
#ifndef SENDERD_WHATSAPP_HISTORY_H
#define SENDERD_WHATSAPP_HISTORY_H

#include <jansson.h>

#include "senderd/lane.h"
#include "whatsapp.pb-c.h"

struct err;
struct history;

struct history *history_new(void);
void history_free(struct history **historyp);
void history_on_ready(struct lane *lane);
void history_on_disconnect(struct lane *lane);

/* The phone tells of one; @wa_id is its message.  -1: the lane database failed.
 */
int history_on_notification(struct lane *lane, const char *wa_id,
	const Wa__HistorySyncNotification *notification, struct err *err);

/* {"waiting": 2, "messages": 1200}: blobs to be read, rows taken so far. */
json_t *history_status(struct lane *lane);

#endif
