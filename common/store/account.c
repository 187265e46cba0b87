#include "common/store/account.h"

#include "common/err.h"
#include "common/own.h"
#include "common/store/store_impl.h"

/* ---- accounts ---- */

#define ACCOUNT_SELECT                                                       \
	"SELECT id, public_id, name, email, password_hash, plan, created_ms" \
	" FROM account"

static struct account account_from_row(struct query *q)
{
	struct account account = { 0 };

	account.id = query_int(q);
	account.public_id = query_text(q);
	account.name = query_text(q);
	account.email = query_text(q);
	account.password_hash = query_text(q);
	account.plan = query_text(q);
	account.created_ms = query_int(q);
	return account;
}

static int account_insert(struct db *db, const struct account *account,
	int64_t *id_out, struct err *err)
{
	scoped(query_close) struct query q = query_open(db,
		"INSERT INTO account (public_id, name, email, password_hash,"
		" plan, created_ms) VALUES (?, ?, ?, ?, ?, ?)"
		" ON CONFLICT (email) DO NOTHING");
	int rc;

	query_bind_text(&q, account->public_id);
	query_bind_text(&q, account->name);
	query_bind_text(&q, account->email);
	query_bind_text(&q, account->password_hash);
	query_bind_text(&q, account->plan);
	query_bind_int(&q, account->created_ms);
	rc = query_insert(&q, id_out, err);
	if (rc == 0)
		return err_set(err, ERR_CONFLICT, "the e-mail is taken");
	return rc < 0 ? -1 : 0;
}

int store_account_create(struct tx *tx, const struct account *account,
	int64_t *id_out, struct err *err)
{
	scoped(query_close) struct query tally = query_open(
		tx_db(tx), "INSERT INTO account_tally (account_id) VALUES (?)");

	if (account_insert(tx_db(tx), account, id_out, err) != 0)
		return -1;
	query_bind_int(&tally, *id_out);
	return query_run(&tally, NULL, err);
}

static int account_one(
	struct query *q, account_row_fn *row, void *arg, struct err *err)
{
	struct account account;

	if (query_one(q, "account", err) != 0)
		return -1;
	account = account_from_row(q);
	row(&account, arg);
	return 0;
}

int store_account_by_email(struct store *store, const char *email,
	account_row_fn *row, void *arg, struct err *err)
{
	scoped(query_close) struct query q =
		query_open(store_db(store), ACCOUNT_SELECT " WHERE email = ?");

	query_bind_text(&q, email);
	return account_one(&q, row, arg, err);
}

int store_account_by_id(struct store *store, int64_t id, account_row_fn *row,
	void *arg, struct err *err)
{
	scoped(query_close) struct query q =
		query_open(store_db(store), ACCOUNT_SELECT " WHERE id = ?");

	query_bind_int(&q, id);
	return account_one(&q, row, arg, err);
}

int store_account_by_public_id(struct store *store, const char *public_id,
	account_row_fn *row, void *arg, struct err *err)
{
	scoped(query_close) struct query q = query_open(
		store_db(store), ACCOUNT_SELECT " WHERE public_id = ?");

	query_bind_text(&q, public_id);
	return account_one(&q, row, arg, err);
}

int store_account_list(
	struct store *store, account_row_fn *row, void *arg, struct err *err)
{
	scoped(query_close) struct query q =
		query_open(store_db(store), ACCOUNT_SELECT " ORDER BY id");
	struct account account;
	int rc;

	while ((rc = query_step(&q, err)) == 1) {
		account = account_from_row(&q);
		if (row(&account, arg) != 0)
			return 0;
	}
	return rc;
}

/* ---- API keys ---- */

static struct api_key api_key_from_row(struct query *q)
{
	struct api_key key = { 0 };

	key.id = query_int(q);
	key.account_id = query_int(q);
	key.public_id = query_text(q);
	key.name = query_text(q);
	key.prefix = query_text(q);
	key.is_active = query_int(q) != 0;
	key.created_ms = query_int(q);
	key.last_used_ms = query_int(q);
	return key;
}

static int generation_bump(struct tx *tx, struct err *err)
{
	scoped(query_close) struct query q = query_open(tx_db(tx),
		"UPDATE generation SET n = n + 1 WHERE name = 'api_key'");

	return query_run(&q, NULL, err);
}

