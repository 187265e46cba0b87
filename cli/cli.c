#include "cli/cli.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/config.h"
#include "common/err.h"
#include "common/own.h"
#include "common/store/account.h"
#include "common/store/store.h"

int cli_fail(const char *fmt, ...)
{
	va_list args;

	fputs("vereda: ", stderr);
	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fputc('\n', stderr);
	return EXIT_FAILED;
}

void cli_print_json(json_t *object)
{
	json_dumpf(object, stdout, JSON_COMPACT);
	putchar('\n');
	fflush(stdout);
	json_decref(object);
}

void cli_print_list(const struct cli *cli, const char *name, json_t *rows,
	void (*print)(json_t *row))
{
	if (cli->json) {
		cli_print_json(json_pack("{s:o}", name, rows));
		return;
	}
	for (size_t i = 0; i < json_array_size(rows); i++)
		print(json_array_get(rows, i));
	json_decref(rows);
}

const char *cli_text_of(json_t *row, const char *key)
{
	const char *text = json_string_value(json_object_get(row, key));

	return text != NULL ? text : "-";
}

json_t *cli_json_text(const char *text)
{
	return text != NULL && text[0] != '\0' ? json_string(text)
					       : json_null();
}

json_t *cli_json_time(int64_t unix_ms)
{
	char text[CLOCK_ISO_LEN];

	if (unix_ms == 0)
		return json_null();
	clock_iso(unix_ms, text);
	return json_string(text);
}

int cli_store_open(
	const struct cli *cli, bool create, struct store **out, struct err *err)
{
	scoped(str_free) char *path = config_db_path(cli->config);

	if (create && config_make_dirs(cli->config, err) != 0)
		return -1;
	if (!create && access(path, F_OK) != 0)
		return err_set(err, ERR_NOT_FOUND, "no store in %s (%s)",
			cli->config->suite.state_dir, strerror(errno));
	return store_open(path, STORE_WRITE, out, err);
}

/* ---- which account ---- */

struct account_choice {
	int64_t id;
	int n;
};

static int on_account(const struct account *account, void *arg)
{
	struct account_choice *choice = arg;

	choice->id = account->id;
	return ++choice->n > 1; /* two are one too many */
}

int cli_account_find(
	struct store *store, const char *name, int64_t *id_out, struct err *err)
{
	struct account_choice choice = { 0 };
	int rc;

	if (name == NULL)
		rc = store_account_list(store, on_account, &choice, err);
	else if (strchr(name, '@') != NULL)
		rc = store_account_by_email(
			store, name, on_account, &choice, err);
	else
		rc = store_account_by_public_id(
			store, name, on_account, &choice, err);
	if (rc != 0)
		return -1;
	if (choice.n == 0)
		return err_set(err, ERR_NOT_FOUND, "there is no account yet");
	if (choice.n > 1)
		return err_set(err, ERR_INVALID,
			"there are several accounts: name one with --account");
	*id_out = choice.id;
	return 0;
}
