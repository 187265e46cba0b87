#include "senderd/whatsapp/receipt.h"

#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/err.h"
#include "common/log.h"
#include "common/own.h"
#include "common/store/message.h"
#include "senderd/facts.h"
#include "senderd/whatsapp/outbound.h"
#include "senderd/whatsapp/retry.h"

#define BATCH_MAX 256 /* ids in one receipt */
#define BATCH_WAIT_MS 50
#define IDS_MAX 1024	 /* of one inbound receipt; more are not honoured */
#define READERS_MAX 4096 /* the same of an aggregated one */
#define CLOCKS_AGREE_MS 2000
#define TIME_MAX_SEC 99999999999LL /* the year 5138: beyond is nonsense */

int64_t receipt_time_ms(const struct wa_node *stanza)
{
	int64_t now_ms = clock_now_ms();
	int64_t t = wa_node_int(stanza, "t", 0);
	int64_t off_ms = 0;

	if (t <= 0 || t > TIME_MAX_SEC)
		return now_ms;
	off_ms = now_ms - t * 1000;
	return llabs(off_ms) < CLOCKS_AGREE_MS ? now_ms : t * 1000;
}

/* ---- acks ---- */

static void copy_attr(
	struct wa_node *to, const struct wa_node *from, const char *key)
{
	const struct wa_value *value = wa_node_get(from, key);

	if (value != NULL)
		wa_node_set_value(to, key, value);
}

void receipt_send_ack(
	struct lane *lane, const struct wa_node *stanza, int error)
{
	const struct wa_value *from = wa_node_get(stanza, "from");
	struct wa_node *ack = wa_node_new(lane->arena, "ack");

	wa_node_set(ack, "class", stanza->tag);
	copy_attr(ack, stanza, "id");
	if (from != NULL)
		wa_node_set_value(ack, "to", from);
	copy_attr(ack, stanza, "participant");
	copy_attr(ack, stanza, "recipient");
	copy_attr(ack, stanza, "type");
	if (strcmp(stanza->tag, "message") == 0)
		wa_node_set_jid(ack, "from", &lane->id.jid);
	if (error != 0)
		wa_node_set_int(ack, "error", error);
	lane_send(lane, ack);
}

/* ---- ours: what we got ---- */

static void batch_forget(struct receipt_batch *batch)
{
	lane_timer_stop(&batch->timer);
	buf_clear(&batch->ids);
	batch->n = 0;
}

void receipt_batch_fini(struct receipt_batch *batch)
{
	batch_forget(batch);
	buf_fini(&batch->ids);
}

void receipt_on_disconnect(struct lane *lane)
{
	batch_forget(&lane->outbound->receipts);
}

static void batch_flush(struct lane *lane, void *arg)
{
	struct receipt_batch *batch = &lane->outbound->receipts;
	struct wa_node *receipt = NULL;
	struct wa_node *list = NULL;
	const char *id = (const char *)batch->ids.data;

	(void)arg;
	if (batch->n == 0)
		return;
	receipt = wa_node_new(lane->arena, "receipt");
	wa_node_set(receipt, "id", id);
	wa_node_set_jid(receipt, "to", &batch->to);
	if (!wa_jid_is_empty(&batch->participant))
		wa_node_set_jid(receipt, "participant", &batch->participant);
	if (!wa_jid_is_empty(&batch->recipient))
		wa_node_set_jid(receipt, "recipient", &batch->recipient);
	wa_node_set(receipt, "type", batch->type);
	for (size_t i = 1; i < batch->n; i++) {
		if (list == NULL)
			list = wa_node_add(receipt, "list");
		id += strlen(id) + 1;
		wa_node_set(wa_node_add(list, "item"), "id", id);
	}
	lane_send(lane, receipt);
	batch_forget(batch);
}

