#include "senderd/whatsapp/blob.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "common/err.h"
#include "common/own.h"

#define STEP 8192

struct blob {
	int fd;		/* -1: in memory */
	uint8_t *bytes; /* owned; in memory: all of them */
	size_t at, n;	/* of bytes */
	bool is_zipped, has_ended;
	z_stream zip;
	uint8_t *zipped; /* owned: what the next bytes are made from */
	uint64_t left;	 /* may still come out of it */
};

struct blob *blob_of_bytes(const void *bytes, size_t n)
{
	struct blob *blob = xcalloc(1, sizeof *blob);

	blob->fd = -1;
	blob->bytes = xmemdup(bytes, n);
	blob->n = n;
	return blob;
}

struct blob *blob_of_file(const char *path, struct err *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	struct blob *blob = NULL;

	if (fd < 0) {
		err_set(err, ERR_IO, "%s: %s", path, strerror(errno));
		return NULL;
	}
	blob = xcalloc(1, sizeof *blob);
	blob->fd = fd;
	return blob;
}

void blob_free(struct blob **blobp)
{
	struct blob *blob = move(*blobp);

	if (blob == NULL)
		return;
	if (blob->is_zipped)
		inflateEnd(&blob->zip);
	fd_close(&blob->fd);
	free(blob->zipped);
	free(blob->bytes);
	free(blob);
}

void blob_unzip(struct blob *blob, uint64_t max)
{
	if (inflateInit(&blob->zip) != Z_OK)
		abort(); /* it fails only without memory */
	blob->is_zipped = true;
	blob->zipped = xcalloc(1, STEP);
	blob->left = max;
}

/* The bytes as they came. */
static int raw_read(struct blob *blob, uint8_t *out, size_t n, size_t *n_out,
	struct err *err)
{
	ssize_t got;

	if (blob->fd < 0) {
		*n_out = n < blob->n - blob->at ? n : blob->n - blob->at;
		memcpy(out, blob->bytes + blob->at, *n_out);
		blob->at += *n_out;
		return 0;
	}
	do {
		got = read(blob->fd, out, n);
	} while (got < 0 && errno == EINTR);
	if (got < 0)
		return err_set(err, ERR_IO, "blob: %s", strerror(errno));
	*n_out = (size_t)got;
	return 0;
}

/* One step: some of what is zipped becomes some of what is not. */
static int inflate_step(struct blob *blob, struct err *err)
{
	size_t n = 0;
	int rc;

	if (blob->zip.avail_in == 0) {
		if (raw_read(blob, blob->zipped, STEP, &n, err) != 0)
			return -1;
		if (n == 0)
			return err_set(err, ERR_PEER, "zlib stream cut off");
		blob->zip.next_in = blob->zipped;
		blob->zip.avail_in = (unsigned)n;
	}
	rc = inflate(&blob->zip, Z_NO_FLUSH);
	blob->has_ended = rc == Z_STREAM_END;
	if (rc != Z_OK && rc != Z_STREAM_END && rc != Z_BUF_ERROR)
		return err_set(err, ERR_PEER, "not a zlib stream");
	return 0;
}

static int unzipped_read(struct blob *blob, uint8_t *out, size_t n,
	size_t *n_out, struct err *err)
{
	*n_out = 0;
	while (!blob->has_ended && *n_out == 0 && n > 0) {
		blob->zip.next_out = out;
		blob->zip.avail_out = (unsigned)n;
		if (inflate_step(blob, err) != 0)
			return -1;
		*n_out = n - blob->zip.avail_out;
	}
	if (*n_out > blob->left)
		return err_set(err, ERR_PEER, "inflates too far");
	blob->left -= *n_out;
	return 0;
}

int blob_read(void *arg, uint8_t *out, size_t n, size_t *n_out, struct err *err)
{
	struct blob *blob = arg;

	if (blob->is_zipped)
		return unzipped_read(blob, out, n, n_out, err);
	return raw_read(blob, out, n, n_out, err);
}
