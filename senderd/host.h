/* What the supervisor sets up once and every lane's process inherits:
 * initialised libraries, the certificate authorities, the place of the process
 * title. */
#ifndef SENDERD_HOST_H
#define SENDERD_HOST_H

#include <libwebsockets.h>
#include <stddef.h>

#include "common/config.h"

struct err;

struct host {
	const struct config *config; /* borrowed */
	SSL_CTX *tls;		     /* NULL for ws:// */
	char *title;		     /* where ps reads the command line */
	size_t n_title;		     /* bytes there */
	int lock_fd;		     /* one senderd a state directory */
};

/* ERR_CONFLICT: another senderd works on this state directory.  After a failure
 * host_close() is still due. */
int host_open(struct host *host, const struct config *config, int argc,
	char **argv, struct err *err);
void host_close(struct host *host);

#endif
