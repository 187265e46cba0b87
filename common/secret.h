/* Secrets at rest: hashing of API keys and passwords, sealing of everything
 * that must be read back, and comparison in constant time.
 *
 * The host key is 32 random bytes in <state>/host.key (mode 0600), made at
 * first use.  Sealing is XChaCha20-Poly1305 with a key derived from it per
 * purpose. */
#ifndef COMMON_SECRET_H
#define COMMON_SECRET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;

#define SECRET_KEY_BYTES 32
#define SECRET_SEAL_OVERHEAD 40 /* nonce 24 + tag 16 */

struct secret_key {
	uint8_t bytes[SECRET_KEY_BYTES];
};

/* Reads <state_dir>/host.key, creating it atomically when it is missing.
 * Refuses a file that others can read. */
int secret_host_key(
	const char *state_dir, struct secret_key *out, struct err *err);
/* A key for one use ("lane:dev_x", "webhook", "jwt"), from the host key. */
void secret_derive(const struct secret_key *host, const char *purpose,
	struct secret_key *out);
void secret_wipe(struct secret_key *key);

/* @out must hold @n + SECRET_SEAL_OVERHEAD bytes.  @context is authenticated,
 * not stored: a row sealed for one place does not open in another. */
void secret_seal(const struct secret_key *key, const char *context,
	const void *plain, size_t n, uint8_t *out);
/* @out must hold @n - SECRET_SEAL_OVERHEAD bytes.  -1: forged, or another key.
 */
int secret_open(const struct secret_key *key, const char *context,
	const uint8_t *sealed, size_t n, uint8_t *out, struct err *err);

/* SHA-256 of an API key: keys are random, so a fast hash is enough. */
#define SECRET_HASH_BYTES 32
void secret_hash_key(const char *api_key, uint8_t out[SECRET_HASH_BYTES]);

/* Argon2id.  Slow and 64 MiB by intent: never call it on an event loop. */
#define SECRET_PASSWORD_HASH_LEN 128
int secret_hash_password(const char *password,
	char out[SECRET_PASSWORD_HASH_LEN], struct err *err);
bool secret_password_matches(const char *hash, const char *password);

bool secret_equal(const void *a, const void *b, size_t n);

#endif
