#include "senderd/whatsapp/group_json.h"

#include "common/clock.h"
#include "common/err.h"

json_t *group_json_person(const struct wa_jid *jid, const struct wa_jid *pn,
	const struct wa_jid *lid)
{
	char text[WA_JID_TEXT];
	json_t *json = json_pack("{s:s}", "id", wa_jid_text(jid, text));

	if (!wa_jid_is_empty(pn))
		json_object_set_new(
			json, "phone", json_sprintf("+%s", pn->user));
	if (!wa_jid_is_empty(lid))
		json_object_set_new(json, "lid", json_string(lid->user));
	return json;
}

/* Both names, from what the group says or what we know. */
static int both_names(struct lane *lane, const struct wa_jid *jid,
	const struct wa_jid *told, struct wa_jid *pn, struct wa_jid *lid,
	struct err *err)
{
	bool is_lid = jid->server == WA_SERVER_LID;
	struct wa_jid other = *told;
	int found = 0;

	if (wa_jid_is_empty(&other))
		found = is_lid ? lanedb_pn_of(lane->db, jid, &other, err)
			       : lanedb_lid_of(lane->db, jid, &other, err);
	if (found < 0)
		return -1;
	if (found == 0 && wa_jid_is_empty(told))
		other = (struct wa_jid){ .server = WA_SERVER_NONE };
	*pn = is_lid ? other : *jid;
	*lid = is_lid ? *jid : other;
	return 0;
}

static json_t *account_json(struct lane *lane, const struct wa_jid *jid,
	const struct wa_jid *told, struct err *err)
{
	struct wa_jid pn, lid;

	if (both_names(lane, jid, told, &pn, &lid, err) != 0)
		return NULL;
	return group_json_person(jid, &pn, &lid);
}

json_t *group_json_account(
	struct lane *lane, const struct wa_jid *jid, struct err *err)
{
	const struct wa_jid nobody = { .server = WA_SERVER_NONE };

	return account_json(lane, jid, &nobody, err);
}

static const char *rank_name(enum group_rank rank)
{
	switch (rank) {
	case GROUP_MEMBER:
		return "member";
	case GROUP_ADMIN:
		return "admin";
	case GROUP_SUPERADMIN:
		return "superadmin";
	}
	return "member";
}

static json_t *participants_json(
	struct lane *lane, const struct group *group, struct err *err)
{
	json_t *list = json_array();

	for (size_t i = 0; i < group->n_members; i++) {
		const struct group_member *member = &group->members[i];
		json_t *person =
			account_json(lane, &member->jid, &member->other, err);

		if (person == NULL) {
			json_decref(list);
			return NULL;
		}
		json_object_set_new(
			person, "role", json_string(rank_name(member->rank)));
		json_array_append_new(list, person);
	}
	return list;
}

/* The owner as one text: the phone if it is known. */
static int owner_add(struct lane *lane, const struct group *group, json_t *json,
	struct err *err)
{
	json_t *owner = NULL;
	const char *text = NULL;

	if (wa_jid_is_empty(&group->owner))
		return 0;
	owner = group_json_account(lane, &group->owner, err);
	if (owner == NULL)
		return -1;
	text = json_string_value(json_object_get(owner, "phone"));
	if (text == NULL)
		text = json_string_value(json_object_get(owner, "id"));
	json_object_set_new(json, "owner", json_string(text));
	json_decref(owner);
	return 0;
}

static json_t *settings_json(const struct group *group)
{
	char jid[WA_JID_TEXT];

	return json_pack("{s:s, s:s, s:s, s:I, s:s, s:b, s:b, s:s, s:b, s:i}",
		"id", wa_jid_text(&group->jid, jid), "subject", group->subject,
		"description", group->description, "size",
		(json_int_t)(group->n_members > 0 ? group->n_members
						  : group->n_claimed),
		"addressingMode", group->by_lid ? "lid" : "pn", "announcement",
		(int)group->is_announcement, "locked", (int)group->is_locked,
		"memberAddMode", group->is_admin_add ? "admins" : "all",
		"approval", (int)group->is_approval, "expiration",
		(int)group->expiration);
}

json_t *group_json(struct lane *lane, const struct group *group,
	bool with_participants, struct err *err)
{
	json_t *json = settings_json(group);
	json_t *people = NULL;
	char created[CLOCK_ISO_LEN];

	if (json == NULL) {
		err_set(err, ERR_INTERNAL, "group as JSON");
		return NULL;
	}
	if (group->created_s > 0) {
		clock_iso(group->created_s * 1000, created);
		json_object_set_new(json, "createdAt", json_string(created));
	}
	if (owner_add(lane, group, json, err) != 0) {
		json_decref(json);
		return NULL;
	}
	if (!with_participants)
		return json;
	people = participants_json(lane, group, err);
	if (people == NULL) {
		json_decref(json);
		return NULL;
	}
	json_object_set_new(json, "participants", people);
	return json;
}
