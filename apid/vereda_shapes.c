/* What groups, chats, contacts and profiles look like.  Most come from the
 * lane: senderd/whatsapp, group_json.c, people.c, contact_calls.c, picture.c,
 * chat_calls.c, passkey.c. */
#include "apid/shapes.h"

#include <assert.h>

#include "common/own.h"

#define END                  \
	{                    \
		.name = NULL \
	}
#define NULLABLE FIELD_NULL
#define OPTIONAL FIELD_OPTIONAL

static const struct field done[] = { END };
static const struct field proxy[] = {
	{ "deviceUid", FIELD_TEXT, 0, NULL, NULL },
	{ "proxy", FIELD_TEXT, NULLABLE, NULL,
		"Its URL, without the password; null: none." },
	END,
};
static const struct field passkey_request[] = {
	{ "state", FIELD_WORD, 0, "none|requested|answered|confirm|confirmed",
		NULL },
	{ "expiresAt", FIELD_TIME, OPTIONAL, NULL, NULL },
	{ "options", FIELD_ANY, OPTIONAL, NULL,
		"WebAuthn request options, while it is requested." },
	{ "code", FIELD_TEXT, OPTIONAL, NULL,
		"To be compared with the phone's, in state confirm." },
	END,
};
static const struct field passkey_state[] = {
	{ "state", FIELD_WORD, 0, "answered|confirmed", NULL },
	END,
};

/* ---- groups ---- */

#define PERSON_FIELDS                                                     \
	{ "id", FIELD_TEXT, 0, NULL, "The address that the chat uses." }, \
		{ "phone", FIELD_PHONE, OPTIONAL, NULL, NULL },           \
	{                                                                 \
		"lid", FIELD_TEXT, OPTIONAL, NULL, NULL                   \
	}

static const struct field group_member[] = {
	PERSON_FIELDS,
	{ "role", FIELD_WORD, 0, "member|admin|superadmin", NULL },
	END,
};
static const struct field member_outcome[] = {
	PERSON_FIELDS,
	{ "status", FIELD_WORD, 0, "ok|invited|error",
		"invited: their privacy allows no more." },
	{ "code", FIELD_INTEGER, OPTIONAL, NULL, "WhatsApp's refusal." },
	{ "inviteCode", FIELD_TEXT, OPTIONAL, NULL, NULL },
	{ "inviteExpiresAt", FIELD_INTEGER, OPTIONAL, NULL, "Unix seconds." },
	END,
};
static const struct field join_request[] = {
	PERSON_FIELDS,
	{ "requestedAt", FIELD_TIME, OPTIONAL, NULL, NULL },
	END,
};

#define GROUP_FIELDS                                                           \
	{ "id", FIELD_TEXT, 0, NULL, "The group's address." },                 \
		{ "subject", FIELD_TEXT, 0, NULL, "Name." },                   \
		{ "description", FIELD_TEXT, 0, NULL, NULL },                  \
		{ "size", FIELD_INTEGER, 0, NULL, "How many members." },       \
		{ "addressingMode", FIELD_WORD, 0, "lid|pn", NULL },           \
		{ "announcement", FIELD_BOOL, 0, NULL, "Only admins send." },  \
		{ "locked", FIELD_BOOL, 0, NULL,                               \
			"Only admins edit the group." },                       \
		{ "memberAddMode", FIELD_WORD, 0, "admins|all", NULL },        \
		{ "approval", FIELD_BOOL, 0, NULL,                             \
			"An admin lets in who comes by link." },               \
		{ "expiration", FIELD_INTEGER, 0, NULL,                        \
			"Seconds after which messages disappear; 0: never." }, \
		{ "createdAt", FIELD_TIME, OPTIONAL, NULL, NULL },             \
		{ "owner", FIELD_TEXT, OPTIONAL, NULL,                         \
			"A phone, or an address." },                           \
	{                                                                      \
		"participants", FIELD_LIST, OPTIONAL, "GroupMember", NULL      \
	}

static const struct field group[] = { GROUP_FIELDS, END };
static const struct field new_group[] = {
	GROUP_FIELDS,
	{ "outcomes", FIELD_LIST, 0, "MemberOutcome",
		"What became of each who was asked for." },
	END,
};
static const struct field group_list[] = {
	{ "groups", FIELD_LIST, 0, "Group", "Without their members." },
	{ "hasMore", FIELD_BOOL, 0, NULL, "More than fit one answer." },
	END,
};
static const struct field joined[] = {
	{ "id", FIELD_TEXT, 0, NULL, "The group's address." },
	{ "status", FIELD_WORD, 0, "joined|pending",
		"pending: an admin has to let us in." },
	END,
};
static const struct field outcomes[] = {
	{ "participants", FIELD_LIST, 0, "MemberOutcome", NULL },
	END,
};
static const struct field invite_link[] = {
	{ "code", FIELD_TEXT, 0, NULL, NULL },
	{ "link", FIELD_TEXT, 0, NULL, NULL },
	END,
};
static const struct field join_requests[] = {
	{ "requests", FIELD_LIST, 0, "JoinRequest", NULL },
	END,
};
static const struct field picture_set[] = {
	{ "id", FIELD_TEXT, OPTIONAL, NULL, "The new picture's id." },
	END,
};

/* ---- chats ---- */

