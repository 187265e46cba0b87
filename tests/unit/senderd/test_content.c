/* What each kind of Message shows. */
#include "tests/unit/senderd/fake_lane.h"

#include <math.h>

#include "senderd/whatsapp/content.h"

#define GROUP_JID "120363000000000001@g.us"
#define EVE_LID "900003"

/* ---- messages, each built in the fake's arena ---- */

#define NEW(fake, type, name)                                           \
	({                                                              \
		Wa__##type *new_ =                                      \
			arena_alloc((fake)->arena, sizeof(Wa__##type)); \
		wa__##name##__init(new_);                               \
		new_;                                                   \
	})

typedef void build_fn(struct fake *fake, Wa__Message *m);

static Wa__ContextInfo *context_new(struct fake *fake)
{
	return NEW(fake, ContextInfo, context_info);
}

static Wa__FutureProofMessage *wrapped(struct fake *fake, build_fn *build)
{
	Wa__FutureProofMessage *wrapper =
		NEW(fake, FutureProofMessage, future_proof_message);

	wrapper->message = NEW(fake, Message, message);
	build(fake, wrapper->message);
	return wrapper;
}

static Wa__MessageKey *key_new(
	struct fake *fake, const char *id, bool from_me, const char *who)
{
	Wa__MessageKey *key = NEW(fake, MessageKey, message_key);

	key->id = (char *)id;
	key->has_from_me = 1;
	key->from_me = from_me;
	key->participant = (char *)who;
	return key;
}

static void text(struct fake *fake, Wa__Message *m)
{
	(void)fake;
	m->conversation = (char *)"hello";
}

static Wa__ExtendedTextMessage *extended_new(struct fake *fake, Wa__Message *m)
{
	m->extended_text_message =
		NEW(fake, ExtendedTextMessage, extended_text_message);
	m->extended_text_message->text = (char *)"hi";
	m->extended_text_message->context_info = context_new(fake);
	return m->extended_text_message;
}

static void link_preview(struct fake *fake, Wa__Message *m)
{
	Wa__ExtendedTextMessage *e = extended_new(fake, m);

	e->matched_text = (char *)"https://example.org";
	e->title = (char *)"Exam\nple";
	e->description = (char *)"A site";
}

static void status_text(struct fake *fake, Wa__Message *m)
{
	Wa__ExtendedTextMessage *e = extended_new(fake, m);

	e->has_background_argb = e->has_font = 1;
	e->background_argb = 0xff0a1b2c;
	e->font = 2;
}

static void answer(struct fake *fake, Wa__Message *m)
{
	Wa__ContextInfo *c = extended_new(fake, m)->context_info;

	c->stanza_id = (char *)"3EB0QUOTED";
	c->participant = (char *)OWN_LID "@lid";
	c->quoted_message = NEW(fake, Message, message);
	c->quoted_message->image_message =
		NEW(fake, ImageMessage, image_message);
	c->quoted_message->image_message->caption = (char *)"sunset";
}

static void mention(struct fake *fake, Wa__Message *m)
{
	static char *jids[] = { (char *)BOB_LID "@lid", (char *)"77@lid",
		(char *)"not a jid", (char *)OWN_PN "@s.whatsapp.net",
		(char *)GROUP_JID };
	Wa__ContextInfo *c = extended_new(fake, m)->context_info;

	c->n_mentioned_jid = ARRAY_LEN(jids);
	c->mentioned_jid = jids;
}

static void passed_on(struct fake *fake, Wa__Message *m)
{
	Wa__ContextInfo *c = extended_new(fake, m)->context_info;

	c->has_is_forwarded = c->is_forwarded = 1;
	c->has_forwarding_score = c->has_expiration = 1;
	c->forwarding_score = 7;
	c->expiration = 86400;
}

static const uint8_t key32[32] = { 1 };
#define BYTES(data, n) ((ProtobufCBinaryData){ n, (uint8_t *)(data) })

#define BLOB_SET(m)                                             \
	do {                                                    \
		(m)->direct_path = (char *)"/v/t62/1?ccb=11-4"; \
		(m)->media_key = BYTES(key32, 32);              \
		(m)->file_sha256 = BYTES(key32, 32);            \
		(m)->file_enc_sha256 = BYTES(key32, 32);        \
		(m)->file_length = 1234;                        \
	} while (0)

static void image(struct fake *fake, Wa__Message *m)
{
	Wa__ImageMessage *i = NEW(fake, ImageMessage, image_message);

	BLOB_SET(i);
	i->mimetype = (char *)"image/jpeg";
	i->caption = (char *)"sunset";
	i->width = 640;
	i->height = 480;
	i->jpeg_thumbnail = BYTES("jpeg", 4);
	m->image_message = i;
}

static void image_once(struct fake *fake, Wa__Message *m)
{
	m->view_once_message_v2 = wrapped(fake, image);
}

static void image_gone(struct fake *fake, Wa__Message *m)
{
	image(fake, m);
	m->image_message->media_key = BYTES(NULL, 0);
	m->image_message->view_once = 1;
	m->image_message->caption = NULL;
}

static void image_with_a_bad_type(struct fake *fake, Wa__Message *m)
{
	image(fake, m);
	m->image_message->mimetype = (char *)"image/jpeg\r\nX-Evil: 1";
	m->image_message->width = 4000000000;
}

static void gif(struct fake *fake, Wa__Message *m)
{
	m->video_message = NEW(fake, VideoMessage, video_message);
	BLOB_SET(m->video_message);
	m->video_message->mimetype = (char *)"video/mp4";
	m->video_message->seconds = 3;
	m->video_message->gif_playback = 1;
}

static void video_note(struct fake *fake, Wa__Message *m)
{
	gif(fake, m);
	m->ptv_message = m->video_message;
	m->ptv_message->gif_playback = 0;
	m->video_message = NULL;
}

static void voice(struct fake *fake, Wa__Message *m)
{
	m->audio_message = NEW(fake, AudioMessage, audio_message);
	BLOB_SET(m->audio_message);
	m->audio_message->mimetype = (char *)"audio/ogg; codecs=opus";
	m->audio_message->seconds = 9;
	m->audio_message->ptt = 1;
	m->audio_message->waveform = BYTES(key32, 32);
}

static void audio(struct fake *fake, Wa__Message *m)
{
	voice(fake, m);
	m->audio_message->ptt = 0;
}

static void document(struct fake *fake, Wa__Message *m)
{
	Wa__DocumentMessage *d = NEW(fake, DocumentMessage, document_message);

	BLOB_SET(d);
	d->mimetype = (char *)"application/pdf";
	d->file_name = (char *)"bill\n.pdf";
	d->page_count = 2;
	d->caption = (char *)"the bill";
	m->document_message = d;
}

static void document_captioned(struct fake *fake, Wa__Message *m)
{
	m->document_with_caption_message = wrapped(fake, document);
}

static void sticker(struct fake *fake, Wa__Message *m)
{
	m->sticker_message = NEW(fake, StickerMessage, sticker_message);
	BLOB_SET(m->sticker_message);
	m->sticker_message->mimetype = (char *)"image/webp";
	m->sticker_message->width = m->sticker_message->height = 512;
}

static void lottie(struct fake *fake, Wa__Message *m)
{
	m->lottie_sticker_message = wrapped(fake, sticker);
}

static void place(struct fake *fake, Wa__Message *m)
{
	m->location_message = NEW(fake, LocationMessage, location_message);
	m->location_message->degrees_latitude = -23.5505;
	m->location_message->degrees_longitude = -46.6333;
	m->location_message->name = (char *)"Sé";
	m->location_message->address = (char *)"São Paulo";
}

static void place_nowhere(struct fake *fake, Wa__Message *m)
{
	place(fake, m);
	m->location_message->degrees_latitude = (double)NAN;
}

static void live_place(struct fake *fake, Wa__Message *m)
{
	m->live_location_message =
		NEW(fake, LiveLocationMessage, live_location_message);
	m->live_location_message->degrees_latitude = 1.5;
	m->live_location_message->degrees_longitude = 2;
	m->live_location_message->caption = (char *)"on my way";
}

static Wa__ContactMessage *card(struct fake *fake, const char *name)
{
	Wa__ContactMessage *c = NEW(fake, ContactMessage, contact_message);

	c->display_name = (char *)name;
	c->vcard = (char *)"BEGIN:VCARD\nEND:VCARD";
	return c;
}

static void contact(struct fake *fake, Wa__Message *m)
{
	m->contact_message = card(fake, "Ann");
}

static void contacts(struct fake *fake, Wa__Message *m)
{
	Wa__ContactsArrayMessage *a =
		NEW(fake, ContactsArrayMessage, contacts_array_message);

	a->n_contacts = 2;
	a->contacts = arena_alloc(fake->arena, 2 * sizeof *a->contacts);
	a->contacts[0] = card(fake, "Ann");
	a->contacts[1] = card(fake, NULL);
	m->contacts_array_message = a;
}

static Wa__PollCreationMessage *poll_new(struct fake *fake, size_t n)
{
	Wa__PollCreationMessage *p =
		NEW(fake, PollCreationMessage, poll_creation_message);

	p->name = (char *)"Lunch?";
	p->n_options = n;
	p->options = arena_alloc(fake->arena, n * sizeof *p->options);
	for (size_t i = 0; i < n; i++) {
		p->options[i] = NEW(fake, PollOption, poll_option);
		p->options[i]->option_name =
			arena_printf(fake->arena, "option %zu", i);
	}
	p->selectable_options_count = 1;
	return p;
}

static void question(struct fake *fake, Wa__Message *m)
{
	m->poll_creation_message_v3 = poll_new(fake, 2);
}

static void reaction(struct fake *fake, Wa__Message *m)
{
	m->reaction_message = NEW(fake, ReactionMessage, reaction_message);
	m->reaction_message->key = key_new(fake, "3EB0A", false, NULL);
	m->reaction_message->text = (char *)"\xf0\x9f\x91\x8d";
}

static void reaction_to_own(struct fake *fake, Wa__Message *m)
{
	reaction(fake, m);
	m->reaction_message->key->from_me = 1;
}

static void reaction_to_a_third(struct fake *fake, Wa__Message *m)
{
	reaction(fake, m);
	m->reaction_message->key->participant = (char *)EVE_LID "@lid";
}

static void reaction_taken_back(struct fake *fake, Wa__Message *m)
{
	reaction(fake, m);
	m->reaction_message->text = (char *)"";
}

static void invite(struct fake *fake, Wa__Message *m)
{
	Wa__GroupInviteMessage *g =
		NEW(fake, GroupInviteMessage, group_invite_message);

	g->group_jid = (char *)GROUP_JID;
	g->invite_code = (char *)"AbC";
	g->group_name = (char *)"Chess";
	g->invite_expiration = 1779539696;
	g->caption = (char *)"join us";
	m->group_invite_message = g;
}

static void button(struct fake *fake, Wa__Message *m)
{
	m->buttons_response_message =
		NEW(fake, ButtonsResponseMessage, buttons_response_message);
	m->buttons_response_message->selected_button_id = (char *)"yes";
	m->buttons_response_message->selected_display_text = (char *)"Yes!";
}

static void template_button(struct fake *fake, Wa__Message *m)
{
	m->template_button_reply_message = NEW(fake, TemplateButtonReplyMessage,
		template_button_reply_message);
	m->template_button_reply_message->selected_id = (char *)"yes";
	m->template_button_reply_message->selected_display_text =
		(char *)"Yes!";
}

static void list_reply(struct fake *fake, Wa__Message *m)
{
	m->list_response_message =
		NEW(fake, ListResponseMessage, list_response_message);
	m->list_response_message->title = (char *)"Yes!";
	m->list_response_message->single_select_reply =
		NEW(fake, SingleSelectReply, single_select_reply);
	m->list_response_message->single_select_reply->selected_row_id =
		(char *)"yes";
}

static void flow_reply(struct fake *fake, Wa__Message *m)
{
	Wa__InteractiveResponseMessage *r = NEW(
		fake, InteractiveResponseMessage, interactive_response_message);

	r->body = NEW(fake, InteractiveResponseBody, interactive_response_body);
	r->body->text = (char *)"Yes!";
	r->native_flow_response_message = NEW(
		fake, NativeFlowResponseMessage, native_flow_response_message);
	r->native_flow_response_message->params_json =
		(char *)"{\"id\":\"yes\",\"x\":1}";
	m->interactive_response_message = r;
}

static void event(struct fake *fake, Wa__Message *m)
{
	m->event_message = NEW(fake, EventMessage, event_message);
	m->event_message->name = (char *)"Party";
}

static void album(struct fake *fake, Wa__Message *m)
{
	m->album_message = NEW(fake, AlbumMessage, album_message);
}

static void pin(struct fake *fake, Wa__Message *m)
{
	m->pin_in_chat_message =
		NEW(fake, PinInChatMessage, pin_in_chat_message);
	m->pin_in_chat_message->key = key_new(fake, "A9", true, NULL);
	m->pin_in_chat_message->type = 1;
}

static void unkeep(struct fake *fake, Wa__Message *m)
{
	m->keep_in_chat_message =
		NEW(fake, KeepInChatMessage, keep_in_chat_message);
	m->keep_in_chat_message->keep_type = 2;
}

static void newer_than_us(struct fake *fake, Wa__Message *m)
{
	static ProtobufCMessageUnknownField unknown = { .tag = 88,
		.wire_type = PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED,
		.len = 2,
		.data = (uint8_t *)"\1x" };

	(void)fake;
	m->base.n_unknown_fields = 1;
	m->base.unknown_fields = &unknown;
}

static void ephemeral(struct fake *fake, Wa__Message *m)
{
	m->ephemeral_message = wrapped(fake, image_once);
}

static void empty(struct fake *fake, Wa__Message *m)
{
	(void)fake;
	(void)m;
}

static void empty_text(struct fake *fake, Wa__Message *m)
{
	extended_new(fake, m)->text = (char *)"";
}

static void key_only(struct fake *fake, Wa__Message *m)
{
	m->sender_key_distribution_message = NEW(fake,
		SenderKeyDistributionMessage, sender_key_distribution_message);
}

/* ---- reading them ---- */

static struct content_from from_bob(void)
{
	return (struct content_from){ .chat = wa_jid_lid(BOB_LID, 0),
		.sender = wa_jid_lid(BOB_LID, 3) };
}

/* NULL: nothing to show. */
static const char *describe(struct fake *fake, const struct content_from *from,
	build_fn *build, struct content *out)
{
	Wa__Message *m = NEW(fake, Message, message);
	const char *json = NULL;

	*out = (struct content){ 0 };
	build(fake, m);
	if (!content_describe(&fake->lane, from, m, out)) {
		content_fini(out);
		return NULL;
	}
	json = content_render(&fake->lane, out);
	content_fini(out);
	return json != NULL ? json : "";
}

/* Single quotes stand for double ones. */
static char *quoted(struct fake *fake, const char *json)
{
	char *copy = arena_strdup(fake->arena, json);

	for (char *p = copy; *p != '\0'; p++) {
		if (*p == '\'')
			*p = '"';
	}
	return copy;
}

static void each_kind_shows_what_it_holds(void **state)
{
	static const struct {
		build_fn *build;
		enum message_kind kind;
		const char *text, *json;
	} table[] = {
		{ text, MESSAGE_TEXT, "hello", "" },
		{ link_preview, MESSAGE_TEXT, "hi",
			"{'preview':{'url':'https://example.org',"
			"'title':'Exam ple','description':'A site'}}" },
		{ status_text, MESSAGE_TEXT, "hi",
			"{'background':'#0A1B2C','font':2}" },
		{ answer, MESSAGE_TEXT, "hi",
			"{'quote':{'id':'3EB0QUOTED','fromMe':true,"
			"'participant':'+" OWN_PN "','text':'sunset',"
			"'messageType':'IMAGE'}}" },
		{ mention, MESSAGE_TEXT, "hi",
			"{'mentions':['+" BOB_PN "','77@lid','+" OWN_PN "']}" },
		{ passed_on, MESSAGE_TEXT, "hi",
			"{'forwarded':true,'forwardingScore':7,"
			"'expiration':86400}" },
		{ image, MESSAGE_IMAGE, "sunset",
			"{'media':{'mimeType':'image/jpeg','size':1234,"
			"'width':640,'height':480,'status':'PENDING'}}" },
		{ image_once, MESSAGE_IMAGE, "sunset",
			"{'media':{'mimeType':'image/jpeg','size':1234,"
			"'width':640,'height':480,'status':'PENDING'},"
			"'viewOnce':true}" },
		{ ephemeral, MESSAGE_IMAGE, "sunset",
			"{'media':{'mimeType':'image/jpeg','size':1234,"
			"'width':640,'height':480,'status':'PENDING'},"
			"'viewOnce':true}" },
		{ image_gone, MESSAGE_IMAGE, NULL,
			"{'media':{'mimeType':'image/jpeg','size':1234,"
			"'width':640,'height':480,'status':'GONE'},"
			"'viewOnce':true}" },
		{ image_with_a_bad_type, MESSAGE_IMAGE, "sunset",
			"{'media':{'mimeType':'application/octet-stream',"
			"'size':1234,'height':480,'status':'PENDING'}}" },
		{ gif, MESSAGE_VIDEO, NULL,
			"{'media':{'mimeType':'video/mp4','size':1234,"
			"'seconds':3,'gif':true,'status':'PENDING'}}" },
		{ video_note, MESSAGE_VIDEO, NULL,
			"{'media':{'mimeType':'video/mp4','size':1234,"
			"'seconds':3,'videoNote':true,'status':'PENDING'}}" },
		{ voice, MESSAGE_VOICE, NULL,
			"{'media':{'mimeType':'audio/ogg; codecs=opus',"
			"'size':1234,'seconds':9,'status':'PENDING'}}" },
		{ audio, MESSAGE_AUDIO, NULL,
			"{'media':{'mimeType':'audio/ogg; codecs=opus',"
			"'size':1234,'seconds':9,'status':'PENDING'}}" },
		{ document_captioned, MESSAGE_DOCUMENT, "the bill",
			"{'media':{'mimeType':'application/pdf',"
			"'fileName':'bill .pdf','size':1234,'pages':2,"
			"'status':'PENDING'}}" },
		{ sticker, MESSAGE_STICKER, NULL,
			"{'media':{'mimeType':'image/webp','size':1234,"
			"'width':512,'height':512,'status':'PENDING'}}" },
		{ lottie, MESSAGE_STICKER, NULL,
			"{'media':{'mimeType':'image/webp','size':1234,"
			"'width':512,'height':512,'animated':true,"
			"'status':'PENDING'}}" },
		{ place, MESSAGE_LOCATION, NULL,
			"{'location':{'latitude':-23.5505,"
			"'longitude':-46.6333,'name':'Sé',"
			"'address':'São Paulo'}}" },
		{ place_nowhere, MESSAGE_LOCATION, NULL,
			"{'location':{'longitude':-46.6333,'name':'Sé',"
			"'address':'São Paulo'}}" },
		{ live_place, MESSAGE_LOCATION, "on my way",
			"{'location':{'latitude':1.5,'longitude':2.0,"
			"'live':true}}" },
		{ contact, MESSAGE_CONTACT, NULL,
			"{'contacts':[{'name':'Ann',"
			"'vcard':'BEGIN:VCARD\\nEND:VCARD'}]}" },
		{ contacts, MESSAGE_CONTACT, NULL,
			"{'contacts':[{'name':'Ann',"
			"'vcard':'BEGIN:VCARD\\nEND:VCARD'},"
			"{'vcard':'BEGIN:VCARD\\nEND:VCARD'}]}" },
		{ reaction, MESSAGE_REACTION, "\xf0\x9f\x91\x8d",
			"{'target':{'id':'3EB0A','fromMe':true,"
			"'participant':'+" OWN_PN "'}}" },
		{ reaction_to_own, MESSAGE_REACTION, "\xf0\x9f\x91\x8d",
			"{'target':{'id':'3EB0A','fromMe':false,"
			"'participant':'+" BOB_PN "'}}" },
		{ reaction_to_a_third, MESSAGE_REACTION, "\xf0\x9f\x91\x8d",
			"{'target':{'id':'3EB0A','fromMe':false,"
			"'participant':'" EVE_LID "@lid'}}" },
		{ reaction_taken_back, MESSAGE_REACTION, "",
			"{'target':{'id':'3EB0A','fromMe':true,"
			"'participant':'+" OWN_PN "'}}" },
		{ invite, MESSAGE_GROUP_INVITE, "join us",
			"{'invite':{'group':'" GROUP_JID "','code':'AbC',"
			"'name':'Chess',"
			"'expiresAt':'2026-05-23T12:34:56.000Z'}}" },
		{ button, MESSAGE_BUTTON_REPLY, "Yes!",
			"{'reply':{'id':'yes','title':'Yes!'}}" },
		{ template_button, MESSAGE_BUTTON_REPLY, "Yes!",
			"{'reply':{'id':'yes','title':'Yes!'}}" },
		{ list_reply, MESSAGE_BUTTON_REPLY, "Yes!",
			"{'reply':{'id':'yes','title':'Yes!'}}" },
		{ flow_reply, MESSAGE_BUTTON_REPLY, "Yes!",
			"{'reply':{'id':'yes','title':'Yes!'}}" },
		{ event, MESSAGE_OTHER, "Party", "{'type':'event'}" },
		{ album, MESSAGE_OTHER, NULL, "{'type':'album'}" },
		{ pin, MESSAGE_OTHER, NULL,
			"{'type':'pin','target':{'id':'A9','fromMe':false,"
			"'participant':'+" BOB_PN "'}}" },
		{ unkeep, MESSAGE_OTHER, NULL, "{'type':'unkeep'}" },
		{ newer_than_us, MESSAGE_OTHER, NULL, "{'type':'field_88'}" },
	};
	struct fake *fake = *state;
	struct content_from from = from_bob();

	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct content content;
		const char *json =
			describe(fake, &from, table[i].build, &content);
		const char *expected = quoted(fake, table[i].json);

		if (json == NULL || strcmp(json, expected) != 0)
			print_error("row %zu\n", i);
		assert_non_null(json);
		assert_string_equal(json, expected);
		assert_int_equal(content.kind, table[i].kind);
		if (table[i].text == NULL)
			assert_null(content.text);
		else
			assert_string_equal(content.text, table[i].text);
	}
}

static void a_poll_shows_its_options_up_to_a_hundred(void **state)
{
	struct fake *fake = *state;
	struct content_from from = from_bob();
	struct content content;
	Wa__Message *m = NEW(fake, Message, message);
	const json_t *shown = NULL;

	assert_string_equal(describe(fake, &from, question, &content),
		quoted(fake, "{'poll':{'options':['option 0','option 1'],"
			     "'selectable':1}}"));
	assert_int_equal(content.kind, MESSAGE_POLL);
	assert_string_equal(content.text, "Lunch?");
	content = (struct content){ 0 };
	m->poll_creation_message = poll_new(fake, 500);
	assert_true(content_describe(&fake->lane, &from, m, &content));
	shown = json_object_get(
		json_object_get(content.json, "poll"), "options");
	assert_int_equal(json_array_size(shown), 100);
	content_fini(&content);
}

static void what_holds_nothing_shows_nothing(void **state)
{
	static build_fn *const table[] = { empty, empty_text, key_only };
	struct fake *fake = *state;
	struct content_from from = from_bob();
	struct content content;

	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		assert_null(describe(fake, &from, table[i], &content));
}

static void a_blob_is_described_for_the_one_who_fetches_it(void **state)
{
	struct fake *fake = *state;
	struct content_from from = from_bob();
	struct content content;

	describe(fake, &from, document_captioned, &content);
	assert_true(content.has_media);
	assert_int_equal(content.media.kind, MEDIA_DOCUMENT);
	assert_int_equal(content.media.ref.type, WA_MEDIA_DOCUMENT);
	assert_string_equal(content.media.ref.direct_path, "/v/t62/1?ccb=11-4");
	assert_memory_equal(content.media.ref.key, key32, 32);
	assert_true(content.media.ref.has_sha256);
	assert_int_equal(content.media.ref.length, 1234);
	assert_string_equal(content.media.file_name, "bill .pdf");
	describe(fake, &from, image_gone, &content);
	assert_false(content.has_media);
	/* What an answer quotes is not fetched. */
	describe(fake, &from, answer, &content);
	assert_false(content.has_media);
}

static void a_media_row_gives_the_content_its_id(void **state)
{
	struct fake *fake = *state;
	struct content_from from = from_bob();
	struct content content = { 0 };
	Wa__Message *m = NEW(fake, Message, message);

	sticker(fake, m);
	assert_true(content_describe(&fake->lane, &from, m, &content));
	content_set_media_id(&content, "m1");
	assert_string_equal(content_render(&fake->lane, &content),
		quoted(fake, "{'media':{'id':'m1','mimeType':'image/webp',"
			     "'size':1234,'width':512,'height':512,"
			     "'status':'PENDING',"
			     "'downloadUrl':'/v1/media/m1/download'}}"));
	content_fini(&content);
}

static void a_path_that_is_no_path_is_not_fetched(void **state)
{
	static const char *const paths[] = { "", "v/t62/1", "/v/ t62",
		"/v/t62\r\nHost: evil", "//\xff" };
	struct fake *fake = *state;
	struct content_from from = from_bob();

	for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
		struct content content = { 0 };
		Wa__Message *m = NEW(fake, Message, message);

		image(fake, m);
		m->image_message->direct_path = (char *)paths[i];
		assert_true(content_describe(&fake->lane, &from, m, &content));
		assert_false(content.has_media);
		content_fini(&content);
	}
}

