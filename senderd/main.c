#include "common/config.h"
#include "common/daemon.h"
#include "common/err.h"
#include "common/own.h"
#include "senderd/supervisor.h"

int main(int argc, char **argv)
{
	scoped(config_free) struct config *config =
		daemon_init("senderd", argc, argv);
	scoped(supervisor_free) struct supervisor *supervisor = NULL;
	struct err err = ERR_NONE;

	/* libraries, lock, lanes, bus */
	if (supervisor_open(config, argc, argv, &supervisor, &err) != 0)
		fatal("cannot start: %s", err.msg);
	daemon_lockdown();
	return supervisor_run(supervisor);
}
