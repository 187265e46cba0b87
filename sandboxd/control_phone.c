/* /phones: creating virtual phones, and what their owner would do and see. */
#include "sandboxd/control.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/err.h"
#include "common/own.h"
#include "sandboxd/app_state.h"
#include "sandboxd/control_body.h"
#include "sandboxd/phone.h"

#define READ_AFTER_MAX_MS (24 * 3600 * 1000)
#define NAME_MAX_BYTES 100
#define AUTO_REPLY_MAX_BYTES 4096
#define PAGE_DEFAULT 100
#define PAGE_MAX 1000
#define QR_MAX_BYTES 2048

/* ---- options ---- */

struct options {
	const char *name, *auto_reply;
	bool clear_auto_reply, clear_read_after, clear_corrupt;
	int64_t read_after_ms;
	bool deliver, snapshot;
	int media_retry, corrupt; /* -1: not named */
};

/* A text that must not be empty. */
static int take_text(const json_t *body, const char *key, size_t max,
	const char **out, struct err *err)
{
	if (body_text(body, key, max, out, err) != 0)
		return -1;
	return *out == NULL || (*out)[0] != '\0'
		       ? 0
		       : err_set(err, ERR_INVALID, "%s must not be empty", key);
}

static bool is_null(const json_t *body, const char *key)
{
	return json_is_null(json_object_get(body, key));
}

static int take_choices(
	const json_t *body, struct options *out, struct err *err)
{
	static const char *const answers[] = { "answer", "not_found", "silent",
		NULL };
	static const char *const defects[] = { "nothing", "patchMac",
		"snapshotMac", "valueMac", "snapshot", NULL };

	out->media_retry = out->corrupt = -1;
	out->clear_corrupt = is_null(body, "appStateCorrupt");
	if (body_choice(body, "mediaRetry", answers, &out->media_retry, err) !=
		0)
		return -1;
	return out->clear_corrupt ? 0
				  : body_choice(body, "appStateCorrupt",
					    defects, &out->corrupt, err);
}

/* null takes back autoReply, readAfterMs and appStateCorrupt. */
static int take_options(
	const struct control *control, struct options *out, struct err *err)
{
	static const char *const names[] = { "phone", "name", "readAfterMs",
		"deliver", "autoReply", "mediaRetry", "appStateSnapshot",
		"appStateCorrupt", NULL };
	const json_t *body = control->body;

	*out = (struct options){ 0 };
	out->clear_auto_reply = is_null(body, "autoReply");
	out->clear_read_after = is_null(body, "readAfterMs");
	if (control_only(control, names, err) != 0 ||
		take_text(body, "name", NAME_MAX_BYTES, &out->name, err) != 0)
		return -1;
	if (!out->clear_auto_reply &&
		take_text(body, "autoReply", AUTO_REPLY_MAX_BYTES,
			&out->auto_reply, err) != 0)
		return -1;
	if (!out->clear_read_after &&
		body_number(body, "readAfterMs", PHONE_READ_NEVER,
			READ_AFTER_MAX_MS, &out->read_after_ms, err) != 0)
		return -1;
	if (body_bool(body, "deliver", &out->deliver, err) != 0 ||
		body_bool(body, "appStateSnapshot", &out->snapshot, err) != 0)
		return -1;
	return take_choices(body, out, err);
}

static void apply_name(struct phone *phone, const char *name)
{
	struct account *account = phone->account;

	if (strcmp(account->push_name, name) == 0)
		return;
	snprintf(account->push_name, sizeof(account->push_name), "%s", name);
	phone_app_state_name(phone);
}

static void apply_app_state(
	struct phone *phone, const json_t *body, const struct options *options)
{
	if (json_object_get(body, "appStateSnapshot") != NULL)
		app_state_set_snapshot(phone->account, options->snapshot);
	if (options->clear_corrupt)
		phone_app_state_corrupt(phone, PHONE_CORRUPT_NOTHING);
	else if (options->corrupt >= 0)
		phone_app_state_corrupt(
			phone, (enum phone_corrupt)options->corrupt);
}

