/* Messages between devices: who gets which part, under which addresses.
 *
 * A stanza stays in one namespace (PN or LID) from the sender to each receiver;
 * the other name of the sender goes along beside it.  The sending device never
 * gets its own message. */
#include "sandboxd/route.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/own.h"
#include "sandboxd/contacts.h"
#include "sandboxd/fault.h"
#include "sandboxd/queue.h"
#include "sandboxd/sent_log.h"

/* ---- shared with the other route files ---- */

const char *route_id(const struct wa_node *stanza)
{
	const char *id = wa_node_str(stanza, "id");

	return id == NULL || id[0] == '\0' || strlen(id) > ROUTE_ID_MAX ? NULL
									: id;
}

struct wa_node *route_stanza(
	struct sandbox *sandbox, const char *tag, const char *id, int64_t t)
{
	struct wa_node *node = wa_node_new(sandbox->arena, tag);

	wa_node_set(node, "id", id);
	wa_node_set_int(node, "t", t);
	return node;
}

void route_answer(struct device *device, const struct wa_node *answer)
{
	if (device->number == 0)
		phone_on_stanza(device->phone, answer);
	else if (device->session != NULL)
		session_send(device->session, answer);
}

void route_share(struct wa_node *parent, const struct wa_node *child)
{
	struct wa_node *twin = arena_dup(parent->arena, child, sizeof(*child));

	twin->next = NULL;
	wa_node_append(parent, twin);
}

struct wa_jid route_bare_like(
	const struct account *account, const struct wa_jid *like)
{
	return like->server == WA_SERVER_LID ? wa_jid_lid(account->lid, 0)
					     : wa_jid_pn(account->pn, 0);
}

struct wa_jid route_bare_unlike(
	const struct account *account, const struct wa_jid *like)
{
	return like->server == WA_SERVER_LID ? wa_jid_pn(account->pn, 0)
					     : wa_jid_lid(account->lid, 0);
}

static void deliver_to_phone(struct sandbox *sandbox, struct device *device,
	const struct wa_node *stanza)
{
	switch (fault_to_phone(sandbox, device, stanza)) {
	case FAULT_DROP:
		return;
	case FAULT_DUPLICATE:
		phone_on_stanza(device->phone, stanza);
		break;
	case FAULT_CORRUPT:
		stanza = fault_corrupted(sandbox, stanza);
		break;
	case FAULT_NONE:
	case FAULT_DELAY:
	case FAULT_REORDER:
	case FAULT_CUT:
	case FAULT_CUT_MID_FRAME:
	case FAULT_SILENCE:
		break;
	}
	phone_on_stanza(device->phone, stanza);
}

void device_deliver(struct sandbox *sandbox, struct device *device,
	const struct wa_node *stanza)
{
	if (device->number == 0)
		deliver_to_phone(sandbox, device, stanza);
	else if (queue_takes(stanza))
		queue_push(device, stanza);
	else if (device->session != NULL && device->session->offline_sent)
		session_send(device->session, stanza);
}

void route_forget_device(struct device *device)
{
	sent_log_free(&device->sent);
}

void route_forget_account(struct account *account)
{
	contacts_free(&account->contacts);
	profile_forget_account(account);
}

bool route_is_status(const struct wa_jid *jid)
{
	return jid->server == WA_SERVER_BROADCAST &&
	       strcmp(jid->user, "status") == 0;
}

bool route_is_pairwise(const struct wa_node *part)
{
	return strcmp(part->tag, "enc") == 0 &&
	       (wa_node_is(part, "type", "msg") ||
		       wa_node_is(part, "type", "pkmsg"));
}

/* ---- may it pass? ---- */

static bool is_user(const struct wa_jid *jid)
{
	return wa_jid_is_user(jid) &&
	       (jid->server == WA_SERVER_PN || jid->server == WA_SERVER_LID);
}

/* Every <to> names a device in the namespace of the stanza. */
static int fanout_check(const struct passage *p)
{
	const struct wa_node *list = wa_node_child(p->message, "participants");
	struct wa_jid jid;

	if (list == NULL || list->child == NULL)
		return REFUSED_SCHEMA;
	wa_node_each (to, list) {
		if (strcmp(to->tag, "to") != 0 || !wa_node_jid(to, "jid", &jid))
			return REFUSED_SCHEMA;
		if (jid.server != p->to.server)
			return REFUSED_MALFORMED;
	}
	return 0;
}

static int user_check(const struct passage *p)
{
	if (p->peer == NULL)
		return REFUSED_NO_TARGET;
	if (p->to_phone && p->peer != p->from->account)
		return REFUSED_FORBIDDEN;
	return p->direct ? 0 : fanout_check(p);
}

