/* What virtual phones send and show: every kind goes from the control API of
 * one phone to the inbox of the other. */
#include "api.h"
#include "laptop.h"

#include "common/wa/media.h"
#include "sandboxd/media.h"

#define ALICE "15550001111"
#define BOB "15550002222"
#define CAROL "15550003333"

static struct account *alice, *bob;
static char sent_id[64]; /* of a text from Alice to Bob that both have */

static int open_phones(void **state)
{
	net_open(state);
	alice = net_account(ALICE);
	bob = net_account(BOB);
	net_account(CAROL);
	snprintf(sent_id, sizeof(sent_id), "%s",
		api_send(ALICE, "{'to':'" BOB "','text':'the first'}"));
	return 0;
}

static struct phone *phone_of(struct account *account)
{
	return account->devices->phone;
}

/* ---- every kind ---- */

/* "@" in a body stands for the first message's id; so in what is expected. */
static char *with_id(const char *text)
{
	struct buf out = BUF_INIT;
	char *result;

	for (; *text != '\0'; text++) {
		if (*text == '@' && text[1] == '@') {
			buf_add_str(&out, sent_id);
			text++;
		} else {
			buf_add_byte(&out, (uint8_t)*text);
		}
	}
	result = xstrdup(buf_cstr(&out));
	buf_fini(&out);
	return result;
}

static const struct {
	const char *body;		       /* beside "to" */
	const char *inbox;		       /* what Bob's entry holds */
	const char *stanza, *mediatype, *edit; /* as a companion sees it */
	bool hide;
} kinds[] = {
	{ "'text':'plain'", "{'type':'text','text':'plain'}", "text", NULL,
		NULL, false },
	{ "'text':'see','preview':{'url':'https://x.y','title':'X'}",
		"{'type':'text','text':'see','preview':{'url':'https://x.y',"
		"'title':'X','hasThumbnail':false}}",
		"media", "url", NULL, false },
	{ "'text':'re','quoted':'@@'",
		"{'text':'re','quoted':{'id':'@@','author':'" ALICE
		"','type':'text','text':'the first'}}",
		"text", NULL, NULL, false },
	{ "'text':'re','quoted':{'id':'UNKNOWN','author':'" CAROL
	  "','text':'said'}",
		"{'quoted':{'id':'UNKNOWN','author':'" CAROL
		"','text':'said'}}",
		"text", NULL, NULL, false },
	{ "'text':'@x','mentions':['" CAROL "'],'forwarded':true",
		"{'mentions':['" CAROL
		"'],'forwarded':true,'forwardingScore':1}",
		"text", NULL, NULL, false },
	{ "'text':'gone soon','expiration':86400",
		"{'text':'gone soon','expiration':86400}", "text", NULL, NULL,
		false },
	{ "'kind':'image','mediaBytes':70000,'caption':'look','width':640,"
	  "'height':480,'thumbnail':'/9j/'",
		"{'type':'image','text':'look','media':{'mimetype':"
		"'image/jpeg','size':70000,'width':640,'height':480,"
		"'hasThumbnail':true}}",
		"media", "image", NULL, false },
	{ "'kind':'video','media':'AAAA','seconds':7,'gif':true",
		"{'type':'video','media':{'mimetype':'video/mp4','seconds':7,"
		"'gif':true,'size':3}}",
		"media", "gif", NULL, false },
	{ "'kind':'video','mediaBytes':16", "{'type':'video'}", "media",
		"video", NULL, false },
	{ "'kind':'audio','mediaBytes':15,'seconds':3",
		"{'type':'audio','media':{'mimetype':'audio/mpeg','size':15,"
		"'seconds':3}}",
		"media", "audio", NULL, false },
	{ "'kind':'voice','mediaBytes':17,'seconds':2",
		"{'type':'voice','media':{'mimetype':'audio/ogg; codecs=opus',"
		"'size':17}}",
		"media", "ptt", NULL, false },
	{ "'kind':'document','mediaBytes':1,'fileName':'a.pdf','caption':"
	  "'read','mimetype':'application/pdf','pages':3",
		"{'type':'document','text':'read','media':{'fileName':'a.pdf',"
		"'mimetype':'application/pdf','pages':3,'size':1}}",
		"media", "document", NULL, false },
	{ "'kind':'sticker','mediaBytes':99,'gif':true",
		"{'type':'sticker','media':{'mimetype':'image/webp',"
		"'animated':true,'size':99}}",
		"media", "sticker", NULL, false },
	{ "'kind':'image','mediaBytes':9,'viewOnce':true",
		"{'type':'image','viewOnce':true,'media':{'size':9}}", "media",
		"image", NULL, false },
	{ "'kind':'location','latitude':-3.5,'longitude':2,'name':'here',"
	  "'address':'1 Road'",
		"{'type':'location','location':{'latitude':-3.5,'longitude':"
		"2.0,'name':'here','address':'1 Road'}}",
		"text", NULL, NULL, false },
	{ "'kind':'contact','name':'Carol','vcard':'BEGIN:VCARD'",
		"{'type':'contact','contact':{'name':'Carol','vcard':"
		"'BEGIN:VCARD'}}",
		"media", "vcard", NULL, false },
	{ "'kind':'poll','text':'Lunch?','options':['Yes','No'],"
	  "'selectable':0",
		"{'type':'poll','text':'Lunch?','poll':{'name':'Lunch?',"
		"'options':['Yes','No'],'selectable':0}}",
		"poll", NULL, NULL, false },
	{ "'kind':'reaction','target':'@@','emoji':'!'",
		"{'type':'reaction','text':'!','reaction':{'text':'!','target':"
		"{'id':'@@','fromMe':true,'author':'" ALICE "'}}}",
		"reaction", NULL, NULL, true },
	{ "'kind':'reaction','target':'@@','emoji':''",
		"{'type':'reaction','reaction':{'text':''}}", "reaction", NULL,
		"7", true },
	{ "'kind':'edit','target':'@@','text':'better'",
		"{'type':'edit','text':'better','edit':{'text':'better',"
		"'target':{'id':'@@','author':'" ALICE "'}}}",
		"text", NULL, "1", true },
	{ "'kind':'revoke','target':'@@'",
		"{'type':'revoke','revoke':{'id':'@@','author':'" ALICE "'}}",
		"text", NULL, "7", false },
	{ "'kind':'unknown'", "{'type':'unknown','fields':[1999]}", "text",
		NULL, NULL, false },
	/* conversation "hi" */
	{ "'kind':'raw','raw':'CgJoaQ=='", "{'type':'text','text':'hi'}",
		"text", NULL, NULL, false },
};

