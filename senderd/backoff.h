/* How long to wait before the next try of something that failed. */
#ifndef SENDERD_BACKOFF_H
#define SENDERD_BACKOFF_H

#include <stdint.h>

/* After @failures failures in a row (0 counts as 1): @base_ms doubled each
 * time, at most
 * @max_ms, with 20 % of jitter to both sides that never takes it past @max_ms.
 */
int64_t backoff_ms(int64_t base_ms, int64_t max_ms, unsigned failures);

#endif
