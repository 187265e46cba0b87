/* The history of deliveries. */
#include "apid/handlers.h"

#include <string.h>

#include "apid/request.h"
#include "common/own.h"
#include "common/store/attempt.h"
#include "common/store/device.h"

static json_t *render_attempt(const struct attempt *attempt)
{
	return json_pack(
		"{s:s, s:o, s:o, s:o, s:o, s:s, s:o, s:i, s:b, s:o, s:i, s:o}",
		"id", attempt->public_id, "deviceUid",
		json_text(attempt->device_uid), "eventId",
		json_text(attempt->event_public_id), "eventType",
		json_text(attempt->event_type), "url", json_text(attempt->url),
		"deliveryStatus", attempt_status_name(attempt->status),
		"responseStatusCode",
		attempt->response_code > 0
			? json_integer(attempt->response_code)
			: json_null(),
		"attempt", attempt->number, "isReplay", attempt->is_replay,
		"error", json_text(attempt->error), "durationMs",
		attempt->duration_ms, "createdAt",
		json_time(attempt->started_ms));
}

static int add_attempt(const struct attempt *attempt, void *arg)
{
	json_array_append_new(arg, render_attempt(attempt));
	return 0;
}

static int attempt_status_from_name(const char *name)
{
	for (int s = ATTEMPT_SUCCESS; name != NULL && s <= ATTEMPT_REFUSED;
		s++) {
		if (strcmp(attempt_status_name((enum attempt_status)s), name) ==
			0)
			return s;
	}
	return 0;
}

static int list(struct request *request, const struct attempt_filter *filter,
	json_t *data, int64_t *total_out, struct err *err)
{
	const char *event_id = request_text(request, "eventId");
	const struct page page = request_page(request, NULL);

	if (event_id != NULL)
		return store_attempt_list_of_event(request->store, filter,
			event_id, page, add_attempt, data, total_out, err);
	return store_attempt_list(request->store, filter, page, add_attempt,
		data, total_out, err);
}

int webhooks_history(struct request *request, struct err *err)
{
	const char *uid = request_text(request, "deviceUid");
	struct attempt_filter filter = {
		.account_id = request->account_id,
		.status = attempt_status_from_name(
			request_text(request, "status")),
	};
	json_t *data = json_array();
	int64_t total = 0;
	int number;
	const struct page page = request_page(request, &number);

	request->reply = json_pack("{s:o, s:i, s:i, s:i}", "data", data,
		"total", 0, "page", number, "limit", page.limit);
	if (uid != NULL && store_device_id(request->store, request->account_id,
				   uid, &filter.device_id, err) != 0)
		return err->code == ERR_NOT_FOUND ? 0 : -1;
	if (list(request, &filter, data, &total, err) != 0)
		return -1;
	json_object_set_new(request->reply, "total", json_integer(total));
	return 0;
}
