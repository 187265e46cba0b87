#include "common/wa/noise.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "common/buf.h"
#include "common/err.h"
#include "common/own.h"
#include "common/wa/pbguard.h"
#include "whatsapp.pb-c.h"

#define HASH_BYTES 32
#define SEALED_KEY_BYTES (WA_KEY_BYTES + WA_GCM_TAG)

const uint8_t wa_intro[4] = { 'W', 'A', 6, 3 };

const uint8_t wa_root_key[WA_KEY_BYTES] = { 0x14, 0x23, 0x75, 0x57, 0x4d, 0x0a,
	0x58, 0x71, 0x66, 0xaa, 0xe7, 0x1e, 0xbe, 0x51, 0x64, 0x37, 0xc4, 0xa2,
	0x8b, 0x73, 0xe3, 0x69, 0x5c, 0x6c, 0xe1, 0xf7, 0xf9, 0x54, 0x5d, 0xa8,
	0xee, 0x6b };

/* Eight zeros and the counter. */
static void make_iv(uint32_t counter, uint8_t iv[12])
{
	memset(iv, 0, 8);
	for (int i = 0; i < 4; i++)
		iv[8 + i] = (uint8_t)(counter >> (24 - 8 * i));
}

/* ---- the handshake state of either side ---- */

struct noise {
	uint8_t h[HASH_BYTES];
	uint8_t ck[HASH_BYTES];
	uint8_t k[HASH_BYTES];
	uint32_t n;
};

static void mix_hash(struct noise *noise, const void *data, size_t n)
{
	crypto_hash_sha256_state state;

	crypto_hash_sha256_init(&state);
	crypto_hash_sha256_update(&state, noise->h, sizeof(noise->h));
	crypto_hash_sha256_update(&state, data, n);
	crypto_hash_sha256_final(&state, noise->h);
}

static void noise_init(struct noise *noise)
{
	static const char name[HASH_BYTES + 1] =
		"Noise_XX_25519_AESGCM_SHA256\0\0\0";

	memcpy(noise->h, name, HASH_BYTES);
	memcpy(noise->ck, name, HASH_BYTES);
	memcpy(noise->k, name, HASH_BYTES);
	noise->n = 0;
	mix_hash(noise, wa_intro, sizeof(wa_intro));
}

/* -1 for a peer key that gives the zero secret. */
static int mix_dh(struct noise *noise, const uint8_t priv[WA_KEY_BYTES],
	const uint8_t pub[WA_KEY_BYTES], struct err *err)
{
	uint8_t secret[WA_KEY_BYTES], out[2 * HASH_BYTES];

	if (wa_dh(priv, pub, secret) != 0)
		return err_set(err, ERR_PEER, "bad public key");
	wa_hkdf(secret, sizeof(secret), noise->ck, sizeof(noise->ck), "", out,
		sizeof(out));
	memcpy(noise->ck, out, HASH_BYTES);
	memcpy(noise->k, out + HASH_BYTES, HASH_BYTES);
	noise->n = 0;
	sodium_memzero(secret, sizeof(secret));
	sodium_memzero(out, sizeof(out));
	return 0;
}

/* @out holds @n + 16 bytes. */
static void noise_seal(
	struct noise *noise, const void *plain, size_t n, uint8_t *out)
{
	uint8_t iv[12];

	make_iv(noise->n++, iv);
	wa_gcm_encrypt(noise->k, iv, noise->h, sizeof(noise->h), plain, n, out);
	mix_hash(noise, out, n + WA_GCM_TAG);
}

/* @out holds @n - 16 bytes and is not @sealed, which is hashed afterwards. */
static int noise_open(
	struct noise *noise, const uint8_t *sealed, size_t n, uint8_t *out)
{
	uint8_t iv[12];

	make_iv(noise->n++, iv);
	if (wa_gcm_decrypt(noise->k, iv, noise->h, sizeof(noise->h), sealed, n,
		    out) != 0)
		return -1;
	mix_hash(noise, sealed, n);
	return 0;
}

/* First key: initiator to responder. */
static void noise_split(const struct noise *noise, uint8_t to_responder[32],
	uint8_t to_initiator[32])
{
	uint8_t out[2 * HASH_BYTES];

	wa_hkdf("", 0, noise->ck, sizeof(noise->ck), "", out, sizeof(out));
	memcpy(to_responder, out, HASH_BYTES);
	memcpy(to_initiator, out + HASH_BYTES, HASH_BYTES);
	sodium_memzero(out, sizeof(out));
}

