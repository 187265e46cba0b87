/* Work on files that blocks, writing and syncing, away from the HTTP threads.
 */
#ifndef APID_WORKER_H
#define APID_WORKER_H

struct apid;
struct err;
struct request;
struct worker;

/* Runs on the worker's thread, alone with the request.  On failure the request
 * is answered with the error; else its resume() runs on its HTTP thread. */
typedef int worker_fn(struct request *request, struct err *err);

int worker_start(struct worker **out, struct err *err);
/* Finishes what is queued, then ends the threads. */
void worker_stop(struct worker **workerp);
/* ERR_BUSY when the queue is full: the request then stays with the caller. */
int worker_submit(struct request *request, worker_fn *fn,
	void (*resume)(struct request *request), struct err *err);

#endif
