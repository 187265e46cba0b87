#include "sandboxd/pairing.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/err.h"
#include "common/ids.h"
#include "common/log.h"
#include "common/own.h"
#include "common/secret.h"
#include "common/wa/adv.h"
#include "sandboxd/directory.h"
#include "sandboxd/iq.h"
#include "sandboxd/session.h"

#define N_REFS 6
#define REF_RANDOM_BYTES 60
#define REF_TEXT 83 /* "2@", 80 base64 characters and the NUL */

/* One registering session. */
struct pairing {
	struct pairing_client client;
	char refs[N_REFS][REF_TEXT];
	/* PAIRED: what the client is to prove */
	char success_id[32];
	struct account *account; /* borrowed; accounts are never removed */
	unsigned number;
	uint32_t key_index;
	/* pairing code: "" until a companion_hello came */
	char code_pn[WA_USER_MAX + 1];
	char code_ref[REF_TEXT];
	uint8_t wrapped[WA_PAIR_WRAP_BYTES]; /* the companion's ephemeral key */
	/* pairing code: valid once the phone's user typed one */
	struct account *code_account; /* borrowed; NULL until then */
	struct wa_keypair ephemeral;
	uint8_t companion_ephemeral[WA_KEY_BYTES];
};

void pairing_free(struct pairing **pairingp)
{
	struct pairing *pairing = move(*pairingp);

	if (pairing == NULL)
		return;
	explicit_bzero(pairing, sizeof(*pairing));
	free(pairing);
}

static void ref_new(char out[REF_TEXT])
{
	uint8_t bytes[REF_RANDOM_BYTES];

	random_bytes(bytes, sizeof(bytes));
	out[0] = '2';
	out[1] = '@';
	wa_base64(bytes, sizeof(bytes), out + 2, REF_TEXT - 2);
}

static struct wa_node *request_new(struct session *session, const char *id)
{
	struct wa_node *iq = wa_node_new(session->sandbox->arena, "iq");
	struct wa_jid server = wa_jid_server();

	wa_node_set_jid(iq, "from", &server);
	wa_node_set(iq, "type", "set");
	wa_node_set(iq, "id", id);
	wa_node_set(iq, "xmlns", "md");
	return iq;
}

void pairing_start(struct session *session, const struct pairing_client *client)
{
	struct wa_node *iq, *device;

	session->pairing = xcalloc(1, sizeof(*session->pairing));
	session->pairing->client = *client;
	session_set_state(session, SESSION_REGISTERING);
	iq = request_new(session, sandbox_stanza_id(session->sandbox));
	device = wa_node_add(iq, "pair-device");
	for (size_t i = 0; i < N_REFS; i++) {
		ref_new(session->pairing->refs[i]);
		wa_node_text(
			wa_node_add(device, "ref"), session->pairing->refs[i]);
	}
	session_send(session, iq);
}

/* ---- finding registering sessions ---- */

static bool shows_ref(const struct session *session, const char *ref)
{
	if (session->state != SESSION_REGISTERING)
		return false;
	for (size_t i = 0; i < N_REFS; i++)
		if (strcmp(session->pairing->refs[i], ref) == 0)
			return true;
	return false;
}

struct session *session_by_ref(struct sandbox *sandbox, const char *ref)
{
	for (struct session *s = sandbox->sessions; s != NULL; s = s->next)
		if (shows_ref(s, ref))
			return s;
	return NULL;
}

struct session *session_by_pairing_phone(
	struct sandbox *sandbox, const char *pn)
{
	for (struct session *s = sandbox->sessions; s != NULL; s = s->next)
		if (s->state == SESSION_REGISTERING &&
			strcmp(s->pairing->code_pn, pn) == 0)
			return s;
	return NULL;
}

/* ---- pair-success and its proof ---- */

