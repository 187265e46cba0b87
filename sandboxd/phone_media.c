/* The media of a virtual phone: it encrypts what it sends, checks what it gets,
 * and keeps both for a companion that comes too late for the media host
 * (messages.md section 7). */
#include "sandboxd/phone.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "common/arena.h"
#include "common/clock.h"
#include "common/err.h"
#include "common/ids.h"
#include "common/log.h"
#include "common/own.h"
#include "common/wa/media.h"
#include "common/wa/pbguard.h"
#include "sandboxd/route.h"

#define KEPT_MAX 64
#define KEPT_BYTES_MAX (32u << 20)	/* of one phone */
#define ALL_KEPT_BYTES_MAX (256u << 20) /* of all together */

/* As in MediaRetryNotification.result. */
enum { RESULT_SUCCESS = 1, RESULT_NOT_FOUND = 2, RESULT_DECRYPTION_ERROR = 3 };

struct kept_media {
	STAILQ_ENTRY(kept_media) link;
	uint8_t key[WA_MEDIA_KEY];
	struct buf blob; /* encrypted */
	unsigned asked;	 /* how often it was put on the host again */
	char id[];	 /* of the message */
};

static size_t all_kept_bytes;

/* ---- what is kept ---- */

static void kept_drop(struct phone *phone)
{
	struct kept_media *kept = STAILQ_FIRST(&phone->media);

	STAILQ_REMOVE_HEAD(&phone->media, link);
	phone->n_media--;
	phone->media_bytes -= kept->blob.len;
	all_kept_bytes -= kept->blob.len;
	sodium_memzero(kept->key, sizeof(kept->key));
	buf_fini(&kept->blob);
	free(kept);
}

void phone_media_fini(struct phone *phone)
{
	while (!STAILQ_EMPTY(&phone->media))
		kept_drop(phone);
}

static struct kept_media *kept_find(const struct phone *phone, const char *id)
{
	struct kept_media *kept = STAILQ_FIRST(&phone->media);

	while (kept != NULL && strcmp(kept->id, id) != 0)
		kept = STAILQ_NEXT(kept, link);
	return kept;
}

/* Takes the blob, when there is room for it. */
static void keep(struct phone *phone, const char *id,
	const uint8_t key[WA_MEDIA_KEY], struct buf *blob)
{
	const size_t n_id = strlen(id) + 1;
	struct kept_media *kept;

	if (kept_find(phone, id) != NULL)
		return;
	while (!STAILQ_EMPTY(&phone->media) &&
		(phone->n_media >= KEPT_MAX ||
			phone->media_bytes + blob->len > KEPT_BYTES_MAX ||
			all_kept_bytes + blob->len > ALL_KEPT_BYTES_MAX))
		kept_drop(phone);
	if (blob->len > KEPT_BYTES_MAX ||
		all_kept_bytes + blob->len > ALL_KEPT_BYTES_MAX)
		return;
	kept = xcalloc(1, sizeof(*kept) + n_id);
	memcpy(kept->key, key, sizeof(kept->key));
	memcpy(kept->id, id, n_id);
	kept->blob = *blob;
	*blob = BUF_INIT;
	STAILQ_INSERT_TAIL(&phone->media, kept, link);
	phone->n_media++;
	phone->media_bytes += kept->blob.len;
	all_kept_bytes += kept->blob.len;
}

/* ---- out and in ---- */

int phone_media_upload(struct phone *phone, const char *id, int type,
	const void *file, size_t n, struct phone_blob *out, struct err *err)
{
	scoped(buf_fini) struct buf blob = BUF_INIT;
	struct sandbox *sandbox = phone->sandbox;

	random_bytes(out->key, sizeof(out->key));
	wa_media_seal((enum wa_media_type)type, out->key, file, n, &blob,
		out->sha256, out->enc_sha256);
	if (media_put(sandbox, blob.data, blob.len, &out->direct_path, err) !=
		0)
		return -1;
	out->url = arena_printf(sandbox->arena, "https://%s%s",
		media_hostname(sandbox), out->direct_path);
	keep(phone, id, out->key, &blob);
	return 0;
}

static int fetch(struct phone *phone, const char *id,
	const struct wa_media_ref *ref, struct buf *file, struct err *err)
{
	scoped(buf_fini) struct buf blob = BUF_INIT;

	if (media_get(phone->sandbox, ref->direct_path, &blob, err) != 0 ||
		wa_media_open(ref, blob.data, blob.len, file, err) != 0)
		return -1;
	keep(phone, id, ref->key, &blob);
	return 0;
}

void phone_media_fetch(struct phone *phone, const char *id,
	const struct wa_media_ref *ref, json_t *out)
{
	scoped(buf_fini) struct buf file = BUF_INIT;
	struct err err = ERR_NONE;
	uint8_t sha256[32];
	char hex[2 * sizeof(sha256) + 1];

	if (fetch(phone, id, ref, &file, &err) != 0) {
		json_object_set_new(
			out, "mediaError", json_string(log_quote(err.msg)));
		return;
	}
	wa_sha256(file.data, file.len, sha256);
	sodium_bin2hex(hex, sizeof(hex), sha256, sizeof(sha256));
	json_object_set_new(out, "size", json_integer((json_int_t)file.len));
	json_object_set_new(out, "sha256", json_string(hex));
}

