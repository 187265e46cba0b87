/* Devices: what the reference shows, with the safety object, and the link's
 * lifecycle. */
#include "apid/handlers.h"

#include <stdlib.h>
#include <string.h>

#include "apid/limits.h"
#include "apid/request.h"
#include "common/antispam.h"
#include "common/clock.h"
#include "common/own.h"
#include "common/plan.h"
#include "common/safety.h"
#include "common/store/device.h"

static json_t *render_safety(const struct request *request,
	const struct device *device, int64_t now_ms)
{
	const struct config *config = request->apid->config;
	struct budget budget = { 0 };
	struct antispam pause;
	struct safety s;

	(void)store_budget_get(
		request->store, device->id, now_ms, &budget, NULL);
	safety_evaluate(config, &budget, device->created_ms, now_ms, &s);
	(void)antispam_get(
		request->store, device->account_id, now_ms, &pause, NULL);
	safety_pause(&s, &pause);
	return json_pack(
		"{s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:b, s:o, "
		"s:o, s:i, s:i, s:i}",
		"dailyLimit", s.daily_limit, "dailySent", s.daily_sent,
		"dailyRemaining", s.daily_remaining, "hourlyLimit",
		s.hourly_limit, "hourlySent", s.hourly_sent, "hourlyRemaining",
		s.hourly_remaining, "minuteLimit", s.minute_limit, "minuteSent",
		s.minute_sent, "minuteRemaining", s.minute_remaining,
		"accountAgeDays", s.account_age_days, "canSend", s.can_send,
		"blockedReason",
		json_text(s.can_send ? NULL : s.blocked_reason), "resetsAt",
		json_time(s.resets_at_ms), "campaignDelayMinSec",
		config->safety.campaign_delay_min_sec, "campaignDelayMaxSec",
		config->safety.campaign_delay_max_sec,
		"variantRecipientsPerVariant",
		config->safety.variant_recipients);
}

/* Whether what is sent really flows: senderd/health.h. */
static json_t *render_health(const struct device *device)
{
	const char *health = device->health;

	return json_pack("{s:o, s:o, s:o}", "status",
		json_text(health != NULL && health[0] != '\0' ? health : NULL),
		"reason", json_text(device->health_reason), "lastFrameAt",
		json_time(device->last_frame_ms));
}

/* WhatsApp may stop a number from starting chats for a while. */
static json_t *render_new_chats(const struct device *device, int64_t now_ms)
{
	bool is_paused = device->cold_chats_until_ms > now_ms;

	return json_pack("{s:b, s:o, s:o}", "allowed", !is_paused,
		"pausedUntil",
		json_time(is_paused ? device->cold_chats_until_ms : 0),
		"reason",
		json_text(is_paused ? device->cold_chats_reason : NULL));
}

/* NULL where there is nothing to say. */
static const char *reason_of(const struct device *device)
{
	const char *reason = device->lane_reason;

	return reason != NULL && reason[0] != '\0' ? reason : NULL;
}

static json_t *render_device(
	const struct request *request, const struct device *device)
{
	return json_pack("{s:s, s:o, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, "
			 "s:o, s:o}",
		"deviceUid", device->uid, "name", json_text(device->name),
		"status", device_status_name(device->status), "phone",
		json_phone(device->phone), "pushName",
		json_text(device->push_name), "state",
		json_text(device->lane_state), "stateReason",
		json_text(reason_of(device)), "linkedAt",
		json_time(device->linked_ms), "createdAt",
		json_time(device->created_ms), "safety",
		render_safety(request, device, clock_now_ms()), "health",
		render_health(device), "newChats",
		render_new_chats(device, clock_now_ms()));
}

struct device_list {
	const struct request *request;
	json_t *items;
};

static int add_device(const struct device *device, void *arg)
{
	struct device_list *list = arg;

	json_array_append_new(
		list->items, render_device(list->request, device));
	return 0;
}

int devices_list(struct request *request, struct err *err)
{
	struct device_list list = { .request = request, .items = json_array() };

	request->reply = json_pack("{s:o}", "items", list.items);
	return store_device_list(
		request->store, request->account_id, add_device, &list, err);
}

static int set_device(const struct device *device, void *arg)
{
	struct request *request = arg;

	request->reply = render_device(request, device);
	return 0;
}

int devices_get(struct request *request, struct err *err)
{
	int64_t id;

	if (store_device_id(request->store, request->account_id,
		    request_text(request, "deviceUid"), &id, err) != 0)
		return -1;
	return store_device_by_id(request->store, id, set_device, request, err);
}

static Bus__Envelope *lane_command(
	const char *device_uid, Bus__LaneAction action)
{
	Bus__Envelope *envelope = xcalloc(1, sizeof(*envelope));

	bus__envelope__init(envelope);
	envelope->device_uid = xstrdup(device_uid);
	envelope->body_case = BUS__ENVELOPE__BODY_LANE_COMMAND;
	envelope->lane_command = xcalloc(1, sizeof(*envelope->lane_command));
	bus__lane_command__init(envelope->lane_command);
	envelope->lane_command->action = action;
	return envelope;
}

static int check_plan(struct request *request, struct tx *tx, struct err *err)
{
	struct plan_refusal refusal = { 0 };

	if (plan_check(tx_store(tx), request->apid->config, request->account_id,
		    PLAN_DEVICES, 1, clock_now_ms(), &refusal, err) == 0)
		return 0;
	return limits_render_plan(request, &refusal, err);
}

int devices_create(struct request *request, struct tx *tx, struct err *err)
{
	char uid[DEVICE_UID_LEN];
	struct device device = { .account_id = request->account_id,
		.uid = uid,
		.name = request_text(request, "name"),
		.status = DEVICE_PAIRING,
		.created_ms = clock_now_ms() };

	if (check_plan(request, tx, err) != 0)
		return -1;
	id_device_uid(uid);
	if (store_device_create(tx, &device, &device.id, err) != 0)
		return -1;
	request_push(request, TO_SENDERD,
		lane_command(uid, BUS__LANE_ACTION__LANE_START));
	request->reply = json_pack("{s:s, s:s, s:s, s:n, s:o}", "deviceUid",
		uid, "name", device.name, "status",
		device_status_name(device.status), "phone", "createdAt",
		json_time(device.created_ms));
	return 0;
}

int devices_unlink(struct request *request, struct tx *tx, struct err *err)
{
	const char *uid = request_text(request, "deviceUid");
	int64_t id;

	/* The lane hears of it after the commit and logs out at WhatsApp; if it
	 * is not running, senderd does that for a deleted device at its next
	 * start. */
	if (store_device_id(tx_store(tx), request->account_id, uid, &id, err) !=
			0 ||
		store_device_delete(tx, id, clock_now_ms(), err) != 0)
		return -1;
	request_push(request, TO_SENDERD,
		lane_command(uid, BUS__LANE_ACTION__LANE_UNLINK));
	request->reply = json_pack("{s:b}", "deleted", 1);
	return 0;
}

int devices_restart(struct request *request, struct err *err)
{
	const char *uid = request_text(request, "deviceUid");
	Bus__Envelope *command;
	int64_t id;
	bool sent;

	if (store_device_id(
		    request->store, request->account_id, uid, &id, err) != 0)
		return -1;
	command = lane_command(uid, BUS__LANE_ACTION__LANE_RESTART);
	sent = bus_send(request->apid->senderd_jobs, command);
	bus_envelope_free(&command);
	if (!sent)
		return err_set(err, ERR_BUSY, "The sender is not running");
	request->reply =
		json_pack("{s:b, s:s}", "accepted", 1, "deviceUid", uid);
	return 0;
}
