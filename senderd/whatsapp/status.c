#include "senderd/whatsapp/status.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/arena.h"
#include "common/buf.h"
#include "common/clock.h"
#include "common/err.h"
#include "common/log.h"
#include "common/own.h"
#include "common/phone.h"
#include "common/store/contact.h"
#include "senderd/facts.h"
#include "whatsapp.pb-c.h"

#define PRIVACY_VALUE "status_privacy" /* among the lane's values */
#define PRIVACY_FRESH_MS (3600 * 1000LL)
#define CONTACTS_A_READ 500

/* ---- the privacy list, as it is kept: "<unix ms> <type>" and one address a
 * line ---- */

enum privacy_type { TO_CONTACTS, TO_WHITELIST, TO_ALL_BUT_BLACKLIST };

static const struct {
	const char *type;    /* on the wire */
	const char *setting; /* of a post */
	const char *name;    /* for clients */
} types[] = {
	[TO_CONTACTS] = { "contacts", "contacts", "contacts" },
	[TO_WHITELIST] = { "whitelist", "allowlist", "allowlist" },
	[TO_ALL_BUT_BLACKLIST] = { "blacklist", "denylist", "denylist" },
};

struct privacy {
	int64_t asked_ms;
	enum privacy_type type;
	struct wa_jid *list; /* in the turn's arena: session names, ordered */
	size_t n;
};

static enum privacy_type type_find(const char *text)
{
	for (size_t i = 0; text != NULL && i < ARRAY_LEN(types); i++) {
		if (strcmp(types[i].type, text) == 0)
			return (enum privacy_type)i;
	}
	return TO_CONTACTS;
}

static int compare_jids(const void *a, const void *b)
{
	const struct wa_jid *left = a, *right = b;
	int order = strcmp(left->user, right->user);

	return order != 0 ? order : (int)left->server - (int)right->server;
}

static void privacy_read_lines(
	struct lane *lane, char *lines, struct privacy *out)
{
	char *rest = NULL;

	for (char *line = strtok_r(lines, "\n", &rest);
		line != NULL && out->n < STATUS_AUDIENCE_MAX;
		line = strtok_r(NULL, "\n", &rest)) {
		struct wa_jid jid;

		if (wa_jid_parse(line, strlen(line), &jid) == 0 &&
			wa_jid_is_user(&jid))
			out->list[out->n++] = lane_signal_address(lane, &jid);
	}
	qsort(out->list, out->n, sizeof *out->list, compare_jids);
}

/* 1: known, 0: nothing is kept, -1. */
static int privacy_load(struct lane *lane, struct privacy *out, struct err *err)
{
	scoped(buf_fini) struct buf value = BUF_INIT;
	char type[16] = "";
	char *text = NULL, *lines = NULL;
	int found = lanedb_value_load(lane->db, PRIVACY_VALUE, &value, err);
	size_t n_lines = 0;

	*out = (struct privacy){ .type = TO_CONTACTS };
	if (found <= 0)
		return found;
	text = arena_strdup(lane->arena, buf_cstr(&value));
	if (sscanf(text, "%" SCNd64 " %15s", &out->asked_ms, type) != 2)
		return 0;
	out->type = type_find(type);
	lines = strchr(text, '\n');
	for (const char *p = lines; p != NULL; p = strchr(p + 1, '\n'))
		n_lines++;
	out->list = arena_alloc(lane->arena, (n_lines + 1) * sizeof *out->list);
	if (lines != NULL)
		privacy_read_lines(lane, lines, out);
	return 1;
}

static bool privacy_has(
	const struct privacy *privacy, const struct wa_jid *account)
{
	return privacy->n > 0 &&
	       bsearch(account, privacy->list, privacy->n,
		       sizeof *privacy->list, compare_jids) != NULL;
}

