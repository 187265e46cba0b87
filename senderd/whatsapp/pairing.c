#include "senderd/whatsapp/pairing.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/own.h"
#include "common/phone.h"
#include "senderd/facts.h"
#include "senderd/mailbox.h"
#include "senderd/whatsapp/connection.h"
#include "senderd/whatsapp/link.h"
#include "senderd/whatsapp/linkcode.h"
#include "senderd/whatsapp/passkey.h"
#include "senderd/whatsapp/payload.h"
#include "senderd/whatsapp/prekeys.h"
#include "senderd/whatsapp/stream.h"

#define QR_URL "https://wa.me/settings/linked_devices#"
#define REFS_MAX 16
#define REF_MAX 200
#define WAITERS_MAX 16
#define WAIT_MS 15000
/* For the 515 after pair-success; the login works without it too. */
#define RESTART_MS 20000

enum wait_kind { WAIT_ANY, WAIT_QR, WAIT_CODE };

struct waiter {
	struct waiter *next; /* younger */
	enum wait_kind kind;
	struct asker asker;
	char phone[PHONE_LEN]; /* WAIT_CODE */
	int64_t deadline_ms;   /* monotonic; the list is in this order */
};

struct pairing {
	char *refs[REFS_MAX]; /* owned */
	size_t n_refs, at;    /* the one on show */
	int64_t expires_ms;   /* unix: of the one on show */
	struct lane_timer rotate;
	struct linkcode *code;
	struct passkey *passkey;
	struct waiter *waiters;
	size_t n_waiters;
	struct lane_timer wait;
};

struct pairing *pairing_new(void)
{
	struct pairing *pairing = xcalloc(1, sizeof *pairing);

	pairing->code = linkcode_new();
	pairing->passkey = passkey_new();
	return pairing;
}

static void refs_drop(struct pairing *pairing)
{
	lane_timer_stop(&pairing->rotate);
	for (size_t i = 0; i < pairing->n_refs; i++)
		str_free(&pairing->refs[i]);
	pairing->n_refs = pairing->at = 0;
}

void pairing_free(struct pairing **pairingp)
{
	struct pairing *pairing = move(*pairingp);

	if (pairing == NULL)
		return;
	refs_drop(pairing);
	linkcode_free(&pairing->code);
	passkey_free(&pairing->passkey);
	lane_timer_stop(&pairing->wait);
	while (pairing->waiters != NULL) {
		struct waiter *waiter = pairing->waiters;

		pairing->waiters = waiter->next;
		free(waiter);
	}
	free(pairing);
}

/* ---- the QR code ---- */

static bool ref_is_good(const char *ref)
{
	size_t n = strlen(ref);

	if (n == 0 || n > REF_MAX)
		return false;
	for (size_t i = 0; i < n; i++) {
		if (ref[i] <= ' ' || ref[i] > '~' || ref[i] == ',')
			return false;
	}
	return true;
}

int pairing_qr_text(const struct lane_identity *id, const char *ref,
	char out[PAIRING_QR_MAX])
{
	char noise[48], identity[48], adv[48];

	if (!ref_is_good(ref))
		return -1;
	snprintf(out, PAIRING_QR_MAX, QR_URL "%s,%s,%s,%s," PAYLOAD_CLIENT_TYPE,
		ref,
		wa_base64(id->noise.pub, WA_KEY_BYTES, noise, sizeof noise),
		wa_base64(id->identity.pub, WA_KEY_BYTES, identity,
			sizeof identity),
		wa_base64(id->adv_secret, 32, adv, sizeof adv));
	return 0;
}

int64_t pairing_ref_ms(size_t i)
{
	return i == 0 ? 60000 : 20000;
}

/* ---- who waits ---- */

static void answer_qr(struct lane *lane, struct asker asker)
{
	struct pairing *pairing = lane->pairing;
	Bus__Envelope *envelope;
	char text[PAIRING_QR_MAX];

	if (pairing_qr_text(&lane->id, pairing->refs[pairing->at], text) != 0) {
		mailbox_refuse(lane, asker, ERR_PEER, "unusable QR reference");
		return;
	}
	envelope = mailbox_answer(lane, asker);
	envelope->answer->qr = xstrdup(text);
	envelope->answer->qr_expires_ms = pairing->expires_ms;
	lane_tell(lane, envelope);
}

static void answer_code(struct lane *lane, struct asker asker, const char *code,
	int64_t expires_ms)
{
	Bus__Envelope *envelope = mailbox_answer(lane, asker);

	envelope->answer->pairing_code = xstrdup(code);
	envelope->answer->qr_expires_ms = expires_ms;
	lane_tell(lane, envelope);
}

