/* Requests about the own profile (connection.md 8.5). */
#include "sandboxd/profile.h"

#include <string.h>

#include "common/clock.h"
#include "common/err.h"
#include "common/own.h"
#include "sandboxd/iq.h"
#include "sandboxd/route.h"

#define EXPIRATION_MAX 31622400

static struct account *own(const struct session *session)
{
	return session->device->account;
}

/* ---- privacy ---- */

static void answer_privacy(struct session *session, const struct wa_node *iq)
{
	const struct profile *profile = profile_of(own(session));
	struct wa_node *result = iq_result(session, iq);
	struct wa_node *privacy = wa_node_add(result, "privacy");

	for (int i = 0; i < PRIVACY_CATEGORIES; i++) {
		struct wa_node *category = wa_node_add(privacy, "category");

		wa_node_set(category, "name",
			profile_privacy_name((enum privacy)i));
		wa_node_set(category, "value", profile->privacy[i]);
	}
	session_send(session, result);
}

void profile_on_privacy_get(struct session *session, const struct wa_node *iq)
{
	answer_privacy(session, iq);
}

void profile_on_privacy_set(struct session *session, const struct wa_node *iq)
{
	const struct wa_node *privacy = wa_node_child(iq, "privacy");
	struct err err = ERR_NONE;

	wa_node_each (category, privacy) {
		const char *name = wa_node_str(category, "name");
		const char *value = wa_node_str(category, "value");

		if (name == NULL || value == NULL ||
			profile_set_privacy(session->sandbox, own(session),
				name, value, &err) != 0) {
			iq_refuse(session, iq, IQ_BAD_REQUEST);
			return;
		}
	}
	answer_privacy(session, iq);
}

/* ---- blocks ---- */

static void answer_blocklist(struct session *session, const struct wa_node *iq)
{
	const struct account_list *blocked = &profile_of(own(session))->blocked;
	struct wa_node *result = iq_result(session, iq);
	struct wa_node *list = wa_node_add(result, "list");

	profile_set_dhash(list, own(session));
	for (size_t i = 0; i < blocked->n; i++) {
		struct wa_node *item = wa_node_add(list, "item");
		struct wa_jid jid = wa_jid_lid(blocked->accounts[i]->lid, 0);

		wa_node_set_jid(item, "jid", &jid);
		jid = wa_jid_pn(blocked->accounts[i]->pn, 0);
		wa_node_set_jid(item, "pn_jid", &jid);
	}
	session_send(session, result);
}

void profile_on_blocklist_get(struct session *session, const struct wa_node *iq)
{
	answer_blocklist(session, iq);
}

void profile_on_blocklist_set(struct session *session, const struct wa_node *iq)
{
	const struct wa_node *item = wa_node_child(iq, "item");
	struct err err = ERR_NONE;
	struct account *other;
	struct wa_jid jid;
	bool block = wa_node_is(item, "action", "block");

	if ((!block && !wa_node_is(item, "action", "unblock")) ||
		!wa_node_jid(item, "jid", &jid)) {
		iq_refuse(session, iq, IQ_BAD_REQUEST);
		return;
	}
	other = directory_find(session->sandbox, &jid);
	if (other == NULL || profile_block(session->sandbox, own(session),
				     other, block, &err) != 0)
		iq_refuse(session, iq, IQ_NOT_FOUND);
	else
		answer_blocklist(session, iq);
}

/* ---- who gets the status, and the about ---- */

void profile_on_status_get(struct session *session, const struct wa_node *iq)
{
	const struct profile *profile = profile_of(own(session));
	struct wa_node *result = iq_result(session, iq);
	struct wa_node *list =
		wa_node_add(wa_node_add(result, "privacy"), "list");

	wa_node_set(list, "type", profile_status_name(profile->status));
	wa_node_set(list, "default", "true");
	for (size_t i = 0; i < profile->status_list.n; i++) {
		struct wa_jid jid =
			wa_jid_lid(profile->status_list.accounts[i]->lid, 0);

		wa_node_set_jid(wa_node_add(list, "user"), "jid", &jid);
	}
	session_send(session, result);
}

/* The <user> children that are on this network. */
static int read_users(struct session *session, const struct wa_node *list,
	struct account_list *out, struct err *err)
{
	wa_node_each (user, list) {
		struct account *account;
		struct wa_jid jid;

		if (!wa_node_jid(user, "jid", &jid))
			continue;
		account = directory_find(session->sandbox, &jid);
		if (account != NULL && account_list_add(out, account, err) != 0)
			return -1;
	}
	return 0;
}

void profile_on_status_set(struct session *session, const struct wa_node *iq)
{
	const struct wa_node *list = wa_node_path(iq, "privacy", "list");
	const char *type = wa_node_str(list, "type");
	struct account_list accounts = { 0 };
	struct err err = ERR_NONE;

	if (type != NULL && read_users(session, list, &accounts, &err) == 0 &&
		profile_set_status(own(session), type, &accounts, &err) == 0)
		iq_answer_empty(session, iq);
	else
		iq_refuse(session, iq, IQ_BAD_REQUEST);
	account_list_fini(&accounts);
}

void profile_on_about_set(struct session *session, const struct wa_node *iq)
{
	struct err err = ERR_NONE;
	size_t n = 0;
	const uint8_t *text = wa_node_content(wa_node_child(iq, "status"), &n);

	if (profile_set_about(session->sandbox, own(session), text, n, &err) !=
		0)
		iq_refuse(session, iq, IQ_BAD_REQUEST);
	else
		iq_answer_empty(session, iq);
}

/* ---- the timer of new chats ---- */

static void set_expiration(struct wa_node *node, const struct profile *profile)
{
	wa_node_set_int(node, "duration", profile->expiration);
	wa_node_set_int(node, "t", profile->expiration_s);
}

void profile_on_expiration_set(
	struct session *session, const struct wa_node *iq)
{
	struct profile *profile = profile_of(own(session));
	struct wa_node *node;
	int64_t duration = wa_node_int(
		wa_node_child(iq, "disappearing_mode"), "duration", -1);

	if (duration < 0 || duration > EXPIRATION_MAX) {
		iq_refuse(session, iq, IQ_BAD_REQUEST);
		return;
	}
	profile->expiration = (unsigned)duration;
	profile->expiration_s = clock_now_ms() / 1000;
	iq_answer_empty(session, iq);
	node = route_notification(
		session->sandbox, own(session), "account_sync");
	set_expiration(wa_node_add(node, "disappearing_mode"), profile);
	route_tell_companions(session->sandbox, own(session), NULL, node);
}
