/* Where media goes and comes from, as the server says: hosts, and what uploads
 * authenticate with (connection.md 8.3, messages.md 7.1). */
#ifndef SENDERD_WHATSAPP_MEDIA_CONN_H
#define SENDERD_WHATSAPP_MEDIA_CONN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/media/xfer.h"

struct wa_node;

struct media_conn {
	char hosts[XFER_HOSTS][XFER_HOST];
	size_t n_hosts;
	char auth[XFER_AUTH_MAX];
	int64_t ttl_ms;
};

/* False: nothing usable in it.  @is_local_only: hosts that are not of this
 * machine are left out, for a test network without TLS. */
bool media_conn_read(const struct wa_node *answer, bool is_local_only,
	struct media_conn *out);

#endif
