#include "senderd/whatsapp/lookup.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/err.h"
#include "common/ids.h"
#include "common/own.h"
#include "senderd/facts.h"
#include "senderd/whatsapp/bundles.h"
#include "senderd/whatsapp/devices.h"
#include "senderd/whatsapp/fanout.h"
#include "senderd/whatsapp/outbound.h"

#define BACKOFF_MIN_MS 2000
#define BACKOFF_MAX_MS 60000
#define UNCLEAR_MAX 8 /* some five minutes */
#define KEYLESS_SLOTS 64
#define KEYLESS_MS (60 * 1000LL)

/* One recipient. */
struct hold {
	TAILQ_ENTRY(hold) entry;
	struct wa_jid chat;
	struct wa_jid account; /* whom to ask for */
	enum lookup_need need;
	bool is_asked;	  /* a question is under way */
	unsigned n_tries; /* that failed */
	int64_t due_ms;	  /* monotonic: not before */
	struct job_line jobs;
};
TAILQ_HEAD(hold_list, hold);

struct lookup {
	struct hold_list holds;
	size_t n;
	/* Devices the server has no usable keys for; a newer one takes an older
	 * one's slot, which costs a question, no more. */
	struct {
		struct wa_jid address;
		int64_t until_ms;
	} keyless[KEYLESS_SLOTS];
};

struct lookup *lookup_new(void)
{
	struct lookup *lookup = xcalloc(1, sizeof *lookup);

	TAILQ_INIT(&lookup->holds);
	return lookup;
}

static void hold_remove(struct lookup *lookup, struct hold *hold)
{
	TAILQ_REMOVE(&lookup->holds, hold, entry);
	free(hold);
	lookup->n--;
}

void lookup_clear(struct lookup *lookup)
{
	struct hold *hold = NULL;

	while ((hold = TAILQ_FIRST(&lookup->holds)) != NULL)
		hold_remove(lookup, hold);
}

void lookup_free(struct lookup **lookupp)
{
	struct lookup *lookup = move(*lookupp);

	if (lookup == NULL)
		return;
	lookup_clear(lookup);
	free(lookup);
}

static struct hold *hold_find(struct lookup *lookup, const struct wa_jid *chat)
{
	struct hold *hold = NULL;

	TAILQ_FOREACH(hold, &lookup->holds, entry)
	{
		if (wa_jid_equal(&hold->chat, chat))
			return hold;
	}
	return NULL;
}

void lookup_hold(struct lookup *lookup, struct job *job, enum lookup_need need,
	const struct wa_jid *account)
{
	struct hold *hold = xcalloc(1, sizeof *hold);

	hold->chat = job->chat;
	hold->account = *account;
	hold->need = need;
	TAILQ_INIT(&hold->jobs);
	TAILQ_INSERT_TAIL(&lookup->holds, hold, entry);
	lookup->n++;
	job_move(job, &hold->jobs);
}

bool lookup_joins(struct lookup *lookup, struct job *job)
{
	struct hold *hold = hold_find(lookup, &job->chat);

	if (hold == NULL)
		return false;
	job_move(job, &hold->jobs);
	return true;
}

size_t lookup_count(const struct lookup *lookup)
{
	return lookup->n;
}

bool lookup_is_due(const struct lookup *lookup, int64_t mono_ms)
{
	struct hold *hold = NULL;

	TAILQ_FOREACH(hold, &lookup->holds, entry)
	{
		if (!hold->is_asked && hold->due_ms <= mono_ms)
			return true;
	}
	return false;
}

void lookup_each(struct lookup *lookup,
	void (*fn)(struct lane *lane, struct job *job), struct lane *lane)
{
	struct hold *hold = TAILQ_FIRST(&lookup->holds);

	while (hold != NULL) {
		struct hold *next_hold = TAILQ_NEXT(hold, entry);
		struct job *job = TAILQ_FIRST(&hold->jobs);

		while (job != NULL) {
			struct job *next_job = TAILQ_NEXT(job, entry);

			fn(lane, job);
			job = next_job;
		}
		if (TAILQ_EMPTY(&hold->jobs))
			hold_remove(lookup, hold);
		hold = next_hold;
	}
}

/* ---- devices without keys ---- */

static size_t keyless_slot(const struct wa_jid *address)
{
	uint32_t hash = address->device;

	for (const char *p = address->user; *p != '\0'; p++)
		hash = hash * 31 + (uint8_t)*p;
	return hash % KEYLESS_SLOTS;
}

