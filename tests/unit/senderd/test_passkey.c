/* Linking with a passkey: the test plays server, phone and browser. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/arena.h"
#include "common/own.h"
#include "common/wa/crypto.h"
#include "senderd/facts.h"
#include "senderd/whatsapp/passkey.h"
#include "senderd/whatsapp/pairing.h"
#include "whatsapp.pb-c.h"

struct call {
	json_t *params;
};

struct world {
	struct lane lane; /* first */
	struct passkey *passkey;
	struct arena *arena;
	struct wa_node *iq; /* newest question */
	iq_answer_fn *on_answer;
	unsigned n_iqs, n_saved, n_told;
	json_t *result; /* of the newest call that went well */
	enum err_code error;
	uint8_t old_secret[32];
	struct wa_keypair phone;
	uint8_t phone_nonce[32];
};

static struct world *world_of(struct lane *lane)
{
	return (struct world *)lane;
}

/* ---- what pairing.c, iq.c, calls.c and lanedb.c would do ---- */

struct passkey *pairing_passkey(struct lane *lane)
{
	return world_of(lane)->passkey;
}

void pairing_on_passkey(struct lane *lane)
{
	world_of(lane)->n_told++;
}

struct wa_node *iq_new(struct lane *lane, const char *type, const char *xmlns)
{
	struct wa_node *iq = wa_node_new(lane->arena, "iq");

	wa_node_set(iq, "type", type);
	wa_node_set(iq, "xmlns", xmlns);
	return iq;
}

void iq_send(struct lane *lane, struct wa_node *iq, iq_answer_fn *on_answer,
	void *arg)
{
	struct world *world = world_of(lane);

	(void)arg;
	world->iq = iq;
	world->on_answer = on_answer;
	world->n_iqs++;
}

bool iq_is_error(const struct wa_node *answer, int *code_out)
{
	const struct wa_node *error =
		answer != NULL ? wa_node_child(answer, "error") : NULL;

	*code_out = error != NULL ? (int)wa_node_int(error, "code", 0) : 0;
	return answer == NULL || error != NULL;
}

void call_forget(struct call **callp)
{
	struct call *call = move(*callp);

	if (call == NULL)
		return;
	json_decref(call->params);
	free(call);
}

void call_done(struct lane *lane, struct call **callp, json_t *result)
{
	struct world *world = world_of(lane);

	json_decref(world->result);
	world->result = result;
	world->error = ERR_OK;
	call_forget(callp);
}

void call_fail(struct lane *lane, struct call **callp, enum err_code code,
	const char *fmt, ...)
{
	(void)fmt;
	world_of(lane)->error = code;
	call_forget(callp);
}

void call_fail_answer(
	struct lane *lane, struct call **callp, const struct wa_node *answer)
{
	call_fail(lane, callp, answer == NULL ? ERR_TIMEOUT : ERR_PEER, "x");
}

const json_t *call_param(const struct call *call, const char *key)
{
	return json_object_get(call->params, key);
}

int lanedb_identity_save(struct lanedb *db,
	const struct lane_identity *identity, struct err *err)
{
	(void)db;
	(void)err;
	((struct world *)((char *)identity - offsetof(struct lane, id)))
		->n_saved++;
	return 0;
}

void facts_fail(struct lane *lane, const struct err *err)
{
	(void)lane;
	(void)err;
	fail();
}

/* ---- the players ---- */

static int setup(void **state)
{
	struct world *world = xcalloc(1, sizeof *world);

	wa_crypto_init();
	world->arena = world->lane.arena = arena_new(65536);
	world->passkey = passkey_new();
	memset(world->lane.id.adv_secret, 7, 32);
	memset(world->old_secret, 7, 32);
	wa_keypair_new(&world->lane.id.noise);
	wa_keypair_new(&world->lane.id.identity);
	wa_keypair_new(&world->phone);
	memset(world->phone_nonce, 9, sizeof world->phone_nonce);
	*state = world;
	return 0;
}

static int teardown(void **state)
{
	struct world *world = *state;

	passkey_free(&world->passkey);
	json_decref(world->result);
	arena_free(&world->arena);
	free(world);
	return 0;
}

static void call(struct world *world, const char *name, const char *params)
{
	struct call *call = xcalloc(1, sizeof *call);

	call->params = json_loads(params, 0, NULL);
	assert_non_null(call->params);
	for (const struct call_method *m = passkey_calls; m->name != NULL;
		m++) {
		if (strcmp(m->name, name) == 0) {
			assert_true(m->is_unpaired);
			m->fn(&world->lane, call);
			return;
		}
	}
	fail();
}

static const char *state_of(struct world *world)
{
	call(world, "passkey.get", "{}");
	return json_string_value(json_object_get(world->result, "state"));
}

static struct wa_node *notification(
	struct world *world, const char *type, const char *tag)
{
	struct wa_node *node = wa_node_new(world->arena, "notification");
	struct wa_jid server = wa_jid_server();

