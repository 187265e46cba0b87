#include "senderd/facts.h"

#include <stdlib.h>
#include <string.h>

#include "common/arena.h"
#include "common/bus.h"
#include "common/clock.h"
#include "common/err.h"
#include "common/eventlog.h"
#include "common/own.h"

#define FACTS_ARENA_BYTES 16384

enum fact_kind {
	FACT_INBOUND,
	FACT_CHANGE,
	FACT_RECEIPT,
	FACT_REASON,
	FACT_RETRY,
	FACT_STATE,
};

/* One fact; it and its texts live in the arena until the turn ends. */
struct fact {
	struct fact *next;
	enum fact_kind kind;
	union {
		struct message inbound;
		struct message_change change;
		struct {
			struct message_change change;
			const char *phone, *lid; /* of who says so */
		} receipt;
		struct {
			const char *wa_id;
			const char *reason;
		} note; /* REASON, RETRY */
		struct {
			struct device_state columns;
			enum facts_session session;
			const char *reason;
		} state;
	};
};

struct facts {
	struct arena *arena;
	struct fact *first;
	struct fact **tail;
	size_t n;
	struct err failure; /* code ERR_OK: the turn may be committed */
	/* Events of the transaction under way: owned until it is committed. */
	Bus__Envelope **events;
	size_t n_events, cap_events;
};

struct facts *facts_new(void)
{
	struct facts *facts = xcalloc(1, sizeof *facts);

	facts->arena = arena_new(FACTS_ARENA_BYTES);
	facts->tail = &facts->first;
	return facts;
}

static void events_drop(struct facts *facts)
{
	for (size_t i = 0; i < facts->n_events; i++)
		bus_envelope_free(&facts->events[i]);
	facts->n_events = 0;
}

void facts_free(struct facts **factsp)
{
	struct facts *facts = move(*factsp);

	if (facts == NULL)
		return;
	events_drop(facts);
	free(facts->events);
	arena_free(&facts->arena);
	free(facts);
}

/* ---- collecting ---- */

static struct fact *fact_add(struct lane *lane, enum fact_kind kind)
{
	struct facts *facts = lane->facts;
	struct fact *fact = arena_alloc(facts->arena, sizeof *fact);

	fact->kind = kind;
	*facts->tail = fact;
	facts->tail = &fact->next;
	facts->n++;
	return fact;
}

static const char *keep(struct lane *lane, const char *text)
{
	return text == NULL ? NULL : arena_strdup(lane->facts->arena, text);
}

void facts_add_inbound(struct lane *lane, const struct message *message)
{
	struct message *row = &fact_add(lane, FACT_INBOUND)->inbound;
	char uuid[UUID_LEN];

	*row = *message;
	id_uuid7(uuid);
	row->public_id = keep(lane, uuid);
	row->account_id = lane->account_id;
	row->device_id = lane->device_id;
	row->device_uid = lane->device_uid;
	row->wa_id = keep(lane, message->wa_id);
	row->chat = keep(lane, message->chat);
	row->sender = keep(lane, message->sender);
	row->phone = keep(lane, message->phone);
	row->lid = keep(lane, message->lid);
	row->push_name = keep(lane, message->push_name);
	row->text = keep(lane, message->text);
	row->reason = keep(lane, message->reason);
}

static void change_keep(struct lane *lane, const struct message_change *change,
	struct message_change *out)
{
	*out = *change;
	out->wa_id = keep(lane, change->wa_id);
	out->reason = keep(lane, change->reason);
}

void facts_add_change(struct lane *lane, const struct message_change *change)
{
	change_keep(lane, change, &fact_add(lane, FACT_CHANGE)->change);
}

void facts_add_receipt(struct lane *lane, const struct message_change *change,
	const char *phone, const char *lid)
{
	struct fact *fact = fact_add(lane, FACT_RECEIPT);

	change_keep(lane, change, &fact->receipt.change);
	fact->receipt.phone = keep(lane, phone);
	fact->receipt.lid = keep(lane, lid);
}

