#include "sandboxd/fault.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "common/clock.h"
#include "common/ids.h"
#include "common/log.h"
#include "common/own.h"

struct deferred {
	LIST_ENTRY(deferred) link;
	struct sandbox *sandbox; /* borrowed */
	struct sandbox_timer *timer;
	char pn[48]; /* of the device, which may be unlinked meanwhile */
	unsigned device;
	fault_deferred_fn *fn;
	void *arg;
	void (*free_arg)(void *arg);
};

struct faults {
	struct fault_rule
		*rules; /* oldest first: the first that matches acts */
	unsigned n_rules;
	unsigned last_id;
	LIST_HEAD(deferred_list, deferred) deferred;
	/* A handshake borrows its identity, so these outlive the rules. */
	struct wa_responder_identity identities[WA_CHAIN_NOT_YET + 1];
};

/* What a kind does at its place; kinds without an action act otherwise. */
static const enum fault_action actions[] = {
	[KIND_DROP] = FAULT_DROP,
	[KIND_DUPLICATE] = FAULT_DUPLICATE,
	[KIND_DELAY] = FAULT_DELAY,
	[KIND_REORDER] = FAULT_REORDER,
	[KIND_CORRUPT] = FAULT_CORRUPT,
	[KIND_CUT] = FAULT_CUT,
	[KIND_CUT_MID_FRAME] = FAULT_CUT_MID_FRAME,
	[KIND_SILENCE] = FAULT_SILENCE,
	[KIND_STREAM_ERROR] = FAULT_NONE,
	[KIND_RAW] = FAULT_NONE,
};

/* Of the kinds that act on stanzas. */
#define STANZA_KINDS                                                    \
	(BIT(KIND_DROP) | BIT(KIND_DUPLICATE) | BIT(KIND_DELAY) |       \
		BIT(KIND_REORDER) | BIT(KIND_CORRUPT) | BIT(KIND_CUT) | \
		BIT(KIND_CUT_MID_FRAME) | BIT(KIND_SILENCE) |           \
		BIT(KIND_STREAM_ERROR) | BIT(KIND_RAW))

static struct faults *faults_of(struct sandbox *sandbox)
{
	if (sandbox->faults == NULL)
		sandbox->faults = xcalloc(1, sizeof(*sandbox->faults));
	return sandbox->faults;
}

static bool has_rules(const struct sandbox *sandbox)
{
	return sandbox->faults != NULL && sandbox->faults->rules != NULL;
}

/* ---- later ---- */

static void deferred_free(struct deferred *deferred)
{
	LIST_REMOVE(deferred, link);
	sandbox_timer_cancel(&deferred->timer);
	deferred->free_arg(deferred->arg);
	free(deferred);
}

static void on_deferred(void *arg)
{
	struct deferred *deferred = arg;
	struct account *account =
		directory_by_pn(deferred->sandbox, deferred->pn);
	struct device *device =
		account == NULL ? NULL
				: account_device(account, deferred->device);

	deferred->timer = NULL;
	if (device != NULL)
		deferred->fn(deferred->sandbox, device, deferred->arg);
	deferred_free(deferred);
}

void fault_defer(struct sandbox *sandbox, const struct device *device, int ms,
	fault_deferred_fn *fn, void *arg, void (*free_arg)(void *arg))
{
	struct deferred *deferred = xcalloc(1, sizeof(*deferred));

	deferred->sandbox = sandbox;
	snprintf(deferred->pn, sizeof(deferred->pn), "%s", device->account->pn);
	deferred->device = device->number;
	deferred->fn = fn;
	deferred->arg = arg;
	deferred->free_arg = free_arg;
	LIST_INSERT_HEAD(&faults_of(sandbox)->deferred, deferred, link);
	deferred->timer = sandbox_after(sandbox, ms, on_deferred, deferred);
}

/* ---- the list ---- */

static void rule_unlink(struct faults *faults, struct fault_rule *rule)
{
	struct fault_rule **at = &faults->rules;

	while (*at != rule)
		at = &(*at)->next;
	*at = rule->next;
	faults->n_rules--;
	fault_rule_free(&rule);
}

const struct fault_rule *fault_first(const struct sandbox *sandbox)
{
	return sandbox->faults == NULL ? NULL : sandbox->faults->rules;
}

bool fault_remove(struct sandbox *sandbox, unsigned id)
{
	if (sandbox->faults == NULL)
		return false;
	for (struct fault_rule *rule = sandbox->faults->rules; rule != NULL;
		rule = rule->next) {
		if (rule->id == id) {
			rule_unlink(sandbox->faults, rule);
			return true;
		}
	}
	return false;
}

unsigned fault_remove_all(struct sandbox *sandbox)
{
	unsigned n = 0;

	while (has_rules(sandbox)) {
		rule_unlink(sandbox->faults, sandbox->faults->rules);
		n++;
	}
	return n;
}

