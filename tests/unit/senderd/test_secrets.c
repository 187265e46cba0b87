/* What is encrypted with the secret of a message. */
#include "tests/unit/senderd/fake_lane.h"

#include "senderd/whatsapp/compose.h"
#include "senderd/whatsapp/secrets.h"
#include "tests/unit/hex.h"

#define ID "3EB0000102030405060708"

static const uint8_t secret01[32] = { 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
	1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1 };
static const uint8_t iv02[12] = { 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2 };

/* messages.md 13, computed with another implementation. */
#define VOTE_KEY \
	"86e4d0d478de8494da6bf52ccf1904f27252373b7870acfcfe79d6882b01017d"
#define VOTE_PAYLOAD                                                       \
	"a2da03e48b0faf9fe122c31d44bb7e1a381390cfda0d4e9161bcf7764296549d" \
	"b6a3b5734f4792ef9fa5d634c5561f4d8f70"

static void the_vote_of_the_vector_is_opened(void **state)
{
	struct fake *fake = *state;
	struct wa_jid bob = wa_jid_lid(BOB_LID, 0),
		      own = wa_jid_lid(OWN_LID, 0);
	struct secret_note note = { .use = SECRET_POLL_VOTE,
		.id = ID,
		.chat = bob,
		.author = own,
		.actor = wa_jid_lid(BOB_LID, 3),
		.iv = { sizeof iv02, (uint8_t *)iv02 } };
	Wa__MessageContextInfo info = WA__MESSAGE_CONTEXT_INFO__INIT;
	struct buf payload = BUF_INIT, plain = BUF_INIT, aad = BUF_INIT;
	struct err err = ERR_NONE;
	Wa__PollVoteMessage *vote = NULL;
	uint8_t key[32], expected[32], yes[32];

	secrets_key(secret01, SECRET_POLL_VOTE, ID, OWN_LID "@lid",
		BOB_LID "@lid", key, &aad);
	hex_bytes(VOTE_KEY, expected, sizeof expected);
	assert_memory_equal(key, expected, sizeof key);
	payload.len = hex_bytes(VOTE_PAYLOAD, buf_reserve(&payload, 64), 64);
	note.payload = (ProtobufCBinaryData){ payload.len, payload.data };

	info.message_secret = (ProtobufCBinaryData){ 32, (uint8_t *)secret01 };
	assert_int_equal(
		secrets_keep(&fake->lane, ID, &bob, &own, &info, &err), 0);
	assert_int_equal(secrets_open(&fake->lane, &note, &plain, &err), 1);
	vote = wa__poll_vote_message__unpack(NULL, plain.len, plain.data);
	assert_non_null(vote);
	assert_int_equal(vote->n_selected_options, 1);
	wa_sha256("Yes", 3, yes);
	assert_int_equal(vote->selected_options[0].len, 32);
	assert_memory_equal(vote->selected_options[0].data, yes, 32);
	wa__poll_vote_message__free_unpacked(vote, NULL);
	buf_fini(&payload);
	buf_fini(&plain);
	buf_fini(&aad);
}

/* "said" by @actor about @author's message; both as written by the actor. */
static void seal(const uint8_t secret[32], enum secret_use use,
	const char *author, const char *actor, struct buf *out)
{
	struct buf aad = BUF_INIT;
	uint8_t key[32];

	secrets_key(secret, use, ID, author, actor, key, &aad);
	wa_gcm_encrypt(key, iv02, aad.data, aad.len, "said", 4,
		buf_reserve(out, 4 + WA_GCM_TAG));
	out->len += 4 + WA_GCM_TAG;
	buf_fini(&aad);
}

static int open_sealed(struct fake *fake, const struct buf *payload,
	const struct wa_jid *author, const struct wa_jid *actor,
	enum secret_use use)
{
	struct secret_note note = { .use = use,
		.id = ID,
		.chat = wa_jid_pn(BOB_PN, 0),
		.author = *author,
		.actor = *actor,
		.payload = { payload->len, payload->data },
		.iv = { sizeof iv02, (uint8_t *)iv02 } };
	struct buf plain = BUF_INIT;
	struct err err = ERR_NONE;
	int opened = secrets_open(&fake->lane, &note, &plain, &err);

	if (opened == 1) {
		assert_int_equal(plain.len, 4);
		assert_memory_equal(plain.data, "said", 4);
	}
	buf_fini(&plain);
	return opened;
}

static void learn_bob(struct fake *fake)
{
	struct wa_jid pn = wa_jid_pn(BOB_PN, 0), lid = wa_jid_lid(BOB_LID, 0);
	struct err err = ERR_NONE;

	assert_int_equal(
		lanedb_mapping_learn(fake->lane.db, &pn, &lid, NULL, &err), 0);
}

static void either_name_of_both_is_tried(void **state)
{
	static const char *const authors[] = { OWN_LID "@lid",
		OWN_PN "@s.whatsapp.net" };
	static const char *const actors[] = { BOB_LID "@lid",
		BOB_PN "@s.whatsapp.net" };
	static const enum secret_use uses[] = { SECRET_POLL_VOTE,
		SECRET_REACTION };
	struct fake *fake = *state;
	struct wa_jid none = { 0 }, bob = wa_jid_lid(BOB_LID, 3);
	uint8_t secret[32];

	learn_bob(fake);
	compose_secret(&fake->lane, ID, secret); /* of our own message */
	for (size_t i = 0; i < 8; i++) {
		struct buf payload = BUF_INIT;

		seal(secret, uses[i / 4], authors[i & 1], actors[i / 2 & 1],
			&payload);
		assert_int_equal(
			open_sealed(fake, &payload, &none, &bob, uses[i / 4]),
			1);
		buf_fini(&payload);
	}
}

