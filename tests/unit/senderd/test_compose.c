/* From an accepted message to the Message that travels. */
#include "tests/unit/senderd/fake_lane.h"

#include <inttypes.h>

#include "common/store/media.h"
#include "senderd/whatsapp/compose.h"
#include "senderd/whatsapp/media_out.h"
#include "senderd/whatsapp/outbound.h"

#define GROUP_JID "120363000000000001@g.us"
#define STATUS_JID "status@broadcast"
#define BOB_JID BOB_PN "@s.whatsapp.net"
#define EVE_PN "15550003333"
#define CREATED_MS INT64_C(1779539696789)

/* ---- a Message as text: "name{field:value field:value}" ---- */

static void dump_message(const ProtobufCMessage *message, struct buf *out);

static void dump_value(const ProtobufCFieldDescriptor *field, const void *value,
	struct buf *out)
{
	const ProtobufCBinaryData *bytes = value;

	switch (field->type) {
	case PROTOBUF_C_TYPE_STRING:
		buf_printf(out, ":%s", *(char *const *)value);
		return;
	case PROTOBUF_C_TYPE_BYTES:
		buf_printf(out, ":%zu bytes", bytes->len);
		return;
	case PROTOBUF_C_TYPE_MESSAGE:
		dump_message(*(ProtobufCMessage *const *)value, out);
		return;
	case PROTOBUF_C_TYPE_DOUBLE:
		buf_printf(out, ":%g", *(const double *)value);
		return;
	case PROTOBUF_C_TYPE_FIXED32:
		buf_printf(out, ":%08x", *(const uint32_t *)value);
		return;
	case PROTOBUF_C_TYPE_INT64:
	case PROTOBUF_C_TYPE_UINT64:
		buf_printf(out, ":%" PRId64, *(const int64_t *)value);
		return;
	default:
		buf_printf(out, ":%d", *(const int *)value);
	}
}

static bool is_there(
	const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field)
{
	const char *base = (const char *)message;

	if (field->type == PROTOBUF_C_TYPE_STRING ||
		field->type == PROTOBUF_C_TYPE_MESSAGE)
		return *(void *const *)(base + field->offset) != NULL;
	return *(const protobuf_c_boolean *)(base + field->quantifier_offset);
}

static size_t size_of(const ProtobufCFieldDescriptor *field)
{
	return field->type == PROTOBUF_C_TYPE_STRING ||
			       field->type == PROTOBUF_C_TYPE_MESSAGE
		       ? sizeof(void *)
		       : sizeof(int);
}

static void dump_field(const ProtobufCMessage *message,
	const ProtobufCFieldDescriptor *field, struct buf *out)
{
	const char *base = (const char *)message;
	const char *items = NULL;
	size_t n = 1;

	if (field->label == PROTOBUF_C_LABEL_REPEATED) {
		n = *(const size_t *)(base + field->quantifier_offset);
		items = *(char *const *)(base + field->offset);
	} else if (is_there(message, field)) {
		items = base + field->offset;
	}
	for (size_t i = 0; items != NULL && i < n; i++) {
		if (out->len > 0 && out->data[out->len - 1] != '{')
			buf_add_byte(out, ' ');
		buf_add_str(out, field->name);
		dump_value(field, items + i * size_of(field), out);
	}
}

static void dump_message(const ProtobufCMessage *message, struct buf *out)
{
	buf_add_byte(out, '{');
	for (unsigned i = 0; i < message->descriptor->n_fields; i++)
		dump_field(message, &message->descriptor->fields[i], out);
	buf_add_byte(out, '}');
	assert_int_equal(message->n_unknown_fields, 0);
}

/* ---- composing ---- */

struct result {
	enum compose_state state;
	char *text;	/* of the Message, without the outer braces */
	char *envelope; /* as it is kept */
	const char *reason;
	struct buf plain;
};

static char *quoted(struct fake *fake, const char *json)
{
	char *copy = NULL;

	if (json == NULL)
		return NULL;
	copy = arena_strdup(fake->arena, json);
	for (char *p = copy; *p != '\0'; p++) {
		if (*p == '\'')
			*p = '"';
	}
	return copy;
}

static struct job *job_new(struct fake *fake, enum message_kind kind,
	const char *chat, const char *text, const char *content)
{
	struct wa_jid jid;
	struct job *job = jobs_find(&fake->lane.outbound->jobs, "3EB0JOB");

	jobs_remove(&fake->lane.outbound->jobs, &job);
	assert_int_equal(wa_jid_parse(chat, strlen(chat), &jid), 0);
	job = jobs_add(&fake->lane.outbound->jobs, "3EB0JOB", &jid, text,
		quoted(fake, content));
	assert_non_null(job);
	job->kind = kind;
	job->created_ms = CREATED_MS;
	return job;
}

