#include "senderd/whatsapp/payload.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/err.h"
#include "common/own.h"
#include "senderd/version.h"
#include "common/wa/crypto.h"
#include "whatsapp.pb-c.h"

/* Sets an optional field and its presence: with proto2 a zero that is not
 * present is not on the wire, and several zeros have to be (connection.md
 * 3.1). */
#define PUT(message, field, value)          \
	do {                                \
		(message)->has_##field = 1; \
		(message)->field = (value); \
	} while (0)

#define PUT_BYTES(message, field, bytes, n) \
	PUT(message, field,                 \
		((ProtobufCBinaryData){     \
			.len = (n), .data = (void *)(bytes) }))

static int parse_version(
	const char *text, Wa__AppVersion *version, struct err *err)
{
	unsigned part[3];
	int end = 0;

	if (sscanf(text, "%9u.%9u.%10u%n", &part[0], &part[1], &part[2],
		    &end) != 3 ||
		text[end] != '\0')
		return err_set(err, ERR_INVALID,
			"client_version is not three numbers");
	PUT(version, primary, part[0]);
	PUT(version, secondary, part[1]);
	PUT(version, tertiary, part[2]);
	return 0;
}

/* What both payloads share.  The parts point at each other, so they live
 * together. */
struct parts {
	Wa__ClientPayload payload;
	Wa__UserAgent agent;
	Wa__AppVersion version;
	Wa__WebInfo web;
	char version_text[VERSION_LEN];
};

static int parts_init(
	struct parts *parts, const struct config *config, struct err *err)
{
	*parts = (struct parts){
		.payload = WA__CLIENT_PAYLOAD__INIT,
		.agent = WA__USER_AGENT__INIT,
		.version = WA__APP_VERSION__INIT,
		.web = WA__WEB_INFO__INIT,
	};
	version_current(config, parts->version_text);
	if (parse_version(parts->version_text, &parts->version, err) != 0)
		return -1;
	PUT(&parts->agent, platform, WA__USER_AGENT__PLATFORM__WEB);
	parts->agent.app_version = &parts->version;
	parts->agent.mcc = (char *)"000";
	parts->agent.mnc = (char *)"000";
	parts->agent.os_version = (char *)"0.1";
	parts->agent.manufacturer = (char *)"";
	parts->agent.device = (char *)"Desktop";
	parts->agent.os_build_number = (char *)"0.1";
	PUT(&parts->agent, release_channel,
		WA__USER_AGENT__RELEASE_CHANNEL__RELEASE);
	parts->agent.locale_language_iso6391 = (char *)"en";
	parts->agent.locale_country_iso31661_alpha2 = (char *)"US";
	PUT(&parts->web, web_sub_platform,
		WA__WEB_INFO__WEB_SUB_PLATFORM__WEB_BROWSER);
	parts->payload.user_agent = &parts->agent;
	parts->payload.web_info = &parts->web;
	PUT(&parts->payload, connect_type,
		WA__CLIENT_PAYLOAD__CONNECT_TYPE__WIFI_UNKNOWN);
	PUT(&parts->payload, connect_reason,
		WA__CLIENT_PAYLOAD__CONNECT_REASON__USER_ACTIVATED);
	return 0;
}

static void pack(const ProtobufCMessage *message, struct buf *out)
{
	size_t n = protobuf_c_message_get_packed_size(message);

	protobuf_c_message_pack(message, buf_reserve(out, n));
	out->len += n;
}

int payload_login(const struct config *config, const struct lane_identity *id,
	struct buf *out, struct err *err)
{
	struct parts parts;
	uint64_t username;
	char *end;

	if (parts_init(&parts, config, err) != 0)
		return -1;
	username = strtoull(id->jid.user, &end, 10);
	if (id->jid.user[0] == '\0' || *end != '\0')
		return err_set(
			err, ERR_INVALID, "own address is no phone number");
	PUT(&parts.payload, username, username);
	PUT(&parts.payload, device, id->jid.device);
	PUT(&parts.payload, passive, 1);
	PUT(&parts.payload, pull, 1);
	PUT(&parts.payload, lc, 1);
	PUT(&parts.payload, lid_db_migrated, 1);
	pack(&parts.payload.base, out);
	return 0;
}

/* What the phone shows under linked devices, and what history we take: as
 * little as the protocol allows, inside the message instead of behind a
 * download. */
static void pack_device_props(const struct config *config, struct buf *out)
{
	Wa__DeviceProps props = WA__DEVICE_PROPS__INIT;
	Wa__AppVersion version = WA__APP_VERSION__INIT;
	Wa__HistorySyncConfig history = WA__HISTORY_SYNC_CONFIG__INIT;

	PUT(&version, primary, 10);
	PUT(&version, secondary, 15);
	PUT(&version, tertiary, 7);
	PUT(&history, storage_quota_mb, 10240);
	if (strcmp(config->history.mode, "messages") == 0)
		PUT(&history, recent_sync_days_limit,
			(uint32_t)config->history.days);
	PUT(&history, inline_initial_payload_in_e2ee_msg, 1);
	PUT(&history, support_call_log_history, 0);
	PUT(&history, support_bot_user_agent_chat_history, 1);
	PUT(&history, support_cag_reactions_and_polls, 1);
	PUT(&history, support_biz_hosted_msg, 1);
	PUT(&history, support_recent_sync_chunk_message_count_tuning, 1);
	PUT(&history, support_hosted_group_msg, 1);
	PUT(&history, support_fbid_bot_chat_history, 1);
	PUT(&history, support_message_association, 1);
	PUT(&history, support_group_history, 0);
	props.os = config->whatsapp.device_name;
	props.version = &version;
	PUT(&props, platform_type, WA__DEVICE_PROPS__PLATFORM_TYPE__CHROME);
	PUT(&props, require_full_sync, 0);
	props.history_sync_config = &history;
	pack(&props.base, out);
}

int payload_registration(const struct config *config,
	const struct lane_identity *id,
	const struct lane_signed_prekey *signed_prekey, struct buf *out,
	struct err *err)
{
	Wa__DevicePairingRegistrationData data =
		WA__DEVICE_PAIRING_REGISTRATION_DATA__INIT;
	scoped(buf_fini) struct buf numbers = BUF_INIT;
	scoped(buf_fini) struct buf props = BUF_INIT;
	uint8_t build_hash[16];
	struct parts parts;

	if (parts_init(&parts, config, err) != 0)
		return -1;
	buf_add_be(&numbers, id->registration_id, 4);
	buf_add_byte(&numbers, 0x05);
	buf_add_be(&numbers, signed_prekey->id, 3);
	wa_md5(parts.version_text, strlen(parts.version_text), build_hash);
	pack_device_props(config, &props);
	PUT_BYTES(&data, e_regid, numbers.data, 4);
	PUT_BYTES(&data, e_keytype, numbers.data + 4, 1);
	PUT_BYTES(&data, e_ident, id->identity.pub, WA_KEY_BYTES);
	PUT_BYTES(&data, e_skey_id, numbers.data + 5, 3);
	PUT_BYTES(&data, e_skey_val, signed_prekey->key.pub, WA_KEY_BYTES);
	PUT_BYTES(&data, e_skey_sig, signed_prekey->signature,
		WA_SIGNATURE_BYTES);
	PUT_BYTES(&data, build_hash, build_hash, sizeof build_hash);
	PUT_BYTES(&data, device_props, props.data, props.len);
	PUT(&parts.payload, passive, 0);
	PUT(&parts.payload, pull, 0);
	parts.payload.device_pairing_data = &data;
	pack(&parts.payload.base, out);
	return 0;
}
