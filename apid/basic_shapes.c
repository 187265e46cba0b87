/* What keys, devices, messages, media, statuses, schedules and health look
 * like: keys.c, devices.c, pairing.c, messages.c, media.c, schedules.c,
 * health.c. */
#include "apid/shapes.h"

#include <assert.h>

#include "common/own.h"

#define END                  \
	{                    \
		.name = NULL \
	}
#define NULLABLE FIELD_NULL
#define OPTIONAL FIELD_OPTIONAL
#define MESSAGE_TYPES                                                     \
	"TEXT|IMAGE|VIDEO|AUDIO|VOICE|DOCUMENT|STICKER|LOCATION|CONTACT|" \
	"POLL|REACTION|EDIT|REVOKE|POLL_VOTE|BUTTON_REPLY|GROUP_INVITE|"  \
	"OTHER"
#define MEDIA_KINDS "image|video|audio|document|voice|sticker"
#define MEDIA_STATES "PENDING|READY|GONE|FAILED"

static const struct field deleted[] = {
	{ "deleted", FIELD_BOOL, 0, NULL, NULL },
	END,
};

/* ---- keys, session ---- */

static const struct field api_key[] = {
	{ "id", FIELD_UUID, 0, NULL, NULL },
	{ "name", FIELD_TEXT, 0, NULL, "Its label." },
	{ "prefix", FIELD_TEXT, 0, NULL, "The key's first characters." },
	{ "isActive", FIELD_BOOL, 0, NULL, NULL },
	{ "createdAt", FIELD_TIME, 0, NULL, NULL },
	{ "lastUsedAt", FIELD_TIME, NULLABLE, NULL, NULL },
	END,
};
static const struct field new_api_key[] = {
	{ "id", FIELD_UUID, 0, NULL, NULL },
	{ "name", FIELD_TEXT, 0, NULL, NULL },
	{ "prefix", FIELD_TEXT, 0, NULL, NULL },
	{ "isActive", FIELD_BOOL, 0, NULL, NULL },
	{ "createdAt", FIELD_TIME, 0, NULL, NULL },
	{ "lastUsedAt", FIELD_TIME, NULLABLE, NULL, NULL },
	{ "key", FIELD_TEXT, 0, NULL, "The key itself, shown this once." },
	END,
};
static const struct field session[] = {
	{ "accessToken", FIELD_TEXT, 0, NULL, "For Authorization: Bearer." },
	{ "tokenType", FIELD_WORD, 0, "Bearer", NULL },
	{ "expiresIn", FIELD_INTEGER, 0, NULL, "Seconds." },
	END,
};

/* ---- devices ---- */

#define DEVICE_STATUSES "PAIRING|CONNECTED|DISCONNECTED|LOGGED_OUT|BANNED"