/* ---- handshake messages ---- */

static void handshake_free(Wa__HandshakeMessage **messagep)
{
	Wa__HandshakeMessage *message = move(*messagep);

	if (message != NULL)
		wa__handshake_message__free_unpacked(message, NULL);
}

static Wa__HandshakeMessage *handshake_read(const uint8_t *bytes, size_t n)
{
	if (!wa_pb_bounded(bytes, n))
		return NULL;
	return wa__handshake_message__unpack(NULL, n, bytes);
}

static void handshake_write(
	const Wa__HandshakeMessage *message, struct buf *out)
{
	buf_reserve(out, wa__handshake_message__get_packed_size(message));
	out->len += wa__handshake_message__pack(message, out->data + out->len);
}

/* ---- initiator ---- */

struct wa_initiator {
	struct noise noise;
	struct wa_keypair static_key;
	struct wa_keypair ephemeral;
	uint8_t root_key[WA_KEY_BYTES];
	int64_t now;
};

struct wa_initiator *wa_initiator_new(const struct wa_keypair *static_key,
	const uint8_t root_key[WA_KEY_BYTES], int64_t now)
{
	struct wa_initiator *hs = xcalloc(1, sizeof(*hs));

	noise_init(&hs->noise);
	hs->static_key = *static_key;
	wa_keypair_new(&hs->ephemeral);
	memcpy(hs->root_key, root_key, WA_KEY_BYTES);
	hs->now = now;
	return hs;
}

void wa_initiator_free(struct wa_initiator **hsp)
{
	struct wa_initiator *hs = move(*hsp);

	if (hs == NULL)
		return;
	sodium_memzero(hs, sizeof(*hs));
	free(hs);
}

void wa_initiator_set_ephemeral(
	struct wa_initiator *hs, const struct wa_keypair *ephemeral)
{
	hs->ephemeral = *ephemeral;
}

void wa_initiator_hello(struct wa_initiator *hs, struct buf *out)
{
	Wa__HandshakeMessage message = WA__HANDSHAKE_MESSAGE__INIT;
	Wa__ClientHello hello = WA__CLIENT_HELLO__INIT;

	hello.has_ephemeral = 1;
	hello.ephemeral =
		(ProtobufCBinaryData){ WA_KEY_BYTES, hs->ephemeral.pub };
	message.client_hello = &hello;
	handshake_write(&message, out);
	mix_hash(&hs->noise, hs->ephemeral.pub, WA_KEY_BYTES);
}

/* Steps 3 to 7 of connection.md 2.2: learns the responder's ephemeral key,
 * checks that its static key has a chain. */
static int take_server_hello(
	struct wa_initiator *hs, const Wa__ServerHello *hello, struct err *err)
{
	uint8_t server_static[WA_KEY_BYTES];
	scoped(buf_fini) struct buf chain = BUF_INIT;

	if (hello->ephemeral.len != WA_KEY_BYTES ||
		hello->static_key.len != SEALED_KEY_BYTES ||
		hello->payload.len < WA_GCM_TAG)
		return err_set(err, ERR_PEER, "incomplete server hello");
	mix_hash(&hs->noise, hello->ephemeral.data, WA_KEY_BYTES);
	if (mix_dh(&hs->noise, hs->ephemeral.priv, hello->ephemeral.data,
		    err) != 0)
		return -1;
	if (noise_open(&hs->noise, hello->static_key.data, SEALED_KEY_BYTES,
		    server_static) != 0)
		return err_set(err, ERR_PEER, "server static key unreadable");
	if (mix_dh(&hs->noise, hs->ephemeral.priv, server_static, err) != 0)
		return -1;
	if (noise_open(&hs->noise, hello->payload.data, hello->payload.len,
		    buf_reserve(&chain, hello->payload.len)) != 0)
		return err_set(err, ERR_PEER, "server payload unreadable");
	chain.len = hello->payload.len - WA_GCM_TAG;
	return wa_certchain_check(chain.data, chain.len, hs->root_key,
		server_static, hs->now, err);
}

/* Steps 8 to 11.  The static key is sealed with counter 1: no key was mixed in
 * since the chain. */
