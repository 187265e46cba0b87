/* Groups in the control API: what the people of a test do with them. */
#include "sandboxd/control.h"

#include <string.h>

#include "common/err.h"
#include "common/own.h"
#include "sandboxd/control_body.h"
#include "sandboxd/group.h"

#define SUBJECT_MAX 128

/* ---- reading ---- */

/* The phone under @key of the body, which must be there. */
static int needed_account(const struct control *control, const char *key,
	struct account **out, struct err *err)
{
	*out = NULL;
	if (body_account(control->sandbox, control->body, key, out, err) != 0)
		return -1;
	return *out != NULL ? 0
			    : err_set(err, ERR_INVALID, "%s is missing", key);
}

/* Who does it: the phone under "by"; without one the creator. */
static int body_actor(
	const struct control *control, struct account **out, struct err *err)
{
	*out = NULL;
	return body_account(control->sandbox, control->body, "by", out, err);
}

/* ---- writing ---- */

static json_t *phone_json(const struct account *account)
{
	return account == NULL ? json_null() : json_sprintf("+%s", account->pn);
}

static void set_jid(json_t *json, const struct group *group)
{
	char text[WA_JID_TEXT];
	struct wa_jid jid = group_jid(group);

	json_object_set_new(json, "jid", json_string(wa_jid_text(&jid, text)));
}

static json_t *summary_json(const struct group *group)
{
	json_t *json = json_pack("{s:s, s:s, s:I}", "subject", group->subject,
		"mode", group->lid_mode ? "lid" : "pn", "size",
		(json_int_t)group->n_members);

	set_jid(json, group);
	return json;
}

static json_t *members_json(const struct group *group)
{
	static const char *const ranks[] = {
		[GROUP_MEMBER] = "member",
		[GROUP_ADMIN] = "admin",
		[GROUP_SUPERADMIN] = "superadmin",
	};
	json_t *list = json_array();

	for (const struct group_member *m = group->members; m != NULL;
		m = m->next)
		json_array_append_new(
			list, json_pack("{s:o, s:s, s:s}", "phone",
				      phone_json(m->account), "lid",
				      m->account->lid, "rank", ranks[m->rank]));
	return list;
}

static json_t *requests_json(const struct group *group)
{
	json_t *list = json_array();

	for (const struct group_request *r = group->requests; r != NULL;
		r = r->next)
		json_array_append_new(list, phone_json(r->account));
	return list;
}

static void group_json(json_t *json, const struct group *group)
{
	json_object_update_new(json, summary_json(group));
	json_object_update_new(json,
		json_pack("{s:o, s:s?, s:b, s:b, s:i, s:s, s:b, s:s, s:o, s:o}",
			"creator", phone_json(group->creator), "description",
			group->description, "announcement", group->announcement,
			"locked", group->locked, "ephemeral",
			(int)group->expiration, "memberAddMode",
			group->admin_add ? "admin_add" : "all_member_add",
			"approval", group->approval, "inviteCode",
			group->invite_code, "members", members_json(group),
			"requests", requests_json(group)));
}

/* ---- /groups ---- */

int control_group_create(struct control *control, struct err *err)
{
	static const char *const names[] = { "creator", "subject", "members",
		"mode", NULL };
	static const char *const modes[] = { "lid", "pn", NULL };
	const json_t *body = control->body;
	struct account **members = NULL, *creator;
	const char *subject = NULL;
	struct group *group;
	size_t n = 0;
	int mode = 0;

	if (control_only(control, names, err) != 0 ||
		needed_account(control, "creator", &creator, err) != 0 ||
		body_accounts(control->sandbox, body, "members", &members, &n,
			err) != 0 ||
		body_choice(body, "mode", modes, &mode, err) != 0 ||
		body_text(body, "subject", SUBJECT_MAX, &subject, err) != 0 ||
		group_check_subject(subject,
			subject == NULL ? 0 : strlen(subject), err) != 0)
		return -1;
	group = group_create(
		control->sandbox, creator, subject, members, n, mode == 0);
	if (group == NULL)
		return err_set(err, ERR_LIMIT, "there are %d groups already",
			GROUPS_MAX);
	group_json(control->answer, group);
	return 201;
}

