/* History for companions (messages.md 4.7, connection.md 8.10): one blob a
 * chunk, made chat by chat straight into the deflater, and one chunk a turn of
 * the loop, so that a hundred thousand messages stop nobody. */
#include "sandboxd/phone_history.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "common/arena.h"
#include "common/err.h"
#include "common/ids.h"
#include "common/log.h"
#include "common/own.h"
#include "common/wa/media.h"

#define INLINE_MAX (256u << 10) /* what a message may carry */
#define ARENA_BYTES (64u << 10)
#define PACE_MS 1
#define FIELD_CONVERSATIONS 2
#define FIELD_PUSHNAMES 7
#define FIELD_MAPPINGS 15
#define ON_DEMAND_MAX 500

/* Chunks that a companion has not been sent yet. */
struct job {
	STAILQ_ENTRY(job) link;
	unsigned companion; /* 0: all that have no job of their own */
	unsigned chunk;	    /* the next one */
};

struct phone_history {
	struct phone *phone; /* borrowed */
	struct history_source source;
	STAILQ_HEAD(job_list, job) jobs;
	struct sandbox_timer *timer;
};

/* ---- life ---- */

static const struct phone_history_order no_history = { .chunks = 1 };

static struct phone_history *history_of(struct phone *phone)
{
	struct phone_history *history = phone->history;

	if (history != NULL)
		return history;
	history = phone->history = xcalloc(1, sizeof(*history));
	history->phone = phone;
	history_source_init(&history->source, phone, &no_history);
	STAILQ_INIT(&history->jobs);
	return history;
}

static void job_drop(struct phone_history *history, struct job *job)
{
	STAILQ_REMOVE(&history->jobs, job, job, link);
	free(job);
}

void phone_history_free(struct phone_history **historyp)
{
	struct phone_history *history = move(*historyp);

	if (history == NULL)
		return;
	sandbox_timer_cancel(&history->timer);
	while (!STAILQ_EMPTY(&history->jobs))
		job_drop(history, STAILQ_FIRST(&history->jobs));
	history_source_fini(&history->source);
	free(history);
}

unsigned phone_history_pending(const struct phone *phone)
{
	unsigned n = 0;

	if (phone->history == NULL)
		return 0;
	for (const struct job *job = STAILQ_FIRST(&phone->history->jobs);
		job != NULL; job = STAILQ_NEXT(job, link))
		n += phone->history->source.order.chunks - job->chunk;
	return n;
}

/* ---- a HistorySync on its way into zlib ---- */

struct chunk {
	z_stream zlib;
	struct buf raw, packed; /* waiting for the deflater; its output */
	struct arena *arena;	/* of one chat at a time */
	int64_t oldest_s;
};

static void chunk_flush(struct chunk *chunk, int flush)
{
	chunk->zlib.next_in = chunk->raw.data;
	chunk->zlib.avail_in = (uInt)chunk->raw.len;
	do {
		uint8_t *room = buf_reserve(&chunk->packed, 32768);

		chunk->zlib.next_out = room;
		chunk->zlib.avail_out = 32768;
		deflate(&chunk->zlib, flush);
		chunk->packed.len += 32768 - chunk->zlib.avail_out;
	} while (chunk->zlib.avail_out == 0);
	buf_clear(&chunk->raw);
}

static void chunk_open(struct chunk *chunk)
{
	*chunk = (struct chunk){ .arena = arena_new(ARENA_BYTES) };
	if (deflateInit(&chunk->zlib, Z_DEFAULT_COMPRESSION) != Z_OK)
		abort(); /* out of memory, or another zlib than at build */
}

static void chunk_close(struct chunk *chunk)
{
	deflateEnd(&chunk->zlib);
	arena_free(&chunk->arena);
	buf_fini(&chunk->raw);
	buf_fini(&chunk->packed);
}

static void add_varint(struct buf *out, uint64_t value)
{
	for (; value >= 0x80; value >>= 7)
		buf_add_byte(out, (uint8_t)(value | 0x80));
	buf_add_byte(out, (uint8_t)value);
}