static struct result run(struct fake *fake, const struct job *job)
{
	struct composed composed = { 0 };
	struct result result = { 0 };
	struct buf text = BUF_INIT;
	struct err err = ERR_NONE;
	char envelope[ENVELOPE_TEXT];
	Wa__Message *message = NULL;

	result.state =
		compose(&fake->lane, job, &composed, &result.reason, &err);
	if (result.state == COMPOSE_READY) {
		message = wa__message__unpack(
			NULL, composed.plain.len, composed.plain.data);
		assert_non_null(message);
		dump_message(&message->base, &text);
		wa__message__free_unpacked(message, NULL);
		text.data[text.len - 1] = '\0';
		result.text =
			arena_strdup(fake->arena, (const char *)text.data + 1);
		envelope_text(&composed.envelope, envelope);
		result.envelope = arena_strdup(fake->arena, envelope);
	}
	result.plain.data =
		arena_dup(fake->arena, composed.plain.data, composed.plain.len);
	result.plain.len = composed.plain.len;
	composed_fini(&composed);
	buf_fini(&text);
	arena_reset(fake->lane.arena);
	return result;
}

static struct result compose_one(struct fake *fake, enum message_kind kind,
	const char *chat, const char *text, const char *content)
{
	return run(fake, job_new(fake, kind, chat, text, content));
}

#define PLAIN "text - - - -"
#define HIDDEN "text - 1 - hide"
#define KEY(from_me) \
	"key{remote_jid:" BOB_LID "@lid from_me:" #from_me " id:A1}"

struct expected {
	enum message_kind kind;
	const char *chat, *text, *content;
	const char *message, *envelope;
};

static void assert_composed(
	struct fake *fake, const struct expected *table, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct expected *row = &table[i];
		struct result got = compose_one(
			fake, row->kind, row->chat, row->text, row->content);

		if (got.state != COMPOSE_READY)
			print_error("row %zu: %s\n", i,
				got.reason != NULL ? got.reason : "failed");
		assert_int_equal(got.state, COMPOSE_READY);
		assert_string_equal(got.text, row->message);
		assert_string_equal(got.envelope, row->envelope);
	}
}

static void texts_are_as_short_as_what_they_carry(void **state)
{
	static const struct expected table[] = {
		{ MESSAGE_TEXT, BOB_JID, "hi", NULL, "conversation:hi", PLAIN },
		{ MESSAGE_TEXT, BOB_JID, "hi", "{'preview':false}",
			"conversation:hi", PLAIN },
		{ MESSAGE_TEXT, BOB_JID, "see https://x.example",
			"{'preview':{'url':'https://x.example','title':'X',"
			"'description':'An X'}}",
			"extended_text_message{text:see https://x.example"
			" matched_text:https://x.example description:An X"
			" title:X preview_type:0}",
			"media url - - -" },
		{ MESSAGE_TEXT, BOB_JID, "hi", "{'forwarded':true}",
			"extended_text_message{text:hi context_info{"
			"forwarding_score:1 is_forwarded:1}}",
			PLAIN },
		{ MESSAGE_TEXT, BOB_JID, "hi", "{'expiration':86400}",
			"extended_text_message{text:hi context_info{"
			"expiration:86400}}",
			PLAIN },
		/* A name for each namespace. */
		{ MESSAGE_TEXT, BOB_JID, "hi @" BOB_PN,
			"{'mentions':['+" BOB_PN "','" BOB_LID "@lid','+" EVE_PN
			"']}",
			"extended_text_message{text:hi @" BOB_PN
			" context_info{mentioned_jid:" BOB_LID "@lid"
			" mentioned_jid:" BOB_LID "@lid mentioned_jid:" EVE_PN
			"@s.whatsapp.net}}",
			PLAIN },
		{ MESSAGE_TEXT, EVE_PN "@s.whatsapp.net", "hi",
			"{'mentions':['+" BOB_PN "','" BOB_LID "@lid']}",
			"extended_text_message{text:hi context_info{"
			"mentioned_jid:" BOB_JID " mentioned_jid:" BOB_JID "}}",
			PLAIN },
		{ MESSAGE_TEXT, STATUS_JID, "story", NULL,
			"extended_text_message{text:story}", PLAIN },
		{ MESSAGE_TEXT, STATUS_JID, "story",
			"{'background':'#0A1b2C','font':2,'audience':['+1']}",
			"extended_text_message{text:story text_argb:ffffffff"
			" background_argb:ff0a1b2c font:2}",
			PLAIN },
		{ MESSAGE_TEXT, STATUS_JID, "story",
			"{'background':'#800A1b2C'}",
			"extended_text_message{text:story text_argb:ffffffff"
			" background_argb:800a1b2c}",
			PLAIN },
		{ MESSAGE_TEXT, BOB_JID, "no story", "{'background':'#000000'}",
			"conversation:no story", PLAIN },
	};

	assert_composed(*state, table, ARRAY_LEN(table));
}