/* ---- whose message a key means ---- */

static void a_key_is_read_from_its_senders_side(void **state)
{
	static const struct {
		const char *chat, *sender; /* LIDs, or a group */
		bool from_me;
		const char *participant, *author; /* "" = not told */
	} table[] = {
		{ BOB_LID "@lid", BOB_LID "@lid", true, NULL, BOB_LID },
		{ BOB_LID "@lid", BOB_LID "@lid", false, NULL, OWN_LID },
		{ BOB_LID "@lid", OWN_LID "@lid", true, NULL, OWN_LID },
		{ BOB_LID "@lid", OWN_LID "@lid", false, NULL, BOB_LID },
		{ GROUP_JID, BOB_LID "@lid", true, NULL, BOB_LID },
		{ GROUP_JID, BOB_LID "@lid", true, EVE_LID "@lid", BOB_LID },
		{ GROUP_JID, BOB_LID "@lid", false, EVE_LID "@lid", EVE_LID },
		{ GROUP_JID, BOB_LID "@lid", false, NULL, "" },
		{ GROUP_JID, BOB_LID "@lid", false, GROUP_JID, "" },
	};
	struct fake *fake = *state;

	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct content_from from = { 0 };
		struct content_target target;
		Wa__MessageKey *key = key_new(
			fake, "A1", table[i].from_me, table[i].participant);

		wa_jid_parse(table[i].chat, strlen(table[i].chat), &from.chat);
		wa_jid_parse(
			table[i].sender, strlen(table[i].sender), &from.sender);
		from.is_own = lane_is_self(&fake->lane, &from.sender);
		assert_true(content_target(&fake->lane, &from, key, &target));
		assert_string_equal(target.author.user, table[i].author);
		assert_int_equal(
			target.is_ours, strcmp(table[i].author, OWN_LID) == 0);
	}
}

