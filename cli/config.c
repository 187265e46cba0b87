#include <stdio.h>

#include "cli/cli.h"
#include "common/config.h"

int cmd_config_check(struct cli *cli, int argc, char **argv)
{
	if (!cli_start(cli, argc, argv, NULL, NULL))
		return EXIT_USAGE;
	if (cli->json)
		cli_print_json(json_pack("{s:b}", "ok", 1));
	else
		puts("the configuration is valid");
	return 0;
}

int cmd_config_sample(struct cli *cli, int argc, char **argv)
{
	if (!cli_parse(cli, argc, argv, NULL, NULL))
		return EXIT_USAGE;
	config_write_sample(stdout);
	return 0;
}
