#include "common/eventlog.h"

#include <jansson.h>

#include "common/bus.h"
#include "tests/unit/store_fixture.h"

/* @payload against single-quoted @expected, without regard to order. */
static void assert_json(const char *payload, const char *expected)
{
	scoped(str_free) char *quoted = xstrdup(expected);
	json_t *a, *b;

	for (char *at = quoted; *at != '\0'; at++)
		if (*at == '\'')
			*at = '"';
	a = json_loads(payload, JSON_REJECT_DUPLICATES, NULL);
	b = json_loads(quoted, 0, NULL);
	assert_non_null(a);
	assert_non_null(b);
	if (!json_equal(a, b))
		print_error("%s\n", payload);
	assert_true(json_equal(a, b));
	json_decref(a);
	json_decref(b);
}

static Bus__Envelope *log_for(
	struct fixture *f, struct message *message, const char *contact_id)
{
	Bus__Envelope *envelope = NULL;
	struct tx *tx = begin(f);

	message->account_id = f->account_id;
	message->device_id = f->device_id;
	assert_int_equal(eventlog_message(tx, message, contact_id,
				 "dev_abcdefgh", &envelope, &f->err),
		0);
	commit(f, tx);
	return envelope;
}

static Bus__Envelope *log_message(struct fixture *f, struct message *message)
{
	return log_for(f, message, NULL);
}

static void a_sent_message_says_to_whom(void **state)
{
	struct fixture *f = *state;
	struct message message = { .public_id = "uuid-1",
		.wa_id = "3EB0AA",
		.direction = MESSAGE_OUT,
		.chat = "15550002222@s.whatsapp.net",
		.phone = "15550002222",
		.text = "He said \"hi\"",
		.kind = MESSAGE_TEXT,
		.status = MESSAGE_SENT,
		.created_ms = NOW_MS,
		.sent_ms = NOW_MS + 1 };
	Bus__Envelope *envelope = log_message(f, &message);

	assert_string_equal(envelope->event->type, "message.sent");
	assert_int_equal(envelope->event->chat_kind, EVENT_CHAT_PERSONAL);
	assert_json(envelope->event->payload,
		"{'messageId':'uuid-1','providerMessageId':'3EB0AA',"
		"'deviceUid':'dev_abcdefgh','direction':'OUTBOUND',"
		"'chat':'15550002222@s.whatsapp.net','to':'+15550002222',"
		"'phone':'+15550002222','messageType':'TEXT',"
		"'text':'He said \\\"hi\\\"','status':'SENT',"
		"'timestamp':'2026-05-23T12:34:56.790Z','isGroup':false}");
	bus_envelope_free(&envelope);
}

static void a_group_message_says_who_wrote_it(void **state)
{
	struct fixture *f = *state;
	struct message message = { .public_id = "uuid-1",
		.wa_id = "AC12",
		.direction = MESSAGE_IN,
		.chat = "120363000000000001@g.us",
		.sender = "900002@lid",
		.lid = "900002",
		.push_name = "Bob",
		.text = "hi all",
		.kind = MESSAGE_TEXT,
		.status = MESSAGE_RECEIVED,
		.created_ms = NOW_MS,
		.wa_ms = NOW_MS - 789 };
	Bus__Envelope *envelope = log_message(f, &message);

	assert_string_equal(envelope->event->type, "message.received");
	assert_int_equal(envelope->event->chat_kind, EVENT_CHAT_GROUP);
	assert_json(envelope->event->payload,
		"{'messageId':'uuid-1','providerMessageId':'AC12',"
		"'deviceUid':'dev_abcdefgh','direction':'INBOUND',"
		"'chat':'120363000000000001@g.us','from':'900002@lid',"
		"'lid':'900002','pushName':'Bob','messageType':'TEXT',"
		"'text':'hi all','status':'RECEIVED',"
		"'timestamp':'2026-05-23T12:34:56.000Z','isGroup':true}");
	bus_envelope_free(&envelope);
}

static void a_known_phone_stands_for_the_sender(void **state)
{
	struct fixture *f = *state;
	struct message message = { .public_id = "u",
		.wa_id = "A",
		.direction = MESSAGE_IN,
		.chat = "900002@lid",
		.sender = "900002@lid",
		.phone = "15550002222",
		.lid = "900002",
		.kind = MESSAGE_OTHER,
		.status = MESSAGE_RECEIVED,
		.wa_ms = NOW_MS };
	Bus__Envelope *envelope = log_message(f, &message);

	assert_json(envelope->event->payload,
		"{'messageId':'u','providerMessageId':'A',"
		"'deviceUid':'dev_abcdefgh','direction':'INBOUND',"
		"'chat':'900002@lid','from':'+15550002222',"
		"'phone':'+15550002222','lid':'900002',"
		"'messageType':'OTHER','status':'RECEIVED',"
		"'timestamp':'2026-05-23T12:34:56.789Z','isGroup':false}");
	bus_envelope_free(&envelope);
}