static void every_kind_arrives_as_what_it_is(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		char *body = with_id(kinds[i].body);
		char *expected = with_id(kinds[i].inbox);
		char *request = xasprintf("{'to':'" BOB "',%s}", body);
		json_t *entry;

		api_send(ALICE, request);
		entry = api_last(BOB, "inbox");
		assert_holds(entry, expected);
		json_decref(entry);
		entry = api_last(ALICE, "outbox");
		assert_holds(entry, expected);
		assert_holds(entry, "{'status':'delivered'}");
		json_decref(entry);
		free(request);
		free(expected);
		free(body);
	}
}

static void the_stanza_tells_what_kind_it_carries(void **state)
{
	(void)state;
	laptop_link(bob);
	net_connect(laptop);
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		char *body = with_id(kinds[i].body);
		char *request = xasprintf("{'to':'" BOB "',%s}", body);
		const struct wa_node *message, *enc;

		net_forget_sent();
		api_send(ALICE, request);
		message = laptop_last("message");
		enc = wa_node_child(message, "enc");
		assert_attr(message, "type", kinds[i].stanza);
		if (kinds[i].edit != NULL)
			assert_attr(message, "edit", kinds[i].edit);
		else
			assert_no_attr(message, "edit");
		if (kinds[i].mediatype != NULL)
			assert_attr(enc, "mediatype", kinds[i].mediatype);
		else
			assert_no_attr(enc, "mediatype");
		if (kinds[i].hide)
			assert_attr(enc, "decrypt-fail", "hide");
		else
			assert_no_attr(enc, "decrypt-fail");
		free(request);
		free(body);
	}
	phone_store_fini(&keys);
}

