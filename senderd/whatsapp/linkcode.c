#include "senderd/whatsapp/linkcode.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/clock.h"
#include "common/err.h"
#include "common/log.h"
#include "common/own.h"
#include "common/phone.h"
#include "common/wa/adv.h"
#include "senderd/facts.h"
#include "senderd/whatsapp/pairing.h"
#include "senderd/whatsapp/payload.h"

/* The server gives a pairing connection about 160 s; a person needs a
 * minute. */
#define CODE_MS (180 * 1000)
#define REF_MAX 1024
#define TAG "link_code_companion_reg"

struct linkcode {
	char code[WA_PAIR_CODE_LEN]; /* "" = none */
	char phone[PHONE_LEN];
	struct wa_keypair ephemeral;
	struct buf ref; /* of the server, once it has taken the code */
	bool taken;
	bool opened; /* the phone has answered: a second hello is a replay */
	int64_t expires_ms; /* unix */
};

struct linkcode *linkcode_new(void)
{
	return xcalloc(1, sizeof(struct linkcode));
}

void linkcode_drop(struct linkcode *code)
{
	buf_fini(&code->ref);
	sodium_memzero(code, sizeof *code);
}

void linkcode_free(struct linkcode **codep)
{
	struct linkcode *code = move(*codep);

	if (code == NULL)
		return;
	linkcode_drop(code);
	free(code);
}

const char *linkcode_live(const struct linkcode *code, const char *phone,
	int64_t now_ms, int64_t *expires_ms_out)
{
	if (code->code[0] == '\0' || !code->taken || code->opened ||
		now_ms >= code->expires_ms)
		return NULL;
	if (phone != NULL && strcmp(code->phone, phone) != 0)
		return NULL;
	if (expires_ms_out != NULL)
		*expires_ms_out = code->expires_ms;
	return code->code;
}

/* ---- companion_hello ---- */

static void on_hello_answer(
	struct lane *lane, const struct wa_node *answer, void *arg)
{
	struct linkcode *code = arg;
	const struct wa_node *ref =
		answer == NULL
			? NULL
			: wa_node_path(answer, TAG, "link_code_pairing_ref");
	const uint8_t *bytes = NULL;
	char why[64];
	size_t n = 0;
	int error;

	if (code->code[0] == '\0')
		return; /* dropped meanwhile */
	if (!iq_is_error(answer, &error) && ref != NULL)
		bytes = wa_node_content(ref, &n);
	if (bytes != NULL && n > 0 && n <= REF_MAX) {
		buf_clear(&code->ref);
		buf_add(&code->ref, bytes, n);
		code->taken = true;
		pairing_on_code(lane, code->code, code->expires_ms);
		return;
	}
	linkcode_drop(code);
	snprintf(why, sizeof why, "WhatsApp refused the number (%d)", error);
	if (answer == NULL)
		pairing_on_code_refused(lane, ERR_TIMEOUT, "no answer");
	else
		pairing_on_code_refused(
			lane, error == 400 ? ERR_INVALID : ERR_PEER, why);
}

static struct wa_node *reg_new(struct lane *lane, const char *stage,
	const char *phone, struct wa_node **iq_out)
{
	struct wa_jid jid = wa_jid_pn(phone, 0);
	struct wa_node *reg;

	*iq_out = iq_new(lane, "set", "md");
	reg = wa_node_add(*iq_out, TAG);
	wa_node_set_jid(reg, "jid", &jid);
	wa_node_set(reg, "stage", stage);
	return reg;
}

/* PBKDF2 runs here, in the loop: some 50 ms in a process that serves one
 * device, which has nothing else to do before it is linked. */
void linkcode_start(struct lane *lane, struct linkcode *code, const char *phone)
{
	static const uint8_t nonce = 0;
	uint8_t wrapped[WA_PAIR_WRAP_BYTES];
	struct wa_node *iq, *reg;

	linkcode_drop(code);
	wa_pair_code_new(code->code);
	snprintf(code->phone, sizeof code->phone, "%s", phone);
	wa_keypair_new(&code->ephemeral);
	code->expires_ms = clock_now_ms() + CODE_MS;
	wa_pair_wrap(code->code, code->ephemeral.pub, wrapped);
	reg = reg_new(lane, "companion_hello", phone, &iq);
	wa_node_set(reg, "should_show_push_notification", "true");
	wa_node_bytes(
		wa_node_add(reg,
			"link_code_pairing_wrapped_companion_ephemeral_pub"),
		wrapped, sizeof wrapped);
	wa_node_bytes(wa_node_add(reg, "companion_server_auth_key_pub"),
		lane->id.noise.pub, WA_KEY_BYTES);
	wa_node_text(
		wa_node_add(reg, "companion_platform_id"), PAYLOAD_CLIENT_TYPE);
	wa_node_text(wa_node_add(reg, "companion_platform_display"),
		PAYLOAD_CLIENT_NAME);
	wa_node_bytes(wa_node_add(reg, "link_code_pairing_nonce"), &nonce, 1);
	iq_send(lane, iq, on_hello_answer, code);
}