/* Is a QR code on show just now?  The last one may be past while a code is
 * pending. */
static bool has_qr(const struct pairing *pairing)
{
	return pairing->n_refs > 0 && clock_now_ms() < pairing->expires_ms;
}

static struct waiter *waiter_take(struct pairing *pairing, struct waiter **link)
{
	struct waiter *waiter = *link;

	*link = waiter->next;
	pairing->n_waiters--;
	return waiter;
}

static void refuse_waiters(struct lane *lane, enum wait_kind kind,
	enum err_code code, const char *why)
{
	struct waiter **link = &lane->pairing->waiters;

	while (*link != NULL) {
		struct waiter *waiter = *link;

		if (kind != WAIT_ANY && waiter->kind != kind) {
			link = &waiter->next;
			continue;
		}
		waiter_take(lane->pairing, link);
		mailbox_refuse(lane, waiter->asker, code, why);
		free(waiter);
	}
}

static void on_wait_over(struct lane *lane, void *arg)
{
	struct pairing *pairing = lane->pairing;
	int64_t now_ms = clock_mono_ms();

	(void)arg;
	while (pairing->waiters != NULL &&
		pairing->waiters->deadline_ms <= now_ms) {
		struct waiter *waiter = waiter_take(pairing, &pairing->waiters);

		mailbox_refuse(lane, waiter->asker, ERR_TIMEOUT,
			lane->state_reason[0] != '\0'
				? lane->state_reason
				: "WhatsApp gave no code");
		free(waiter);
	}
	if (pairing->waiters != NULL)
		lane_timer_start(lane, &pairing->wait,
			pairing->waiters->deadline_ms - now_ms, on_wait_over,
			NULL);
}

static void waiter_add(struct lane *lane, enum wait_kind kind,
	struct asker asker, const char *phone)
{
	struct pairing *pairing = lane->pairing;
	struct waiter **link = &pairing->waiters;
	struct waiter *waiter;

	if (pairing->n_waiters >= WAITERS_MAX) {
		mailbox_refuse(lane, asker, ERR_BUSY,
			"too many pairing requests at once");
		return;
	}
	waiter = xcalloc(1, sizeof *waiter);
	waiter->kind = kind;
	waiter->asker = asker;
	snprintf(waiter->phone, sizeof waiter->phone, "%s", phone);
	waiter->deadline_ms = clock_mono_ms() + WAIT_MS;
	while (*link != NULL)
		link = &(*link)->next;
	*link = waiter;
	if (pairing->n_waiters++ == 0)
		lane_timer_start(
			lane, &pairing->wait, WAIT_MS, on_wait_over, NULL);
}

/* The newest request for a code: an older one for another number has lost. */
static const struct waiter *newest_code(const struct pairing *pairing)
{
	const struct waiter *found = NULL;

	for (const struct waiter *w = pairing->waiters; w != NULL;
		w = w->next) {
		if (w->kind == WAIT_CODE)
			found = w;
	}
	return found;
}

static void serve_qr(struct lane *lane)
{
	struct pairing *pairing = lane->pairing;
	struct waiter **link = &pairing->waiters;

	while (*link != NULL) {
		struct waiter *waiter = *link;

		if (waiter->kind != WAIT_QR) {
			link = &waiter->next;
			continue;
		}
		waiter_take(pairing, link);
		answer_qr(lane, waiter->asker);
		free(waiter);
	}
}

static void on_rotate(struct lane *lane, void *arg)
{
	struct pairing *pairing = lane->pairing;
	struct ending ending = { .to = LANE_IDLE,
		.reason = "nobody scanned the code" };
	int64_t now_ms = clock_now_ms();
	int64_t code_until_ms;

	(void)arg;
	if (pairing->at + 1 < pairing->n_refs) {
		int64_t show_ms = pairing_ref_ms(++pairing->at);

		pairing->expires_ms = now_ms + show_ms;
		lane_timer_start(
			lane, &pairing->rotate, show_ms, on_rotate, NULL);
		serve_qr(lane);
		return;
	}
	/* A code that may still be typed keeps the connection a while. */
	if (linkcode_live(pairing->code, NULL, now_ms, &code_until_ms) !=
		NULL) {
		lane_timer_start(lane, &pairing->rotate, code_until_ms - now_ms,
			on_rotate, NULL);
		return;
	}
	stream_end(lane, &ending);
}

