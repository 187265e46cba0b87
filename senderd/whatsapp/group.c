#include "senderd/whatsapp/group.h"

#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/clock.h"
#include "common/err.h"
#include "common/log.h"
#include "common/own.h"
#include "senderd/facts.h"
#include "senderd/whatsapp/devices.h"
#include "senderd/whatsapp/outbound.h"
#include "senderd/whatsapp/senderkey.h"

/* ---- how it is kept: a layout of our own ---- */

#define LAYOUT_VERSION 1

enum {
	FLAG_LID = 1,
	FLAG_ANNOUNCEMENT = 2,
	FLAG_LOCKED = 4,
	FLAG_ADMIN_ADD = 8,
	FLAG_APPROVAL = 16,
	FLAG_OWNER_LID = 32,
};

static void put_text(struct buf *out, const char *text)
{
	size_t n = strlen(text);

	buf_add_be(out, n, 2);
	buf_add(out, text, n);
}

static unsigned flags_of(const struct group *group)
{
	return (group->by_lid ? FLAG_LID : 0) |
	       (group->is_announcement ? FLAG_ANNOUNCEMENT : 0) |
	       (group->is_locked ? FLAG_LOCKED : 0) |
	       (group->is_admin_add ? FLAG_ADMIN_ADD : 0) |
	       (group->is_approval ? FLAG_APPROVAL : 0) |
	       (group->owner.server == WA_SERVER_LID ? FLAG_OWNER_LID : 0);
}

static void group_pack(const struct group *group, struct buf *out)
{
	buf_add_byte(out, LAYOUT_VERSION);
	buf_add_byte(out, (uint8_t)flags_of(group));
	buf_add_be(out, group->expiration, 4);
	buf_add_be(out, (uint64_t)group->created_s, 8);
	buf_add_be(out, (uint64_t)group->known_ms, 8);
	buf_add_be(out, group->n_claimed, 4);
	put_text(out, group->owner.user);
	put_text(out, group->subject);
	put_text(out, group->description);
	put_text(out, group->description_id);
	buf_add_be(out, group->n_members, 2);
	for (size_t i = 0; i < group->n_members; i++) {
		const struct group_member *member = &group->members[i];

		buf_add_byte(out, (uint8_t)member->rank);
		buf_add_byte(out, member->jid.server == WA_SERVER_LID);
		buf_add_be(out, (uint64_t)member->since_ms, 8);
		put_text(out, member->jid.user);
		put_text(out, member->other.user);
	}
}

struct reader {
	const uint8_t *at;
	size_t left;
	bool failed;
};

static uint64_t take(struct reader *r, size_t n)
{
	uint64_t value = 0;

	if (r->left < n) {
		r->failed = true;
		r->left = 0;
		return 0;
	}
	for (size_t i = 0; i < n; i++)
		value = value << 8 | r->at[i];
	r->at += n;
	r->left -= n;
	return value;
}

static char *take_text(struct reader *r)
{
	size_t n = (size_t)take(r, 2);
	char *text = NULL;

	if (r->left < n) {
		r->failed = true;
		n = 0;
	}
	text = xcalloc(1, n + 1);
	memcpy(text, r->at, n);
	r->at += n;
	r->left -= n;
	return text;
}

static void take_user(
	struct reader *r, enum wa_server server, struct wa_jid *out)
{
	scoped(str_free) char *user = take_text(r);

	*out = (struct wa_jid){ .server = WA_SERVER_NONE };
	if (user[0] != '\0' &&
		wa_jid_from_parts(user, strlen(user), server, 0, out) != 0)
		r->failed = true;
}

static void take_members(struct reader *r, struct group *group)
{
	size_t n = (size_t)take(r, 2);

	for (size_t i = 0; i < n && !r->failed; i++) {
		struct group_member member = { 0 };
		bool by_lid = false;

		member.rank = (enum group_rank)take(r, 1);
		by_lid = take(r, 1) != 0;
		member.since_ms = (int64_t)take(r, 8);
		take_user(
			r, by_lid ? WA_SERVER_LID : WA_SERVER_PN, &member.jid);
		take_user(r, by_lid ? WA_SERVER_PN : WA_SERVER_LID,
			&member.other);
		if (!r->failed && !group_append(group, &member))
			r->failed = true;
	}
}

