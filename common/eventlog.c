/* The JSON of events, written by hand: it is made once per status change, in
 * the transaction that all devices wait for. */
#include "common/eventlog.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/clock.h"
#include "common/err.h"
#include "common/json_write.h"
#include "common/own.h"

/* ---- the envelope ---- */

Bus__Envelope *eventlog_envelope(
	const struct event *event, const char *device_uid)
{
	Bus__Envelope *envelope = xcalloc(1, sizeof(*envelope));
	Bus__Event *body = xcalloc(1, sizeof(*body));

	bus__event__init(body);
	body->event_id = event->id;
	body->public_id = xstrdup(event->public_id);
	body->account_id = event->account_id;
	body->account_seq = event->account_seq;
	body->device_id = event->device_id;
	body->device_seq = event->device_seq;
	body->chat_kind = event->chat;
	body->type = xstrdup(event->type);
	body->created_ms = event->created_ms;
	body->payload = xstrdup(event->payload);
	bus__envelope__init(envelope);
	envelope->device_uid = xstrdup(device_uid);
	envelope->body_case = BUS__ENVELOPE__BODY_EVENT;
	envelope->event = body;
	return envelope;
}

char *eventlog_render(const char *public_id, const char *type,
	int64_t created_ms, int64_t account_seq, const char *device_uid,
	const char *payload)
{
	char timestamp[CLOCK_ISO_LEN];

	/* Nothing here needs escaping: ids and names are ours, and the
	 * payload is JSON already. */
	clock_iso(created_ms, timestamp);
	return xasprintf("{\"id\":\"%s\",\"type\":\"%s\",\"timestamp\":\"%s\","
			 "\"seq\":%" PRId64
			 ",\"deviceUid\":\"%s\",\"data\":%s}",
		public_id, type, timestamp, account_seq, device_uid, payload);
}

/* Appends it and makes the envelope. */
static int event_append(struct tx *tx, struct event *event,
	const char *device_uid, Bus__Envelope **event_out, struct err *err)
{
	char public_id[UUID_LEN];

	if (store_event_append(tx, event, public_id, err) != 0)
		return -1;
	*event_out = eventlog_envelope(event, device_uid);
	return 0;
}

/* ---- messages ---- */

static const char *message_event_type(enum message_status status)
{
	switch (status) {
	case MESSAGE_SENT:
		return EVENT_MESSAGE_SENT;
	case MESSAGE_DELIVERED:
		return EVENT_MESSAGE_DELIVERED;
	case MESSAGE_READ:
		return EVENT_MESSAGE_READ;
	case MESSAGE_FAILED:
		return EVENT_MESSAGE_FAILED;
	case MESSAGE_RECEIVED:
		return EVENT_MESSAGE_RECEIVED;
	case MESSAGE_QUEUED:
	case MESSAGE_PLAYED:
		return NULL;
	}
	return NULL;
}

/* When the message reached its status. */
static int64_t message_status_ms(const struct message *m)
{
	switch (m->status) {
	case MESSAGE_SENT:
		return m->sent_ms;
	case MESSAGE_DELIVERED:
		return m->delivered_ms;
	case MESSAGE_READ:
	case MESSAGE_PLAYED:
		return m->read_ms;
	case MESSAGE_FAILED:
		return m->failed_ms;
	case MESSAGE_RECEIVED:
		return m->wa_ms;
	case MESSAGE_QUEUED:
		return m->created_ms;
	}
	return m->created_ms;
}

static bool is_group(const char *chat)
{
	const char *at = strchr(chat, '@');

	return at != NULL && strcmp(at, "@g.us") == 0;
}

static bool is_status(const char *chat)
{
	return strcmp(chat, "status@broadcast") == 0;
}

/* Which webhook is told. */
static enum event_chat chat_kind(const char *chat)
{
	return is_group(chat) ? EVENT_CHAT_GROUP : EVENT_CHAT_PERSONAL;
}

/* "+15550002222", or the JID while only that is known. */
static void add_party(struct json_writer *json, const char *key,
	const char *phone, const char *jid)
{
	char with_plus[32];

	if (phone == NULL) {
		json_write_text(json, key, jid);
		return;
	}
	snprintf(with_plus, sizeof(with_plus), "+%s", phone);
	json_write_text(json, key, with_plus);
}

