#include "mediaconv/waveform.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_WIDTH 48 /* a millisecond */
/* Mean amplitude that nobody hears (-78 dB): it is not drawn as if it were
 * loud. */
#define SILENCE 4.0

void waveform_init(struct waveform *waveform)
{
	*waveform = (struct waveform){ .width = FIRST_WIDTH };
}

static void widen(struct waveform *waveform)
{
	uint64_t *sums = waveform->sums;

	for (size_t i = 0; i < WAVEFORM_BUCKETS / 2; i++)
		sums[i] = sums[2 * i] + sums[2 * i + 1];
	memset(sums + WAVEFORM_BUCKETS / 2, 0,
		WAVEFORM_BUCKETS / 2 * sizeof(*sums));
	waveform->at = WAVEFORM_BUCKETS / 2;
	waveform->width *= 2;
}

void waveform_add(struct waveform *waveform, const int16_t *samples, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		waveform->sums[waveform->at] += (uint64_t)abs(samples[i]);
		if (++waveform->n_at < waveform->width)
			continue;
		waveform->n_at = 0;
		if (++waveform->at == WAVEFORM_BUCKETS)
			widen(waveform);
	}
}

/* The sum over the samples [from, to), of which the ends may lie within a
 * bucket. */
static double sum_between(
	const struct waveform *waveform, double from, double to)
{
	const double width = (double)waveform->width;
	double sum = 0;

	for (size_t i = (size_t)(from / width); i <= waveform->at; i++) {
		const double n = (double)(i < waveform->at ? waveform->width
							   : waveform->n_at);
		const double begin = fmax(from, (double)i * width);
		const double end = fmin(to, (double)i * width + n);

		if (end <= begin)
			break;
		sum += (double)waveform->sums[i] * (end - begin) / n;
	}
	return sum;
}

void waveform_result(
	const struct waveform *waveform, uint8_t out[MEDIA_WAVEFORM])
{
	const double total =
		(double)(waveform->at * waveform->width + waveform->n_at);
	const double bar = total / MEDIA_WAVEFORM;
	double sums[MEDIA_WAVEFORM], highest = 0;

	memset(out, 0, MEDIA_WAVEFORM);
	if (total <= 0)
		return;
	for (int i = 0; i < MEDIA_WAVEFORM; i++) {
		sums[i] = sum_between(waveform, i * bar, (i + 1) * bar);
		highest = fmax(highest, sums[i]);
	}
	if (highest / bar < SILENCE)
		return;
	for (int i = 0; i < MEDIA_WAVEFORM; i++)
		out[i] = (uint8_t)lround(sums[i] * 100 / highest);
}
