/* The stanza of a message to a group or to status: our sender key for who lacks
 * it, and the message, encrypted once (messages.md 3.1, 3.2). */
#include "senderd/whatsapp/groupcast_impl.h"

#include "common/arena.h"
#include "common/buf.h"
#include "common/clock.h"
#include "common/err.h"
#include "common/own.h"
#include "senderd/whatsapp/fanout.h"
#include "senderd/whatsapp/group.h"
#include "senderd/whatsapp/outbound.h"
#include "senderd/whatsapp/senderkey.h"
#include "senderd/whatsapp/status.h"
#include "whatsapp.pb-c.h"

static void message_pack(const Wa__Message *message, struct buf *out)
{
	size_t n = wa__message__get_packed_size(message);

	wa__message__pack(message, buf_reserve(out, n));
	out->len += n;
}

/* Our sender key as a part of a Message; *@key lives as long as @skdm. */
int cast_distribution(struct lane *lane, const struct wa_jid *chat,
	char chat_text[WA_JID_TEXT], struct buf *skdm,
	Wa__SenderKeyDistributionMessage *out, struct err *err)
{
	struct wa_jid self = senderkey_self(lane);

	if (wa_signal_group_skdm(lane->signal, chat, &self, skdm, err) != 0)
		return -1;
	wa__sender_key_distribution_message__init(out);
	out->group_id = wa_jid_text(chat, chat_text);
	out->has_axolotl_sender_key_distribution_message = true;
	out->axolotl_sender_key_distribution_message.data = skdm->data;
	out->axolotl_sender_key_distribution_message.len = skdm->len;
	return 0;
}

/* The Message that brings our sender key.  Made before the message of the same
 * stanza is encrypted: so it can be read with it (messages.md 1.4). */
static int distribution_pack(struct lane *lane, const struct wa_jid *chat,
	struct buf *out, struct err *err)
{
	scoped(buf_fini) struct buf skdm = BUF_INIT;
	Wa__SenderKeyDistributionMessage distribution;
	Wa__Message message = WA__MESSAGE__INIT;
	char text[WA_JID_TEXT];

	if (cast_distribution(lane, chat, text, &skdm, &distribution, err) != 0)
		return -1;
	message.sender_key_distribution_message = &distribution;
	message_pack(&message, out);
	return 0;
}

/* What a stanza is made of on its way to lane_send(). */
struct making {
	struct lane *lane;
	const struct castplan *plan;
	const struct envelope *envelope;
	struct wa_node *stanza, *participants; /* the second may be NULL */
	struct cast *cast; /* borrowed: the lane keeps it for the ack */
	bool *has_entry;   /* by account */
	bool is_pkmsg;
};

static struct wa_node *participants_of(struct making *making)
{
	if (making->participants == NULL)
		making->participants =
			wa_node_add(making->stanza, "participants");
	return making->participants;
}

/* A device that cannot be encrypted for goes without: it will ask. */
static int key_add(struct making *making, const struct cast_device *device,
	const struct buf *distribution, struct err *err)
{
	const struct envelope hidden = { .is_hidden =
						 making->envelope->is_hidden };
	struct wa_jid wire = castplan_wire(making->plan, device);
	struct wa_jid address = castplan_address(making->plan, device);
	struct wa_node *to = wa_node_new(making->lane->arena, "to");
	struct wa_node *enc = NULL;

	wa_node_set_jid(to, "jid", &wire);
	if (fanout_add_enc(making->lane, to, &address, distribution->data,
		    distribution->len, &making->is_pkmsg, &enc, err) != 0)
		return err->code == ERR_IO ? -1 : 0;
	fanout_mark_enc(enc, &hidden);
	wa_node_append(participants_of(making), to);
	making->has_entry[device->account] = true;
	making->cast->targets[making->cast->n_targets++] = address;
	return 0;
}

static int keys_add(struct making *making, struct err *err)
{
	scoped(buf_fini) struct buf distribution = BUF_INIT;
	const struct castplan *plan = making->plan;

	if (distribution_pack(making->lane, &plan->chat, &distribution, err) !=
		0)
		return -1;
	making->cast->targets =
		xcalloc(plan->n_devices + 1, sizeof *making->cast->targets);
	for (size_t i = 0; i < plan->n_devices; i++) {
		const struct cast_device *device = &plan->devices[i];

		if (!device->has_key && !device->is_self &&
			key_add(making, device, &distribution, err) != 0)
			return -1;
	}
	return 0;
}

/* The server sees only whom a status names. */
static void audience_add(struct making *making)
{
	for (size_t i = 0; i < making->plan->n_accounts; i++) {
		const struct cast_account *account = &making->plan->accounts[i];

		if (account->list == CAST_LISTED && !making->has_entry[i])
			wa_node_set_jid(
				wa_node_add(participants_of(making), "to"),
				"jid", &account->wire);
	}
}

static int content_add(
	struct making *making, const struct buf *plain, struct err *err)
{
	scoped(buf_fini) struct buf padded = BUF_INIT;
	scoped(buf_fini) struct buf cipher = BUF_INIT;
	struct lane *lane = making->lane;
	struct wa_jid self = senderkey_self(lane);
	struct wa_node *enc = NULL;

