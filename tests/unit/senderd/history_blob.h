/* A HistorySync, written chat by chat into a zlib stream. */
#ifndef TESTS_UNIT_SENDERD_HISTORY_BLOB_H
#define TESTS_UNIT_SENDERD_HISTORY_BLOB_H

#include <assert.h>
#include <stdint.h>
#include <string.h>
#include <zlib.h>

#include "common/buf.h"
#include "common/own.h"
#include "whatsapp.pb-c.h"

struct history_blob {
	z_stream zip;
	struct buf out; /* what is complete */
};

static inline void history_blob_begin(struct history_blob *blob)
{
	*blob = (struct history_blob){ 0 };
	assert(deflateInit(&blob->zip, 1) == Z_OK);
}

static inline void history_blob_write(
	struct history_blob *blob, const void *bytes, size_t n, int flush)
{
	blob->zip.next_in = (uint8_t *)bytes;
	blob->zip.avail_in = (unsigned)n;
	do {
		blob->zip.next_out = buf_reserve(&blob->out, 65536);
		blob->zip.avail_out = 65536;
		assert(deflate(&blob->zip, flush) != Z_STREAM_ERROR);
		blob->out.len += 65536 - blob->zip.avail_out;
	} while (blob->zip.avail_out == 0);
}

/* A field of HistorySync. */
static inline void history_blob_field(
	struct history_blob *blob, uint32_t number, const void *bytes, size_t n)
{
	struct buf head = BUF_INIT;
	uint64_t values[] = { (uint64_t)number << 3 | 2, n };

	for (size_t i = 0; i < 2; i++) {
		for (; values[i] >= 0x80; values[i] >>= 7)
			buf_add_byte(&head, (uint8_t)(values[i] | 0x80));
		buf_add_byte(&head, (uint8_t)values[i]);
	}
	history_blob_write(blob, head.data, head.len, Z_NO_FLUSH);
	history_blob_write(blob, bytes, n, Z_NO_FLUSH);
	buf_fini(&head);
}

static inline void history_blob_add(struct history_blob *blob, uint32_t number,
	const ProtobufCMessage *part)
{
	struct buf bytes = BUF_INIT;
	size_t n = protobuf_c_message_get_packed_size(part);

	protobuf_c_message_pack(part, buf_reserve(&bytes, n + 1));
	history_blob_field(blob, number, bytes.data, n);
	buf_fini(&bytes);
}

static inline void history_blob_pair(
	struct history_blob *blob, const char *pn, const char *lid)
{
	Wa__PhoneNumberToLIDMapping pair = WA__PHONE_NUMBER_TO_LIDMAPPING__INIT;

	pair.pn_jid = (char *)pn;
	pair.lid_jid = (char *)lid;
	history_blob_add(blob, 15, &pair.base);
}

static inline void history_blob_name(
	struct history_blob *blob, const char *jid, const char *name)
{
	Wa__Pushname entry = WA__PUSHNAME__INIT;

	entry.id = (char *)jid;
	entry.pushname = (char *)name;
	history_blob_add(blob, 7, &entry.base);
}

static inline void history_blob_end(struct history_blob *blob)
{
	history_blob_write(blob, "", 0, Z_FINISH);
	deflateEnd(&blob->zip);
}

static inline void history_blob_fini(struct history_blob *blob)
{
	buf_fini(&blob->out);
}

/* A chat whose messages are texts of a few words. */
struct told {
	const char *wa_id, *text;
	const char *participant; /* of a group, or NULL */
	int64_t t;		 /* unix seconds */
	bool from_me;
};

static inline void history_blob_chat(struct history_blob *blob,
	const Wa__Conversation *settings, const struct told *told, size_t n)
{
	Wa__Conversation chat = *settings;
	Wa__HistorySyncMsg *entries = xcalloc(n + 1, sizeof *entries);
	Wa__HistorySyncMsg **pointers = xcalloc(n + 1, sizeof *pointers);
	Wa__WebMessageInfo *infos = xcalloc(n + 1, sizeof *infos);
	Wa__MessageKey *keys = xcalloc(n + 1, sizeof *keys);
	Wa__Message *messages = xcalloc(n + 1, sizeof *messages);

	for (size_t i = 0; i < n; i++) {
		wa__history_sync_msg__init(&entries[i]);
		wa__web_message_info__init(&infos[i]);
		wa__message_key__init(&keys[i]);
		wa__message__init(&messages[i]);
		keys[i].remote_jid = chat.id;
		keys[i].has_from_me = true;
		keys[i].from_me = told[i].from_me;
		keys[i].id = (char *)told[i].wa_id;
		infos[i].participant = (char *)told[i].participant;
		infos[i].key = &keys[i];
		infos[i].has_message_timestamp = true;
		infos[i].message_timestamp = (uint64_t)told[i].t;
		infos[i].message = &messages[i];
		messages[i].conversation = (char *)told[i].text;
		entries[i].message = &infos[i];
		pointers[i] = &entries[i];
	}
	chat.n_messages = n;
	chat.messages = pointers;
	history_blob_add(blob, 2, &chat.base);
	free(entries);
	free(pointers);
	free(infos);
	free(keys);
	free(messages);
}

#endif
