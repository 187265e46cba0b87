/* What a phone's companions ask of it, and what it tells them about other
 * people's addresses (messages.md 4.4, 4.5). */
#include "sandboxd/phone.h"

#include <stdlib.h>
#include <string.h>

#include "common/arena.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/own.h"

#define ASKED_MAX 64 /* messages in one request */

static ProtobufCBinaryData bytes_of(const struct buf *buf)
{
	return (ProtobufCBinaryData){ .len = buf->len, .data = buf->data };
}

/* ---- messages that a companion could not read ---- */

/* The key stays as the companion wrote it. */
static void fill_info(struct phone *phone, const struct box_entry *entry,
	bool from_me, Wa__MessageKey *key, Wa__WebMessageInfo *out)
{
	const struct account *author =
		from_me ? phone->account
			: directory_find(phone->sandbox, &entry->peer);

	out->key = key;
	out->has_message_timestamp = true;
	out->message_timestamp = (uint64_t)entry->t;
	out->participant = key->participant;
	if (author != NULL && !from_me)
		out->push_name = (char *)author->push_name;
}

/* Appends the WebMessageInfo; nothing when the phone has not got it. */
static void pack_known(
	struct phone *phone, Wa__MessageKey *key, struct buf *out)
{
	Wa__WebMessageInfo info = WA__WEB_MESSAGE_INFO__INIT;
	const struct box_entry *entry;
	bool from_me;
	size_t n;

	entry = key == NULL || key->id == NULL
			? NULL
			: phone_known(phone, key->id, &from_me);
	if (entry == NULL)
		return;
	info.message =
		phone_message_parse(entry->message.data, entry->message.len);
	if (info.message == NULL)
		return;
	fill_info(phone, entry, from_me, key, &info);
	n = wa__web_message_info__get_packed_size(&info);
	wa__web_message_info__pack(&info, buf_reserve(out, n));
	out->len += n;
	wa__message__free_unpacked(info.message, NULL);
}

static void send_results(struct phone *phone, struct device *companion,
	const char *request_id, Wa__PeerDataOperationResult **results, size_t n)
{
	Wa__PeerDataOperationRequestResponseMessage response =
		WA__PEER_DATA_OPERATION_REQUEST_RESPONSE_MESSAGE__INIT;
	Wa__ProtocolMessage protocol = WA__PROTOCOL_MESSAGE__INIT;
	Wa__Message message = WA__MESSAGE__INIT;

	response.has_peer_data_operation_request_type = true;
	response.peer_data_operation_request_type =
		WA__PEER_DATA_OPERATION_REQUEST_TYPE__PLACEHOLDER_MESSAGE_RESEND;
	response.stanza_id = (char *)request_id;
	response.n_peer_data_operation_result = n;
	response.peer_data_operation_result = results;
	protocol.has_type = true;
	protocol.type =
		WA__PROTOCOL_MESSAGE__TYPE__PEER_DATA_OPERATION_REQUEST_RESPONSE_MESSAGE;
	protocol.peer_data_operation_request_response_message = &response;
	message.protocol_message = &protocol;
	phone_send_peer(phone, companion, &message);
}

/* One result for each message asked for, in order. */
static void on_placeholders(struct phone *phone, struct device *companion,
	const char *request_id,
	const Wa__PeerDataOperationRequestMessage *request)
{
	size_t n = request->n_placeholder_message_resend_request < ASKED_MAX
			   ? request->n_placeholder_message_resend_request
			   : ASKED_MAX;
	Wa__PlaceholderMessageResendResponse responses[ASKED_MAX];
	Wa__PeerDataOperationResult results[ASKED_MAX];
	Wa__PeerDataOperationResult *list[ASKED_MAX];
	struct buf infos[ASKED_MAX] = { 0 };

	for (size_t i = 0; i < n; i++) {
		responses[i] = (Wa__PlaceholderMessageResendResponse)
			WA__PLACEHOLDER_MESSAGE_RESEND_RESPONSE__INIT;
		results[i] = (Wa__PeerDataOperationResult)
			WA__PEER_DATA_OPERATION_RESULT__INIT;
		list[i] = &results[i];
		pack_known(phone,
			request->placeholder_message_resend_request[i]
				->message_key,
			&infos[i]);
		if (infos[i].len == 0)
			continue;
		responses[i].has_web_message_info_bytes = true;
		responses[i].web_message_info_bytes = bytes_of(&infos[i]);
		results[i].placeholder_message_resend_response = &responses[i];
	}
	send_results(phone, companion, request_id, list, n);
	for (size_t i = 0; i < n; i++)
		buf_fini(&infos[i]);
}

