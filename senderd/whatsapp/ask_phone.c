#include "senderd/whatsapp/ask_phone.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/clock.h"
#include "common/err.h"
#include "common/log.h"
#include "common/own.h"
#include "senderd/facts.h"
#include "senderd/whatsapp/asked.h"
#include "senderd/whatsapp/bundles.h"
#include "senderd/whatsapp/fanout.h"
#include "whatsapp.pb-c.h"

#define DAY_MS (24 * 3600 * 1000LL)
#define UNAVAILABLE_MAX_SEC (14 * 24 * 3600)

#define SET(message, field, value)             \
	do {                                   \
		(message)->has_##field = true; \
		(message)->field = (value);    \
	} while (0)

/* ---- sending ---- */

/* A question that is to leave; owned by who waits for the phone's keys. */
struct question {
	char id[WA_MSG_ID_LEN];
	const char *priority; /* a literal */
	bool is_sensitive;
	struct buf plain; /* the serialised Message */
};

static void question_free(struct question **questionp)
{
	struct question *question = move(*questionp);

	if (question == NULL)
		return;
	buf_fini(&question->plain);
	free(question);
}

static struct wa_jid phone_address(struct lane *lane)
{
	struct wa_jid phone = wa_jid_bare(&lane->id.jid);

	return lane_signal_address(lane, &phone);
}

static int question_send(
	struct lane *lane, const struct question *question, struct err *err)
{
	struct wa_node *stanza = wa_node_new(lane->arena, "message");
	struct wa_jid self = wa_jid_bare(&lane->id.jid);
	struct wa_jid phone = phone_address(lane);
	struct wa_node *enc = NULL;
	bool is_pkmsg = false;

	wa_node_set(stanza, "id", question->id);
	wa_node_set_jid(stanza, "to", &self);
	wa_node_set(stanza, "type", "text");
	wa_node_set(stanza, "category", "peer");
	wa_node_set(stanza, "push_priority", question->priority);
	if (question->is_sensitive)
		wa_node_set(stanza, "privacy_sensitive", "1");
	wa_node_set(wa_node_add(stanza, "meta"), "appdata", "default");
	if (fanout_add_enc(lane, stanza, &phone, question->plain.data,
		    question->plain.len, &is_pkmsg, &enc, err) != 0)
		return -1;
	if (is_pkmsg && fanout_add_identity(lane, stanza, err) != 0)
		return -1;
	lane_send(lane, stanza);
	return 0;
}

static void on_phone_keys(struct lane *lane, bool answered, void *arg)
{
	scoped(question_free) struct question *question = arg;
	struct wa_jid phone = phone_address(lane);
	struct err err = ERR_NONE;

	if (!answered || wa_signal_has_session(lane->signal, &phone) != 1) {
		log_warning("ask_phone id=%s status=unsent reason=\"no keys of "
			    "the phone\" action=\"asked again later\"",
			question->id);
		return;
	}
	if (question_send(lane, question, &err) != 0)
		facts_fail(lane, &err);
}

static int ask(struct lane *lane, struct question *taken,
	Wa__ProtocolMessage *protocol, struct err *err)
{
	scoped(question_free) struct question *question = taken;
	Wa__Message message = WA__MESSAGE__INIT;
	struct wa_jid phone = phone_address(lane);
	size_t n;

	message.protocol_message = protocol;
	n = wa__message__get_packed_size(&message);
	wa__message__pack(&message, buf_reserve(&question->plain, n));
	question->plain.len = n;
	log_info("ask_phone id=%s type=%d", question->id, (int)protocol->type);
	if (wa_signal_has_session(lane->signal, &phone) == 1)
		return question_send(lane, question, err);
	bundles_ask(lane, &phone, 1, false, on_phone_keys, move(question));
	return 0;
}

static struct question *question_new(const char *priority, bool is_sensitive)
{
	struct question *question = xcalloc(1, sizeof *question);

	id_wa_message(question->id);
	question->priority = priority;
	question->is_sensitive = is_sensitive;
	return question;
}

/* ---- keys ---- */

int ask_phone_for_key(
	struct lane *lane, const struct syncd_key_id *key, struct err *err)
{
	Wa__ProtocolMessage protocol = WA__PROTOCOL_MESSAGE__INIT;
	Wa__AppStateSyncKeyRequest request =
		WA__APP_STATE_SYNC_KEY_REQUEST__INIT;
	Wa__AppStateSyncKeyId id = WA__APP_STATE_SYNC_KEY_ID__INIT;
	Wa__AppStateSyncKeyId *ids[] = { &id };
	char hex[2 * SYNCD_KEY_ID_MAX + 1];
	bool may = false;

	sodium_bin2hex(hex, sizeof hex, key->bytes, key->n);
	if (asked_note(lane, ASKED_KEYS, hex, DAY_MS, &may, err) != 0)
		return -1;
	if (!may)
		return 0;
	SET(&protocol, type,
		WA__PROTOCOL_MESSAGE__TYPE__APP_STATE_SYNC_KEY_REQUEST);
	protocol.app_state_sync_key_request = &request;
	request.n_key_ids = 1;
	request.key_ids = ids;
	id.has_key_id = true;
	id.key_id.data = (uint8_t *)key->bytes;
	id.key_id.len = key->n;
	return ask(lane, question_new("high", false), &protocol, err);
}

