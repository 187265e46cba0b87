/* The parts of an XLSX file: XML documents in a zip archive, read as a stream
 * of elements.  Bounded in every direction: the bytes that come out of the
 * archive, the depth, the size of a tag; a document type, and with it every
 * entity of its own, is refused. */
#ifndef MEDIACONV_XLSX_PART_H
#define MEDIACONV_XLSX_PART_H

#include <stdbool.h>
#include <stddef.h>

struct archive;
struct err;
struct part;
struct source;

#define PART_PATH_MAX 256

/* ERR_INVALID: it is no archive. */
int archive_open(
	const struct source *source, struct archive **out, struct err *err);
void archive_close(struct archive **archivep);
bool archive_has(struct archive *archive, const char *path);

/* Names are without their namespace.  @attributes: name, value, ..., NULL. */
struct part_handlers {
	void (*start)(
		struct part *part, const char *name, const char **attributes);
	void (*end)(struct part *part, const char *name);
	void (*text)(struct part *part, const char *text, size_t n); /* or NULL
								      */
};

/* ERR_INVALID: it is not there, or broken, or what part_fail() said. */
int part_read(struct archive *archive, const char *path,
	const struct part_handlers *handlers, void *arg, struct err *err);

/* For handlers: */
void *part_arg(const struct part *part);
/* What comes after is of no interest. */
void part_stop(struct part *part);
/* The sentence for the client; NULL: the error is filled already. */
void part_fail(struct part *part, const char *why);
struct err *part_err(struct part *part);
/* Without their namespace, too; NULL: it has none of this name. */
const char *part_attribute(const char **attributes, const char *name);

#endif
