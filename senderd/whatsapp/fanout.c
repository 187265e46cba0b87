#include "senderd/whatsapp/fanout.h"

#include "common/buf.h"
#include "common/clock.h"
#include "common/err.h"
#include "common/log.h"
#include "common/own.h"
#include "senderd/whatsapp/tokens.h"
#include "whatsapp.pb-c.h"

/* ---- who gets it ---- */

static int plan_add(struct lane *lane, struct fanout *plan,
	const struct wa_jid *wire, const struct wa_jid *account, bool is_own,
	uint16_t number, struct err *err)
{
	struct fanout_device *device = &plan->devices[plan->n];
	int has = 0;

	device->wire = wa_jid_with_device(wire, number);
	device->address = wa_jid_with_device(account, number);
	device->is_own = is_own;
	has = wa_signal_has_session(lane->signal, &device->address);
	if (has < 0)
		return err_set(err, ERR_IO, "session of the lane database");
	device->has_session = has > 0;
	plan->n++;
	return 0;
}

/* Our own account as the chat's namespace writes it, and as sessions are kept.
 */
static struct wa_jid own_wire(const struct lane *lane, const struct wa_jid *to)
{
	bool by_lid = to->server == WA_SERVER_LID && lane->id.lid.user[0];

	return wa_jid_bare(by_lid ? &lane->id.lid : &lane->id.jid);
}

static struct wa_jid own_account(const struct lane *lane)
{
	return wa_jid_bare(
		lane->id.lid.user[0] ? &lane->id.lid : &lane->id.jid);
}

static enum fanout_need plan_own(
	struct lane *lane, struct fanout *plan, struct err *err)
{
	struct wa_jid wire = own_wire(lane, &plan->to);
	struct wa_jid account = own_account(lane);
	struct device_list list;
	int known = devices_load(lane, &account, &list, err);

	if (known <= 0)
		return known < 0 ? FANOUT_FAILED : FANOUT_NEEDS_OWN_DEVICES;
	for (size_t i = 0; i < list.n; i++) {
		if (list.numbers[i] != lane->id.jid.device &&
			plan_add(lane, plan, &wire, &account, true,
				list.numbers[i], err) != 0)
			return FANOUT_FAILED;
	}
	return FANOUT_READY;
}

static enum fanout_need plan_recipient(
	struct lane *lane, struct fanout *plan, struct err *err)
{
	struct device_list list;
	int known = devices_load(lane, &plan->account, &list, err);

	if (known <= 0)
		return known < 0 ? FANOUT_FAILED : FANOUT_NEEDS_DEVICES;
	for (size_t i = 0; i < list.n; i++) {
		if (plan_add(lane, plan, &plan->to, &plan->account, false,
			    list.numbers[i], err) != 0)
			return FANOUT_FAILED;
	}
	return FANOUT_READY;
}

/* Both names of the chat's account, as far as they are known.  -1: the lane
 * database failed. */
static int plan_names(struct lane *lane, const struct wa_jid *chat,
	bool is_self, struct fanout *plan, struct err *err)
{
	struct wa_jid other;
	int found = 0;

	plan->account = is_self ? own_account(lane) : wa_jid_bare(chat);
	plan->pn = is_self ? wa_jid_bare(&lane->id.jid) : plan->account;
	if (is_self)
		return 0;
	if (chat->server == WA_SERVER_LID) {
		found = lanedb_pn_of(lane->db, chat, &other, err);
		plan->pn =
			found > 0 ? wa_jid_bare(&other) : (struct wa_jid){ 0 };
	} else {
		found = lanedb_lid_of(lane->db, chat, &other, err);
		if (found > 0)
			plan->account = wa_jid_bare(&other);
	}
	return found < 0 ? -1 : 0;
}

