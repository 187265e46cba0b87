#include "senderd/whatsapp/passkey.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/arena.h"
#include "common/buf.h"
#include "common/clock.h"
#include "common/err.h"
#include "common/ids.h"
#include "common/log.h"
#include "common/own.h"
#include "common/wa/crypto.h"
#include "common/wa/paircode.h"
#include "senderd/facts.h"
#include "senderd/whatsapp/pairing.h"
#include "whatsapp.pb-c.h"

#define PASSKEY_MS                                                 \
	(5 * 60 * 1000LL) /* as long as the hand-off proof is good \
			   */
#define OPTIONS_MAX 16384
#define RESPONSE_MAX 16384
#define REF_MAX 1024
#define NONCE_BYTES 32
#define CODE_BYTES 5
#define HANDOFF_INFO "shortcake-passkey-handoff-v1"
#define KEY_INFO "Pairing Information Encryption Key"

enum passkey_state {
	PASSKEY_NONE,
	PASSKEY_REQUESTED, /* options are here */
	PASSKEY_ANSWERED,  /* the assertion is at the server */
	PASSKEY_CONFIRM,   /* a code to compare with the phone's */
	PASSKEY_CONFIRMED, /* pair-success is due */
};

struct passkey {
	enum passkey_state state;
	int64_t expires_ms; /* unix */
	char *options;	    /* owned: JSON of the server */
	uint8_t handoff[32], adv_secret[32];
	struct wa_keypair ephemeral;
	uint8_t nonce[NONCE_BYTES];
	char ref[REF_MAX + 1];
	uint8_t key[32];
	char code[WA_PAIR_CODE_LEN];
	struct call *call; /* owned: waits for the server */
	char *response;	   /* owned: the WebAuthn response, until it is sent */
	struct buf credential;
};

struct passkey *passkey_new(void)
{
	return xcalloc(1, sizeof(struct passkey));
}

void passkey_drop(struct passkey *passkey)
{
	struct call *call = passkey->call;

	str_free(&passkey->options);
	str_free(&passkey->response);
	buf_fini(&passkey->credential);
	sodium_memzero(passkey, sizeof *passkey);
	passkey->call = call; /* its iq is answered in any case */
}

void passkey_free(struct passkey **passkeyp)
{
	struct passkey *passkey = move(*passkeyp);

	if (passkey == NULL)
		return;
	passkey_drop(passkey);
	call_forget(&passkey->call);
	free(passkey);
}

static bool is_live(const struct passkey *passkey)
{
	return passkey->state != PASSKEY_NONE &&
	       clock_now_ms() < passkey->expires_ms;
}

static void pb_add(struct buf *out, const ProtobufCMessage *message)
{
	size_t n = protobuf_c_message_get_packed_size(message);

	protobuf_c_message_pack(message, buf_reserve(out, n));
	out->len += n;
}

static ProtobufCBinaryData bytes_of(const void *data, size_t n)
{
	return (ProtobufCBinaryData){ .len = n, .data = (uint8_t *)data };
}

/* ---- the request ---- */

static void on_request(struct lane *lane, const struct wa_node *notification)
{
	struct passkey *passkey = pairing_passkey(lane);
	const struct wa_node *node =
		wa_node_child(notification, "passkey_request_options");
	size_t n = 0;
	const uint8_t *bytes = node != NULL ? wa_node_content(node, &n) : NULL;
	json_t *json = bytes != NULL && n <= OPTIONS_MAX
			       ? json_loadb((const char *)bytes, n, 0, NULL)
			       : NULL;

	if (!json_is_object(json)) {
		json_decref(json);
		log_warning("passkey status=ignored reason=\"no options\"");
		return;
	}
	passkey_drop(passkey);
	passkey->options = json_dumps(json, JSON_COMPACT);
	json_decref(json);
	/* The old secret proves that whoever scanned the code is the one who
	 * answers; the new one is what the phone will sign with. */
	wa_hkdf(lane->id.adv_secret, sizeof lane->id.adv_secret, NULL, 0,
		HANDOFF_INFO, passkey->handoff, sizeof passkey->handoff);
	random_bytes(passkey->adv_secret, sizeof passkey->adv_secret);
	passkey->state = PASSKEY_REQUESTED;
	passkey->expires_ms = clock_now_ms() + PASSKEY_MS;
	log_info("passkey status=requested: answer it at the passkey endpoint");
	pairing_on_passkey(lane);
}

/* ---- the answer ---- */

static void on_prologue(
	struct lane *lane, const struct wa_node *answer, void *arg)
{
	struct passkey *passkey = pairing_passkey(lane);
	int code;

