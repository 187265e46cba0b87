/* schedulerd: wiring. */
#include "schedulerd/schedulerd.h"

#include "common/daemon.h"
#include "common/err.h"
#include "common/log.h"
#include "common/wa/crypto.h"

int main(int argc, char **argv)
{
	struct config *config = daemon_init("schedulerd", argc, argv);
	struct schedulerd *schedulerd = NULL;
	struct err err = ERR_NONE;
	int rc;

	wa_crypto_init();
	if (schedulerd_open(config, &schedulerd, &err) != 0)
		fatal("cannot start: %s", err.msg);
	daemon_lockdown();
	rc = daemon_run(schedulerd->base);
	schedulerd_close(&schedulerd);
	config_free(&config);
	log_close();
	return rc;
}