/* NULL: the bytes are not what this release writes; then it is asked anew. */
static struct group *group_unpack(
	const struct wa_jid *jid, const struct buf *bytes)
{
	struct group *group = xcalloc(1, sizeof *group);
	struct reader r = { .at = bytes->data, .left = bytes->len };
	uint64_t version = take(&r, 1);
	uint64_t flags = take(&r, 1);

	group->jid = *jid;
	group->by_lid = (flags & FLAG_LID) != 0;
	group->is_announcement = (flags & FLAG_ANNOUNCEMENT) != 0;
	group->is_locked = (flags & FLAG_LOCKED) != 0;
	group->is_admin_add = (flags & FLAG_ADMIN_ADD) != 0;
	group->is_approval = (flags & FLAG_APPROVAL) != 0;
	group->expiration = (unsigned)take(&r, 4);
	group->created_s = (int64_t)take(&r, 8);
	group->known_ms = (int64_t)take(&r, 8);
	group->n_claimed = (size_t)take(&r, 4);
	take_user(&r,
		(flags & FLAG_OWNER_LID) != 0 ? WA_SERVER_LID : WA_SERVER_PN,
		&group->owner);
	group->subject = take_text(&r);
	group->description = take_text(&r);
	group->description_id = take_text(&r);
	take_members(&r, group);
	if (r.failed || r.left != 0 || version != LAYOUT_VERSION)
		group_free(&group);
	return group;
}

/* ---- the cache: the group used last is at hand ---- */

static void group_hold(struct lane *lane, struct group *group)
{
	group_free(&lane->outbound->group);
	lane->outbound->group = group;
}

int group_load(struct lane *lane, const struct wa_jid *jid, struct group **out,
	struct err *err)
{
	scoped(buf_fini) struct buf bytes = BUF_INIT;
	struct group *group = lane->outbound->group;
	int64_t fetched_ms = 0;
	int found = 0;

	*out = NULL;
	if (group != NULL && wa_jid_equal(&group->jid, jid)) {
		*out = group;
		return !group->is_stale;
	}
	found = lanedb_group_load(lane->db, jid, &bytes, &fetched_ms, err);
	if (found <= 0)
		return found;
	group = group_unpack(jid, &bytes);
	if (group == NULL)
		return 0;
	group->is_stale = fetched_ms == 0;
	group_hold(lane, group);
	*out = group;
	return !group->is_stale;
}

int group_save(struct lane *lane, struct group *group, struct err *err)
{
	scoped(buf_fini) struct buf bytes = BUF_INIT;

	group_pack(group, &bytes);
	return lanedb_group_save(lane->db, &group->jid, bytes.data, bytes.len,
		group->is_stale ? 0 : group->known_ms, err);
}

static int names_learn(
	struct lane *lane, const struct group *group, struct err *err)
{
	for (size_t i = 0; i < group->n_members; i++) {
		const struct group_member *member = &group->members[i];

		if (!wa_jid_is_empty(&member->other) &&
			devices_learn_pair(
				lane, &member->jid, &member->other, err) != 0)
			return -1;
	}
	return 0;
}

static int compare_users(const void *key, const void *member)
{
	return strcmp(((const struct group_member *)key)->jid.user,
		((const struct group_member *)member)->jid.user);
}

static int compare_members(const void *a, const void *b)
{
	return compare_users(a, b);
}

/* Who was not there when we looked last can have come right after. */
static void since_carry(struct group *group, struct group *before)
{
	qsort(before->members, before->n_members, sizeof *before->members,
		compare_members);
	for (size_t i = 0; i < group->n_members; i++) {
		struct group_member *member = &group->members[i];
		const struct group_member *known =
			bsearch(member, before->members, before->n_members,
				sizeof *before->members, compare_users);

		member->since_ms =
			known != NULL ? known->since_ms : before->known_ms;
	}
}

int group_learn(struct lane *lane, struct group *group, struct err *err)
{
	scoped(group_free) struct group *fresh = group;
	struct group *before = NULL;

	if (names_learn(lane, fresh, err) != 0 ||
		group_load(lane, &fresh->jid, &before, err) < 0)
		return -1;
	if (before != NULL && before->by_lid == fresh->by_lid &&
		before->n_members > 0)
		since_carry(fresh, before);
	if (before != NULL && before->by_lid != fresh->by_lid &&
		senderkey_rotate(lane, &fresh->jid, "addressing mode", err) !=
			0)
		return -1;
	if (group_save(lane, fresh, err) != 0)
		return -1;
	group_hold(lane, move(fresh));
	return 0;
}

