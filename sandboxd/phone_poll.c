/* Votes: encrypted under the secret in the poll's message (messages.md 8.7). */
#include "sandboxd/phone.h"

#include <stdio.h>
#include <string.h>

#include "common/arena.h"
#include "common/err.h"
#include "common/ids.h"
#include "common/log.h"
#include "common/own.h"
#include "common/wa/pbguard.h"

#define IV_BYTES 12
#define OPTION_BYTES 32
#define OPTIONS_MAX 64
#define SECRET_BYTES 32

/* What a vote is bound to; the addresses as its sender saw them. */
struct vote {
	const char *poll_id;
	char creator[WA_JID_TEXT], voter[WA_JID_TEXT];
};

/* The poll, which the caller frees with its message; NULL: we have none. */
static Wa__Message *poll_message(const struct phone *phone, const char *id)
{
	bool from_me;
	const struct box_entry *entry =
		id == NULL ? NULL : phone_known(phone, id, &from_me);

	return entry == NULL || entry->message.len == 0
		       ? NULL
		       : phone_message_parse(
				 entry->message.data, entry->message.len);
}

static const Wa__PollCreationMessage *poll_of(const Wa__Message *message)
{
	const Wa__Message *m = phone_unwrap(message);

	if (m->poll_creation_message != NULL)
		return m->poll_creation_message;
	return m->poll_creation_message_v3 != NULL
		       ? m->poll_creation_message_v3
		       : m->poll_creation_message_v2;
}

/* It is beside the wrapper, or inside. */
static const uint8_t *secret_of(const Wa__Message *message)
{
	const Wa__MessageContextInfo *const infos[] = {
		message->message_context_info,
		phone_unwrap(message)->message_context_info,
	};

	for (size_t i = 0; i < ARRAY_LEN(infos); i++) {
		if (infos[i] != NULL &&
			infos[i]->message_secret.len == SECRET_BYTES)
			return infos[i]->message_secret.data;
	}
	return NULL;
}

static void vote_key(const struct vote *vote, const uint8_t *secret,
	uint8_t out[WA_KEY_BYTES])
{
	char info[3 * WA_JID_TEXT + 256];

	snprintf(info, sizeof(info), "%s%s%sPoll Vote", vote->poll_id,
		vote->creator, vote->voter);
	wa_hkdf(secret, SECRET_BYTES, NULL, 0, info, out, WA_KEY_BYTES);
}

/* The poll's id, a NUL, the voter. */
static size_t vote_aad(const struct vote *vote, char *out, size_t cap)
{
	int n = snprintf(out, cap, "%s%c%s", vote->poll_id, '\0', vote->voter);

	return n < 0 || (size_t)n >= cap ? 0 : (size_t)n;
}

/* ---- voting ---- */

static const char *find_option(
	const Wa__PollCreationMessage *poll, const char *name)
{
	for (size_t i = 0; i < poll->n_options; i++) {
		const char *option = poll->options[i]->option_name;

		if (option != NULL && strcmp(option, name) == 0)
			return option;
	}
	return NULL;
}

static int choose(const Wa__PollCreationMessage *poll,
	const struct phone_order *order, struct arena *arena,
	Wa__PollVoteMessage *out, struct err *err)
{
	out->selected_options = arena_alloc(
		arena, (order->n_options + 1) * sizeof(*out->selected_options));
	for (size_t i = 0; i < order->n_options; i++) {
		const char *option = find_option(poll, order->options[i]);
		uint8_t *hash = arena_alloc(arena, OPTION_BYTES);

		if (option == NULL)
			return err_set(err, ERR_INVALID,
				"%.40s is no option of the poll",
				order->options[i]);
		wa_sha256(option, strlen(option), hash);
		out->selected_options[out->n_selected_options++] =
			(ProtobufCBinaryData){ OPTION_BYTES, hash };
	}
	return 0;
}

static void seal(const struct vote *vote, const uint8_t *secret,
	const Wa__PollVoteMessage *choice, struct arena *arena,
	Wa__PollEncValue *out)
{
	size_t n = wa__poll_vote_message__get_packed_size(choice), n_aad;
	uint8_t *payload = arena_alloc(arena, n + WA_GCM_TAG);
	uint8_t *iv = arena_alloc(arena, IV_BYTES), key[WA_KEY_BYTES];
	char aad[2 * WA_JID_TEXT + 128];

	random_bytes(iv, IV_BYTES);
	vote_key(vote, secret, key);
	n_aad = vote_aad(vote, aad, sizeof(aad));
	wa__poll_vote_message__pack(choice, payload);
	wa_gcm_encrypt(key, iv, aad, n_aad, payload, n, payload);
	out->has_enc_payload = out->has_enc_iv = true;
	out->enc_payload = (ProtobufCBinaryData){ n + WA_GCM_TAG, payload };
	out->enc_iv = (ProtobufCBinaryData){ IV_BYTES, iv };
}

