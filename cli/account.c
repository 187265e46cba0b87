#include "cli/account.h"

#include <ctype.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "common/clock.h"
#include "common/err.h"
#include "common/own.h"
#include "common/store/account.h"

#define EMAIL_MAX 254
#define NAME_MAX_BYTES 200
#define PASSWORD_MAX 1024
#define DEFAULT_PLAN "UNLIMITED"
#define KEY_PREFIX_LEN 12 /* "wak_" and 8 digits: enough to know it again */

/* ---- for others ---- */

static bool email_is_valid(const char *email)
{
	const char *at = strchr(email, '@');

	if (at == NULL || at == email || at[1] == '\0' ||
		strchr(at + 1, '@') != NULL || strlen(email) > EMAIL_MAX)
		return false;
	for (; *email != '\0'; email++)
		if ((unsigned char)*email <= ' ' || *email == 0x7f)
			return false;
	return true;
}

static int account_check(const struct new_account *account, struct err *err)
{
	size_t name = strlen(account->name),
	       password = strlen(account->password);

	if (name == 0 || name > NAME_MAX_BYTES)
		return err_set(err, ERR_INVALID,
			"--name must have 1 to %d bytes", NAME_MAX_BYTES);
	if (!email_is_valid(account->email))
		return err_set(
			err, ERR_INVALID, "--email must be an e-mail address");
	if (password == 0 || password > PASSWORD_MAX)
		return err_set(err, ERR_INVALID,
			"--password must have 1 to %d bytes", PASSWORD_MAX);
	if (account->plan[0] == '\0' || strlen(account->plan) > 64)
		return err_set(
			err, ERR_INVALID, "--plan must have 1 to 64 bytes");
	return 0;
}

int account_hash(const struct new_account *new,
	char hash_out[SECRET_PASSWORD_HASH_LEN], struct err *err)
{
	if (account_check(new, err) != 0)
		return -1;
	return secret_hash_password(new->password, hash_out, err);
}

int account_make(struct tx *tx, const struct new_account *new, const char *hash,
	int64_t *id_out, char public_id_out[UUID_LEN], struct err *err)
{
	char email[EMAIL_MAX + 1];
	struct account account = {
		.public_id = public_id_out,
		.name = new->name,
		.email = email,
		.password_hash = hash,
		.plan = new->plan,
		.created_ms = clock_now_ms(),
	};

	snprintf(email, sizeof(email), "%s", new->email);
	for (char *c = email; *c != '\0'; c++)
		*c = (char)tolower((unsigned char)*c);
	if (new->public_id != NULL)
		snprintf(public_id_out, UUID_LEN, "%s", new->public_id);
	else
		id_uuid7(public_id_out);
	return store_account_create(tx, &account, id_out, err);
}

int account_add_key(struct tx *tx, int64_t account_id, const char *name,
	const char *api_key, char public_id_out[UUID_LEN], struct err *err)
{
	uint8_t hash[SECRET_HASH_BYTES];
	char prefix[KEY_PREFIX_LEN + 1];
	struct api_key key = {
		.account_id = account_id,
		.public_id = public_id_out,
		.name = name,
		.prefix = prefix,
		.is_active = true,
		.created_ms = clock_now_ms(),
	};
	int64_t id;

	snprintf(prefix, sizeof(prefix), "%s", api_key);
	id_uuid7(public_id_out);
	secret_hash_key(api_key, hash);
	return store_api_key_create(tx, &key, hash, &id, err);
}

/* ---- vereda account create ---- */

/* "-" reads the password from standard input: arguments are seen by every user
 * of the host. */
static int password_read(const char **password, char *line, size_t size)
{
	if (strcmp(*password, "-") != 0)
		return 0;
	if (fgets(line, (int)size, stdin) == NULL)
		return -1;
	line[strcspn(line, "\r\n")] = '\0';
	*password = line;
	return 0;
}

static int account_create(struct cli *cli, const struct new_account *new,
	char account_id[UUID_LEN], char api_key[API_KEY_LEN], struct err *err)
{
	scoped(store_close) struct store *store = NULL;
	scoped(tx_end) struct tx *tx = NULL;
	char key_id[UUID_LEN], hash[SECRET_PASSWORD_HASH_LEN];
	int64_t id;

	if (account_hash(new, hash, err) != 0 ||
		cli_store_open(cli, true, &store, err) != 0)
		return -1;
	tx = tx_begin(store, err);
	if (tx == NULL)
		return -1;
	id_api_key(api_key);
	if (account_make(tx, new, hash, &id, account_id, err) != 0 ||
		account_add_key(tx, id, "default", api_key, key_id, err) != 0)
		return -1;
	return tx_commit(tx, err);
}

int cmd_account_create(struct cli *cli, int argc, char **argv)
{
	struct new_account new = { .plan = DEFAULT_PLAN };
	const struct cli_option options[] = {
		{ "name", &new.name, NULL },
		{ "email", &new.email, NULL },
		{ "password", &new.password, NULL },
		{ "plan", &new.plan, NULL },
		{ 0 },
	};
	char account_id[UUID_LEN], api_key[API_KEY_LEN], line[PASSWORD_MAX + 2];
	struct err err = ERR_NONE;
	int rc;

	if (!cli_start(cli, argc, argv, options, NULL))
		return EXIT_USAGE;
	if (new.name == NULL || new.email == NULL || new.password == NULL) {
		cli_fail("--name, --email and --password are needed");
		return EXIT_USAGE;
	}
	if (password_read(&new.password, line, sizeof(line)) != 0)
		return cli_fail("no password on standard input");
	rc = account_create(cli, &new, account_id, api_key, &err);
	sodium_memzero(line, sizeof(line));
	if (rc != 0)
		return cli_fail("%s", err.msg);
	if (cli->json)
		cli_print_json(json_pack("{s:s, s:s}", "accountId", account_id,
			"apiKey", api_key));
	else
		printf("account %s\nAPI key %s (it is not shown again)\n",
			account_id, api_key);
	return 0;
}

/* ---- vereda account list ---- */

static int on_account(const struct account *account, void *arg)
{
	json_array_append_new(
		arg, json_pack("{s:s, s:s, s:s, s:s, s:o}", "accountId",
			     account->public_id, "name", account->name, "email",
			     account->email, "plan", account->plan, "createdAt",
			     cli_json_time(account->created_ms)));
	return 0;
}

static void print_account(json_t *account)
{
	printf("%s  %-32s %s\n", cli_text_of(account, "accountId"),
		cli_text_of(account, "email"), cli_text_of(account, "plan"));
}

int cmd_account_list(struct cli *cli, int argc, char **argv)
{
	scoped(store_close) struct store *store = NULL;
	struct err err = ERR_NONE;
	json_t *accounts;

	if (!cli_start(cli, argc, argv, NULL, NULL))
		return EXIT_USAGE;
	if (cli_store_open(cli, false, &store, &err) != 0)
		return cli_fail("%s", err.msg);
	accounts = json_array();
	if (store_account_list(store, on_account, accounts, &err) != 0) {
		json_decref(accounts);
		return cli_fail("%s", err.msg);
	}
	cli_print_list(cli, "accounts", accounts, print_account);
	return 0;
}
