/* Group and status messages of a virtual phone: one ciphertext under a sender
 * key, and the key itself, pairwise, for each device that has not got it
 * (messages.md section 3).
 *
 * A chat's memory names the devices that have the key.  Whoever may no longer
 * read makes it void: then the next message is under a new key. */
#include "sandboxd/phone.h"

#include <stdlib.h>
#include <string.h>

#include "common/err.h"
#include "common/log.h"
#include "common/own.h"
#include "sandboxd/route.h"

#define MESSAGES_PER_KEY 1000

struct holder {
	struct table_link link;
	struct account *account; /* borrowed */
	unsigned device;
};

struct phone_sender_keys {
	struct phone_sender_keys *next;
	struct wa_jid chat;
	unsigned used; /* messages under the present key */
	struct table holders;
};

/* ---- who has our key ---- */

static struct phone_sender_keys *memory_find(
	const struct phone *phone, const struct wa_jid *chat)
{
	struct phone_sender_keys *memory = phone->sender_keys;

	while (memory != NULL && !wa_jid_equal(&memory->chat, chat))
		memory = memory->next;
	return memory;
}

static struct phone_sender_keys *memory_of(
	struct phone *phone, const struct wa_jid *chat)
{
	struct phone_sender_keys *memory = memory_find(phone, chat);

	if (memory != NULL)
		return memory;
	memory = xcalloc(1, sizeof(*memory));
	memory->chat = *chat;
	memory->next = phone->sender_keys;
	phone->sender_keys = memory;
	return memory;
}

static uint64_t holder_hash(const struct device *device)
{
	return table_hash_pair((uintptr_t)device->account, device->number);
}

static struct holder *holder_find(
	const struct phone_sender_keys *memory, const struct device *device)
{
	struct table_link *link =
		table_first(&memory->holders, holder_hash(device));

	for (; link != NULL; link = table_next(link)) {
		struct holder *holder = table_entry(link, struct holder, link);

		if (holder->account == device->account &&
			holder->device == device->number)
			return holder;
	}
	return NULL;
}

static void holder_add(
	struct phone_sender_keys *memory, const struct device *device)
{
	struct holder *holder = xcalloc(1, sizeof(*holder));

	holder->account = device->account;
	holder->device = device->number;
	table_add(&memory->holders, &holder->link, holder_hash(device));
}

static void holder_remove(
	struct phone_sender_keys *memory, const struct device *device)
{
	struct holder *holder = holder_find(memory, device);

	if (holder == NULL)
		return;
	table_remove(&memory->holders, &holder->link);
	free(holder);
}

static void holders_drop(struct phone_sender_keys *memory)
{
	for (size_t i = 0; i < memory->holders.n_slots; i++) {
		struct table_link *link = memory->holders.slots[i];

		while (link != NULL) {
			struct table_link *next = link->next;

			free(table_entry(link, struct holder, link));
			link = next;
		}
	}
	table_fini(&memory->holders);
	memory->holders = (struct table){ 0 };
}

/* Does anybody have it who may not read what comes now? */
typedef bool holder_fn(const struct holder *holder, const void *arg);

static bool any_holder(
	const struct phone_sender_keys *memory, holder_fn *fn, const void *arg)
{
	for (size_t i = 0; i < memory->holders.n_slots; i++) {
		for (struct table_link *link = memory->holders.slots[i];
			link != NULL; link = link->next) {
			if (fn(table_entry(link, struct holder, link), arg))
				return true;
		}
	}
	return false;
}

void phone_group_rotate(struct phone *phone, const struct wa_jid *chat)
{
	struct phone_sender_keys *memory = memory_find(phone, chat);
	struct wa_jid self = phone_lid(phone);

	phone_store_forget_sender_key(&phone->store, chat, &self);
	if (memory == NULL)
		return;
	holders_drop(memory);
	memory->used = 0;
}

void phone_group_forget(struct phone *phone, const struct wa_jid *chat)
{
	struct phone_sender_keys *memory = memory_find(phone, chat);

	if (memory != NULL)
		holders_drop(memory);
}

/* Its devices have new sessions: what they had of us may be gone. */
void phone_group_forget_account(
	struct phone *phone, const struct account *account)
{
	struct phone_sender_keys *memory = phone->sender_keys;

	for (; memory != NULL; memory = memory->next) {
		account_each_device (device, account)
			holder_remove(memory, device);
	}
}

void phone_group_fini(struct phone *phone)
{
	while (phone->sender_keys != NULL) {
		struct phone_sender_keys *memory = phone->sender_keys;

		phone->sender_keys = memory->next;
		holders_drop(memory);
		free(memory);
	}
}

void phone_group_on_notification(
	struct phone *phone, const struct wa_node *notification)
{
	static const char *const changes[] = { "remove", "leave", "modify" };
	struct wa_jid group;

