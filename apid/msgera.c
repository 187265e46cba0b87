/* The Msgera dialect: its table of operations and its error envelope.  Groups
 * and words are the reference's (shared contract: base path /v1). */
#include "apid/endpoint.h"

#include <limits.h>

#include "apid/ask.h"
#include "apid/handlers.h"
#include "apid/intake.h"
#include "apid/live.h"
#include "apid/login.h"
#include "apid/media.h"
#include "apid/msgera_examples.h"
#include "apid/request.h"
#include "apid/sending.h"
#include "apid/shapes.h"
#include "apid/table.h"
#include "apid/upload.h"
#include "common/content.h"
#include "common/own.h"
#include "common/send.h"

#define AUDIENCE_PARAM                                            \
	{                                                         \
		"audience", IN_BODY, PARAM_PHONES, false, 1,      \
			CONTENT_AUDIENCE_MAX,                     \
			"Who may see it; without: the account's " \
			"status privacy decides."                 \
	}

static const struct param key_list[] = { LARGE_PAGE_PARAMS(WHOLE_PAGE_MAX),
	END_OF_PARAMS };
static const struct param key_id[] = { ID_PARAM("API key id."), END_OF_PARAMS };
static const struct param key_create[] = {
	{ "name", IN_BODY, PARAM_STRING, false, 1, 100,
		"Friendly key label (1-100 chars)." },
	END_OF_PARAMS
};
static const struct param login[] = { { "email", IN_BODY, PARAM_STRING, true, 3,
					      254, "Account e-mail." },
	{ "password", IN_BODY, PARAM_STRING, true, 1, 1024, "Password." },
	END_OF_PARAMS };
static const struct param device_path[] = { DEVICE_PATH, END_OF_PARAMS };
static const struct param device_create[] = {
	{ "name", IN_BODY, PARAM_STRING, true, 1, 100, "Device name." },
	END_OF_PARAMS
};
static const struct param device_qr[] = { DEVICE_PATH,
	{ "format", IN_QUERY, PARAM_ENUM, false, 0, 0, "json|svg" },
	END_OF_PARAMS };
static const struct param device_code[] = { DEVICE_PATH,
	{ "phone", IN_BODY, PARAM_PHONE, true, 0, 0,
		"Phone number of the WhatsApp account." },
	END_OF_PARAMS };
static const struct param message_send[] = { DEVICE_BODY,
	{ "to", IN_BODY, PARAM_PHONE, true, 0, 0, "Recipient phone number." },
	{ "text", IN_BODY, PARAM_STRING, true, 1, SEND_TEXT_MAX,
		"Message text." },
	CLIENT_ID_PARAM, END_OF_PARAMS };
static const struct param message_media[] = { DEVICE_BODY,
	{ "to", IN_BODY, PARAM_PHONE, true, 0, 0, "Recipient phone number." },
	MEDIA_PARAM("Uploaded media id."),
	{ "caption", IN_BODY, PARAM_STRING, false, 0, CONTENT_CAPTION_MAX,
		"Optional media caption." },
	CLIENT_ID_PARAM, END_OF_PARAMS };
static const struct param message_voice[] = { DEVICE_BODY,
	{ "to", IN_BODY, PARAM_PHONE, true, 0, 0, "Recipient phone number." },
	MEDIA_PARAM("Audio media id."), CLIENT_ID_PARAM, END_OF_PARAMS };
static const struct param numbers_ask[] = { DEVICE_BODY,
	{ "numbers", IN_BODY, PARAM_PHONES, true, 1, 50,
		"1-50 phone numbers in international format." },
	END_OF_PARAMS };
static const struct param message_list[] = { DEVICE_QUERY,
	{ "to", IN_QUERY, PARAM_PHONE, false, 0, 0,
		"Filter by recipient number." },
	PAGE_PARAMS, END_OF_PARAMS };
static const struct param message_id[] = { ID_PARAM("Message id."),
	END_OF_PARAMS };