/* One more of a repeated message in HistorySync: order does not matter there,
 * so the list itself never exists. */
static void chunk_add(
	struct chunk *chunk, unsigned field, const ProtobufCMessage *message)
{
	size_t n = protobuf_c_message_get_packed_size(message);

	add_varint(&chunk->raw, field << 3 | 2);
	add_varint(&chunk->raw, n);
	protobuf_c_message_pack(message, buf_reserve(&chunk->raw, n));
	chunk->raw.len += n;
	chunk_flush(chunk, Z_NO_FLUSH);
}

/* Type, order and progress; @progress < 0: none. */
static void chunk_end(struct chunk *chunk, Wa__HistorySyncType type,
	unsigned order, int progress)
{
	Wa__HistorySync head = WA__HISTORY_SYNC__INIT;
	size_t n;

	head.has_sync_type = true;
	head.sync_type = type;
	head.has_chunk_order = true;
	head.chunk_order = order;
	head.has_progress = progress >= 0;
	head.progress = (uint32_t)progress;
	n = wa__history_sync__get_packed_size(&head);
	wa__history_sync__pack(&head, buf_reserve(&chunk->raw, n));
	chunk->raw.len += n;
	chunk_flush(chunk, Z_FINISH);
}

/* ---- what is in it ---- */

static void add_mapping(
	struct chunk *chunk, const struct wa_jid *pn, const struct wa_jid *lid)
{
	Wa__PhoneNumberToLIDMapping mapping =
		WA__PHONE_NUMBER_TO_LIDMAPPING__INIT;
	char pn_text[WA_JID_TEXT], lid_text[WA_JID_TEXT];

	mapping.pn_jid = wa_jid_text(pn, pn_text);
	mapping.lid_jid = wa_jid_text(lid, lid_text);
	chunk_add(chunk, FIELD_MAPPINGS, &mapping.base);
}

static void add_own_mapping(struct chunk *chunk, const struct account *account)
{
	struct wa_jid pn = wa_jid_pn(account->pn, 0);
	struct wa_jid lid = wa_jid_lid(account->lid, 0);

	add_mapping(chunk, &pn, &lid);
}

static void add_chat(struct chunk *chunk, const struct history_source *source,
	unsigned k, unsigned first, unsigned count)
{
	struct history_peer peer;

	history_peer_of(source, k, &peer);
	if (peer.group == NULL)
		add_mapping(chunk, &peer.pn, &peer.id);
	chunk_add(chunk, FIELD_CONVERSATIONS,
		&history_conversation(source, chunk->arena, k, first, count)
			 ->base);
	if (count > 0) {
		int64_t t = history_time(source, k, first + count - 1);

		if (chunk->oldest_s == 0 || t < chunk->oldest_s)
			chunk->oldest_s = t;
	}
	arena_reset(chunk->arena);
}

static void add_name(
	struct chunk *chunk, const struct wa_jid *jid, const char *text)
{
	Wa__Pushname name = WA__PUSHNAME__INIT;
	char id[WA_JID_TEXT];

	name.id = wa_jid_text(jid, id);
	name.pushname = (char *)text;
	chunk_add(chunk, FIELD_PUSHNAMES, &name.base);
}

/* Chats of the @i-th of all chunks. */
static void add_share(
	struct chunk *chunk, const struct history_source *source, unsigned i)
{
	const uint64_t chats = source->order.chats, n = source->order.chunks;
	const unsigned end = (unsigned)(chats * (i + 1) / n);

	for (unsigned k = (unsigned)(chats * i / n); k < end; k++)
		add_chat(chunk, source, k, 0, history_n_messages(source, k));
}

/* ---- notifications ---- */

/* What is told of a finished chunk. */
struct parcel {
	struct phone *phone;
	const struct chunk *chunk;
	Wa__HistorySyncType type;
	unsigned order;
	int progress;
	const char *session; /* the request it answers, or NULL */
	/* on the media host, once somebody needs it there */
	const char *path;
	uint8_t key[WA_MEDIA_KEY], sha256[32], enc_sha256[32];
};

