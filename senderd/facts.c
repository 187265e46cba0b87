#include "senderd/facts.h"

#include <stdlib.h>
#include <string.h>

#include "common/antispam.h"
#include "common/arena.h"
#include "common/autoreply.h"
#include "common/bus.h"
#include "common/clock.h"
#include "common/err.h"
#include "common/eventlog.h"
#include "common/own.h"
#include "common/store/media.h"
#include "senderd/contact_cache.h"
#include "senderd/facts_group.h"

#define FACTS_ARENA_BYTES 16384

enum fact_kind {
	FACT_INBOUND,
	FACT_CHANGE,
	FACT_RECEIPT,
	FACT_REASON,
	FACT_RETRY,
	FACT_STATE,
	FACT_CONTACT,
	FACT_CHAT,
	FACT_HISTORY,
	FACT_READ,
	FACT_PRESENCE,
	FACT_MEDIA,
	FACT_MEDIA_STATE,
	FACT_GROUP_RECEIPT,
	FACT_GROUP,
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
		struct contact_news contact;
		struct {
			struct chat row;
			unsigned fields;
		} chat;
		struct {
			int64_t message_id, at_ms;
		} read;
		struct presence_event presence;
		struct media media;
		struct media_end media_end;
		struct group_receipt group_receipt;
		struct group_event group;
	};
};

/* What the transaction under way causes: owned until it is committed. */
struct envelopes {
	Bus__Envelope **items;
	size_t n, cap;
};

struct facts {
	struct arena *arena;
	struct fact *first;
	struct fact **tail;
	size_t n;
	struct err failure;	 /* code ERR_OK: the turn may be committed */
	struct envelopes events; /* for the supervisor */
	struct envelopes jobs;	 /* replies, for this lane's own queue */
	struct contact_cache *contacts;
};

struct facts *facts_new(void)
{
	struct facts *facts = xcalloc(1, sizeof *facts);

	facts->arena = arena_new(FACTS_ARENA_BYTES);
	facts->tail = &facts->first;
	facts->contacts = contact_cache_new();
	return facts;
}

static void envelopes_drop(struct envelopes *envelopes)
{
	for (size_t i = 0; i < envelopes->n; i++)
		bus_envelope_free(&envelopes->items[i]);
	envelopes->n = 0;
}

static void envelopes_fini(struct envelopes *envelopes)
{
	envelopes_drop(envelopes);
	free(envelopes->items);
}