static const struct field safety[] = {
	{ "dailyLimit", FIELD_INTEGER, 0, NULL,
		"By the device's age; of a UTC day." },
	{ "dailySent", FIELD_INTEGER, 0, NULL, NULL },
	{ "dailyRemaining", FIELD_INTEGER, 0, NULL, NULL },
	{ "hourlyLimit", FIELD_INTEGER, 0, NULL, "Of a UTC hour." },
	{ "hourlySent", FIELD_INTEGER, 0, NULL, NULL },
	{ "hourlyRemaining", FIELD_INTEGER, 0, NULL, NULL },
	{ "minuteLimit", FIELD_INTEGER, 0, NULL, "Of a UTC minute." },
	{ "minuteSent", FIELD_INTEGER, 0, NULL, NULL },
	{ "minuteRemaining", FIELD_INTEGER, 0, NULL, NULL },
	{ "accountAgeDays", FIELD_INTEGER, 0, NULL,
		"Whole days since the device was created." },
	{ "canSend", FIELD_BOOL, 0, NULL, NULL },
	{ "blockedReason", FIELD_TEXT, NULLABLE, NULL,
		"Which limit is used up, while canSend is false." },
	{ "resetsAt", FIELD_TIME, NULLABLE, NULL,
		"The end of the UTC day, or of the blocking period; null in a "
		"pause without an end." },
	{ "campaignDelayMinSec", FIELD_INTEGER, 0, NULL, NULL },
	{ "campaignDelayMaxSec", FIELD_INTEGER, 0, NULL, NULL },
	{ "variantRecipientsPerVariant", FIELD_INTEGER, 0, NULL,
		"A campaign of texts needs one variant per so many." },
	END,
};
static const struct field device_health[] = {
	{ "status", FIELD_WORD, NULLABLE, "ok|degraded",
		"null while it is not connected." },
	{ "reason", FIELD_TEXT, NULLABLE, NULL, NULL },
	{ "lastFrameAt", FIELD_TIME, NULLABLE, NULL,
		"When WhatsApp was last heard of." },
	END,
};
static const struct field new_chats[] = {
	{ "allowed", FIELD_BOOL, 0, NULL,
		"Whether messages to people who never wrote go out." },
	{ "pausedUntil", FIELD_TIME, NULLABLE, NULL, NULL },
	{ "reason", FIELD_TEXT, NULLABLE, NULL, NULL },
	END,
};
static const struct field device[] = {
	{ "deviceUid", FIELD_TEXT, 0, NULL, NULL },
	{ "name", FIELD_TEXT, NULLABLE, NULL, NULL },
	{ "status", FIELD_WORD, 0, DEVICE_STATUSES, NULL },
	{ "phone", FIELD_PHONE, NULLABLE, NULL, "Once it was linked." },
	{ "pushName", FIELD_TEXT, NULLABLE, NULL, "The name that others see." },
	{ "state", FIELD_TEXT, NULLABLE, NULL, "What its lane does." },
	{ "stateReason", FIELD_TEXT, NULLABLE, NULL, NULL },
	{ "linkedAt", FIELD_TIME, NULLABLE, NULL, NULL },
	{ "createdAt", FIELD_TIME, 0, NULL, NULL },
	{ "safety", FIELD_OBJECT, 0, "Safety", NULL },
	{ "health", FIELD_OBJECT, 0, "DeviceHealth", NULL },
	{ "newChats", FIELD_OBJECT, 0, "NewChats", NULL },
	END,
};
static const struct field device_list[] = {
	{ "items", FIELD_LIST, 0, "Device", NULL },
	END,
};
static const struct field new_device[] = {
	{ "deviceUid", FIELD_TEXT, 0, NULL, NULL },
	{ "name", FIELD_TEXT, 0, NULL, NULL },
	{ "status", FIELD_WORD, 0, DEVICE_STATUSES, NULL },
	{ "phone", FIELD_PHONE, NULLABLE, NULL, NULL },
	{ "createdAt", FIELD_TIME, 0, NULL, NULL },
	END,
};
static const struct field restarted[] = {
	{ "accepted", FIELD_BOOL, 0, NULL, NULL },
	{ "deviceUid", FIELD_TEXT, 0, NULL, NULL },
	END,
};
static const struct field pairing_qr[] = {
	{ "qr", FIELD_TEXT, 0, NULL, "What to show as a QR code." },
	{ "expiresAt", FIELD_TIME, NULLABLE, NULL, "Then there is another." },
	END,
};
static const struct field pairing_code[] = {
	{ "code", FIELD_TEXT, 0, NULL, "To be typed in on the phone." },
	END,
};

/* ---- messages ---- */

