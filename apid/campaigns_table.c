/* Campaigns. */
#include "apid/endpoint.h"

#include "apid/campaigns.h"
#include "apid/shape.h"
#include "apid/table.h"
#include "common/campaign.h"
#include "common/own.h"
#include "common/spintax.h"

#define GROUP "Campaigns"
#define CAMPAIGNS "/v1/developer/campaigns"
#define END_OF_FIELDS        \
	{                    \
		.name = NULL \
	}

/* ---- shapes ---- */

static const struct field account[] = { { "id", FIELD_TEXT, 0, NULL,
						"Device UID of the lane." },
	{ "name", FIELD_TEXT, FIELD_NULL, NULL, "Name of the device." },
	{ "phone", FIELD_PHONE, FIELD_NULL, NULL,
		"Null once the device was deleted." },
	END_OF_FIELDS };
static const struct field completion[] = { { "startsAt", FIELD_TIME, 0, NULL,
						   NULL },
	{ "estimatedCompletionAt", FIELD_TIME, 0, NULL, NULL },
	{ "estimatedDurationLabel", FIELD_TEXT, 0, NULL, "\"~4 days\"." },
	{ "calendarDaysSpanned", FIELD_INTEGER, 0, NULL,
		"UTC days from start to end; 1 on the same day." },
	{ "accountCount", FIELD_INTEGER, 0, NULL,
		"Lanes that have recipients." },
	END_OF_FIELDS };

#define LANES                                                    \
	{ "accountIds", FIELD_LIST, 0, NULL, "Device UIDs." },   \
	{                                                        \
		"accounts", FIELD_LIST, 0, "CampaignAccount",    \
			"All send lanes, the primary one first." \
	}
#define COMPLETION                                                            \
	{ "estimatedCompletionAt", FIELD_TIME, 0, NULL, NULL },               \
	{                                                                     \
		"estimatedCompletion", FIELD_OBJECT, 0, "CampaignCompletion", \
			NULL                                                  \
	}
#define STATUS                                                                 \
	{                                                                      \
		"status", FIELD_WORD, 0, "SCHEDULED|RUNNING|PAUSED|COMPLETED", \
			NULL                                                   \
	}
#define TIMES                                                     \
	{ "startedAt", FIELD_TIME, FIELD_NULL, NULL, NULL },      \
	{                                                         \
		"completedAt", FIELD_TIME, FIELD_NULL, NULL, NULL \
	}

static const struct field created[] = { { "id", FIELD_UUID, 0, NULL, NULL },
	STATUS,
	{ "totalRecipients", FIELD_INTEGER, 0, NULL,
		"After deduplication by phone." },
	LANES, COMPLETION, END_OF_FIELDS };
static const struct field preview[] = {
	{ "totalRecipients", FIELD_INTEGER, 0, NULL,
		"After deduplication by phone." },
	{ "uniqueVariants", FIELD_INTEGER, 0, NULL,
		"Different texts, counted up to a million." },
	{ "requiredVariants", FIELD_INTEGER, 0, NULL,
		"One for every 8 recipients of a TEXT campaign." },
	LANES, COMPLETION, END_OF_FIELDS
};
static const struct field campaign[] = { { "id", FIELD_UUID, 0, NULL, NULL },
	{ "name", FIELD_TEXT, 0, NULL, NULL }, STATUS,
	{ "accountId", FIELD_TEXT, 0, NULL, "Primary device UID." },
	{ "accountName", FIELD_TEXT, FIELD_NULL, NULL, NULL },
	{ "accountPhone", FIELD_PHONE, FIELD_NULL, NULL, NULL }, LANES,
	{ "text", FIELD_TEXT, FIELD_NULL, NULL, NULL },
	{ "spintaxTemplate", FIELD_TEXT, FIELD_NULL, NULL, NULL },
	{ "totalRecipients", FIELD_INTEGER, 0, NULL, NULL },
	{ "sentCount", FIELD_INTEGER, 0, NULL,
		"Sent, delivered and read together." },
	{ "failedCount", FIELD_INTEGER, 0, NULL, NULL },
	{ "pendingCount", FIELD_INTEGER, 0, NULL, NULL }, TIMES,
	{ "estimatedCompletionAt", FIELD_TIME, FIELD_NULL | FIELD_OPTIONAL,
		NULL, "Not in lists; null when there is none." },
	{ "parentId", FIELD_UUID, FIELD_NULL, NULL,
		"Of a run of a recurring campaign." },
	{ "messageType", FIELD_WORD, 0, "TEXT|MEDIA|VOICE", NULL },
	{ "mediaId", FIELD_UUID, FIELD_NULL, NULL, NULL },
	{ "scheduledAt", FIELD_TIME, FIELD_NULL, NULL,
		"When it starts; of a recurring one: its next run." },
	{ "reason", FIELD_TEXT, FIELD_NULL, NULL, "Why it is paused." },
	{ "recurrence", FIELD_ANY, FIELD_NULL, NULL, NULL },
	{ "runs", FIELD_INTEGER, 0, NULL, "Runs of a recurring one so far." },
	{ "createdAt", FIELD_TIME, 0, NULL, NULL }, END_OF_FIELDS };