static int write_client_finish(struct wa_initiator *hs,
	const uint8_t server_ephemeral[WA_KEY_BYTES], const void *payload,
	size_t n_payload, struct buf *out, struct err *err)
{
	Wa__HandshakeMessage message = WA__HANDSHAKE_MESSAGE__INIT;
	Wa__ClientFinish finish = WA__CLIENT_FINISH__INIT;
	uint8_t sealed_static[SEALED_KEY_BYTES];
	scoped(buf_fini) struct buf sealed = BUF_INIT;

	noise_seal(&hs->noise, hs->static_key.pub, WA_KEY_BYTES, sealed_static);
	if (mix_dh(&hs->noise, hs->static_key.priv, server_ephemeral, err) != 0)
		return -1;
	noise_seal(&hs->noise, payload, n_payload,
		buf_reserve(&sealed, n_payload + WA_GCM_TAG));
	finish.has_static_key = finish.has_payload = 1;
	finish.static_key =
		(ProtobufCBinaryData){ SEALED_KEY_BYTES, sealed_static };
	finish.payload =
		(ProtobufCBinaryData){ n_payload + WA_GCM_TAG, sealed.data };
	message.client_finish = &finish;
	handshake_write(&message, out);
	return 0;
}

int wa_initiator_finish(struct wa_initiator *hs, const uint8_t *server_hello,
	size_t n, const void *payload, size_t n_payload, struct buf *out,
	struct wa_cipher *cipher, struct err *err)
{
	scoped(handshake_free) Wa__HandshakeMessage *message =
		handshake_read(server_hello, n);

	if (message == NULL || message->server_hello == NULL)
		return err_set(err, ERR_PEER, "not a server hello");
	if (take_server_hello(hs, message->server_hello, err) != 0)
		return -1;
	if (write_client_finish(hs, message->server_hello->ephemeral.data,
		    payload, n_payload, out, err) != 0)
		return -1;
	*cipher = (struct wa_cipher){ 0 };
	noise_split(&hs->noise, cipher->send_key, cipher->recv_key);
	return 0;
}

/* ---- responder ---- */

static void identity_make(const struct wa_keypair *root, int64_t not_before,
	int64_t not_after, enum wa_chain_defect defect,
	struct wa_responder_identity *out)
{
	struct buf chain = BUF_INIT;

	wa_keypair_new(&out->static_key);
	wa_certchain_make(root, out->static_key.pub, not_before, not_after,
		defect, &chain);
	out->n_chain = chain.len;
	out->chain = chain.data;
}

void wa_responder_identity_new(const struct wa_keypair *root,
	int64_t not_before, int64_t not_after,
	struct wa_responder_identity *out)
{
	identity_make(root, not_before, not_after, WA_CHAIN_GOOD, out);
}

void wa_responder_identity_new_defect(const struct wa_keypair *root,
	int64_t now, enum wa_chain_defect defect,
	struct wa_responder_identity *out)
{
	identity_make(root, now - 3600, now + 86400, defect, out);
}

void wa_responder_identity_fini(struct wa_responder_identity *identity)
{
	free(identity->chain);
	sodium_memzero(identity, sizeof(*identity));
}

struct wa_responder {
	struct noise noise;
	const struct wa_responder_identity *identity; /* borrowed */
	struct wa_keypair ephemeral;
};

struct wa_responder *wa_responder_new(
	const struct wa_responder_identity *identity)
{
	struct wa_responder *hs = xcalloc(1, sizeof(*hs));

	noise_init(&hs->noise);
	hs->identity = identity;
	wa_keypair_new(&hs->ephemeral);
	return hs;
}

void wa_responder_free(struct wa_responder **hsp)
{
	struct wa_responder *hs = move(*hsp);

	if (hs == NULL)
		return;
	sodium_memzero(hs, sizeof(*hs));
	free(hs);
}

void wa_responder_set_ephemeral(
	struct wa_responder *hs, const struct wa_keypair *ephemeral)
{
	hs->ephemeral = *ephemeral;
}

static void write_server_hello(struct wa_responder *hs,
	uint8_t sealed_static[SEALED_KEY_BYTES], struct buf *sealed_chain,
	struct buf *out)
{
	Wa__HandshakeMessage message = WA__HANDSHAKE_MESSAGE__INIT;
	Wa__ServerHello hello = WA__SERVER_HELLO__INIT;

	hello.has_ephemeral = hello.has_static_key = hello.has_payload = 1;
	hello.ephemeral =
		(ProtobufCBinaryData){ WA_KEY_BYTES, hs->ephemeral.pub };
	hello.static_key =
		(ProtobufCBinaryData){ SEALED_KEY_BYTES, sealed_static };
	hello.payload =
		(ProtobufCBinaryData){ sealed_chain->len, sealed_chain->data };
	message.server_hello = &hello;
	handshake_write(&message, out);
}

