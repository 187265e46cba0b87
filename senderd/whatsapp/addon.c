#include "senderd/whatsapp/addon.h"

#include <sodium.h>
#include <string.h>

#include "common/arena.h"
#include "common/err.h"
#include "common/log.h"
#include "common/own.h"
#include "common/wa/crypto.h"
#include "common/wa/node.h"
#include "common/wa/pbguard.h"
#include "senderd/whatsapp/group.h"
#include "senderd/whatsapp/names.h"
#include "senderd/whatsapp/secrets.h"

#define CHOICES_MAX 100
#define HASH_BYTES 32

struct content_from addon_from(const struct inbound *in)
{
	return (struct content_from){
		.chat = in->chat, .sender = in->sender, .is_own = in->is_own
	};
}

static enum addon_state refuse(const struct inbound *in, const char *what)
{
	log_warning("addon id=%s status=refused reason=\"%s\" action=none",
		log_quote(in->id), what);
	return ADDON_REFUSED;
}

/* ---- the message that is meant, as the store has it ---- */

struct claim {
	struct names chat, sender;
	bool is_own;
	bool is_known;	/* there is such a message in this chat */
	bool is_author; /* and the sender wrote it */
	/* of a poll: its options, owned */
	json_t *options;
};

static void claim_fini(struct claim *claim)
{
	json_decref(claim->options);
}

static void options_read(struct claim *claim, const struct message *row)
{
	json_t *content = NULL;
	json_t *options = NULL;

	if (row->kind != MESSAGE_POLL || row->content == NULL ||
		claim->options != NULL)
		return;
	content = json_loads(row->content, 0, NULL);
	options = json_object_get(json_object_get(content, "poll"), "options");
	if (json_is_array(options))
		claim->options = json_incref(options);
	json_decref(content);
}

/* A row without a sender is one that we sent. */
static int on_target_row(const struct message *row, void *arg)
{
	struct claim *claim = arg;

	if (!names_match(&claim->chat, row->chat))
		return 0;
	claim->is_known = true;
	claim->is_author |= row->sender == NULL
				    ? claim->is_own
				    : names_match(&claim->sender, row->sender);
	options_read(claim, row);
	return 0;
}

static int claim_check(struct lane *lane, const struct inbound *in,
	const char *id, struct claim *out, struct err *err)
{
	*out = (struct claim){ .is_own = in->is_own };
	if (names_find(lane, &in->chat, &out->chat, err) != 0 ||
		names_find(lane, &in->sender, &out->sender, err) != 0)
		return -1;
	return store_message_each_wa_id(
		lane->store, lane->device_id, id, on_target_row, out, err);
}

/* Says @in's sender that it wrote @id, and do we know better?  What is not in
 * the store may be older than we are. */
static int is_forged(struct lane *lane, const struct inbound *in,
	const char *id, bool *forged, struct err *err)
{
	scoped(claim_fini) struct claim claim = { 0 };

	if (claim_check(lane, in, id, &claim, err) != 0)
		return -1;
	*forged = claim.is_known && !claim.is_author;
	return 0;
}

/* ---- edits ---- */

/* @edited is the new content; @key names what it replaces. */
static enum addon_state edit_describe(struct lane *lane,
	const struct inbound *in, const Wa__MessageKey *key,
	const Wa__Message *edited, struct content *out, struct err *err)
{
	struct content_from from = addon_from(in);
	struct content_target target;
	bool forged = false;

	if (!content_target(lane, &from, key, &target))
		return refuse(in, "an edit of nothing");
	target.author = wa_jid_bare(&in->sender);
	target.is_ours = in->is_own;
	if (is_forged(lane, in, target.id, &forged, err) != 0)
		return ADDON_FAILED;
	if (forged)
		return refuse(in, "an edit of somebody else's message");
	if (!content_describe(lane, &from, edited, out))
		return refuse(in, "an edit without content");
	out->kind = MESSAGE_EDIT;
	out->has_media = false;
	if (out->text == NULL)
		out->text = "";
	json_object_del(out->json, "media");
	content_set_target(lane, out, &target);
	return ADDON_SHOWN;
}

/* ---- revokes ---- */

static void on_group_known(
	struct lane *lane, enum group_outcome outcome, void *arg)
{
	(void)lane;
	(void)outcome;
	(void)arg;
}

/* 1: an admin, 0: not, -1: the lane database failed.  *@is_known: whether we
 * have seen who is. */
static int is_admin(struct lane *lane, const struct inbound *in, bool *is_known,
	struct err *err)
{
	struct group *group = NULL;
	const struct group_member *member = NULL;

	*is_known = true;
	if (in->is_own)
		return 1; /* the phone has asked before it sent this */
	if (group_load(lane, &in->chat, &group, err) < 0)
		return -1;
	*is_known = group != NULL;
	if (group == NULL)
		return 0;
	member = group_find(group, &in->sender);
	return member != NULL && member->rank != GROUP_MEMBER;
}

