/* Webhooks: the reference's operations, and replay, test and rotation. */
#include "apid/endpoint.h"

#include <stdint.h>

#include "apid/handlers.h"
#include "apid/shape.h"
#include "apid/table.h"
#include "apid/webhooks.h"
#include "common/own.h"

#define OVERLAP_MAX_SEC (30 * 86400)
#define WEBHOOK_PATH ID_PARAM("Webhook id.")

/* ---- parameters ---- */

static const struct param webhook_list[] = { DEVICE_QUERY, END_OF_PARAMS };
static const struct param webhook_id[] = { WEBHOOK_PATH, END_OF_PARAMS };
static const struct param webhook_put[] = { DEVICE_BODY,
	{ "personalWebhookUrl", IN_BODY, PARAM_URL, false, 0, 0,
		"Personal chat event URL; null removes it." },
	{ "groupWebhookUrl", IN_BODY, PARAM_URL, false, 0, 0,
		"Group chat event URL; null removes it." },
	{ "isActive", IN_BODY, PARAM_BOOL, false, 0, 0,
		"Deliveries stop while false; true also ends a pause." },
	END_OF_PARAMS };
static const struct param webhook_rotate[] = { WEBHOOK_PATH,
	{ "overlapSec", IN_BODY, PARAM_INT, false, 0, OVERLAP_MAX_SEC,
		"How long the old secret signs, too; 0: not at all." },
	END_OF_PARAMS };
static const struct param webhook_test[] = { DEVICE_BODY, END_OF_PARAMS };
static const struct param webhook_replay[] = { DEVICE_BODY,
	{ "fromSeq", IN_BODY, PARAM_INT, false, 1, INT64_MAX,
		"First event, by its seq." },
	{ "toSeq", IN_BODY, PARAM_INT, false, 1, INT64_MAX,
		"Last event, by its seq; without: the newest." },
	{ "from", IN_BODY, PARAM_DATE, false, 0, 0,
		"First event, by its timestamp." },
	{ "to", IN_BODY, PARAM_DATE, false, 0, 0,
		"Last event, by its timestamp." },
	END_OF_PARAMS };
static const struct param webhook_history[] = { DEVICE_QUERY,
	{ "status", IN_QUERY, PARAM_ENUM, false, 0, 0,
		"SUCCESS|RETRYING|FAILED|REFUSED" },
	{ "eventId", IN_QUERY, PARAM_UUID, false, 0, 0,
		"All attempts of one event: the webhook-id." },
	PAGE_PARAMS, END_OF_PARAMS };
static const struct param attempt_id[] = {
	ID_PARAM("Attempt id, from the history."), END_OF_PARAMS
};

/* ---- shapes ---- */

static const struct field url_fields[] = {
	{ "kind", FIELD_WORD, 0, "personal|group",
		"Which events go to this URL." },
	{ "url", FIELD_TEXT, 0, NULL, NULL },
	{ "state", FIELD_WORD, 0, "ok|retrying|paused|inactive",
		"paused: several events in a row could not be delivered; "
		"nothing is dropped meanwhile." },
	{ "pausedUntil", FIELD_TIME, FIELD_NULL, NULL,
		"When the next probe is made." },
	{ "consecutiveFailures", FIELD_INTEGER, 0, NULL,
		"Events in a row that could not be delivered." },
	{ "behind", FIELD_INTEGER, 0, NULL,
		"Events of the device, of both kinds, that were not dealt with "
		"yet." },
	{ .name = NULL },
};

#define WEBHOOK_FIELDS                                                        \
	{ "id", FIELD_UUID, 0, NULL, NULL },                                  \
		{ "deviceUid", FIELD_TEXT, 0, NULL, NULL },                   \
		{ "personalWebhookUrl", FIELD_TEXT, FIELD_NULL, NULL, NULL }, \
		{ "groupWebhookUrl", FIELD_TEXT, FIELD_NULL, NULL, NULL },    \
		{ "isActive", FIELD_BOOL, 0, NULL, NULL },                    \
		{ "endpoints", FIELD_LIST, 0, "WebhookUrl",                   \
			"How each URL is doing." },                           \
		{ "oldSecretUntil", FIELD_TIME, FIELD_NULL, NULL,             \
			"A replaced secret signs, too, until then." },        \
		{ "createdAt", FIELD_TIME, 0, NULL, NULL },                   \
	{                                                                     \
		"updatedAt", FIELD_TIME, 0, NULL, NULL                        \
	}

static const struct field webhook_fields[] = { WEBHOOK_FIELDS,
	{ .name = NULL } };
static const struct field put_fields[] = { WEBHOOK_FIELDS,
	{ "secret", FIELD_TEXT, FIELD_OPTIONAL, NULL,
		"Signs deliveries; shown once, when the webhook is created." },
	{ .name = NULL } };
