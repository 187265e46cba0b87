/* The sandbox's demo account: one account, one API key, one device with a
 * number of its own in the sandbox network.  Its credentials are in
 * <state>/demo.json (mode 0600), so that every start of one state directory
 * tells the same. */
#ifndef CLI_DEMO_H
#define CLI_DEMO_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/ids.h"

struct config;
struct err;

#define DEMO_PASSWORD_LEN 25

struct demo {
	char account_id[UUID_LEN];
	char api_key[API_KEY_LEN];
	char email[64];
	char password[DEMO_PASSWORD_LEN];
	char device_uid[DEVICE_UID_LEN];
	char device_phone[20]; /* with '+' */
};

/* Reads the file, or makes it; then makes what is missing in the store. */
int demo_prepare(
	const struct config *config, struct demo *demo, struct err *err);

/* Has the device's number in the sandbox at @sandbox_url scan the device's QR,
 * unless the device is connected (since @since_ms) anyway.  Blocks for up to 20
 * s, less when *@cancel becomes true. */
int demo_link(const struct config *config, const struct demo *demo,
	const char *sandbox_url, int64_t since_ms, const atomic_bool *cancel,
	struct err *err);

#endif