/* ---- primary_hello ---- */

/* What the phone sends with it. */
struct hello {
	const uint8_t *wrapped, *identity, *ref;
	size_t n_wrapped, n_identity, n_ref;
};

static const uint8_t *part(
	const struct wa_node *reg, const char *tag, size_t *n_out)
{
	const struct wa_node *node = wa_node_child(reg, tag);

	*n_out = 0;
	return node == NULL ? NULL : wa_node_content(node, n_out);
}

static int hello_read(
	const struct wa_node *notification, struct hello *out, struct err *err)
{
	const struct wa_node *reg = wa_node_child(notification, TAG);

	if (reg == NULL || !wa_node_is(reg, "stage", "primary_hello"))
		return err_set(err, ERR_PEER, "no primary_hello");
	out->wrapped =
		part(reg, "link_code_pairing_wrapped_primary_ephemeral_pub",
			&out->n_wrapped);
	out->identity = part(reg, "primary_identity_pub", &out->n_identity);
	out->ref = part(reg, "link_code_pairing_ref", &out->n_ref);
	if (out->wrapped == NULL || out->n_wrapped != WA_PAIR_WRAP_BYTES ||
		out->identity == NULL || out->n_identity != WA_KEY_BYTES ||
		out->ref == NULL)
		return err_set(err, ERR_PEER, "primary_hello is incomplete");
	return 0;
}

static void on_finish_answer(
	struct lane *lane, const struct wa_node *answer, void *arg)
{
	int error;

	(void)lane;
	(void)arg;
	if (iq_is_error(answer, &error))
		log_warning("pairing step=companion_finish code=%d "
			    "status=failed: a new code is needed",
			error);
}

static void finish_send(struct lane *lane, const struct linkcode *code,
	const uint8_t bundle[WA_PAIR_BUNDLE_BYTES])
{
	struct wa_node *iq, *reg;

	reg = reg_new(lane, "companion_finish", code->phone, &iq);
	wa_node_bytes(wa_node_add(reg, "link_code_pairing_wrapped_key_bundle"),
		bundle, WA_PAIR_BUNDLE_BYTES);
	wa_node_bytes(wa_node_add(reg, "companion_identity_public"),
		lane->id.identity.pub, WA_KEY_BYTES);
	wa_node_bytes(wa_node_add(reg, "link_code_pairing_ref"), code->ref.data,
		code->ref.len);
	iq_send(lane, iq, on_finish_answer, NULL);
}

static int hello_open(struct lane *lane, struct linkcode *code,
	const struct hello *hello, struct err *err)
{
	uint8_t bundle[WA_PAIR_BUNDLE_BYTES];
	uint8_t ephemeral[WA_KEY_BYTES], adv_secret[32];

	if (linkcode_live(code, NULL, clock_now_ms(), NULL) == NULL)
		return err_set(err, ERR_NOT_FOUND, "no code is pending");
	if (hello->n_ref != code->ref.len ||
		memcmp(hello->ref, code->ref.data, code->ref.len) != 0)
		return err_set(err, ERR_PEER, "of another pairing");
	wa_pair_unwrap(code->code, hello->wrapped, ephemeral);
	if (wa_pair_bundle(&code->ephemeral, &lane->id.identity, ephemeral,
		    hello->identity, bundle, adv_secret, err) != 0)
		return -1;
	code->opened = true;
	memcpy(lane->id.adv_secret, adv_secret, sizeof adv_secret);
	sodium_memzero(adv_secret, sizeof adv_secret);
	/* Durable before the phone can use it: the stanza waits for the
	 * turn. */
	if (lanedb_identity_save(lane->db, &lane->id, err) != 0) {
		facts_fail(lane, err);
		return -1;
	}
	finish_send(lane, code, bundle);
	return 0;
}

void linkcode_on_hello(struct lane *lane, struct linkcode *code,
	const struct wa_node *notification)
{
	struct hello hello = { 0 };
	struct err err = ERR_NONE;

	if (hello_read(notification, &hello, &err) != 0 ||
		hello_open(lane, code, &hello, &err) != 0)
		log_warning("pairing step=primary_hello status=ignored "
			    "reason=\"%s\"",
			err.msg);
}
