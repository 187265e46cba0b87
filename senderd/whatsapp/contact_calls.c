/* People, and how we stand with them (connection.md 8.1, 8.5, 8.6). */
#include "senderd/whatsapp/calls.h"

#include <stdlib.h>
#include <string.h>

#include "common/arena.h"
#include "common/err.h"
#include "common/own.h"
#include "common/store/contact.h"
#include "senderd/facts.h"
#include "senderd/whatsapp/content.h"
#include "senderd/whatsapp/devices.h"
#include "senderd/whatsapp/names.h"
#include "senderd/whatsapp/picture.h"
#include "senderd/whatsapp/privacy_calls.h"
#include "senderd/whatsapp/profile.h"
#include "senderd/whatsapp/tokens.h"

#define ABOUT_MAX 1024
#define BLOCKED_MAX 5000 /* told in one answer */

/* One that is about a user. */
struct user_call {
	struct call *call;
	struct wa_jid user; /* bare */
	bool is_blocked;    /* contacts.block: to be */
};

static struct user_call *user_call_new(
	struct lane *lane, struct call *call, const char *key)
{
	struct user_call *op = NULL;
	struct wa_jid user;
	struct err err = ERR_NONE;

	if (call_jid(lane, call_text(call, key), &user, &err) != 0 ||
		!wa_jid_is_user(&user)) {
		call_fail(lane, &call, ERR_INVALID,
			"%s: neither a phone number nor an account's address",
			key);
		return NULL;
	}
	op = xcalloc(1, sizeof *op);
	op->call = call;
	op->user = user;
	return op;
}

/* The call alone goes on. */
static struct call *user_call_end(struct user_call *op)
{
	struct call *call = op->call;

	free(op);
	return call;
}

static void user_call_fail(
	struct lane *lane, struct user_call *op, const struct err *err)
{
	struct call *call = user_call_end(op);

	facts_fail(lane, err);
	call_fail(lane, &call, ERR_IO, "the database failed");
}

/* ---- contacts.get ---- */

static const char *node_text(
	struct lane *lane, const struct wa_node *node, size_t max)
{
	size_t n = 0;
	const char *bytes =
		node != NULL ? (const char *)wa_node_content(node, &n) : NULL;

	if (bytes == NULL || n == 0)
		return NULL;
	return content_line(
		lane->arena, arena_strndup(lane->arena, bytes, n), max);
}

static int on_contact_row(const struct contact *contact, void *arg)
{
	json_t *json = arg;

	if (contact->name != NULL)
		json_object_set_new(json, "name", json_string(contact->name));
	if (contact->push_name != NULL)
		json_object_set_new(
			json, "pushName", json_string(contact->push_name));
	json_object_set_new(json, "contactId", json_string(contact->public_id));
	return 0;
}

/* What the store knows of them, if anything. */
static int stored_add(struct lane *lane, const struct names *names,
	json_t *json, struct err *err)
{
	char public_id[UUID_LEN];

	if (store_contact_public_id(lane->store, lane->account_id, names->phone,
		    names->lid, public_id, err) != 0)
		return -1;
	if (public_id[0] == '\0')
		return 0;
	return store_contact_by_public_id(lane->store, lane->account_id,
		public_id, on_contact_row, json, err);
}

static int info_learn(struct lane *lane, const struct wa_jid *asked,
	const struct wa_node *user, struct err *err)
{
	struct wa_jid lid;

	if (!wa_node_jid(wa_node_child(user, "lid"), "val", &lid))
		return 0;
	return devices_learn_pair(lane, asked, &lid, err);
}

static json_t *info_json(struct lane *lane, const struct wa_jid *asked,
	const struct wa_node *user, struct err *err)
{
	struct names names;
	json_t *json = NULL;
	const char *about =
		node_text(lane, wa_node_child(user, "status"), ABOUT_MAX);
	const char *picture = wa_node_str(wa_node_child(user, "picture"), "id");
	const struct wa_node *business = wa_node_child(user, "business");

	if (info_learn(lane, asked, user, err) != 0 ||
		names_find(lane, asked, &names, err) != 0)
		return NULL;
	json = json_pack("{s:s, s:s*, s:s*, s:s*, s:s*, s:b}", "id", names.jid,
		"phone",
		names.phone != NULL
			? arena_printf(lane->arena, "+%s", names.phone)
			: NULL,
		"lid", names.lid_jid, "about", about, "pictureId",
		picture != NULL ? content_line(lane->arena, picture, 64) : NULL,
		"business",
		business != NULL && wa_node_n_children(business) > 0);
	if (stored_add(lane, &names, json, err) != 0) {
		json_decref(json);
		return NULL;
	}
	return json;
}

/* An account has a LID, and whoever was asked for by LID has an answer. */
static const struct wa_node *info_find(
	const struct wa_node *answer, const struct wa_jid *asked)
{
	const struct wa_node *list = wa_node_path(answer, "usync", "list");
	struct wa_jid jid;

	for (const struct wa_node *user = list != NULL ? list->child : NULL;
		user != NULL; user = user->next) {
		if (!wa_node_jid(user, "jid", &jid) ||
			!wa_jid_same_user(&jid, asked))
			continue;
		if (asked->server == WA_SERVER_LID ||
			wa_node_child(user, "lid") != NULL)
			return user;
	}
	return NULL;
}

