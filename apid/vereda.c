/* Vereda's own operations: every kind of message, groups, chats, contacts.
 * Most are calls to the device's lane: the row says all there is. */
#include "apid/endpoint.h"

#include "apid/ask.h"
#include "apid/handlers.h"
#include "apid/media.h"
#include "apid/sending.h"
#include "apid/table.h"
#include "common/own.h"

#define PEOPLE_MAX 256 /* of one request about a group's members */

#define GROUP_PATH                                                        \
	{                                                                 \
		"jid", IN_PATH, PARAM_GROUP, true, 0, 0, "Group address." \
	}
#define CHAT_PATH                                             \
	{                                                     \
		"jid", IN_PATH, PARAM_RECIPIENT, true, 0, 0,  \
			"Chat: a phone number or an address." \
	}
#define CONTACT_PATH                                                     \
	{                                                                \
		"id", IN_PATH, PARAM_CONTACT, true, 0, 0,                \
			"Contact: its id, a phone number or an address." \
	}
#define PEOPLE_BODY(min, help)                                                \
	{                                                                     \
		"participants", IN_BODY, PARAM_PEOPLE, true, min, PEOPLE_MAX, \
			help                                                  \
	}
#define FLAG(name, help)                                     \
	{                                                    \
		name, IN_BODY, PARAM_BOOL, false, 0, 0, help \
	}
#define CONTENT(name, help)                                    \
	{                                                      \
		name, IN_BODY, PARAM_OBJECT, false, 0, 0, help \
	}

static const struct param media_id[] = { ID_PARAM("Media id."), END_OF_PARAMS };
static const struct param device_path[] = { DEVICE_PATH, END_OF_PARAMS };
static const struct param device_page[] = { DEVICE_PATH, PAGE_PARAMS,
	END_OF_PARAMS };

static const struct param message_any[] = { DEVICE_PATH,
	{ "to", IN_BODY, PARAM_RECIPIENT, true, 0, 0,
		"A phone number, or the address of a contact or a group." },
	{ "type", IN_BODY, PARAM_STRING, true, 1, 32,
		"What it is: TEXT, IMAGE, VIDEO, AUDIO, VOICE, DOCUMENT, "
		"STICKER, LOCATION, CONTACT, POLL, REACTION, EDIT, REVOKE." },
	{ "mediaId", IN_BODY, PARAM_UUID, false, 0, 0,
		"Of a kind with media." },
	CLIENT_ID_PARAM, CONTENT("text", "Text, caption, question or emoji."),
	CONTENT("location", "Of a LOCATION."),
	CONTENT("contacts", "Of a CONTACT: 1-10 of {name, vcard or phone}."),
	CONTENT("poll", "Of a POLL: {options, selectable}."),
	CONTENT("target", "The message that a REACTION, EDIT or REVOKE is "
			  "about."),
	CONTENT("quote", "The message replied to."),
	CONTENT("mentions", "Who is mentioned."),
	CONTENT("forwarded", "Shown as forwarded."),
	CONTENT("viewOnce", "Shown once."),
	CONTENT("expiration", "Seconds after which it disappears."),
	CONTENT("preview", "false: no preview of a link."),
	CONTENT("media", "gif and videoNote of a VIDEO, fileName of a "
			 "DOCUMENT."),
	END_OF_PARAMS };

/* ---- groups ---- */

static const struct param group_path[] = { DEVICE_PATH, GROUP_PATH,
	END_OF_PARAMS };
static const struct param group_create[] = { DEVICE_PATH,
	{ "subject", IN_BODY, PARAM_STRING, true, 1, 100, "Name." },
	PEOPLE_BODY(1, "Members besides the device itself."), END_OF_PARAMS };
static const struct param group_update[] = { DEVICE_PATH, GROUP_PATH,
	{ "subject", IN_BODY, PARAM_STRING, false, 1, 100, "Name." },
	{ "description", IN_BODY, PARAM_STRING, false, 0, 2048,
		"Description; empty removes it." },
	FLAG("announcement", "Only admins send."),
	FLAG("locked", "Only admins edit the group."),
	{ "memberAddMode", IN_BODY, PARAM_ENUM, false, 0, 0, "admins|all" },
	FLAG("approval", "An admin lets in who comes by link."),
	{ "expiration", IN_BODY, PARAM_INT, false, 0, 31536000,
		"Seconds after which messages disappear; 0: never." },
	END_OF_PARAMS };
static const struct param group_people[] = { DEVICE_PATH, GROUP_PATH,
	{ "action", IN_BODY, PARAM_ENUM, true, 0, 0,
		"add|remove|promote|demote" },
	PEOPLE_BODY(1, "Who."), END_OF_PARAMS };
