/* Messages about other messages: what they show, and whom they are believed. */
#include "tests/unit/senderd/inbound_fixture.h"

#include "common/wa/crypto.h"
#include "senderd/whatsapp/compose.h"
#include "senderd/whatsapp/group.h"
#include "senderd/whatsapp/secrets.h"

#define EVE_LID "900003"
#define BOB_JID BOB_PN "@s.whatsapp.net"

static void key_set(Wa__MessageKey *key, const char *id, bool from_me)
{
	wa__message_key__init(key);
	key->id = (char *)id;
	key->has_from_me = 1;
	key->from_me = from_me;
}

struct protocol {
	Wa__Message message, edited;
	Wa__ProtocolMessage protocol;
	Wa__MessageKey key;
};

static const Wa__Message *edit_of(
	struct protocol *p, const char *id, const char *text)
{
	p->edited = text_message(text);
	wa__protocol_message__init(&p->protocol);
	key_set(&p->key, id, true);
	p->protocol.key = &p->key;
	p->protocol.edited_message = &p->edited;
	p->message = protocol_message(
		&p->protocol, WA__PROTOCOL_MESSAGE__TYPE__MESSAGE_EDIT);
	return &p->message;
}

static const Wa__Message *revoke_of(
	struct protocol *p, const char *id, bool from_me, const char *who)
{
	wa__protocol_message__init(&p->protocol);
	key_set(&p->key, id, from_me);
	p->key.participant = (char *)who;
	p->protocol.key = &p->key;
	p->message = protocol_message(
		&p->protocol, WA__PROTOCOL_MESSAGE__TYPE__REVOKE);
	return &p->message;
}

static void assert_row(struct fake *fake, int n, enum message_kind kind,
	const char *text, const char *content)
{
	struct row row = newest(fake);

	assert_int_equal(row.n, n);
	assert_int_equal(row.kind, kind);
	assert_string_equal(row.text, text);
	assert_string_equal(row.content, content);
}

/* Nothing but the receipt came of it. */
static void assert_nothing(struct fake *fake, int n_rows, size_t n_events)
{
	assert_int_equal(newest(fake).n, n_rows);
	assert_int_equal(fake->n_events, n_events);
	assert_string_equal(fake_last(fake, "receipt")->tag, "receipt");
	assert_int_equal(fake_count(fake, "ack"), 0);
}

#define TARGET(id, from_me, who)                             \
	"{\"target\":{\"id\":\"" id "\",\"fromMe\":" from_me \
	",\"participant\":\"" who "\"}}"

/* ---- edits ---- */

static void an_edit_tells_the_new_text_and_its_target(void **state)
{
	struct fake *fake = *state;
	Wa__Message first = text_message("helo"), outer = WA__MESSAGE__INIT;
	Wa__FutureProofMessage wrapper = WA__FUTURE_PROOF_MESSAGE__INIT;
	struct protocol p;

	receive(fake, from_bob(fake, "A1", &first));
	receive(fake, from_bob(fake, "E1", edit_of(&p, "A1", "hello")));
	assert_row(fake, 2, MESSAGE_EDIT, "hello",
		TARGET("A1", "false", "+" BOB_PN));
	assert_non_null(strstr(fake->payload, "\"messageType\":\"EDIT\""));
	/* As official clients wrap it. */
	wrapper.message = (Wa__Message *)edit_of(&p, "A1", "hello!");
	outer.edited_message = &wrapper;
	receive(fake, from_bob(fake, "E2", &outer));
	assert_row(fake, 3, MESSAGE_EDIT, "hello!",
		TARGET("A1", "false", "+" BOB_PN));
	/* Of one that came before us. */
	receive(fake, from_bob(fake, "E3", edit_of(&p, "A0", "old")));
	assert_row(fake, 4, MESSAGE_EDIT, "old",
		TARGET("A0", "false", "+" BOB_PN));
}

static void an_edit_of_our_message_by_another_is_refused(void **state)
{
	struct fake *fake = *state;
	struct protocol p;

	fake_accept(fake, "3EB0OURS", BOB_PN, "pay me", 1);
	receive(fake, from_bob(fake, "E1", edit_of(&p, "3EB0OURS", "paid")));
	assert_nothing(fake, 1, 0);
}

