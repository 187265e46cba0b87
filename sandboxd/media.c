#include "sandboxd/media.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/err.h"
#include "common/ids.h"
#include "common/log.h"
#include "common/own.h"
#include "common/secret.h"
#include "sandboxd/fault.h"

#define PATH_PREFIX "/v/t62/"
#define PATH_QUERY "?ccb=11-4"
#define BASE64_VARIANT sodium_base64_VARIANT_URLSAFE_NO_PADDING
#define AUTH_MAC 16

struct media {
	int dir; /* directory of the files */
	struct table by_id;
	TAILQ_HEAD(blob_list, blob) blobs; /* oldest first */
	size_t n;
	uint64_t bytes;
	uint8_t auth_key[32];
};

struct media_upload {
	int fd;
	uint64_t bytes;
	crypto_hash_sha256_state hash;
};

/* ---- life ---- */

int media_open(struct sandbox *sandbox, const char *dir, struct err *err)
{
	struct media *media;
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return err_set(err, ERR_IO, "%s: %s", dir, strerror(errno));
	media = sandbox->media = xcalloc(1, sizeof(*media));
	media->dir = fd;
	TAILQ_INIT(&media->blobs);
	random_bytes(media->auth_key, sizeof(media->auth_key));
	return 0;
}

static int media_ensure(struct sandbox *sandbox, struct err *err)
{
	return sandbox->media != NULL ? 0 : media_open(sandbox, P_tmpdir, err);
}

static void blob_remove(struct media *media, struct blob *blob)
{
	TAILQ_REMOVE(&media->blobs, blob, order);
	table_remove(&media->by_id, &blob->by_id);
	media->n--;
	media->bytes -= blob->bytes;
	fd_close(&blob->fd);
	free(blob);
}

void media_free(struct media **mediap)
{
	struct media *media = move(*mediap);

	if (media == NULL)
		return;
	while (!TAILQ_EMPTY(&media->blobs))
		blob_remove(media, TAILQ_FIRST(&media->blobs));
	table_fini(&media->by_id);
	fd_close(&media->dir);
	explicit_bzero(media->auth_key, sizeof(media->auth_key));
	free(media);
}

/* ---- a blob on its way in ---- */

/* Not every filesystem can make a file without a name. */
static int file_new(int dir)
{
	char name[32];
	int fd = openat(dir, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	if (fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR))
		return fd;
	snprintf(name, sizeof(name), ".media-%016llx",
		(unsigned long long)random_between(0, INT64_MAX));
	fd = openat(dir, name, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600);
	if (fd >= 0)
		unlinkat(dir, name, 0);
	return fd;
}

struct media_upload *media_upload_new(struct sandbox *sandbox, struct err *err)
{
	struct media_upload *upload;
	int fd;

	if (media_ensure(sandbox, err) != 0)
		return NULL;
	fd = file_new(sandbox->media->dir);
	if (fd < 0) {
		err_set(err, ERR_IO, "temporary file: %s", strerror(errno));
		return NULL;
	}
	upload = xcalloc(1, sizeof(*upload));
	upload->fd = fd;
	crypto_hash_sha256_init(&upload->hash);
	return upload;
}

static int write_all(int fd, const uint8_t *bytes, size_t n)
{
	while (n > 0) {
		ssize_t written = write(fd, bytes, n);

		if (written < 0 && errno == EINTR)
			continue;
		if (written <= 0)
			return -1;
		bytes += written;
		n -= (size_t)written;
	}
	return 0;
}

int media_upload_add(struct media_upload *upload, const void *bytes, size_t n,
	struct err *err)
{
	if (n > MEDIA_MAX_BYTES - upload->bytes)
		return err_set(err, ERR_TOO_LARGE, "more than %u bytes",
			MEDIA_MAX_BYTES);
	if (write_all(upload->fd, bytes, n) != 0)
		return err_set(err, ERR_IO, "media file: %s", strerror(errno));
	crypto_hash_sha256_update(&upload->hash, bytes, n);
	upload->bytes += n;
	return 0;
}

void media_upload_free(struct media_upload **uploadp)
{
	struct media_upload *upload = move(*uploadp);

	if (upload == NULL)
		return;
	fd_close(&upload->fd);
	free(upload);
}