int64_t store_api_key_generation(struct store *store)
{
	scoped(query_close) struct query q = query_open(store_db(store),
		"SELECT n FROM generation WHERE name = 'api_key'");

	return query_step(&q, NULL) == 1 ? query_int(&q) : 0;
}

int store_api_key_create(struct tx *tx, const struct api_key *key,
	const uint8_t hash[SECRET_HASH_BYTES], int64_t *id_out, struct err *err)
{
	scoped(query_close) struct query q = query_open(tx_db(tx),
		"INSERT INTO api_key (public_id, account_id, name, prefix,"
		" hash, is_active, created_ms, last_used_ms)"
		" VALUES (?, ?, ?, ?, ?, 1, ?, 0)");

	query_bind_text(&q, key->public_id);
	query_bind_int(&q, key->account_id);
	query_bind_text(&q, key->name);
	query_bind_text(&q, key->prefix);
	query_bind_blob(&q, hash, SECRET_HASH_BYTES);
	query_bind_int(&q, key->created_ms);
	if (query_insert(&q, id_out, err) < 0)
		return -1;
	return generation_bump(tx, err);
}

static int api_key_total(struct store *store, int64_t account_id,
	int64_t *total_out, struct err *err)
{
	scoped(query_close) struct query q = query_open(store_db(store),
		"SELECT COUNT(*) FROM api_key WHERE account_id = ?");

	query_bind_int(&q, account_id);
	if (query_one(&q, "total", err) != 0)
		return -1;
	*total_out = query_int(&q);
	return 0;
}

int store_api_key_list(struct store *store, int64_t account_id,
	struct page page, api_key_row_fn *row, void *arg, int64_t *total_out,
	struct err *err)
{
	scoped(query_close) struct query q = query_open(store_db(store),
		"SELECT k.id, k.account_id, k.public_id, k.name, k.prefix,"
		" k.is_active, k.created_ms, k.last_used_ms FROM api_key "
		"k" PAGE_OF("k", "api_key", "account_id = ?"));
	struct api_key key;
	int rc;

	if (api_key_total(store, account_id, total_out, err) != 0)
		return -1;
	query_bind_int(&q, account_id);
	query_bind_page(&q, page);
	while ((rc = query_step(&q, err)) == 1) {
		key = api_key_from_row(&q);
		if (row(&key, arg) != 0)
			return 0;
	}
	return rc;
}

int store_api_key_revoke(struct tx *tx, int64_t account_id,
	const char *public_id, struct err *err)
{
	scoped(query_close) struct query q = query_open(tx_db(tx),
		"DELETE FROM api_key WHERE public_id = ? AND account_id = ?");
	int n;

	query_bind_text(&q, public_id);
	query_bind_int(&q, account_id);
	if (query_run(&q, &n, err) != 0)
		return -1;
	if (n == 0)
		return err_set(err, ERR_NOT_FOUND, "key not found");
	return generation_bump(tx, err);
}

int store_api_key_account(struct store *store,
	const uint8_t hash[SECRET_HASH_BYTES], int64_t *account_id_out,
	int64_t *key_id_out, struct err *err)
{
	scoped(query_close) struct query q = query_open(store_db(store),
		"SELECT account_id, id FROM api_key"
		" WHERE hash = ? AND is_active = 1");
	int rc;

	query_bind_blob(&q, hash, SECRET_HASH_BYTES);
	rc = query_step(&q, err);
	if (rc == 0)
		return err_set(err, ERR_UNAUTHORIZED, "no such key");
	if (rc < 0)
		return -1;
	*account_id_out = query_int(&q);
	*key_id_out = query_int(&q);
	return 0;
}

int store_api_key_used(
	struct tx *tx, int64_t key_id, int64_t now_ms, struct err *err)
{
	scoped(query_close) struct query q =
		query_open(tx_db(tx), "UPDATE api_key SET last_used_ms = ?1"
				      " WHERE id = ?2 AND last_used_ms < ?1");

	query_bind_int(&q, now_ms);
	query_bind_int(&q, key_id);
	return query_run(&q, NULL, err);
}