static void what_is_no_media_says_it_all_itself(void **state)
{
	static const struct expected table[] = {
		{ MESSAGE_LOCATION, BOB_JID, "",
			"{'location':{'latitude':-23.55,'longitude':-46,"
			"'name':'S','address':'A','url':'https://u'}}",
			"location_message{degrees_latitude:-23.55"
			" degrees_longitude:-46 name:S address:A"
			" url:https://u}",
			PLAIN },
		{ MESSAGE_CONTACT, BOB_JID, "",
			"{'contacts':[{'name':'Ann','vcard':'V1'}]}",
			"contact_message{display_name:Ann vcard:V1}",
			"media vcard - - -" },
		{ MESSAGE_CONTACT, BOB_JID, "",
			"{'contacts':[{'name':'Ann','vcard':'V1'},"
			"{'name':'Ben','vcard':'V2'}],'forwarded':true}",
			"contacts_array_message{display_name:2 contacts"
			" contacts{display_name:Ann vcard:V1}"
			" contacts{display_name:Ben vcard:V2}"
			" context_info{forwarding_score:1 is_forwarded:1}}",
			"media contact_array - - -" },
		{ MESSAGE_POLL, BOB_JID, "Lunch?",
			"{'poll':{'options':['Yes','No'],'selectable':1}}",
			"message_context_info{message_secret:32 bytes}"
			" poll_creation_message_v3{name:Lunch?"
			" options{option_name:Yes} options{option_name:No}"
			" selectable_options_count:1}",
			"poll - - creation -" },
		{ MESSAGE_POLL, BOB_JID, "Lunch?",
			"{'poll':{'options':['Yes','No'],'selectable':0}}",
			"message_context_info{message_secret:32 bytes}"
			" poll_creation_message{name:Lunch?"
			" options{option_name:Yes} options{option_name:No}"
			" selectable_options_count:0}",
			"poll - - creation -" },
	};

	assert_composed(*state, table, ARRAY_LEN(table));
}

#define GROUP_KEY                                                           \
	"key{remote_jid:" GROUP_JID " from_me:0 id:A1 participant:" BOB_LID \
	"@lid}"
#define STAMP "1779539696789"

static void a_target_is_named_from_our_side(void **state)
{
	static const struct expected table[] = {
		{ MESSAGE_REACTION, BOB_JID, "+",
			"{'target':{'id':'A1','fromMe':false}}",
			"reaction_message{" KEY(0) " text:+"
						   " sender_timestamp_ms:" STAMP
						   "}",
			"reaction - - - hide" },
		{ MESSAGE_REACTION, BOB_JID, "",
			"{'target':{'id':'A1','fromMe':true}}",
			"reaction_message{" KEY(1) " text:"
						   " sender_timestamp_ms:" STAMP
						   "}",
			"reaction - 7 - hide" },
		{ MESSAGE_REACTION, GROUP_JID, "+",
			"{'target':{'id':'A1','participant':'+" BOB_PN "'}}",
			"reaction_message{" GROUP_KEY " text:+"
			" sender_timestamp_ms:" STAMP "}",
			"reaction - - - hide" },
		{ MESSAGE_EDIT, BOB_JID, "better",
			"{'target':{'id':'A1','fromMe':true}}",
			"edited_message{message{protocol_message{" KEY(
				1) " type:14 "
				   "edited_message{conversation:better}"
				   " timestamp_ms:" STAMP "}}}",
			HIDDEN },
		{ MESSAGE_EDIT, BOB_JID, "better @" BOB_PN,
			"{'target':{'id':'A1','fromMe':true},"
			"'mentions':['+" BOB_PN "']}",
			"edited_message{message{protocol_message{" KEY(
				1) " type:14 "
				   "edited_message{extended_text_message{"
				   "text:better @" BOB_PN
				   " context_info{mentioned_jid:" BOB_LID
				   "@lid}}} timestamp_ms:" STAMP "}}}",
			HIDDEN },
		{ MESSAGE_REVOKE, BOB_JID, "",
			"{'target':{'id':'A1','fromMe':true}}",
			"protocol_message{" KEY(1) " type:0}", "text - 7 - -" },
		{ MESSAGE_REVOKE, GROUP_JID, "",
			"{'target':{'id':'A1','fromMe':false,"
			"'participant':'+" BOB_PN "'}}",
			"protocol_message{" GROUP_KEY " type:0}",
			"text - 8 - -" },
		{ MESSAGE_REVOKE, STATUS_JID, "",
			"{'target':{'id':'A1','fromMe':true}}",
			"protocol_message{key{remote_jid:" STATUS_JID
			" from_me:1 id:A1} type:0}",
			"text - 7 - -" },
	};

	assert_composed(*state, table, ARRAY_LEN(table));
}

