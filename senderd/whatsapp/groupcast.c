#include "senderd/whatsapp/groupcast.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/err.h"
#include "common/log.h"
#include "common/own.h"
#include "senderd/whatsapp/casthold.h"
#include "senderd/whatsapp/castplan.h"
#include "senderd/whatsapp/devices.h"
#include "senderd/whatsapp/group.h"
#include "senderd/whatsapp/groupcast_impl.h"
#include "senderd/whatsapp/lookup.h"
#include "senderd/whatsapp/outbound.h"
#include "senderd/whatsapp/senderkey.h"
#include "senderd/whatsapp/status.h"

/* What we know of a group may be wrong: before a message is refused on its
 * word, it is asked for again. */
#define TRUSTED_MS (60 * 1000LL)
#define REPAIR_MS (60 * 1000LL)

bool cast_is_status(const struct wa_jid *chat)
{
	return chat->server == WA_SERVER_BROADCAST;
}

/* ---- stanzas whose ack is due ---- */

static void cast_free(struct cast *cast)
{
	free(cast->targets);
	free(cast);
}

struct cast *cast_find(struct groupcast *groupcast, const char *wa_id)
{
	struct cast *cast = NULL;

	TAILQ_FOREACH(cast, &groupcast->casts, entry)
	{
		if (strcmp(cast->wa_id, wa_id) == 0)
			return cast;
	}
	return NULL;
}

void cast_drop(struct groupcast *groupcast, struct cast *cast)
{
	if (cast == NULL)
		return;
	TAILQ_REMOVE(&groupcast->casts, cast, entry);
	cast_free(cast);
}

struct cast *cast_new(struct groupcast *groupcast, const char *wa_id)
{
	struct cast *cast = xcalloc(1, sizeof *cast);

	cast_drop(groupcast, cast_find(groupcast, wa_id));
	snprintf(cast->wa_id, sizeof cast->wa_id, "%s", wa_id);
	TAILQ_INSERT_TAIL(&groupcast->casts, cast, entry);
	return cast;
}

/* ---- life ---- */

struct groupcast *groupcast_new(void)
{
	struct groupcast *groupcast = xcalloc(1, sizeof *groupcast);

	casthold_init(&groupcast->hold);
	TAILQ_INIT(&groupcast->casts);
	return groupcast;
}

static void groupcast_clear(struct groupcast *groupcast)
{
	casthold_clear(&groupcast->hold);
	while (!TAILQ_EMPTY(&groupcast->casts))
		cast_drop(groupcast, TAILQ_FIRST(&groupcast->casts));
}

void groupcast_free(struct groupcast **groupcastp)
{
	struct groupcast *groupcast = move(*groupcastp);

	if (groupcast == NULL)
		return;
	groupcast_clear(groupcast);
	free(groupcast);
}

void groupcast_on_disconnect(struct lane *lane)
{
	groupcast_clear(lane->outbound->groupcast);
	group_free(&lane->outbound->group);
}

bool groupcast_joins(struct lane *lane, struct job *job)
{
	return casthold_joins(lane, job);
}

void groupcast_on_tick(struct lane *lane, int64_t now_ms,
	void (*fn)(struct lane *lane, struct job *job))
{
	struct groupcast *groupcast = lane->outbound->groupcast;
	struct cast *cast = TAILQ_FIRST(&groupcast->casts);

	while (cast != NULL) {
		struct cast *next = TAILQ_NEXT(cast, entry);

		if (jobs_find(&lane->outbound->jobs, cast->wa_id) == NULL)
			cast_drop(groupcast, cast);
		cast = next;
	}
	casthold_on_tick(lane, now_ms, fn);
}

/* ---- who gets it.  GROUPCAST_SENT: go on ---- */

/* Where a group's word would refuse a message: asks anew unless it is fresh. */
static enum groupcast_state group_refuse(struct lane *lane, struct job *job,
	const struct group *group, const char *why, const char **reason_out,
	struct err *err)
{
	*reason_out = why;
	if (clock_now_ms() - group->known_ms < TRUSTED_MS)
		return GROUPCAST_REFUSED;
	if (group_expire(lane, &job->chat, err) != 0)
		return GROUPCAST_FAILED;
	casthold_hold(lane, job, CAST_NEEDS_MEMBERS, NULL, 0);
	return GROUPCAST_HELD;
}

static enum groupcast_state plan_group(struct lane *lane, struct job *job,
	struct castplan *plan, const char **reason_out, struct err *err)
{
	struct group *group = NULL;
	const struct group_member *self = NULL;
	int known = group_load(lane, &job->chat, &group, err);

