/* A client's connection, byte by byte: handshake, pairing, login, faults and
 * ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "common/clock.h"
#include "common/err.h"
#include "common/own.h"
#include "common/wa/adv.h"
#include "common/wa/frame.h"
#include "sandboxd/directory.h"
#include "sandboxd/fault.h"
#include "sandboxd/session.h"
#include "whatsapp.pb-c.h"

/* ---- the sandbox without a socket ---- */

struct sandbox_timer {
	void (*fn)(void *arg);
	void *arg;
	struct sandbox_timer *next;
};

static struct sandbox sandbox;
static struct sandbox_timer *timers;
static struct account *alice;

struct sandbox_timer *sandbox_after(
	struct sandbox *of, int64_t ms, void (*fn)(void *arg), void *arg)
{
	struct sandbox_timer *timer = xcalloc(1, sizeof(*timer));

	(void)of, (void)ms;
	*timer = (struct sandbox_timer){ fn, arg, timers };
	timers = timer;
	return timer;
}

void sandbox_timer_cancel(struct sandbox_timer **timerp)
{
	struct sandbox_timer *timer = move(*timerp), **at = &timers;

	if (timer == NULL)
		return;
	while (*at != timer)
		at = &(*at)->next;
	*at = timer->next;
	free(timer);
}

const char *sandbox_stanza_id(struct sandbox *of)
{
	return arena_printf(
		of->arena, "server-%llu", (unsigned long long)++of->next_id);
}

static void run_timers(void)
{
	while (timers != NULL) {
		struct sandbox_timer fired = *timers;

		free(timers);
		timers = fired.next;
		fired.fn(fired.arg);
	}
}

static int open_sandbox(void **state)
{
	int64_t now = clock_now_ms() / 1000;

	(void)state;
	memset(&sandbox, 0, sizeof(sandbox));
	wa_crypto_init();
	sandbox.arena = arena_new(64 << 10);
	sandbox.directory = directory_new();
	wa_keypair_new(&sandbox.root);
	wa_responder_identity_new(
		&sandbox.root, now - 60, now + 60, &sandbox.noise);
	alice = directory_create(&sandbox, "15550001111");
	return 0;
}

static int close_sandbox(void **state)
{
	(void)state;
	directory_free(&sandbox);
	faults_free(&sandbox.faults);
	assert_null(sandbox.sessions);
	assert_null(timers);
	wa_responder_identity_fini(&sandbox.noise);
	buf_fini(&sandbox.scratch);
	arena_free(&sandbox.arena);
	return 0;
}

/* ---- the socket: a client holds the other end of each ---- */

struct client {
	struct session *session;
	struct buf received; /* payloads of the websocket messages, whole */
	struct wa_framer framer;
	struct wa_cipher cipher;
	struct wa_keypair noise, identity, signed_prekey;
	uint8_t adv_secret[32];
	unsigned n_messages;
	bool wants_write, closed, polite;
};

static struct client *client_of(struct lws *wsi)
{
	return (struct client *)(void *)wsi;
}

int lws_write(struct lws *wsi, unsigned char *bytes, size_t n,
	enum lws_write_protocol protocol)
{
	struct client *client = client_of(wsi);

	assert_int_equal(protocol, LWS_WRITE_BINARY);
	memset(bytes - LWS_PRE, 0xee, LWS_PRE); /* what the library may do */
	wa_framer_feed(&client->framer, bytes, n);
	client->n_messages++;
	return (int)n;
}

int lws_callback_on_writable(struct lws *wsi)
{
	client_of(wsi)->wants_write = true;
	return 1;
}

void lws_set_timeout(struct lws *wsi, enum pending_timeout reason, int secs)
{
	(void)reason;
	if (secs == LWS_TO_KILL_ASYNC)
		client_of(wsi)->closed = true;
}

int lws_partial_buffered(struct lws *wsi)
{
	(void)wsi;
	return 0;
}

void lws_close_reason(struct lws *wsi, enum lws_close_status status,
	unsigned char *buf, size_t n)
{
	(void)buf, (void)n;
	assert_int_equal(status, LWS_CLOSE_STATUS_NORMAL);
	client_of(wsi)->polite = true;
}

