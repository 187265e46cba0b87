#include "common/recurrence.h"

#include <stdbool.h>
#include <string.h>
#include <time.h>

#include "common/clock.h"
#include "common/err.h"
#include "common/own.h"

#define DAY_MS INT64_C(86400000)
#define WEEK_DAYS 7
#define MONDAY_DAY 4 /* 1970-01-05, in days of 1970-01-01 */
/* 29 February comes in 8 years at the latest, and a step that is no divisor of
 * the year is back in February after 12 of its kind. */
#define MONTH_STEPS (12 * 8 * 2)
#define YEAR_10000_MS INT64_C(253402300800000)

enum frequency { DAILY = 1, WEEKLY, MONTHLY };

static const char *const frequency_names[] = {
	[DAILY] = "DAILY",
	[WEEKLY] = "WEEKLY",
	[MONTHLY] = "MONTHLY",
};

/* NULL and null are the same: not there. */
static const json_t *member(const json_t *rule, const char *name)
{
	const json_t *value = json_object_get(rule, name);

	return json_is_null(value) ? NULL : value;
}

/* ---- checking ---- */

static enum frequency frequency_of(const json_t *rule)
{
	const char *name = json_string_value(member(rule, "frequency"));

	for (size_t i = DAILY; name != NULL && i <= MONTHLY; i++)
		if (strcmp(name, frequency_names[i]) == 0)
			return (enum frequency)i;
	return 0;
}

static int check_names(const json_t *rule, struct err *err)
{
	static const char *const known[] = { "frequency", "interval",
		"daysOfWeek", "endAt", "count" };
	const char *name;
	json_t *value;

	json_object_foreach((json_t *)rule, name, value)
	{
		bool is_known = false;

		for (size_t i = 0; i < ARRAY_LEN(known); i++)
			is_known = is_known || strcmp(name, known[i]) == 0;
		if (!is_known)
			return err_set(err, ERR_INVALID,
				"recurrence.%.40s is not known", name);
	}
	return 0;
}

static int check_number(
	const json_t *rule, const char *name, int max, struct err *err)
{
	const json_t *value = member(rule, name);

	if (value == NULL)
		return 0;
	if (!json_is_integer(value) || json_integer_value(value) < 1 ||
		json_integer_value(value) > max)
		return err_set(err, ERR_INVALID,
			"recurrence.%s must be a whole number from 1 to %d",
			name, max);
	return 0;
}

static bool is_weekday(const json_t *value)
{
	return json_is_integer(value) && json_integer_value(value) >= 1 &&
	       json_integer_value(value) <= WEEK_DAYS;
}

static int check_days(const json_t *rule, struct err *err)
{
	const json_t *days = member(rule, "daysOfWeek");

	if (days == NULL)
		return 0;
	if (frequency_of(rule) != WEEKLY)
		return err_set(err, ERR_INVALID,
			"recurrence.daysOfWeek goes with WEEKLY alone");
	if (!json_is_array(days) || json_array_size(days) == 0 ||
		json_array_size(days) > WEEK_DAYS)
		return err_set(err, ERR_INVALID,
			"recurrence.daysOfWeek must be a list of 1 to 7 days");
	for (size_t i = 0; i < json_array_size(days); i++)
		if (!is_weekday(json_array_get(days, i)))
			return err_set(err, ERR_INVALID,
				"recurrence.daysOfWeek must be numbers from 1"
				" (Monday) to 7 (Sunday)");
	return 0;
}

static int check_end(const json_t *rule, struct err *err)
{
	const json_t *end = member(rule, "endAt");
	int64_t end_ms;

	if (end == NULL)
		return 0;
	if (!json_is_string(end) ||
		clock_parse_iso(json_string_value(end), &end_ms) != 0)
		return err_set(err, ERR_INVALID,
			"recurrence.endAt must be an ISO 8601 date");
	return 0;
}

int recurrence_check(const json_t *rule, struct err *err)
{
	if (!json_is_object(rule))
		return err_set(
			err, ERR_INVALID, "recurrence must be an object");
	if (frequency_of(rule) == 0)
		return err_set(err, ERR_INVALID,
			"recurrence.frequency must be one of DAILY, WEEKLY,"
			" MONTHLY");
	if (check_names(rule, err) != 0 ||
		check_number(rule, "interval", RECURRENCE_INTERVAL_MAX, err) !=
			0 ||
		check_number(rule, "count", RECURRENCE_COUNT_MAX, err) != 0 ||
		check_days(rule, err) != 0)
		return -1;
	return check_end(rule, err);
}

/* ---- the next run ---- */

