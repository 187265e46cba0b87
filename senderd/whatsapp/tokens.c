#include "senderd/whatsapp/tokens.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/clock.h"
#include "common/err.h"
#include "common/log.h"
#include "common/own.h"
#include "senderd/whatsapp/devices.h"
#include "senderd/whatsapp/outbound.h"

#define BUCKET_SEC 604800
#define BUCKETS_VALID 3
#define TOKEN_MAX_BYTES 1024

static int64_t bucket_of(int64_t t)
{
	return t / BUCKET_SEC;
}

static int64_t now_sec(const struct lane *lane)
{
	return (clock_now_ms() + lane->clock_offset_ms) / 1000;
}

/* The token of @account that is still good: 1/0/-1. */
static int valid_load(struct lane *lane, const struct wa_jid *account,
	struct buf *out, struct err *err)
{
	int64_t valid_from =
		(bucket_of(now_sec(lane)) - BUCKETS_VALID) * BUCKET_SEC;
	int64_t t = 0;
	int found = lanedb_token_load(lane->db, account, out, &t, err);

	return found > 0 ? t >= valid_from : found;
}

int tokens_has_valid(
	struct lane *lane, const struct wa_jid *account, struct err *err)
{
	scoped(buf_fini) struct buf bytes = BUF_INIT;

	return valid_load(lane, account, &bytes, err);
}

int tokens_attach(struct lane *lane, struct wa_node *stanza,
	const struct wa_jid *account, struct err *err)
{
	scoped(buf_fini) struct buf bytes = BUF_INIT;
	char text[WA_JID_TEXT];
	uint8_t token[32];
	int found = valid_load(lane, account, &bytes, err);

	if (found < 0)
		return -1;
	if (found) {
		wa_node_bytes(
			wa_node_add(stanza, "tctoken"), bytes.data, bytes.len);
		return 0;
	}
	if (account->server != WA_SERVER_LID)
		return 0;
	buf_clear(&bytes);
	found = lanedb_value_load(lane->db, TOKENS_SALT, &bytes, err);
	if (found <= 0)
		return found;
	wa_jid_text(account, text);
	wa_hmac_sha256(bytes.data, bytes.len, text, strlen(text), token);
	wa_node_bytes(wa_node_add(stanza, "cstoken"), token, sizeof token);
	return 0;
}

static void issued_name(
	const struct wa_jid *account, char out[WA_JID_TEXT + 16])
{
	char text[WA_JID_TEXT];

	snprintf(out, WA_JID_TEXT + 16, "token_issued:%s",
		wa_jid_text(account, text));
}

/* When the contact last got a token of ours, 0 = never. */
static int issued_load(
	struct lane *lane, const char *name, int64_t *t_out, struct err *err)
{
	scoped(buf_fini) struct buf value = BUF_INIT;
	int found = lanedb_value_load(lane->db, name, &value, err);

	*t_out = 0;
	if (found > 0)
		*t_out = strtoll(buf_cstr(&value), NULL, 10);
	return found < 0 ? -1 : 0;
}

static void on_issued(
	struct lane *lane, const struct wa_node *answer, void *arg)
{
	int code = 0;

	(void)arg;
	lane->outbound->tokens.is_asking = false;
	if (iq_is_error(answer, &code))
		log_warning("privacy_token status=refused code=%d "
			    "action=\"tried again next week\"",
			code);
	outbound_kick(lane);
}

void tokens_flush(struct lane *lane)
{
	struct tokens_due *due = &lane->outbound->tokens;
	struct wa_node *iq = NULL;
	struct wa_node *tokens = NULL;

	if (due->n == 0 || due->is_asking)
		return;
	iq = iq_new(lane, "set", "privacy");
	tokens = wa_node_add(iq, "tokens");
	for (size_t i = 0; i < due->n; i++) {
		struct wa_node *token = wa_node_add(tokens, "token");

		wa_node_set_jid(token, "jid", &due->accounts[i]);
		wa_node_set_int(token, "t", now_sec(lane));
		wa_node_set(token, "type", "trusted_contact");
	}
	due->n = 0;
	due->is_asking = true;
	iq_send(lane, iq, on_issued, NULL);
}

int tokens_issue(struct lane *lane, const struct wa_jid *account, bool again,
	struct err *err)
{
	struct tokens_due *due = &lane->outbound->tokens;
	char name[WA_JID_TEXT + 16];
	char stamp[24];
	int64_t now = now_sec(lane);
	int64_t issued = 0;

	if (account->server != WA_SERVER_LID || lane_is_self(lane, account) ||
		due->n == TOKENS_DUE_MAX)
		return 0;
	issued_name(account, name);
	if (issued_load(lane, name, &issued, err) != 0)
		return -1;
	if (!again && bucket_of(issued) == bucket_of(now))
		return 0;
	snprintf(stamp, sizeof stamp, "%" PRId64, now);
	if (lanedb_value_save(lane->db, name, stamp, strlen(stamp), err) != 0)
		return -1;
	due->accounts[due->n++] = *account;
	return 0;
}

int tokens_on_notification(
	struct lane *lane, const struct wa_node *notification, struct err *err)
{
	const struct wa_node *tokens = wa_node_child(notification, "tokens");
	struct wa_jid from;
	struct wa_jid lid;
	struct wa_jid account;

	if (tokens == NULL || !wa_node_jid(notification, "from", &from) ||
		!wa_jid_is_user(&from))
		return 0;
	if (wa_node_jid(notification, "sender_lid", &lid) &&
		devices_learn_pair(lane, &from, &lid, err) != 0)
		return -1;
	from = wa_jid_bare(&from);
	account = lane_signal_address(lane, &from);
	wa_node_each (token, tokens) {
		size_t n = 0;
		const uint8_t *bytes = wa_node_content(token, &n);

		if (!wa_node_is(token, "type", "trusted_contact") ||
			bytes == NULL || n == 0 || n > TOKEN_MAX_BYTES)
			continue;
		if (lanedb_token_save(lane->db, &account, bytes, n,
			    wa_node_int(token, "t", now_sec(lane)), err) != 0)
			return -1;
	}
	return 0;
}