static void apply_options(
	struct phone *phone, const json_t *body, const struct options *options)
{
	if (options->name != NULL)
		apply_name(phone, options->name);
	if (options->clear_auto_reply || options->auto_reply != NULL) {
		free(phone->auto_reply);
		phone->auto_reply = options->auto_reply == NULL
					    ? NULL
					    : xstrdup(options->auto_reply);
	}
	if (options->clear_read_after)
		phone->read_after_ms = PHONE_READ_DEFAULT;
	else if (json_object_get(body, "readAfterMs") != NULL)
		phone->read_after_ms = (int)options->read_after_ms;
	if (options->media_retry >= 0)
		phone->media_retry =
			(enum phone_media_retry)options->media_retry;
	apply_app_state(phone, body, options);
	if (json_object_get(body, "deliver") != NULL)
		phone_set_deliver(phone, options->deliver);
}

/* ---- a phone ---- */

static json_t *text_or_null(const char *text)
{
	/* Peers' text may not be UTF-8; jansson takes no other. */
	json_t *json = text == NULL ? NULL : json_string(text);

	return json == NULL ? json_null() : json;
}

/* Who typed lately, the oldest first. */
static json_t *heard_json(const struct phone *phone)
{
	json_t *list = json_array();
	char chat[WA_JID_TEXT];

	for (unsigned i = 0; phone->heard != NULL && i < PHONE_HEARD_MAX; i++) {
		const struct heard *heard =
			&phone->heard[(phone->next_heard + i) %
				      PHONE_HEARD_MAX];

		if (heard->author == NULL)
			continue;
		json_array_append_new(
			list, json_pack("{s:s, s:s*, s:s, s:I}", "from",
				      heard->author->pn, "chat",
				      wa_jid_is_empty(&heard->chat)
					      ? NULL
					      : wa_jid_text(&heard->chat, chat),
				      "state", heard->state, "t",
				      (json_int_t)heard->t_ms));
	}
	return list;
}

static void describe(struct control *control, const struct phone *phone)
{
	const struct account *account = phone->account;
	json_int_t companions = 0;
	json_t *answer = control->answer;

	account_each_device (device, account)
		companions += device->number > 0;
	json_object_set_new(answer, "phone", json_string(account->pn));
	json_object_set_new(answer, "lid", json_string(account->lid));
	json_object_set_new(answer, "name", text_or_null(account->push_name));
	json_object_set_new(
		answer, "readAfterMs", json_integer(phone_read_delay(phone)));
	json_object_set_new(answer, "deliver", json_boolean(phone->deliver));
	json_object_set_new(
		answer, "autoReply", text_or_null(phone->auto_reply));
	json_object_set_new(answer, "companions", json_integer(companions));
	json_object_set_new(
		answer, "inboxCount", json_integer((json_int_t)phone->inbox.n));
	json_object_set_new(answer, "received",
		json_integer((json_int_t)phone->inbox.next_seq - 1));
	json_object_set_new(answer, "sent",
		json_integer((json_int_t)phone->outbox.next_seq - 1));
	json_object_set_new(answer, "undecryptable",
		json_integer((json_int_t)phone->undecryptable));
	json_object_set_new(answer, "waiting",
		json_integer((json_int_t)queue_length(phone_device(phone))));
	json_object_set_new(answer, "historyPending",
		json_integer(phone_history_pending(phone)));
	json_object_set_new(answer, "typing", heard_json(phone));
}

