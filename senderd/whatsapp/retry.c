#include "senderd/whatsapp/retry.h"

#include <stdlib.h>
#include <string.h>

#include "common/arena.h"
#include "common/buf.h"
#include "common/clock.h"
#include "common/err.h"
#include "common/log.h"
#include "common/own.h"
#include "senderd/facts.h"
#include "senderd/whatsapp/bundles.h"
#include "senderd/whatsapp/devices.h"
#include "senderd/whatsapp/fanout.h"
#include "senderd/whatsapp/group.h"
#include "senderd/whatsapp/groupcast.h"
#include "senderd/whatsapp/outbound.h"

#define ASK_MAX 4 /* retry receipts for one message */
#define ASK_KEYS_FROM 2
#define SERVE_MAX 5    /* resends of one message to one device */
#define COUNT_MAX 100  /* a count beyond this is nonsense */
#define RESENDS_MAX 64 /* that wait for keys at the same time */
#define COPY_BYTES 4096

static void copy_attr(
	struct wa_node *to, const struct wa_node *from, const char *key)
{
	const struct wa_value *value = wa_node_get(from, key);

	if (value != NULL)
		wa_node_set_value(to, key, value);
}

static void add_number(struct wa_node *parent, const char *tag, uint32_t value,
	unsigned n_bytes)
{
	uint8_t bytes[4];

	for (unsigned i = 0; i < n_bytes; i++)
		bytes[i] = (uint8_t)(value >> 8 * (n_bytes - 1 - i));
	wa_node_bytes(wa_node_add(parent, tag), bytes, n_bytes);
}

/* ---- we could not decrypt ---- */

/* Error codes of the <retry> element (messages.md 5.1). */
static int code_of(enum wa_signal_result why)
{
	switch (why) {
	case WA_SIGNAL_NO_SESSION:
		return 1;
	case WA_SIGNAL_INVALID_KEY:
		return 2;
	case WA_SIGNAL_NO_PREKEY:
		return 3;
	case WA_SIGNAL_INVALID:
		return 4;
	case WA_SIGNAL_OK:
	case WA_SIGNAL_DUPLICATE:
	case WA_SIGNAL_STORE:
		break;
	}
	return 0;
}

/* A one-time key for this receipt alone: it counts as uploaded, so it is never
 * offered to others. */
static int fresh_prekey(
	struct lane *lane, struct lane_prekey *out, struct err *err)
{
	if (lanedb_prekeys_make(lane->db, 1, out, err) != 0)
		return -1;
	return lanedb_prekeys_mark_uploaded(lane->db, out->id, out->id, err);
}

static int add_keys(struct lane *lane, struct wa_node *receipt, struct err *err)
{
	struct wa_node *keys = wa_node_add(receipt, "keys");
	struct wa_node *key = NULL;
	struct wa_node *skey = NULL;
	struct lane_prekey prekey;
	struct lane_signed_prekey signed_prekey;
	int found = lanedb_signed_prekey_newest(lane->db, &signed_prekey, err);

	if (found < 0 || fresh_prekey(lane, &prekey, err) != 0)
		return -1;
	if (found == 0)
		return err_set(err, ERR_INTERNAL, "no signed prekey");
	add_number(keys, "type", 5, 1);
	wa_node_bytes(wa_node_add(keys, "identity"), lane->id.identity.pub,
		WA_KEY_BYTES);
	key = wa_node_add(keys, "key");
	add_number(key, "id", prekey.id, 3);
	wa_node_bytes(wa_node_add(key, "value"), prekey.key.pub, WA_KEY_BYTES);
	skey = wa_node_add(keys, "skey");
	add_number(skey, "id", signed_prekey.id, 3);
	wa_node_bytes(wa_node_add(skey, "value"), signed_prekey.key.pub,
		WA_KEY_BYTES);
	wa_node_bytes(wa_node_add(skey, "signature"), signed_prekey.signature,
		WA_SIGNATURE_BYTES);
	return fanout_add_identity(lane, keys, err);
}

/* The count goes on over restarts, and from where the sender's last attempt
 * stood. */