static const struct field accepted[] = {
	{ "accepted", FIELD_BOOL, 0, NULL, NULL },
	{ "providerMessageId", FIELD_TEXT, 0, NULL,
		"The WhatsApp message id." },
	{ "sessionId", FIELD_TEXT, 0, NULL, "The device's uid." },
	{ "messageId", FIELD_UUID, 0, NULL, "Its id with us." },
	END,
};
static const struct field number_checked[] = {
	{ "phone", FIELD_TEXT, 0, NULL, "As it was asked." },
	{ "exists", FIELD_BOOL, 0, NULL, NULL },
	END,
};
static const struct field numbers_checked[] = {
	{ "results", FIELD_LIST, 0, "NumberChecked", NULL },
	END,
};
static const struct field location[] = {
	{ "latitude", FIELD_NUMBER, 0, NULL, NULL },
	{ "longitude", FIELD_NUMBER, 0, NULL, NULL },
	{ "name", FIELD_TEXT, OPTIONAL, NULL, NULL },
	{ "address", FIELD_TEXT, OPTIONAL, NULL, NULL },
	{ "url", FIELD_TEXT, OPTIONAL, NULL, NULL },
	{ "live", FIELD_BOOL, OPTIONAL, NULL, "Received ones only." },
	END,
};
static const struct field contact_card[] = {
	{ "name", FIELD_TEXT, OPTIONAL, NULL, NULL },
	{ "vcard", FIELD_TEXT, OPTIONAL, NULL, NULL },
	{ "phone", FIELD_TEXT, OPTIONAL, NULL,
		"When sending: instead of a vCard." },
	END,
};
static const struct field poll[] = {
	{ "options", FIELD_LIST, 0, NULL, NULL },
	{ "selectable", FIELD_INTEGER, OPTIONAL, NULL,
		"How many may be chosen; 0: any number." },
	END,
};
static const struct field message_reference[] = {
	{ "messageId", FIELD_UUID, OPTIONAL, NULL,
		"When sending: our id, instead of the others." },
	{ "id", FIELD_TEXT, OPTIONAL, NULL, "The WhatsApp message id." },
	{ "fromMe", FIELD_BOOL, OPTIONAL, NULL, NULL },
	{ "participant", FIELD_TEXT, OPTIONAL, NULL, "Who wrote it." },
	{ "text", FIELD_TEXT, OPTIONAL, NULL, "Of a quote." },
	{ "messageType", FIELD_TEXT, OPTIONAL, NULL, "Of a quote." },
	END,
};
static const struct field poll_vote[] = {
	{ "options", FIELD_LIST, 0, NULL, "The whole current choice." },
	{ "unknown", FIELD_LIST, OPTIONAL, NULL,
		"SHA-256 of options whose names are not known." },
	END,
};
static const struct field button_reply[] = {
	{ "id", FIELD_TEXT, OPTIONAL, NULL, NULL },
	{ "title", FIELD_TEXT, OPTIONAL, NULL, NULL },
	END,
};
static const struct field group_invite[] = {
	{ "group", FIELD_TEXT, OPTIONAL, NULL, NULL },
	{ "code", FIELD_TEXT, OPTIONAL, NULL, NULL },
	{ "name", FIELD_TEXT, OPTIONAL, NULL, NULL },
	{ "expiresAt", FIELD_TIME, OPTIONAL, NULL, NULL },
	END,
};
static const struct field message_media[] = {
	{ "id", FIELD_UUID, OPTIONAL, NULL, NULL },
	{ "kind", FIELD_WORD, OPTIONAL, MEDIA_KINDS, NULL },
	{ "mimeType", FIELD_TEXT, OPTIONAL | NULLABLE, NULL, NULL },
	{ "fileName", FIELD_TEXT, OPTIONAL, NULL, NULL },
	{ "size", FIELD_INTEGER, OPTIONAL, NULL, "Bytes." },
	{ "width", FIELD_INTEGER, OPTIONAL, NULL, NULL },
	{ "height", FIELD_INTEGER, OPTIONAL, NULL, NULL },
	{ "seconds", FIELD_INTEGER, OPTIONAL, NULL, NULL },
	{ "pages", FIELD_INTEGER, OPTIONAL, NULL, NULL },
	{ "animated", FIELD_BOOL, OPTIONAL, NULL, NULL },
	{ "gif", FIELD_BOOL, OPTIONAL, NULL, "A video that loops." },
	{ "videoNote", FIELD_BOOL, OPTIONAL, NULL, "A round video." },
	{ "status", FIELD_WORD, OPTIONAL, MEDIA_STATES, NULL },
	{ "createdAt", FIELD_TIME, OPTIONAL, NULL, NULL },
	{ "downloadUrl", FIELD_TEXT, OPTIONAL, NULL, NULL },
	END,
};
static const struct field message_content[] = {
	{ "media", FIELD_OBJECT, OPTIONAL, "MessageMedia", NULL },
	{ "location", FIELD_OBJECT, OPTIONAL, "Location", NULL },
	{ "contacts", FIELD_LIST, OPTIONAL, "ContactCard", NULL },
	{ "poll", FIELD_OBJECT, OPTIONAL, "Poll", NULL },
	{ "target", FIELD_OBJECT, OPTIONAL, "MessageReference",
		"Which message it is about." },
	{ "quote", FIELD_OBJECT, OPTIONAL, "MessageReference",
		"The message replied to." },
	{ "vote", FIELD_OBJECT, OPTIONAL, "PollVote", NULL },
	{ "reply", FIELD_OBJECT, OPTIONAL, "ButtonReply", NULL },
	{ "invite", FIELD_OBJECT, OPTIONAL, "GroupInvite", NULL },
	{ "mentions", FIELD_LIST, OPTIONAL, NULL,
		"Phones with +, or addresses." },
	{ "forwarded", FIELD_BOOL, OPTIONAL, NULL, NULL },
	{ "forwardingScore", FIELD_INTEGER, OPTIONAL, NULL, NULL },
	{ "viewOnce", FIELD_BOOL, OPTIONAL, NULL, NULL },
	{ "expiration", FIELD_INTEGER, OPTIONAL, NULL,
		"Seconds after which it disappears." },
	{ "preview", FIELD_ANY, OPTIONAL, NULL,
		"Of a link: {url, title, description}, or false." },
	{ "background", FIELD_TEXT, OPTIONAL, NULL, "Of a text status." },
	{ "font", FIELD_INTEGER, OPTIONAL, NULL, "Of a text status." },
	{ "audience", FIELD_LIST, OPTIONAL, NULL, "Of a status." },
	{ "type", FIELD_TEXT, OPTIONAL, NULL, "What an OTHER was." },
	END,
};

