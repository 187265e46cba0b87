/* App state: what the devices of an account share of its settings, in five
 * collections that grow by patches (connection.md 8.9).
 *
 * A collection is due when somebody says that it has changed: the server, the
 * first login, new keys.  One is fetched at a time, patch by patch; each patch
 * is proved, applied and committed with what it means.  One that cannot be
 * proved is fetched anew as a snapshot, once; if that is no better it rests
 * until somebody says again that it has changed.  The session goes on in any
 * case. */
#ifndef SENDERD_WHATSAPP_APP_STATE_H
#define SENDERD_WHATSAPP_APP_STATE_H

#include <jansson.h>

#include "senderd/lane.h"
#include "whatsapp.pb-c.h"

struct app_state;
struct err;

/* Kept in the lane database as bits; never renumber. */
enum app_collection {
	APP_CRITICAL_BLOCK = 0,	      /* our own name */
	APP_CRITICAL_UNBLOCK_LOW = 1, /* contacts */
	APP_REGULAR_HIGH = 2,	      /* mute */
	APP_REGULAR = 3,
	APP_REGULAR_LOW = 4, /* pin, archive, read marks */
};
#define APP_COLLECTIONS (APP_REGULAR_LOW + 1)
const char *app_collection_name(enum app_collection collection);

struct app_state *app_state_new(void);
void app_state_free(struct app_state **statep);
void app_state_on_ready(struct lane *lane);
void app_state_on_disconnect(struct lane *lane);
/* The phone has shared keys. */
void app_state_on_keys(struct lane *lane);
/* <notification type=server_sync>; -1: the lane database failed. */
int app_state_on_notification(
	struct lane *lane, const struct wa_node *notification, struct err *err);
/* <dirty type=syncd_app_state>: anything may have changed. */
void app_state_on_dirty(struct lane *lane);

/* ---- changes of our own: app_state_upload.c ---- */
struct app_change {
	const char *action; /* first part of the index: "archive" */
	struct wa_jid chat; /* second part; empty: none */
	const Wa__SyncActionValue *value; /* its timestamp is filled in */
	int32_t version;
};
#define APP_CHANGES_MAX 4
/* @err is NULL when the server has it and it is in effect here. */
typedef void app_state_done_fn(
	struct lane *lane, const struct err *err, void *arg);
/* Sets them as one patch, on top of what is there.  Answers once, at the
 * earliest in a later turn; on a lost connection with ERR_TIMEOUT. */
void app_state_change(struct lane *lane, enum app_collection collection,
	const struct app_change *changes, size_t n, app_state_done_fn *done,
	void *arg);

/* {"critical_block": {"version": 3, "state": "SYNCED"}, ...} */
json_t *app_state_status(struct lane *lane);

#endif