int control_phone_create(struct control *control, struct err *err)
{
	struct options options = { 0 };
	struct account *account;
	char digits[PHONE_LEN];
	int status = 200;

	if (take_options(control, &options, err) != 0 ||
		body_phone(control->body, "phone", digits, err) != 0)
		return -1;
	account = directory_by_pn(control->sandbox, digits);
	if (account == NULL) {
		account = directory_create(control->sandbox, digits);
		status = 201;
	}
	if (account == NULL)
		return err_set(
			err, ERR_INTERNAL, "the phone could not be made");
	apply_options(account->devices->phone, control->body, &options);
	describe(control, account->devices->phone);
	return status;
}

int control_phone_options(struct control *control, struct err *err)
{
	struct options options;

	if (take_options(control, &options, err) != 0)
		return -1;
	apply_options(control->phone, control->body, &options);
	describe(control, control->phone);
	return 200;
}

int control_phone_get(struct control *control, struct err *err)
{
	(void)err;
	describe(control, control->phone);
	return 200;
}

int control_phone_scan(struct control *control, struct err *err)
{
	static const char *const names[] = { "qr", "code", NULL };
	const char *qr = NULL, *code = NULL;
	int rc;

	if (control_only(control, names, err) != 0 ||
		take_text(control->body, "qr", QR_MAX_BYTES, &qr, err) != 0 ||
		take_text(control->body, "code", 16, &code, err) != 0)
		return -1;
	if ((qr == NULL) == (code == NULL))
		return err_set(err, ERR_INVALID, "give either qr or code");
	rc = qr != NULL ? pairing_scan(control->sandbox,
				  control->phone->account, qr, err)
			: pairing_enter_code(control->sandbox,
				  control->phone->account, code, err);
	if (rc != 0)
		return -1;
	json_object_set_new(control->answer, "status", json_string("scanned"));
	return 200;
}

int control_phone_identity(struct control *control, struct err *err)
{
	static const char *const none[] = { NULL };
	char text[64];

	if (control_only(control, none, err) != 0)
		return -1;
	phone_new_identity(control->phone);
	wa_base64(phone_identity(control->phone)->pub, WA_KEY_BYTES, text,
		sizeof(text));
	json_object_set_new(control->answer, "identity", json_string(text));
	return 200;
}

/* ---- inbox and outbox ---- */

/* Who of a group or of the audience has it. */
static json_t *ticks_json(
	const struct control *control, const struct box_entry *entry)
{
	json_t *ticks = json_object();

	for (size_t i = 0; i < entry->n_ticks; i++) {
		struct wa_jid lid = wa_jid_lid(entry->ticks[i].lid, 0);
		const struct account *account =
			directory_find(control->sandbox, &lid);

		if (account != NULL)
			json_object_set_new(ticks, account->pn,
				json_string(box_status_name(
					entry->ticks[i].status)));
	}
	return ticks;
}

/* The chat that is not one person's. */
static void add_chat(const struct control *control,
	const struct box_entry *entry, bool outgoing, json_t *json)
{
	const struct wa_jid *chat = outgoing ? &entry->peer : &entry->chat;
	const struct account *author = control->phone->account;
	char text[WA_JID_TEXT];

	if (wa_jid_is_empty(chat) || wa_jid_is_user(chat))
		return;
	if (!outgoing)
		author = directory_find(control->sandbox, &entry->peer);
	json_object_set_new(json, "chat", json_string(wa_jid_text(chat, text)));
	json_object_set_new(json, "author",
		text_or_null(author == NULL ? NULL : author->pn));
	if (outgoing)
		json_object_set_new(
			json, "receipts", ticks_json(control, entry));
}

