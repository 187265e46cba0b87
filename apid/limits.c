#include "apid/limits.h"

#include "apid/request.h"
#include "common/antispam.h"
#include "common/plan.h"
#include "common/send.h"

/* Takes @reply. */
static int refuse(struct request *request, int status, json_t *reply)
{
	request->status = status;
	request->extra_body = true;
	json_decref(request->reply);
	request->reply = reply;
	return -1;
}

/* A feature is not counted. */
static json_t *count_of(const struct plan_refusal *refusal, int64_t n)
{
	return refusal->is_feature ? json_null() : json_integer(n);
}

int limits_render_plan(struct request *request,
	const struct plan_refusal *refusal, struct err *err)
{
	if (err->code != ERR_FORBIDDEN)
		return -1;
	return refuse(request, 403,
		json_pack("{s:i, s:s, s:o, s:s, s:o, s:o}", "statusCode", 403,
			"error",
			refusal->is_feature ? "PLAN_FEATURE_UNAVAILABLE"
					    : "PLAN_LIMIT_EXCEEDED",
			"message", json_text(err->msg), "plan", refusal->plan,
			"limit", count_of(refusal, refusal->limit), "used",
			count_of(refusal, refusal->used)));
}

/* What the device's budget is used up of; it speaks of the device, too. */
static json_t *budget_body(const struct request *request,
	const char *device_uid, const struct send_result *result)
{
	return json_pack("{s:i, s:s, s:s, s:s, s:s, s:o}", "statusCode", 429,
		"error", "Account Send Limit", "message",
		result->safety.blocked_reason, "accountId",
		request->account_uid, "deviceUid", device_uid, "resetsAt",
		json_time(result->resets_at_ms));
}

static json_t *pause_body(const struct request *request,
	const struct send_result *result, const struct err *err)
{
	char message[ANTISPAM_SENTENCE_LEN];

	antispam_sentence(err->msg, result->resets_at_ms, message);
	return json_pack("{s:i, s:s, s:o, s:s, s:o}", "statusCode", 429,
		"error", "Anti-Spam Pause", "message", json_text(message),
		"accountId", request->account_uid, "resetsAt",
		json_time(antispam_resets_at_ms(result->resets_at_ms)));
}

int limits_render_send(struct request *request, const char *device_uid,
	const struct send_result *result, struct err *err)
{
	request->retry_at_ms = antispam_resets_at_ms(result->resets_at_ms);
	switch (result->refusal) {
	case SEND_REFUSED_BUDGET:
		return refuse(
			request, 429, budget_body(request, device_uid, result));
	case SEND_REFUSED_PAUSE:
		return refuse(request, 429, pause_body(request, result, err));
	case SEND_REFUSED_PLAN:
		return limits_render_plan(request, &result->plan, err);
	case SEND_TAKEN:
	case SEND_REFUSED_DEVICE:
		break;
	}
	return -1;
}