static void a_failure_gives_its_reason(void **state)
{
	struct fixture *f = *state;
	struct message message = { .public_id = "u",
		.wa_id = "A",
		.direction = MESSAGE_OUT,
		.chat = "1@s.whatsapp.net",
		.phone = "1",
		.kind = MESSAGE_TEXT,
		.status = MESSAGE_FAILED,
		.reason = "not on WhatsApp",
		.failed_ms = NOW_MS };
	Bus__Envelope *envelope = log_message(f, &message);

	assert_string_equal(envelope->event->type, "message.failed");
	assert_non_null(strstr(
		envelope->event->payload, "\"reason\":\"not on WhatsApp\""));
	bus_envelope_free(&envelope);
}

static void each_status_has_its_event_or_none(void **state)
{
	static const struct {
		enum message_status status;
		const char *type;
	} table[] = {
		{ MESSAGE_QUEUED, NULL },
		{ MESSAGE_SENT, "message.sent" },
		{ MESSAGE_DELIVERED, "message.delivered" },
		{ MESSAGE_READ, "message.read" },
		{ MESSAGE_PLAYED, NULL },
		{ MESSAGE_FAILED, "message.failed" },
		{ MESSAGE_RECEIVED, "message.received" },
	};
	struct fixture *f = *state;
	int64_t seq = 0;

	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct message message = { .public_id = "u",
			.wa_id = "A",
			.direction = MESSAGE_OUT,
			.chat = "c",
			.kind = MESSAGE_TEXT,
			.status = table[i].status };
		Bus__Envelope *envelope = log_message(f, &message);

		if (table[i].type == NULL) {
			assert_null(envelope);
			continue;
		}
		assert_string_equal(envelope->event->type, table[i].type);
		assert_int_equal(envelope->event->device_seq, ++seq);
		bus_envelope_free(&envelope);
	}
	assert_int_equal(store_event_account_seq(f->store, f->account_id), seq);
}

static void content_media_and_contact_follow_the_older_members(void **state)
{
	struct fixture *f = *state;
	struct message message = { .public_id = "u",
		.wa_id = "A",
		.direction = MESSAGE_IN,
		.chat = "status@broadcast",
		.sender = "900002@lid",
		.lid = "900002",
		.content = "{\"media\":{\"id\":\"m\"}}",
		.media_public_id = "m",
		.kind = MESSAGE_IMAGE,
		.status = MESSAGE_RECEIVED,
		.wa_ms = NOW_MS };
	Bus__Envelope *envelope = log_for(f, &message, "c");
	const char *payload = envelope->event->payload;

	assert_int_equal(envelope->event->chat_kind, EVENT_CHAT_PERSONAL);
	assert_json(payload,
		"{'messageId':'u','providerMessageId':'A',"
		"'deviceUid':'dev_abcdefgh','direction':'INBOUND',"
		"'chat':'status@broadcast','from':'900002@lid',"
		"'lid':'900002','messageType':'IMAGE','status':'RECEIVED',"
		"'timestamp':'2026-05-23T12:34:56.789Z','isGroup':false,"
		"'isStatus':true,'contactId':'c','mediaId':'m',"
		"'content':{'media':{'id':'m'}}}");
	assert_true(strstr(payload, "isGroup") < strstr(payload, "contactId"));
	bus_envelope_free(&envelope);
}

static void an_unknown_contact_is_left_out(void **state)
{
	struct fixture *f = *state;
	struct message message = { .public_id = "u",
		.wa_id = "A",
		.direction = MESSAGE_OUT,
		.chat = "c",
		.kind = MESSAGE_TEXT,
		.status = MESSAGE_SENT };
	Bus__Envelope *envelope = log_for(f, &message, "");

	assert_null(strstr(envelope->event->payload, "contactId"));
	bus_envelope_free(&envelope);
}