/* Who it is from or to: the other party, or the group that it was sent to. */
static void add_parties(struct json_writer *json, const struct message *m)
{
	const char *jid = m->sender != NULL ? m->sender : m->chat;

	if (m->direction == MESSAGE_IN)
		add_party(json, "from", m->phone, jid);
	else
		add_party(json, "to", is_group(m->chat) ? NULL : m->phone,
			m->chat);
	add_party(json, "phone", m->phone, NULL);
	json_write_text(json, "lid", m->lid);
}

static const char *text_or_null(const char *text)
{
	return text != NULL && text[0] != '\0' ? text : NULL;
}

static void message_payload(struct buf *out, const struct message *m,
	const char *contact_id, const char *device_uid, int64_t now_ms)
{
	struct json_writer json = json_write_begin(out);
	const int64_t status_ms = message_status_ms(m);
	char timestamp[CLOCK_ISO_LEN];

	clock_iso(status_ms != 0 ? status_ms : now_ms, timestamp);
	json_write_text(&json, "messageId", m->public_id);
	json_write_text(&json, "providerMessageId", m->wa_id);
	json_write_text(&json, "deviceUid", device_uid);
	json_write_text(&json, "direction",
		m->direction == MESSAGE_IN ? "INBOUND" : "OUTBOUND");
	json_write_text(&json, "chat", m->chat);
	add_parties(&json, m);
	json_write_text(&json, "pushName", m->push_name);
	json_write_text(&json, "messageType", message_kind_name(m->kind));
	json_write_text(&json, "text", m->text);
	json_write_text(&json, "status", message_status_name(m->status));
	json_write_text(&json, "reason", m->reason);
	json_write_text(&json, "timestamp", timestamp);
	json_write_bool(&json, "isGroup", is_group(m->chat));
	if (is_status(m->chat))
		json_write_bool(&json, "isStatus", true);
	json_write_text(&json, "contactId", text_or_null(contact_id));
	json_write_text(&json, "mediaId", m->media_public_id);
	json_write_raw(&json, "content", m->content);
	json_write_end(&json);
}

int eventlog_message(struct tx *tx, const struct message *message,
	const char *contact_id, const char *device_uid,
	Bus__Envelope **event_out, struct err *err)
{
	scoped(buf_fini) struct buf payload = BUF_INIT;
	struct event event = { .account_id = message->account_id,
		.device_id = message->device_id,
		.chat = chat_kind(message->chat),
		.type = message_event_type(message->status),
		.created_ms = clock_now_ms() };

	*event_out = NULL;
	if (event.type == NULL)
		return 0;
	message_payload(
		&payload, message, contact_id, device_uid, event.created_ms);
	event.payload = buf_cstr(&payload);
	return event_append(tx, &event, device_uid, event_out, err);
}

/* ---- media ---- */

void eventlog_media_url(const char *public_id, char out[EVENTLOG_URL])
{
	snprintf(out, EVENTLOG_URL, "/v1/media/%s/download", public_id);
}

static const char *media_event_type(enum media_state state)
{
	switch (state) {
	case MEDIA_READY:
		return EVENT_MEDIA_READY;
	case MEDIA_GONE:
	case MEDIA_FAILED:
		return EVENT_MEDIA_FAILED;
	case MEDIA_PENDING:
		return NULL;
	}
	return NULL;
}

static void media_payload(
	struct buf *out, const struct media_news *news, const char *device_uid)
{
	struct json_writer json = json_write_begin(out);
	const struct media *media = news->media;
	char url[EVENTLOG_URL];

	json_write_text(&json, "mediaId", media->public_id);
	json_write_text(&json, "providerMessageId", news->wa_id);
	json_write_text(&json, "deviceUid", device_uid);
	json_write_text(&json, "chat", news->chat);
	json_write_text(&json, "status", media_state_name(media->state));
	json_write_text(&json, "mimeType", media->mime);
	json_write_text(&json, "fileName", media->file_name);
	if (media->state == MEDIA_READY) {
		eventlog_media_url(media->public_id, url);
		json_write_int(&json, "size", (int64_t)media->size);
		json_write_text(&json, "downloadUrl", url);
	}
	json_write_end(&json);
}