static void a_poll_says_so_in_its_stanza(void **state)
{
	(void)state;
	laptop_link(bob);
	net_connect(laptop);
	api_send(ALICE, "{'to':'" BOB "','kind':'poll','text':'?','options':"
			"['a','b']}");
	assert_attr(wa_node_child(laptop_last("message"), "meta"), "polltype",
		"creation");
	phone_store_fini(&keys);
}

/* ---- votes ---- */

static void a_vote_is_read_by_who_made_the_poll(void **state)
{
	char *body;
	json_t *entry;

	(void)state;
	snprintf(sent_id, sizeof(sent_id), "%s",
		api_send(ALICE, "{'to':'" BOB "','kind':'poll','text':'?',"
				"'options':['one','two','three'],"
				"'selectable':0}"));
	body = with_id("{'to':'" ALICE "','kind':'vote','target':'@@',"
		       "'vote':['three','one']}");
	api_send(BOB, body);
	entry = api_last(ALICE, "inbox");
	free(body);
	body = with_id("{'type':'vote','vote':{'poll':'@@','options':['one',"
		       "'three']}}");
	assert_holds(entry, body);
	json_decref(entry);
	free(body);
	body = with_id("{'to':'" ALICE "','kind':'vote','target':'@@',"
		       "'vote':[]}");
	api_send(BOB, body);
	entry = api_last(ALICE, "inbox");
	assert_holds(entry, "{'vote':{'options':[]}}");
	json_decref(entry);
	free(body);
}

static void only_options_of_the_poll_can_be_chosen(void **state)
{
	char *body;

	(void)state;
	snprintf(sent_id, sizeof(sent_id), "%s",
		api_send(ALICE, "{'to':'" BOB "','kind':'poll','text':'?',"
				"'options':['one','two']}"));
	body = with_id("{'to':'" ALICE "','kind':'vote','target':'@@',"
		       "'vote':['four']}");
	json_decref(api_try("POST", "/phones/" BOB "/send", body));
	assert_int_equal(api_status, 400);
	free(body);
}

/* messages.md 13: the poll of 900001@lid, the vote of 900002@lid. */
static void a_vote_of_another_client_is_decrypted(void **state)
{
	static const char sealed[] = "a2da03e48b0faf9fe122c31d44bb7e1a381390cfd"
				     "a0d4e9161bcf7764296549d"
				     "b6a3b5734f4792ef9fa5d634c5561f4d8f70";
	const char *id = "3EB0000102030405060708";
	struct phone_context context = { .author = bob };
	Wa__PollUpdateMessage update = WA__POLL_UPDATE_MESSAGE__INIT;
	Wa__PollCreationMessage poll = WA__POLL_CREATION_MESSAGE__INIT;
	Wa__MessageContextInfo info = WA__MESSAGE_CONTEXT_INFO__INIT;
	Wa__PollOption yes = WA__POLL_OPTION__INIT, *options[] = { &yes };
	Wa__PollEncValue vote = WA__POLL_ENC_VALUE__INIT;
	Wa__MessageKey key = WA__MESSAGE_KEY__INIT;
	Wa__Message message = WA__MESSAGE__INIT;
	uint8_t secret[32], payload[64], iv[12];
	struct wa_jid own = wa_jid_lid("900001", 0);
	struct box_entry *entry;
	json_t *read;
	size_t n;

	(void)state;
	snprintf(alice->lid, sizeof(alice->lid), "900001");
	snprintf(bob->lid, sizeof(bob->lid), "900002");
	memset(secret, 1, sizeof(secret));
	memset(iv, 2, sizeof(iv));
	yes.option_name = (char *)"Yes";
	poll.n_options = 1;
	poll.options = options;
	info.has_message_secret = true;
	info.message_secret = (ProtobufCBinaryData){ 32, secret };
	message.poll_creation_message = &poll;
	message.message_context_info = &info;
	entry = box_entry_new(id, &own, 0, "poll", NULL, 0);
	n = wa__message__get_packed_size(&message);
	wa__message__pack(&message, buf_reserve(&entry->message, n));
	entry->message.len = n;
	box_add(&phone_of(alice)->outbox, entry, box_key(&own, 0, id));
	key.id = (char *)id;
	update.poll_creation_message_key = &key;
	update.vote = &vote;
	vote.enc_payload.data = payload;
	for (size_t i = 0; i < strlen(sealed) / 2; i++)
		sscanf(sealed + 2 * i, "%2hhx", &payload[i]);
	vote.enc_payload.len = strlen(sealed) / 2;
	vote.enc_iv = (ProtobufCBinaryData){ sizeof(iv), iv };
	read = phone_vote_read(phone_of(alice), &context, &update);
	assert_holds(read, "{'options':['Yes']}");
	json_decref(read);
	payload[3] ^= 1;
	read = phone_vote_read(phone_of(alice), &context, &update);
	assert_holds(read, "{'voteError':'cannot be decrypted'}");
	json_decref(read);
}

