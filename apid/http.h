/* The transport: evhttp on several threads that share one listening socket. */
#ifndef APID_HTTP_H
#define APID_HTTP_H

#include <stdbool.h>
#include <stddef.h>

struct apid;
struct err;
struct event_base;
struct request;

struct http_server;
struct http_thread;

/* Binds the socket; threads start with http_start(). */
int http_open(struct apid *apid, struct http_server **out, struct err *err);
int http_start(struct http_server *server, struct err *err);
/* Ends the threads' loops.  Requests that others still hold may be posted until
 * http_close(). */
void http_stop(struct http_server *server);
/* Closes what is left; nobody may hold a request any more. */
void http_close(struct http_server **serverp);
int http_port(const struct http_server *server);

/* From any thread: runs request->resume on the thread that owns the request. */
void http_post(struct request *request);

/* For every HTTP thread: runs @fn(thread, arg) there.  @release(arg) runs once
 * after the last. */
void http_broadcast(struct http_server *server,
	void (*fn)(struct http_thread *thread, void *arg), void *arg,
	void (*release)(void *arg));

struct event_base *http_thread_base(struct http_thread *thread);
struct intake *http_thread_intake(struct http_thread *thread);
struct store *http_thread_store(struct http_thread *thread);
/* Event-stream clients of a thread, private to live.c. */
void **http_thread_streams(struct http_thread *thread);
/* Conversions of a thread, private to conversion.c. */
void **http_thread_conversions(struct http_thread *thread);

/* The value of a header that may come once only; *@twice is set when it came
 * more often. */
const char *http_header_once(
	struct request *request, const char *name, bool *twice);
bool http_peer_is_local(const struct request *request);
/* The loop of the request's thread has ended: frees it without an answer. */
void http_abandon(struct request *request);

#endif
