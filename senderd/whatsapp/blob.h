/* The bytes of a blob that came with a message or from the media host, read in
 * pieces: what is in a file does not come into memory as a whole. */
#ifndef SENDERD_WHATSAPP_BLOB_H
#define SENDERD_WHATSAPP_BLOB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;
struct blob;

/* @bytes is copied. */
struct blob *blob_of_bytes(const void *bytes, size_t n);
/* The file is opened now.  NULL: ERR_IO. */
struct blob *blob_of_file(const char *path, struct err *err);
void blob_free(struct blob **blobp);
/* What it holds is a zlib stream: what comes out of it is what is read, at most
 * @max bytes; more is ERR_PEER. */
void blob_unzip(struct blob *blob, uint64_t max);
/* The next bytes, up to @n; *@n_out 0 at the end.  A wa_pbstream_read_fn.
 * ERR_PEER: not a zlib stream, or cut off; ERR_IO. */
int blob_read(
	void *blob, uint8_t *out, size_t n, size_t *n_out, struct err *err);

#endif
