#include "senderd/whatsapp/compose.h"

#include <stdio.h>
#include <string.h>

#include "common/err.h"
#include "common/own.h"
#include "common/wa/crypto.h"
#include "senderd/whatsapp/compose_impl.h"
#include "senderd/whatsapp/group.h"
#include "senderd/whatsapp/outbound.h"
#include "whatsapp.pb-c.h"

void composed_fini(struct composed *composed)
{
	buf_fini(&composed->plain);
}

/* ---- envelopes as text: "type mediatype edit polltype hidden" ---- */

static const char *const words[] = { "text", "media", "reaction", "poll",
	"image", "video", "gif", "ptv", "audio", "ptt", "document", "sticker",
	"vcard", "contact_array", "url", "1", "2", "7", "8", "creation",
	"vote" };

static const char *literal(const char *word)
{
	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		if (strcmp(words[i], word) == 0)
			return words[i];
	}
	return NULL;
}

static const char *or_dash(const char *word)
{
	return word != NULL ? word : "-";
}

void envelope_text(const struct envelope *envelope, char out[ENVELOPE_TEXT])
{
	snprintf(out, ENVELOPE_TEXT, "%s %s %s %s %s", envelope->type,
		or_dash(envelope->mediatype), or_dash(envelope->edit),
		or_dash(envelope->polltype),
		envelope->is_hidden ? "hide" : "-");
}

/* What is missing or unknown is a text: rows of an older release have none. */
struct envelope envelope_parse(const char *text)
{
	char part[5][16] = { "", "", "", "", "" };
	struct envelope out = { .type = "text" };

	if (sscanf(text, "%15s %15s %15s %15s %15s", part[0], part[1], part[2],
		    part[3], part[4]) < 1)
		return out;
	if (literal(part[0]) != NULL)
		out.type = literal(part[0]);
	out.mediatype = literal(part[1]);
	out.edit = literal(part[2]);
	out.polltype = literal(part[3]);
	out.is_hidden = strcmp(part[4], "hide") == 0;
	return out;
}

static void message_pack(const Wa__Message *message, struct buf *out)
{
	size_t n = wa__message__get_packed_size(message);

	wa__message__pack(message, buf_reserve(out, n));
	out->len += n;
}

void compose_secret(const struct lane *lane, const char *wa_id, uint8_t out[32])
{
	char info[JOB_ID_LEN + 32];

	snprintf(info, sizeof info, "Vereda message secret %s", wa_id);
	wa_hkdf(lane->id.adv_secret, sizeof lane->id.adv_secret, NULL, 0, info,
		out, 32);
}

enum compose_state compose_refuse(struct composing *c, const char *reason)
{
	c->reason = reason;
	return COMPOSE_REFUSED;
}

/* ---- the chat, as the stanza will name it ---- */

static int account_name(struct composing *c, bool by_number, struct err *err)
{
	const struct lane *lane = c->lane;
	struct wa_jid other;
	int found = 0;

	if (lane_is_self(lane, &c->chat)) {
		c->by_lid = !by_number && lane->id.lid.user[0] != '\0';
		return compose_own(c, &c->chat);
	}
	if (c->chat.server == WA_SERVER_PN && !by_number)
		found = lanedb_lid_of(lane->db, &c->chat, &other, err);
	else if (c->chat.server == WA_SERVER_LID && by_number)
		found = lanedb_pn_of(lane->db, &c->chat, &other, err);
	if (found > 0)
		c->chat = wa_jid_bare(&other);
	c->by_lid = c->chat.server == WA_SERVER_LID;
	return found < 0 ? -1 : 0;
}

/* People in a group go by what the group's mode says, which is LID unless we
 * know better. */
static int chat_name(struct composing *c, struct err *err)
{
	struct lane *lane = c->lane;
	bool by_number = c->job->by_number || lane->outbound->by_number;
	struct group *group = NULL;

	c->chat = c->job->chat;
	if (wa_jid_is_user(&c->chat)) /* nobody is named without content */
		return c->content != NULL ? account_name(c, by_number, err) : 0;
	c->is_status = c->chat.server == WA_SERVER_BROADCAST;
	if (wa_jid_is_group(&c->chat) &&
		group_load(lane, &c->chat, &group, err) < 0)
		return -1;
	c->by_lid = group == NULL || group->by_lid;
	return 0;
}

/* ---- composing ---- */

static const struct {
	enum message_kind kind;
	compose_fn *fn;
	bool has_context;
} kinds[] = {
	{ MESSAGE_TEXT, compose_text, true },
	{ MESSAGE_IMAGE, compose_media, true },
	{ MESSAGE_VIDEO, compose_media, true },
	{ MESSAGE_AUDIO, compose_media, true },
	{ MESSAGE_VOICE, compose_media, true },
	{ MESSAGE_DOCUMENT, compose_media, true },
	{ MESSAGE_STICKER, compose_media, true },
	{ MESSAGE_LOCATION, compose_location, true },
	{ MESSAGE_CONTACT, compose_contact, true },
	{ MESSAGE_POLL, compose_poll, true },
	{ MESSAGE_REACTION, compose_reaction, false },
	{ MESSAGE_EDIT, compose_edit, true },
	{ MESSAGE_REVOKE, compose_revoke, false },
};

static enum compose_state kind_compose(struct composing *c)
{
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		enum compose_state state = COMPOSE_READY;

		if (kinds[i].kind != c->job->kind)
			continue;
		if (kinds[i].has_context)
			state = compose_context(c);
		return state == COMPOSE_READY ? kinds[i].fn(c) : state;
	}
	return compose_refuse(c, "unsupported_kind");
}

static void json_close(json_t **jsonp)
{
	json_decref(move(*jsonp));
}

enum compose_state compose(struct lane *lane, const struct job *job,
	struct composed *out, const char **reason_out, struct err *err)
{
	scoped(json_close) json_t *content = NULL;
	struct composing c = { .lane = lane,
		.job = job,
		.envelope = &out->envelope,
		.message = WA__MESSAGE__INIT,
		.err = err };
	enum compose_state state = COMPOSE_FAILED;

	if (job->content != NULL)
		content =
			json_loads(job->content, JSON_REJECT_DUPLICATES, NULL);
	c.content = content;
	out->envelope = (struct envelope){ .type = "text" };
	if (job->content != NULL && !json_is_object(content))
		state = compose_refuse(&c, "invalid_content");
	else if (chat_name(&c, err) == 0)
		state = kind_compose(&c);
	if (state == COMPOSE_READY)
		message_pack(&c.message, &out->plain);
	*reason_out = c.reason;
	return state;
}
