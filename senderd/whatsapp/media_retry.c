#include "senderd/whatsapp/media_retry.h"

#include <stdio.h>
#include <string.h>

#include "common/buf.h"
#include "common/err.h"
#include "common/log.h"
#include "common/media/xfer.h"
#include "common/own.h"
#include "common/wa/pbguard.h"
#include "whatsapp.pb-c.h"

#define IV_BYTES 12
#define RESULT_SUCCESS 1
#define RESULT_NOT_FOUND 2

/* ---- the question ---- */

static void add_sealed(struct wa_node *receipt, const struct lane_fetch *fetch)
{
	Wa__ServerErrorReceipt question = WA__SERVER_ERROR_RECEIPT__INIT;
	struct wa_node *encrypt = wa_node_add(receipt, "encrypt");
	scoped(buf_fini) struct buf plain = BUF_INIT;
	scoped(buf_fini) struct buf sealed = BUF_INIT;
	uint8_t iv[IV_BYTES];
	size_t n;

	question.stanza_id = (char *)fetch->wa_id;
	n = wa__server_error_receipt__get_packed_size(&question);
	wa__server_error_receipt__pack(&question, buf_reserve(&plain, n));
	wa_media_retry_seal(
		fetch->ref.key, fetch->wa_id, plain.data, n, iv, &sealed);
	wa_node_bytes(wa_node_add(encrypt, "enc_p"), sealed.data, sealed.len);
	wa_node_bytes(wa_node_add(encrypt, "enc_iv"), iv, sizeof(iv));
}

void media_retry_ask(struct lane *lane, const struct lane_fetch *fetch)
{
	struct wa_node *receipt = wa_node_new(lane->arena, "receipt");
	struct wa_jid self = wa_jid_bare(&lane->id.jid);
	struct wa_node *about;

	wa_node_set(receipt, "id", fetch->wa_id);
	wa_node_set_jid(receipt, "to", &self);
	wa_node_set(receipt, "type", "server-error");
	add_sealed(receipt, fetch);
	about = wa_node_add(receipt, "rmr");
	wa_node_set_jid(about, "jid", &fetch->chat);
	wa_node_set(about, "from_me", fetch->from_me ? "true" : "false");
	wa_node_set_jid(about, "participant", &fetch->participant);
	lane_send(lane, receipt);
}

/* ---- the answer ---- */

static enum media_retry_result answer_read(
	const Wa__MediaRetryNotification *answer, struct lane_fetch *fetch)
{
	const char *path = answer->direct_path;

	if (answer->stanza_id != NULL &&
		strcmp(answer->stanza_id, fetch->wa_id) != 0)
		return MEDIA_RETRY_NONE;
	if (answer->result == RESULT_NOT_FOUND)
		return MEDIA_RETRY_NOT_FOUND;
	if (answer->result != RESULT_SUCCESS || path == NULL ||
		!xfer_path_is_valid(path))
		return MEDIA_RETRY_NONE;
	snprintf(fetch->ref.direct_path, sizeof(fetch->ref.direct_path), "%s",
		path);
	return MEDIA_RETRY_UPLOADED;
}

enum media_retry_result media_retry_read_plain(
	const uint8_t *plain, size_t n, struct lane_fetch *fetch)
{
	Wa__MediaRetryNotification *answer = NULL;
	enum media_retry_result result = MEDIA_RETRY_NONE;

	if (wa_pb_bounded(plain, n))
		answer = wa__media_retry_notification__unpack(NULL, n, plain);
	if (answer != NULL)
		result = answer_read(answer, fetch);
	wa__media_retry_notification__free_unpacked(answer, NULL);
	return result;
}

static enum media_retry_result sealed_read(
	const struct wa_node *encrypt, struct lane_fetch *fetch)
{
	scoped(buf_fini) struct buf plain = BUF_INIT;
	size_t n = 0, n_iv = 0;
	const uint8_t *sealed =
		wa_node_content(wa_node_child(encrypt, "enc_p"), &n);
	const uint8_t *iv =
		wa_node_content(wa_node_child(encrypt, "enc_iv"), &n_iv);

	if (sealed == NULL || iv == NULL || n_iv != IV_BYTES ||
		wa_media_retry_open(fetch->ref.key, fetch->wa_id, iv, sealed, n,
			&plain, NULL) != 0)
		return MEDIA_RETRY_NONE;
	return media_retry_read_plain(plain.data, plain.len, fetch);
}

/* An error is not sealed: nobody else may say so, and it must be about this
 * chat. */
static enum media_retry_result error_read(const struct wa_node *notification,
	const struct wa_node *error, bool is_ours,
	const struct lane_fetch *fetch)
{
	const struct wa_node *about = wa_node_child(notification, "rmr");
	struct wa_jid chat;

	if (!is_ours || (wa_node_jid(about, "jid", &chat) &&
				!wa_jid_same_user(&chat, &fetch->chat)))
		return MEDIA_RETRY_NONE;
	return wa_node_int(error, "code", 0) == RESULT_NOT_FOUND
		       ? MEDIA_RETRY_NOT_FOUND
		       : MEDIA_RETRY_NONE;
}

enum media_retry_result media_retry_read(const struct wa_node *notification,
	bool is_ours, struct lane_fetch *fetch)
{
	const struct wa_node *encrypt = wa_node_child(notification, "encrypt");
	const struct wa_node *error = wa_node_child(notification, "error");

	if (encrypt != NULL)
		return sealed_read(encrypt, fetch);
	if (error != NULL)
		return error_read(notification, error, is_ours, fetch);
	return MEDIA_RETRY_NONE;
}
