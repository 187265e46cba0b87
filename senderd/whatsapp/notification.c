/* <notification>: what changed elsewhere (messages.md 1.8, 2.5, 11.7).  Every
 * one is acked, known or not; one that comes again does nothing. */
#include <string.h>

#include "common/clock.h"
#include "common/err.h"
#include "common/log.h"
#include "common/own.h"
#include "senderd/facts.h"
#include "senderd/lane.h"
#include "senderd/whatsapp/app_state.h"
#include "senderd/whatsapp/cold_chats.h"
#include "senderd/whatsapp/devices.h"
#include "senderd/whatsapp/group_notice.h"
#include "senderd/whatsapp/media_in.h"
#include "senderd/whatsapp/privacy.h"
#include "senderd/whatsapp/senderkey.h"
#include "senderd/whatsapp/tokens.h"

/* A user's primary device was registered anew: nothing we hold for it fits any
 * more. */
static int identity_changed(
	struct lane *lane, const struct wa_node *notification, struct err *err)
{
	struct wa_jid user;
	char text[WA_JID_TEXT];

	if (!wa_node_jid(notification, "from", &user) || !wa_jid_is_user(&user))
		return 0;
	log_info("identity address=%s status=changed source=notification",
		wa_jid_text(&user, text));
	if (senderkey_on_new_identity(lane, &user, err) != 0)
		return -1;
	return devices_forget_user(lane, &user, err);
}

static int on_encrypt(
	struct lane *lane, const struct wa_node *notification, struct err *err)
{
	const struct wa_node *count = wa_node_child(notification, "count");

	if (count != NULL)
		prekeys_on_count(lane, wa_node_int(count, "value", 0));
	if (wa_node_child(notification, "identity") != NULL)
		return identity_changed(lane, notification, err);
	return 0;
}

/* The session of a device that was unlinked is of no use, and its number may be
 * given to another one.  What it knows of our groups must not serve it any
 * longer. */
static int removed_forget(
	struct lane *lane, const struct wa_node *removed, struct err *err)
{
	wa_node_each (device, removed) {
		struct wa_jid jid;
		struct wa_jid address;

		if (strcmp(device->tag, "device") != 0 ||
			!wa_node_jid(device, "jid", &jid) ||
			!wa_jid_is_user(&jid) || jid.device == 0)
			continue;
		address = lane_signal_address(lane, &jid);
		if (lanedb_session_delete(lane->db, &address, err) != 0 ||
			senderkey_on_device_gone(lane, &address, err) != 0)
			return -1;
	}
	return 0;
}

/* Added, removed or updated: the list is asked for again with the next message.
 */
static int on_devices(
	struct lane *lane, const struct wa_node *notification, struct err *err)
{
	const struct wa_node *removed = wa_node_child(notification, "remove");
	struct wa_jid user;
	struct wa_jid lid;

	if (!wa_node_jid(notification, "from", &user) || !wa_jid_is_user(&user))
		return 0;
	if (wa_node_jid(notification, "lid", &lid) &&
		devices_learn_pair(lane, &user, &lid, err) != 0)
		return -1;
	if (removed != NULL && removed_forget(lane, removed, err) != 0)
		return -1;
	return devices_forget(lane, &user, err);
}

static int on_account_sync(
	struct lane *lane, const struct wa_node *notification, struct err *err)
{
	if (wa_node_child(notification, "privacy") != NULL &&
		privacy_forget(lane, err) != 0)
		return -1;
	if (wa_node_child(notification, "devices") == NULL)
		return 0;
	return devices_forget(lane, &lane->id.jid, err);
}

static const struct {
	const char *type;
	int (*fn)(struct lane *lane, const struct wa_node *notification,
		struct err *err);
	bool repeats; /* its id is not its own, or each one counts */
} kinds[] = {
	{ "mediaretry", media_in_on_retry, true },
	{ "mex", cold_chats_on_notification, true },
	{ "encrypt", on_encrypt, false },
	{ "devices", on_devices, false },
	{ "account_sync", on_account_sync, false },
	{ "server_sync", app_state_on_notification, false },
	{ "contacts", devices_on_contacts, false },
	{ "privacy_token", tokens_on_notification, false },
	{ "w:gp2", group_notice_on_notification, false },
};

/* Kinds that act remember the ids they acted on. */
static int notification_handle(
	struct lane *lane, const struct wa_node *notification, struct err *err)
{
	const char *id = wa_node_str(notification, "id");
	struct wa_jid from;
	bool was_seen = false;

	for (size_t i = 0; id != NULL && i < ARRAY_LEN(kinds); i++) {
		if (!wa_node_is(notification, "type", kinds[i].type))
			continue;
		if (kinds[i].repeats)
			return kinds[i].fn(lane, notification, err);
		wa_node_jid(notification, "from", &from);
		if (lanedb_seen(lane->db, &from, &from, id, clock_now_ms(),
			    &was_seen, err) != 0)
			return -1;
		return was_seen ? 0 : kinds[i].fn(lane, notification, err);
	}
	return 0;
}

void notification_on_notification(
	struct lane *lane, const struct wa_node *notification)
{
	struct err err = ERR_NONE;

	if (notification_handle(lane, notification, &err) != 0)
		facts_fail(lane, &err);
	else
		receipt_send_ack(lane, notification, 0);
}