/* ---- what the store knows ---- */

/* A message from Bob.  Returns its public id. */
static const char *received(struct fake *fake, const char *wa_id,
	const char *chat, enum message_kind kind, const char *text)
{
	struct err err = ERR_NONE;
	bool duplicate = false;
	char *uuid = arena_alloc(fake->arena, UUID_LEN);
	struct message message = {
		.account_id = fake->lane.account_id,
		.device_id = fake->lane.device_id,
		.public_id = uuid,
		.direction = MESSAGE_IN,
		.status = MESSAGE_RECEIVED,
		.kind = kind,
		.source = MESSAGE_BY_API,
		.wa_id = wa_id,
		.chat = chat,
		.sender = BOB_JID,
		.phone = BOB_PN,
		.text = text,
		.created_ms = CREATED_MS,
	};
	scoped(tx_end) struct tx *tx = tx_begin(fake->lane.store, &err);

	id_uuid7(uuid);
	assert_int_equal(
		store_message_insert_in(tx, &message, &duplicate, &err), 0);
	assert_int_equal(tx_commit(tx, &err), 0);
	return uuid;
}

static void assert_message(
	struct fake *fake, const struct job *job, const char *message)
{
	struct result got = run(fake, job);

	if (got.state != COMPOSE_READY)
		print_error("%s\n", got.reason);
	assert_int_equal(got.state, COMPOSE_READY);
	assert_string_equal(got.text, message);
}

#define QUOTE(who, what)                                            \
	"extended_text_message{text:yes context_info{stanza_id:A1 " \
	"participant:" who " quoted_message{" what "}}}"

static void a_quote_shows_what_the_store_knows(void **state)
{
	static const struct {
		enum message_kind kind;
		const char *text, *message;
	} table[] = {
		{ MESSAGE_TEXT, "coming?", "conversation:coming?" },
		{ MESSAGE_IMAGE, "sunset", "image_message{caption:sunset}" },
		{ MESSAGE_VIDEO, NULL, "video_message{}" },
		{ MESSAGE_VOICE, NULL, "audio_message{ptt:1}" },
		{ MESSAGE_AUDIO, NULL, "audio_message{ptt:0}" },
		{ MESSAGE_DOCUMENT, "bill", "document_message{caption:bill}" },
		{ MESSAGE_STICKER, NULL, "sticker_message{}" },
		{ MESSAGE_LOCATION, NULL, "conversation:" },
		{ MESSAGE_POLL, "Lunch?", "conversation:Lunch?" },
	};

	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct fake *fake;
		const char *id = NULL, *content = NULL;
		scoped(str_free) char *expected = NULL;

		assert_int_equal(fake_setup(state), 0);
		fake = *state;
		id = received(
			fake, "A1", BOB_JID, table[i].kind, table[i].text);
		expected =
			xasprintf(QUOTE("%s", "%s"), BOB_JID, table[i].message);
		content = arena_printf(
			fake->arena, "{'quote':{'messageId':'%s'}}", id);
		assert_message(fake,
			job_new(fake, MESSAGE_TEXT, BOB_JID, "yes", content),
			expected);
		assert_message(fake,
			job_new(fake, MESSAGE_TEXT, BOB_JID, "yes",
				"{'quote':{'id':'A1'}}"),
			expected);
		assert_int_equal(fake_teardown(state), 0);
	}
}

static void a_quote_of_the_unknown_says_what_it_was_told(void **state)
{
	struct fake *fake = *state;

	assert_message(fake,
		job_new(fake, MESSAGE_TEXT, GROUP_JID, "yes",
			"{'quote':{'id':'A1','participant':'+" BOB_PN
			"','text':'coming?'}}"),
		QUOTE(BOB_LID "@lid", "conversation:coming?"));
	assert_message(fake,
		job_new(fake, MESSAGE_TEXT, BOB_JID, "yes",
			"{'quote':{'id':'A1','fromMe':true}}"),
		QUOTE(OWN_LID "@lid", "conversation:"));
}