static bool same_type(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static bool batch_fits(
	const struct receipt_batch *batch, const struct receipt_batch *next)
{
	return batch->n > 0 && batch->n < BATCH_MAX &&
	       same_type(batch->type, next->type) &&
	       wa_jid_equal(&batch->to, &next->to) &&
	       wa_jid_equal(&batch->participant, &next->participant) &&
	       wa_jid_equal(&batch->recipient, &next->recipient);
}

/* While the backlog is read, receipts for one chat travel together.  The batch
 * leaves in a later turn than the one that stored the messages, which is
 * committed by then. */
static void receipt_queue(
	struct lane *lane, const struct receipt_batch *next, const char *id)
{
	struct receipt_batch *batch = &lane->outbound->receipts;

	if (!batch_fits(batch, next)) {
		batch_flush(lane, NULL);
		batch->to = next->to;
		batch->participant = next->participant;
		batch->recipient = next->recipient;
		batch->type = next->type;
	}
	buf_add(&batch->ids, id, strlen(id) + 1);
	batch->n++;
	if (lane->offline_done)
		batch_flush(lane, NULL);
	else if (batch->n == 1)
		lane_timer_start(
			lane, &batch->timer, BATCH_WAIT_MS, batch_flush, NULL);
}

static void receipt_send_peer(
	struct lane *lane, const char *id, const char *type)
{
	struct wa_node *receipt = wa_node_new(lane->arena, "receipt");
	struct wa_jid self = wa_jid_bare(&lane->id.jid);

	wa_node_set(receipt, "id", id);
	wa_node_set_jid(receipt, "to", &self);
	wa_node_set(receipt, "type", type);
	lane_send(lane, receipt);
}

void receipt_send_history(struct lane *lane, const char *id)
{
	receipt_send_peer(lane, id, "hist_sync");
}

void receipt_send_handled(struct lane *lane, const struct receipt_for *about)
{
	struct receipt_batch next = { .n = 0 };
	bool inactive = strcmp(lane->config->sender.receipts, "inactive") == 0;

	if (about->is_peer) {
		receipt_send_peer(lane, about->id, "peer_msg");
		return;
	}
	if (!wa_node_jid(about->message, "from", &next.to))
		return;
	wa_node_jid(about->message, "participant", &next.participant);
	if (about->is_own) {
		next.type = "sender";
		if (!about->is_group && !wa_node_jid(about->message,
						"recipient", &next.recipient))
			next.recipient = about->chat;
	} else {
		next.type = inactive ? "inactive" : NULL;
		wa_node_jid(about->message, "recipient", &next.recipient);
	}
	receipt_queue(lane, &next, about->id);
}

/* ---- theirs: what became of our messages ---- */

/* Kinds that say nothing about a message of ours have status 0. */
static enum message_status status_of(const char *type)
{
	static const struct {
		const char *type;
		enum message_status status;
	} kinds[] = {
		{ "", MESSAGE_DELIVERED },
		{ "delivery", MESSAGE_DELIVERED },
		{ "inactive", MESSAGE_DELIVERED },
		{ "read", MESSAGE_READ },
		{ "played", MESSAGE_PLAYED },
	};

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		if (strcmp(kinds[i].type, type) == 0)
			return kinds[i].status;
	}
	return 0;
}

/* Whose word it is: the account of the reader, by both its names. */
struct reader {
	struct wa_jid pn, lid; /* either may be empty */
};

static int reader_find(struct lane *lane, const struct wa_jid *from,
	struct reader *out, struct err *err)
{
	struct wa_jid bare = wa_jid_bare(from);
	int found = 0;

	*out = (struct reader){ .pn = bare };
	if (bare.server != WA_SERVER_LID)
		return 0;
	*out = (struct reader){ .lid = bare };
	found = lanedb_pn_of(lane->db, &bare, &out->pn, err);
	if (found == 0)
		out->pn = (struct wa_jid){ .server = WA_SERVER_NONE };
	return found < 0 ? -1 : 0;
}

static const char *name_of(const struct wa_jid *jid)
{
	return jid->user[0] != '\0' ? jid->user : NULL;
}

/* What one account says of messages; in a group or of a status each of those
 * who got it speaks for itself. */
struct report {
	struct wa_jid chat; /* where it came from */
	bool is_cast;
	struct reader reader;
	struct message_change change;
};

static int report_begin(struct lane *lane, const struct wa_jid *chat,
	const struct wa_jid *from, struct report *out, struct err *err)
{
	out->chat = wa_jid_bare(chat);
	out->is_cast = !wa_jid_is_user(chat);
	return reader_find(lane, from, &out->reader, err);
}

