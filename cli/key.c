#include <stdio.h>

#include "cli/account.h"
#include "cli/cli.h"
#include "common/err.h"
#include "common/own.h"
#include "common/store/account.h"

#define LIST_MAX 1000

/* ---- vereda key create ---- */

static int key_create(struct cli *cli, const char *account, const char *name,
	char public_id[UUID_LEN], char api_key[API_KEY_LEN], struct err *err)
{
	scoped(store_close) struct store *store = NULL;
	scoped(tx_end) struct tx *tx = NULL;
	int64_t account_id;

	if (cli_store_open(cli, false, &store, err) != 0 ||
		cli_account_find(store, account, &account_id, err) != 0)
		return -1;
	tx = tx_begin(store, err);
	if (tx == NULL)
		return -1;
	id_api_key(api_key);
	if (account_add_key(tx, account_id, name, api_key, public_id, err) != 0)
		return -1;
	return tx_commit(tx, err);
}

int cmd_key_create(struct cli *cli, int argc, char **argv)
{
	const char *account = NULL, *name = "default";
	const struct cli_option options[] = {
		{ "account", &account, NULL },
		{ "name", &name, NULL },
		{ 0 },
	};
	char public_id[UUID_LEN], api_key[API_KEY_LEN];
	struct err err = ERR_NONE;

	if (!cli_start(cli, argc, argv, options, NULL))
		return EXIT_USAGE;
	if (key_create(cli, account, name, public_id, api_key, &err) != 0)
		return cli_fail("%s", err.msg);
	if (cli->json)
		cli_print_json(json_pack(
			"{s:s, s:s}", "keyId", public_id, "apiKey", api_key));
	else
		printf("key %s\nAPI key %s (it is not shown again)\n",
			public_id, api_key);
	return 0;
}

/* ---- vereda key list ---- */

static int on_key(const struct api_key *key, void *arg)
{
	json_array_append_new(
		arg, json_pack("{s:s, s:s, s:s, s:b, s:o, s:o}", "keyId",
			     key->public_id, "name", key->name, "prefix",
			     key->prefix, "isActive", key->is_active,
			     "createdAt", cli_json_time(key->created_ms),
			     "lastUsedAt", cli_json_time(key->last_used_ms)));
	return 0;
}

static int key_list(
	struct cli *cli, const char *account, json_t *keys, struct err *err)
{
	scoped(store_close) struct store *store = NULL;
	struct page page = { .limit = LIST_MAX };
	int64_t account_id, total;

	if (cli_store_open(cli, false, &store, err) != 0 ||
		cli_account_find(store, account, &account_id, err) != 0)
		return -1;
	return store_api_key_list(
		store, account_id, page, on_key, keys, &total, err);
}

static void print_key(json_t *key)
{
	printf("%s  %s...  %-8s %s\n", cli_text_of(key, "keyId"),
		cli_text_of(key, "prefix"),
		json_is_true(json_object_get(key, "isActive")) ? "active"
							       : "revoked",
		cli_text_of(key, "name"));
}

int cmd_key_list(struct cli *cli, int argc, char **argv)
{
	const char *account = NULL;
	const struct cli_option options[] = {
		{ "account", &account, NULL },
		{ 0 },
	};
	struct err err = ERR_NONE;
	json_t *keys;

	if (!cli_start(cli, argc, argv, options, NULL))
		return EXIT_USAGE;
	keys = json_array();
	if (key_list(cli, account, keys, &err) != 0) {
		json_decref(keys);
		return cli_fail("%s", err.msg);
	}
	cli_print_list(cli, "keys", keys, print_key);
	return 0;
}

/* ---- vereda key revoke ---- */

static int key_revoke(struct cli *cli, const char *account,
	const char *public_id, struct err *err)
{
	scoped(store_close) struct store *store = NULL;
	scoped(tx_end) struct tx *tx = NULL;
	int64_t account_id;

	if (cli_store_open(cli, false, &store, err) != 0 ||
		cli_account_find(store, account, &account_id, err) != 0)
		return -1;
	tx = tx_begin(store, err);
	if (tx == NULL ||
		store_api_key_revoke(tx, account_id, public_id, err) != 0)
		return -1;
	return tx_commit(tx, err);
}

int cmd_key_revoke(struct cli *cli, int argc, char **argv)
{
	const char *account = NULL, *public_id = NULL;
	const struct cli_option options[] = {
		{ "account", &account, NULL },
		{ 0 },
	};
	struct err err = ERR_NONE;

	if (!cli_start(cli, argc, argv, options, &public_id))
		return EXIT_USAGE;
	if (public_id == NULL) {
		cli_fail("the key's id is needed; see vereda key list");
		return EXIT_USAGE;
	}
	if (key_revoke(cli, account, public_id, &err) != 0)
		return cli_fail("%s", err.msg);
	if (cli->json)
		cli_print_json(json_pack(
			"{s:s, s:b}", "keyId", public_id, "revoked", 1));
	else
		printf("key %s is revoked\n", public_id);
	return 0;
}
