#include "common/store/seek.h"

#include <string.h>

#include "common/own.h"

/* 1 when the row at or after @position is before the target: *@row_out is where
 * it is.  0 when it is not, or there is none. */
static int row_is_before(struct db *db, const struct seek *seek,
	int64_t position, int64_t *row_out, struct err *err)
{
	scoped(query_close) struct query q = query_open(db, seek->sql);
	int rc;

	query_bind_int(&q, seek->owner);
	query_bind_int(&q, position);
	rc = query_step(&q, err);
	if (rc != 1)
		return rc;
	*row_out = query_int(&q);
	return seek->is_before(&q, seek->target) ? 1 : 0;
}

int seek_first(struct db *db, const struct seek *seek, int64_t *position_out,
	struct err *err)
{
	int64_t low = 1, high = seek->end, row = 0;

	while (low < high) {
		int64_t middle = low + (high - low) / 2;
		int rc = row_is_before(db, seek, middle, &row, err);

		if (rc < 0)
			return -1;
		if (rc == 1)
			low = row + 1;
		else
			high = middle;
	}
	*position_out = low;
	return 0;
}

bool seek_number_is_before(struct query *q, const void *target)
{
	return query_int(q) < *(const int64_t *)target;
}

bool seek_text_is_before(struct query *q, const void *target)
{
	const char *text = query_text(q);

	return text != NULL && strcmp(text, target) < 0;
}
