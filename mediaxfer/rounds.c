#include "mediaxfer/rounds.h"

#include <time.h>

#include "common/clock.h"
#include "common/err.h"
#include "common/ids.h"

#define ROUNDS_MAX 4
#define JITTER_PERCENT 40

/* False when there is no time left for another round. */
static bool rest(
	const struct xfer_request *request, int round, int64_t deadline_ms)
{
	int64_t wait_ms = random_jitter(
		request->backoff_ms << (round - 1), JITTER_PERCENT);
	struct timespec pause = { .tv_sec = wait_ms / 1000,
		.tv_nsec = wait_ms % 1000 * 1000000 };

	if (clock_mono_ms() + wait_ms >= deadline_ms)
		return false;
	while (nanosleep(&pause, &pause) != 0)
		;
	return true;
}

static enum xfer_result result_of(enum verdict verdict)
{
	switch (verdict) {
	case VERDICT_DONE:
		return XFER_DONE;
	case VERDICT_AUTH:
		return XFER_AUTH;
	case VERDICT_REFUSED:
		return XFER_REFUSED;
	case VERDICT_GONE:
		return XFER_GONE;
	case VERDICT_CORRUPT:
		return XFER_CORRUPT;
	case VERDICT_AGAIN:
	case VERDICT_SKIP:
	case VERDICT_BROKEN:
		return XFER_FAILED;
	}
	return XFER_FAILED;
}

/* No host is left to be tried: a file that is broken somewhere is there, one
 * that is gone was there once. */
static enum verdict sum_up(const enum verdict *verdicts, size_t n)
{
	enum verdict sum = VERDICT_SKIP;

	for (size_t i = 0; i < n; i++)
		sum = verdicts[i] > sum ? verdicts[i] : sum;
	return sum;
}

/* One try at every host that may do better. */
static enum verdict round_run(const struct xfer_request *request,
	enum verdict *verdicts, int64_t deadline_ms, rounds_try_fn *try_host,
	void *arg, struct err *err)
{
	bool again = false;

	for (size_t i = 0; i < request->n_hosts; i++) {
		if (verdicts[i] != VERDICT_AGAIN)
			continue;
		if (clock_mono_ms() >= deadline_ms) {
			if (err->code == ERR_OK)
				err_set(err, ERR_TIMEOUT, "no time is left");
			return VERDICT_BROKEN;
		}
		verdicts[i] = try_host(request->hosts[i], arg, err);
		if (verdicts[i] >= VERDICT_DONE)
			return verdicts[i];
		again |= verdicts[i] == VERDICT_AGAIN;
	}
	return again ? VERDICT_AGAIN : sum_up(verdicts, request->n_hosts);
}

enum xfer_result rounds_run(const struct xfer_request *request,
	int64_t deadline_ms, rounds_try_fn *try_host, void *arg,
	struct err *err)
{
	enum verdict verdicts[XFER_HOSTS] = { VERDICT_AGAIN };
	enum verdict verdict = VERDICT_AGAIN;

	for (int round = 0; round < ROUNDS_MAX; round++) {
		if (round > 0 && !rest(request, round, deadline_ms))
			break;
		verdict = round_run(
			request, verdicts, deadline_ms, try_host, arg, err);
		if (verdict != VERDICT_AGAIN)
			break;
	}
	return result_of(verdict);
}
