/* The clock: unix milliseconds, which tests can shift, and a monotonic clock
 * for intervals.
 *
 * The shift comes from VEREDA_CLOCK_SHIFT_MS (signed), read once at the first
 * call, or from clock_shift_ms(); it never moves the monotonic clock. */
#ifndef COMMON_CLOCK_H
#define COMMON_CLOCK_H

#include <stdint.h>

int64_t clock_now_ms(void);
int64_t clock_mono_ms(void);
void clock_shift_ms(int64_t shift_ms); /* tests only */

#define CLOCK_ISO_LEN 25 /* "2026-05-23T23:59:59.999Z" and the NUL */
void clock_iso(int64_t unix_ms, char out[CLOCK_ISO_LEN]);

/* ISO 8601, "2030-12-25T10:00:00.123+02:00".  Seconds and fraction are
 * optional. A zone is "Z", "+02:00", "+0200" or "+02"; without one it is UTC,
 * and a bare date is midnight.  Returns 0, or -1 for anything else. */
int clock_parse_iso(const char *text, int64_t *unix_ms_out);

#endif
