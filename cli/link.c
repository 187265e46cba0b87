/* vereda device link: makes a device (or takes one that is not linked), has its
 * lane ask WhatsApp for QR codes or for a pairing code, shows them, and waits
 * for the phone. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/device.h"
#include "cli/qr.h"
#include "cli/senderd.h"
#include "common/bus.h"
#include "common/clock.h"
#include "common/config.h"
#include "common/err.h"
#include "common/own.h"
#include "common/phone.h"

#define LINK_TIMEOUT_MS (5 * 60 * 1000)
#define ASK_TIMEOUT_MS 25000 /* the lane may have to connect first */
#define LOOK_EVERY_MS 250

struct link {
	struct cli *cli;
	struct store *store;
	struct senderd *senderd;
	char uid[DEVICE_UID_LEN];
	char phone[PHONE_LEN]; /* for a pairing code; "" = by QR */
	char shown[1024];      /* the QR on the screen */
	int64_t deadline_ms;   /* monotonic */
};

static int link_make_device(struct link *link, const char *account,
	const char *name, struct err *err)
{
	scoped(tx_end) struct tx *tx = NULL;
	int64_t account_id;

	if (cli_account_find(link->store, account, &account_id, err) != 0)
		return -1;
	tx = tx_begin(link->store, err);
	if (tx == NULL ||
		device_make(tx, account_id, name, link->uid, err) != 0)
		return -1;
	return tx_commit(tx, err);
}

static int link_take_device(struct link *link, const char *uid, struct err *err)
{
	struct device_view view;

	if (strlen(uid) >= sizeof(link->uid))
		return err_set(err, ERR_NOT_FOUND, "no device %s", uid);
	if (device_look(link->store, uid, &view, err) != 0)
		return -1;
	if (view.status == DEVICE_CONNECTED ||
		view.status == DEVICE_DISCONNECTED)
		return err_set(err, ERR_CONFLICT, "%s is linked already", uid);
	snprintf(link->uid, sizeof(link->uid), "%s", uid);
	return 0;
}

static int show_qr(
	struct link *link, const Bus__Answer *answer, struct err *err)
{
	if (strlen(answer->qr) >= sizeof(link->shown))
		return err_set(err, ERR_PEER, "QR text is too long");
	if (strcmp(answer->qr, link->shown) == 0)
		return 0;
	snprintf(link->shown, sizeof(link->shown), "%s", answer->qr);
	if (link->cli->json) {
		cli_print_json(json_pack("{s:s, s:s, s:s, s:o}", "event", "qr",
			"deviceUid", link->uid, "qr", answer->qr, "expiresAt",
			cli_json_time(answer->qr_expires_ms)));
		return 0;
	}
	if (isatty(STDOUT_FILENO))
		fputs("\x1b[2J\x1b[H", stdout);
	puts("On the phone: WhatsApp, Linked devices, Link a device.");
	return qr_draw(stdout, answer->qr, err);
}

static void show_code(struct link *link, const Bus__Answer *answer)
{
	if (link->cli->json)
		cli_print_json(json_pack("{s:s, s:s, s:s}", "event",
			"pairing_code", "deviceUid", link->uid, "code",
			answer->pairing_code));
	else
		printf("On the phone: WhatsApp, Linked devices, Link with "
		       "phone number.\nCode: %.4s-%.4s\n",
			answer->pairing_code,
			strlen(answer->pairing_code) > 4
				? answer->pairing_code + 4
				: "");
	fflush(stdout);
}

static int ask_code(struct link *link, struct err *err)
{
	scoped(bus_envelope_free) Bus__Envelope *envelope = NULL;
	Bus__PairingCode code = BUS__PAIRING_CODE__INIT;
	Bus__Question question = BUS__QUESTION__INIT;

	code.phone = link->phone;
	question.ask_case = BUS__QUESTION__ASK_PAIRING_CODE;
	question.pairing_code = &code;
	if (senderd_ask(link->senderd, link->uid, &question, ASK_TIMEOUT_MS,
		    &envelope, err) != 0)
		return -1;
	show_code(link, envelope->answer);
	return 0;
}

