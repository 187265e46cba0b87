/* What surrounds a message: whom it names, what it answers, how often it was
 * passed on; declared in content.h and content_impl.h. */
#include "senderd/whatsapp/content.h"

#include <string.h>

#include "common/arena.h"
#include "common/err.h"
#include "common/own.h"
#include "senderd/facts.h"
#include "senderd/whatsapp/content_impl.h"

#define MENTIONS_MAX 1000
#define QUOTE_TEXT_MAX 4096
#define SCORE_MAX 1000000

/* ---- people ---- */

static bool is_phone(const struct wa_jid *jid)
{
	return jid->server == WA_SERVER_PN && jid->user[0] != '\0' &&
	       jid->user[strspn(jid->user, "0123456789")] == '\0';
}

const char *content_name(struct lane *lane, const struct wa_jid *jid)
{
	struct wa_jid bare = wa_jid_bare(jid);
	struct wa_jid pn;
	struct err err = ERR_NONE;
	char text[WA_JID_TEXT];
	int found = 0;

	if (bare.server == WA_SERVER_LID) {
		found = lanedb_pn_of(lane->db, &bare, &pn, &err);
		if (found < 0)
			facts_fail(lane, &err);
		if (found > 0)
			bare = wa_jid_bare(&pn);
	}
	if (is_phone(&bare))
		return arena_printf(lane->arena, "+%s", bare.user);
	return arena_strdup(lane->arena, wa_jid_text(&bare, text));
}

/* A user's address as a message writes it. */
static bool user_parse(const char *text, struct wa_jid *out)
{
	if (text == NULL || wa_jid_parse(text, strlen(text), out) != 0 ||
		!wa_jid_is_user(out))
		return false;
	*out = wa_jid_bare(out);
	return true;
}

/* ---- targets ---- */

static bool is_id(const char *id)
{
	size_t n = id != NULL ? strnlen(id, CONTENT_ID_MAX + 1) : 0;

	if (n == 0 || n > CONTENT_ID_MAX)
		return false;
	for (size_t i = 0; i < n; i++) {
		if (id[i] <= ' ' || id[i] > '~')
			return false;
	}
	return true;
}

static struct wa_jid own_account(
	const struct lane *lane, const struct wa_jid *like)
{
	bool by_lid = like->server == WA_SERVER_LID && lane->id.lid.user[0];

	return wa_jid_bare(by_lid ? &lane->id.lid : &lane->id.jid);
}

/* In a chat of two, what is not its sender's is the other's. */
static struct wa_jid other_side(
	const struct lane *lane, const struct content_from *from)
{
	if (!wa_jid_is_user(&from->chat))
		return (struct wa_jid){ 0 };
	return from->is_own ? from->chat : own_account(lane, &from->sender);
}

bool content_target(const struct lane *lane, const struct content_from *from,
	const Wa__MessageKey *key, struct content_target *out)
{
	if (key == NULL || !is_id(key->id))
		return false;
	out->id = key->id;
	if (key->from_me)
		out->author = wa_jid_bare(&from->sender);
	else if (!user_parse(key->participant, &out->author))
		out->author = other_side(lane, from);
	out->is_ours = !wa_jid_is_empty(&out->author) &&
		       lane_is_self(lane, &out->author);
	return true;
}

static json_t *target_json(
	struct lane *lane, const struct content_target *target)
{
	json_t *object = json_object();

	json_object_set_new(object, "id", json_string(target->id));
	json_object_set_new(object, "fromMe", json_boolean(target->is_ours));
	if (!wa_jid_is_empty(&target->author))
		json_object_set_new(object, "participant",
			json_string(content_name(lane, &target->author)));
	return object;
}

void content_set_target(struct lane *lane, struct content *out,
	const struct content_target *target)
{
	content_set(out, "target", target_json(lane, target));
}

/* ---- the context of a message ---- */

static void quote_describe(
	struct reading *r, const Wa__Message *quoted, json_t *quote)
{
	struct content content = { 0 };
	struct reading reading = { .lane = r->lane,
		.from = r->from,
		.out = &content,
		.left = QUOTE_TEXT_MAX,
		.is_quoted = true };
	const char *text = NULL;

	if (content_read(&reading, quoted)) {
		text = content_take(r, content.text, QUOTE_TEXT_MAX);
		if (text != NULL)
			json_object_set_new(quote, "text", json_string(text));
		json_object_set_new(quote, "messageType",
			json_string(message_kind_name(content.kind)));
	}
	content_fini(&content);
}

static void read_quote(struct reading *r, const Wa__ContextInfo *context)
{
	struct content_target target = { .id = context->stanza_id };
	json_t *quote = NULL;

	if (!is_id(context->stanza_id))
		return;
	user_parse(context->participant, &target.author);
	target.is_ours = !wa_jid_is_empty(&target.author) &&
			 lane_is_self(r->lane, &target.author);
	quote = target_json(r->lane, &target);
	if (context->quoted_message != NULL)
		quote_describe(r, context->quoted_message, quote);
	content_set(r->out, "quote", quote);
}

static void read_mentions(struct reading *r, const Wa__ContextInfo *context)
{
	json_t *list = json_array();

	for (size_t i = 0; i < context->n_mentioned_jid && i < MENTIONS_MAX;
		i++) {
		struct wa_jid jid;

		if (user_parse(context->mentioned_jid[i], &jid))
			json_array_append_new(
				list, json_string(content_name(r->lane, &jid)));
	}
	if (json_array_size(list) > 0)
		content_set(r->out, "mentions", list);
	else
		json_decref(list);
}

void content_read_context(struct reading *r, const Wa__ContextInfo *context)
{
	uint32_t score = 0;

	if (context == NULL || r->is_quoted)
		return;
	read_quote(r, context);
	read_mentions(r, context);
	if (context->is_forwarded || context->forwarding_score > 0) {
		score = context->forwarding_score < SCORE_MAX
				? context->forwarding_score
				: SCORE_MAX;
		content_set(r->out, "forwarded", json_true());
		content_set(r->out, "forwardingScore", json_integer(score));
	}
	if (context->expiration > 0)
		content_set(r->out, "expiration",
			json_integer(context->expiration));
}