/* Lets the server write what it wants to. */
static void pump(struct client *client)
{
	while (client->wants_write && !client->closed) {
		client->wants_write = false;
		if (session_on_writable(client->session) != 0)
			client->closed = true;
		arena_reset(sandbox.arena);
	}
}

static void client_send_bytes(
	struct client *client, const void *bytes, size_t n)
{
	if (session_on_receive(client->session, bytes, n) != 0)
		client->closed = true;
}

static void client_send(struct client *client, const struct wa_node *node)
{
	scoped(buf_fini) struct buf plain = BUF_INIT, frame = BUF_INIT;

	assert_int_equal(wa_node_encode(node, &plain, NULL), 0);
	wa_cipher_seal(&client->cipher, plain.data, plain.len, &frame);
	client_send_bytes(client, frame.data, frame.len);
}

/* The next stanza from the server, or NULL.  It may not be cut short. */
static const struct wa_node *client_next(struct client *client)
{
	struct err err = ERR_NONE;
	struct wa_node *node;
	uint8_t *frame;
	size_t n;

	pump(client);
	if (wa_framer_next(&client->framer, &frame, &n, &err) != 1)
		return NULL;
	if (wa_cipher_open(&client->cipher, frame, n, frame, &err) != 0)
		fail_msg("cipher: %s", err.msg);
	if (wa_node_decode(sandbox.arena, frame, n - WA_GCM_TAG, &node, &err) !=
		0)
		fail_msg("node: %s", err.msg);
	return node;
}

static const struct wa_node *client_expect(
	struct client *client, const char *tag)
{
	const struct wa_node *node = client_next(client);

	assert_non_null(node);
	assert_string_equal(node->tag, tag);
	return node;
}

static struct client *client_new(void)
{
	struct client *client = xcalloc(1, sizeof(*client));

	wa_keypair_new(&client->noise);
	wa_keypair_new(&client->identity);
	wa_keypair_new(&client->signed_prekey);
	memset(client->adv_secret, 7, sizeof(client->adv_secret));
	return client;
}

static void client_disconnect(struct client *client)
{
	session_on_closed(&client->session);
	wa_framer_fini(&client->framer);
}

static void client_free(struct client **clientp)
{
	struct client *client = move(*clientp);

	client_disconnect(client);
	free(client);
}

/* Connects; the bytes go in pieces of @piece. */
static void client_connect(
	struct client *client, const Wa__ClientPayload *payload, size_t piece)
{
	scoped(buf_fini) struct buf out = BUF_INIT, message = BUF_INIT;
	scoped(wa_initiator_free) struct wa_initiator *handshake =
		wa_initiator_new(&client->noise, sandbox.root.pub,
			clock_now_ms() / 1000);
	struct err err = ERR_NONE;
	uint8_t packed[2048], *frame;
	size_t n, n_packed = wa__client_payload__pack(payload, packed);

	assert_true(n_packed < sizeof(packed));
	client->closed = client->polite = client->wants_write = false;
	wa_framer_init(&client->framer, WA_FRAME_MAX, false);
	client->session = session_open(&sandbox, (struct lws *)(void *)client);
	wa_initiator_hello(handshake, &message);
	wa_frame_first(&out, "routing", 7, message.data, message.len);
	for (size_t at = 0; at < out.len; at += piece)
		client_send_bytes(client, out.data + at,
			out.len - at < piece ? out.len - at : piece);
	pump(client);
	assert_int_equal(wa_framer_next(&client->framer, &frame, &n, &err), 1);
	buf_clear(&message);
	buf_clear(&out);
	if (wa_initiator_finish(handshake, frame, n, packed, n_packed, &message,
		    &client->cipher, &err) != 0)
		fail_msg("handshake: %s", err.msg);
	wa_frame(&out, message.data, message.len);
	for (size_t at = 0; at < out.len; at += piece)
		client_send_bytes(client, out.data + at,
			out.len - at < piece ? out.len - at : piece);
}

#define BYTES(data_, n_)                                \
	(ProtobufCBinaryData)                           \
	{                                               \
		.len = (n_), .data = (uint8_t *)(data_) \
	}

