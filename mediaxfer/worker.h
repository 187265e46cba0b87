/* A transfer: the file at XFER_FD_FILE to the media host, or from it. */
#ifndef MEDIAXFER_WORKER_H
#define MEDIAXFER_WORKER_H

#include "common/media/xfer.h"

struct err;

/* Does it, and says how it went. */
void worker_run(const struct xfer_request *request, struct xfer_answer *out);

/* ---- upload.c, download.c: @err says why it is not DONE ---- */
/* Encrypts, and offers the blob to the hosts. */
enum xfer_result upload_run(const struct xfer_request *request,
	int64_t deadline_ms, struct xfer_answer *out, struct err *err);
/* Decrypts what a host gives, and believes it when all is right. */
enum xfer_result download_run(const struct xfer_request *request,
	int64_t deadline_ms, struct xfer_answer *out, struct err *err);

#endif