enum fanout_need fanout_plan(struct lane *lane, const struct wa_jid *chat,
	bool as_pn, struct fanout *out, struct err *err)
{
	bool is_self = lane_is_self(lane, chat);
	enum fanout_need need = FANOUT_READY;

	out->n = 0;
	if (plan_names(lane, chat, is_self, out, err) != 0)
		return FANOUT_FAILED;
	out->to = as_pn && !wa_jid_is_empty(&out->pn) ? out->pn : out->account;
	/* In the chat with oneself the other own devices are all there is. */
	if (!is_self)
		need = plan_recipient(lane, out, err);
	if (need == FANOUT_READY)
		need = plan_own(lane, out, err);
	for (size_t i = 0; need == FANOUT_READY && i < out->n; i++) {
		if (!out->devices[i].has_session)
			need = FANOUT_NEEDS_KEYS;
	}
	return need;
}

/* ---- plaintexts ---- */

static void message_pack(const Wa__Message *message, struct buf *out)
{
	size_t n = wa__message__get_packed_size(message);

	wa__message__pack(message, buf_reserve(out, n));
	out->len += n;
}

static void wrap(const struct wa_jid *chat, Wa__Message *inner, struct buf *out)
{
	Wa__DeviceSentMessage sent = WA__DEVICE_SENT_MESSAGE__INIT;
	Wa__Message outer = WA__MESSAGE__INIT;
	char destination[WA_JID_TEXT];

	sent.destination_jid = wa_jid_text(chat, destination);
	sent.message = inner;
	outer.device_sent_message = &sent;
	outer.message_context_info = inner->message_context_info;
	message_pack(&outer, out);
}

int fanout_wrap(const struct wa_jid *chat, const void *plain, size_t n,
	struct buf *out, struct err *err)
{
	Wa__Message *inner = wa__message__unpack(NULL, n, plain);

	if (inner == NULL)
		return err_set(err, ERR_INTERNAL, "kept message is malformed");
	wrap(chat, inner, out);
	wa__message__free_unpacked(inner, NULL);
	return 0;
}

/* ---- the stanza ---- */

int fanout_add_enc(struct lane *lane, struct wa_node *parent,
	const struct wa_jid *address, const void *plain, size_t n,
	bool *is_pkmsg, struct wa_node **enc_out, struct err *err)
{
	scoped(buf_fini) struct buf padded = BUF_INIT;
	scoped(buf_fini) struct buf cipher = BUF_INIT;
	enum wa_enc_type type = WA_ENC_MSG;
	struct wa_node *enc = NULL;

	buf_add(&padded, plain, n);
	wa_pad(&padded);
	if (wa_signal_encrypt(lane->signal, address, padded.data, padded.len,
		    &cipher, &type, err) != 0)
		return -1;
	enc = wa_node_add(parent, "enc");
	wa_node_set(enc, "v", "2");
	wa_node_set(enc, "type", wa_enc_name(type));
	wa_node_bytes(enc, cipher.data, cipher.len);
	if (type == WA_ENC_PKMSG)
		*is_pkmsg = true;
	if (enc_out != NULL)
		*enc_out = enc;
	return 0;
}

int fanout_add_identity(
	struct lane *lane, struct wa_node *stanza, struct err *err)
{
	scoped(buf_fini) struct buf identity = BUF_INIT;
	int found = lanedb_value_load(lane->db, "adv_identity", &identity, err);

	if (found < 0)
		return -1;
	if (found == 0)
		return err_set(
			err, ERR_INTERNAL, "no device identity from pairing");
	wa_node_bytes(wa_node_add(stanza, "device-identity"), identity.data,
		identity.len);
	return 0;
}

/* -1 only when the database failed; a device that cannot be encrypted for goes
 * without. */
static int add_device(struct lane *lane, struct wa_node *participants,
	const struct fanout_device *device, const struct buf *plain,
	const struct envelope *envelope, bool *is_pkmsg, bool *added,
	struct err *err)
{
	struct wa_node *to = NULL;
	struct wa_node *enc = NULL;
	char text[WA_JID_TEXT];

