/* Making accounts and keys, for the commands and for the sandbox's demo
 * account. */
#ifndef CLI_ACCOUNT_H
#define CLI_ACCOUNT_H

#include <stdint.h>

#include "common/ids.h"
#include "common/secret.h"

struct err;
struct tx;

struct new_account {
	const char *public_id; /* or NULL: a new one */
	const char *name, *email, *password, *plan;
};
/* Checks every field and hashes the password: slow, so before the transaction.
 * ERR_INVALID says which field is wrong. */
int account_hash(const struct new_account *account,
	char hash_out[SECRET_PASSWORD_HASH_LEN], struct err *err);
int account_make(struct tx *tx, const struct new_account *account,
	const char *hash, int64_t *id_out, char public_id_out[UUID_LEN],
	struct err *err);
/* Stores the hash of @api_key under @name. */
int account_add_key(struct tx *tx, int64_t account_id, const char *name,
	const char *api_key, char public_id_out[UUID_LEN], struct err *err);

#endif