static int send_pair_success(struct session *session, struct account *account,
	const uint8_t adv_secret[32], struct err *err)
{
	struct pairing *pairing = session->pairing;
	int64_t now = clock_now_ms() / 1000;
	struct wa_node *iq, *success, *device;
	scoped(buf_fini) struct buf identity = BUF_INIT;
	struct wa_jid pn, lid;

	pairing->number = account_reserve(account, &pairing->key_index);
	if (pairing->number == 0)
		return err_set(err, ERR_LIMIT, "every device number is taken");
	pairing->account = account;
	snprintf(pairing->success_id, sizeof(pairing->success_id), "%s",
		sandbox_stanza_id(session->sandbox));
	pn = wa_jid_pn(account->pn, pairing->number);
	lid = wa_jid_lid(account->lid, pairing->number);
	wa_adv_issue(phone_identity(account->devices->phone),
		pairing->client.identity, adv_secret, account->adv_raw_id,
		(uint64_t)now, pairing->key_index, &identity);

	iq = request_new(session, pairing->success_id);
	wa_node_set_int(iq, "t", now);
	success = wa_node_add(iq, "pair-success");
	wa_node_bytes(wa_node_add(success, "device-identity"), identity.data,
		identity.len);
	device = wa_node_add(success, "device");
	wa_node_set_jid(device, "jid", &pn);
	wa_node_set_jid(device, "lid", &lid);
	wa_node_set(wa_node_add(success, "platform"), "name", "android");
	session_set_state(session, SESSION_PAIRED);
	session_send(session, iq);
	return 0;
}

static void store_companion(struct session *session, struct buf *adv)
{
	const struct pairing *pairing = session->pairing;
	const struct pairing_client *client = &pairing->client;
	struct device *device = account_new_companion(
		pairing->account, pairing->number, pairing->key_index);

	memcpy(device->noise_pub, session->noise_pub, WA_KEY_BYTES);
	memcpy(device->identity, client->identity, WA_KEY_BYTES);
	memcpy(device->signed_pub, client->signed_pub, WA_KEY_BYTES);
	memcpy(device->signed_sig, client->signed_sig, WA_SIGNATURE_BYTES);
	device->registration_id = client->registration_id;
	device->signed_id = client->signed_id;
	device->inline_history = client->inline_history;
	device->adv = *adv;
	*adv = BUF_INIT;
	log_info("pairing phone=%s device=%u key_index=%u status=linked",
		pairing->account->pn, device->number, device->key_index);
}

static void on_success_answer(struct session *session, const struct wa_node *iq)
{
	struct pairing *pairing = session->pairing;
	const struct wa_node *identity =
		wa_node_path(iq, "pair-device-sign", "device-identity");
	struct err err = { .msg = "the client refused" };
	scoped(buf_fini) struct buf adv = BUF_INIT;
	size_t n = 0;
	const uint8_t *reply =
		identity != NULL ? wa_node_content(identity, &n) : NULL;

	if (reply == NULL ||
		wa_adv_check_reply(reply, n,
			phone_identity(pairing->account->devices->phone)->pub,
			pairing->client.identity, &adv, &err) != 0) {
		log_warning("pairing phone=%s device=%u reason=\"%s\""
			    " action=forget",
			pairing->account->pn, pairing->number, err.msg);
		session_set_state(session, SESSION_REGISTERING);
		return;
	}
	store_companion(session, &adv);
	session_end(session, 515, NULL);
}

/* ---- QR code: the phone's part ---- */

struct qr {
	char ref[256];
	uint8_t noise[WA_KEY_BYTES], identity[WA_KEY_BYTES], adv_secret[32];
};

/* Takes the text up to the next comma or the end; NULL when there is none. */
static const char *next_field(const char **at, size_t *n)
{
	const char *field = *at;

	if (field == NULL)
		return NULL;
	*n = strcspn(field, ",");
	*at = field[*n] == ',' ? field + *n + 1 : NULL;
	return field;
}

static int next_key(const char **at, uint8_t out[WA_KEY_BYTES])
{
	size_t n = 0;
	const char *field = next_field(at, &n);
	uint8_t bytes[WA_KEY_BYTES + 4];

	if (field == NULL || wa_base64_decode(field, n, bytes, sizeof(bytes)) !=
				     WA_KEY_BYTES)
		return -1;
	memcpy(out, bytes, WA_KEY_BYTES);
	return 0;
}

/* "https://...#REF,NOISE,IDENTITY,ADV,TYPE", or the older form without URL and
 * type. */
static int qr_parse(const char *text, struct qr *qr, struct err *err)
{
	const char *hash = strchr(text, '#');
	const char *at = hash != NULL ? hash + 1 : text;
	size_t n = 0;
	const char *ref = next_field(&at, &n);

	if (n == 0 || n >= sizeof(qr->ref))
		return err_set(err, ERR_INVALID, "QR text without a ref");
	memcpy(qr->ref, ref, n);
	qr->ref[n] = '\0';
	if (next_key(&at, qr->noise) != 0 || next_key(&at, qr->identity) != 0 ||
		next_key(&at, qr->adv_secret) != 0)
		return err_set(err, ERR_INVALID, "QR text without three keys");
	return 0;
}

