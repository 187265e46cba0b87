/* A group for the fake lane: its members, the server's answers about it, and
 * people who read what is sent to it.
 *
 * We are its superadmin; Bob (two devices) and Carol (a phone) are members. */
#ifndef TESTS_UNIT_SENDERD_FAKE_GROUP_H
#define TESTS_UNIT_SENDERD_FAKE_GROUP_H

#include "tests/unit/senderd/fake_lane.h"

#include "senderd/whatsapp/group.h"
#include "senderd/whatsapp/outbound.h"
#include "senderd/whatsapp/receipt.h"

#define GROUP_USER "120363000000000001"
#define GROUP GROUP_USER "@g.us"
#define CAROL_PN "15550003333"
#define CAROL_LID "7715550003333"
#define DAVE_PN "15550004444"
#define DAVE_LID "7715550004444"

struct fake_member {
	const char *pn, *lid, *type;
};

static const struct fake_member us = { OWN_PN, OWN_LID, "superadmin" };
static const struct fake_member bob = { BOB_PN, BOB_LID, NULL };
static const struct fake_member carol = { CAROL_PN, CAROL_LID, NULL };
static const struct fake_member dave = { DAVE_PN, DAVE_LID, NULL };

static inline struct wa_jid group_jid(void)
{
	return (struct wa_jid){ .user = GROUP_USER, .server = WA_SERVER_GROUP };
}

static inline void participant_add(
	struct wa_node *parent, bool by_lid, const struct fake_member *member)
{
	struct wa_node *node = wa_node_add(parent, "participant");
	struct wa_jid pn = wa_jid_pn(member->pn, 0);
	struct wa_jid lid = wa_jid_lid(member->lid, 0);

	wa_node_set_jid(node, "jid", by_lid ? &lid : &pn);
	wa_node_set_jid(
		node, by_lid ? "phone_number" : "lid", by_lid ? &pn : &lid);
	wa_node_set(node, "type", member->type);
}

/* <group> with us and @members. */
static inline struct wa_node *group_node(struct fake *fake, bool by_lid,
	const struct fake_member *members, size_t n)
{
	struct wa_node *group = wa_node_new(fake->arena, "group");
	struct wa_jid creator = wa_jid_lid(OWN_LID, 0);

	wa_node_set(group, "id", GROUP_USER);
	wa_node_set(group, "subject", "Friends");
	wa_node_set(group, "creation", "1700000000");
	wa_node_set_jid(group, "creator", &creator);
	wa_node_set(group, "addressing_mode", by_lid ? "lid" : "pn");
	participant_add(group, by_lid, &us);
	for (size_t i = 0; i < n; i++)
		participant_add(group, by_lid, &members[i]);
	return group;
}

static inline struct wa_node *group_of_friends(struct fake *fake, bool by_lid)
{
	const struct fake_member members[] = { bob, carol };

	return group_node(fake, by_lid, members, 2);
}

static inline struct wa_node *iq_of(struct fake *fake, struct wa_node *child)
{
	struct wa_node *iq = wa_node_new(fake->arena, "iq");

	wa_node_set(iq, "type", "result");
	if (child != NULL)
		wa_node_append(iq, child);
	return iq;
}

static inline struct wa_node *iq_error(struct fake *fake, int code)
{
	struct wa_node *iq = iq_of(fake, NULL);

	wa_node_set_int(wa_node_add(iq, "error"), "code", code);
	return iq;
}

/* Answers everything that is asked, questions about the group with @group (a
 * fresh copy each time). */
static inline void fake_settle(struct fake *fake, const struct wa_node *group)
{
	struct fake_question *question = NULL;

	while ((question = fake_question(fake)) != NULL) {
		if (wa_node_is(question->iq, "xmlns", "usync"))
			fake_answer_devices(fake);
		else if (wa_node_is(question->iq, "xmlns", "encrypt"))
			fake_answer_keys(fake);
		else if (wa_node_is(question->iq, "xmlns", "w:g2"))
			fake_answer(fake,
				iq_of(fake, wa_node_copy(fake->arena, group)));
		else
			fake_answer(fake, iq_of(fake, NULL));
	}
}

static inline bool asks_for_group(struct fake *fake)
{
	const struct fake_question *question = fake_question(fake);

	return question != NULL && wa_node_is(question->iq, "xmlns", "w:g2");
}

/* ---- notices ---- */

/* A w:gp2 notification by us; *@child_out is its change. */
static inline struct wa_node *notice_new(struct fake *fake, const char *tag,
	const struct fake_member *member, struct wa_node **child_out)
{
	static unsigned n;
	struct wa_node *notification = wa_node_new(fake->arena, "notification");
	struct wa_jid from = group_jid(), actor = wa_jid_lid(OWN_LID, 0);

	wa_node_set(notification, "type", "w:gp2");
	wa_node_set_int(notification, "id", ++n);
	wa_node_set_jid(notification, "from", &from);
	wa_node_set_jid(notification, "participant", &actor);
	wa_node_set_int(notification, "t", clock_now_ms() / 1000);
	*child_out = wa_node_add(notification, tag);
	if (member != NULL)
		participant_add(*child_out, true, member);
	return notification;
}

static inline void notify(struct fake *fake, const struct wa_node *notification)
{
	notification_on_notification(&fake->lane, notification);
	fake_run(fake);
}

/* ---- messages ---- */