static const struct field secret_fields[] = {
	{ "id", FIELD_UUID, 0, NULL, NULL },
	{ "deviceUid", FIELD_TEXT, 0, NULL, NULL },
	{ "secret", FIELD_TEXT, 0, NULL, "The new one; shown once." },
	{ "oldSecretUntil", FIELD_TIME, FIELD_NULL, NULL,
		"The replaced one signs, too, until then." },
	{ .name = NULL },
};
static const struct field replay_fields[] = {
	{ "replayId", FIELD_UUID, 0, NULL, NULL },
	{ "events", FIELD_INTEGER, 0, NULL, "How many are delivered again." },
	{ .name = NULL },
};
static const struct field test_fields[] = {
	{ "accepted", FIELD_BOOL, 0, NULL, NULL },
	{ "eventId", FIELD_UUID, 0, NULL, "The webhook-id of the first one." },
	{ "eventIds", FIELD_LIST, 0, NULL, "One for each kind of URL." },
	{ .name = NULL },
};
static const struct field attempt_fields[] = {
	{ "id", FIELD_UUID, 0, NULL, NULL },
	{ "deviceUid", FIELD_TEXT, 0, NULL, NULL },
	{ "eventId", FIELD_UUID, FIELD_NULL, NULL, "The webhook-id." },
	{ "eventType", FIELD_TEXT, FIELD_NULL, NULL, NULL },
	{ "url", FIELD_TEXT, 0, NULL, NULL },
	{ "deliveryStatus", FIELD_WORD, 0, "SUCCESS|RETRYING|FAILED|REFUSED",
		"FAILED: the last attempt; REFUSED: the address is not "
		"allowed." },
	{ "responseStatusCode", FIELD_INTEGER, FIELD_NULL, NULL,
		"null: no answer." },
	{ "attempt", FIELD_INTEGER, 0, NULL,
		"From 1; of a paused URL the number of the probe." },
	{ "isReplay", FIELD_BOOL, 0, NULL, NULL },
	{ "error", FIELD_TEXT, FIELD_NULL, NULL, NULL },
	{ "durationMs", FIELD_INTEGER, 0, NULL, NULL },
	{ "createdAt", FIELD_TIME, 0, NULL, NULL },
	{ .name = NULL },
};

static const struct shape shapes[] = {
	{ "WebhookUrl", url_fields, false },
	{ "Webhook", webhook_fields, false },
	{ "PutWebhook", put_fields, false },
	{ "WebhookSecret", secret_fields, false },
	{ "WebhookReplay", replay_fields, false },
	{ "WebhookTest", test_fields, false },
	{ "WebhookAttempt", attempt_fields, false },
};

/* ---- examples ---- */

#define A_WEBHOOK_ID "0197c7a0-4a3e-7b51-9d2f-2f6a1c1f0e21"
#define AN_EVENT_ID "0197c7a1-0d11-7c02-8f3a-9b1c2d3e4f50"
#define A_REPLAY                                                  \
	"{\"replayId\":\"0197c7a2-77aa-7d03-9a4b-0c1d2e3f4a5b\"," \
	"\"events\":"
#define AN_EXAMPLE_START                                                 \
	"{\"id\":\"" A_WEBHOOK_ID "\",\"deviceUid\":\"dev_4f8c2a1e\","   \
	"\"personalWebhookUrl\":\"https://example.com/webhook\","        \
	"\"groupWebhookUrl\":null,\"isActive\":true,"                    \
	"\"endpoints\":[{\"kind\":\"personal\","                         \
	"\"url\":\"https://example.com/webhook\",\"state\":\"ok\","      \
	"\"pausedUntil\":null,\"consecutiveFailures\":0,\"behind\":0}]," \
	"\"oldSecretUntil\":null,"                                       \
	"\"createdAt\":\"2026-05-20T10:00:00.000Z\","                    \
	"\"updatedAt\":\"2026-05-20T10:00:00.000Z\""
#define A_WEBHOOK AN_EXAMPLE_START "}"

/* ---- operations ---- */

