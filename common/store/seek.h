/* Finding a row by a value that grows with its position, without an index on
 * the value: some twenty look-ups by position, whatever the table's size.
 * Internal to common/store. */
#ifndef COMMON_STORE_SEEK_H
#define COMMON_STORE_SEEK_H

#include "common/store/query.h"

struct err;

struct seek {
	/* The first row of owner ?1 at or after position ?2: its position and
	 * what the rows are ordered by. */
	const char *sql;
	int64_t owner;
	int64_t end; /* one past the last position */
	/* Is the row before what is looked for?  Its position was read from
	 * @q already. */
	bool (*is_before)(struct query *q, const void *target);
	const void *target;
};

/* The first position, from 1, at or after which no row is before the target;
 * @end when all are.  Positions may be missing. */
int seek_first(struct db *db, const struct seek *seek, int64_t *position_out,
	struct err *err);

/* For is_before(): the value is a number, the target an int64_t. */
bool seek_number_is_before(struct query *q, const void *target);
/* The value is a text, the target one, too. */
bool seek_text_is_before(struct query *q, const void *target);

#endif
