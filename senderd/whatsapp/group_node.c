/* Groups as stanzas show them.  Everything is a peer's word: counted, cut and
 * cleaned. */
#include "senderd/whatsapp/group.h"

#include <stdlib.h>
#include <string.h>

#include "common/arena.h"
#include "common/log.h"
#include "common/own.h"
#include "senderd/whatsapp/content.h"

#define EXPIRATION_MAX 31622400 /* a year: longer is nonsense */
#define TIME_MAX_SEC 99999999999LL

void group_free(struct group **groupp)
{
	struct group *group = move(*groupp);

	if (group == NULL)
		return;
	free(group->subject);
	free(group->description);
	free(group->description_id);
	free(group->members);
	free(group);
}

void group_set_text(char **field, const char *text)
{
	free(*field);
	*field = xstrdup(text);
}

char *group_read_text(
	struct arena *scratch, const struct wa_node *node, size_t max)
{
	size_t n = 0;
	const uint8_t *bytes = node != NULL ? wa_node_content(node, &n) : NULL;
	const char *text = "";

	if (bytes != NULL)
		text = arena_strndup(
			scratch, (const char *)bytes, n <= max ? n : max + 1);
	return content_clean_cut(scratch, text, max);
}

/* ---- members ---- */

/* The other name is in an attribute named after its kind. */
static void other_read(const struct wa_node *node, struct group_member *member)
{
	bool by_lid = member->jid.server == WA_SERVER_LID;
	struct wa_jid other;

	if (wa_node_jid(node, by_lid ? "phone_number" : "lid", &other) &&
		other.server == (by_lid ? WA_SERVER_PN : WA_SERVER_LID) &&
		other.user[0] != '\0')
		member->other = wa_jid_bare(&other);
}

bool group_read_member(const struct wa_node *node, struct group_member *out)
{
	*out = (struct group_member){ .rank = GROUP_MEMBER };
	if (strcmp(node->tag, "participant") != 0 ||
		!wa_node_jid(node, "jid", &out->jid) ||
		!wa_jid_is_user(&out->jid))
		return false;
	out->jid = wa_jid_bare(&out->jid);
	other_read(node, out);
	if (wa_node_is(node, "type", "superadmin"))
		out->rank = GROUP_SUPERADMIN;
	else if (wa_node_is(node, "type", "admin"))
		out->rank = GROUP_ADMIN;
	return true;
}

struct group_member *group_find(
	const struct group *group, const struct wa_jid *account)
{
	for (size_t i = 0; i < group->n_members; i++) {
		struct group_member *member = &group->members[i];

		if (wa_jid_same_user(&member->jid, account) ||
			wa_jid_same_user(&member->other, account))
			return member;
	}
	return NULL;
}

struct group_member *group_self(
	const struct lane *lane, const struct group *group)
{
	for (size_t i = 0; i < group->n_members; i++) {
		if (lane_is_self(lane, &group->members[i].jid))
			return &group->members[i];
	}
	return NULL;
}

bool group_append(struct group *group, const struct group_member *member)
{
	size_t n = group->n_members;

	if (n >= GROUP_MEMBERS_MAX)
		return false;
	if ((n & (n - 1)) == 0) /* a power of two: it may be full */
		group->members = xrealloc(group->members,
			(n == 0 ? 1 : 2 * n) * sizeof *group->members);
	group->members[group->n_members++] = *member;
	return true;
}

bool group_add(struct group *group, const struct group_member *member)
{
	struct group_member *known = group_find(group, &member->jid);

	if (known != NULL) {
		known->rank = member->rank;
		if (!wa_jid_is_empty(&member->other))
			known->other = member->other;
		return true;
	}
	return group_append(group, member);
}

void group_remove(struct group *group, struct group_member *member)
{
	*member = group->members[--group->n_members];
}

/* ---- the element ---- */

static int compare_members(const void *a, const void *b)
{
	const struct group_member *left = a, *right = b;

	return strcmp(left->jid.user, right->jid.user);
}

/* The same account twice would get everything twice. */
static void members_unique(struct group *group)
{
	size_t n = 0;

	if (group->n_members == 0)
		return;
	qsort(group->members, group->n_members, sizeof *group->members,
		compare_members);
	for (size_t i = 1; i < group->n_members; i++) {
		if (!wa_jid_equal(
			    &group->members[i].jid, &group->members[n].jid))
			group->members[++n] = group->members[i];
	}
	group->n_members = n + 1;
}