static const struct field chat[] = {
	{ "jid", FIELD_TEXT, 0, NULL, "Address." },
	{ "name", FIELD_TEXT, NULLABLE, NULL, NULL },
	{ "archived", FIELD_BOOL, 0, NULL, NULL },
	{ "pinned", FIELD_BOOL, 0, NULL, NULL },
	{ "unread", FIELD_BOOL, 0, NULL, NULL },
	{ "mutedUntil", FIELD_TEXT, NULLABLE, NULL,
		"ISO date or \"forever\"; null: not muted." },
	{ "lastMessageAt", FIELD_TIME, NULLABLE, NULL, NULL },
	{ "updatedAt", FIELD_TIME, NULLABLE, NULL, NULL },
	END,
};
static const struct field messages_read[] = {
	{ "read", FIELD_INTEGER, 0, NULL, "How many were marked." },
	END,
};
static const struct field history_asked[] = {
	{ "requestId", FIELD_TEXT, 0, NULL,
		"The phone answers by and by; messages then are listed." },
	END,
};

/* ---- people ---- */

static const struct field person[] = {
	{ "id", FIELD_UUID, 0, NULL, NULL },
	{ "phone", FIELD_PHONE, NULLABLE, NULL, NULL },
	{ "lid", FIELD_TEXT, NULLABLE, NULL, NULL },
	{ "name", FIELD_TEXT, NULLABLE, NULL, "From the address book." },
	{ "pushName", FIELD_TEXT, NULLABLE, NULL, "As they call themselves." },
	{ "createdAt", FIELD_TIME, 0, NULL, NULL },
	{ "updatedAt", FIELD_TIME, 0, NULL, NULL },
	END,
};
static const struct field person_info[] = {
	{ "id", FIELD_TEXT, 0, NULL, "Address." },
	{ "phone", FIELD_PHONE, OPTIONAL, NULL, NULL },
	{ "lid", FIELD_TEXT, OPTIONAL, NULL, NULL },
	{ "about", FIELD_TEXT, OPTIONAL, NULL, NULL },
	{ "pictureId", FIELD_TEXT, OPTIONAL, NULL, NULL },
	{ "business", FIELD_BOOL, 0, NULL, NULL },
	{ "name", FIELD_TEXT, OPTIONAL, NULL, NULL },
	{ "pushName", FIELD_TEXT, OPTIONAL, NULL, NULL },
	{ "contactId", FIELD_UUID, OPTIONAL, NULL, "Their contact's id." },
	END,
};
static const struct field picture[] = {
	{ "url", FIELD_TEXT, 0, NULL, "At WhatsApp; it expires." },
	{ "id", FIELD_TEXT, OPTIONAL, NULL, NULL },
	{ "type", FIELD_TEXT, OPTIONAL, NULL, NULL },
	{ "hash", FIELD_TEXT, OPTIONAL, NULL, NULL },
	END,
};
static const struct field presence[] = {
	{ "state", FIELD_TEXT, 0, NULL, "available, unavailable or unknown." },
	{ "lastSeen", FIELD_TIME, OPTIONAL, NULL, NULL },
	END,
};
static const struct field blocked_person[] = { PERSON_FIELDS, END };
static const struct field blocklist[] = {
	{ "blocked", FIELD_LIST, 0, "BlockedPerson", NULL },
	END,
};
static const struct field privacy[] = {
	{ "last", FIELD_TEXT, OPTIONAL, NULL, "When one was last seen." },
	{ "online", FIELD_TEXT, OPTIONAL, NULL, NULL },
	{ "profile", FIELD_TEXT, OPTIONAL, NULL, "Picture." },
	{ "status", FIELD_TEXT, OPTIONAL, NULL, "About." },
	{ "groupadd", FIELD_TEXT, OPTIONAL, NULL, NULL },
	{ "readreceipts", FIELD_TEXT, OPTIONAL, NULL, NULL },
	{ "calladd", FIELD_TEXT, OPTIONAL, NULL, NULL },
	{ "messages", FIELD_TEXT, OPTIONAL, NULL, NULL },
	{ "defense", FIELD_TEXT, OPTIONAL, NULL, NULL },
	{ "stickers", FIELD_TEXT, OPTIONAL, NULL, NULL },
	END,
};
static const struct field profile_set[] = {
	{ "pictureId", FIELD_TEXT, OPTIONAL, NULL, NULL },
	END,
};

const struct shape vereda_shapes[] = {
	{ "Done", done, false },
	{ "Proxy", proxy, false },
	{ "PasskeyRequest", passkey_request, false },
	{ "PasskeyState", passkey_state, false },
	{ "GroupMember", group_member, false },
	{ "MemberOutcome", member_outcome, false },
	{ "JoinRequest", join_request, false },
	{ "Group", group, false },
	{ "NewGroup", new_group, false },
	{ "GroupList", group_list, false },
	{ "Joined", joined, false },
	{ "MemberOutcomes", outcomes, false },
	{ "InviteLink", invite_link, false },
	{ "JoinRequests", join_requests, false },
	{ "PictureSet", picture_set, false },
	{ "Chat", chat, false },
	{ "MessagesRead", messages_read, false },
	{ "HistoryAsked", history_asked, false },
	{ "Person", person, false },
	{ "PersonInfo", person_info, false },
	{ "Picture", picture, false },
	{ "Presence", presence, false },
	{ "BlockedPerson", blocked_person, false },
	{ "Blocklist", blocklist, false },
	/* WhatsApp may have settings that we do not know. */
	{ "Privacy", privacy, .is_open = true },
	{ "ProfileSet", profile_set, false },
};
static_assert(ARRAY_LEN(vereda_shapes) == N_VEREDA_SHAPES, "as declared");