static int ask_count(struct lane *lane, const struct wa_node *message,
	const struct wa_jid *sender, const char *id, int *count_out,
	struct err *err)
{
	if (lanedb_retry_count(lane->db, "in", sender, id, clock_now_ms(),
		    count_out, err) != 0)
		return -1;
	wa_node_each (enc, message) {
		int64_t count = wa_node_int(enc, "count", 0);

		if (strcmp(enc->tag, "enc") == 0 && count >= *count_out &&
			count < COUNT_MAX)
			*count_out = (int)count + 1;
	}
	return 0;
}

int retry_ask(struct lane *lane, const struct wa_node *message,
	const struct wa_jid *sender, enum wa_signal_result why, struct err *err)
{
	const char *id = wa_node_str(message, "id");
	struct wa_node *receipt = wa_node_new(lane->arena, "receipt");
	struct wa_node *retry = NULL;
	char text[WA_JID_TEXT];
	int count = 0;

	if (ask_count(lane, message, sender, id, &count, err) != 0)
		return -1;
	log_warning("inbound id=%s sender=%s status=undecryptable code=%d "
		    "count=%d action=\"%s\"",
		log_quote(id), wa_jid_text(sender, text), code_of(why), count,
		count > ASK_MAX ? "given up" : "asked to send it again");
	if (count > ASK_MAX)
		return 0;
	wa_node_set(receipt, "id", id);
	wa_node_set_value(receipt, "to", wa_node_get(message, "from"));
	copy_attr(receipt, message, "participant");
	copy_attr(receipt, message, "recipient");
	wa_node_set(receipt, "type", "retry");
	copy_attr(receipt, message, "category");
	retry = wa_node_add(receipt, "retry");
	wa_node_set_int(retry, "count", count);
	wa_node_set(retry, "id", id);
	copy_attr(retry, message, "t");
	wa_node_set(retry, "v", "1");
	wa_node_set_int(retry, "error", code_of(why));
	add_number(receipt, "registration", lane->id.registration_id, 4);
	if ((count >= ASK_KEYS_FROM || why == WA_SIGNAL_NO_SESSION ||
		    wa_signal_has_session(lane->signal, sender) == 0) &&
		add_keys(lane, receipt, err) != 0)
		return -1;
	lane_send(lane, receipt);
	return 0;
}

/* ---- a device asks us ---- */

struct request {
	const struct wa_node *receipt;
	const char *id;
	struct wa_jid from;    /* bare, for a group or status */
	struct wa_jid address; /* session of the device that asks */
	bool is_own;
	bool is_cast; /* about a message to a group or status */
	int count;
};

static bool request_read(
	struct lane *lane, const struct wa_node *receipt, struct request *out)
{
	const struct wa_node *retry = wa_node_child(receipt, "retry");
	struct wa_jid requester;

	out->receipt = receipt;
	out->id = wa_node_str(receipt, "id");
	if (out->id == NULL || retry == NULL ||
		!wa_node_jid(receipt, "from", &out->from))
		return false;
	requester = out->from;
	out->is_cast = !wa_jid_is_user(&out->from);
	if (out->is_cast && !wa_node_jid(receipt, "participant", &requester))
		return false;
	if (out->is_cast)
		out->from = wa_jid_bare(&out->from);
	if (!wa_jid_is_user(&requester))
		return false;
	out->address = lane_signal_address(lane, &requester);
	out->is_own = lane_is_self(lane, &requester);
	out->count = (int)wa_node_int(retry, "count", 1);
	return out->count >= 1 && out->count <= COUNT_MAX;
}

static bool same_account(
	struct lane *lane, const struct wa_jid *a, const struct wa_jid *b)
{
	struct wa_jid left = lane_signal_address(lane, a);
	struct wa_jid right = lane_signal_address(lane, b);

	return wa_jid_same_user(&left, &right);
}

/* A resend hands out plaintext: only to the account it was for, or to our own.
 */
static bool may_have(struct lane *lane, const struct request *request,
	const struct wa_jid *chat)
{
	struct wa_jid recipient;

	if (!request->is_own)
		return same_account(lane, &request->address, chat);
	if (lane_is_self(lane, chat))
		return true;
	return wa_node_jid(request->receipt, "recipient", &recipient) &&
	       same_account(lane, &recipient, chat);
}

