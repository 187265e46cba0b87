#include "senderd/whatsapp/transfer.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/queue.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/clock.h"
#include "common/err.h"
#include "common/ids.h"
#include "common/log.h"
#include "common/media/library.h"
#include "common/media/process.h"
#include "common/media/xfer.h"
#include "common/own.h"
#include "common/program.h"
#include "senderd/whatsapp/media_conn.h"

#define PROTOCOL_NAME "transfer"
#define WORKER "mediaxfer"
#define RUNNING_MAX 3
#define WAITING_MAX 64
/* A worker has so long, and what a slow line needs for the file; then it is
 * killed. */
#define TIME_MS 60000
#define BYTES_A_MS 50
#define TIME_MAX_MS (3600 * 1000LL)
#define GRACE_MS 10000
#define BACKOFF_MS 500 /* of the worker, between rounds of its hosts */
#define CONN_RETRY_MS 5000
#define CONN_TRIES 4
#define MIB (UINT64_C(1) << 20)

TAILQ_HEAD(transfer_line, transfer);

/* Waits -> the worker runs -> done.  An upload whose auth has run out waits a
 * second time, for a new media_conn. */
struct transfer {
	TAILQ_ENTRY(transfer) entry;
	struct lane *lane; /* borrowed */
	enum xfer_op op;
	struct wa_media_ref ref; /* upload: sha256 names the file */
	uint64_t max_bytes;
	transfer_done_fn *done;
	void *arg;
	bool was_refreshed; /* auth was wrong before */

	/* While the worker runs: */
	struct process process;
	int answer_fd;
	struct lws *wsi; /* of a copy of the process's descriptor */
	char temp_path[LIBRARY_PATH]; /* download; "" = none */
	struct lane_timer deadline;
	int64_t started_ms; /* monotonic */
};

struct transfers {
	struct transfer_line waiting, running;
	size_t n_waiting, n_running;
	struct media_conn conn;
	int64_t conn_until_ms; /* monotonic; 0 = there is none */
	bool is_asking;	       /* for a media_conn */
	bool is_resting;       /* conn_retry will ask */
	unsigned n_conn_failures;
	struct lane_timer pump, conn_retry;
};

static const char *test_worker;

void transfer_use_worker(const char *path)
{
	test_worker = path;
}

/* ---- life ---- */

struct transfers *transfers_new(void)
{
	struct transfers *transfers = xcalloc(1, sizeof(*transfers));

	TAILQ_INIT(&transfers->waiting);
	TAILQ_INIT(&transfers->running);
	return transfers;
}

/* What a worker was given, or has left. */
static void worker_clear(struct transfer *transfer)
{
	if (transfer->wsi != NULL)
		lws_set_opaque_user_data(transfer->wsi, NULL);
	transfer->wsi = NULL;
	lane_timer_stop(&transfer->deadline);
	fd_close(&transfer->process.fd);
	fd_close(&transfer->answer_fd);
	if (transfer->temp_path[0] != '\0')
		unlink(transfer->temp_path);
	transfer->temp_path[0] = '\0';
}

static void transfer_free(struct transfer **transferp)
{
	struct transfer *transfer = move(*transferp);

	if (transfer == NULL)
		return;
	process_kill(&transfer->process);
	worker_clear(transfer);
	sodium_memzero(transfer, sizeof(*transfer));
	free(transfer);
}

static void line_free(struct transfer_line *line)
{
	struct transfer *transfer;

	while ((transfer = TAILQ_FIRST(line)) != NULL) {
		TAILQ_REMOVE(line, transfer, entry);
		transfer_free(&transfer);
	}
}

void transfers_free(struct transfers **transfersp)
{
	struct transfers *transfers = move(*transfersp);

	if (transfers == NULL)
		return;
	lane_timer_stop(&transfers->pump);
	lane_timer_stop(&transfers->conn_retry);
	line_free(&transfers->waiting);
	line_free(&transfers->running);
	sodium_memzero(transfers, sizeof(*transfers));
	free(transfers);
}