void facts_free(struct facts **factsp)
{
	struct facts *facts = move(*factsp);

	if (facts == NULL)
		return;
	envelopes_fini(&facts->events);
	envelopes_fini(&facts->jobs);
	contact_cache_free(&facts->contacts);
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

static void message_keep(
	struct lane *lane, const struct message *message, struct message *row)
{
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
	row->content = keep(lane, message->content);
	row->media_public_id = keep(lane, message->media_public_id);
	row->reason = keep(lane, message->reason);
}

void facts_add_inbound(struct lane *lane, const struct message *message)
{
	message_keep(lane, message, &fact_add(lane, FACT_INBOUND)->inbound);
}

void facts_add_history(struct lane *lane, const struct message *message)
{
	message_keep(lane, message, &fact_add(lane, FACT_HISTORY)->inbound);
}

void facts_add_contact(struct lane *lane, const struct contact_news *news)
{
	struct contact_news *row = &fact_add(lane, FACT_CONTACT)->contact;

	*row = *news;
	row->account_id = lane->account_id;
	row->phone = keep(lane, news->phone);
	row->lid = keep(lane, news->lid);
	row->name = keep(lane, news->name);
	row->push_name = keep(lane, news->push_name);
}

void facts_add_chat(struct lane *lane, const struct chat *chat, unsigned fields)
{
	struct fact *fact = fact_add(lane, FACT_CHAT);
	struct chat *row = &fact->chat.row;

	fact->chat.fields = fields;
	*row = *chat;
	row->account_id = lane->account_id;
	row->device_id = lane->device_id;
	row->jid = keep(lane, chat->jid);
	row->name = keep(lane, chat->name);
	row->oldest_wa_id = keep(lane, chat->oldest_wa_id);
	row->updated_ms = clock_now_ms();
}

void facts_add_read(struct lane *lane, int64_t message_id, int64_t at_ms)
{
	struct fact *fact = fact_add(lane, FACT_READ);

	fact->read.message_id = message_id;
	fact->read.at_ms = at_ms;
}

void facts_add_presence(struct lane *lane, const struct presence_event *event)
{
	struct presence_event *kept = &fact_add(lane, FACT_PRESENCE)->presence;

	*kept = *event;
	kept->account_id = lane->account_id;
	kept->device_id = lane->device_id;
	kept->chat = keep(lane, event->chat);
	kept->from = keep(lane, event->from);
	kept->phone = keep(lane, event->phone);
	kept->lid = keep(lane, event->lid);
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

void facts_add_group_receipt(struct lane *lane,
	const struct message_change *change, const char *chat,
	const char *phone, const char *lid)
{
	struct group_receipt *receipt =
		&fact_add(lane, FACT_GROUP_RECEIPT)->group_receipt;

	change_keep(lane, change, &receipt->change);
	receipt->chat = keep(lane, chat);
	receipt->phone = keep(lane, phone);
	receipt->lid = keep(lane, lid);
}

void facts_add_group(struct lane *lane, const struct group_event *event)
{
	struct group_event *kept = &fact_add(lane, FACT_GROUP)->group;

	*kept = group_event_keep(lane->facts->arena, event);
	kept->account_id = lane->account_id;
	kept->device_id = lane->device_id;
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
	columns->health = keep(lane, state->health);
	columns->health_reason = keep(lane, state->health_reason);
	columns->cold_chats_reason = keep(lane, state->cold_chats_reason);
	fact->state.session = session;
	fact->state.reason = keep(lane, reason);
}

static const uint8_t *keep_bytes(
	struct lane *lane, const uint8_t *bytes, size_t n)
{
	return bytes == NULL ? NULL : arena_dup(lane->facts->arena, bytes, n);
}

void facts_add_media(struct lane *lane, const struct media *media)
{
	struct media *row = &fact_add(lane, FACT_MEDIA)->media;

	*row = *media;
	row->account_id = lane->account_id;
	row->device_id = lane->device_id;
	row->public_id = keep(lane, media->public_id);
	row->sha256 = keep_bytes(lane, media->sha256, 32);
	row->mime = keep(lane, media->mime);
	row->file_name = keep(lane, media->file_name);
	row->thumbnail = keep_bytes(lane, media->thumbnail, media->n_thumbnail);
	row->waveform = keep_bytes(lane, media->waveform, media->n_waveform);
}

void facts_add_media_state(struct lane *lane, const struct media_end *end)
{
	struct media_end *row = &fact_add(lane, FACT_MEDIA_STATE)->media_end;

	*row = *end;
	row->public_id = keep(lane, end->public_id);
	row->sha256 = keep_bytes(lane, end->sha256, 32);
	row->wa_id = keep(lane, end->wa_id);
	row->chat = keep(lane, end->chat);
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

static void envelope_keep(struct envelopes *envelopes, Bus__Envelope *envelope)
{
	if (envelope == NULL)
		return;
	if (envelopes->n == envelopes->cap) {
		envelopes->cap = envelopes->cap ? 2 * envelopes->cap : 64;
		envelopes->items = xrealloc(envelopes->items,
			envelopes->cap * sizeof *envelopes->items);
	}
	envelopes->items[envelopes->n++] = envelope;
}

static void event_keep(struct facts *facts, Bus__Envelope *event)
{
	envelope_keep(&facts->events, event);
}

/* A row that has just got its status tells it in the same transaction. */
struct telling {
	struct lane *lane;
	struct tx *tx;
	struct err *err;
	bool failed;
	const struct fact *media;   /* the state it came to just now */
	const struct fact *receipt; /* looked at just now */
	bool is_recipient;
	bool was_queued; /* the message, when its receipt came */
};

static int message_tell(struct telling *telling, const struct message *row,
	const char *contact_id)
{
	struct lane *lane = telling->lane;
	Bus__Envelope *event = NULL;

	if (eventlog_message(telling->tx, row, contact_id, lane->device_uid,
		    &event, telling->err) != 0)
		return -1;
	event_keep(lane->facts, event);
	return 0;
}

/* Failures to reach people are what spam looks like. */
static int note_failure(
	const struct telling *telling, const struct message *row)
{
	const struct lane *lane = telling->lane;
	bool is_to_person = row->phone != NULL || row->lid != NULL;

	if (row->status != MESSAGE_FAILED || !is_to_person ||
		!antispam_is_sign(row->reason))
		return 0;
	return antispam_note_failure(telling->tx, lane->config, row->account_id,
		clock_now_ms(), telling->err);
}

static int on_new_status(const struct message *row, void *arg)
{
	struct telling *telling = arg;
	const struct contact_news who = { .account_id = row->account_id,
		.phone = row->phone,
		.lid = row->lid };
	char contact_id[UUID_LEN];

	telling->failed =
		contact_cache_find(telling->lane->facts->contacts, telling->tx,
			&who, contact_id, telling->err) != 0 ||
		message_tell(telling, row, contact_id) != 0 ||
		note_failure(telling, row) != 0;
	return telling->failed;
}

static int on_media(const struct media *media, void *arg)
{
	*(int64_t *)arg = media->id;
	return 0;
}

/* The media's own fact came before. */
static int media_resolve(const struct telling *telling, struct message *message)
{
	if (message->media_public_id == NULL)
		return 0;
	return store_media_by_public_id(tx_store(telling->tx),
		message->account_id, message->media_public_id, on_media,
		&message->media_id, telling->err);
}

/* Whom an inbound row is about.  In a group our own messages are about nobody.
 */
static int contact_note(const struct telling *telling,
	const struct message *message, char contact_id_out[UUID_LEN])
{
	const struct lane *lane = telling->lane;
	const struct contact_news news = { .account_id = message->account_id,
		.phone = message->phone,
		.lid = message->lid,
		.push_name = message->push_name };
	bool is_self =
		(news.phone != NULL &&
			strcmp(news.phone, lane->id.jid.user) == 0) ||
		(news.lid != NULL && strcmp(news.lid, lane->id.lid.user) == 0);

	contact_id_out[0] = '\0';
	if (is_self)
		return 0;
	return contact_cache_note(lane->facts->contacts, telling->tx, &news,
		contact_id_out, telling->err);
}

/* No event tells of what the owner did or knew before. */
static bool is_news(const struct message *message)
{
	return message->source != MESSAGE_BY_PHONE &&
	       message->source != MESSAGE_BY_HISTORY;
}

/* The event first: it tells of the message that the reply answers. */
static int message_receive(struct telling *telling,
	const struct message *message, const char *contact_id)
{
	struct lane *lane = telling->lane;
	Bus__Envelope *job = NULL;

	if (message_tell(telling, message, contact_id) != 0 ||
		autoreply_answer(telling->tx, lane->config, lane->device_uid,
			message, clock_now_ms(), &job, telling->err) != 0)
		return -1;
	envelope_keep(&lane->facts->jobs, job);
	return 0;
}

/* Known already: news only when it stood there without its content. */
static int write_again(struct telling *telling, struct message *message)
{
	char public_id[UUID_LEN], contact_id[UUID_LEN];
	bool filled = false;

	if (store_message_fill(telling->tx, message, public_id, &filled,
		    telling->err) != 0)
		return -1;
	if (!filled || !is_news(message))
		return 0;
	if (contact_note(telling, message, contact_id) != 0)
		return -1;
	return message_receive(telling, message, contact_id);
}

static int write_inbound(struct telling *telling, struct message *message)
{
	bool duplicate = false;
	char contact_id[UUID_LEN];

	if (media_resolve(telling, message) != 0 ||
		store_message_insert_in(
			telling->tx, message, &duplicate, telling->err) != 0)
		return -1;
	if (duplicate)
		return write_again(telling, message);
	if (contact_note(telling, message, contact_id) != 0)
		return -1;
	return is_news(message) ? message_receive(telling, message, contact_id)
				: 0;
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

static int write_sent(
	struct telling *telling, const struct message_change *change)
{
	struct message_change sent = *change;

	sent.status = MESSAGE_SENT;
	return write_change(telling, &sent);
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
	if (telling->was_queued &&
		write_sent(telling, &fact->receipt.change) != 0)
		return -1;
	return write_change(telling, &fact->receipt.change);
}

/* All who got it may have reported by now. */
static int write_settled(
	struct telling *telling, const struct message_change *change)
{
	struct message_change settled = *change;

	if (group_receipt_settle(telling->lane, change->wa_id, &settled.status,
		    telling->err) != 0)
		return unless_gone(telling, -1);
	return settled.status != 0 ? write_change(telling, &settled) : 0;
}

/* With the server's ack comes how many there are. */
static int write_any_change(
	struct telling *telling, const struct message_change *change)
{
	if (write_change(telling, change) != 0)
		return -1;
	return change->n_recipients > 0 ? write_settled(telling, change) : 0;
}

static int write_group_receipt(
	struct telling *telling, const struct group_receipt *receipt)
{
	bool was_queued = false;

	if (group_receipt_write(telling->lane, telling->tx, receipt,
		    &was_queued, telling->err) != 0)
		return unless_gone(telling, -1);
	if (was_queued && write_sent(telling, &receipt->change) != 0)
		return -1;
	return write_settled(telling, &receipt->change);
}

static int write_group(struct telling *telling, struct group_event *group)
{
	Bus__Envelope *event = NULL;

	if (group_event_write(telling->lane, telling->tx, group, &event,
		    telling->err) != 0)
		return -1;
	event_keep(telling->lane->facts, event);
	return 0;
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

static int write_history(struct telling *telling, struct message *message)
{
	bool is_known = false;
	char contact_id[UUID_LEN];

	if (store_chat_has_message(
		    telling->tx, message, &is_known, telling->err) != 0)
		return -1;
	if (is_known)
		return 0;
	if (store_message_insert_in(
		    telling->tx, message, &is_known, telling->err) != 0)
		return -1;
	return contact_note(telling, message, contact_id);
}

static int write_contact(
	struct telling *telling, const struct contact_news *news)
{
	char public_id[UUID_LEN];
	int64_t id = 0;

	if (news->phone == NULL && news->lid == NULL)
		return 0;
	/* It may make one contact of two. */
	contact_cache_clear(telling->lane->facts->contacts);
	return store_contact_note(telling->tx, news, clock_now_ms(), &id,
		public_id, telling->err);
}

static int write_presence(
	struct telling *telling, const struct presence_event *presence)
{
	struct lane *lane = telling->lane;
	Bus__Envelope *event = NULL;

	if (eventlog_presence(telling->tx, presence, lane->device_uid, &event,
		    telling->err) != 0)
		return -1;
	event_keep(lane->facts, event);
	return 0;
}

static int on_media_state(const struct media *media, void *arg)
{
	struct telling *telling = arg;
	struct lane *lane = telling->lane;
	const struct media_end *end = &telling->media->media_end;
	const struct media_news news = {
		.media = media, .wa_id = end->wa_id, .chat = end->chat
	};
	Bus__Envelope *event = NULL;

	telling->failed = eventlog_media(telling->tx, &news, lane->device_uid,
				  &event, telling->err) != 0;
	if (!telling->failed)
		event_keep(lane->facts, event);
	return telling->failed;
}

static int write_media_state(struct telling *telling, const struct fact *fact)
{
	const struct media_end *end = &fact->media_end;

	telling->media = fact;
	if (store_media_set_state(telling->tx, end->public_id, end->state,
		    end->sha256, end->size, on_media_state, telling,
		    telling->err) != 0)
		return -1;
	return telling->failed ? -1 : 0;
}

static int write_fact(struct telling *telling, struct fact *fact)
{
	int64_t device_id = telling->lane->device_id;

	switch (fact->kind) {
	case FACT_INBOUND:
		return write_inbound(telling, &fact->inbound);
	case FACT_CHANGE:
		return write_any_change(telling, &fact->change);
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
	case FACT_CONTACT:
		return write_contact(telling, &fact->contact);
	case FACT_CHAT:
		return store_chat_note(telling->tx, &fact->chat.row,
			fact->chat.fields, telling->err);
	case FACT_HISTORY:
		return write_history(telling, &fact->inbound);
	case FACT_READ:
		return store_chat_mark_read(telling->tx, fact->read.message_id,
			fact->read.at_ms, telling->err);
	case FACT_PRESENCE:
		return write_presence(telling, &fact->presence);
	case FACT_MEDIA:
		return store_media_insert(
			telling->tx, &fact->media, telling->err);
	case FACT_MEDIA_STATE:
		return write_media_state(telling, fact);
	case FACT_GROUP_RECEIPT:
		return write_group_receipt(telling, &fact->group_receipt);
	case FACT_GROUP:
		return write_group(telling, &fact->group);
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

	envelopes_drop(&facts->events);
	envelopes_drop(&facts->jobs);
	facts->first = NULL;
	facts->tail = &facts->first;
	facts->n = 0;
	facts->failure = ERR_NONE;
	arena_reset(facts->arena);
}

int facts_commit(struct lane *lane, struct err *err)
{
	scoped(envelopes_fini) struct envelopes jobs = { 0 };
	struct facts *facts = lane->facts;

	if (facts_failed(lane)) {
		*err = facts->failure;
		return -1;
	}
	if (facts->n == 0)
		return 0;
	if (write_all(lane, err) != 0) {
		envelopes_drop(&facts->events);
		envelopes_drop(&facts->jobs);
		contact_cache_clear(facts->contacts);
		return err_wrap(err, "facts");
	}
	for (size_t i = 0; i < facts->events.n; i++)
		lane_tell(lane, move(facts->events.items[i]));
	facts->events.n = 0;
	jobs = facts->jobs;
	facts->jobs = (struct envelopes){ 0 };
	facts_drop(lane);
	/* As if pushed.  What it has to tell is of the next turn. */
	for (size_t i = 0; i < jobs.n; i++)
		outbound_on_job(lane, jobs.items[i]->send_job);
	return 0;
}