static const struct param media_upload[] = {
	{ "kind", IN_QUERY, PARAM_ENUM, false, 0, 0,
		"image|video|audio|document" },
	END_OF_PARAMS
};
static const struct param media_page[] = {
	{ "kind", IN_QUERY, PARAM_ENUM, false, 0, 0,
		"image|video|audio|document" },
	PAGE_PARAMS, END_OF_PARAMS
};
static const struct param media_id[] = { ID_PARAM("Media id."), END_OF_PARAMS };
static const struct param status_text[] = { DEVICE_BODY,
	{ "text", IN_BODY, PARAM_STRING, true, 1, SEND_TEXT_MAX, "Text." },
	{ "backgroundColor", IN_BODY, PARAM_STRING, false, 0, 0,
		"#RRGGBB or #AARRGGBB." },
	{ "font", IN_BODY, PARAM_INT, false, 0, 10, "Font number." },
	AUDIENCE_PARAM, CLIENT_ID_PARAM, END_OF_PARAMS };
static const struct param status_media[] = { DEVICE_BODY,
	MEDIA_PARAM("Uploaded media id."),
	{ "caption", IN_BODY, PARAM_STRING, false, 0, CONTENT_CAPTION_MAX,
		"Optional media caption." },
	AUDIENCE_PARAM, CLIENT_ID_PARAM, END_OF_PARAMS };
static const struct param schedule_create[] = { DEVICE_BODY,
	{ "to", IN_BODY, PARAM_PHONE, true, 0, 0, "Recipient phone." },
	{ "text", IN_BODY, PARAM_STRING, true, 1, SEND_TEXT_MAX,
		"Message text." },
	{ "scheduledAt", IN_BODY, PARAM_DATE, true, 0, 0, "Future ISO date." },
	END_OF_PARAMS };
static const struct param schedule_list[] = { DEVICE_QUERY,
	{ "status", IN_QUERY, PARAM_ENUM, false, 0, 0,
		"PENDING|SENT|FAILED|CANCELLED" },
	PAGE_PARAMS, END_OF_PARAMS };
static const struct param schedule_id[] = { ID_PARAM("Scheduled message id."),
	END_OF_PARAMS };
static const struct param schedule_update[] = {
	ID_PARAM("Scheduled message id."),
	{ "to", IN_BODY, PARAM_PHONE, false, 0, 0, "Recipient phone." },
	{ "text", IN_BODY, PARAM_STRING, false, 1, SEND_TEXT_MAX,
		"Message text." },
	{ "scheduledAt", IN_BODY, PARAM_DATE, false, 0, 0, "Future ISO date." },
	END_OF_PARAMS
};
static const struct param events_params[] = {
	{ "lastEventId", IN_QUERY, PARAM_INT, false, 0, INT64_MAX,
		"Start after this event, as the Last-Event-ID header does." },
	END_OF_PARAMS
};

