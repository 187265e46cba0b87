/* What a transfer costs: starts mediaxfer workers against a media host in this
 * process and prints one JSON line a file size: MB/s both ways, and the
 * worker's peak memory.  Then, what starting and ending one costs.
 *
 *	xferbench build/bin/mediaxfer */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/clock.h"
#include "common/err.h"
#include "common/media/process.h"
#include "common/media/xfer.h"
#include "common/own.h"
#include "common/wa/crypto.h"
#include "tests/unit/mediaxfer/media_host.h"

#define MIB (1u << 20)
#define STARTS 50
#define REPLY "{\"direct_path\":\"/v/1?x\"}"

static const char *program;

struct run {
	double ms, cpu_ms;
	long peak_kib;
	struct xfer_answer answer;
};

static int file_new(void)
{
	char path[] = "/tmp/vereda-bench-XXXXXX";
	int fd = mkstemp(path);

	if (fd < 0)
		exit(1);
	unlink(path);
	return fd;
}

static double now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static double cpu_ms(const struct rusage *usage)
{
	return (double)(usage->ru_utime.tv_sec + usage->ru_stime.tv_sec) * 1e3 +
	       (double)(usage->ru_utime.tv_usec + usage->ru_stime.tv_usec) /
		       1e3;
}

static int request_file(const struct xfer_request *request)
{
	scoped(buf_fini) struct buf json = BUF_INIT;
	int fd = memfd_create("request", MFD_CLOEXEC);

	xfer_request_write(request, &json);
	if (write(fd, json.data, json.len) != (ssize_t)json.len ||
		lseek(fd, 0, SEEK_SET) != 0)
		exit(1);
	return fd;
}

static struct run run(const struct xfer_request *request, int file)
{
	const char *const argv[] = { program, NULL };
	scoped(fd_close) int in = request_file(request), scratch = file_new();
	uint8_t bytes[XFER_ANSWER_MAX];
	struct process process;
	struct run out = { .ms = now_ms() };
	struct err err = ERR_NONE;
	struct rusage usage;
	int pipe_fds[2], status;

	if (pipe2(pipe_fds, O_CLOEXEC) != 0 || lseek(file, 0, SEEK_SET) != 0)
		exit(1);
	if (process_start(argv, (int[]){ in, pipe_fds[1], -1, file, scratch },
		    5, &process, &err) != 0 ||
		wait4(process.pid, &status, 0, &usage) != process.pid) {
		fprintf(stderr, "%s\n", err.msg);
		exit(1);
	}
	out.ms = now_ms() - out.ms;
	out.cpu_ms = cpu_ms(&usage);
	out.peak_kib = usage.ru_maxrss;
	close(process.fd);
	close(pipe_fds[1]);
	if (xfer_answer_read(bytes,
		    (size_t)read(pipe_fds[0], bytes, sizeof(bytes)),
		    &out.answer, &err) != 0) {
		fprintf(stderr, "%s\n", err.msg);
		exit(1);
	}
	close(pipe_fds[0]);
	return out;
}

static struct run run_well(const struct xfer_request *request, int file)
{
	struct run out = run(request, file);

	if (out.answer.result != XFER_DONE) {
		fprintf(stderr, "%s\n", out.answer.reason);
		exit(1);
	}
	return out;
}

static void file_fill(int fd, size_t n_mib)
{
	scoped(buf_fini) struct buf piece = BUF_INIT;

	memset(buf_reserve(&piece, MIB), 0x5a, MIB);
	for (size_t i = 0; i < n_mib; i++) {
		piece.data[0] = (uint8_t)i;
		if (pwrite(fd, piece.data, MIB, (off_t)(i * MIB)) != MIB)
			exit(1);
	}
}

static void print_run(const char *op, size_t n_mib, const struct run *run)
{
	printf("{\"op\":\"%s\",\"mib\":%zu,\"ms\":%.1f,\"mb_s\":%.1f,"
	       "\"cpu_ms\":%.1f,\"peak_kib\":%ld}\n",
		op, n_mib, run->ms, (double)n_mib * 1048.576 / run->ms,
		run->cpu_ms, run->peak_kib);
}

static void size_measure(
	struct media_host *host, struct xfer_request *request, size_t n_mib)
{
	scoped(fd_close) int file = file_new(), blob = file_new();
	struct run up, down;

	file_fill(file, n_mib);
	host->n_answers = host->n_asked = 0;
	host_add(host, &(struct host_answer){ .status = 200, .body = REPLY });
	host->body_fd = blob;
	request->op = XFER_UPLOAD;
	request->max_bytes = n_mib * MIB;
	up = run_well(request, file);
	host->n_answers = host->n_asked = 0;
	host->body_fd = -1;
	host_add(host, &(struct host_answer){ .status = 200,
			       .body_fd = blob,
			       .n_body = (size_t)lseek(blob, 0, SEEK_END) });
	request->op = XFER_DOWNLOAD;
	memcpy(request->ref.enc_sha256, up.answer.enc_sha256, 32);
	snprintf(request->ref.direct_path, XFER_PATH, "/v/1?x");
	down = run_well(request, file);
	print_run("upload", n_mib, &up);
	print_run("download", n_mib, &down);
}

/* A request that is refused before the network: the process alone. */
static void start_measure(struct xfer_request *request)
{
	scoped(fd_close) int file = file_new();
	double ms = 0, cpu = 0;

	snprintf(request->ref.direct_path, XFER_PATH, "no path");
	for (int i = 0; i < STARTS; i++) {
		struct run one = run(request, file);

		ms += one.ms / STARTS;
		cpu += one.cpu_ms / STARTS;
	}
	printf("{\"op\":\"start and end\",\"ms\":%.2f,\"cpu_ms\":%.2f}\n", ms,
		cpu);
}

int main(int argc, char **argv)
{
	static const size_t sizes_mib[] = { 1, 16, 64 };
	struct media_host host = { 0 };
	struct xfer_request request = { .is_plain = true,
		.parent = getpid(),
		.n_hosts = 1,
		.deadline_ms = 60000,
		.backoff_ms = 1,
		.ref = { .type = WA_MEDIA_IMAGE } };

	if (argc != 2) {
		fprintf(stderr, "Usage: xferbench PROGRAM\n");
		return 2;
	}
	program = argv[1];
	wa_crypto_init();
	host_start(&host);
	snprintf(request.hosts[0], XFER_HOST, "%s", host.name);
	for (size_t i = 0; i < ARRAY_LEN(sizes_mib); i++)
		size_measure(&host, &request, sizes_mib[i]);
	start_measure(&request);
	host_stop(&host);
	return 0;
}