static void an_edit_without_content_or_target_is_refused(void **state)
{
	struct fake *fake = *state;
	struct protocol p;

	edit_of(&p, "A1", "");
	receive(fake, from_bob(fake, "E1", &p.message));
	edit_of(&p, "", "x");
	receive(fake, from_bob(fake, "E2", &p.message));
	assert_nothing(fake, 0, 0);
}

/* ---- revokes ---- */

static void a_revoke_by_the_author_is_told_and_the_message_stays(void **state)
{
	struct fake *fake = *state;
	Wa__Message first = text_message("oops");
	struct protocol p;

	receive(fake, from_bob(fake, "A1", &first));
	receive(fake, from_bob(fake, "R1", revoke_of(&p, "A1", true, NULL)));
	assert_row(fake, 2, MESSAGE_REVOKE, "(null)",
		TARGET("A1", "false", "+" BOB_PN));
}

static void a_revoke_by_another_is_refused(void **state)
{
	struct fake *fake = *state;
	struct protocol p;

	fake_accept(fake, "3EB0OURS", BOB_PN, "proof", 1);
	/* He says that it is his. */
	receive(fake,
		from_bob(fake, "R1", revoke_of(&p, "3EB0OURS", true, NULL)));
	/* He says that it is ours. */
	receive(fake,
		from_bob(fake, "R2", revoke_of(&p, "3EB0OURS", false, NULL)));
	receive(fake, from_bob(fake, "R3", revoke_of(&p, "", true, NULL)));
	assert_nothing(fake, 1, 0);
}

static void a_revoke_on_our_phone_is_a_row_without_an_event(void **state)
{
	struct fake *fake = *state;
	struct wa_jid chat = wa_jid_lid(BOB_LID, 0);
	struct protocol p;
	Wa__Message outer = WA__MESSAGE__INIT;
	Wa__DeviceSentMessage sent = WA__DEVICE_SENT_MESSAGE__INIT;
	struct wa_node *stanza = NULL;

	fake_accept(fake, "3EB0OURS", BOB_PN, "oops", 1);
	sent.destination_jid = (char *)BOB_LID "@lid";
	sent.message = (Wa__Message *)revoke_of(&p, "3EB0OURS", true, NULL);
	outer.device_sent_message = &sent;
	stanza = from_own_phone(fake, "P1", &outer);
	wa_node_set_jid(stanza, "recipient", &chat);
	receive(fake, stanza);
	assert_row(fake, 2, MESSAGE_REVOKE, "(null)",
		TARGET("3EB0OURS", "true", "+" OWN_PN));
	assert_int_equal(newest(fake).source, MESSAGE_BY_PHONE);
	assert_int_equal(fake->n_events, 0);
}

/* The group as the server tells it, Bob with @rank. */
static void know_group(struct fake *fake, const char *rank)
{
	struct wa_node *node = wa_node_new(fake->arena, "group");
	static const char *const members[] = { BOB_LID, OWN_LID, EVE_LID };
	struct err err = ERR_NONE;
	struct group *group = NULL;

	wa_node_set(node, "id", GROUP);
	wa_node_set(node, "addressing_mode", "lid");
	for (size_t i = 0; i < ARRAY_LEN(members); i++) {
		struct wa_node *member = wa_node_add(node, "participant");
		struct wa_jid jid = wa_jid_lid(members[i], 0);

		wa_node_set_jid(member, "jid", &jid);
		if (i == 0)
			wa_node_set(member, "type", rank);
	}
	group = group_read(fake->arena, node, NULL, clock_now_ms());
	assert_non_null(group);
	assert_int_equal(group_learn(&fake->lane, group, &err), 0);
	assert_int_equal(fake_turn_end(fake), 0);
}

/* Bob takes back what Eve wrote. */
static void revoke_eves(struct fake *fake, const char *edit)
{
	struct wa_node *stanza = group_stanza(fake, "R1");
	struct protocol p;

	wa_node_set(stanza, "edit", edit);
	group_say(
		fake, stanza, revoke_of(&p, "V1", false, EVE_LID "@lid"), true);
	receive(fake, stanza);
}