void pairing_on_code(struct lane *lane, const char *code, int64_t expires_ms)
{
	struct pairing *pairing = lane->pairing;
	struct waiter **link = &pairing->waiters;

	while (*link != NULL) {
		struct waiter *waiter = *link;

		if (waiter->kind != WAIT_CODE ||
			linkcode_live(pairing->code, waiter->phone,
				clock_now_ms(), NULL) == NULL) {
			link = &waiter->next;
			continue;
		}
		waiter_take(pairing, link);
		answer_code(lane, waiter->asker, code, expires_ms);
		free(waiter);
	}
	refuse_waiters(lane, WAIT_CODE, ERR_BUSY,
		"a code was requested for another number");
}

void pairing_on_code_refused(
	struct lane *lane, enum err_code code, const char *why)
{
	refuse_waiters(lane, WAIT_CODE, code, why);
}

/* ---- questions ---- */

/* True when the question was answered: no pairing is possible here. */
static bool refused(struct lane *lane, struct asker asker)
{
	if (lane->id.is_paired) {
		mailbox_refuse(
			lane, asker, ERR_CONFLICT, "a phone is linked already");
		return true;
	}
	if (lane->stopping) {
		mailbox_refuse(lane, asker, ERR_BUSY, lane->state_reason);
		return true;
	}
	return false;
}

void pairing_on_ask_qr(struct lane *lane, const Bus__Envelope *question)
{
	struct asker asker = mailbox_asker(question);

	if (refused(lane, asker))
		return;
	if (has_qr(lane->pairing)) {
		answer_qr(lane, asker);
		return;
	}
	if (linkcode_live(lane->pairing->code, NULL, clock_now_ms(), NULL) !=
		NULL) {
		mailbox_refuse(lane, asker, ERR_BUSY,
			"a pairing code waits to be typed on the phone");
		return;
	}
	waiter_add(lane, WAIT_QR, asker, "");
	if (lane->state == LANE_IDLE)
		stream_dial(lane);
}

void pairing_on_ask_code(struct lane *lane, const Bus__Envelope *question)
{
	struct asker asker = mailbox_asker(question);
	struct pairing *pairing = lane->pairing;
	const char *text = question->question->pairing_code->phone;
	int64_t expires_ms = 0;
	char phone[PHONE_LEN];
	const char *code;

	if (refused(lane, asker))
		return;
	if (phone_parse(text, strlen(text), phone) != 0 || phone[0] == '0') {
		mailbox_refuse(lane, asker, ERR_INVALID,
			"phone must be 7 to 15 digits with the country code");
		return;
	}
	code = linkcode_live(pairing->code, phone, clock_now_ms(), &expires_ms);
	if (code != NULL) {
		answer_code(lane, asker, code, expires_ms);
		return;
	}
	waiter_add(lane, WAIT_CODE, asker, phone);
	if (lane->state == LANE_IDLE)
		stream_dial(lane);
	else if (lane->state == LANE_UNPAIRED && pairing->n_refs > 0)
		linkcode_start(lane, pairing->code, phone);
}

bool pairing_is_wanted(const struct lane *lane)
{
	return lane->pairing->waiters != NULL;
}

void pairing_give_up(struct lane *lane, const char *why)
{
	refuse_waiters(lane, WAIT_ANY, ERR_BUSY, why);
}

void pairing_on_disconnect(struct lane *lane)
{
	refs_drop(lane->pairing);
	linkcode_drop(lane->pairing->code);
	passkey_drop(lane->pairing->passkey);
}

/* ---- stanzas ---- */

static void answer_result(struct lane *lane, const struct wa_node *iq)
{
	struct wa_node *result = wa_node_new(lane->arena, "iq");
	struct wa_jid server = wa_jid_server();

	wa_node_set_jid(result, "to", &server);
	wa_node_set(result, "type", "result");
	wa_node_set(result, "id", wa_node_str(iq, "id"));
	lane_send(lane, result);
}

static void ref_add(struct pairing *pairing, const struct wa_node *node)
{
	const uint8_t *bytes;
	size_t n;

	if (strcmp(node->tag, "ref") != 0 || pairing->n_refs >= REFS_MAX)
		return;
	bytes = wa_node_content(node, &n);
	if (bytes == NULL || n == 0 || n > REF_MAX)
		return;
	pairing->refs[pairing->n_refs++] =
		xasprintf("%.*s", (int)n, (const char *)bytes);
}

