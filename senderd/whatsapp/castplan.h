/* Who gets a message to a group or to status: accounts, their devices, and
 * which of these lack our sender key (messages.md 3.1). */
#ifndef SENDERD_WHATSAPP_CASTPLAN_H
#define SENDERD_WHATSAPP_CASTPLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "senderd/lane.h"

enum cast_list {
	CAST_LISTED, /* its devices are known */
	CAST_ASK,    /* they must be asked for */
	CAST_NOBODY, /* asked for, and there are none: goes without */
};

struct cast_account {
	struct wa_jid wire;    /* bare, as the stanza names it */
	struct wa_jid account; /* bare, LID when known: devices and sessions */
	bool is_own;
	enum cast_list list;
};

struct cast_device {
	uint32_t account; /* index */
	uint16_t number;
	bool is_self; /* the one that sends */
	bool has_key;
};

struct castplan {
	struct wa_jid chat;
	bool by_lid;
	struct cast_account *accounts; /* owned */
	size_t n_accounts;
	struct cast_device *devices; /* owned */
	size_t n_devices;
	size_t n_ask;	    /* accounts to ask for */
	const char *rotate; /* why a new sender key is due, or NULL */
};
void castplan_fini(struct castplan *plan);

/* @wire is a bare PN or LID; in a plan by LID it must have one by the time of
 * castplan_devices(), or it goes without. */
void castplan_add(
	struct lane *lane, struct castplan *plan, const struct wa_jid *wire);
/* Nobody twice. */
void castplan_unique(struct castplan *plan);
/* Fills in devices, or says for whom they must be asked: n_ask. */
int castplan_devices(struct lane *lane, struct castplan *plan, struct err *err);
/* What the server said about an account: that there is nobody, or nothing
 * clear.  It goes without for some minutes. */
int castplan_note_nobody(
	struct lane *lane, const struct wa_jid *account, struct err *err);
/* Fills in who has the key, and whether it must be another one. */
int castplan_keys(struct lane *lane, struct castplan *plan, struct err *err);

struct wa_jid castplan_wire(
	const struct castplan *plan, const struct cast_device *device);
struct wa_jid castplan_address(
	const struct castplan *plan, const struct cast_device *device);
/* Over all devices, this one too. */
void castplan_phash(const struct castplan *plan, char out[WA_PHASH_LEN]);
/* Accounts other than ours that are reached. */
int castplan_recipients(const struct castplan *plan);

#endif
