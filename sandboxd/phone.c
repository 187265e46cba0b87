/* A virtual phone's life, its options, and the receipts that pass through it.
 */
#include "sandboxd/phone.h"

#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/own.h"
#include "sandboxd/queue.h"
#include "sandboxd/route.h"

#define UNREAD_MAX 100000
#define READ_AT_ONCE_MAX 256 /* ids in one receipt */

/* ---- life ---- */

struct phone *phone_new(struct sandbox *sandbox, struct account *account)
{
	struct phone *phone = xcalloc(1, sizeof(*phone));

	phone->sandbox = sandbox;
	phone->account = account;
	phone->read_after_ms = PHONE_READ_DEFAULT;
	phone->deliver = true;
	phone_store_init(&phone->store);
	box_init(&phone->inbox, BOX_INBOX_MAX);
	box_init(&phone->outbox, BOX_OUTBOX_MAX);
	box_init(&phone->peers, PHONE_PEERS_MAX);
	STAILQ_INIT(&phone->unread);
	STAILQ_INIT(&phone->media);
	return phone;
}

static void unread_drop(struct phone *phone)
{
	struct unread *unread = STAILQ_FIRST(&phone->unread);

	STAILQ_REMOVE_HEAD(&phone->unread, link);
	phone->n_unread--;
	free(unread);
}

void phone_free(struct phone **phonep)
{
	struct phone *phone = move(*phonep);

	if (phone == NULL)
		return;
	sandbox_timer_cancel(&phone->read_timer);
	while (!STAILQ_EMPTY(&phone->unread))
		unread_drop(phone);
	box_fini(&phone->inbox);
	box_fini(&phone->outbox);
	box_fini(&phone->peers);
	phone_media_fini(phone);
	phone_group_fini(phone);
	phone_app_state_free(&phone->app_state);
	phone_history_free(&phone->history);
	phone_store_fini(&phone->store);
	free(phone->heard);
	free(phone->auto_reply);
	free(phone);
}

const struct wa_keypair *phone_identity(const struct phone *phone)
{
	return &phone->store.identity;
}

void phone_bundle(struct phone *phone, struct wa_bundle *out)
{
	phone_store_bundle(&phone->store, out);
}

struct device *phone_device(const struct phone *phone)
{
	return phone->account->devices;
}

struct wa_jid phone_lid(const struct phone *phone)
{
	return wa_jid_lid(phone->account->lid, 0);
}

bool phone_is_own(const struct phone *phone, const struct account *account)
{
	return account == phone->account;
}

int phone_read_delay(const struct phone *phone)
{
	return phone->read_after_ms == PHONE_READ_DEFAULT
		       ? phone->sandbox->read_after_ms
		       : phone->read_after_ms;
}

/* Sessions with the old identity are of no use to anybody; neither are
 * companions, whose account signature was made with it. */
void phone_new_identity(struct phone *phone)
{
	struct account *account = phone->account;
	struct device *device = phone_device(phone);

	while (device->next != NULL)
		account_remove_companion(phone->sandbox, device->next);
	phone_group_fini(phone);
	phone_store_fini(&phone->store);
	phone_store_init(&phone->store);
	memcpy(device->identity, phone->store.identity.pub,
		sizeof(device->identity));
	account->key_index_t = 0;
	account->adv_raw_id++;
	route_identity_changed(phone->sandbox, account);
}

/* ---- read receipts ---- */

static void read_timer_arm(struct phone *phone);

static bool same_chat(const struct unread *a, const struct unread *b)
{
	return wa_jid_equal(&a->chat, &b->chat) &&
	       wa_jid_equal(&a->author, &b->author);
}

/* One receipt for the messages of one chat, and in a group of one author, that
 * are due in a row. */
static void read_some(struct phone *phone, int64_t now)
{
	struct unread *unread = STAILQ_FIRST(&phone->unread);
	const struct unread first = *unread;
	struct wa_node *list = NULL, *receipt;

	receipt = route_stanza(
		phone->sandbox, "receipt", unread->id, clock_now_ms() / 1000);
	unread_drop(phone);
	for (unsigned n = 1; n < READ_AT_ONCE_MAX; n++) {
		unread = STAILQ_FIRST(&phone->unread);
		if (unread == NULL || unread->due_mono_ms > now ||
			!same_chat(unread, &first))
			break;
		if (list == NULL)
			list = wa_node_add(receipt, "list");
		wa_node_set(wa_node_add(list, "item"), "id", unread->id);
		unread_drop(phone);
	}
	wa_node_set_jid(receipt, "to", &first.chat);
	wa_node_set_jid(receipt, "participant", &first.author);
	wa_node_set(receipt, "type", "read");
	route_receipt(phone->sandbox, phone_device(phone), receipt);
}