static void a_quote_from_another_chat_names_it(void **state)
{
	struct fake *fake = *state;
	const char *id =
		received(fake, "A1", GROUP_JID, MESSAGE_TEXT, "coming?");

	assert_message(fake,
		job_new(fake, MESSAGE_TEXT, BOB_JID, "yes",
			arena_printf(fake->arena,
				"{'quote':{'messageId':'%s'}}", id)),
		"extended_text_message{text:yes context_info{stanza_id:A1"
		" participant:" BOB_LID "@lid"
		" quoted_message{conversation:coming?}"
		" remote_jid:" GROUP_JID "}}");
}

static void our_own_id_finds_the_target(void **state)
{
	struct fake *fake = *state;
	const char *theirs =
		received(fake, "A1", BOB_JID, MESSAGE_IMAGE, "sunset");
	struct job *job = job_new(fake, MESSAGE_REACTION, BOB_JID, "+",
		arena_printf(
			fake->arena, "{'target':{'messageId':'%s'}}", theirs));

	assert_message(fake, job,
		"reaction_message{" KEY(0) " text:+ sender_timestamp_ms:" STAMP
					   "}");
	job = job_new(fake, MESSAGE_EDIT, BOB_JID, "x",
		arena_printf(
			fake->arena, "{'target':{'messageId':'%s'}}", theirs));
	assert_int_equal(run(fake, job).state, COMPOSE_REFUSED);
	assert_string_equal(run(fake, job).reason, "not_our_message");
}

/* A client may think that what the phone sent is not ours. */
static void the_store_knows_better_than_the_content(void **state)
{
	struct fake *fake = *state;

	received(fake, "A1", BOB_JID, MESSAGE_TEXT, "hi");
	assert_message(fake,
		job_new(fake, MESSAGE_REACTION, BOB_JID, "+",
			"{'target':{'id':'A1','fromMe':true}}"),
		"reaction_message{" KEY(0) " text:+ sender_timestamp_ms:" STAMP
					   "}");
}

/* Only the caption of a picture can be changed. */
static void an_edit_of_a_picture_stays_one(void **state)
{
	struct fake *fake = *state;
	struct err err = ERR_NONE;
	bool duplicate = false;
	struct message message = {
		.account_id = fake->lane.account_id,
		.device_id = fake->lane.device_id,
		.public_id = "00000000-0000-7000-8000-00000000000a",
		.kind = MESSAGE_IMAGE,
		.source = MESSAGE_BY_API,
		.wa_id = "A1",
		.chat = BOB_JID,
		.phone = BOB_PN,
		.text = "sunste",
		.created_ms = CREATED_MS,
	};
	struct tx *tx = tx_begin(fake->lane.store, &err);

	assert_int_equal(
		store_message_insert_out(tx, &message, &duplicate, &err), 0);
	assert_int_equal(tx_commit(tx, &err), 0);
	tx_end(&tx);
	assert_message(fake,
		job_new(fake, MESSAGE_EDIT, BOB_JID, "sunset",
			"{'target':{'id':'A1'}}"),
		"edited_message{message{protocol_message{" KEY(
			1) " type:14 "
			   "edited_message{image_message{caption:sunset}}"
			   " timestamp_ms:" STAMP "}}}");
}

/* ---- refusals ---- */