static const struct field progress[] = { STATUS,
	{ "totalRecipients", FIELD_INTEGER, 0, NULL, NULL },
	{ "sentCount", FIELD_INTEGER, 0, NULL, NULL },
	{ "failedCount", FIELD_INTEGER, 0, NULL, NULL },
	{ "pendingCount", FIELD_INTEGER, 0, NULL, NULL }, TIMES,
	{ "estimatedCompletionAt", FIELD_TIME, FIELD_NULL, NULL, NULL },
	{ "accountIds", FIELD_LIST, 0, NULL, "Device UIDs." }, END_OF_FIELDS };
static const struct field analytics[] = { STATUS,
	{ "totalRecipients", FIELD_INTEGER, 0, NULL, NULL },
	{ "sent", FIELD_INTEGER, 0, NULL, "Delivered and read included." },
	{ "delivered", FIELD_INTEGER, 0, NULL, "Read included." },
	{ "read", FIELD_INTEGER, 0, NULL, NULL },
	{ "failed", FIELD_INTEGER, 0, NULL, NULL },
	{ "pending", FIELD_INTEGER, 0, NULL, NULL },
	{ "deliveryRate", FIELD_NUMBER, 0, NULL,
		"delivered / sent in percent." },
	{ "readRate", FIELD_NUMBER, 0, NULL, "read / delivered in percent." },
	{ "failureRate", FIELD_NUMBER, 0, NULL, "failed / total in percent." },
	TIMES, { "estimatedCompletionAt", FIELD_TIME, FIELD_NULL, NULL, NULL },
	{ "durationSec", FIELD_INTEGER, FIELD_NULL, NULL,
		"Since it started; null before." },
	END_OF_FIELDS };
static const struct field recipient[] = { { "id", FIELD_UUID, 0, NULL, NULL },
	{ "phone", FIELD_PHONE, 0, NULL, NULL },
	{ "contactName", FIELD_TEXT, FIELD_NULL, NULL, NULL },
	{ "accountId", FIELD_TEXT, 0, NULL,
		"Assigned lane, or the one that sent after failover." },
	{ "accountName", FIELD_TEXT, FIELD_NULL, NULL, NULL },
	{ "accountPhone", FIELD_PHONE, FIELD_NULL, NULL, NULL },
	{ "messageStatus", FIELD_WORD, 0, "PENDING|SENT|DELIVERED|READ|FAILED",
		NULL },
	{ "status", FIELD_WORD, 0, "PENDING|SENT|DELIVERED|READ|FAILED",
		"The same." },
	{ "sentAt", FIELD_TIME, FIELD_NULL, NULL, NULL },
	{ "deliveredAt", FIELD_TIME, FIELD_NULL, NULL, NULL },
	{ "readAt", FIELD_TIME, FIELD_NULL, NULL, NULL },
	{ "failedAt", FIELD_TIME, FIELD_NULL, NULL, NULL },
	{ "error", FIELD_TEXT, FIELD_NULL, NULL, NULL }, END_OF_FIELDS };
static const struct field updated[] = { { "updated", FIELD_BOOL, 0, NULL,
						"False: it was so already." },
	END_OF_FIELDS };

