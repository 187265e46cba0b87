/* Group commit: one thread takes the requests that change something, runs many
 * of them in one transaction, each in a savepoint, and lets the answers go
 * after the commit. */
#ifndef APID_WRITER_H
#define APID_WRITER_H

#include <stdbool.h>
#include <stdint.h>

struct apid;
struct err;
struct request;
struct writer;

int writer_start(struct apid *apid, struct writer **out, struct err *err);
/* Finishes what is queued, then ends the thread. */
void writer_stop(struct writer **writerp);
/* Hands the request over; it comes back by http_post().  ERR_BUSY when the
 * queue is full: the request then stays with the caller. */
int writer_submit(
	struct writer *writer, struct request *request, struct err *err);
bool writer_is_idle(struct writer *writer);

struct writer_stats {
	uint64_t commits, operations;
	unsigned queued;
};
void writer_stats(struct writer *writer, struct writer_stats *out);

#endif
