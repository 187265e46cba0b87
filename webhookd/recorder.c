#include "webhookd/recorder.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/queue.h>
#include <time.h>
#include <unistd.h>

#include "common/err.h"
#include "common/ids.h"
#include "common/log.h"
#include "common/own.h"
#include "common/store/replay.h"

#define QUEUE_MAX 4096	  /* records; past it no delivery starts */
#define QUEUE_RESUME 2048 /* and below it they start again */
#define BATCH_MAX 512
#define GATHER_MS 5
#define RETRY_MIN_MS 50
#define RETRY_MAX_MS 5000
#define JITTER_PERCENT 20

enum record_kind {
	RECORD_ATTEMPT,
	RECORD_SKIP,
	RECORD_REPLAY_DONE,
	RECORD_WIPE,
};
struct record {
	STAILQ_ENTRY(record) next;
	enum record_kind kind;
	/* Of an attempt; its texts are owned.  Of a skip and a replay that is
	 * done only what names the endpoint and the replay. */
	struct attempt attempt;
	struct webhook_place place; /* of an attempt; of a skip the cursor */
	int64_t now_ms;		    /* of a wipe */
};
struct batch {
	struct record *records[BATCH_MAX]; /* owned */
	int n;
};

struct recorder {
	struct store *store; /* the thread's */
	pthread_t thread;
	bool has_thread;
	pthread_mutex_t lock;
	pthread_cond_t changed; /* on CLOCK_MONOTONIC */

	/* Under the lock: */
	STAILQ_HEAD(record_list, record) queue;
	unsigned n_queued;
	bool is_stopping;

	atomic_uint n_pending; /* queued and being written */
	atomic_bool was_full;  /* the loop waits for room */
	int room_fd;	       /* eventfd: thread to loop */
	struct loop_fd *room;
	loop_fn *on_room;
	void *arg;
};

static void record_free(struct record **recordp)
{
	struct record *record = move(*recordp);

	if (record == NULL)
		return;
	free((char *)record->attempt.url);
	free((char *)record->attempt.error);
	free(record);
}

/* ---- the loop's side ---- */

bool recorder_has_room(const struct recorder *recorder)
{
	return atomic_load(&recorder->n_pending) < QUEUE_MAX;
}

static void enqueue(struct recorder *recorder, struct record *record)
{
	pthread_mutex_lock(&recorder->lock);
	STAILQ_INSERT_TAIL(&recorder->queue, record, next);
	if (++recorder->n_queued == 1 || recorder->n_queued == BATCH_MAX)
		pthread_cond_signal(&recorder->changed);
	pthread_mutex_unlock(&recorder->lock);
	if (atomic_fetch_add(&recorder->n_pending, 1) + 1 >= QUEUE_MAX)
		atomic_store(&recorder->was_full, true);
}

static struct record *record_new(enum record_kind kind)
{
	struct record *record = xcalloc(1, sizeof(*record));

	record->kind = kind;
	return record;
}

void recorder_attempt(struct recorder *recorder, const struct attempt *attempt,
	const struct webhook_place *place)
{
	struct record *record = record_new(RECORD_ATTEMPT);

	record->attempt = *attempt;
	record->attempt.public_id = NULL;
	record->attempt.url = xstrdup(attempt->url);
	record->attempt.error =
		attempt->error != NULL ? xstrdup(attempt->error) : NULL;
	record->place = *place;
	enqueue(recorder, record);
}

void recorder_skip(
	struct recorder *recorder, int64_t endpoint_id, int64_t event_seq)
{
	struct record *record = record_new(RECORD_SKIP);

	record->attempt.endpoint_id = endpoint_id;
	record->place.cursor_seq = event_seq;
	enqueue(recorder, record);
}

void recorder_replay_done(struct recorder *recorder, int64_t replay_id)
{
	struct record *record = record_new(RECORD_REPLAY_DONE);

	record->attempt.replay_id = replay_id;
	enqueue(recorder, record);
}

void recorder_wipe_old_secrets(struct recorder *recorder, int64_t now_ms)
{
	struct record *record = record_new(RECORD_WIPE);

	record->now_ms = now_ms;
	enqueue(recorder, record);
}

