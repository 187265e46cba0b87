#include "sandboxd/dispatch.h"

#include <string.h>

#include "common/log.h"
#include "common/own.h"
#include "sandboxd/pairing.h"
#include "sandboxd/session.h"

static void on_iq(struct session *session, const struct wa_node *node)
{
	if (wa_node_is(node, "type", "result") ||
		wa_node_is(node, "type", "error"))
		return; /* nothing is asked of a logged-in client */
	iq_on_request(session, node);
}

static void on_ib(struct session *session, const struct wa_node *node)
{
	if (wa_node_child(node, "offline_batch") != NULL)
		queue_on_offline_batch(session);
}

static void on_message(struct session *session, const struct wa_node *node)
{
	route_message(session->sandbox, session->device, node);
}

static void on_receipt(struct session *session, const struct wa_node *node)
{
	route_receipt(session->sandbox, session->device, node);
}

static void on_ack(struct session *session, const struct wa_node *node)
{
	route_ack(session->sandbox, session->device, node);
}

static void on_presence(struct session *session, const struct wa_node *node)
{
	route_presence(session->sandbox, session->device, node);
}

static void on_chatstate(struct session *session, const struct wa_node *node)
{
	route_chatstate(session->sandbox, session->device, node);
}

static void on_stream_end(struct session *session, const struct wa_node *node)
{
	(void)node;
	session_cut(session);
}

static const struct {
	const char *tag;
	void (*fn)(struct session *session, const struct wa_node *node);
} stanzas[] = {
	{ "message", on_message },
	{ "receipt", on_receipt },
	{ "ack", on_ack },
	{ "iq", on_iq },
	{ "presence", on_presence },
	{ "chatstate", on_chatstate },
	{ "ib", on_ib },
	{ "xmlstreamend", on_stream_end },
};

void dispatch_stanza(struct session *session, const struct wa_node *node)
{
	if (session->state == SESSION_REGISTERING ||
		session->state == SESSION_PAIRED) {
		pairing_on_stanza(session, node);
		return;
	}
	if (session->state != SESSION_LOGGED_IN || session->device == NULL)
		return;
	for (size_t i = 0; i < ARRAY_LEN(stanzas); i++) {
		if (strcmp(stanzas[i].tag, node->tag) == 0) {
			stanzas[i].fn(session, node);
			return;
		}
	}
	log_info("session who=%s stanza=%s action=ignore",
		session_name(session), log_quote(node->tag));
}
