#include "senderd/host.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "common/err.h"
#include "common/own.h"
#include "common/secret.h"
#include "common/wa/crypto.h"
#include "common/wa/signal.h"
#include "senderd/whatsapp/connection.h"

/* Two of them would take each other's sessions at WhatsApp, in turn and for
 * ever. */
static int lock_take(struct host *host, struct err *err)
{
	scoped(str_free) char *path =
		xasprintf("%s/senderd.lock", host->config->suite.state_dir);

	host->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (host->lock_fd < 0)
		return err_set(err, ERR_IO, "%s: %s", path, strerror(errno));
	if (flock(host->lock_fd, LOCK_EX | LOCK_NB) != 0)
		return err_set(err, ERR_CONFLICT,
			"another senderd works on this state directory");
	return 0;
}

/* Makes the host key if there is none, so that a broken one shows now and not
 * in a thousand lanes.  They read it for themselves: this process hears from
 * others and keeps no secrets. */
static int host_key_check(const struct config *config, struct err *err)
{
	struct secret_key key;

	if (secret_host_key(config->suite.state_dir, &key, err) != 0)
		return -1;
	secret_wipe(&key);
	return 0;
}

/* The area that ps reads: the arguments lie one behind the other. */
static void title_find(struct host *host, int argc, char **argv)
{
	char *end = argv[0];

	for (int i = 0; i < argc && argv[i] == end; i++)
		end += strlen(argv[i]) + 1;
	host->title = argv[0];
	host->n_title = (size_t)(end - argv[0]);
}

int host_open(struct host *host, const struct config *config, int argc,
	char **argv, struct err *err)
{
	*host = (struct host){ .config = config, .lock_fd = -1 };
	title_find(host, argc, argv);
	wa_crypto_init();
	json_object_seed(0);
	if (wa_signal_check_library(err) != 0 ||
		connection_tls_open(config, &host->tls, err) != 0 ||
		config_make_dirs(config, err) != 0 || lock_take(host, err) != 0)
		return -1;
	return host_key_check(config, err);
}

void host_close(struct host *host)
{
	SSL_CTX_free(host->tls);
	host->tls = NULL;
	if (host->lock_fd >= 0)
		close(host->lock_fd);
	host->lock_fd = -1;
}