static const struct shape shapes[] = {
	{ "CampaignAccount", account, false },
	{ "CampaignCompletion", completion, false },
	{ "CampaignCreated", created, false },
	{ "CampaignPreview", preview, false },
	{ "Campaign", campaign, false },
	{ "CampaignProgress", progress, false },
	{ "CampaignAnalytics", analytics, false },
	{ "CampaignRecipient", recipient, false },
	{ "CampaignUpdated", updated, false },
};

/* ---- parameters ---- */

static const struct param create[] = {
	{ "deviceUid", IN_BODY, PARAM_DEVICE_UID, true, 1, 64,
		"Primary sender device UID (first parallel lane)." },
	{ "deviceUids", IN_BODY, PARAM_TEXTS, false, 0, CAMPAIGN_LANES_MAX,
		"Device UIDs for parallel sending; recipients are split "
		"round-robin across the lanes." },
	{ "name", IN_BODY, PARAM_STRING, true, 1, CAMPAIGN_NAME_MAX,
		"Campaign name." },
	{ "text", IN_BODY, PARAM_STRING, false, 1, SPINTAX_TEXT_MAX,
		"Message body, with spintax {A|B|C} and {name}, {phone} and "
		"the contact's fields.  Required for TEXT; the caption of "
		"MEDIA; a voice note shows none." },
	{ "spintaxTemplate", IN_BODY, PARAM_STRING, false, 1, SPINTAX_TEXT_MAX,
		"Sent instead of text; its variants are counted." },
	{ "contactGroupIds", IN_BODY, PARAM_UUIDS, false, 0,
		CAMPAIGN_SEGMENTS_MAX, "UUIDs from GET /v1/contact-groups." },
	{ "tagIds", IN_BODY, PARAM_UUIDS, false, 0, CAMPAIGN_SEGMENTS_MAX,
		"UUIDs from GET /v1/contact-tags." },
	{ "phoneNumbers", IN_BODY, PARAM_PHONES, false, 0, CAMPAIGN_PHONES_MAX,
		"Individual E.164 phone numbers." },
	{ "messageType", IN_BODY, PARAM_ENUM, false, 0, 0, "TEXT|MEDIA|VOICE" },
	{ "mediaId", IN_BODY, PARAM_UUID, false, 0, 0,
		"Uploaded media, for MEDIA and VOICE." },
	{ "scheduledAt", IN_BODY, PARAM_DATE, false, 0, 0,
		"ISO date for scheduled send." },
	{ "recurrence", IN_BODY, PARAM_OBJECT, false, 0, 0,
		"{frequency: DAILY|WEEKLY|MONTHLY, interval, daysOfWeek, "
		"endAt, count}: repeats; each run is a campaign of its own." },
	END_OF_PARAMS
};
static const struct param list[] = { { "parentOnly", IN_QUERY, PARAM_BOOL,
					     false, 0, 0,
					     "Show only parent campaigns." },
	PAGE_PARAMS, END_OF_PARAMS };
static const struct param one[] = { ID_PARAM("Campaign id."), END_OF_PARAMS };
static const struct param recipients[] = { ID_PARAM("Campaign id."),
	{ "status", IN_QUERY, PARAM_ENUM, false, 0, 0,
		"PENDING|SENT|DELIVERED|READ|FAILED" },
	PAGE_PARAMS, END_OF_PARAMS };

/* ---- examples: the reference's ---- */

#define EXAMPLE_BODY                                                      \
	"{\"deviceUid\":\"dev_4f8c2a1e\",\"name\":\"Summer Sale\","       \
	"\"text\":\"{Hi|Hello} {name}! Check out our deals.\","           \
	"\"contactGroupIds\":[\"0195f5c2-7d1a-7c3e-9b5f-2a8e4d6c1b01\"]," \
	"\"tagIds\":[\"0195f5c2-7d1a-7c3e-9b5f-2a8e4d6c1b02\"],"          \
	"\"phoneNumbers\":[\"+1234567890\"]}"
#define EXAMPLE_LANES                                                      \
	"\"accountIds\":[\"dev_4f8c2a1e\",\"dev_7k2m9p3q\"],\"accounts\":" \
	"[{\"id\":\"dev_4f8c2a1e\",\"name\":\"Sales Line 1\",\"phone\":"   \
	"\"+12025550101\"},{\"id\":\"dev_7k2m9p3q\",\"name\":"             \
	"\"Sales Line 2\",\"phone\":\"+12025550102\"}]"