	(void)arg;
	if (passkey->call == NULL)
		return;
	if (iq_is_error(answer, &code)) {
		call_fail_answer(lane, &passkey->call, answer);
		return;
	}
	if (passkey->state == PASSKEY_REQUESTED)
		passkey->state = PASSKEY_ANSWERED;
	call_done(
		lane, &passkey->call, json_pack("{s:s}", "state", "answered"));
}

static void prologue_build(const struct passkey *passkey, struct buf *out)
{
	scoped(buf_fini) struct buf identity = BUF_INIT;
	scoped(buf_fini) struct buf committed = BUF_INIT;
	Wa__CompanionEphemeralIdentity who =
		WA__COMPANION_EPHEMERAL_IDENTITY__INIT;
	Wa__CompanionCommitment commitment = WA__COMPANION_COMMITMENT__INIT;
	Wa__ProloguePayload payload = WA__PROLOGUE_PAYLOAD__INIT;
	uint8_t hash[32];

	who.has_public_key = 1;
	who.public_key = bytes_of(passkey->ephemeral.pub, WA_KEY_BYTES);
	who.has_device_type = 1;
	who.device_type = WA__DEVICE_PROPS__PLATFORM_TYPE__CHROME;
	who.ref = (char *)passkey->ref;
	pb_add(&identity, &who.base);
	buf_add(&committed, identity.data, identity.len);
	buf_add(&committed, passkey->nonce, NONCE_BYTES);
	wa_sha256(committed.data, committed.len, hash);
	commitment.has_hash = 1;
	commitment.hash = bytes_of(hash, sizeof hash);
	payload.has_companion_ephemeral_identity = 1;
	payload.companion_ephemeral_identity =
		bytes_of(identity.data, identity.len);
	payload.commitment = &commitment;
	pb_add(out, &payload.base);
}

static void prologue_send(struct lane *lane, struct passkey *passkey)
{
	scoped(buf_fini) struct buf payload = BUF_INIT;
	struct wa_node *iq = iq_new(lane, "set", "md");
	struct wa_node *prologue = wa_node_add(iq, "passkey_prologue");
	uint8_t proof[32];

	prologue_build(passkey, &payload);
	wa_hmac_sha256(passkey->handoff, sizeof passkey->handoff, payload.data,
		payload.len, proof);
	wa_node_bytes(wa_node_add(prologue, "credential_id"),
		passkey->credential.data, passkey->credential.len);
	wa_node_bytes(wa_node_add(prologue, "webauthn_assertion"),
		passkey->response, strlen(passkey->response));
	wa_node_bytes(wa_node_add(prologue, "prologue_payload"), payload.data,
		payload.len);
	wa_node_bytes(wa_node_add(prologue, "pairing_handoff_proof"), proof,
		sizeof proof);
	iq_send(lane, iq, on_prologue, NULL);
}

static void on_ref(struct lane *lane, const struct wa_node *answer, void *arg)
{
	struct passkey *passkey = pairing_passkey(lane);
	const struct wa_node *node = NULL;
	const uint8_t *bytes = NULL;
	struct err err = ERR_NONE;
	size_t n = 0;
	int code;

	(void)arg;
	if (passkey->call == NULL)
		return;
	if (iq_is_error(answer, &code)) {
		call_fail_answer(lane, &passkey->call, answer);
		return;
	}
	node = wa_node_child(answer, "ref");
	bytes = node != NULL ? wa_node_content(node, &n) : NULL;
	if (bytes == NULL || n == 0 || n > REF_MAX ||
		memchr(bytes, '\0', n) != NULL || passkey->response == NULL) {
		call_fail(lane, &passkey->call, ERR_PEER,
			"WhatsApp gave no reference");
		return;
	}
	memcpy(passkey->ref, bytes, n);
	passkey->ref[n] = '\0';
	wa_keypair_new(&passkey->ephemeral);
	random_bytes(passkey->nonce, sizeof passkey->nonce);
	/* Durable before the phone can use it. */
	memcpy(lane->id.adv_secret, passkey->adv_secret,
		sizeof lane->id.adv_secret);
	if (lanedb_identity_save(lane->db, &lane->id, &err) != 0)
		facts_fail(lane, &err);
	prologue_send(lane, passkey);
}

/* A WebAuthn response as browsers serialise it: rawId and the rest pass
 * through. */
static bool response_take(struct passkey *passkey, const json_t *response)
{
	const char *raw_id =
		json_string_value(json_object_get(response, "rawId"));
	char *text = json_dumps(response, JSON_COMPACT);
	bool good = raw_id != NULL && text != NULL &&
		    strlen(text) <= RESPONSE_MAX &&
		    json_is_object(json_object_get(response, "response"));

	if (!good) {
		str_free(&text);
		return false;
	}
	str_free(&passkey->response);
	passkey->response = move(text);
	buf_clear(&passkey->credential);
	buf_add_str(&passkey->credential, raw_id);
	return true;
}

