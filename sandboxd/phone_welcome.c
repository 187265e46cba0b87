/* What a phone tells a companion after its first login: the app state key, and
 * a history, which is empty unless one was ordered (server-notes.md section 8).
 */
#include "sandboxd/phone.h"

#include <string.h>

#include "common/clock.h"
#include "common/ids.h"
#include "common/log.h"
#include "common/own.h"

static ProtobufCBinaryData bytes_of(void *data, size_t n)
{
	return (ProtobufCBinaryData){ .len = n, .data = data };
}

bool phone_share_app_keys(struct phone *phone, struct device *companion)
{
	Wa__AppStateSyncKeyFingerprint fingerprint =
		WA__APP_STATE_SYNC_KEY_FINGERPRINT__INIT;
	Wa__AppStateSyncKeyData data = WA__APP_STATE_SYNC_KEY_DATA__INIT;
	Wa__AppStateSyncKeyId id = WA__APP_STATE_SYNC_KEY_ID__INIT;
	Wa__AppStateSyncKeyShare share = WA__APP_STATE_SYNC_KEY_SHARE__INIT;
	Wa__AppStateSyncKey key = WA__APP_STATE_SYNC_KEY__INIT, *keys[1];
	Wa__ProtocolMessage protocol = WA__PROTOCOL_MESSAGE__INIT;
	Wa__Message message = WA__MESSAGE__INIT;
	uint32_t indexes[1] = { 0 };

	phone_app_state_begin(phone);
	id.has_key_id = true;
	id.key_id = bytes_of(phone->app_key_id, sizeof(phone->app_key_id));
	fingerprint.has_raw_id = true;
	fingerprint.raw_id = phone->account->adv_raw_id;
	fingerprint.has_current_index = true;
	fingerprint.n_device_indexes = 1;
	fingerprint.device_indexes = indexes;
	data.has_key_data = true;
	data.key_data = bytes_of(phone->app_key, sizeof(phone->app_key));
	data.fingerprint = &fingerprint;
	data.has_timestamp = true;
	data.timestamp = clock_now_ms();
	key.key_id = &id;
	key.key_data = &data;
	keys[0] = &key;
	share.n_keys = 1;
	share.keys = keys;
	protocol.has_type = true;
	protocol.type = WA__PROTOCOL_MESSAGE__TYPE__APP_STATE_SYNC_KEY_SHARE;
	protocol.app_state_sync_key_share = &share;
	message.protocol_message = &protocol;
	return phone_send_peer(phone, companion, &message);
}

void phone_welcome(struct phone *phone, struct device *companion)
{
	const struct session *session = companion->session;

	if (companion->welcomed || !companion->has_bundle || session == NULL ||
		!session->offline_sent)
		return;
	companion->welcomed =
		true; /* also against doing it twice while sending */
	if (phone_share_app_keys(phone, companion) &&
		phone_history_send(phone, companion)) {
		log_info("phone=%s device=%u status=welcomed",
			phone->account->pn, companion->number);
		return;
	}
	companion->welcomed = false;
	log_warning("phone=%s device=%u status=welcome_failed "
		    "action=again_at_next_login",
		phone->account->pn, companion->number);
}