static const struct endpoint rows[] = {
	{ "GET", "/v1/api-keys", AUTH_ACCOUNT, "API Keys", "List API Keys", 200,
		key_list,
		.details = "All keys of the account, without the keys "
			   "themselves.",
		.answer = "Page:ApiKey",
		.example =
			"{\"data\":[{\"id\":\"0197c7a0-4a3e-7b51-9d2f-"
			"2f6a1c1f0e11\","
			"\"name\":\"My API Key\",\"prefix\":\"wak_abcdef12\","
			"\"isActive\":true,"
			"\"createdAt\":\"2026-05-20T10:00:00.000Z\","
			"\"lastUsedAt\":null}],\"total\":1,\"page\":1,"
			"\"limit\":1000}",
		.read = keys_list },
	{ "POST", "/v1/api-keys", AUTH_ACCOUNT, "API Keys", "Create API Key",
		201, key_create,
		.details = "Creates a new API key and returns the raw key one "
			   "time.",
		.answer = "NewApiKey", .example_body = "{\"name\":\"CI key\"}",
		.example = "{\"id\":\"0197c7a0-4a3e-7b51-9d2f-2f6a1c1f0e11\","
			   "\"name\":\"CI key\",\"prefix\":\"wak_abcdef12\","
			   "\"isActive\":true,"
			   "\"createdAt\":\"2026-05-20T10:00:00.000Z\","
			   "\"lastUsedAt\":null,\"key\":\"wak_abcdef1234567890."
			   "..\"}",
		.tells_secret = true, .write = keys_create },
	{ "DELETE", "/v1/api-keys/:id", AUTH_ACCOUNT, "API Keys",
		"Revoke API Key", 200, key_id,
		.details = "The key stops working at once.",
		.answer = "Deleted", .example = "{\"deleted\":true}",
		.write = keys_revoke },

	{ "POST", "/v1/auth/login", AUTH_NONE, "Session", "Log in", 200, login,
		.details = "The token is for Authorization: Bearer and works "
			   "wherever a key does.  After ten failed logins in a "
			   "minute an e-mail address is refused for the rest "
			   "of it.",
		.answer = "Session", .errors = "401 429",
		.example_body = "{\"email\":\"owner@example.com\","
				"\"password\":\"correct horse\"}",
		.example = "{\"accessToken\":\"eyJhbGciOiJIUzI1NiJ9.e30.sig\","
			   "\"tokenType\":\"Bearer\",\"expiresIn\":86400}",
		.start = login_start },

	{ "GET", "/v1/developer/devices", AUTH_ACCOUNT, "Devices",
		"List Devices", 200, NULL,
		.details = "Returns all linked devices with a safety object on "
			   "each item. Use safety.canSend and "
			   "safety.dailyRemaining before campaigns or "
			   "high-volume sends.",
		.answer = "DeviceList",
		.example = "{\"items\":[" EXAMPLE_DEVICE "]}",
		.read = devices_list },
	{ "GET", "/v1/developer/devices/:deviceUid", AUTH_ACCOUNT, "Devices",
		"Get Device", 200, device_path,
		.details = "One device by UID, with the same safety snapshot "
			   "as in the list.",
		.answer = "Device", .example = EXAMPLE_DEVICE,
		.read = devices_get },

	{ "GET", "/v1/devices", AUTH_ACCOUNT, "Linking", "List Devices", 200,
		NULL, .details = "The same as GET /v1/developer/devices.",
		.answer = "DeviceList",
		.example = "{\"items\":[" EXAMPLE_DEVICE "]}",
		.read = devices_list },
	{ "POST", "/v1/devices", AUTH_ACCOUNT, "Linking", "Create Device", 201,
		device_create,
		.details = "A device is linked by its QR code or a pairing "
			   "code.",
		.answer = "NewDevice", .errors = "403",
		.example_body = "{\"name\":\"My WhatsApp\"}",
		.example = "{\"deviceUid\":\"dev_ABCD1234\",\"name\":\"My "
			   "WhatsApp\","
			   "\"status\":\"PAIRING\",\"phone\":null,"
			   "\"createdAt\":\"2026-05-20T10:00:00.000Z\"}",
		.write = devices_create },
	{ "GET", "/v1/devices/:deviceUid", AUTH_ACCOUNT, "Linking",
		"Get Device", 200, device_path,
		.details = "The same as GET /v1/developer/devices/{deviceUid}.",
		.answer = "Device", .example = EXAMPLE_DEVICE,
		.read = devices_get },
	{ "DELETE", "/v1/devices/:deviceUid", AUTH_ACCOUNT, "Linking",
		"Unlink Device", 200, device_path,
		.details = "Logs the device out at WhatsApp; its messages "
			   "stay.",
		.answer = "Deleted", .example = "{\"deleted\":true}",
		.write = devices_unlink },
	{ "GET", "/v1/devices/:deviceUid/qr", AUTH_ACCOUNT, "Linking",
		"Get Pairing QR", 200, device_qr,
		.details = "What the phone has to scan.  With format=svg the "
			   "picture itself.",
		.answer = "PairingQr", .other_type = "image/svg+xml",
		.errors = "409 504",
		.example = "{\"qr\":\"https://wa.me/settings/"
			   "linked_devices#2@abc\","
			   "\"expiresAt\":\"2026-05-20T10:00:20.000Z\"}",
		.start = pairing_qr },
	{ "POST", "/v1/devices/:deviceUid/pairing-code", AUTH_ACCOUNT,
		"Linking", "Get Pairing Code", 200, device_code,
		.details = "The code is typed in on the phone, under Linked "
			   "devices.",
		.answer = "PairingCode", .errors = "409 429 504",
		.example_body = "{\"phone\":\"+1234567890\"}",
		.example = "{\"code\":\"ABCD-1234\"}", .start = pairing_code },
	{ "POST", "/v1/devices/:deviceUid/restart", AUTH_ACCOUNT, "Linking",
		"Restart Lane", 200, device_path,
		.details = "Ends the device's connection and opens it anew.",
		.answer = "Restarted", .errors = "503",
		.example = "{\"accepted\":true,\"deviceUid\":\"dev_ABCD1234\"}",
		.read = devices_restart },

	{ "POST", "/v1/developer/messages/send", AUTH_ACCOUNT, "Messaging",
		"Send Text Message", 200, message_send,
		.details = "Sends a text message through a selected device. "
			   "Counts toward the device's daily, hourly and "
			   "minute limits: see safety.dailyRemaining of GET "
			   "/v1/developer/devices/{deviceUid}. The text may be "
			   "spintax, {Hi|Hello}, with the contact's {name}.",
		.answer = "Accepted", .errors = "403 404 429",
		.example_body = "{\"deviceUid\":\"dev_4f8c2a1e\",\"to\":\"+"
				"1234567890\","
				"\"text\":\"Hello from API!\"}",
		.example = EXAMPLE_ACCEPTED, .write = sending_text },
	{ "POST", "/v1/developer/messages/send-media", AUTH_ACCOUNT,
		"Messaging", "Send Media Message", 200, message_media,
		.details = "Sends a media message using a media asset. Subject "
			   "to the same per-device safety limits as send text.",
		.answer = "Accepted", .errors = "403 404 429 504",
		.example_body =
			"{\"deviceUid\":\"dev_4f8c2a1e\",\"to\":\"+"
			"1234567890\","
			"\"mediaId\":\"0197c7a0-4a3e-7b51-9d2f-2f6a1c1f0e13\","
			"\"caption\":\"Check this out!\"}",
		.example = EXAMPLE_ACCEPTED, .start = sending_media },
	{ "POST", "/v1/developer/messages/send-voice", AUTH_ACCOUNT,
		"Messaging", "Send Voice Message", 200, message_voice,
		.details = "Sends an uploaded audio file as a voice message; "
			   "it is converted where it must be. Subject to the "
			   "same per-device safety limits as send text.",
		.answer = "Accepted", .errors = "403 404 429 504",
		.example_body =
			"{\"deviceUid\":\"dev_4f8c2a1e\",\"to\":\"+"
			"1234567890\","
			"\"mediaId\":\"0197c7a0-4a3e-7b51-9d2f-2f6a1c1f0e13\"}",
		.example = EXAMPLE_ACCEPTED, .start = sending_voice },
	{ "POST", "/v1/developer/messages/check-whatsapp", AUTH_ACCOUNT,
		"Messaging", "Check WhatsApp Numbers", 200, numbers_ask,
		.details = "Checks whether each phone number is registered on "
			   "WhatsApp. Up to 50 numbers a call; the device must "
			   "be CONNECTED. Costs nothing of the send limits.",
		.answer = "NumbersChecked", .errors = "404 429 504",
		.example_body =
			"{\"deviceUid\":\"dev_4f8c2a1e\","
			"\"numbers\":[\"+15551234567\",\"+19999999999\"]}",
		.example = "{\"results\":[{\"phone\":\"+15551234567\","
			   "\"exists\":true},"
			   "{\"phone\":\"+19999999999\",\"exists\":false}]}",
		.start = numbers_check },
	{ "GET", "/v1/developer/messages", AUTH_ACCOUNT, "Messaging",
		"List Messages", 200, message_list,
		.details = "Newest first, sent and received ones.",
		.answer = "Page:Message",
		.example = EXAMPLE_PAGE(EXAMPLE_MESSAGE_ROW),
		.read = messages_list },
	{ "GET", "/v1/developer/messages/:id", AUTH_ACCOUNT, "Messaging",
		"Get Message", 200, message_id,
		.details = "One message with its timeline and, of a group "
			   "message or a status, who got and read it.",
		.answer = "MessageDetails",
		.example = "{\"id\":\"0197c7a0-4a3e-7b51-9d2f-2f6a1c1f0e12\","
			   "\"deviceUid\":\"dev_4f8c2a1e\",\"direction\":"
			   "\"OUTBOUND\","
			   "\"messageType\":\"TEXT\",\"status\":\"DELIVERED\","
			   "\"reason\":null,\"to\":\"+1234567890\","
			   "\"chat\":\"1234567890@s.whatsapp.net\","
			   "\"contactId\":null,"
			   "\"pushName\":null,\"text\":\"Hello from API!\","
			   "\"content\":null,"
			   "\"providerMessageId\":\"3EB0C767D26A1D9E5A4F\","
			   "\"clientMessageId\":null,"
			   "\"createdAt\":\"2026-05-22T10:00:00.000Z\","
			   "\"sentAt\":\"2026-05-22T10:00:00.100Z\","
			   "\"deliveredAt\":\"2026-05-22T10:00:00.900Z\","
			   "\"readAt\":null,\"failedAt\":null,"
			   "\"timeline\":[{\"status\":\"QUEUED\","
			   "\"at\":\"2026-05-22T10:00:00.000Z\"},{\"status\":"
			   "\"SENT\","
			   "\"at\":\"2026-05-22T10:00:00.100Z\"},"
			   "{\"status\":\"DELIVERED\","
			   "\"at\":\"2026-05-22T10:00:00.900Z\"}],"
			   "\"deviceCount\":2,"
			   "\"retriesAnswered\":0}",
		.read = messages_get },

	{ "POST", INTAKE_PATH, AUTH_ACCOUNT, "Media", "Upload Media", 201,
		media_upload, .takes_file = true,
		.details = "Uploads one media file using multipart/form-data. "
			   "What it is is found by its content.",
		.answer = "MediaAsset", .errors = "409 413 429",
		.example = EXAMPLE_MEDIA, .start = upload_start },
	{ "GET", "/v1/developer/media", AUTH_ACCOUNT, "Media", "List Media",
		200, media_page, .details = "Newest first.",
		.answer = "Page:MediaAsset",
		.example = EXAMPLE_PAGE(EXAMPLE_MEDIA), .read = media_list },
	{ "GET", "/v1/developer/media/:id", AUTH_ACCOUNT, "Media", "Get Media",
		200, media_id,
		.details = "One media asset and where its file is.",
		.answer = "MediaAsset", .example = EXAMPLE_MEDIA,
		.read = media_get },
	{ "DELETE", "/v1/developer/media/:id", AUTH_ACCOUNT, "Media",
		"Delete Media", 204, media_id,
		.details = "The file goes too, once no message waits to be "
			   "sent with it.",
		.start = media_delete },

	{ "POST", "/v1/developer/status/text", AUTH_ACCOUNT, "WhatsApp Status",
		"Post Text Status", 200, status_text,
		.details = "Publishes a text status to stories. Costs nothing "
			   "of the send limits.",
		.answer = "Accepted", .errors = "403 404 429",
		.example_body = "{\"deviceUid\":\"dev_4f8c2a1e\",\"text\":"
				"\"Hello World!\","
				"\"backgroundColor\":\"#FF0000\"}",
		.example = EXAMPLE_ACCEPTED, .start = sending_text_status },
	{ "POST", "/v1/developer/status/media", AUTH_ACCOUNT, "WhatsApp Status",
		"Post Media Status", 200, status_media,
		.details = "Publishes a media status using uploaded media. "
			   "Sound becomes a voice note.",
		.answer = "Accepted", .errors = "403 404 429 504",
		.example_body =
			"{\"deviceUid\":\"dev_4f8c2a1e\","
			"\"mediaId\":\"0197c7a0-4a3e-7b51-9d2f-2f6a1c1f0e13\","
			"\"caption\":\"Check this out!\"}",
		.example = EXAMPLE_ACCEPTED, .start = sending_media_status },
	{ "GET", "/v1/developer/status/privacy/:deviceUid", AUTH_ACCOUNT,
		"WhatsApp Status", "Get Status Privacy", 200, device_path,
		.call = "status.privacy",
		.details = "Who may see the account's statuses: the contacts, "
			   "those on a list, or all but those on a list.",
		.answer = "StatusPrivacy",
		.example = "{\"privacy\":\"contacts\",\"list\":[]}",
		.start = call_start },

	{ "POST", "/v1/developer/scheduled-messages", AUTH_ACCOUNT,
		"Scheduled Messages", "Create Scheduled Message", 201,
		schedule_create,
		.details = "The message is made and sent at its time. It "
			   "counts toward the safety limits then, and moves "
			   "past a limit that is used up.",
		.answer = "ScheduledMessage", .errors = "404",
		.example_body =
			"{\"deviceUid\":\"dev_4f8c2a1e\",\"to\":\"+"
			"1234567890\","
			"\"text\":\"Reminder: your meeting is tomorrow\","
			"\"scheduledAt\":\"2030-12-25T10:00:00Z\"}",
		.example = EXAMPLE_SCHEDULED, .write = schedules_create },
	{ "GET", "/v1/developer/scheduled-messages", AUTH_ACCOUNT,
		"Scheduled Messages", "List Scheduled Messages", 200,
		schedule_list, .answer = "Page:ScheduledMessage",
		.example = EXAMPLE_PAGE(EXAMPLE_SCHEDULED),
		.read = schedules_list },
	{ "GET", "/v1/developer/scheduled-messages/:id", AUTH_ACCOUNT,
		"Scheduled Messages", "Get Scheduled Message", 200, schedule_id,
		.answer = "ScheduledMessage", .example = EXAMPLE_SCHEDULED,
		.read = schedules_get },
	{ "PATCH", "/v1/developer/scheduled-messages/:id", AUTH_ACCOUNT,
		"Scheduled Messages", "Update Scheduled Message", 200,
		schedule_update, .details = "Only while it is PENDING.",
		.answer = "ScheduledMessage", .errors = "409",
		.example_body =
			"{\"text\":\"Reminder: your meeting is at nine\"}",
		.example = EXAMPLE_SCHEDULED, .write = schedules_update },
	{ "PUT", "/v1/developer/scheduled-messages/:id", AUTH_ACCOUNT,
		"Scheduled Messages", "Update Scheduled Message", 200,
		schedule_update, .details = "The same as PATCH.",
		.answer = "ScheduledMessage", .errors = "409",
		.example_body =
			"{\"text\":\"Reminder: your meeting is at nine\"}",
		.example = EXAMPLE_SCHEDULED, .write = schedules_update },
	{ "DELETE", "/v1/developer/scheduled-messages/:id", AUTH_ACCOUNT,
		"Scheduled Messages", "Cancel Scheduled Message", 200,
		schedule_id,
		.details = "Only while it is PENDING. The record stays, as "
			   "CANCELLED.",
		.answer = "ScheduledMessage", .errors = "409",
		.example = EXAMPLE_CANCELLED, .write = schedules_cancel },
	{ "POST", "/v1/developer/scheduled-messages/:id/cancel", AUTH_ACCOUNT,
		"Scheduled Messages", "Cancel Scheduled Message", 200,
		schedule_id, .details = "The same as DELETE.",
		.answer = "ScheduledMessage", .errors = "409",
		.example = EXAMPLE_CANCELLED, .write = schedules_cancel },

	{ "GET", "/v1/events", AUTH_ACCOUNT, "Events", "Stream Events", 200,
		events_params,
		.details = "Server-sent events: id is the event's number in "
			   "the account, event its type, data what a webhook "
			   "would get. Goes on after the Last-Event-ID header "
			   "or lastEventId, else with what happens from now "
			   "on.",
		.other_type = "text/event-stream", .errors = "503",
		.read = live_events },

	{ "GET", "/healthz", AUTH_NONE, "Operation", "Check Liveness", 200,
		NULL, .details = "The process answers.", .answer = "Alive",
		.example = "{\"status\":\"ok\"}", .read = health_healthz },
	{ "GET", "/readyz", AUTH_NONE, "Operation", "Check Readiness", 200,
		NULL, .details = "The store answers and the writer keeps up.",
		.answer = "Ready", .errors = "503",
		.example = "{\"status\":\"ready\",\"version\":\"0.1.0\"}",
		.read = health_readyz },
	{ "GET", "/metrics", AUTH_LOCAL, "Operation", "Get Metrics", 200, NULL,
		.details = "From loopback without credentials.",
		.other_type = "text/plain", .read = health_metrics },
};

