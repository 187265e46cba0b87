/* Auto-reply rules and spintax. */
#include "apid/endpoint.h"

#include "apid/replies.h"
#include "apid/shape.h"
#include "apid/spintax.h"
#include "apid/table.h"
#include "common/own.h"
#include "common/send.h"
#include "common/spintax.h"

#define TRIGGER_TYPES "CONTAINS|EXACT|STARTS_WITH|ENDS_WITH"
#define TRIGGER_VALUE_MAX 500
#define ORDER_MAX 1000000

#define TYPE_PARAM(required)                                        \
	{                                                           \
		"triggerType", IN_BODY, PARAM_ENUM, required, 0, 0, \
			TRIGGER_TYPES                               \
	}
#define VALUE_PARAM(required)                                       \
	{                                                           \
		"triggerValue", IN_BODY, PARAM_STRING, required, 1, \
			TRIGGER_VALUE_MAX, "Matching phrase."       \
	}
#define REPLY_PARAM(required)                                                \
	{                                                                    \
		"replyText", IN_BODY, PARAM_STRING, required, 1,             \
			SEND_TEXT_MAX, "Auto-reply content; may be spintax." \
	}
#define STATE_PARAMS                                                  \
	{ "enabled", IN_BODY, PARAM_BOOL, false, 0, 0,                \
		"Whether the rule answers (true unless given)." },    \
	{                                                             \
		"order", IN_BODY, PARAM_INT, false, 0, ORDER_MAX,     \
			"Rules are tried from the lowest; a new one " \
			"is the last unless given."                   \
	}
#define TEMPLATE_PARAM                                                        \
	{                                                                     \
		"template", IN_BODY, PARAM_STRING, true, 1, SPINTAX_TEXT_MAX, \
			"Text with choices: {option1|option2}."               \
	}

static const struct param rule_list[] = { { "deviceUid", IN_QUERY,
						  PARAM_DEVICE_UID, true, 1, 64,
						  "Device UID filter." },
	LARGE_PAGE_PARAMS(WHOLE_PAGE_MAX), END_OF_PARAMS };
static const struct param rule_create[] = { DEVICE_BODY, TYPE_PARAM(true),
	VALUE_PARAM(true), REPLY_PARAM(true), STATE_PARAMS, END_OF_PARAMS };
static const struct param rule_id[] = { ID_PARAM("Rule id."), END_OF_PARAMS };
static const struct param rule_update[] = { ID_PARAM("Rule id."),
	{ "deviceUid", IN_BODY, PARAM_DEVICE_UID, false, 1, 64,
		"The rule's own; it cannot be changed." },
	TYPE_PARAM(false), VALUE_PARAM(false), REPLY_PARAM(false), STATE_PARAMS,
	END_OF_PARAMS };
static const struct param preview_template[] = { TEMPLATE_PARAM,
	{ "count", IN_BODY, PARAM_INT, false, 1, 50,
		"Number of samples, 5 unless given." },
	END_OF_PARAMS };
static const struct param spin_template[] = { TEMPLATE_PARAM, END_OF_PARAMS };

/* ---- what the answers look like ---- */

static const struct field rule_fields[] = { { "id", FIELD_UUID, 0, NULL,
						    "Rule id." },
	{ "deviceUid", FIELD_TEXT, 0, NULL,
		"The device whose chats it is for." },
	{ "triggerType", FIELD_WORD, 0, TRIGGER_TYPES,
		"How the text is compared." },
	{ "triggerValue", FIELD_TEXT, 0, NULL, "Matching phrase." },
	{ "replyText", FIELD_TEXT, 0, NULL, "What is answered." },
	{ "enabled", FIELD_BOOL, 0, NULL, "Whether it answers." },
	{ "order", FIELD_INTEGER, 0, NULL,
		"Its place among the device's rules." },
	{ "createdAt", FIELD_TIME, 0, NULL, "When it was made." },
	{ "updatedAt", FIELD_TIME, 0, NULL, "When it was changed last." },
	{ .name = NULL } };
static const struct field deleted_fields[] = {
	{ "deleted", FIELD_BOOL, 0, NULL, "Always true." }, { .name = NULL }
};
static const struct field preview_fields[] = {
	{ "samples", FIELD_LIST, 0, NULL, "Results, all of them different." },
	{ "uniqueVariants", FIELD_TEXT, FIELD_NULL, NULL,
		"How many different results there are, in decimal digits; null "
		"when options overlap too much to count them." },
	{ .name = NULL }
};
static const struct field spin_fields[] = {
	{ "result", FIELD_TEXT, 0, NULL, "One result." }, { .name = NULL }
};
static const struct shape shapes[] = {
	{ "AutoReplyRule", rule_fields, false },
	{ "AutoReplyDeleted", deleted_fields, false },
	{ "SpintaxPreview", preview_fields, false },
	{ "SpintaxResult", spin_fields, false },
};

/* ---- operations ---- */

