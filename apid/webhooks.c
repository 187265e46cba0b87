/* Webhooks: list, create or change, delivery history. */
#include "apid/handlers.h"

#include <stdlib.h>
#include <string.h>

#include "apid/request.h"
#include "common/clock.h"
#include "common/own.h"
#include "common/store/device.h"
#include "common/store/webhook.h"
#include "common/wa/crypto.h"

#define SECRET_BYTES 24
#define SECRET_TEXT_MAX 64

static json_t *render_webhook(const struct webhook *webhook)
{
	return json_pack("{s:s, s:o, s:o, s:o, s:b, s:o, s:o}", "id",
		webhook->public_id, "deviceUid", json_text(webhook->device_uid),
		"personalWebhookUrl", json_text(webhook->personal_url),
		"groupWebhookUrl", json_text(webhook->group_url), "isActive",
		webhook->is_active, "createdAt", json_time(webhook->created_ms),
		"updatedAt", json_time(webhook->updated_ms));
}

static int add_webhook(const struct webhook *webhook, void *arg)
{
	json_array_append_new(arg, render_webhook(webhook));
	return 0;
}

int webhooks_list(struct request *request, struct err *err)
{
	const char *uid = request_text(request, "deviceUid");
	json_t *data = json_array();
	int64_t device_id = 0, total = 0;

	request->reply = json_pack("{s:o, s:i}", "data", data, "total", 0);
	if (uid != NULL && store_device_id(request->store, request->account_id,
				   uid, &device_id, err) != 0)
		return err->code == ERR_NOT_FOUND ? 0 : -1;
	if (store_webhook_list(request->store, request->account_id, device_id,
		    add_webhook, data, &total, err) != 0)
		return -1;
	json_object_set_new(request->reply, "total", json_integer(total));
	return 0;
}

struct current { /* what PUT leaves alone when it is not given */
	char *personal_url, *group_url;
	bool is_active;
	bool found;
};

static void current_fini(struct current *current)
{
	free(current->personal_url);
	free(current->group_url);
}

static int take_current(const struct webhook *webhook, void *arg)
{
	struct current *current = arg;

	current->found = true;
	current->is_active = webhook->is_active;
	if (webhook->personal_url != NULL)
		current->personal_url = xstrdup(webhook->personal_url);
	if (webhook->group_url != NULL)
		current->group_url = xstrdup(webhook->group_url);
	return 0;
}

static const char *url_after(
	const struct request *request, const char *name, const char *before)
{
	const struct arg *arg = request_arg(request, name);

	if (!arg->is_set)
		return before;
	return arg->is_null ? NULL : arg->text;
}

/* "whsec_" and base64, as the Standard Webhooks libraries expect it. */
static void make_secret(char out[SECRET_TEXT_MAX])
{
	uint8_t bytes[SECRET_BYTES];

	random_bytes(bytes, sizeof(bytes));
	memcpy(out, "whsec_", 6);
	wa_base64(bytes, sizeof(bytes), out + 6, SECRET_TEXT_MAX - 6);
}

static int reply_webhook(struct request *request, struct tx *tx,
	int64_t device_id, struct err *err)
{
	json_t *rows = json_array();
	int64_t total;
	int rc;

	rc = store_webhook_list(tx_store(tx), request->account_id, device_id,
		add_webhook, rows, &total, err);
	if (rc == 0)
		request->reply = json_incref(json_array_get(rows, 0));
	json_decref(rows);
	return rc;
}

static Bus__Envelope *wake(int64_t device_id)
{
	Bus__Envelope *envelope = xcalloc(1, sizeof(*envelope));

	bus__envelope__init(envelope);
	envelope->body_case = BUS__ENVELOPE__BODY_WAKE;
	envelope->wake = xcalloc(1, sizeof(*envelope->wake));
	bus__wake__init(envelope->wake);
	envelope->wake->device_id = device_id;
	return envelope;
}

int webhooks_put(struct request *request, struct tx *tx, struct err *err)
{
	scoped(current_fini) struct current current = { .is_active = true };
	uint8_t sealed[SECRET_TEXT_MAX + SECRET_SEAL_OVERHEAD];
	char uid[UUID_LEN], secret[SECRET_TEXT_MAX];
	struct webhook webhook = { .public_id = uid,
		.account_id = request->account_id,
		.secret = sealed };
	int64_t total;
	bool created;

	if (store_device_id(tx_store(tx), request->account_id,
		    request_text(request, "deviceUid"), &webhook.device_id,
		    err) != 0 ||
		store_webhook_list(tx_store(tx), request->account_id,
			webhook.device_id, take_current, &current, &total,
			err) != 0)
		return -1;
	id_uuid7(uid);
	make_secret(secret);
	webhook.secret_bytes = (int)(strlen(secret) + SECRET_SEAL_OVERHEAD);
	secret_seal(&request->apid->webhook_key, WEBHOOK_SECRET_CONTEXT, secret,
		strlen(secret), sealed);
	webhook.personal_url =
		url_after(request, "personalWebhookUrl", current.personal_url);
	webhook.group_url =
		url_after(request, "groupWebhookUrl", current.group_url);
	webhook.is_active =
		request_number(request, "isActive", current.is_active) != 0;
	if (store_webhook_put(tx, &webhook, clock_now_ms(), &created, err) !=
			0 ||
		reply_webhook(request, tx, webhook.device_id, err) != 0)
		return -1;
	if (created) /* shown this one time */
		json_object_set_new(
			request->reply, "secret", json_string(secret));
	request_push(request, TO_WEBHOOKD, wake(webhook.device_id));
	return 0;
}

static json_t *render_attempt(const struct attempt *attempt)
{
	return json_pack(
		"{s:s, s:o, s:o, s:o, s:o, s:s, s:o, s:i, s:o, s:i, s:o}", "id",
		attempt->public_id, "deviceUid", json_text(attempt->device_uid),
		"eventId", json_text(attempt->event_public_id), "eventType",
		json_text(attempt->event_type), "url", json_text(attempt->url),
		"deliveryStatus", attempt_status_name(attempt->status),
		"responseStatusCode",
		attempt->response_code > 0
			? json_integer(attempt->response_code)
			: json_null(),
		"attempt", attempt->number, "error", json_text(attempt->error),
		"durationMs", attempt->duration_ms, "createdAt",
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
	struct page page = request_page(request, &number);

	request->reply = json_pack("{s:o, s:i, s:i, s:i}", "data", data,
		"total", 0, "page", number, "limit", page.limit);
	if (uid != NULL && store_device_id(request->store, request->account_id,
				   uid, &filter.device_id, err) != 0)
		return err->code == ERR_NOT_FOUND ? 0 : -1;
	if (store_attempt_list(request->store, &filter, page, add_attempt, data,
		    &total, err) != 0)
		return -1;
	json_object_set_new(request->reply, "total", json_integer(total));
	return 0;
}