static void on_info(struct lane *lane, const struct wa_node *answer, void *arg)
{
	struct user_call *op = arg;
	struct call *call = NULL;
	const struct wa_node *user = NULL;
	struct err err = ERR_NONE;
	json_t *json = NULL;
	int code = 0;

	if (iq_is_error(answer, &code)) {
		call = user_call_end(op);
		call_fail_answer(lane, &call, answer);
		return;
	}
	user = info_find(answer, &op->user);
	if (user == NULL) {
		call = user_call_end(op);
		call_fail(lane, &call, ERR_NOT_FOUND, "not on WhatsApp");
		return;
	}
	json = info_json(lane, &op->user, user, &err);
	if (json == NULL) {
		user_call_fail(lane, op, &err);
		return;
	}
	call = user_call_end(op);
	call_done(lane, &call, json);
}

static void contacts_get(struct lane *lane, struct call *call)
{
	struct user_call *op = user_call_new(lane, call, "id");
	struct wa_node *query = NULL;
	struct wa_node *list = NULL;
	struct wa_node *iq = NULL;

	if (op == NULL)
		return;
	iq = devices_usync(lane, "full", "background", &query, &list);
	wa_node_add(wa_node_add(query, "business"), "verified_name");
	wa_node_add(query, "status");
	wa_node_add(query, "picture");
	wa_node_add(query, "lid");
	wa_node_set_jid(wa_node_add(list, "user"), "jid", &op->user);
	iq_send(lane, iq, on_info, op);
}

/* ---- contacts.blocklist, contacts.block ---- */

static json_t *blocked_json(
	struct lane *lane, const struct wa_node *list, struct err *err)
{
	json_t *blocked = json_array();

	for (const struct wa_node *item = list != NULL ? list->child : NULL;
		item != NULL && json_array_size(blocked) < BLOCKED_MAX;
		item = item->next) {
		struct names names;
		struct wa_jid jid;

		if (!wa_node_jid(item, "jid", &jid) || !wa_jid_is_user(&jid))
			continue;
		if (names_find(lane, &jid, &names, err) != 0) {
			json_decref(blocked);
			return NULL;
		}
		json_array_append_new(blocked,
			json_pack("{s:s, s:s*, s:s*}", "id", names.jid, "phone",
				names.phone != NULL
					? arena_printf(lane->arena, "+%s",
						  names.phone)
					: NULL,
				"lid", names.lid_jid));
	}
	return json_pack("{s:o}", "blocked", blocked);
}

static void on_blocklist(
	struct lane *lane, const struct wa_node *answer, void *arg)
{
	struct call *call = arg;
	struct err err = ERR_NONE;
	json_t *json = NULL;
	int code = 0;

	if (iq_is_error(answer, &code)) {
		call_fail_answer(lane, &call, answer);
		return;
	}
	json = blocked_json(lane, wa_node_child(answer, "list"), &err);
	if (json != NULL) {
		call_done(lane, &call, json);
		return;
	}
	facts_fail(lane, &err);
	call_fail(lane, &call, ERR_IO, "the database failed");
}

static void contacts_blocklist(struct lane *lane, struct call *call)
{
	iq_send(lane, iq_new(lane, "get", "blocklist"), on_blocklist, call);
}

/* The list is kept by LID; to block, the number goes with it. */
static void block_send(struct lane *lane, struct user_call *op)
{
	struct wa_node *iq = iq_new(lane, "set", "blocklist");
	struct wa_node *item = wa_node_add(iq, "item");
	struct wa_jid lid = lane_signal_address(lane, &op->user);
	struct wa_jid pn = op->user;
	struct err err = ERR_NONE;

	if (pn.server == WA_SERVER_LID &&
		lanedb_pn_of(lane->db, &op->user, &pn, &err) < 0) {
		user_call_fail(lane, op, &err);
		return;
	}
	wa_node_set(item, "action", op->is_blocked ? "block" : "unblock");
	wa_node_set_jid(item, "jid", &lid);
	if (op->is_blocked && pn.server == WA_SERVER_PN)
		wa_node_set_jid(item, "pn_jid", &pn);
	iq_send(lane, iq, on_blocklist, user_call_end(op));
}

static void on_block_devices(struct lane *lane,
	const enum devices_outcome *outcomes, size_t n, void *arg)
{
	struct user_call *op = arg;
	struct call *call = NULL;

	if (n == 1 && outcomes[0] == DEVICES_KNOWN) {
		block_send(lane, op);
		return;
	}
	call = user_call_end(op);
	if (n == 1 && outcomes[0] == DEVICES_NO_ACCOUNT)
		call_fail(lane, &call, ERR_NOT_FOUND, "not on WhatsApp");
	else
		call_fail(lane, &call, ERR_TIMEOUT, "WhatsApp did not answer");
}

static void contacts_block(struct lane *lane, struct call *call)
{
	const json_t *blocked = call_param(call, "blocked");
	struct user_call *op = NULL;
	struct wa_jid address;

	if (!json_is_boolean(blocked)) {
		call_fail(lane, &call, ERR_INVALID, "blocked: true or false");
		return;
	}
	op = user_call_new(lane, call, "id");
	if (op == NULL)
		return;
	op->is_blocked = json_is_true(blocked);
	address = lane_signal_address(lane, &op->user);
	if (address.server == WA_SERVER_LID)
		block_send(lane, op);
	else
		devices_ask(lane, &op->user, 1, on_block_devices, op);
}

const struct call_method contact_calls[] = {
	{ .name = "contacts.get", .fn = contacts_get },
	{ .name = "contacts.picture", .fn = picture_on_get },
	{ .name = "contacts.blocklist", .fn = contacts_blocklist },
	{ .name = "contacts.block", .fn = contacts_block },
	{ .name = "groups.picture", .fn = picture_on_set_group },
	{ .name = "privacy.get", .fn = privacy_calls_get },
	{ .name = "privacy.set", .fn = privacy_calls_set },
	{ .name = "profile.set", .fn = profile_on_set },
	{ .name = NULL },
};