int control_group_list(struct control *control, struct err *err)
{
	json_t *list = json_array();

	(void)err;
	for (const struct group *group = control->sandbox->groups;
		group != NULL; group = group->next)
		json_array_append_new(list, summary_json(group));
	json_object_set_new(control->answer, "groups", list);
	return 200;
}

int control_group_get(struct control *control, struct err *err)
{
	(void)err;
	group_json(control->answer, control->group);
	return 200;
}

/* ---- /groups/:jid/... ---- */

static int change(
	struct control *control, enum group_verb verb, struct err *err)
{
	static const char *const names[] = { "phone", "by", NULL };
	struct account *account, *actor;

	if (control_only(control, names, err) != 0 ||
		body_actor(control, &actor, err) != 0 ||
		needed_account(control, "phone", &account, err) != 0 ||
		group_change(control->sandbox, control->group, actor, verb,
			account, err) != 0)
		return -1;
	group_json(control->answer, control->group);
	return 200;
}

int control_group_add(struct control *control, struct err *err)
{
	return change(control, GROUP_ADD, err);
}

int control_group_remove(struct control *control, struct err *err)
{
	return change(control, GROUP_REMOVE, err);
}

int control_group_promote(struct control *control, struct err *err)
{
	return change(control, GROUP_PROMOTE, err);
}

int control_group_demote(struct control *control, struct err *err)
{
	return change(control, GROUP_DEMOTE, err);
}

int control_group_leave(struct control *control, struct err *err)
{
	static const char *const names[] = { "phone", NULL };
	struct account *account;

	if (control_only(control, names, err) != 0 ||
		needed_account(control, "phone", &account, err) != 0 ||
		group_leave(control->sandbox, control->group, account, err) !=
			0)
		return -1;
	return 200;
}

static const struct {
	const char *key;
	enum group_setting setting;
} settings[] = {
	{ "announcement", GROUP_ANNOUNCEMENT },
	{ "locked", GROUP_LOCKED },
	{ "ephemeral", GROUP_EXPIRATION },
	{ "adminAdd", GROUP_ADMIN_ADD },
	{ "approval", GROUP_APPROVAL },
};

/* A switch, or for "ephemeral" seconds. */
static int read_setting(const json_t *value, enum group_setting setting,
	unsigned *out, struct err *err)
{
	if (setting != GROUP_EXPIRATION) {
		if (!json_is_boolean(value))
			return err_set(
				err, ERR_INVALID, "a setting is true or false");
		*out = json_is_true(value);
		return 0;
	}
	if (!json_is_integer(value) || json_integer_value(value) < 0 ||
		json_integer_value(value) > GROUP_EXPIRATION_MAX)
		return err_set(err, ERR_INVALID,
			"ephemeral must be seconds from 0 to %d",
			GROUP_EXPIRATION_MAX);
	*out = (unsigned)json_integer_value(value);
	return 0;
}

int control_group_settings(struct control *control, struct err *err)
{
	static const char *const names[] = { "announcement", "locked",
		"ephemeral", "adminAdd", "approval", "subject", "by", NULL };
	const json_t *subject = json_object_get(control->body, "subject");
	struct account *actor;

	if (control_only(control, names, err) != 0 ||
		body_actor(control, &actor, err) != 0)
		return -1;
	actor = group_actor(control->group, actor);
	for (size_t i = 0; i < ARRAY_LEN(settings); i++) {
		const json_t *value =
			json_object_get(control->body, settings[i].key);
		unsigned number = 0;

		if (value == NULL)
			continue;
		if (read_setting(value, settings[i].setting, &number, err) !=
				0 ||
			group_set(control->sandbox, control->group, actor,
				settings[i].setting, number, err) != 0)
			return -1;
	}
	if (subject != NULL &&
		group_set_subject(control->sandbox, control->group, actor,
			json_string_value(subject), json_string_length(subject),
			err) != 0)
		return -1;
	group_json(control->answer, control->group);
	return 200;
}
