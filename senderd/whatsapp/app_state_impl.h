/* What app_state*.c share. */
#ifndef SENDERD_WHATSAPP_APP_STATE_IMPL_H
#define SENDERD_WHATSAPP_APP_STATE_IMPL_H

#include <sys/queue.h>

#include "common/buf.h"
#include "common/err.h"
#include "senderd/whatsapp/app_state.h"
#include "senderd/whatsapp/syncd_patch.h"
#include "senderd/whatsapp/syncd_snapshot.h"

#define APP_STATE_XMLNS "w:sync:app:state"
#define APP_UPLOADS_MAX 64

/* A change of our own on its way. */
struct app_upload {
	TAILQ_ENTRY(app_upload) entry;
	enum app_collection collection;
	size_t n;
	struct {
		char *action;
		struct wa_jid chat;
		struct buf value; /* a serialised SyncActionValue */
		int32_t version;
	} changes[APP_CHANGES_MAX];
	app_state_done_fn *done;
	void *arg;
	bool is_accepted; /* the server has it: in effect once it is fetched */
	unsigned n_conflicts;
};
TAILQ_HEAD(app_uploads, app_upload);

#define APP_NOBODY (-1)

struct app_state {
	/* Bits, one a collection. */
	unsigned due;	    /* to be fetched; kept in the lane database */
	unsigned again;	    /* became due while it was being fetched */
	unsigned parked;    /* due, and a key is missing */
	unsigned resting;   /* given up until somebody says that it changed */
	unsigned refetched; /* as a snapshot, because it was not right */

	int busy;		 /* the collection in hand, or APP_NOBODY */
	unsigned n_tries;	 /* of its question */
	struct lane_timer timer; /* the next step */

	struct syncd_snapshot *snapshot; /* owned; being read */
	struct buf patch;    /* waits for the blob with its mutations */
	bool is_downloading; /* goes on without a connection */

	struct app_uploads uploads; /* in order; owned */
	size_t n_uploads;
	unsigned n_broken; /* collections that could not be proved, ever */
};

/* Takes up the next thing to do, soon. */
void app_state_kick(struct lane *lane);
/* It must be fetched. */
int app_state_mark(struct lane *lane, unsigned bits, struct err *err);
/* Notes which are due. */
int app_state_due_save(struct lane *lane, unsigned due, struct err *err);

/* ---- app_state_fetch.c ---- */
/* Asks for what comes after the version of the collection in hand. */
void app_state_fetch(struct lane *lane);
/* Nobody is in hand any more. */
void app_state_release(struct lane *lane);
/* A <collection> of an answer: applies its patches. */
void app_state_on_collection(struct lane *lane, const struct wa_node *node);

/* ---- app_state_upload.c ---- */
/* Sends the first that waits, if any. */
void app_upload_next(struct lane *lane);
/* @collection is up to date: what the server has accepted is in effect. */
void app_upload_on_settled(struct lane *lane, enum app_collection collection);
/* It will not be, for now. */
void app_upload_on_rest(
	struct lane *lane, enum app_collection collection, const char *why);
void app_upload_drop_all(struct app_state *state); /* nobody is called */
void app_upload_fail_all(
	struct lane *lane, enum err_code code, const char *why);

#endif
