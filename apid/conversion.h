/* Looking into files and converting them, for requests: common/media/convert.h
 * on the request's own loop, and nothing left over when that loop ends. */
#ifndef APID_CONVERSION_H
#define APID_CONVERSION_H

#include "common/media/convert.h"

struct http_thread;
struct request;

/* As convert_done_fn. */
typedef void conversion_done_fn(struct request *request,
	struct media_facts *facts, const struct err *err);
/* HTTP thread only. */
int conversion_start(struct request *request, const struct convert_request *job,
	conversion_done_fn *done, struct err *err);
/* The thread's loop no longer runs: kills its conversions and frees their
 * requests. */
void conversion_drop_all(struct http_thread *thread);

#endif
