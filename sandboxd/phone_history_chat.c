#include "sandboxd/phone_history.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/arena.h"
#include "common/clock.h"
#include "common/err.h"
#include "common/ids.h"
#include "common/log.h"
#include "common/own.h"
#include "common/wa/media.h"
#include "sandboxd/contacts.h"

#define DAY_S 86400
#define TOKEN_BYTES 16
#define ID_FORMAT "3AF0%06X%06X"
#define ID_LEN 32

/* ---- the source ---- */

static bool is_member(const struct phone *phone, const struct group *group)
{
	return group_member_of(group, phone->account) != NULL;
}

static void find_real(struct history_source *source)
{
	struct phone *phone = source->phone;
	const size_t n_contacts = contacts_count(phone->account);
	const size_t max = source->order.chats;

	source->real = xcalloc(max + 1, sizeof(*source->real));
	for (const struct group *group = phone->sandbox->groups;
		group != NULL && source->n_real < max; group = group->next) {
		if (is_member(phone, group))
			source->real[source->n_real++] = group_jid(group);
	}
	for (size_t i = 0; i < n_contacts && source->n_real < max; i++)
		source->real[source->n_real++] =
			wa_jid_lid(contacts_at(phone->account, i)->lid, 0);
}

/* A picture that every media message shows. */
static void make_picture(struct history_source *source)
{
	static const char file[] = "not a picture, but every bit as long";
	scoped(buf_fini) struct buf blob = BUF_INIT;
	struct err err = ERR_NONE;
	const char *path;

	random_bytes(source->picture_key, sizeof(source->picture_key));
	wa_media_seal(WA_MEDIA_IMAGE, source->picture_key, file, sizeof(file),
		&blob, source->picture_sha256, source->picture_enc_sha256);
	if (media_put(source->phone->sandbox, blob.data, blob.len, &path,
		    &err) != 0) {
		log_warning("phone=%s history_picture=none reason=\"%s\" "
			    "action=text_only",
			source->phone->account->pn, err.msg);
		return;
	}
	source->picture_path = xstrdup(path);
	source->picture_length = sizeof(file);
	source->has_picture = true;
}

void history_source_init(struct history_source *source, struct phone *phone,
	const struct phone_history_order *order)
{
	*source = (struct history_source){
		.phone = phone, .order = *order, .now_s = clock_now_ms() / 1000
	};
	find_real(source);
	if (order->media)
		make_picture(source);
}

void history_source_fini(struct history_source *source)
{
	free(source->real);
	free(source->picture_path);
	*source = (struct history_source){ 0 };
}

unsigned history_n_messages(const struct history_source *source, unsigned k)
{
	const unsigned chats = source->order.chats;

	return source->order.messages / chats +
	       (k < source->order.messages % chats);
}

unsigned history_n_all(const struct history_source *source, unsigned k)
{
	return history_n_messages(source, k) + source->order.older;
}

/* Spread over the days, the newest of the first chat just now; what is only
 * given on demand lies before them. */
int64_t history_time(
	const struct history_source *source, unsigned k, unsigned index)
{
	const struct phone_history_order *order = &source->order;
	const uint64_t place = (uint64_t)index * order->chats + k;
	const uint64_t all = (uint64_t)order->messages + 1;

	return source->now_s -
	       (int64_t)(place * (uint64_t)order->days * DAY_S / all);
}

/* ---- people ---- */

static void person_of(const struct history_source *source,
	const struct account *account, struct history_peer *out)
{
	(void)source;
	out->id = wa_jid_lid(account->lid, 0);
	out->pn = wa_jid_pn(account->pn, 0);
	out->real = true;
	snprintf(out->name, sizeof(out->name), "%s", account->push_name);
}

/* Numbers that nobody here has. */
static void invent_person(unsigned k, struct history_peer *out)
{
	char digits[24];

	snprintf(digits, sizeof(digits), "77%013u", k);
	out->id = wa_jid_lid(digits, 0);
	snprintf(digits, sizeof(digits), "1999%07u", k);
	out->pn = wa_jid_pn(digits, 0);
	snprintf(out->name, sizeof(out->name), "Person %u", k + 1);
}

