/* Our protobuf schema behind a line protocol, to be compared with another one.
 *
 *   {"schema": true}                         ->  {"Message": [{"name":
 * "conversation", "number": 1, "type": "string", "repeated": false, "message":
 * null}, …], …}
 *   {"type": "Message", "decode": "hex"}     ->  {"value": OBJECT} or {"error":
 * "…"}
 *   {"type": "Message", "encode": OBJECT}    ->  {"hex": "…"} or {"error": "…"}
 *
 * OBJECT has the fields that are present, under their names in our .proto:
 * 64-bit numbers as decimal text, bytes as hex; "unknown" lists the numbers of
 * fields that we do not have. */
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/own.h"
#include "common/wa/pbguard.h"
#include "whatsapp.pb-c.h"

/* What can stand at the top; what is inside them is found through them. */
static const ProtobufCMessageDescriptor *const roots[] = {
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
	&wa__message__descriptor,
	&wa__history_sync__descriptor,
	&wa__lidmigration_mapping_sync_payload__descriptor,
	&wa__web_message_info__descriptor,
};

static const char *type_name(ProtobufCType type)
{
	switch (type) {
	case PROTOBUF_C_TYPE_INT32:
		return "int32";
	case PROTOBUF_C_TYPE_SINT32:
		return "sint32";
	case PROTOBUF_C_TYPE_SFIXED32:
		return "sfixed32";
	case PROTOBUF_C_TYPE_INT64:
		return "int64";
	case PROTOBUF_C_TYPE_SINT64:
		return "sint64";
	case PROTOBUF_C_TYPE_SFIXED64:
		return "sfixed64";
	case PROTOBUF_C_TYPE_UINT32:
		return "uint32";
	case PROTOBUF_C_TYPE_FIXED32:
		return "fixed32";
	case PROTOBUF_C_TYPE_UINT64:
		return "uint64";
	case PROTOBUF_C_TYPE_FIXED64:
		return "fixed64";
	case PROTOBUF_C_TYPE_FLOAT:
		return "float";
	case PROTOBUF_C_TYPE_DOUBLE:
		return "double";
	case PROTOBUF_C_TYPE_BOOL:
		return "bool";
	case PROTOBUF_C_TYPE_ENUM:
		return "enum";
	case PROTOBUF_C_TYPE_STRING:
		return "string";
	case PROTOBUF_C_TYPE_BYTES:
		return "bytes";
	case PROTOBUF_C_TYPE_MESSAGE:
		return "message";
	}
	return "?";
}

static size_t type_size(ProtobufCType type)
{
	switch (type) {
	case PROTOBUF_C_TYPE_INT64:
	case PROTOBUF_C_TYPE_SINT64:
	case PROTOBUF_C_TYPE_SFIXED64:
	case PROTOBUF_C_TYPE_UINT64:
	case PROTOBUF_C_TYPE_FIXED64:
	case PROTOBUF_C_TYPE_DOUBLE:
		return 8;
	case PROTOBUF_C_TYPE_BOOL:
		return sizeof(protobuf_c_boolean);
	case PROTOBUF_C_TYPE_STRING:
	case PROTOBUF_C_TYPE_MESSAGE:
		return sizeof(void *);
	case PROTOBUF_C_TYPE_BYTES:
		return sizeof(ProtobufCBinaryData);
	default:
		return 4;
	}
}

/* ---- hex ---- */

static json_t *hex_json(const uint8_t *bytes, size_t n)
{
	char *text = xcalloc(n + 1, 2);
	json_t *json;

	for (size_t i = 0; i < n; i++)
		snprintf(text + 2 * i, 3, "%02x", bytes[i]);
	json = json_string(text);
	free(text);
	return json;
}

/* On the heap; rubbish gives rubbish. */
static uint8_t *hex_read(const char *text, size_t *n_out)
{
	size_t n = strlen(text) / 2;
	uint8_t *bytes = xcalloc(n + 1, 1);
	unsigned byte;

	for (size_t i = 0; i < n; i++) {
		if (sscanf(text + 2 * i, "%2x", &byte) == 1)
			bytes[i] = (uint8_t)byte;
	}
	*n_out = n;
	return bytes;
}

/* ---- to JSON ---- */

static json_t *message_json(const ProtobufCMessage *message);

