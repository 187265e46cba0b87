/* Messages: send, list, get. */
#include "apid/handlers.h"

#include "apid/request.h"
#include "common/clock.h"
#include "common/own.h"
#include "common/send.h"

/* The documented 429 body, and the device it speaks of. */
static int render_limit(
	struct request *request, const struct safety *safety, struct err *err)
{
	request->status = 429;
	request->extra_body = true;
	request->reply = json_pack("{s:i, s:s, s:s, s:s, s:s, s:o}",
		"statusCode", 429, "error", "Account Send Limit", "message",
		safety->blocked_reason, "accountId", request->account_uid,
		"deviceUid", request_text(request, "deviceUid"), "resetsAt",
		json_time(safety->resets_at_ms));
	return err_set(err, ERR_LIMIT, "%s", safety->blocked_reason);
}

int messages_send(struct request *request, struct tx *tx, struct err *err)
{
	struct send_request send = {
		.account_id = request->account_id,
		.device_uid = request_text(request, "deviceUid"),
		.phone = request_arg(request, "to")->phone,
		.text = request_text(request, "text"),
		.client_message_id = request_text(request, "clientMessageId"),
		.source = MESSAGE_BY_API,
	};
	struct send_result result = { 0 };

	if (send_accept(tx, request->apid->config, &send, clock_now_ms(),
		    &result, err) != 0) {
		if (err->code == ERR_LIMIT)
			return render_limit(request, &result.safety, err);
		return -1;
	}
	request_push(request, TO_SENDERD, move(result.job));
	request->reply = json_pack("{s:b, s:s, s:s, s:s}", "accepted", 1,
		"providerMessageId", result.wa_id, "sessionId", send.device_uid,
		"messageId", result.message_id);
	return 0;
}

/* What happened when, oldest first; only what happened. */
static json_t *render_timeline(const struct message *message)
{
	const struct {
		const char *status;
		int64_t at_ms;
	} steps[] = {
		{ message->direction == MESSAGE_IN ? "RECEIVED" : "QUEUED",
			message->created_ms },
		{ "SENT", message->sent_ms },
		{ "DELIVERED", message->delivered_ms },
		{ "READ", message->read_ms },
		{ "FAILED", message->failed_ms },
	};
	json_t *timeline = json_array();

	for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
		if (steps[i].at_ms != 0)
			json_array_append_new(
				timeline, json_pack("{s:s, s:o}", "status",
						  steps[i].status, "at",
						  json_time(steps[i].at_ms)));
	}
	return timeline;
}

static json_t *render_message(const struct message *message)
{
	bool out = message->direction == MESSAGE_OUT;

	return json_pack(
		"{s:s, s:o, s:s, s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, "
		"s:o, s:o, s:o, s:o, s:o}",
		"id", message->public_id, "deviceUid",
		json_text(message->device_uid), "direction",
		out ? "OUTBOUND" : "INBOUND", "messageType",
		message_kind_name(message->kind), "status",
		message_status_name(message->status), "reason",
		json_text(message->reason), out ? "to" : "from",
		json_phone(message->phone), "chat", json_text(message->chat),
		"pushName", json_text(message->push_name), "text",
		json_text(message->text), "providerMessageId",
		json_text(message->wa_id), "clientMessageId",
		json_text(message->client_message_id), "createdAt",
		json_time(message->created_ms), "sentAt",
		json_time(message->sent_ms), "deliveredAt",
		json_time(message->delivered_ms), "readAt",
		json_time(message->read_ms), "failedAt",
		json_time(message->failed_ms));
}

static int add_message(const struct message *message, void *arg)
{
	json_array_append_new(arg, render_message(message));
	return 0;
}

int messages_list(struct request *request, struct err *err)
{
	const struct arg *to = request_arg(request, "to");
	const char *uid = request_text(request, "deviceUid");
	struct message_filter filter = { .account_id = request->account_id };
	json_t *data = json_array();
	int64_t total = 0;
	struct page page;
	int number;

	page = request_page(request, &number);
	request->reply = json_pack("{s:o, s:i, s:i, s:i}", "data", data,
		"total", 0, "page", number, "limit", page.limit);
	if (to->is_set)
		filter.phone = to->phone;
	if (uid != NULL && store_device_id(request->store, request->account_id,
				   uid, &filter.device_id, err) != 0)
		/* A device that is not theirs has no messages to show. */
		return err->code == ERR_NOT_FOUND ? 0 : -1;
	if (store_message_list(request->store, &filter, page, add_message, data,
		    &total, err) != 0)
		return -1;
	json_object_set_new(request->reply, "total", json_integer(total));
	return 0;
}

static int set_message(const struct message *message, void *arg)
{
	struct request *request = arg;

	request->reply = render_message(message);
	json_object_set_new(
		request->reply, "timeline", render_timeline(message));
	json_object_set_new(request->reply, "deviceCount",
		json_integer(message->n_devices));
	json_object_set_new(request->reply, "retriesAnswered",
		json_integer(message->n_retries));
	return 0;
}

int messages_get(struct request *request, struct err *err)
{
	return store_message_by_public_id(request->store, request->account_id,
		request_text(request, "id"), set_message, request, err);
}