void faults_free(struct faults **faultsp)
{
	struct faults *faults = move(*faultsp);

	if (faults == NULL)
		return;
	while (faults->rules != NULL)
		rule_unlink(faults, faults->rules);
	while (!LIST_EMPTY(&faults->deferred))
		deferred_free(LIST_FIRST(&faults->deferred));
	for (size_t i = 0; i < ARRAY_LEN(faults->identities); i++)
		wa_responder_identity_fini(&faults->identities[i]);
	free(faults);
}

/* ---- matching ---- */

/* Where a fault could act. */
struct place {
	unsigned kinds;		     /* bits of enum fault_kind */
	const struct device *device; /* NULL: not known (yet) */
	enum fault_direction direction;
	const struct wa_node *stanza;  /* NULL: not about a stanza */
	const struct wa_node *message; /* whose ack it is, or NULL */
	const char *version;	       /* of a client that logs in, or NULL */
};

static bool rule_is_for(
	const struct fault_rule *rule, const struct device *device)
{
	if (device == NULL)
		return rule->pn[0] == '\0' && rule->device < 0;
	if (rule->device < 0 ? device->number == 0
			     : (unsigned)rule->device != device->number)
		return false;
	return rule->pn[0] == '\0' ||
	       strcmp(rule->pn, device->account->pn) == 0;
}

static bool rule_fits_stanza(
	const struct fault_rule *rule, const struct wa_node *stanza)
{
	return rule->stanza[0] == '\0' ||
	       strcmp(rule->stanza, stanza->tag) == 0;
}

static bool rule_is_to(struct sandbox *sandbox, const struct fault_rule *rule,
	const struct wa_node *message)
{
	const struct account *account;
	char text[WA_JID_TEXT];
	struct wa_jid to;

	if (rule->to[0] == '\0')
		return true;
	if (!wa_node_jid(message, "to", &to))
		return false;
	account = directory_find(sandbox, &to);
	return strcmp(rule->to, account != NULL ? account->pn
						: wa_jid_text(&to, text)) == 0;
}

static bool rule_fits(struct sandbox *sandbox, const struct fault_rule *rule,
	const struct place *place)
{
	if ((place->kinds & BIT(rule->kind)) == 0 ||
		!rule_is_for(rule, place->device) ||
		rule->direction != place->direction)
		return false;
	if (place->stanza != NULL && !rule_fits_stanza(rule, place->stanza))
		return false;
	if (place->version != NULL && rule->version[0] != '\0' &&
		strcmp(rule->version, place->version) != 0)
		return false;
	return place->message == NULL ||
	       (rule_is_to(sandbox, rule, place->message) &&
		       (rule->type[0] == '\0' ||
			       wa_node_is(place->message, "type", rule->type)));
}

/* A match: does the rule act on this one? */
static bool rule_acts(struct fault_rule *rule)
{
	if (rule->after > 0) {
		rule->after--;
		return false;
	}
	return rule->probability >= 1.0 ||
	       (double)random_between(0, 999999) < rule->probability * 1e6;
}

static void log_fault(
	const struct fault_rule *rule, const struct device *device)
{
	log_info("fault id=%u kind=%s phone=%s device=%u left=%u", rule->id,
		fault_kind_name(rule->kind),
		device == NULL ? "-" : device->account->pn,
		device == NULL ? 0 : device->number, rule->count - 1);
}

/* The first rule that fits and acts.  It is copied to @out without its list
 * link, and with raw bytes of its own, because it may be used up now. */
static bool fault_take(struct sandbox *sandbox, const struct place *place,
	struct fault_rule *out)
{
	struct fault_rule *rule =
		sandbox->faults == NULL ? NULL : sandbox->faults->rules;

	while (rule != NULL &&
		!(rule_fits(sandbox, rule, place) && rule_acts(rule)))
		rule = rule->next;
	if (rule == NULL)
		return false;
	log_fault(rule, place->device);
	*out = *rule;
	out->next = NULL;
	out->raw = BUF_INIT;
	if (rule->kind == KIND_RAW)
		out->raw = (struct buf){
			.data = xmemdup(rule->raw.data, rule->raw.len),
			.len = rule->raw.len,
			.cap = rule->raw.len,
		};
	rule->acted++;
	if (--rule->count == 0)
		rule_unlink(sandbox->faults, rule);
	return true;
}

/* ---- what acts on a whole session ---- */