static void a_key_without_a_plain_id_means_nothing(void **state)
{
	struct fake *fake = *state;
	struct content_from from = from_bob();
	struct content_target target;
	char longer[CONTENT_ID_MAX + 2];
	const char *const ids[] = { NULL, "", "a b", "a\n", "\xff", longer };

	memset(longer, 'A', sizeof longer - 1);
	longer[sizeof longer - 1] = '\0';
	assert_false(content_target(&fake->lane, &from, NULL, &target));
	for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
		Wa__MessageKey *key = key_new(fake, ids[i], true, NULL);

		assert_false(content_target(&fake->lane, &from, key, &target));
	}
}

/* ---- bounds ---- */

static char *letters(struct fake *fake, size_t n)
{
	char *out = arena_alloc(fake->arena, n + 1);

	memset(out, 'x', n);
	return out;
}

static void hostile_sizes_are_cut(void **state)
{
	struct fake *fake = *state;
	struct content_from from = from_bob();
	struct content content = { 0 };
	Wa__Message *m = NEW(fake, Message, message);
	Wa__ContactsArrayMessage *a =
		NEW(fake, ContactsArrayMessage, contacts_array_message);
	const json_t *list = NULL;

	/* A thousand cards of 1000 bytes: a hundred are shown. */
	a->n_contacts = 1000;
	a->contacts = arena_alloc(fake->arena, 1000 * sizeof *a->contacts);
	for (size_t i = 0; i < 1000; i++) {
		a->contacts[i] = card(fake, letters(fake, 5000));
		a->contacts[i]->vcard = letters(fake, 1000);
	}
	m->contacts_array_message = a;
	assert_true(content_describe(&fake->lane, &from, m, &content));
	list = json_object_get(content.json, "contacts");
	assert_int_equal(json_array_size(list), 100);
	assert_true(strlen(content_render(&fake->lane, &content)) < 150000);
	content_fini(&content);
}