int eventlog_media(struct tx *tx, const struct media_news *news,
	const char *device_uid, Bus__Envelope **event_out, struct err *err)
{
	scoped(buf_fini) struct buf payload = BUF_INIT;
	struct event event = { .account_id = news->media->account_id,
		.device_id = news->media->device_id,
		.chat = chat_kind(news->chat),
		.type = media_event_type(news->media->state),
		.created_ms = clock_now_ms() };

	*event_out = NULL;
	if (event.type == NULL)
		return 0;
	media_payload(&payload, news, device_uid);
	event.payload = buf_cstr(&payload);
	return event_append(tx, &event, device_uid, event_out, err);
}

/* ---- sessions ---- */

int eventlog_session(struct tx *tx, int64_t account_id, int64_t device_id,
	const char *device_uid, bool connected, const char *phone,
	const char *reason, int64_t now_ms, Bus__Envelope **event_out,
	struct err *err)
{
	scoped(buf_fini) struct buf payload = BUF_INIT;
	struct json_writer json = json_write_begin(&payload);
	struct event event = { .account_id = account_id,
		.device_id = device_id,
		.chat = EVENT_CHAT_PERSONAL,
		.type = connected ? EVENT_SESSION_CONNECTED
				  : EVENT_SESSION_DISCONNECTED,
		.created_ms = now_ms };

	*event_out = NULL;
	json_write_text(&json, "deviceUid", device_uid);
	json_write_text(&json, "phone", phone);
	json_write_text(&json, "reason", reason);
	json_write_end(&json);
	event.payload = buf_cstr(&payload);
	return event_append(tx, &event, device_uid, event_out, err);
}

/* ---- groups ---- */

static void person_write(struct buf *out, const struct group_person *person)
{
	struct json_writer json = json_write_begin(out);
	char with_plus[32];

	if (person->phone != NULL) {
		snprintf(with_plus, sizeof(with_plus), "+%s", person->phone);
		json_write_text(&json, "phone", with_plus);
	}
	json_write_text(&json, "lid", person->lid);
	json_write_text(&json, "contactId", text_or_null(person->contact_id));
	json_write_end(&json);
}

static void people_write(
	struct json_writer *json, const struct group_event *event)
{
	scoped(buf_fini) struct buf list = BUF_INIT;

	if (event->n_people == 0)
		return;
	for (size_t i = 0; i < event->n_people; i++) {
		buf_add_byte(&list, i == 0 ? '[' : ',');
		person_write(&list, &event->people[i]);
	}
	buf_add_byte(&list, ']');
	json_write_raw(json, "participants", buf_cstr(&list));
}

static void actor_write(
	struct json_writer *json, const struct group_person *actor)
{
	scoped(buf_fini) struct buf person = BUF_INIT;

	if (actor->phone == NULL && actor->lid == NULL)
		return;
	person_write(&person, actor);
	json_write_raw(json, "actor", buf_cstr(&person));
}

static void value_write(
	struct json_writer *json, const struct group_event *event)
{
	if (event->key == NULL)
		return;
	if (event->text != NULL)
		json_write_text(json, event->key, event->text);
	else if (event->is_flag)
		json_write_bool(json, event->key, event->number != 0);
	else
		json_write_int(json, event->key, event->number);
}

int eventlog_group(struct tx *tx, const struct group_event *event,
	const char *device_uid, Bus__Envelope **event_out, struct err *err)
{
	scoped(buf_fini) struct buf payload = BUF_INIT;
	struct json_writer json = json_write_begin(&payload);
	struct event row = { .account_id = event->account_id,
		.device_id = event->device_id,
		.chat = EVENT_CHAT_GROUP,
		.type = event->type,
		.created_ms = clock_now_ms() };
	char timestamp[CLOCK_ISO_LEN];

	*event_out = NULL;
	clock_iso(event->at_ms != 0 ? event->at_ms : row.created_ms, timestamp);
	json_write_text(&json, "deviceUid", device_uid);
	json_write_text(&json, "chat", event->chat);
	json_write_text(&json, "action", event->action);
	people_write(&json, event);
	actor_write(&json, &event->actor);
	value_write(&json, event);
	json_write_text(&json, "timestamp", timestamp);
	json_write_end(&json);
	row.payload = buf_cstr(&payload);
	return event_append(tx, &row, device_uid, event_out, err);
}
