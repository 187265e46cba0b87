/* Signatures of deliveries as Standard Webhooks defines them: "v1," and the
 * base64 of HMAC-SHA-256 over "<id>.<timestamp>.<body>", keyed with what
 * follows "whsec_". */
#ifndef WEBHOOKD_SIGNING_H
#define WEBHOOKD_SIGNING_H

#include <stddef.h>
#include <stdint.h>

#include "common/secret.h"

struct err;

#define SIGNING_KEY_MAX 64
#define SIGNATURE_LEN 48 /* "v1,", 44 characters and the NUL */

struct signing_key {
	uint8_t bytes[SIGNING_KEY_MAX];
	size_t n; /* 0 = none */
};

/* Opens a sealed "whsec_<base64>" of the store. */
int signing_key_open(const struct secret_key *webhook_key,
	const uint8_t *sealed, size_t n, struct signing_key *out,
	struct err *err);
/* From "whsec_<base64>" or the base64 alone. */
int signing_key_parse(
	const char *text, size_t n, struct signing_key *out, struct err *err);
void signing_key_wipe(struct signing_key *key);

void signing_sign(const struct signing_key *key, const char *id,
	int64_t timestamp_sec, const void *body, size_t n,
	char out[SIGNATURE_LEN]);

#endif