static void an_admin_may_revoke_what_others_wrote(void **state)
{
	struct fake *fake = *state;

	know_group(fake, "admin");
	revoke_eves(fake, "8");
	assert_row(fake, 1, MESSAGE_REVOKE, "(null)",
		TARGET("V1", "false", EVE_LID "@lid"));
}

static void a_member_may_not(void **state)
{
	struct fake *fake = *state;

	know_group(fake, NULL);
	revoke_eves(fake, "8");
	assert_nothing(fake, 0, 0);
}

static void an_admin_must_say_so(void **state)
{
	struct fake *fake = *state;

	know_group(fake, "admin");
	revoke_eves(fake, "7");
	assert_nothing(fake, 0, 0);
}

static void in_an_unknown_group_a_revoke_is_told_as_unproven(void **state)
{
	struct fake *fake = *state;

	revoke_eves(fake, "8");
	assert_int_equal(newest(fake).kind, MESSAGE_OTHER);
	assert_non_null(strstr(
		newest(fake).content, "{\"type\":\"revoke\",\"target\""));
	assert_non_null(fake_question(fake)); /* who is admin there? */
}

/* ---- reactions ---- */

static void a_reaction_names_what_it_is_about(void **state)
{
	struct fake *fake = *state;
	Wa__Message message = WA__MESSAGE__INIT;
	Wa__ReactionMessage reaction = WA__REACTION_MESSAGE__INIT;
	Wa__MessageKey key;

	key_set(&key, "3EB0OURS", false);
	reaction.key = &key;
	reaction.text = (char *)"+";
	message.reaction_message = &reaction;
	receive(fake, from_bob(fake, "X1", &message));
	assert_row(fake, 1, MESSAGE_REACTION, "+",
		TARGET("3EB0OURS", "true", "+" OWN_PN));
	reaction.text = (char *)"";
	receive(fake, from_bob(fake, "X2", &message));
	assert_row(fake, 2, MESSAGE_REACTION, "",
		TARGET("3EB0OURS", "true", "+" OWN_PN));
	assert_non_null(strstr(fake->payload, "\"text\":\"\""));
}

/* ---- what is encrypted with a secret ---- */

struct sealed {
	struct buf payload;
	uint8_t iv[12];
};

/* @plain, said by Bob about the message @id of @author. */
static void bob_seals(struct sealed *out, const uint8_t secret[32],
	enum secret_use use, const char *id, const char *author,
	const ProtobufCMessage *plain)
{
	struct buf aad = BUF_INIT, bytes = BUF_INIT;
	size_t n = protobuf_c_message_get_packed_size(plain);
	uint8_t key[32];

	*out = (struct sealed){ .iv = { 7 } };
	protobuf_c_message_pack(plain, buf_reserve(&bytes, n + 1));
	secrets_key(secret, use, id, author, BOB_LID "@lid", key, &aad);
	wa_gcm_encrypt(key, out->iv, aad.data, aad.len, bytes.data, n,
		buf_reserve(&out->payload, n + WA_GCM_TAG));
	out->payload.len = n + WA_GCM_TAG;
	buf_fini(&aad);
	buf_fini(&bytes);
}

#define BIN(p, n_) ((ProtobufCBinaryData){ n_, (uint8_t *)(p) })

