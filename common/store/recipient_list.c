/* The list of a campaign's recipients.
 *
 * It has three sections: those who wait, in queue order; those who were sent
 * to, by when; those who failed, by when.  Each status has its stretch of one
 * index in its own order, so a section is a merge of at most three walks, and
 * the counts tell which sections a page touches and from which end it is
 * nearer. */
#include "common/store/recipient.h"

#include <stdlib.h>

#include "common/err.h"
#include "common/own.h"
#include "common/store/campaign_impl.h"
#include "common/store/store_impl.h"

#define STRETCH(status)                      \
	"SELECT sort_key, id FROM recipient" \
	" WHERE campaign_id = ?1 AND status = " status
#define WAITING STRETCH("1") " UNION ALL " STRETCH("2")
#define SENT STRETCH("3") " UNION ALL " STRETCH("4") " UNION ALL " STRETCH("5")
#define UP " ORDER BY 1, 2 LIMIT ?2 OFFSET ?3"
#define DOWN " ORDER BY 1 DESC, 2 DESC LIMIT ?2 OFFSET ?3"

struct walk {
	const char *up, *down;
};
struct section {
	struct walk walk;
	int64_t n;
};

/* ---- which sections ---- */

#define WALK(select)                   \
	{                              \
		select UP, select DOWN \
	}
static const struct walk walk_waiting = WALK(WAITING);
static const struct walk walk_sent = WALK(SENT);
static const struct walk walks[] = {
	[RECIPIENT_PENDING] = WALK(STRETCH("1")),
	[RECIPIENT_QUEUED] = WALK(STRETCH("2")),
	[RECIPIENT_SENT] = WALK(STRETCH("3")),
	[RECIPIENT_DELIVERED] = WALK(STRETCH("4")),
	[RECIPIENT_READ] = WALK(STRETCH("5")),
	[RECIPIENT_FAILED] = WALK(STRETCH("6")),
};

static int64_t count_of(
	const struct campaign_counts *n, enum recipient_status status)
{
	switch (status) {
	case RECIPIENT_PENDING:
		return n->pending;
	case RECIPIENT_QUEUED:
		return n->queued;
	case RECIPIENT_SENT:
		return n->sent;
	case RECIPIENT_DELIVERED:
		return n->delivered;
	case RECIPIENT_READ:
		return n->read;
	case RECIPIENT_FAILED:
		return n->failed;
	}
	return 0;
}

/* A merge only where there is something to merge: one stretch is walked many
 * times faster. */
static struct section section_of(const struct campaign_counts *n,
	enum recipient_status first, enum recipient_status last,
	const struct walk *merged)
{
	struct section section = { .walk = walks[first] };

	for (enum recipient_status s = first; s <= last; s++) {
		if (count_of(n, s) == 0)
			continue;
		section.walk = section.n == 0 ? walks[s] : *merged;
		section.n += count_of(n, s);
	}
	return section;
}

static int sections_of(const struct campaign_counts *n,
	enum recipient_status status, struct section out[3])
{
	const struct section waiting = section_of(
		n, RECIPIENT_PENDING, RECIPIENT_QUEUED, &walk_waiting);

	out[0] = waiting;
	if (status == RECIPIENT_PENDING || status == RECIPIENT_QUEUED)
		return 1;
	if (status != 0) {
		out[0] = section_of(n, status, status, NULL);
		return 1;
	}
	out[1] = section_of(n, RECIPIENT_SENT, RECIPIENT_READ, &walk_sent);
	out[2] = section_of(n, RECIPIENT_FAILED, RECIPIENT_FAILED, NULL);
	return 3;
}

/* ---- the ids of a page ---- */

struct id_page {
	int64_t *ids; /* owned; room for the page's limit */
	int n;
};

static int read_ids(struct query *q, int64_t campaign_id, int64_t limit,
	int64_t offset, struct id_page *out, struct err *err)
{
	int rc;

	query_bind_int(q, campaign_id);
	query_bind_int(q, limit);
	query_bind_int(q, offset);
	while ((rc = query_step(q, err)) == 1) {
		(void)query_int(q);
		out->ids[out->n++] = query_int(q);
	}
	return rc;
}

static void reverse(int64_t *ids, int n)
{
	for (int i = 0; i < n / 2; i++) {
		const int64_t id = ids[i];

		ids[i] = ids[n - 1 - i];
		ids[n - 1 - i] = id;
	}
}

/* @offset and @limit lie within the section. */
static int read_section(struct store *store, int64_t campaign_id,
	const struct section *section, int64_t offset, int64_t limit,
	struct id_page *out, struct err *err)
{
	const int64_t behind = section->n - offset - limit;
	const bool is_near_end = behind < offset;
	const int first = out->n;
	scoped(query_close) struct query q = query_open(store_db(store),
		is_near_end ? section->walk.down : section->walk.up);

	if (read_ids(&q, campaign_id, limit, is_near_end ? behind : offset, out,
		    err) != 0)
		return -1;
	if (is_near_end)
		reverse(out->ids + first, out->n - first);
	return 0;
}

static int read_sections(struct store *store, int64_t campaign_id,
	const struct section *sections, int n_sections, struct page page,
	struct id_page *out, struct err *err)
{
	int64_t offset = page.offset, left = page.limit;

	for (int i = 0; i < n_sections && left > 0; i++) {
		const int64_t here = sections[i].n - offset;
		const int64_t take = here < left ? here : left;

		if (take <= 0) {
			offset -= sections[i].n;
			continue;
		}
		if (read_section(store, campaign_id, &sections[i], offset, take,
			    out, err) != 0)
			return -1;
		offset = 0;
		left -= take;
	}
	return 0;
}

/* ---- their rows ---- */

/* 1 when @row stopped. */
static int read_row(struct store *store, int64_t id, recipient_row_fn *row,
	void *arg, struct err *err)
{
	scoped(query_close) struct query q =
		query_open(store_db(store), RECIPIENT_SELECT " WHERE r.id = ?");
	struct recipient_row recipient;
	int rc;

	query_bind_int(&q, id);
	rc = query_step(&q, err);
	if (rc != 1)
		return rc;
	recipient = recipient_from_row(&q);
	return row(&recipient, arg) != 0;
}

static int read_rows(struct store *store, const struct id_page *ids,
	recipient_row_fn *row, void *arg, struct err *err)
{
	int rc;

	for (int i = 0; i < ids->n; i++) {
		rc = read_row(store, ids->ids[i], row, arg, err);
		if (rc != 0)
			return rc < 0 ? -1 : 0;
	}
	return 0;
}

int store_recipient_list(struct store *store, int64_t campaign_id,
	enum recipient_status status, struct page page, recipient_row_fn *row,
	void *arg, int64_t *total_out, struct err *err)
{
	struct campaign_counts counts;
	struct section sections[3];
	struct id_page ids = { 0 };
	int n_sections, rc;

	if (campaign_tally_get(store, campaign_id, &counts, err) != 0)
		return -1;
	n_sections = sections_of(&counts, status, sections);
	*total_out = 0;
	for (int i = 0; i < n_sections; i++)
		*total_out += sections[i].n;
	ids.ids = xcalloc((size_t)page.limit, sizeof(*ids.ids));
	rc = read_sections(
		store, campaign_id, sections, n_sections, page, &ids, err);
	if (rc == 0)
		rc = read_rows(store, &ids, row, arg, err);
	free(ids.ids);
	return rc;
}