int pairing_scan(struct sandbox *sandbox, struct account *account,
	const char *text, struct err *err)
{
	struct session *session;
	struct qr qr;

	if (qr_parse(text, &qr, err) != 0)
		return -1;
	session = session_by_ref(sandbox, qr.ref);
	if (session == NULL)
		return err_set(err, ERR_NOT_FOUND, "nobody shows this QR code");
	if (!secret_equal(qr.noise, session->noise_pub, WA_KEY_BYTES) ||
		!secret_equal(qr.identity, session->pairing->client.identity,
			WA_KEY_BYTES))
		return err_set(
			err, ERR_INVALID, "QR code with another device's keys");
	return send_pair_success(session, account, qr.adv_secret, err);
}

/* ---- pairing code ---- */

static const uint8_t *child_bytes(
	const struct wa_node *node, const char *tag, size_t expected)
{
	const struct wa_node *child = wa_node_child(node, tag);
	size_t n = 0;
	const uint8_t *bytes =
		child != NULL ? wa_node_content(child, &n) : NULL;

	return n == expected ? bytes : NULL;
}

static bool same_text(const struct wa_node *node, const char *text)
{
	size_t n = 0;
	const uint8_t *bytes = node != NULL ? wa_node_content(node, &n) : NULL;

	return bytes != NULL && n == strlen(text) &&
	       memcmp(bytes, text, n) == 0;
}

static void on_companion_hello(struct session *session,
	const struct wa_node *iq, const struct wa_node *reg)
{
	struct pairing *pairing = session->pairing;
	const uint8_t *wrapped = child_bytes(reg,
		"link_code_pairing_wrapped_companion_ephemeral_pub",
		WA_PAIR_WRAP_BYTES);
	const uint8_t *noise =
		child_bytes(reg, "companion_server_auth_key_pub", WA_KEY_BYTES);
	struct wa_node *result;
	struct wa_jid jid;

	if (wrapped == NULL || noise == NULL ||
		!wa_node_jid(reg, "jid", &jid) || jid.server != WA_SERVER_PN ||
		!secret_equal(noise, session->noise_pub, WA_KEY_BYTES)) {
		iq_answer_error(session, iq, 400, "bad-request");
		return;
	}
	memcpy(pairing->wrapped, wrapped, WA_PAIR_WRAP_BYTES);
	memcpy(pairing->code_pn, jid.user, sizeof(pairing->code_pn));
	ref_new(pairing->code_ref);
	pairing->code_account = NULL;
	result = iq_result(session, iq);
	wa_node_text(wa_node_add(wa_node_add(result, "link_code_companion_reg"),
			     "link_code_pairing_ref"),
		pairing->code_ref);
	session_send(session, result);
}

/* The 8 characters without dash and in upper case; -1 for anything else. */
static int code_clean(const char *text, char out[WA_PAIR_CODE_LEN])
{
	size_t n = 0;

	for (; *text != '\0'; text++) {
		if (*text == '-' || *text == ' ')
			continue;
		if (!isalnum((unsigned char)*text) || n == WA_PAIR_CODE_LEN - 1)
			return -1;
		out[n++] = (char)toupper((unsigned char)*text);
	}
	out[n] = '\0';
	return n == WA_PAIR_CODE_LEN - 1 ? 0 : -1;
}

static void send_primary_hello(
	struct session *session, const uint8_t wrapped[WA_PAIR_WRAP_BYTES])
{
	struct pairing *pairing = session->pairing;
	struct sandbox *sandbox = session->sandbox;
	struct wa_node *notification =
		wa_node_new(sandbox->arena, "notification");
	struct wa_jid server = wa_jid_server();
	const struct wa_keypair *identity =
		phone_identity(pairing->code_account->devices->phone);
	struct wa_node *reg;

	wa_node_set_jid(notification, "from", &server);
	wa_node_set(notification, "type", "link_code_companion_reg");
	wa_node_set(notification, "id", sandbox_stanza_id(sandbox));
	wa_node_set_int(notification, "t", clock_now_ms() / 1000);
	reg = wa_node_add(notification, "link_code_companion_reg");
	wa_node_set(reg, "stage", "primary_hello");
	wa_node_bytes(
		wa_node_add(
			reg, "link_code_pairing_wrapped_primary_ephemeral_pub"),
		wrapped, WA_PAIR_WRAP_BYTES);
	wa_node_bytes(wa_node_add(reg, "primary_identity_pub"), identity->pub,
		WA_KEY_BYTES);
	wa_node_text(
		wa_node_add(reg, "link_code_pairing_ref"), pairing->code_ref);
	session_send(session, notification);
}

