#include "senderd/whatsapp/secrets.h"

#include <string.h>

#include "common/clock.h"
#include "common/err.h"
#include "common/own.h"
#include "common/wa/crypto.h"
#include "senderd/whatsapp/compose.h"

#define IV_BYTES 12
#define PAYLOAD_MAX 65536

static const char *use_name(enum secret_use use)
{
	switch (use) {
	case SECRET_POLL_VOTE:
		return "Poll Vote";
	case SECRET_REACTION:
		return "Enc Reaction";
	case SECRET_MESSAGE_EDIT:
		return "Message Edit";
	}
	return "";
}

void secrets_key(const uint8_t secret[SECRET_BYTES], enum secret_use use,
	const char *id, const char *author, const char *actor,
	uint8_t key_out[32], struct buf *aad_out)
{
	scoped(buf_fini) struct buf info = BUF_INIT;

	buf_printf(&info, "%s%s%s%s", id, author, actor, use_name(use));
	wa_hkdf(secret, SECRET_BYTES, NULL, 0, buf_cstr(&info), key_out, 32);
	buf_clear(aad_out);
	if (use != SECRET_POLL_VOTE)
		return;
	buf_add_str(aad_out, id);
	buf_add_byte(aad_out, 0);
	buf_add_str(aad_out, actor);
}

/* ---- the two names of an account ---- */

struct aliases {
	struct wa_jid jid[2]; /* the LID first, if it is known */
	size_t n;
};

static int aliases_find(struct lane *lane, const struct wa_jid *user,
	struct aliases *out, struct err *err)
{
	struct wa_jid bare = wa_jid_bare(user);
	struct wa_jid other;
	int found = 0;

	out->n = 0;
	if (wa_jid_is_empty(&bare))
		return 0;
	if (bare.server == WA_SERVER_PN)
		found = lanedb_lid_of(lane->db, &bare, &other, err);
	if (found > 0)
		out->jid[out->n++] = wa_jid_bare(&other);
	out->jid[out->n++] = bare;
	if (bare.server == WA_SERVER_LID)
		found = lanedb_pn_of(lane->db, &bare, &other, err);
	if (found > 0 && bare.server == WA_SERVER_LID)
		out->jid[out->n++] = wa_jid_bare(&other);
	return found < 0 ? -1 : 0;
}

/* ---- keeping ---- */

int secrets_keep(struct lane *lane, const char *wa_id,
	const struct wa_jid *chat, const struct wa_jid *sender,
	const Wa__MessageContextInfo *context, struct err *err)
{
	struct aliases chats;
	struct aliases senders;

	if (context == NULL || context->message_secret.len != SECRET_BYTES)
		return 0;
	if (aliases_find(lane, chat, &chats, err) != 0 ||
		aliases_find(lane, sender, &senders, err) != 0)
		return -1;
	return lanedb_secret_save(lane->db, wa_id, &chats.jid[0],
		&senders.jid[0], context->message_secret.data, clock_now_ms(),
		err);
}

/* It may have been kept before the other name was known. */
static int load_kept(struct lane *lane, const char *wa_id,
	const struct aliases *chats, const struct aliases *authors,
	uint8_t secret_out[SECRET_BYTES], struct err *err)
{
	int found = 0;

	for (size_t i = 0; found == 0 && i < chats->n; i++) {
		for (size_t j = 0; found == 0 && j < authors->n; j++)
			found = lanedb_secret_load(lane->db, wa_id,
				&chats->jid[i], &authors->jid[j], secret_out,
				err);
	}
	return found;
}

/* ---- opening ---- */

static bool open_as(const struct secret_note *note,
	const uint8_t secret[SECRET_BYTES], const struct wa_jid *author,
	const struct wa_jid *actor, struct buf *out)
{
	scoped(buf_fini) struct buf aad = BUF_INIT;
	char author_text[WA_JID_TEXT];
	char actor_text[WA_JID_TEXT];
	uint8_t key[32];
	int rc = 0;

	secrets_key(secret, note->use, note->id,
		wa_jid_text(author, author_text),
		wa_jid_text(actor, actor_text), key, &aad);
	rc = wa_gcm_decrypt(key, note->iv.data, aad.data, aad.len,
		note->payload.data, note->payload.len,
		buf_reserve(out, note->payload.len));
	explicit_bzero(key, sizeof key);
	if (rc == 0)
		out->len += note->payload.len - WA_GCM_TAG;
	return rc == 0;
}

/* Which names were used is not told: each account has two. */
static bool open_with(const struct secret_note *note,
	const uint8_t secret[SECRET_BYTES], const struct aliases *authors,
	const struct aliases *actors, struct buf *out)
{
	for (size_t i = 0; i < authors->n; i++) {
		for (size_t j = 0; j < actors->n; j++) {
			if (open_as(note, secret, &authors->jid[i],
				    &actors->jid[j], out))
				return true;
		}
	}
	return false;
}

static int open_by(struct lane *lane, const struct secret_note *note,
	const struct wa_jid *author, const struct aliases *actors,
	struct buf *out, struct err *err)
{
	uint8_t secret[SECRET_BYTES];
	struct aliases authors;
	struct aliases chats;
	bool opened = false;
	int found = 0;

	if (aliases_find(lane, author, &authors, err) != 0 ||
		aliases_find(lane, &note->chat, &chats, err) != 0)
		return -1;
	found = load_kept(lane, note->id, &chats, &authors, secret, err);
	if (found < 0)
		return -1;
	opened = found > 0 && open_with(note, secret, &authors, actors, out);
	if (!opened && lane_is_self(lane, author)) {
		compose_secret(lane, note->id, secret);
		opened = open_with(note, secret, &authors, actors, out);
	}
	explicit_bzero(secret, sizeof secret);
	return opened;
}

int secrets_open(struct lane *lane, const struct secret_note *note,
	struct buf *out, struct err *err)
{
	/* Keys are written in several ways: the author told may be nobody, or
	 * the wrong one of the two in the chat.  But nobody edits what another
	 * wrote. */
	const struct wa_jid candidates[] = { note->author,
		wa_jid_bare(&lane->id.jid), wa_jid_bare(&note->actor) };
	const size_t n =
		note->use == SECRET_MESSAGE_EDIT ? 1 : ARRAY_LEN(candidates);
	struct aliases actors;
	int opened = 0;

	if (note->iv.len != IV_BYTES || note->payload.len < WA_GCM_TAG ||
		note->payload.len > PAYLOAD_MAX)
		return 0;
	if (aliases_find(lane, &note->actor, &actors, err) != 0)
		return -1;
	for (size_t i = 0; opened == 0 && i < n; i++) {
		if (!wa_jid_is_empty(&candidates[i]))
			opened = open_by(
				lane, note, &candidates[i], &actors, out, err);
	}
	return opened;
}