static void make_room(struct media *media, uint64_t bytes)
{
	while (!TAILQ_EMPTY(&media->blobs) &&
		(media->n >= MEDIA_BLOBS_MAX ||
			media->bytes + bytes > MEDIA_TOTAL_MAX)) {
		struct blob *oldest = TAILQ_FIRST(&media->blobs);

		log_info("media id=%s bytes=%llu action=evicted", oldest->id,
			(unsigned long long)oldest->bytes);
		blob_remove(media, oldest);
	}
}

static void id_of_hash(const uint8_t hash[MEDIA_HASH], char out[MEDIA_ID_LEN])
{
	sodium_bin2base64(out, MEDIA_ID_LEN, hash, MEDIA_HASH, BASE64_VARIANT);
}

static void upload_store(
	struct media *media, struct media_upload *upload, const char *id)
{
	struct blob *blob;

	make_room(media, upload->bytes);
	blob = xcalloc(1, sizeof(*blob));
	snprintf(blob->id, sizeof(blob->id), "%s", id);
	blob->fd = upload->fd;
	upload->fd = -1;
	blob->bytes = upload->bytes;
	TAILQ_INSERT_TAIL(&media->blobs, blob, order);
	table_add(&media->by_id, &blob->by_id, table_hash_text(blob->id));
	media->n++;
	media->bytes += blob->bytes;
}

/* @id_out: what it is called, whatever was expected. */
static void upload_finish(
	struct media_upload *upload, char id_out[MEDIA_ID_LEN])
{
	uint8_t hash[MEDIA_HASH];

	crypto_hash_sha256_final(&upload->hash, hash);
	id_of_hash(hash, id_out);
}

int media_upload_keep(struct sandbox *sandbox, struct media_upload **uploadp,
	const char *id, struct err *err)
{
	scoped(media_upload_free) struct media_upload *upload = move(*uploadp);
	char real[MEDIA_ID_LEN];

	upload_finish(upload, real);
	if (strcmp(real, id) != 0)
		return err_set(err, ERR_INVALID, "the hash is another");
	if (media_find(sandbox, id) == NULL)
		upload_store(sandbox->media, upload, id);
	return 0;
}

int media_put(struct sandbox *sandbox, const void *blob, size_t n,
	const char **path_out, struct err *err)
{
	scoped(media_upload_free) struct media_upload *upload =
		media_upload_new(sandbox, err);
	char id[MEDIA_ID_LEN];

	if (upload == NULL || media_upload_add(upload, blob, n, err) != 0)
		return -1;
	upload_finish(upload, id);
	if (media_find(sandbox, id) == NULL)
		upload_store(sandbox->media, upload, id);
	*path_out = media_path(sandbox, id);
	return 0;
}

/* ---- blobs ---- */

bool media_id_of_token(const char *token, char out[MEDIA_ID_LEN])
{
	uint8_t hash[MEDIA_HASH];
	size_t n = strlen(token), n_hash;

	if (n == MEDIA_ID_LEN && token[n - 1] == '=')
		n--;
	if (sodium_base642bin(hash, sizeof(hash), token, n, NULL, &n_hash, NULL,
		    BASE64_VARIANT) != 0 ||
		n_hash != sizeof(hash))
		return false;
	id_of_hash(hash, out);
	return true;
}

bool media_id_of_path(const char *path, char out[MEDIA_ID_LEN])
{
	const size_t n_prefix = sizeof(PATH_PREFIX) - 1;
	size_t n;

	if (strncmp(path, PATH_PREFIX, n_prefix) != 0)
		return false;
	path += n_prefix;
	n = strcspn(path, "?");
	if (n != MEDIA_ID_LEN - 1)
		return false;
	memcpy(out, path, n);
	out[n] = '\0';
	return true;
}

const char *media_path(struct sandbox *sandbox, const char *id)
{
	return arena_printf(
		sandbox->arena, "%s%s%s", PATH_PREFIX, id, PATH_QUERY);
}

const struct blob *media_find(struct sandbox *sandbox, const char *id)
{
	struct table_link *link = sandbox->media == NULL
					  ? NULL
					  : table_first(&sandbox->media->by_id,
						    table_hash_text(id));

	for (; link != NULL; link = table_next(link)) {
		const struct blob *blob = table_entry(link, struct blob, by_id);

		if (strcmp(blob->id, id) == 0)
			return blob;
	}
	return NULL;
}

const struct blob *media_newest(const struct sandbox *sandbox)
{
	return sandbox->media == NULL
		       ? NULL
		       : TAILQ_LAST(&sandbox->media->blobs, blob_list);
}

