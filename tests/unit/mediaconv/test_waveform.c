#include "mediaconv/waveform.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "common/own.h"

/* @n samples of this amplitude, in pieces of an odd size. */
static void add_level(struct waveform *waveform, int16_t level, size_t n)
{
	int16_t samples[77];

	for (size_t i = 0; i < ARRAY_LEN(samples); i++)
		samples[i] = i % 2 == 0 ? level : (int16_t)-level;
	while (n > 0) {
		const size_t some =
			n < ARRAY_LEN(samples) ? n : ARRAY_LEN(samples);

		waveform_add(waveform, samples, some);
		n -= some;
	}
}

static void bars_are_relative_to_the_tallest_for_any_length(void **state)
{
	static const size_t lengths[] = { 64, 1000, 48000, 96000, 98304, 98305,
		200000, 12345678 };
	static const int16_t levels[] = { 500, 2000, 250, 1000 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(lengths); i++) {
		struct waveform waveform;
		uint8_t bars[MEDIA_WAVEFORM];

		waveform_init(&waveform);
		for (size_t j = 0; j < 4; j++)
			add_level(&waveform, levels[j], lengths[i] / 4);
		waveform_result(&waveform, bars);
		/* In the middle of each quarter; at its ends, rounding. */
		if (lengths[i] < 64 * 48)
			continue;
		for (size_t j = 0; j < 4; j++)
			for (size_t k = 16 * j + 1; k < 16 * j + 15; k++)
				if (bars[k] !=
					levels[j] / 20 + (levels[j] == 250))
					fail_msg("%zu samples, bar %zu: %d",
						lengths[i], k, bars[k]);
	}
}

static void one_loud_click_stands_alone(void **state)
{
	struct waveform waveform;
	uint8_t bars[MEDIA_WAVEFORM];

	(void)state;
	waveform_init(&waveform);
	add_level(&waveform, 0, 64000 * 10 + 20000);
	add_level(&waveform, 30000, 5000);
	add_level(&waveform, 0, 64000 * 54 - 25000);
	waveform_result(&waveform, bars);
	for (size_t i = 0; i < MEDIA_WAVEFORM; i++)
		assert_int_equal(bars[i], i == 10 ? 100 : 0);
}

static void silence_and_nothing_are_zeros(void **state)
{
	static const uint8_t zeros[MEDIA_WAVEFORM];
	struct waveform waveform;
	uint8_t bars[MEDIA_WAVEFORM];

	(void)state;
	waveform_init(&waveform);
	waveform_result(&waveform, bars);
	assert_memory_equal(bars, zeros, sizeof(bars));
	add_level(&waveform, 2, 480000); /* a recorder's noise */
	waveform_result(&waveform, bars);
	assert_memory_equal(bars, zeros, sizeof(bars));
}

static void the_lowest_sample_counts_as_the_highest(void **state)
{
	static const int16_t lowest[480] = { INT16_MIN };
	struct waveform waveform;
	uint8_t bars[MEDIA_WAVEFORM];

	(void)state;
	waveform_init(&waveform);
	waveform_add(&waveform, lowest, ARRAY_LEN(lowest));
	waveform_result(&waveform, bars);
	assert_int_equal(bars[0], 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			bars_are_relative_to_the_tallest_for_any_length),
		cmocka_unit_test(one_loud_click_stands_alone),
		cmocka_unit_test(silence_and_nothing_are_zeros),
		cmocka_unit_test(the_lowest_sample_counts_as_the_highest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
