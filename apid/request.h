/* A request on its way: what came in, what goes out. */
#ifndef APID_REQUEST_H
#define APID_REQUEST_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "apid/apid.h"
#include "apid/endpoint.h"
#include "common/err.h"
#include "common/ids.h"
#include "common/phone.h"
#include "common/store/store.h"

struct evhttp_request;
struct http_thread;
struct making;

/* A validated value; which member holds follows from the parameter's type. */
struct arg {
	bool is_set;
	bool is_null; /* URL, UNTIL: given as null */
	const char *text;
	int64_t number; /* INT, BOOL, DATE (unix ms) */
	json_t *json;	/* PHONES, PEOPLE, TEXTS, OBJECT; borrowed from the
			   body */
	char phone[PHONE_LEN];
};

/* Where an envelope goes once the request's transaction is committed. */
enum outgoing_to { TO_SENDERD, TO_WEBHOOKD, TO_SCHEDULERD };
struct outgoing {
	enum outgoing_to to;
	Bus__Envelope *envelope; /* owned */
};
#define REQUEST_MAX_OUTGOING 4

struct request {
	struct apid *apid;	    /* borrowed */
	struct http_thread *thread; /* borrowed: its owner */
	struct store *store;	    /* borrowed: the thread's read connection */
	struct evhttp_request *http; /* to be answered even when is_gone */
	bool is_gone; /* the client has left; libevent keeps http for us */
	const struct dialect *dialect;
	const struct endpoint *endpoint;
	int64_t started_us;

	int64_t account_id; /* 0 without authentication */
	char account_uid[UUID_LEN];
	json_t *body;	   /* owned; NULL without one */
	char *path_values; /* owned: the texts of path and query arguments */
	char *query_values;
	char *idempotency_key; /* owned, or NULL */
	uint8_t body_hash[32]; /* with an idempotency key: method, path and body
				*/
	struct arg args[ENDPOINT_MAX_PARAMS];

	int status;
	json_t *reply;		  /* owned */
	char *raw_reply;	  /* owned; instead of reply */
	const char *content_type; /* of raw_reply and file */
	char *own_type;		  /* owned: content_type when it is made up */
	struct {
		bool is_set;
		int fd; /* owned */
		int64_t offset, length;
	} file;		   /* a part of it instead of reply */
	bool is_streaming; /* answered as an event stream: live.c owns the rest
			    */
	bool extra_body;   /* reply was filled although an error was returned */
	bool has_place;	   /* its body is large: intake.h */
	int64_t retry_at_ms; /* of a 429: when it may work; 0 = unknown */
	struct err err;
	bool failed;
	struct outgoing outgoing[REQUEST_MAX_OUTGOING];
	size_t n_outgoing;

	void (*resume)(struct request
			*request); /* runs on the HTTP thread after http_post */
	Bus__Envelope *answer;	   /* of a question; owned */
	/* What start() goes on with: on a worker, on the writer, and then,
	 * instead of the answer, on the HTTP thread again. */
	int (*work)(struct request *request, struct err *err);
	int (*write)(struct request *request, struct tx *tx, struct err *err);
	void (*after)(struct request *request);
	struct making *making; /* owned: making.c */
	void *context;	       /* owned, with: */
	void (*context_free)(void **contextp);
	struct request *next; /* in a queue */
};

/* Arguments by name.  Missing text is NULL, a missing number is @missing. */
const struct arg *request_arg(const struct request *request, const char *name);
const char *request_text(const struct request *request, const char *name);
int64_t request_number(
	const struct request *request, const char *name, int64_t missing);

/* After the commit; takes ownership.  NULL is ignored. */
void request_push(
	struct request *request, enum outgoing_to to, Bus__Envelope *envelope);
void request_send_outgoing(struct request *request);

/* For a start() that has prepared what @write commits.  @after may be NULL: the
 * request is answered after the commit. */
int request_write(struct request *request,
	int (*write)(struct request *request, struct tx *tx, struct err *err),
	void (*after)(struct request *request), struct err *err);
/* Lets go of a large body's place. */
void request_leave_place(struct request *request);

/* Ends the request: writes the answer (or the error, if failed) and frees it.
 * HTTP thread only. */
void request_finish(struct request *request);
void request_fail(struct request *request,
	const struct err *err); /* records the error, then finishes */
void request_free(struct request **requestp);

/* page= and limit= of list operations. */
struct page request_page(const struct request *request, int *page_out);
/* Of a list that is answered whole, up to @most, unless a page is asked for. */
struct page request_whole_page(
	const struct request *request, int most, int *page_out);

/* JSON values that are null for nothing. */
json_t *json_text(const char *text);	/* NULL and invalid UTF-8 give null */
json_t *json_time(int64_t unix_ms);	/* ISO 8601; 0 gives null */
json_t *json_phone(const char *digits); /* "+15550001111" */

#endif
