#include "common/media/convert.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/config.h"
#include "common/err.h"
#include "common/log.h"
#include "common/media/answer.h"
#include "common/media/digest.h"
#include "common/media/process.h"
#include "common/media/table.h"
#include "common/own.h"
#include "common/program.h"

#define WORKER "mediaconv"
#define TIMEOUT_MS 120000
#define WHY_MAX 64
#define UNREADABLE "The file could not be read"

/* STARTED -> the worker runs, its answer comes in -> it has ended -> the file
 * is hashed -> done.  Each step is a turn of the loop; the deadline is the
 * worker's alone, what follows it is short. */
struct convert {
	enum convert_job job;
	struct slot *slot; /* the worker's process */
	int answer_fd;	   /* non-blocking; -1 once the worker has closed it */
	int result_fd; /* what is hashed: the input or what was made of it */
	uint64_t max_bytes; /* of what is hashed */
	struct buf answer;
	struct event *answering, *ended, *deadline, *hashing;
	bool is_late, is_garbage; /* killed by us, for which reason */
	struct media_facts facts;
	struct digest digest;
	convert_done_fn *done;
	void *arg;
};

static struct {
	const char *path; /* NULL: the real one */
	int timeout_ms;
} test_worker;

void convert_use_worker(const char *path, int timeout_ms)
{
	test_worker.path = path;
	test_worker.timeout_ms = timeout_ms;
}

/* ---- slots: one for each process, until it is reaped ---- */

struct slot {
	bool is_taken;
	bool is_dying; /* killed by convert_cancel(), nobody waits for it */
	struct process process;
};

static struct slot slots[CONVERT_MAX];
static pthread_mutex_t slots_lock = PTHREAD_MUTEX_INITIALIZER;

static bool slot_is_free(struct slot *slot)
{
	char why[WHY_MAX];

	if (slot->is_dying && process_reap(&slot->process, why, sizeof(why)))
		slot->is_taken = slot->is_dying = false;
	return !slot->is_taken;
}

/* NULL: all are taken. */
static struct slot *slot_take(void)
{
	struct slot *slot = NULL;

	pthread_mutex_lock(&slots_lock);
	for (size_t i = 0; i < CONVERT_MAX; i++)
		if (slot_is_free(&slots[i]))
			slot = &slots[i];
	if (slot != NULL)
		*slot = (struct slot){ .is_taken = true,
			.process = PROCESS_NONE };
	pthread_mutex_unlock(&slots_lock);
	return slot;
}

/* A process that is still there was killed: the slot is free when it has gone,
 * which nobody waits for. */
static void slot_give_back(struct slot *slot)
{
	if (slot == NULL)
		return;
	pthread_mutex_lock(&slots_lock);
	slot->is_dying = true;
	(void)slot_is_free(slot);
	pthread_mutex_unlock(&slots_lock);
}

/* ---- the end ---- */

static void event_drop(struct event **eventp)
{
	struct event *event = move(*eventp);

	if (event != NULL)
		event_free(event);
}

static void convert_free(struct convert **convertp)
{
	struct convert *convert = move(*convertp);

	if (convert == NULL)
		return;
	event_drop(&convert->answering);
	event_drop(&convert->ended);
	event_drop(&convert->deadline);
	event_drop(&convert->hashing);
	fd_close(&convert->answer_fd);
	fd_close(&convert->result_fd);
	buf_fini(&convert->answer);
	media_facts_fini(&convert->facts);
	slot_give_back(convert->slot);
	free(convert);
}

void convert_cancel(struct convert **convertp)
{
	if (*convertp != NULL)
		process_kill(&(*convertp)->slot->process);
	convert_free(convertp);
}

static void fail(struct convert *convert, const struct err *err)
{
	convert_done_fn *done = convert->done;
	void *arg = convert->arg;

	convert_free(&convert);
	done(NULL, err, arg);
}

static void succeed(struct convert *convert)
{
	struct media_facts facts = convert->facts;
	convert_done_fn *done = convert->done;
	void *arg = convert->arg;

	convert->facts = (struct media_facts){ 0 };
	convert_free(&convert);
	done(&facts, &ERR_NONE, arg);
	media_facts_fini(&facts);
}

