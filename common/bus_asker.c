#include "common/bus.h"

#include <nng/nng.h>
#include <nng/protocol/reqrep0/req.h>
#include <pthread.h>
#include <stdlib.h>

#include "common/clock.h"
#include "common/bus_socket.h"
#include "common/err.h"
#include "common/own.h"

#define QUESTIONS_MAX 256

struct bus_asker {
	nng_socket socket;
	pthread_mutex_t lock;
	pthread_cond_t ended;
	int n_open; /* questions whose answer has not been handed over */
};

/* One open question, owned by its callbacks, which run on nng's threads. */
struct question {
	struct bus_asker *asker; /* borrowed; its close waits for us */
	nng_ctx ctx;
	nng_aio *aio;
	bool sent;	     /* the aio now waits for the answer */
	int64_t deadline_ms; /* monotonic */
	bus_answer_fn *on_answer;
	void *arg;
};

int bus_asker_open(const char *url, struct bus_asker **out, struct err *err)
{
	scoped(bus_asker_close) struct bus_asker *asker = NULL;
	nng_socket socket;

	if (bus_socket_open(nng_req0_open, url, &socket, err) != 0)
		return -1;
	asker = xcalloc(1, sizeof(*asker));
	asker->socket = socket;
	pthread_mutex_init(&asker->lock, NULL);
	pthread_cond_init(&asker->ended, NULL);
	/* A question may have effects: it is asked once. */
	nng_socket_set_ms(
		socket, NNG_OPT_REQ_RESENDTIME, NNG_DURATION_INFINITE);
	if (bus_socket_dial(socket, url, err) != 0)
		return -1;
	*out = move(asker);
	return 0;
}

/* Closing the socket ends every question with NULL; their callbacks still use
 * the asker, so it goes after the last one. */
void bus_asker_close(struct bus_asker **askerp)
{
	struct bus_asker *asker = move(*askerp);

	if (asker == NULL)
		return;
	nng_close(asker->socket);
	pthread_mutex_lock(&asker->lock);
	while (asker->n_open > 0)
		pthread_cond_wait(&asker->ended, &asker->lock);
	pthread_mutex_unlock(&asker->lock);
	pthread_cond_destroy(&asker->ended);
	pthread_mutex_destroy(&asker->lock);
	free(asker);
}

static bool asker_take(struct bus_asker *asker)
{
	bool has_room;

	pthread_mutex_lock(&asker->lock);
	has_room = asker->n_open < QUESTIONS_MAX;
	if (has_room)
		asker->n_open++;
	pthread_mutex_unlock(&asker->lock);
	return has_room;
}

static void asker_give_back(struct bus_asker *asker)
{
	pthread_mutex_lock(&asker->lock);
	asker->n_open--;
	pthread_cond_broadcast(&asker->ended);
	pthread_mutex_unlock(&asker->lock);
}

static void question_end(struct question *question, Bus__Envelope *answer)
{
	struct bus_asker *asker = question->asker;

	nng_ctx_close(question->ctx);
	question->on_answer(answer, question->arg);
	nng_aio_reap(question->aio); /* it runs us: freed once we returned */
	free(question);
	asker_give_back(asker);
}

static void question_receive(struct question *question)
{
	int64_t left_ms = question->deadline_ms - clock_mono_ms();

	nng_aio_set_timeout(
		question->aio, left_ms > 0 ? (nng_duration)left_ms : 0);
	nng_ctx_recv(question->ctx, question->aio);
}

static void on_question(void *arg)
{
	struct question *question = arg;
	Bus__Envelope *answer;
	nng_msg *msg;

	if (nng_aio_result(question->aio) != 0) {
		if (!question->sent)
			nng_msg_free(nng_aio_get_msg(question->aio));
		question_end(question, NULL);
		return;
	}
	if (!question->sent) {
		question->sent = true;
		question_receive(question);
		return;
	}
	msg = nng_aio_get_msg(question->aio);
	answer = bus_socket_unpack(nng_msg_body(msg), nng_msg_len(msg));
	nng_msg_free(msg);
	question_end(question, answer);
}

static int question_start(struct question *question, Bus__Envelope *envelope,
	int timeout_ms, struct err *err)
{
	nng_msg *msg = bus_socket_pack(envelope);
	int rv;

	if (msg == NULL)
		return err_set(err, ERR_TOO_LARGE, "question too large");
	rv = nng_ctx_open(&question->ctx, question->asker->socket);
	if (rv != 0) {
		nng_msg_free(msg);
		return bus_socket_fail(err, ERR_BUSY, "question", rv);
	}
	rv = nng_aio_alloc(&question->aio, on_question, question);
	if (rv != 0) {
		nng_msg_free(msg);
		nng_ctx_close(question->ctx);
		return bus_socket_fail(err, ERR_BUSY, "question", rv);
	}
	question->deadline_ms = clock_mono_ms() + timeout_ms;
	nng_aio_set_timeout(question->aio, timeout_ms);
	nng_aio_set_msg(question->aio, msg);
	nng_ctx_send(question->ctx, question->aio);
	return 0; /* from here on the question belongs to its callback */
}

int bus_ask(struct bus_asker *asker, Bus__Envelope *envelope, int timeout_ms,
	bus_answer_fn *on_answer, void *arg, struct err *err)
{
	struct question *question;

	if (!asker_take(asker))
		return err_set(err, ERR_BUSY, "%d questions are open already",
			QUESTIONS_MAX);
	question = xcalloc(1, sizeof(*question));
	question->asker = asker;
	question->on_answer = on_answer;
	question->arg = arg;
	if (question_start(question, envelope, timeout_ms, err) == 0)
		return 0;
	free(question);
	asker_give_back(asker);
	return -1;
}