/* 0, or the error of the ack.  Channels are not on this network. */
static int passage_check(struct passage *p)
{
	if (wa_jid_is_empty(&p->to))
		return REFUSED_SCHEMA;
	if (wa_jid_is_group(&p->to))
		return route_group_check(p);
	if (p->status)
		return route_status_check(p);
	return user_check(p);
}

static bool has_pairwise(const struct wa_node *message)
{
	wa_node_each (part, message) {
		if (route_is_pairwise(part))
			return true;
	}
	return false;
}

static void passage_open(struct passage *p)
{
	wa_node_jid(p->message, "to", &p->to);
	p->t = clock_now_ms() / 1000;
	p->peer = is_user(&p->to) ? directory_find(p->sandbox, &p->to) : NULL;
	p->group = group_find(p->sandbox, &p->to);
	p->status = route_is_status(&p->to);
	p->to_phone = wa_node_is(p->message, "category", "peer");
	/* To many, the top-level <enc> is for all: unless it is pairwise. */
	p->direct = is_user(&p->to) ? wa_node_child(p->message, "enc") != NULL
				    : has_pairwise(p->message);
}

/* ---- the ack ---- */

struct late_ack {
	char id[ROUTE_ID_MAX + 1];
	struct wa_jid to;
	int64_t t;
	char phash[WA_PHASH_LEN];
};

static struct wa_node *ack_new(struct sandbox *sandbox, const char *id,
	const struct wa_jid *to, int64_t t)
{
	struct wa_node *ack = route_stanza(sandbox, "ack", id, t);

	wa_node_set(ack, "class", "message");
	wa_node_set_jid(ack, "from", to);
	sandbox->count.acks++;
	return ack;
}

static void on_late_ack(
	struct sandbox *sandbox, struct device *device, void *arg)
{
	const struct late_ack *late = arg;
	struct wa_node *ack = ack_new(sandbox, late->id, &late->to, late->t);

	wa_node_set(ack, "phash", late->phash);
	route_answer(device, ack);
}

static void ack_later(const struct passage *p, int delay_ms)
{
	struct late_ack *late = xcalloc(1, sizeof(*late));

	snprintf(late->id, sizeof(late->id), "%s", p->id);
	snprintf(late->phash, sizeof(late->phash), "%s", p->phash);
	late->to = p->to;
	late->t = p->t;
	fault_defer(p->sandbox, p->from, delay_ms, on_late_ack, late, free);
}

static void ack_now(const struct passage *p, int error)
{
	struct wa_node *ack = ack_new(p->sandbox, p->id, &p->to, p->t);

	wa_node_set(ack, "phash", p->phash);
	if (error != 0)
		wa_node_set_int(ack, "error", error);
	/* Some clients go by this when they send it again. */
	if (error == REFUSED_STALE_MODE && p->group != NULL)
		wa_node_set(ack, "addressing_mode",
			p->group->lid_mode ? "lid" : "pn");
	route_answer(p->from, ack);
}

static void passage_ack(
	struct passage *p, const struct fault_ack *fault, int error)
{
	if (fault->drop)
		return;
	if (fault->phash) /* that of no devices at all */
		wa_phash(NULL, 0, p->phash);
	if (fault->delay_ms > 0 && error == 0)
		ack_later(p, fault->delay_ms);
	else
		ack_now(p, error);
}

/* ---- to one device ---- */

/* A copy for another device of the sender: it learns the chat from "recipient".
 */
static void address_own(const struct passage *p, struct wa_node *out)
{
	struct wa_jid from = device_jid_like(p->from, &p->to);
	struct wa_jid chat = wa_jid_bare(&p->to);
	struct account *other;

	wa_node_set_jid(out, "from", &from);
	if (p->to_phone) {
		wa_node_set(out, "category", "peer");
		return;
	}
	if (p->direct && wa_node_jid(p->message, "recipient", &from))
		chat = wa_jid_bare(&from);
	wa_node_set_jid(out, "recipient", &chat);
	other = directory_find(p->sandbox, &chat);
	if (other == NULL)
		return;
	from = route_bare_unlike(other, &chat);
	wa_node_set_jid(out,
		from.server == WA_SERVER_PN ? "peer_recipient_pn"
					    : "peer_recipient_lid",
		&from);
}

static void address_peer(const struct passage *p, struct wa_node *out)
{
	struct wa_jid from = device_jid_like(p->from, &p->to);
	struct wa_jid other = route_bare_unlike(p->from->account, &p->to);

	wa_node_set_jid(out, "from", &from);
	wa_node_set_jid(out,
		other.server == WA_SERVER_PN ? "sender_pn" : "sender_lid",
		&other);
}