static bool goes_inline(
	const struct parcel *parcel, const struct device *companion)
{
	const struct phone_history_order *order =
		&parcel->phone->history->source.order;

	if (parcel->chunk->packed.len > INLINE_MAX)
		return false;
	switch (order->inline_payload) {
	case PHONE_INLINE_AS_ASKED:
		return companion->inline_history;
	case PHONE_INLINE_NEVER:
		return false;
	case PHONE_INLINE_ALWAYS:
		return true;
	}
	return false;
}

static int parcel_upload(struct parcel *parcel, struct err *err)
{
	scoped(buf_fini) struct buf blob = BUF_INIT;
	const struct buf *file = &parcel->chunk->packed;

	if (parcel->path != NULL)
		return 0;
	random_bytes(parcel->key, sizeof(parcel->key));
	wa_media_seal(WA_MEDIA_HISTORY, parcel->key, file->data, file->len,
		&blob, parcel->sha256, parcel->enc_sha256);
	return media_put(parcel->phone->sandbox, blob.data, blob.len,
		&parcel->path, err);
}

static ProtobufCBinaryData bytes_of(const void *data, size_t n)
{
	return (ProtobufCBinaryData){ .len = n, .data = (uint8_t *)data };
}

static void fill_reference(
	const struct parcel *parcel, Wa__HistorySyncNotification *out)
{
	out->direct_path = (char *)parcel->path;
	out->has_media_key = out->has_file_sha256 = out->has_file_enc_sha256 =
		out->has_file_length = true;
	out->media_key = bytes_of(parcel->key, sizeof(parcel->key));
	out->file_sha256 = bytes_of(parcel->sha256, sizeof(parcel->sha256));
	out->file_enc_sha256 =
		bytes_of(parcel->enc_sha256, sizeof(parcel->enc_sha256));
	out->file_length = parcel->chunk->packed.len;
}

static void fill_notification(
	const struct parcel *parcel, Wa__HistorySyncNotification *out)
{
	out->has_sync_type = out->has_chunk_order = true;
	out->sync_type = parcel->type;
	out->chunk_order = parcel->order;
	out->has_progress = parcel->progress >= 0;
	out->progress = (uint32_t)parcel->progress;
	out->has_oldest_msg_in_chunk_timestamp_sec =
		parcel->chunk->oldest_s > 0;
	out->oldest_msg_in_chunk_timestamp_sec = parcel->chunk->oldest_s;
	out->peer_data_request_session_id = (char *)parcel->session;
}

static bool parcel_send(struct parcel *parcel, struct device *companion)
{
	Wa__HistorySyncNotification notification =
		WA__HISTORY_SYNC_NOTIFICATION__INIT;
	Wa__ProtocolMessage protocol = WA__PROTOCOL_MESSAGE__INIT;
	Wa__Message message = WA__MESSAGE__INIT;
	struct err err = ERR_NONE;

	fill_notification(parcel, &notification);
	if (goes_inline(parcel, companion)) {
		notification.has_initial_hist_bootstrap_inline_payload = true;
		notification.initial_hist_bootstrap_inline_payload = bytes_of(
			parcel->chunk->packed.data, parcel->chunk->packed.len);
	} else if (parcel_upload(parcel, &err) == 0) {
		fill_reference(parcel, &notification);
	} else {
		log_warning("phone=%s history=not_uploaded reason=\"%s\" "
			    "action=skip_chunk",
			parcel->phone->account->pn, err.msg);
		return false;
	}
	protocol.has_type = true;
	protocol.type = WA__PROTOCOL_MESSAGE__TYPE__HISTORY_SYNC_NOTIFICATION;
	protocol.history_sync_notification = &notification;
	message.protocol_message = &protocol;
	return phone_send_peer(parcel->phone, companion, &message);
}

/* ---- the parts of a first sync ---- */

