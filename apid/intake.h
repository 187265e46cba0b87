/* Request bodies that are too large to hold many of: uploads.
 *
 * evhttp keeps a body in memory until it is whole.  So the large limit is for
 * the few paths that need it, and only for a connection that has one of a few
 * places.  A connection that finds none free is not read from, so what its
 * client has to say waits in the kernel and at the client; after a while it
 * is answered with 503.  A client that holds a place and hardly sends while
 * others wait loses it.  An intake belongs to one HTTP thread. */
#ifndef APID_INTAKE_H
#define APID_INTAKE_H

#include <stdbool.h>
#include <stddef.h>

struct bufferevent;
struct event_base;
struct evhttp_connection;
struct intake;

/* As in the endpoint tables: ":id" is any one segment. */
#define INTAKE_PATH "/v1/developer/media/upload"
#define INTAKE_GROUP_IMPORT "/v1/contact-groups/:id/import"
#define INTAKE_TAG_IMPORT "/v1/contact-tags/:id/import"
#define INTAKE_PLACES 3
#define INTAKE_OVERHEAD 65536 /* bytes that a form has around its file */

struct intake *intake_new(
	struct event_base *base, size_t small_bytes, size_t large_bytes);
void intake_free(struct intake **intakep);
/* Called by the thread itself, before its loop runs. */
void intake_enter(struct intake *intake);
/* For evhttp_set_bevcb(): a connection that is watched by the intake of the
 * thread that runs @base. */
struct bufferevent *intake_bufferevent(struct event_base *base, void *arg);

/* The connection's request is whole.  True: it has a place, which is the
 * caller's until intake_release().  The connection's close callback is free
 * again. */
bool intake_take(struct intake *intake, struct evhttp_connection *connection);
void intake_release(struct intake *intake);

#endif
