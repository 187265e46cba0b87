/* Requests of a logged-in client: one table row each.  Small answers are given
 * here, those with state have files of their own. */
#include "sandboxd/iq.h"

#include <jansson.h>
#include <string.h>

#include "common/clock.h"
#include "common/ids.h"
#include "common/log.h"
#include "common/own.h"
#include "sandboxd/group.h"
#include "sandboxd/media.h"
#include "sandboxd/profile.h"

#define PRIVACY_TOKEN_BYTES 16

/* ---- answers ---- */

static struct wa_node *answer_new(
	struct session *session, const struct wa_node *iq, const char *type)
{
	struct wa_node *answer = wa_node_new(session->sandbox->arena, "iq");
	struct wa_jid from;

	/* Clients write the server as a JID or as text: they read it as a JID
	 * only. */
	if (!wa_node_jid(iq, "to", &from))
		from = wa_jid_server();
	wa_node_set_jid(answer, "from", &from);
	wa_node_set(answer, "type", type);
	wa_node_set(answer, "id", wa_node_str(iq, "id"));
	return answer;
}

struct wa_node *iq_result(struct session *session, const struct wa_node *iq)
{
	return answer_new(session, iq, "result");
}

void iq_answer_empty(struct session *session, const struct wa_node *iq)
{
	session_send(session, iq_result(session, iq));
}

void iq_answer_error(struct session *session, const struct wa_node *iq,
	int code, const char *text)
{
	struct wa_node *answer = answer_new(session, iq, "error");
	struct wa_node *error = wa_node_add(answer, "error");

	wa_node_set_int(error, "code", code);
	wa_node_set(error, "text", text);
	session_send(session, answer);
}

/* Some clients compare the words. */
static const struct {
	int code;
	const char *text;
} refusals[] = {
	{ IQ_BAD_REQUEST, "bad-request" },
	{ IQ_NOT_AUTHORIZED, "not-authorized" },
	{ IQ_FORBIDDEN, "forbidden" },
	{ IQ_NOT_FOUND, "item-not-found" },
	{ IQ_NOT_ACCEPTABLE, "not-acceptable" },
	{ IQ_CONFLICT, "conflict" },
	{ IQ_GONE, "gone" },
	{ IQ_RESOURCE_LIMIT, "resource-limit" },
	{ IQ_NOT_IMPLEMENTED, "feature-not-implemented" },
};

static void log_unknown(const struct session *session, const struct wa_node *iq)
{
	log_info("iq who=%s:%u xmlns=%s type=%s child=%s status=unknown"
		 " action=error_501",
		session->device->account->pn, session->device->number,
		log_quote(wa_node_str(iq, "xmlns")),
		log_quote(wa_node_str(iq, "type")),
		iq->child != NULL ? log_quote(iq->child->tag) : "");
}

void iq_refuse(struct session *session, const struct wa_node *iq, int code)
{
	const char *text = NULL;

	for (size_t i = 0; i < ARRAY_LEN(refusals); i++) {
		if (refusals[i].code == code)
			text = refusals[i].text;
	}
	if (code == IQ_NOT_IMPLEMENTED)
		log_unknown(session, iq);
	iq_answer_error(session, iq, code, text);
}

bool iq_is_text(const void *text, size_t n)
{
	json_t *json;

	if (n > 0 && memchr(text, '\0', n) != NULL)
		return false;
	json = json_stringn(n > 0 ? text : "", n);
	json_decref(json);
	return json != NULL;
}

/* ---- handlers ---- */

static void on_active(struct session *session, const struct wa_node *iq)
{
	bool first = !session->active;

	iq_answer_empty(session, iq);
	session->active = true;
	if (first)
		queue_start(session);
}

static void on_props(struct session *session, const struct wa_node *iq)
{
	struct wa_node *result = iq_result(session, iq);
	struct wa_node *props = wa_node_add(result, "props");

	wa_node_set(props, "protocol", "1");
	wa_node_set(props, "hash", "sbx");
	session_send(session, result);
}

/* One contact gets a token that shows that the issuer trusts it. */
static void issue_token(struct session *session, const struct wa_node *asked)
{
	struct sandbox *sandbox = session->sandbox;
	struct account *issuer = session->device->account, *target;
	struct wa_jid jid, from = wa_jid_pn(issuer->pn, 0),
			   lid = wa_jid_lid(issuer->lid, 0);
	struct wa_node *notification, *token;
	uint8_t bytes[PRIVACY_TOKEN_BYTES];

	if (!wa_node_jid(asked, "jid", &jid))
		return;
	target = directory_find(sandbox, &jid);
	if (target == NULL || target == issuer)
		return;
	random_bytes(bytes, sizeof(bytes));
	notification = wa_node_new(sandbox->arena, "notification");
	wa_node_set_jid(notification, "from", &from);
	wa_node_set(notification, "type", "privacy_token");
	wa_node_set(notification, "id", sandbox_stanza_id(sandbox));
	wa_node_set_jid(notification, "sender_lid", &lid);
	wa_node_set_int(notification, "t", clock_now_ms() / 1000);
	token = wa_node_add(wa_node_add(notification, "tokens"), "token");
	jid = wa_jid_bare(&jid);
	wa_node_set_jid(token, "jid", &jid);
	wa_node_set(token, "t", wa_node_str(asked, "t"));
	wa_node_set(token, "type", wa_node_str(asked, "type"));
	wa_node_bytes(token, bytes, sizeof(bytes));
	account_each_device (device, target)
		device_deliver(sandbox, device, notification);
}

