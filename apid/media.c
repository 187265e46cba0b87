/* Media assets: list, get, delete. */
#include "apid/media.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "apid/request.h"
#include "common/buf.h"
#include "common/clock.h"
#include "common/content.h"
#include "common/log.h"
#include "common/media/library.h"
#include "common/own.h"

#define MIME_UNKNOWN "application/octet-stream"

/* A type that a peer told may hold anything. */
static bool is_mime(const char *mime)
{
	const char *slash = strchr(mime, '/');

	if (slash == NULL || slash == mime || slash[1] == '\0' ||
		strlen(mime) > 100)
		return false;
	for (; *mime != '\0'; mime++) {
		if (*mime < ' ' || *mime > '~')
			return false;
	}
	return true;
}

int media_entry_take(const struct media *media, void *arg)
{
	struct media_entry *entry = arg;

	*entry = (struct media_entry){ .id = media->id,
		.device_id = media->device_id,
		.kind = media->kind,
		.state = media->state,
		.has_file = media->sha256 != NULL,
		.size = media->size };
	snprintf(entry->public_id, sizeof(entry->public_id), "%s",
		media->public_id);
	snprintf(entry->mime, sizeof(entry->mime), "%s",
		is_mime(media->mime) ? media->mime : MIME_UNKNOWN);
	if (entry->has_file)
		memcpy(entry->sha256, media->sha256, sizeof(entry->sha256));
	if (media->file_name != NULL)
		media_clean_name(media->file_name, entry->file_name);
	return 0;
}

/* ---- names ---- */

/* The bytes of a character that turns the direction of what follows: with one,
 * "txt.exe" can look like "exe.txt". */
static size_t direction_mark(const char *at)
{
	const unsigned char *b = (const unsigned char *)at;

	if (b[0] != 0xe2)
		return 0;
	if (b[1] == 0x80 && ((b[2] >= 0xaa && b[2] <= 0xae) || b[2] == 0x8e ||
				    b[2] == 0x8f))
		return 3;
	return b[1] == 0x81 && b[2] >= 0xa6 && b[2] <= 0xa9 ? 3 : 0;
}

void media_clean_name(const char *name, char out[MEDIA_NAME_MAX + 1])
{
	scoped(str_free) char *cut = NULL;
	char *to;

	for (const char *c = name; *c != '\0'; c++) {
		if (*c == '/' || *c == '\\')
			name = c + 1;
	}
	cut = content_cut(name, MEDIA_NAME_MAX);
	to = out;
	for (const char *c = cut; *c != '\0';) {
		const size_t n = direction_mark(c);

		if (n == 0 && (unsigned char)*c >= ' ' && *c != 127)
			*to++ = *c;
		c += n > 0 ? n : 1;
	}
	*to = '\0';
	if (strcmp(out, ".") == 0 || strcmp(out, "..") == 0)
		out[0] = '\0';
}

/* ---- rendering ---- */

static void put(json_t *object, const char *name, json_t *value)
{
	json_object_set_new(object, name, value);
}

static void put_number(json_t *object, const char *name, uint64_t n)
{
	if (n > 0)
		put(object, name, json_integer((json_int_t)n));
}

/* A message still shows what it carried when that was deleted. */
json_t *media_render(const struct media *media)
{
	const bool is_deleted = media->deleted_ms != 0;
	json_t *out = json_object();

	put(out, "id", json_string(media->public_id));
	put(out, "kind", json_string(media_kind_name(media->kind)));
	put(out, "mimeType", json_text(media->mime));
	if (media->file_name != NULL)
		put(out, "fileName", json_text(media->file_name));
	put_number(out, "size", media->size);
	put_number(out, "width", media->width);
	put_number(out, "height", media->height);
	put_number(out, "seconds", media->seconds);
	put_number(out, "pages", media->pages);
	if (media->is_animated)
		put(out, "animated", json_true());
	put(out, "status",
		json_string(media_state_name(
			is_deleted ? MEDIA_GONE : media->state)));
	put(out, "createdAt", json_time(media->created_ms));
	if (!is_deleted)
		put(out, "downloadUrl",
			json_sprintf(
				"/v1/media/%s/download", media->public_id));
	return out;
}

/* ---- handlers ---- */

static int add_media(const struct media *media, void *arg)
{
	json_array_append_new(arg, media_render(media));
	return 0;
}

int media_list(struct request *request, struct err *err)
{
	const char *kind_name = request_text(request, "kind");
	json_t *data = json_array();
	enum media_kind kind = 0;
	int64_t total = 0;
	struct page page;
	int number;

	page = request_page(request, &number);
	request->reply = json_pack("{s:o, s:i, s:i, s:i}", "data", data,
		"total", 0, "page", number, "limit", page.limit);
	if (kind_name != NULL)
		(void)media_kind_parse(kind_name, &kind);
	if (store_media_list(request->store, request->account_id, kind, page,
		    add_media, data, &total, err) != 0)
		return -1;
	json_object_set_new(request->reply, "total", json_integer(total));
	return 0;
}

