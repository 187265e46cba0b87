#include "sandboxd/queue.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "common/err.h"
#include "common/log.h"
#include "common/own.h"
#include "sandboxd/route.h"
#include "sandboxd/table.h"

#define QUEUE_ID_MAX 128

enum { CLASS_MESSAGE, CLASS_RECEIPT, CLASS_NOTIFICATION, CLASS_CALL };
static const char *const classes[] = {
	[CLASS_MESSAGE] = "message",
	[CLASS_RECEIPT] = "receipt",
	[CLASS_NOTIFICATION] = "notification",
	[CLASS_CALL] = "call",
};

struct item {
	struct table_link by_id;
	TAILQ_ENTRY(item) order;
	uint64_t seq;
	unsigned class; /* into classes[] */
	size_t n;	/* encoded bytes */
	uint8_t *bytes; /* points behind the id */
	char id[];
};

struct queue {
	TAILQ_HEAD(item_list, item) items;
	struct table by_id;
	size_t n, n_bytes;
	uint64_t next_seq;
	bool full; /* logged once, until there is room again */

	struct device *device;	 /* borrowed; it owns this queue */
	struct sandbox *sandbox; /* borrowed; from the first session on */

	/* the session just now */
	struct item *unsent; /* the first one this session has not seen */
	bool offline_phase;
	uint64_t offline_end; /* items before it were waiting at login */
	unsigned n_offline;   /* sent with the offline attribute */
	size_t in_flight;     /* sent and not answered */
	struct sandbox_timer *stall;
};

static void queue_pump(struct queue *queue);

static int class_of(const char *tag)
{
	for (size_t i = 0; i < ARRAY_LEN(classes); i++) {
		if (strcmp(classes[i], tag) == 0)
			return (int)i;
	}
	return -1;
}

static uint64_t id_hash(unsigned class, const char *id)
{
	return table_hash_pair(class, table_hash_text(id));
}

bool queue_takes(const struct wa_node *stanza)
{
	const char *id = wa_node_str(stanza, "id");

	return class_of(stanza->tag) >= 0 && id != NULL && id[0] != '\0' &&
	       strlen(id) <= QUEUE_ID_MAX;
}

/* ---- items ---- */

static struct item *item_new(const struct wa_node *stanza)
{
	scoped(buf_fini) struct buf bytes = BUF_INIT;
	const char *id = wa_node_str(stanza, "id");
	struct err err = ERR_NONE;
	struct item *item;
	size_t n_id = strlen(id) + 1;

	if (wa_node_encode(stanza, &bytes, &err) != 0) {
		log_warning("queue stanza=%s reason=\"%s\" action=dropped",
			stanza->tag, err.msg);
		return NULL;
	}
	item = xcalloc(1, sizeof(*item) + n_id + bytes.len);
	memcpy(item->id, id, n_id);
	item->class = (unsigned)class_of(stanza->tag);
	item->n = bytes.len;
	item->bytes = (uint8_t *)item->id + n_id;
	memcpy(item->bytes, bytes.data, bytes.len);
	return item;
}

static struct wa_node *item_decode(
	struct sandbox *sandbox, const struct item *item)
{
	struct wa_node *node = NULL;
	struct err err = ERR_NONE;

	if (wa_node_decode(sandbox->arena, item->bytes, item->n, &node, &err) ==
		0)
		return node;
	log_error("queue item does not decode: %s", err.msg);
	return NULL;
}

/* The oldest item of this class and id. */
static struct item *queue_find(
	const struct queue *queue, unsigned class, const char *id)
{
	struct item *oldest = NULL;

	for (struct table_link *link =
			table_first(&queue->by_id, id_hash(class, id));
		link != NULL; link = table_next(link)) {
		struct item *item = table_entry(link, struct item, by_id);

		if (item->class == class && strcmp(item->id, id) == 0 &&
			(oldest == NULL || item->seq < oldest->seq))
			oldest = item;
	}
	return oldest;
}

