#include "senderd/backoff.h"

#include "common/ids.h"

#define JITTER_PERCENT 20

int64_t backoff_ms(int64_t base_ms, int64_t max_ms, unsigned failures)
{
	int64_t wait_ms = base_ms;
	int64_t jittered_ms;

	for (unsigned i = 1; i < failures && wait_ms < max_ms; i++)
		wait_ms *= 2;
	if (wait_ms > max_ms)
		wait_ms = max_ms;
	jittered_ms = random_jitter(wait_ms, JITTER_PERCENT);
	return jittered_ms < max_ms ? jittered_ms : max_ms;
}