bool lookup_is_keyless(
	const struct lookup *lookup, const struct wa_jid *address)
{
	size_t slot = keyless_slot(address);

	return lookup->keyless[slot].until_ms > clock_mono_ms() &&
	       wa_jid_equal(&lookup->keyless[slot].address, address);
}

void lookup_set_keyless(struct lookup *lookup, const struct wa_jid *address)
{
	size_t slot = keyless_slot(address);

	lookup->keyless[slot].address = *address;
	lookup->keyless[slot].until_ms = clock_mono_ms() + KEYLESS_MS;
}

/* ---- the end of a lookup ---- */

static void hold_resume(
	struct lane *lane, struct lookup *lookup, struct hold *hold)
{
	struct job *job = NULL;

	while ((job = TAILQ_FIRST(&hold->jobs)) != NULL) {
		job->keys_asked = hold->need == LOOKUP_KEYS;
		outbound_resume(lane, job);
	}
	hold_remove(lookup, hold);
}

static void hold_fail(struct lane *lane, struct lookup *lookup,
	struct hold *hold, const char *reason)
{
	struct job *job = NULL;

	while ((job = TAILQ_FIRST(&hold->jobs)) != NULL)
		outbound_fail(lane, job, reason);
	hold_remove(lookup, hold);
}

static void hold_later(struct lane *lane, struct hold *hold)
{
	unsigned shift = hold->n_tries < 5 ? hold->n_tries : 5;
	int64_t pause_ms = BACKOFF_MIN_MS << shift;
	struct job *job = NULL;

	if (pause_ms > BACKOFF_MAX_MS)
		pause_ms = BACKOFF_MAX_MS;
	hold->is_asked = false;
	hold->due_ms = clock_mono_ms() + random_jitter(pause_ms, 25);
	/* An account that left WhatsApp still has its LID here: by number the
	 * server says so. */
	hold->account = hold->chat;
	if (hold->n_tries++ > 0)
		return;
	TAILQ_FOREACH(job, &hold->jobs, entry)
	{
		facts_add_reason(lane, job->wa_id, "recipient_lookup_failed");
	}
}

/* ---- questions: the recipients they are about, by chat, since a hold may be
 * gone by then ---- */

struct asking {
	size_t n;
	struct wa_jid chats[DEVICES_ASK_MAX];
	struct wa_jid devices[BUNDLES_ASK_MAX]; /* session addresses;
						   LOOKUP_KEYS only */
	size_t n_devices;
};

static void asking_free(struct asking **askingp)
{
	free(move(*askingp));
}

static void asking_add(struct asking *asking, struct hold *hold)
{
	asking->chats[asking->n++] = hold->chat;
	hold->is_asked = true;
}

static void on_devices(struct lane *lane, const enum devices_outcome *outcomes,
	size_t n, void *arg)
{
	scoped(asking_free) struct asking *asking = arg;
	struct lookup *lookup = lane->outbound->lookup;

	for (size_t i = 0; i < n && i < asking->n; i++) {
		struct hold *hold = hold_find(lookup, &asking->chats[i]);

		if (hold == NULL || hold->need != LOOKUP_DEVICES)
			continue;
		switch (outcomes[i]) {
		case DEVICES_KNOWN:
			hold_resume(lane, lookup, hold);
			break;
		case DEVICES_NO_ACCOUNT:
			hold_fail(lane, lookup, hold, "not_on_whatsapp");
			break;
		case DEVICES_UNCLEAR:
			if (hold->n_tries + 1 >= UNCLEAR_MAX)
				hold_fail(lane, lookup, hold,
					"recipient_lookup_failed");
			else
				hold_later(lane, hold);
			break;
		case DEVICES_NO_ANSWER:
			hold_later(lane, hold);
			break;
		}
	}
	outbound_kick(lane);
}

static void ask_devices(
	struct lane *lane, struct lookup *lookup, int64_t mono_ms)
{
	struct hold *hold = TAILQ_FIRST(&lookup->holds);