/* Somebody else's message: only an admin of the group may. */
static enum addon_state admin_revoke(struct lane *lane,
	const struct inbound *in, const struct content_target *target,
	struct content *out, struct err *err)
{
	bool is_known = false;
	int admin = 0;

	if (!wa_jid_is_group(&in->chat) ||
		!wa_node_is(in->message, "edit", "8"))
		return refuse(in, "a revoke of somebody else's message");
	admin = is_admin(lane, in, &is_known, err);
	if (admin < 0)
		return ADDON_FAILED;
	if (admin == 0 && is_known)
		return refuse(in, "a revoke by a member who is no admin");
	out->kind = MESSAGE_REVOKE;
	if (!is_known) { /* told, but not as a fact */
		content_set_other(out, "revoke");
		group_ask(lane, &in->chat, on_group_known, NULL);
	}
	content_set_target(lane, out, target);
	return ADDON_SHOWN;
}

/* Under either name. */
static bool is_sender(struct lane *lane, const struct inbound *in,
	const struct wa_jid *account)
{
	struct wa_jid address = lane_signal_address(lane, account);

	return !wa_jid_is_empty(account) &&
	       wa_jid_same_user(&address, &in->address);
}

static enum addon_state revoke_describe(struct lane *lane,
	const struct inbound *in, const Wa__MessageKey *key,
	struct content *out, struct err *err)
{
	struct content_from from = addon_from(in);
	struct content_target target;
	bool forged = false;

	if (!content_target(lane, &from, key, &target))
		return refuse(in, "a revoke of nothing");
	if (!key->from_me && !is_sender(lane, in, &target.author))
		return admin_revoke(lane, in, &target, out, err);
	if (is_forged(lane, in, target.id, &forged, err) != 0)
		return ADDON_FAILED;
	if (forged)
		return refuse(in, "a revoke of somebody else's message");
	out->kind = MESSAGE_REVOKE;
	content_set_target(lane, out, &target);
	return ADDON_SHOWN;
}

static enum addon_state protocol_describe(struct lane *lane,
	const struct inbound *in, const Wa__ProtocolMessage *protocol,
	struct content *out, struct err *err)
{
	if (protocol->type == WA__PROTOCOL_MESSAGE__TYPE__REVOKE)
		return revoke_describe(lane, in, protocol->key, out, err);
	if (protocol->type == WA__PROTOCOL_MESSAGE__TYPE__MESSAGE_EDIT &&
		protocol->edited_message != NULL)
		return edit_describe(lane, in, protocol->key,
			protocol->edited_message, out, err);
	return ADDON_NONE;
}

/* ---- what is encrypted with the secret of the message ---- */

struct sealed {
	enum secret_use use;
	const Wa__MessageKey *key;
	ProtobufCBinaryData payload, iv;
};

/* 1: opened, 0: cannot be (it is shown by its name then), -1. */
static int unseal(struct lane *lane, const struct inbound *in,
	const struct sealed *sealed, struct content_target *target,
	struct buf *plain, struct err *err)
{
	struct content_from from = addon_from(in);
	struct secret_note note = { .use = sealed->use,
		.chat = in->chat,
		.actor = in->sender,
		.payload = sealed->payload,
		.iv = sealed->iv };
	int opened = 0;

	if (!content_target(lane, &from, sealed->key, target))
		return 0;
	note.id = target->id;
	note.author = sealed->use == SECRET_MESSAGE_EDIT
			      ? wa_jid_bare(&in->sender)
			      : target->author;
	opened = secrets_open(lane, &note, plain, err);
	if (opened > 0 && !wa_pb_bounded(plain->data, plain->len))
		return 0;
	return opened;
}

/* The name of the option with this hash, or NULL. */
static const char *option_find(
	const json_t *options, const ProtobufCBinaryData *hash)
{
	const json_t *option = NULL;
	size_t i = 0;

	json_array_foreach(options, i, option)
	{
		const char *name = json_string_value(option);
		uint8_t own[HASH_BYTES];

		if (name == NULL)
			continue;
		wa_sha256(name, strlen(name), own);
		if (memcmp(own, hash->data, HASH_BYTES) == 0)
			return name;
	}
	return NULL;
}

/* {options, unknown}: the second are hashes of options that we cannot name. */
static json_t *vote_json(const json_t *options, const Wa__PollVoteMessage *vote)
{
	json_t *chosen = json_array();
	json_t *unknown = json_array();
	json_t *object = json_object();

	for (size_t i = 0; i < vote->n_selected_options && i < CHOICES_MAX;
		i++) {
		const ProtobufCBinaryData *hash = &vote->selected_options[i];
		char hex[2 * HASH_BYTES + 1];
		const char *name = NULL;

		if (hash->len != HASH_BYTES)
			continue;
		name = option_find(options, hash);
		sodium_bin2hex(hex, sizeof hex, hash->data, HASH_BYTES);
		json_array_append_new(name != NULL ? chosen : unknown,
			json_string(name != NULL ? name : hex));
	}
	json_object_set_new(object, "options", chosen);
	if (json_array_size(unknown) > 0)
		json_object_set(object, "unknown", unknown);
	json_decref(unknown);
	return object;
}