#define EXAMPLE_COMPLETION                                                  \
	"\"estimatedCompletionAt\":\"2026-05-26T14:30:00.000Z\","           \
	"\"estimatedCompletion\":{\"startsAt\":\"2026-05-22T10:00:00.000Z"  \
	"\",\"estimatedCompletionAt\":\"2026-05-26T14:30:00.000Z\","        \
	"\"estimatedDurationLabel\":\"~4 days\",\"calendarDaysSpanned\":4," \
	"\"accountCount\":2}"
#define EXAMPLE_ID "\"id\":\"0195f5c2-7d1a-7c3e-9b5f-2a8e4d6c1b00\""
#define EXAMPLE_TIMES                                                 \
	"\"startedAt\":\"2026-05-22T10:00:00.000Z\",\"completedAt\":" \
	"null,\"estimatedCompletionAt\":\"2026-05-23T18:30:00.000Z\""
#define EXAMPLE_CREATED                                              \
	"{" EXAMPLE_ID ",\"status\":\"RUNNING\",\"totalRecipients\"" \
	":150," EXAMPLE_LANES "," EXAMPLE_COMPLETION "}"
#define EXAMPLE_PREVIEW                                   \
	"{\"totalRecipients\":150,\"uniqueVariants\":24," \
	"\"requiredVariants\":19," EXAMPLE_LANES "," EXAMPLE_COMPLETION "}"
#define EXAMPLE_CAMPAIGN                                                       \
	"{" EXAMPLE_ID ",\"name\":\"Summer Sale\",\"status\":\"RUNNING\","     \
	"\"accountId\":\"dev_4f8c2a1e\",\"accountName\":\"Sales Line 1\","     \
	"\"accountPhone\":\"+12025550101\"," EXAMPLE_LANES                     \
	",\"text\":\"{Hi|Hello} there!\",\"spintaxTemplate\":null,"            \
	"\"totalRecipients\":150,\"sentCount\":42,\"failedCount\":1,"          \
	"\"pendingCount\":107," EXAMPLE_TIMES                                  \
	",\"parentId\":null,\"messageType\":\"TEXT\",\"mediaId\":null,"        \
	"\"scheduledAt\":null,\"reason\":null,\"recurrence\":null,\"runs\":0," \
	"\"createdAt\":\"2026-05-22T09:59:58.000Z\"}"
#define EXAMPLE_LIST                                                \
	"{\"data\":[" EXAMPLE_CAMPAIGN "],\"total\":20,\"page\":1," \
	"\"limit\":20}"
#define EXAMPLE_PROGRESS                                          \
	"{\"status\":\"RUNNING\",\"totalRecipients\":150,"        \
	"\"sentCount\":42,\"failedCount\":1,\"pendingCount\":"    \
	"107," EXAMPLE_TIMES ",\"accountIds\":[\"dev_4f8c2a1e\"," \
	"\"dev_7k2m9p3q\"]}"
#define EXAMPLE_ANALYTICS                                              \
	"{\"status\":\"RUNNING\",\"totalRecipients\":150,\"sent\":42," \
	"\"delivered\":38,\"read\":12,\"failed\":1,\"pending\":107,"   \
	"\"deliveryRate\":90.5,\"readRate\":31.6,\"failureRate\":0."   \
	"7," EXAMPLE_TIMES ",\"durationSec\":3720}"
#define EXAMPLE_RECIPIENTS                                              \
	"{\"data\":[{\"id\":\"7b2e1f60-3c1d-8a4e-9f00-5d6c7b8a9e01\","  \
	"\"phone\":\"+1234567890\",\"contactName\":\"Jane\","           \
	"\"accountId\":\"dev_7k2m9p3q\",\"accountName\":\"Sales Line 2" \
	"\",\"accountPhone\":\"+12025550102\",\"messageStatus\":"       \
	"\"PENDING\",\"status\":\"PENDING\",\"sentAt\":null,"           \
	"\"deliveredAt\":null,\"readAt\":null,\"failedAt\":null,"       \
	"\"error\":null}],\"total\":150,\"page\":1,\"limit\":20}"