static void on_room_fd(void *arg)
{
	struct recorder *recorder = arg;
	uint64_t count;

	if (read(recorder->room_fd, &count, sizeof(count)) == sizeof(count))
		recorder->on_room(recorder->arg);
}

/* ---- the thread's side ---- */

static int record_write(
	struct tx *tx, const struct record *record, struct err *err)
{
	const struct attempt *attempt = &record->attempt;

	switch (record->kind) {
	case RECORD_ATTEMPT:
		return store_attempt_record(tx, attempt, &record->place, err);
	case RECORD_SKIP:
		return store_webhook_skip(tx, attempt->endpoint_id,
			record->place.cursor_seq, err);
	case RECORD_REPLAY_DONE:
		return store_replay_done(tx, attempt->replay_id, err);
	case RECORD_WIPE:
		return store_webhook_wipe_old_secrets(tx, record->now_ms, err);
	}
	abort();
}

/* All or nothing.  *@refused_out is the record that the store would not take,
 * -1 when it was the transaction that failed. */
static int batch_write(struct recorder *recorder, const struct batch *batch,
	int *refused_out, struct err *err)
{
	scoped(tx_end) struct tx *tx = tx_begin(recorder->store, err);

	*refused_out = -1;
	if (tx == NULL)
		return -1;
	for (int i = 0; i < batch->n; i++) {
		if (record_write(tx, batch->records[i], err) == 0)
			continue;
		if (err->code != ERR_BUSY && err->code != ERR_IO)
			*refused_out = i;
		return -1;
	}
	return tx_commit(tx, err);
}

static void deadline_in(struct timespec *deadline, int64_t after_ms)
{
	clock_gettime(CLOCK_MONOTONIC, deadline);
	deadline->tv_sec += after_ms / 1000;
	deadline->tv_nsec += after_ms % 1000 * 1000000;
	if (deadline->tv_nsec >= 1000000000) {
		deadline->tv_sec++;
		deadline->tv_nsec -= 1000000000;
	}
}

/* Sleeps, but not into the end of the daemon; true when that has come. */
static bool nap(struct recorder *recorder, int64_t wait_ms)
{
	struct timespec deadline;
	bool is_stopping;
	int rc = 0;

	deadline_in(&deadline, wait_ms);
	pthread_mutex_lock(&recorder->lock);
	while (!recorder->is_stopping && rc != ETIMEDOUT)
		rc = pthread_cond_timedwait(
			&recorder->changed, &recorder->lock, &deadline);
	is_stopping = recorder->is_stopping;
	pthread_mutex_unlock(&recorder->lock);
	return is_stopping;
}

/* The others must not wait for one that will never go in. */
static void record_refuse(struct recorder *recorder, struct batch *batch,
	int refused, const struct err *err)
{
	struct record *record = batch->records[refused];

	log_error("record endpoint=%" PRId64 " event_seq=%" PRId64
		  " reason=\"%s\" action=dropped",
		record->attempt.endpoint_id, record->place.cursor_seq,
		log_quote(err->msg));
	record_free(&record);
	batch->n--;
	memmove(&batch->records[refused], &batch->records[refused + 1],
		(size_t)(batch->n - refused) * sizeof(batch->records[0]));
	atomic_fetch_sub(&recorder->n_pending, 1);
}

/* Until it is written; false when the daemon ends and the store still fails. */
static bool batch_persist(struct recorder *recorder, struct batch *batch)
{
	int64_t wait_ms = RETRY_MIN_MS;
	bool is_stopping = false;
	struct err err = ERR_NONE;
	int refused;

	while (batch_write(recorder, batch, &refused, &err) != 0) {
		if (refused >= 0) {
			record_refuse(recorder, batch, refused, &err);
			continue;
		}
		if (is_stopping) {
			log_warning("record reason=\"%s\" "
				    "action=delivered-again-after-start",
				log_quote(err.msg));
			return false;
		}
		log_warning("record reason=\"%s\" retry_ms=%" PRId64,
			log_quote(err.msg), wait_ms);
		is_stopping =
			nap(recorder, random_jitter(wait_ms, JITTER_PERCENT));
		wait_ms *= 2;
		if (wait_ms > RETRY_MAX_MS)
			wait_ms = RETRY_MAX_MS;
	}
	return true;
}

