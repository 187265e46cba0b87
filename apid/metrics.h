/* Counters for operators, as Prometheus text. */
#ifndef APID_METRICS_H
#define APID_METRICS_H

#include <stdint.h>

struct buf;
struct metrics;
struct request;

struct metrics *metrics_new(void);
void metrics_free(struct metrics **metricsp);
int64_t metrics_now_us(void); /* monotonic */
/* Any thread, once a request. */
void metrics_count_request(
	struct metrics *metrics, const struct request *request);
void metrics_count_stream(struct metrics *metrics, int delta);
void metrics_write(struct metrics *metrics, struct buf *out);

#endif