static void call_answer(struct lane *lane, struct call *call)
{
	struct passkey *passkey = pairing_passkey(lane);
	struct wa_node *iq = NULL;

	if (!is_live(passkey) || passkey->state != PASSKEY_REQUESTED ||
		passkey->call != NULL) {
		call_fail(lane, &call, ERR_CONFLICT,
			"no passkey is asked for just now");
		return;
	}
	if (!response_take(passkey, call_param(call, "response"))) {
		call_fail(lane, &call, ERR_INVALID,
			"response must be a WebAuthn response with rawId");
		return;
	}
	passkey->call = call;
	iq = iq_new(lane, "get", "md");
	wa_node_add(iq, "ref");
	iq_send(lane, iq, on_ref, NULL);
}

/* ---- the code ---- */

static void on_nonce_taken(
	struct lane *lane, const struct wa_node *answer, void *arg)
{
	int code;

	(void)lane;
	(void)arg;
	if (iq_is_error(answer, &code))
		log_warning("passkey step=companion_nonce code=%d "
			    "status=failed",
			code);
}

static int primary_read(const struct wa_node *notification,
	uint8_t pub_out[WA_KEY_BYTES], uint8_t nonce_out[NONCE_BYTES])
{
	const struct wa_node *node =
		wa_node_child(notification, "primary_ephemeral_identity");
	Wa__PrimaryEphemeralIdentity *primary = NULL;
	size_t n = 0;
	const uint8_t *bytes = node != NULL ? wa_node_content(node, &n) : NULL;
	int rc = -1;

	if (bytes != NULL && n <= 1024)
		primary =
			wa__primary_ephemeral_identity__unpack(NULL, n, bytes);
	if (primary == NULL)
		return -1;
	if (primary->public_key.len == WA_KEY_BYTES &&
		primary->nonce.len == NONCE_BYTES) {
		memcpy(pub_out, primary->public_key.data, WA_KEY_BYTES);
		memcpy(nonce_out, primary->nonce.data, NONCE_BYTES);
		rc = 0;
	}
	wa__primary_ephemeral_identity__free_unpacked(primary, NULL);
	return rc;
}

static void code_make(struct passkey *passkey,
	const uint8_t primary[WA_KEY_BYTES], const uint8_t nonce[NONCE_BYTES])
{
	uint8_t both[NONCE_BYTES + WA_KEY_BYTES], digest[32], code[CODE_BYTES];

	memcpy(both, passkey->nonce, NONCE_BYTES);
	memcpy(both + NONCE_BYTES, primary, WA_KEY_BYTES);
	wa_sha256(both, sizeof both, digest);
	for (size_t i = 0; i < CODE_BYTES; i++)
		code[i] = nonce[i] ^ digest[i];
	wa_pair_code_text(code, passkey->code);
}

static void on_continuation(
	struct lane *lane, const struct wa_node *notification)
{
	struct passkey *passkey = pairing_passkey(lane);
	uint8_t primary[WA_KEY_BYTES], nonce[NONCE_BYTES], secret[32];
	struct wa_node *iq = NULL;
	const char *salt;

	/* Taken once: a second one would let somebody choose the code. */
	if (!is_live(passkey) || passkey->ref[0] == '\0' ||
		passkey->state == PASSKEY_CONFIRM ||
		passkey->state == PASSKEY_CONFIRMED ||
		primary_read(notification, primary, nonce) != 0 ||
		wa_dh(passkey->ephemeral.priv, primary, secret) != 0) {
		log_warning("passkey step=continuation status=ignored");
		return;
	}
	salt = arena_printf(lane->arena, "Companion Pairing %d with ref %s",
		(int)WA__DEVICE_PROPS__PLATFORM_TYPE__CHROME, passkey->ref);
	wa_hkdf(secret, sizeof secret, salt, strlen(salt), KEY_INFO,
		passkey->key, sizeof passkey->key);
	sodium_memzero(secret, sizeof secret);
	iq = iq_new(lane, "set", "md");
	wa_node_bytes(wa_node_add(iq, "companion_nonce"), passkey->nonce,
		NONCE_BYTES);
	iq_send(lane, iq, on_nonce_taken, NULL);
	code_make(passkey, primary, nonce);
	passkey->state = PASSKEY_CONFIRM;
	passkey->expires_ms = clock_now_ms() + PASSKEY_MS;
	log_info("passkey status=confirm: the code must be the phone's");
}

void passkey_on_notification(
	struct lane *lane, const struct wa_node *notification)
{
	struct wa_jid from;

