/* Patches of app state as a phone makes and reads them, and the state that they
 * leave behind (connection.md 8.9). */
#ifndef SANDBOXD_PHONE_PATCH_H
#define SANDBOXD_PHONE_PATCH_H

#include "common/wa/syncd.h"
#include "sandboxd/app_state.h"
#include "sandboxd/phone.h"

#define PHONE_PATCH_MAX 1000 /* changes in one */

/* One index that has a value. */
struct phone_setting {
	struct table_link link;
	uint8_t index_mac[WA_SYNCD_MAC], value_mac[WA_SYNCD_MAC];
	struct buf data; /* SyncActionData */
};

/* A collection as it should be on every device. */
struct phone_mirror {
	uint64_t version;
	uint8_t hash[WA_SYNCD_LTHASH];
	struct table settings;
};

struct phone_app_state {
	struct wa_syncd_keys keys;
	struct phone_mirror mirrors[APP_STATE_COLLECTIONS];
	enum phone_corrupt corrupt;
	uint64_t n_bad; /* of companions: patches that were wrong */
	char *bad;	/* what was wrong with the last of them, or NULL */
};

/* A change that the phone makes itself. */
struct phone_change {
	char *index; /* JSON */
	int version;
	Wa__SyncActionValue *value; /* NULL: taken out */
};

/* Reads what others pushed since, checking every MAC. */
void phone_patch_catch_up(struct phone *phone, int collection);
/* At most PHONE_PATCH_MAX changes as one patch, with the defect that was
 * ordered; none when they change nothing. */
void phone_patch_push(struct phone *phone, int collection,
	const struct phone_change *changes, size_t n);

typedef void phone_setting_fn(struct phone_setting *setting, void *arg);
void phone_patch_each(
	const struct phone_mirror *mirror, phone_setting_fn *fn, void *arg);
/* NULL: that is none. */
Wa__SyncActionData *phone_patch_data(const struct buf *data);
void phone_patch_fini(struct phone_mirror *mirror);

#endif