	if (!wa_node_is(notification, "type", "w:gp2") ||
		!wa_node_jid(notification, "from", &group))
		return;
	for (size_t i = 0; i < ARRAY_LEN(changes); i++) {
		if (wa_node_child(notification, changes[i]) != NULL)
			phone_group_rotate(phone, &group);
	}
}

bool phone_group_has(const struct phone_chat *chat,
	const struct box_entry *entry, const struct account *account)
{
	if (chat->group != NULL)
		return group_member_of(chat->group, account) != NULL;
	return box_entry_is_for(entry, account->lid);
}

/* ---- keys that come and go ---- */

void phone_group_on_key(struct phone *phone, const struct wa_jid *chat,
	const struct wa_jid *sender,
	const Wa__SenderKeyDistributionMessage *message)
{
	const ProtobufCBinaryData *key =
		&message->axolotl_sender_key_distribution_message;
	struct err err = ERR_NONE;
	struct wa_jid group;

	if (!message->has_axolotl_sender_key_distribution_message ||
		message->group_id == NULL ||
		wa_jid_parse(message->group_id, strlen(message->group_id),
			&group) != 0 ||
		!wa_jid_equal(&group, chat)) {
		log_info("phone=%s sender_key=of_another_chat action=ignore",
			phone->account->pn);
		return;
	}
	if (wa_signal_group_process(phone_store_party(&phone->store), chat,
		    sender, key->data, key->len, &err) != 0)
		log_info("phone=%s sender_key=invalid reason=\"%s\" "
			 "action=ignore",
			phone->account->pn, err.msg);
}

/* Appends a Message that holds nothing but our key. */
static int pack_key(struct phone *phone, const struct wa_jid *chat,
	struct buf *out, struct err *err)
{
	Wa__SenderKeyDistributionMessage key =
		WA__SENDER_KEY_DISTRIBUTION_MESSAGE__INIT;
	Wa__Message message = WA__MESSAGE__INIT;
	scoped(buf_fini) struct buf skdm = BUF_INIT;
	struct wa_jid self = phone_lid(phone);
	char group[WA_JID_TEXT];

	if (wa_signal_group_skdm(phone_store_party(&phone->store), chat, &self,
		    &skdm, err) != 0)
		return -1;
	key.group_id = wa_jid_text(chat, group);
	key.has_axolotl_sender_key_distribution_message = true;
	key.axolotl_sender_key_distribution_message =
		(ProtobufCBinaryData){ skdm.len, skdm.data };
	message.sender_key_distribution_message = &key;
	phone_message_pack(&message, out);
	return 0;
}

/* Two serialised messages in a row are their union.  The device is asked for
 * nothing: with the next message it gets the key once more. */
void phone_group_add_key(struct phone *phone, const struct wa_jid *chat,
	struct device *device, struct buf *message)
{
	struct phone_sender_keys *memory = memory_find(phone, chat);
	struct err err = ERR_NONE;

	if (pack_key(phone, chat, message, &err) != 0)
		log_warning("phone=%s sender_key=none reason=\"%s\" "
			    "action=resend_without",
			phone->account->pn, err.msg);
	if (memory != NULL)
		holder_remove(memory, device);
}

/* ---- sending ---- */

struct cast {
	struct phone *phone;
	const struct phone_chat *chat;
	const struct box_entry *entry;
	const struct phone_shape *shape;
	struct wa_jid jid;
	struct phone_sender_keys *memory;
	struct buf key;		/* padded Message with our sender key */
	struct wa_node *list;	/* <participants>, filled as we go */
	struct wa_jid *devices; /* of everybody, in the arena: for the phash */
	size_t n_devices;
};

static bool cast_has(const struct cast *cast, const struct account *account)
{
	return phone_is_own(cast->phone, account) ||
	       phone_group_has(cast->chat, cast->entry, account);
}

/* A device that was unlinked, or of somebody who is not a reader any more. */
static bool is_outside(const struct holder *holder, const void *arg)
{
	return account_device(holder->account, holder->device) == NULL ||
	       !cast_has(arg, holder->account);
}

