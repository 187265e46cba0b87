/* Vereda's own operations: every kind of message, groups, chats, contacts.
 * Most are calls to the device's lane: the row says all there is. */
#include "apid/endpoint.h"

#include "apid/ask.h"
#include "apid/handlers.h"
#include "apid/media.h"
#include "apid/sending.h"
#include "apid/shapes.h"
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

#define EXAMPLE_BLOCKLIST                                       \
	"{\"blocked\":[{\"id\":\"15550002222@s.whatsapp.net\"," \
	"\"phone\":\"+15550002222\"}]}"
#define D "/v1/devices/:deviceUid"
#define CALL(method, path, group, summary, success, params, name, ...)         \
	{                                                                      \
		method, D path, AUTH_ACCOUNT, group, summary, success, params, \
			.call = name, __VA_ARGS__, .start = call_start         \
	}

static const struct endpoint rows[] = {
	{ "GET", "/v1/media/:id/download", AUTH_ACCOUNT, "Media",
		"Download Media", 200, media_id,
		.details = "The file, whole or a range of it (Range, If-Range, "
			   "If-None-Match). Received media is here too: 409 "
			   "while it is not fetched yet, 410 when it never "
			   "will be.",
		.other_type = "application/octet-stream",
		.errors = "206 304 404 409 410 416", .read = media_download },

	{ "POST", D "/messages", AUTH_ACCOUNT, "Messages", "Send Any Message",
		200, message_any, .takes_any = true,
		.details = "Any kind of message to a person or a group, as a "
			   "phone would send it. Members that belong to "
			   "another kind are refused. Reactions, edits and "
			   "revokes cost nothing of the send limits.",
		.answer = "Accepted", .errors = "403 404 429 504",
		.objects = "text=text location=Location contacts=[ContactCard] "
			   "poll=Poll target=MessageReference "
			   "quote=MessageReference mentions=[text] "
			   "forwarded=boolean viewOnce=boolean "
			   "expiration=integer media=MessageMedia",
		.example_body =
			"{\"to\":\"+15550002222\",\"type\":\"LOCATION\","
			"\"location\":{\"latitude\":52.5163,\"longitude\":13."
			"3777,"
			"\"name\":\"Brandenburg Gate\"}}",
		.example = "{\"accepted\":true,"
			   "\"providerMessageId\":\"3EB0C767D26A1D9E5A4F\","
			   "\"sessionId\":\"dev_4f8c2a1e\","
			   "\"messageId\":\"0197c7a0-4a3e-7b51-9d2f-"
			   "2f6a1c1f0e12\"}",
		.start = sending_any },

	{ "GET", D "/proxy", AUTH_ACCOUNT, "Linking", "Get Proxy", 200,
		device_path, .details = "Without its password.",
		.answer = "Proxy",
		.example = "{\"deviceUid\":\"dev_4f8c2a1e\","
			   "\"proxy\":\"socks5://proxy.example.com:1080\"}",
		.read = proxy_get },
	{ "PUT", D "/proxy", AUTH_ACCOUNT, "Linking", "Set Proxy", 200,
		proxy_url,
		.details = "http, https, socks4 and socks5. A device whose "
			   "proxy does not work stays disconnected; it never "
			   "goes without.",
		.answer = "Proxy",
		.example_body = "{\"url\":\"socks5://"
				"user:secret@proxy.example.com:1080\"}",
		.example = "{\"deviceUid\":\"dev_4f8c2a1e\","
			   "\"proxy\":\"socks5://proxy.example.com:1080\"}",
		.write = proxy_put },
	{ "DELETE", D "/proxy", AUTH_ACCOUNT, "Linking", "Remove Proxy", 200,
		device_path, .details = "The device connects directly again.",
		.answer = "Proxy",
		.example = "{\"deviceUid\":\"dev_4f8c2a1e\",\"proxy\":null}",
		.write = proxy_delete },
	CALL("GET", "/passkey", "Linking", "Get Passkey Request", 200,
		device_path, "passkey.get",
		.details = "Whether WhatsApp asks for a passkey before it "
			   "links the device, and the WebAuthn options for the "
			   "browser.",
		.answer = "PasskeyRequest", .example = "{\"state\":\"none\"}"),
	CALL("POST", "/passkey", "Linking", "Answer Passkey Request", 200,
		passkey, "passkey.answer",
		.details = "What navigator.credentials.get() gave, as JSON.",
		.answer = "PasskeyState",
		.example_body = "{\"response\":{\"id\":\"...\",\"type\":"
				"\"public-key\"}}",
		.example = "{\"state\":\"answered\"}"),
	CALL("POST", "/passkey/confirm", "Linking", "Confirm Linking Code", 200,
		device_path, "passkey.confirm",
		.details = "The code shown is the phone's: link.",
		.answer = "PasskeyState",
		.example = "{\"state\":\"confirmed\"}"),

	CALL("GET", "/groups", "Groups", "List Groups", 200, device_path,
		"groups.list",
		.details = "All groups that the device is in, without their "
			   "members.",
		.answer = "GroupList",
		.example =
			"{\"groups\":[{\"id\":\"120363012345678901@g.us\","
			"\"subject\":\"Team\",\"description\":\"\",\"size\":2,"
			"\"addressingMode\":\"lid\",\"announcement\":false,"
			"\"locked\":false,\"memberAddMode\":\"all\","
			"\"approval\":false,\"expiration\":0,"
			"\"createdAt\":\"2026-05-22T10:00:00.000Z\","
			"\"owner\":\"+15550001111\"}],\"hasMore\":false}"),
	CALL("POST", "/groups", "Groups", "Create Group", 201, group_create,
		"groups.create",
		.details = "outcomes tells who of the members could not be "
			   "added.",
		.answer = "NewGroup",
		.example_body = "{\"subject\":\"Team\",\"participants\":[\"+"
				"15550002222\"]}",
		.example = "{\"id\":\"120363012345678901@g.us\",\"subject\":"
			   "\"Team\","
			   "\"description\":\"\",\"size\":2,\"addressingMode\":"
			   "\"lid\","
			   "\"announcement\":false,\"locked\":false,"
			   "\"memberAddMode\":\"all\",\"approval\":false,"
			   "\"expiration\":0,"
			   "\"createdAt\":\"2026-05-22T10:00:00.000Z\","
			   "\"owner\":\"+15550001111\","
			   "\"participants\":[{\"id\":\"900002@lid\","
			   "\"phone\":\"+15550002222\",\"lid\":\"900002\","
			   "\"role\":\"member\"}],\"outcomes\":[{\"id\":"
			   "\"900002@lid\","
			   "\"phone\":\"+15550002222\",\"lid\":\"900002\","
			   "\"status\":\"ok\"}]}"),
	CALL("POST", "/groups/join", "Groups", "Join by Invite", 200,
		group_join, "groups.join",
		.details = "By an invite code or link.", .answer = "Joined",
		.example_body =
			"{\"code\":\"https://chat.whatsapp.com/AbCdEfGhIjK\"}",
		.example = "{\"id\":\"120363012345678901@g.us\",\"status\":"
			   "\"joined\"}"),
	CALL("GET", "/groups/invites/:code", "Groups", "Get Invite", 200,
		group_code, "groups.inviteInfo",
		.details = "The group that an invite leads to, without joining "
			   "it.",
		.answer = "Group",
		.example = "{\"id\":\"120363012345678901@g.us\",\"subject\":"
			   "\"Team\","
			   "\"description\":\"\",\"size\":2,\"addressingMode\":"
			   "\"lid\","
			   "\"announcement\":false,\"locked\":false,"
			   "\"memberAddMode\":\"all\",\"approval\":false,"
			   "\"expiration\":0,"
			   "\"createdAt\":\"2026-05-22T10:00:00.000Z\","
			   "\"owner\":\"+15550001111\"}"),
	CALL("GET", "/groups/:jid", "Groups", "Get Group", 200, group_path,
		"groups.get", .details = "With its members.", .answer = "Group",
		.example = "{\"id\":\"120363012345678901@g.us\",\"subject\":"
			   "\"Team\","
			   "\"description\":\"\",\"size\":2,\"addressingMode\":"
			   "\"lid\","
			   "\"announcement\":false,\"locked\":false,"
			   "\"memberAddMode\":\"all\",\"approval\":false,"
			   "\"expiration\":0,"
			   "\"createdAt\":\"2026-05-22T10:00:00.000Z\","
			   "\"owner\":\"+15550001111\","
			   "\"participants\":[{\"id\":\"900002@lid\","
			   "\"phone\":\"+15550002222\",\"lid\":\"900002\","
			   "\"role\":\"member\"}]}"),
	CALL("PATCH", "/groups/:jid", "Groups", "Update Group", 200,
		group_update, "groups.update",
		.details = "Only what is given changes; the answer is the "
			   "group as it is then.",
		.answer = "Group",
		.example_body = "{\"subject\":\"Crew\",\"announcement\":true}",
		.example = "{\"id\":\"120363012345678901@g.us\",\"subject\":"
			   "\"Crew\","
			   "\"description\":\"\",\"size\":2,\"addressingMode\":"
			   "\"lid\","
			   "\"announcement\":true,\"locked\":false,"
			   "\"memberAddMode\":\"all\",\"approval\":false,"
			   "\"expiration\":0,"
			   "\"createdAt\":\"2026-05-22T10:00:00.000Z\","
			   "\"owner\":\"+15550001111\","
			   "\"participants\":[{\"id\":\"900002@lid\","
			   "\"phone\":\"+15550002222\",\"lid\":\"900002\","
			   "\"role\":\"member\"}]}"),
	CALL("DELETE", "/groups/:jid", "Groups", "Leave Group", 200, group_path,
		"groups.leave",
		.details = "The group stays, the device leaves it.",
		.answer = "Done", .example = "{}"),
	CALL("POST", "/groups/:jid/participants", "Groups", "Change Members",
		200, group_people, "groups.participants",
		.details = "Each member has an outcome of their own.",
		.answer = "MemberOutcomes",
		.example_body = "{\"action\":\"add\",\"participants\":[\"+"
				"15550002222\"]}",
		.example = "{\"participants\":[{\"id\":\"900002@lid\","
			   "\"phone\":\"+15550002222\",\"lid\":\"900002\","
			   "\"status\":\"ok\"}]}"),
	CALL("GET", "/groups/:jid/invite", "Groups", "Get Invite Link", 200,
		group_path, "groups.invite", .constants = "{\"reset\":false}",
		.answer = "InviteLink",
		.example = "{\"code\":\"AbCdEfGhIjK\","
			   "\"link\":\"https://chat.whatsapp.com/"
			   "AbCdEfGhIjK\"}"),
	CALL("POST", "/groups/:jid/invite/reset", "Groups", "Reset Invite Link",
		200, group_path, "groups.invite",
		.constants = "{\"reset\":true}",
		.details = "The old link stops working.",
		.answer = "InviteLink",
		.example = "{\"code\":\"LmNoPqRsTuV\","
			   "\"link\":\"https://chat.whatsapp.com/"
			   "LmNoPqRsTuV\"}"),
	CALL("GET", "/groups/:jid/requests", "Groups", "List Join Requests",
		200, group_path, "groups.requests", .answer = "JoinRequests",
		.example = "{\"requests\":[{\"id\":\"900002@lid\","
			   "\"phone\":\"+15550002222\",\"lid\":\"900002\","
			   "\"requestedAt\":\"2026-05-22T10:00:00.000Z\"}]}"),
	CALL("POST", "/groups/:jid/requests", "Groups", "Decide Join Requests",
		200, group_decide, "groups.decide", .answer = "MemberOutcomes",
		.example_body = "{\"action\":\"approve\",\"participants\":[\"+"
				"15550002222\"]}",
		.example = "{\"participants\":[{\"id\":\"900002@lid\","
			   "\"phone\":\"+15550002222\",\"lid\":\"900002\","
			   "\"status\":\"ok\"}]}"),
	CALL("PUT", "/groups/:jid/picture", "Groups", "Set Group Picture", 200,
		group_picture, "groups.picture",
		.details = "An uploaded JPEG of at most 360 KiB.",
		.answer = "PictureSet",
		.example_body = "{\"mediaId\":\"0197c7a0-4a3e-7b51-9d2f-"
				"2f6a1c1f0e13\"}",
		.example = "{\"id\":\"1234567890\"}"),

	{ "GET", D "/chats", AUTH_ACCOUNT, "Chats", "List Chats", 200,
		device_page, .details = "As its phone lists them.",
		.answer = "Page:Chat",
		.example =
			"{\"data\":[{\"jid\":\"15550002222@s.whatsapp.net\","
			"\"name\":\"Bob\",\"archived\":false,\"pinned\":false,"
			"\"unread\":true,\"mutedUntil\":null,"
			"\"lastMessageAt\":\"2026-05-22T10:00:00.000Z\","
			"\"updatedAt\":\"2026-05-22T10:00:00.000Z\"}],"
			"\"total\":1,"
			"\"page\":1,\"limit\":20}",
		.read = chats_list },
	CALL("PATCH", "/chats/:jid", "Chats", "Update Chat", 200, chat_update,
		"chats.update",
		.details = "Shows on the phone and its other devices, too.",
		.answer = "Done",
		.example_body =
			"{\"archived\":true,\"mutedUntil\":\"forever\"}",
		.example = "{}"),
	CALL("POST", "/chats/:jid/read", "Chats", "Mark as Read", 200,
		chat_read, "chats.read",
		.details = "Sends read receipts, where privacy allows it.",
		.answer = "MessagesRead", .example_body = "{}",
		.example = "{\"read\":3}"),
	CALL("POST", "/chats/:jid/typing", "Chats", "Show Typing", 200,
		chat_typing, "chats.typing", .answer = "Done",
		.example_body = "{\"state\":\"composing\"}", .example = "{}"),
	CALL("POST", "/history", "Chats", "Ask for History", 200, history_ask,
		"history.request",
		.details = "Asks the phone for messages older than those that "
			   "are known.",
		.answer = "HistoryAsked",
		.example_body = "{\"chat\":\"+15550002222\",\"count\":50}",
		.example = "{\"requestId\":\"3EB0C767D26A1D9E5A4F\"}"),

	{ "GET", D "/contacts", AUTH_ACCOUNT, "People", "List People", 200,
		device_page,
		.details = "Everybody whom the account's devices know; saved "
			   "contacts are under /v1/developer/contacts.",
		.answer = "Page:Person",
		.example = "{\"data\":[{\"id\":\"0197c7a0-4a3e-7b51-9d2f-"
			   "2f6a1c1f0e15\","
			   "\"phone\":\"+15550002222\",\"lid\":null,\"name\":"
			   "\"Bob\","
			   "\"pushName\":\"Bobby\","
			   "\"createdAt\":\"2026-05-20T10:00:00.000Z\","
			   "\"updatedAt\":\"2026-05-22T10:00:00.000Z\"}],"
			   "\"total\":1,"
			   "\"page\":1,\"limit\":20}",
		.read = contacts_list },
	CALL("GET", "/contacts/:id", "People", "Get Person", 200, contact_path,
		"contacts.get",
		.details = "Asked of WhatsApp, with what we know of them.",
		.answer = "PersonInfo",
		.example = "{\"id\":\"15550002222@s.whatsapp.net\","
			   "\"phone\":\"+15550002222\",\"lid\":\"900002@lid\","
			   "\"about\":\"Available\",\"business\":false,"
			   "\"name\":\"Bob\","
			   "\"contactId\":\"0197c7a0-4a3e-7b51-9d2f-"
			   "2f6a1c1f0e15\"}"),
	CALL("GET", "/contacts/:id/picture", "People", "Get Picture of Person",
		200, contact_picture, "contacts.picture",
		.details = "Where WhatsApp has it.", .answer = "Picture",
		.example = "{\"url\":\"https://pps.whatsapp.net/v/t61/1.jpg\","
			   "\"id\":\"1234567890\",\"type\":\"image\"}"),
	CALL("POST", "/contacts/:id/presence", "People", "Follow Presence", 200,
		contact_path, "presence.subscribe",
		.details = "What they do now; from then on presence.updated "
			   "events tell.",
		.answer = "Presence", .example = "{\"state\":\"available\"}"),
	CALL("POST", "/presence", "People", "Set Presence", 200, presence,
		"presence.set", .answer = "Done",
		.example_body = "{\"state\":\"available\"}", .example = "{}"),
	CALL("GET", "/blocklist", "People", "List Blocked People", 200,
		device_path, "contacts.blocklist", .answer = "Blocklist",
		.example = EXAMPLE_BLOCKLIST),
	CALL("PUT", "/blocklist/:id", "People", "Block Person", 200,
		contact_path, "contacts.block",
		.constants = "{\"blocked\":true}",
		.details = "The answer is the whole list as it is then.",
		.answer = "Blocklist", .example = EXAMPLE_BLOCKLIST),
	CALL("DELETE", "/blocklist/:id", "People", "Unblock Person", 200,
		contact_path, "contacts.block",
		.constants = "{\"blocked\":false}",
		.details = "The answer is the whole list as it is then.",
		.answer = "Blocklist", .example = "{\"blocked\":[]}"),

	CALL("GET", "/privacy", "Profile", "Get Privacy", 200, device_path,
		"privacy.get", .details = "WhatsApp's own names and values.",
		.answer = "Privacy",
		.example = "{\"last\":\"contacts\",\"online\":\"all\","
			   "\"profile\":\"all\","
			   "\"status\":\"all\",\"groupadd\":\"all\","
			   "\"readreceipts\":\"all\"}"),
	CALL("PATCH", "/privacy", "Profile", "Change Privacy", 200, privacy,
		"privacy.set",
		.details = "Only what is given changes; the answer is all of "
			   "them.",
		.answer = "Privacy", .example_body = "{\"last\":\"contacts\"}",
		.example = "{\"last\":\"contacts\",\"online\":\"all\"}"),
	CALL("PUT", "/profile", "Profile", "Change Profile", 200, profile,
		"profile.set", .details = "Only what is given changes.",
		.answer = "ProfileSet",
		.example_body = "{\"name\":\"Acme "
				"Support\",\"about\":\"Mondays to Fridays\"}",
		.example = "{}"),
};

const struct endpoints endpoints_vereda = {
	.rows = rows,
	.n = ARRAY_LEN(rows),
	.shapes = vereda_shapes,
	.n_shapes = N_VEREDA_SHAPES,
};

static const struct endpoints *const groups[] = { &endpoints_vereda };

const struct dialect dialect_vereda = {
	.name = "vereda",
	.groups = groups,
	.n_groups = ARRAY_LEN(groups),
	.render_error = msgera_render_error,
};
