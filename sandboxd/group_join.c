/* The ways into a group without being added: the link with its code, requests
 * that wait for an admin, and invitations for those who cannot be added. */
#include "sandboxd/group.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/err.h"
#include "common/ids.h"
#include "common/own.h"

#define OLD_CODES_MAX 16
#define REQUESTS_MAX 1000
#define INVITES_MAX 1000
#define CODE_LEN 22
#define INVITE_CODE_LEN 16

static void code_choose(char *out, size_t n)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "abcdefghijklmnopqrstuvwxyz0123456789";

	for (size_t i = 0; i < n; i++)
		out[i] = letters[random_between(0, sizeof(letters) - 2)];
	out[n] = '\0';
}

/* ---- the link ---- */

void group_code_choose(struct group *group)
{
	code_choose(group->invite_code, CODE_LEN);
}

static void old_codes_trim(struct group *group)
{
	struct group_old_code **at = &group->old_codes;

	for (unsigned n = 0; *at != NULL && n < OLD_CODES_MAX; n++)
		at = &(*at)->next;
	while (*at != NULL) {
		struct group_old_code *old = *at;

		*at = old->next;
		free(old);
	}
}

void group_code_reset(
	struct sandbox *sandbox, struct group *group, struct account *actor)
{
	struct group_old_code *old = xcalloc(1, sizeof(*old));
	struct wa_node *node;

	snprintf(old->code, sizeof(old->code), "%s", group->invite_code);
	old->next = group->old_codes;
	group->old_codes = old;
	old_codes_trim(group);
	group_code_choose(group);
	node = group_notification(sandbox, group, actor);
	wa_node_set(wa_node_add(node, "invite"), "code", group->invite_code);
	group_tell(sandbox, group, node);
}

static bool was_code(const struct group *group, const char *code)
{
	for (const struct group_old_code *old = group->old_codes; old != NULL;
		old = old->next)
		if (strcmp(old->code, code) == 0)
			return true;
	return false;
}

struct group *group_by_code(
	struct sandbox *sandbox, const char *code, struct err *err)
{
	bool revoked = false;

	for (struct group *group = sandbox->groups; group != NULL;
		group = group->next) {
		if (strcmp(group->invite_code, code) == 0)
			return group;
		revoked = revoked || was_code(group, code);
	}
	err_set(err, revoked ? ERR_CONFLICT : ERR_NOT_FOUND,
		revoked ? "the link was revoked" : "no such link");
	return NULL;
}

/* ---- requests ---- */

/* Where the request of @account is, or the end of the list. */
static struct group_request **request_slot(
	struct group *group, const struct account *account, size_t *n_out)
{
	struct group_request **at = &group->requests;

	for (*n_out = 0; *at != NULL && (*at)->account != account; ++*n_out)
		at = &(*at)->next;
	return at;
}

void group_request_drop(struct group *group, const struct account *account)
{
	size_t n;
	struct group_request **at = request_slot(group, account, &n);
	struct group_request *request = *at;

	if (request == NULL)
		return;
	*at = request->next;
	free(request);
}

static void tell_request(struct sandbox *sandbox, const struct group *group,
	const struct account *actor, const struct account *about,
	const char *change)
{
	struct wa_node *node = group_notification(sandbox, group, actor);
	struct wa_node *child = wa_node_add(node, change);

	wa_node_set(child, "request_method", "invite_link");
	group_add_participant(child, group, about);
	group_tell_admins(sandbox, group, node);
}

static int request_add(struct sandbox *sandbox, struct group *group,
	struct account *account, struct err *err)
{
	size_t n;
	struct group_request **at = request_slot(group, account, &n);

	if (*at != NULL)
		return 0;
	if (n >= REQUESTS_MAX)
		return err_set(err, ERR_LIMIT, "%zu wait already", n);
	*at = xcalloc(1, sizeof(**at));
	(*at)->account = account;
	(*at)->t = clock_now_ms() / 1000;
	tell_request(sandbox, group, account, account,
		"created_membership_requests");
	return 0;
}

int group_join_by_code(struct sandbox *sandbox, struct group *group,
	struct account *account, bool *waiting_out, struct err *err)
{
	*waiting_out =
		group->approval && group_member_of(group, account) == NULL;
	if (*waiting_out)
		return request_add(sandbox, group, account, err);
	return group_join(sandbox, group, account, "invite", err);
}

int group_decide(struct sandbox *sandbox, struct group *group,
	struct account *actor, struct account *account, bool approve,
	struct err *err)
{
	size_t n;

	if (*request_slot(group, account, &n) == NULL)
		return err_set(
			err, ERR_NOT_FOUND, "%s does not wait", account->pn);
	if (approve)
		return group_join(sandbox, group, account, NULL, err);
	group_request_drop(group, account);
	tell_request(
		sandbox, group, actor, account, "revoked_membership_requests");
	return 0;
}

/* ---- invitations ---- */

void group_invite_drop(struct group *group, const struct account *account)
{
	struct group_invite **at = &group->invites;

	while (*at != NULL) {
		struct group_invite *invite = *at;

		if (invite->account != account) {
			at = &invite->next;
			continue;
		}
		*at = invite->next;
		free(invite);
	}
}

/* Room for one more: the oldest go. */
static void invites_trim(struct group *group)
{
	struct group_invite **at = &group->invites;

	for (size_t n = 0; *at != NULL && n < INVITES_MAX - 1; n++)
		at = &(*at)->next;
	while (*at != NULL) {
		struct group_invite *invite = *at;

		*at = invite->next;
		free(invite);
	}
}

const struct group_invite *group_invite_new(
	struct group *group, struct account *account, struct account *admin)
{
	struct group_invite *invite = xcalloc(1, sizeof(*invite));

	group_invite_drop(group, account);
	invites_trim(group);
	invite->account = account;
	invite->admin = admin;
	code_choose(invite->code, INVITE_CODE_LEN);
	invite->expires_s = clock_now_ms() / 1000 + GROUP_INVITE_S;
	invite->next = group->invites;
	group->invites = invite;
	return invite;
}

const struct group_invite *group_invite_find(const struct group *group,
	const struct account *account, const char *code)
{
	const struct group_invite *invite = group->invites;

	while (invite != NULL && invite->account != account)
		invite = invite->next;
	if (invite == NULL || code == NULL || strcmp(invite->code, code) != 0 ||
		invite->expires_s < clock_now_ms() / 1000)
		return NULL;
	return invite;
}

void group_join_fini(struct group *group)
{
	while (group->requests != NULL)
		group_request_drop(group, group->requests->account);
	while (group->invites != NULL)
		group_invite_drop(group, group->invites->account);
	while (group->old_codes != NULL) {
		struct group_old_code *old = group->old_codes;

		group->old_codes = old->next;
		free(old);
	}
}