static enum groupcast_claim claim_of(struct lane *lane,
	const struct request *request, const struct wa_jid *chat,
	struct err *err)
{
	bool may = false;

	if (!request->is_cast)
		may = may_have(lane, request, chat);
	else if (wa_jid_equal(&request->from, chat))
		return groupcast_claim(
			lane, chat, request->id, &request->address, err);
	return may ? GROUPCAST_MAY : GROUPCAST_MAY_NOT;
}

/* Same registration, and the session is not the one that failed before. */
static int session_is_stale(struct lane *lane, const struct request *request,
	bool *stale, struct err *err)
{
	const struct wa_node *node =
		wa_node_child(request->receipt, "registration");
	size_t n = 0;
	const uint8_t *bytes = node != NULL ? wa_node_content(node, &n) : NULL;
	uint32_t registration_id = 0;
	uint8_t base_key[33];
	bool same = false;

	*stale = false;
	if (wa_signal_session_info(lane->signal, &request->address,
		    &registration_id, base_key) != 0)
		return 0;
	if (bytes != NULL && n == 4) {
		uint32_t theirs = (uint32_t)bytes[0] << 24 |
				  (uint32_t)bytes[1] << 16 |
				  (uint32_t)bytes[2] << 8 | bytes[3];

		*stale = theirs != registration_id;
	}
	if (*stale || request->count < 2)
		return 0;
	if (lanedb_retry_base_key(lane->db, &request->address, request->id,
		    base_key, &same, err) != 0)
		return -1;
	*stale = request->count > 2 && same;
	return 0;
}

static int session_repair(
	struct lane *lane, const struct request *request, struct err *err)
{
	const struct wa_node *keys = wa_node_child(request->receipt, "keys");
	bool stale = false;

	if (keys != NULL) {
		if (bundles_use(lane, &request->address, request->receipt, keys,
			    err) == 0)
			return 0;
		if (err->code == ERR_IO)
			return -1;
		log_warning("retry id=%s keys=unusable reason=\"%s\" "
			    "action=\"the server's are asked for if need be\"",
			log_quote(request->id), err->msg);
	}
	if (session_is_stale(lane, request, &stale, err) != 0)
		return -1;
	if (!stale)
		return 0;
	return lanedb_session_delete(lane->db, &request->address, err);
}

/* What was kept of a message that is asked for again. */
struct kept {
	struct wa_jid chat;
	char envelope[ENVELOPE_TEXT];
	struct buf message;
};

static void kept_fini(struct kept *kept)
{
	buf_fini(&kept->message);
}

static int resend_new(struct lane *lane, const struct request *request,
	const struct envelope *envelope, struct wa_node **out, struct err *err)
{
	struct wa_node *stanza =
		fanout_stanza(lane, request->id, &request->from, envelope);
	struct group *group = NULL;

	*out = stanza;
	copy_attr(stanza, request->receipt, "participant");
	copy_attr(stanza, request->receipt, "recipient");
	if (!request->is_cast)
		wa_node_set(stanza, "device_fanout", "false");
	if (!wa_jid_is_group(&request->from))
		return 0;
	if (group_load(lane, &request->from, &group, err) < 0)
		return -1;
	if (group != NULL)
		wa_node_set(stanza, "addressing_mode",
			group->by_lid ? "lid" : "pn");
	return 0;
}

/* To our own devices as the wrapper of what was sent; in a group everybody gets
 * the same, with our sender key. */
static int resend_plain(struct lane *lane, const struct request *request,
	const struct kept *kept, struct buf *out, struct err *err)
{
	const struct buf *message = &kept->message;

	if (request->is_cast)
		return groupcast_resend_plain(
			lane, &kept->chat, message, out, err);
	if (request->is_own)
		return fanout_wrap(
			&kept->chat, message->data, message->len, out, err);
	buf_add(out, message->data, message->len);
	return 0;
}

