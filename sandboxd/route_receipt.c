/* Receipts: the acknowledgement of a message towards the server, and ticks
 * towards its sender (messages.md 11.6).
 *
 * Delivered and read go to every device of the author, from the bare reader; a
 * retry receipt goes from device to device.  In a group and in a status "from"
 * is the chat and "participant" the reader; on its way here "participant" names
 * the author. */
#include "sandboxd/route.h"

#include <string.h>

#include "common/clock.h"
#include "common/own.h"
#include "sandboxd/fault.h"
#include "sandboxd/queue.h"
#include "sandboxd/sent_log.h"

/* Who a receipt is for decides everything. */
enum receipt_kind {
	RECEIPT_TO_AUTHOR,
	RECEIPT_TO_SENDING_DEVICE,
	RECEIPT_TO_OWN_DEVICES,
	RECEIPT_TO_PHONE,
	RECEIPT_RETRY
};

static enum receipt_kind kind_of(const char *type)
{
	static const struct {
		const char *type;
		enum receipt_kind kind;
	} kinds[] = {
		{ "sender", RECEIPT_TO_SENDING_DEVICE },
		{ "read-self", RECEIPT_TO_OWN_DEVICES },
		{ "played-self", RECEIPT_TO_OWN_DEVICES },
		{ "peer_msg", RECEIPT_TO_PHONE },
		{ "hist_sync", RECEIPT_TO_PHONE },
		{ "server-error", RECEIPT_TO_PHONE },
		{ "retry", RECEIPT_RETRY },
	};

	for (size_t i = 0; type != NULL && i < ARRAY_LEN(kinds); i++) {
		if (strcmp(type, kinds[i].type) == 0)
			return kinds[i].kind;
	}
	return RECEIPT_TO_AUTHOR;
}

static void receipt_ack(struct sandbox *sandbox, struct device *from,
	const struct wa_node *receipt)
{
	struct wa_node *ack;
	struct wa_jid to;

	if (from->number == 0)
		return;
	if (!wa_node_jid(receipt, "to", &to))
		to = wa_jid_pn(from->account->pn, 0);
	ack = wa_node_new(sandbox->arena, "ack");
	wa_node_set(ack, "class", "receipt");
	wa_node_set(ack, "id", wa_node_str(receipt, "id"));
	wa_node_set_jid(ack, "from", &to);
	wa_node_set(ack, "type", wa_node_str(receipt, "type"));
	if (wa_node_jid(receipt, "participant", &to))
		wa_node_set_jid(ack, "participant", &to);
	route_answer(from, ack);
}

static void dequeue(struct device *from, const struct wa_node *receipt)
{
	const struct wa_node *list = wa_node_child(receipt, "list");

	queue_received(from, wa_node_str(receipt, "id"));
	if (list == NULL)
		return;
	wa_node_each (item, list) {
		const char *id = route_id(item);

		if (strcmp(item->tag, "item") == 0 && id != NULL)
			queue_received(from, id);
	}
}

static struct wa_node *receipt_new(struct sandbox *sandbox,
	const struct wa_node *receipt, const struct wa_jid *sender,
	const struct wa_jid *recipient)
{
	struct wa_node *out = route_stanza(sandbox, "receipt",
		wa_node_str(receipt, "id"), clock_now_ms() / 1000);

	wa_node_set_jid(out, "from", sender);
	if (recipient != NULL && !wa_jid_is_empty(recipient))
		wa_node_set_jid(out, "recipient", recipient);
	wa_node_set(out, "type", wa_node_str(receipt, "type"));
	wa_node_each (child, receipt)
		route_share(out, child);
	return out;
}

/* ---- in a group or a status ---- */

/* In which namespace @from reads in this chat. */
static struct wa_jid chat_name(struct sandbox *sandbox,
	const struct device *from, const struct wa_jid *chat,
	const struct wa_jid *author)
{
	const struct group *group = group_find(sandbox, chat);

	return group != NULL ? group_address(group, from->account)
			     : route_bare_like(from->account, author);
}

static void add_reader(struct wa_node *out, const char *id,
	const struct wa_jid *reader, int64_t t)
{
	struct wa_node *readers = wa_node_add(out, "participants");
	struct wa_node *user = wa_node_add(readers, "user");

	wa_node_set(readers, "key", id);
	wa_node_set_jid(user, "jid", reader);
	wa_node_set_int(user, "t", t);
}

