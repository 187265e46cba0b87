#include "senderd/mailbox.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "common/bus.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/own.h"
#include "senderd/health.h"
#include "senderd/whatsapp/app_state.h"
#include "senderd/whatsapp/calls.h"
#include "senderd/whatsapp/history.h"
#include "senderd/whatsapp/cold_chats.h"
#include "senderd/whatsapp/pairing.h"
#include "senderd/whatsapp/prekeys.h"

#define PROTOCOL_NAME "supervisor"
#define HEARTBEAT_MS 10000
#define QUEUE_MAX 4096
/* Taken up in one wake-up; the rest makes the descriptor readable again. */
#define BATCH_MAX 64
#define NUMBERS_MAX 50

struct mailbox {
	struct lane *lane;     /* borrowed */
	int fd;		       /* the library's from adoption on */
	struct lws *wsi;       /* NULL once closed */
	Bus__Envelope **queue; /* owned; oldest first */
	size_t n, cap;
	size_t n_before; /* how many were queued before this turn */
	uint64_t dropped;
	struct lane_timer heartbeat;
};

/* ---- out ---- */

void mailbox_send(struct lane *lane, Bus__Envelope *envelope)
{
	struct mailbox *mailbox = lane->mailbox;

	if (mailbox->n >= QUEUE_MAX) {
		if (mailbox->dropped++ == 0)
			log_warning("mailbox queued=%zu status=full: dropping, "
				    "readers go to the store",
				mailbox->n);
		bus_envelope_free(&envelope);
		return;
	}
	if (mailbox->n == mailbox->cap) {
		mailbox->cap = mailbox->cap != 0 ? 2 * mailbox->cap : 16;
		mailbox->queue = xrealloc(
			mailbox->queue, mailbox->cap * sizeof *mailbox->queue);
	}
	mailbox->queue[mailbox->n++] = envelope;
}

/* True when it left or never can: a packet that is too large must not hold up
 * the rest. */
static bool send_one(struct mailbox *mailbox, const Bus__Envelope *envelope)
{
	errno = 0;
	if (bus_fd_send(mailbox->fd, envelope))
		return true;
	if (errno == EAGAIN || errno == ENOBUFS)
		return false;
	log_debug("mailbox status=dropped reason=\"%s\"",
		errno != 0 ? strerror(errno) : "too large");
	return true;
}

void mailbox_flush(struct lane *lane)
{
	struct mailbox *mailbox = lane->mailbox;
	size_t sent = 0;

	if (mailbox->wsi == NULL)
		mailbox_drop_turn(lane);
	while (mailbox->wsi != NULL && sent < mailbox->n &&
		send_one(mailbox, mailbox->queue[sent]))
		bus_envelope_free(&mailbox->queue[sent++]);
	if (sent > 0) {
		mailbox->n -= sent;
		memmove(mailbox->queue, mailbox->queue + sent,
			mailbox->n * sizeof *mailbox->queue);
		mailbox->dropped = 0;
	}
	mailbox->n_before = mailbox->n;
	if (mailbox->n > 0)
		lws_callback_on_writable(mailbox->wsi);
}

void mailbox_drop_turn(struct lane *lane)
{
	struct mailbox *mailbox = lane->mailbox;

	while (mailbox->n > mailbox->n_before)
		bus_envelope_free(&mailbox->queue[--mailbox->n]);
}

static Bus__Envelope *envelope_new(const struct lane *lane)
{
	Bus__Envelope *envelope = xcalloc(1, sizeof *envelope);

	bus__envelope__init(envelope);
	envelope->version = BUS_VERSION;
	envelope->device_uid = xstrdup(lane->device_uid);
	return envelope;
}

void mailbox_report(struct lane *lane)
{
	Bus__Envelope *envelope = envelope_new(lane);
	Bus__LaneReport *report = xcalloc(1, sizeof *report);

	bus__lane_report__init(report);
	report->state = lane->state;
	report->last_frame_ms = lane->last_frame_ms;
	report->final = lane->final;
	report->reason = xstrdup(lane->state_reason);
	envelope->body_case = BUS__ENVELOPE__BODY_LANE_REPORT;
	envelope->lane_report = report;
	mailbox_send(lane, envelope);
}

static void on_heartbeat(struct lane *lane, void *arg)
{
	struct mailbox *mailbox = arg;

	mailbox_report(lane);
	lane_timer_start(
		lane, &mailbox->heartbeat, HEARTBEAT_MS, on_heartbeat, mailbox);
}

/* ---- answers ---- */

struct asker mailbox_asker(const Bus__Envelope *question)
{
	return (struct asker){ .request_id = question->request_id,
		.trace_id = question->trace_id };
}