#define ABOUT_CREATE                                                          \
	"Creates and starts a campaign unless scheduled or recurring.  At "   \
	"least one audience source is required; contactGroupIds, tagIds and " \
	"phoneNumbers may be sent together and are deduplicated by phone.  "  \
	"TEXT campaigns to more than one recipient need ceil(recipients / "   \
	"8) unique spintax variants.  Audiences may exceed dailyRemaining: "  \
	"sends drip across UTC days."

static const struct endpoint rows[] = {
	{ "POST", CAMPAIGNS, AUTH_ACCOUNT, GROUP, "Create Campaign", 201,
		create, .start = campaigns_create, .details = ABOUT_CREATE,
		.answer = "CampaignCreated", .errors = "400 403 409",
		.example_body = EXAMPLE_BODY, .example = EXAMPLE_CREATED },
	{ "POST", CAMPAIGNS "/preview", AUTH_ACCOUNT, GROUP, "Preview Campaign",
		200, create, .start = campaigns_preview,
		.details = "What POST " CAMPAIGNS " would make of the same "
			   "body, with the same errors; nothing is created.",
		.answer = "CampaignPreview", .errors = "400 403 409",
		.example_body = EXAMPLE_BODY, .example = EXAMPLE_PREVIEW },
	{ "GET", CAMPAIGNS, AUTH_ACCOUNT, GROUP, "List Campaigns", 200, list,
		.read = campaigns_list,
		.details = "Returns paginated campaigns, newest first.",
		.answer = "Page:Campaign", .errors = "400",
		.example = EXAMPLE_LIST },
	{ "GET", CAMPAIGNS "/:id", AUTH_ACCOUNT, GROUP, "Get Campaign", 200,
		one, .read = campaigns_get,
		.details = "Campaign metadata for monitoring, with all send "
			   "lanes.",
		.answer = "Campaign", .errors = "404",
		.example = EXAMPLE_CAMPAIGN },
	{ "GET", CAMPAIGNS "/:id/progress", AUTH_ACCOUNT, GROUP,
		"Get Campaign Progress", 200, one, .read = campaigns_progress,
		.details = "Live counters while RUNNING.",
		.answer = "CampaignProgress", .errors = "404",
		.example = EXAMPLE_PROGRESS },
	{ "GET", CAMPAIGNS "/:id/analytics", AUTH_ACCOUNT, GROUP,
		"Get Campaign Analytics", 200, one, .read = campaigns_analytics,
		.details = "Delivery funnel with rates in percent.",
		.answer = "CampaignAnalytics", .errors = "404",
		.example = EXAMPLE_ANALYTICS },
	{ "GET", CAMPAIGNS "/:id/recipients", AUTH_ACCOUNT, GROUP,
		"Get Campaign Recipients", 200, recipients,
		.read = campaigns_recipients,
		.details = "Sorted: PENDING first (queue order), then "
			   "SENT/DELIVERED/READ by sentAt ascending, then "
			   "FAILED.",
		.answer = "Page:CampaignRecipient", .errors = "400 404",
		.example = EXAMPLE_RECIPIENTS },
	{ "POST", CAMPAIGNS "/:id/pause", AUTH_ACCOUNT, GROUP, "Pause Campaign",
		200, one, .write = campaigns_pause,
		.details = "What the devices already have is still sent.",
		.answer = "CampaignUpdated", .errors = "404 409",
		.example = "{\"updated\":true}" },
	{ "POST", CAMPAIGNS "/:id/resume", AUTH_ACCOUNT, GROUP,
		"Resume Campaign", 200, one, .write = campaigns_resume,
		.details = "Goes on where it was paused.",
		.answer = "CampaignUpdated", .errors = "404 409",
		.example = "{\"updated\":true}" },
	{ "POST", CAMPAIGNS "/:id/retry-failed", AUTH_ACCOUNT, GROUP,
		"Retry Failed Recipients", 200, one, .start = campaigns_retry,
		.details = "Failed recipients wait again, and a campaign that "
			   "was paused or completed runs again.  Those whose "
			   "message may have arrived are left out.",
		.answer = "CampaignUpdated", .errors = "404",
		.example = "{\"updated\":true}" },
};

const struct endpoints endpoints_campaigns = {
	.rows = rows,
	.n = ARRAY_LEN(rows),
	.shapes = shapes,
	.n_shapes = ARRAY_LEN(shapes),
};
