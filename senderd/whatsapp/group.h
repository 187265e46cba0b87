/* Groups: what they are called, how they are set, who is in them
 * (messages.md 9; connection.md 8.4).
 *
 * Metadata comes from the server once, is kept in the lane database and changed
 * by the server's notices (group_notice.h).  What may be out of date is kept as
 * well, marked as such: who was in a group, and since when, decides who may
 * have a message again. */
#ifndef SENDERD_WHATSAPP_GROUP_H
#define SENDERD_WHATSAPP_GROUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "senderd/lane.h"

#define GROUP_MEMBERS_MAX 2048 /* the network allows half as many */
#define GROUP_SUBJECT_MAX 512  /* bytes */
#define GROUP_DESCRIPTION_MAX 8192
#define GROUP_ID_MAX 64

struct arena;

/* Kept in the lane database; never renumber. */
enum group_rank { GROUP_MEMBER = 0, GROUP_ADMIN = 1, GROUP_SUPERADMIN = 2 };

struct group_member {
	struct wa_jid jid;   /* bare, as the group's mode writes it */
	struct wa_jid other; /* the account's other name; empty: not known */
	enum group_rank rank;
	int64_t since_ms; /* when they can have come at the earliest; 0: were
			     there before we looked */
};

struct group {
	struct wa_jid jid;
	bool by_lid;	      /* addressing_mode */
	bool is_announcement; /* only admins may send */
	bool is_locked;	      /* only admins may change what it looks like */
	bool is_admin_add;    /* only admins may add */
	bool is_approval;     /* admins decide who joins by link */
	unsigned expiration;  /* seconds, 0 = messages stay */
	int64_t created_s;
	struct wa_jid owner;			      /* empty: not known */
	char *subject, *description, *description_id; /* owned; "" = none */
	struct group_member *members;		      /* owned */
	size_t n_members;
	size_t n_claimed; /* the size that the server tells */
	int64_t known_ms; /* unix: as of when */
	bool is_stale;	  /* must be asked for again */
};
void group_free(struct group **groupp);

/* ---- group_node.c: from stanzas ---- */
/* A <group> element; @jid is used when it does not say which one it is.  NULL
 * when it is no group. Texts are cleaned in @scratch. */
struct group *group_read(struct arena *scratch, const struct wa_node *node,
	const struct wa_jid *jid, int64_t now_ms);
/* A <participant> element. */
bool group_read_member(const struct wa_node *node, struct group_member *out);
/* Text content, cleaned and cut; never NULL. */
char *group_read_text(
	struct arena *scratch, const struct wa_node *node, size_t max);
/* Of <membership_approval_mode>, <ephemeral>, <member_add_mode>; the last two
 * may be NULL. */
bool group_read_approval(const struct wa_node *node);
unsigned group_read_expiration(const struct wa_node *node);
bool group_read_admin_add(const struct wa_node *node);
void group_set_text(char **field, const char *text);

/* ---- members ---- */
/* By either name of the account; NULL: not in it. */
struct group_member *group_find(
	const struct group *group, const struct wa_jid *account);
/* Ourselves. */
struct group_member *group_self(
	const struct lane *lane, const struct group *group);
/* A member who is there already gets the new rank.  False: it is full. */
bool group_add(struct group *group, const struct group_member *member);
/* The same for one who is known not to be there. */
bool group_append(struct group *group, const struct group_member *member);
void group_remove(struct group *group, struct group_member *member);

/* ---- the cache ---- */
/* 1: known, 0: ask (*@out is what was known, or NULL), -1: the lane database
 * failed. *@out is borrowed until the next call about any group. */
int group_load(struct lane *lane, const struct wa_jid *jid, struct group **out,
	struct err *err);
/* What group_load() gave has changed. */
int group_save(struct lane *lane, struct group *group, struct err *err);
/* What the server told: learns names, keeps since when members are there, takes
 * a new sender key when the addressing mode is another.  Owns @group. */
int group_learn(struct lane *lane, struct group *group, struct err *err);
/* It must be asked for again. */
int group_expire(struct lane *lane, const struct wa_jid *jid, struct err *err);
/* We are not in it any more: nothing is kept, keys neither. */
int group_forget(struct lane *lane, const struct wa_jid *jid, struct err *err);
/* A message came in @mode ("lid", "pn", NULL): another one than we know? */
int group_check_mode(struct lane *lane, const struct wa_jid *jid,
	const char *mode, struct err *err);
/* Seconds after which messages of the group disappear; 0 also while it is not
 * known. */
unsigned group_expiration(struct lane *lane, const struct wa_jid *jid);

/* ---- questions ---- */
enum group_outcome {
	GROUP_KNOWN,
	GROUP_NOT_MEMBER, /* we are not in it */
	GROUP_NOT_FOUND,  /* there is none */
	GROUP_NO_ANSWER,  /* ask again later */
};
typedef void group_done_fn(
	struct lane *lane, enum group_outcome outcome, void *arg);
/* Answers once, in a later turn (at once without a connection). */
void group_ask(struct lane *lane, const struct wa_jid *jid, group_done_fn *done,
	void *arg);
/* A <group> that came as answer to something else; the group's JID.  -1: there
 * is none in it, or the lane database failed (ERR_IO). */
int group_learn_node(struct lane *lane, const struct wa_node *node,
	const struct wa_jid *jid, struct wa_jid *jid_out, struct err *err);
/* A new question about @to ("…@g.us", or the server of groups when NULL). */
struct wa_node *group_iq(
	struct lane *lane, const char *type, const struct wa_jid *to);

#endif