Bus__Envelope *mailbox_answer(const struct lane *lane, struct asker asker)
{
	Bus__Envelope *envelope = envelope_new(lane);
	Bus__Answer *answer = xcalloc(1, sizeof *answer);

	bus__answer__init(answer);
	envelope->request_id = asker.request_id;
	envelope->trace_id = asker.trace_id;
	envelope->body_case = BUS__ENVELOPE__BODY_ANSWER;
	envelope->answer = answer;
	return envelope;
}

void mailbox_refuse(struct lane *lane, struct asker asker, enum err_code code,
	const char *why)
{
	Bus__Envelope *envelope = mailbox_answer(lane, asker);

	envelope->answer->error = code;
	envelope->answer->error_text = xstrdup(why);
	lane_tell(lane, envelope);
}

/* ---- questions ---- */

static char *status_json(struct lane *lane)
{
	int64_t frame_age_ms = lane->last_frame_ms == 0
				       ? -1
				       : clock_mono_ms() - lane->last_frame_ms;
	json_t *json = json_pack(
		"{s:s, s:s, s:I, s:s, s:I, s:I, s:I, s:I, "
		"s:I, s:b, s:i, s:s, s:s?, s:I, s:I, s:I, s:I}",
		"deviceUid", lane->device_uid, "state",
		lane_state_name(lane->state), "since",
		(json_int_t)lane->state_since_ms, "reason", lane->state_reason,
		"lastFrameAgeMs", (json_int_t)frame_age_ms, "inFlight",
		(json_int_t)outbound_in_flight(lane), "waiting",
		(json_int_t)outbound_waiting(lane), "prekeysLeft",
		(json_int_t)prekeys_left(lane), "failures",
		(json_int_t)lane->failures, "offlineDone",
		(int)lane->offline_done, "pid", (int)getpid(), "health",
		health_name(lane), "healthReason", health_reason(lane),
		"lastAckAgeMs", (json_int_t)health_ack_age_ms(lane),
		"stalledMs", (json_int_t)health_stalled_ms(lane),
		"newChatsPausedUntil", (json_int_t)cold_chats_until_ms(lane),
		"newChatsParked", (json_int_t)cold_chats_parked(lane));
	char *text = NULL;

	if (json != NULL) {
		json_object_set_new(json, "appState", app_state_status(lane));
		json_object_set_new(json, "history", history_status(lane));
		text = json_dumps(json, JSON_COMPACT);
	}
	json_decref(json);
	return text != NULL ? text : xstrdup("{}");
}

static void on_ask_status(struct lane *lane, const Bus__Envelope *question)
{
	Bus__Envelope *envelope = mailbox_answer(lane, mailbox_asker(question));

	envelope->answer->status_json = status_json(lane);
	lane_tell(lane, envelope);
}

/* A heap copy, as the envelope has to own it. */
static Bus__Answer *answer_copy(const Bus__Answer *answer)
{
	size_t n = bus__answer__get_packed_size(answer);
	uint8_t *bytes = xcalloc(1, n > 0 ? n : 1);
	Bus__Answer *copy;

	bus__answer__pack(answer, bytes);
	copy = bus__answer__unpack(NULL, n, bytes);
	free(bytes);
	return copy;
}

static void on_numbers(struct lane *lane, const Bus__Answer *answer, void *arg)
{
	struct asker *asker = arg;
	Bus__Envelope *envelope = mailbox_answer(lane, *asker);
	Bus__Answer *copy = answer_copy(answer);

	if (copy != NULL) {
		bus__answer__free_unpacked(envelope->answer, NULL);
		envelope->answer = copy;
	}
	free(asker);
	lane_tell(lane, envelope);
}

static void on_ask_numbers(struct lane *lane, const Bus__Envelope *question)
{
	const Bus__CheckNumbers *check = question->question->check_numbers;
	struct asker asker = mailbox_asker(question);

	if (check->n_phones == 0 || check->n_phones > NUMBERS_MAX) {
		mailbox_refuse(lane, asker, ERR_INVALID, "1 to 50 numbers");
		return;
	}
	if (!lane_is_ready(lane)) {
		mailbox_refuse(
			lane, asker, ERR_BUSY, "the device is not connected");
		return;
	}
	devices_check_numbers(lane, check->phones, check->n_phones, on_numbers,
		xmemdup(&asker, sizeof asker));
}

