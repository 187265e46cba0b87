/* What a phone tells a companion after its first login: the app state key, and
 * an (empty) history with the push name and the own number's LID
 * (server-notes.md section 8). */
#include "sandboxd/phone.h"

#include <stdio.h>
#include <string.h>
#include <zlib.h>

#include "common/clock.h"
#include "common/ids.h"
#include "common/log.h"
#include "common/own.h"

#define NO_PROGRESS (-1)

static void app_key_make(struct phone *phone)
{
	if (phone->has_app_key)
		return;
	random_bytes(phone->app_key, sizeof(phone->app_key));
	/* A device number and an epoch, both small. */
	memset(phone->app_key_id, 0, sizeof(phone->app_key_id));
	random_bytes(phone->app_key_id + 4, 2);
	phone->has_app_key = true;
}

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

	app_key_make(phone);
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

/* zlib stream of the packed history, appended to @out. */
static int deflate_history(const Wa__HistorySync *history, struct buf *out)
{
	scoped(buf_fini) struct buf packed = BUF_INIT;
	size_t n = wa__history_sync__get_packed_size(history);
	uLongf n_out = compressBound((uLong)n);

	wa__history_sync__pack(history, buf_reserve(&packed, n));
	packed.len = n;
	if (compress(buf_reserve(out, n_out), &n_out, packed.data, (uLong)n) !=
		Z_OK)
		return -1;
	out->len += n_out;
	return 0;
}

/* Inline whatever the companion asked for: there is no media host from which it
 * could fetch a blob by its direct path alone. */
static bool history_send(struct phone *phone, struct device *companion,
	Wa__HistorySync *history, Wa__HistorySyncType type, int progress)
{
	scoped(buf_fini) struct buf payload = BUF_INIT;
	Wa__HistorySyncNotification notification =
		WA__HISTORY_SYNC_NOTIFICATION__INIT;
	Wa__ProtocolMessage protocol = WA__PROTOCOL_MESSAGE__INIT;
	Wa__Message message = WA__MESSAGE__INIT;

	history->has_sync_type = true;
	history->sync_type = type;
	history->has_progress = progress != NO_PROGRESS;
	history->progress = (uint32_t)(progress != NO_PROGRESS ? progress : 0);
	if (deflate_history(history, &payload) != 0)
		return false;
	notification.has_sync_type = true;
	notification.sync_type = type;
	notification.has_chunk_order = true;
	notification.chunk_order = 1;
	notification.has_progress = history->has_progress;
	notification.progress = history->progress;
	notification.has_initial_hist_bootstrap_inline_payload = true;
	notification.initial_hist_bootstrap_inline_payload =
		bytes_of(payload.data, payload.len);
	protocol.has_type = true;
	protocol.type = WA__PROTOCOL_MESSAGE__TYPE__HISTORY_SYNC_NOTIFICATION;
	protocol.history_sync_notification = &notification;
	message.protocol_message = &protocol;
	return phone_send_peer(phone, companion, &message);
}

static bool send_bootstrap(struct phone *phone, struct device *companion)
{
	Wa__HistorySync history = WA__HISTORY_SYNC__INIT;
	Wa__PhoneNumberToLIDMapping mapping =
		WA__PHONE_NUMBER_TO_LIDMAPPING__INIT;
	Wa__PhoneNumberToLIDMapping *mappings[1] = { &mapping };
	struct wa_jid pn = wa_jid_pn(phone->account->pn, 0);
	struct wa_jid lid = wa_jid_lid(phone->account->lid, 0);
	char pn_text[WA_JID_TEXT], lid_text[WA_JID_TEXT];

	mapping.pn_jid = wa_jid_text(&pn, pn_text);
	mapping.lid_jid = wa_jid_text(&lid, lid_text);
	history.n_phone_number_to_lid_mappings = 1;
	history.phone_number_to_lid_mappings = mappings;
	return history_send(phone, companion, &history,
		WA__HISTORY_SYNC_TYPE__INITIAL_BOOTSTRAP, 100);
}

static bool send_push_name(struct phone *phone, struct device *companion)
{
	Wa__HistorySync history = WA__HISTORY_SYNC__INIT;
	Wa__Pushname name = WA__PUSHNAME__INIT, *names[1] = { &name };
	struct wa_jid pn = wa_jid_pn(phone->account->pn, 0);
	char pn_text[WA_JID_TEXT];

	name.id = wa_jid_text(&pn, pn_text);
	name.pushname = phone->account->push_name;
	history.n_pushnames = 1;
	history.pushnames = names;
	return history_send(phone, companion, &history,
		WA__HISTORY_SYNC_TYPE__PUSH_NAME, NO_PROGRESS);
}

static bool send_recent(struct phone *phone, struct device *companion)
{
	Wa__HistorySync history = WA__HISTORY_SYNC__INIT;

	return history_send(
		phone, companion, &history, WA__HISTORY_SYNC_TYPE__RECENT, 100);
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
		send_bootstrap(phone, companion) &&
		send_push_name(phone, companion) &&
		send_recent(phone, companion)) {
		log_info("phone=%s device=%u status=welcomed",
			phone->account->pn, companion->number);
		return;
	}
	companion->welcomed = false;
	log_warning("phone=%s device=%u status=welcome_failed "
		    "action=again_at_next_login",
		phone->account->pn, companion->number);
}
