/* Scheduled messages: create, list, get, update, cancel. */
#include "apid/handlers.h"

#include <string.h>

#include "apid/request.h"
#include "common/clock.h"
#include "common/own.h"
#include "common/store/device.h"
#include "common/store/scheduled.h"

static json_t *render_scheduled(const struct scheduled *scheduled)
{
	return json_pack(
		"{s:s, s:o, s:o, s:o, s:s, s:o, s:o, s:o, s:o, s:o, s:o}", "id",
		scheduled->public_id, "deviceUid",
		json_text(scheduled->device_uid), "to",
		json_phone(scheduled->phone), "text",
		json_text(scheduled->text), "status",
		scheduled_status_name(scheduled->status), "scheduledAt",
		json_time(scheduled->due_ms), "reason",
		json_text(scheduled->reason), "messageId",
		json_text(scheduled->message_public_id), "createdAt",
		json_time(scheduled->created_ms), "updatedAt",
		json_time(scheduled->updated_ms), "sentAt",
		json_time(scheduled->sent_ms));
}

static Bus__Envelope *wake(int64_t due_ms)
{
	Bus__Envelope *envelope = xcalloc(1, sizeof(*envelope));

	bus__envelope__init(envelope);
	envelope->body_case = BUS__ENVELOPE__BODY_WAKE;
	envelope->wake = xcalloc(1, sizeof(*envelope->wake));
	bus__wake__init(envelope->wake);
	envelope->wake->due_ms = due_ms;
	return envelope;
}

static int check_future(int64_t due_ms, struct err *err)
{
	if (due_ms <= clock_now_ms())
		return err_set(
			err, ERR_INVALID, "scheduledAt must be in the future");
	return 0;
}

static int set_scheduled(const struct scheduled *scheduled, void *arg)
{
	struct request *request = arg;

	json_decref(request->reply);
	request->reply = render_scheduled(scheduled);
	return 0;
}

int schedules_create(struct request *request, struct tx *tx, struct err *err)
{
	char uid[UUID_LEN];
	int64_t now_ms = clock_now_ms();
	struct scheduled scheduled = {
		.public_id = uid,
		.account_id = request->account_id,
		.device_uid = request_text(request, "deviceUid"),
		.phone = request_arg(request, "to")->phone,
		.text = request_text(request, "text"),
		.due_ms = request_number(request, "scheduledAt", 0),
		.status = SCHEDULED_PENDING,
		.created_ms = now_ms,
		.updated_ms = now_ms,
	};

	id_uuid7(uid);
	if (check_future(scheduled.due_ms, err) != 0 ||
		store_device_id(tx_store(tx), request->account_id,
			scheduled.device_uid, &scheduled.device_id, err) != 0 ||
		store_scheduled_create(tx, &scheduled, &scheduled.id, err) != 0)
		return -1;
	request_push(request, TO_SCHEDULERD, wake(scheduled.due_ms));
	request->reply = render_scheduled(&scheduled);
	return 0;
}

static int add_scheduled(const struct scheduled *scheduled, void *arg)
{
	json_array_append_new(arg, render_scheduled(scheduled));
	return 0;
}

static int status_from_name(const char *name)
{
	for (int s = SCHEDULED_PENDING;
		name != NULL && s <= SCHEDULED_CANCELLED; s++) {
		if (strcmp(scheduled_status_name((enum scheduled_status)s),
			    name) == 0)
			return s;
	}
	return 0;
}

int schedules_list(struct request *request, struct err *err)
{
	const char *uid = request_text(request, "deviceUid");
	struct scheduled_filter filter = {
		.account_id = request->account_id,
		.status = status_from_name(request_text(request, "status")),
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
	if (store_scheduled_list(request->store, &filter, page, add_scheduled,
		    data, &total, err) != 0)
		return -1;
	json_object_set_new(request->reply, "total", json_integer(total));
	return 0;
}

int schedules_get(struct request *request, struct err *err)
{
	return store_scheduled_by_public_id(request->store, request->account_id,
		request_text(request, "id"), set_scheduled, request, err);
}

int schedules_update(struct request *request, struct tx *tx, struct err *err)
{
	const struct arg *to = request_arg(request, "to");
	int64_t due_ms = request_number(request, "scheduledAt", 0);
	const char *id = request_text(request, "id");

	if (due_ms != 0 && check_future(due_ms, err) != 0)
		return -1;
	if (store_scheduled_update(tx, request->account_id, id,
		    to->is_set ? to->phone : NULL,
		    request_text(request, "text"), due_ms, clock_now_ms(),
		    err) != 0)
		return -1;
	request_push(request, TO_SCHEDULERD, wake(due_ms));
	return store_scheduled_by_public_id(tx_store(tx), request->account_id,
		id, set_scheduled, request, err);
}

int schedules_cancel(struct request *request, struct tx *tx, struct err *err)
{
	const char *id = request_text(request, "id");

	if (store_scheduled_cancel(
		    tx, request->account_id, id, clock_now_ms(), err) != 0)
		return -1;
	return store_scheduled_by_public_id(tx_store(tx), request->account_id,
		id, set_scheduled, request, err);
}
