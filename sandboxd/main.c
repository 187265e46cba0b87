/* sandboxd: a WhatsApp network on loopback, for trying and testing. */
#include "common/config.h"
#include "common/daemon.h"
#include "common/err.h"
#include "common/own.h"
#include "sandboxd/server.h"

int main(int argc, char **argv)
{
	scoped(config_free) struct config *config =
		daemon_init("sandboxd", argc, argv);
	scoped(sandbox_free) struct sandbox *sandbox = NULL;
	struct err err = ERR_NONE;

	if (sandbox_open(config, &sandbox, &err) != 0)
		fatal("cannot start: %s", err.msg);
	daemon_lockdown(); /* past this line, nothing is opened by name */
	sandbox_run(sandbox);
	return 0;
}