static void on_data_request(struct phone *phone, struct device *companion,
	const char *request_id,
	const Wa__PeerDataOperationRequestMessage *request)
{
	if (!request->has_peer_data_operation_request_type)
		return;
	switch (request->peer_data_operation_request_type) {
	case WA__PEER_DATA_OPERATION_REQUEST_TYPE__PLACEHOLDER_MESSAGE_RESEND:
		on_placeholders(phone, companion, request_id, request);
		break;
	case WA__PEER_DATA_OPERATION_REQUEST_TYPE__HISTORY_SYNC_ON_DEMAND:
		if (request->history_sync_on_demand_request != NULL)
			phone_history_on_demand(phone, companion, request_id,
				request->history_sync_on_demand_request);
		break;
	default:
		log_info("phone=%s device=%u data_request=%d action=ignore",
			phone->account->pn, companion->number,
			(int)request->peer_data_operation_request_type);
		break;
	}
}

void phone_on_peer(struct phone *phone, struct device *companion,
	const char *id, const Wa__ProtocolMessage *protocol)
{
	if (protocol->type ==
		WA__PROTOCOL_MESSAGE__TYPE__APP_STATE_SYNC_KEY_REQUEST)
		phone_share_app_keys(phone, companion);
	else if (
		protocol->type ==
			WA__PROTOCOL_MESSAGE__TYPE__PEER_DATA_OPERATION_REQUEST_MESSAGE &&
		protocol->peer_data_operation_request_message != NULL)
		on_data_request(phone, companion, id,
			protocol->peer_data_operation_request_message);
}

/* ---- addresses ---- */

static void pack_mappings(struct phone *phone, struct account *const *accounts,
	size_t n, struct buf *out)
{
	Wa__LIDMigrationMappingSyncPayload payload =
		WA__LIDMIGRATION_MAPPING_SYNC_PAYLOAD__INIT;
	struct arena *arena = phone->sandbox->arena;
	size_t size;

	payload.has_chat_db_migration_timestamp = true;
	payload.chat_db_migration_timestamp = (uint64_t)clock_now_ms() / 1000;
	payload.pn_to_lid_mappings = arena_alloc(
		arena, (n + 1) * sizeof(*payload.pn_to_lid_mappings));
	for (size_t i = 0; i < n; i++) {
		Wa__LIDMigrationMapping *mapping =
			MESSAGE_NEW(arena, Wa__LIDMigrationMapping,
				WA__LIDMIGRATION_MAPPING__INIT);

		mapping->has_pn = mapping->has_assigned_lid = true;
		mapping->pn = strtoull(accounts[i]->pn, NULL, 10);
		mapping->assigned_lid = strtoull(accounts[i]->lid, NULL, 10);
		payload.pn_to_lid_mappings[payload.n_pn_to_lid_mappings++] =
			mapping;
	}
	size = wa__lidmigration_mapping_sync_payload__get_packed_size(&payload);
	wa__lidmigration_mapping_sync_payload__pack(
		&payload, buf_reserve(out, size));
	out->len += size;
}

bool phone_push_lids(
	struct phone *phone, struct account *const *accounts, size_t n)
{
	Wa__LIDMigrationMappingSyncMessage mapping =
		WA__LIDMIGRATION_MAPPING_SYNC_MESSAGE__INIT;
	Wa__ProtocolMessage protocol = WA__PROTOCOL_MESSAGE__INIT;
	Wa__Message message = WA__MESSAGE__INIT;
	scoped(buf_fini) struct buf payload = BUF_INIT;
	bool any = false;

	pack_mappings(phone, accounts, n, &payload);
	mapping.has_encoded_mapping_payload = true;
	mapping.encoded_mapping_payload = bytes_of(&payload);
	protocol.has_type = true;
	protocol.type = WA__PROTOCOL_MESSAGE__TYPE__LID_MIGRATION_MAPPING_SYNC;
	protocol.lid_migration_mapping_sync_message = &mapping;
	message.protocol_message = &protocol;
	account_each_device (device, phone->account) {
		if (device->number > 0 && device->has_bundle &&
			phone_send_peer(phone, device, &message))
			any = true;
	}
	return any;
}
