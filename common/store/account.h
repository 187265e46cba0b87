/* Accounts and their API keys.  Passwords come hashed, keys come as SHA-256. */
#ifndef COMMON_STORE_ACCOUNT_H
#define COMMON_STORE_ACCOUNT_H

#include "common/ids.h"
#include "common/secret.h"
#include "common/store/store.h"

struct account {
	int64_t id;
	const char *public_id; /* uuid */
	const char *name;
	const char *email; /* lower case */
	const char *password_hash;
	const char *plan;
	int64_t created_ms;
};

struct api_key {
	int64_t id;
	int64_t account_id;
	const char *public_id;
	const char *name;
	const char
		*prefix; /* first characters of the key, to recognise it by */
	bool is_active;
	int64_t created_ms;
	int64_t last_used_ms; /* 0 = never */
};

typedef int account_row_fn(const struct account *account, void *arg);
typedef int api_key_row_fn(const struct api_key *key, void *arg);

/* ERR_CONFLICT when the e-mail is taken. */
int store_account_create(struct tx *tx, const struct account *account,
	int64_t *id_out, struct err *err);
int store_account_by_email(struct store *store, const char *email,
	account_row_fn *row, void *arg, struct err *err); /* ERR_NOT_FOUND */
int store_account_by_id(struct store *store, int64_t id, account_row_fn *row,
	void *arg, struct err *err);
int store_account_by_public_id(struct store *store, const char *public_id,
	account_row_fn *row, void *arg, struct err *err);
int store_account_list(
	struct store *store, account_row_fn *row, void *arg, struct err *err);

int store_api_key_create(struct tx *tx, const struct api_key *key,
	const uint8_t hash[SECRET_HASH_BYTES], int64_t *id_out,
	struct err *err);
int store_api_key_list(struct store *store, int64_t account_id,
	struct page page, api_key_row_fn *row, void *arg, int64_t *total_out,
	struct err *err);
/* Deletes it.  ERR_NOT_FOUND also for somebody else's. */
int store_api_key_revoke(struct tx *tx, int64_t account_id,
	const char *public_id, struct err *err);
/* Account of an active key; ERR_UNAUTHORIZED when there is none. */
int store_api_key_account(struct store *store,
	const uint8_t hash[SECRET_HASH_BYTES], int64_t *account_id_out,
	int64_t *key_id_out, struct err *err);
/* Remembers that a key was used; callers collect uses and write now and then.
 */
int store_api_key_used(
	struct tx *tx, int64_t key_id, int64_t now_ms, struct err *err);
/* Changes whenever any key is created or revoked, by any process: a cache of
 * keys is valid as long as it stands (PRAGMA data_version is not enough: it
 * changes with every commit). */
int64_t store_api_key_generation(struct store *store);

#endif
