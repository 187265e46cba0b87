/* Media as clients see them, and what handlers need to know of one. */
#ifndef APID_MEDIA_H
#define APID_MEDIA_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/ids.h"
#include "common/store/media.h"

struct config;
struct err;
struct request;
struct tx;

#define MEDIA_NAME_MAX 255 /* bytes of a file name */

/* A row that outlives its callback, without thumbnail and waveform. */
struct media_entry {
	int64_t id;
	int64_t device_id;
	char public_id[UUID_LEN];
	enum media_kind kind;
	enum media_state state;
	bool has_file;
	uint8_t sha256[32];
	uint64_t size;
	char mime[128];			    /* one that may stand in a header */
	char file_name[MEDIA_NAME_MAX + 1]; /* "" = none */
};
/* media_row_fn; @arg is the struct media_entry. */
int media_entry_take(const struct media *media, void *arg);

/* Members that do not apply are left out. */
json_t *media_render(const struct media *media);

/* What a client calls a file, without folders and characters that mislead:
 * "" when nothing is left. */
void media_clean_name(const char *name, char out[MEDIA_NAME_MAX + 1]);

/* In the transaction that adds a row: is its file still there?  ERR_BUSY when
 * it was just removed, with the last row that named it. */
int media_check_file(
	const struct config *config, const uint8_t sha256[32], struct err *err);

#define MEDIA_PICTURE_MAX (360u << 10) /* bytes: what a question can carry */

/* A JPEG of the account's as base64, to be shown for a person or a group.
 * ERR_INVALID: there is none with this id, or it is too large. */
int media_picture_json(struct request *request, const char *public_id,
	json_t **out, struct err *err);

/* handlers */
int media_list(struct request *request, struct err *err);
int media_get(struct request *request, struct err *err);
int media_delete(struct request *request, struct err *err);
int media_download(struct request *request, struct err *err); /* download.c */

#endif
