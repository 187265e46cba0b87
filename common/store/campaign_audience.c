/* The members of several segments are merged: each segment's stretch of the
 * index is in order of the contacts' ids, and read ahead a little at a time. */
#include "common/store/campaign_audience.h"

#include <assert.h>
#include <stdlib.h>

#include "common/err.h"
#include "common/own.h"
#include "common/store/store_impl.h"

/* Ids read ahead: of all segments together when they are counted, and at least
 * of each. */
#define READ_AHEAD 8192
#define READ_AHEAD_MIN 32

struct stretch {
	int64_t segment_id;
	int64_t last; /* id that was read */
	int n, at;
	bool has_ended;
	int64_t *ids; /* into merge's ids */
};
struct merge {
	struct store *store;
	struct stretch stretches[AUDIENCE_SEGMENTS_MAX];
	int n_stretches, ahead;
	int64_t *ids; /* owned */
};

static void merge_init(struct merge *merge, struct store *store,
	const int64_t *segments, int n_segments, int64_t after, int ahead)
{
	assert(n_segments <= AUDIENCE_SEGMENTS_MAX);
	merge->store = store;
	merge->n_stretches = n_segments;
	merge->ahead = n_segments > 0 ? ahead / n_segments : 0;
	if (merge->ahead < READ_AHEAD_MIN)
		merge->ahead = READ_AHEAD_MIN;
	merge->ids = xcalloc((size_t)(n_segments + 1) * (size_t)merge->ahead,
		sizeof(*merge->ids));
	for (int i = 0; i < n_segments; i++)
		merge->stretches[i] = (struct stretch){
			.segment_id = segments[i],
			.last = after,
			.ids = merge->ids + (size_t)i * (size_t)merge->ahead,
		};
}

static void merge_fini(struct merge *merge)
{
	free(merge->ids);
	merge->ids = NULL;
}

static int stretch_fill(
	const struct merge *merge, struct stretch *stretch, struct err *err)
{
	scoped(query_close) struct query q = query_open(store_db(merge->store),
		"SELECT sm.contact_id FROM segment_member sm"
		" WHERE sm.segment_id = ? AND sm.contact_id > ?"
		" ORDER BY sm.contact_id LIMIT ?");
	int rc;

	stretch->n = stretch->at = 0;
	query_bind_int(&q, stretch->segment_id);
	query_bind_int(&q, stretch->last);
	query_bind_int(&q, merge->ahead);
	while ((rc = query_step(&q, err)) == 1)
		stretch->ids[stretch->n++] = query_int(&q);
	if (rc < 0)
		return -1;
	stretch->has_ended = stretch->n < merge->ahead;
	if (stretch->n > 0)
		stretch->last = stretch->ids[stretch->n - 1];
	return 0;
}

/* The lowest id that is next in any stretch: 1, 0 = all have ended, -1. */
static int merge_lowest(struct merge *merge, int64_t *id_out, struct err *err)
{
	int64_t lowest = INT64_MAX;

	for (int i = 0; i < merge->n_stretches; i++) {
		struct stretch *s = &merge->stretches[i];

		if (s->at == s->n && !s->has_ended &&
			stretch_fill(merge, s, err) != 0)
			return -1;
		if (s->at < s->n && s->ids[s->at] < lowest)
			lowest = s->ids[s->at];
	}
	*id_out = lowest;
	return lowest != INT64_MAX;
}

static int merge_next(struct merge *merge, int64_t *id_out, struct err *err)
{
	const int rc = merge_lowest(merge, id_out, err);

	for (int i = 0; rc == 1 && i < merge->n_stretches; i++) {
		struct stretch *s = &merge->stretches[i];

		s->at += s->at < s->n && s->ids[s->at] == *id_out;
	}
	return rc;
}

/* ---- contacts ---- */

