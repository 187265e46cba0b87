/* vereda status: which daemons run, and what each device's lane is doing. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "cli/cli.h"
#include "cli/probe.h"
#include "common/clock.h"
#include "common/err.h"
#include "common/own.h"
#include "common/store/device.h"
#include "common/store/message.h"

/* ---- devices ---- */

struct listing {
	json_t *devices; /* in the order of ids */
	int64_t *ids;	 /* of the same devices */
	size_t n;
};

static void listing_fini(struct listing *listing)
{
	json_decref(listing->devices);
	free(listing->ids);
}

static int on_device(const struct device *device, void *arg)
{
	struct listing *listing = arg;

	listing->ids = xrealloc(
		listing->ids, (listing->n + 1) * sizeof(*listing->ids));
	listing->ids[listing->n++] = device->id;
	json_array_append_new(listing->devices,
		json_pack("{s:s, s:s, s:s, s:o, s:o, s:o, s:o, s:o}",
			"deviceUid", device->uid, "name", device->name,
			"status", device_status_name(device->status), "phone",
			cli_json_text(device->phone), "laneState",
			cli_json_text(device->lane_state), "since",
			cli_json_time(device->lane_since_ms), "reason",
			cli_json_text(device->lane_reason), "lastFrame",
			cli_json_time(device->last_frame_ms)));
	return 0;
}

static int on_oldest(const struct message *message, void *arg)
{
	*(int64_t *)arg = message->created_ms;
	return 1;
}

/* How long the oldest message of the device's queue has waited. */
static int add_queue_age(
	struct store *store, json_t *device, int64_t id, struct err *err)
{
	int64_t oldest_ms = 0;

	if (store_message_queued(store, id, 0, 1, on_oldest, &oldest_ms, err) !=
		0)
		return -1;
	json_object_set_new(device, "queueAgeMs",
		json_integer(oldest_ms != 0 ? clock_now_ms() - oldest_ms : 0));
	return 0;
}

static int devices_read(
	struct cli *cli, struct listing *listing, struct err *err)
{
	scoped(store_close) struct store *store = NULL;

	if (cli_store_open(cli, false, &store, err) != 0 ||
		store_device_all(store, on_device, listing, err) != 0)
		return -1;
	for (size_t i = 0; i < listing->n; i++)
		if (add_queue_age(store, json_array_get(listing->devices, i),
			    listing->ids[i], err) != 0)
			return -1;
	return 0;
}

static void print_device(json_t *device)
{
	int64_t queue_ms =
		json_integer_value(json_object_get(device, "queueAgeMs"));

	printf("%-14s %-13s %-17s %-11s %-25s %8" PRId64 "s  %s\n",
		cli_text_of(device, "deviceUid"), cli_text_of(device, "status"),
		cli_text_of(device, "phone"), cli_text_of(device, "laneState"),
		cli_text_of(device, "since"), queue_ms / 1000,
		cli_text_of(device, "reason"));
}

/* ---- the command ---- */

static json_t *daemons_probe(const struct cli *cli, bool *all_up)
{
	json_t *daemons = json_array();

	*all_up = true;
	for (size_t i = 0; i < probe_n_daemons; i++) {
		bool up = probe_is_up(cli->config, probe_daemons[i]);

		*all_up = *all_up && up;
		json_array_append_new(
			daemons, json_pack("{s:s, s:b}", "name",
					 probe_daemons[i], "up", up));
	}
	return daemons;
}

static void print_daemon(json_t *daemon)
{
	printf("%-11s %s\n", cli_text_of(daemon, "name"),
		json_is_true(json_object_get(daemon, "up")) ? "up" : "down");
}

static void print_status(json_t *daemons, json_t *devices)
{
	for (size_t i = 0; i < json_array_size(daemons); i++)
		print_daemon(json_array_get(daemons, i));
	printf("\n%-14s %-13s %-17s %-11s %-25s %9s  %s\n", "DEVICE", "STATUS",
		"PHONE", "LANE", "SINCE", "QUEUE", "REASON");
	for (size_t i = 0; i < json_array_size(devices); i++)
		print_device(json_array_get(devices, i));
}

int cmd_status(struct cli *cli, int argc, char **argv)
{
	scoped(listing_fini) struct listing listing = { .devices =
								json_array() };
	struct err err = ERR_NONE;
	json_t *daemons;
	bool all_up;

	if (!cli_start(cli, argc, argv, NULL, NULL))
		return EXIT_USAGE;
	if (devices_read(cli, &listing, &err) != 0)
		return cli_fail("%s", err.msg);
	daemons = daemons_probe(cli, &all_up);
	if (cli->json) {
		cli_print_json(json_pack("{s:o, s:O}", "daemons", daemons,
			"devices", listing.devices));
	} else {
		print_status(daemons, listing.devices);
		json_decref(daemons);
	}
	return all_up ? 0 : EXIT_FAILED;
}