/* Encrypts the key for the devices of one account that lack it. */
static void cast_account(struct cast *cast, struct account *account)
{
	const struct phone_shape key_shape = { .hide = cast->shape->hide,
		.mediatype = cast->shape->mediatype };
	const struct wa_jid bare = phone_chat_address(cast->chat, account);
	struct phone *phone = cast->phone;
	struct wa_node *scratch = wa_node_new(phone->sandbox->arena, "scratch");
	bool named = false;

	account_each_device (device, account) {
		struct wa_jid jid = device_jid_like(device, &bare);
		struct wa_node *enc, *to;

		if (!device->has_bundle && device->number > 0)
			continue;
		cast->devices[cast->n_devices++] = jid;
		if (device == phone_device(phone) ||
			holder_find(cast->memory, device) != NULL)
			continue;
		enc = phone_encrypt(
			phone, device, &cast->key, &key_shape, scratch);
		if (enc == NULL)
			continue;
		to = wa_node_add(cast->list, "to");
		wa_node_set_jid(to, "jid", &jid);
		route_share(to, enc);
		holder_add(cast->memory, device);
		named = true;
	}
	if (!named && cast->chat->group == NULL)
		wa_node_set_jid(wa_node_add(cast->list, "to"), "jid", &bare);
}

static size_t count_devices(const struct account *account)
{
	size_t n = 0;

	account_each_device (device, account)
		n++;
	return n;
}

/* Everybody once, ourselves too: own companions are readers like others. */
static void cast_everybody(struct cast *cast)
{
	const struct phone_chat *chat = cast->chat;
	struct account *own = cast->phone->account;
	size_t n = count_devices(own);

	for (size_t i = 0; i < chat->n_audience; i++)
		n += count_devices(chat->audience[i]);
	for (struct group_member *m =
			chat->group == NULL ? NULL : chat->group->members;
		m != NULL; m = m->next)
		n += count_devices(m->account);
	cast->devices = arena_alloc(
		cast->phone->sandbox->arena, n * sizeof(*cast->devices));
	if (chat->group == NULL) {
		cast_account(cast, own);
		for (size_t i = 0; i < chat->n_audience; i++) {
			if (chat->audience[i] != own)
				cast_account(cast, chat->audience[i]);
		}
		return;
	}
	for (struct group_member *m = chat->group->members; m != NULL;
		m = m->next)
		cast_account(cast, m->account);
}

static int add_ciphertext(
	const struct cast *cast, struct wa_node *message, struct err *err)
{
	scoped(buf_fini) struct buf plain = BUF_INIT, sealed = BUF_INIT;
	struct wa_jid self = phone_lid(cast->phone);
	struct wa_node *enc;

	buf_add(&plain, cast->entry->message.data, cast->entry->message.len);
	wa_pad(&plain);
	if (wa_signal_group_encrypt(phone_store_party(&cast->phone->store),
		    &cast->jid, &self, plain.data, plain.len, &sealed,
		    err) != 0)
		return -1;
	enc = wa_node_add(message, "enc");
	phone_enc_set(enc, wa_enc_name(WA_ENC_SKMSG), cast->shape);
	wa_node_bytes(enc, sealed.data, sealed.len);
	return 0;
}

static void address(const struct cast *cast, struct wa_node *message)
{
	char phash[WA_PHASH_LEN];

	if (cast->chat->group != NULL) {
		wa_phash(cast->devices, cast->n_devices, phash);
		wa_node_set(message, "phash", phash);
		wa_node_set(message, "addressing_mode",
			cast->chat->group->lid_mode ? "lid" : "pn");
	} else if (cast->shape->edit == NULL &&
		   strcmp(cast->shape->type, "reaction") != 0) {
		wa_node_set(wa_node_add(message, "meta"), "status_setting",
			"allowlist");
	}
}

static int cast_send(struct cast *cast, struct err *err)
{
	struct phone *phone = cast->phone;
	struct wa_node *message = phone_message_new(
		phone, cast->entry->id, &cast->jid, cast->shape);

	cast->list = wa_node_new(phone->sandbox->arena, "participants");
	if (pack_key(phone, &cast->jid, &cast->key, err) != 0)
		return -1;
	wa_pad(&cast->key);
	cast_everybody(cast);
	address(cast, message);
	if (cast->list->child != NULL)
		wa_node_append(message, cast->list);
	if (add_ciphertext(cast, message, err) != 0)
		return -1;
	cast->memory->used++;
	route_message(phone->sandbox, phone_device(phone), message);
	return 0;
}

int phone_group_send(struct phone *phone, const struct phone_chat *chat,
	const struct box_entry *entry, const struct phone_shape *shape,
	struct err *err)
{
	struct cast cast = { .phone = phone,
		.chat = chat,
		.entry = entry,
		.shape = shape,
		.jid = phone_chat_jid(chat) };
	int rc;

	if (chat->group != NULL &&
		group_member_of(chat->group, phone->account) == NULL)
		return err_set(err, ERR_FORBIDDEN, "%s is not in the group",
			phone->account->pn);
	cast.memory = memory_of(phone, &cast.jid);
	if (cast.memory->used >= MESSAGES_PER_KEY ||
		any_holder(cast.memory, is_outside, &cast))
		phone_group_rotate(phone, &cast.jid);
	rc = cast_send(&cast, err);
	buf_fini(&cast.key);
	return rc;
}
