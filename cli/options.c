#include "cli/cli.h"

#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/config.h"
#include "common/err.h"
#include "common/own.h"

/* The option's value: after '=' or in the next argument, which *@i then passes.
 */
static const char *option_value(
	const char *equals, int argc, char **argv, int *i)
{
	if (equals != NULL)
		return equals + 1;
	if (*i + 1 < argc)
		return argv[++*i];
	return NULL;
}

static const struct cli_option *option_find(
	const struct cli_option *options, const char *name, size_t n)
{
	for (; options != NULL && options->name != NULL; options++)
		if (strlen(options->name) == n &&
			strncmp(options->name, name, n) == 0)
			return options;
	return NULL;
}

static bool usage_error(
	const struct cli *cli, const char *what, const char *arg)
{
	fprintf(stderr, "vereda %s: %s \"%s\"; see vereda --help\n",
		cli->command, what, arg);
	return false;
}

bool cli_parse(struct cli *cli, int argc, char **argv,
	const struct cli_option *options, const char **word)
{
	const struct cli_option common[] = {
		{ "config", &cli->config_file, NULL },
		{ "state", &cli->state_dir, NULL },
		{ "json", NULL, &cli->json },
		{ 0 },
	};

	for (int i = 0; i < argc; i++) {
		const char *arg = argv[i], *equals = strchr(arg, '=');
		size_t n =
			equals != NULL ? (size_t)(equals - arg) : strlen(arg);
		const struct cli_option *option;

		if (strncmp(arg, "--", 2) != 0) {
			if (word == NULL || *word != NULL)
				return usage_error(
					cli, "unexpected argument", arg);
			*word = arg;
			continue;
		}
		option = option_find(options, arg + 2, n - 2);
		if (option == NULL)
			option = option_find(common, arg + 2, n - 2);
		if (option == NULL || (option->flag != NULL && equals != NULL))
			return usage_error(cli, "unknown option", arg);
		if (option->flag != NULL) {
			*option->flag = true;
			continue;
		}
		*option->value = option_value(equals, argc, argv, &i);
		if (*option->value == NULL)
			return usage_error(cli, "a value must follow", arg);
	}
	return true;
}

/* Root works as the user that the state belongs to: a file that root made there
 * would lock the daemons out. */
static int become_owner(const char *state_dir, struct err *err)
{
	struct stat st;

	if (geteuid() != 0 || stat(state_dir, &st) != 0 || st.st_uid == 0)
		return 0;
	if (setgroups(0, NULL) != 0 || setgid(st.st_gid) != 0 ||
		setuid(st.st_uid) != 0)
		return err_set(err, ERR_FORBIDDEN, "cannot become user %u: %s",
			(unsigned)st.st_uid, strerror(errno));
	return 0;
}

bool cli_start(struct cli *cli, int argc, char **argv,
	const struct cli_option *options, const char **word)
{
	struct err err = ERR_NONE;

	if (!cli_parse(cli, argc, argv, options, word))
		return false;
	if (config_load(cli->config_file, cli->state_dir, &cli->config, &err) !=
			0 ||
		become_owner(cli->config->suite.state_dir, &err) != 0) {
		fprintf(stderr, "vereda: %s\n", err.msg);
		return false;
	}
	return true;
}
