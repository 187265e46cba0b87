/* What a lane and its mediaxfer say to each other: one JSON object each way,
 * the request on standard input, for it holds keys, the answer on standard
 * output.  Files are given as descriptors: the worker opens none by name. */
#ifndef COMMON_MEDIA_XFER_H
#define COMMON_MEDIA_XFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/wa/media.h"

struct buf;
struct err;

/* Upload: the file to read.  Download: an empty one to fill. */
#define XFER_FD_FILE 3
/* Upload: an empty file without a name, for the ciphertext: its hash is part of
 * the address that it is sent to. */
#define XFER_FD_SCRATCH 4

#define XFER_HOSTS 8
#define XFER_HOST 128 /* with port */
#define XFER_AUTH_MAX 1024
#define XFER_PATH 512
#define XFER_REQUEST_MAX 16384
#define XFER_ANSWER_MAX 4096 /* PIPE_BUF: writing it never blocks */

enum xfer_op {
	XFER_UPLOAD = 1,
	XFER_DOWNLOAD,
};

struct xfer_request {
	enum xfer_op op;
	int parent; /* whose child the worker is: it ends with that process */
	bool is_plain; /* http, to hosts of this machine alone; else https */
	char hosts[XFER_HOSTS][XFER_HOST]; /* in the order to be tried */
	size_t n_hosts;
	char auth[XFER_AUTH_MAX]; /* UPLOAD */
	char ca_file[XFER_PATH];  /* "" = the system's */
	char proxy[XFER_PATH];	  /* URL, may hold a password; "" = none */
	uint64_t max_bytes;	  /* of the file */
	int64_t deadline_ms;	  /* for all tries together */
	int64_t backoff_ms;	  /* before the second round; doubles */
	struct wa_media_ref ref;  /* UPLOAD: type and key alone */
};

enum xfer_result {
	XFER_DONE = 1,
	XFER_GONE,    /* no host has it: 403, 404, 410 */
	XFER_CORRUPT, /* MAC, hash or length are wrong */
	XFER_FAILED,  /* for now */
	XFER_REFUSED, /* for good: too large, a request of no sense */
	XFER_AUTH,    /* the host wants another auth */
};
const char *xfer_result_name(enum xfer_result result);

struct xfer_answer {
	enum xfer_result result;
	char reason[320]; /* for the log; "" when DONE */
	uint64_t length;  /* DONE: of the file */
	uint8_t sha256[32];
	uint8_t enc_sha256[32];
	char direct_path[512]; /* DONE, upload */
	char url[640];	       /* the same; may be "" */
};

/* "mmg.whatsapp.net", "127.0.0.1:8443", "[::1]:80" */
bool xfer_host_is_valid(const char *host);
/* Is it a host of this machine, by its name? */
bool xfer_host_is_local(const char *host);
/* Begins with one slash and holds nothing that could end a path early or mean
 * another host. */
bool xfer_path_is_valid(const char *path);

/* JSON appended to @out; what does not fit the rules above is the reader's to
 * refuse.  @out holds keys: wipe it. */
void xfer_request_write(const struct xfer_request *request, struct buf *out);
void xfer_answer_write(const struct xfer_answer *answer, struct buf *out);
/* ERR_INVALID: malformed, or out of bounds. */
int xfer_request_read(
	const void *bytes, size_t n, struct xfer_request *out, struct err *err);
int xfer_answer_read(
	const void *bytes, size_t n, struct xfer_answer *out, struct err *err);

#endif
