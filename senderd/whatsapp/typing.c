#include "senderd/whatsapp/typing.h"

#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/own.h"
#include "senderd/whatsapp/outbound.h"

#define REPEAT_MS 10000
#define LAST_MS 25000
#define CHATS_MAX 64

struct typed {
	struct wa_jid chat; /* as it is addressed */
	enum typing_state state;
	int64_t next_ms, end_ms; /* monotonic */
};

struct typing {
	struct lane_timer timer;
	struct typed chats[CHATS_MAX];
	size_t n;
};

static const char *const names[] = {
	[TYPING_PAUSED] = "paused",
	[TYPING_COMPOSING] = "composing",
	[TYPING_RECORDING] = "recording",
};

const char *typing_name(enum typing_state state)
{
	return names[state];
}

int typing_parse(const char *name, enum typing_state *out)
{
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		if (strcmp(names[i], name) == 0) {
			*out = (enum typing_state)i;
			return 0;
		}
	}
	return -1;
}

struct typing *typing_new(void)
{
	return xcalloc(1, sizeof(struct typing));
}

void typing_free(struct typing **typingp)
{
	struct typing *typing = move(*typingp);

	if (typing == NULL)
		return;
	lane_timer_stop(&typing->timer);
	free(typing);
}

void typing_on_disconnect(struct lane *lane)
{
	lane_timer_stop(&lane->typing->timer);
	lane->typing->n = 0;
}

/* ---- the stanza ---- */

static void state_send(
	struct lane *lane, const struct wa_jid *chat, enum typing_state state)
{
	struct wa_node *stanza = wa_node_new(lane->arena, "chatstate");
	struct wa_node *child = NULL;

	wa_node_set_jid(stanza, "to", chat);
	child = wa_node_add(
		stanza, state == TYPING_PAUSED ? "paused" : "composing");
	if (state == TYPING_RECORDING)
		wa_node_set(child, "media", "audio");
	lane_send(lane, stanza);
}

/* Chats are addressed as their messages are. */
static struct wa_jid address_of(struct lane *lane, const struct wa_jid *chat)
{
	if (lane->outbound->by_number)
		return *chat;
	return lane_signal_address(lane, chat);
}

/* ---- the list ---- */

static struct typed *typed_find(
	struct typing *typing, const struct wa_jid *chat)
{
	for (size_t i = 0; i < typing->n; i++) {
		if (wa_jid_same_user(&typing->chats[i].chat, chat))
			return &typing->chats[i];
	}
	return NULL;
}

static void typed_remove(struct typing *typing, struct typed *typed)
{
	*typed = typing->chats[--typing->n];
}

static void timer_arm(struct lane *lane);

static void on_timer(struct lane *lane, void *arg)
{
	struct typing *typing = lane->typing;
	int64_t now_ms = clock_mono_ms();

	(void)arg;
	for (size_t i = 0; i < typing->n;) {
		struct typed *typed = &typing->chats[i];

		if (typed->end_ms <= now_ms) {
			state_send(lane, &typed->chat, TYPING_PAUSED);
			typed_remove(typing, typed);
			continue;
		}
		if (typed->next_ms <= now_ms) {
			state_send(lane, &typed->chat, typed->state);
			typed->next_ms = now_ms + REPEAT_MS;
		}
		i++;
	}
	timer_arm(lane);
}

static void timer_arm(struct lane *lane)
{
	struct typing *typing = lane->typing;
	int64_t at_ms = INT64_MAX;

	for (size_t i = 0; i < typing->n; i++) {
		const struct typed *typed = &typing->chats[i];
		int64_t next_ms = typed->next_ms < typed->end_ms
					  ? typed->next_ms
					  : typed->end_ms;

		if (next_ms < at_ms)
			at_ms = next_ms;
	}
	if (typing->n == 0)
		lane_timer_stop(&typing->timer);
	else
		lane_timer_start(lane, &typing->timer, at_ms - clock_mono_ms(),
			on_timer, NULL);
}

/* ---- the door ---- */

void typing_set(
	struct lane *lane, const struct wa_jid *chat, enum typing_state state)
{
	struct typing *typing = lane->typing;
	struct wa_jid address = address_of(lane, chat);
	struct typed *typed = typed_find(typing, &address);
	int64_t now_ms = clock_mono_ms();

	state_send(lane, &address, state);
	if (state == TYPING_PAUSED) {
		if (typed != NULL)
			typed_remove(typing, typed);
	} else if (typed != NULL || typing->n < CHATS_MAX) {
		/* With more chats than that it is shown once. */
		if (typed == NULL)
			typed = &typing->chats[typing->n++];
		*typed = (struct typed){ .chat = address,
			.state = state,
			.next_ms = now_ms + REPEAT_MS,
			.end_ms = now_ms + LAST_MS };
	}
	timer_arm(lane);
}

void typing_on_sent(struct lane *lane, const struct wa_jid *chat)
{
	struct typing *typing = lane->typing;
	struct wa_jid address;
	struct typed *typed = NULL;

	if (typing == NULL || typing->n == 0)
		return;
	address = address_of(lane, chat);
	typed = typed_find(typing, &address);
	if (typed == NULL)
		return;
	typed_remove(typing, typed);
	timer_arm(lane);
}
