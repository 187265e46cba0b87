#include "senderd/whatsapp/iq.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/ids.h"
#include "common/log.h"
#include "common/own.h"
#include "senderd/whatsapp/connection.h"

#define IQ_TIMEOUT_MS 60000
#define IQ_MAX_OPEN 512
#define IQ_ID_MAX 32

struct iq_entry {
	struct iq_entry *next; /* newer */
	char id[IQ_ID_MAX];
	int64_t deadline_ms; /* monotonic; the list is in this order */
	iq_answer_fn *on_answer;
	void *arg;
};

struct iq_table {
	struct iq_entry *oldest;
	struct iq_entry **tail;
	size_t n;
	/* Ids are prefix-counter; the prefix is new for each connection, so
	 * that an answer can never meet a question of an earlier one. */
	char prefix[16];
	uint64_t counter;
	struct lane_timer timeout;
};

static void prefix_new(struct iq_table *table)
{
	snprintf(table->prefix, sizeof table->prefix, "%d.%d",
		(int)random_between(0, 65535), (int)random_between(0, 65535));
	table->counter = 0;
}

struct iq_table *iq_table_new(void)
{
	struct iq_table *table = xcalloc(1, sizeof *table);

	table->tail = &table->oldest;
	prefix_new(table);
	return table;
}

void iq_table_free(struct iq_table **tablep)
{
	struct iq_table *table = move(*tablep);

	if (table == NULL)
		return;
	lane_timer_stop(&table->timeout);
	while (table->oldest != NULL) {
		struct iq_entry *entry = table->oldest;

		table->oldest = entry->next;
		free(entry);
	}
	free(table);
}

struct wa_node *iq_new(struct lane *lane, const char *type, const char *xmlns)
{
	struct wa_jid server = wa_jid_server();

	return iq_new_to(lane, type, xmlns, &server);
}

struct wa_node *iq_new_to(struct lane *lane, const char *type,
	const char *xmlns, const struct wa_jid *to)
{
	struct wa_node *iq = wa_node_new(lane->arena, "iq");
	char id[IQ_ID_MAX];

	snprintf(id, sizeof id, "%s-%llu", lane->iqs->prefix,
		(unsigned long long)++lane->iqs->counter);
	wa_node_set(iq, "id", id);
	wa_node_set_jid(iq, "to", to);
	wa_node_set(iq, "type", type);
	wa_node_set(iq, "xmlns", xmlns);
	return iq;
}

/* Takes the entry at @link out of the list. */
static struct iq_entry *entry_take(
	struct iq_table *table, struct iq_entry **link)
{
	struct iq_entry *entry = *link;

	*link = entry->next;
	if (table->tail == &entry->next)
		table->tail = link;
	table->n--;
	return entry;
}

/* The entry is gone before the callback runs: that may ask again. */
static void entry_answer(
	struct lane *lane, struct iq_entry **link, const struct wa_node *answer)
{
	struct iq_entry *entry = entry_take(lane->iqs, link);
	iq_answer_fn *on_answer = entry->on_answer;
	void *arg = entry->arg;

	free(entry);
	on_answer(lane, answer, arg);
}

static void timeout_arm(struct lane *lane);

static void on_timeout(struct lane *lane, void *arg)
{
	struct iq_table *table = lane->iqs;

	(void)arg;
	while (table->oldest != NULL &&
		table->oldest->deadline_ms <= clock_mono_ms()) {
		log_warning("iq id=%s status=timeout", table->oldest->id);
		entry_answer(lane, &table->oldest, NULL);
	}
	timeout_arm(lane);
}

static void timeout_arm(struct lane *lane)
{
	struct iq_table *table = lane->iqs;
	int64_t wait_ms;

	if (table->oldest == NULL) {
		lane_timer_stop(&table->timeout);
		return;
	}
	wait_ms = table->oldest->deadline_ms - clock_mono_ms();
	lane_timer_start(lane, &table->timeout, wait_ms > 1 ? wait_ms : 1,
		on_timeout, NULL);
}

void iq_send(struct lane *lane, struct wa_node *iq, iq_answer_fn *on_answer,
	void *arg)
{
	struct iq_table *table = lane->iqs;
	const char *id = wa_node_str(iq, "id");
	struct iq_entry *entry;

	if (!connection_is_up(lane) || table->n >= IQ_MAX_OPEN || id == NULL) {
		on_answer(lane, NULL, arg);
		return;
	}
	entry = xcalloc(1, sizeof *entry);
	snprintf(entry->id, sizeof entry->id, "%s", id);
	entry->deadline_ms = clock_mono_ms() + IQ_TIMEOUT_MS;
	entry->on_answer = on_answer;
	entry->arg = arg;
	*table->tail = entry;
	table->tail = &entry->next;
	if (table->n++ == 0)
		timeout_arm(lane);
	lane_send(lane, iq);
}

void iq_on_answer(struct lane *lane, const struct wa_node *answer)
{
	struct iq_table *table = lane->iqs;
	const char *id = wa_node_str(answer, "id");

	if (id == NULL)
		return;
	for (struct iq_entry **link = &table->oldest; *link != NULL;
		link = &(*link)->next) {
		if (strcmp((*link)->id, id) == 0) {
			entry_answer(lane, link, answer);
			return;
		}
	}
	log_debug("iq id=\"%s\" status=unexpected", log_quote(id));
}

void iq_on_disconnect(struct lane *lane)
{
	struct iq_table *table = lane->iqs;

	/* Only those that are open now: a callback that asks again without a
	 * connection is answered inside iq_send(). */
	lane_timer_stop(&table->timeout);
	while (table->oldest != NULL)
		entry_answer(lane, &table->oldest, NULL);
	prefix_new(table);
}

bool iq_is_error(const struct wa_node *answer, int *code_out)
{
	const struct wa_node *error;

	*code_out = 0;
	if (answer == NULL)
		return true;
	error = wa_node_child(answer, "error");
	if (error != NULL)
		*code_out = (int)wa_node_int(error, "code", 0);
	return error != NULL || wa_node_is(answer, "type", "error");
}