static void queue_drop(struct queue *queue, struct item *item)
{
	bool sent = queue->unsent == NULL || item->seq < queue->unsent->seq;

	if (sent && queue->in_flight > 0)
		queue->in_flight--;
	if (item == queue->unsent)
		queue->unsent = TAILQ_NEXT(item, order);
	TAILQ_REMOVE(&queue->items, item, order);
	table_remove(&queue->by_id, &item->by_id);
	queue->n--;
	queue->n_bytes -= item->n;
	queue->full = false;
	free(item);
}

/* ---- the queue of a device ---- */

static struct queue *queue_of(struct device *device)
{
	if (device->queue == NULL) {
		device->queue = xcalloc(1, sizeof(*device->queue));
		TAILQ_INIT(&device->queue->items);
		device->queue->device = device;
	}
	return device->queue;
}

void queue_free(struct queue **queuep)
{
	struct queue *queue = move(*queuep);
	struct item *item;

	if (queue == NULL)
		return;
	sandbox_timer_cancel(&queue->stall);
	while ((item = TAILQ_FIRST(&queue->items)) != NULL) {
		TAILQ_REMOVE(&queue->items, item, order);
		free(item);
	}
	table_fini(&queue->by_id);
	free(queue);
}

size_t queue_length(const struct device *device)
{
	return device->queue == NULL ? 0 : device->queue->n;
}

static bool queue_has_room(struct queue *queue, const struct item *item)
{
	if (queue->n < QUEUE_MAX_ITEMS &&
		queue->n_bytes + item->n <= QUEUE_MAX_BYTES)
		return true;
	if (!queue->full)
		log_warning("queue phone=%s device=%u status=full items=%zu "
			    "bytes=%zu action=drop_new_stanzas",
			queue->device->account->pn, queue->device->number,
			queue->n, queue->n_bytes);
	queue->full = true;
	return false;
}

static bool queue_is_live(const struct queue *queue)
{
	const struct session *session = queue->device->session;

	return session != NULL && session->offline_sent;
}

void queue_push(struct device *device, const struct wa_node *stanza)
{
	struct queue *queue = queue_of(device);
	struct item *item = item_new(stanza);

	if (item == NULL)
		return;
	if (!queue_has_room(queue, item)) {
		free(item);
		return;
	}
	item->seq = queue->next_seq++;
	TAILQ_INSERT_TAIL(&queue->items, item, order);
	table_add(&queue->by_id, &item->by_id, id_hash(item->class, item->id));
	queue->n++;
	queue->n_bytes += item->n;
	if (queue->unsent != NULL) {
		queue_pump(queue);
	} else if (!queue_is_live(queue) || queue->in_flight >= QUEUE_WINDOW) {
		queue->unsent = item;
		queue_pump(queue);
	} else {
		/* The usual case: sent as it is, not decoded again. */
		queue->in_flight++;
		session_send(device->session, stanza);
	}
}

void queue_ack(struct device *device, const char *class, const char *id)
{
	int number = class_of(class);
	struct item *item;

	if (device->queue == NULL || number < 0)
		return;
	item = queue_find(device->queue, (unsigned)number, id);
	if (item == NULL)
		return;
	queue_drop(device->queue, item);
	queue_pump(device->queue);
}

void queue_received(struct device *device, const char *id)
{
	struct queue *queue = device->queue;
	struct table_link *link;

	if (queue == NULL)
		return;
	link = table_first(&queue->by_id, id_hash(CLASS_MESSAGE, id));
	while (link != NULL) {
		struct item *item = table_entry(link, struct item, by_id);

		link = table_next(link);
		if (item->class == CLASS_MESSAGE && strcmp(item->id, id) == 0)
			queue_drop(queue, item);
	}
	queue_pump(queue);
}

const struct wa_node *queue_take(struct sandbox *sandbox, struct device *device)
{
	const struct wa_node *node = NULL;
	struct item *item;

	while (node == NULL && device->queue != NULL &&
		(item = TAILQ_FIRST(&device->queue->items)) != NULL) {
		node = item_decode(sandbox, item);
		queue_drop(device->queue, item);
	}
	return node;
}