static void media_is_told_when_it_is_here_or_never_will_be(void **state)
{
	static const struct {
		enum media_state state;
		const char *type, *payload;
	} table[] = {
		{ MEDIA_READY, "media.ready",
			"{'mediaId':'m','providerMessageId':'A1',"
			"'deviceUid':'dev_abcdefgh','chat':'1@g.us',"
			"'status':'READY','mimeType':'image/jpeg',"
			"'fileName':'a.jpg','size':5,"
			"'downloadUrl':'/v1/media/m/download'}" },
		{ MEDIA_GONE, "media.failed",
			"{'mediaId':'m','providerMessageId':'A1',"
			"'deviceUid':'dev_abcdefgh','chat':'1@g.us',"
			"'status':'GONE','mimeType':'image/jpeg',"
			"'fileName':'a.jpg'}" },
		{ MEDIA_FAILED, "media.failed",
			"{'mediaId':'m','providerMessageId':'A1',"
			"'deviceUid':'dev_abcdefgh','chat':'1@g.us',"
			"'status':'FAILED','mimeType':'image/jpeg',"
			"'fileName':'a.jpg'}" },
		{ MEDIA_PENDING, NULL, NULL },
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct media media = { .public_id = "m",
			.account_id = f->account_id,
			.device_id = f->device_id,
			.state = table[i].state,
			.mime = "image/jpeg",
			.file_name = "a.jpg",
			.size = 5 };
		struct media_news news = { &media, "A1", "1@g.us" };
		Bus__Envelope *envelope = NULL;
		struct tx *tx = begin(f);

		assert_int_equal(eventlog_media(tx, &news, "dev_abcdefgh",
					 &envelope, &f->err),
			0);
		commit(f, tx);
		if (table[i].type == NULL) {
			assert_null(envelope);
			continue;
		}
		assert_string_equal(envelope->event->type, table[i].type);
		assert_int_equal(envelope->event->chat_kind, EVENT_CHAT_GROUP);
		assert_json(envelope->event->payload, table[i].payload);
		bus_envelope_free(&envelope);
	}
}

static int on_event(const struct event *event, void *arg)
{
	Bus__Event *sent = arg;

	assert_string_equal(event->public_id, sent->public_id);
	assert_string_equal(event->type, sent->type);
	assert_string_equal(event->payload, sent->payload);
	assert_int_equal(event->account_id, sent->account_id);
	assert_int_equal(event->account_seq, sent->account_seq);
	assert_int_equal(event->device_id, sent->device_id);
	assert_int_equal(event->device_seq, sent->device_seq);
	assert_int_equal(event->chat, sent->chat_kind);
	assert_int_equal(event->created_ms, sent->created_ms);
	return 0;
}

static void what_travels_is_what_is_stored(void **state)
{
	struct fixture *f = *state;
	Bus__Envelope *envelope = NULL;
	struct tx *tx = begin(f);

	assert_int_equal(eventlog_session(tx, f->account_id, f->device_id,
				 "dev_abcdefgh", false, "+15550001111",
				 "logged_out", NOW_MS, &envelope, &f->err),
		0);
	commit(f, tx);
	assert_string_equal(envelope->device_uid, "dev_abcdefgh");
	assert_string_equal(envelope->event->type, "session.disconnected");
	assert_json(envelope->event->payload,
		"{'deviceUid':'dev_abcdefgh','phone':'+15550001111',"
		"'reason':'logged_out'}");
	assert_int_equal(store_event_by_id(f->store, envelope->event->event_id,
				 on_event, envelope->event, &f->err),
		0);
	bus_envelope_free(&envelope);
}

static void a_connected_session_needs_no_reason(void **state)
{
	struct fixture *f = *state;
	Bus__Envelope *envelope = NULL;
	struct tx *tx = begin(f);

	assert_int_equal(eventlog_session(tx, f->account_id, f->device_id,
				 "dev_abcdefgh", true, NULL, NULL, NOW_MS,
				 &envelope, &f->err),
		0);
	commit(f, tx);
	assert_string_equal(envelope->event->type, "session.connected");
	assert_json(envelope->event->payload, "{'deviceUid':'dev_abcdefgh'}");
	bus_envelope_free(&envelope);
}

static void the_rendered_event_wraps_its_data(void **state)
{
	scoped(str_free) char *json = eventlog_render("uuid-1", "message.read",
		NOW_MS, 42, "dev_abcdefgh", "{\"a\":1}");

	(void)state;
	assert_json(json, "{'id':'uuid-1','type':'message.read',"
			  "'timestamp':'2026-05-23T12:34:56.789Z','seq':42,"
			  "'deviceUid':'dev_abcdefgh','data':{'a':1}}");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORE_TEST(a_sent_message_says_to_whom),
		STORE_TEST(a_group_message_says_who_wrote_it),
		STORE_TEST(a_known_phone_stands_for_the_sender),
		STORE_TEST(a_failure_gives_its_reason),
		STORE_TEST(each_status_has_its_event_or_none),
		STORE_TEST(content_media_and_contact_follow_the_older_members),
		STORE_TEST(an_unknown_contact_is_left_out),
		STORE_TEST(media_is_told_when_it_is_here_or_never_will_be),
		STORE_TEST(what_travels_is_what_is_stored),
		STORE_TEST(a_connected_session_needs_no_reason),
		cmocka_unit_test(the_rendered_event_wraps_its_data),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