void pairing_on_pair_device(struct lane *lane, const struct wa_node *iq)
{
	struct pairing *pairing = lane->pairing;
	int64_t show_ms = pairing_ref_ms(0);
	const struct waiter *code;

	answer_result(lane, iq);
	refs_drop(pairing);
	wa_node_each (child, iq->child)
		ref_add(pairing, child);
	if (pairing->n_refs == 0) {
		stream_on_lost(lane, "the server gave no QR references");
		return;
	}
	connection_on_answer(lane);
	lane->failures = 0;
	pairing->expires_ms = clock_now_ms() + show_ms;
	lane_timer_start(lane, &pairing->rotate, show_ms, on_rotate, NULL);
	log_info("pairing refs=%zu", pairing->n_refs);
	serve_qr(lane);
	code = newest_code(pairing);
	if (code != NULL)
		linkcode_start(lane, pairing->code, code->phone);
}

void pairing_on_link_code(struct lane *lane, const struct wa_node *notification)
{
	if (lane->state == LANE_UNPAIRED)
		linkcode_on_hello(lane, lane->pairing->code, notification);
}

struct passkey *pairing_passkey(struct lane *lane)
{
	return lane->pairing->passkey;
}

void pairing_on_passkey(struct lane *lane)
{
	static const char why[] = "this account asks for a passkey to link a "
				  "device: GET and POST …/passkey";

	lane_set_reason(lane, why);
	refuse_waiters(lane, WAIT_ANY, ERR_CONFLICT, why);
}

/* ---- pair-success ---- */

static void send_sign(
	struct lane *lane, const struct wa_node *iq, const struct link *link)
{
	struct wa_node *result = wa_node_new(lane->arena, "iq");
	struct wa_jid server = wa_jid_server();
	struct wa_node *identity;

	wa_node_set_jid(result, "to", &server);
	wa_node_set(result, "type", "result");
	wa_node_set(result, "id", wa_node_str(iq, "id"));
	identity = wa_node_add(
		wa_node_add(result, "pair-device-sign"), "device-identity");
	wa_node_set_int(identity, "key-index", link->adv.key_index);
	wa_node_bytes(identity, link->reply.data, link->reply.len);
	lane_send(lane, result);
}

/* The words of a mismatch are those that the server knows (connection.md
 * 5.1). */
static void send_refusal(
	struct lane *lane, const struct wa_node *iq, const struct err *err)
{
	struct wa_node *answer = wa_node_new(lane->arena, "iq");
	struct wa_jid server = wa_jid_server();
	bool mismatch = err->code == ERR_UNAUTHORIZED;
	struct wa_node *error;

	wa_node_set_jid(answer, "to", &server);
	wa_node_set(answer, "type", "error");
	wa_node_set(answer, "id", wa_node_str(iq, "id"));
	error = wa_node_add(answer, "error");
	wa_node_set_int(error, "code", mismatch ? 401 : 500);
	wa_node_set(error, "text", mismatch ? err->msg : "internal-error");
	lane_send(lane, answer);
}

static void on_restart_missing(struct lane *lane, void *arg)
{
	(void)arg;
	if (lane->state == LANE_PAIRED)
		stream_on_lost(lane, "no restart order after pairing");
}

static void link_done(
	struct lane *lane, const struct wa_node *iq, const struct link *link)
{
	struct pairing *pairing = lane->pairing;
	char jid[WA_JID_TEXT];

	log_info("pairing status=linked jid=%s platform=\"%s\"",
		wa_jid_text(&link->jid, jid), log_quote(lane->id.platform));
	refs_drop(pairing);
	linkcode_drop(pairing->code);
	passkey_drop(pairing->passkey);
	refuse_waiters(
		lane, WAIT_ANY, ERR_CONFLICT, "a phone is linked already");
	prekeys_on_paired(lane);
	lane->linked_ms = clock_now_ms();
	lane->failures = 0;
	send_sign(lane, iq, link);
	stream_send_unified_session(lane);
	lane_set_state(lane, LANE_PAIRED, "");
	lane_save_row(lane);
	lane_timer_start(
		lane, &pairing->rotate, RESTART_MS, on_restart_missing, NULL);
}

void pairing_on_pair_success(struct lane *lane, const struct wa_node *iq)
{
	scoped(link_fini) struct link link = { 0 };
	struct err err = ERR_NONE;

	if (link_read(lane, iq->child, &link, &err) != 0) {
		log_warning("pairing status=refused reason=\"%s\": waiting for "
			    "another scan",
			err.msg);
		send_refusal(lane, iq, &err);
		return;
	}
	if (link_store(lane, &link, &err) != 0) {
		facts_fail(lane, &err);
		return;
	}
	link_done(lane, iq, &link);
}
