/* Linked devices.  The lane owns the state columns, apid the rest. */
#ifndef COMMON_STORE_DEVICE_H
#define COMMON_STORE_DEVICE_H

#include <stddef.h>

#include "common/store/store.h"

/* Stored; never renumber. */
enum device_status {
	DEVICE_PAIRING = 1,	 /* waits for a phone to scan */
	DEVICE_CONNECTED = 2,	 /* logged in and working */
	DEVICE_DISCONNECTED = 3, /* linked, not connected just now */
	DEVICE_LOGGED_OUT =
		4, /* unlinked by the phone or by us: final until linked anew */
	DEVICE_BANNED = 5,
};
const char *device_status_name(enum device_status status); /* "PAIRING" ... */

struct device {
	int64_t id;
	int64_t account_id;
	const char *uid; /* dev_xxxxxxxx */
	const char *name;
	enum device_status status;
	const char *phone; /* "+15550001111" or NULL while unpaired */
	const char *jid;   /* own device JID, PN form, or NULL */
	const char *lid;   /* own device JID, LID form, or NULL */
	const char *push_name;
	const char *lane_state;	 /* name of the lane's state, for operators */
	const char *lane_reason; /* why it is in that state */
	int64_t lane_since_ms;
	int64_t last_frame_ms; /* last sign of life from the server; written now
				  and then */
	int64_t created_ms;
	int64_t linked_ms;  /* 0 = never linked; device age for safety counts
			       from created_ms */
	int64_t deleted_ms; /* 0 = alive */
	const char *health; /* "", "ok", "degraded": of a lane that is ready */
	const char *health_reason;   /* what does not flow, or NULL */
	int64_t cold_chats_until_ms; /* new chats wait until then; 0 = they do
					not */
	const char *cold_chats_reason;
	int64_t job_seq;   /* device_seq of the newest outbound message */
	int64_t event_seq; /* device_seq of the newest event */
};

typedef int device_row_fn(const struct device *device, void *arg);

int store_device_create(struct tx *tx, const struct device *device,
	int64_t *id_out, struct err *err);
int store_device_list(struct store *store, int64_t account_id,
	device_row_fn *row, void *arg,
	struct err *err); /* oldest first, not the deleted */
int store_device_all(struct store *store, device_row_fn *row, void *arg,
	struct err *err); /* every account's, for senderd */
int store_device_by_uid(struct store *store, const char *uid,
	device_row_fn *row, void *arg, struct err *err); /* not a deleted one */
int store_device_by_id(struct store *store, int64_t id, device_row_fn *row,
	void *arg, struct err *err); /* deleted ones too */
/* Id of an account's own device; ERR_NOT_FOUND also for somebody else's or a
 * deleted one. */
int store_device_id(struct store *store, int64_t account_id, const char *uid,
	int64_t *id_out, struct err *err);

/* The lane's view of itself.  NULL and 0 leave the column alone.  A deleted
 * device stays as it is. */
struct device_state {
	enum device_status status;
	const char *lane_state;
	const char *lane_reason;
	int64_t since_ms;
	const char *phone, *jid, *lid, *push_name;
	int64_t linked_ms; /* 0 = leave */
	int64_t last_frame_ms;
	const char *health, *health_reason; /* health NULL: both stay */
	int64_t cold_chats_until_ms;	    /* -1 = leave both */
	const char *cold_chats_reason;
};
int store_device_set_state(struct tx *tx, int64_t device_id,
	const struct device_state *state, struct err *err);
/* The proxy that the device's lane goes through, as its owner sealed it (a URL
 * may hold a password); NULL and 0 removes it. */
int store_device_set_proxy(struct tx *tx, int64_t device_id, const void *sealed,
	size_t n, struct err *err);
/* Appends it.  1/0/-1. */
struct buf;
int store_device_proxy(struct store *store, int64_t device_id, struct buf *out,
	struct err *err);
/* Marks it deleted, frees its phone, fails its queued messages with "device
 * deleted" (no events), removes its webhook.  ERR_NOT_FOUND when it is already.
 */
int store_device_delete(
	struct tx *tx, int64_t device_id, int64_t now_ms, struct err *err);

#endif