	if (known < 0)
		return GROUPCAST_FAILED;
	if (known == 0) {
		casthold_hold(lane, job, CAST_NEEDS_MEMBERS, NULL, 0);
		return GROUPCAST_HELD;
	}
	self = group_self(lane, group);
	if (self == NULL)
		return group_refuse(
			lane, job, group, "not_a_member", reason_out, err);
	if (group->is_announcement && self->rank == GROUP_MEMBER)
		return group_refuse(lane, job, group, "only_admins_may_send",
			reason_out, err);
	plan->by_lid = group->by_lid;
	for (size_t i = 0; i < group->n_members; i++)
		castplan_add(lane, plan, &group->members[i].jid);
	return GROUPCAST_SENT;
}

static enum groupcast_state plan_status(struct lane *lane, struct job *job,
	const struct composed *composed, struct castplan *plan,
	const char **setting_out, const char **reason_out, struct err *err)
{
	plan->by_lid = true;
	switch (status_plan(
		lane, job, composed, plan, setting_out, reason_out, err)) {
	case STATUS_READY:
		return GROUPCAST_SENT;
	case STATUS_ASK_PRIVACY:
		casthold_hold(lane, job, CAST_NEEDS_PRIVACY, NULL, 0);
		return GROUPCAST_HELD;
	case STATUS_REFUSED:
		return GROUPCAST_REFUSED;
	case STATUS_FAILED:
		break;
	}
	return GROUPCAST_FAILED;
}

static enum groupcast_state hold_for_devices(
	struct lane *lane, struct job *job, const struct castplan *plan)
{
	struct wa_jid *jids = xcalloc(plan->n_ask, sizeof *jids);
	size_t n = 0;

	for (size_t i = 0; i < plan->n_accounts; i++) {
		if (plan->accounts[i].list == CAST_ASK)
			jids[n++] = plan->accounts[i].account;
	}
	casthold_hold(lane, job, CAST_NEEDS_DEVICES, jids, n);
	free(jids);
	return GROUPCAST_HELD;
}

/* Devices that need the sender key and cannot be told it without a session.
 * Asked for once; whoever has none then goes without. */
static enum groupcast_state hold_for_keys(struct lane *lane, struct job *job,
	const struct castplan *plan, struct err *err)
{
	struct wa_jid *jids = NULL;
	size_t n = 0;
	int has = 0;

	if (job->keys_asked)
		return GROUPCAST_SENT;
	jids = xcalloc(plan->n_devices + 1, sizeof *jids);
	for (size_t i = 0; i < plan->n_devices && has >= 0; i++) {
		const struct cast_device *device = &plan->devices[i];

		if (device->has_key || device->is_self)
			continue;
		jids[n] = castplan_address(plan, device);
		has = wa_signal_has_session(lane->signal, &jids[n]);
		n += has == 0 &&
		     !lookup_is_keyless(lane->outbound->lookup, &jids[n]);
	}
	if (n > 0 && has >= 0)
		casthold_hold(lane, job, CAST_NEEDS_KEYS, jids, n);
	free(jids);
	if (has < 0) {
		err_set(err, ERR_IO, "session of the lane database");
		return GROUPCAST_FAILED;
	}
	return n > 0 ? GROUPCAST_HELD : GROUPCAST_SENT;
}

static enum groupcast_state plan_devices(struct lane *lane, struct job *job,
	struct castplan *plan, struct err *err)
{
	if (castplan_devices(lane, plan, err) != 0)
		return GROUPCAST_FAILED;
	if (plan->n_ask > 0)
		return hold_for_devices(lane, job, plan);
	if (castplan_keys(lane, plan, err) != 0)
		return GROUPCAST_FAILED;
	return hold_for_keys(lane, job, plan, err);
}

/* Not the database: in another turn it would fail the same way, unless it was
 * the key. */
static enum groupcast_state cast_failed(struct lane *lane,
	const struct job *job, const char **reason_out, struct err *err)
{
	if (err->code == ERR_IO)
		return GROUPCAST_FAILED;
	log_error("message id=%s reason=\"%s\": please report", job->wa_id,
		err->msg);
	*reason_out = "internal_error";
	return senderkey_rotate(lane, &job->chat, "unusable", err) == 0
		       ? GROUPCAST_REFUSED
		       : GROUPCAST_FAILED;
}