#define RULES "Auto-Reply Rules"
#define RULE_UPDATE_DETAILS                                               \
	"Any subset of the fields. An order that another rule has moves " \
	"that one and those right behind it on by one."
#define RULE_EXAMPLE                                                   \
	"{\"id\":\"0197a0e0-5c1e-7c3a-9d5e-2f60c1a4b7d8\","            \
	"\"deviceUid\":\"dev_4f8c2a1e\",\"triggerType\":\"CONTAINS\"," \
	"\"triggerValue\":\"price\","                                  \
	"\"replyText\":\"Our prices start at $15.99/mo.\","            \
	"\"enabled\":true,\"order\":0,"                                \
	"\"createdAt\":\"2026-05-23T12:00:00.000Z\","                  \
	"\"updatedAt\":\"2026-05-23T12:00:00.000Z\"}"
#define TEMPLATE_EXAMPLE "\"template\":\"{Hi|Hello|Hey} {there|friend}!\""

static const struct endpoint rows[] = {
	{ "GET", "/v1/developer/auto-reply", AUTH_ACCOUNT, RULES,
		"List Auto-Reply Rules", 200, rule_list, .read = replies_list,
		.details = "Returns rules for a given device, in the order in "
			   "which they are tried.",
		.answer = "Page:AutoReplyRule", .errors = "400",
		.example = "{\"data\":[" RULE_EXAMPLE
			   "],\"total\":1,\"page\":1,\"limit\":1000}" },
	{ "POST", "/v1/developer/auto-reply", AUTH_ACCOUNT, RULES,
		"Create Auto-Reply Rule", 200, rule_create,
		.write = replies_create,
		.details =
			"A text or caption that somebody sends to the device "
			"in a chat of two is answered by the first enabled "
			"rule that fits; letter case and white space around "
			"the text do not count. Groups, statuses and messages "
			"that were on their way for too long are not answered. "
			"A reply costs the same budgets as any message; it is "
			"left out when they are used up, and when the chat had "
			"its replies of the hour.",
		.answer = "AutoReplyRule", .errors = "400 404 409",
		.example_body =
			"{\"deviceUid\":\"dev_4f8c2a1e\","
			"\"triggerType\":\"CONTAINS\","
			"\"triggerValue\":\"price\","
			"\"replyText\":\"Our prices start at $15.99/mo.\"}",
		.example = RULE_EXAMPLE },
	{ "GET", "/v1/developer/auto-reply/:id", AUTH_ACCOUNT, RULES,
		"Get Auto-Reply Rule", 200, rule_id, .read = replies_get,
		.answer = "AutoReplyRule", .errors = "400 404",
		.example = RULE_EXAMPLE },
	{ "PATCH", "/v1/developer/auto-reply/:id", AUTH_ACCOUNT, RULES,
		"Update Auto-Reply Rule", 200, rule_update,
		.write = replies_update, .details = RULE_UPDATE_DETAILS,
		.answer = "AutoReplyRule", .errors = "400 404",
		.example_body = "{\"enabled\":true,\"order\":0}",
		.example = RULE_EXAMPLE },
	{ "PUT", "/v1/developer/auto-reply/:id", AUTH_ACCOUNT, RULES,
		"Update Auto-Reply Rule", 200, rule_update,
		.write = replies_update, .details = RULE_UPDATE_DETAILS,
		.answer = "AutoReplyRule", .errors = "400 404",
		.example_body = "{\"enabled\":true,\"order\":0}",
		.example = RULE_EXAMPLE },
	{ "DELETE", "/v1/developer/auto-reply/:id", AUTH_ACCOUNT, RULES,
		"Delete Auto-Reply Rule", 200, rule_id, .write = replies_delete,
		.answer = "AutoReplyDeleted", .errors = "400 404",
		.example = "{\"deleted\":true}" },

	{ "POST", "/v1/developer/spintax/preview", AUTH_ACCOUNT, "Spintax",
		"Preview Spintax Variations", 200, preview_template,
		.start = spintax_preview_start,
		.details = "Returns a list of generated samples: as many "
			   "different ones as are asked for and as there are. "
			   "Variables stay as they are written.",
		.answer = "SpintaxPreview", .errors = "400 503",
		.example_body = "{" TEMPLATE_EXAMPLE ",\"count\":5}",
		.example = "{\"samples\":[\"Hi there!\",\"Hello friend!\"],"
			   "\"uniqueVariants\":\"6\"}" },
	{ "POST", "/v1/developer/spintax/spin", AUTH_ACCOUNT, "Spintax",
		"Spin Single Variation", 200, spin_template,
		.read = spintax_spin_once,
		.details = "Returns one generated result from template.",
		.answer = "SpintaxResult", .errors = "400",
		.example_body = "{" TEMPLATE_EXAMPLE "}",
		.example = "{\"result\":\"Hello friend!\"}" },
};

const struct endpoints endpoints_replies = {
	.rows = rows,
	.n = ARRAY_LEN(rows),
	.shapes = shapes,
	.n_shapes = ARRAY_LEN(shapes),
};