static json_t *item_json(ProtobufCType type, const void *at)
{
	const ProtobufCBinaryData *bytes = at;
	char number[32];

	switch (type) {
	case PROTOBUF_C_TYPE_STRING:
		return json_string(*(char *const *)at);
	case PROTOBUF_C_TYPE_BYTES:
		return hex_json(bytes->data, bytes->len);
	case PROTOBUF_C_TYPE_MESSAGE:
		return message_json(*(ProtobufCMessage *const *)at);
	case PROTOBUF_C_TYPE_BOOL:
		return json_boolean(*(const protobuf_c_boolean *)at);
	case PROTOBUF_C_TYPE_DOUBLE:
		return json_real(*(const double *)at);
	case PROTOBUF_C_TYPE_UINT32:
	case PROTOBUF_C_TYPE_FIXED32:
		return json_integer(*(const uint32_t *)at);
	case PROTOBUF_C_TYPE_UINT64:
	case PROTOBUF_C_TYPE_FIXED64:
		snprintf(number, sizeof(number), "%" PRIu64,
			*(const uint64_t *)at);
		return json_string(number);
	case PROTOBUF_C_TYPE_INT64:
	case PROTOBUF_C_TYPE_SINT64:
	case PROTOBUF_C_TYPE_SFIXED64:
		snprintf(number, sizeof(number), "%" PRId64,
			*(const int64_t *)at);
		return json_string(number);
	default:
		return json_integer(*(const int32_t *)at);
	}
}

static bool is_pointer(ProtobufCType type)
{
	return type == PROTOBUF_C_TYPE_STRING ||
	       type == PROTOBUF_C_TYPE_MESSAGE;
}

/* NULL when the field is absent. */
static json_t *field_json(
	const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field)
{
	const char *base = (const char *)message;
	const void *at = base + field->offset;
	const void *quantifier = base + field->quantifier_offset;
	size_t size = type_size(field->type);
	json_t *list;

	if (field->label == PROTOBUF_C_LABEL_REPEATED) {
		size_t n = *(const size_t *)quantifier;
		const char *items = *(const char *const *)at;

		if (n == 0)
			return NULL;
		list = json_array();
		for (size_t i = 0; i < n; i++)
			json_array_append_new(
				list, item_json(field->type, items + i * size));
		return list;
	}
	if (is_pointer(field->type) ? *(const void *const *)at == NULL
				    : !*(const protobuf_c_boolean *)quantifier)
		return NULL;
	return item_json(field->type, at);
}

static json_t *message_json(const ProtobufCMessage *message)
{
	json_t *object = json_object(), *unknown = json_array(), *value;

	for (unsigned i = 0; i < message->descriptor->n_fields; i++) {
		const ProtobufCFieldDescriptor *field =
			&message->descriptor->fields[i];

		value = field_json(message, field);
		if (value != NULL)
			json_object_set_new(object, field->name, value);
	}
	for (unsigned i = 0; i < message->n_unknown_fields; i++)
		json_array_append_new(
			unknown, json_integer(message->unknown_fields[i].tag));
	if (json_array_size(unknown) > 0)
		json_object_set(object, "unknown", unknown);
	json_decref(unknown);
	return object;
}

/* ---- from JSON ---- */

static ProtobufCMessage *message_from(
	const ProtobufCMessageDescriptor *descriptor, json_t *object);

static void item_from(
	const ProtobufCFieldDescriptor *field, json_t *json, void *at)
{
	const char *text = json_string_value(json);
	ProtobufCBinaryData *bytes = at;

	switch (field->type) {
	case PROTOBUF_C_TYPE_STRING:
		*(char **)at = xstrdup(text);
		return;
	case PROTOBUF_C_TYPE_BYTES:
		bytes->data = hex_read(text, &bytes->len);
		return;
	case PROTOBUF_C_TYPE_MESSAGE:
		*(ProtobufCMessage **)at =
			message_from(field->descriptor, json);
		return;
	case PROTOBUF_C_TYPE_BOOL:
		*(protobuf_c_boolean *)at = json_is_true(json);
		return;
	case PROTOBUF_C_TYPE_DOUBLE:
		*(double *)at = json_number_value(json);
		return;
	case PROTOBUF_C_TYPE_UINT64:
		*(uint64_t *)at = strtoull(text, NULL, 10);
		return;
	case PROTOBUF_C_TYPE_INT64:
		*(int64_t *)at = strtoll(text, NULL, 10);
		return;
	default:
		*(int32_t *)at = (int32_t)json_integer_value(json);
	}
}

