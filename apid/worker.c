/* See worker.h. */
#include "apid/worker.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

#include "apid/http.h"
#include "apid/request.h"
#include "common/own.h"

#define THREADS 2
#define QUEUE_MAX 64

struct worker {
	pthread_t threads[THREADS];
	unsigned n_threads;   /* started */
	pthread_mutex_t lock; /* guards the queue and stopping */
	pthread_cond_t ready;
	struct request *head, **tail;
	unsigned n_queued;
	bool stopping;
};

/* NULL when the worker stops and nothing is left. */
static struct request *take(struct worker *worker)
{
	struct request *request;

	pthread_mutex_lock(&worker->lock);
	while (worker->head == NULL && !worker->stopping)
		pthread_cond_wait(&worker->ready, &worker->lock);
	request = worker->head;
	if (request != NULL) {
		worker->head = request->next;
		if (worker->head == NULL)
			worker->tail = &worker->head;
		worker->n_queued--;
		request->next = NULL;
	}
	pthread_mutex_unlock(&worker->lock);
	return request;
}

static void *run(void *arg)
{
	struct worker *worker = arg;
	struct request *request;

	while ((request = take(worker)) != NULL) {
		if (request->work(request, &request->err) != 0) {
			request->failed = true;
			request->resume = request_finish;
		}
		http_post(request);
	}
	return NULL;
}

int worker_submit(struct request *request, worker_fn *fn,
	void (*resume)(struct request *request), struct err *err)
{
	struct worker *worker = request->apid->worker;
	bool full;

	request->work = fn;
	request->resume = resume;
	pthread_mutex_lock(&worker->lock);
	full = worker->n_queued >= QUEUE_MAX || worker->stopping;
	if (!full) {
		*worker->tail = request;
		worker->tail = &request->next;
		worker->n_queued++;
		pthread_cond_signal(&worker->ready);
	}
	pthread_mutex_unlock(&worker->lock);
	return full ? err_set(err, ERR_BUSY,
			      "Too much is waiting to be done; try again")
		    : 0;
}

int worker_start(struct worker **out, struct err *err)
{
	struct worker *worker = xcalloc(1, sizeof(*worker));

	*out = worker;
	worker->tail = &worker->head;
	pthread_mutex_init(&worker->lock, NULL);
	pthread_cond_init(&worker->ready, NULL);
	for (; worker->n_threads < THREADS; worker->n_threads++) {
		if (pthread_create(&worker->threads[worker->n_threads], NULL,
			    run, worker) != 0)
			return err_set(err, ERR_IO, "cannot start a worker");
	}
	return 0;
}

void worker_stop(struct worker **workerp)
{
	struct worker *worker = move(*workerp);

	if (worker == NULL)
		return;
	pthread_mutex_lock(&worker->lock);
	worker->stopping = true;
	pthread_cond_broadcast(&worker->ready);
	pthread_mutex_unlock(&worker->lock);
	for (unsigned i = 0; i < worker->n_threads; i++)
		pthread_join(worker->threads[i], NULL);
	pthread_cond_destroy(&worker->ready);
	pthread_mutex_destroy(&worker->lock);
	free(worker);
}
