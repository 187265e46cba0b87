/* What a media host answers to an upload, and what a lane and its worker read
 * of each other: any bytes.  The first chooses the reader. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/err.h"
#include "mediaxfer/reply.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* What was taken must keep the rules that its users rely on. */
static void check_path(const char *path)
{
	if (!xfer_path_is_valid(path))
		abort();
}

static void read_request(const uint8_t *bytes, size_t n)
{
	struct xfer_request request;
	struct err err = ERR_NONE;

	if (xfer_request_read(bytes, n, &request, &err) != 0)
		return;
	for (size_t i = 0; i < request.n_hosts; i++) {
		if (!xfer_host_is_valid(request.hosts[i]) ||
			(request.is_plain &&
				!xfer_host_is_local(request.hosts[i])))
			abort();
	}
	if (request.op == XFER_DOWNLOAD)
		check_path(request.ref.direct_path);
}

static void read_answer(const uint8_t *bytes, size_t n)
{
	struct xfer_answer answer;
	struct err err = ERR_NONE;

	if (xfer_answer_read(bytes, n, &answer, &err) == 0 &&
		answer.direct_path[0] != '\0')
		check_path(answer.direct_path);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct xfer_answer answer = { 0 };
	struct err err = ERR_NONE;

	if (n == 0)
		return 0;
	switch (data[0] % 3) {
	case 0:
		if (reply_parse(data + 1, n - 1, &answer, &err) == 0)
			check_path(answer.direct_path);
		return 0;
	case 1:
		read_request(data + 1, n - 1);
		return 0;
	default:
		read_answer(data + 1, n - 1);
		return 0;
	}
}