static void members_read(struct group *group, const struct wa_node *node)
{
	wa_node_each (child, node) {
		struct group_member member;

		if (wa_node_get(child, "error") != NULL || /* not taken in */
			!group_read_member(child, &member) ||
			group_append(group, &member))
			continue;
		log_warning("group children=%zu status=too_many "
			    "action=\"the other members are left out\"",
			wa_node_n_children(node));
		break;
	}
	members_unique(group);
}

bool group_read_approval(const struct wa_node *node)
{
	return !wa_node_is(wa_node_child(node, "group_join"), "state", "off");
}

unsigned group_read_expiration(const struct wa_node *node)
{
	int64_t expiration = wa_node_int(node, "expiration", 0);

	return expiration > 0 && expiration <= EXPIRATION_MAX
		       ? (unsigned)expiration
		       : 0;
}

bool group_read_admin_add(const struct wa_node *node)
{
	size_t n = 0;
	const uint8_t *mode = node != NULL ? wa_node_content(node, &n) : NULL;

	return mode != NULL && n == strlen("admin_add") &&
	       memcmp(mode, "admin_add", n) == 0;
}

static void settings_read(struct group *group, const struct wa_node *node)
{
	const struct wa_node *approval =
		wa_node_child(node, "membership_approval_mode");

	group->is_announcement = wa_node_child(node, "announcement") != NULL;
	group->is_locked = wa_node_child(node, "locked") != NULL;
	group->expiration =
		group_read_expiration(wa_node_child(node, "ephemeral"));
	group->is_admin_add =
		group_read_admin_add(wa_node_child(node, "member_add_mode"));
	group->is_approval = approval != NULL && group_read_approval(approval);
}

static void texts_read(
	struct arena *scratch, struct group *group, const struct wa_node *node)
{
	const struct wa_node *description = wa_node_child(node, "description");
	const struct wa_node *body = wa_node_path(node, "description", "body");
	const char *subject = wa_node_str(node, "subject");
	const char *id = wa_node_str(description, "id");

	group_set_text(&group->subject,
		content_clean_cut(scratch, subject != NULL ? subject : "",
			GROUP_SUBJECT_MAX));
	group_set_text(&group->description,
		group_read_text(scratch, body, GROUP_DESCRIPTION_MAX));
	group_set_text(&group->description_id,
		id != NULL && strlen(id) <= GROUP_ID_MAX ? id : "");
}

/* The id is bare digits; some servers write the whole address. */
static bool jid_read(const struct wa_node *node, const struct wa_jid *jid,
	struct wa_jid *out)
{
	const char *id = wa_node_str(node, "id");

	if (id == NULL && jid != NULL) {
		*out = *jid;
		return true;
	}
	if (id == NULL)
		return false;
	if (strchr(id, '@') != NULL)
		return wa_jid_parse(id, strlen(id), out) == 0 &&
		       wa_jid_is_group(out);
	return wa_jid_from_parts(id, strlen(id), WA_SERVER_GROUP, 0, out) == 0;
}

static void owner_read(struct group *group, const struct wa_node *node)
{
	struct wa_jid owner;

	if (wa_node_jid(node, "creator", &owner) && wa_jid_is_user(&owner))
		group->owner = wa_jid_bare(&owner);
}

struct group *group_read(struct arena *scratch, const struct wa_node *node,
	const struct wa_jid *jid, int64_t now_ms)
{
	struct wa_jid own;
	struct group *group = NULL;
	int64_t created_s = wa_node_int(node, "creation", 0);
	int64_t size = wa_node_int(node, "size", 0);

	if (strcmp(node->tag, "group") != 0 || !jid_read(node, jid, &own) ||
		!wa_jid_is_group(&own) || own.user[0] == '\0')
		return NULL;
	group = xcalloc(1, sizeof *group);
	group->jid = wa_jid_bare(&own);
	group->by_lid = wa_node_is(node, "addressing_mode", "lid");
	group->known_ms = now_ms;
	if (created_s > 0 && created_s < TIME_MAX_SEC)
		group->created_s = created_s;
	owner_read(group, node);
	texts_read(scratch, group, node);
	settings_read(group, node);
	members_read(group, node);
	group->n_claimed =
		size > 0 && size <= 1000000 ? (size_t)size : group->n_members;
	return group;
}
