/* Encrypted first, into a file without a name, since the hash of the blob is in
 * the address that it goes to. */
#include "mediaxfer/worker.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <curl/curl.h>
#include <sodium.h>

#include "common/buf.h"
#include "common/err.h"
#include "common/own.h"
#include "mediaxfer/http.h"
#include "mediaxfer/reply.h"
#include "mediaxfer/rounds.h"

#define PIECE 65536
#define TOKEN_LEN 44 /* base64 of 32 bytes without padding, and the NUL */

struct upload {
	const struct xfer_request *request; /* borrowed */
	struct xfer_answer *answer;	    /* borrowed */
	struct http *http;
	uint64_t n_blob;
	char token[TOKEN_LEN];
	char *auth;	  /* escaped for URLs */
	struct buf reply; /* of the host that is being tried */
};

/* ---- encrypting ---- */

static int write_all(const struct buf *bytes, struct err *err)
{
	for (size_t at = 0; at < bytes->len;) {
		ssize_t n = write(
			XFER_FD_SCRATCH, bytes->data + at, bytes->len - at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return err_set(err, ERR_IO, "scratch file: %s",
				n < 0 ? strerror(errno) : "full");
		at += (size_t)n;
	}
	return 0;
}

/* What is in the cipher's buffer goes to the scratch file. */
static int blob_write(struct upload *up, struct buf *blob, struct err *err)
{
	if (write_all(blob, err) != 0)
		return -1;
	up->n_blob += blob->len;
	buf_clear(blob);
	return 0;
}

static int pieces_encrypt(struct upload *up, struct wa_media_cipher *cipher,
	struct buf *blob, struct err *err)
{
	uint8_t piece[PIECE];
	ssize_t n;

	while ((n = read(XFER_FD_FILE, piece, sizeof(piece))) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_set(
				err, ERR_IO, "file: %s", strerror(errno));
		up->answer->length += (uint64_t)n;
		if (up->answer->length > up->request->max_bytes)
			return err_set(err, ERR_TOO_LARGE,
				"the file is larger than allowed");
		wa_media_feed(cipher, piece, (size_t)n, blob);
		if (blob_write(up, blob, err) != 0)
			return -1;
	}
	return 0;
}

static int encrypt(struct upload *up, struct err *err)
{
	const struct wa_media_ref *ref = &up->request->ref;
	scoped(wa_media_cipher_free) struct wa_media_cipher *cipher =
		wa_media_encrypt_new(ref->type, ref->key);
	scoped(buf_fini) struct buf blob = BUF_INIT;
	struct xfer_answer *answer = up->answer;

	if (pieces_encrypt(up, cipher, &blob, err) != 0 ||
		wa_media_finish(cipher, &blob, answer->sha256,
			answer->enc_sha256, err) != 0)
		return -1;
	return blob_write(up, &blob, err);
}

/* ---- offering ---- */

static int on_reply(const void *bytes, size_t n, void *arg)
{
	struct upload *up = arg;

	if (up->reply.len + n > REPLY_MAX)
		return -1;
	buf_add(&up->reply, bytes, n);
	return 0;
}

static enum verdict verdict_of(struct upload *up, long status, struct err *err)
{
	if (status == 200)
		return reply_parse(up->reply.data, up->reply.len, up->answer,
			       err) == 0
			       ? VERDICT_DONE
			       : VERDICT_SKIP;
	err_set(err, ERR_PEER, "the host answered %ld", status);
	if (http_is_passing(status))
		return VERDICT_AGAIN;
	if (status == 401 || status == 403)
		return VERDICT_AUTH;
	return status == 413 ? VERDICT_REFUSED : VERDICT_SKIP;
}

static enum verdict host_try(const char *host, void *arg, struct err *err)
{
	struct upload *up = arg;
	const struct xfer_request *request = up->request;
	scoped(str_free) char *url =
		xasprintf("%s://%s/mms/%s/%s?auth=%s&token=%s",
			request->is_plain ? "http" : "https", host,
			wa_media_mms(request->ref.type), up->token, up->auth,
			up->token);
	struct http_call call = { .url = url,
		.body_fd = XFER_FD_SCRATCH,
		.body_bytes = up->n_blob,
		.on_bytes = on_reply,
		.arg = up };

	buf_clear(&up->reply);
	if (http_run(up->http, &call, err) != 0)
		return VERDICT_AGAIN;
	return verdict_of(up, call.status, err);
}

static enum xfer_result upload(
	struct upload *up, int64_t deadline_ms, struct err *err)
{
	if (encrypt(up, err) != 0)
		return err->code == ERR_TOO_LARGE ? XFER_REFUSED : XFER_FAILED;
	sodium_bin2base64(up->token, sizeof(up->token), up->answer->enc_sha256,
		32, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
	up->auth = curl_easy_escape(NULL, up->request->auth, 0);
	up->http = http_new(up->request, deadline_ms, err);
	if (up->auth == NULL || up->http == NULL)
		return err->code == ERR_INVALID ? XFER_REFUSED : XFER_FAILED;
	return rounds_run(up->request, deadline_ms, host_try, up, err);
}

enum xfer_result upload_run(const struct xfer_request *request,
	int64_t deadline_ms, struct xfer_answer *out, struct err *err)
{
	struct upload up = { .request = request, .answer = out };
	enum xfer_result result = upload(&up, deadline_ms, err);

	http_free(&up.http);
	curl_free(up.auth);
	buf_fini(&up.reply);
	return result;
}