json_t *status_privacy_json(struct lane *lane, struct err *err)
{
	struct privacy privacy;
	json_t *list = NULL;

	if (privacy_load(lane, &privacy, err) <= 0)
		return NULL;
	list = json_array();
	for (size_t i = 0; i < privacy.n; i++) {
		struct wa_jid pn = privacy.list[i];
		char text[WA_JID_TEXT];

		if (pn.server == WA_SERVER_LID &&
			lanedb_pn_of(lane->db, &privacy.list[i], &pn, err) < 0)
			continue;
		if (pn.server == WA_SERVER_PN)
			json_array_append_new(
				list, json_sprintf("+%s", pn.user));
		else
			json_array_append_new(
				list, json_string(wa_jid_text(&pn, text)));
	}
	return json_pack("{s:s, s:o}", "privacy", types[privacy.type].name,
		"list", list);
}

/* ---- the question ---- */

struct question {
	status_done_fn *done;
	void *arg;
};

static int privacy_keep(
	struct lane *lane, const struct wa_node *list, struct err *err)
{
	scoped(buf_fini) struct buf value = BUF_INIT;
	enum privacy_type type =
		type_find(list != NULL ? wa_node_str(list, "type") : NULL);
	size_t n = 0;

	buf_printf(&value, "%" PRId64 " %s", clock_now_ms(), types[type].type);
	for (const struct wa_node *user = list != NULL ? list->child : NULL;
		user != NULL && n < STATUS_AUDIENCE_MAX; user = user->next) {
		struct wa_jid jid;
		char text[WA_JID_TEXT];

		if (!wa_node_jid(user, "jid", &jid) || !wa_jid_is_user(&jid))
			continue;
		jid = wa_jid_bare(&jid);
		buf_printf(&value, "\n%s", wa_jid_text(&jid, text));
		n++;
	}
	return lanedb_value_save(
		lane->db, PRIVACY_VALUE, value.data, value.len, err);
}

/* The default one among several; item-not-found means "contacts". */
static const struct wa_node *privacy_list(const struct wa_node *answer)
{
	const struct wa_node *privacy = wa_node_child(answer, "privacy");
	const struct wa_node *first = wa_node_child(privacy, "list");

	for (const struct wa_node *list = first; list != NULL;
		list = list->next) {
		if (strcmp(list->tag, "list") == 0 &&
			wa_node_is(list, "default", "true"))
			return list;
	}
	return first;
}

static void on_answer(
	struct lane *lane, const struct wa_node *answer, void *arg)
{
	struct question *question = arg;
	struct err err = ERR_NONE;
	int code = 0;
	bool answered = !iq_is_error(answer, &code) || code == 404;

	if (!answered)
		log_warning("status privacy=unknown code=%d "
			    "action=\"asked again later\"",
			code);
	else if (privacy_keep(lane, code == 404 ? NULL : privacy_list(answer),
			 &err) != 0)
		facts_fail(lane, &err);
	question->done(lane, answered, question->arg);
	free(question);
}

void status_ask(struct lane *lane, status_done_fn *done, void *arg)
{
	struct question *question = xcalloc(1, sizeof *question);
	struct wa_node *iq = iq_new(lane, "get", "status");

	question->done = done;
	question->arg = arg;
	wa_node_add(iq, "privacy");
	iq_send(lane, iq, on_answer, question);
}

/* ---- audiences that are kept: the setting and LID users, each with its NUL
 * ---- */

int status_keep_audience(struct lane *lane, const char *wa_id,
	const struct castplan *plan, const char *setting, struct err *err)
{
	scoped(buf_fini) struct buf users = BUF_INIT;

	if (setting == NULL)
		setting = types[TO_CONTACTS].setting;
	buf_add(&users, setting, strlen(setting) + 1);
	for (size_t i = 0; i < plan->n_accounts; i++) {
		const struct wa_jid *account = &plan->accounts[i].account;

		if (plan->accounts[i].list == CAST_LISTED)
			buf_add(&users, account->user,
				strlen(account->user) + 1);
	}
	return lanedb_audience_save(
		lane->db, wa_id, users.data, users.len, clock_now_ms(), err);
}

