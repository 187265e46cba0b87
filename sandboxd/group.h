/* What the files of the groups share; the part that everybody uses is in
 * sandbox.h.
 *
 * group.c         groups and who is in them
 * group_join.c    the ways in without being added: links, requests, invitations
 * group_info.c    subject, description, settings
 * group_node.c    a group as stanzas show it
 * group_notify.c  what members are told of a change
 * group_iq.c      requests of clients */
#ifndef SANDBOXD_GROUP_H
#define SANDBOXD_GROUP_H

#include <stdbool.h>

#include "sandboxd/sandbox.h"

#define GROUPS_MAX 10000
#define GROUP_MEMBERS_MAX 1025 /* the creator and 1,024 others */
#define GROUP_DESCRIPTION_MAX 8192
#define GROUP_EXPIRATION_MAX 31622400
#define GROUP_INVITE_S 259200 /* an invitation ends after three days */

/* Somebody who came by link and waits for an admin. */
struct group_request {
	struct account *account; /* borrowed */
	int64_t t;		 /* unix seconds */
	struct group_request *next;
};

/* The right to join that an admin may send to somebody who cannot be added. */
struct group_invite {
	struct account *account, *admin; /* borrowed */
	char code[20];
	int64_t expires_s;
	struct group_invite *next;
};

struct group_old_code {
	char code[32];
	struct group_old_code *next;
};

/* One account of a request that names many, and what became of it. */
struct group_target {
	struct wa_jid jid;	 /* as asked */
	struct account *account; /* NULL: not on this network */
	int error; /* 0: done; else as participants' error in an answer */
	const struct group_invite *invite; /* with 403, when there is one */
};
enum {
	GROUP_TARGET_NOT_ALLOWED = 403,
	GROUP_TARGET_UNKNOWN = 404,
	GROUP_TARGET_ALREADY = 409,
	GROUP_TARGET_FULL = 419
};

/* ---- group.c ---- */
bool group_is_admin(const struct group *group, const struct account *account);
/* @actor, or when that is NULL the creator, or an admin once it left. */
struct account *group_actor(const struct group *group, struct account *actor);
/* A group with its creator alone; nobody is told.  NULL: there are GROUPS_MAX.
 */
struct group *group_new(
	struct sandbox *sandbox, struct account *creator, bool lid_mode);
/* Takes in everyone who can be; tells nobody. */
void group_admit_all(struct group *group, struct account *by,
	struct group_target *targets, size_t n);
/* ERR_FORBIDDEN: @actor may not do this to anybody.  @targets say what became
 * of each; the others are told. */
int group_change_all(struct sandbox *sandbox, struct group *group,
	struct account *actor, enum group_verb verb,
	struct group_target *targets, size_t n, struct err *err);
/* Takes in one account that came by itself; @reason (or NULL) is told. */
int group_join(struct sandbox *sandbox, struct group *group,
	struct account *account, const char *reason, struct err *err);
/* Members' own name for the change: counts up. */
void group_changed(struct group *group);

/* ---- group_join.c ---- */
void group_code_choose(struct group *group);
/* A new code; the one before is known as revoked. */
void group_code_reset(
	struct sandbox *sandbox, struct group *group, struct account *actor);
/* ERR_NOT_FOUND: never was a code; ERR_CONFLICT: it was revoked. */
struct group *group_by_code(
	struct sandbox *sandbox, const char *code, struct err *err);
/* @waiting_out: an admin decides.  ERR_LIMIT: full, or too many wait. */
int group_join_by_code(struct sandbox *sandbox, struct group *group,
	struct account *account, bool *waiting_out, struct err *err);
/* -1, ERR_NOT_FOUND: it does not wait. */
int group_decide(struct sandbox *sandbox, struct group *group,
	struct account *actor, struct account *account, bool approve,
	struct err *err);
/* An invitation for @account by @admin; an older one is void. */
const struct group_invite *group_invite_new(
	struct group *group, struct account *account, struct account *admin);
/* NULL: there is no such invitation that has not ended. */
const struct group_invite *group_invite_find(const struct group *group,
	const struct account *account, const char *code);
void group_invite_drop(struct group *group, const struct account *account);
void group_request_drop(struct group *group, const struct account *account);
/* Frees codes, requests and invitations. */
void group_join_fini(struct group *group);

/* ---- group_info.c: each checks the right to, and tells everybody ---- */
/* ERR_INVALID: empty, too long or no UTF-8. */
int group_check_subject(const void *text, size_t n, struct err *err);
int group_set_subject(struct sandbox *sandbox, struct group *group,
	struct account *actor, const void *text, size_t n, struct err *err);
/* @text NULL deletes it.  ERR_CONFLICT: @prev is not the id of the present one;
 * @id NULL: one is chosen. */
int group_set_description(struct sandbox *sandbox, struct group *group,
	struct account *actor, const char *prev, const char *id,
	const void *text, size_t n, struct err *err);
enum group_setting {
	GROUP_ANNOUNCEMENT,
	GROUP_LOCKED,
	GROUP_EXPIRATION,
	GROUP_ADMIN_ADD,
	GROUP_APPROVAL
};
int group_set(struct sandbox *sandbox, struct group *group,
	struct account *actor, enum group_setting setting, unsigned value,
	struct err *err);
/* May @actor change what the group looks like? */
bool group_may_edit(const struct group *group, const struct account *actor);

/* ---- group_node.c ---- */
/* Adds <participant>, with the rank of a member. */
struct wa_node *group_add_participant(struct wa_node *parent,
	const struct group *group, const struct account *account);
/* Adds <group> with everything a member may see; without the participants for
 * somebody outside. */
struct wa_node *group_add_node(
	struct wa_node *parent, const struct group *group, bool participants);
/* The account's other address: participant_pn in a LID group, and the reverse.
 */
struct wa_jid group_other_address(
	const struct group *group, const struct account *account);

/* ---- group_notify.c ---- */
/* A w:gp2 notification without its change; @actor NULL: nobody did it. */
struct wa_node *group_notification(struct sandbox *sandbox,
	const struct group *group, const struct account *actor);
/* To every device of every member. */
void group_tell(struct sandbox *sandbox, const struct group *group,
	const struct wa_node *notification);
void group_tell_admins(struct sandbox *sandbox, const struct group *group,
	const struct wa_node *notification);
void group_tell_account(struct sandbox *sandbox, struct account *account,
	const struct wa_node *notification);
/* <create>: @type "new" when the group is, else for one that came to it.  Both
 * may be NULL. */
struct wa_node *group_create_notification(struct sandbox *sandbox,
	const struct group *group, const struct account *actor,
	const char *type, const char *reason);

/* ---- group_iq.c ---- */
void group_on_request(struct session *session, const struct wa_node *iq);

#endif
