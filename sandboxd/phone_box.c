#include "sandboxd/phone_box.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/own.h"

#define TICKS_MAX 2048 /* readers of one message */

void box_init(struct box *box, size_t max)
{
	*box = (struct box){ .max = max, .next_seq = 1 };
}

static size_t entry_bytes(const struct box_entry *entry)
{
	return sizeof(*entry) + entry->message.len +
	       entry->n_audience * sizeof(*entry->audience) +
	       (entry->text == NULL ? 0 : strlen(entry->text));
}

static void entry_free(struct box_entry *entry)
{
	free(entry->id);
	free(entry->type);
	free(entry->text);
	free(entry->ticks);
	free(entry->audience);
	json_decref(entry->details);
	buf_fini(&entry->message);
	free(entry);
}

static void box_drop_oldest(struct box *box)
{
	struct box_entry *entry = box->ring[box->head];

	box->ring[box->head] = NULL;
	box->head = (box->head + 1) % box->cap;
	box->n--;
	box->bytes -= entry_bytes(entry);
	table_remove(&box->by_key, &entry->by_key);
	entry_free(entry);
}

size_t box_clear(struct box *box)
{
	size_t n = box->n;

	while (box->n > 0)
		box_drop_oldest(box);
	return n;
}

void box_fini(struct box *box)
{
	box_clear(box);
	free(box->ring);
	table_fini(&box->by_key);
	*box = (struct box){ 0 };
}

uint64_t box_key(const struct wa_jid *peer, unsigned device, const char *id)
{
	return table_hash_pair(
		table_hash_pair(table_hash_text(peer->user), device),
		table_hash_text(id));
}

static void box_grow(struct box *box)
{
	size_t cap = box->cap == 0 ? 8 : box->cap * 2;
	struct box_entry **ring = xcalloc(cap, sizeof(struct box_entry *));

	for (size_t i = 0; i < box->n; i++)
		ring[i] = box->ring[(box->head + i) % box->cap];
	free(box->ring);
	box->ring = ring;
	box->head = 0;
	box->cap = cap;
}

void box_add(struct box *box, struct box_entry *entry, uint64_t key)
{
	const size_t bytes = entry_bytes(entry);

	while (box->n > 0 &&
		(box->n >= box->max || box->bytes + bytes > BOX_BYTES_MAX)) {
		box_drop_oldest(box);
		box->dropped++;
	}
	if (box->n == box->cap)
		box_grow(box);
	entry->seq = box->next_seq++;
	box->ring[(box->head + box->n) % box->cap] = entry;
	box->n++;
	box->bytes += bytes;
	table_add(&box->by_key, &entry->by_key, key);
}

struct box_entry *box_find(const struct box *box, uint64_t key, const char *id)
{
	for (struct table_link *link = table_first(&box->by_key, key);
		link != NULL; link = table_next(link)) {
		struct box_entry *entry =
			table_entry(link, struct box_entry, by_key);

		if (strcmp(entry->id, id) == 0)
			return entry;
	}
	return NULL;
}

struct box_entry *box_find_id(const struct box *box, const char *id)
{
	for (size_t i = box->n; i-- > 0;) {
		struct box_entry *entry = box->ring[(box->head + i) % box->cap];

		if (strcmp(entry->id, id) == 0)
			return entry;
	}
	return NULL;
}

uint64_t box_first_seq(const struct box *box)
{
	return box->next_seq - box->n;
}

struct box_entry *box_at(const struct box *box, uint64_t seq)
{
	if (seq < box_first_seq(box) || seq >= box->next_seq)
		return NULL;
	return box->ring[(box->head + (size_t)(seq - box_first_seq(box))) %
			 box->cap];
}

struct box_entry *box_entry_new(const char *id, const struct wa_jid *peer,
	unsigned device, const char *type, const char *text, int64_t t)
{
	struct box_entry *entry = xcalloc(1, sizeof(*entry));

	entry->id = xstrdup(id);
	entry->peer = wa_jid_bare(peer);
	entry->device = device;
	entry->type = xstrdup(type == NULL ? "text" : type);
	entry->text = text == NULL ? NULL : xstrdup(text);
	entry->t = t;
	return entry;
}

static struct box_tick *tick_of(struct box_entry *entry, const char *lid)
{
	for (size_t i = 0; i < entry->n_ticks; i++) {
		if (strcmp(entry->ticks[i].lid, lid) == 0)
			return &entry->ticks[i];
	}
	if (entry->n_ticks == TICKS_MAX)
		return NULL;
	entry->ticks = xrealloc(
		entry->ticks, (entry->n_ticks + 1) * sizeof(*entry->ticks));
	entry->ticks[entry->n_ticks] = (struct box_tick){ .lid = "" };
	snprintf(entry->ticks[entry->n_ticks].lid, sizeof(entry->ticks->lid),
		"%s", lid);
	return &entry->ticks[entry->n_ticks++];
}

void box_entry_tick(
	struct box_entry *entry, const char *lid, enum box_status status)
{
	struct box_tick *tick = tick_of(entry, lid);

	if (tick != NULL && tick->status < status)
		tick->status = status;
	if (entry->status < status)
		entry->status = status;
}

bool box_entry_is_for(const struct box_entry *entry, const char *lid)
{
	for (size_t i = 0; i < entry->n_audience; i++) {
		if (strcmp(entry->audience[i], lid) == 0)
			return true;
	}
	return false;
}

const char *box_status_name(enum box_status status)
{
	static const char *const names[] = {
		[BOX_PENDING] = "pending",
		[BOX_FAILED] = "failed",
		[BOX_SENT] = "sent",
		[BOX_DELIVERED] = "delivered",
		[BOX_READ] = "read",
		[BOX_PLAYED] = "played",
	};

	return names[status];
}
