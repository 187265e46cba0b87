/* WhatsApp's media encryption (messages.md 7.2, 7.3): AES-256-CBC and a
 * truncated HMAC under keys derived from a media key, in one pass over a file
 * of any size. */
#ifndef COMMON_WA_MEDIA_H
#define COMMON_WA_MEDIA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;
struct err;

#define WA_MEDIA_KEY 32
#define WA_MEDIA_MAC 10

/* What a blob is: the info of its keys, and its name in URLs. */
enum wa_media_type {
	WA_MEDIA_IMAGE = 1, /* stickers too */
	WA_MEDIA_VIDEO,
	WA_MEDIA_AUDIO, /* voice notes too */
	WA_MEDIA_DOCUMENT,
	WA_MEDIA_HISTORY,
	WA_MEDIA_APP_STATE,
	WA_MEDIA_LINK_THUMBNAIL,
};
const char *wa_media_info(enum wa_media_type type); /* "WhatsApp Image Keys" */
const char *wa_media_mms(enum wa_media_type type);  /* "image", "md-msg-hist" */
/* The type with that name in URLs; 0, or -1. */
int wa_media_type_parse(const char *mms, enum wa_media_type *out);

/* What a message says of a blob, and what is needed to get at it. */
struct wa_media_ref {
	enum wa_media_type type;
	char direct_path[512];
	char url[640]; /* of an upload, for old clients; never gone to; or "" */
	uint8_t key[WA_MEDIA_KEY];
	uint8_t sha256[32];	/* of the file */
	uint8_t enc_sha256[32]; /* of the blob: ciphertext and MAC */
	uint64_t length;	/* of the file; 0 = not told */
	bool has_sha256;
};

/* ---- streaming: feed in pieces of any size, then finish ---- */
struct wa_media_cipher;
struct wa_media_cipher *wa_media_encrypt_new(
	enum wa_media_type type, const uint8_t key[WA_MEDIA_KEY]);
struct wa_media_cipher *wa_media_decrypt_new(
	enum wa_media_type type, const uint8_t key[WA_MEDIA_KEY]);
void wa_media_cipher_free(struct wa_media_cipher **cipherp);
/* Appends what can be given out already to @out.  A decrypted byte is not to be
 * believed before wa_media_finish() was good. */
void wa_media_feed(struct wa_media_cipher *cipher, const void *bytes, size_t n,
	struct buf *out);
/* The last bytes; both hashes.  Decrypting: ERR_PEER for a wrong MAC, padding
 * or length. */
int wa_media_finish(struct wa_media_cipher *cipher, struct buf *out,
	uint8_t sha256_out[32], uint8_t enc_sha256_out[32], struct err *err);

/* Is that what @ref says of a file that came out whole?  ERR_PEER. */
int wa_media_check(const struct wa_media_ref *ref, uint64_t length,
	const uint8_t sha256[32], const uint8_t enc_sha256[32],
	struct err *err);

/* ---- small blobs in memory: history, app state ---- */
int wa_media_open(const struct wa_media_ref *ref, const void *blob, size_t n,
	struct buf *out, struct err *err); /* verifies everything in @ref */
void wa_media_seal(enum wa_media_type type, const uint8_t key[WA_MEDIA_KEY],
	const void *file, size_t n, struct buf *out, uint8_t sha256_out[32],
	uint8_t enc_sha256_out[32]);

/* ---- media that is gone: the question to the phone (messages.md 7.6) ---- */
/* Both ways: AES-256-GCM under HKDF(key, "WhatsApp Media Retry Notification"),
 * the message id as associated data. */
void wa_media_retry_seal(const uint8_t key[WA_MEDIA_KEY], const char *id,
	const void *plain, size_t n, uint8_t iv_out[12], struct buf *out);
int wa_media_retry_open(const uint8_t key[WA_MEDIA_KEY], const char *id,
	const uint8_t iv[12], const void *sealed, size_t n, struct buf *out,
	struct err *err);

#endif
