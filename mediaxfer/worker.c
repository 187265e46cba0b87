#include "mediaxfer/worker.h"

#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "common/err.h"

/* Printable: some of it comes from the network. */
static void reason_set(struct xfer_answer *out, const struct err *err)
{
	snprintf(out->reason, sizeof(out->reason), "%s", err->msg);
	for (char *c = out->reason; *c != '\0'; c++) {
		if (*c < ' ' || *c > '~')
			*c = '?';
	}
}

void worker_run(const struct xfer_request *request, struct xfer_answer *out)
{
	int64_t deadline_ms = clock_mono_ms() + request->deadline_ms;
	struct err err = ERR_NONE;

	memset(out, 0, sizeof(*out));
	out->result = request->op == XFER_UPLOAD
			      ? upload_run(request, deadline_ms, out, &err)
			      : download_run(request, deadline_ms, out, &err);
	if (out->result == XFER_DONE)
		return;
	out->direct_path[0] = out->url[0] = '\0';
	out->length = 0;
	reason_set(out, &err);
}