static int resend(struct lane *lane, const struct request *request,
	const struct kept *kept, struct err *err)
{
	scoped(buf_fini) struct buf plain = BUF_INIT;
	struct envelope envelope = envelope_parse(kept->envelope);
	struct wa_node *stanza = NULL;
	struct wa_node *enc = NULL;
	bool is_pkmsg = false;

	if (resend_new(lane, request, &envelope, &stanza, err) != 0 ||
		resend_plain(lane, request, kept, &plain, err) != 0 ||
		fanout_add_enc(lane, stanza, &request->address, plain.data,
			plain.len, &is_pkmsg, &enc, err) != 0)
		return -1;
	wa_node_set_int(enc, "count", request->count);
	fanout_mark_enc(enc, &envelope);
	if (is_pkmsg && fanout_add_identity(lane, stanza, err) != 0)
		return -1;
	lane_send(lane, stanza);
	facts_add_retry(lane, request->id);
	return 0;
}

/* In a group the resend brings our sender key along. */
static int resend_with_key(struct lane *lane, const struct request *request,
	const struct kept *kept, struct err *err)
{
	if (!request->is_cast)
		return resend(lane, request, kept, err);
	if (!groupcast_may_resend(lane))
		return err_set(err, ERR_LIMIT, "too many in this minute");
	if (resend(lane, request, kept, err) != 0)
		return -1;
	return lanedb_holder_add(lane->db, &kept->chat, &request->address, err);
}

/* Sends it again if there is a session by now, and acks the request. */
static void serve(struct lane *lane, const struct request *request)
{
	scoped(kept_fini) struct kept kept = { .envelope = "" };
	struct err err = ERR_NONE;
	char text[WA_JID_TEXT];
	const char *status = "resent";
	int found = lanedb_sent_load(lane->db, request->id, &kept.chat,
		kept.envelope, &kept.message, &err);

	if (found < 0)
		err.code = ERR_IO;
	else if (found == 0)
		err_set(&err, ERR_NOT_FOUND, "not kept any longer");
	else if (wa_signal_has_session(lane->signal, &request->address) == 0)
		err_set(&err, ERR_NOT_FOUND, "no keys of that device");
	else if (resend_with_key(lane, request, &kept, &err) == 0)
		err = ERR_NONE;
	if (err.code == ERR_IO) {
		facts_fail(lane, &err);
		return;
	}
	if (err.code != ERR_OK)
		status = "not_resent";
	log_info("retry id=%s device=%s count=%d status=%s reason=\"%s\"",
		log_quote(request->id), wa_jid_text(&request->address, text),
		request->count, status, err.code != ERR_OK ? err.msg : "");
	receipt_send_ack(lane, request->receipt, 0);
}

/* ---- keys come first, or who is in the group ---- */

struct pending {
	struct arena *arena; /* holds the copy */
	const struct wa_node *receipt;
};

static void pending_free(struct pending **pendingp)
{
	struct pending *pending = move(*pendingp);

	if (pending == NULL)
		return;
	arena_free(&pending->arena);
	free(pending);
}

static void on_keys(struct lane *lane, bool answered, void *arg)
{
	scoped(pending_free) struct pending *pending = arg;
	struct request request;

	--lane->outbound->n_resends;
	/* Unanswered is unacked: the server brings the receipt again. */
	if (answered && request_read(lane, pending->receipt, &request))
		serve(lane, &request);
}

/* NULL: too many wait, it is not served. */
static struct pending *pending_new(
	struct lane *lane, const struct request *request)
{
	struct pending *pending = NULL;

	if (lane->outbound->n_resends >= RESENDS_MAX) {
		/* Unacked: the server brings it again with the next login. */
		log_warning("retry id=%s status=postponed reason=\"too many "
			    "at once\"",
			log_quote(request->id));
		return NULL;
	}
	++lane->outbound->n_resends;
	pending = xcalloc(1, sizeof *pending);
	pending->arena = arena_new(COPY_BYTES);
	pending->receipt = wa_node_copy(pending->arena, request->receipt);
	return pending;
}

static void serve_after_keys(struct lane *lane, const struct request *request)
{
	struct pending *pending = pending_new(lane, request);

	if (pending != NULL)
		bundles_ask(lane, &request->address, 1, true, on_keys, pending);
}