/* ---- view once ---- */

static void what_only_the_phone_may_show_is_a_placeholder_elsewhere(
	void **state)
{
	struct wa_jid from = wa_jid_lid(alice->lid, 0);
	struct wa_node *receipt;
	const struct wa_node *message;
	const char *id;

	(void)state;
	laptop_link(bob);
	net_connect(laptop);
	id = api_send(ALICE, "{'to':'" BOB "','kind':'image','mediaBytes':5,"
			     "'viewOnce':'phone'}");
	message = laptop_last("message");
	assert_attr(message, "id", id);
	assert_jid(message, "from", from);
	assert_jid(message, "sender_pn", wa_jid_pn(alice->pn, 0));
	assert_null(wa_node_child(message, "enc"));
	assert_attr(wa_node_child(message, "unavailable"), "type", "view_once");
	assert_string_equal(box_at(&phone_of(bob)->inbox, 2)->type, "image");
	/* Asking for it does not help. */
	net_forget_sent();
	receipt = net_stanza("receipt", id, &from);
	wa_node_set(receipt, "type", "retry");
	wa_node_set(wa_node_add(receipt, "retry"), "count", "1");
	route_receipt(&net.sandbox, laptop, receipt);
	assert_int_equal(net_count(laptop, "message"), 0);
	phone_store_fini(&keys);
}

/* ---- media ---- */

static const char *image_to_bob(void)
{
	return api_send(
		ALICE, "{'to':'" BOB "','kind':'image','mediaBytes':1000}");
}

static void the_file_that_arrives_is_the_one_that_was_sent(void **state)
{
	uint8_t file[300], hash[32];
	char body[600], base64[500], expected[128], hex[65];
	json_t *entry;

	(void)state;
	for (size_t i = 0; i < sizeof(file); i++)
		file[i] = (uint8_t)(i * 7);
	wa_base64(file, sizeof(file), base64, sizeof(base64));
	snprintf(body, sizeof(body),
		"{'to':'" BOB "','kind':'document','media':'%s'}", base64);
	api_send(ALICE, body);
	wa_sha256(file, sizeof(file), hash);
	for (size_t i = 0; i < sizeof(hash); i++)
		sprintf(hex + 2 * i, "%02x", hash[i]);
	snprintf(expected, sizeof(expected),
		"{'media':{'size':300,'sha256':'%s'}}", hex);
	entry = api_last(BOB, "inbox");
	assert_holds(entry, expected);
	json_decref(entry);
}

static Wa__ImageMessage *last_image(Wa__Message **message_out)
{
	struct box *outbox = &phone_of(alice)->outbox;
	const struct box_entry *entry = box_at(outbox, outbox->next_seq - 1);

	*message_out =
		phone_message_parse(entry->message.data, entry->message.len);
	assert_non_null(*message_out);
	return (*message_out)->image_message;
}

/* Sends Alice's last message again with something changed in it. */
static void send_altered(Wa__Message *message)
{
	uint8_t packed[2048];
	char base64[4096], body[5000];
	size_t n = wa__message__pack(message, packed);

	wa_base64(packed, n, base64, sizeof(base64));
	snprintf(body, sizeof(body), "{'to':'" BOB "','kind':'raw','raw':'%s'}",
		base64);
	api_send(ALICE, body);
}