/* Bob votes for @names in the poll @id of @author. */
static void bob_votes(struct fake *fake, const char *stanza_id,
	const uint8_t secret[32], const char *id, const char *author,
	bool is_his_own, const char *const *names, size_t n)
{
	Wa__PollVoteMessage vote = WA__POLL_VOTE_MESSAGE__INIT;
	Wa__PollUpdateMessage update = WA__POLL_UPDATE_MESSAGE__INIT;
	Wa__PollEncValue value = WA__POLL_ENC_VALUE__INIT;
	Wa__Message message = WA__MESSAGE__INIT;
	Wa__MessageKey key;
	ProtobufCBinaryData chosen[8];
	uint8_t hashes[8][32];
	struct sealed sealed;

	for (size_t i = 0; i < n; i++) {
		wa_sha256(names[i], strlen(names[i]), hashes[i]);
		chosen[i] = BIN(hashes[i], 32);
	}
	vote.n_selected_options = n;
	vote.selected_options = chosen;
	bob_seals(&sealed, secret, SECRET_POLL_VOTE, id, author, &vote.base);
	key_set(&key, id, is_his_own);
	value.has_enc_payload = value.has_enc_iv = 1;
	value.enc_payload = BIN(sealed.payload.data, sealed.payload.len);
	value.enc_iv = BIN(sealed.iv, 12);
	update.poll_creation_message_key = &key;
	update.vote = &value;
	message.poll_update_message = &update;
	receive(fake, from_bob(fake, stanza_id, &message));
	buf_fini(&sealed.payload);
}

/* A poll of ours, accepted as apid does it. */
static void own_poll(struct fake *fake, const char *wa_id)
{
	struct err err = ERR_NONE;
	bool duplicate = false;
	struct message message = {
		.account_id = fake->lane.account_id,
		.device_id = fake->lane.device_id,
		.public_id = "00000000-0000-7000-8000-00000000000a",
		.kind = MESSAGE_POLL,
		.source = MESSAGE_BY_API,
		.wa_id = wa_id,
		.chat = BOB_JID,
		.phone = BOB_PN,
		.text = "Lunch?",
		.content = "{\"poll\":{\"options\":[\"Yes\",\"No\"],"
			   "\"selectable\":0}}",
		.created_ms = 1,
	};
	scoped(tx_end) struct tx *tx = tx_begin(fake->lane.store, &err);

	assert_int_equal(
		store_message_insert_out(tx, &message, &duplicate, &err), 0);
	assert_int_equal(tx_commit(tx, &err), 0);
}

#define VOTE_OURS                                           \
	"{\"target\":{\"id\":\"3EB0POLL\",\"fromMe\":true," \
	"\"participant\":\"+" OWN_PN "\"},\"vote\":{\"options\":["

static void a_vote_in_our_poll_is_told_by_the_options_names(void **state)
{
	static const char *const both[] = { "No", "Yes" };
	struct fake *fake = *state;
	uint8_t secret[32];

	own_poll(fake, "3EB0POLL");
	compose_secret(&fake->lane, "3EB0POLL", secret);
	bob_votes(
		fake, "V1", secret, "3EB0POLL", OWN_LID "@lid", false, both, 2);
	assert_row(fake, 2, MESSAGE_POLL_VOTE, "(null)",
		VOTE_OURS "\"No\",\"Yes\"]}}");
	bob_votes(fake, "V2", secret, "3EB0POLL", OWN_PN "@s.whatsapp.net",
		false, both, 1);
	assert_row(fake, 3, MESSAGE_POLL_VOTE, "(null)", VOTE_OURS "\"No\"]}}");
	/* The whole choice: none. */
	bob_votes(
		fake, "V3", secret, "3EB0POLL", OWN_LID "@lid", false, both, 0);
	assert_row(fake, 4, MESSAGE_POLL_VOTE, "(null)", VOTE_OURS "]}}");
}

static void an_option_that_nobody_knows_is_told_by_its_hash(void **state)
{
	static const char *const names[] = { "Yes", "Maybe" };
	struct fake *fake = *state;
	uint8_t secret[32];

	own_poll(fake, "3EB0POLL");
	compose_secret(&fake->lane, "3EB0POLL", secret);
	bob_votes(fake, "V1", secret, "3EB0POLL", OWN_LID "@lid", false, names,
		2);
	assert_non_null(strstr(
		newest(fake).content, "\"options\":[\"Yes\"],\"unknown\":[\""));
}

