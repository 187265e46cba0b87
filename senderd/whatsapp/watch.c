#include "senderd/whatsapp/watch.h"

#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/err.h"
#include "common/own.h"
#include "senderd/facts.h"
#include "senderd/whatsapp/names.h"
#include "senderd/whatsapp/tokens.h"

#define ANSWER_MS 3000	     /* so long somebody waits for a first word */
#define EVENT_GAP_MS 1000    /* between events of one kind about one user */
#define TYPING_OVER_MS 25000 /* what is not repeated has ended */
#define ASKERS_MAX 4
#define TIME_MAX_SEC 99999999999LL

/* What is to be told of, and when the next event may be. */
struct outlet {
	bool is_due;
	int64_t after_ms; /* monotonic */
};

struct watched {
	struct wa_jid user; /* bare; LID when known */
	const char *state;  /* a literal; NULL = nothing told yet */
	int64_t last_seen_ms;
	const char *typing; /* a literal; NULL = nothing told yet */
	struct wa_jid typing_chat;
	int64_t typing_ms; /* monotonic: when it was told last */
	struct outlet presence_out, typing_out;
	int64_t asked_ms; /* monotonic: of the last watch_add() */
	struct {
		watch_told_fn *told;
		void *arg;
	} askers[ASKERS_MAX];
	size_t n_askers;
	int64_t answer_ms; /* monotonic: when they are told in any case */
};

struct watch {
	struct lane_timer timer;
	struct watched *users; /* owned; room for WATCH_MAX once used */
	size_t n;
};

struct watch *watch_new(void)
{
	return xcalloc(1, sizeof(struct watch));
}

void watch_free(struct watch **watchp)
{
	struct watch *watch = move(*watchp);

	if (watch == NULL)
		return;
	lane_timer_stop(&watch->timer);
	free(watch->users);
	free(watch);
}

/* ---- who ---- */

/* An entry of before the LID was known is found by it as well. */
static struct watched *watched_find(
	struct lane *lane, const struct wa_jid *user)
{
	struct watch *watch = lane->watch;
	struct wa_jid bare = wa_jid_bare(user);
	struct wa_jid address = lane_signal_address(lane, &bare);

	for (size_t i = 0; i < watch->n; i++) {
		struct wa_jid known =
			lane_signal_address(lane, &watch->users[i].user);

		watch->users[i].user = known;
		if (wa_jid_same_user(&known, &address))
			return &watch->users[i];
	}
	return NULL;
}

static struct watched *watched_oldest(struct watch *watch)
{
	struct watched *oldest = &watch->users[0];

	for (size_t i = 1; i < watch->n; i++) {
		if (watch->users[i].asked_ms < oldest->asked_ms)
			oldest = &watch->users[i];
	}
	return oldest;
}

static void askers_tell(struct lane *lane, struct watched *watched)
{
	size_t n = watched->n_askers;

	watched->n_askers = 0;
	for (size_t i = 0; i < n; i++)
		watched->askers[i].told(lane,
			watched->state != NULL ? watched->state : "unknown",
			watched->last_seen_ms, watched->askers[i].arg);
}

static struct watched *watched_new(struct lane *lane, const struct wa_jid *user)
{
	struct watch *watch = lane->watch;
	struct wa_jid bare = wa_jid_bare(user);
	struct watched *watched = NULL;

	if (watch->users == NULL)
		watch->users = xcalloc(WATCH_MAX, sizeof *watch->users);
	if (watch->n < WATCH_MAX) {
		watched = &watch->users[watch->n++];
	} else {
		watched = watched_oldest(watch);
		askers_tell(lane, watched);
	}
	*watched = (struct watched){ .user = lane_signal_address(lane, &bare) };
	return watched;
}

/* ---- asking ---- */

static void subscribe(struct lane *lane, const struct watched *watched)
{
	struct wa_node *presence = wa_node_new(lane->arena, "presence");
	struct wa_jid account = lane_signal_address(lane, &watched->user);
	struct err err = ERR_NONE;
	int has_token = tokens_has_valid(lane, &account, &err);

	wa_node_set(presence, "type", "subscribe");
	wa_node_set_jid(presence, "to", &account);
	if (has_token < 0 || (has_token > 0 && tokens_attach(lane, presence,
						       &account, &err) != 0))
		facts_fail(lane, &err);
	lane_send(lane, presence);
}

void watch_on_ready(struct lane *lane)
{
	for (size_t i = 0; i < lane->watch->n; i++)
		subscribe(lane, &lane->watch->users[i]);
}

void watch_on_disconnect(struct lane *lane)
{
	struct watch *watch = lane->watch;

	lane_timer_stop(&watch->timer);
	for (size_t i = 0; i < watch->n; i++) {
		struct watched *watched = &watch->users[i];

		watched->state = watched->typing = NULL;
		watched->presence_out.is_due = false;
		watched->typing_out.is_due = false;
		askers_tell(lane, watched);
	}
}

/* ---- events ---- */

static void event_add(struct lane *lane, const struct watched *watched,
	const struct wa_jid *chat, const char *type)
{
	bool is_typing = strcmp(type, EVENT_CHAT_TYPING) == 0;
	struct names who;
	struct names where;
	struct err err = ERR_NONE;

	if (names_find(lane, &watched->user, &who, &err) != 0 ||
		names_find(lane, chat, &where, &err) != 0) {
		facts_fail(lane, &err);
		return;
	}
	facts_add_presence(lane,
		&(struct presence_event){
			.type = type,
			.chat = where.jid,
			.from = who.jid,
			.phone = who.phone,
			.lid = who.lid,
			.state = is_typing ? watched->typing : watched->state,
			.last_seen_ms = is_typing ? 0 : watched->last_seen_ms,
			.at_ms = clock_now_ms(),
		});
}

