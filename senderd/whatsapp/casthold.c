#include "senderd/whatsapp/casthold.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/err.h"
#include "common/ids.h"
#include "common/log.h"
#include "common/own.h"
#include "senderd/facts.h"
#include "senderd/whatsapp/bundles.h"
#include "senderd/whatsapp/castplan.h"
#include "senderd/whatsapp/devices.h"
#include "senderd/whatsapp/group.h"
#include "senderd/whatsapp/groupcast_impl.h"
#include "senderd/whatsapp/lookup.h"
#include "senderd/whatsapp/outbound.h"
#include "senderd/whatsapp/status.h"

#define OPEN_MAX 4  /* questions about one chat at the same time */
#define TRIES_MAX 5 /* then who was not answered for goes without */
#define BACKOFF_MIN_MS 2000
#define BACKOFF_MAX_MS 60000

/* One chat. */
struct cast_line {
	TAILQ_ENTRY(cast_line) entry;
	struct wa_jid chat;
	enum cast_need need;
	uint64_t serial; /* of this need: answers to another are too late */
	struct job_line jobs;
	char wa_id[JOB_ID_LEN]; /* CAST_NEEDS_ACK: whose */
	struct wa_jid *ask;	/* owned: devices, keys */
	size_t n_ask, n_asked;
	size_t n_again;	  /* of those asked, at the front of @ask: failed */
	unsigned n_open;  /* questions under way */
	unsigned n_tries; /* that failed */
	int64_t due_ms;	  /* monotonic: not before */
};

static struct casthold *hold_of(const struct lane *lane)
{
	return &lane->outbound->groupcast->hold;
}

void casthold_init(struct casthold *hold)
{
	TAILQ_INIT(&hold->lines);
}

static void line_remove(struct casthold *hold, struct cast_line *line)
{
	TAILQ_REMOVE(&hold->lines, line, entry);
	free(line->ask);
	free(line);
}

void casthold_clear(struct casthold *hold)
{
	struct cast_line *line = NULL;

	while ((line = TAILQ_FIRST(&hold->lines)) != NULL)
		line_remove(hold, line);
}

static struct cast_line *line_find(
	struct casthold *hold, const struct wa_jid *chat)
{
	struct cast_line *line = NULL;

	TAILQ_FOREACH(line, &hold->lines, entry)
	{
		if (wa_jid_equal(&line->chat, chat))
			return line;
	}
	return NULL;
}

static struct cast_line *line_by_serial(struct casthold *hold, uint64_t serial)
{
	struct cast_line *line = NULL;

	TAILQ_FOREACH(line, &hold->lines, entry)
	{
		if (line->serial == serial)
			return line;
	}
	return NULL;
}

/* The chat's line with a need that begins now; who stands in it stays. */
static struct cast_line *line_begin(
	struct casthold *hold, const struct wa_jid *chat, enum cast_need need)
{
	struct cast_line *line = line_find(hold, chat);

	if (line == NULL) {
		line = xcalloc(1, sizeof *line);
		line->chat = *chat;
		TAILQ_INIT(&line->jobs);
		TAILQ_INSERT_TAIL(&hold->lines, line, entry);
	}
	free(line->ask);
	line->ask = NULL;
	line->n_ask = line->n_asked = line->n_again = 0;
	line->n_open = line->n_tries = 0;
	line->due_ms = 0;
	line->wa_id[0] = '\0';
	line->need = need;
	line->serial = ++hold->last_serial;
	return line;
}

/* ---- the end of a need ---- */

static void line_resume(struct lane *lane, struct cast_line *line)
{
	struct job *job = NULL;

	while ((job = TAILQ_FIRST(&line->jobs)) != NULL) {
		if (line->need == CAST_NEEDS_KEYS)
			job->keys_asked = true;
		outbound_resume(lane, job);
	}
	line_remove(hold_of(lane), line);
	outbound_kick(lane);
}

static void line_fail(
	struct lane *lane, struct cast_line *line, const char *reason)
{
	struct job *job = NULL;

	while ((job = TAILQ_FIRST(&line->jobs)) != NULL)
		outbound_fail(lane, job, reason);
	line_remove(hold_of(lane), line);
	outbound_kick(lane);
}