	if (wa_node_jid(notification, "from", &from) && from.user[0] != '\0') {
		log_warning("passkey status=ignored reason=\"not from the "
			    "server\"");
		return;
	}
	if (wa_node_is(notification, "type", "crsc_continuation"))
		on_continuation(lane, notification);
	else
		on_request(lane, notification);
}

/* ---- the confirmation ---- */

static void on_request_taken(
	struct lane *lane, const struct wa_node *answer, void *arg)
{
	struct passkey *passkey = pairing_passkey(lane);
	int code;

	(void)arg;
	if (passkey->call == NULL)
		return;
	if (iq_is_error(answer, &code)) {
		call_fail_answer(lane, &passkey->call, answer);
		return;
	}
	if (passkey->state == PASSKEY_CONFIRM)
		passkey->state = PASSKEY_CONFIRMED;
	call_done(
		lane, &passkey->call, json_pack("{s:s}", "state", "confirmed"));
}

static void request_build(
	struct lane *lane, const struct passkey *passkey, struct buf *out)
{
	scoped(buf_fini) struct buf plain = BUF_INIT;
	scoped(buf_fini) struct buf sealed = BUF_INIT;
	Wa__PairingRequest request = WA__PAIRING_REQUEST__INIT;
	Wa__EncryptedPairingRequest wrapped =
		WA__ENCRYPTED_PAIRING_REQUEST__INIT;
	uint8_t iv[12];

	request.has_companion_public_key = 1;
	request.companion_public_key =
		bytes_of(lane->id.noise.pub, WA_KEY_BYTES);
	request.has_companion_identity_key = 1;
	request.companion_identity_key =
		bytes_of(lane->id.identity.pub, WA_KEY_BYTES);
	request.has_adv_secret = 1;
	request.adv_secret =
		bytes_of(lane->id.adv_secret, sizeof lane->id.adv_secret);
	pb_add(&plain, &request.base);
	random_bytes(iv, sizeof iv);
	wa_gcm_encrypt(passkey->key, iv, NULL, 0, plain.data, plain.len,
		buf_reserve(&sealed, plain.len + WA_GCM_TAG));
	sealed.len = plain.len + WA_GCM_TAG;
	sodium_memzero(plain.data, plain.len);
	wrapped.has_encrypted_payload = 1;
	wrapped.encrypted_payload = bytes_of(sealed.data, sealed.len);
	wrapped.has_iv = 1;
	wrapped.iv = bytes_of(iv, sizeof iv);
	pb_add(out, &wrapped.base);
}

static void call_confirm(struct lane *lane, struct call *call)
{
	scoped(buf_fini) struct buf request = BUF_INIT;
	struct passkey *passkey = pairing_passkey(lane);
	struct wa_node *iq = NULL;

	if (!is_live(passkey) || passkey->state != PASSKEY_CONFIRM ||
		passkey->call != NULL) {
		call_fail(lane, &call, ERR_CONFLICT,
			"there is no code to confirm just now");
		return;
	}
	passkey->call = call;
	request_build(lane, passkey, &request);
	iq = iq_new(lane, "set", "md");
	wa_node_bytes(wa_node_add(iq, "encrypted_pairing_request"),
		request.data, request.len);
	iq_send(lane, iq, on_request_taken, NULL);
}

/* ---- how it stands ---- */

static void call_get(struct lane *lane, struct call *call)
{
	static const char *const names[] = { "none", "requested", "answered",
		"confirm", "confirmed" };
	struct passkey *passkey = pairing_passkey(lane);
	enum passkey_state state =
		is_live(passkey) ? passkey->state : PASSKEY_NONE;
	json_t *result = json_pack("{s:s}", "state", names[state]);
	char iso[CLOCK_ISO_LEN];
	char shown[WA_PAIR_CODE_LEN + 1];

	if (state != PASSKEY_NONE) {
		clock_iso(passkey->expires_ms, iso);
		json_object_set_new(result, "expiresAt", json_string(iso));
	}
	if (state == PASSKEY_REQUESTED)
		json_object_set_new(result, "options",
			json_loads(passkey->options, 0, NULL));
	if (state == PASSKEY_CONFIRM) {
		snprintf(shown, sizeof shown, "%.4s-%.4s", passkey->code,
			passkey->code + 4);
		json_object_set_new(result, "code", json_string(shown));
	}
	call_done(lane, &call, result);
}

const struct call_method passkey_calls[] = {
	{ "passkey.get", call_get, .is_unpaired = true },
	{ "passkey.answer", call_answer, .is_unpaired = true },
	{ "passkey.confirm", call_confirm, .is_unpaired = true },
	{ NULL, NULL, false },
};