/* A lane that has just started, or connects again, has no code for a moment. */
static int ask_qr(struct link *link, struct err *err)
{
	scoped(bus_envelope_free) Bus__Envelope *envelope = NULL;
	Bus__PairingQr qr = BUS__PAIRING_QR__INIT;
	Bus__Question question = BUS__QUESTION__INIT;

	question.ask_case = BUS__QUESTION__ASK_PAIRING_QR;
	question.pairing_qr = &qr;
	if (senderd_ask(link->senderd, link->uid, &question, ASK_TIMEOUT_MS,
		    &envelope, err) == 0)
		return show_qr(link, envelope->answer, err);
	if (err->code != ERR_BUSY && err->code != ERR_CONFLICT &&
		err->code != ERR_NOT_FOUND)
		return -1;
	return 0;
}

/* 1: linked, 0: not yet. */
static int link_look(
	struct link *link, struct device_view *view, struct err *err)
{
	if (device_look(link->store, link->uid, view, err) != 0)
		return -1;
	if (view->status == DEVICE_BANNED)
		return err_set(err, ERR_FORBIDDEN, "the number is banned: %s",
			view->lane_reason);
	return view->status == DEVICE_CONNECTED;
}

static int link_wait(
	struct link *link, struct device_view *view, struct err *err)
{
	int rc;

	while ((rc = link_look(link, view, err)) == 0) {
		if (clock_mono_ms() > link->deadline_ms)
			return err_set(err, ERR_TIMEOUT,
				"no phone linked %s in time", link->uid);
		/* Once the phone has scanned, the lane has no more codes. */
		if (link->phone[0] == '\0' &&
			view->status != DEVICE_DISCONNECTED &&
			ask_qr(link, err) != 0)
			return -1;
		usleep(LOOK_EVERY_MS * 1000);
	}
	return rc < 0 ? -1 : 0;
}

static int link_run(
	struct link *link, struct device_view *view, struct err *err)
{
	if (senderd_open(link->cli->config, &link->senderd, err) != 0)
		return -1;
	if (!senderd_command(
		    link->senderd, link->uid, BUS__LANE_ACTION__LANE_START))
		return err_set(err, ERR_BUSY, "senderd takes no commands");
	link->deadline_ms = clock_mono_ms() + LINK_TIMEOUT_MS;
	if (link->phone[0] != '\0' && ask_code(link, err) != 0)
		return -1;
	return link_wait(link, view, err);
}

static void link_fini(struct link *link)
{
	senderd_close(&link->senderd);
	store_close(&link->store);
}

int cmd_device_link(struct cli *cli, int argc, char **argv)
{
	const char *account = NULL, *name = "Device", *code = NULL, *uid = NULL;
	const struct cli_option options[] = {
		{ "account", &account, NULL },
		{ "name", &name, NULL },
		{ "code", &code, NULL },
		{ 0 },
	};
	scoped(link_fini) struct link link = { .cli = cli };
	struct device_view view;
	struct err err = ERR_NONE;

	if (!cli_start(cli, argc, argv, options, &uid))
		return EXIT_USAGE;
	if (code != NULL && phone_parse(code, strlen(code), link.phone) != 0) {
		cli_fail("--code must be a phone number: 7 to 15 digits");
		return EXIT_USAGE;
	}
	if (cli_store_open(cli, false, &link.store, &err) != 0 ||
		(uid != NULL ? link_take_device(&link, uid, &err)
			     : link_make_device(&link, account, name, &err)) !=
			0 ||
		link_run(&link, &view, &err) != 0)
		return cli_fail("%s", err.msg);
	if (cli->json)
		cli_print_json(json_pack("{s:s, s:s, s:s}", "event", "linked",
			"deviceUid", link.uid, "phone", view.phone));
	else
		printf("device %s is linked to %s\n", link.uid, view.phone);
	return 0;
}
