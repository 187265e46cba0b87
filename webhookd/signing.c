#include "webhookd/signing.h"

#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "common/err.h"
#include "common/store/webhook.h"

#define PREFIX "whsec_"
#define SECRET_TEXT_MAX 128 /* prefix and the base64 of SIGNING_KEY_MAX */

int signing_key_parse(
	const char *text, size_t n, struct signing_key *out, struct err *err)
{
	const size_t n_prefix = strlen(PREFIX);

	if (n >= n_prefix && memcmp(text, PREFIX, n_prefix) == 0) {
		text += n_prefix;
		n -= n_prefix;
	}
	if (sodium_base642bin(out->bytes, sizeof(out->bytes), text, n, NULL,
		    &out->n, NULL, sodium_base64_VARIANT_ORIGINAL) == 0 &&
		out->n > 0)
		return 0;
	signing_key_wipe(out);
	return err_set(err, ERR_INVALID, "webhook secret: not base64");
}

int signing_key_open(const struct secret_key *webhook_key,
	const uint8_t *sealed, size_t n, struct signing_key *out,
	struct err *err)
{
	char text[SECRET_TEXT_MAX];
	int rc;

	if (n <= SECRET_SEAL_OVERHEAD ||
		n > sizeof(text) + SECRET_SEAL_OVERHEAD)
		return err_set(
			err, ERR_INVALID, "webhook secret: %zu bytes", n);
	if (secret_open(webhook_key, WEBHOOK_SECRET_CONTEXT, sealed, n,
		    (uint8_t *)text, err) != 0)
		return err_wrap(err, "webhook secret");
	rc = signing_key_parse(text, n - SECRET_SEAL_OVERHEAD, out, err);
	sodium_memzero(text, sizeof(text));
	return rc;
}

void signing_key_wipe(struct signing_key *key)
{
	sodium_memzero(key, sizeof(*key));
}

void signing_sign(const struct signing_key *key, const char *id,
	int64_t timestamp_sec, const void *body, size_t n,
	char out[SIGNATURE_LEN])
{
	crypto_auth_hmacsha256_state state;
	uint8_t mac[crypto_auth_hmacsha256_BYTES];
	char timestamp[24];

	snprintf(timestamp, sizeof(timestamp), ".%" PRId64 ".", timestamp_sec);
	crypto_auth_hmacsha256_init(&state, key->bytes, key->n);
	crypto_auth_hmacsha256_update(&state, (const uint8_t *)id, strlen(id));
	crypto_auth_hmacsha256_update(
		&state, (const uint8_t *)timestamp, strlen(timestamp));
	crypto_auth_hmacsha256_update(&state, body, n);
	crypto_auth_hmacsha256_final(&state, mac);
	memcpy(out, "v1,", 3);
	sodium_bin2base64(out + 3, SIGNATURE_LEN - 3, mac, sizeof(mac),
		sodium_base64_VARIANT_ORIGINAL);
	sodium_memzero(&state, sizeof(state));
}