/* To one companion, or to all that wait for nothing else. */
typedef bool send_fn(struct parcel *parcel, void *arg);

static bool to_one(struct parcel *parcel, void *arg)
{
	return parcel_send(parcel, arg);
}

/* The first chunk goes as the bootstrap, the others follow as recent ones. */
static bool send_share(
	struct phone_history *history, unsigned i, send_fn *send, void *arg)
{
	const unsigned chunks = history->source.order.chunks;
	struct parcel parcel = { .phone = history->phone,
		.type = i == 0 ? WA__HISTORY_SYNC_TYPE__INITIAL_BOOTSTRAP
			       : WA__HISTORY_SYNC_TYPE__RECENT,
		.order = i == 0 ? 1 : i,
		.progress = (int)(100 * (i + 1) / chunks) };
	struct chunk chunk;
	bool sent;

	chunk_open(&chunk);
	parcel.chunk = &chunk;
	if (i == 0)
		add_own_mapping(&chunk, history->phone->account);
	add_share(&chunk, &history->source, i);
	chunk_end(&chunk, parcel.type, parcel.order, parcel.progress);
	sent = send(&parcel, arg);
	chunk_close(&chunk);
	return sent;
}

static bool send_names(struct phone_history *history, send_fn *send, void *arg)
{
	const struct account *account = history->phone->account;
	const struct wa_jid own = wa_jid_pn(account->pn, 0);
	struct parcel parcel = { .phone = history->phone,
		.type = WA__HISTORY_SYNC_TYPE__PUSH_NAME,
		.order = 1,
		.progress = -1 };
	struct history_peer peer;
	struct chunk chunk;
	bool sent;

	chunk_open(&chunk);
	parcel.chunk = &chunk;
	add_name(&chunk, &own, account->push_name);
	for (unsigned k = 0; k < history->source.order.chats; k++) {
		history_peer_of(&history->source, k, &peer);
		if (peer.group == NULL)
			add_name(&chunk, &peer.pn, peer.name);
	}
	chunk_end(&chunk, parcel.type, parcel.order, parcel.progress);
	sent = send(&parcel, arg);
	chunk_close(&chunk);
	return sent;
}

/* When the bootstrap was all there is. */
static bool send_nothing_more(
	struct phone_history *history, send_fn *send, void *arg)
{
	struct parcel parcel = { .phone = history->phone,
		.type = WA__HISTORY_SYNC_TYPE__RECENT,
		.order = 1,
		.progress = 100 };
	struct chunk chunk;
	bool sent;

	chunk_open(&chunk);
	parcel.chunk = &chunk;
	chunk_end(&chunk, parcel.type, parcel.order, parcel.progress);
	sent = send(&parcel, arg);
	chunk_close(&chunk);
	return sent;
}

/* ---- one chunk after the other ---- */

static bool has_own_job(const struct phone_history *history, unsigned companion)
{
	const struct job *job = STAILQ_FIRST(&history->jobs);

	while (job != NULL && job->companion != companion)
		job = STAILQ_NEXT(job, link);
	return job != NULL;
}

static bool to_all(struct parcel *parcel, void *arg)
{
	const struct phone_history *history = arg;
	bool any = false;

	account_each_device (device, parcel->phone->account) {
		if (device->number == 0 || !device->welcomed ||
			has_own_job(history, device->number))
			continue;
		any = parcel_send(parcel, device) || any;
	}
	return any;
}

static void on_history_timer(void *arg);

static void timer_arm(struct phone_history *history)
{
	if (history->timer == NULL && !STAILQ_EMPTY(&history->jobs))
		history->timer = sandbox_after(history->phone->sandbox, PACE_MS,
			on_history_timer, history);
}

static void job_add(
	struct phone_history *history, unsigned companion, unsigned chunk)
{
	struct job *job = xcalloc(1, sizeof(*job));

	job->companion = companion;
	job->chunk = chunk;
	STAILQ_INSERT_TAIL(&history->jobs, job, link);
	timer_arm(history);
}