const struct blob *media_older(const struct blob *blob)
{
	return TAILQ_PREV(blob, blob_list, order);
}

bool media_delete(struct sandbox *sandbox, const char *id)
{
	const struct blob *blob = media_find(sandbox, id);

	if (blob == NULL)
		return false;
	blob_remove(sandbox->media, (struct blob *)blob);
	return true;
}

static int read_all(const struct blob *blob, struct buf *out)
{
	size_t n = (size_t)blob->bytes;
	uint8_t *to = buf_reserve(out, n);

	for (size_t at = 0; at < n;) {
		ssize_t got = pread(blob->fd, to + at, n - at, (off_t)at);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return -1;
		at += (size_t)got;
	}
	out->len += n;
	return 0;
}

int media_get(struct sandbox *sandbox, const char *direct_path, struct buf *out,
	struct err *err)
{
	struct fault_media fault = fault_on_media(sandbox, FAULT_OUT, NULL);
	const struct blob *blob = NULL;
	char id[MEDIA_ID_LEN];

	if (fault.error != 0)
		return err_set(err, ERR_NOT_FOUND, "media host: %d by fault",
			fault.error);
	if (media_id_of_path(direct_path, id))
		blob = media_find(sandbox, id);
	if (blob == NULL)
		return err_set(err, ERR_NOT_FOUND, "no such media");
	if (read_all(blob, out) != 0)
		return err_set(err, ERR_IO, "media file: %s", strerror(errno));
	return 0;
}

/* ---- ranges ---- */

static bool parse_u64(const char **at, uint64_t *out)
{
	char *end;

	if (**at < '0' || **at > '9')
		return false;
	errno = 0;
	*out = strtoull(*at, &end, 10);
	*at = end;
	return errno == 0;
}

struct media_range media_range_of(const char *text, uint64_t bytes)
{
	struct media_range whole = { .end = bytes }, range = whole;
	uint64_t last;

	if (strncmp(text, "bytes=", 6) != 0)
		return whole;
	text += 6;
	range.given = true;
	if (*text == '-') {
		text++;
		if (!parse_u64(&text, &last) || *text != '\0')
			return whole;
		range.from = last < bytes ? bytes - last : 0;
		range.impossible = last == 0;
		return range;
	}
	if (!parse_u64(&text, &range.from) || *text++ != '-')
		return whole;
	if (*text != '\0') {
		if (!parse_u64(&text, &last) || *text != '\0' ||
			last < range.from)
			return whole;
		range.end = last < bytes ? last + 1 : bytes;
	}
	range.impossible = range.from >= bytes;
	return range;
}

/* ---- who may upload ---- */

static void auth_mac(const struct media *media, const char *pn, unsigned device,
	char out[2 * AUTH_MAC + 1])
{
	char text[80];
	uint8_t mac[32];

	snprintf(text, sizeof(text), "%s.%u", pn, device);
	wa_hmac_sha256(media->auth_key, sizeof(media->auth_key), text,
		strlen(text), mac);
	sodium_bin2hex(out, 2 * AUTH_MAC + 1, mac, AUTH_MAC);
}

const char *media_auth(struct sandbox *sandbox, const struct device *device)
{
	char mac[2 * AUTH_MAC + 1];
	struct err err = ERR_NONE;

	if (media_ensure(sandbox, &err) != 0) {
		log_warning("media reason=\"%s\" action=no_uploads", err.msg);
		return "none";
	}
	auth_mac(sandbox->media, device->account->pn, device->number, mac);
	return arena_printf(sandbox->arena, "%s.%u.%s", device->account->pn,
		device->number, mac);
}

struct device *media_auth_device(struct sandbox *sandbox, const char *auth)
{
	char pn[48], mac[2 * AUTH_MAC + 1], right[2 * AUTH_MAC + 1];
	struct account *account;
	unsigned number;

	if (sandbox->media == NULL ||
		sscanf(auth, "%47[0-9].%3u.%32[0-9a-f]", pn, &number, mac) != 3)
		return NULL;
	auth_mac(sandbox->media, pn, number, right);
	if (strlen(mac) != strlen(right) ||
		!secret_equal(mac, right, strlen(right)))
		return NULL;
	account = directory_by_pn(sandbox, pn);
	return account == NULL ? NULL : account_device(account, number);
}
