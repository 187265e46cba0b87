#include "cli/senderd.h"

#include <pthread.h>
#include <stdlib.h>

#include "common/bus.h"
#include "common/config.h"
#include "common/err.h"
#include "common/ids.h"
#include "common/log.h"
#include "common/own.h"

struct senderd {
	struct bus_out *jobs;
	struct bus_asker *ask;
};

void senderd_close(struct senderd **senderdp)
{
	struct senderd *senderd = move(*senderdp);

	if (senderd == NULL)
		return;
	bus_asker_close(&senderd->ask);
	bus_out_close(&senderd->jobs);
	free(senderd);
}

int senderd_open(
	const struct config *config, struct senderd **out, struct err *err)
{
	scoped(senderd_close) struct senderd *senderd =
		xcalloc(1, sizeof(*senderd));
	scoped(str_free) char *jobs = config_bus_url(config, BUS_SENDERD_JOBS);
	scoped(str_free) char *ask = config_bus_url(config, BUS_SENDERD_ASK);

	if (bus_push_open(jobs, &senderd->jobs, err) != 0 ||
		bus_asker_open(ask, &senderd->ask, err) != 0)
		return -1;
	*out = move(senderd);
	return 0;
}

bool senderd_command(
	struct senderd *senderd, const char *device_uid, Bus__LaneAction action)
{
	Bus__LaneCommand command = BUS__LANE_COMMAND__INIT;
	Bus__Envelope envelope = BUS__ENVELOPE__INIT;

	command.action = action;
	envelope.device_uid = (char *)device_uid;
	envelope.body_case = BUS__ENVELOPE__BODY_LANE_COMMAND;
	envelope.lane_command = &command;
	return bus_send(senderd->jobs, &envelope);
}

/* ---- a question, waited for ---- */

struct wait {
	pthread_mutex_t lock;
	pthread_cond_t answered;
	bool done;
	Bus__Envelope *answer;
};

static void on_answer(Bus__Envelope *answer, void *arg)
{
	struct wait *wait = arg;

	pthread_mutex_lock(&wait->lock);
	wait->answer = answer;
	wait->done = true;
	pthread_cond_signal(&wait->answered);
	pthread_mutex_unlock(&wait->lock);
}

/* NULL when none came; the bus calls back in any case. */
static Bus__Envelope *wait_end(struct wait *wait)
{
	pthread_mutex_lock(&wait->lock);
	while (!wait->done)
		pthread_cond_wait(&wait->answered, &wait->lock);
	pthread_mutex_unlock(&wait->lock);
	return wait->answer;
}

static int answer_check(
	const Bus__Envelope *envelope, uint64_t request_id, struct err *err)
{
	if (envelope == NULL)
		return err_set(err, ERR_TIMEOUT,
			"no answer from senderd; is the suite running?");
	if (envelope->body_case != BUS__ENVELOPE__BODY_ANSWER ||
		envelope->request_id != request_id)
		return err_set(err, ERR_PEER, "senderd answered nonsense");
	if (envelope->answer->error != ERR_OK)
		return err_set(err, (enum err_code)envelope->answer->error,
			"%s", log_quote(envelope->answer->error_text));
	return 0;
}

int senderd_ask(struct senderd *senderd, const char *device_uid,
	Bus__Question *question, int timeout_ms, Bus__Envelope **answer_out,
	struct err *err)
{
	scoped(bus_envelope_free) Bus__Envelope *answer = NULL;
	Bus__Envelope envelope = BUS__ENVELOPE__INIT;
	struct wait wait = { .lock = PTHREAD_MUTEX_INITIALIZER,
		.answered = PTHREAD_COND_INITIALIZER };

	envelope.device_uid = (char *)device_uid;
	envelope.request_id = (uint64_t)random_between(1, INT64_MAX);
	envelope.body_case = BUS__ENVELOPE__BODY_QUESTION;
	envelope.question = question;
	if (bus_ask(senderd->ask, &envelope, timeout_ms, on_answer, &wait,
		    err) != 0)
		return -1;
	answer = wait_end(&wait);
	if (answer_check(answer, envelope.request_id, err) != 0)
		return -1;
	*answer_out = move(answer);
	return 0;
}