static bool outlet_opens(struct outlet *outlet, int64_t now_ms)
{
	if (!outlet->is_due || outlet->after_ms > now_ms)
		return false;
	outlet->is_due = false;
	outlet->after_ms = now_ms + EVENT_GAP_MS;
	return true;
}

/* Tells what may be told now. */
static void watched_tell(
	struct lane *lane, struct watched *watched, int64_t now_ms)
{
	if (outlet_opens(&watched->presence_out, now_ms))
		event_add(
			lane, watched, &watched->user, EVENT_PRESENCE_UPDATED);
	if (outlet_opens(&watched->typing_out, now_ms))
		event_add(lane, watched, &watched->typing_chat,
			EVENT_CHAT_TYPING);
	if (watched->n_askers > 0 && watched->answer_ms <= now_ms)
		askers_tell(lane, watched);
}

static void earlier(int64_t *at_ms, bool counts, int64_t ms)
{
	if (counts && ms < *at_ms)
		*at_ms = ms;
}

static void timer_arm(struct lane *lane);

static void on_timer(struct lane *lane, void *arg)
{
	int64_t now_ms = clock_mono_ms();

	(void)arg;
	for (size_t i = 0; i < lane->watch->n; i++)
		watched_tell(lane, &lane->watch->users[i], now_ms);
	timer_arm(lane);
}

static void timer_arm(struct lane *lane)
{
	struct watch *watch = lane->watch;
	int64_t at_ms = INT64_MAX;

	for (size_t i = 0; i < watch->n; i++) {
		const struct watched *watched = &watch->users[i];

		earlier(&at_ms, watched->presence_out.is_due,
			watched->presence_out.after_ms);
		earlier(&at_ms, watched->typing_out.is_due,
			watched->typing_out.after_ms);
		earlier(&at_ms, watched->n_askers > 0, watched->answer_ms);
	}
	if (at_ms == INT64_MAX)
		lane_timer_stop(&watch->timer);
	else
		lane_timer_start(lane, &watch->timer, at_ms - clock_mono_ms(),
			on_timer, NULL);
}

void watch_add(struct lane *lane, const struct wa_jid *user,
	watch_told_fn *told, void *arg)
{
	struct watched *watched = watched_find(lane, user);

	if (watched == NULL)
		watched = watched_new(lane, user);
	watched->asked_ms = clock_mono_ms();
	subscribe(lane, watched);
	if (watched->state != NULL || watched->n_askers == ASKERS_MAX) {
		told(lane, watched->state != NULL ? watched->state : "unknown",
			watched->last_seen_ms, arg);
		return;
	}
	watched->askers[watched->n_askers].told = told;
	watched->askers[watched->n_askers++].arg = arg;
	watched->answer_ms = watched->asked_ms + ANSWER_MS;
	timer_arm(lane);
}

/* ---- what others do ---- */

static bool same(const char *a, const char *b)
{
	return a != NULL && strcmp(a, b) == 0;
}

void watch_on_presence(struct lane *lane, const struct wa_node *presence)
{
	struct wa_jid from;
	struct watched *watched = NULL;
	int64_t last = wa_node_int(presence, "last", 0);
	const char *state = wa_node_is(presence, "type", "unavailable")
				    ? "unavailable"
				    : "available";

	if (!wa_node_jid(presence, "from", &from) || !wa_jid_is_user(&from))
		return;
	watched = watched_find(lane, &from);
	if (watched == NULL)
		return;
	last = last > 0 && last <= TIME_MAX_SEC ? last * 1000 : 0;
	if (!same(watched->state, state) ||
		(last != 0 && last != watched->last_seen_ms))
		watched->presence_out.is_due = true;
	watched->state = state;
	if (last != 0)
		watched->last_seen_ms = last;
	askers_tell(lane, watched);
	watched_tell(lane, watched, clock_mono_ms());
	timer_arm(lane);
}

static const char *typing_state(const struct wa_node *chatstate)
{
	const struct wa_node *composing = wa_node_child(chatstate, "composing");

	if (composing != NULL)
		return wa_node_is(composing, "media", "audio") ? "recording"
							       : "composing";
	return wa_node_child(chatstate, "paused") != NULL ? "paused" : NULL;
}

void watch_on_chatstate(struct lane *lane, const struct wa_node *chatstate)
{
	const char *state = typing_state(chatstate);
	int64_t now_ms = clock_mono_ms();
	struct wa_jid from;
	struct wa_jid who;
	struct watched *watched = NULL;

	if (state == NULL || !wa_node_jid(chatstate, "from", &from))
		return;
	who = from;
	if (from.server == WA_SERVER_GROUP &&
		!wa_node_jid(chatstate, "participant", &who))
		return;
	watched = wa_jid_is_user(&who) ? watched_find(lane, &who) : NULL;
	if (watched == NULL)
		return;
	from = wa_jid_bare(&from);
	/* It is repeated as long as it goes on. */
	if (!same(watched->typing, state) ||
		!wa_jid_same_user(&watched->typing_chat, &from) ||
		now_ms - watched->typing_ms > TYPING_OVER_MS)
		watched->typing_out.is_due = true;
	watched->typing_ms = now_ms;
	watched->typing = state;
	watched->typing_chat = from;
	watched_tell(lane, watched, now_ms);
	timer_arm(lane);
}
