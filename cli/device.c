#include "cli/device.h"

#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/senderd.h"
#include "common/bus.h"
#include "common/clock.h"
#include "common/err.h"
#include "common/own.h"

/* A lane logs out at WhatsApp in this time, or the phone's list goes on showing
 * it. */
#define UNLINK_TIMEOUT_MS 10000

/* ---- for others ---- */

int device_make(struct tx *tx, int64_t account_id, const char *name,
	char uid_out[DEVICE_UID_LEN], struct err *err)
{
	struct device device = {
		.account_id = account_id,
		.uid = uid_out,
		.name = name,
		.status = DEVICE_PAIRING,
		.created_ms = clock_now_ms(),
	};
	int64_t id;

	id_device_uid(uid_out);
	return store_device_create(tx, &device, &id, err);
}

static void copy_text(char *out, size_t size, const char *text)
{
	snprintf(out, size, "%s", text != NULL ? text : "");
}

static int on_look(const struct device *device, void *arg)
{
	struct device_view *view = arg;

	view->id = device->id;
	view->status = device->status;
	view->lane_since_ms = device->lane_since_ms;
	copy_text(view->phone, sizeof(view->phone), device->phone);
	copy_text(
		view->lane_state, sizeof(view->lane_state), device->lane_state);
	copy_text(view->lane_reason, sizeof(view->lane_reason),
		device->lane_reason);
	return 0;
}

int device_look(struct store *store, const char *uid, struct device_view *out,
	struct err *err)
{
	return store_device_by_uid(store, uid, on_look, out, err);
}

/* ---- vereda device list ---- */

static int on_device(const struct device *device, void *arg)
{
	json_array_append_new(
		arg, json_pack("{s:s, s:s, s:s, s:o, s:o}", "deviceUid",
			     device->uid, "name", device->name, "status",
			     device_status_name(device->status), "phone",
			     cli_json_text(device->phone), "createdAt",
			     cli_json_time(device->created_ms)));
	return 0;
}

static int device_list(
	struct cli *cli, const char *account, json_t *devices, struct err *err)
{
	scoped(store_close) struct store *store = NULL;
	int64_t account_id;

	if (cli_store_open(cli, false, &store, err) != 0 ||
		cli_account_find(store, account, &account_id, err) != 0)
		return -1;
	return store_device_list(store, account_id, on_device, devices, err);
}

static void print_device(json_t *device)
{
	printf("%s  %-12s %-16s %s\n", cli_text_of(device, "deviceUid"),
		cli_text_of(device, "status"), cli_text_of(device, "phone"),
		cli_text_of(device, "name"));
}

int cmd_device_list(struct cli *cli, int argc, char **argv)
{
	const char *account = NULL;
	const struct cli_option options[] = {
		{ "account", &account, NULL },
		{ 0 },
	};
	struct err err = ERR_NONE;
	json_t *devices;

	if (!cli_start(cli, argc, argv, options, NULL))
		return EXIT_USAGE;
	devices = json_array();
	if (device_list(cli, account, devices, &err) != 0) {
		json_decref(devices);
		return cli_fail("%s", err.msg);
	}
	cli_print_list(cli, "devices", devices, print_device);
	return 0;
}

/* ---- vereda device unlink ---- */

static int device_delete(struct cli *cli, const char *uid, struct err *err)
{
	scoped(store_close) struct store *store = NULL;
	scoped(tx_end) struct tx *tx = NULL;
	struct device_view view;

	if (cli_store_open(cli, false, &store, err) != 0 ||
		device_look(store, uid, &view, err) != 0)
		return -1;
	tx = tx_begin(store, err);
	if (tx == NULL ||
		store_device_delete(tx, view.id, clock_now_ms(), err) != 0)
		return -1;
	return tx_commit(tx, err);
}

/* The command goes first, so when the question is answered it has been seen. */
static bool lane_unlink(struct cli *cli, const char *uid)
{
	scoped(senderd_close) struct senderd *senderd = NULL;
	scoped(bus_envelope_free) Bus__Envelope *answer = NULL;
	Bus__LaneStatus status = BUS__LANE_STATUS__INIT;
	Bus__Question question = BUS__QUESTION__INIT;
	struct err err = ERR_NONE;

	question.ask_case = BUS__QUESTION__ASK_LANE_STATUS;
	question.lane_status = &status;
	if (senderd_open(cli->config, &senderd, &err) != 0 ||
		!senderd_command(senderd, uid, BUS__LANE_ACTION__LANE_UNLINK))
		return false;
	return senderd_ask(senderd, uid, &question, UNLINK_TIMEOUT_MS, &answer,
		       &err) == 0 ||
	       err.code != ERR_TIMEOUT;
}

int cmd_device_unlink(struct cli *cli, int argc, char **argv)
{
	const char *uid = NULL;
	struct err err = ERR_NONE;
	bool told;

	if (!cli_start(cli, argc, argv, NULL, &uid))
		return EXIT_USAGE;
	if (uid == NULL) {
		cli_fail("the device's uid is needed; see vereda device list");
		return EXIT_USAGE;
	}
	if (device_delete(cli, uid, &err) != 0)
		return cli_fail("%s", err.msg);
	told = lane_unlink(cli, uid);
	if (cli->json)
		cli_print_json(json_pack("{s:s, s:b, s:b}", "deviceUid", uid,
			"deleted", 1, "laneTold", told));
	else
		printf("device %s is unlinked%s\n", uid,
			told ? ""
			     : "; senderd is not running: remove it on the "
			       "phone, under linked devices");
	return 0;
}
