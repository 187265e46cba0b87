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
#include "apid/request.h"
#include "apid/sending.h"
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

static const struct param page_only[] = { PAGE_PARAMS, END_OF_PARAMS };
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
static const struct param webhook_list[] = { DEVICE_QUERY, END_OF_PARAMS };
static const struct param webhook_put[] = { DEVICE_BODY,
	{ "personalWebhookUrl", IN_BODY, PARAM_URL, false, 0, 0,
		"Personal chat event URL; null removes it." },
	{ "groupWebhookUrl", IN_BODY, PARAM_URL, false, 0, 0,
		"Group chat event URL; null removes it." },
	{ "isActive", IN_BODY, PARAM_BOOL, false, 0, 0,
		"Deliveries stop while false." },
	END_OF_PARAMS };
static const struct param webhook_history[] = { DEVICE_QUERY,
	{ "status", IN_QUERY, PARAM_ENUM, false, 0, 0,
		"SUCCESS|RETRYING|FAILED|REFUSED" },
	PAGE_PARAMS, END_OF_PARAMS };
static const struct param events_params[] = {
	{ "lastEventId", IN_QUERY, PARAM_INT, false, 0, INT64_MAX,
		"Start after this event, as the Last-Event-ID header does." },
	END_OF_PARAMS
};

