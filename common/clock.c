#include "common/clock.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define DAY_MS 86400000
#define YEAR_10000_MS 253402300800000 /* four digits show the year */

static _Atomic int64_t shift_ms;
static pthread_once_t shift_once = PTHREAD_ONCE_INIT;

static void shift_from_environment(void)
{
	const char *text = getenv("VEREDA_CLOCK_SHIFT_MS");

	if (text != NULL)
		atomic_store(&shift_ms, strtoll(text, NULL, 10));
}

static int64_t read_clock_ms(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

int64_t clock_now_ms(void)
{
	pthread_once(&shift_once, shift_from_environment);
	return read_clock_ms(CLOCK_REALTIME) + atomic_load(&shift_ms);
}

int64_t clock_mono_ms(void)
{
	return read_clock_ms(CLOCK_MONOTONIC);
}

void clock_shift_ms(int64_t ms)
{
	pthread_once(&shift_once, shift_from_environment);
	atomic_store(&shift_ms, ms);
}

/* Days from 1970-01-01 in the proleptic Gregorian calendar.  The year is
 * counted from March, so that the leap day is its last. */
static int64_t days_from_date(int year, int month, int day)
{
	int y = month > 2 ? year : year - 1;
	int month_from_march = (month + 9) % 12;
	int64_t leaps = y / 4 - y / 100 + y / 400;

	if (y < 0)
		leaps = -1; /* March of the year 0 is the origin */
	return (int64_t)y * 365 + leaps + (153 * month_from_march + 2) / 5 +
	       day - 1 - 719468;
}

void clock_iso(int64_t unix_ms, char out[CLOCK_ISO_LEN])
{
	static const int64_t first_ms = -62167219200000; /* year 0 */
	struct tm tm;

	if (unix_ms < first_ms)
		unix_ms = first_ms;
	if (unix_ms >= YEAR_10000_MS)
		unix_ms = YEAR_10000_MS - 1;

	int64_t ms = (unix_ms % 1000 + 1000) % 1000;
	time_t seconds = (time_t)((unix_ms - ms) / 1000);

	gmtime_r(&seconds, &tm);
	snprintf(out, CLOCK_ISO_LEN, "%04u-%02u-%02uT%02u:%02u:%02u.%03uZ",
		(unsigned)(tm.tm_year + 1900) % 10000,
		(unsigned)(tm.tm_mon + 1) % 100, (unsigned)tm.tm_mday % 100,
		(unsigned)tm.tm_hour % 100, (unsigned)tm.tm_min % 100,
		(unsigned)tm.tm_sec % 100, (unsigned)ms % 1000);
}

/* Reads exactly @digits digits and moves *@p past them; -1 if they are not
 * there. */
static int read_digits(const char **p, int digits)
{
	int value = 0;

	for (int i = 0; i < digits; i++, (*p)++) {
		if (**p < '0' || **p > '9')
			return -1;
		value = value * 10 + (**p - '0');
	}
	return value;
}

static bool read_char(const char **p, char c)
{
	if (**p != c)
		return false;
	(*p)++;
	return true;
}

static int read_date(const char **p, int64_t *ms)
{
	static const int month_days[] = { 31, 29, 31, 30, 31, 30, 31, 31, 30,
		31, 30, 31 };
	int year = read_digits(p, 4);

	if (year < 0 || !read_char(p, '-'))
		return -1;

	int month = read_digits(p, 2);

	if (month < 1 || month > 12 || !read_char(p, '-'))
		return -1;

	int day = read_digits(p, 2);
	bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

	if (day < 1 || day > month_days[month - 1])
		return -1;
	if (month == 2 && day == 29 && !leap)
		return -1;
	*ms = days_from_date(year, month, day) * DAY_MS;
	return 0;
}

/* "HH:MM" */
static int read_hours_minutes(const char **p, int64_t *ms)
{
	int hour = read_digits(p, 2);

	if (hour < 0 || hour > 23 || !read_char(p, ':'))
		return -1;

	int minute = read_digits(p, 2);

	if (minute < 0 || minute > 59)
		return -1;
	*ms = (int64_t)(hour * 60 + minute) * 60000;
	return 0;
}

static int read_seconds(const char **p, int64_t *ms)
{
	int second = read_digits(p, 2), scale = 100;

	if (second < 0 || second > 59)
		return -1;
	*ms += (int64_t)second * 1000;
	if (!read_char(p, '.'))
		return 0;
	if (**p < '0' || **p > '9')
		return -1;
	for (; **p >= '0' && **p <= '9'; (*p)++, scale /= 10)
		*ms += (**p - '0') * scale; /* below 1 ms: cut */
	return 0;
}

static int read_zone(const char **p, int64_t *offset_ms)
{
	bool west = **p == '-';
	int hours, minutes = 0;

	*offset_ms = 0;
	if (**p == '\0' || read_char(p, 'Z'))
		return 0;
	if (!read_char(p, '+') && !read_char(p, '-'))
		return -1;
	hours = read_digits(p, 2);
	if (read_char(p, ':') || **p != '\0')
		minutes = read_digits(p, 2);
	if (hours < 0 || hours > 23 || minutes < 0 || minutes > 59)
		return -1;
	*offset_ms = (int64_t)(hours * 60 + minutes) * (west ? -60000 : 60000);
	return 0;
}

int clock_parse_iso(const char *text, int64_t *unix_ms_out)
{
	int64_t date_ms, time_ms, offset_ms;
	const char *p = text;

	if (read_date(&p, &date_ms) != 0)
		return -1;
	if (*p == '\0') {
		*unix_ms_out = date_ms;
		return 0;
	}
	if (!read_char(&p, 'T') || read_hours_minutes(&p, &time_ms) != 0)
		return -1;
	if (read_char(&p, ':') && read_seconds(&p, &time_ms) != 0)
		return -1;
	if (read_zone(&p, &offset_ms) != 0 || *p != '\0')
		return -1;
	*unix_ms_out = date_ms + time_ms - offset_ms;
	return 0;
}