static void on_read_timer(void *arg)
{
	struct phone *phone = arg;
	int64_t now = clock_mono_ms();

	phone->read_timer = NULL;
	while (!STAILQ_EMPTY(&phone->unread) &&
		STAILQ_FIRST(&phone->unread)->due_mono_ms <= now)
		read_some(phone, now);
	read_timer_arm(phone);
}

static void read_timer_arm(struct phone *phone)
{
	const struct unread *first = STAILQ_FIRST(&phone->unread);
	int64_t wait;

	if (first == NULL || phone->read_timer != NULL)
		return;
	wait = first->due_mono_ms - clock_mono_ms();
	phone->read_timer = sandbox_after(
		phone->sandbox, wait > 0 ? wait : 0, on_read_timer, phone);
}

/* The list stays in order of time; when the delay was made shorter meanwhile, a
 * message waits for those before it. */
void phone_read_later(struct phone *phone, const struct wa_jid *chat,
	const struct wa_jid *author, const char *id)
{
	const size_t n_id = strlen(id) + 1;
	int delay_ms = phone_read_delay(phone);
	struct unread *unread;

	if (delay_ms < 0 || phone->n_unread >= UNREAD_MAX)
		return;
	unread = xcalloc(1, sizeof(*unread) + n_id);
	unread->due_mono_ms = clock_mono_ms() + delay_ms;
	unread->chat = wa_jid_bare(chat);
	if (author != NULL)
		unread->author = wa_jid_bare(author);
	memcpy(unread->id, id, n_id);
	STAILQ_INSERT_TAIL(&phone->unread, unread, link);
	phone->n_unread++;
	read_timer_arm(phone);
}

/* ---- typing and presence ---- */

void phone_type(
	struct phone *phone, const struct phone_chat *chat, const char *state)
{
	struct wa_node *chatstate =
		wa_node_new(phone->sandbox->arena, "chatstate");
	const bool recording = strcmp(state, "recording") == 0;
	struct wa_jid to = phone_chat_jid(chat);
	struct wa_node *what;

	wa_node_set_jid(chatstate, "to", &to);
	what = wa_node_add(chatstate, recording ? "composing" : state);
	wa_node_set(what, "media", recording ? "audio" : NULL);
	route_chatstate(phone->sandbox, phone_device(phone), chatstate);
}

void phone_set_available(struct phone *phone, bool available)
{
	struct wa_node *presence =
		wa_node_new(phone->sandbox->arena, "presence");

	wa_node_set(presence, "type", available ? "available" : "unavailable");
	wa_node_set(presence, "name", phone->account->push_name);
	route_presence(phone->sandbox, phone_device(phone), presence);
}

static void on_chatstate(struct phone *phone, const struct wa_node *chatstate)
{
	const struct wa_node *composing = wa_node_child(chatstate, "composing");
	struct wa_jid from, author;
	struct heard heard = { .t_ms = clock_now_ms() };

	if (!wa_node_jid(chatstate, "from", &from))
		return;
	if (wa_node_jid(chatstate, "participant", &author))
		heard.chat = from;
	else
		author = from;
	heard.author = directory_find(phone->sandbox, &author);
	if (heard.author == NULL)
		return;
	heard.state = composing == NULL				? "paused"
		      : wa_node_is(composing, "media", "audio") ? "recording"
								: "composing";
	if (phone->heard == NULL)
		phone->heard = xcalloc(PHONE_HEARD_MAX, sizeof(*phone->heard));
	phone->heard[phone->next_heard++ % PHONE_HEARD_MAX] = heard;
}

/* ---- stanzas ---- */

/* @reader: of a group or status message, else NULL. */
static void tick(struct phone *phone, const char *id,
	const struct account *reader, enum box_status status)
{
	struct box_entry *entry = phone_sent(phone, id);

	if (entry == NULL)
		return;
	if (reader != NULL)
		box_entry_tick(entry, reader->lid, status);
	else if (entry->status < status)
		entry->status = status;
}

