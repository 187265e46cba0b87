/* From a raw HTTP request to its endpoint: route, authenticate, validate, run.
 */
#ifndef APID_DISPATCH_H
#define APID_DISPATCH_H

struct request;

/* Takes ownership: the request is finished here or later. */
void dispatch_request(struct request *request);
/* Words request->err in the request's dialect. */
void dispatch_render_error(struct request *request);

#endif