/* The words come before ":id", which would match them, too. */
static const struct endpoint rows[] = {
	{ "GET", "/v1/developer/webhooks", AUTH_ACCOUNT, "Webhooks",
		"List Webhooks", 200, webhook_list,
		.details = "List webhook configurations, and how each URL is "
			   "doing.",
		.answer = "List:Webhook",
		.example = "{\"data\":[" A_WEBHOOK "],\"total\":1}",
		.read = webhooks_list },
	{ "PUT", "/v1/developer/webhooks", AUTH_ACCOUNT, "Webhooks",
		"Create or Update Webhook", 200, webhook_put,
		.details = "Upserts webhook config for a specific device. What "
			   "is not named stays as it is. A new URL gets what "
			   "happens from now on. Naming a URL that is paused "
			   "ends the pause.",
		.answer = "PutWebhook", .errors = "400 404",
		.example_body = "{\"deviceUid\":\"dev_4f8c2a1e\","
				"\"personalWebhookUrl\":\"https://example.com/"
				"webhook\","
				"\"groupWebhookUrl\":\"https://example.com/"
				"group-hook\","
				"\"isActive\":true}",
		.example = AN_EXAMPLE_START
		",\"secret\":\"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
		"\"}",
		.write = webhooks_put },
	{ "GET", "/v1/developer/webhooks/history", AUTH_ACCOUNT, "Webhooks",
		"Webhook Delivery History", 200, webhook_history,
		.details = "Returns delivery attempts with status and response "
			   "code, newest first.",
		.answer = "Page:WebhookAttempt", .errors = "400",
		.example = "{\"data\":[{\"id\":\"0197c7a1-0d80-7e04-ab5c-"
			   "1d2e3f4a5b6c\",\"deviceUid\":\"dev_4f8c2a1e\","
			   "\"eventId\":\"" AN_EVENT_ID "\","
			   "\"eventType\":\"message.delivered\","
			   "\"url\":\"https://example.com/webhook\","
			   "\"deliveryStatus\":\"SUCCESS\","
			   "\"responseStatusCode\":200,\"attempt\":1,"
			   "\"isReplay\":false,\"error\":null,"
			   "\"durationMs\":41,"
			   "\"createdAt\":\"2026-05-20T10:00:00.000Z\"}],"
			   "\"total\":50,\"page\":1,\"limit\":20}",
		.read = webhooks_history },
	{ "POST", "/v1/developer/webhooks/history/:id/replay", AUTH_ACCOUNT,
		"Webhooks", "Replay Delivery", 202, attempt_id,
		.details = "Delivers the event of an attempt again, with the "
			   "same webhook-id, beside what happens now.",
		.answer = "WebhookReplay", .errors = "404 409",
		.example = A_REPLAY "1}", .write = webhooks_replay_one },
	{ "POST", "/v1/developer/webhooks/replay", AUTH_ACCOUNT, "Webhooks",
		"Replay Events", 202, webhook_replay,
		.details = "Delivers a stretch of the device's events again, "
			   "in order, with the same webhook-ids, beside what "
			   "happens now. One of fromSeq and from is required; "
			   "all bounds are inclusive. At most 100000 events, "
			   "and 10 replays that wait for a URL.",
		.answer = "WebhookReplay", .errors = "400 404 409 503",
		.example_body = "{\"deviceUid\":\"dev_4f8c2a1e\","
				"\"fromSeq\":1041,\"toSeq\":1052}",
		.example = A_REPLAY "12}", .start = webhooks_replay },
	{ "POST", "/v1/developer/webhooks/test", AUTH_ACCOUNT, "Webhooks",
		"Test Webhook", 202, webhook_test,
		.details = "Sends a webhook.test event to each URL of the "
			   "device, like any other event.",
		.answer = "WebhookTest", .errors = "400 404 409",
		.example_body = "{\"deviceUid\":\"dev_4f8c2a1e\"}",
		.example = "{\"accepted\":true,\"eventId\":\"" AN_EVENT_ID
			   "\",\"eventIds\":[\"" AN_EVENT_ID "\"]}",
		.write = webhooks_test },
	{ "GET", "/v1/developer/webhooks/:id", AUTH_ACCOUNT, "Webhooks",
		"Get Webhook", 200, webhook_id,
		.details = "One webhook configuration, and how each URL is "
			   "doing.",
		.answer = "Webhook", .errors = "404", .example = A_WEBHOOK,
		.read = webhooks_get },
	{ "DELETE", "/v1/developer/webhooks/:id", AUTH_ACCOUNT, "Webhooks",
		"Delete Webhook", 200, webhook_id,
		.details = "Deliveries and replays stop; the history stays.",
		.answer = "Deleted", .errors = "404",
		.example = "{\"deleted\":true}", .write = webhooks_delete },
	{ "POST", "/v1/developer/webhooks/:id/rotate-secret", AUTH_ACCOUNT,
		"Webhooks", "Rotate Webhook Secret", 200, webhook_rotate,
		.details = "Returns a new secret one time. Until "
			   "oldSecretUntil deliveries carry a signature of "
			   "each, separated by a space, as Standard Webhooks "
			   "says; then the old one is wiped.",
		.answer = "WebhookSecret", .errors = "400 404",
		.example_body = "{\"overlapSec\":3600}",
		.example =
			"{\"id\":\"" A_WEBHOOK_ID
			"\",\"deviceUid\":\"dev_4f8c2a1e\","
			"\"secret\":\"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
			"\",\"oldSecretUntil\":\"2026-05-20T11:00:00.000Z\"}",
		.tells_secret = true, .write = webhooks_rotate },
};

const struct endpoints endpoints_webhooks = { .rows = rows,
	.n = ARRAY_LEN(rows),
	.shapes = shapes,
	.n_shapes = ARRAY_LEN(shapes) };