/* ---- the end of one ---- */

static const char *outcome_name(enum transfer_outcome outcome)
{
	switch (outcome) {
	case TRANSFER_DONE:
		return "done";
	case TRANSFER_GONE:
		return "gone";
	case TRANSFER_CORRUPT:
		return "corrupt";
	case TRANSFER_FAILED:
		return "failed";
	case TRANSFER_REFUSED:
		return "refused";
	}
	return "unknown";
}

static void log_transfer(const struct transfer *transfer,
	enum transfer_outcome outcome, const char *reason)
{
	const char *op = transfer->op == XFER_UPLOAD ? "upload" : "download";
	const char *type = wa_media_mms(transfer->ref.type);

	if (outcome == TRANSFER_DONE)
		log_debug("transfer op=%s type=%s status=done bytes=%llu "
			  "ms=%lld",
			op, type, (unsigned long long)transfer->ref.length,
			(long long)(clock_mono_ms() - transfer->started_ms));
	else
		log_info("transfer op=%s type=%s status=%s reason=\"%s\"", op,
			type, outcome_name(outcome), log_quote(reason));
}

/* It is in no line any more. */
static void transfer_end(struct transfer *transfer,
	enum transfer_outcome outcome, const char *reason)
{
	bool has_file =
		outcome == TRANSFER_DONE && transfer->op == XFER_DOWNLOAD;
	char path[LIBRARY_PATH];

	log_transfer(transfer, outcome, reason);
	snprintf(path, sizeof(path), "%s", transfer->temp_path);
	if (has_file)
		transfer->temp_path[0] = '\0'; /* the callee's now */
	transfer->done(transfer->lane, outcome, &transfer->ref,
		has_file ? path : NULL, transfer->arg);
	transfer_free(&transfer);
}

static void pump_soon(struct lane *lane);

static void leave_running(struct transfer *transfer)
{
	struct transfers *transfers = transfer->lane->transfers;

	TAILQ_REMOVE(&transfers->running, transfer, entry);
	transfers->n_running--;
	pump_soon(transfer->lane);
}

/* The auth ran out before its time, or the hosts have changed: once more, with
 * what the server says now. */
static void wait_again(struct transfer *transfer)
{
	struct transfers *transfers = transfer->lane->transfers;

	worker_clear(transfer);
	transfer->was_refreshed = true;
	transfers->conn_until_ms = 0;
	TAILQ_INSERT_HEAD(&transfers->waiting, transfer, entry);
	transfers->n_waiting++;
}

static void ref_complete(
	struct transfer *transfer, const struct xfer_answer *answer)
{
	struct wa_media_ref *ref = &transfer->ref;

	memcpy(ref->sha256, answer->sha256, sizeof(ref->sha256));
	ref->has_sha256 = true;
	ref->length = answer->length;
	if (transfer->op == XFER_DOWNLOAD)
		return;
	memcpy(ref->enc_sha256, answer->enc_sha256, sizeof(ref->enc_sha256));
	snprintf(ref->direct_path, sizeof(ref->direct_path), "%s",
		answer->direct_path);
	snprintf(ref->url, sizeof(ref->url), "%s", answer->url);
}

/* What an upload read must be the file that was meant. */
static bool answer_fits(
	const struct transfer *transfer, const struct xfer_answer *answer)
{
	return transfer->op == XFER_DOWNLOAD ||
	       (answer->direct_path[0] != '\0' &&
		       memcmp(answer->sha256, transfer->ref.sha256, 32) == 0);
}