static enum addon_state vote_describe(struct lane *lane,
	const struct inbound *in, const Wa__PollUpdateMessage *update,
	struct content *out, struct err *err)
{
	scoped(buf_fini) struct buf plain = BUF_INIT;
	scoped(claim_fini) struct claim poll = { 0 };
	struct sealed sealed = { .use = SECRET_POLL_VOTE,
		.key = update->poll_creation_message_key };
	struct content_target target;
	Wa__PollVoteMessage *vote = NULL;
	int opened = 0;

	if (update->vote == NULL)
		return ADDON_NONE;
	sealed.payload = update->vote->enc_payload;
	sealed.iv = update->vote->enc_iv;
	opened = unseal(lane, in, &sealed, &target, &plain, err);
	if (opened > 0)
		vote = wa__poll_vote_message__unpack(
			NULL, plain.len, plain.data);
	if (vote == NULL)
		return opened < 0 ? ADDON_FAILED : ADDON_NONE;
	if (claim_check(lane, in, target.id, &poll, err) != 0) {
		wa__poll_vote_message__free_unpacked(vote, NULL);
		return ADDON_FAILED;
	}
	out->kind = MESSAGE_POLL_VOTE;
	content_set_target(lane, out, &target);
	content_set(out, "vote", vote_json(poll.options, vote));
	wa__poll_vote_message__free_unpacked(vote, NULL);
	return ADDON_SHOWN;
}

static enum addon_state reaction_describe(struct lane *lane,
	const struct inbound *in, const Wa__EncReactionMessage *message,
	struct content *out, struct err *err)
{
	scoped(buf_fini) struct buf plain = BUF_INIT;
	struct sealed sealed = { .use = SECRET_REACTION,
		.key = message->target_message_key,
		.payload = message->enc_payload,
		.iv = message->enc_iv };
	struct content_target target;
	Wa__ReactionMessage *reaction = NULL;
	int opened = unseal(lane, in, &sealed, &target, &plain, err);

	if (opened > 0)
		reaction = wa__reaction_message__unpack(
			NULL, plain.len, plain.data);
	if (reaction == NULL)
		return opened < 0 ? ADDON_FAILED : ADDON_NONE;
	out->kind = MESSAGE_REACTION;
	out->text = content_clean(
		lane->arena, reaction->text != NULL ? reaction->text : "");
	content_set_target(lane, out, &target);
	wa__reaction_message__free_unpacked(reaction, NULL);
	return ADDON_SHOWN;
}

static enum addon_state secret_edit_describe(struct lane *lane,
	const struct inbound *in, const Wa__SecretEncryptedMessage *message,
	struct content *out, struct err *err)
{
	scoped(buf_fini) struct buf plain = BUF_INIT;
	struct sealed sealed = { .use = SECRET_MESSAGE_EDIT,
		.key = message->target_message_key,
		.payload = message->enc_payload,
		.iv = message->enc_iv };
	struct content_target target;
	enum addon_state state = ADDON_NONE;
	const Wa__Message *edited = NULL;
	Wa__Message *opened_message = NULL;
	int opened = unseal(lane, in, &sealed, &target, &plain, err);

	if (opened > 0)
		opened_message =
			wa__message__unpack(NULL, plain.len, plain.data);
	if (opened_message == NULL)
		return opened < 0 ? ADDON_FAILED : ADDON_NONE;
	edited = content_unwrap(opened_message);
	if (edited->protocol_message != NULL &&
		edited->protocol_message->edited_message != NULL)
		edited = edited->protocol_message->edited_message;
	state = edit_describe(
		lane, in, message->target_message_key, edited, out, err);
	wa__message__free_unpacked(opened_message, NULL);
	return state;
}

#define SECRET_TYPE_MESSAGE_EDIT 2

enum addon_state addon_describe(struct lane *lane, const struct inbound *in,
	const Wa__Message *message, struct content *out, struct err *err)
{
	const Wa__SecretEncryptedMessage *secret =
		message->secret_encrypted_message;

	if (message->protocol_message != NULL)
		return protocol_describe(
			lane, in, message->protocol_message, out, err);
	if (message->poll_update_message != NULL)
		return vote_describe(
			lane, in, message->poll_update_message, out, err);
	if (message->enc_reaction_message != NULL)
		return reaction_describe(
			lane, in, message->enc_reaction_message, out, err);
	if (secret != NULL &&
		secret->secret_enc_type == SECRET_TYPE_MESSAGE_EDIT)
		return secret_edit_describe(lane, in, secret, out, err);
	return ADDON_NONE;
}