	wa_node_set(node, "type", type);
	wa_node_set_jid(node, "from", &server);
	wa_node_add(node, tag);
	return node;
}

static void request(struct world *world, const char *options)
{
	struct wa_node *node = notification(
		world, "passkey_prologue_request", "passkey_request_options");

	wa_node_text(node->child, options);
	passkey_on_notification(&world->lane, node);
}

static void answer_ok(struct world *world)
{
	world->on_answer(&world->lane, wa_node_new(world->arena, "iq"), NULL);
}

static void answer_ref(struct world *world)
{
	struct wa_node *answer = wa_node_new(world->arena, "iq");

	wa_node_text(wa_node_add(answer, "ref"), "REF-1");
	world->on_answer(&world->lane, answer, NULL);
}

static void browser_answers(struct world *world)
{
	call(world, "passkey.answer",
		"{\"response\":{\"id\":\"a\",\"rawId\":\"abc\","
		"\"type\":\"public-key\",\"response\":{\"signature\":\"s\"}}}");
}

static void continuation(struct world *world)
{
	struct wa_node *node = notification(
		world, "crsc_continuation", "primary_ephemeral_identity");
	Wa__PrimaryEphemeralIdentity primary =
		WA__PRIMARY_EPHEMERAL_IDENTITY__INIT;
	uint8_t bytes[128];
	size_t n;

	primary.has_public_key = primary.has_nonce = 1;
	primary.public_key.data = world->phone.pub;
	primary.public_key.len = 32;
	primary.nonce.data = world->phone_nonce;
	primary.nonce.len = 32;
	n = wa__primary_ephemeral_identity__pack(&primary, bytes);
	wa_node_bytes(node->child, bytes, n);
	passkey_on_notification(&world->lane, node);
}

static const uint8_t *iq_bytes(
	struct world *world, const char *outer, const char *inner, size_t *n)
{
	const struct wa_node *node = wa_node_child(world->iq, outer);

	assert_non_null(node);
	if (inner != NULL)
		node = wa_node_child(node, inner);
	assert_non_null(node);
	return wa_node_content(node, n);
}

#define OPTIONS "{\"challenge\":\"xyz\",\"rpId\":\"whatsapp.com\"}"

/* ---- tests ---- */

static void the_whole_way_ends_with_a_secret_that_the_phone_knows(void **state)
{
	struct world *world = *state;
	Wa__ProloguePayload *payload;
	Wa__CompanionEphemeralIdentity *who;
	Wa__EncryptedPairingRequest *wrapped;
	Wa__PairingRequest *pairing;
	uint8_t handoff[32], proof[32], both[512], hash[32], secret[32],
		key[32], plain[256], companion[32];
	const uint8_t *bytes;
	size_t n, n_identity;
	char code[16];

	assert_string_equal(state_of(world), "none");
	request(world, OPTIONS);
	assert_int_equal(world->n_told, 1);
	assert_string_equal(state_of(world), "requested");
	assert_string_equal(
		json_string_value(json_object_get(
			json_object_get(world->result, "options"), "rpId")),
		"whatsapp.com");
	browser_answers(world);
	assert_non_null(wa_node_child(world->iq, "ref"));
	answer_ref(world);
	assert_int_equal(world->n_saved, 1);
	assert_memory_not_equal(
		world->lane.id.adv_secret, world->old_secret, 32);
	/* The proof is made with the secret that the QR code showed. */
	bytes = iq_bytes(world, "passkey_prologue", "prologue_payload", &n);
	wa_hkdf(world->old_secret, 32, NULL, 0, "shortcake-passkey-handoff-v1",
		handoff, 32);
	wa_hmac_sha256(handoff, 32, bytes, n, proof);
	payload = wa__prologue_payload__unpack(NULL, n, bytes);
	assert_memory_equal(iq_bytes(world, "passkey_prologue",
				    "pairing_handoff_proof", &n),
		proof, 32);
	assert_memory_equal(
		iq_bytes(world, "passkey_prologue", "credential_id", &n), "abc",
		3);
	who = wa__companion_ephemeral_identity__unpack(NULL,
		payload->companion_ephemeral_identity.len,
		payload->companion_ephemeral_identity.data);
	assert_string_equal(who->ref, "REF-1");
	memcpy(companion, who->public_key.data, 32);
	n_identity = payload->companion_ephemeral_identity.len;
	memcpy(both, payload->companion_ephemeral_identity.data, n_identity);
	answer_ok(world);
	assert_string_equal(state_of(world), "answered");
	continuation(world);
	/* The nonce opens the commitment. */
	bytes = iq_bytes(world, "companion_nonce", NULL, &n);
	assert_int_equal(n, 32);
	memcpy(both + n_identity, bytes, 32);
	wa_sha256(both, n_identity + 32, hash);
	assert_memory_equal(hash, payload->commitment->hash.data, 32);
	/* Both show the same code. */
	memcpy(both, bytes, 32);
	memcpy(both + 32, world->phone.pub, 32);
	wa_sha256(both, 64, hash);
	for (int i = 0; i < 5; i++)
		hash[i] ^= world->phone_nonce[i];
	{
		static const char digits[] = "123456789ABCDEFGHJKLMNPQRSTVWXYZ";
		uint64_t bits = 0;

		for (int i = 0; i < 5; i++)
			bits = bits << 8 | hash[i];
		for (int i = 0, at = 0; i < 8; i++) {
			code[at++] = digits[bits >> (35 - 5 * i) & 31];
			if (i == 3)
				code[at++] = '-';
		}
		code[9] = '\0';
	}
	assert_string_equal(state_of(world), "confirm");
	assert_string_equal(
		json_string_value(json_object_get(world->result, "code")),
		code);
	call(world, "passkey.confirm", "{}");
	bytes = iq_bytes(world, "encrypted_pairing_request", NULL, &n);
	wrapped = wa__encrypted_pairing_request__unpack(NULL, n, bytes);
	assert_int_equal(wa_dh(world->phone.priv, companion, secret), 0);
	wa_hkdf(secret, 32, "Companion Pairing 1 with ref REF-1",
		strlen("Companion Pairing 1 with ref REF-1"),
		"Pairing Information Encryption Key", key, 32);
	assert_int_equal(wa_gcm_decrypt(key, wrapped->iv.data, NULL, 0,
				 wrapped->encrypted_payload.data,
				 wrapped->encrypted_payload.len, plain),
		0);
	pairing = wa__pairing_request__unpack(
		NULL, wrapped->encrypted_payload.len - WA_GCM_TAG, plain);
	assert_memory_equal(pairing->companion_public_key.data,
		world->lane.id.noise.pub, 32);
	assert_memory_equal(pairing->companion_identity_key.data,
		world->lane.id.identity.pub, 32);
	assert_memory_equal(
		pairing->adv_secret.data, world->lane.id.adv_secret, 32);
	answer_ok(world);
	assert_string_equal(state_of(world), "confirmed");
	wa__pairing_request__free_unpacked(pairing, NULL);
	wa__encrypted_pairing_request__free_unpacked(wrapped, NULL);
	wa__companion_ephemeral_identity__free_unpacked(who, NULL);
	wa__prologue_payload__free_unpacked(payload, NULL);
}