static void on_answer(
	struct transfer *transfer, const struct xfer_answer *answer)
{
	switch (answer->result) {
	case XFER_DONE:
		if (!answer_fits(transfer, answer)) {
			transfer_end(transfer, TRANSFER_REFUSED,
				"the file is not what its name says");
			return;
		}
		ref_complete(transfer, answer);
		transfer_end(transfer, TRANSFER_DONE, "");
		return;
	case XFER_GONE:
		transfer_end(transfer, TRANSFER_GONE, answer->reason);
		return;
	case XFER_CORRUPT:
		transfer_end(transfer, TRANSFER_CORRUPT, answer->reason);
		return;
	case XFER_REFUSED:
		transfer_end(transfer, TRANSFER_REFUSED, answer->reason);
		return;
	case XFER_AUTH:
		if (!transfer->was_refreshed)
			wait_again(transfer);
		else
			transfer_end(transfer, TRANSFER_FAILED, answer->reason);
		return;
	case XFER_FAILED:
		break;
	}
	transfer_end(transfer, TRANSFER_FAILED, answer->reason);
}

/* The process is gone, so what it said is complete. */
static void on_ended(struct transfer *transfer, const char *why)
{
	uint8_t bytes[XFER_ANSWER_MAX];
	struct xfer_answer answer;
	struct err err = ERR_NONE;
	ssize_t n = read(transfer->answer_fd, bytes, sizeof(bytes));

	leave_running(transfer);
	if (n <= 0) {
		err_set(&err, ERR_INTERNAL, "the worker ended: %s",
			why[0] != '\0' ? why : "without an answer");
		transfer_end(transfer, TRANSFER_FAILED, err.msg);
		return;
	}
	if (xfer_answer_read(bytes, (size_t)n, &answer, &err) != 0) {
		err_wrap(&err, "the worker's answer");
		transfer_end(transfer, TRANSFER_FAILED, err.msg);
		return;
	}
	on_answer(transfer, &answer);
}

static int on_descriptor(struct lws *wsi, enum lws_callback_reasons reason,
	void *user, void *in, size_t n)
{
	struct transfer *transfer = lws_get_opaque_user_data(wsi);
	char why[64] = "";

	(void)user;
	(void)in;
	(void)n;
	if (transfer == NULL)
		return 0;
	switch (reason) {
	case LWS_CALLBACK_RAW_RX_FILE:
		if (!process_reap(&transfer->process, why, sizeof(why)))
			return 0;
		lws_set_opaque_user_data(wsi, NULL);
		transfer->wsi = NULL;
		on_ended(transfer, why);
		return -1;
	case LWS_CALLBACK_RAW_CLOSE_FILE:
		/* Its end will not be seen any more: the deadline ends it. */
		transfer->wsi = NULL;
		return 0;
	default:
		return 0;
	}
}

const struct lws_protocols transfer_protocol = {
	.name = PROTOCOL_NAME,
	.callback = on_descriptor,
};

/* ---- the worker ---- */

static void on_deadline(struct lane *lane, void *arg)
{
	struct transfer *transfer = arg;

	process_kill(&transfer->process);
	if (transfer->wsi != NULL) {
		/* Dead within moments, unless the disk hangs. */
		lane_timer_start(lane, &transfer->deadline, GRACE_MS,
			on_deadline, transfer);
		return;
	}
	leave_running(transfer);
	transfer_end(transfer, TRANSFER_FAILED, "the worker was lost");
}

/* The descriptors of one worker, ours and its. */
struct channels {
	int request, answer, file, scratch; /* its */
	int answer_in;			    /* ours */
	uint64_t n_file;		    /* bytes to come or to go */
};

static void channels_fini(struct channels *ch)
{
	fd_close(&ch->request);
	fd_close(&ch->answer);
	fd_close(&ch->file);
	fd_close(&ch->scratch);
	fd_close(&ch->answer_in);
}

static int files_upload(
	struct transfer *transfer, struct channels *ch, struct err *err)
{
	const struct config *config = transfer->lane->config;
	char path[LIBRARY_PATH];
	struct stat st;