static void what_cannot_be_sent_is_refused(void **state)
{
	static const struct {
		enum message_kind kind;
		const char *chat, *text, *content, *reason;
	} table[] = {
		{ MESSAGE_TEXT, BOB_JID, "", NULL, "invalid_content" },
		{ MESSAGE_TEXT, BOB_JID, "x", "{", "invalid_content" },
		{ MESSAGE_TEXT, BOB_JID, "x", "[]", "invalid_content" },
		{ MESSAGE_TEXT, BOB_JID, "x", "{'mentions':['nobody']}",
			"invalid_content" },
		{ MESSAGE_TEXT, BOB_JID, "x", "{'mentions':[5]}",
			"invalid_content" },
		{ MESSAGE_TEXT, BOB_JID, "x", "{'quote':{}}",
			"invalid_content" },
		{ MESSAGE_TEXT, GROUP_JID, "x", "{'quote':{'id':'A1'}}",
			"invalid_content" },
		{ MESSAGE_TEXT, BOB_JID, "x", "{'quote':{'messageId':'no'}}",
			"target_not_found" },
		{ MESSAGE_LOCATION, BOB_JID, "", NULL, "invalid_content" },
		{ MESSAGE_LOCATION, BOB_JID, "",
			"{'location':{'latitude':91,'longitude':0}}",
			"invalid_content" },
		{ MESSAGE_CONTACT, BOB_JID, "", "{'contacts':[]}",
			"invalid_content" },
		{ MESSAGE_CONTACT, BOB_JID, "", "{'contacts':[{'name':'A'}]}",
			"invalid_content" },
		{ MESSAGE_POLL, BOB_JID, "", "{'poll':{'options':['a']}}",
			"invalid_content" },
		{ MESSAGE_POLL, BOB_JID, "q", "{'poll':{'options':[]}}",
			"invalid_content" },
		{ MESSAGE_POLL, BOB_JID, "q", "{'poll':{'options':[1]}}",
			"invalid_content" },
		{ MESSAGE_REACTION, BOB_JID, "+", NULL, "invalid_content" },
		{ MESSAGE_REACTION, GROUP_JID, "+", "{'target':{'id':'A1'}}",
			"invalid_content" },
		{ MESSAGE_EDIT, BOB_JID, "x",
			"{'target':{'id':'A1','fromMe':false}}",
			"not_our_message" },
		{ MESSAGE_EDIT, BOB_JID, "",
			"{'target':{'id':'A1','fromMe':true}}",
			"invalid_content" },
		{ MESSAGE_REVOKE, BOB_JID, "",
			"{'target':{'id':'A1','fromMe':false}}",
			"not_our_message" },
		{ MESSAGE_IMAGE, BOB_JID, "", NULL, "invalid_content" },
		{ MESSAGE_POLL_VOTE, BOB_JID, "", NULL, "unsupported_kind" },
		{ MESSAGE_OTHER, BOB_JID, "x", NULL, "unsupported_kind" },
	};
	struct fake *fake = *state;

	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct result got = compose_one(fake, table[i].kind,
			table[i].chat, table[i].text, table[i].content);

		if (got.state != COMPOSE_REFUSED)
			print_error("row %zu\n", i);
		assert_int_equal(got.state, COMPOSE_REFUSED);
		assert_string_equal(got.reason, table[i].reason);
	}
}

/* ---- namespaces, timers ---- */

static void a_chat_that_goes_by_number_names_people_by_number(void **state)
{
	struct fake *fake = *state;
	struct job *job = job_new(fake, MESSAGE_TEXT, BOB_LID "@lid", "hi",
		"{'mentions':['" BOB_LID "@lid']}");

	job->by_number = true;
	assert_message(fake, job,
		"extended_text_message{text:hi "
		"context_info{mentioned_jid:" BOB_JID "}}");
	job = job_new(fake, MESSAGE_REACTION, BOB_JID, "+",
		"{'target':{'id':'A1','fromMe':false}}");
	fake->lane.outbound->by_number = true;
	assert_message(fake, job,
		"reaction_message{key{remote_jid:" BOB_JID " from_me:0 id:A1}"
		" text:+ sender_timestamp_ms:" STAMP "}");
}

static void the_timer_of_a_chat_is_kept(void **state)
{
	struct fake *fake = *state;
	struct wa_jid bob = wa_jid_lid(BOB_LID, 0);
	struct err err = ERR_NONE;
	static const char *const chats[] = { BOB_JID, BOB_LID "@lid" };

	assert_int_equal(lanedb_timer_save(fake->lane.db, &bob, 604800,
				 1700000000000, &err),
		0);
	for (size_t i = 0; i < ARRAY_LEN(chats); i++)
		assert_message(fake,
			job_new(fake, MESSAGE_TEXT, chats[i], "hi", NULL),
			"extended_text_message{text:hi context_info{"
			"expiration:604800"
			" ephemeral_setting_timestamp:1700000000}}");
	assert_message(fake,
		job_new(fake, MESSAGE_TEXT, BOB_JID, "hi", "{'expiration':0}"),
		"conversation:hi");
	assert_message(fake,
		job_new(fake, MESSAGE_REVOKE, BOB_JID, "",
			"{'target':{'id':'A1','fromMe':true}}"),
		"protocol_message{" KEY(1) " type:0}");
}

static void the_same_job_gives_the_same_bytes(void **state)
{
	struct fake *fake = *state;
	struct job *job = job_new(fake, MESSAGE_POLL, BOB_JID, "Lunch?",
		"{'poll':{'options':['Yes','No'],'selectable':1}}");
	struct result first = run(fake, job), again = run(fake, job);

	assert_int_equal(first.plain.len, again.plain.len);
	assert_memory_equal(
		first.plain.data, again.plain.data, first.plain.len);
}

/* ---- media ---- */