static inline void fake_job_to(struct fake *fake, const char *wa_id,
	const char *chat, const char *text, const char *content)
{
	Bus__SendJob job = BUS__SEND_JOB__INIT;
	struct err err = ERR_NONE;
	char uuid[UUID_LEN];
	bool duplicate = false;
	struct message message = { .account_id = fake->lane.account_id,
		.device_id = fake->lane.device_id,
		.kind = MESSAGE_TEXT,
		.source = MESSAGE_BY_API,
		.wa_id = wa_id,
		.chat = chat,
		.text = text,
		.content = content,
		.public_id = uuid,
		.created_ms = clock_now_ms() };
	struct tx *tx = tx_begin(fake->lane.store, &err);

	id_uuid7(uuid);
	assert_int_equal(
		store_message_insert_out(tx, &message, &duplicate, &err), 0);
	assert_int_equal(tx_commit(tx, &err), 0);
	tx_end(&tx);
	job.created_ms = message.created_ms;
	job.device_seq = message.device_seq;
	job.wa_id = (char *)wa_id;
	job.chat = (char *)chat;
	job.kind = MESSAGE_TEXT;
	job.text = (char *)text;
	job.content = (char *)(content != NULL ? content : "");
	outbound_on_job(&fake->lane, &job);
}

static inline void fake_accepted(struct fake *fake, const char *wa_id)
{
	outbound_on_ack(&fake->lane, fake_ack(fake, wa_id, 0));
	fake_run(fake);
}

/* The newest <message> with this id; NULL: none. */
static inline const struct wa_node *fake_message(
	struct fake *fake, const char *wa_id)
{
	for (size_t i = fake->n_sent; i > 0; i--) {
		if (strcmp(fake->sent[i - 1]->tag, "message") == 0 &&
			wa_node_is(fake->sent[i - 1], "id", wa_id))
			return fake->sent[i - 1];
	}
	return NULL;
}

/* Sent at once or after what is asked for it; then the server takes it. */
static inline const struct wa_node *group_send(
	struct fake *fake, const char *wa_id, const struct wa_node *group)
{
	const struct wa_node *stanza = NULL;

	fake_job_to(fake, wa_id, GROUP, "hello", NULL);
	fake_run(fake);
	fake_settle(fake, group);
	stanza = fake_message(fake, wa_id);
	assert_non_null(stanza);
	fake_accepted(fake, wa_id);
	return stanza;
}

/* Entries of <participants>. */
static inline size_t n_entries(const struct wa_node *stanza)
{
	const struct wa_node *list = wa_node_child(stanza, "participants");

	return list != NULL ? wa_node_n_children(list) : 0;
}

/* ---- who reads it ---- */

/* Takes the sender key from a Message that @person got. */
static inline bool key_take(struct fake *fake, struct person *person,
	const struct wa_jid *chat, const Wa__Message *message)
{
	const Wa__SenderKeyDistributionMessage *key =
		message->sender_key_distribution_message;
	struct err err = ERR_NONE;

	return key != NULL &&
	       wa_signal_group_process(person->signal, chat, &fake->lane.id.lid,
		       key->axolotl_sender_key_distribution_message.data,
		       key->axolotl_sender_key_distribution_message.len,
		       &err) == 0;
}

/* What @person, whose device the stanza names @wire, reads: the entry for it
 * if there is one, then the message.  True: it could. */
static inline bool group_read_by(struct fake *fake, struct person *person,
	const struct wa_jid *wire, const struct wa_node *stanza)
{
	scoped(buf_fini) struct buf plain = BUF_INIT;
	const struct wa_node *entry =
		wa_node_child(stanza, "participants") != NULL
			? stanza_enc(stanza, wire)
			: NULL;
	const struct wa_node *enc = wa_node_child(stanza, "enc");
	struct wa_jid chat;
	struct err err = ERR_NONE;
	size_t n = 0;
	const uint8_t *cipher = NULL;

	assert_true(wa_node_jid(stanza, "to", &chat));
	if (entry != NULL) {
		Wa__Message *message = person_hear(fake, person, entry);

		assert_non_null(message);
		assert_true(key_take(fake, person, &chat, message));
		assert_null(message->conversation);
		assert_null(message->device_sent_message);
		wa__message__free_unpacked(message, NULL);
	}
	assert_non_null(enc);
	assert_string_equal(wa_node_str(enc, "type"), "skmsg");
	cipher = wa_node_content(enc, &n);
	return wa_signal_group_decrypt(person->signal, &chat,
		       &fake->lane.id.lid, cipher, n, &plain,
		       &err) == WA_SIGNAL_OK;
}

static inline bool read_by(
	struct fake *fake, struct person *person, const struct wa_node *stanza)
{
	return group_read_by(fake, person, &person->jid, stanza);
}

/* ---- life: Carol and Dave have keys too ---- */

static inline struct person *carol_of(struct fake *fake)
{
	return fake->crowd[0];
}

static inline struct person *dave_of(struct fake *fake)
{
	return fake->crowd[1];
}

static inline int group_setup(void **state)
{
	struct fake *fake = NULL;

	if (fake_setup(state) != 0)
		return -1;
	fake = *state;
	fake->crowd = xcalloc(2, sizeof *fake->crowd);
	fake->crowd[0] = person_new(CAROL_LID, 0);
	fake->crowd[1] = person_new(DAVE_LID, 0);
	fake->n_crowd = 2;
	outbound_on_ready(&fake->lane);
	return 0;
}

static inline int group_teardown(void **state)
{
	struct fake *fake = *state;

	for (size_t i = 0; i < fake->n_crowd; i++)
		person_free(&fake->crowd[i]);
	free(fake->crowd);
	return fake_teardown(state);
}

#define GROUP_TEST(test) \
	cmocka_unit_test_setup_teardown(test, group_setup, group_teardown)

#endif