enum groupcast_state groupcast_try(struct lane *lane, struct job *job,
	const struct composed *composed, const char **reason_out,
	struct err *err)
{
	scoped(castplan_fini) struct castplan plan = { .chat = job->chat };
	const char *setting = NULL;
	enum groupcast_state state =
		cast_is_status(&job->chat)
			? plan_status(lane, job, composed, &plan, &setting,
				  reason_out, err)
			: plan_group(lane, job, &plan, reason_out, err);

	if (state == GROUPCAST_SENT)
		state = plan_devices(lane, job, &plan, err);
	if (state != GROUPCAST_SENT)
		return state;
	if (cast_is_status(&job->chat) && castplan_recipients(&plan) == 0) {
		*reason_out = "no_audience";
		return GROUPCAST_REFUSED;
	}
	if (cast_send(lane, job, &plan, composed, setting, err) == 0)
		return GROUPCAST_SENT;
	return cast_failed(lane, job, reason_out, err);
}

/* ---- the server's answer ---- */

static int holders_mark(struct lane *lane, const struct job *job,
	const struct cast *cast, struct err *err)
{
	struct wa_jid self = senderkey_self(lane);
	uint32_t key_id = 0, iteration = 0;
	int found = wa_signal_group_info(
		lane->signal, &job->chat, &self, &key_id, &iteration);

	if (found < 0)
		return err_set(err, ERR_IO, "sender key of the lane database");
	if (found == 0 || key_id != cast->key_id)
		return 0; /* there is a newer one by now, or none */
	for (size_t i = 0; i < cast->n_targets; i++) {
		if (lanedb_holder_add(
			    lane->db, &job->chat, &cast->targets[i], err) != 0)
			return -1;
	}
	return 0;
}

/* Not more than once a minute: a server that always knows better would make
 * every message ask for everybody. */
static bool repair_is_due(struct lane *lane, const struct wa_jid *chat)
{
	struct groupcast *groupcast = lane->outbound->groupcast;
	int64_t now_ms = clock_mono_ms();
	uint32_t hash = 0;

	for (const char *p = chat->user; *p != '\0'; p++)
		hash = hash * 31 + (uint8_t)*p;
	hash %= REPAIR_SLOTS;
	if (groupcast->repairs[hash].until_ms > now_ms &&
		wa_jid_equal(&groupcast->repairs[hash].chat, chat))
		return false;
	groupcast->repairs[hash].chat = *chat;
	groupcast->repairs[hash].until_ms = now_ms + REPAIR_MS;
	return true;
}

/* Everything about a group's members and devices is asked for anew. */
static int group_renew(struct lane *lane, const struct wa_jid *chat,
	bool with_devices, struct err *err)
{
	struct group *group = NULL;

	if (group_load(lane, chat, &group, err) < 0)
		return -1;
	for (size_t i = 0;
		with_devices && group != NULL && i < group->n_members; i++) {
		if (devices_forget(lane, &group->members[i].jid, err) != 0)
			return -1;
	}
	return group_expire(lane, chat, err);
}

int groupcast_on_accepted(struct lane *lane, const struct job *job,
	const char *phash, struct err *err)
{
	struct groupcast *groupcast = lane->outbound->groupcast;
	struct cast *cast = cast_find(groupcast, job->wa_id);
	bool differs = phash != NULL && cast != NULL &&
		       cast->phash[0] != '\0' &&
		       strcmp(cast->phash, phash) != 0;
	char text[WA_JID_TEXT];

	if (cast != NULL && holders_mark(lane, job, cast, err) != 0)
		return -1;
	cast_drop(groupcast, cast);
	casthold_release(lane, job);
	if (!differs || !repair_is_due(lane, &job->chat))
		return 0;
	log_info("group jid=%s status=outdated reason=\"the server knows other "
		 "devices\" action=\"asked for again\"",
		wa_jid_text(&job->chat, text));
	return group_renew(lane, &job->chat, true, err);
}

/* Refusals that may come of what we know about the group. */
static bool is_doubtful(int code)
{
	switch (code) {
	case 400:
	case 401:
	case 403:
	case 404:
	case 405:
	case 421:
	case 479:
		return true;
	}
	return false;
}

int groupcast_on_refused(struct lane *lane, struct job *job, int code,
	bool *again, struct err *err)
{
	struct groupcast *groupcast = lane->outbound->groupcast;

	cast_drop(groupcast, cast_find(groupcast, job->wa_id));
	casthold_release(lane, job);
	*again = !cast_is_status(&job->chat) && !job->rebuilt &&
		 is_doubtful(code);
	if (!*again)
		return 0;
	job->rebuilt = true;
	job->keys_asked = false; /* there may be new devices */
	return group_renew(lane, &job->chat, code == 400 || code == 479, err);
}