	while (hold != NULL) {
		struct asking *asking = xcalloc(1, sizeof *asking);
		struct wa_jid accounts[DEVICES_ASK_MAX];

		for (; hold != NULL && asking->n < DEVICES_ASK_MAX;
			hold = TAILQ_NEXT(hold, entry)) {
			if (hold->need != LOOKUP_DEVICES || hold->is_asked ||
				hold->due_ms > mono_ms)
				continue;
			accounts[asking->n] = hold->account;
			asking_add(asking, hold);
		}
		if (asking->n == 0) {
			asking_free(&asking);
			return;
		}
		devices_ask(lane, accounts, asking->n, on_devices, asking);
	}
}

/* Whatever the answer did not bring is known to be without keys for a while. */
static void note_keyless(
	struct lane *lane, struct lookup *lookup, const struct asking *asking)
{
	for (size_t i = 0; i < asking->n_devices; i++) {
		if (wa_signal_has_session(lane->signal, &asking->devices[i]) ==
			0)
			lookup_set_keyless(lookup, &asking->devices[i]);
	}
}

static void on_keys(struct lane *lane, bool answered, void *arg)
{
	scoped(asking_free) struct asking *asking = arg;
	struct lookup *lookup = lane->outbound->lookup;

	if (answered)
		note_keyless(lane, lookup, asking);
	for (size_t i = 0; i < asking->n; i++) {
		struct hold *hold = hold_find(lookup, &asking->chats[i]);

		if (hold == NULL || hold->need != LOOKUP_KEYS)
			continue;
		if (answered)
			hold_resume(lane, lookup, hold);
		else
			hold_later(lane, hold);
	}
	outbound_kick(lane);
}

enum adding { ADDING_DONE, ADDING_FULL, ADDING_NOTHING, ADDING_FAILED };

/* Adds the recipient's devices without a session to the question. */
static enum adding asking_add_keys(
	struct lane *lane, struct asking *asking, struct hold *hold)
{
	const struct job *job = TAILQ_FIRST(&hold->jobs);
	struct err err = ERR_NONE;
	struct fanout plan = { .n = 0 };
	size_t n = asking->n_devices;

	if (job == NULL)
		return ADDING_NOTHING;
	if (fanout_plan(lane, &hold->chat, job->by_number, &plan, &err) ==
		FANOUT_FAILED) {
		facts_fail(lane, &err);
		return ADDING_FAILED;
	}
	for (size_t i = 0; i < plan.n; i++) {
		const struct fanout_device *device = &plan.devices[i];

		if (device->has_session || device->is_own)
			continue;
		if (n == BUNDLES_ASK_MAX)
			return ADDING_FULL;
		asking->devices[n++] = device->address;
	}
	if (n == asking->n_devices)
		return ADDING_NOTHING;
	asking->n_devices = n;
	asking_add(asking, hold);
	return ADDING_DONE;
}

/* Fills one question, from @hold on; returns where the next one begins. */
static struct hold *asking_fill_keys(struct lane *lane, struct lookup *lookup,
	struct asking *asking, struct hold *hold, int64_t mono_ms)
{
	while (hold != NULL && asking->n < DEVICES_ASK_MAX) {
		struct hold *next = TAILQ_NEXT(hold, entry);

		if (hold->need == LOOKUP_KEYS && !hold->is_asked &&
			hold->due_ms <= mono_ms) {
			switch (asking_add_keys(lane, asking, hold)) {
			case ADDING_DONE:
				break;
			case ADDING_FULL:
				return hold;
			case ADDING_FAILED:
				return NULL;
			case ADDING_NOTHING: /* the list changed meanwhile */
				hold->need = LOOKUP_DEVICES;
				hold_resume(lane, lookup, hold);
				break;
			}
		}
		hold = next;
	}
	return hold;
}

static void ask_keys(struct lane *lane, struct lookup *lookup, int64_t mono_ms)
{
	struct hold *hold = TAILQ_FIRST(&lookup->holds);

	while (hold != NULL) {
		struct asking *asking = xcalloc(1, sizeof *asking);

		hold = asking_fill_keys(lane, lookup, asking, hold, mono_ms);
		if (asking->n == 0 || facts_failed(lane)) {
			asking_free(&asking);
			return;
		}
		bundles_ask(lane, asking->devices, asking->n_devices, false,
			on_keys, asking);
	}
}

void lookup_ask(struct lane *lane, struct lookup *lookup)
{
	int64_t now_ms = clock_mono_ms();

	if (lookup->n == 0)
		return;
	ask_devices(lane, lookup, now_ms);
	ask_keys(lane, lookup, now_ms);
}