	buf_add(&padded, plain->data, plain->len);
	wa_pad(&padded);
	if (wa_signal_group_encrypt(lane->signal, &making->plan->chat, &self,
		    padded.data, padded.len, &cipher, err) != 0)
		return -1;
	enc = wa_node_add(making->stanza, "enc");
	wa_node_set(enc, "v", "2");
	wa_node_set(enc, "type", wa_enc_name(WA_ENC_SKMSG));
	fanout_mark_enc(enc, making->envelope);
	wa_node_bytes(enc, cipher.data, cipher.len);
	return 0;
}

static int sent_keep(struct lane *lane, const struct wa_jid *chat,
	const char *wa_id, const struct composed *composed, struct err *err)
{
	char envelope[ENVELOPE_TEXT];
	struct lane_sent sent = {
		.wa_id = wa_id,
		.chat = *chat,
		.envelope = envelope,
		.message = composed->plain.data,
		.n = composed->plain.len,
		.sent_ms = clock_now_ms(),
	};

	envelope_text(&composed->envelope, envelope);
	return lanedb_sent_save(lane->db, &sent, err);
}

/* What only one of the two kinds of chat says about itself. */
static void stanza_describe(struct making *making, const char *setting)
{
	const struct castplan *plan = making->plan;
	unsigned expiration = 0;

	if (cast_is_status(&plan->chat)) {
		if (setting != NULL && making->envelope->polltype == NULL)
			wa_node_set(wa_node_add(making->stanza, "meta"),
				"status_setting", setting);
		return;
	}
	expiration = group_expiration(making->lane, &plan->chat);
	castplan_phash(plan, making->cast->phash);
	wa_node_set(
		making->stanza, "addressing_mode", plan->by_lid ? "lid" : "pn");
	wa_node_set(making->stanza, "phash", making->cast->phash);
	if (expiration > 0)
		wa_node_set_int(making->stanza, "expiration", expiration);
}

static bool lacks_key(const struct castplan *plan)
{
	for (size_t i = 0; i < plan->n_devices; i++) {
		if (!plan->devices[i].has_key && !plan->devices[i].is_self)
			return true;
	}
	return false;
}

/* With the key's id, by which the ack knows that it is still the same one. */
static int key_note(struct making *making, struct err *err)
{
	struct wa_jid self = senderkey_self(making->lane);
	uint32_t iteration = 0;

	if (wa_signal_group_info(making->lane->signal, &making->plan->chat,
		    &self, &making->cast->key_id, &iteration) == 1)
		return 0;
	return err_set(err, ERR_IO, "sender key of the lane database");
}

static int stanza_fill(struct making *making, const struct composed *composed,
	const char *setting, struct err *err)
{
	struct wa_jid self = senderkey_self(making->lane);
	uint32_t key_id = 0, iteration = 0;

	stanza_describe(making, setting);
	/* Alone in a group there is nobody to tell a new key. */
	if (lacks_key(making->plan) ||
		wa_signal_group_info(making->lane->signal, &making->plan->chat,
			&self, &key_id, &iteration) == 0) {
		if (keys_add(making, err) != 0)
			return -1;
	}
	if (cast_is_status(&making->plan->chat))
		audience_add(making);
	if (content_add(making, &composed->plain, err) != 0 ||
		key_note(making, err) != 0)
		return -1;
	return making->is_pkmsg
		       ? fanout_add_identity(making->lane, making->stanza, err)
		       : 0;
}

/* Devices that have the key, or get it now. */
static size_t devices_reached(const struct making *making)
{
	size_t n = making->cast->n_targets;

	for (size_t i = 0; i < making->plan->n_devices; i++)
		n += making->plan->devices[i].has_key &&
		     !making->plan->devices[i].is_self;
	return n;
}

int cast_send(struct lane *lane, struct job *job, const struct castplan *plan,
	const struct composed *composed, const char *setting, struct err *err)
{
	struct making making = {
		.lane = lane,
		.plan = plan,
		.envelope = &composed->envelope,
	};

	if (plan->rotate != NULL &&
		senderkey_rotate(lane, &plan->chat, plan->rotate, err) != 0)
		return -1;
	making.cast = cast_new(lane->outbound->groupcast, job->wa_id);
	making.has_entry = arena_alloc(lane->arena, plan->n_accounts + 1);
	making.stanza = fanout_stanza(
		lane, job->wa_id, &plan->chat, &composed->envelope);
	if (stanza_fill(&making, composed, setting, err) != 0 ||
		sent_keep(lane, &plan->chat, job->wa_id, composed, err) != 0 ||
		(cast_is_status(&plan->chat) &&
			status_keep_audience(
				lane, job->wa_id, plan, setting, err) != 0))
		return -1;
	lane_send(lane, making.stanza);
	job->n_devices = devices_reached(&making);
	job->n_recipients = castplan_recipients(plan);
	if (making.cast->n_targets > 0)
		casthold_await(lane, job);
	return 0;
}