static int set_media(const struct media *media, void *arg)
{
	struct request *request = arg;

	request->reply = media_render(media);
	return 0;
}

int media_get(struct request *request, struct err *err)
{
	return store_media_by_public_id(request->store, request->account_id,
		request_text(request, "id"), set_media, request, err);
}

int media_check_file(
	const struct config *config, const uint8_t sha256[32], struct err *err)
{
	int fd = library_open(config, sha256, err);

	if (fd < 0)
		return err_set(err, ERR_BUSY,
			"The same file was being deleted, try again");
	close(fd);
	return 0;
}

static json_t *file_base64(int fd, size_t n, struct err *err)
{
	const int variant = sodium_base64_VARIANT_ORIGINAL;
	const size_t n_text = sodium_base64_ENCODED_LEN(n, variant);
	scoped(buf_fini) struct buf bytes = BUF_INIT;
	scoped(str_free) char *text = xcalloc(1, n_text);

	if (pread(fd, buf_reserve(&bytes, n), n, 0) != (ssize_t)n) {
		err_set(err, ERR_IO, "cannot read the file");
		return NULL;
	}
	sodium_bin2base64(text, n_text, bytes.data, n, variant);
	return json_string(text);
}

int media_picture_json(struct request *request, const char *public_id,
	json_t **out, struct err *err)
{
	scoped(fd_close) int fd = -1;
	struct media_entry entry;

	*out = NULL;
	if (store_media_by_public_id(request->store, request->account_id,
		    public_id, media_entry_take, &entry, err) != 0)
		return err->code == ERR_NOT_FOUND
			       ? err_set(err, ERR_INVALID,
					 "there is no media with this id")
			       : -1;
	if (entry.state != MEDIA_READY || !entry.has_file ||
		strcmp(entry.mime, "image/jpeg") != 0 ||
		entry.size > MEDIA_PICTURE_MAX)
		return err_set(err, ERR_INVALID,
			"the picture must be a JPEG of at most %u bytes",
			MEDIA_PICTURE_MAX);
	fd = library_open(request->apid->config, entry.sha256, err);
	if (fd < 0)
		return -1;
	*out = file_base64(fd, entry.size, err);
	return *out != NULL ? 0 : -1;
}

/* ---- deleting ----
 *
 * Two steps, each a transaction: the rows go, then the files that nobody wants.
 * Whoever adds a row looks, in its own transaction, whether the file is there.
 * The database's one writer at a time makes that safe: a file goes before such
 * a look, or not at all. */

#define FILES_MAX 8 /* of one asset: itself, a voice note, a sticker */

struct deletion {
	uint8_t files[FILES_MAX][32];
	size_t n_files;
};

static void deletion_free(void **deletionp)
{
	free(move(*deletionp));
}

static int add_file(const struct media *media, void *arg)
{
	struct deletion *deletion = arg;

	if (media->sha256 != NULL && deletion->n_files < FILES_MAX)
		memcpy(deletion->files[deletion->n_files++], media->sha256, 32);
	return 0;
}

struct found {
	struct deletion *deletion;
	int64_t id;
};

static int take_found(const struct media *media, void *arg)
{
	struct found *found = arg;

	found->id = media->id;
	return add_file(media, found->deletion);
}

static int delete_rows(struct request *request, struct tx *tx, struct err *err)
{
	static const enum media_kind made[] = { MEDIA_VOICE, MEDIA_STICKER };
	const char *id = request_text(request, "id");
	struct found found = { .deletion = request->context };
	struct err none = ERR_NONE;

	if (store_media_by_public_id(tx_store(tx), request->account_id, id,
		    take_found, &found, err) != 0)
		return -1;
	for (size_t i = 0; i < ARRAY_LEN(made); i++)
		(void)store_media_made_from(tx_store(tx), found.id, made[i],
			add_file, found.deletion, &none);
	return store_media_delete(
		tx, request->account_id, id, clock_now_ms(), err);
}

/* In a transaction although it changes no row: see above. */
static int remove_files(struct request *request, struct tx *tx, struct err *err)
{
	struct deletion *deletion = request->context;
	struct err why = ERR_NONE;
	bool wanted;

	(void)err;
	for (size_t i = 0; i < deletion->n_files; i++) {
		if (store_media_file_is_wanted(tx_store(tx), deletion->files[i],
			    &wanted, &why) != 0)
			log_warning("media file stays reason=%s",
				log_quote(why.msg));
		else if (!wanted)
			library_remove(
				request->apid->config, deletion->files[i]);
	}
	return 0;
}

static void after_rows(struct request *request)
{
	struct err err = ERR_NONE;

	/* They are gone for the client, whatever becomes of the files. */
	if (request_write(request, remove_files, NULL, &err) != 0)
		request_finish(request);
}

int media_delete(struct request *request, struct err *err)
{
	request->context = xcalloc(1, sizeof(struct deletion));
	request->context_free = deletion_free;
	return request_write(request, delete_rows, after_rows, err);
}
