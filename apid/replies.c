#include "apid/replies.h"

#include <string.h>

#include "apid/request.h"
#include "apid/table.h"
#include "common/autoreply.h"
#include "common/clock.h"
#include "common/own.h"
#include "common/send.h"
#include "common/store/autoreply.h"
#include "common/store/device.h"

static json_t *render_rule(const struct auto_reply *rule)
{
	return json_pack("{s:s, s:s, s:s, s:o, s:o, s:b, s:i, s:o, s:o}", "id",
		rule->public_id, "deviceUid", rule->device_uid, "triggerType",
		auto_reply_trigger_name(rule->trigger), "triggerValue",
		json_text(rule->trigger_value), "replyText",
		json_text(rule->reply_text), "enabled", rule->is_enabled,
		"order", rule->position, "createdAt",
		json_time(rule->created_ms), "updatedAt",
		json_time(rule->updated_ms));
}

static int set_rule(const struct auto_reply *rule, void *arg)
{
	struct request *request = arg;

	json_decref(request->reply);
	request->reply = render_rule(rule);
	return 0;
}

static int add_rule(const struct auto_reply *rule, void *arg)
{
	json_array_append_new(arg, render_rule(rule));
	return 0;
}

/* What can only be said of the texts themselves; NULL ones are not given. */
static int check_texts(
	const char *trigger_value, const char *reply_text, struct err *err)
{
	if (trigger_value != NULL && autoreply_is_blank(trigger_value))
		return err_set(err, ERR_INVALID,
			"triggerValue must not be white space alone");
	if (reply_text != NULL && strlen(reply_text) > SEND_TEXT_MAX)
		return err_set(err, ERR_INVALID,
			"replyText must not be longer than %d bytes",
			SEND_TEXT_MAX);
	return 0;
}

static int read_rule(struct request *request, struct store *store,
	const char *id, struct err *err)
{
	return store_auto_reply_by_public_id(
		store, request->account_id, id, set_rule, request, err);
}

int replies_list(struct request *request, struct err *err)
{
	json_t *data = json_array();
	int64_t device_id = 0, total = 0;
	int number;
	struct page page = request_whole_page(request, WHOLE_PAGE_MAX, &number);

	request->reply = json_pack("{s:o, s:i, s:i, s:i}", "data", data,
		"total", 0, "page", number, "limit", page.limit);
	if (store_device_id(request->store, request->account_id,
		    request_text(request, "deviceUid"), &device_id, err) != 0)
		return err->code == ERR_NOT_FOUND ? 0 : -1;
	if (store_auto_reply_list(request->store, request->account_id,
		    device_id, page, add_rule, data, &total, err) != 0)
		return -1;
	json_object_set_new(request->reply, "total", json_integer(total));
	return 0;
}

int replies_get(struct request *request, struct err *err)
{
	return read_rule(
		request, request->store, request_text(request, "id"), err);
}

int replies_create(struct request *request, struct tx *tx, struct err *err)
{
	char id[UUID_LEN];
	struct auto_reply rule = {
		.public_id = id,
		.account_id = request->account_id,
		.position = (int)request_number(request, "order", -1),
		.trigger = auto_reply_trigger_parse(
			request_text(request, "triggerType")),
		.trigger_value = request_text(request, "triggerValue"),
		.reply_text = request_text(request, "replyText"),
		.is_enabled = request_number(request, "enabled", true) != 0,
	};

	id_uuid7(id);
	if (check_texts(rule.trigger_value, rule.reply_text, err) != 0 ||
		store_device_id(tx_store(tx), request->account_id,
			request_text(request, "deviceUid"), &rule.device_id,
			err) != 0 ||
		store_auto_reply_create(tx, &rule, clock_now_ms(), err) != 0)
		return -1;
	return read_rule(request, tx_store(tx), id, err);
}

/* The rule as it stands, with what the request says about it. */
struct update {
	const struct request *request;
	struct tx *tx;
	struct err *err;
	int rc;
};

static int update_rule(const struct auto_reply *old, void *arg)
{
	struct update *update = arg;
	const struct request *request = update->request;
	const char *device_uid = request_text(request, "deviceUid");
	const char *type = request_text(request, "triggerType");
	const char *value = request_text(request, "triggerValue");
	const char *reply = request_text(request, "replyText");
	struct auto_reply rule = *old;

	if (device_uid != NULL && strcmp(device_uid, old->device_uid) != 0) {
		update->rc = err_set(update->err, ERR_INVALID,
			"deviceUid cannot be changed");
		return 0;
	}
	if (type != NULL)
		rule.trigger = auto_reply_trigger_parse(type);
	if (value != NULL)
		rule.trigger_value = value;
	if (reply != NULL)
		rule.reply_text = reply;
	rule.position = (int)request_number(request, "order", old->position);
	rule.is_enabled =
		request_number(request, "enabled", old->is_enabled) != 0;
	update->rc = store_auto_reply_update(
		update->tx, &rule, clock_now_ms(), update->err);
	return 0;
}

int replies_update(struct request *request, struct tx *tx, struct err *err)
{
	const char *id = request_text(request, "id");
	struct update update = { .request = request, .tx = tx, .err = err };

	if (check_texts(request_text(request, "triggerValue"),
		    request_text(request, "replyText"), err) != 0 ||
		store_auto_reply_by_public_id(tx_store(tx), request->account_id,
			id, update_rule, &update, err) != 0 ||
		update.rc != 0)
		return -1;
	return read_rule(request, tx_store(tx), id, err);
}

int replies_delete(struct request *request, struct tx *tx, struct err *err)
{
	if (store_auto_reply_delete(tx, request->account_id,
		    request_text(request, "id"), err) != 0)
		return -1;
	request->reply = json_pack("{s:b}", "deleted", true);
	return 0;
}
