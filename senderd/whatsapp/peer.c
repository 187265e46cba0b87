#include "senderd/whatsapp/peer.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "common/err.h"
#include "common/log.h"
#include "common/own.h"
#include "common/wa/pbguard.h"
#include "senderd/whatsapp/app_state.h"
#include "senderd/whatsapp/ask_phone.h"
#include "senderd/whatsapp/devices.h"
#include "senderd/whatsapp/history.h"
#include "senderd/whatsapp/outbound.h"
#include "senderd/whatsapp/received.h"

#define KEYS_MAX 1024
#define KEY_ID_MAX 64
#define KEY_DATA_MAX 256
#define PAIRS_MAX 20000
#define RESENDS_MAX 64

/* One from the own account. */
struct peer_message {
	const struct wa_jid *sender; /* the device */
	const char *id;
	const Wa__ProtocolMessage *protocol;
};
typedef int peer_fn(
	struct lane *lane, const struct peer_message *message, struct err *err);

static int on_key_share(
	struct lane *lane, const struct peer_message *message, struct err *err)
{
	const Wa__AppStateSyncKeyShare *share =
		message->protocol->app_state_sync_key_share;

	for (size_t i = 0; share != NULL && i < share->n_keys && i < KEYS_MAX;
		i++) {
		const Wa__AppStateSyncKey *key = share->keys[i];

		if (key->key_id == NULL || key->key_data == NULL ||
			key->key_id->key_id.len == 0 ||
			key->key_id->key_id.len > KEY_ID_MAX ||
			key->key_data->key_data.len == 0 ||
			key->key_data->key_data.len > KEY_DATA_MAX)
			continue;
		if (lanedb_app_key_save(lane->db, key->key_id->key_id.data,
			    key->key_id->key_id.len,
			    key->key_data->key_data.data,
			    key->key_data->key_data.len,
			    key->key_data->timestamp, err) != 0)
			return -1;
	}
	app_state_on_keys(lane);
	return 0;
}

static int on_history(
	struct lane *lane, const struct peer_message *message, struct err *err)
{
	const Wa__HistorySyncNotification *history =
		message->protocol->history_sync_notification;

	return history == NULL ? 0
			       : history_on_notification(
					 lane, message->id, history, err);
}

/* ---- content that only the phone had ---- */

/* As if it had come by itself, from the device that the phone had it from. */
static int resend_handle(
	struct lane *lane, const Wa__WebMessageInfo *info, struct err *err)
{
	struct wa_node *stanza = wa_node_new(lane->arena, "message");
	struct inbound in = { .message = stanza, .id = info->key->id };
	const char *participant = info->key->participant != NULL
					  ? info->key->participant
					  : info->participant;
	bool is_history = false;

	if (info->key->remote_jid == NULL ||
		wa_jid_parse(info->key->remote_jid,
			strlen(info->key->remote_jid), &in.from) != 0)
		return 0;
	in.is_group = in.from.server == WA_SERVER_GROUP;
	in.sender = in.from;
	if (in.is_group && (participant == NULL || wa_jid_parse(participant,
							   strlen(participant),
							   &in.sender) != 0))
		return 0;
	if (!wa_jid_is_user(&in.sender) || lane_is_self(lane, &in.sender))
		return 0;
	in.chat = wa_jid_bare(&in.from);
	in.address = lane_signal_address(lane, &in.sender);
	in.t = (int64_t)info->message_timestamp;
	wa_node_set(stanza, "notify", info->push_name);
	return received_handle(lane, &in, info->message, &is_history, err);
}

static int on_resend(
	struct lane *lane, const ProtobufCBinaryData *bytes, struct err *err)
{
	Wa__WebMessageInfo *info = NULL;
	bool is_wanted = false;
	int rc = 0;

	if (wa_pb_bounded(bytes->data, bytes->len))
		info = wa__web_message_info__unpack(
			NULL, bytes->len, bytes->data);
	if (info == NULL)
		return 0;
	if (info->message != NULL && info->key != NULL &&
		info->key->id != NULL && !info->key->from_me)
		rc = ask_phone_wanted(lane, info->key->id, &is_wanted, err);
	if (rc == 0 && is_wanted)
		rc = resend_handle(lane, info, err);
	wa__web_message_info__free_unpacked(info, NULL);
	return rc;
}

/* Another linked device answers for nobody: only the phone has them. */
static int on_response(
	struct lane *lane, const struct peer_message *message, struct err *err)
{
	const Wa__PeerDataOperationRequestResponseMessage *response =
		message->protocol->peer_data_operation_request_response_message;