void history_peer_of(const struct history_source *source, unsigned k,
	struct history_peer *out)
{
	struct sandbox *sandbox = source->phone->sandbox;
	const struct account *account;

	*out = (struct history_peer){ 0 };
	if (k >= source->n_real) {
		invent_person(k, out);
		return;
	}
	out->group = group_find(sandbox, &source->real[k]);
	account = out->group != NULL
			  ? NULL
			  : directory_find(sandbox, &source->real[k]);
	if (account != NULL) {
		person_of(source, account, out);
	} else if (out->group != NULL) {
		out->id = source->real[k];
		out->real = true;
		snprintf(out->name, sizeof(out->name), "%s",
			out->group->subject);
	} else {
		invent_person(k, out); /* the group is no more */
	}
}

/* ---- ids ---- */

static char *id_make(struct arena *arena, unsigned k, unsigned index)
{
	const uint32_t mixed = (k * 2654435761u) ^ (index * 40503u);

	return arena_printf(arena, ID_FORMAT "%08X%08X", k, index, mixed,
		mixed * 2246822519u);
}

bool history_find(const struct history_source *source, const char *id,
	unsigned *k_out, unsigned *index_out)
{
	if (strlen(id) != ID_LEN ||
		sscanf(id, "3AF0%6X%6X", k_out, index_out) != 2)
		return false;
	return *k_out < source->order.chats &&
	       *index_out < history_n_all(source, *k_out);
}

/* ---- messages ---- */

struct making {
	const struct history_source *source;
	struct arena *arena;
	const struct history_peer *peer;
	char *chat; /* of the peer, as text */
	unsigned k, index;
	bool from_me;
};

static char *jid_text(struct arena *arena, const struct wa_jid *jid)
{
	char text[WA_JID_TEXT];

	return arena_strdup(arena, wa_jid_text(jid, text));
}

static char *words_make(const struct making *m)
{
	static const char *const words[] = { "good", "morning", "see", "you",
		"there", "later", "tomorrow", "the", "train", "is", "late",
		"again", "thanks", "for", "everything", "ok", "which", "one",
		"house", "garden", "call", "me", "when", "done", "sure",
		"dinner", "at", "eight", "bring", "wine", "or", "not" };
	uint32_t mixed = m->k * 31u + m->index * 17u + 7;
	char text[256];
	size_t n = 0;

	n += (size_t)snprintf(text, sizeof(text), "%u/%u", m->k, m->index);
	for (unsigned i = 0; i < 3 + mixed % 9; i++) {
		uint32_t pick = (mixed + i) * 2654435761u >> 16;

		n += (size_t)snprintf(text + n, sizeof(text) - n, " %s",
			words[pick % ARRAY_LEN(words)]);
	}
	return arena_strndup(m->arena, text, n);
}

static ProtobufCBinaryData bytes_of(const void *data, size_t n)
{
	return (ProtobufCBinaryData){ .len = n, .data = (uint8_t *)data };
}

static Wa__ImageMessage *picture_make(const struct making *m)
{
	const struct history_source *source = m->source;
	Wa__ImageMessage *image = MESSAGE_NEW(
		m->arena, Wa__ImageMessage, WA__IMAGE_MESSAGE__INIT);

	image->mimetype = (char *)"image/jpeg";
	image->caption = words_make(m);
	image->direct_path = source->picture_path;
	image->has_media_key = image->has_file_sha256 =
		image->has_file_enc_sha256 = image->has_file_length = true;
	image->media_key =
		bytes_of(source->picture_key, sizeof(source->picture_key));
	image->file_sha256 = bytes_of(
		source->picture_sha256, sizeof(source->picture_sha256));
	image->file_enc_sha256 = bytes_of(
		source->picture_enc_sha256, sizeof(source->picture_enc_sha256));
	image->file_length = source->picture_length;
	image->has_width = image->has_height = true;
	image->width = 640;
	image->height = 480;
	return image;
}

static Wa__Message *content_make(const struct making *m)
{
	Wa__Message *message =
		MESSAGE_NEW(m->arena, Wa__Message, WA__MESSAGE__INIT);

	if (m->source->has_picture && m->index % 10 == 5)
		message->image_message = picture_make(m);
	else
		message->conversation = words_make(m);
	return message;
}

