#include "senderd/whatsapp/people.h"

#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/err.h"
#include "common/own.h"
#include "senderd/facts.h"
#include "senderd/whatsapp/calls.h"
#include "senderd/whatsapp/devices.h"
#include "senderd/whatsapp/group_json.h"
#include "senderd/whatsapp/tokens.h"

void people_free(struct people_named **peoplep)
{
	struct people_named *people = move(*peoplep);

	if (people == NULL)
		return;
	free(people->list);
	free(people);
}

/* The other name, where it is known. */
static int names_fill(
	struct lane *lane, struct person_named *person, struct err *err)
{
	struct wa_jid other;
	bool has_lid = !wa_jid_is_empty(&person->lid);
	int found = has_lid ? lanedb_pn_of(lane->db, &person->lid, &other, err)
			    : lanedb_lid_of(lane->db, &person->pn, &other, err);

	if (found > 0)
		*(has_lid ? &person->pn : &person->lid) = wa_jid_bare(&other);
	return found < 0 ? -1 : 0;
}

static int person_parse(struct lane *lane, const char *text,
	struct person_named *out, struct err *err)
{
	struct wa_jid jid;

	if (call_jid(lane, text, &jid, err) != 0)
		return -1;
	if (!wa_jid_is_user(&jid))
		return err_set(
			err, ERR_INVALID, "\"%.64s\" is no account", text);
	*(jid.server == WA_SERVER_LID ? &out->lid : &out->pn) = jid;
	return names_fill(lane, out, err);
}

struct people_named *people_parse(
	struct lane *lane, const json_t *texts, struct err *err)
{
	struct people_named *people = NULL;
	size_t n = json_array_size(texts);

	if (n == 0 || n > PEOPLE_MAX) {
		err_set(err, ERR_INVALID,
			"participants: 1 to %d phones or addresses are needed",
			PEOPLE_MAX);
		return NULL;
	}
	people = xcalloc(1, sizeof *people);
	people->list = xcalloc(n, sizeof *people->list);
	people->n = n;
	for (size_t i = 0; i < n; i++) {
		const char *text = json_string_value(json_array_get(texts, i));

		if (person_parse(lane, text, &people->list[i], err) != 0) {
			people_free(&people);
			return NULL;
		}
	}
	return people;
}

/* ---- looking them up, some at a time ---- */

struct resolving {
	struct people_named *people; /* borrowed */
	people_done_fn *done;
	void *arg;
	size_t asked[DEVICES_ASK_MAX]; /* indexes */
	size_t n;
};

static void resolve_next(struct lane *lane, struct resolving *resolving);

static void resolve_end(
	struct lane *lane, struct resolving *resolving, bool answered)
{
	resolving->done(lane, answered, resolving->arg);
	free(resolving);
}

static void on_devices(struct lane *lane, const enum devices_outcome *outcomes,
	size_t n, void *arg)
{
	struct resolving *resolving = arg;
	struct err err = ERR_NONE;

	if (n < resolving->n || outcomes[0] == DEVICES_NO_ANSWER) {
		resolve_end(lane, resolving, false);
		return;
	}
	for (size_t i = 0; i < resolving->n; i++) {
		struct person_named *person =
			&resolving->people->list[resolving->asked[i]];

		if (names_fill(lane, person, &err) != 0)
			facts_fail(lane, &err);
		/* Without a LID there is nothing a group could name. */
		person->is_unknown = wa_jid_is_empty(&person->lid);
	}
	resolve_next(lane, resolving);
}

static void resolve_next(struct lane *lane, struct resolving *resolving)
{
	struct people_named *people = resolving->people;
	struct wa_jid jids[DEVICES_ASK_MAX];

	resolving->n = 0;
	for (size_t i = 0; i < people->n && resolving->n < DEVICES_ASK_MAX;
		i++) {
		const struct person_named *person = &people->list[i];

		if (!wa_jid_is_empty(&person->lid) || person->is_unknown)
			continue;
		jids[resolving->n] = person->pn;
		resolving->asked[resolving->n++] = i;
	}
	if (resolving->n == 0)
		resolve_end(lane, resolving, true);
	else
		devices_ask(lane, jids, resolving->n, on_devices, resolving);
}

