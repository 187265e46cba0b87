#include "senderd/whatsapp/peer.h"

#include <inttypes.h>
#include <stdio.h>

#include "common/clock.h"
#include "common/err.h"
#include "common/log.h"
#include "common/own.h"
#include "common/wa/pbguard.h"
#include "senderd/whatsapp/devices.h"
#include "senderd/whatsapp/history.h"
#include "senderd/whatsapp/outbound.h"

#define KEYS_MAX 1024
#define KEY_ID_MAX 64
#define KEY_DATA_MAX 256
#define PAIRS_MAX 20000

typedef int peer_fn(struct lane *lane, const Wa__ProtocolMessage *protocol,
	struct err *err);

/* Without the keys of app state nothing is lost today: they are kept for when
 * collections are read. */
static int on_key_share(
	struct lane *lane, const Wa__ProtocolMessage *protocol, struct err *err)
{
	const Wa__AppStateSyncKeyShare *share =
		protocol->app_state_sync_key_share;

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
	return 0;
}

/* Only what came along is read.  A blob on the media host holds messages, for
 * which a gateway has no use; it is acknowledged all the same, so that the
 * phone goes on. */
static int on_history(
	struct lane *lane, const Wa__ProtocolMessage *protocol, struct err *err)
{
	const Wa__HistorySyncNotification *history =
		protocol->history_sync_notification;
	const ProtobufCBinaryData *inline_payload = NULL;

	if (history == NULL ||
		!history->has_initial_hist_bootstrap_inline_payload)
		return 0;
	inline_payload = &history->initial_hist_bootstrap_inline_payload;
	if (history_read(
		    lane, inline_payload->data, inline_payload->len, err) == 0)
		return 0;
	if (err->code != ERR_PEER)
		return -1;
	log_warning("history status=unreadable reason=\"%s\" "
		    "action=\"acknowledged, not used\"",
		err->msg);
	return 0;
}

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
	struct lane *lane, const Wa__ProtocolMessage *protocol, struct err *err)
{
	const Wa__LIDMigrationMappingSyncMessage *sync =
		protocol->lid_migration_mapping_sync_message;
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
	struct lane *lane, const Wa__ProtocolMessage *protocol, struct err *err)
{
	(void)lane;
	(void)protocol;
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
	{ TYPE(PEER_DATA_OPERATION_REQUEST_RESPONSE_MESSAGE), on_nothing },
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
	return handler(lane, protocol, err);
}