/* Waits for something to write, gives others a moment to join it, and takes at
 * most BATCH_MAX records.  False when all is written and the daemon ends. */
static bool batch_gather(struct recorder *recorder, struct batch *batch)
{
	struct timespec deadline;
	int rc = 0;

	pthread_mutex_lock(&recorder->lock);
	while (recorder->n_queued == 0 && !recorder->is_stopping)
		pthread_cond_wait(&recorder->changed, &recorder->lock);
	deadline_in(&deadline, GATHER_MS);
	while (recorder->n_queued < BATCH_MAX && !recorder->is_stopping &&
		rc != ETIMEDOUT)
		rc = pthread_cond_timedwait(
			&recorder->changed, &recorder->lock, &deadline);
	for (batch->n = 0; batch->n < BATCH_MAX && recorder->n_queued > 0;) {
		batch->records[batch->n++] = STAILQ_FIRST(&recorder->queue);
		STAILQ_REMOVE_HEAD(&recorder->queue, next);
		recorder->n_queued--;
	}
	pthread_mutex_unlock(&recorder->lock);
	return batch->n > 0;
}

static void batch_done(struct recorder *recorder, struct batch *batch)
{
	const unsigned n = (unsigned)batch->n;
	const uint64_t one = 1;

	for (int i = 0; i < batch->n; i++)
		record_free(&batch->records[i]);
	if (atomic_fetch_sub(&recorder->n_pending, n) - n > QUEUE_RESUME ||
		!atomic_exchange(&recorder->was_full, false))
		return;
	if (write(recorder->room_fd, &one, sizeof(one)) != sizeof(one))
		log_warning("record reason=\"%s\" action=waits-for-the-sweep",
			strerror(errno));
}

static void *run(void *arg)
{
	struct recorder *recorder = arg;
	struct batch batch;
	bool is_written = true;

	while (is_written && batch_gather(recorder, &batch)) {
		is_written = batch_persist(recorder, &batch);
		batch_done(recorder, &batch);
	}
	return NULL;
}

/* ---- life ---- */

static void lock_init(struct recorder *recorder)
{
	pthread_condattr_t attr;

	pthread_mutex_init(&recorder->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&recorder->changed, &attr);
	pthread_condattr_destroy(&attr);
}

int recorder_open(const char *db_path, struct event_base *base,
	loop_fn *on_room, void *arg, struct recorder **out, struct err *err)
{
	scoped(recorder_close) struct recorder *recorder =
		xcalloc(1, sizeof(*recorder));

	STAILQ_INIT(&recorder->queue);
	lock_init(recorder);
	recorder->on_room = on_room;
	recorder->arg = arg;
	recorder->room_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (recorder->room_fd < 0)
		return err_set(err, ERR_IO, "eventfd: %s", strerror(errno));
	recorder->room =
		loop_fd_new(base, recorder->room_fd, on_room_fd, recorder);
	if (store_open(db_path, STORE_WRITE, &recorder->store, err) != 0)
		return err_wrap(err, "store");
	if (pthread_create(&recorder->thread, NULL, run, recorder) != 0)
		return err_set(err, ERR_INTERNAL, "no thread");
	recorder->has_thread = true;
	*out = move(recorder);
	return 0;
}

void recorder_close(struct recorder **recorderp)
{
	struct recorder *recorder = move(*recorderp);
	struct record *record;

	if (recorder == NULL)
		return;
	pthread_mutex_lock(&recorder->lock);
	recorder->is_stopping = true;
	pthread_cond_broadcast(&recorder->changed);
	pthread_mutex_unlock(&recorder->lock);
	if (recorder->has_thread)
		pthread_join(recorder->thread, NULL);
	while ((record = STAILQ_FIRST(&recorder->queue)) != NULL) {
		STAILQ_REMOVE_HEAD(&recorder->queue, next);
		record_free(&record);
	}
	loop_fd_free(&recorder->room);
	if (recorder->room_fd >= 0)
		close(recorder->room_fd);
	store_close(&recorder->store);
	pthread_cond_destroy(&recorder->changed);
	pthread_mutex_destroy(&recorder->lock);
	free(recorder);
}