static void client_register(struct client *client, bool valid, size_t piece)
{
	Wa__DevicePairingRegistrationData data =
		WA__DEVICE_PAIRING_REGISTRATION_DATA__INIT;
	Wa__ClientPayload payload = WA__CLIENT_PAYLOAD__INIT;
	uint8_t sig[WA_SIGNATURE_BYTES];

	wa_signal_sign_prekey(
		&client->identity, client->signed_prekey.pub, sig);
	sig[0] ^= !valid;
	data.has_e_regid = data.has_e_ident = data.has_e_skey_id = 1;
	data.has_e_skey_val = data.has_e_skey_sig = 1;
	data.e_regid = BYTES("\0\0\1\2", 4);
	data.e_skey_id = BYTES("\0\0\1", 3);
	data.e_ident = BYTES(client->identity.pub, WA_KEY_BYTES);
	data.e_skey_val = BYTES(client->signed_prekey.pub, WA_KEY_BYTES);
	data.e_skey_sig = BYTES(sig, sizeof(sig));
	payload.device_pairing_data = &data;
	client_connect(client, &payload, piece);
}

static void client_login(struct client *client, unsigned device, bool passive)
{
	Wa__ClientPayload payload = WA__CLIENT_PAYLOAD__INIT;

	payload.has_username = payload.has_device = payload.has_passive = 1;
	payload.username = strtoull(alice->pn, NULL, 10);
	payload.device = device;
	payload.passive = passive;
	client_connect(client, &payload, 4096);
}

/* The QR text for the first ref in @iq. */
static void client_qr(const struct client *client, const struct wa_node *iq,
	char *out, size_t cap)
{
	size_t n;
	const uint8_t *ref = wa_node_content(iq->child->child, &n);
	char keys[3][64];

	wa_base64(client->noise.pub, 32, keys[0], sizeof(keys[0]));
	wa_base64(client->identity.pub, 32, keys[1], sizeof(keys[1]));
	wa_base64(client->adv_secret, 32, keys[2], sizeof(keys[2]));
	snprintf(out, cap,
		"https://wa.me/settings/linked_devices#%.*s,%s,%s,%s,1", (int)n,
		(const char *)ref, keys[0], keys[1], keys[2]);
}

/* Answers pair-success with the signed identity, spoiled unless @valid. */
static void client_prove(
	struct client *client, const struct wa_node *iq, bool valid)
{
	scoped(buf_fini) struct buf full = BUF_INIT, reply = BUF_INIT;
	const struct wa_node *identity =
		wa_node_path(iq, "pair-success", "device-identity");
	struct wa_node *answer = wa_node_new(sandbox.arena, "iq");
	struct wa_adv_result result;
	struct err err = ERR_NONE;
	size_t n;
	const uint8_t *bytes = wa_node_content(identity, &n);

	if (wa_adv_accept(bytes, n, client->adv_secret, &client->identity,
		    &full, &reply, &result, &err) != 0)
		fail_msg("pair-success: %s", err.msg);
	assert_memory_equal(result.account_key,
		phone_identity(alice->devices->phone)->pub, WA_KEY_BYTES);
	if (!valid)
		reply.data[reply.len - 1] ^= 1;
	wa_node_set(answer, "type", "result");
	wa_node_set(answer, "id", wa_node_str(iq, "id"));
	wa_node_bytes(wa_node_add(wa_node_add(answer, "pair-device-sign"),
			      "device-identity"),
		reply.data, reply.len);
	client_send(client, answer);
}

static int scan(struct client *client, const struct wa_node *pair_device)
{
	char qr[512];

	client_qr(client, pair_device, qr, sizeof(qr));
	return pairing_scan(&sandbox, alice, qr, NULL);
}

static struct client *client_linked(void)
{
	struct client *client = client_new();

	client_register(client, true, 4096);
	assert_int_equal(scan(client, client_expect(client, "iq")), 0);
	client_prove(client, client_expect(client, "iq"), true);
	client_disconnect(client);
	return client;
}

/* Past success and the two infos. */
static void client_enter(struct client *client, unsigned device)
{
	client_login(client, device, true);
	client_expect(client, "success");
	client_expect(client, "ib");
	client_expect(client, "ib");
	assert_null(client_next(client));
}

/* ---- pairing ---- */

