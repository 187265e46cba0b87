/* GET /v1/events: the account's events as a server-sent event stream, resumable
 * by number. */
#ifndef APID_LIVE_H
#define APID_LIVE_H

struct apid;
struct err;
struct http_thread;
struct live;
struct request;

int live_open(struct apid *apid, struct live **out, struct err *err);
void live_close(struct live **livep);

int live_events(struct request *request, struct err *err); /* handler */
/* Ends every stream of a thread; its loop no longer runs. */
void live_drop_streams(struct http_thread *thread);

#endif