static void on_tokens(struct session *session, const struct wa_node *iq)
{
	const struct wa_node *tokens = wa_node_child(iq, "tokens");

	iq_answer_empty(session, iq);
	wa_node_each (token, tokens)
		issue_token(session, token);
}

static void on_media_conn(struct session *session, const struct wa_node *iq)
{
	struct sandbox *sandbox = session->sandbox;
	struct wa_node *result = iq_result(session, iq);
	struct wa_node *conn = wa_node_add(result, "media_conn");

	wa_node_set(conn, "auth", media_auth(sandbox, session->device));
	wa_node_set(conn, "ttl", "300");
	wa_node_set(conn, "auth_ttl", "3600");
	wa_node_set(conn, "max_buckets", "12");
	wa_node_set(
		wa_node_add(conn, "host"), "hostname", media_hostname(sandbox));
	session_send(session, result);
}

static void on_mex(struct session *session, const struct wa_node *iq)
{
	struct wa_node *result = iq_result(session, iq);

	wa_node_text(wa_node_add(result, "result"), "{\"data\":{}}");
	session_send(session, result);
}

/* A companion may unlink itself and no other. */
static void on_remove_companion(
	struct session *session, const struct wa_node *iq)
{
	const struct wa_node *asked =
		wa_node_child(iq, "remove-companion-device");
	struct device *device;
	struct wa_jid jid;

	device = wa_node_jid(asked, "jid", &jid)
			 ? directory_device(session->sandbox, &jid)
			 : NULL;
	if (device == NULL || device != session->device) {
		iq_refuse(session, iq, IQ_FORBIDDEN);
		return;
	}
	log_info("pairing phone=%s device=%u status=unlinked by=companion",
		device->account->pn, device->number);
	iq_answer_empty(session, iq);
	account_remove_companion(session->sandbox, device);
}

/* NULL: any.  The first row that fits is taken. */
static const struct {
	const char *xmlns, *type, *child;
	void (*handler)(struct session *session, const struct wa_node *iq);
} requests[] = {
	{ "w:p", NULL, NULL, iq_answer_empty },
	{ "encrypt", "get", "key", prekeys_on_bundles },
	{ "encrypt", "get", "count", prekeys_on_count },
	{ "encrypt", "get", "digest", prekeys_on_digest },
	{ "encrypt", "set", "rotate", prekeys_on_rotate },
	{ "encrypt", "set", "registration", prekeys_on_upload },
	{ "usync", "get", "usync", usync_on_query },
	{ "passive", "set", "active", on_active },
	{ "passive", "set", "passive", iq_answer_empty },
	{ "abt", "get", "props", on_props },
	{ "blocklist", "get", NULL, profile_on_blocklist_get },
	{ "blocklist", "set", "item", profile_on_blocklist_set },
	{ "privacy", "get", "privacy", profile_on_privacy_get },
	{ "privacy", "set", "privacy", profile_on_privacy_set },
	{ "privacy", "set", "tokens", on_tokens },
	{ "status", "get", "privacy", profile_on_status_get },
	{ "status", "set", "privacy", profile_on_status_set },
	{ "status", "set", "status", profile_on_about_set },
	{ "urn:xmpp:whatsapp:dirty", "set", "clean", iq_answer_empty },
	{ "w:sync:app:state", "set", "sync", app_state_on_sync },
	{ "w:m", "set", "media_conn", on_media_conn },
	{ "w:mex", "get", "query", on_mex },
	{ "md", "set", "remove-companion-device", on_remove_companion },
	{ "w:g2", NULL, NULL, group_on_request },
	{ "w:profile:picture", "get", "picture", picture_on_get },
	{ "w:profile:picture", "set", NULL, picture_on_set },
	{ "w:stats", NULL, NULL, iq_answer_empty },
	{ "disappearing_mode", "set", "disappearing_mode",
		profile_on_expiration_set },
};

void iq_on_request(struct session *session, const struct wa_node *iq)
{
	for (size_t i = 0; i < ARRAY_LEN(requests); i++) {
		if (!wa_node_is(iq, "xmlns", requests[i].xmlns) ||
			(requests[i].type != NULL &&
				!wa_node_is(iq, "type", requests[i].type)) ||
			(requests[i].child != NULL &&
				wa_node_child(iq, requests[i].child) == NULL))
			continue;
		requests[i].handler(session, iq);
		return;
	}
	iq_refuse(session, iq, IQ_NOT_IMPLEMENTED);
}