static void six_refs_are_shown_however_the_bytes_arrive(void **state)
{
	static const size_t pieces[] = { 1, 3, 50, 4096 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(pieces); i++) {
		scoped(client_free) struct client *client = client_new();
		const struct wa_node *iq;

		client_register(client, true, pieces[i]);
		iq = client_expect(client, "iq");
		assert_string_equal(iq->child->tag, "pair-device");
		assert_int_equal(wa_node_n_children(iq->child), 6);
		assert_int_equal(client->n_messages, 2);
	}
}

static void a_registration_with_a_wrong_signature_is_refused(void **state)
{
	scoped(client_free) struct client *client = client_new();
	const struct wa_node *failure;

	(void)state;
	client_register(client, false, 4096);
	failure = client_expect(client, "failure");
	assert_string_equal(wa_node_str(failure, "reason"), "400");
	pump(client);
	assert_true(client->closed && client->polite);
}

static void a_scanned_client_proves_itself_and_is_stored(void **state)
{
	scoped(client_free) struct client *client = client_new();
	const struct wa_node *iq;
	struct device *device;

	(void)state;
	client_register(client, true, 4096);
	assert_int_equal(scan(client, client_expect(client, "iq")), 0);
	assert_null(account_device(alice, 1)); /* not before its proof */
	client_prove(client, client_expect(client, "iq"), true);
	iq = client_expect(client, "stream:error");
	assert_string_equal(wa_node_str(iq, "code"), "515");
	client_expect(client, "xmlstreamend");
	pump(client);
	assert_true(client->closed && client->polite);

	device = account_device(alice, 1);
	assert_non_null(device);
	assert_false(device->has_bundle);
	assert_memory_equal(device->noise_pub, client->noise.pub, 32);
	assert_int_equal(device->registration_id, 0x102);
	assert_int_equal(wa_adv_verify(device->adv.data, device->adv.len,
				 client->identity.pub, NULL),
		0);
}

static void a_client_with_a_false_proof_is_forgotten(void **state)
{
	scoped(client_free) struct client *client = client_new();

	(void)state;
	client_register(client, true, 4096);
	assert_int_equal(scan(client, client_expect(client, "iq")), 0);
	client_prove(client, client_expect(client, "iq"), false);
	assert_null(account_device(alice, 1));
	assert_int_equal(client->session->state, SESSION_REGISTERING);
}

static void a_ref_is_good_once_and_only_with_its_keys(void **state)
{
	scoped(client_free) struct client *client = client_new();
	scoped(client_free) struct client *thief = client_new();
	const struct wa_node *iq;
	char theirs[512], own[512];

	(void)state;
	client_register(client, true, 4096);
	iq = client_expect(client, "iq");
	client_qr(thief, iq, theirs, sizeof(theirs));
	client_qr(client, iq, own, sizeof(own));
	assert_int_equal(pairing_scan(&sandbox, alice, theirs, NULL), -1);
	assert_int_equal(pairing_scan(&sandbox, alice, own, NULL), 0);
	assert_int_equal(pairing_scan(&sandbox, alice, own, NULL), -1);
	assert_int_equal(pairing_scan(&sandbox, alice, "", NULL), -1);
	assert_int_equal(pairing_scan(&sandbox, alice, ",,,", NULL), -1);
	assert_int_equal(pairing_scan(&sandbox, alice, "a,b,c,d", NULL), -1);
}

static void an_unpaired_client_reaches_nobody(void **state)
{
	scoped(client_free) struct client *client = client_new();
	struct wa_node *message = wa_node_new(sandbox.arena, "message");
	struct wa_jid to = wa_jid_pn(alice->pn, 0);

	(void)state;
	client_register(client, true, 4096);
	client_expect(client, "iq");
	message = wa_node_new(sandbox.arena, "message");
	wa_node_set(message, "id", "m1");
	wa_node_set_jid(message, "to", &to);
	client_send(client, message);
	assert_null(client_next(client));
	assert_int_equal(sandbox.count.messages, 0);
}

static void a_ping_is_answered_while_the_code_is_on_the_screen(void **state)
{
	scoped(client_free) struct client *client = client_new();
	struct wa_node *ping;

	(void)state;
	client_register(client, true, 4096);
	client_expect(client, "iq");
	ping = wa_node_new(sandbox.arena, "iq");
	wa_node_set(ping, "id", "p1");
	wa_node_set(ping, "type", "get");
	wa_node_set(ping, "xmlns", "w:p");
	client_send(client, ping);
	assert_string_equal(
		wa_node_str(client_expect(client, "iq"), "type"), "result");
}