void facts_add_reason(struct lane *lane, const char *wa_id, const char *reason)
{
	struct fact *fact = fact_add(lane, FACT_REASON);

	fact->note.wa_id = keep(lane, wa_id);
	fact->note.reason = keep(lane, reason);
}

void facts_add_retry(struct lane *lane, const char *wa_id)
{
	fact_add(lane, FACT_RETRY)->note.wa_id = keep(lane, wa_id);
}

void facts_add_state(struct lane *lane, const struct device_state *state,
	enum facts_session session, const char *reason)
{
	struct fact *fact = fact_add(lane, FACT_STATE);
	struct device_state *columns = &fact->state.columns;

	*columns = *state;
	columns->lane_state = keep(lane, state->lane_state);
	columns->lane_reason = keep(lane, state->lane_reason);
	columns->phone = keep(lane, state->phone);
	columns->jid = keep(lane, state->jid);
	columns->lid = keep(lane, state->lid);
	columns->push_name = keep(lane, state->push_name);
	fact->state.session = session;
	fact->state.reason = keep(lane, reason);
}

void facts_fail(struct lane *lane, const struct err *err)
{
	struct facts *facts = lane->facts;

	if (facts->failure.code != ERR_OK)
		return;
	facts->failure = *err;
	if (facts->failure.code == ERR_OK)
		facts->failure.code = ERR_INTERNAL;
}

bool facts_failed(const struct lane *lane)
{
	return lane->facts->failure.code != ERR_OK;
}

size_t facts_count(const struct lane *lane)
{
	return lane->facts->n + (facts_failed(lane) ? 1 : 0);
}

/* ---- writing ---- */

static void event_keep(struct facts *facts, Bus__Envelope *event)
{
	if (event == NULL)
		return;
	if (facts->n_events == facts->cap_events) {
		facts->cap_events =
			facts->cap_events ? 2 * facts->cap_events : 64;
		facts->events = xrealloc(facts->events,
			facts->cap_events * sizeof *facts->events);
	}
	facts->events[facts->n_events++] = event;
}

/* A row that has just got its status tells it in the same transaction. */
struct telling {
	struct lane *lane;
	struct tx *tx;
	struct err *err;
	bool failed;
	const struct fact *receipt; /* looked at just now */
	bool is_recipient;
	bool was_queued; /* the message, when its receipt came */
};

static int on_new_status(const struct message *row, void *arg)
{
	struct telling *telling = arg;
	struct lane *lane = telling->lane;
	Bus__Envelope *event = NULL;

	if (eventlog_message(telling->tx, row, lane->device_uid, &event,
		    telling->err) != 0) {
		telling->failed = true;
		return 1;
	}
	event_keep(lane->facts, event);
	return 0;
}

static int write_inbound(struct telling *telling, struct message *message)
{
	bool duplicate = false;

	if (store_message_insert_in(
		    telling->tx, message, &duplicate, telling->err) != 0)
		return -1;
	if (duplicate || message->source == MESSAGE_BY_PHONE)
		return 0;
	on_new_status(message, telling);
	return telling->failed ? -1 : 0;
}

/* News of a message that retention has removed meanwhile is no news. */
static int unless_gone(const struct telling *telling, int rc)
{
	return rc != 0 && telling->err->code == ERR_NOT_FOUND ? 0 : rc;
}

static int write_change(
	struct telling *telling, const struct message_change *change)
{
	bool changed = false;
	int rc = store_message_change(telling->tx, telling->lane->device_id,
		change, &changed, on_new_status, telling, telling->err);

	return telling->failed ? -1 : unless_gone(telling, rc);
}

static bool same_name(const char *a, const char *b)
{
	return a != NULL && b != NULL && strcmp(a, b) == 0;
}

static int on_receipt_row(const struct message *row, void *arg)
{
	struct telling *telling = arg;
	const struct fact *fact = telling->receipt;

	telling->is_recipient = same_name(row->phone, fact->receipt.phone) ||
				same_name(row->lid, fact->receipt.lid);
	telling->was_queued = row->status == MESSAGE_QUEUED;
	return 0;
}

