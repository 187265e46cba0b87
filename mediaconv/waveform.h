/* The shape of a voice note, as a client draws it: 64 bars, each the mean
 * amplitude of one 64th of the time, the tallest 100 (messages.md 7.7).
 *
 * The length is known only at the end, so amplitudes are summed up in buckets,
 * which become twice as wide whenever all are full: the memory stays the same,
 * and there are always many more of them than bars. */
#ifndef MEDIACONV_WAVEFORM_H
#define MEDIACONV_WAVEFORM_H

#include <stddef.h>
#include <stdint.h>

#include "common/media/convert.h"

#define WAVEFORM_BUCKETS 2048

struct waveform {
	uint64_t sums[WAVEFORM_BUCKETS]; /* of absolute samples */
	size_t at;			 /* the bucket being filled */
	uint64_t n_at;			 /* samples in it */
	uint64_t width;			 /* samples of a full one */
};

void waveform_init(struct waveform *waveform);
void waveform_add(struct waveform *waveform, const int16_t *samples, size_t n);
/* Zeros for silence. */
void waveform_result(
	const struct waveform *waveform, uint8_t out[MEDIA_WAVEFORM]);

#endif