/* ---- login ---- */

static void only_the_key_of_the_pairing_logs_in(void **state)
{
	scoped(client_free) struct client *client = client_linked();
	const struct wa_node *node;

	(void)state;
	client_login(client, 1, true);
	node = client_expect(client, "success");
	assert_non_null(strstr(wa_node_str(node, "lid"), ":1@lid"));
	client_disconnect(client);

	wa_keypair_new(&client->noise);
	client_login(client, 1, true);
	node = client_expect(client, "failure");
	assert_string_equal(wa_node_str(node, "reason"), "401");
	pump(client);
	assert_true(client->closed);
}

static void devices_that_do_not_exist_are_refused(void **state)
{
	scoped(client_free) struct client *client = client_linked();

	(void)state;
	client_login(client, 2, true);
	assert_string_equal(
		wa_node_str(client_expect(client, "failure"), "reason"), "401");
	client_disconnect(client);
	client_login(client, 0, true); /* nobody logs in as the phone */
	client_expect(client, "failure");
}

static void the_newer_connection_replaces_the_older(void **state)
{
	scoped(client_free) struct client *older = client_linked();
	scoped(client_free) struct client *newer = client_new();
	const struct wa_node *error;

	(void)state;
	newer->noise = older->noise;
	client_enter(older, 1);
	client_enter(newer, 1);
	error = client_expect(older, "stream:error");
	assert_null(wa_node_str(error, "code"));
	assert_string_equal(
		wa_node_str(wa_node_child(error, "conflict"), "type"),
		"replaced");
	assert_ptr_equal(account_device(alice, 1)->session, newer->session);
	client_disconnect(older);
	assert_ptr_equal(account_device(alice, 1)->session, newer->session);
}

static void the_offline_phase_waits_for_active_unless_not_passive(void **state)
{
	scoped(client_free) struct client *client = client_linked();
	const struct wa_node *ib;

	(void)state;
	client_enter(client, 1); /* no <offline> yet */
	client_disconnect(client);
	client_login(client, 1, false);
	client_expect(client, "success");
	client_expect(client, "ib");
	client_expect(client, "ib");
	ib = client_expect(client, "ib");
	assert_string_equal(ib->child->tag, "offline");
}

/* ---- bytes that make no sense ---- */

static void a_frame_that_does_not_decrypt_ends_the_connection(void **state)
{
	scoped(client_free) struct client *client = client_linked();
	static const uint8_t frame[24] = { 0, 0, 21, 1, 2, 3 };

	(void)state;
	client_enter(client, 1);
	client_send_bytes(client, frame, sizeof(frame));
	assert_true(client->closed);
}

static void bytes_before_the_handshake_are_bounded(void **state)
{
	static const uint8_t first[][8] = {
		{ 'G', 'E', 'T', ' ', '/' },
		{ 'W', 'A', 6, 3, 0xff, 0xff, 0xff, 0 },
		{ 'W', 'A', 6, 3, 0, 0, 1, 0xaa },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(first); i++) {
		scoped(client_free) struct client *client = client_new();

		client->session =
			session_open(&sandbox, (struct lws *)(void *)client);
		client_send_bytes(client, first[i], sizeof(first[i]));
		assert_true(client->closed);
	}
}

/* ---- faults ---- */

static void add_fault(const char *json)
{
	json_t *parsed = json_loads(json, 0, NULL);
	struct fault_rule *rule = NULL;
	unsigned acted;
	struct err err = ERR_NONE;

	if (fault_rule_parse(parsed, &rule, &err) != 0)
		fail_msg("%s", err.msg);
	assert_true(fault_add(&sandbox, rule, &acted) > 0);
	json_decref(parsed);
}

/* Sends presences named after @ids to the client; "!" runs the timers.  What
 * arrives is compared with @expected: whatever a fault does, what follows must
 * still decrypt. */