static void raise_all(struct phone *phone, const struct wa_node *receipt,
	enum box_status status)
{
	const struct wa_node *list = wa_node_child(receipt, "list");
	const struct account *reader = NULL;
	struct wa_jid participant;

	if (wa_node_jid(receipt, "participant", &participant))
		reader = directory_find(phone->sandbox, &participant);
	tick(phone, route_id(receipt), reader, status);
	if (list == NULL)
		return;
	wa_node_each (item, list) {
		if (route_id(item) != NULL)
			tick(phone, route_id(item), reader, status);
	}
}

static void on_receipt(struct phone *phone, const struct wa_node *receipt)
{
	static const struct {
		const char *type;
		enum box_status status;
	} ticks[] = {
		{ "inactive", BOX_DELIVERED },
		{ "read", BOX_READ },
		{ "played", BOX_PLAYED },
	};
	const char *type = wa_node_str(receipt, "type");

	if (type == NULL) {
		raise_all(phone, receipt, BOX_DELIVERED);
		return;
	}
	if (strcmp(type, "retry") == 0)
		phone_on_retry(phone, receipt);
	else if (strcmp(type, "server-error") == 0)
		phone_media_on_retry(phone, receipt);
	for (size_t i = 0; i < ARRAY_LEN(ticks); i++) {
		if (strcmp(type, ticks[i].type) == 0)
			raise_all(phone, receipt, ticks[i].status);
	}
}

/* What was refused reached nobody, the sender key in it neither. */
static void on_ack(struct phone *phone, const struct wa_node *ack)
{
	const char *id = route_id(ack);
	struct box_entry *entry = id == NULL ? NULL : phone_sent(phone, id);

	if (entry == NULL || entry->status != BOX_PENDING)
		return;
	entry->error = (int)wa_node_int(ack, "error", 0);
	entry->status = entry->error == 0 ? BOX_SENT : BOX_FAILED;
	if (entry->error != 0)
		phone_group_forget(phone, &entry->peer);
}

/* A contact's phone was registered anew: what we have with its devices is void.
 */
static void on_identity_change(
	struct phone *phone, const struct wa_node *notification)
{
	struct account *account;
	struct wa_jid from;

	if (!wa_node_jid(notification, "from", &from))
		return;
	account = directory_find(phone->sandbox, &from);
	if (account == NULL)
		return;
	account_each_device (device, account) {
		struct wa_jid lid = device_lid(device);

		phone_store_forget(&phone->store, &lid);
	}
	phone_group_forget_account(phone, account);
}

static void on_notification(
	struct phone *phone, const struct wa_node *notification)
{
	if (wa_node_is(notification, "type", "server_sync"))
		phone_app_state_on_change(phone);
	else if (wa_node_child(notification, "identity") != NULL)
		on_identity_change(phone, notification);
	else
		phone_group_on_notification(phone, notification);
}

static void stanza_handle(struct phone *phone, const struct wa_node *stanza)
{
	static const struct {
		const char *tag;
		void (*fn)(struct phone *phone, const struct wa_node *stanza);
	} handlers[] = {
		{ "message", phone_on_message },
		{ "receipt", on_receipt },
		{ "ack", on_ack },
		{ "notification", on_notification },
	};

	if (strcmp(stanza->tag, "chatstate") == 0)
		on_chatstate(phone, stanza);
	if (route_id(stanza) == NULL)
		return;
	for (size_t i = 0; i < ARRAY_LEN(handlers); i++) {
		if (strcmp(stanza->tag, handlers[i].tag) == 0)
			handlers[i].fn(phone, stanza);
	}
}

void phone_on_stanza(struct phone *phone, const struct wa_node *stanza)
{
	if (!phone->deliver && queue_takes(stanza))
		queue_push(phone_device(phone), stanza);
	else
		stanza_handle(phone, stanza);
}

void phone_set_deliver(struct phone *phone, bool deliver)
{
	const struct wa_node *stanza;

	phone->deliver = deliver;
	while (phone->deliver && (stanza = queue_take(phone->sandbox,
					  phone_device(phone))) != NULL)
		stanza_handle(phone, stanza);
}