int wa_responder_hello(struct wa_responder *hs, const uint8_t *client_hello,
	size_t n, struct buf *out, struct err *err)
{
	scoped(handshake_free) Wa__HandshakeMessage *message =
		handshake_read(client_hello, n);
	const struct wa_keypair *static_key = &hs->identity->static_key;
	const uint8_t *client_ephemeral;
	uint8_t sealed_static[SEALED_KEY_BYTES];
	scoped(buf_fini) struct buf sealed_chain = BUF_INIT;

	if (message == NULL || message->client_hello == NULL ||
		message->client_hello->ephemeral.len != WA_KEY_BYTES)
		return err_set(err, ERR_PEER, "not a client hello");
	client_ephemeral = message->client_hello->ephemeral.data;

	mix_hash(&hs->noise, client_ephemeral, WA_KEY_BYTES);
	mix_hash(&hs->noise, hs->ephemeral.pub, WA_KEY_BYTES);
	if (mix_dh(&hs->noise, hs->ephemeral.priv, client_ephemeral, err) != 0)
		return -1;
	noise_seal(&hs->noise, static_key->pub, WA_KEY_BYTES, sealed_static);
	if (mix_dh(&hs->noise, static_key->priv, client_ephemeral, err) != 0)
		return -1;
	noise_seal(&hs->noise, hs->identity->chain, hs->identity->n_chain,
		buf_reserve(&sealed_chain, hs->identity->n_chain + WA_GCM_TAG));
	sealed_chain.len = hs->identity->n_chain + WA_GCM_TAG;
	write_server_hello(hs, sealed_static, &sealed_chain, out);
	return 0;
}

int wa_responder_finish(struct wa_responder *hs, const uint8_t *client_finish,
	size_t n, uint8_t client_static[WA_KEY_BYTES], struct buf *payload,
	struct wa_cipher *cipher, struct err *err)
{
	scoped(handshake_free) Wa__HandshakeMessage *message =
		handshake_read(client_finish, n);
	const Wa__ClientFinish *finish;

	if (message == NULL || message->client_finish == NULL)
		return err_set(err, ERR_PEER, "not a client finish");
	finish = message->client_finish;
	if (finish->static_key.len != SEALED_KEY_BYTES ||
		finish->payload.len < WA_GCM_TAG)
		return err_set(err, ERR_PEER, "incomplete client finish");
	if (noise_open(&hs->noise, finish->static_key.data, SEALED_KEY_BYTES,
		    client_static) != 0)
		return err_set(err, ERR_PEER, "client static key unreadable");
	if (mix_dh(&hs->noise, hs->ephemeral.priv, client_static, err) != 0)
		return -1;
	if (noise_open(&hs->noise, finish->payload.data, finish->payload.len,
		    buf_reserve(payload, finish->payload.len)) != 0)
		return err_set(err, ERR_PEER, "client payload unreadable");
	payload->len += finish->payload.len - WA_GCM_TAG;
	*cipher = (struct wa_cipher){ 0 };
	noise_split(&hs->noise, cipher->recv_key, cipher->send_key);
	return 0;
}

/* ---- transport ---- */

void wa_cipher_seal(
	struct wa_cipher *cipher, const void *plain, size_t n, struct buf *out)
{
	uint8_t iv[12];

	assert(n + WA_GCM_TAG < (1u << 24));
	assert(cipher->send_n <
		UINT32_MAX); /* 49 days at 1000 frames a second */
	make_iv(cipher->send_n++, iv);
	buf_add_be(out, n + WA_GCM_TAG, 3);
	wa_gcm_encrypt(cipher->send_key, iv, NULL, 0, plain, n,
		buf_reserve(out, n + WA_GCM_TAG));
	out->len += n + WA_GCM_TAG;
}

int wa_cipher_open(struct wa_cipher *cipher, const uint8_t *frame, size_t n,
	uint8_t *out, struct err *err)
{
	uint8_t iv[12];

	if (n <= WA_GCM_TAG)
		return err_set(err, ERR_PEER, "frame of %zu bytes", n);
	if (cipher->recv_n == UINT32_MAX)
		return err_set(err, ERR_PEER, "frame counter at its end");
	make_iv(cipher->recv_n, iv);
	if (wa_gcm_decrypt(cipher->recv_key, iv, NULL, 0, frame, n, out) != 0)
		return err_set(err, ERR_PEER, "frame %u does not decrypt",
			(unsigned)cipher->recv_n);
	cipher->recv_n++;
	return 0;
}