static void steps_out_of_order_are_refused(void **state)
{
	struct world *world = *state;

	browser_answers(world);
	assert_int_equal(world->error, ERR_CONFLICT);
	call(world, "passkey.confirm", "{}");
	assert_int_equal(world->error, ERR_CONFLICT);
	continuation(world);
	request(world, OPTIONS);
	continuation(world);
	assert_int_equal(world->n_iqs, 0);
	assert_string_equal(state_of(world), "requested");
	call(world, "passkey.answer", "{\"response\":{\"id\":\"a\"}}");
	assert_int_equal(world->error, ERR_INVALID);
	call(world, "passkey.answer", "{}");
	assert_int_equal(world->error, ERR_INVALID);
}

static void a_second_continuation_does_not_change_the_code(void **state)
{
	struct world *world = *state;
	char code[16];

	request(world, OPTIONS);
	browser_answers(world);
	answer_ref(world);
	answer_ok(world);
	continuation(world);
	assert_string_equal(state_of(world), "confirm");
	snprintf(code, sizeof code, "%s",
		json_string_value(json_object_get(world->result, "code")));
	wa_keypair_new(&world->phone);
	continuation(world);
	assert_string_equal(state_of(world), "confirm");
	assert_string_equal(
		json_string_value(json_object_get(world->result, "code")),
		code);
}

static void only_the_server_may_ask(void **state)
{
	struct world *world = *state;
	struct wa_node *node = wa_node_new(world->arena, "notification");
	struct wa_jid somebody = wa_jid_pn("15550002222", 0);

	wa_node_set(node, "type", "passkey_prologue_request");
	wa_node_set_jid(node, "from", &somebody);
	wa_node_text(wa_node_add(node, "passkey_request_options"), OPTIONS);
	passkey_on_notification(&world->lane, node);
	assert_string_equal(state_of(world), "none");
	request(world, "not json");
	request(world, "[]");
	assert_string_equal(state_of(world), "none");
}

static void a_lost_connection_voids_it_and_ends_the_call(void **state)
{
	struct world *world = *state;

	request(world, OPTIONS);
	browser_answers(world);
	passkey_drop(world->passkey);
	world->on_answer(&world->lane, NULL, NULL);
	assert_int_equal(world->error, ERR_TIMEOUT);
	assert_string_equal(state_of(world), "none");
	assert_memory_equal(world->lane.id.adv_secret, world->old_secret, 32);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(the_whole_way_ends_with_a_secret_that_the_phone_knows),
		TEST(steps_out_of_order_are_refused),
		TEST(a_second_continuation_does_not_change_the_code),
		TEST(only_the_server_may_ask),
		TEST(a_lost_connection_voids_it_and_ends_the_call),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