	ch->file = library_open(config, transfer->ref.sha256, err);
	if (ch->file < 0)
		return -1;
	if (fstat(ch->file, &st) != 0)
		return err_set(err, ERR_IO, "file: %s", strerror(errno));
	ch->n_file = (uint64_t)st.st_size;
	if (ch->n_file > transfer->max_bytes)
		return err_set(err, ERR_TOO_LARGE, "file of %llu bytes",
			(unsigned long long)ch->n_file);
	ch->scratch = library_temp(config, path, err);
	if (ch->scratch < 0)
		return -1;
	unlink(path);
	return 0;
}

static int files_download(
	struct transfer *transfer, struct channels *ch, struct err *err)
{
	ch->n_file = transfer->ref.length != 0 ? transfer->ref.length
					       : transfer->max_bytes;
	if (ch->n_file > transfer->max_bytes)
		return err_set(err, ERR_TOO_LARGE, "file of %llu bytes",
			(unsigned long long)ch->n_file);
	ch->file =
		library_temp(transfer->lane->config, transfer->temp_path, err);
	if (ch->file < 0) {
		transfer->temp_path[0] = '\0';
		return -1;
	}
	return 0;
}

static int64_t time_ms(const struct channels *ch)
{
	int64_t ms = TIME_MS + (int64_t)(ch->n_file / BYTES_A_MS);

	return ms < TIME_MAX_MS ? ms : TIME_MAX_MS;
}

static void request_fill(const struct transfer *transfer,
	const struct channels *ch, struct xfer_request *out)
{
	const struct lane *lane = transfer->lane;
	const struct media_conn *conn = &lane->transfers->conn;

	*out = (struct xfer_request){
		.op = transfer->op,
		.parent = getpid(),
		.is_plain = strcmp(lane->config->whatsapp.media_scheme,
				    "http") == 0,
		.n_hosts = conn->n_hosts,
		.max_bytes = transfer->max_bytes,
		.deadline_ms = time_ms(ch),
		.backoff_ms = BACKOFF_MS,
		.ref = transfer->ref,
	};
	memcpy(out->hosts, conn->hosts, sizeof(out->hosts));
	memcpy(out->auth, conn->auth, sizeof(out->auth));
	snprintf(out->ca_file, sizeof(out->ca_file), "%s",
		lane->config->whatsapp.ca_file);
	snprintf(out->proxy, sizeof(out->proxy), "%s",
		lane->proxy != NULL ? lane->proxy : "");
}

/* The whole request waits in memory for the worker: nothing to be written while
 * it runs. */
static int request_give(const struct transfer *transfer,
	const struct channels *ch, struct err *err)
{
	struct xfer_request request;
	struct buf json = BUF_INIT;
	bool given;

	request_fill(transfer, ch, &request);
	xfer_request_write(&request, &json);
	given = write(ch->request, json.data, json.len) == (ssize_t)json.len &&
		lseek(ch->request, 0, SEEK_SET) == 0;
	sodium_memzero(&request, sizeof(request));
	sodium_memzero(json.data, json.len);
	buf_fini(&json);
	return given ? 0 : err_set(err, ERR_IO, "the worker's request");
}

static int channels_open(
	struct transfer *transfer, struct channels *ch, struct err *err)
{
	int pair[2];
	int rc = transfer->op == XFER_UPLOAD
			 ? files_upload(transfer, ch, err)
			 : files_download(transfer, ch, err);

	if (rc != 0)
		return -1;
	ch->request = memfd_create(WORKER, MFD_CLOEXEC);
	if (ch->request < 0 || pipe2(pair, O_CLOEXEC) != 0)
		return err_set(err, ERR_IO, "channels of a worker: %s",
			strerror(errno));
	ch->answer_in = pair[0];
	ch->answer = pair[1];
	if (fcntl(ch->answer_in, F_SETFL, O_NONBLOCK) != 0)
		return err_set(err, ERR_IO, "channels of a worker: %s",
			strerror(errno));
	return request_give(transfer, ch, err);
}