/* ---- hashing ---- */

static void on_hash(evutil_socket_t fd, short what, void *arg)
{
	static const struct timeval at_once = { 0, 0 };
	struct convert *convert = arg;
	struct err err = ERR_NONE;
	bool is_done = false;

	(void)fd;
	(void)what;
	if (digest_step(&convert->digest, &is_done, &err) != 0) {
		fail(convert, &err);
		return;
	}
	if (convert->digest.size > convert->max_bytes) {
		err_set(&err, ERR_TOO_LARGE, "The result is too large");
		fail(convert, &err);
		return;
	}
	if (!is_done) {
		event_add(convert->hashing, &at_once);
		return;
	}
	convert->facts.size = convert->digest.size;
	digest_result(&convert->digest, convert->facts.sha256);
	succeed(convert);
}

/* ---- the worker's answer and end ---- */

static const char *job_name(enum convert_job job)
{
	switch (job) {
	case CONVERT_PROBE:
		return "probe";
	case CONVERT_VOICE:
		return "voice";
	case CONVERT_STICKER:
		return "sticker";
	case CONVERT_TABLE:
		return "table";
	}
	return "probe";
}

/* What is in the pipe; closes it at its end. */
static void answer_take(struct convert *convert)
{
	ssize_t n;

	while (convert->answer_fd >= 0 && !convert->is_garbage) {
		uint8_t *room = buf_reserve(&convert->answer, 4096);

		n = read(convert->answer_fd, room, 4096);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return;
		if (n <= 0) {
			event_drop(&convert->answering);
			fd_close(&convert->answer_fd);
			return;
		}
		convert->answer.len += (size_t)n;
		convert->is_garbage = convert->answer.len > ANSWER_MAX;
	}
}

static void on_answer(evutil_socket_t fd, short what, void *arg)
{
	struct convert *convert = arg;

	(void)fd;
	(void)what;
	answer_take(convert);
	if (!convert->is_garbage)
		return;
	event_drop(&convert->answering);
	process_kill(&convert->slot->process);
}

static void on_deadline(evutil_socket_t fd, short what, void *arg)
{
	struct convert *convert = arg;

	(void)fd;
	(void)what;
	convert->is_late = true;
	process_kill(&convert->slot->process);
}

/* The file may have done that to it; what it did is for the log alone. */
static int blame_file(
	const struct convert *convert, const char *reason, struct err *err)
{
	log_warning("convert job=%s pid=%d reason=\"%s\" action=refuse_file",
		job_name(convert->job), (int)convert->slot->process.pid,
		log_quote(reason));
	return err_set(err, ERR_INVALID, UNREADABLE);
}

static int judge(struct convert *convert, const char *why, struct err *err)
{
	if (convert->is_late)
		return err_set(
			err, ERR_TIMEOUT, "The file takes too long to read");
	if (convert->is_garbage)
		return blame_file(convert, "the answer has no end", err);
	/* Reaped by somebody else: the answer alone can tell. */
	if (why[0] != '\0' && (strcmp(why, PROCESS_END_UNKNOWN) != 0 ||
				      convert->answer.len == 0))
		return blame_file(convert, why, err);
	if (answer_read(buf_cstr(&convert->answer), convert->answer.len,
		    &convert->facts, err) == 0)
		return 0;
	if (err->code == ERR_PEER)
		return blame_file(convert, err->msg, err);
	return -1;
}

static void on_end(evutil_socket_t fd, short what, void *arg)
{
	struct convert *convert = arg;
	struct err err = ERR_NONE;
	char why[WHY_MAX];

	(void)fd;
	(void)what;
	if (!process_reap(&convert->slot->process, why, sizeof(why))) {
		event_add(convert->ended, NULL);
		return;
	}
	answer_take(convert);
	event_drop(&convert->answering);
	event_drop(&convert->ended);
	event_drop(&convert->deadline);
	if (judge(convert, why, &err) != 0) {
		fail(convert, &err);
		return;
	}
	digest_init(&convert->digest, convert->result_fd);
	event_active(convert->hashing, EV_TIMEOUT, 0);
}

