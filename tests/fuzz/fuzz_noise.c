/* Hostile handshakes, certificate chains, device identities and key bundles.
 * Input: one byte that picks a reader and whether the rest is the whole
 * message, or (offset, value) pairs to XOR into a good one, so that the code
 * behind a MAC is reached. Changed messages must never be accepted. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "common/buf.h"
#include "common/err.h"
#include "common/own.h"
#include "common/wa/adv.h"
#include "common/wa/noise.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#define NOW 1750000000
#define WHOLE_MESSAGE 0x80

static struct {
	struct wa_keypair root, client, device, account;
	struct wa_keypair client_ephemeral, server_ephemeral;
	struct wa_responder_identity server;
	uint8_t secret[32];
	struct buf client_hello, server_hello, client_finish;
	struct buf adv_outer, adv_full, adv_reply;
	struct buf bundle, sealed;
} world;

static struct wa_keypair key_of(uint8_t byte)
{
	uint8_t priv[WA_KEY_BYTES];
	struct wa_keypair pair;

	memset(priv, byte, sizeof(priv));
	wa_keypair_from_priv(priv, &pair);
	return pair;
}

/* ---- the readers: 0 accepted, -1 refused ---- */

static struct wa_initiator *new_initiator(struct buf *hello)
{
	struct wa_initiator *hs =
		wa_initiator_new(&world.client, world.root.pub, NOW);

	wa_initiator_set_ephemeral(hs, &world.client_ephemeral);
	wa_initiator_hello(hs, hello);
	return hs;
}

static int read_server_hello(const uint8_t *bytes, size_t n, struct err *err)
{
	scoped(buf_fini) struct buf out = BUF_INIT;
	scoped(wa_initiator_free) struct wa_initiator *hs = new_initiator(&out);
	struct wa_cipher cipher;

	buf_clear(&out);
	return wa_initiator_finish(
		hs, bytes, n, "payload", 7, &out, &cipher, err);
}

static struct wa_responder *new_responder(void)
{
	struct wa_responder *hs = wa_responder_new(&world.server);

	wa_responder_set_ephemeral(hs, &world.server_ephemeral);
	return hs;
}

/* Not protected by anything: any key of 32 bytes will do. */
static int read_client_hello(const uint8_t *bytes, size_t n, struct err *err)
{
	scoped(wa_responder_free) struct wa_responder *hs = new_responder();
	scoped(buf_fini) struct buf out = BUF_INIT;

	return wa_responder_hello(hs, bytes, n, &out, err);
}

static int read_client_finish(const uint8_t *bytes, size_t n, struct err *err)
{
	scoped(wa_responder_free) struct wa_responder *hs = new_responder();
	scoped(buf_fini) struct buf out = BUF_INIT;
	struct wa_cipher cipher;
	uint8_t client[WA_KEY_BYTES];
	int rc = wa_responder_hello(hs, world.client_hello.data,
		world.client_hello.len, &out, NULL);

	assert(rc == 0);
	return wa_responder_finish(hs, bytes, n, client, &out, &cipher, err);
}

static int read_chain(const uint8_t *bytes, size_t n, struct err *err)
{
	return wa_certchain_check(bytes, n, world.root.pub,
		world.server.static_key.pub, NOW, err);
}

static int read_adv_outer(const uint8_t *bytes, size_t n, struct err *err)
{
	scoped(buf_fini) struct buf full = BUF_INIT, reply = BUF_INIT;
	struct wa_adv_result result;

	return wa_adv_accept(bytes, n, world.secret, &world.device, &full,
		&reply, &result, err);
}

static int read_adv_reply(const uint8_t *bytes, size_t n, struct err *err)
{
	scoped(buf_fini) struct buf full = BUF_INIT;

	return wa_adv_check_reply(
		bytes, n, world.account.pub, world.device.pub, &full, err);
}

static int read_adv_full(const uint8_t *bytes, size_t n, struct err *err)
{
	return wa_adv_verify(bytes, n, world.device.pub, err);
}

static int read_bundle(const uint8_t *bytes, size_t n, struct err *err)
{
	uint8_t identity[WA_KEY_BYTES], secret[32];

	if (n != WA_PAIR_BUNDLE_BYTES)
		return err_set(err, ERR_PEER, "size");
	return wa_pair_bundle_open(&world.server_ephemeral, &world.account,
		world.client_ephemeral.pub, bytes, identity, secret, err);
}