	*added = false;
	if (!device->has_session)
		return 0;
	to = wa_node_new(lane->arena, "to");
	wa_node_set_jid(to, "jid", &device->wire);
	if (fanout_add_enc(lane, to, &device->address, plain->data, plain->len,
		    is_pkmsg, &enc, err) == 0) {
		fanout_mark_enc(enc, envelope);
		wa_node_append(participants, to);
		*added = true;
		return 0;
	}
	if (err->code == ERR_IO)
		return -1;
	log_warning("fanout device=%s status=failed reason=\"%s\" "
		    "action=\"device is left out\"",
		wa_jid_text(&device->wire, text), err->msg);
	return 0;
}

static int sent_keep(struct lane *lane, const struct fanout *plan,
	const char *wa_id, const struct composed *composed, struct err *err)
{
	char envelope[ENVELOPE_TEXT];
	struct lane_sent sent = {
		.wa_id = wa_id,
		.chat = plan->to,
		.envelope = envelope,
		.message = composed->plain.data,
		.n = composed->plain.len,
		.sent_ms = clock_now_ms(),
	};

	envelope_text(&composed->envelope, envelope);

	return lanedb_sent_save(lane->db, &sent, err);
}

struct wa_node *fanout_stanza(struct lane *lane, const char *wa_id,
	const struct wa_jid *to, const struct envelope *envelope)
{
	struct wa_node *stanza = wa_node_new(lane->arena, "message");

	wa_node_set(stanza, "id", wa_id);
	wa_node_set_jid(stanza, "to", to);
	wa_node_set(stanza, "type", envelope->type);
	wa_node_set(stanza, "edit", envelope->edit);
	if (envelope->polltype != NULL)
		wa_node_set(wa_node_add(stanza, "meta"), "polltype",
			envelope->polltype);
	return stanza;
}

void fanout_mark_enc(struct wa_node *enc, const struct envelope *envelope)
{
	wa_node_set(enc, "mediatype", envelope->mediatype);
	if (envelope->is_hidden)
		wa_node_set(enc, "decrypt-fail", "hide");
}

int fanout_send(struct lane *lane, const struct fanout *plan, const char *wa_id,
	const struct composed *composed, size_t *n_devices_out, struct err *err)
{
	scoped(buf_fini) struct buf wrapped = BUF_INIT;
	const struct buf *plain = &composed->plain;
	struct wa_node *stanza =
		fanout_stanza(lane, wa_id, &plan->to, &composed->envelope);
	struct wa_node *participants = wa_node_add(stanza, "participants");
	size_t n_recipient = 0;
	size_t n_own = 0;
	bool is_pkmsg = false;
	bool is_self = lane_is_self(lane, &plan->to);

	if (plan->to.server == WA_SERVER_LID && !wa_jid_is_empty(&plan->pn))
		wa_node_set_jid(stanza, "peer_recipient_pn", &plan->pn);
	if (fanout_wrap(&plan->to, plain->data, plain->len, &wrapped, err) != 0)
		return -1;
	for (size_t i = 0; i < plan->n; i++) {
		const struct fanout_device *device = &plan->devices[i];
		bool added = false;

		if (add_device(lane, participants, device,
			    device->is_own ? &wrapped : plain,
			    &composed->envelope, &is_pkmsg, &added, err) != 0)
			return -1;
		*(device->is_own ? &n_own : &n_recipient) += added;
	}
	if ((is_self ? n_own : n_recipient) == 0)
		return err_set(err, ERR_NOT_FOUND,
			"no device of the recipient has usable keys");
	if ((is_pkmsg && fanout_add_identity(lane, stanza, err) != 0) ||
		tokens_attach(lane, stanza, &plan->account, err) != 0 ||
		sent_keep(lane, plan, wa_id, composed, err) != 0)
		return -1;
	lane_send(lane, stanza);
	*n_devices_out = n_recipient + n_own;
	return 0;
}
