/* The media host's store: encrypted blobs by their SHA-256, each in a file
 * without a name, so that nothing is left behind however the daemon ends.
 *
 * A blob's id is the URL-safe base64 of its hash, which is also the token of
 * its upload. The oldest go when there are too many, or too much of them. */
#ifndef SANDBOXD_MEDIA_H
#define SANDBOXD_MEDIA_H

#include <stdint.h>
#include <sys/queue.h>

#include "sandboxd/sandbox.h"

#define MEDIA_MAX_BYTES (100u << 20) /* of one blob */
#define MEDIA_BLOBS_MAX 4096
#define MEDIA_TOTAL_MAX ((uint64_t)4 << 30)
#define MEDIA_HASH 32
#define MEDIA_ID_LEN 44 /* 43 characters and the NUL */

struct blob {
	struct table_link by_id;
	TAILQ_ENTRY(blob) order;
	char id[MEDIA_ID_LEN];
	int fd;
	uint64_t bytes;
};

/* Where the files are made; "." of a directory of the caller's choice.  Without
 * it the first blob goes to the system's temporary directory. */
int media_open(struct sandbox *sandbox, const char *dir, struct err *err);
void media_free(struct media **mediap);

/* ---- a blob on its way in ---- */
struct media_upload; /* opaque */
struct media_upload *media_upload_new(struct sandbox *sandbox, struct err *err);
/* ERR_TOO_LARGE after MEDIA_MAX_BYTES. */
int media_upload_add(struct media_upload *upload, const void *bytes, size_t n,
	struct err *err);
/* ERR_INVALID: its hash is not @id.  The upload is used up either way. */
int media_upload_keep(struct sandbox *sandbox, struct media_upload **uploadp,
	const char *id, struct err *err);
void media_upload_free(struct media_upload **uploadp);

/* ---- blobs ---- */
/* The id in a token of either base64 form; false: it is none. */
bool media_id_of_token(const char *token, char out[MEDIA_ID_LEN]);
/* The id in a direct path, with or without its query; false: it is none. */
bool media_id_of_path(const char *path, char out[MEDIA_ID_LEN]);
/* In the arena. */
const char *media_path(struct sandbox *sandbox, const char *id);
const struct blob *media_find(struct sandbox *sandbox, const char *id);
const struct blob *media_newest(const struct sandbox *sandbox);
const struct blob *media_older(const struct blob *blob);
/* False: there is no such blob. */
bool media_delete(struct sandbox *sandbox, const char *id);

/* What a Range header asks of a blob: "bytes=FROM-", "bytes=FROM-LAST",
 * "bytes=-N".  Anything else, several ranges too, asks for the whole. */
struct media_range {
	uint64_t from, end;	/* end: one behind the last byte */
	bool given, impossible; /* impossible: nothing of it is there */
};
struct media_range media_range_of(const char *header, uint64_t bytes);

/* ---- who may upload ---- */
/* What media_conn tells @device; in the arena. */
const char *media_auth(struct sandbox *sandbox, const struct device *device);
/* NULL: not an auth of ours, or of a device that was unlinked. */
struct device *media_auth_device(struct sandbox *sandbox, const char *auth);

/* ---- media_host.c: the front ---- */
/* Listens on 127.0.0.1 for https, with a certificate made here, and for http.
 * @port 0: any free one. */
int media_host_open(struct sandbox *sandbox, int port, struct err *err);
void media_host_free(struct media_host **hostp);
/* The certificate, PEM; borrowed.  NULL: there is no front. */
const char *media_host_certificate(const struct sandbox *sandbox);

/* ---- media_cert.c ---- */
/* A key and a self-signed certificate for 127.0.0.1 and localhost, PEM. */
int media_cert_new(struct buf *cert_out, struct buf *key_out, struct err *err);

#endif
