/* Method and path to an endpoint of one of the dialects. */
#ifndef APID_ROUTER_H
#define APID_ROUTER_H

#include <stddef.h>

struct dialect;
struct request;

enum { ROUTER_FOUND = 0, ROUTER_NOT_FOUND, ROUTER_WRONG_METHOD };

/* Fills request->dialect, endpoint and the path arguments (decoded; request
 * owns them). ROUTER_WRONG_METHOD: @allow holds the methods of the path.  HEAD
 * runs as GET. */
int router_find(const char *method, const char *path, struct request *request,
	char *allow, size_t allow_cap);
/* All of them, for the documentation. */
size_t router_dialects(const struct dialect *const **out);

#endif