/* ---- starting ---- */

/* Also the first look at the input: it is a file, and not too large. */
static int input_check(int fd, uint64_t max_bytes, struct err *err)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return err_set(err, ERR_IO, "media file: %s", strerror(errno));
	if (!S_ISREG(st.st_mode))
		return err_set(err, ERR_INTERNAL, "media file: not a file");
	if (st.st_size == 0)
		return err_set(err, ERR_INVALID, "The file is empty");
	if ((uint64_t)st.st_size > max_bytes)
		return err_set(err, ERR_TOO_LARGE,
			"The file is larger than %u MiB",
			(unsigned)(max_bytes >> 20));
	return 0;
}

static int worker_start(struct convert *convert,
	const struct convert_request *request, int stdout_fd, struct err *err)
{
	scoped(str_free) char *path = test_worker.path != NULL
					      ? xstrdup(test_worker.path)
					      : program_find(WORKER, err);
	const char *argv[] = { path, job_name(request->job), NULL };
	const int fds[] = { request->in_fd, stdout_fd, -1, request->out_fd };

	if (path == NULL)
		return err_set(err, ERR_INTERNAL, "%s", err->msg);
	return process_start(argv, fds,
		request->job == CONVERT_PROBE ? 3 : ARRAY_LEN(fds),
		&convert->slot->process, err);
}

static int descriptors_open(struct convert *convert,
	const struct convert_request *request, int *stdout_fd, struct err *err)
{
	int pipe_fds[2];

	if (pipe2(pipe_fds, O_CLOEXEC) != 0)
		return err_set(err, ERR_INTERNAL, "pipe to a worker: %s",
			strerror(errno));
	convert->answer_fd = pipe_fds[0];
	*stdout_fd = pipe_fds[1];
	evutil_make_socket_nonblocking(convert->answer_fd);
	convert->result_fd =
		fcntl(request->job == CONVERT_PROBE ? request->in_fd
						    : request->out_fd,
			F_DUPFD_CLOEXEC, 0);
	if (convert->result_fd < 0)
		return err_set(
			err, ERR_INTERNAL, "media file: %s", strerror(errno));
	return 0;
}

static void events_add(struct convert *convert, struct event_base *base)
{
	const int ms = test_worker.timeout_ms > 0 ? test_worker.timeout_ms
						  : TIMEOUT_MS;
	const struct timeval timeout = { ms / 1000, ms % 1000 * 1000 };

	convert->answering = event_new(base, convert->answer_fd,
		EV_READ | EV_PERSIST, on_answer, convert);
	convert->ended = event_new(
		base, convert->slot->process.fd, EV_READ, on_end, convert);
	convert->deadline = evtimer_new(base, on_deadline, convert);
	convert->hashing = evtimer_new(base, on_hash, convert);
	event_add(convert->answering, NULL);
	event_add(convert->ended, NULL);
	event_add(convert->deadline, &timeout);
}

int convert_start(struct event_base *base, const struct config *config,
	const struct convert_request *request, convert_done_fn *done, void *arg,
	struct convert **out, struct err *err)
{
	scoped(convert_free) struct convert *convert =
		xcalloc(1, sizeof(*convert));
	scoped(fd_close) int stdout_fd = -1;
	const uint64_t max_bytes = (uint64_t)config->media.max_mib << 20;

	*convert = (struct convert){ .job = request->job,
		.answer_fd = -1,
		.result_fd = -1,
		.max_bytes = request->job == CONVERT_TABLE ? TABLE_BYTES_MAX
							   : max_bytes,
		.done = done,
		.arg = arg };
	if (input_check(request->in_fd, max_bytes, err) != 0)
		return -1;
	convert->slot = slot_take();
	if (convert->slot == NULL)
		return err_set(err, ERR_BUSY,
			"Too many files are being read; try again");
	if (descriptors_open(convert, request, &stdout_fd, err) != 0 ||
		worker_start(convert, request, stdout_fd, err) != 0)
		return -1;
	events_add(convert, base);
	*out = move(convert);
	return 0;
}