#define MESSAGE_FIELDS                                                         \
	{ "id", FIELD_UUID, 0, NULL, NULL },                                   \
		{ "deviceUid", FIELD_TEXT, NULLABLE, NULL, NULL },             \
		{ "direction", FIELD_WORD, 0, "OUTBOUND|INBOUND", NULL },      \
		{ "messageType", FIELD_WORD, 0, MESSAGE_TYPES, NULL },         \
		{ "status", FIELD_WORD, 0,                                     \
			"QUEUED|SENT|DELIVERED|READ|PLAYED|FAILED|RECEIVED",   \
			NULL },                                                \
		{ "reason", FIELD_TEXT, NULLABLE, NULL,                        \
			"Why it failed, or waits." },                          \
		{ "to", FIELD_TEXT, OPTIONAL | NULLABLE, NULL,                 \
			"Of an outbound one: a phone with +, or an "           \
			"address." },                                          \
		{ "from", FIELD_TEXT, OPTIONAL | NULLABLE, NULL,               \
			"Of an inbound one: a phone with +, or an address." }, \
		{ "chat", FIELD_TEXT, NULLABLE, NULL,                          \
			"Address of the chat." },                              \
		{ "contactId", FIELD_UUID, NULLABLE, NULL,                     \
			"The other party's contact." },                        \
		{ "pushName", FIELD_TEXT, NULLABLE, NULL, NULL },              \
		{ "text", FIELD_TEXT, NULLABLE, NULL,                          \
			"The text, caption, question or emoji." },             \
		{ "content", FIELD_OBJECT, NULLABLE, "MessageContent",         \
			"What it holds beyond its text." },                    \
		{ "providerMessageId", FIELD_TEXT, NULLABLE, NULL,             \
			"The WhatsApp message id." },                          \
		{ "clientMessageId", FIELD_TEXT, NULLABLE, NULL, NULL },       \
		{ "createdAt", FIELD_TIME, 0, NULL, NULL },                    \
		{ "sentAt", FIELD_TIME, NULLABLE, NULL, NULL },                \
		{ "deliveredAt", FIELD_TIME, NULLABLE, NULL, NULL },           \
		{ "readAt", FIELD_TIME, NULLABLE, NULL, NULL },                \
		{ "failedAt", FIELD_TIME, NULLABLE, NULL, NULL },              \
		{ "mediaId", FIELD_UUID, OPTIONAL, NULL, NULL },               \
		{ "mimeType", FIELD_TEXT, OPTIONAL | NULLABLE, NULL, NULL },   \
		{ "recipients", FIELD_INTEGER, OPTIONAL, NULL,                 \
			"Of a group message or a status." },                   \
		{ "deliveredTo", FIELD_INTEGER, OPTIONAL, NULL, NULL },        \
	{                                                                      \
		"readBy", FIELD_INTEGER, OPTIONAL, NULL, NULL                  \
	}

static const struct field message[] = { MESSAGE_FIELDS, END };
static const struct field message_details[] = {
	MESSAGE_FIELDS,
	{ "timeline", FIELD_LIST, 0, "TimelineStep", "Oldest first." },
	{ "receipts", FIELD_LIST, OPTIONAL, "Receipt",
		"Of a group message or a status: one a member." },
	{ "deviceCount", FIELD_INTEGER, 0, NULL,
		"For how many devices it was encrypted." },
	{ "retriesAnswered", FIELD_INTEGER, 0, NULL,
		"How often a device asked for it again." },
	END,
};
static const struct field timeline_step[] = {
	{ "status", FIELD_WORD, 0, "RECEIVED|QUEUED|SENT|DELIVERED|READ|FAILED",
		NULL },
	{ "at", FIELD_TIME, 0, NULL, NULL },
	END,
};
static const struct field receipt[] = {
	{ "contactId", FIELD_UUID, 0, NULL, NULL },
	{ "phone", FIELD_PHONE, NULLABLE, NULL, NULL },
	{ "lid", FIELD_TEXT, NULLABLE, NULL, NULL },
	{ "deliveredAt", FIELD_TIME, NULLABLE, NULL, NULL },
	{ "readAt", FIELD_TIME, NULLABLE, NULL, NULL },
	{ "playedAt", FIELD_TIME, NULLABLE, NULL, NULL },
	END,
};

