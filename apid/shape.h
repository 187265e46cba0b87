/* What answers look like: one table of members a JSON object.  The OpenAPI
 * document's schemas are made of these, and the contract test holds every real
 * answer against them. */
#ifndef APID_SHAPE_H
#define APID_SHAPE_H

#include <stdbool.h>
#include <stddef.h>

enum field_type {
	FIELD_TEXT,
	FIELD_INTEGER,
	FIELD_NUMBER,
	FIELD_BOOL,
	FIELD_TIME, /* ISO 8601 text */
	FIELD_UUID,
	FIELD_PHONE,  /* "+" and digits */
	FIELD_WORD,   /* one of @of's words, separated by '|' */
	FIELD_OBJECT, /* of the shape @of */
	FIELD_LIST,   /* of objects of the shape @of; of texts: @of NULL */
	FIELD_MAP,    /* object of texts */
	FIELD_ANY,    /* any JSON */
};

#define FIELD_NULL 1u	  /* may be null */
#define FIELD_OPTIONAL 2u /* may be missing */

struct field {
	const char *name; /* NULL ends the table */
	enum field_type type;
	unsigned flags;
	const char *of;
	const char *help;
};

struct shape {
	const char *name; /* "Campaign" */
	const struct field *fields;
	bool is_open; /* members that are not named may be there, too */
};

#endif