/* The loop closes what it adopts, so it gets a copy. */
static int worker_watch(struct transfer *transfer, struct err *err)
{
	lws_sock_file_fd_type file = { .filefd = fcntl(transfer->process.fd,
					       F_DUPFD_CLOEXEC, 0) };

	if (file.filefd >= 0)
		transfer->wsi = lws_adopt_descriptor_vhost(
			transfer->lane->vhost, LWS_ADOPT_RAW_FILE_DESC, file,
			PROTOCOL_NAME, NULL);
	if (transfer->wsi == NULL)
		return err_set(err, ERR_INTERNAL, "cannot watch a worker");
	lws_set_opaque_user_data(transfer->wsi, transfer);
	return 0;
}

static int worker_start(
	struct transfer *transfer, struct channels *ch, struct err *err)
{
	scoped(str_free) char *path = test_worker != NULL
					      ? xstrdup(test_worker)
					      : program_find(WORKER, err);
	const char *const argv[] = { path, NULL };
	const int fds[] = { ch->request, ch->answer, -1, ch->file,
		ch->scratch };

	if (path == NULL ||
		process_start(argv, fds, transfer->op == XFER_UPLOAD ? 5 : 4,
			&transfer->process, err) != 0)
		return -1;
	transfer->started_ms = clock_mono_ms();
	transfer->answer_fd = ch->answer_in;
	ch->answer_in = -1;
	lane_timer_start(transfer->lane, &transfer->deadline,
		time_ms(ch) + GRACE_MS, on_deadline, transfer);
	return worker_watch(transfer, err);
}

static int transfer_start(struct transfer *transfer, struct err *err)
{
	scoped(channels_fini) struct channels ch = { .request = -1,
		.answer = -1,
		.file = -1,
		.scratch = -1,
		.answer_in = -1 };

	if (channels_open(transfer, &ch, err) != 0)
		return -1;
	return worker_start(transfer, &ch, err);
}

/* ---- media_conn ---- */

static void conn_ask(struct lane *lane);

static void on_conn_retry(struct lane *lane, void *arg)
{
	(void)arg;
	lane->transfers->is_resting = false;
	conn_ask(lane);
}

/* Everybody who waits hears that it is not to be had now. */
static void waiting_fail(struct lane *lane)
{
	struct transfers *transfers = lane->transfers;
	size_t n = transfers->n_waiting;

	while (n-- > 0) {
		struct transfer *transfer = TAILQ_FIRST(&transfers->waiting);

		TAILQ_REMOVE(&transfers->waiting, transfer, entry);
		transfers->n_waiting--;
		transfer_end(transfer, TRANSFER_FAILED, "no media host");
	}
}

static void conn_failed(struct lane *lane)
{
	struct transfers *transfers = lane->transfers;
	unsigned n = ++transfers->n_conn_failures;

	if (n < CONN_TRIES) {
		transfers->is_resting = true;
		lane_timer_start(lane, &transfers->conn_retry,
			random_jitter(CONN_RETRY_MS << n, 20), on_conn_retry,
			NULL);
		return;
	}
	log_warning("media_conn status=failed tries=%u action=\"later\"", n);
	transfers->n_conn_failures = 0;
	waiting_fail(lane);
}

static void on_conn(struct lane *lane, const struct wa_node *answer, void *arg)
{
	struct transfers *transfers = lane->transfers;
	bool is_local_only =
		strcmp(lane->config->whatsapp.media_scheme, "http") == 0;
	int code;

	(void)arg;
	transfers->is_asking = false;
	if (!lane_is_ready(lane))
		return; /* transfers_on_ready() asks again */
	if (iq_is_error(answer, &code) ||
		!media_conn_read(answer, is_local_only, &transfers->conn)) {
		conn_failed(lane);
		return;
	}
	transfers->n_conn_failures = 0;
	transfers->conn_until_ms = clock_mono_ms() + transfers->conn.ttl_ms;
	pump_soon(lane);
}