/* A file that was uploaded before.  Returns its row. */
static int64_t uploaded(struct fake *fake, enum media_kind kind,
	enum wa_media_type type, const char *mime)
{
	static int counter;
	struct err err = ERR_NONE;
	struct wa_media_ref ref = { .type = type,
		.direct_path = "/v/1",
		.url = "https://mmg.whatsapp.net/v/1",
		.length = 99,
		.has_sha256 = true };
	uint8_t sha256[32] = { (uint8_t)++counter };
	uint8_t waveform[64] = { 1 };
	struct media media = {
		.public_id = arena_printf(fake->arena, "m%d", counter),
		.account_id = fake->lane.account_id,
		.kind = kind,
		.state = MEDIA_READY,
		.sha256 = sha256,
		.size = 99,
		.mime = mime,
		.file_name = "a.bin",
		.width = kind == MEDIA_AUDIO ? 0 : 640,
		.height = kind == MEDIA_AUDIO ? 0 : 480,
		.seconds = 9,
		.pages = 2,
		.is_animated = true,
		.thumbnail = (const uint8_t *)"jpeg",
		.n_thumbnail = 4,
		.waveform = waveform,
		.n_waveform = 64,
		.created_ms = CREATED_MS,
	};
	struct tx *tx = tx_begin(fake->lane.store, &err);

	assert_int_equal(store_media_insert(tx, &media, &err), 0);
	assert_int_equal(tx_commit(tx, &err), 0);
	tx_end(&tx);
	memcpy(ref.sha256, sha256, 32);
	assert_int_equal(
		lanedb_upload_save(fake->lane.db, &ref, clock_now_ms(), &err),
		0);
	return media.id;
}

#define REF_A(mime) "{url:https://mmg.whatsapp.net/v/1 mimetype:" mime

static void media_is_named_by_its_upload(void **state)
{
	static const struct {
		enum message_kind kind;
		enum media_kind media;
		enum wa_media_type type;
		const char *chat, *text, *content;
		const char *starts, *has[6], *envelope;
	} table[] = {
		{ MESSAGE_IMAGE, MEDIA_IMAGE, WA_MEDIA_IMAGE, BOB_JID, "sunset",
			NULL,
			"image_message{url:https://mmg.whatsapp.net/v/1"
			" mimetype:x/y caption:sunset",
			{ "file_sha256:32 bytes", "file_length:99",
				"height:480 width:640", "media_key:32 bytes",
				"file_enc_sha256:32 bytes direct_path:/v/1",
				"jpeg_thumbnail:4 bytes" },
			"media image - - -" },
		{ MESSAGE_VIDEO, MEDIA_VIDEO, WA_MEDIA_VIDEO, BOB_JID, "", NULL,
			"video_message{", { "seconds:9" },
			"media video - - -" },
		{ MESSAGE_VIDEO, MEDIA_VIDEO, WA_MEDIA_VIDEO, BOB_JID, "",
			"{'media':{'gif':true}}", "video_message{",
			{ "gif_playback:1" }, "media gif - - -" },
		{ MESSAGE_VIDEO, MEDIA_VIDEO, WA_MEDIA_VIDEO, BOB_JID, "",
			"{'media':{'videoNote':true}}", "ptv_message{",
			{ "seconds:9" }, "media ptv - - -" },
		{ MESSAGE_AUDIO, MEDIA_AUDIO, WA_MEDIA_AUDIO, BOB_JID, "", NULL,
			"audio_message{", { "seconds:9" },
			"media audio - - -" },
		{ MESSAGE_VOICE, MEDIA_VOICE, WA_MEDIA_AUDIO, BOB_JID, "", NULL,
			"audio_message{", { "ptt:1", "waveform:64 bytes" },
			"media ptt - - -" },
		{ MESSAGE_VOICE, MEDIA_VOICE, WA_MEDIA_AUDIO, STATUS_JID, "",
			"{'background':'#010203'}", "audio_message{",
			{ "background_argb:ff010203" }, "media ptt - - -" },
		{ MESSAGE_DOCUMENT, MEDIA_DOCUMENT, WA_MEDIA_DOCUMENT, BOB_JID,
			"", NULL, "document_message{",
			{ "title:a.bin", "file_name:a.bin", "page_count:2" },
			"media document - - -" },
		{ MESSAGE_DOCUMENT, MEDIA_DOCUMENT, WA_MEDIA_DOCUMENT, BOB_JID,
			"the bill", "{'media':{'fileName':'bill.pdf'}}",
			"document_with_caption_message{message{"
			"document_message{",
			{ "title:bill.pdf", "caption:the bill" },
			"media document - - -" },
		{ MESSAGE_STICKER, MEDIA_STICKER, WA_MEDIA_IMAGE, BOB_JID, "",
			NULL, "sticker_message{",
			{ "is_animated:1", "sticker_sent_ts:" STAMP },
			"media sticker - - -" },
		{ MESSAGE_IMAGE, MEDIA_IMAGE, WA_MEDIA_IMAGE, BOB_JID, "",
			"{'viewOnce':true}",
			"view_once_message{message{image_message{",
			{ "view_once:1" }, "media image - - -" },
		{ MESSAGE_IMAGE, MEDIA_IMAGE, WA_MEDIA_IMAGE, BOB_JID, "",
			"{'forwarded':true}", "image_message{",
			{ "context_info{forwarding_score:1 is_forwarded:1}" },
			"media image - - -" },
	};
	struct fake *fake = *state;

	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct job *job = job_new(fake, table[i].kind, table[i].chat,
			table[i].text, table[i].content);
		struct result got;

		job->media_id =
			uploaded(fake, table[i].media, table[i].type, "x/y");
		got = run(fake, job);
		if (got.state != COMPOSE_READY)
			print_error("row %zu: %s\n", i, got.reason);
		assert_int_equal(got.state, COMPOSE_READY);
		if (strncmp(got.text, table[i].starts,
			    strlen(table[i].starts)) != 0)
			print_error("row %zu: %s\n", i, got.text);
		assert_int_equal(strncmp(got.text, table[i].starts,
					 strlen(table[i].starts)),
			0);
		for (size_t j = 0; j < 6 && table[i].has[j] != NULL; j++) {
			if (strstr(got.text, table[i].has[j]) == NULL)
				print_error("row %zu: %s\n", i, got.text);
			assert_non_null(strstr(got.text, table[i].has[j]));
		}
		assert_string_equal(got.envelope, table[i].envelope);
	}
}