static const struct {
	enum err_code code;
	int status;
	const char *error;
} statuses[] = {
	{ ERR_INVALID, 400, "Bad Request" },
	{ ERR_UNAUTHORIZED, 401, "Unauthorized" },
	{ ERR_FORBIDDEN, 403, "Forbidden" },
	{ ERR_NOT_FOUND, 404, "Not Found" },
	{ ERR_CONFLICT, 409, "Conflict" },
	{ ERR_TOO_LARGE, 413, "Payload Too Large" },
	{ ERR_LIMIT, 429, "Too Many Requests" },
	{ ERR_BUSY, 503, "Service Unavailable" },
	{ ERR_TIMEOUT, 504, "Gateway Timeout" },
};

/* {"statusCode","error","message"}.  What went wrong inside stays inside. */
void msgera_render_error(struct request *request, const struct err *err)
{
	const char *error = "Internal Server Error", *message = error;
	bool is_405 = request->status == 405;
	int status = 500;

	if (request->extra_body)
		return;
	for (size_t i = 0; i < ARRAY_LEN(statuses); i++) {
		if (statuses[i].code != err->code)
			continue;
		status = statuses[i].status;
		error = statuses[i].error;
		message = err->msg;
	}
	if (is_405) {
		status = 405;
		error = "Method Not Allowed";
	}
	request->status = status;
	json_decref(request->reply);
	request->reply = json_pack("{s:i, s:s, s:o}", "statusCode", status,
		"error", error, "message", json_text(message));
}

const struct endpoints endpoints_basic = {
	.rows = rows,
	.n = ARRAY_LEN(rows),
	.shapes = basic_shapes,
	.n_shapes = N_BASIC_SHAPES,
};

static const struct endpoints *const groups[] = { &endpoints_basic,
	&endpoints_contacts, &endpoints_import, &endpoints_campaigns,
	&endpoints_replies, &endpoints_webhooks, &endpoints_account,
	&endpoints_docs };

const struct dialect dialect_msgera = {
	.name = "msgera",
	.groups = groups,
	.n_groups = ARRAY_LEN(groups),
	.render_error = msgera_render_error,
};