/* The other form of a tick: each message with a list of its readers. */
static struct wa_node *aggregated(struct sandbox *sandbox,
	const struct wa_node *receipt, const struct wa_jid *chat,
	const struct wa_jid *reader)
{
	const struct wa_node *list = wa_node_child(receipt, "list");
	const int64_t t = clock_now_ms() / 1000;
	struct wa_node *out =
		route_stanza(sandbox, "receipt", wa_node_str(receipt, "id"), t);

	wa_node_set_jid(out, "from", chat);
	wa_node_set(out, "type", wa_node_str(receipt, "type"));
	add_reader(out, wa_node_str(receipt, "id"), reader, t);
	if (list == NULL)
		return out;
	wa_node_each (item, list) {
		if (route_id(item) != NULL)
			add_reader(out, route_id(item), reader, t);
	}
	return out;
}

static void chat_to_author(struct sandbox *sandbox, struct device *from,
	const struct wa_node *receipt, const struct wa_jid *chat)
{
	struct account *author;
	struct wa_jid jid, reader;
	struct wa_node *out;

	if (!wa_node_jid(receipt, "participant", &jid))
		return;
	author = directory_find(sandbox, &jid);
	if (author == NULL || author == from->account)
		return;
	reader = chat_name(sandbox, from, chat, &jid);
	account_each_device (device, author) {
		if (fault_aggregates_receipt(sandbox, device)) {
			out = aggregated(sandbox, receipt, chat, &reader);
		} else {
			out = receipt_new(sandbox, receipt, chat, NULL);
			wa_node_set_jid(out, "participant", &reader);
		}
		device_deliver(sandbox, device, out);
	}
}

/* To one device, from a device: a retry, or the news that an own device has its
 * copy. */
static void chat_to_device(struct sandbox *sandbox, struct device *from,
	const struct wa_node *receipt, const struct wa_jid *chat)
{
	struct device *target;
	struct wa_jid jid, reader;
	struct wa_node *out;

	if (!wa_node_jid(receipt, "participant", &jid))
		return;
	target = directory_device(sandbox, &jid);
	if (target == NULL || target == from)
		return;
	if (wa_node_is(receipt, "type", "retry"))
		sent_log_forget(target, wa_node_str(receipt, "id"), from);
	reader = chat_name(sandbox, from, chat, &jid);
	reader = device_jid_like(from, &reader);
	out = receipt_new(sandbox, receipt, chat, NULL);
	wa_node_set_jid(out, "participant", &reader);
	device_deliver(sandbox, target, out);
}

static void chat_to_own_devices(struct sandbox *sandbox, struct device *from,
	const struct wa_node *receipt, const struct wa_jid *chat)
{
	struct wa_jid author = device_pn(from), own;
	struct wa_node *out;

	wa_node_jid(receipt, "participant", &author);
	own = chat_name(sandbox, from, chat, &author);
	own = device_jid_like(from, &own);
	account_each_device (device, from->account) {
		if (device == from)
			continue;
		out = receipt_new(sandbox, receipt, &own, chat);
		wa_node_set_jid(out, "participant", &author);
		device_deliver(sandbox, device, out);
	}
}

/* ---- between two ---- */

static void to_author(struct sandbox *sandbox, struct device *from,
	const struct wa_node *receipt, const struct wa_jid *to)
{
	struct account *author = directory_find(sandbox, to);
	struct wa_jid reader = route_bare_like(from->account, to);

	if (author == NULL || author == from->account)
		return;
	account_each_device (device, author)
		device_deliver(sandbox, device,
			receipt_new(sandbox, receipt, &reader, NULL));
}

/* The own device that sent this message; some clients leave out which one it
 * was. */
static struct device *sending_device(struct device *from,
	const struct wa_node *receipt, const struct wa_jid *to)
{
	const char *id = wa_node_str(receipt, "id");

	if (wa_jid_is_user(to) && to->device > 0)
		return account_device(from->account, to->device);
	account_each_device (device, from->account) {
		if (device != from && sent_log_has(device, id, device))
			return device;
	}
	return NULL;
}