/* The next user of the list, NULL at its end. */
static const char *user_next(const struct buf *users, size_t *at)
{
	const char *user = (const char *)users->data + *at;
	const char *end = NULL;

	if (*at >= users->len)
		return NULL;
	end = memchr(user, '\0', users->len - *at);
	if (end == NULL)
		return NULL;
	*at += (size_t)(end - user) + 1;
	return user;
}

int status_was_for(struct lane *lane, const char *wa_id,
	const struct wa_jid *account, struct err *err)
{
	scoped(buf_fini) struct buf users = BUF_INIT;
	int found = lanedb_audience_load(lane->db, wa_id, &users, err);
	const char *user = NULL;
	size_t at = 0;

	if (found <= 0 || account->server != WA_SERVER_LID)
		return found < 0 ? -1 : 0;
	user_next(&users, &at); /* the setting */
	while ((user = user_next(&users, &at)) != NULL) {
		if (strcmp(user, account->user) == 0)
			return 1;
	}
	return 0;
}

static const char *setting_find(const char *text)
{
	for (size_t i = 0; text != NULL && i < ARRAY_LEN(types); i++) {
		if (strcmp(types[i].setting, text) == 0)
			return types[i].setting;
	}
	return types[TO_CONTACTS].setting;
}

/* 1: @plan is that audience, 0: none is kept, -1. */
static int plan_kept(struct lane *lane, const char *wa_id,
	struct castplan *plan, const char **setting_out, struct err *err)
{
	scoped(buf_fini) struct buf users = BUF_INIT;
	int found = lanedb_audience_load(lane->db, wa_id, &users, err);
	const char *user = NULL;
	size_t at = 0;

	if (found <= 0)
		return found;
	*setting_out = setting_find(user_next(&users, &at));
	while ((user = user_next(&users, &at)) != NULL) {
		struct wa_jid jid = wa_jid_lid(user, 0);

		castplan_add(lane, plan, &jid);
	}
	return 1;
}

/* ---- who may see it ---- */

/* The id of the status that this message takes back, in the turn's arena. */
static const char *target_of(struct lane *lane, const struct composed *composed)
{
	Wa__Message *message = wa__message__unpack(
		NULL, composed->plain.len, composed->plain.data);
	const Wa__ProtocolMessage *protocol =
		message != NULL ? message->protocol_message : NULL;
	const char *id = NULL;

	if (protocol != NULL && protocol->key != NULL &&
		protocol->key->id != NULL)
		id = arena_strdup(lane->arena, protocol->key->id);
	if (message != NULL)
		wa__message__free_unpacked(message, NULL);
	return id;
}

/* 1: the message names whom it is for, 0: it does not, -1: wrongly. */
static int plan_named(
	struct lane *lane, const struct job *job, struct castplan *plan)
{
	json_t *content =
		job->content != NULL ? json_loads(job->content, 0, NULL) : NULL;
	const json_t *audience = json_object_get(content, "audience");
	int result = audience != NULL;

	for (size_t i = 0; i < json_array_size(audience); i++) {
		const char *text =
			json_string_value(json_array_get(audience, i));
		char digits[PHONE_LEN];
		struct wa_jid pn;

		if (i >= STATUS_AUDIENCE_MAX || text == NULL ||
			phone_parse(text, strlen(text), digits) != 0) {
			result = -1;
			break;
		}
		pn = wa_jid_pn(digits, 0);
		castplan_add(lane, plan, &pn);
	}
	if (audience != NULL && !json_is_array(audience))
		result = -1;
	json_decref(content);
	return result;
}

struct reading {
	struct lane *lane;
	struct castplan *plan;
	const struct privacy *privacy;
	size_t n_rows;
};

