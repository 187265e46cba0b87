/* See metrics.h. */
#include "apid/metrics.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include "apid/request.h"
#include "common/buf.h"
#include "common/own.h"

/* Upper bounds of the latency buckets; one more for the rest. */
static const int64_t bucket_us[] = { 500, 1000, 2500, 5000, 10000, 25000, 50000,
	100000, 250000, 1000000, 5000000 };
#define N_BUCKETS (ARRAY_LEN(bucket_us) + 1)
#define N_CLASSES 6 /* status / 100 */

struct metrics {
	_Atomic uint64_t by_class[N_CLASSES];
	_Atomic uint64_t buckets[N_BUCKETS];
	_Atomic uint64_t total_us;
	_Atomic int64_t streams;
};

struct metrics *metrics_new(void)
{
	return xcalloc(1, sizeof(struct metrics));
}

void metrics_free(struct metrics **metricsp)
{
	free(move(*metricsp));
}

int64_t metrics_now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

void metrics_count_request(
	struct metrics *metrics, const struct request *request)
{
	int64_t took_us = metrics_now_us() - request->started_us;
	unsigned status_class = (unsigned)request->status / 100;
	size_t i = 0;

	atomic_fetch_add(
		&metrics->by_class[status_class < N_CLASSES ? status_class : 0],
		1);
	while (i < ARRAY_LEN(bucket_us) && took_us > bucket_us[i])
		i++;
	atomic_fetch_add(&metrics->buckets[i], 1);
	atomic_fetch_add(&metrics->total_us, (uint64_t)took_us);
}

void metrics_count_stream(struct metrics *metrics, int delta)
{
	atomic_fetch_add(&metrics->streams, delta);
}

static void write_histogram(struct metrics *metrics, struct buf *out)
{
	uint64_t sum = 0;

	buf_add_str(out, "# TYPE vereda_http_request_seconds histogram\n");
	for (size_t i = 0; i < N_BUCKETS; i++) {
		sum += atomic_load(&metrics->buckets[i]);
		if (i < ARRAY_LEN(bucket_us))
			buf_printf(out,
				"vereda_http_request_seconds_bucket{le=\"%g\"} "
				"%" PRIu64 "\n",
				(double)bucket_us[i] / 1e6, sum);
	}
	buf_printf(out,
		"vereda_http_request_seconds_bucket{le=\"+Inf\"} %" PRIu64
		"\nvereda_http_request_seconds_sum %g\n"
		"vereda_http_request_seconds_count %" PRIu64 "\n",
		sum, (double)atomic_load(&metrics->total_us) / 1e6, sum);
}

void metrics_write(struct metrics *metrics, struct buf *out)
{
	buf_add_str(out, "# TYPE vereda_http_requests_total counter\n");
	for (unsigned i = 1; i < N_CLASSES; i++)
		buf_printf(out,
			"vereda_http_requests_total{class=\"%uxx\"} %" PRIu64
			"\n",
			i, atomic_load(&metrics->by_class[i]));
	write_histogram(metrics, out);
	buf_printf(out,
		"# TYPE vereda_event_streams gauge\n"
		"vereda_event_streams %" PRId64 "\n",
		atomic_load(&metrics->streams));
}