void people_resolve(struct lane *lane, struct people_named *people,
	people_done_fn *done, void *arg)
{
	struct resolving *resolving = xcalloc(1, sizeof *resolving);

	resolving->people = people;
	resolving->done = done;
	resolving->arg = arg;
	resolve_next(lane, resolving);
}

/* ---- to the server and back ---- */

static int token_add(struct lane *lane, struct wa_node *participant,
	const struct wa_jid *lid, struct err *err)
{
	scoped(buf_fini) struct buf token = BUF_INIT;
	int64_t t = 0;
	int valid = tokens_has_valid(lane, lid, err);
	int found = valid > 0
			    ? lanedb_token_load(lane->db, lid, &token, &t, err)
			    : valid;

	if (found > 0)
		wa_node_bytes(wa_node_add(participant, "privacy"), token.data,
			token.len);
	return found < 0 ? -1 : 0;
}

int people_add_nodes(struct lane *lane, struct wa_node *parent,
	const struct people_named *people, struct people_form form,
	struct err *err)
{
	int n = 0;

	for (size_t i = 0; i < people->n; i++) {
		const struct person_named *person = &people->list[i];
		struct wa_node *node = NULL;

		if (person->is_unknown)
			continue;
		node = wa_node_add(parent, "participant");
		if (form.by_number && !wa_jid_is_empty(&person->pn)) {
			wa_node_set_jid(node, "jid", &person->pn);
		} else {
			wa_node_set_jid(node, "jid", &person->lid);
			wa_node_set_jid(node, "phone_number", &person->pn);
		}
		if (form.with_tokens &&
			token_add(lane, node, &person->lid, err) != 0)
			return -1;
		n++;
	}
	return n;
}

/* Is @person whom the server calls @jid, or @pn? */
static bool is_person(const struct person_named *person,
	const struct wa_jid *jid, const struct wa_jid *pn)
{
	return wa_jid_same_user(&person->lid, jid) ||
	       wa_jid_same_user(&person->pn, jid) ||
	       (!wa_jid_is_empty(pn) && wa_jid_same_user(&person->pn, pn));
}

static void outcome_match(
	struct people_named *people, const struct wa_node *node)
{
	struct wa_jid jid, pn;

	if (strcmp(node->tag, "participant") != 0 ||
		!wa_node_jid(node, "jid", &jid))
		return;
	wa_node_jid(node, "phone_number", &pn);
	for (size_t i = 0; i < people->n; i++) {
		struct person_named *person = &people->list[i];

		if (!is_person(person, &jid, &pn))
			continue;
		person->outcome = node;
		if (wa_jid_is_empty(&person->pn) && pn.server == WA_SERVER_PN)
			person->pn = wa_jid_bare(&pn);
	}
}

static void outcomes_match(
	struct people_named *people, const struct wa_node *answer)
{
	for (size_t i = 0; i < people->n; i++)
		people->list[i].outcome = NULL;
	if (answer == NULL)
		return;
	wa_node_each (node, answer)
		outcome_match(people, node);
}

/* Somebody whose privacy settings forbid it gets an invitation, which we may
 * send in a message. */
static void invited_fill(json_t *json, const struct wa_node *request)
{
	const char *code = wa_node_str(request, "code");

	json_object_set_new(json, "status", json_string("invited"));
	if (code != NULL)
		json_object_set_new(json, "inviteCode", json_string(code));
	json_object_set_new(json, "inviteExpiresAt",
		json_integer(wa_node_int(request, "expiration", 0)));
}

json_t *people_outcomes(
	struct people_named *people, const struct wa_node *answer)
{
	json_t *list = json_array();

	outcomes_match(people, answer);
	for (size_t i = 0; i < people->n; i++) {
		const struct person_named *person = &people->list[i];
		const struct wa_node *request =
			wa_node_child(person->outcome, "add_request");
		int64_t code = wa_node_int(person->outcome, "error", 0);
		json_t *json = group_json_person(wa_jid_is_empty(&person->lid)
							 ? &person->pn
							 : &person->lid,
			&person->pn, &person->lid);

		if (person->outcome == NULL)
			code = 404;
		if (request != NULL)
			invited_fill(json, request);
		else
			json_object_set_new(json, "status",
				json_string(code == 0 || code == 200
						    ? "ok"
						    : "error"));
		if (code != 0 && code != 200)
			json_object_set_new(json, "code", json_integer(code));
		json_array_append_new(list, json);
	}
	return list;
}