/* In a group its members take turns. */
static char *author_make(const struct making *m)
{
	const struct group *group = m->peer->group;
	const struct account *own = m->source->phone->account;
	const struct group_member *member;
	struct wa_jid jid;

	if (group == NULL || m->from_me || group->n_members < 2)
		return NULL;
	member = group->members;
	for (size_t i = m->index % group->n_members; i > 0; i--)
		member = member->next;
	if (member->account == own)
		member = member->next != NULL ? member->next : group->members;
	jid = group_address(group, member->account);
	return jid_text(m->arena, &jid);
}

static Wa__HistorySyncMsg *message_make(struct making *m)
{
	Wa__HistorySyncMsg *out = MESSAGE_NEW(
		m->arena, Wa__HistorySyncMsg, WA__HISTORY_SYNC_MSG__INIT);
	Wa__WebMessageInfo *info = MESSAGE_NEW(
		m->arena, Wa__WebMessageInfo, WA__WEB_MESSAGE_INFO__INIT);
	Wa__MessageKey *key =
		MESSAGE_NEW(m->arena, Wa__MessageKey, WA__MESSAGE_KEY__INIT);

	m->from_me = (m->k + m->index) % 3 == 0;
	key->remote_jid = m->chat;
	key->has_from_me = true;
	key->from_me = m->from_me;
	key->id = id_make(m->arena, m->k, m->index);
	key->participant = info->participant = author_make(m);
	info->key = key;
	info->message = content_make(m);
	info->has_message_timestamp = true;
	info->message_timestamp =
		(uint64_t)history_time(m->source, m->k, m->index);
	info->has_status = true;
	info->status = m->from_me ? 4 : 3; /* read, delivered */
	out->message = info;
	out->has_msg_order_id = true;
	out->msg_order_id = history_n_all(m->source, m->k) - m->index;
	return out;
}

/* ---- chats ---- */

static void describe_person(const struct history_source *source,
	struct arena *arena, const struct history_peer *peer,
	Wa__Conversation *out)
{
	uint8_t *token = arena_alloc(arena, TOKEN_BYTES);

	out->pn_jid = jid_text(arena, &peer->pn);
	out->lid_jid = jid_text(arena, &peer->id);
	if (peer->real)
		return; /* the other side never gave a token */
	wa_md5(peer->id.user, strlen(peer->id.user), token);
	out->has_tc_token = out->has_tc_token_timestamp = true;
	out->tc_token = bytes_of(token, TOKEN_BYTES);
	out->tc_token_timestamp = (uint64_t)source->now_s;
}

/* Some of them were put away, some pinned, some silenced. */
static void describe_chat(
	const struct history_source *source, unsigned k, Wa__Conversation *out)
{
	out->has_unread_count = true;
	out->unread_count = k % 7 == 3 ? 2 : 0;
	out->has_archived = true;
	out->archived = k % 50 == 49;
	out->has_pinned = k % 100 == 1;
	out->pinned = (uint32_t)source->now_s;
	out->has_mute_end_time = k % 40 == 39;
	out->mute_end_time = (uint64_t)(source->now_s + 7 * DAY_S);
	out->has_conversation_timestamp = out->has_last_msg_timestamp = true;
	out->conversation_timestamp = out->last_msg_timestamp =
		(uint64_t)history_time(source, k, 0);
}

Wa__Conversation *history_conversation(const struct history_source *source,
	struct arena *arena, unsigned k, unsigned first, unsigned count)
{
	Wa__Conversation *out =
		MESSAGE_NEW(arena, Wa__Conversation, WA__CONVERSATION__INIT);
	struct history_peer *peer = arena_alloc(arena, sizeof(*peer));
	struct making m = {
		.source = source, .arena = arena, .peer = peer, .k = k
	};

	history_peer_of(source, k, peer);
	out->id = m.chat = jid_text(arena, &peer->id);
	out->name = peer->name;
	describe_chat(source, k, out);
	if (peer->group == NULL)
		describe_person(source, arena, peer, out);
	out->messages =
		arena_alloc(arena, (count + 1) * sizeof(*out->messages));
	for (unsigned i = 0; i < count; i++) {
		m.index = first + i;
		out->messages[out->n_messages++] = message_make(&m);
	}
	return out;
}
