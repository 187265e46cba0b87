/* What the subcommands of `vereda` share: options, the configuration, the
 * store, output. One command a process, one thread, no event loop (but up.c).
 */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct config;
struct err;
struct store;

#define EXIT_FAILED 1
#define EXIT_USAGE 2 /* wrong options, wrong configuration */

/* Options every command takes, and what follows from them. */
struct cli {
	const char *command;	 /* "account create" */
	const char *config_file; /* or NULL */
	const char *state_dir;	 /* or NULL */
	bool json;
	struct config *config;
};

/* An option of one command; ends with a row without a name.  Either @value or
 * @flag. */
struct cli_option {
	const char *name; /* without the dashes */
	const char **value;
	bool *flag;
};

typedef int cli_command_fn(
	struct cli *cli, int argc, char **argv); /* exit code */
cli_command_fn cmd_up, cmd_account_create, cmd_account_list, cmd_account_plan,
	cmd_account_pause, cmd_account_resume, cmd_key_create, cmd_key_list,
	cmd_key_revoke, cmd_device_link, cmd_device_list, cmd_device_unlink,
	cmd_status, cmd_doctor, cmd_config_check, cmd_config_sample;

/* Reads @options and the common ones, and up to one word more into *@word (may
 * be NULL: none is allowed).  False: the error has been printed, exit with
 * EXIT_USAGE. */
bool cli_parse(struct cli *cli, int argc, char **argv,
	const struct cli_option *options, const char **word);
/* The same, loads the configuration, and as root becomes the state directory's
 * owner. */
bool cli_start(struct cli *cli, int argc, char **argv,
	const struct cli_option *options, const char **word);

/* "vereda: <what>" on stderr; returns EXIT_FAILED. */
int cli_fail(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* One line of JSON on stdout; takes the reference. */
void cli_print_json(json_t *object);

/* The state directory must have a store already, unless @create. */
int cli_store_open(const struct cli *cli, bool create, struct store **out,
	struct err *err);
/* The account that --account names by e-mail or id; without it the only one
 * there is. */
int cli_account_find(struct store *store, const char *name, int64_t *id_out,
	struct err *err);
/* A list, as {"<name>": [...]} or as lines that @print writes; takes the
 * reference. */
void cli_print_list(const struct cli *cli, const char *name, json_t *rows,
	void (*print)(json_t *row));
/* Text of a row, "-" when it is null. */
const char *cli_text_of(json_t *row, const char *key);
/* NULL and "" as null. */
json_t *cli_json_text(const char *text);
/* A millisecond time as JSON: ISO text, or null for 0. */
json_t *cli_json_time(int64_t unix_ms);

#endif
