#include "senderd/facts_group.h"

#include <string.h>

#include "common/arena.h"
#include "common/clock.h"
#include "common/err.h"
#include "common/own.h"
#include "common/store/contact.h"
#include "common/store/receipt.h"

/* ---- reports ---- */

/* What is needed of the message. */
struct about {
	int64_t id;
	const char *chat; /* that the report is from, or NULL */
	bool is_chat, is_queued;
	int n_recipients, n_delivered, n_read;
};

static int on_message(const struct message *row, void *arg)
{
	struct about *about = arg;

	about->id = row->id;
	about->is_chat =
		about->chat != NULL && strcmp(row->chat, about->chat) == 0;
	about->is_queued = row->status == MESSAGE_QUEUED;
	about->n_recipients = row->n_recipients;
	about->n_delivered = row->n_delivered;
	about->n_read = row->n_read;
	return 0;
}

int group_receipt_write(struct lane *lane, struct tx *tx,
	const struct group_receipt *receipt, bool *was_queued, struct err *err)
{
	struct about about = { .chat = receipt->chat };
	struct receipt_news news = { .status = receipt->change.status,
		.at_ms = receipt->change.at_ms };
	const struct contact_news who = { .account_id = lane->account_id,
		.phone = receipt->phone,
		.lid = receipt->lid };
	char public_id[UUID_LEN];

	*was_queued = false;
	if (store_message_by_wa_id(lane->store, lane->device_id,
		    receipt->change.wa_id, on_message, &about, err) != 0)
		return -1;
	if (!about.is_chat)
		return 0;
	*was_queued = about.is_queued;
	news.message_id = about.id;
	if (store_contact_note(tx, &who, clock_now_ms(), &news.contact_id,
		    public_id, err) != 0)
		return -1;
	return store_receipt_note(tx, &news, err);
}

int group_receipt_settle(struct lane *lane, const char *wa_id,
	enum message_status *status_out, struct err *err)
{
	struct about about = { .chat = NULL };
	int n_played = 0;

	*status_out = 0;
	if (store_message_by_wa_id(lane->store, lane->device_id, wa_id,
		    on_message, &about, err) != 0)
		return -1;
	if (about.n_recipients == 0 || about.n_delivered < about.n_recipients)
		return 0;
	*status_out = MESSAGE_DELIVERED;
	if (about.n_read < about.n_recipients)
		return 0;
	*status_out = MESSAGE_READ;
	n_played = store_receipt_count_played(lane->store, about.id, err);
	if (n_played >= about.n_recipients)
		*status_out = MESSAGE_PLAYED;
	return n_played < 0 ? -1 : 0;
}

/* ---- events ---- */

static const char *keep(struct arena *arena, const char *text)
{
	return text == NULL ? NULL : arena_strdup(arena, text);
}

static struct group_person person_keep(
	struct arena *arena, const struct group_person *person)
{
	return (struct group_person){ .phone = keep(arena, person->phone),
		.lid = keep(arena, person->lid) };
}

struct group_event group_event_keep(
	struct arena *arena, const struct group_event *event)
{
	struct group_event kept = *event;

	kept.chat = keep(arena, event->chat);
	kept.text = keep(arena, event->text);
	kept.actor = person_keep(arena, &event->actor);
	kept.people =
		arena_alloc(arena, (event->n_people + 1) * sizeof *kept.people);
	for (size_t i = 0; i < event->n_people; i++)
		kept.people[i] = person_keep(arena, &event->people[i]);
	return kept;
}

static int person_find(struct lane *lane, struct tx *tx,
	struct group_person *person, struct err *err)
{
	const struct contact_news news = { .account_id = lane->account_id,
		.phone = person->phone,
		.lid = person->lid };
	char public_id[UUID_LEN];
	int64_t id = 0;

	if (news.phone == NULL && news.lid == NULL)
		return 0;
	if (store_contact_note(
		    tx, &news, clock_now_ms(), &id, public_id, err) != 0)
		return -1;
	person->contact_id = arena_strdup(lane->arena, public_id);
	return 0;
}

int group_event_write(struct lane *lane, struct tx *tx,
	struct group_event *event, Bus__Envelope **event_out, struct err *err)
{
	if (person_find(lane, tx, &event->actor, err) != 0)
		return -1;
	for (size_t i = 0; i < event->n_people; i++) {
		if (person_find(lane, tx, &event->people[i], err) != 0)
			return -1;
	}
	return eventlog_group(tx, event, lane->device_uid, event_out, err);
}