static int vote_on(struct phone *phone, const struct phone_chat *chat,
	const struct phone_order *order, const Wa__Message *message,
	Wa__PollEncValue *out, struct err *err)
{
	Wa__PollVoteMessage choice = WA__POLL_VOTE_MESSAGE__INIT;
	const Wa__PollCreationMessage *poll = poll_of(message);
	const uint8_t *secret = secret_of(message);
	struct wa_jid creator = phone_chat_address(chat, order->target.author);
	struct wa_jid voter = phone_chat_address(chat, phone->account);
	struct vote vote = { .poll_id = order->target.id };

	if (poll == NULL || secret == NULL)
		return err_set(err, ERR_INVALID, "the target is no poll");
	if (choose(poll, order, phone->sandbox->arena, &choice, err) != 0)
		return -1;
	wa_jid_text(&creator, vote.creator);
	wa_jid_text(&voter, vote.voter);
	seal(&vote, secret, &choice, phone->sandbox->arena, out);
	return 0;
}

int phone_vote_seal(struct phone *phone, const struct phone_chat *chat,
	const struct phone_order *order, Wa__PollEncValue *out, struct err *err)
{
	Wa__Message *message = poll_message(phone, order->target.id);
	int rc;

	if (message == NULL)
		return err_set(
			err, ERR_NOT_FOUND, "the phone knows no such poll");
	rc = vote_on(phone, chat, order, message, out, err);
	wa__message__free_unpacked(message, NULL);
	return rc;
}

/* ---- counting ---- */

static Wa__PollVoteMessage *open_as(const struct vote *vote,
	const uint8_t *secret, const Wa__PollEncValue *sealed)
{
	uint8_t key[WA_KEY_BYTES], plain[OPTIONS_MAX * (OPTION_BYTES + 2)];
	const size_t n = sealed->enc_payload.len;
	char aad[2 * WA_JID_TEXT + 128];
	size_t n_aad = vote_aad(vote, aad, sizeof(aad));

	if (n < WA_GCM_TAG || n - WA_GCM_TAG > sizeof(plain) ||
		sealed->enc_iv.len != IV_BYTES)
		return NULL;
	vote_key(vote, secret, key);
	if (wa_gcm_decrypt(key, sealed->enc_iv.data, aad, n_aad,
		    sealed->enc_payload.data, n, plain) != 0 ||
		!wa_pb_bounded(plain, n - WA_GCM_TAG))
		return NULL;
	return wa__poll_vote_message__unpack(NULL, n - WA_GCM_TAG, plain);
}

/* Which of their two names the voter used is not told: try all. */
static Wa__PollVoteMessage *open_vote(const char *poll_id,
	const struct account *creator, const struct account *voter,
	const uint8_t *secret, const Wa__PollEncValue *sealed)
{
	const struct wa_jid creators[] = { wa_jid_lid(creator->lid, 0),
		wa_jid_pn(creator->pn, 0) };
	const struct wa_jid voters[] = { wa_jid_lid(voter->lid, 0),
		wa_jid_pn(voter->pn, 0) };
	struct vote vote = { .poll_id = poll_id };

	for (size_t i = 0; i < 2 * ARRAY_LEN(creators); i++) {
		Wa__PollVoteMessage *choice;

		wa_jid_text(&creators[i / 2], vote.creator);
		wa_jid_text(&voters[i % 2], vote.voter);
		choice = open_as(&vote, secret, sealed);
		if (choice != NULL)
			return choice;
	}
	return NULL;
}

static json_t *option_names(
	const Wa__PollCreationMessage *poll, const Wa__PollVoteMessage *choice)
{
	json_t *names = json_array();

	for (size_t i = 0; i < poll->n_options && i < OPTIONS_MAX; i++) {
		const char *name = poll->options[i]->option_name;
		uint8_t hash[OPTION_BYTES];

		if (name == NULL)
			continue;
		wa_sha256(name, strlen(name), hash);
		for (size_t j = 0; j < choice->n_selected_options; j++) {
			const ProtobufCBinaryData *chosen =
				&choice->selected_options[j];

			if (chosen->len != sizeof(hash) ||
				memcmp(chosen->data, hash, sizeof(hash)) != 0)
				continue;
			json_array_append_new(names, json_string(name));
			break;
		}
	}
	return names;
}

/* Who made a poll that we have. */
static struct account *poll_creator(const struct phone *phone, const char *id)
{
	bool from_me;
	const struct box_entry *entry = phone_known(phone, id, &from_me);

	return from_me ? phone->account
		       : directory_find(phone->sandbox, &entry->peer);
}

json_t *phone_vote_read(struct phone *phone,
	const struct phone_context *context,
	const Wa__PollUpdateMessage *update)
{
	const Wa__MessageKey *key = update->poll_creation_message_key;
	const char *id = key == NULL ? NULL : key->id;
	Wa__Message *message = poll_message(phone, id);
	Wa__PollVoteMessage *choice = NULL;
	json_t *out = json_object();

	if (id != NULL)
		json_object_set_new(out, "poll", json_string(log_quote(id)));
	if (message == NULL)
		return out;
	if (update->vote != NULL && strlen(id) < WA_JID_TEXT &&
		poll_of(message) != NULL && secret_of(message) != NULL &&
		poll_creator(phone, id) != NULL)
		choice = open_vote(id, poll_creator(phone, id), context->author,
			secret_of(message), update->vote);
	if (choice != NULL)
		json_object_set_new(
			out, "options", option_names(poll_of(message), choice));
	else
		json_object_set_new(
			out, "voteError", json_string("cannot be decrypted"));
	if (choice != NULL)
		wa__poll_vote_message__free_unpacked(choice, NULL);
	wa__message__free_unpacked(message, NULL);
	return out;
}
