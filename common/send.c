#include "common/send.h"

#include <stdio.h>
#include <string.h>

#include "common/err.h"
#include "common/ids.h"
#include "common/own.h"
#include "common/phone.h"
#include "common/wa/jid.h"

/* What one acceptance needs to know of its device. */
struct sender {
	int64_t id;
	int64_t account_id;
	int64_t created_ms;
	enum device_status status;
};

static int on_device(const struct device *device, void *arg)
{
	struct sender *sender = arg;

	sender->id = device->id;
	sender->account_id = device->account_id;
	sender->created_ms = device->created_ms;
	sender->status = device->status;
	return 0;
}

static int find_sender(struct tx *tx, const struct send_request *request,
	struct sender *sender, struct err *err)
{
	if (store_device_by_uid(tx_store(tx), request->device_uid, on_device,
		    sender, err) != 0)
		return -1;
	if (sender->account_id != request->account_id)
		return err_set(err, ERR_NOT_FOUND, "device not found");
	return 0;
}

static int check_text(const struct send_request *request, struct err *err)
{
	const bool is_text =
		request->kind == 0 || request->kind == MESSAGE_TEXT;
	const size_t n = request->text != NULL ? strlen(request->text) : 0;

	if (n == 0 && is_text)
		return err_set(err, ERR_INVALID, "text must not be empty");
	if (n > SEND_TEXT_MAX)
		return err_set(err, ERR_INVALID,
			"text must not be longer than %d bytes", SEND_TEXT_MAX);
	return 0;
}

static int check_linked(
	const char *uid, enum device_status status, struct err *err)
{
	switch (status) {
	case DEVICE_CONNECTED:
	case DEVICE_DISCONNECTED:
		return 0;
	case DEVICE_PAIRING:
	case DEVICE_LOGGED_OUT:
	case DEVICE_BANNED:
		break;
	}
	return err_set(err, ERR_INVALID,
		"device %s is not linked to WhatsApp (status %s)", uid,
		device_status_name(status));
}

static int on_message(const struct message *message, void *arg)
{
	struct send_result *result = arg;

	result->duplicate = true;
	result->status = message->status;
	snprintf(result->message_id, sizeof(result->message_id), "%s",
		message->public_id);
	snprintf(result->wa_id, sizeof(result->wa_id), "%s", message->wa_id);
	return 0;
}

/* Finding none is no error: *@result then says that it is no duplicate. */
static int find_duplicate(struct tx *tx, const struct sender *sender,
	const char *client_message_id, struct send_result *result,
	struct err *err)
{
	struct err miss = ERR_NONE;

	if (client_message_id == NULL ||
		store_message_by_client_id(tx_store(tx), sender->id,
			client_message_id, on_message, result, &miss) == 0)
		return 0;
	if (miss.code == ERR_NOT_FOUND)
		return 0;
	*err = miss;
	return -1;
}

static int check_budget(struct tx *tx, const struct config *config,
	const struct sender *sender, int64_t now_ms, struct safety *out,
	struct err *err)
{
	struct budget budget;

	if (store_budget_get_tx(tx, sender->id, now_ms, &budget, err) != 0)
		return -1;
	safety_evaluate(config, &budget, sender->created_ms, now_ms, out);
	if (!out->can_send)
		return err_set(err, ERR_LIMIT, "%s", out->blocked_reason);
	return 0;
}

/* Freed by the bus with the protobuf allocator: every piece is of its own. */
static Bus__Envelope *job_envelope(
	const struct message *message, const char *device_uid)
{
	Bus__Envelope *envelope = xcalloc(1, sizeof(*envelope));
	Bus__SendJob *job = xcalloc(1, sizeof(*job));

	bus__send_job__init(job);
	job->message_id = message->id;
	job->device_seq = message->device_seq;
	job->wa_id = xstrdup(message->wa_id);
	job->chat = xstrdup(message->chat);
	job->kind = message->kind;
	job->text = xstrdup(message->text != NULL ? message->text : "");
	job->content =
		xstrdup(message->content != NULL ? message->content : "");
	job->media_id = message->media_id;
	job->created_ms = message->created_ms;
	bus__envelope__init(envelope);
	envelope->device_uid = xstrdup(device_uid);
	envelope->body_case = BUS__ENVELOPE__BODY_SEND_JOB;
	envelope->send_job = job;
	return envelope;
}

static int insert(struct tx *tx, const struct send_request *request,
	const struct sender *sender, int64_t now_ms, struct send_result *result,
	struct err *err)
{
	char chat[PHONE_LEN + sizeof("@s.whatsapp.net")];
	struct message message = { .account_id = request->account_id,
		.device_id = sender->id,
		.kind = request->kind != 0 ? request->kind : MESSAGE_TEXT,
		.source = request->source,
		.public_id = result->message_id,
		.wa_id = result->wa_id,
		.chat = request->chat != NULL ? request->chat : chat,
		.phone = request->phone,
		.text = request->text,
		.content = request->content,
		.media_id = request->media_id,
		.client_message_id = request->client_message_id,
		.created_ms = now_ms };
	struct wa_jid jid;
	bool duplicate;

	if (request->chat != NULL &&
		wa_jid_parse(request->chat, strlen(request->chat), &jid) == 0 &&
		jid.server == WA_SERVER_LID)
		message.lid = jid.user;
	id_uuid7(result->message_id);
	if (request->chat == NULL)
		snprintf(chat, sizeof(chat), "%s@s.whatsapp.net",
			request->phone);
	if (store_message_wa_id(tx, sender->id, result->wa_id, err) != 0 ||
		store_message_insert_out(tx, &message, &duplicate, err) != 0)
		return -1;
	if (duplicate) /* looked for in this very transaction */
		return err_set(err, ERR_INTERNAL, "clientMessageId reappeared");
	result->status = message.status;
	result->job = job_envelope(&message, request->device_uid);
	return 0;
}

int send_accept(struct tx *tx, const struct config *config,
	const struct send_request *request, int64_t now_ms,
	struct send_result *result, struct err *err)
{
	struct sender sender;

	*result = (struct send_result){ 0 };
	snprintf(result->device_uid, sizeof(result->device_uid), "%s",
		request->device_uid);
	if (check_text(request, err) != 0 ||
		find_sender(tx, request, &sender, err) != 0 ||
		find_duplicate(tx, &sender, request->client_message_id, result,
			err) != 0)
		return -1;
	if (result->duplicate)
		return 0;
	if (check_linked(request->device_uid, sender.status, err) != 0 ||
		(!request->is_free && (check_budget(tx, config, &sender, now_ms,
					       &result->safety, err) != 0 ||
					      store_budget_take(tx, sender.id,
						      now_ms, err) != 0)))
		return -1;
	return insert(tx, request, &sender, now_ms, result, err);
}