static void report_add(
	struct lane *lane, struct report *report, const char *wa_id)
{
	char chat[WA_JID_TEXT];

	report->change.wa_id = wa_id;
	outbound_on_delivered(lane, &report->change, &report->chat);
	if (report->is_cast)
		facts_add_group_receipt(lane, &report->change,
			wa_jid_text(&report->chat, chat),
			name_of(&report->reader.pn),
			name_of(&report->reader.lid));
	else
		facts_add_receipt(lane, &report->change,
			name_of(&report->reader.pn),
			name_of(&report->reader.lid));
}

/* <receipt from=chat [participant=reader] id><list><item id/>... */
static int report_read(struct lane *lane, const struct wa_node *receipt,
	const struct wa_jid *chat, const struct wa_jid *reader,
	enum message_status status, struct err *err)
{
	const struct wa_node *list = wa_node_child(receipt, "list");
	const char *id = wa_node_str(receipt, "id");
	struct report report = {
		.change = { .status = status,
			.at_ms = receipt_time_ms(receipt) },
	};
	size_t n = 0;

	if (id == NULL)
		return 0;
	if (report_begin(lane, chat, reader, &report, err) != 0)
		return -1;
	report_add(lane, &report, id);
	if (list == NULL)
		return 0;
	wa_node_each (item, list) {
		id = wa_node_str(item, "id");
		if (id == NULL)
			continue;
		if (++n > IDS_MAX)
			break;
		report_add(lane, &report, id);
	}
	return 0;
}

/* Many readers of one message: <participants key=id><user jid t [type]/>...
 * *@n counts them over the whole receipt. */
static int readers_read(struct lane *lane, const struct wa_node *participants,
	const struct wa_jid *chat, const char *type, size_t *n, struct err *err)
{
	const char *id = wa_node_str(participants, "key");

	if (id == NULL || strcmp(participants->tag, "participants") != 0)
		return 0;
	wa_node_each (user, participants) {
		const char *own_type = wa_node_str(user, "type");
		struct report report = { .change = { 0 } };
		struct wa_jid reader;

		report.change.status =
			status_of(own_type != NULL ? own_type : type);
		if (report.change.status == 0 ||
			!wa_node_jid(user, "jid", &reader) ||
			!wa_jid_is_user(&reader) || lane_is_self(lane, &reader))
			continue;
		if (++*n > READERS_MAX)
			break;
		report.change.at_ms = receipt_time_ms(user);
		if (report_begin(lane, chat, &reader, &report, err) != 0)
			return -1;
		report_add(lane, &report, id);
	}
	return 0;
}

static int statuses_set(struct lane *lane, const struct wa_node *receipt,
	const char *type, struct err *err)
{
	enum message_status status = status_of(type);
	struct wa_jid chat;
	struct wa_jid reader;
	size_t n = 0;

	if (!wa_node_jid(receipt, "from", &chat))
		return 0;
	if (wa_jid_is_user(&chat))
		return status == 0 ? 0
				   : report_read(lane, receipt, &chat, &chat,
					     status, err);
	if (!wa_jid_is_group(&chat) && chat.server != WA_SERVER_BROADCAST)
		return 0;
	if (wa_node_jid(receipt, "participant", &reader)) {
		if (status == 0 || !wa_jid_is_user(&reader) ||
			lane_is_self(lane, &reader))
			return 0;
		return report_read(lane, receipt, &chat, &reader, status, err);
	}
	wa_node_each (participants, receipt) {
		if (readers_read(lane, participants, &chat, type, &n, err) != 0)
			return -1;
	}
	return 0;
}

void receipt_on_receipt(struct lane *lane, const struct wa_node *receipt)
{
	const char *type = wa_node_str(receipt, "type");
	struct err err = ERR_NONE;

	if (type != NULL && strcmp(type, "retry") == 0) {
		retry_on_receipt(lane, receipt); /* acks it when it is served */
		return;
	}
	/* <error reason=lid type=feature-incapable>: the device could not use
	 * it. */
	if (wa_node_child(receipt, "error") == NULL &&
		statuses_set(lane, receipt, type != NULL ? type : "", &err) !=
			0) {
		facts_fail(lane, &err);
		return;
	}
	receipt_send_ack(lane, receipt, 0);
}