/* Every @step_ms from @first_ms on; @after_ms is not before @first_ms. */
static int64_t next_step(int64_t first_ms, int64_t step_ms, int64_t after_ms)
{
	return first_ms + ((after_ms - first_ms) / step_ms + 1) * step_ms;
}

/* Bit 0 is Monday. */
static unsigned weekdays_of(const json_t *rule, int first_weekday)
{
	const json_t *days = member(rule, "daysOfWeek");
	unsigned bits = 0;

	for (size_t i = 0; i < json_array_size(days); i++)
		bits |= BIT(json_integer_value(json_array_get(days, i)) - 1);
	return bits != 0 ? bits : BIT(first_weekday);
}

/* Monday at 00:00 of the week of @at_ms. */
static int64_t week_of(int64_t at_ms)
{
	const int64_t days = at_ms / DAY_MS - MONDAY_DAY;

	return at_ms - at_ms % DAY_MS -
	       ((days % WEEK_DAYS + WEEK_DAYS) % WEEK_DAYS) * DAY_MS;
}

static int64_t next_week(const json_t *rule, int64_t first_ms, int64_t interval,
	int64_t after_ms)
{
	const int64_t week_ms = WEEK_DAYS * DAY_MS * interval;
	const int64_t first_week_ms = week_of(first_ms);
	const int64_t in_day_ms = first_ms % DAY_MS;
	const unsigned weekdays =
		weekdays_of(rule, (int)((first_ms - first_week_ms) / DAY_MS));
	int64_t start_ms =
		first_week_ms + (after_ms - first_week_ms) / week_ms * week_ms;

	for (int round = 0; round < 2; round++, start_ms += week_ms) {
		for (int day = 0; day < WEEK_DAYS; day++) {
			const int64_t at_ms =
				start_ms + day * DAY_MS + in_day_ms;

			if ((weekdays & BIT(day)) != 0 && at_ms > after_ms)
				return at_ms;
		}
	}
	return 0;
}

/* 0 when that month has no such day. */
static int64_t in_months(const struct tm *first, int64_t n_months)
{
	const int64_t month =
		first->tm_year * INT64_C(12) + first->tm_mon + n_months;
	struct tm tm = *first; /* timegm() moves on to a day that exists */
	int64_t at_ms;

	tm.tm_year = (int)(month / 12);
	tm.tm_mon = (int)(month % 12);
	at_ms = timegm(&tm) * INT64_C(1000);
	return tm.tm_mday == first->tm_mday ? at_ms : 0;
}

static int64_t next_month(int64_t first_ms, int64_t interval, int64_t after_ms)
{
	const time_t first_sec = first_ms / 1000, after_sec = after_ms / 1000;
	struct tm first, after;
	int64_t n;

	gmtime_r(&first_sec, &first);
	gmtime_r(&after_sec, &after);
	n = (after.tm_year - first.tm_year) * INT64_C(12) + after.tm_mon -
	    first.tm_mon;
	n -= n % interval;
	for (int step = 0; step < MONTH_STEPS; step++, n += interval) {
		const int64_t at_ms = in_months(&first, n);

		if (at_ms != 0 && at_ms + first_ms % 1000 > after_ms)
			return at_ms + first_ms % 1000;
	}
	return 0;
}

static int64_t next_of(const json_t *rule, int64_t first_ms, int64_t after_ms)
{
	const json_t *value = member(rule, "interval");
	const int64_t interval = value != NULL ? json_integer_value(value) : 1;

	if (after_ms < first_ms)
		return first_ms;
	switch (frequency_of(rule)) {
	case DAILY:
		return next_step(first_ms, interval * DAY_MS, after_ms);
	case WEEKLY:
		return next_week(rule, first_ms, interval, after_ms);
	case MONTHLY:
		return next_month(first_ms, interval, after_ms);
	}
	return 0;
}

bool recurrence_is_over(const json_t *rule, int64_t at_ms)
{
	const char *end = json_string_value(member(rule, "endAt"));
	int64_t end_ms;

	return end != NULL && clock_parse_iso(end, &end_ms) == 0 &&
	       end_ms < at_ms;
}

int64_t recurrence_next(
	const json_t *rule, int64_t first_ms, int64_t after_ms, int64_t n_runs)
{
	const json_t *count = member(rule, "count");
	const char *end = json_string_value(member(rule, "endAt"));
	int64_t end_ms = YEAR_10000_MS - 1;
	int64_t next_ms;

	if (count != NULL && n_runs >= json_integer_value(count))
		return 0;
	if (end != NULL && clock_parse_iso(end, &end_ms) != 0)
		return 0;
	next_ms = next_of(rule, first_ms, after_ms);
	return next_ms <= end_ms ? next_ms : 0;
}
