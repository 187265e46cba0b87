/* Blobs to and from the media host.  Each transfer is a mediaxfer process,
 * which streams between file and network and does the cryptography on the way:
 * the lane's memory does not depend on the file, and its loop does not wait. */
#ifndef SENDERD_WHATSAPP_TRANSFER_H
#define SENDERD_WHATSAPP_TRANSFER_H

#include "common/wa/media.h"
#include "senderd/lane.h"

struct err;
struct transfers;

struct transfers *transfers_new(void);
/* Those under way are killed; nobody is called. */
void transfers_free(struct transfers **transfersp);
void transfers_on_ready(struct lane *lane);
/* Those under way go on; those that wait for a media_conn wait for the next
 * connection. */
void transfers_on_disconnect(struct lane *lane);

/* Entry of the lane's protocol table. */
extern const struct lws_protocols transfer_protocol;

enum transfer_outcome {
	TRANSFER_DONE,
	TRANSFER_GONE,	  /* the host has it no longer: 403, 404, 410 */
	TRANSFER_CORRUPT, /* MAC, hash or length are wrong */
	TRANSFER_FAILED,  /* for now: network, 5xx, after several tries */
	TRANSFER_REFUSED, /* for good: too large, no such file */
};
/* Runs inside a turn, once.  @ref: after an upload, what messages are to say;
 * after a download, with hash and length of the file.  @path: after a download,
 * the temporary file, which is the callee's from then on; else NULL. */
typedef void transfer_done_fn(struct lane *lane, enum transfer_outcome outcome,
	const struct wa_media_ref *ref, const char *path, void *arg);

/* Encrypts and uploads the library's file @sha256 under a fresh key.  Bounded:
 * at most a few at a time, the rest wait in order; when too many wait, @done
 * gets TRANSFER_FAILED before this returns. */
void transfer_upload(struct lane *lane, enum wa_media_type type,
	const uint8_t sha256[32], transfer_done_fn *done, void *arg);
/* Downloads, verifies and decrypts into a temporary file of the library; files
 * larger than @max_bytes are refused.  Waits in the same line. */
void transfer_download(struct lane *lane, const struct wa_media_ref *ref,
	uint64_t max_bytes, transfer_done_fn *done, void *arg);

/* Tests only: another program as the worker. */
void transfer_use_worker(const char *path);

#endif