static void line_later(struct lane *lane, struct cast_line *line)
{
	unsigned shift = line->n_tries < 5 ? line->n_tries : 5;
	int64_t pause_ms = BACKOFF_MIN_MS << shift;
	struct job *job = NULL;

	if (pause_ms > BACKOFF_MAX_MS)
		pause_ms = BACKOFF_MAX_MS;
	line->due_ms = clock_mono_ms() + random_jitter(pause_ms, 25);
	if (line->n_tries++ > 0)
		return;
	TAILQ_FOREACH(job, &line->jobs, entry)
	{
		facts_add_reason(lane, job->wa_id, "recipient_lookup_failed");
	}
}

/* ---- members and privacy: one question ---- */

struct asking {
	uint64_t serial;
	size_t n;
	struct wa_jid jids[BUNDLES_ASK_MAX];
};
_Static_assert(DEVICES_ASK_MAX <= BUNDLES_ASK_MAX, "one list for both");

static void asking_free(struct asking **askingp)
{
	free(move(*askingp));
}

static void on_members(struct lane *lane, enum group_outcome outcome, void *arg)
{
	scoped(asking_free) struct asking *asking = arg;
	struct cast_line *line = line_by_serial(hold_of(lane), asking->serial);

	if (line == NULL)
		return;
	line->n_open = 0;
	switch (outcome) {
	case GROUP_KNOWN:
		line_resume(lane, line);
		return;
	case GROUP_NOT_MEMBER:
		line_fail(lane, line, "not_a_member");
		return;
	case GROUP_NOT_FOUND:
		line_fail(lane, line, "no_such_group");
		return;
	case GROUP_NO_ANSWER:
		break;
	}
	line_later(lane, line);
}

static void on_privacy(struct lane *lane, bool answered, void *arg)
{
	scoped(asking_free) struct asking *asking = arg;
	struct cast_line *line = line_by_serial(hold_of(lane), asking->serial);

	if (line == NULL)
		return;
	line->n_open = 0;
	if (answered)
		line_resume(lane, line);
	else
		line_later(lane, line);
}

/* ---- devices and keys: many questions, some at a time ---- */

static void batches_ask(struct lane *lane, uint64_t serial);

/* Who was not answered for is asked about again, or goes without. */
static void batches_finish(struct lane *lane, struct cast_line *line)
{
	struct err err = ERR_NONE;
	int failed = 0;

	if (line->n_again > 0 && line->n_tries + 1 < TRIES_MAX) {
		line->n_ask = line->n_again;
		line->n_asked = line->n_again = 0;
		line_later(lane, line);
		return;
	}
	for (size_t i = 0; i < line->n_again && failed == 0 &&
			   line->need == CAST_NEEDS_DEVICES;
		i++)
		failed = castplan_note_nobody(lane, &line->ask[i], &err);
	if (failed != 0)
		facts_fail(lane, &err);
	line_resume(lane, line);
}

/* The room at the front of the list is of those asked already. */
static void batch_failed(struct cast_line *line, const struct asking *asking)
{
	for (size_t i = 0; i < asking->n; i++)
		line->ask[line->n_again++] = asking->jids[i];
}

static void batch_done(struct lane *lane, struct cast_line *line)
{
	line->n_open--;
	if (line->n_asked < line->n_ask)
		batches_ask(lane, line->serial);
	else if (line->n_open == 0)
		batches_finish(lane, line);
}

static void on_devices(struct lane *lane, const enum devices_outcome *outcomes,
	size_t n, void *arg)
{
	scoped(asking_free) struct asking *asking = arg;
	struct cast_line *line = line_by_serial(hold_of(lane), asking->serial);
	struct err err = ERR_NONE;
	char text[WA_JID_TEXT];

	if (line == NULL)
		return;
	if (n == 0 || outcomes[0] == DEVICES_NO_ANSWER)
		batch_failed(line, asking);
	for (size_t i = 0; i < n && i < asking->n; i++) {
		if (outcomes[i] != DEVICES_NO_ACCOUNT &&
			outcomes[i] != DEVICES_UNCLEAR)
			continue;
		log_warning("groupcast account=%s status=no_devices "
			    "action=\"goes without\"",
			wa_jid_text(&asking->jids[i], text));
		if (castplan_note_nobody(lane, &asking->jids[i], &err) != 0)
			facts_fail(lane, &err);
	}
	batch_done(lane, line);
}

/* Whatever the answer did not bring is known to be without keys for a while. */
static void on_keys(struct lane *lane, bool answered, void *arg)
{
	scoped(asking_free) struct asking *asking = arg;
	struct cast_line *line = line_by_serial(hold_of(lane), asking->serial);

	for (size_t i = 0; answered && i < asking->n; i++) {
		if (wa_signal_has_session(lane->signal, &asking->jids[i]) == 0)
			lookup_set_keyless(
				lane->outbound->lookup, &asking->jids[i]);
	}
	if (line == NULL)
		return;
	if (!answered)
		batch_failed(line, asking);
	batch_done(lane, line);
}