static void a_kept_secret_is_found_by_names_learned_later(void **state)
{
	struct fake *fake = *state;
	struct wa_jid pn = wa_jid_pn(BOB_PN, 0), lid = wa_jid_lid(BOB_LID, 3),
		      own = wa_jid_lid(OWN_LID, 0);
	Wa__MessageContextInfo info = WA__MESSAGE_CONTEXT_INFO__INIT;
	struct buf payload = BUF_INIT;
	struct err err = ERR_NONE;

	info.message_secret = (ProtobufCBinaryData){ 32, (uint8_t *)secret01 };
	assert_int_equal(
		secrets_keep(&fake->lane, ID, &pn, &pn, &info, &err), 0);
	learn_bob(fake);
	seal(secret01, SECRET_REACTION, BOB_LID "@lid", OWN_LID "@lid",
		&payload);
	assert_int_equal(
		open_sealed(fake, &payload, &lid, &own, SECRET_REACTION), 1);
	buf_fini(&payload);
}

/* Whoever got our message knows its secret; with it nobody else can edit. */
static void an_edit_in_the_name_of_another_is_not_opened(void **state)
{
	struct fake *fake = *state;
	struct wa_jid bob = wa_jid_lid(BOB_LID, 0);
	struct buf payload = BUF_INIT;
	uint8_t secret[32];

	compose_secret(&fake->lane, ID, secret);
	seal(secret, SECRET_MESSAGE_EDIT, OWN_LID "@lid", BOB_LID "@lid",
		&payload);
	assert_int_equal(
		open_sealed(fake, &payload, &bob, &bob, SECRET_MESSAGE_EDIT),
		0);
	buf_fini(&payload);
}

static void what_does_not_fit_is_not_opened(void **state)
{
	struct fake *fake = *state;
	struct wa_jid none = { 0 }, bob = wa_jid_lid(BOB_LID, 0);
	struct buf payload = BUF_INIT, empty = BUF_INIT;
	uint8_t secret[32];

	compose_secret(&fake->lane, ID, secret);
	seal(secret, SECRET_POLL_VOTE, OWN_LID "@lid", BOB_LID "@lid",
		&payload);
	assert_int_equal(
		open_sealed(fake, &payload, &none, &bob, SECRET_REACTION), 0);
	payload.data[0] ^= 1;
	assert_int_equal(
		open_sealed(fake, &payload, &none, &bob, SECRET_POLL_VOTE), 0);
	payload.data[0] ^= 1;
	assert_int_equal(
		open_sealed(fake, &payload, &none, &bob, SECRET_POLL_VOTE), 1);
	payload.len = WA_GCM_TAG - 1;
	assert_int_equal(
		open_sealed(fake, &payload, &none, &bob, SECRET_POLL_VOTE), 0);
	assert_int_equal(
		open_sealed(fake, &empty, &none, &bob, SECRET_POLL_VOTE), 0);
	buf_fini(&payload);
}

static void a_secret_of_another_length_is_not_kept(void **state)
{
	struct fake *fake = *state;
	struct wa_jid bob = wa_jid_lid(BOB_LID, 0);
	Wa__MessageContextInfo info = WA__MESSAGE_CONTEXT_INFO__INIT;
	struct err err = ERR_NONE;
	uint8_t found[32];

	info.message_secret = (ProtobufCBinaryData){ 31, (uint8_t *)secret01 };
	assert_int_equal(
		secrets_keep(&fake->lane, ID, &bob, &bob, &info, &err), 0);
	assert_int_equal(
		secrets_keep(&fake->lane, ID, &bob, &bob, NULL, &err), 0);
	assert_int_equal(
		lanedb_secret_load(fake->lane.db, ID, &bob, &bob, found, &err),
		0);
}

static void each_of_our_messages_has_a_secret_of_its_own(void **state)
{
	struct fake *fake = *state;
	uint8_t first[32], again[32], other[32];

	compose_secret(&fake->lane, ID, first);
	compose_secret(&fake->lane, ID, again);
	compose_secret(&fake->lane, ID "9", other);
	assert_memory_equal(first, again, 32);
	assert_memory_not_equal(first, other, 32);
	fake->lane.id.adv_secret[0] ^= 1;
	compose_secret(&fake->lane, ID, again);
	assert_memory_not_equal(first, again, 32);
}

#define TEST(test) \
	cmocka_unit_test_setup_teardown(test, fake_setup, fake_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_vote_of_the_vector_is_opened),
		TEST(either_name_of_both_is_tried),
		TEST(a_kept_secret_is_found_by_names_learned_later),
		TEST(an_edit_in_the_name_of_another_is_not_opened),
		TEST(what_does_not_fit_is_not_opened),
		TEST(a_secret_of_another_length_is_not_kept),
		TEST(each_of_our_messages_has_a_secret_of_its_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