/* ---- a session's way through the queue ---- */

static void on_stall(void *arg)
{
	struct queue *queue = arg;

	queue->stall = NULL;
	queue->in_flight = 0;
	queue_pump(queue);
}

static void offline_end_send(struct queue *queue)
{
	struct session *session = queue->device->session;
	struct sandbox *sandbox = session->sandbox;
	struct wa_node *ib = wa_node_new(sandbox->arena, "ib");
	struct wa_jid server = wa_jid_server();

	wa_node_set_jid(ib, "from", &server);
	wa_node_set_int(wa_node_add(ib, "offline"), "count", queue->n_offline);
	queue->offline_phase = false;
	session->offline_sent = true;
	session_send(session, ib);
	phone_welcome(queue->device->account->devices->phone, queue->device);
}

static bool offline_is_over(const struct queue *queue)
{
	return queue->offline_phase &&
	       (queue->unsent == NULL ||
		       queue->unsent->seq >= queue->offline_end);
}

static void item_send(struct queue *queue, const struct item *item)
{
	struct session *session = queue->device->session;
	struct wa_node *node = item_decode(session->sandbox, item);

	queue->in_flight++;
	if (node == NULL)
		return;
	if (queue->offline_phase)
		wa_node_set_int(node, "offline", ++queue->n_offline);
	session_send(session, node);
}

static void queue_pump(struct queue *queue)
{
	const struct session *session = queue->device->session;

	while (session != NULL && queue->device->session == session &&
		(queue->offline_phase || session->offline_sent)) {
		struct item *item = queue->unsent;

		if (offline_is_over(queue)) {
			offline_end_send(queue);
			continue;
		}
		if (item == NULL)
			break;
		if (queue->in_flight >= QUEUE_WINDOW) {
			if (queue->stall == NULL)
				queue->stall = sandbox_after(session->sandbox,
					QUEUE_STALL_MS, on_stall, queue);
			break;
		}
		queue->unsent = TAILQ_NEXT(item, order);
		item_send(queue, item);
	}
}

static void offline_preview_send(
	const struct queue *queue, struct session *session)
{
	size_t counts[ARRAY_LEN(classes)] = { 0 };
	struct wa_jid server = wa_jid_server();
	struct wa_node *ib = wa_node_new(session->sandbox->arena, "ib");
	struct wa_node *preview = wa_node_add(ib, "offline_preview");
	const struct item *item;

	TAILQ_FOREACH(item, &queue->items, order)
	counts[item->class]++;
	wa_node_set_jid(ib, "from", &server);
	wa_node_set_int(preview, "count", (int64_t)queue->n);
	for (size_t i = 0; i < ARRAY_LEN(classes); i++)
		wa_node_set_int(preview, classes[i], (int64_t)counts[i]);
	wa_node_set_int(preview, "appdata", 0);
	session_send(session, ib);
}

void queue_start(struct session *session)
{
	struct queue *queue = queue_of(session->device);

	if (session->offline_sent || queue->offline_phase)
		return; /* "active" again */
	queue->sandbox = session->sandbox;
	queue->unsent = TAILQ_FIRST(&queue->items);
	queue->in_flight = 0;
	queue->offline_phase = true;
	queue->offline_end = queue->next_seq;
	queue->n_offline = 0;
	if (queue->n > 0)
		offline_preview_send(queue, session);
	queue_pump(queue);
}

void queue_on_offline_batch(struct session *session)
{
	struct queue *queue = session->device->queue;

	if (queue == NULL || !queue->offline_phase)
		return;
	queue->in_flight = 0;
	queue_pump(queue);
}

void queue_on_disconnect(struct device *device)
{
	struct queue *queue = device->queue;

	if (queue == NULL)
		return;
	sandbox_timer_cancel(&queue->stall);
	queue->offline_phase = false;
	queue->unsent = TAILQ_FIRST(&queue->items);
	queue->in_flight = 0;
	if (queue->sandbox != NULL)
		route_presence_lost(queue->sandbox, device);
}
