/* The account: plan and usage. */
#include "apid/endpoint.h"

#include "apid/account.h"
#include "apid/shape.h"
#include "apid/table.h"
#include "common/own.h"

#define END_OF_FIELDS        \
	{                    \
		.name = NULL \
	}
#define COUNT(name, flags, help)                       \
	{                                              \
		name, FIELD_INTEGER, flags, NULL, help \
	}

static const struct field limits[] = {
	COUNT("messagesPerMonth", FIELD_NULL,
		"Messages in a UTC calendar month; null: no limit."),
	COUNT("devices", FIELD_NULL, "WhatsApp accounts; null: no limit."),
	COUNT("contacts", FIELD_NULL, "Saved contacts; null: no limit."),
	COUNT("campaignsPerMonth", FIELD_NULL,
		"Campaigns in a UTC calendar month; null: no limit."),
	{ "contactImport", FIELD_BOOL, 0, NULL,
		"May contacts be imported from files?" },
	END_OF_FIELDS
};
static const struct field usage[] = { COUNT("messagesThisMonth", 0,
					      "Since the UTC month began."),
	COUNT("devices", 0, "That are not deleted."),
	COUNT("contacts", 0, "Saved."),
	COUNT("campaignsThisMonth", 0, "Created since the UTC month began."),
	END_OF_FIELDS };
static const struct field pause[] = {
	{ "until", FIELD_TIME, FIELD_NULL, NULL,
		"When sending goes on; null: when the operator lets it." },
	{ "reason", FIELD_TEXT, 0, NULL, "Why nothing is sent." }, END_OF_FIELDS
};
static const struct field account[] = { { "accountId", FIELD_UUID, 0, NULL,
						NULL },
	{ "name", FIELD_TEXT, 0, NULL, NULL },
	{ "email", FIELD_TEXT, 0, NULL, NULL },
	{ "plan", FIELD_TEXT, 0, NULL,
		"STARTER, GROWTH, PRO, BUSINESS or UNLIMITED." },
	{ "limits", FIELD_OBJECT, 0, "PlanLimits", "What the plan allows." },
	{ "usage", FIELD_OBJECT, 0, "PlanUsage", "What is used of it." },
	{ "pause", FIELD_OBJECT, FIELD_NULL, "AccountPause",
		"The pause against spam, while there is one." },
	{ "createdAt", FIELD_TIME, 0, NULL, NULL }, END_OF_FIELDS };
static const struct shape shapes[] = {
	{ "PlanLimits", limits, false },
	{ "PlanUsage", usage, false },
	{ "AccountPause", pause, false },
	{ "Account", account, false },
};

static const struct endpoint rows[] = {
	{ "GET", "/v1/account", AUTH_ACCOUNT, "Account", "Get Account", 200,
		NULL,
		.details = "The account that the key or the session is of: its "
			   "plan's limits, what it has used of them, and "
			   "whether its sending is paused because too many "
			   "messages failed.",
		.answer = "Account",
		.example = "{\"accountId\":\"0197a1c2-7b1e-7d3a-9c41-"
			   "5f2f6f6d2b10\","
			   "\"name\":\"Acme\",\"email\":\"ops@example.com\","
			   "\"plan\":\"STARTER\",\"limits\":{"
			   "\"messagesPerMonth\":3000,\"devices\":2,"
			   "\"contacts\":500,\"campaignsPerMonth\":5,"
			   "\"contactImport\":false},\"usage\":{"
			   "\"messagesThisMonth\":412,\"devices\":1,"
			   "\"contacts\":120,\"campaignsThisMonth\":2},"
			   "\"pause\":null,"
			   "\"createdAt\":\"2026-05-20T10:00:00.000Z\"}",
		.read = account_get },
};

const struct endpoints endpoints_account = { .rows = rows,
	.n = ARRAY_LEN(rows),
	.shapes = shapes,
	.n_shapes = ARRAY_LEN(shapes) };
