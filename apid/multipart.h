/* multipart/form-data (RFC 7578), taken piece by piece as it comes.  Strict: no
 * preamble, no nesting, no transfer encodings; what no client sends is refused
 * rather than guessed at. */
#ifndef APID_MULTIPART_H
#define APID_MULTIPART_H

#include <stddef.h>
#include <stdint.h>

struct err;
struct multipart;

#define MULTIPART_BOUNDARY_MAX 70
#define MULTIPART_HEADERS_MAX 4096 /* of one part */
#define MULTIPART_PARTS_MAX 16
#define MULTIPART_NAME_MAX 1024 /* bytes of a name or a file name */

struct multipart_handlers {
	/* A part begins; @file_name is NULL when it is a plain field.  Both
	 * are valid UTF-8 without control characters. */
	int (*on_part)(const char *name, const char *file_name, void *arg,
		struct err *err);
	int (*on_data)(const void *bytes, size_t n, void *arg, struct err *err);
	int (*on_part_end)(void *arg, struct err *err);
};

/* The boundary of a Content-Type header.  ERR_INVALID when it is no
 * multipart/form-data or has no good boundary. */
int multipart_boundary(const char *content_type,
	char out[MULTIPART_BOUNDARY_MAX + 1], struct err *err);

struct multipart *multipart_new(const char *boundary,
	const struct multipart_handlers *handlers, void *arg);
void multipart_free(struct multipart **multipartp);
/* ERR_INVALID: not a form; or a handler's own error.  Nothing may be fed
 * afterwards. */
int multipart_feed(struct multipart *multipart, const void *bytes, size_t n,
	struct err *err);
/* The body has ended: so must the form have. */
int multipart_finish(struct multipart *multipart, struct err *err);

#endif
