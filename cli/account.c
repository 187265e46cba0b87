#include "cli/account.h"

#include <ctype.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "common/antispam.h"
#include "common/clock.h"
#include "common/err.h"
#include "common/own.h"
#include "common/plan.h"
#include "common/store/account.h"
#include "common/store/usage.h"

#define EMAIL_MAX 254
#define NAME_MAX_BYTES 200
#define PASSWORD_MAX 1024
#define PAUSE_MINUTES_MAX (365 * 24 * 60)
#define PAUSE_REASON_MAX 150
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

static int plan_unknown(struct err *err)
{
	return err_set(err, ERR_INVALID,
		"--plan must be STARTER, GROWTH, PRO, BUSINESS or UNLIMITED");
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
	return plan_name(account->plan) != NULL ? 0 : plan_unknown(err);
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
		.plan = plan_name(new->plan),
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
	struct new_account new = { .plan = PLAN_UNLIMITED };
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

/* ---- vereda account plan, pause, resume ---- */

/* Which account, and the store to change it in. */
struct change {
	struct store *store;
	int64_t account_id;
};

static void change_fini(struct change *change)
{
	store_close(&change->store);
}

static int change_open(struct cli *cli, const char *account,
	struct change *change, struct err *err)
{
	if (cli_store_open(cli, false, &change->store, err) != 0)
		return -1;
	return cli_account_find(
		change->store, account, &change->account_id, err);
}

static int change_plan(
	struct cli *cli, const char *account, const char *plan, struct err *err)
{
	scoped(change_fini) struct change change = { 0 };
	scoped(tx_end) struct tx *tx = NULL;

	if (plan_name(plan) == NULL)
		return plan_unknown(err);
	if (change_open(cli, account, &change, err) != 0)
		return -1;
	tx = tx_begin(change.store, err);
	if (tx == NULL || store_usage_set_plan(tx, change.account_id,
				  plan_name(plan), err) != 0)
		return -1;
	return tx_commit(tx, err);
}

int cmd_account_plan(struct cli *cli, int argc, char **argv)
{
	const char *account = NULL, *plan = NULL;
	const struct cli_option options[] = {
		{ "email", &account, NULL },
		{ "plan", &plan, NULL },
		{ 0 },
	};
	struct err err = ERR_NONE;

	if (!cli_start(cli, argc, argv, options, NULL))
		return EXIT_USAGE;
	if (plan == NULL) {
		cli_fail("--plan is needed");
		return EXIT_USAGE;
	}
	if (change_plan(cli, account, plan, &err) != 0)
		return cli_fail("%s", err.msg);
	if (cli->json)
		cli_print_json(json_pack("{s:s}", "plan", plan_name(plan)));
	else
		printf("plan %s\n", plan_name(plan));
	return 0;
}

/* 0 ends the pause. */
static int change_pause(struct cli *cli, const char *account, int64_t until_ms,
	const char *reason, struct err *err)
{
	scoped(change_fini) struct change change = { 0 };
	scoped(tx_end) struct tx *tx = NULL;

	if (change_open(cli, account, &change, err) != 0)
		return -1;
	tx = tx_begin(change.store, err);
	if (tx == NULL || antispam_pause(tx, change.account_id, until_ms,
				  reason, err) != 0)
		return -1;
	return tx_commit(tx, err);
}

static bool reason_is_valid(const char *reason)
{
	json_t *text = json_string(reason); /* NULL: no UTF-8 */
	const size_t n = text != NULL ? json_string_length(text) : 0;

	json_decref(text);
	return n >= 1 && n <= PAUSE_REASON_MAX;
}

/* 1 minute to a year.  Without a number: until it is lifted. */
static int parse_minutes(const char *minutes, int64_t *until_ms_out)
{
	char *end;
	long n;

	*until_ms_out = ANTISPAM_UNTIL_LIFTED;
	if (minutes == NULL)
		return 0;
	n = strtol(minutes, &end, 10);
	if (end == minutes || *end != '\0' || n < 1 || n > PAUSE_MINUTES_MAX)
		return -1;
	*until_ms_out = clock_now_ms() + n * INT64_C(60000);
	return 0;
}

static int print_pause(struct cli *cli, int64_t until_ms, const char *reason)
{
	char until[CLOCK_ISO_LEN];

	if (cli->json) {
		cli_print_json(json_pack("{s:b, s:o, s:o}", "paused",
			until_ms != 0, "until",
			cli_json_time(antispam_resets_at_ms(until_ms)),
			"reason", cli_json_text(reason)));
		return 0;
	}
	clock_iso(until_ms, until);
	if (until_ms == 0)
		puts("sending goes on");
	else if (antispam_resets_at_ms(until_ms) == 0)
		puts("sending is paused until vereda account resume");
	else
		printf("sending is paused until %s\n", until);
	return 0;
}

int cmd_account_pause(struct cli *cli, int argc, char **argv)
{
	const char *account = NULL, *minutes = NULL;
	const char *reason = "paused by the operator";
	const struct cli_option options[] = {
		{ "email", &account, NULL },
		{ "minutes", &minutes, NULL },
		{ "reason", &reason, NULL },
		{ 0 },
	};
	struct err err = ERR_NONE;
	int64_t until_ms;

	if (!cli_start(cli, argc, argv, options, NULL))
		return EXIT_USAGE;
	if (parse_minutes(minutes, &until_ms) != 0) {
		cli_fail("--minutes must be from 1 to %d", PAUSE_MINUTES_MAX);
		return EXIT_USAGE;
	}
	if (!reason_is_valid(reason)) {
		cli_fail("--reason must have 1 to %d bytes", PAUSE_REASON_MAX);
		return EXIT_USAGE;
	}
	if (change_pause(cli, account, until_ms, reason, &err) != 0)
		return cli_fail("%s", err.msg);
	return print_pause(cli, until_ms, reason);
}

int cmd_account_resume(struct cli *cli, int argc, char **argv)
{
	const char *account = NULL;
	const struct cli_option options[] = {
		{ "email", &account, NULL },
		{ 0 },
	};
	struct err err = ERR_NONE;

	if (!cli_start(cli, argc, argv, options, NULL))
		return EXIT_USAGE;
	if (change_pause(cli, account, 0, NULL, &err) != 0)
		return cli_fail("%s", err.msg);
	return print_pause(cli, 0, NULL);
}

/* ---- vereda account list ---- */

struct listing {
	struct store *store;
	json_t *accounts;
	struct err *err;
	bool has_failed;
};

/* null while the account sends. */
static int render_pause(
	struct listing *listing, int64_t account_id, json_t **out)
{
	struct antispam pause;

	if (antispam_get(listing->store, account_id, clock_now_ms(), &pause,
		    listing->err) != 0)
		return -1;
	*out = pause.paused_until_ms == 0
		       ? json_null()
		       : json_pack("{s:o, s:o}", "until",
				 cli_json_time(antispam_resets_at_ms(
					 pause.paused_until_ms)),
				 "reason", cli_json_text(pause.reason));
	return 0;
}

static int on_account(const struct account *account, void *arg)
{
	struct listing *listing = arg;
	json_t *pause;

	if (render_pause(listing, account->id, &pause) != 0) {
		listing->has_failed = true;
		return 1;
	}
	json_array_append_new(listing->accounts,
		json_pack("{s:s, s:s, s:s, s:s, s:o, s:o}", "accountId",
			account->public_id, "name", account->name, "email",
			account->email, "plan", account->plan, "pause", pause,
			"createdAt", cli_json_time(account->created_ms)));
	return 0;
}

static void print_account(json_t *account)
{
	json_t *pause = json_object_get(account, "pause");

	printf("%s  %-32s %s", cli_text_of(account, "accountId"),
		cli_text_of(account, "email"), cli_text_of(account, "plan"));
	if (json_is_object(pause))
		printf("  paused until %s: %s",
			json_is_null(json_object_get(pause, "until"))
				? "resumed"
				: cli_text_of(pause, "until"),
			cli_text_of(pause, "reason"));
	putchar('\n');
}

static int account_list(struct cli *cli, json_t *accounts, struct err *err)
{
	scoped(store_close) struct store *store = NULL;
	struct listing listing = { .accounts = accounts, .err = err };

	if (cli_store_open(cli, false, &store, err) != 0)
		return -1;
	listing.store = store;
	if (store_account_list(store, on_account, &listing, err) != 0)
		return -1;
	return listing.has_failed ? -1 : 0;
}

int cmd_account_list(struct cli *cli, int argc, char **argv)
{
	struct err err = ERR_NONE;
	json_t *accounts;

	if (!cli_start(cli, argc, argv, NULL, NULL))
		return EXIT_USAGE;
	accounts = json_array();
	if (account_list(cli, accounts, &err) != 0) {
		json_decref(accounts);
		return cli_fail("%s", err.msg);
	}
	cli_print_list(cli, "accounts", accounts, print_account);
	return 0;
}
