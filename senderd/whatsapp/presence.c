#include "senderd/whatsapp/presence.h"

#include <stdio.h>
#include <string.h>

#include "common/err.h"
#include "senderd/facts.h"
#include "senderd/whatsapp/stream.h"

/* The name as the server wants it: without the sign that other clients take for
 * an address (connection.md 7.5). */
static void wire_name(const char *name, char out[128])
{
	size_t n = 0;

	for (; *name != '\0' && n < 127; name++) {
		if (*name != '@')
			out[n++] = *name;
	}
	out[n] = '\0';
}

/* False: there is no name to show. */
static bool presence_send(struct lane *lane, const char *type)
{
	struct wa_node *presence = NULL;
	char name[128];

	wire_name(lane->id.push_name, name);
	if (name[0] == '\0')
		return false;
	presence = wa_node_new(lane->arena, "presence");
	wa_node_set(presence, "type", type);
	wa_node_set(presence, "name", name);
	lane_send(lane, presence);
	return true;
}

void presence_send_available(struct lane *lane)
{
	if (!lane_is_ready(lane) || lane->presence_sent || lane->presence_off ||
		lane->id.push_name[0] == '\0')
		return;
	/* As a client in the background we leave the phone its
	 * notifications. */
	if (strcmp(lane->config->sender.receipts, "inactive") == 0)
		return;
	stream_send_unified_session(lane);
	lane->presence_sent = presence_send(lane, "available");
}

bool presence_set(struct lane *lane, bool is_available)
{
	if (!presence_send(lane, is_available ? "available" : "unavailable"))
		return false;
	lane->presence_off = !is_available;
	lane->presence_sent = is_available;
	return true;
}

void presence_set_push_name(struct lane *lane, const char *name)
{
	struct err err = ERR_NONE;

	/* "-" is how other clients write "none". */
	if (name == NULL || name[0] == '\0' || strcmp(name, "-") == 0 ||
		strcmp(name, lane->id.push_name) == 0)
		return;
	snprintf(lane->id.push_name, sizeof lane->id.push_name, "%s", name);
	if (lanedb_identity_save(lane->db, &lane->id, &err) != 0) {
		facts_fail(lane, &err);
		return;
	}
	lane_save_row(lane);
	/* The server learns the name from the presence: tell the new one. */
	lane->presence_sent = false;
	presence_send_available(lane);
}
