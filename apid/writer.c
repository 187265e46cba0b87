/* See writer.h.
 *
 * Batches form by themselves: while one commit waits for the disk, the next
 * requests gather. Jobs and events are pushed after the commit and before the
 * answers. */
#include "apid/writer.h"

#include <pthread.h>
#include <sodium.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "apid/http.h"
#include "apid/request.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/own.h"
#include "common/store/message.h"

#define QUEUE_MAX 8192
#define BATCH_MAX 256

struct writer {
	struct apid *apid; /* borrowed */
	struct store *store;
	pthread_t id;
	pthread_mutex_t lock; /* guards head, tail, n_queued, stopping */
	pthread_cond_t ready;
	struct request *head, **tail;
	unsigned n_queued;
	bool stopping;
	bool started;
	atomic_bool busy;
	_Atomic uint64_t commits, operations;
};

/* ---- idempotency ---- */

#define SEALED_CONTEXT "idempotency"

struct replay {
	struct request *request;
	bool mismatch, is_broken;
};

/* Sealed and in base64; caller frees. */
static char *answer_seal(const struct request *request, const char *body)
{
	const size_t n = strlen(body) + SECRET_SEAL_OVERHEAD;
	const size_t n_text =
		sodium_base64_ENCODED_LEN(n, sodium_base64_VARIANT_ORIGINAL);
	uint8_t *sealed = xcalloc(1, n);
	char *text = xcalloc(1, n_text);

	secret_seal(&request->apid->webhook_key, SEALED_CONTEXT, body,
		strlen(body), sealed);
	sodium_bin2base64(
		text, n_text, sealed, n, sodium_base64_VARIANT_ORIGINAL);
	free(sealed);
	return text;
}

/* NULL when the host key is another one. */
static char *answer_open(const struct request *request, const char *text)
{
	const size_t cap = strlen(text);
	uint8_t *sealed = xcalloc(1, cap + 1);
	char *body = xcalloc(1, cap + 1);
	size_t n = 0;

	if (sodium_base642bin(sealed, cap, text, cap, NULL, &n, NULL,
		    sodium_base64_VARIANT_ORIGINAL) != 0 ||
		n < SECRET_SEAL_OVERHEAD ||
		secret_open(&request->apid->webhook_key, SEALED_CONTEXT, sealed,
			n, (uint8_t *)body, NULL) != 0)
		str_free(&body);
	free(sealed);
	return body;
}

static void on_stored_answer(
	const uint8_t request_hash[32], int status, const char *body, void *arg)
{
	struct replay *replay = arg;
	struct request *request = replay->request;

	if (!secret_equal(request_hash, request->body_hash, 32)) {
		replay->mismatch = true;
		return;
	}
	request->status = status;
	request->raw_reply = request->endpoint->tells_secret
				     ? answer_open(request, body)
				     : xstrdup(body);
	replay->is_broken = request->raw_reply == NULL;
}

/* 1: the answer of the first request was found.  0: run it.  -1: error. */
static int idempotency_replay(
	struct request *request, struct tx *tx, struct err *err)
{
	struct replay replay = { .request = request };
	int64_t ttl_ms =
		(int64_t)request->apid->config->api.idempotency_ttl_sec * 1000;
	int rc;

	if (request->idempotency_key == NULL)
		return 0;
	rc = store_idempotency_find(tx, request->account_id,
		request->idempotency_key, clock_now_ms() - ttl_ms,
		on_stored_answer, &replay, err);
	if (rc == 1 && replay.mismatch)
		return err_set(err, ERR_CONFLICT,
			"Idempotency-Key was used for another request");
	if (rc == 1 && replay.is_broken)
		return err_set(err, ERR_CONFLICT,
			"The answer to this Idempotency-Key is lost");
	return rc;
}

static int idempotency_keep(
	struct request *request, struct tx *tx, struct err *err)
{
	char *body;
	int rc;

	if (request->idempotency_key == NULL || request->after != NULL)
		return 0; /* not the last step */
	body = json_dumps(request->reply, JSON_COMPACT);
	if (request->endpoint->tells_secret && body != NULL) {
		char *sealed = answer_seal(request, body);

		free(body);
		body = sealed;
	}
	rc = store_idempotency_put(tx, request->account_id,
		request->idempotency_key, request->body_hash, request->status,
		body != NULL ? body : "{}", clock_now_ms(), err);
	free(body);
	return rc;
}

/* ---- batches ---- */

static int run_operation(
	struct request *request, struct tx *tx, struct err *err)
{
	int replayed = idempotency_replay(request, tx, err);

	if (replayed != 0) {
		request->after = NULL; /* the answer is known */
		return replayed < 0 ? -1 : 0;
	}
	if (request->write(request, tx, err) != 0)
		return -1;
	return idempotency_keep(request, tx, err);
}

