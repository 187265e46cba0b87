/* Messages that come in: from Bob, from our own phone, in a group; and the rows
 * that come of them.  Included once, it includes the fake lane. */
#ifndef TESTS_UNIT_SENDERD_INBOUND_FIXTURE_H
#define TESTS_UNIT_SENDERD_INBOUND_FIXTURE_H

#include "tests/unit/senderd/fake_lane.h"

#define GROUP "120363000000000001"

static inline struct wa_node *stanza_new(
	struct fake *fake, const char *id, const struct wa_jid *from)
{
	struct wa_node *stanza = wa_node_new(fake->arena, "message");

	wa_node_set(stanza, "id", id);
	wa_node_set_jid(stanza, "from", from);
	wa_node_set(stanza, "t", "1700000000");
	wa_node_set(stanza, "type", "text");
	return stanza;
}

/* Bob writes to us, as the server delivers it. */
static inline struct wa_node *from_bob(
	struct fake *fake, const char *id, const Wa__Message *message)
{
	struct wa_node *stanza = stanza_new(fake, id, &fake->bob->jid);
	struct wa_jid pn = wa_jid_pn(BOB_PN, 0);

	wa_node_set_jid(stanza, "sender_pn", &pn);
	wa_node_set(stanza, "notify", "Bob");
	if (message != NULL)
		person_say(fake, fake->bob, message, stanza);
	return stanza;
}

/* Our own phone, to us alone or as the copy of what it sent. */
static inline struct wa_node *from_own_phone(
	struct fake *fake, const char *id, const Wa__Message *message)
{
	struct wa_node *stanza = stanza_new(fake, id, &fake->own_phone->jid);

	wa_node_set(stanza, "notify", "Us");
	if (message != NULL)
		person_say(fake, fake->own_phone, message, stanza);
	return stanza;
}

static inline void receive(struct fake *fake, const struct wa_node *stanza)
{
	inbound_on_message(&fake->lane, stanza);
	fake_run(fake);
}

static inline Wa__Message text_message(const char *text)
{
	Wa__Message message = WA__MESSAGE__INIT;

	message.conversation = (char *)text;
	return message;
}

struct row {
	char wa_id[64], chat[96], sender[96], phone[32], lid[32], text[128],
		content[512], push_name[64], media[UUID_LEN];
	enum message_kind kind;
	enum message_source source;
	int64_t wa_ms, media_id;
	int n;
};

static inline void copy_text(char *out, size_t cap, const char *text)
{
	snprintf(out, cap, "%s", text != NULL ? text : "(null)");
}

static inline int on_row(const struct message *m, void *arg)
{
	struct row *row = arg;

	if (row->n++ > 0)
		return 0; /* newest first: only that */
	copy_text(row->wa_id, sizeof row->wa_id, m->wa_id);
	copy_text(row->chat, sizeof row->chat, m->chat);
	copy_text(row->sender, sizeof row->sender, m->sender);
	copy_text(row->phone, sizeof row->phone, m->phone);
	copy_text(row->lid, sizeof row->lid, m->lid);
	copy_text(row->text, sizeof row->text, m->text);
	copy_text(row->content, sizeof row->content, m->content);
	copy_text(row->media, sizeof row->media, m->media_public_id);
	copy_text(row->push_name, sizeof row->push_name, m->push_name);
	row->kind = m->kind;
	row->source = m->source;
	row->wa_ms = m->wa_ms;
	row->media_id = m->media_id;
	return 0;
}

/* The newest row; n tells how many there are. */
static inline struct row newest(struct fake *fake)
{
	struct message_filter filter = { .account_id = fake->lane.account_id };
	struct page page = { .limit = 100 };
	struct row row = { .n = 0 };
	struct err err = ERR_NONE;
	int64_t total = 0;

	assert_int_equal(store_message_list(fake->lane.store, &filter, page,
				 on_row, &row, &total, &err),
		0);
	assert_int_equal(row.n, total);
	return row;
}

static inline Wa__Message protocol_message(
	Wa__ProtocolMessage *protocol, Wa__ProtocolMessage__Type type)
{
	Wa__Message message = WA__MESSAGE__INIT;

	protocol->has_type = 1;
	protocol->type = type;
	message.protocol_message = protocol;
	return message;
}

static inline struct wa_node *group_stanza(struct fake *fake, const char *id)
{
	struct wa_jid group = { .server = WA_SERVER_GROUP };
	struct wa_jid pn = wa_jid_pn(BOB_PN, 0);
	struct wa_node *stanza = NULL;

	snprintf(group.user, sizeof group.user, "%s", GROUP);
	stanza = stanza_new(fake, id, &group);
	wa_node_set_jid(stanza, "participant", &fake->bob->jid);
	wa_node_set_jid(stanza, "participant_pn", &pn);
	wa_node_set(stanza, "addressing_mode", "lid");
	return stanza;
}

/* Bob encrypts with his sender key; the distribution is created before. */
static inline void group_say(struct fake *fake, struct wa_node *stanza,
	const Wa__Message *message, bool with_key)
{
	struct wa_jid group = { .server = WA_SERVER_GROUP };
	Wa__Message carrier = WA__MESSAGE__INIT;
	Wa__SenderKeyDistributionMessage distribution =
		WA__SENDER_KEY_DISTRIBUTION_MESSAGE__INIT;
	struct buf skdm = BUF_INIT, plain = BUF_INIT, cipher = BUF_INIT;
	struct err err = ERR_NONE;
	size_t n = wa__message__get_packed_size(message);
	struct wa_node *enc = NULL;

	snprintf(group.user, sizeof group.user, "%s", GROUP);
	assert_int_equal(wa_signal_group_skdm(fake->bob->signal, &group,
				 &fake->bob->jid, &skdm, &err),
		0);
	if (with_key) {
		distribution.group_id = (char *)GROUP "@g.us";
		distribution.has_axolotl_sender_key_distribution_message = 1;
		distribution.axolotl_sender_key_distribution_message =
			(ProtobufCBinaryData){ skdm.len, skdm.data };
		carrier.sender_key_distribution_message = &distribution;
		person_say(fake, fake->bob, &carrier, stanza);
	}
	wa__message__pack(message, buf_reserve(&plain, n));
	plain.len = n;
	wa_pad(&plain);
	assert_int_equal(
		wa_signal_group_encrypt(fake->bob->signal, &group,
			&fake->bob->jid, plain.data, plain.len, &cipher, &err),
		0);
	enc = wa_node_add(stanza, "enc");
	wa_node_set(enc, "v", "2");
	wa_node_set(enc, "type", "skmsg");
	wa_node_bytes(enc, cipher.data, cipher.len);
	buf_fini(&skdm);
	buf_fini(&plain);
	buf_fini(&cipher);
}

#endif
