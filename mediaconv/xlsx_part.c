#include "mediaconv/xlsx_part.h"

#include <expat.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <zip.h>

#include "common/err.h"
#include "common/own.h"
#include "mediaconv/source.h"
#include "mediaconv/table.h"

#define PIECE 65536
/* A million rows of a dozen cells have so much, and deflate can make it of half
 * a megabyte. */
#define UNPACKED_MAX (512ull << 20)
#define DEPTH_MAX 64
/* An unfinished tag is looked at again with every piece. */
#define TAG_MAX (1u << 20)

struct archive {
	zip_t *zip;
	uint64_t left; /* bytes that may still come out of it */
};

struct part {
	XML_Parser parser;
	const struct part_handlers *handlers; /* borrowed */
	void *arg;			      /* borrowed */
	unsigned depth;
	bool is_over; /* stopped, for good or bad */
	bool has_failed;
	struct err *err;
};

/* ---- the archive ---- */

int archive_open(
	const struct source *source, struct archive **out, struct err *err)
{
	scoped(archive_close) struct archive *archive =
		xcalloc(1, sizeof(*archive));
	zip_source_t *bytes =
		zip_source_buffer_create(source->bytes, source->n, 0, NULL);

	archive->left = UNPACKED_MAX;
	if (bytes != NULL)
		archive->zip = zip_open_from_source(bytes, ZIP_RDONLY, NULL);
	if (archive->zip == NULL) {
		zip_source_free(bytes);
		return err_set(err, ERR_INVALID, TABLE_BROKEN);
	}
	*out = move(archive);
	return 0;
}

void archive_close(struct archive **archivep)
{
	struct archive *archive = move(*archivep);

	if (archive == NULL)
		return;
	if (archive->zip != NULL)
		zip_discard(archive->zip);
	free(archive);
}

bool archive_has(struct archive *archive, const char *path)
{
	return zip_name_locate(archive->zip, path, 0) >= 0;
}

static void file_close(zip_file_t **filep)
{
	zip_file_t *file = move(*filep);

	if (file != NULL)
		(void)zip_fclose(file);
}

/* The two methods that the format has; others mean decoders that nobody needs.
 */
static zip_file_t *file_open(struct archive *archive, const char *path)
{
	zip_stat_t stat;

	if (zip_stat(archive->zip, path, 0, &stat) != 0 ||
		(stat.valid & ZIP_STAT_COMP_METHOD) == 0 ||
		(stat.comp_method != ZIP_CM_STORE &&
			stat.comp_method != ZIP_CM_DEFLATE) ||
		(stat.valid & ZIP_STAT_ENCRYPTION_METHOD) == 0 ||
		stat.encryption_method != ZIP_EM_NONE)
		return NULL;
	return zip_fopen(archive->zip, path, 0);
}

/* ---- elements ---- */

static const char *without_namespace(const char *name)
{
	const char *colon = strrchr(name, ':');

	return colon != NULL ? colon + 1 : name;
}

const char *part_attribute(const char **attributes, const char *name)
{
	for (; attributes[0] != NULL; attributes += 2)
		if (strcmp(without_namespace(attributes[0]), name) == 0)
			return attributes[1];
	return NULL;
}

void *part_arg(const struct part *part)
{
	return part->arg;
}

struct err *part_err(struct part *part)
{
	return part->err;
}

void part_stop(struct part *part)
{
	part->is_over = true;
	(void)XML_StopParser(part->parser, XML_FALSE);
}

void part_fail(struct part *part, const char *why)
{
	if (part->is_over)
		return;
	if (why != NULL)
		err_set(part->err, ERR_INVALID, "%s", why);
	part->has_failed = true;
	part_stop(part);
}

/* The parser may still say a little after it was stopped. */
static void on_start(void *arg, const char *name, const char **attributes)
{
	struct part *part = arg;

	if (part->is_over)
		return;
	if (++part->depth > DEPTH_MAX)
		part_fail(part, TABLE_BROKEN);
	else
		part->handlers->start(
			part, without_namespace(name), attributes);
}

static void on_end(void *arg, const char *name)
{
	struct part *part = arg;

	if (part->is_over)
		return;
	part->depth--;
	part->handlers->end(part, without_namespace(name));
}

static void on_text(void *arg, const char *text, int n)
{
	struct part *part = arg;

	if (!part->is_over && part->handlers->text != NULL)
		part->handlers->text(part, text, (size_t)n);
}

static void on_doctype(void *arg, const char *name, const char *system_id,
	const char *public_id, int has_internal)
{
	(void)name;
	(void)system_id;
	(void)public_id;
	(void)has_internal;
	part_fail(arg, TABLE_BROKEN);
}

static int broken(struct err *err)
{
	return err_set(err, ERR_INVALID, TABLE_BROKEN);
}

/* Of @fed bytes, so many are an unfinished tag. */
static bool is_tag_too_long(const struct part *part, uint64_t fed)
{
	const XML_Index done = XML_GetCurrentByteIndex(part->parser);

	return done >= 0 && fed > (uint64_t)done &&
	       fed - (uint64_t)done > TAG_MAX;
}

static int feed(struct archive *archive, zip_file_t *file, struct part *part)
{
	char piece[PIECE];
	uint64_t fed = 0;

	while (!part->is_over) {
		const zip_int64_t n = zip_fread(file, piece, sizeof(piece));

		if (n < 0)
			return broken(part->err);
		if ((uint64_t)n > archive->left)
			return err_set(part->err, ERR_INVALID,
				"The spreadsheet is too large");
		archive->left -= (uint64_t)n;
		fed += (uint64_t)n;
		if (XML_Parse(part->parser, piece, (int)n, n == 0) !=
				XML_STATUS_OK &&
			!part->is_over)
			return broken(part->err);
		if (n == 0)
			break;
		if (!part->is_over && is_tag_too_long(part, fed))
			return broken(part->err);
	}
	return part->has_failed ? -1 : 0;
}

int part_read(struct archive *archive, const char *path,
	const struct part_handlers *handlers, void *arg, struct err *err)
{
	scoped(file_close) zip_file_t *file = file_open(archive, path);
	struct part part = { .handlers = handlers, .arg = arg, .err = err };
	int failed;

	if (file == NULL)
		return broken(err);
	part.parser = XML_ParserCreate(NULL);
	if (part.parser == NULL)
		return err_set(err, ERR_INTERNAL, "expat cannot start");
	XML_SetUserData(part.parser, &part);
	XML_SetElementHandler(part.parser, on_start, on_end);
	XML_SetCharacterDataHandler(part.parser, on_text);
	XML_SetStartDoctypeDeclHandler(part.parser, on_doctype);
	failed = feed(archive, file, &part);
	XML_ParserFree(part.parser);
	return failed;
}