/* ---- what only the phone has ---- */

static int ask_operation(struct lane *lane, struct question *question,
	Wa__PeerDataOperationRequestMessage *request, struct err *err)
{
	Wa__ProtocolMessage protocol = WA__PROTOCOL_MESSAGE__INIT;

	SET(&protocol, type,
		WA__PROTOCOL_MESSAGE__TYPE__PEER_DATA_OPERATION_REQUEST_MESSAGE);
	protocol.peer_data_operation_request_message = request;
	return ask(lane, question, &protocol, err);
}

int ask_phone_for_history(struct lane *lane, const struct history_wish *wish,
	char id_out[WA_MSG_ID_LEN], struct err *err)
{
	Wa__PeerDataOperationRequestMessage request =
		WA__PEER_DATA_OPERATION_REQUEST_MESSAGE__INIT;
	Wa__HistorySyncOnDemandRequest history =
		WA__HISTORY_SYNC_ON_DEMAND_REQUEST__INIT;
	struct question *question = question_new("high_force", true);
	struct wa_jid own_lid = wa_jid_bare(&lane->id.lid);
	char chat[WA_JID_TEXT], lid[WA_JID_TEXT];

	memcpy(id_out, question->id, sizeof question->id);
	SET(&request, peer_data_operation_request_type,
		WA__PEER_DATA_OPERATION_REQUEST_TYPE__HISTORY_SYNC_ON_DEMAND);
	request.history_sync_on_demand_request = &history;
	history.chat_jid = wa_jid_text(&wish->chat, chat);
	history.oldest_msg_id = (char *)wish->oldest_wa_id;
	SET(&history, oldest_msg_from_me, wish->oldest_from_me);
	SET(&history, on_demand_msg_count, wish->count);
	SET(&history, oldest_msg_timestamp_ms, wish->oldest_ms);
	if (!wa_jid_is_empty(&own_lid))
		history.account_lid = wa_jid_text(&own_lid, lid);
	return ask_operation(lane, question, &request, err);
}

int ask_phone_for_message(struct lane *lane, const struct wa_jid *chat,
	const struct wa_jid *participant, const char *wa_id, struct err *err)
{
	Wa__PeerDataOperationRequestMessage request =
		WA__PEER_DATA_OPERATION_REQUEST_MESSAGE__INIT;
	Wa__PlaceholderMessageResendRequest resend =
		WA__PLACEHOLDER_MESSAGE_RESEND_REQUEST__INIT;
	Wa__PlaceholderMessageResendRequest *resends[] = { &resend };
	Wa__MessageKey key = WA__MESSAGE_KEY__INIT;
	char chat_text[WA_JID_TEXT], participant_text[WA_JID_TEXT];
	bool may = false;

	if (strpbrk(wa_id, " \n") != NULL)
		return 0;
	if (asked_note(lane, ASKED_MESSAGES, wa_id, DAY_MS, &may, err) != 0)
		return -1;
	if (!may)
		return 0;
	SET(&request, peer_data_operation_request_type,
		WA__PEER_DATA_OPERATION_REQUEST_TYPE__PLACEHOLDER_MESSAGE_RESEND);
	request.n_placeholder_message_resend_request = 1;
	request.placeholder_message_resend_request = resends;
	resend.message_key = &key;
	key.remote_jid = wa_jid_text(chat, chat_text);
	SET(&key, from_me, false);
	key.id = (char *)wa_id;
	if (!wa_jid_is_empty(participant))
		key.participant = wa_jid_text(participant, participant_text);
	return ask_operation(
		lane, question_new("high_force", false), &request, err);
}

/* Official clients leave what is shown once, and what other kinds of device
 * alone have, to the phone (messages.md 4.5). */
static bool is_for_the_phone_alone(const char *type)
{
	static const char suffix[] = "_unavailable_fanout";
	size_t n = strlen(type);

	return strncmp(type, "view_once", 9) == 0 ||
	       (n >= sizeof suffix - 1 &&
		       strcmp(type + n - (sizeof suffix - 1), suffix) == 0);
}

int ask_phone_for_unavailable(
	struct lane *lane, const struct wa_node *message, struct err *err)
{
	const char *type =
		wa_node_str(wa_node_child(message, "unavailable"), "type");
	const char *id = wa_node_str(message, "id");
	int64_t t = wa_node_int(message, "t", 0);
	struct wa_jid from;
	struct wa_jid participant;

	if (id == NULL || t < clock_now_ms() / 1000 - UNAVAILABLE_MAX_SEC ||
		(type != NULL && is_for_the_phone_alone(type)) ||
		!wa_node_jid(message, "from", &from) ||
		lane_is_self(lane, &from) || from.server == WA_SERVER_BROADCAST)
		return 0;
	wa_node_jid(message, "participant", &participant);
	from = wa_jid_bare(&from);
	participant = wa_jid_bare(&participant);
	return ask_phone_for_message(lane, &from, &participant, id, err);
}

int ask_phone_wanted(
	struct lane *lane, const char *wa_id, bool *was, struct err *err)
{
	return asked_take(lane, ASKED_MESSAGES, wa_id, DAY_MS, was, err);
}