static void conn_ask(struct lane *lane)
{
	struct transfers *transfers = lane->transfers;
	struct wa_node *iq;

	if (transfers->is_asking || transfers->is_resting ||
		!lane_is_ready(lane))
		return;
	transfers->is_asking = true;
	iq = iq_new(lane, "set", "w:m");
	wa_node_add(iq, "media_conn");
	iq_send(lane, iq, on_conn, NULL);
}

/* ---- the line ---- */

static void start_first(struct lane *lane)
{
	struct transfers *transfers = lane->transfers;
	struct transfer *transfer = TAILQ_FIRST(&transfers->waiting);
	struct err err = ERR_NONE;

	TAILQ_REMOVE(&transfers->waiting, transfer, entry);
	transfers->n_waiting--;
	if (transfer_start(transfer, &err) == 0) {
		TAILQ_INSERT_TAIL(&transfers->running, transfer, entry);
		transfers->n_running++;
		return;
	}
	transfer_end(transfer,
		err.code == ERR_NOT_FOUND || err.code == ERR_TOO_LARGE
			? TRANSFER_REFUSED
			: TRANSFER_FAILED,
		err.msg);
}

static void pump(struct lane *lane, void *arg)
{
	struct transfers *transfers = lane->transfers;

	(void)arg;
	while (transfers->n_waiting > 0 && transfers->n_running < RUNNING_MAX) {
		if (transfers->conn_until_ms <= clock_mono_ms()) {
			conn_ask(lane);
			return;
		}
		start_first(lane);
	}
}

static void pump_soon(struct lane *lane)
{
	lane_timer_start(lane, &lane->transfers->pump, 0, pump, NULL);
}

static void transfer_add(struct lane *lane, const struct transfer *wanted)
{
	struct transfers *transfers = lane->transfers;
	struct transfer *transfer = xmemdup(wanted, sizeof(*wanted));

	transfer->lane = lane;
	transfer->process = PROCESS_NONE;
	transfer->answer_fd = -1;
	if (transfers->n_waiting >= WAITING_MAX) {
		transfer_end(transfer, TRANSFER_FAILED, "too many wait");
		return;
	}
	TAILQ_INSERT_TAIL(&transfers->waiting, transfer, entry);
	transfers->n_waiting++;
	pump_soon(lane);
}

void transfer_upload(struct lane *lane, enum wa_media_type type,
	const uint8_t sha256[32], transfer_done_fn *done, void *arg)
{
	struct transfer transfer = { .op = XFER_UPLOAD,
		.ref = { .type = type, .has_sha256 = true },
		.max_bytes = (uint64_t)lane->config->media.max_mib * MIB,
		.done = done,
		.arg = arg };

	memcpy(transfer.ref.sha256, sha256, 32);
	random_bytes(transfer.ref.key, sizeof(transfer.ref.key));
	transfer_add(lane, &transfer);
	sodium_memzero(&transfer, sizeof(transfer));
}

void transfer_download(struct lane *lane, const struct wa_media_ref *ref,
	uint64_t max_bytes, transfer_done_fn *done, void *arg)
{
	struct transfer transfer = { .op = XFER_DOWNLOAD,
		.ref = *ref,
		.max_bytes = max_bytes,
		.done = done,
		.arg = arg };

	transfer_add(lane, &transfer);
	sodium_memzero(&transfer, sizeof(transfer));
}

void transfers_on_ready(struct lane *lane)
{
	if (lane->transfers->n_waiting > 0)
		pump_soon(lane);
}

void transfers_on_disconnect(struct lane *lane)
{
	struct transfers *transfers = lane->transfers;

	lane_timer_stop(&transfers->conn_retry);
	transfers->is_resting = false;
	transfers->n_conn_failures = 0;
}