static void session_act(struct session *session, const struct fault_rule *rule)
{
	switch (rule->kind) {
	case KIND_CUT:
		session_cut(session);
		return;
	case KIND_CUT_MID_FRAME:
		session_cut_mid_frame(session);
		return;
	case KIND_STREAM_ERROR:
		session_end(session, rule->code,
			rule->conflict[0] == '\0' ? NULL : rule->conflict);
		return;
	case KIND_RAW:
		session_send_raw(session, rule->raw.data, rule->raw.len);
		return;
	case KIND_DROP:
	case KIND_DUPLICATE:
	case KIND_DELAY:
	case KIND_REORDER:
	case KIND_CORRUPT:
	case KIND_SILENCE:
	case KIND_ACK_DROP:
	case KIND_ACK_DELAY:
	case KIND_ACK_ERROR:
	case KIND_LOGIN_FAILURE:
	case KIND_BAD_CERT:
	case KIND_NO_ONE_TIME_KEY:
	case KIND_BAD_BUNDLE_SIGNATURE:
	case KIND_ACK_PHASH:
	case KIND_NO_SENDER_KEY:
	case KIND_AGGREGATE_RECEIPT:
	case KIND_MEDIA_ERROR:
	case KIND_MEDIA_SLOW:
	case KIND_MEDIA_TRUNCATE:
	case KIND_MEDIA_FLIP:
		return;
	}
}

static void rule_free_arg(void *arg)
{
	struct fault_rule *rule = arg;

	fault_rule_free(&rule);
}

static void on_act_later(
	struct sandbox *sandbox, struct device *device, void *arg)
{
	(void)sandbox;
	if (device->session != NULL)
		session_act(device->session, arg);
}

static void act_later(struct sandbox *sandbox, const struct device *device,
	const struct fault_rule *rule)
{
	fault_defer(sandbox, device, 0, on_act_later,
		xmemdup(rule, sizeof(*rule)), rule_free_arg);
}

static unsigned act_now(struct sandbox *sandbox, const struct fault_rule *rule)
{
	struct session *session = sandbox->sessions, *next;
	unsigned n = 0;

	for (; session != NULL; session = next) {
		next = session->next;
		if (session->state != SESSION_LOGGED_IN ||
			session->device == NULL ||
			!rule_is_for(rule, session->device))
			continue;
		log_fault(rule, session->device);
		session_act(session, rule);
		n++;
	}
	return n;
}

unsigned fault_add(
	struct sandbox *sandbox, struct fault_rule *rule, unsigned *acted_out)
{
	struct faults *faults = faults_of(sandbox);
	struct fault_rule **at;
	unsigned id;

	*acted_out = 0;
	id = rule->id = ++faults->last_id;
	if (rule->now)
		*acted_out = act_now(sandbox, rule);
	if (rule->now || faults->n_rules >= FAULT_RULES_MAX) {
		id = rule->now ? id : 0;
		fault_rule_free(&rule);
		return id;
	}
	for (at = &faults->rules; *at != NULL; at = &(*at)->next)
		;
	*at = rule;
	faults->n_rules++;
	return id;
}

/* ---- hooks ---- */

static enum fault_action fault_on_stanza(struct sandbox *sandbox,
	struct session *session, enum fault_direction direction,
	const struct wa_node *node, int *delay_ms_out)
{
	const struct place place = {
		.kinds = STANZA_KINDS,
		.device = session->device,
		.direction = direction,
		.stanza = node,
	};
	struct fault_rule rule;

	if (!fault_take(sandbox, &place, &rule))
		return FAULT_NONE;
	*delay_ms_out = rule.delay_ms;
	if (rule.kind != KIND_STREAM_ERROR && rule.kind != KIND_RAW)
		return actions[rule.kind];
	if (session->device != NULL)
		act_later(sandbox, session->device, &rule);
	else
		buf_fini(&rule.raw);
	return FAULT_NONE;
}

enum fault_action fault_outgoing(struct sandbox *sandbox,
	struct session *session, const struct wa_node *node, int *delay_ms_out)
{
	return fault_on_stanza(sandbox, session, FAULT_OUT, node, delay_ms_out);
}

enum fault_action fault_incoming(struct sandbox *sandbox,
	struct session *session, const struct wa_node *node, int *delay_ms_out)
{
	return fault_on_stanza(sandbox, session, FAULT_IN, node, delay_ms_out);
}

enum fault_action fault_to_phone(struct sandbox *sandbox,
	const struct device *phone, const struct wa_node *stanza)
{
	const struct place place = {
		.kinds = BIT(KIND_DROP) | BIT(KIND_DUPLICATE) |
			 BIT(KIND_CORRUPT),
		.device = phone,
		.stanza = stanza,
	};
	struct fault_rule rule;

	return fault_take(sandbox, &place, &rule) ? actions[rule.kind]
						  : FAULT_NONE;
}