static void mentions_are_cut_at_a_thousand(void **state)
{
	struct fake *fake = *state;
	struct content_from from = from_bob();
	struct content content = { 0 };
	Wa__Message *m = NEW(fake, Message, message);
	Wa__ContextInfo *c = extended_new(fake, m)->context_info;

	c->n_mentioned_jid = 1500;
	c->mentioned_jid =
		arena_alloc(fake->arena, 1500 * sizeof *c->mentioned_jid);
	for (size_t i = 0; i < 1500; i++)
		c->mentioned_jid[i] =
			arena_printf(fake->arena, "%zu@lid", i + 1);
	assert_true(content_describe(&fake->lane, &from, m, &content));
	assert_int_equal(
		json_array_size(json_object_get(content.json, "mentions")),
		1000);
	content_fini(&content);
}

static void wrappers_are_opened_eight_deep(void **state)
{
	struct fake *fake = *state;
	struct content_from from = from_bob();
	Wa__Message *m = NEW(fake, Message, message);

	m->conversation = (char *)"deep";
	for (int depth = 1; depth <= 9; depth++) {
		Wa__FutureProofMessage *wrapper =
			NEW(fake, FutureProofMessage, future_proof_message);
		struct content content = { 0 };

		wrapper->message = m;
		m = NEW(fake, Message, message);
		m->ephemeral_message = wrapper;
		assert_int_equal(
			content_describe(&fake->lane, &from, m, &content),
			depth <= 8);
		content_fini(&content);
	}
}

