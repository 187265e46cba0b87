/* Whom a campaign reaches through groups and tags: each contact once, however
 * many of them it is in. */
#ifndef COMMON_STORE_CAMPAIGN_AUDIENCE_H
#define COMMON_STORE_CAMPAIGN_AUDIENCE_H

#include <stdbool.h>

#include "common/store/store.h"

struct audience_contact {
	int64_t id;
	const char *phone; /* digits */
	const char *name;  /* or NULL */
};
typedef int audience_row_fn(const struct audience_contact *contact, void *arg);

/* Contacts with id > @after that are in any of @segments (rows, at most
 * AUDIENCE_SEGMENTS_MAX), in order of their ids, at most @limit; *@last_out is
 * the last one's id: where the next walk goes on; 0 at the end. */
#define AUDIENCE_SEGMENTS_MAX 200
int store_audience_walk(struct store *store, const int64_t *segments,
	int n_segments, int64_t after, int limit, audience_row_fn *row,
	void *arg, int64_t *last_out, struct err *err);
/* How many there are, in flat memory; walks the members of all of them unless
 * it is one. */
int store_audience_count(struct store *store, const int64_t *segments,
	int n_segments, int64_t *n_out, struct err *err);
/* Whose phone is it? */
enum audience_place {
	AUDIENCE_STRANGER, /* nobody's who is saved */
	AUDIENCE_SAVED,	   /* a contact's that is in none of @segments: @row */
	AUDIENCE_IN_SEGMENT, /* of one that the segments reach */
};
int store_audience_find(struct store *store, int64_t account_id,
	const char *phone, const int64_t *segments, /* sorted */
	int n_segments, enum audience_place *out, audience_row_fn *row,
	void *arg, struct err *err);

#endif