struct fault_ack fault_on_ack(struct sandbox *sandbox,
	const struct device *from, const struct wa_node *message)
{
	const struct place place = {
		.kinds = BIT(KIND_ACK_DROP) | BIT(KIND_ACK_DELAY) |
			 BIT(KIND_ACK_ERROR) | BIT(KIND_ACK_PHASH),
		.device = from,
		.message = message,
	};
	struct fault_rule rule;

	if (!fault_take(sandbox, &place, &rule))
		return (struct fault_ack){ 0 };
	return (struct fault_ack){
		.drop = rule.kind == KIND_ACK_DROP,
		.delay_ms = rule.kind == KIND_ACK_DELAY ? rule.delay_ms : 0,
		.error = rule.kind == KIND_ACK_ERROR ? rule.code : 0,
		.phash = rule.kind == KIND_ACK_PHASH,
	};
}

struct fault_login fault_login_failure(struct sandbox *sandbox,
	const struct device *device, const char *version)
{
	const struct place place = {
		.kinds = BIT(KIND_LOGIN_FAILURE),
		.device = device,
		.version = version,
	};
	struct fault_rule rule;

	if (!fault_take(sandbox, &place, &rule))
		return (struct fault_login){ 0 };
	return (struct fault_login){
		.reason = rule.code,
		.ban_code = rule.ban_code,
		.expire_s = rule.expire_s,
	};
}

const struct wa_responder_identity *fault_handshake_identity(
	struct sandbox *sandbox)
{
	const struct place place = { .kinds = BIT(KIND_BAD_CERT) };
	struct wa_responder_identity *identity;
	struct fault_rule rule;

	if (!fault_take(sandbox, &place, &rule))
		return &sandbox->noise;
	identity = &sandbox->faults->identities[rule.defect];
	if (identity->chain == NULL)
		wa_responder_identity_new_defect(&sandbox->root,
			clock_now_ms() / 1000, rule.defect, identity);
	return identity;
}

/* A kind that has nothing more to say than that it acts on @device. */
static bool fault_on_device(struct sandbox *sandbox,
	const struct device *device, enum fault_kind kind)
{
	const struct place place = { .kinds = BIT(kind), .device = device };
	struct fault_rule rule;

	return fault_take(sandbox, &place, &rule);
}

bool fault_bundle_without_key(
	struct sandbox *sandbox, const struct device *device)
{
	return fault_on_device(sandbox, device, KIND_NO_ONE_TIME_KEY);
}

bool fault_bundle_bad_signature(
	struct sandbox *sandbox, const struct device *device)
{
	return fault_on_device(sandbox, device, KIND_BAD_BUNDLE_SIGNATURE);
}

bool fault_without_sender_key(
	struct sandbox *sandbox, const struct device *device)
{
	return fault_on_device(sandbox, device, KIND_NO_SENDER_KEY);
}

bool fault_aggregates_receipt(
	struct sandbox *sandbox, const struct device *device)
{
	return fault_on_device(sandbox, device, KIND_AGGREGATE_RECEIPT);
}

struct fault_media fault_on_media(struct sandbox *sandbox,
	enum fault_direction direction, const struct device *device)
{
	const struct place place = {
		.kinds = BIT(KIND_MEDIA_ERROR) | BIT(KIND_MEDIA_SLOW) |
			 BIT(KIND_MEDIA_TRUNCATE) | BIT(KIND_MEDIA_FLIP),
		.device = device,
		.direction = direction,
	};
	struct fault_rule rule;

	if (!fault_take(sandbox, &place, &rule))
		return (struct fault_media){ 0 };
	return (struct fault_media){
		.error = rule.kind == KIND_MEDIA_ERROR ? rule.code : 0,
		.delay_ms = rule.kind == KIND_MEDIA_SLOW ? rule.delay_ms : 0,
		.truncate = rule.kind == KIND_MEDIA_TRUNCATE,
		.flip = rule.kind == KIND_MEDIA_FLIP,
	};
}

/* ---- corruption ---- */

static void corrupt_encs(struct arena *arena, struct wa_node *node)
{
	for (struct wa_node *child = node->child; child != NULL;
		child = child->next) {
		struct wa_value *value = &child->content;
		uint8_t *bytes;

		corrupt_encs(arena, child);
		if (strcmp(child->tag, "enc") != 0 ||
			value->kind != WA_VALUE_BYTES || value->n == 0)
			continue;
		/* At two thirds the MAC covers it, in a pkmsg as well: its
		 * outer fields stand at both ends. */
		bytes = arena_dup(arena, value->bytes, value->n);
		bytes[value->n * 2 / 3] ^= 0x01;
		value->bytes = bytes;
	}
}

const struct wa_node *fault_corrupted(
	struct sandbox *sandbox, const struct wa_node *node)
{
	struct wa_node *copy = wa_node_copy(sandbox->arena, node);

	corrupt_encs(sandbox->arena, copy);
	return copy;
}