/* A device that is not in our list of the account: the list is out of date. */
static int list_check(
	struct lane *lane, const struct request *request, struct err *err)
{
	struct wa_jid account = wa_jid_bare(&request->address);
	struct device_list list;
	int known = devices_load(lane, &account, &list, err);

	for (size_t i = 0; known > 0 && i < list.n; i++) {
		if (list.numbers[i] == request->address.device)
			return 0;
	}
	return known < 0 ? -1 : devices_forget(lane, &account, err);
}

enum verdict {
	SERVE,
	SERVE_NOT, /* nothing to do for this one */
	ASK_MEMBERS,
	VERDICT_FAILED, /* the lane database */
};

static enum verdict may_serve(
	struct lane *lane, const struct request *request, struct err *err)
{
	scoped(kept_fini) struct kept kept = { .envelope = "" };
	char text[WA_JID_TEXT];
	int n_served = 0;
	int found = lanedb_sent_load(lane->db, request->id, &kept.chat,
		kept.envelope, &kept.message, err);

	if (found <= 0)
		return found < 0 ? VERDICT_FAILED : SERVE_NOT;
	switch (claim_of(lane, request, &kept.chat, err)) {
	case GROUPCAST_MAY:
		break;
	case GROUPCAST_MAY_NOT:
		log_warning("retry id=%s device=%s status=refused reason=\"not "
			    "a recipient\" action=none",
			log_quote(request->id),
			wa_jid_text(&request->address, text));
		return SERVE_NOT;
	case GROUPCAST_ASK_FIRST:
		return ASK_MEMBERS;
	case GROUPCAST_UNKNOWN:
		return VERDICT_FAILED;
	}
	/* Whoever asks does not have our sender key, whatever we thought. */
	if ((request->is_cast && lanedb_holder_remove(lane->db, &kept.chat,
					 &request->address, err) != 0) ||
		list_check(lane, request, err) != 0 ||
		lanedb_retry_count(lane->db, "out", &request->address,
			request->id, clock_now_ms(), &n_served, err) != 0)
		return VERDICT_FAILED;
	return n_served <= SERVE_MAX ? SERVE : SERVE_NOT;
}

static void serve_with_session(struct lane *lane, const struct request *request)
{
	struct err err = ERR_NONE;

	if (session_repair(lane, request, &err) != 0)
		facts_fail(lane, &err);
	else if (wa_signal_has_session(lane->signal, &request->address) == 0)
		serve_after_keys(lane, request);
	else
		serve(lane, request);
}

static void on_members(
	struct lane *lane, enum group_outcome outcome, void *arg);

static void request_handle(
	struct lane *lane, const struct request *request, bool members_asked)
{
	struct err err = ERR_NONE;
	struct pending *pending = NULL;

	switch (may_serve(lane, request, &err)) {
	case SERVE:
		serve_with_session(lane, request);
		return;
	case ASK_MEMBERS:
		if (!members_asked)
			pending = pending_new(lane, request);
		if (pending != NULL)
			group_ask(lane, &request->from, on_members, pending);
		return;
	case SERVE_NOT:
		receipt_send_ack(lane, request->receipt, 0);
		return;
	case VERDICT_FAILED:
		break;
	}
	facts_fail(lane, &err);
}

static void on_members(struct lane *lane, enum group_outcome outcome, void *arg)
{
	scoped(pending_free) struct pending *pending = arg;
	struct request request;

	--lane->outbound->n_resends;
	if (outcome == GROUP_NO_ANSWER ||
		!request_read(lane, pending->receipt, &request))
		return; /* unacked: the server brings the receipt again */
	if (outcome == GROUP_KNOWN)
		request_handle(lane, &request, true);
	else
		receipt_send_ack(lane, pending->receipt, 0);
}

void retry_on_receipt(struct lane *lane, const struct wa_node *receipt)
{
	struct request request;

	if (request_read(lane, receipt, &request))
		request_handle(lane, &request, false);
	else
		receipt_send_ack(lane, receipt, 0);
}