	if (response == NULL || message->sender->device != 0)
		return 0;
	for (size_t i = 0;
		i < response->n_peer_data_operation_result && i < RESENDS_MAX;
		i++) {
		const Wa__PlaceholderMessageResendResponse *resend =
			response->peer_data_operation_result[i]
				->placeholder_message_resend_response;

		if (resend != NULL &&
			on_resend(lane, &resend->web_message_info_bytes, err) !=
				0)
			return -1;
	}
	return 0;
}

/* ---- who is who ---- */

static int learn_numbers(
	struct lane *lane, uint64_t pn, uint64_t lid, struct err *err)
{
	char digits[24];
	struct wa_jid pn_jid;
	struct wa_jid lid_jid;

	if (pn == 0 || lid == 0)
		return 0;
	snprintf(digits, sizeof digits, "%" PRIu64, pn);
	pn_jid = wa_jid_pn(digits, 0);
	snprintf(digits, sizeof digits, "%" PRIu64, lid);
	lid_jid = wa_jid_lid(digits, 0);
	return devices_learn_pair(lane, &pn_jid, &lid_jid, err);
}

static int on_migration(
	struct lane *lane, const struct peer_message *message, struct err *err)
{
	const Wa__LIDMigrationMappingSyncMessage *sync =
		message->protocol->lid_migration_mapping_sync_message;
	Wa__LIDMigrationMappingSyncPayload *payload = NULL;
	int rc = 0;

	if (sync == NULL || !wa_pb_bounded(sync->encoded_mapping_payload.data,
				    sync->encoded_mapping_payload.len))
		return 0;
	payload = wa__lidmigration_mapping_sync_payload__unpack(NULL,
		sync->encoded_mapping_payload.len,
		sync->encoded_mapping_payload.data);
	if (payload == NULL)
		return 0;
	for (size_t i = 0;
		rc == 0 && i < payload->n_pn_to_lid_mappings && i < PAIRS_MAX;
		i++) {
		const Wa__LIDMigrationMapping *pair =
			payload->pn_to_lid_mappings[i];

		rc = learn_numbers(lane, pair->pn,
			pair->latest_lid != 0 ? pair->latest_lid
					      : pair->assigned_lid,
			err);
	}
	wa__lidmigration_mapping_sync_payload__free_unpacked(payload, NULL);
	/* The account is migrated: chats go by LID again. */
	return rc == 0 ? outbound_address(lane, false, err) : -1;
}

static int on_nothing(
	struct lane *lane, const struct peer_message *message, struct err *err)
{
	(void)lane;
	(void)message;
	(void)err;
	return 0;
}

#define TYPE(name) WA__PROTOCOL_MESSAGE__TYPE__##name

static const struct {
	Wa__ProtocolMessage__Type type;
	peer_fn *fn;
} types[] = {
	{ TYPE(HISTORY_SYNC_NOTIFICATION), on_history },
	{ TYPE(APP_STATE_SYNC_KEY_SHARE), on_key_share },
	{ TYPE(APP_STATE_SYNC_KEY_REQUEST), on_nothing },
	{ TYPE(MSG_FANOUT_BACKFILL_REQUEST), on_nothing },
	{ TYPE(INITIAL_SECURITY_NOTIFICATION_SETTING_SYNC), on_nothing },
	{ TYPE(APP_STATE_FATAL_EXCEPTION_NOTIFICATION), on_nothing },
	{ TYPE(PEER_DATA_OPERATION_REQUEST_MESSAGE), on_nothing },
	{ TYPE(PEER_DATA_OPERATION_REQUEST_RESPONSE_MESSAGE), on_response },
	{ TYPE(LID_MIGRATION_MAPPING_SYNC), on_migration },
};

static peer_fn *handler_of(const Wa__ProtocolMessage *protocol)
{
	for (size_t i = 0; protocol->has_type && i < ARRAY_LEN(types); i++) {
		if (types[i].type == protocol->type)
			return types[i].fn;
	}
	return NULL;
}

bool peer_is_self_only(const Wa__ProtocolMessage *protocol)
{
	return handler_of(protocol) != NULL;
}

int peer_on_protocol(struct lane *lane, const struct wa_jid *sender,
	const char *id, const Wa__ProtocolMessage *protocol, bool *is_history,
	struct err *err)
{
	const struct peer_message message = {
		.sender = sender, .id = id, .protocol = protocol
	};
	peer_fn *handler = handler_of(protocol);
	struct wa_jid self = wa_jid_bare(&lane->id.jid);
	bool was_seen = false;

	if (handler == NULL)
		return 0;
	*is_history = protocol->type == TYPE(HISTORY_SYNC_NOTIFICATION);
	if (lanedb_seen(lane->db, &self, sender, id, clock_now_ms(), &was_seen,
		    err) != 0)
		return -1;
	if (was_seen)
		return 0;
	log_info("peer id=%s type=%d", log_quote(id), (int)protocol->type);
	return handler(lane, &message, err);
}