static void on_question(struct lane *lane, const Bus__Envelope *envelope)
{
	switch (envelope->question->ask_case) {
	case BUS__QUESTION__ASK_CHECK_NUMBERS:
		on_ask_numbers(lane, envelope);
		return;
	case BUS__QUESTION__ASK_PAIRING_QR:
		pairing_on_ask_qr(lane, envelope);
		return;
	case BUS__QUESTION__ASK_PAIRING_CODE:
		pairing_on_ask_code(lane, envelope);
		return;
	case BUS__QUESTION__ASK_LANE_STATUS:
		on_ask_status(lane, envelope);
		return;
	case BUS__QUESTION__ASK_LANE_CALL:
		calls_on_question(lane, envelope);
		return;
	default: /* from a newer release */
		mailbox_refuse(lane, mailbox_asker(envelope), ERR_INVALID,
			"unknown question");
		return;
	}
}

/* ---- in ---- */

static void on_command(struct lane *lane, Bus__LaneAction action)
{
	switch (action) {
	case BUS__LANE_ACTION__LANE_UNLINK:
		lane_unlink(lane);
		return;
	case BUS__LANE_ACTION__LANE_STOP:
		lane_stop(lane, "stopped");
		return;
	default: /* start and restart are the supervisor's */
		return;
	}
}

static void on_envelope(struct lane *lane, const Bus__Envelope *envelope)
{
	switch (envelope->body_case) {
	case BUS__ENVELOPE__BODY_SEND_JOB:
		lane_count_work(lane, strlen(envelope->send_job->text));
		outbound_on_job(lane, envelope->send_job);
		return;
	case BUS__ENVELOPE__BODY_QUESTION:
		lane_count_work(lane, 0);
		on_question(lane, envelope);
		return;
	case BUS__ENVELOPE__BODY_LANE_COMMAND:
		on_command(lane, envelope->lane_command->action);
		return;
	default:
		log_warning("mailbox body=%d status=ignored",
			(int)envelope->body_case);
		return;
	}
}

static int on_readable(struct mailbox *mailbox)
{
	struct lane *lane = mailbox->lane;
	bool closed = false;

	for (int i = 0; i < BATCH_MAX && !lane->stopping; i++) {
		Bus__Envelope *envelope = bus_fd_recv(mailbox->fd, &closed);

		if (envelope == NULL)
			break;
		on_envelope(lane, envelope);
		bus_envelope_free(&envelope);
	}
	if (!closed)
		return 0;
	lane_stop(lane, "the supervisor is gone");
	return -1;
}

static int on_socket(struct lws *wsi, enum lws_callback_reasons reason,
	void *user, void *in, size_t n)
{
	struct mailbox *mailbox = lws_get_opaque_user_data(wsi);

	(void)user;
	(void)in;
	(void)n;
	if (mailbox == NULL)
		return 0;
	switch (reason) {
	case LWS_CALLBACK_RAW_RX_FILE:
		return on_readable(mailbox);
	case LWS_CALLBACK_RAW_WRITEABLE_FILE:
		mailbox_flush(mailbox->lane);
		return 0;
	case LWS_CALLBACK_RAW_CLOSE_FILE:
		mailbox->wsi = NULL;
		lane_stop(mailbox->lane, "the supervisor is gone");
		return 0;
	default:
		return 0;
	}
}

const struct lws_protocols mailbox_protocol = {
	.name = PROTOCOL_NAME,
	.callback = on_socket,
};

int mailbox_open(struct lane *lane, int fd, struct err *err)
{
	struct mailbox *mailbox = xcalloc(1, sizeof *mailbox);
	lws_sock_file_fd_type file = { .filefd = fd };

	lane->mailbox = mailbox;
	mailbox->lane = lane;
	mailbox->fd = fd;
	mailbox->wsi = lws_adopt_descriptor_vhost(lane->vhost,
		LWS_ADOPT_RAW_FILE_DESC, file, PROTOCOL_NAME, NULL);
	if (mailbox->wsi == NULL)
		return err_set(err, ERR_INTERNAL, "cannot adopt the mailbox");
	lws_set_opaque_user_data(mailbox->wsi, mailbox);
	lane_timer_start(
		lane, &mailbox->heartbeat, HEARTBEAT_MS, on_heartbeat, mailbox);
	return 0;
}

void mailbox_close(struct mailbox **mailboxp)
{
	struct mailbox *mailbox = move(*mailboxp);

	if (mailbox == NULL)
		return;
	lane_timer_stop(&mailbox->heartbeat);
	if (mailbox->wsi != NULL)
		lws_set_opaque_user_data(mailbox->wsi, NULL);
	while (mailbox->n > 0)
		bus_envelope_free(&mailbox->queue[--mailbox->n]);
	free(mailbox->queue);
	free(mailbox);
}