static void a_vote_in_a_poll_of_theirs_uses_its_secret(void **state)
{
	static const char *const yes[] = { "Yes" };
	struct fake *fake = *state;
	Wa__Message message = WA__MESSAGE__INIT;
	Wa__MessageContextInfo info = WA__MESSAGE_CONTEXT_INFO__INIT;
	Wa__PollCreationMessage poll = WA__POLL_CREATION_MESSAGE__INIT;
	Wa__PollOption option = WA__POLL_OPTION__INIT, *options[] = { &option };
	uint8_t secret[32] = { 9 };

	option.option_name = (char *)"Yes";
	poll.name = (char *)"Lunch?";
	poll.n_options = 1;
	poll.options = options;
	info.has_message_secret = 1;
	info.message_secret = BIN(secret, 32);
	message.poll_creation_message = &poll;
	message.message_context_info = &info;
	receive(fake, from_bob(fake, "POLL1", &message));
	assert_int_equal(newest(fake).kind, MESSAGE_POLL);
	bob_votes(fake, "V1", secret, "POLL1", BOB_LID "@lid", true, yes, 1);
	assert_int_equal(newest(fake).kind, MESSAGE_POLL_VOTE);
	assert_non_null(strstr(
		newest(fake).content, "\"vote\":{\"options\":[\"Yes\"]}"));
}

static void a_vote_that_cannot_be_read_is_told_as_such(void **state)
{
	static const char *const yes[] = { "Yes" };
	struct fake *fake = *state;
	uint8_t wrong[32] = { 1 };

	bob_votes(fake, "V1", wrong, "3EB0POLL", OWN_LID "@lid", false, yes, 1);
	assert_int_equal(newest(fake).kind, MESSAGE_OTHER);
	assert_non_null(
		strstr(newest(fake).content, "{\"type\":\"poll_vote\""));
}

static void an_encrypted_reaction_is_a_reaction(void **state)
{
	struct fake *fake = *state;
	Wa__ReactionMessage reaction = WA__REACTION_MESSAGE__INIT;
	Wa__EncReactionMessage enc = WA__ENC_REACTION_MESSAGE__INIT;
	Wa__Message message = WA__MESSAGE__INIT;
	Wa__MessageKey key;
	struct sealed sealed;
	uint8_t secret[32];

	compose_secret(&fake->lane, "3EB0OURS", secret);
	reaction.text = (char *)"+";
	bob_seals(&sealed, secret, SECRET_REACTION, "3EB0OURS", OWN_LID "@lid",
		&reaction.base);
	key_set(&key, "3EB0OURS", false);
	enc.target_message_key = &key;
	enc.has_enc_payload = enc.has_enc_iv = 1;
	enc.enc_payload = BIN(sealed.payload.data, sealed.payload.len);
	enc.enc_iv = BIN(sealed.iv, 12);
	message.enc_reaction_message = &enc;
	receive(fake, from_bob(fake, "X1", &message));
	assert_row(fake, 1, MESSAGE_REACTION, "+",
		TARGET("3EB0OURS", "true", "+" OWN_PN));
	enc.enc_payload.data[0] ^= 1;
	receive(fake, from_bob(fake, "X2", &message));
	assert_row(fake, 2, MESSAGE_OTHER, "(null)",
		"{\"type\":\"reaction\",\"target\":{\"id\":\"3EB0OURS\","
		"\"fromMe\":true,\"participant\":\"+" OWN_PN "\"}}");
	buf_fini(&sealed.payload);
}

static void secret_edit(struct fake *fake, const char *stanza_id,
	const uint8_t secret[32], const char *id, const char *author)
{
	Wa__Message edited = text_message("hello"), message = WA__MESSAGE__INIT;
	Wa__SecretEncryptedMessage enc = WA__SECRET_ENCRYPTED_MESSAGE__INIT;
	Wa__MessageKey key;
	struct sealed sealed;

	bob_seals(
		&sealed, secret, SECRET_MESSAGE_EDIT, id, author, &edited.base);
	key_set(&key, id, true);
	enc.target_message_key = &key;
	enc.has_enc_payload = enc.has_enc_iv = enc.has_secret_enc_type = 1;
	enc.enc_payload = BIN(sealed.payload.data, sealed.payload.len);
	enc.enc_iv = BIN(sealed.iv, 12);
	enc.secret_enc_type = 2;
	message.secret_encrypted_message = &enc;
	receive(fake, from_bob(fake, stanza_id, &message));
	buf_fini(&sealed.payload);
}