static void field_from(ProtobufCMessage *message,
	const ProtobufCFieldDescriptor *field, json_t *json)
{
	char *base = (char *)message;
	void *quantifier = base + field->quantifier_offset;
	size_t size = type_size(field->type), n = json_array_size(json);
	char *items;

	if (field->label != PROTOBUF_C_LABEL_REPEATED) {
		item_from(field, json, base + field->offset);
		if (!is_pointer(field->type))
			*(protobuf_c_boolean *)quantifier = 1;
		return;
	}
	items = xcalloc(n + 1, size);
	for (size_t i = 0; i < n; i++)
		item_from(field, json_array_get(json, i), items + i * size);
	*(char **)(base + field->offset) = items;
	*(size_t *)quantifier = n;
}

static ProtobufCMessage *message_from(
	const ProtobufCMessageDescriptor *descriptor, json_t *object)
{
	ProtobufCMessage *message = xcalloc(1, descriptor->sizeof_message);
	const char *name;
	json_t *value;

	descriptor->message_init(message);
	json_object_foreach(object, name, value)
	{
		const ProtobufCFieldDescriptor *field =
			protobuf_c_message_descriptor_get_field_by_name(
				descriptor, name);

		if (field != NULL)
			field_from(message, field, value);
	}
	return message;
}

/* ---- the line protocol ---- */

static json_t *error_json(const char *words)
{
	return json_pack("{s:s}", "error", words);
}

static void schema_add(json_t *schema, const ProtobufCMessageDescriptor *of)
{
	json_t *fields;

	if (json_object_get(schema, of->short_name) != NULL)
		return;
	fields = json_array();
	json_object_set_new(schema, of->short_name, fields);
	for (unsigned i = 0; i < of->n_fields; i++) {
		const ProtobufCFieldDescriptor *field = &of->fields[i];
		const ProtobufCMessageDescriptor *inner =
			field->type == PROTOBUF_C_TYPE_MESSAGE
				? field->descriptor
				: NULL;

		json_array_append_new(fields,
			json_pack("{s:s,s:i,s:s,s:b,s:s?}", "name", field->name,
				"number", (int)field->id, "type",
				type_name(field->type), "repeated",
				field->label == PROTOBUF_C_LABEL_REPEATED,
				"message",
				inner != NULL ? inner->short_name : NULL));
		if (inner != NULL)
			schema_add(schema, inner);
	}
}

static json_t *answer_schema(void)
{
	json_t *schema = json_object();

	for (size_t i = 0; i < ARRAY_LEN(roots); i++)
		schema_add(schema, roots[i]);
	return schema;
}

static json_t *answer_decode(
	const ProtobufCMessageDescriptor *descriptor, const char *hex)
{
	ProtobufCMessage *message = NULL;
	json_t *value;
	size_t n;
	uint8_t *bytes = hex_read(hex, &n);

	if (wa_pb_bounded(bytes, n))
		message = protobuf_c_message_unpack(descriptor, NULL, n, bytes);
	free(bytes);
	if (message == NULL)
		return error_json("not unpacked");
	value = message_json(message);
	protobuf_c_message_free_unpacked(message, NULL);
	return json_pack("{s:o}", "value", value);
}

static json_t *answer_encode(
	const ProtobufCMessageDescriptor *descriptor, json_t *object)
{
	ProtobufCMessage *message = message_from(descriptor, object);
	size_t n = protobuf_c_message_get_packed_size(message);
	uint8_t *bytes = xcalloc(n + 1, 1);
	json_t *hex;

	protobuf_c_message_pack(message, bytes);
	protobuf_c_message_free_unpacked(message, NULL);
	hex = hex_json(bytes, n);
	free(bytes);
	return json_pack("{s:o}", "hex", hex);
}

static json_t *answer(json_t *question)
{
	const char *type = json_string_value(json_object_get(question, "type"));
	json_t *decode = json_object_get(question, "decode");
	json_t *encode = json_object_get(question, "encode");

	if (json_object_get(question, "schema") != NULL)
		return answer_schema();
	for (size_t i = 0; type != NULL && i < ARRAY_LEN(roots); i++) {
		if (strcmp(roots[i]->short_name, type) != 0)
			continue;
		if (json_is_string(decode))
			return answer_decode(
				roots[i], json_string_value(decode));
		if (json_is_object(encode))
			return answer_encode(roots[i], encode);
	}
	return error_json("no question");
}

int main(void)
{
	char *line = NULL;
	size_t cap = 0;

	while (getline(&line, &cap, stdin) > 0) {
		json_t *question = json_loads(line, 0, NULL);
		json_t *reply = answer(question);

		json_dumpf(reply, stdout, JSON_COMPACT);
		putchar('\n');
		json_decref(reply);
		json_decref(question);
	}
	free(line);
	return fflush(stdout) == 0 ? 0 : 1;
}
