#include "common/bus.h"

#include <nng/nng.h>
#include <nng/protocol/reqrep0/req.h>
#include <pthread.h>
#include <stdlib.h>

#include "common/bus_socket.h"
#include "common/clock.h"
#include "common/err.h"
#include "common/own.h"

/* An answerer's socket holds 64 answers for each connection and drops the rest
 * in silence, so a connection has no more questions open than that. */
#define LINES 4
#define QUESTIONS_A_LINE 64

struct line {
	nng_socket socket;
	bool is_open;
	int n_open; /* questions whose answer has not been handed over */
};

struct bus_asker {
	pthread_mutex_t lock; /* of the lines' counts */
	pthread_cond_t ended;
	struct line lines[LINES];
};

/* One open question, owned by its callbacks, which run on nng's threads. */
struct question {
	struct bus_asker *asker; /* borrowed; its close waits for us */
	struct line *line;	 /* of that asker */
	nng_ctx ctx;
	nng_aio *aio;
	bool sent;	     /* the aio now waits for the answer */
	int64_t deadline_ms; /* monotonic */
	bus_answer_fn *on_answer;
	void *arg;
};

static int line_open(struct line *line, const char *url, struct err *err)
{
	if (bus_socket_open(nng_req0_open, url, &line->socket, err) != 0)
		return -1;
	line->is_open = true;
	/* A question may have effects: it is asked once. */
	nng_socket_set_ms(
		line->socket, NNG_OPT_REQ_RESENDTIME, NNG_DURATION_INFINITE);
	return bus_socket_dial(line->socket, url, err);
}

int bus_asker_open(const char *url, struct bus_asker **out, struct err *err)
{
	scoped(bus_asker_close) struct bus_asker *asker =
		xcalloc(1, sizeof(*asker));

	pthread_mutex_init(&asker->lock, NULL);
	pthread_cond_init(&asker->ended, NULL);
	for (size_t i = 0; i < LINES; i++)
		if (line_open(&asker->lines[i], url, err) != 0)
			return -1;
	*out = move(asker);
	return 0;
}

/* Closing a socket ends its questions with NULL; their callbacks still use the
 * asker, so it goes after the last one. */
void bus_asker_close(struct bus_asker **askerp)
{
	struct bus_asker *asker = move(*askerp);

	if (asker == NULL)
		return;
	for (size_t i = 0; i < LINES; i++)
		if (asker->lines[i].is_open)
			nng_close(asker->lines[i].socket);
	pthread_mutex_lock(&asker->lock);
	for (size_t i = 0; i < LINES; i++)
		while (asker->lines[i].n_open > 0)
			pthread_cond_wait(&asker->ended, &asker->lock);
	pthread_mutex_unlock(&asker->lock);
	pthread_cond_destroy(&asker->ended);
	pthread_mutex_destroy(&asker->lock);
	free(asker);
}

/* The line with the fewest questions, one more now; NULL when all are full. */
static struct line *line_take(struct bus_asker *asker)
{
	struct line *line = &asker->lines[0];

	pthread_mutex_lock(&asker->lock);
	for (size_t i = 1; i < LINES; i++)
		if (asker->lines[i].n_open < line->n_open)
			line = &asker->lines[i];
	if (line->n_open < QUESTIONS_A_LINE)
		line->n_open++;
	else
		line = NULL;
	pthread_mutex_unlock(&asker->lock);
	return line;
}

static void line_give_back(struct bus_asker *asker, struct line *line)
{
	pthread_mutex_lock(&asker->lock);
	line->n_open--;
	pthread_cond_broadcast(&asker->ended);
	pthread_mutex_unlock(&asker->lock);
}

static void question_end(struct question *question, Bus__Envelope *answer)
{
	struct bus_asker *asker = question->asker;
	struct line *line = question->line;

	nng_ctx_close(question->ctx);
	question->on_answer(answer, question->arg);
	nng_aio_reap(question->aio); /* it runs us: freed once we returned */
	free(question);
	line_give_back(asker, line);
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
	rv = nng_ctx_open(&question->ctx, question->line->socket);
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
	struct line *line = line_take(asker);
	struct question *question;

	if (line == NULL)
		return err_set(err, ERR_BUSY, "%d questions are open already",
			LINES * QUESTIONS_A_LINE);
	question = xcalloc(1, sizeof(*question));
	question->asker = asker;
	question->line = line;
	question->on_answer = on_answer;
	question->arg = arg;
	if (question_start(question, envelope, timeout_ms, err) == 0)
		return 0;
	free(question);
	line_give_back(asker, line);
	return -1;
}
