/* Messages: list, get. */
#include "apid/handlers.h"

#include "apid/media.h"
#include "apid/request.h"
#include "common/own.h"
#include "common/store/contact.h"
#include "common/store/device.h"
#include "common/store/message.h"
#include "common/store/receipt.h"

#define RECEIPTS_MAX 1024

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

/* ---- what it holds ---- */

static int take_media(const struct media *media, void *arg)
{
	*(json_t **)arg = media_render(media);
	return 0;
}

/* docs/content.md.  Media is shown as it is now, not as it was when the message
 * was stored: it may have arrived since. */
static json_t *render_content(
	const struct request *request, const struct message *message)
{
	json_t *content = message->content != NULL
				  ? json_loads(message->content, 0, NULL)
				  : NULL;
	json_t *media = NULL;
	json_t *shown;

	if (message->media_id != 0)
		(void)store_media_by_id(request->store, message->media_id,
			take_media, &media, NULL);
	if (media == NULL)
		return content != NULL ? content : json_null();
	if (!json_is_object(content)) {
		json_decref(content);
		content = json_object();
	}
	shown = json_object_get(content, "media");
	if (json_is_object(shown))
		json_object_update_missing(media, shown);
	json_object_set_new(content, "media", media);
	return content;
}

static json_t *render_contact(
	const struct request *request, const struct message *message)
{
	char public_id[UUID_LEN] = "";

	if (message->phone != NULL || message->lid != NULL)
		(void)store_contact_public_id(request->store,
			message->account_id, message->phone, message->lid,
			public_id, NULL);
	return public_id[0] != '\0' ? json_string(public_id) : json_null();
}

/* The other end: a phone while one is known, else an address. */
static json_t *render_party(const struct message *message)
{
	if (message->phone != NULL)
		return json_phone(message->phone);
	return json_text(
		message->sender != NULL ? message->sender : message->chat);
}

/* ---- the message ---- */

static void put_times(json_t *out, const struct message *message)
{
	const struct {
		const char *name;
		int64_t at_ms;
	} times[] = {
		{ "createdAt", message->created_ms },
		{ "sentAt", message->sent_ms },
		{ "deliveredAt", message->delivered_ms },
		{ "readAt", message->read_ms },
		{ "failedAt", message->failed_ms },
	};

	for (size_t i = 0; i < ARRAY_LEN(times); i++)
		json_object_set_new(
			out, times[i].name, json_time(times[i].at_ms));
}

/* What no client sent has an id of our own there. */
static json_t *render_client_id(const struct message *message)
{
	return message->source == MESSAGE_BY_API
		       ? json_text(message->client_message_id)
		       : json_null();
}

static json_t *render_message(
	const struct request *request, const struct message *message)
{
	bool out = message->direction == MESSAGE_OUT;
	json_t *content = render_content(request, message);
	json_t *media = json_object_get(content, "media");
	json_t *rendered = json_pack(
		"{s:s, s:o, s:s, s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, "
		"s:o, s:o}",
		"id", message->public_id, "deviceUid",
		json_text(message->device_uid), "direction",
		out ? "OUTBOUND" : "INBOUND", "messageType",
		message_kind_name(message->kind), "status",
		message_status_name(message->status), "reason",
		json_text(message->reason), out ? "to" : "from",
		render_party(message), "chat", json_text(message->chat),
		"contactId", render_contact(request, message), "pushName",
		json_text(message->push_name), "text", json_text(message->text),
		"content", content, "providerMessageId",
		json_text(message->wa_id), "clientMessageId",
		render_client_id(message));

	put_times(rendered, message);
	if (media != NULL) {
		json_object_set(
			rendered, "mediaId", json_object_get(media, "id"));
		json_object_set(rendered, "mimeType",
			json_object_get(media, "mimeType"));
	}
	if (message->n_recipients > 0) {
		json_object_set_new(rendered, "recipients",
			json_integer(message->n_recipients));
		json_object_set_new(rendered, "deliveredTo",
			json_integer(message->n_delivered));
		json_object_set_new(
			rendered, "readBy", json_integer(message->n_read));
	}
	return rendered;
}

struct message_rows {
	const struct request *request;
	json_t *data;
};

static int add_message(const struct message *message, void *arg)
{
	struct message_rows *rows = arg;

	json_array_append_new(
		rows->data, render_message(rows->request, message));
	return 0;
}

int messages_list(struct request *request, struct err *err)
{
	const struct arg *to = request_arg(request, "to");
	const char *uid = request_text(request, "deviceUid");
	struct message_filter filter = { .account_id = request->account_id };
	struct message_rows rows = { request, json_array() };
	int64_t total = 0;
	struct page page;
	int number;

	page = request_page(request, &number);
	request->reply = json_pack("{s:o, s:i, s:i, s:i}", "data", rows.data,
		"total", 0, "page", number, "limit", page.limit);
	if (to->is_set)
		filter.phone = to->phone;
	if (uid != NULL && store_device_id(request->store, request->account_id,
				   uid, &filter.device_id, err) != 0)
		/* A device that is not theirs has no messages to show. */
		return err->code == ERR_NOT_FOUND ? 0 : -1;
	if (store_message_list(request->store, &filter, page, add_message,
		    &rows, &total, err) != 0)
		return -1;
	json_object_set_new(request->reply, "total", json_integer(total));
	return 0;
}

/* ---- one ---- */

static int add_receipt(const struct receipt *receipt, void *arg)
{
	json_array_append_new(
		arg, json_pack("{s:s, s:o, s:o, s:o, s:o, s:o}", "contactId",
			     receipt->contact_public_id, "phone",
			     json_phone(receipt->phone), "lid",
			     json_text(receipt->lid), "deliveredAt",
			     json_time(receipt->delivered_ms), "readAt",
			     json_time(receipt->read_ms), "playedAt",
			     json_time(receipt->played_ms)));
	return 0;
}

/* Of a group or a status: who reported.  A group has at most as many. */
static json_t *render_receipts(
	const struct request *request, const struct message *message)
{
	const struct page page = { .limit = RECEIPTS_MAX };
	json_t *receipts = json_array();
	int64_t total;

	(void)store_receipt_list(request->store, message->id, page, add_receipt,
		receipts, &total, NULL);
	return receipts;
}

static int set_message(const struct message *message, void *arg)
{
	struct request *request = arg;

	request->reply = render_message(request, message);
	json_object_set_new(
		request->reply, "timeline", render_timeline(message));
	if (message->n_recipients > 0)
		json_object_set_new(request->reply, "receipts",
			render_receipts(request, message));
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