static int read_sealed(const uint8_t *bytes, size_t n, struct err *err)
{
	struct wa_cipher cipher = { .recv_key = { 1 } };
	scoped(buf_fini) struct buf out = BUF_INIT;

	return wa_cipher_open(&cipher, bytes, n, buf_reserve(&out, n), err);
}

static const struct {
	int (*read)(const uint8_t *bytes, size_t n, struct err *err);
	const struct buf *good;
	bool is_sealed; /* no change is accepted */
} readers[] = {
	{ read_server_hello, &world.server_hello, true },
	{ read_client_hello, &world.client_hello, false },
	{ read_client_finish, &world.client_finish, true },
	{ read_chain, NULL, true }, /* good: set at start */
	{ read_adv_outer, &world.adv_outer, true },
	{ read_adv_reply, &world.adv_reply, true },
	{ read_adv_full, &world.adv_full, true },
	{ read_bundle, &world.bundle, true },
	{ read_sealed, &world.sealed, true },
};

/* ---- the good messages ---- */

static void make_handshake(void)
{
	scoped(wa_initiator_free) struct wa_initiator *initiator =
		new_initiator(&world.client_hello);
	scoped(wa_responder_free) struct wa_responder *responder =
		new_responder();
	struct wa_cipher cipher;
	int rc;

	rc = wa_responder_hello(responder, world.client_hello.data,
		world.client_hello.len, &world.server_hello, NULL);
	assert(rc == 0);
	rc = wa_initiator_finish(initiator, world.server_hello.data,
		world.server_hello.len, "payload", 7, &world.client_finish,
		&cipher, NULL);
	assert(rc == 0);
}

static void make_pairing(void)
{
	struct wa_adv_result result;
	uint8_t secret[32];
	int rc;

	wa_adv_issue(&world.account, world.device.pub, world.secret, 1, 2, 3,
		&world.adv_outer);
	rc = wa_adv_accept(world.adv_outer.data, world.adv_outer.len,
		world.secret, &world.device, &world.adv_full, &world.adv_reply,
		&result, NULL);
	assert(rc == 0);
	rc = wa_pair_bundle(&world.client_ephemeral, &world.device,
		world.server_ephemeral.pub, world.account.pub,
		buf_reserve(&world.bundle, WA_PAIR_BUNDLE_BYTES), secret, NULL);
	assert(rc == 0);
	world.bundle.len = WA_PAIR_BUNDLE_BYTES;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	struct wa_cipher cipher = { .send_key = { 1 } };

	(void)argc;
	(void)argv;
	wa_crypto_init();
	world.root = key_of(1);
	world.client = key_of(2);
	world.device = key_of(3);
	world.account = key_of(4);
	world.client_ephemeral = key_of(5);
	world.server_ephemeral = key_of(6);
	memset(world.secret, 7, sizeof(world.secret));
	wa_responder_identity_new(&world.root, NOW - 1, NOW + 1, &world.server);
	make_handshake();
	make_pairing();
	wa_cipher_seal(&cipher, "a frame", 7, &world.sealed);
	buf_drop_front(&world.sealed, 3);
	return 0;
}

/* The good message of reader @i with the pairs of @data in it. */
static bool patch(size_t i, const uint8_t *data, size_t n, struct buf *out)
{
	const uint8_t *good = world.server.chain;
	size_t n_good = world.server.n_chain;
	bool changed = false;

	if (readers[i].good != NULL) {
		good = readers[i].good->data;
		n_good = readers[i].good->len;
	}
	buf_add(out, good, n_good);
	for (; n >= 3; data += 3, n -= 3)
		out->data[(data[0] << 8 | data[1]) % n_good] ^= data[2];
	changed = memcmp(out->data, good, n_good) != 0;
	return changed;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	scoped(buf_fini) struct buf bytes = BUF_INIT;
	struct err err = ERR_NONE;
	bool changed = true;
	size_t i;
	int rc;

	if (n < 1)
		return 0;
	i = (data[0] & ~WHOLE_MESSAGE) % ARRAY_LEN(readers);
	if (data[0] & WHOLE_MESSAGE)
		buf_add(&bytes, data + 1, n - 1);
	else
		changed = patch(i, data + 1, n - 1, &bytes);
	rc = readers[i].read(bytes.data, bytes.len, &err);
	assert(rc == 0 || err.code == ERR_PEER || err.code == ERR_UNAUTHORIZED);
	if (!changed)
		assert(rc == 0);
	else if (readers[i].is_sealed && !(data[0] & WHOLE_MESSAGE))
		assert(rc == -1);
	return 0;
}
