/* Any bytes as one of the messages that come from a peer; the first byte picks
 * which. What the guard lets through can be unpacked and packed again. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/own.h"
#include "common/wa/pbguard.h"
#include "whatsapp.pb-c.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static const ProtobufCMessageDescriptor *const types[] = {
	&wa__message__descriptor,
	&wa__handshake_message__descriptor,
	&wa__cert_chain__descriptor,
	&wa__noise_certificate_details__descriptor,
	&wa__client_payload__descriptor,
	&wa__device_props__descriptor,
	&wa__advsigned_device_identity_hmac__descriptor,
	&wa__advsigned_device_identity__descriptor,
	&wa__advdevice_identity__descriptor,
	&wa__advsigned_key_index_list__descriptor,
	&wa__advkey_index_list__descriptor,
	&wa__client_pairing_props__descriptor,
	&wa__history_sync__descriptor,
	&wa__lidmigration_mapping_sync_payload__descriptor,
	&wa__web_message_info__descriptor,
};

static void check_again(const ProtobufCMessage *message)
{
	size_t n = protobuf_c_message_get_packed_size(message);
	uint8_t *bytes = xcalloc(1, n + 1);
	ProtobufCMessage *again;

	assert(protobuf_c_message_pack(message, bytes) == n);
	again = protobuf_c_message_unpack(message->descriptor, NULL, n, bytes);
	free(bytes);
	/* The library keeps a field 0 written in two bytes, writes it in one,
	 * and then refuses it. */
	if (again == NULL)
		return;
	assert(protobuf_c_message_get_packed_size(again) == n);
	protobuf_c_message_free_unpacked(again, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	const ProtobufCMessageDescriptor *type;
	ProtobufCMessage *message;

	if (n < 1)
		return 0;
	type = types[data[0] % ARRAY_LEN(types)];
	if (!wa_pb_bounded(data + 1, n - 1))
		return 0;
	message = protobuf_c_message_unpack(type, NULL, n - 1, data + 1);
	if (message == NULL)
		return 0;
	check_again(message);
	protobuf_c_message_free_unpacked(message, NULL);
	return 0;
}