static void damaged_media_is_shown_as_an_error(void **state)
{
	static const struct {
		size_t offset;
		const char *what;
	} defects[] = {
		{ offsetof(Wa__ImageMessage, media_key), "key" },
		{ offsetof(Wa__ImageMessage, file_sha256), "hash" },
		{ offsetof(Wa__ImageMessage, file_enc_sha256), "blob's hash" },
	};

	(void)state;
	image_to_bob();
	for (size_t i = 0; i < ARRAY_LEN(defects); i++) {
		Wa__Message *message;
		Wa__ImageMessage *image = last_image(&message);
		ProtobufCBinaryData *bytes =
			(ProtobufCBinaryData *)((char *)image +
						defects[i].offset);
		json_t *entry;

		bytes->data[0] ^= 1;
		send_altered(message);
		entry = api_last(BOB, "inbox");
		assert_string_equal(
			json_string_value(json_object_get(entry, "type")),
			"image");
		if (json_object_get(json_object_get(entry, "media"),
			    "mediaError") == NULL)
			fail_msg("wrong %s was not seen", defects[i].what);
		json_decref(entry);
		bytes->data[0] ^= 1;
		wa__message__free_unpacked(message, NULL);
		image_to_bob();
	}
}

static void media_that_is_not_on_the_host_is_shown_as_an_error(void **state)
{
	Wa__Message *message;
	Wa__ImageMessage *image;
	char gone[] = "/v/t62/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA?x=1";
	json_t *entry;
	char *path;

	(void)state;
	image_to_bob();
	image = last_image(&message);
	path = image->direct_path;
	image->direct_path = gone;
	send_altered(message);
	image->direct_path = path;
	entry = api_last(BOB, "inbox");
	assert_holds(entry, "{'media':{'mediaError':'no such media'}}");
	json_decref(entry);
	wa__message__free_unpacked(message, NULL);
}

static void a_waveform_is_64_loudnesses(void **state)
{
	json_t *entry, *wave;

	(void)state;
	api_send(ALICE, "{'to':'" BOB "','kind':'voice','mediaBytes':5}");
	entry = api_last(BOB, "inbox");
	wave = json_object_get(json_object_get(entry, "media"), "waveform");
	assert_int_equal(json_array_size(wave), 64);
	for (size_t i = 0; i < json_array_size(wave); i++)
		assert_in_range(
			json_integer_value(json_array_get(wave, i)), 0, 100);
	json_decref(entry);
}

/* ---- refusals ---- */