/* Derives the code's key twice, some 50 ms each, on the loop: a person types a
 * code a few times a day, and in a test network nobody minds the pause. */
int pairing_enter_code(struct sandbox *sandbox, struct account *account,
	const char *text, struct err *err)
{
	struct session *session =
		session_by_pairing_phone(sandbox, account->pn);
	uint8_t wrapped[WA_PAIR_WRAP_BYTES];
	char code[WA_PAIR_CODE_LEN];
	struct pairing *pairing;

	if (code_clean(text, code) != 0)
		return err_set(err, ERR_INVALID, "a code has 8 characters");
	if (session == NULL)
		return err_set(err, ERR_NOT_FOUND,
			"nobody waits for a code of %s", account->pn);
	pairing = session->pairing;
	wa_pair_unwrap(code, pairing->wrapped, pairing->companion_ephemeral);
	wa_keypair_new(&pairing->ephemeral);
	wa_pair_wrap(code, pairing->ephemeral.pub, wrapped);
	pairing->code_account = account;
	send_primary_hello(session, wrapped);
	return 0;
}

/* The bundle opens only when both sides used the same code. */
static int open_bundle(struct session *session, const struct account *account,
	const struct wa_node *reg, uint8_t adv_secret[32], struct err *err)
{
	struct pairing *pairing = session->pairing;
	const uint8_t *bundle = child_bytes(reg,
		"link_code_pairing_wrapped_key_bundle", WA_PAIR_BUNDLE_BYTES);
	uint8_t identity[WA_KEY_BYTES];

	if (bundle == NULL)
		return err_set(err, ERR_PEER, "no key bundle");
	if (wa_pair_bundle_open(&pairing->ephemeral,
		    phone_identity(account->devices->phone),
		    pairing->companion_ephemeral, bundle, identity, adv_secret,
		    err) != 0)
		return -1;
	if (!secret_equal(identity, pairing->client.identity, WA_KEY_BYTES))
		return err_set(err, ERR_PEER, "bundle of another device");
	return 0;
}

/* The client waits for the answer before it can take pair-success. */
static void on_companion_finish(struct session *session,
	const struct wa_node *iq, const struct wa_node *reg)
{
	struct pairing *pairing = session->pairing;
	struct account *account = pairing->code_account;
	uint8_t adv_secret[32];
	struct err err = ERR_NONE;

	if (account == NULL ||
		!same_text(wa_node_child(reg, "link_code_pairing_ref"),
			pairing->code_ref)) {
		iq_answer_error(session, iq, 400, "bad-request");
		return;
	}
	iq_answer_empty(session, iq);
	pairing->code_account = NULL; /* a code opens one bundle */
	if (open_bundle(session, account, reg, adv_secret, &err) != 0 ||
		send_pair_success(session, account, adv_secret, &err) != 0)
		log_warning("pairing phone=%s method=code reason=\"%s\""
			    " action=wait_for_another_code",
			account->pn, err.msg);
	explicit_bzero(adv_secret, sizeof(adv_secret));
}

/* ---- stanzas ---- */

static void on_request(struct session *session, const struct wa_node *iq)
{
	const struct wa_node *reg =
		wa_node_child(iq, "link_code_companion_reg");

	if (wa_node_is(iq, "xmlns", "w:p"))
		iq_answer_empty(session, iq);
	else if (session->state == SESSION_REGISTERING && reg != NULL &&
		 wa_node_is(reg, "stage", "companion_hello"))
		on_companion_hello(session, iq, reg);
	else if (session->state == SESSION_REGISTERING && reg != NULL &&
		 wa_node_is(reg, "stage", "companion_finish"))
		on_companion_finish(session, iq, reg);
	else
		iq_answer_error(session, iq, 501, "feature-not-implemented");
}

void pairing_on_stanza(struct session *session, const struct wa_node *node)
{
	if (strcmp(node->tag, "iq") != 0)
		return; /* acks, <ib><unified_session/> */
	if (!wa_node_is(node, "type", "result") &&
		!wa_node_is(node, "type", "error"))
		on_request(session, node);
	else if (session->state == SESSION_PAIRED &&
		 wa_node_is(node, "id", session->pairing->success_id))
		on_success_answer(session, node);
}