static const struct endpoint endpoints[] = {
	{ "GET", "/v1/api-keys", AUTH_ACCOUNT, "API Keys", "List API Keys", 200,
		page_only, .read = keys_list },
	{ "POST", "/v1/api-keys", AUTH_ACCOUNT, "API Keys", "Create API Key",
		201, key_create, .write = keys_create },
	{ "DELETE", "/v1/api-keys/:id", AUTH_ACCOUNT, "API Keys",
		"Revoke API Key", 200, key_id, .write = keys_revoke },

	{ "POST", "/v1/auth/login", AUTH_NONE, "Session", "Log in", 200, login,
		.start = login_start },

	{ "GET", "/v1/developer/devices", AUTH_ACCOUNT, "Devices",
		"List Devices", 200, NULL, .read = devices_list },
	{ "GET", "/v1/developer/devices/:deviceUid", AUTH_ACCOUNT, "Devices",
		"Get Device", 200, device_path, .read = devices_get },

	{ "GET", "/v1/devices", AUTH_ACCOUNT, "Linking", "List Devices", 200,
		NULL, .read = devices_list },
	{ "POST", "/v1/devices", AUTH_ACCOUNT, "Linking", "Create Device", 201,
		device_create, .write = devices_create },
	{ "GET", "/v1/devices/:deviceUid", AUTH_ACCOUNT, "Linking",
		"Get Device", 200, device_path, .read = devices_get },
	{ "DELETE", "/v1/devices/:deviceUid", AUTH_ACCOUNT, "Linking",
		"Unlink Device", 200, device_path, .write = devices_unlink },
	{ "GET", "/v1/devices/:deviceUid/qr", AUTH_ACCOUNT, "Linking",
		"Pairing QR", 200, device_qr, .start = pairing_qr },
	{ "POST", "/v1/devices/:deviceUid/pairing-code", AUTH_ACCOUNT,
		"Linking", "Pairing Code", 200, device_code,
		.start = pairing_code },
	{ "POST", "/v1/devices/:deviceUid/restart", AUTH_ACCOUNT, "Linking",
		"Restart Lane", 200, device_path, .read = devices_restart },

	{ "POST", "/v1/developer/messages/send", AUTH_ACCOUNT, "Messaging",
		"Send Text Message", 200, message_send, .write = sending_text },
	{ "POST", "/v1/developer/messages/send-media", AUTH_ACCOUNT,
		"Messaging", "Send Media Message", 200, message_media,
		.start = sending_media },
	{ "POST", "/v1/developer/messages/send-voice", AUTH_ACCOUNT,
		"Messaging", "Send Voice Message", 200, message_voice,
		.start = sending_voice },
	{ "POST", "/v1/developer/messages/check-whatsapp", AUTH_ACCOUNT,
		"Messaging", "Check WhatsApp Numbers", 200, numbers_ask,
		.start = numbers_check },
	{ "GET", "/v1/developer/messages", AUTH_ACCOUNT, "Messaging",
		"List Messages", 200, message_list, .read = messages_list },
	{ "GET", "/v1/developer/messages/:id", AUTH_ACCOUNT, "Messaging",
		"Get Message", 200, message_id, .read = messages_get },

	{ "POST", INTAKE_PATH, AUTH_ACCOUNT, "Media", "Upload Media", 201,
		media_upload, .takes_file = true, .start = upload_start },
	{ "GET", "/v1/developer/media", AUTH_ACCOUNT, "Media", "List Media",
		200, media_page, .read = media_list },
	{ "GET", "/v1/developer/media/:id", AUTH_ACCOUNT, "Media", "Get Media",
		200, media_id, .read = media_get },
	{ "DELETE", "/v1/developer/media/:id", AUTH_ACCOUNT, "Media",
		"Delete Media", 204, media_id, .start = media_delete },

	{ "POST", "/v1/developer/status/text", AUTH_ACCOUNT, "WhatsApp Status",
		"Post Text Status", 200, status_text,
		.start = sending_text_status },
	{ "POST", "/v1/developer/status/media", AUTH_ACCOUNT, "WhatsApp Status",
		"Post Media Status", 200, status_media,
		.start = sending_media_status },
	{ "GET", "/v1/developer/status/privacy/:deviceUid", AUTH_ACCOUNT,
		"WhatsApp Status", "Get Status Privacy", 200, device_path,
		.call = "status.privacy", .start = call_start },

	{ "POST", "/v1/developer/scheduled-messages", AUTH_ACCOUNT,
		"Scheduled Messages", "Create Scheduled Message", 201,
		schedule_create, .write = schedules_create },
	{ "GET", "/v1/developer/scheduled-messages", AUTH_ACCOUNT,
		"Scheduled Messages", "List Scheduled Messages", 200,
		schedule_list, .read = schedules_list },
	{ "GET", "/v1/developer/scheduled-messages/:id", AUTH_ACCOUNT,
		"Scheduled Messages", "Get Scheduled Message", 200, schedule_id,
		.read = schedules_get },
	{ "PATCH", "/v1/developer/scheduled-messages/:id", AUTH_ACCOUNT,
		"Scheduled Messages", "Update Scheduled Message", 200,
		schedule_update, .write = schedules_update },
	{ "PUT", "/v1/developer/scheduled-messages/:id", AUTH_ACCOUNT,
		"Scheduled Messages", "Update Scheduled Message", 200,
		schedule_update, .write = schedules_update },
	{ "DELETE", "/v1/developer/scheduled-messages/:id", AUTH_ACCOUNT,
		"Scheduled Messages", "Cancel Scheduled Message", 200,
		schedule_id, .write = schedules_cancel },
	{ "POST", "/v1/developer/scheduled-messages/:id/cancel", AUTH_ACCOUNT,
		"Scheduled Messages", "Cancel Scheduled Message", 200,
		schedule_id, .write = schedules_cancel },

	{ "GET", "/v1/developer/webhooks", AUTH_ACCOUNT, "Webhooks",
		"List Webhooks", 200, webhook_list, .read = webhooks_list },
	{ "PUT", "/v1/developer/webhooks", AUTH_ACCOUNT, "Webhooks",
		"Create or Update Webhook", 200, webhook_put,
		.write = webhooks_put },
	{ "GET", "/v1/developer/webhooks/history", AUTH_ACCOUNT, "Webhooks",
		"Webhook Delivery History", 200, webhook_history,
		.read = webhooks_history },

	{ "GET", "/v1/events", AUTH_ACCOUNT, "Events", "Event Stream", 200,
		events_params, .read = live_events },

	{ "GET", "/healthz", AUTH_NONE, "Operation", "Liveness", 200, NULL,
		.read = health_healthz },
	{ "GET", "/readyz", AUTH_NONE, "Operation", "Readiness", 200, NULL,
		.read = health_readyz },
	{ "GET", "/metrics", AUTH_LOCAL, "Operation", "Prometheus metrics", 200,
		NULL, .read = health_metrics },
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

const struct dialect dialect_msgera = {
	.name = "msgera",
	.endpoints = endpoints,
	.n_endpoints = ARRAY_LEN(endpoints),
	.render_error = msgera_render_error,
};