static void a_secret_edit_is_an_edit(void **state)
{
	struct fake *fake = *state;
	Wa__Message first = text_message("helo");
	Wa__MessageContextInfo info = WA__MESSAGE_CONTEXT_INFO__INIT;
	uint8_t secret[32] = { 9 };

	info.has_message_secret = 1;
	info.message_secret = BIN(secret, 32);
	first.message_context_info = &info;
	receive(fake, from_bob(fake, "A1", &first));
	secret_edit(fake, "E1", secret, "A1", BOB_LID "@lid");
	assert_row(fake, 2, MESSAGE_EDIT, "hello",
		TARGET("A1", "false", "+" BOB_PN));
}

/* Bob has the secret of what we sent him. */
static void a_secret_edit_of_our_message_is_not_believed(void **state)
{
	struct fake *fake = *state;
	uint8_t secret[32];

	fake_accept(fake, "3EB0OURS", BOB_PN, "pay me", 1);
	compose_secret(&fake->lane, "3EB0OURS", secret);
	secret_edit(fake, "E1", secret, "3EB0OURS", OWN_LID "@lid");
	assert_int_equal(newest(fake).kind, MESSAGE_OTHER);
	secret_edit(fake, "E2", secret, "3EB0OURS", BOB_LID "@lid");
	assert_int_equal(newest(fake).kind, MESSAGE_OTHER);
}

/* ---- settings ---- */

static void a_timer_is_kept_and_told(void **state)
{
	struct fake *fake = *state;
	Wa__ProtocolMessage protocol = WA__PROTOCOL_MESSAGE__INIT;
	Wa__Message message = protocol_message(
		&protocol, WA__PROTOCOL_MESSAGE__TYPE__EPHEMERAL_SETTING);
	struct wa_jid bob = wa_jid_lid(BOB_LID, 0);
	struct err err = ERR_NONE;
	uint32_t seconds = 0;
	int64_t set_ms = 0;

	protocol.has_ephemeral_expiration = 1;
	protocol.ephemeral_expiration = 86400;
	receive(fake, from_bob(fake, "T1", &message));
	assert_row(fake, 1, MESSAGE_OTHER, "(null)",
		"{\"type\":\"expiration\",\"expiration\":86400}");
	assert_int_equal(
		lanedb_timer_load(fake->lane.db, &bob, &seconds, &set_ms, &err),
		1);
	assert_int_equal(seconds, 86400);
	assert_int_equal(set_ms, 1700000000000);
}

static int setup(void **state)
{
	struct fake *fake = NULL;

	assert_int_equal(fake_setup(state), 0);
	fake = *state;
	person_meet(fake, fake->bob);
	person_meet(fake, fake->own_phone);
	return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, fake_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_edit_tells_the_new_text_and_its_target),
		TEST(an_edit_of_our_message_by_another_is_refused),
		TEST(an_edit_without_content_or_target_is_refused),
		TEST(a_revoke_by_the_author_is_told_and_the_message_stays),
		TEST(a_revoke_by_another_is_refused),
		TEST(a_revoke_on_our_phone_is_a_row_without_an_event),
		TEST(an_admin_may_revoke_what_others_wrote),
		TEST(a_member_may_not),
		TEST(an_admin_must_say_so),
		TEST(in_an_unknown_group_a_revoke_is_told_as_unproven),
		TEST(a_reaction_names_what_it_is_about),
		TEST(a_vote_in_our_poll_is_told_by_the_options_names),
		TEST(an_option_that_nobody_knows_is_told_by_its_hash),
		TEST(a_vote_in_a_poll_of_theirs_uses_its_secret),
		TEST(a_vote_that_cannot_be_read_is_told_as_such),
		TEST(an_encrypted_reaction_is_a_reaction),
		TEST(a_secret_edit_is_an_edit),
		TEST(a_secret_edit_of_our_message_is_not_believed),
		TEST(a_timer_is_kept_and_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