static void run_in_savepoint(struct request *request, struct tx *tx)
{
	if (tx_savepoint(tx, &request->err) != 0) {
		request->failed = true;
		return;
	}
	if (run_operation(request, tx, &request->err) == 0) {
		tx_savepoint_release(tx);
		return;
	}
	request->failed = true;
	tx_savepoint_rollback(tx);
	tx_savepoint_release(tx);
}

static void fail_batch(struct request *batch, const struct err *err)
{
	log_error("commit failed reason=%s", log_quote(err->msg));
	for (struct request *r = batch; r != NULL; r = r->next) {
		r->failed = true;
		r->err = *err;
	}
}

static void run_batch(struct writer *writer, struct request *batch)
{
	struct err err = ERR_NONE;
	scoped(tx_end) struct tx *tx = tx_begin(writer->store, &err);
	unsigned n = 0;

	if (tx == NULL) {
		fail_batch(batch, &err);
		return;
	}
	for (struct request *r = batch; r != NULL; r = r->next, n++)
		run_in_savepoint(r, tx);
	if (tx_commit(tx, &err) != 0) {
		fail_batch(batch, &err);
		return;
	}
	atomic_fetch_add(&writer->commits, 1);
	atomic_fetch_add(&writer->operations, n);
}

static void return_batch(struct request *batch)
{
	for (struct request *r = batch; r != NULL; r = r->next) {
		if (!r->failed)
			request_send_outgoing(r);
	}
	while (batch != NULL) {
		struct request *next = batch->next;

		batch->next = NULL;
		batch->resume = batch->after != NULL && !batch->failed
					? batch->after
					: request_finish;
		batch->after = NULL;
		http_post(batch);
		batch = next;
	}
}

/* Waits for work; NULL when the writer stops and nothing is left. */
static struct request *take_batch(struct writer *writer)
{
	struct request *batch, *last;
	unsigned n = 1;

	pthread_mutex_lock(&writer->lock);
	atomic_store(&writer->busy, false);
	while (writer->head == NULL && !writer->stopping)
		pthread_cond_wait(&writer->ready, &writer->lock);
	batch = last = writer->head;
	while (last != NULL && last->next != NULL && n < BATCH_MAX) {
		last = last->next;
		n++;
	}
	if (batch != NULL) {
		writer->head = last->next;
		if (writer->head == NULL)
			writer->tail = &writer->head;
		last->next = NULL;
		writer->n_queued -= n;
		atomic_store(&writer->busy, true);
	}
	pthread_mutex_unlock(&writer->lock);
	return batch;
}

static void *writer_run(void *arg)
{
	struct writer *writer = arg;
	struct request *batch;

	while ((batch = take_batch(writer)) != NULL) {
		run_batch(writer, batch);
		return_batch(batch);
	}
	return NULL;
}

int writer_submit(
	struct writer *writer, struct request *request, struct err *err)
{
	bool full;

	pthread_mutex_lock(&writer->lock);
	full = writer->n_queued >= QUEUE_MAX || writer->stopping;
	if (!full) {
		*writer->tail = request;
		writer->tail = &request->next;
		writer->n_queued++;
		pthread_cond_signal(&writer->ready);
	}
	pthread_mutex_unlock(&writer->lock);
	return full ? err_set(err, ERR_BUSY, "Too many requests are waiting")
		    : 0;
}

bool writer_is_idle(struct writer *writer)
{
	struct writer_stats stats;

	writer_stats(writer, &stats);
	return stats.queued == 0 && !atomic_load(&writer->busy);
}

void writer_stats(struct writer *writer, struct writer_stats *out)
{
	pthread_mutex_lock(&writer->lock);
	out->queued = writer->n_queued;
	pthread_mutex_unlock(&writer->lock);
	out->commits = atomic_load(&writer->commits);
	out->operations = atomic_load(&writer->operations);
}

int writer_start(struct apid *apid, struct writer **out, struct err *err)
{
	struct writer *writer = xcalloc(1, sizeof(*writer));

	*out = writer;
	writer->apid = apid;
	writer->tail = &writer->head;
	pthread_mutex_init(&writer->lock, NULL);
	pthread_cond_init(&writer->ready, NULL);
	if (store_open(apid->db_path, STORE_WRITE, &writer->store, err) != 0)
		return err_wrap(err, "store");
	if (pthread_create(&writer->id, NULL, writer_run, writer) != 0)
		return err_set(err, ERR_IO, "cannot start the writer");
	writer->started = true;
	return 0;
}

void writer_stop(struct writer **writerp)
{
	struct writer *writer = move(*writerp);

	if (writer == NULL)
		return;
	if (writer->started) {
		pthread_mutex_lock(&writer->lock);
		writer->stopping = true;
		pthread_cond_signal(&writer->ready);
		pthread_mutex_unlock(&writer->lock);
		pthread_join(writer->id, NULL);
	}
	store_close(&writer->store);
	pthread_cond_destroy(&writer->ready);
	pthread_mutex_destroy(&writer->lock);
	free(writer);
}
