/* A multipart form with one file: its body is taken from a request and spooled
 * into a temporary file, on a worker. */
#ifndef APID_FORM_H
#define APID_FORM_H

#include <stdbool.h>
#include <stddef.h>

#include "apid/media.h"
#include "apid/multipart.h"
#include "common/media/library.h"

struct config;
struct err;
struct evbuffer;
struct request;

#define FORM_VALUE_MAX 16

enum form_part { FORM_NOTHING, FORM_FILE, FORM_FIELD };

struct form {
	struct evbuffer *body; /* owned; only one thread has it at a time */
	size_t max_bytes;      /* of the file */
	char boundary[MULTIPART_BOUNDARY_MAX + 1];
	enum form_part part; /* that is being read */
	bool has_file;
	char temp[LIBRARY_PATH]; /* the file, removed at the end; "" = none */
	int fd;			 /* of it, for reading and writing; -1 = none */
	size_t n_bytes;
	char file_name[MEDIA_NAME_MAX + 1]; /* "" = none */
	const char *field; /* that may be there besides; NULL = none may */
	bool has_value;	   /* it was there */
	char value[FORM_VALUE_MAX + 1];
};

/* HTTP thread: the request's body is the form's now.  @field is a literal.
 * ERR_INVALID: it is no form.  The form is to be finished in any case. */
int form_take(struct form *form, struct request *request, const char *field,
	struct err *err);
/* Worker: the body into the file.  ERR_INVALID, ERR_TOO_LARGE (more than
 * media.max_mib), ERR_IO. */
int form_spool(struct form *form, const struct config *config, struct err *err);
void form_fini(struct form *form);

#endif
