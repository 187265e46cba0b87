/* How often a campaign is repeated:
 *
 *	{"frequency":"DAILY"|"WEEKLY"|"MONTHLY","interval":1,
 *	 "daysOfWeek":[1,5],"endAt":"2026-12-31T00:00:00Z","count":10}
 *
 * The time of day, and the day of the month, are those of the first run, in
 * UTC.  daysOfWeek (1 = Monday .. 7 = Sunday) is for WEEKLY alone and stands
 *for the weekday of the first run when it is missing; weeks begin on Monday.  A
 * month that has no such day is left out.  Every member but the frequency is
 * optional; no run is later than endAt, and there are @count runs at most. */
#ifndef COMMON_RECURRENCE_H
#define COMMON_RECURRENCE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

struct err;

#define RECURRENCE_INTERVAL_MAX 366
#define RECURRENCE_COUNT_MAX 100000

/* ERR_INVALID with the member that is wrong. */
int recurrence_check(const json_t *rule, struct err *err);
/* Does its endAt lie before @at_ms? */
bool recurrence_is_over(const json_t *rule, int64_t at_ms);
/* The first run after @after_ms of a rule that passed recurrence_check() and
 * whose first run is @first_ms; 0 = there is none.  @n_runs so many were. */
int64_t recurrence_next(
	const json_t *rule, int64_t first_ms, int64_t after_ms, int64_t n_runs);

#endif