static void check_fault(
	const char *fault, const char *ids, const char *expected)
{
	scoped(client_free) struct client *client = client_linked();
	unsigned device = alice->devices->next->number;
	const struct wa_node *node;
	char got[64] = "";
	size_t n = 0;

	client_enter(client, device);
	add_fault(fault);
	for (; *ids != '\0'; ids++) {
		char id[2] = { *ids, '\0' };
		struct wa_node *presence;

		if (*ids == '!') {
			run_timers();
			continue;
		}
		presence = wa_node_new(sandbox.arena, "presence");
		wa_node_set(presence, "id", id);
		session_send(client->session, presence);
	}
	while ((node = client_next(client)) != NULL)
		got[n++] = wa_node_str(node, "id")[0];
	assert_string_equal(got, expected);
	client_disconnect(client);
	account_remove_companion(&sandbox, alice->devices->next);
	fault_remove_all(&sandbox);
}

static void faults_change_the_order_but_never_the_cipher(void **state)
{
	static const struct {
		const char *fault, *ids, *expected;
	} cases[] = {
		{ "{\"kind\":\"drop\"}", "abc", "bc" },
		{ "{\"kind\":\"drop\",\"after\":1}", "abc", "ac" },
		{ "{\"kind\":\"duplicate\"}", "abc", "aabc" },
		{ "{\"kind\":\"delay\"}", "abc!d", "bcad" },
		{ "{\"kind\":\"reorder\"}", "abc", "bac" },
		{ "{\"kind\":\"reorder\"}", "a!bc", "abc" },
		{ "{\"kind\":\"silence\"}", "abc", "" },
		{ "{\"kind\":\"cut\",\"after\":1}", "abc", "" },
		{ "{\"kind\":\"cut_mid_frame\",\"after\":2}", "abcd", "ab" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		check_fault(cases[i].fault, cases[i].ids, cases[i].expected);
}

static void a_cut_mid_frame_leaves_half_a_frame(void **state)
{
	scoped(client_free) struct client *client = client_linked();

	(void)state;
	client_enter(client, 1);
	session_cut_mid_frame(client->session);
	pump(client);
	assert_true(client->framer.in.len - client->framer.at > 3);
	assert_null(client_next(client));
	assert_true(client->closed);
}

static void a_delayed_stanza_dies_with_its_session(void **state)
{
	scoped(client_free) struct client *client = client_linked();

	(void)state;
	client_enter(client, 1);
	add_fault("{\"kind\":\"delay\"}");
	session_send(client->session, wa_node_new(sandbox.arena, "presence"));
	assert_non_null(timers);
	client_disconnect(client);
	assert_null(timers);
}

static void a_client_that_reads_nothing_is_cut_off(void **state)
{
	scoped(client_free) struct client *client = client_linked();
	static const uint8_t megabyte[1 << 20];

	(void)state;
	client_enter(client, 1);
	for (int i = 0; i < 31; i++)
		session_send_raw(client->session, megabyte, sizeof(megabyte));
	assert_false(client->closed);
	session_send_raw(client->session, megabyte, sizeof(megabyte));
	assert_true(client->closed);
	assert_int_equal(client->session->state, SESSION_CLOSING);
}

#define on_sandbox(test) \
	cmocka_unit_test_setup_teardown(test, open_sandbox, close_sandbox)

int main(void)
{
	const struct CMUnitTest tests[] = {
		on_sandbox(six_refs_are_shown_however_the_bytes_arrive),
		on_sandbox(a_registration_with_a_wrong_signature_is_refused),
		on_sandbox(a_scanned_client_proves_itself_and_is_stored),
		on_sandbox(a_client_with_a_false_proof_is_forgotten),
		on_sandbox(a_ref_is_good_once_and_only_with_its_keys),
		on_sandbox(an_unpaired_client_reaches_nobody),
		on_sandbox(a_ping_is_answered_while_the_code_is_on_the_screen),
		on_sandbox(only_the_key_of_the_pairing_logs_in),
		on_sandbox(devices_that_do_not_exist_are_refused),
		on_sandbox(the_newer_connection_replaces_the_older),
		on_sandbox(
			the_offline_phase_waits_for_active_unless_not_passive),
		on_sandbox(a_frame_that_does_not_decrypt_ends_the_connection),
		on_sandbox(bytes_before_the_handshake_are_bounded),
		on_sandbox(faults_change_the_order_but_never_the_cipher),
		on_sandbox(a_cut_mid_frame_leaves_half_a_frame),
		on_sandbox(a_delayed_stanza_dies_with_its_session),
		on_sandbox(a_client_that_reads_nothing_is_cut_off),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