static const struct param group_decide[] = { DEVICE_PATH, GROUP_PATH,
	{ "action", IN_BODY, PARAM_ENUM, true, 0, 0, "approve|reject" },
	PEOPLE_BODY(1, "Who."), END_OF_PARAMS };
static const struct param group_join[] = { DEVICE_PATH,
	{ "code", IN_BODY, PARAM_STRING, true, 1, 100,
		"Invite code, or the link that ends in it." },
	END_OF_PARAMS };
static const struct param group_code[] = { DEVICE_PATH,
	{ "code", IN_PATH, PARAM_STRING, true, 1, 64, "Invite code." },
	END_OF_PARAMS };
static const struct param group_picture[] = { DEVICE_PATH, GROUP_PATH,
	{ "mediaId", IN_BODY, PARAM_PICTURE, true, 0, 0, "A picture." },
	END_OF_PARAMS };

/* ---- chats ---- */

static const struct param chat_update[] = { DEVICE_PATH, CHAT_PATH,
	FLAG("archived", "Out of the list."),
	{ "mutedUntil", IN_BODY, PARAM_UNTIL, false, 0, 0,
		"ISO date or \"forever\"; null: not muted." },
	FLAG("pinned", "At the top of the list."),
	FLAG("read", "false marks it as unread."), END_OF_PARAMS };
static const struct param chat_read[] = { DEVICE_PATH, CHAT_PATH,
	{ "messageIds", IN_BODY, PARAM_TEXTS, false, 1, 100,
		"Which; without: the newest." },
	END_OF_PARAMS };
static const struct param chat_typing[] = { DEVICE_PATH, CHAT_PATH,
	{ "state", IN_BODY, PARAM_ENUM, true, 0, 0,
		"composing|recording|paused" },
	END_OF_PARAMS };
static const struct param history_ask[] = { DEVICE_PATH,
	{ "chat", IN_BODY, PARAM_RECIPIENT, true, 0, 0, "Of which chat." },
	{ "count", IN_BODY, PARAM_INT, false, 1, 500, "How many messages." },
	END_OF_PARAMS };

/* ---- contacts ---- */

static const struct param contact_path[] = { DEVICE_PATH, CONTACT_PATH,
	END_OF_PARAMS };
static const struct param contact_picture[] = { DEVICE_PATH, CONTACT_PATH,
	{ "preview", IN_QUERY, PARAM_BOOL, false, 0, 0, "The small one." },
	END_OF_PARAMS };
static const struct param presence[] = { DEVICE_PATH,
	{ "state", IN_BODY, PARAM_ENUM, true, 0, 0, "available|unavailable" },
	END_OF_PARAMS };
/* WhatsApp's own names; "last" is when one was seen, "status" the about text.
 */
#define WHO "all|contacts|contact_blacklist|none"
#define PRIVACY(name, words)                                  \
	{                                                     \
		name, IN_BODY, PARAM_ENUM, false, 0, 0, words \
	}
static const struct param privacy[] = { DEVICE_PATH, PRIVACY("last", WHO),
	PRIVACY("online", "all|match_last_seen"), PRIVACY("profile", WHO),
	PRIVACY("status", WHO), PRIVACY("groupadd", WHO),
	PRIVACY("readreceipts", "all|none"), PRIVACY("calladd", "all|known"),
	PRIVACY("messages", "all|contacts"),
	PRIVACY("defense", "on_standard|off"),
	PRIVACY("stickers", "contacts|contact_allowlist|none"), END_OF_PARAMS };
static const struct param profile[] = { DEVICE_PATH,
	{ "name", IN_BODY, PARAM_STRING, false, 1, 25, "Name shown." },
	{ "about", IN_BODY, PARAM_STRING, false, 0, 139, "About." },
	{ "pictureMediaId", IN_BODY, PARAM_PICTURE, false, 0, 0, "A picture." },
	END_OF_PARAMS };

static const struct param proxy_url[] = { DEVICE_PATH,
	{ "url", IN_BODY, PARAM_STRING, true, 1, 500,
		"http://[user:password@]host:port, or socks5://…" },
	END_OF_PARAMS };
static const struct param passkey[] = { DEVICE_PATH,
	{ "response", IN_BODY, PARAM_OBJECT, true, 0, 0,
		"The browser's WebAuthn response." },
	END_OF_PARAMS };

#define D "/v1/devices/:deviceUid"
#define CALL(method, path, group, summary, success, params, name, ...)         \
	{                                                                      \
		method, D path, AUTH_ACCOUNT, group, summary, success, params, \
			.call = name, __VA_ARGS__.start = call_start           \
	}
#define WITH(json) .constants = json,