/* A contact that has no number has left the book: nobody to write to. */
static int read_contact(struct store *store, int64_t id, audience_row_fn *row,
	void *arg, bool *stop, struct err *err)
{
	scoped(query_close) struct query q = query_open(store_db(store),
		"SELECT c.id, c.phone, c.book_name FROM contact c"
		" WHERE c.id = ? AND c.phone IS NOT NULL");
	struct audience_contact contact;
	int rc;

	query_bind_int(&q, id);
	rc = query_step(&q, err);
	if (rc != 1)
		return rc;
	contact.id = query_int(&q);
	contact.phone = query_text(&q);
	contact.name = query_text(&q);
	*stop = row(&contact, arg) != 0;
	return 0;
}

int store_audience_walk(struct store *store, const int64_t *segments,
	int n_segments, int64_t after, int limit, audience_row_fn *row,
	void *arg, int64_t *last_out, struct err *err)
{
	scoped(merge_fini) struct merge merge = { 0 };
	bool stop = false;
	int64_t id;
	int rc;

	merge_init(&merge, store, segments, n_segments, after, limit);
	*last_out = 0;
	for (int n = 0; n < limit && !stop; n++) {
		rc = merge_next(&merge, &id, err);
		if (rc != 1) {
			*last_out = 0;
			return rc;
		}
		if (read_contact(store, id, row, arg, &stop, err) != 0)
			return -1;
		*last_out = id;
	}
	return 0;
}

/* One segment knows. */
static int count_of_segment(
	struct store *store, int64_t id, int64_t *n_out, struct err *err)
{
	scoped(query_close) struct query q = query_open(
		store_db(store), "SELECT n_contacts FROM segment WHERE id = ?");

	query_bind_int(&q, id);
	if (query_one(&q, "group or tag", err) != 0)
		return -1;
	*n_out = query_int(&q);
	return 0;
}

int store_audience_count(struct store *store, const int64_t *segments,
	int n_segments, int64_t *n_out, struct err *err)
{
	scoped(merge_fini) struct merge merge = { 0 };
	int64_t id;
	int rc;

	*n_out = 0;
	if (n_segments == 1)
		return count_of_segment(store, segments[0], n_out, err);
	merge_init(&merge, store, segments, n_segments, 0, READ_AHEAD);
	while ((rc = merge_next(&merge, &id, err)) == 1)
		(*n_out)++;
	return rc;
}

/* ---- phones ---- */

static int compare_ids(const void *a, const void *b)
{
	const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

/* A contact is in few segments. */
static int is_in_any(struct store *store, int64_t contact_id,
	const int64_t *segments, int n_segments, bool *is_in_out,
	struct err *err)
{
	scoped(query_close) struct query q = query_open(store_db(store),
		"SELECT sm.segment_id FROM segment_member sm"
		" WHERE sm.contact_id = ?");
	int rc;

	*is_in_out = false;
	if (n_segments == 0)
		return 0;
	query_bind_int(&q, contact_id);
	while ((rc = query_step(&q, err)) == 1 && !*is_in_out) {
		const int64_t id = query_int(&q);

		*is_in_out = bsearch(&id, segments, (size_t)n_segments,
				     sizeof(id), compare_ids) != NULL;
	}
	return rc < 0 ? -1 : 0;
}

int store_audience_find(struct store *store, int64_t account_id,
	const char *phone, const int64_t *segments, int n_segments,
	enum audience_place *out, audience_row_fn *row, void *arg,
	struct err *err)
{
	scoped(query_close) struct query q = query_open(store_db(store),
		"SELECT c.id, c.phone, c.book_name FROM contact c"
		" WHERE c.account_id = ? AND c.phone = ? AND c.saved_ms > 0");
	struct audience_contact contact;
	bool is_in;
	int rc;

	*out = AUDIENCE_STRANGER;
	query_bind_int(&q, account_id);
	query_bind_text(&q, phone);
	rc = query_step(&q, err);
	if (rc != 1)
		return rc;
	contact.id = query_int(&q);
	contact.phone = query_text(&q);
	contact.name = query_text(&q);
	if (is_in_any(store, contact.id, segments, n_segments, &is_in, err) !=
		0)
		return -1;
	*out = is_in ? AUDIENCE_IN_SEGMENT : AUDIENCE_SAVED;
	if (!is_in)
		row(&contact, arg);
	return 0;
}