/* Read here and not when the receipt came: inside the transaction it costs no
 * locks and meets warm pages. */
static int write_receipt(struct telling *telling, const struct fact *fact)
{
	struct lane *lane = telling->lane;

	telling->receipt = fact;
	telling->is_recipient = telling->was_queued = false;
	if (store_message_by_wa_id(lane->store, lane->device_id,
		    fact->receipt.change.wa_id, on_receipt_row, telling,
		    telling->err) != 0)
		return unless_gone(telling, -1);
	if (!telling->is_recipient)
		return 0;
	/* The server's ack was lost with a connection or a lane.  Who got a
	 * receipt for it knows that it was sent, and its event is due. */
	if (telling->was_queued) {
		struct message_change sent = fact->receipt.change;

		sent.status = MESSAGE_SENT;
		if (write_change(telling, &sent) != 0)
			return -1;
	}
	return write_change(telling, &fact->receipt.change);
}

static int write_state(struct telling *telling, const struct fact *fact)
{
	struct lane *lane = telling->lane;
	Bus__Envelope *event = NULL;

	if (store_device_set_state(telling->tx, lane->device_id,
		    &fact->state.columns, telling->err) != 0)
		return -1;
	if (fact->state.session == FACTS_SESSION_NONE)
		return 0;
	if (eventlog_session(telling->tx, lane->account_id, lane->device_id,
		    lane->device_uid,
		    fact->state.session == FACTS_SESSION_CONNECTED,
		    lane->id.is_paired ? lane->id.jid.user : NULL,
		    fact->state.reason, clock_now_ms(), &event,
		    telling->err) != 0)
		return -1;
	event_keep(lane->facts, event);
	return 0;
}

static int write_fact(struct telling *telling, struct fact *fact)
{
	int64_t device_id = telling->lane->device_id;

	switch (fact->kind) {
	case FACT_INBOUND:
		return write_inbound(telling, &fact->inbound);
	case FACT_CHANGE:
		return write_change(telling, &fact->change);
	case FACT_RECEIPT:
		return write_receipt(telling, fact);
	case FACT_REASON:
		return unless_gone(
			telling, store_message_set_reason(telling->tx,
					 device_id, fact->note.wa_id,
					 fact->note.reason, telling->err));
	case FACT_RETRY:
		return unless_gone(telling,
			store_message_count_retry(telling->tx, device_id,
				fact->note.wa_id, telling->err));
	case FACT_STATE:
		return write_state(telling, fact);
	}
	return err_set(
		telling->err, ERR_INTERNAL, "fact of kind %d", (int)fact->kind);
}

static int write_all(struct lane *lane, struct err *err)
{
	scoped(tx_end) struct tx *tx = tx_begin(lane->store, err);
	struct telling telling = { .lane = lane, .tx = tx, .err = err };

	if (tx == NULL)
		return -1;
	for (struct fact *fact = lane->facts->first; fact != NULL;
		fact = fact->next) {
		if (write_fact(&telling, fact) != 0)
			return -1;
	}
	return tx_commit(tx, err);
}

void facts_drop(struct lane *lane)
{
	struct facts *facts = lane->facts;

	events_drop(facts);
	facts->first = NULL;
	facts->tail = &facts->first;
	facts->n = 0;
	facts->failure = ERR_NONE;
	arena_reset(facts->arena);
}

int facts_commit(struct lane *lane, struct err *err)
{
	struct facts *facts = lane->facts;

	if (facts_failed(lane)) {
		*err = facts->failure;
		return -1;
	}
	if (facts->n == 0)
		return 0;
	if (write_all(lane, err) != 0) {
		events_drop(facts);
		return err_wrap(err, "facts");
	}
	for (size_t i = 0; i < facts->n_events; i++)
		lane_tell(lane, move(facts->events[i]));
	facts->n_events = 0;
	facts_drop(lane);
	return 0;
}