static const struct endpoint endpoints[] = {
	{ "GET", "/v1/media/:id/download", AUTH_ACCOUNT, "Media",
		"Download Media", 200, media_id, .read = media_download },

	{ "POST", D "/messages", AUTH_ACCOUNT, "Messages", "Send Any Message",
		200, message_any, .takes_any = true, .start = sending_any },

	{ "GET", D "/proxy", AUTH_ACCOUNT, "Linking", "Get Proxy", 200,
		device_path, .read = proxy_get },
	{ "PUT", D "/proxy", AUTH_ACCOUNT, "Linking", "Set Proxy", 200,
		proxy_url, .write = proxy_put },
	{ "DELETE", D "/proxy", AUTH_ACCOUNT, "Linking", "Remove Proxy", 200,
		device_path, .write = proxy_delete },
	CALL("GET", "/passkey", "Linking", "Passkey Request", 200, device_path,
		"passkey.get"),
	CALL("POST", "/passkey", "Linking", "Answer Passkey Request", 200,
		passkey, "passkey.answer"),
	CALL("POST", "/passkey/confirm", "Linking", "Confirm Linking Code", 200,
		device_path, "passkey.confirm"),

	CALL("GET", "/groups", "Groups", "List Groups", 200, device_path,
		"groups.list"),
	CALL("POST", "/groups", "Groups", "Create Group", 201, group_create,
		"groups.create"),
	CALL("POST", "/groups/join", "Groups", "Join by Invite", 200,
		group_join, "groups.join"),
	CALL("GET", "/groups/invites/:code", "Groups", "Look at Invite", 200,
		group_code, "groups.inviteInfo"),
	CALL("GET", "/groups/:jid", "Groups", "Get Group", 200, group_path,
		"groups.get"),
	CALL("PATCH", "/groups/:jid", "Groups", "Update Group", 200,
		group_update, "groups.update"),
	CALL("DELETE", "/groups/:jid", "Groups", "Leave Group", 200, group_path,
		"groups.leave"),
	CALL("POST", "/groups/:jid/participants", "Groups", "Change Members",
		200, group_people, "groups.participants"),
	CALL("GET", "/groups/:jid/invite", "Groups", "Invite Link", 200,
		group_path, "groups.invite", WITH("{\"reset\":false}")),
	CALL("POST", "/groups/:jid/invite/reset", "Groups", "New Invite Link",
		200, group_path, "groups.invite", WITH("{\"reset\":true}")),
	CALL("GET", "/groups/:jid/requests", "Groups", "Who Asks to Join", 200,
		group_path, "groups.requests"),
	CALL("POST", "/groups/:jid/requests", "Groups", "Let in or Turn Away",
		200, group_decide, "groups.decide"),
	CALL("PUT", "/groups/:jid/picture", "Groups", "Group Picture", 200,
		group_picture, "groups.picture"),

	{ "GET", D "/chats", AUTH_ACCOUNT, "Chats", "List Chats", 200,
		device_page, .read = chats_list },
	CALL("PATCH", "/chats/:jid", "Chats", "Update Chat", 200, chat_update,
		"chats.update"),
	CALL("POST", "/chats/:jid/read", "Chats", "Mark as Read", 200,
		chat_read, "chats.read"),
	CALL("POST", "/chats/:jid/typing", "Chats", "Show Typing", 200,
		chat_typing, "chats.typing"),
	CALL("POST", "/history", "Chats", "Ask for History", 200, history_ask,
		"history.request"),

	{ "GET", D "/contacts", AUTH_ACCOUNT, "Contacts", "List Contacts", 200,
		device_page, .read = contacts_list },
	CALL("GET", "/contacts/:id", "Contacts", "Get Contact", 200,
		contact_path, "contacts.get"),
	CALL("GET", "/contacts/:id/picture", "Contacts", "Contact's Picture",
		200, contact_picture, "contacts.picture"),
	CALL("POST", "/contacts/:id/presence", "Contacts", "Follow Presence",
		200, contact_path, "presence.subscribe"),
	CALL("POST", "/presence", "Contacts", "Own Presence", 200, presence,
		"presence.set"),
	CALL("GET", "/blocklist", "Contacts", "Who Is Blocked", 200,
		device_path, "contacts.blocklist"),
	CALL("PUT", "/blocklist/:id", "Contacts", "Block", 200, contact_path,
		"contacts.block", WITH("{\"blocked\":true}")),
	CALL("DELETE", "/blocklist/:id", "Contacts", "Unblock", 200,
		contact_path, "contacts.block", WITH("{\"blocked\":false}")),

	CALL("GET", "/privacy", "Profile", "Privacy", 200, device_path,
		"privacy.get"),
	CALL("PATCH", "/privacy", "Profile", "Change Privacy", 200, privacy,
		"privacy.set"),
	CALL("PUT", "/profile", "Profile", "Change Profile", 200, profile,
		"profile.set"),
};

const struct dialect dialect_vereda = {
	.name = "vereda",
	.endpoints = endpoints,
	.n_endpoints = ARRAY_LEN(endpoints),
	.render_error = msgera_render_error,
};
