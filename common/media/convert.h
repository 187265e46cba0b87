/* Looking into media files and converting them, in a process of its own.
 *
 * A file that somebody uploads is hostile, and so are the decoders' bugs: each
 * job runs in a fresh mediaconv, without network, without the state directory,
 * with limits on memory, time and output.  A file can kill that process and
 * nothing else.  The caller's event loop never waits. */
#ifndef COMMON_MEDIA_CONVERT_H
#define COMMON_MEDIA_CONVERT_H

#include <stdbool.h>
#include <stdint.h>

#include "common/buf.h"

struct config;
struct convert;
struct err;
struct event_base;

/* Stored; never renumber. */
enum media_kind {
	MEDIA_IMAGE = 1,
	MEDIA_VIDEO = 2,
	MEDIA_AUDIO = 3,
	MEDIA_DOCUMENT = 4,
	MEDIA_STICKER = 5,
	MEDIA_VOICE = 6, /* OGG with Opus, mono: what plays as a voice note */
};
const char *media_kind_name(enum media_kind kind); /* "image", "video", ... */
/* 0 and *@out, or -1 for an unknown name. */
int media_kind_parse(const char *name, enum media_kind *out);

#define MEDIA_FILE_MAX (16u << 20) /* bytes of one file */
#define MEDIA_THUMB_MAX 5120 /* bytes of a thumbnail: it is in every copy */
#define MEDIA_WAVEFORM 64

/* What is inside a file, found by its content and never by its name. */
struct media_facts {
	enum media_kind kind;
	char mime[96];
	uint64_t size;
	uint8_t sha256[32];	/* ours, not the worker's word */
	uint32_t width, height; /* pixels; 0 = none */
	uint32_t seconds;	/* rounded up; 0 = none */
	uint32_t pages;		/* of a PDF; 0 = unknown */
	bool is_animated;	/* a sticker or GIF of several pictures */
	struct buf thumbnail; /* JPEG, at most MEDIA_THUMB_MAX; may be empty */
	bool has_waveform;
	uint8_t waveform[MEDIA_WAVEFORM]; /* 0..100 */
};
void media_facts_fini(struct media_facts *facts);

enum convert_job {
	/* Kind, type, dimensions, thumbnail.  A file of a known media type that
	 * cannot be decoded is refused; what is no media is a document. */
	CONVERT_PROBE,
	/* Any audio (or the sound of a video) to a voice note; its facts and
	 * waveform. */
	CONVERT_VOICE,
	/* Any picture to a 512x512 WebP sticker; a WebP that is a sticker
	 * already passes through. */
	CONVERT_STICKER,
	/* CSV, XLSX or XLS to rows of texts (table.h), up to TABLE_BYTES_MAX.
	 */
	CONVERT_TABLE,
};

/* @facts are owned by the callee for the call only (move what is to be kept);
 * size and hash are those of the file read (PROBE) or made.  On failure @facts
 * is NULL: ERR_INVALID the file is broken or of no use, ERR_TOO_LARGE, both
 * with a sentence for the client; ERR_TIMEOUT; ERR_IO; ERR_INTERNAL.  The
 * pointer that convert_start() gave is gone already. */
typedef void convert_done_fn(
	struct media_facts *facts, const struct err *err, void *arg);

struct convert_request {
	enum convert_job job;
	int in_fd;  /* read from its start, its position stays; borrowed until
		       convert_start() returns */
	int out_fd; /* VOICE, STICKER, TABLE: empty file for the result, open
		       for reading too; else -1.  Borrowed likewise */
};

#define CONVERT_MAX 4 /* workers of one process at a time */

/* Starts one; *@out is valid until @done ran or it was cancelled.  @done runs
 * in
 * @base's loop, never inside this call.  Threads may do this each with their
 * own base.  ERR_BUSY: CONVERT_MAX are under way; ERR_TOO_LARGE: more than
 * media.max_mib. */
int convert_start(struct event_base *base, const struct config *config,
	const struct convert_request *request, convert_done_fn *done, void *arg,
	struct convert **out, struct err *err);
/* Kills the process; @done does not run. */
void convert_cancel(struct convert **convertp);

/* Tests only: another program as the worker, and another time than a minute.
 * NULL and 0 for the real ones. */
void convert_use_worker(const char *path, int timeout_ms);

#endif