static int on_contact(const struct contact *contact, void *arg)
{
	struct reading *reading = arg;
	struct wa_jid jid, account;

	reading->n_rows++;
	if (contact->name == NULL)
		return 0; /* not in the address book */
	jid = contact->lid != NULL ? wa_jid_lid(contact->lid, 0)
				   : wa_jid_pn(contact->phone, 0);
	account = lane_signal_address(reading->lane, &jid);
	if (reading->privacy->type == TO_ALL_BUT_BLACKLIST &&
		privacy_has(reading->privacy, &account))
		return 0;
	if (reading->plan->n_accounts >= STATUS_AUDIENCE_MAX)
		return 1;
	castplan_add(reading->lane, reading->plan, &jid);
	return 0;
}

static int plan_contacts(struct lane *lane, const struct privacy *privacy,
	struct castplan *plan, struct err *err)
{
	struct reading reading = {
		.lane = lane, .plan = plan, .privacy = privacy
	};
	struct page page = { .limit = CONTACTS_A_READ };
	int64_t total = 0;

	do {
		reading.n_rows = 0;
		if (store_contact_list(lane->store, lane->account_id, page,
			    on_contact, &reading, &total, err) != 0)
			return -1;
		page.offset += page.limit;
	} while (reading.n_rows == CONTACTS_A_READ &&
		 plan->n_accounts < STATUS_AUDIENCE_MAX);
	if (plan->n_accounts >= STATUS_AUDIENCE_MAX)
		log_warning("status contacts=%" PRId64 " status=too_many "
			    "action=\"the first %d see it\"",
			total, STATUS_AUDIENCE_MAX);
	return 0;
}

/* 1: ready, 0: the list must be asked for, -1. */
static int plan_privacy(struct lane *lane, struct castplan *plan,
	const char **setting_out, struct err *err)
{
	struct privacy privacy;
	int known = privacy_load(lane, &privacy, err);

	if (known <= 0)
		return known;
	if (clock_now_ms() - privacy.asked_ms >= PRIVACY_FRESH_MS)
		return 0;
	*setting_out = types[privacy.type].setting;
	if (privacy.type != TO_WHITELIST)
		return plan_contacts(lane, &privacy, plan, err) == 0 ? 1 : -1;
	for (size_t i = 0; i < privacy.n; i++)
		castplan_add(lane, plan, &privacy.list[i]);
	return 1;
}

/* Where the audience comes from.  1: ready, 0: go on, -1. */
static int plan_earlier(struct lane *lane, const struct job *job,
	const struct composed *composed, struct castplan *plan,
	const char **setting_out, struct err *err)
{
	const char *target = NULL;
	int found = plan_kept(lane, job->wa_id, plan, setting_out, err);

	if (found != 0 || job->kind != MESSAGE_REVOKE)
		return found;
	target = target_of(lane, composed);
	return target != NULL ? plan_kept(lane, target, plan, setting_out, err)
			      : 0;
}

/* Posts say what the list was, answers to posts do not. */
static bool is_post(const struct job *job)
{
	return job->kind != MESSAGE_REVOKE && job->kind != MESSAGE_REACTION;
}

enum status_audience status_plan(struct lane *lane, const struct job *job,
	const struct composed *composed, struct castplan *plan,
	const char **setting_out, const char **reason_out, struct err *err)
{
	struct wa_jid self = wa_jid_bare(&lane->id.jid);
	const char *setting = types[TO_WHITELIST].setting; /* if named */
	int named = plan_named(lane, job, plan);
	int found = 0;

	*setting_out = NULL;
	*reason_out = "invalid_audience";
	if (named < 0)
		return STATUS_REFUSED;
	if (named == 0) {
		found = plan_earlier(lane, job, composed, plan, &setting, err);
		if (found == 0)
			found = plan_privacy(lane, plan, &setting, err);
		if (found <= 0)
			return found < 0 ? STATUS_FAILED : STATUS_ASK_PRIVACY;
	}
	castplan_add(lane, plan, &self);
	castplan_unique(plan);
	*reason_out = "no_audience";
	if (plan->n_accounts < 2)
		return STATUS_REFUSED;
	if (is_post(job))
		*setting_out = setting;
	return STATUS_READY;
}
