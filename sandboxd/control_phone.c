/* /phones: creating virtual phones, and what their owner would do and see. */
#include "sandboxd/control.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/err.h"
#include "common/own.h"
#include "common/phone.h"
#include "sandboxd/phone.h"

#define READ_AFTER_MAX_MS (24 * 3600 * 1000)
#define NAME_MAX_BYTES 100
#define AUTO_REPLY_MAX_BYTES 4096
#define PAGE_DEFAULT 100
#define PAGE_MAX 1000
#define QR_MAX_BYTES 2048

/* ---- properties of the body ---- */

/* Text of 1 to @max bytes; NULL and no error when it is missing. */
static int take_text(const struct control *control, const char *key, size_t max,
	const char **out, struct err *err)
{
	const json_t *value = json_object_get(control->body, key);

	*out = NULL;
	if (value == NULL)
		return 0;
	if (!json_is_string(value) || json_string_length(value) == 0 ||
		json_string_length(value) > max)
		return err_set(err, ERR_INVALID,
			"%s must be a text of 1 to %zu bytes", key, max);
	*out = json_string_value(value);
	return 0;
}

static int take_phone(const struct control *control, const char *key,
	char digits[PHONE_LEN], struct err *err)
{
	const json_t *value = json_object_get(control->body, key);

	if (!json_is_string(value) ||
		phone_parse(json_string_value(value), json_string_length(value),
			digits) != 0)
		return err_set(err, ERR_INVALID,
			"%s must match ^\\+?[0-9]{7,15}$", key);
	return 0;
}

struct options {
	const char *name, *auto_reply;
	bool clear_auto_reply;
	const json_t *read_after_ms, *deliver;
};

static int take_options(
	const struct control *control, struct options *out, struct err *err)
{
	static const char *const names[] = { "phone", "name", "readAfterMs",
		"deliver", "autoReply", NULL };
	json_int_t ms;

	if (control_only(control, names, err) != 0 ||
		take_text(control, "name", NAME_MAX_BYTES, &out->name, err) !=
			0)
		return -1;
	out->clear_auto_reply =
		json_is_null(json_object_get(control->body, "autoReply"));
	if (!out->clear_auto_reply &&
		take_text(control, "autoReply", AUTO_REPLY_MAX_BYTES,
			&out->auto_reply, err) != 0)
		return -1;
	out->deliver = json_object_get(control->body, "deliver");
	if (out->deliver != NULL && !json_is_boolean(out->deliver))
		return err_set(
			err, ERR_INVALID, "deliver must be true or false");
	out->read_after_ms = json_object_get(control->body, "readAfterMs");
	ms = json_integer_value(out->read_after_ms);
	if (out->read_after_ms != NULL && !json_is_null(out->read_after_ms) &&
		(!json_is_integer(out->read_after_ms) ||
			ms < PHONE_READ_NEVER || ms > READ_AFTER_MAX_MS))
		return err_set(err, ERR_INVALID,
			"readAfterMs must be -1 (never) to %d, or null",
			READ_AFTER_MAX_MS);
	return 0;
}

static void apply_options(struct phone *phone, const struct options *options)
{
	struct account *account = phone->account;

	if (options->name != NULL)
		snprintf(account->push_name, sizeof(account->push_name), "%s",
			options->name);
	if (options->clear_auto_reply || options->auto_reply != NULL) {
		free(phone->auto_reply);
		phone->auto_reply = options->auto_reply == NULL
					    ? NULL
					    : xstrdup(options->auto_reply);
	}
	if (json_is_null(options->read_after_ms))
		phone->read_after_ms = PHONE_READ_DEFAULT;
	else if (options->read_after_ms != NULL)
		phone->read_after_ms =
			(int)json_integer_value(options->read_after_ms);
	if (options->deliver != NULL)
		phone_set_deliver(phone, json_is_true(options->deliver));
}

/* ---- a phone ---- */

static json_t *text_or_null(const char *text)
{
	/* Peers' text may not be UTF-8; jansson takes no other. */
	json_t *json = text == NULL ? NULL : json_string(text);

	return json == NULL ? json_null() : json;
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
}

int control_phone_create(struct control *control, struct err *err)
{
	struct options options = { 0 };
	struct account *account;
	char digits[PHONE_LEN];
	int status = 200;

	if (take_options(control, &options, err) != 0 ||
		take_phone(control, "phone", digits, err) != 0)
		return -1;
	account = directory_by_pn(control->sandbox, digits);
	if (account == NULL) {
		account = directory_create(control->sandbox, digits);
		status = 201;
	}
	if (account == NULL)
		return err_set(
			err, ERR_INTERNAL, "the phone could not be made");
	apply_options(account->devices->phone, &options);
	describe(control, account->devices->phone);
	return status;
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
	const char *qr, *code;
	int rc;

	if (control_only(control, names, err) != 0 ||
		take_text(control, "qr", QR_MAX_BYTES, &qr, err) != 0 ||
		take_text(control, "code", 16, &code, err) != 0)
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
		text_or_null(entry->peer.user));
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

int control_phone_send(struct control *control, struct err *err)
{
	static const char *const names[] = { "to", "text", NULL };
	char digits[PHONE_LEN], id[64];
	const char *text;

	if (control_only(control, names, err) != 0 ||
		take_phone(control, "to", digits, err) != 0 ||
		take_text(control, "text", PHONE_TEXT_MAX, &text, err) != 0)
		return -1;
	if (text == NULL)
		return err_set(err, ERR_INVALID, "text is missing");
	if (phone_send_text(control->phone, digits, text, id, err) != 0)
		return -1;
	json_object_set_new(control->answer, "id", json_string(id));
	return 201;
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
