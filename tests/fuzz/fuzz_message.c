/* A Message of any bytes, described; and any bytes as the plaintext of a vote,
 * a reaction or an edit that somebody encrypted with the secret of our poll.
 * The first byte picks which, and whose message it is.  What comes out is JSON,
 * bounded and valid UTF-8. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/arena.h"
#include "common/clock.h"
#include "common/err.h"
#include "common/log.h"
#include "common/own.h"
#include "common/store/account.h"
#include "common/wa/crypto.h"
#include "common/wa/node.h"
#include "common/wa/pbguard.h"
#include "senderd/facts.h"
#include "senderd/lane.h"
#include "senderd/whatsapp/addon.h"
#include "senderd/whatsapp/compose.h"
#include "senderd/whatsapp/content.h"
#include "senderd/whatsapp/secrets.h"

#define POLL "3EB0POLL"
#define OWN "900001"
#define BOB "900002"
#define OUTPUT_MAX 1048576

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
int LLVMFuzzerInitialize(int *argc, char ***argv);

static struct {
	char dir[32];
	struct lane lane;
	uint8_t secret[32];
} world;

static void check(int rc, const struct err *err)
{
	if (rc == 0)
		return;
	fprintf(stderr, "fuzz_message: %s\n", err->msg);
	abort();
}

static void on_exit_remove(void)
{
	char command[64];

	snprintf(command, sizeof command, "rm -rf %s", world.dir);
	if (system(command) != 0)
		fprintf(stderr, "fuzz_message: %s stays\n", world.dir);
}

static void store_make(struct lane *lane)
{
	char path[64];
	struct err err = ERR_NONE;
	bool duplicate;
	struct account account = { .public_id = "a",
		.name = "a",
		.email = "a",
		.password_hash = "",
		.plan = "" };
	struct device device = { .uid = "dev_fuzz0001",
		.name = "fuzz",
		.status = DEVICE_CONNECTED };
	struct message poll = { .public_id = "p",
		.kind = MESSAGE_POLL,
		.source = MESSAGE_BY_API,
		.wa_id = POLL,
		.chat = BOB "@lid",
		.lid = BOB,
		.content = "{\"poll\":{\"options\":[\"Yes\",\"No\"]}}" };

	snprintf(path, sizeof path, "%s/store.db", world.dir);
	check(store_open(path, STORE_WRITE, &lane->store, &err), &err);
	scoped(tx_end) struct tx *tx = tx_begin(lane->store, &err);
	check(store_account_create(tx, &account, &lane->account_id, &err),
		&err);
	device.account_id = poll.account_id = lane->account_id;
	check(store_device_create(tx, &device, &lane->device_id, &err), &err);
	poll.device_id = lane->device_id;
	check(store_message_insert_out(tx, &poll, &duplicate, &err), &err);
	check(tx_commit(tx, &err), &err);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	struct lane *lane = &world.lane;
	struct secret_key key = { .bytes = { 7 } };
	struct err err = ERR_NONE;
	char path[64];

	(void)argc;
	(void)argv;
	snprintf(world.dir, sizeof world.dir, "/tmp/vereda-fuzz-XXXXXX");
	if (mkdtemp(world.dir) == NULL)
		abort();
	atexit(on_exit_remove);
	wa_crypto_init();
	log_open("fuzz_message", NULL, LOG_LVL_ERROR, NULL);
	lane->arena = arena_new(65536);
	lane->facts = facts_new();
	lane->id.jid = wa_jid_pn("15550001111", 1);
	lane->id.lid = wa_jid_lid(OWN, 1);
	snprintf(path, sizeof path, "%s/lane.db", world.dir);
	check(lanedb_open(path, &key, &lane->db, &err), &err);
	store_make(lane);
	compose_secret(lane, POLL, world.secret);
	return 0;
}

/* ---- what came out ---- */

static void content_check(struct content *content)
{
	const char *json = content_render(&world.lane, content);
	json_t *again = NULL;

	assert(strcmp(message_kind_name(content->kind), "UNKNOWN") != 0);
	assert(content->text == NULL ||
		strlen(content->text) <= CONTENT_TEXT_MAX);
	if (json != NULL) {
		assert(strlen(json) <= OUTPUT_MAX);
		again = json_loads(json, JSON_REJECT_DUPLICATES, NULL);
		assert(json_is_object(again));
		json_decref(again);
	}
	if (content->text != NULL) {
		again = json_string(content->text); /* NULL: no UTF-8 */
		assert(again != NULL);
		json_decref(again);
	}
}