static json_t *entry_json(const struct control *control,
	const struct box_entry *entry, bool outgoing)
{
	const struct account *peer =
		directory_find(control->sandbox, &entry->peer);
	json_t *json = json_object();

	json_object_set_new(json, "seq", json_integer((json_int_t)entry->seq));
	json_object_set_new(json, "id", text_or_null(entry->id));
	json_object_set_new(json, outgoing ? "to" : "from",
		text_or_null(peer == NULL ? NULL : peer->pn));
	json_object_set_new(json, outgoing ? "toLid" : "fromLid",
		text_or_null(wa_jid_is_user(&entry->peer) ? entry->peer.user
							  : NULL));
	json_object_set_new(json, "device", json_integer(entry->device));
	json_object_set_new(json, "type", text_or_null(entry->type));
	json_object_set_new(json, "text", text_or_null(entry->text));
	json_object_set_new(json, "t", json_integer(entry->t));
	json_object_set_new(
		json, "duplicates", json_integer(entry->duplicates));
	if (outgoing)
		json_object_set_new(json, "status",
			json_string(box_status_name(entry->status)));
	if (outgoing && entry->error != 0)
		json_object_set_new(json, "error", json_integer(entry->error));
	add_chat(control, entry, outgoing, json);
	if (entry->details != NULL)
		json_object_update(json, entry->details);
	return json;
}

static int page(struct control *control, const struct box *box, bool outgoing,
	struct err *err)
{
	int64_t since = 0, limit = PAGE_DEFAULT;
	json_t *entries;
	uint64_t seq;

	if (control_query(control, "since", 0, INT64_MAX, &since, err) != 0 ||
		control_query(control, "limit", 1, PAGE_MAX, &limit, err) != 0)
		return -1;
	entries = json_array();
	seq = (uint64_t)since + 1;
	if (seq < box_first_seq(box))
		seq = box_first_seq(box);
	for (; seq < box->next_seq && limit > 0; seq++, limit--)
		json_array_append_new(entries,
			entry_json(control, box_at(box, seq), outgoing));
	json_object_set_new(control->answer, "entries", entries);
	json_object_set_new(control->answer, "nextSince",
		json_integer(
			(json_int_t)(seq < box->next_seq ? seq - 1
							 : box->next_seq - 1)));
	json_object_set_new(
		control->answer, "total", json_integer((json_int_t)box->n));
	json_object_set_new(control->answer, "dropped",
		json_integer((json_int_t)box->dropped));
	return 200;
}

int control_phone_inbox(struct control *control, struct err *err)
{
	return page(control, &control->phone->inbox, false, err);
}

int control_phone_outbox(struct control *control, struct err *err)
{
	return page(control, &control->phone->outbox, true, err);
}

int control_phone_inbox_clear(struct control *control, struct err *err)
{
	(void)err;
	json_object_set_new(control->answer, "removed",
		json_integer((json_int_t)box_clear(&control->phone->inbox)));
	return 200;
}

/* ---- devices ---- */

static json_t *device_json(const struct device *device)
{
	struct wa_jid pn = device_pn(device), lid = device_lid(device);
	char pn_text[WA_JID_TEXT], lid_text[WA_JID_TEXT];

	return json_pack("{s:i, s:i, s:s, s:s, s:b, s:b, s:i, s:b, s:I}",
		"device", (int)device->number, "keyIndex",
		(int)device->key_index, "jid", wa_jid_text(&pn, pn_text), "lid",
		wa_jid_text(&lid, lid_text), "connected",
		device->session != NULL, "hasBundle", device->has_bundle,
		"prekeys", (int)device->n_prekeys, "welcomed", device->welcomed,
		"queued", (json_int_t)queue_length(device));
}

int control_phone_devices(struct control *control, struct err *err)
{
	json_t *list = json_array();

	(void)err;
	account_each_device (device, control->phone->account)
		json_array_append_new(list, device_json(device));
	json_object_set_new(control->answer, "devices", list);
	return 200;
}

int control_phone_device_remove(struct control *control, struct err *err)
{
	struct device *device;
	int64_t number;

	if (control_number("the device", control->segments[3], 1, 255, &number,
		    err) != 0)
		return -1;
	device = account_device(control->phone->account, (unsigned)number);
	if (device == NULL)
		return err_set(err, ERR_NOT_FOUND, "no such device");
	account_remove_companion(control->sandbox, device);
	json_object_set_new(control->answer, "removed", json_integer(number));
	return 200;
}