/* ---- media, statuses, schedules ---- */

static const struct field media_asset[] = {
	{ "id", FIELD_UUID, 0, NULL, NULL },
	{ "kind", FIELD_WORD, 0, MEDIA_KINDS, NULL },
	{ "mimeType", FIELD_TEXT, NULLABLE, NULL, "Found by the content." },
	{ "fileName", FIELD_TEXT, OPTIONAL, NULL, NULL },
	{ "size", FIELD_INTEGER, OPTIONAL, NULL, "Bytes." },
	{ "width", FIELD_INTEGER, OPTIONAL, NULL, NULL },
	{ "height", FIELD_INTEGER, OPTIONAL, NULL, NULL },
	{ "seconds", FIELD_INTEGER, OPTIONAL, NULL, NULL },
	{ "pages", FIELD_INTEGER, OPTIONAL, NULL, NULL },
	{ "animated", FIELD_BOOL, OPTIONAL, NULL, NULL },
	{ "status", FIELD_WORD, 0, MEDIA_STATES, NULL },
	{ "createdAt", FIELD_TIME, 0, NULL, NULL },
	{ "downloadUrl", FIELD_TEXT, OPTIONAL, NULL, NULL },
	END,
};
static const struct field status_privacy[] = {
	{ "privacy", FIELD_WORD, 0, "contacts|allowlist|denylist",
		"Who may see statuses." },
	{ "list", FIELD_LIST, 0, NULL,
		"Who is on the list: phones with +, or addresses." },
	END,
};
static const struct field scheduled_message[] = {
	{ "id", FIELD_UUID, 0, NULL, NULL },
	{ "deviceUid", FIELD_TEXT, NULLABLE, NULL, NULL },
	{ "to", FIELD_PHONE, 0, NULL, NULL },
	{ "text", FIELD_TEXT, 0, NULL, NULL },
	{ "status", FIELD_WORD, 0, "PENDING|SENT|FAILED|CANCELLED", NULL },
	{ "scheduledAt", FIELD_TIME, 0, NULL, NULL },
	{ "reason", FIELD_TEXT, NULLABLE, NULL, "Why it failed or was moved." },
	{ "messageId", FIELD_UUID, NULLABLE, NULL,
		"The message that it became." },
	{ "createdAt", FIELD_TIME, 0, NULL, NULL },
	{ "updatedAt", FIELD_TIME, 0, NULL, NULL },
	{ "sentAt", FIELD_TIME, NULLABLE, NULL,
		"When it entered the device's queue." },
	END,
};

/* ---- operation ---- */

static const struct field alive[] = {
	{ "status", FIELD_WORD, 0, "ok", NULL },
	END,
};
static const struct field ready[] = {
	{ "status", FIELD_WORD, 0, "ready", NULL },
	{ "version", FIELD_TEXT, 0, NULL, NULL },
	END,
};

const struct shape basic_shapes[] = {
	{ "Deleted", deleted, false },
	{ "ApiKey", api_key, false },
	{ "NewApiKey", new_api_key, false },
	{ "Session", session, false },
	{ "Safety", safety, false },
	{ "DeviceHealth", device_health, false },
	{ "NewChats", new_chats, false },
	{ "Device", device, false },
	{ "DeviceList", device_list, false },
	{ "NewDevice", new_device, false },
	{ "Restarted", restarted, false },
	{ "PairingQr", pairing_qr, false },
	{ "PairingCode", pairing_code, false },
	{ "Accepted", accepted, false },
	{ "NumberChecked", number_checked, false },
	{ "NumbersChecked", numbers_checked, false },
	{ "Location", location, false },
	{ "ContactCard", contact_card, false },
	{ "Poll", poll, false },
	{ "MessageReference", message_reference, false },
	{ "PollVote", poll_vote, false },
	{ "ButtonReply", button_reply, false },
	{ "GroupInvite", group_invite, false },
	{ "MessageMedia", message_media, false },
	{ "MessageContent", message_content, false },
	{ "Message", message, false },
	{ "MessageDetails", message_details, false },
	{ "TimelineStep", timeline_step, false },
	{ "Receipt", receipt, false },
	{ "MediaAsset", media_asset, false },
	{ "StatusPrivacy", status_privacy, false },
	{ "ScheduledMessage", scheduled_message, false },
	{ "Alive", alive, false },
	{ "Ready", ready, false },
};
static_assert(ARRAY_LEN(basic_shapes) == N_BASIC_SHAPES, "as declared");
