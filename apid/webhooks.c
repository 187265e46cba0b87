/* Webhooks: list, create or change, remove, replace the secret. */
#include "apid/webhooks.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "apid/handlers.h"
#include "apid/request.h"
#include "common/clock.h"
#include "common/own.h"
#include "common/store/device.h"
#include "common/store/webhook.h"
#include "common/wa/crypto.h"

#define SECRET_BYTES 24
#define SECRET_TEXT_MAX 64

/* ---- what is shown ---- */

static const char *url_state(
	const struct webhook *webhook, const struct webhook_place *place)
{
	if (!webhook->is_active)
		return "inactive";
	if (place->n_pauses > 0)
		return "paused";
	return place->attempts > 0 ? "retrying" : "ok";
}

/* How far it is behind is a difference of numbers, nothing is counted. */
static void add_url(json_t *list, const struct webhook *webhook,
	const char *kind, const char *url, const struct webhook_place *place)
{
	if (url == NULL)
		return;
	json_array_append_new(list,
		json_pack("{s:s, s:o, s:s, s:o, s:i, s:I}", "kind", kind, "url",
			json_text(url), "state", url_state(webhook, place),
			"pausedUntil", json_time(place->paused_until_ms),
			"consecutiveFailures", place->n_failed, "behind",
			(json_int_t)(webhook->device_seq - place->cursor_seq)));
}

static json_t *render_urls(const struct webhook *webhook)
{
	json_t *list = json_array();

	add_url(list, webhook, "personal", webhook->personal_url,
		&webhook->personal.place);
	add_url(list, webhook, "group", webhook->group_url,
		&webhook->group.place);
	return list;
}

static json_t *render_webhook(const struct webhook *webhook)
{
	return json_pack("{s:s, s:o, s:o, s:o, s:b, s:o, s:o, s:o, s:o}", "id",
		webhook->public_id, "deviceUid", json_text(webhook->device_uid),
		"personalWebhookUrl", json_text(webhook->personal_url),
		"groupWebhookUrl", json_text(webhook->group_url), "isActive",
		webhook->is_active, "endpoints", render_urls(webhook),
		"oldSecretUntil", json_time(webhook->old_until_ms), "createdAt",
		json_time(webhook->created_ms), "updatedAt",
		json_time(webhook->updated_ms));
}

static int add_webhook(const struct webhook *webhook, void *arg)
{
	json_array_append_new(arg, render_webhook(webhook));
	return 0;
}

static int set_webhook(const struct webhook *webhook, void *arg)
{
	struct request *request = arg;

	request->reply = render_webhook(webhook);
	return 0;
}

