/* Decrypted on its way into the file, which nobody looks at before the MAC,
 * both hashes and the length were found right. */
#include "mediaxfer/worker.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <sodium.h>

#include "common/buf.h"
#include "common/err.h"
#include "common/own.h"
#include "mediaxfer/http.h"
#include "mediaxfer/rounds.h"

#define HASH_TEXT 48
#define BLOCK 16

struct download {
	const struct xfer_request *request; /* borrowed */
	struct xfer_answer *answer;	    /* borrowed */
	struct http *http;
	/* Of the host that is being tried: */
	struct wa_media_cipher *cipher;
	struct buf plain;
	uint64_t n_blob;
	struct err failure; /* why the body was not taken further */
};

static int write_all(const struct buf *bytes, struct err *err)
{
	for (size_t at = 0; at < bytes->len;) {
		ssize_t n =
			write(XFER_FD_FILE, bytes->data + at, bytes->len - at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return err_set(err, ERR_IO, "file: %s",
				n < 0 ? strerror(errno) : "full");
		at += (size_t)n;
	}
	return 0;
}

static int plain_write(struct download *down, struct err *err)
{
	if (write_all(&down->plain, err) != 0)
		return -1;
	down->answer->length += down->plain.len;
	buf_clear(&down->plain);
	return 0;
}

static uint64_t blob_bytes(uint64_t n_file)
{
	return (n_file / BLOCK + 1) * BLOCK + WA_MEDIA_MAC;
}

static int on_blob(const void *bytes, size_t n, void *arg)
{
	struct download *down = arg;

	down->n_blob += n;
	if (down->n_blob > blob_bytes(down->request->max_bytes))
		return err_set(&down->failure, ERR_TOO_LARGE,
			"the file is larger than allowed");
	wa_media_feed(down->cipher, bytes, n, &down->plain);
	return plain_write(down, &down->failure);
}

/* An empty file and a fresh cipher. */
static int start_over(struct download *down, struct err *err)
{
	const struct wa_media_ref *ref = &down->request->ref;

	if (ftruncate(XFER_FD_FILE, 0) != 0 ||
		lseek(XFER_FD_FILE, 0, SEEK_SET) != 0)
		return err_set(err, ERR_IO, "file: %s", strerror(errno));
	wa_media_cipher_free(&down->cipher);
	down->cipher = wa_media_decrypt_new(ref->type, ref->key);
	buf_clear(&down->plain);
	down->n_blob = down->answer->length = 0;
	down->failure = ERR_NONE;
	return 0;
}

/* All of it came. */
static enum verdict verify(struct download *down, struct err *err)
{
	struct xfer_answer *answer = down->answer;

	if (wa_media_finish(down->cipher, &down->plain, answer->sha256,
		    answer->enc_sha256, err) != 0)
		return VERDICT_CORRUPT;
	if (plain_write(down, err) != 0)
		return VERDICT_BROKEN;
	if (answer->length > down->request->max_bytes) {
		err_set(err, ERR_TOO_LARGE, "the file is larger than allowed");
		return VERDICT_REFUSED;
	}
	if (wa_media_check(&down->request->ref, answer->length, answer->sha256,
		    answer->enc_sha256, err) != 0)
		return VERDICT_CORRUPT;
	/* Here and not where the file is given its name: that is an event loop.
	 */
	if (fsync(XFER_FD_FILE) != 0) {
		err_set(err, ERR_IO, "file: %s", strerror(errno));
		return VERDICT_BROKEN;
	}
	return VERDICT_DONE;
}

static enum verdict verdict_of(
	struct download *down, long status, struct err *err)
{
	if (status == 200)
		return verify(down, err);
	err_set(err, ERR_PEER, "the host answered %ld", status);
	if (http_is_passing(status))
		return VERDICT_AGAIN;
	return status == 403 || status == 404 || status == 410 ? VERDICT_GONE
							       : VERDICT_SKIP;
}

static char *url_of(const struct xfer_request *request, const char *host)
{
	const struct wa_media_ref *ref = &request->ref;
	char hash[HASH_TEXT];

	sodium_bin2base64(hash, sizeof(hash), ref->enc_sha256, 32,
		sodium_base64_VARIANT_URLSAFE);
	return xasprintf("%s://%s%s%chash=%s&mms-type=%s&__wa-mms=",
		request->is_plain ? "http" : "https", host, ref->direct_path,
		strchr(ref->direct_path, '?') != NULL ? '&' : '?', hash,
		wa_media_mms(ref->type));
}

static enum verdict host_try(const char *host, void *arg, struct err *err)
{
	struct download *down = arg;
	scoped(str_free) char *url = url_of(down->request, host);
	struct http_call call = {
		.url = url, .body_fd = -1, .on_bytes = on_blob, .arg = down
	};
	int rc;

	if (start_over(down, err) != 0)
		return VERDICT_BROKEN;
	rc = http_run(down->http, &call, err);
	if (down->failure.code != ERR_OK) {
		*err = down->failure;
		return err->code == ERR_TOO_LARGE ? VERDICT_REFUSED
						  : VERDICT_BROKEN;
	}
	return rc != 0 ? VERDICT_AGAIN : verdict_of(down, call.status, err);
}

enum xfer_result download_run(const struct xfer_request *request,
	int64_t deadline_ms, struct xfer_answer *out, struct err *err)
{
	struct download down = { .request = request, .answer = out };
	enum xfer_result result = XFER_FAILED;

	down.http = http_new(request, deadline_ms, err);
	if (down.http != NULL)
		result = rounds_run(request, deadline_ms, host_try, &down, err);
	else if (err->code == ERR_INVALID)
		result = XFER_REFUSED;
	http_free(&down.http);
	wa_media_cipher_free(&down.cipher);
	buf_fini(&down.plain);
	return result;
}
