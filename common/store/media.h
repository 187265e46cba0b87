/* Media: files that accounts uploaded and files that devices received. */
#ifndef COMMON_STORE_MEDIA_H
#define COMMON_STORE_MEDIA_H

#include <stdbool.h>
#include <stdint.h>

#include "common/media/convert.h"
#include "common/store/store.h"

struct err;

/* Stored; never renumber. */
enum media_state {
	MEDIA_READY = 1,
	MEDIA_PENDING = 2, /* received: not downloaded yet */
	MEDIA_GONE = 3,	   /* the host and the phone have it no longer */
	MEDIA_FAILED = 4,  /* broken, too large, or given up */
};
const char *media_state_name(enum media_state state); /* "READY" ... */

struct media {
	int64_t id;
	const char *public_id; /* uuid */
	int64_t account_id;
	int64_t device_id; /* that received it; 0: uploaded */
	enum media_kind kind;
	enum media_state state;
	const uint8_t *sha256; /* 32 bytes; NULL: no file yet */
	uint64_t size;
	const char *mime;
	const char *file_name; /* or NULL */
	uint32_t width, height, seconds, pages;
	bool is_animated;
	const uint8_t *thumbnail; /* JPEG, or NULL */
	size_t n_thumbnail;
	const uint8_t *waveform; /* or NULL */
	size_t n_waveform;
	int64_t made_from; /* a voice note or sticker: the media it is of */
	int64_t created_ms, deleted_ms;
};

/* @media is valid during the call only. */
typedef int media_row_fn(const struct media *media, void *arg);

/* Fills media->id. */
int store_media_insert(struct tx *tx, struct media *media, struct err *err);
/* A received file is here (or never will be): state, hash and size; nothing
 * when the row is gone. */
int store_media_set_state(struct tx *tx, const char *public_id,
	enum media_state state, const uint8_t *sha256, uint64_t size,
	media_row_fn *row, void *arg, struct err *err);
/* ERR_NOT_FOUND: none, deleted, or another account's. */
int store_media_by_public_id(struct store *store, int64_t account_id,
	const char *public_id, media_row_fn *row, void *arg, struct err *err);
int store_media_by_id(struct store *store, int64_t id, media_row_fn *row,
	void *arg, struct err *err); /* deleted ones too */
/* The voice note or sticker that was made from @id before. */
int store_media_made_from(struct store *store, int64_t id, enum media_kind kind,
	media_row_fn *row, void *arg, struct err *err);
/* Uploads, newest first; @kind 0 = all. */
int store_media_list(struct store *store, int64_t account_id,
	enum media_kind kind, struct page page, media_row_fn *row, void *arg,
	int64_t *total_out, struct err *err);
/* Marks it deleted, with what was made from it.  ERR_NOT_FOUND. */
int store_media_delete(struct tx *tx, int64_t account_id, const char *public_id,
	int64_t now_ms, struct err *err);
/* Does any row, any message that waits to be sent or any campaign that is not
 * COMPLETED still want the file? */
int store_media_file_is_wanted(struct store *store, const uint8_t sha256[32],
	bool *wanted, struct err *err);

#endif
