#include "common/send.h"

#include <stdio.h>
#include <string.h>

#include <jansson.h>

#include "common/antispam.h"
#include "common/buf.h"
#include "common/err.h"
#include "common/ids.h"
#include "common/own.h"
#include "common/phone.h"
#include "common/spintax.h"
#include "common/store/addressbook.h"
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

static int check_client_id(const struct send_request *request, struct err *err)
{
	const char *id = request->client_message_id;

	for (; id != NULL && *id != '\0'; id++)
		if (request->source == MESSAGE_BY_API &&
			((unsigned char)*id < ' ' || *id == 0x7f))
			return err_set(err, ERR_INVALID,
				"clientMessageId must be printable");
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

struct known { /* the message that has the client_message_id */
	struct send_result *result;
	int64_t recipient_id;
};

static int on_message(const struct message *message, void *arg)
{
	struct known *known = arg;
	struct send_result *result = known->result;

	known->recipient_id = message->recipient_id;
	result->duplicate = true;
	result->status = message->status;
	snprintf(result->message_id, sizeof(result->message_id), "%s",
		message->public_id);
	snprintf(result->wa_id, sizeof(result->wa_id), "%s", message->wa_id);
	return 0;
}

/* A recipient would wait for ever for what another one's message becomes. */
static int check_known(const struct send_request *request,
	const struct known *known, struct err *err)
{
	if (request->recipient_id == 0 ||
		request->recipient_id == known->recipient_id)
		return 0;
	known->result->duplicate = false;
	return err_set(err, ERR_INVALID,
		"another message has the clientMessageId %s",
		request->client_message_id);
}

/* Finding none is no error: *@result then says that it is no duplicate. */
static int find_duplicate(struct tx *tx, const struct sender *sender,
	const struct send_request *request, struct send_result *result,
	struct err *err)
{
	struct known known = { .result = result };
	struct err miss = ERR_NONE;

	if (request->client_message_id == NULL)
		return 0;
	if (store_message_by_client_id(tx_store(tx), sender->id,
		    request->client_message_id, on_message, &known, &miss) == 0)
		return check_known(request, &known, err);
	if (miss.code == ERR_NOT_FOUND)
		return 0;
	*err = miss;
	return -1;
}

static int refuse(struct send_result *result, enum send_refusal refusal)
{
	result->refusal = refusal;
	return -1;
}

/* Everything that may forbid an account to send now, most lasting first. */
static int check_account(struct tx *tx, const struct config *config,
	const struct send_request *request, int64_t now_ms,
	struct send_result *result, struct err *err)
{
	struct antispam pause;

	if (plan_check(tx_store(tx), config, request->account_id, PLAN_MESSAGES,
		    1, now_ms, &result->plan, err) != 0)
		return err->code == ERR_FORBIDDEN
			       ? refuse(result, SEND_REFUSED_PLAN)
			       : -1;
	if (antispam_get(tx_store(tx), request->account_id, now_ms, &pause,
		    err) != 0)
		return -1;
	if (pause.paused_until_ms <= now_ms)
		return 0;
	result->resets_at_ms = pause.paused_until_ms;
	err_set(err, ERR_LIMIT, "Sending is paused: %s", pause.reason);
	return refuse(result, SEND_REFUSED_PAUSE);
}

static int check_budget(struct tx *tx, const struct config *config,
	const struct sender *sender, int64_t now_ms, struct send_result *result,
	struct err *err)
{
	struct safety *safety = &result->safety;
	struct budget budget;

	if (store_budget_get_tx(tx, sender->id, now_ms, &budget, err) != 0)
		return -1;
	safety_evaluate(config, &budget, sender->created_ms, now_ms, safety);
	if (safety->can_send)
		return 0;
	result->resets_at_ms = safety->resets_at_ms;
	err_set(err, ERR_LIMIT, "%s", safety->blocked_reason);
	return refuse(result, SEND_REFUSED_BUDGET);
}

/* What costs a budget, and takes it. */
static int spend(struct tx *tx, const struct config *config,
	const struct send_request *request, const struct sender *sender,
	int64_t now_ms, struct send_result *result, struct err *err)
{
	if (request->is_free)
		return 0;
	if (check_account(tx, config, request, now_ms, result, err) != 0 ||
		check_budget(tx, config, sender, now_ms, result, err) != 0)
		return -1;
	return store_budget_take(tx, sender->id, now_ms, err);
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
	const struct sender *sender, const char *text, int64_t now_ms,
	struct send_result *result, struct err *err)
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
		.text = text,
		.content = request->content,
		.media_id = request->media_id,
		.recipient_id = request->recipient_id,
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
	result->row_id = message.id;
	result->job = job_envelope(&message, request->device_uid);
	return 0;
}

/* ---- the text ---- */

struct person { /* whom a template is filled in for */
	struct tx *tx;
	const struct send_request *request;
	bool is_looked_up;
	json_t *values; /* owned: what is known, by name; or NULL */
};

static void person_fini(struct person *person)
{
	json_decref(person->values);
}

static int take_person(const struct book_contact *contact, void *arg)
{
	struct person *person = arg;

	person->values = json_loads(
		contact->fields != NULL ? contact->fields : "{}", 0, NULL);
	if (person->values == NULL)
		person->values = json_object();
	if (contact->name != NULL)
		json_object_set_new(
			person->values, "name", json_string(contact->name));
	return 0;
}

/* Looked up when the first variable is met: most texts have none. */
static const char *value_of(const char *name, void *arg)
{
	struct person *person = arg;

	if (!person->is_looked_up && person->request->phone != NULL)
		(void)store_book_by_phone(tx_store(person->tx),
			person->request->account_id, person->request->phone,
			take_person, person, NULL);
	person->is_looked_up = true;
	return json_string_value(json_object_get(person->values, name));
}

/* A text without a brace, a bar or a backslash stands for itself. */
static bool is_plain(const struct send_request *request)
{
	return request->text == NULL || !request->is_template ||
	       strpbrk(request->text, "{}\\") == NULL;
}

static int render_text(struct tx *tx, const struct send_request *request,
	struct buf *out, struct err *err)
{
	scoped(person_fini) struct person person = { .tx = tx,
		.request = request };

	if (spintax_render(request->text, value_of, &person, out, err) != 0)
		return -1;
	if (out->len == 0)
		return err_set(err, ERR_INVALID, "text must not be empty");
	return 0;
}

int send_accept(struct tx *tx, const struct config *config,
	const struct send_request *request, int64_t now_ms,
	struct send_result *result, struct err *err)
{
	scoped(buf_fini) struct buf rendered = BUF_INIT;
	const char *text = request->text;
	struct sender sender;

	*result = (struct send_result){ 0 };
	snprintf(result->device_uid, sizeof(result->device_uid), "%s",
		request->device_uid);
	if (check_text(request, err) != 0 || check_client_id(request, err) != 0)
		return -1;
	if (find_sender(tx, request, &sender, err) != 0)
		return err->code == ERR_NOT_FOUND
			       ? refuse(result, SEND_REFUSED_DEVICE)
			       : -1;
	if (find_duplicate(tx, &sender, request, result, err) != 0)
		return -1;
	if (result->duplicate)
		return 0;
	if (check_linked(request->device_uid, sender.status, err) != 0)
		return refuse(result, SEND_REFUSED_DEVICE);
	if (!is_plain(request)) {
		if (render_text(tx, request, &rendered, err) != 0)
			return -1;
		text = buf_cstr(&rendered);
	}
	if (spend(tx, config, request, &sender, now_ms, result, err) != 0)
		return -1;
	return insert(tx, request, &sender, text, now_ms, result, err);
}
