/* POST /v1/developer/media/upload: a form with a file becomes a media asset. */
#ifndef APID_UPLOAD_H
#define APID_UPLOAD_H

#include <stddef.h>

struct config;
struct err;
struct request;

/* The largest body that can hold an acceptable file. */
size_t upload_max_bytes(const struct config *config);
int upload_start(struct request *request, struct err *err); /* handler */

#endif
