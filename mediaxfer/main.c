/* Moves one file between the library and a media host, encrypting or decrypting
 * on the way.  Started by a lane for one transfer: the request comes on
 * standard input, the answer goes to standard output, the files are descriptors
 * (common/media/xfer.h). */
#include <errno.h>
#include <jansson.h>
#include <malloc.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <curl/curl.h>

#include "common/buf.h"
#include "common/daemon.h"
#include "common/err.h"
#include "common/media/xfer.h"
#include "common/wa/crypto.h"
#include "mediaxfer/worker.h"

#define FILES_MAX 64
#define CPU_SEC 300
#define MEMORY_BYTES (512ul << 20)
/* The blob of a file: padding and MAC. */
#define BLOB_EXTRA 26
/* Past its deadline by so much it did not end by itself. */
#define GRACE_SEC 5

/* What jansson has read holds a key. */
static void wipe_free(void *p)
{
	if (p != NULL)
		explicit_bzero(p, malloc_usable_size(p));
	free(p);
}

static void limit(int what, rlim_t value)
{
	const struct rlimit both = { value, value };

	if (setrlimit(what, &both) != 0)
		fatal("cannot limit %d: %s", what, strerror(errno));
}

static void lock_down(void)
{
	umask(0077);
	signal(SIGPIPE, SIG_IGN);
	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	limit(RLIMIT_CORE, 0);
	limit(RLIMIT_NOFILE, FILES_MAX);
	limit(RLIMIT_CPU, CPU_SEC);
#ifndef __SANITIZE_ADDRESS__ /* which maps terabytes */
	limit(RLIMIT_AS, MEMORY_BYTES);
#endif
	daemon_lockdown();
}

static int request_take(struct xfer_request *out, struct err *err)
{
	uint8_t bytes[XFER_REQUEST_MAX];
	size_t n = 0;
	ssize_t got;
	int rc;

	while (n < sizeof(bytes) &&
		(got = read(STDIN_FILENO, bytes + n, sizeof(bytes) - n)) != 0) {
		if (got < 0 && errno != EINTR)
			return err_set(
				err, ERR_IO, "request: %s", strerror(errno));
		n += got > 0 ? (size_t)got : 0;
	}
	rc = xfer_request_read(bytes, n, out, err);
	explicit_bzero(bytes, sizeof(bytes));
	return rc;
}

/* For as long, and as much, as this request may take. */
static void lock_to(const struct xfer_request *request)
{
	if (getppid() != request->parent)
		exit(EXIT_FAILURE); /* it died before we could die with it */
	alarm((unsigned)(request->deadline_ms / 1000) + GRACE_SEC);
	limit(RLIMIT_FSIZE, request->max_bytes + BLOB_EXTRA);
	signal(SIGXFSZ, SIG_IGN); /* write() says so */
}

static int answer_give(const struct xfer_answer *answer)
{
	struct buf json = BUF_INIT;
	ssize_t n;

	xfer_answer_write(answer, &json);
	n = write(STDOUT_FILENO, json.data, json.len);
	buf_fini(&json);
	return n < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	struct xfer_request request;
	struct xfer_answer answer = { .result = XFER_REFUSED };
	struct err err = ERR_NONE;

	(void)argv;
	if (argc > 1) {
		fprintf(stderr, "mediaxfer %s: started by lanes alone\n",
			VEREDA_VERSION);
		return EXIT_FAILURE;
	}
	lock_down();
	json_set_alloc_funcs(malloc, wipe_free);
	wa_crypto_init();
	if (request_take(&request, &err) != 0) {
		snprintf(answer.reason, sizeof(answer.reason), "%s", err.msg);
		return answer_give(&answer);
	}
	lock_to(&request);
	curl_global_init(CURL_GLOBAL_DEFAULT);
	worker_run(&request, &answer);
	sodium_memzero(&request, sizeof(request));
	return answer_give(&answer);
}