int webhooks_get(struct request *request, struct err *err)
{
	return store_webhook_by_public_id(request->store, request->account_id,
		request_text(request, "id"), set_webhook, request, err);
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

/* ---- changing ---- */

struct current { /* what PUT leaves alone when it is not given */
	char *personal_url, *group_url;
	bool is_active;
};

static void current_fini(struct current *current)
{
	free(current->personal_url);
	free(current->group_url);
}

static int take_current(const struct webhook *webhook, void *arg)
{
	struct current *current = arg;

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

struct secret { /* made for a webhook; wiped with it */
	char text[SECRET_TEXT_MAX];
	uint8_t sealed[SECRET_TEXT_MAX + SECRET_SEAL_OVERHEAD];
	int n_sealed;
};

/* "whsec_" and base64, as the Standard Webhooks libraries expect it. */
static void secret_make(struct apid *apid, struct secret *secret)
{
	uint8_t bytes[SECRET_BYTES];

	random_bytes(bytes, sizeof(bytes));
	memcpy(secret->text, "whsec_", 6);
	wa_base64(bytes, sizeof(bytes), secret->text + 6, SECRET_TEXT_MAX - 6);
	secret->n_sealed = (int)(strlen(secret->text) + SECRET_SEAL_OVERHEAD);
	secret_seal(&apid->webhook_key, WEBHOOK_SECRET_CONTEXT, secret->text,
		strlen(secret->text), secret->sealed);
	sodium_memzero(bytes, sizeof(bytes));
}

static void secret_fini(struct secret *secret)
{
	sodium_memzero(secret, sizeof(*secret));
}

Bus__Envelope *webhooks_wake(int64_t device_id)
{
	Bus__Envelope *envelope = xcalloc(1, sizeof(*envelope));

	bus__envelope__init(envelope);
	envelope->body_case = BUS__ENVELOPE__BODY_WAKE;
	envelope->wake = xcalloc(1, sizeof(*envelope->wake));
	bus__wake__init(envelope->wake);
	envelope->wake->device_id = device_id;
	return envelope;
}

static int reply_webhook(struct request *request, struct tx *tx,
	int64_t device_id, struct err *err)
{
	int64_t total;

	return store_webhook_list(tx_store(tx), request->account_id, device_id,
		set_webhook, request, &total, err);
}

/* What was named anew, or switched on, is tried at once. */
static void fill_webhook(const struct request *request,
	const struct current *current, struct webhook *webhook)
{
	const bool is_on = request_number(request, "isActive", 0) != 0;

	webhook->personal_url =
		url_after(request, "personalWebhookUrl", current->personal_url);
	webhook->group_url =
		url_after(request, "groupWebhookUrl", current->group_url);
	webhook->is_active =
		request_number(request, "isActive", current->is_active) != 0;
	webhook->resume_personal =
		is_on || request_text(request, "personalWebhookUrl") != NULL;
	webhook->resume_group =
		is_on || request_text(request, "groupWebhookUrl") != NULL;
}

int webhooks_put(struct request *request, struct tx *tx, struct err *err)
{
	scoped(current_fini) struct current current = { .is_active = true };
	scoped(secret_fini) struct secret secret = { 0 };
	char uid[UUID_LEN];
	struct webhook webhook = { .public_id = uid,
		.account_id = request->account_id,
		.secret = secret.sealed };
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
	secret_make(request->apid, &secret);
	webhook.secret_bytes = secret.n_sealed;
	fill_webhook(request, &current, &webhook);
	if (store_webhook_put(tx, &webhook, clock_now_ms(), &created, err) !=
			0 ||
		reply_webhook(request, tx, webhook.device_id, err) != 0)
		return -1;
	if (created) /* shown this one time */
		json_object_set_new(
			request->reply, "secret", json_string(secret.text));
	request_push(request, TO_WEBHOOKD, webhooks_wake(webhook.device_id));
	return 0;
}

struct named { /* the webhook that a path names */
	int64_t id, device_id;
	char device_uid[DEVICE_UID_LEN];
};

static int take_named(const struct webhook *webhook, void *arg)
{
	struct named *named = arg;

	named->id = webhook->id;
	named->device_id = webhook->device_id;
	snprintf(named->device_uid, sizeof(named->device_uid), "%s",
		webhook->device_uid);
	return 0;
}

int webhooks_delete(struct request *request, struct tx *tx, struct err *err)
{
	struct named named;

	if (store_webhook_by_public_id(tx_store(tx), request->account_id,
		    request_text(request, "id"), take_named, &named,
		    err) != 0 ||
		store_webhook_delete(tx, request->account_id, named.id, err) !=
			0)
		return -1;
	request_push(request, TO_WEBHOOKD, webhooks_wake(named.device_id));
	request->reply = json_pack("{s:b}", "deleted", 1);
	return 0;
}

int webhooks_rotate(struct request *request, struct tx *tx, struct err *err)
{
	const int64_t now_ms = clock_now_ms();
	const int64_t overlap_sec = request_number(request, "overlapSec",
		request->apid->config->webhook.secret_overlap_sec);
	scoped(secret_fini) struct secret secret = { 0 };
	struct webhook_secret change = { .sealed = secret.sealed };
	struct named named;

	if (store_webhook_by_public_id(tx_store(tx), request->account_id,
		    request_text(request, "id"), take_named, &named, err) != 0)
		return -1;
	secret_make(request->apid, &secret);
	change.webhook_id = named.id;
	change.n_sealed = secret.n_sealed;
	if (overlap_sec > 0)
		change.old_until_ms = now_ms + overlap_sec * 1000;
	if (store_webhook_rotate(tx, &change, now_ms, err) != 0)
		return -1;
	request_push(request, TO_WEBHOOKD, webhooks_wake(named.device_id));
	request->reply = json_pack("{s:s, s:s, s:s, s:o}", "id",
		request_text(request, "id"), "deviceUid", named.device_uid,
		"secret", secret.text, "oldSecretUntil",
		json_time(change.old_until_ms));
	return 0;
}
