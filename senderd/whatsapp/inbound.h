/* What inbound.c knows of a stanza, for the files that handle what is in it. */
#ifndef SENDERD_WHATSAPP_INBOUND_H
#define SENDERD_WHATSAPP_INBOUND_H

#include <stdbool.h>
#include <stdint.h>

#include "common/wa/jid.h"

struct wa_node;

/* What the stanza says about itself. */
struct inbound {
	const struct wa_node *message;
	const char *id;
	struct wa_jid from;
	struct wa_jid sender;  /* device, as on the wire */
	struct wa_jid address; /* the same for sessions and sender keys */
	struct wa_jid
		chat;  /* bare; a wrapper from an own device may correct it */
	bool is_own;   /* another device of our account sent it */
	bool is_group; /* or a broadcast: with a participant and sender keys */
	bool is_status;
	bool is_peer;
	int64_t t; /* unix seconds, 0 = not told */
};

#endif