static void media_that_does_not_fit_is_refused(void **state)
{
	struct fake *fake = *state;
	struct job *job = job_new(fake, MESSAGE_VOICE, BOB_JID, "", NULL);

	job->media_id = uploaded(fake, MEDIA_IMAGE, WA_MEDIA_IMAGE, "x/y");
	assert_string_equal(run(fake, job).reason, "media_of_another_kind");
	job = job_new(fake, MESSAGE_STICKER, BOB_JID, "", "{'viewOnce':true}");
	job->media_id = uploaded(fake, MEDIA_STICKER, WA_MEDIA_IMAGE, "x/y");
	assert_string_equal(run(fake, job).reason, "invalid_content");
	job = job_new(fake, MESSAGE_IMAGE, BOB_JID, "", NULL);
	job->media_id = 4711;
	assert_string_equal(run(fake, job).reason, "media_unavailable");
}

/* ---- envelopes ---- */

static void an_envelope_is_read_back_as_it_was(void **state)
{
	static const struct envelope table[] = {
		{ .type = "text" },
		{ .type = "media", .mediatype = "ptv" },
		{ .type = "media", .mediatype = "contact_array" },
		{ .type = "reaction", .edit = "7", .is_hidden = true },
		{ .type = "poll", .polltype = "creation" },
		{ .type = "text", .edit = "1", .is_hidden = true },
		{ .type = "text", .edit = "8" },
	};
	char text[ENVELOPE_TEXT], again[ENVELOPE_TEXT];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct envelope read;

		envelope_text(&table[i], text);
		read = envelope_parse(text);
		envelope_text(&read, again);
		assert_string_equal(again, text);
	}
	assert_string_equal(envelope_parse("").type, "text");
	assert_string_equal(envelope_parse("evil x y z w").type, "text");
	assert_null(envelope_parse("evil x y z w").mediatype);
}

/* Bob goes by LID, Eve's is not known. */
static int setup(void **state)
{
	struct fake *fake;
	struct wa_jid pn = wa_jid_pn(BOB_PN, 0), lid = wa_jid_lid(BOB_LID, 0);
	struct err err = ERR_NONE;

	assert_int_equal(fake_setup(state), 0);
	fake = *state;
	assert_int_equal(
		lanedb_mapping_learn(fake->lane.db, &pn, &lid, NULL, &err), 0);
	return 0;
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, setup, fake_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(texts_are_as_short_as_what_they_carry),
		TEST(what_is_no_media_says_it_all_itself),
		TEST(a_target_is_named_from_our_side),
		cmocka_unit_test(a_quote_shows_what_the_store_knows),
		TEST(a_quote_of_the_unknown_says_what_it_was_told),
		TEST(a_quote_from_another_chat_names_it),
		TEST(our_own_id_finds_the_target),
		TEST(the_store_knows_better_than_the_content),
		TEST(an_edit_of_a_picture_stays_one),
		TEST(what_cannot_be_sent_is_refused),
		TEST(a_chat_that_goes_by_number_names_people_by_number),
		TEST(the_timer_of_a_chat_is_kept),
		TEST(the_same_job_gives_the_same_bytes),
		TEST(media_is_named_by_its_upload),
		TEST(media_that_does_not_fit_is_refused),
		cmocka_unit_test(an_envelope_is_read_back_as_it_was),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
