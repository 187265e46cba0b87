/* Requests of a logged-in client: one table row each.  Small answers are given
 * here, those with state have files of their own. */
#include "sandboxd/iq.h"

#include <string.h>

#include "common/clock.h"
#include "common/ids.h"
#include "common/log.h"
#include "common/own.h"

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

static void on_blocklist(struct session *session, const struct wa_node *iq)
{
	struct wa_node *result = iq_result(session, iq);

	wa_node_set(wa_node_add(result, "list"), "dhash", "sbx");
	session_send(session, result);
}

/* "readreceipts" decides whether a client tells senders that it read. */
static void on_privacy(struct session *session, const struct wa_node *iq)
{
	static const char *const names[] = { "readreceipts", "last", "online",
		"profile", "status", "groupadd", "calladd" };
	struct wa_node *result = iq_result(session, iq);
	struct wa_node *privacy = wa_node_add(result, "privacy");

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		struct wa_node *category = wa_node_add(privacy, "category");

		wa_node_set(category, "name", names[i]);
		wa_node_set(category, "value", "all");
	}
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

/* Nothing was ever synced here.  Every collection that was asked for must be
 * named: the client asks again for the missing ones without end. */
static void on_app_state(struct session *session, const struct wa_node *iq)
{
	const struct wa_node *asked = wa_node_child(iq, "sync");
	struct wa_node *result = iq_result(session, iq);
	struct wa_node *sync = wa_node_add(result, "sync");

	wa_node_each (collection, asked) {
		struct wa_node *answer = wa_node_add(sync, "collection");

		wa_node_set(answer, "name", wa_node_str(collection, "name"));
		wa_node_set(answer, "version", "0");
		wa_node_set(answer, "has_more_patches", "false");
	}
	session_send(session, result);
}

static void on_media_conn(struct session *session, const struct wa_node *iq)
{
	struct sandbox *sandbox = session->sandbox;
	struct wa_node *result = iq_result(session, iq);
	struct wa_node *conn = wa_node_add(result, "media_conn");

	wa_node_set(conn, "auth", "sandbox");
	wa_node_set(conn, "ttl", "300");
	wa_node_set(conn, "auth_ttl", "3600");
	wa_node_set(conn, "max_buckets", "12");
	wa_node_set(wa_node_add(conn, "host"), "hostname",
		arena_printf(sandbox->arena, "127.0.0.1:%d", sandbox->port));
	session_send(session, result);
}

static void on_mex(struct session *session, const struct wa_node *iq)
{
	struct wa_node *result = iq_result(session, iq);

	wa_node_text(wa_node_add(result, "result"), "{\"data\":{}}");
	session_send(session, result);
}

static void on_groups(struct session *session, const struct wa_node *iq)
{
	struct wa_node *result = iq_result(session, iq);

	wa_node_add(result, "groups");
	session_send(session, result);
}

static void on_picture(struct session *session, const struct wa_node *iq)
{
	iq_answer_error(session, iq, 404, "item-not-found");
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
		iq_answer_error(session, iq, 403, "forbidden");
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
	{ "blocklist", "get", NULL, on_blocklist },
	{ "privacy", "get", "privacy", on_privacy },
	{ "privacy", "set", "tokens", on_tokens },
	{ "urn:xmpp:whatsapp:dirty", "set", "clean", iq_answer_empty },
	{ "w:sync:app:state", "set", "sync", on_app_state },
	{ "w:m", "set", "media_conn", on_media_conn },
	{ "w:mex", "get", "query", on_mex },
	{ "md", "set", "remove-companion-device", on_remove_companion },
	{ "w:g2", "get", "participating", on_groups },
	{ "w:profile:picture", "get", NULL, on_picture },
	{ "w:stats", NULL, NULL, iq_answer_empty },
	{ "disappearing_mode", "set", NULL, iq_answer_empty },
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
	log_info("iq who=%s:%u xmlns=%s type=%s child=%s status=unknown"
		 " action=error_501",
		session->device->account->pn, session->device->number,
		log_quote(wa_node_str(iq, "xmlns")),
		log_quote(wa_node_str(iq, "type")),
		iq->child != NULL ? log_quote(iq->child->tag) : "");
	iq_answer_error(session, iq, 501, "feature-not-implemented");
}