static void an_order_that_makes_no_sense_is_refused(void **state)
{
	static const struct {
		const char *body;
		int status;
	} orders[] = {
		{ "{'text':'to nobody'}", 400 },
		{ "{'to':'" BOB "','status':['" BOB "'],'text':'two'}", 400 },
		{ "{'to':'" BOB "'}", 400 },
		{ "{'to':'" BOB "','text':''}", 400 },
		{ "{'to':'" BOB "','kind':'smell','text':'x'}", 400 },
		{ "{'to':'" BOB "','kind':'image'}", 400 },
		{ "{'to':'" BOB "','kind':'image','media':'***'}", 400 },
		{ "{'to':'" BOB "','kind':'image','mediaBytes':0}", 400 },
		{ "{'to':'" BOB "','kind':'poll','text':'?','options':['a']}",
			400 },
		{ "{'to':'" BOB "','kind':'location','latitude':91,"
		  "'longitude':0}",
			400 },
		{ "{'to':'" BOB "','kind':'location','latitude':9}", 400 },
		{ "{'to':'" BOB "','kind':'reaction','emoji':'x'}", 400 },
		{ "{'to':'" BOB
		  "','kind':'reaction','target':'NONE','emoji':'x'}",
			404 },
		{ "{'to':'" BOB "','kind':'raw','raw':'CgX/'}", 400 },
		{ "{'to':'" BOB "','text':'x','mentions':['15559999999']}",
			404 },
		{ "{'to':'15559999999','text':'x'}", 404 },
		{ "{'group':'120363000000000000@g.us','text':'x'}", 404 },
		{ "{'status':['" BOB "'],'kind':'image','mediaBytes':1,"
		  "'viewOnce':'phone'}",
			400 },
		{ "{'to':'" BOB "','text':'x','background':'red'}", 400 },
		{ "{'to':'" BOB "','text':'x','smell':1}", 400 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(orders); i++) {
		json_decref(api_try(
			"POST", "/phones/" ALICE "/send", orders[i].body));
		if (api_status != orders[i].status)
			fail_msg("%s: %d", orders[i].body, api_status);
	}
	assert_int_equal(phone_of(bob)->inbox.n, 1);
}

static void a_status_text_has_colour_and_font(void **state)
{
	json_t *entry;

	(void)state;
	api_send(ALICE, "{'status':['" BOB "'],'text':'hello world',"
			"'background':'#FF102030','font':2}");
	entry = api_last(BOB, "inbox");
	assert_holds(entry, "{'chat':'status@broadcast','author':'" ALICE
			    "','text':'hello world','background':'#FF102030',"
			    "'font':2}");
	json_decref(entry);
}

static void who_types_is_shown_by_the_phone_that_hears_it(void **state)
{
	json_t *phone;

	(void)state;
	api_do("POST", "/phones/" ALICE "/typing",
		"{'to':'" BOB "','state':'recording'}");
	phone = api("GET", "/phones/" BOB, NULL);
	assert_holds(json_array_get(json_object_get(phone, "typing"), 0),
		"{'from':'" ALICE "','state':'recording'}");
	json_decref(phone);
}

static void a_phone_in_use_is_seen_as_available(void **state)
{
	struct wa_jid watched = wa_jid_lid(alice->lid, 0);
	struct wa_node *subscribe = net_stanza("presence", NULL, &watched);

	(void)state;
	laptop_link(bob);
	net_connect(laptop);
	wa_node_set(subscribe, "type", "subscribe");
	route_presence(&net.sandbox, laptop, subscribe);
	assert_attr(laptop_last("presence"), "type", "unavailable");
	api_do("POST", "/phones/" ALICE "/presence", "{'available':true}");
	assert_no_attr(laptop_last("presence"), "type");
	api_do("POST", "/phones/" ALICE "/presence", "{'available':false}");
	assert_attr(laptop_last("presence"), "type", "unavailable");
	phone_store_fini(&keys);
}

static void a_typing_phone_is_seen_by_open_apps(void **state)
{
	const struct wa_node *seen;

	(void)state;
	laptop_link(bob);
	net_connect(laptop);
	laptop->available = true;
	api_do("POST", "/phones/" ALICE "/typing",
		"{'to':'" BOB "','state':'recording'}");
	seen = laptop_last("chatstate");
	assert_jid(seen, "from", wa_jid_lid(alice->lid, 0));
	assert_attr(wa_node_child(seen, "composing"), "media", "audio");
	api_do("POST", "/phones/" ALICE "/typing",
		"{'to':'" BOB "','state':'paused'}");
	assert_non_null(wa_node_child(laptop_last("chatstate"), "paused"));
	phone_store_fini(&keys);
}

#define on_phones(test) \
	cmocka_unit_test_setup_teardown(test, open_phones, net_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		on_phones(every_kind_arrives_as_what_it_is),
		on_phones(the_stanza_tells_what_kind_it_carries),
		on_phones(a_poll_says_so_in_its_stanza),
		on_phones(a_vote_is_read_by_who_made_the_poll),
		on_phones(only_options_of_the_poll_can_be_chosen),
		on_phones(a_vote_of_another_client_is_decrypted),
		on_phones(
			what_only_the_phone_may_show_is_a_placeholder_elsewhere),
		on_phones(the_file_that_arrives_is_the_one_that_was_sent),
		on_phones(damaged_media_is_shown_as_an_error),
		on_phones(media_that_is_not_on_the_host_is_shown_as_an_error),
		on_phones(a_waveform_is_64_loudnesses),
		on_phones(an_order_that_makes_no_sense_is_refused),
		on_phones(a_status_text_has_colour_and_font),
		on_phones(who_types_is_shown_by_the_phone_that_hears_it),
		on_phones(a_phone_in_use_is_seen_as_available),
		on_phones(a_typing_phone_is_seen_by_open_apps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