/* What is only between the sender and the server. */
static bool stays_here(const struct wa_node *part)
{
	static const char *const tags[] = { "participants", "tctoken",
		"cstoken", "enc", "device-identity" };

	for (size_t i = 0; i < ARRAY_LEN(tags); i++) {
		if (strcmp(part->tag, tags[i]) == 0)
			return true;
	}
	return false;
}

void route_add_rest(const struct passage *p, struct wa_node *out)
{
	const struct wa_node *identity =
		wa_node_child(p->message, "device-identity");
	bool introduces = false;

	wa_node_each (part, out)
		introduces = introduces || wa_node_is(part, "type", "pkmsg");
	if (introduces && identity != NULL)
		route_share(out, identity);
	wa_node_each (part, p->message) {
		if (!stays_here(part))
			route_share(out, part);
	}
}

void route_set_common(const struct passage *p, struct wa_node *out)
{
	wa_node_set(out, "type", wa_node_str(p->message, "type"));
	wa_node_set(out, "notify", p->from->account->push_name);
	wa_node_set(out, "edit", wa_node_str(p->message, "edit"));
}

/* The parts of @encs: a <to>, or the message itself. */
static void deliver(const struct passage *p, struct device *target,
	const struct wa_node *encs)
{
	struct wa_node *out = route_stanza(p->sandbox, "message", p->id, p->t);

	if (target->account == p->from->account)
		address_own(p, out);
	else
		address_peer(p, out);
	route_set_common(p, out);
	wa_node_each (part, encs) {
		if (strcmp(part->tag, "enc") == 0)
			route_share(out, part);
	}
	route_add_rest(p, out);
	device_deliver(p->sandbox, target, out);
}

/* A retry's answer, a peer message, or the short form for a recipient with one
 * device. */
static void deliver_direct(const struct passage *p)
{
	struct wa_jid jid = p->to;
	struct device *target;

	if (!wa_node_jid(p->message, "participant", &jid))
		jid = p->to;
	target = directory_device(p->sandbox, &jid);
	if (target == NULL || target == p->from) {
		log_debug("route id=%s reason=\"no such device\"",
			log_quote(p->id));
		return;
	}
	if (profile_blocks(target->account, p->from->account))
		return;
	sent_log_add(p->from, p->id, target);
	deliver(p, target, p->message);
}

static void deliver_listed(
	const struct passage *p, const struct account *to_account)
{
	const struct wa_node *list = wa_node_child(p->message, "participants");
	struct device *target;
	struct wa_jid jid;

	wa_node_each (to, list) {
		if (!wa_node_jid(to, "jid", &jid))
			continue;
		target = directory_device(p->sandbox, &jid);
		if (target == NULL || target == p->from ||
			target->account != to_account ||
			!sent_log_add(p->from, p->id, target))
			continue;
		deliver(p, target, to);
	}
}

/* Own copies first: a phone answers at once, and whoever hears of that should
 * know the message. */
static void deliver_fanout(const struct passage *p)
{
	deliver_listed(p, p->from->account);
	if (p->peer != p->from->account &&
		!profile_blocks(p->peer, p->from->account))
		deliver_listed(p, p->peer);
}

static void passage_deliver(const struct passage *p)
{
	if (p->group != NULL) {
		route_group_deliver(p);
	} else if (p->status) {
		route_status_deliver(p);
	} else {
		contacts_meet(p->from->account, p->peer);
		if (p->direct)
			deliver_direct(p);
		else
			deliver_fanout(p);
	}
}

void route_message(struct sandbox *sandbox, struct device *from,
	const struct wa_node *message)
{
	struct passage p = {
		.sandbox = sandbox,
		.from = from,
		.message = message,
		.id = route_id(message),
	};
	struct fault_ack fault;
	int error;

	if (p.id == NULL) {
		log_warning("route phone=%s device=%u reason=\"message "
			    "without id\" action=ignored",
			from->account->pn, from->number);
		return;
	}
	sandbox->count.messages++;
	passage_open(&p);
	fault = fault_on_ack(sandbox, from, message);
	error = fault.error != 0 ? fault.error : passage_check(&p);
	passage_ack(&p, &fault, error);
	if (error != 0)
		return;
	sent_log_add(from, p.id, from);
	passage_deliver(&p);
}

void route_ack(
	struct sandbox *sandbox, struct device *from, const struct wa_node *ack)
{
	const char *class = wa_node_str(ack, "class");
	const char *id = route_id(ack);

	(void)sandbox;
	if (class == NULL || id == NULL)
		return;
	if (wa_node_get(ack, "error") != NULL)
		log_debug("nack phone=%s device=%u class=%s id=%s error=%s",
			from->account->pn, from->number, log_quote(class),
			log_quote(id), log_quote(wa_node_str(ack, "error")));
	queue_ack(from, class, id);
}