int group_expire(struct lane *lane, const struct wa_jid *jid, struct err *err)
{
	struct group *group = lane->outbound->group;

	if (group != NULL && wa_jid_equal(&group->jid, jid))
		group->is_stale = true;
	return lanedb_group_expire(lane->db, jid, err);
}

int group_forget(struct lane *lane, const struct wa_jid *jid, struct err *err)
{
	struct group *group = lane->outbound->group;

	if (group != NULL && wa_jid_equal(&group->jid, jid))
		group_hold(lane, NULL);
	if (lanedb_group_forget(lane->db, jid, err) != 0)
		return -1;
	return lanedb_sender_keys_forget(lane->db, jid, err);
}

int group_check_mode(struct lane *lane, const struct wa_jid *jid,
	const char *mode, struct err *err)
{
	struct group *group = NULL;
	int known = 0;

	if (mode == NULL)
		return 0;
	known = group_load(lane, jid, &group, err);
	if (known <= 0)
		return known;
	return group->by_lid == (strcmp(mode, "lid") == 0)
		       ? 0
		       : group_expire(lane, jid, err);
}

unsigned group_expiration(struct lane *lane, const struct wa_jid *jid)
{
	struct err err = ERR_NONE;
	struct group *group = NULL;

	if (group_load(lane, jid, &group, &err) < 0)
		facts_fail(lane, &err);
	return group != NULL ? group->expiration : 0;
}

/* ---- questions ---- */

struct question {
	struct wa_jid jid;
	group_done_fn *done;
	void *arg;
};

static void question_free(struct question **questionp)
{
	free(move(*questionp));
}

struct wa_node *group_iq(
	struct lane *lane, const char *type, const struct wa_jid *to)
{
	struct wa_jid groups = { .server = WA_SERVER_GROUP };

	return iq_new_to(lane, type, "w:g2", to != NULL ? to : &groups);
}

int group_learn_node(struct lane *lane, const struct wa_node *node,
	const struct wa_jid *jid, struct wa_jid *jid_out, struct err *err)
{
	struct group *group = node != NULL ? group_read(lane->arena, node, jid,
						     clock_now_ms())
					   : NULL;

	if (group == NULL)
		return err_set(err, ERR_PEER, "no group in the answer");
	if (jid != NULL && !wa_jid_equal(&group->jid, jid)) {
		group_free(&group);
		return err_set(err, ERR_PEER, "another group in the answer");
	}
	if (jid_out != NULL)
		*jid_out = group->jid;
	if (group_learn(lane, group, err) == 0)
		return 0;
	err->code = ERR_IO;
	return -1;
}

static enum group_outcome outcome_of(int code)
{
	switch (code) {
	case 401:
	case 403:
		return GROUP_NOT_MEMBER;
	case 404:
	case 406:
	case 410:
		return GROUP_NOT_FOUND;
	}
	return GROUP_NO_ANSWER;
}

static void on_answer(
	struct lane *lane, const struct wa_node *answer, void *arg)
{
	scoped(question_free) struct question *question = arg;
	enum group_outcome outcome = GROUP_KNOWN;
	struct err err = ERR_NONE;
	char text[WA_JID_TEXT];
	int code = 0;

	if (iq_is_error(answer, &code)) {
		outcome = outcome_of(code);
		err_set(&err, ERR_PEER, "code %d", code);
	} else if (group_learn_node(lane, wa_node_child(answer, "group"),
			   &question->jid, NULL, &err) != 0) {
		outcome = GROUP_NO_ANSWER;
	}
	if (err.code == ERR_IO)
		facts_fail(lane, &err);
	else if (err.code != ERR_OK)
		log_warning("group jid=%s status=not_read reason=\"%s\" "
			    "action=\"%s\"",
			wa_jid_text(&question->jid, text), err.msg,
			outcome == GROUP_NO_ANSWER ? "asked again later"
						   : "told to who asked");
	question->done(lane, outcome, question->arg);
}

void group_ask(struct lane *lane, const struct wa_jid *jid, group_done_fn *done,
	void *arg)
{
	struct question *question = xcalloc(1, sizeof *question);
	struct wa_node *iq = group_iq(lane, "get", jid);

	question->jid = *jid;
	question->done = done;
	question->arg = arg;
	wa_node_set(wa_node_add(iq, "query"), "request", "interactive");
	iq_send(lane, iq, on_answer, question);
}
