/* One row an operation: routing, authentication, validation and documentation
 * all come from it.  A dialect is an array of these and a way to write errors.
 */
#ifndef APID_ENDPOINT_H
#define APID_ENDPOINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;
struct request;
struct shape;
struct tx;

enum param_in { IN_PATH, IN_QUERY, IN_BODY };

enum param_type {
	PARAM_STRING, /* min..max characters */
	PARAM_PHONE,  /* ^\+?[0-9]{7,15}$ */
	PARAM_PHONES, /* array of min..max phones */
	PARAM_UUID,
	PARAM_DEVICE_UID, /* any text of a uid's length: what is unknown is 404
			   */
	PARAM_DATE,	  /* ISO 8601 */
	PARAM_INT,	  /* min..max */
	PARAM_BOOL,
	PARAM_URL,	 /* http or https; null clears it */
	PARAM_ENUM,	 /* one of help's words, separated by '|' */
	PARAM_RECIPIENT, /* recipient.h: a phone, a LID or a group */
	PARAM_PERSON,	 /* a phone or a LID */
	PARAM_GROUP,	 /* a group's address */
	PARAM_CONTACT,	 /* a person, or the UUID of a contact */
	PARAM_PEOPLE,	 /* array of min..max persons */
	PARAM_TEXTS,	 /* array of min..max texts of at most 64 characters */
	PARAM_UNTIL,	 /* ISO 8601, "forever", or null */
	PARAM_OBJECT,	 /* JSON that the handler checks */
	PARAM_PICTURE,	 /* UUID of media that is a picture */
	PARAM_UUIDS,	 /* array of min..max UUIDs */
	PARAM_COLOR,	 /* #RRGGBB */
};

struct param {
	const char *name; /* as clients write it */
	enum param_in in;
	enum param_type type;
	bool required;
	int64_t min, max;
	const char *help; /* for PARAM_ENUM the words themselves */
};

enum auth {
	AUTH_NONE,
	AUTH_ACCOUNT,
	/* API key or session token */ AUTH_LOCAL /* loopback peers, or as
						     ACCOUNT */
};

struct endpoint {
	const char *method;
	const char *path; /* "/v1/api-keys/:id" */
	enum auth auth;
	const char *group; /* of the reference */
	const char *summary;
	int success;		    /* status of a good answer */
	const struct param *params; /* ends with name NULL; or NULL */
	/* Of call_start(): the lane's method, and what of its parameters
	 * always is the same, as a JSON object or NULL. */
	const char *call, *constants;
	/* The body is a form with a file, and not read before start(). */
	bool takes_file;
	/* Members of the body that no parameter names are start()'s to check.
	 */
	bool takes_any;
	/* The answer holds a secret that is shown once: where it is kept for an
	 * Idempotency-Key it is sealed. */
	bool tells_secret;
	/* For the documentation.  @details: what the summary does not say.
	 * @answer: the shape of a good answer (shape.h); "List:X" is
	 * {data:[X],total}, "Page:X" has page and limit too; NULL: any JSON.
	 * @errors: statuses besides 401 and 500, "400 404".  The examples are
	 * JSON. */
	const char *details, *answer, *errors, *example_body, *example;
	/* @other_type: content type of a good answer that is no JSON; with
	 * @answer it is one besides JSON.  @objects: what the parameters of
	 * type PARAM_OBJECT are, "name=what ..."; what is text, integer,
	 * boolean or a shape, in brackets for an array: "mentions=[text]". */
	const char *other_type, *objects;
	/* Exactly one of the three.  Each fills request->reply (and may change
	 * status), or returns -1 with an error that the dialect words. */
	int (*read)(struct request *request,
		struct err *
			err); /* on the HTTP thread, with its read connection */
	int (*write)(struct request *request, struct tx *tx,
		struct err *err); /* on the writer, in a savepoint */
	int (*start)(struct request *request,
		struct err *err); /* on the HTTP thread; answers later */
};

/* The operations of a group, and the shapes of their answers. */
struct endpoints {
	const struct endpoint *rows;
	size_t n;
	const struct shape *shapes;
	size_t n_shapes;
};

struct dialect {
	const char *name;
	const struct endpoints *const *groups;
	size_t n_groups;
	/* Fills request->reply and status from the error. */
	void (*render_error)(struct request *request, const struct err *err);
};

/* The envelope {"statusCode","error","message"}. */
void msgera_render_error(struct request *request, const struct err *err);

extern const struct endpoints endpoints_basic;	   /* msgera.c */
extern const struct endpoints endpoints_contacts;  /* contacts_table.c */
extern const struct endpoints endpoints_import;	   /* import_table.c */
extern const struct endpoints endpoints_campaigns; /* campaigns_table.c */
extern const struct endpoints endpoints_replies;   /* replies_table.c */
extern const struct endpoints endpoints_webhooks;  /* webhooks_table.c */
extern const struct endpoints endpoints_account;   /* account_table.c */
extern const struct endpoints endpoints_docs;	   /* docs_table.c */
extern const struct endpoints endpoints_vereda;	   /* vereda.c */

extern const struct dialect dialect_msgera;
extern const struct dialect dialect_vereda;

#define ENDPOINT_MAX_PARAMS 24

#endif