static void message_describe(
	const struct inbound *in, const Wa__Message *message)
{
	struct content_from from = addon_from(in);
	struct content content = { 0 };
	struct content addon = { 0 };
	struct err err = ERR_NONE;

	if (content_describe(&world.lane, &from, message, &content))
		content_check(&content);
	/* Groups would be asked about. */
	if (wa_jid_is_user(&in->chat)) {
		enum addon_state state = addon_describe(
			&world.lane, in, content_unwrap(message), &addon, &err);

		assert(state != ADDON_FAILED);
		if (state == ADDON_SHOWN)
			content_check(&addon);
	}
	content_fini(&content);
	content_fini(&addon);
}

/* ---- what is encrypted ---- */

struct envelope_of {
	Wa__Message message;
	Wa__MessageKey key;
	Wa__PollUpdateMessage update;
	Wa__PollEncValue value;
	Wa__EncReactionMessage reaction;
	Wa__SecretEncryptedMessage edit;
};

static ProtobufCBinaryData seal(enum secret_use use, const uint8_t iv[12],
	const uint8_t *data, size_t n)
{
	scoped(buf_fini) struct buf aad = BUF_INIT;
	uint8_t *sealed = arena_alloc(world.lane.arena, n + WA_GCM_TAG);
	const char *author =
		use == SECRET_MESSAGE_EDIT ? BOB "@lid" : OWN "@lid";
	uint8_t key[32];

	secrets_key(world.secret, use, POLL, author, BOB "@lid", key, &aad);
	wa_gcm_encrypt(key, iv, aad.data, aad.len, data, n, sealed);
	return (ProtobufCBinaryData){ n + WA_GCM_TAG, sealed };
}

static void sealed_describe(const struct inbound *in, enum secret_use use,
	const uint8_t *data, size_t n)
{
	static const uint8_t iv[12] = { 1 };
	struct envelope_of e;
	ProtobufCBinaryData payload = seal(use, iv, data, n);
	ProtobufCBinaryData nonce = { sizeof iv, (uint8_t *)iv };

	wa__message__init(&e.message);
	wa__message_key__init(&e.key);
	wa__poll_update_message__init(&e.update);
	wa__poll_enc_value__init(&e.value);
	wa__enc_reaction_message__init(&e.reaction);
	wa__secret_encrypted_message__init(&e.edit);
	e.key.id = (char *)POLL;
	e.update.poll_creation_message_key = e.reaction.target_message_key =
		e.edit.target_message_key = &e.key;
	e.update.vote = &e.value;
	e.value.enc_payload = e.reaction.enc_payload = e.edit.enc_payload =
		payload;
	e.value.enc_iv = e.reaction.enc_iv = e.edit.enc_iv = nonce;
	e.edit.secret_enc_type = 2;
	if (use == SECRET_POLL_VOTE)
		e.message.poll_update_message = &e.update;
	else if (use == SECRET_REACTION)
		e.message.enc_reaction_message = &e.reaction;
	else
		e.message.secret_encrypted_message = &e.edit;
	message_describe(in, &e.message);
}

/* ---- */

static struct inbound inbound_of(const struct wa_node *stanza, uint8_t how)
{
	struct inbound in = { .message = stanza, .id = "A1", .t = 1 };

	in.is_own = how & 8;
	in.sender = in.is_own ? wa_jid_lid(OWN, 0) : wa_jid_lid(BOB, 3);
	in.address = in.sender;
	in.chat = wa_jid_lid(BOB, 0);
	if (how & 16)
		wa_jid_parse("120363000000000001@g.us", 23, &in.chat);
	in.is_group = how & 16;
	in.from = in.chat;
	return in;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct wa_node *stanza = wa_node_new(world.lane.arena, "message");
	Wa__Message *message = NULL;
	struct inbound in;
	uint8_t how = 0;

	if (n < 1)
		return 0;
	how = *data++;
	n--;
	in = inbound_of(stanza, how);
	switch (how & 7) {
	case 1:
		sealed_describe(&in, SECRET_POLL_VOTE, data, n);
		break;
	case 2:
		sealed_describe(&in, SECRET_REACTION, data, n);
		break;
	case 3:
		sealed_describe(&in, SECRET_MESSAGE_EDIT, data, n);
		break;
	default:
		if (!wa_pb_bounded(data, n))
			break;
		message = wa__message__unpack(NULL, n, data);
		if (message != NULL)
			message_describe(&in, message);
		if (message != NULL)
			wa__message__free_unpacked(message, NULL);
	}
	assert(!facts_failed(&world.lane));
	arena_reset(world.lane.arena);
	return 0;
}