static void broken_text_is_mended(void **state)
{
	struct fake *fake = *state;
	static const struct {
		const char *in, *out;
	} cases[] = {
		{ "plain", "plain" },
		{ "gr\xc3\xbc\xc3\x9f", "gr\xc3\xbc\xc3\x9f" },
		{ "a\xff"
		  "b",
			"a\xef\xbf\xbd"
			"b" },
		{ "cut \xe2\x82", "cut \xef\xbf\xbd\xef\xbf\xbd" },
		{ "over \xc0\xaf", "over \xef\xbf\xbd\xef\xbf\xbd" },
		{ "surrogate \xed\xa0\x80",
			"surrogate \xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" },
		{ "bell \a line\n", "bell  line\n" },
		{ "\xf0\x9f\x98\x80", "\xf0\x9f\x98\x80" },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_string_equal(
			content_clean(fake->arena, cases[i].in), cases[i].out);
}

static void text_is_cut_between_characters(void **state)
{
	struct fake *fake = *state;
	static const struct {
		size_t max;
		const char *out;
	} cases[] = {
		{ 0, "" },
		{ 1, "a" },
		{ 2, "a" },
		{ 3, "a\xc3\xbc" },
		{ 6, "a\xc3\xbc" },
		{ 7, "a\xc3\xbc\xf0\x9f\x98\x80" },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_string_equal(
			content_clean_cut(fake->arena,
				"a\xc3\xbc\xf0\x9f\x98\x80", cases[i].max),
			cases[i].out);
}

/* Bob's number is known, and a person without one is not a phone. */
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
		TEST(each_kind_shows_what_it_holds),
		TEST(a_poll_shows_its_options_up_to_a_hundred),
		TEST(what_holds_nothing_shows_nothing),
		TEST(a_blob_is_described_for_the_one_who_fetches_it),
		TEST(a_media_row_gives_the_content_its_id),
		TEST(a_path_that_is_no_path_is_not_fetched),
		TEST(a_key_is_read_from_its_senders_side),
		TEST(a_key_without_a_plain_id_means_nothing),
		TEST(hostile_sizes_are_cut),
		TEST(mentions_are_cut_at_a_thousand),
		TEST(wrappers_are_opened_eight_deep),
		TEST(broken_text_is_mended),
		TEST(text_is_cut_between_characters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
