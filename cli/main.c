/* vereda: the operator's command.  Finds the subcommand and runs it. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/cli.h"
#include "common/config.h"
#include "common/log.h"
#include "common/own.h"

static const struct {
	const char *group, *verb; /* verb NULL: a command of one word */
	cli_command_fn *run;
	const char *usage;
} commands[] = {
	{ "up", NULL, cmd_up, "[--sandbox] [--port N]" },
	{ "account", "create", cmd_account_create,
		"--name N --email E --password P|- [--plan PLAN]" },
	{ "account", "list", cmd_account_list, "" },
	{ "account", "plan", cmd_account_plan, "[--email E] --plan PLAN" },
	{ "account", "pause", cmd_account_pause,
		"[--email E] [--minutes N] [--reason R]" },
	{ "account", "resume", cmd_account_resume, "[--email E]" },
	{ "key", "create", cmd_key_create, "[--account A] [--name N]" },
	{ "key", "list", cmd_key_list, "[--account A]" },
	{ "key", "revoke", cmd_key_revoke, "[--account A] ID" },
	{ "device", "link", cmd_device_link,
		"[--account A] [--name N] [--code PHONE] [UID]" },
	{ "device", "list", cmd_device_list, "[--account A]" },
	{ "device", "unlink", cmd_device_unlink, "UID" },
	{ "status", NULL, cmd_status, "" },
	{ "doctor", NULL, cmd_doctor, "" },
	{ "config", "check", cmd_config_check, "" },
	{ "config", "sample", cmd_config_sample, "" },
};

static void print_help(FILE *out)
{
	fputs("Usage: vereda COMMAND [--config FILE] [--state DIR] "
	      "[--json]\n\n",
		out);
	for (size_t i = 0; i < ARRAY_LEN(commands); i++)
		fprintf(out, "  vereda %s%s%s %s\n", commands[i].group,
			commands[i].verb != NULL ? " " : "",
			commands[i].verb != NULL ? commands[i].verb : "",
			commands[i].usage);
	fputs("\nAn account is named by its e-mail or id; without --account "
	      "the only one is meant.\n",
		out);
}

static int run(size_t i, int argc, char **argv)
{
	struct cli cli = { 0 };
	char name[64];
	int rc;

	snprintf(name, sizeof(name), "%s%s%s", commands[i].group,
		commands[i].verb != NULL ? " " : "",
		commands[i].verb != NULL ? commands[i].verb : "");
	cli.command = name;
	rc = commands[i].run(&cli, argc, argv);
	config_free(&cli.config);
	return rc;
}

int main(int argc, char **argv)
{
	umask(0077);
	signal(SIGPIPE, SIG_IGN);
	log_open("vereda", NULL, LOG_LVL_INFO, NULL);
	if (argc >= 2 && strcmp(argv[1], "--version") == 0) {
		printf("vereda %s\n", VEREDA_VERSION);
		return 0;
	}
	if (argc >= 2 && (strcmp(argv[1], "--help") == 0 ||
				 strcmp(argv[1], "help") == 0)) {
		print_help(stdout);
		return 0;
	}
	for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
		int words = commands[i].verb != NULL ? 2 : 1;

		if (argc > words && strcmp(argv[1], commands[i].group) == 0 &&
			(words == 1 || strcmp(argv[2], commands[i].verb) == 0))
			return run(i, argc - words - 1, argv + words + 1);
	}
	print_help(stderr);
	return EXIT_USAGE;
}