static bool job_step(struct phone_history *history, struct job *job)
{
	struct device *device =
		account_device(history->phone->account, job->companion);
	const unsigned chunk = job->chunk++;

	if (job->companion == 0)
		return (chunk > 0 || send_names(history, to_all, history)) &&
		       send_share(history, chunk, to_all, history);
	return device != NULL && send_share(history, chunk, to_one, device);
}

static void on_history_timer(void *arg)
{
	struct phone_history *history = arg;
	struct job *job = STAILQ_FIRST(&history->jobs);
	const unsigned chunks = history->source.order.chunks;

	history->timer = NULL;
	if (!job_step(history, job) || job->chunk >= chunks) {
		log_info("phone=%s device=%u history=%s chunks=%u",
			history->phone->account->pn, job->companion,
			job->chunk >= chunks ? "sent" : "stopped", job->chunk);
		job_drop(history, job);
	}
	timer_arm(history);
}

static bool has_companions(const struct account *account)
{
	account_each_device (device, account) {
		if (device->number > 0 && device->welcomed)
			return true;
	}
	return false;
}

void phone_history_set(
	struct phone *phone, const struct phone_history_order *order)
{
	struct phone_history *history = history_of(phone);

	while (!STAILQ_EMPTY(&history->jobs))
		job_drop(history, STAILQ_FIRST(&history->jobs));
	sandbox_timer_cancel(&history->timer);
	history_source_fini(&history->source);
	history_source_init(&history->source, phone, order);
	if (has_companions(phone->account))
		job_add(history, 0, 0);
}

bool phone_history_send(struct phone *phone, struct device *companion)
{
	struct phone_history *history = history_of(phone);

	if (!send_share(history, 0, to_one, companion) ||
		!send_names(history, to_one, companion))
		return false;
	if (history->source.order.chunks == 1)
		return send_nothing_more(history, to_one, companion);
	job_add(history, companion->number, 1);
	return true;
}

/* ---- on demand ---- */

static bool chat_find(
	const struct history_source *source, const char *text, unsigned *k_out)
{
	struct history_peer peer;
	struct wa_jid jid;

	if (text == NULL || wa_jid_parse(text, strlen(text), &jid) != 0)
		return false;
	for (unsigned k = 0; k < source->order.chats; k++) {
		history_peer_of(source, k, &peer);
		if (wa_jid_equal(&peer.id, &jid) ||
			wa_jid_equal(&peer.pn, &jid)) {
			*k_out = k;
			return true;
		}
	}
	return false;
}

/* The messages before the one that the companion has; none of a chat that the
 * history does not know. */
static void add_older(struct chunk *chunk, const struct history_source *source,
	const Wa__HistorySyncOnDemandRequest *request)
{
	unsigned k, index, first, left, wanted = ON_DEMAND_MAX;

	if (request->oldest_msg_id != NULL &&
		history_find(source, request->oldest_msg_id, &k, &index))
		first = index + 1;
	else if (chat_find(source, request->chat_jid, &k))
		first = history_n_messages(source, k);
	else
		return;
	left = history_n_all(source, k) - first;
	if (request->on_demand_msg_count > 0 &&
		request->on_demand_msg_count < ON_DEMAND_MAX)
		wanted = (unsigned)request->on_demand_msg_count;
	add_chat(chunk, source, k, first, left < wanted ? left : wanted);
}

void phone_history_on_demand(struct phone *phone, struct device *companion,
	const char *request_id, const Wa__HistorySyncOnDemandRequest *request)
{
	struct phone_history *history = history_of(phone);
	struct parcel parcel = { .phone = phone,
		.type = WA__HISTORY_SYNC_TYPE__ON_DEMAND,
		.order = 1,
		.progress = -1,
		.session = request_id };
	struct chunk chunk;

	chunk_open(&chunk);
	parcel.chunk = &chunk;
	add_older(&chunk, &history->source, request);
	chunk_end(&chunk, parcel.type, parcel.order, parcel.progress);
	parcel_send(&parcel, companion);
	chunk_close(&chunk);
}
