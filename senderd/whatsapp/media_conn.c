#include "senderd/whatsapp/media_conn.h"

#include <stdio.h>
#include <string.h>

#include "common/wa/node.h"

#define TTL_SEC 300
#define TTL_MIN_SEC 10
#define TTL_MAX_SEC 3600

static void host_add(
	struct media_conn *conn, const struct wa_node *host, bool is_local_only)
{
	const char *name = wa_node_str(host, "hostname");

	if (conn->n_hosts == XFER_HOSTS || name == NULL ||
		!xfer_host_is_valid(name) ||
		(is_local_only && !xfer_host_is_local(name)))
		return;
	snprintf(conn->hosts[conn->n_hosts++], XFER_HOST, "%s", name);
}

bool media_conn_read(const struct wa_node *answer, bool is_local_only,
	struct media_conn *out)
{
	const struct wa_node *node = wa_node_child(answer, "media_conn");
	const char *auth = wa_node_str(node, "auth");
	int64_t ttl_sec = wa_node_int(node, "ttl", TTL_SEC);

	*out = (struct media_conn){ 0 };
	if (node == NULL || auth == NULL || strlen(auth) >= sizeof(out->auth))
		return false;
	snprintf(out->auth, sizeof(out->auth), "%s", auth);
	if (ttl_sec < TTL_MIN_SEC)
		ttl_sec = TTL_MIN_SEC;
	out->ttl_ms = 1000 * (ttl_sec < TTL_MAX_SEC ? ttl_sec : TTL_MAX_SEC);
	wa_node_each (child, node) {
		if (strcmp(child->tag, "host") == 0)
			host_add(out, child, is_local_only);
	}
	return out->n_hosts > 0;
}