/* ---- gone from the host ---- */

/* Is it our companion's question about this message? */
static bool question_is_right(
	const struct kept_media *kept, const struct wa_node *receipt)
{
	const struct wa_node *encrypt = wa_node_child(receipt, "encrypt");
	scoped(buf_fini) struct buf plain = BUF_INIT;
	size_t n_sealed = 0, n_iv = 0;
	const uint8_t *sealed, *iv;
	Wa__ServerErrorReceipt *question;
	struct err err = ERR_NONE;
	bool right;

	sealed = wa_node_content(wa_node_child(encrypt, "enc_p"), &n_sealed);
	iv = wa_node_content(wa_node_child(encrypt, "enc_iv"), &n_iv);
	if (sealed == NULL || iv == NULL || n_iv != 12 ||
		wa_media_retry_open(kept->key, kept->id, iv, sealed, n_sealed,
			&plain, &err) != 0 ||
		!wa_pb_bounded(plain.data, plain.len))
		return false;
	question =
		wa__server_error_receipt__unpack(NULL, plain.len, plain.data);
	if (question == NULL)
		return false;
	right = question->stanza_id != NULL &&
		strcmp(question->stanza_id, kept->id) == 0;
	wa__server_error_receipt__free_unpacked(question, NULL);
	return right;
}

/* Puts it on the host again.  The path is another one, as after any upload;
 * what names the blob in it is the same. */
static const char *upload_again(struct phone *phone, struct kept_media *kept)
{
	struct err err = ERR_NONE;
	const char *path;

	if (media_put(phone->sandbox, kept->blob.data, kept->blob.len, &path,
		    &err) != 0) {
		log_warning("phone=%s media=%s upload=failed reason=\"%s\" "
			    "action=tell_companion",
			phone->account->pn, log_quote(kept->id), err.msg);
		return NULL;
	}
	return arena_printf(
		phone->sandbox->arena, "%s&again=%u", path, ++kept->asked);
}

static void add_answer(const struct kept_media *kept, int result,
	const char *path, struct wa_node *notification)
{
	Wa__MediaRetryNotification answer = WA__MEDIA_RETRY_NOTIFICATION__INIT;
	scoped(buf_fini) struct buf plain = BUF_INIT, sealed = BUF_INIT;
	struct wa_node *encrypt = wa_node_add(notification, "encrypt");
	uint8_t iv[12];
	size_t n;

	answer.stanza_id = (char *)kept->id;
	answer.direct_path = (char *)path;
	answer.has_result = true;
	answer.result = result;
	n = wa__media_retry_notification__get_packed_size(&answer);
	wa__media_retry_notification__pack(&answer, buf_reserve(&plain, n));
	plain.len = n;
	wa_media_retry_seal(
		kept->key, kept->id, plain.data, plain.len, iv, &sealed);
	wa_node_bytes(wa_node_add(encrypt, "enc_p"), sealed.data, sealed.len);
	wa_node_bytes(wa_node_add(encrypt, "enc_iv"), iv, sizeof(iv));
}

static void answer(struct phone *phone, struct kept_media *kept,
	const struct wa_node *receipt, struct wa_node *notification)
{
	const char *path = NULL;

	if (!question_is_right(kept, receipt)) {
		add_answer(kept, RESULT_DECRYPTION_ERROR, NULL, notification);
		return;
	}
	if (phone->media_retry == PHONE_MEDIA_ANSWER)
		path = upload_again(phone, kept);
	add_answer(kept, path != NULL ? RESULT_SUCCESS : RESULT_NOT_FOUND, path,
		notification);
}

void phone_media_on_retry(struct phone *phone, const struct wa_node *receipt)
{
	struct kept_media *kept = kept_find(phone, route_id(receipt));
	const struct wa_node *rmr = wa_node_child(receipt, "rmr");
	struct wa_jid from, own = wa_jid_pn(phone->account->pn, 0);
	struct wa_node *notification;
	struct device *companion;

	companion = wa_node_jid(receipt, "from", &from)
			    ? directory_device(phone->sandbox, &from)
			    : NULL;
	if (phone->media_retry == PHONE_MEDIA_SILENT || companion == NULL ||
		!phone_is_own(phone, companion->account) ||
		companion->number == 0)
		return;
	notification = route_stanza(phone->sandbox, "notification",
		route_id(receipt), clock_now_ms() / 1000);
	wa_node_set_jid(notification, "from", &own);
	wa_node_set(notification, "type", "mediaretry");
	if (rmr != NULL)
		route_share(notification, rmr);
	if (kept != NULL)
		answer(phone, kept, receipt, notification);
	else
		wa_node_set_int(wa_node_add(notification, "error"), "code",
			RESULT_NOT_FOUND);
	device_deliver(phone->sandbox, companion, notification);
}