static void batch_ask(struct lane *lane, struct cast_line *line)
{
	struct asking *asking = xcalloc(1, sizeof *asking);
	bool keys = line->need == CAST_NEEDS_KEYS;
	size_t max = keys ? BUNDLES_ASK_MAX : DEVICES_ASK_MAX;

	asking->serial = line->serial;
	while (asking->n < max && line->n_asked < line->n_ask)
		asking->jids[asking->n++] = line->ask[line->n_asked++];
	line->n_open++;
	if (keys)
		bundles_ask(
			lane, asking->jids, asking->n, false, on_keys, asking);
	else
		devices_ask(lane, asking->jids, asking->n, on_devices, asking);
}

/* Without a connection the answers come at once: the line may be gone, or rest
 * until it is due. */
static void batches_ask(struct lane *lane, uint64_t serial)
{
	struct cast_line *line = NULL;

	while ((line = line_by_serial(hold_of(lane), serial)) != NULL &&
		line->due_ms <= clock_mono_ms() && line->n_open < OPEN_MAX &&
		line->n_asked < line->n_ask)
		batch_ask(lane, line);
}

static void line_ask(struct lane *lane, struct cast_line *line)
{
	struct asking *asking = NULL;

	if (line->need == CAST_NEEDS_ACK)
		return;
	if (line->need == CAST_NEEDS_DEVICES || line->need == CAST_NEEDS_KEYS) {
		batches_ask(lane, line->serial);
		return;
	}
	asking = xcalloc(1, sizeof *asking);
	asking->serial = line->serial;
	line->n_open = 1;
	if (line->need == CAST_NEEDS_MEMBERS)
		group_ask(lane, &line->chat, on_members, asking);
	else
		status_ask(lane, on_privacy, asking);
}

/* ---- lines ---- */

void casthold_hold(struct lane *lane, struct job *job, enum cast_need need,
	const struct wa_jid *jids, size_t n)
{
	struct cast_line *line = line_begin(hold_of(lane), &job->chat, need);

	if (n > 0) {
		line->ask = xcalloc(n, sizeof *line->ask);
		memcpy(line->ask, jids, n * sizeof *line->ask);
		line->n_ask = n;
	}
	job_move(job, &line->jobs);
	line_ask(lane, line);
}

void casthold_await(struct lane *lane, const struct job *job)
{
	struct cast_line *line =
		line_begin(hold_of(lane), &job->chat, CAST_NEEDS_ACK);

	snprintf(line->wa_id, sizeof line->wa_id, "%s", job->wa_id);
}

void casthold_release(struct lane *lane, const struct job *job)
{
	struct cast_line *line = line_find(hold_of(lane), &job->chat);

	if (line != NULL && line->need == CAST_NEEDS_ACK &&
		strcmp(line->wa_id, job->wa_id) == 0)
		line_resume(lane, line);
}

bool casthold_joins(struct lane *lane, struct job *job)
{
	struct cast_line *line = line_find(hold_of(lane), &job->chat);

	if (line == NULL || strcmp(line->wa_id, job->wa_id) == 0)
		return false;
	job_move(job, &line->jobs);
	return true;
}

static void line_tick(struct lane *lane, struct cast_line *line, int64_t now_ms)
{
	const struct jobs *jobs = &lane->outbound->jobs;

	if (line->need == CAST_NEEDS_ACK) {
		/* It ended in another way than by an ack. */
		if (jobs_find(jobs, line->wa_id) == NULL)
			line_resume(lane, line);
		return;
	}
	if (TAILQ_EMPTY(&line->jobs)) {
		line_remove(hold_of(lane), line);
	} else if (line->n_open == 0 && line->due_ms <= now_ms) {
		line->due_ms = 0;
		line_ask(lane, line);
	}
}

void casthold_on_tick(struct lane *lane, int64_t now_ms,
	void (*fn)(struct lane *lane, struct job *job))
{
	struct cast_line *line = TAILQ_FIRST(&hold_of(lane)->lines);

	while (line != NULL) {
		struct cast_line *next = TAILQ_NEXT(line, entry);
		struct job *job = TAILQ_FIRST(&line->jobs);

		while (job != NULL) {
			struct job *next_job = TAILQ_NEXT(job, entry);

			fn(lane, job);
			job = next_job;
		}
		line_tick(lane, line, now_ms);
		line = next;
	}
}