static void to_sending_device(struct sandbox *sandbox, struct device *from,
	const struct wa_node *receipt, const struct wa_jid *to)
{
	struct device *target = sending_device(from, receipt, to);
	struct wa_jid chat = { 0 };
	struct wa_jid own;

	wa_node_jid(receipt, "recipient", &chat);
	own = device_jid_like(from, wa_jid_is_empty(&chat) ? to : &chat);
	if (target == NULL || target == from)
		return;
	device_deliver(
		sandbox, target, receipt_new(sandbox, receipt, &own, &chat));
}

static void to_own_devices(struct sandbox *sandbox, struct device *from,
	const struct wa_node *receipt, const struct wa_jid *to)
{
	struct wa_jid chat = *to;
	struct wa_jid own;

	if (!wa_node_jid(receipt, "recipient", &chat))
		chat = *to;
	chat = wa_jid_bare(&chat);
	own = device_jid_like(from, &chat);
	account_each_device (device, from->account) {
		if (device != from)
			device_deliver(sandbox, device,
				receipt_new(sandbox, receipt, &own, &chat));
	}
}

static void to_phone(struct sandbox *sandbox, struct device *from,
	const struct wa_node *receipt)
{
	struct device *phone = account_device(from->account, 0);
	struct wa_jid own = device_pn(from);

	if (phone != NULL && phone != from)
		device_deliver(sandbox, phone,
			receipt_new(sandbox, receipt, &own, NULL));
}

/* The device that asks did not get the message: the next copy with this id is
 * for it. */
static void retry(struct sandbox *sandbox, struct device *from,
	const struct wa_node *receipt, const struct wa_jid *to)
{
	struct device *target = directory_device(sandbox, to);
	struct wa_jid asking = device_jid_like(from, to);
	struct wa_jid chat = { 0 };
	struct wa_node *out;

	if (target == NULL || target == from)
		return;
	sent_log_forget(target, wa_node_str(receipt, "id"), from);
	if (target->account == from->account)
		wa_node_jid(receipt, "recipient", &chat);
	out = receipt_new(sandbox, receipt, &asking, &chat);
	wa_node_set(out, "category", wa_node_str(receipt, "category"));
	device_deliver(sandbox, target, out);
}

static void pass_in_chat(struct sandbox *sandbox, struct device *from,
	const struct wa_node *receipt, enum receipt_kind kind,
	const struct wa_jid *chat)
{
	switch (kind) {
	case RECEIPT_TO_AUTHOR:
		chat_to_author(sandbox, from, receipt, chat);
		break;
	case RECEIPT_TO_SENDING_DEVICE:
	case RECEIPT_RETRY:
		chat_to_device(sandbox, from, receipt, chat);
		break;
	case RECEIPT_TO_OWN_DEVICES:
		chat_to_own_devices(sandbox, from, receipt, chat);
		break;
	case RECEIPT_TO_PHONE:
		to_phone(sandbox, from, receipt);
		break;
	}
}

static void pass_on(struct sandbox *sandbox, struct device *from,
	const struct wa_node *receipt, enum receipt_kind kind,
	const struct wa_jid *to)
{
	switch (kind) {
	case RECEIPT_TO_AUTHOR:
		to_author(sandbox, from, receipt, to);
		break;
	case RECEIPT_TO_SENDING_DEVICE:
		to_sending_device(sandbox, from, receipt, to);
		break;
	case RECEIPT_TO_OWN_DEVICES:
		to_own_devices(sandbox, from, receipt, to);
		break;
	case RECEIPT_TO_PHONE:
		to_phone(sandbox, from, receipt);
		break;
	case RECEIPT_RETRY:
		retry(sandbox, from, receipt, to);
		break;
	}
}

void route_receipt(struct sandbox *sandbox, struct device *from,
	const struct wa_node *receipt)
{
	enum receipt_kind kind = kind_of(wa_node_str(receipt, "type"));
	struct wa_jid to = { 0 };

	if (route_id(receipt) == NULL)
		return;
	sandbox->count.receipts++;
	wa_node_jid(receipt, "to", &to);
	receipt_ack(sandbox, from, receipt);
	if (kind != RECEIPT_RETRY)
		dequeue(from, receipt);
	if (wa_jid_is_group(&to) || route_is_status(&to))
		pass_in_chat(sandbox, from, receipt, kind, &to);
	else
		pass_on(sandbox, from, receipt, kind, &to);
}
