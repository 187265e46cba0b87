/* webhookd: wiring. */
#include "webhookd/webhookd.h"

#include "common/daemon.h"
#include "common/err.h"
#include "common/log.h"

int main(int argc, char **argv)
{
	struct config *config = daemon_init("webhookd", argc, argv);
	struct webhookd *webhookd = NULL;
	struct err err = ERR_NONE;
	int rc;

	if (webhookd_open(config, &webhookd, &err) != 0)
		fatal("cannot start: %s", err.msg);
	daemon_lockdown();
	rc = daemon_run(webhookd_loop(webhookd));
	webhookd_close(&webhookd);
	config_free(&config);
	log_close();
	return rc;
}
