#include "common/campaign_audience.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "common/campaign.h"
#include "common/err.h"
#include "common/own.h"
#include "common/store/addressbook.h"
#include "common/store/campaign_audience.h"
#include "common/store/recipient.h"

enum source { SOURCE_SEGMENTS = 0, SOURCE_PHONES = 1 };

void campaign_audience_fini(struct campaign_audience *audience)
{
	free(audience->groups);
	free(audience->tags);
	free(audience->segments);
	free(audience->phones);
	*audience = (struct campaign_audience){ 0 };
}

/* ---- sets ---- */

static int compare_ids(const void *a, const void *b)
{
	const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static int compare_phones(const void *a, const void *b)
{
	return strcmp(a, b);
}

/* Sorts, drops doubles, returns how many are left. */
static size_t make_set(void *items, size_t n, size_t size,
	int (*compare)(const void *a, const void *b))
{
	char *all = items;
	size_t kept = 0;

	if (n == 0)
		return 0;
	qsort(all, n, size, compare);
	for (size_t i = 1; i < n; i++) {
		if (compare(all + i * size, all + kept * size) == 0)
			continue;
		kept++;
		memmove(all + kept * size, all + i * size, size);
	}
	return kept + 1;
}

static void join_segments(struct campaign_audience *audience)
{
	const size_t n = audience->n_groups + audience->n_tags;

	audience->segments = xcalloc(n + 1, sizeof(*audience->segments));
	for (size_t i = 0; i < audience->n_groups; i++)
		audience->segments[i] = audience->groups[i];
	for (size_t i = 0; i < audience->n_tags; i++)
		audience->segments[audience->n_groups + i] = audience->tags[i];
	audience->n_segments = make_set(audience->segments, n,
		sizeof(*audience->segments), compare_ids);
}

/* ---- of a request ---- */

static int take_segment_id(const struct segment *segment, void *arg)
{
	*(int64_t *)arg = segment->id;
	return 0;
}

static int resolve_segments(struct store *store,
	const struct campaign_request *request, enum segment_kind kind,
	int64_t **ids_out, size_t *n_out, struct err *err)
{
	const bool is_group = kind == SEGMENT_GROUP;
	json_t *array = is_group ? request->group_ids : request->tag_ids;
	const char *member = is_group ? "contactGroupIds" : "tagIds";
	const size_t n = json_array_size(array);
	json_t *item;
	size_t i;

	if (n > CAMPAIGN_SEGMENTS_MAX)
		return err_set(err, ERR_INVALID, "%s has more than %d items",
			member, CAMPAIGN_SEGMENTS_MAX);
	*ids_out = xcalloc(n + 1, sizeof(**ids_out));
	json_array_foreach(array, i, item)
	{
		const char *id = json_string_value(item);

		if (id != NULL &&
			store_segment_by_public_id(store, request->account_id,
				kind, id, take_segment_id, &(*ids_out)[i],
				err) == 0)
			continue;
		if (id != NULL && err->code != ERR_NOT_FOUND)
			return -1;
		return err_set(err, ERR_INVALID, "%s: there is no %s %.64s",
			member, is_group ? "group" : "tag",
			id != NULL ? id : "like this");
	}
	*n_out = make_set(*ids_out, n, sizeof(**ids_out), compare_ids);
	return 0;
}

static int take_phones(
	json_t *array, struct campaign_audience *out, struct err *err)
{
	const size_t n = json_array_size(array);
	json_t *item;
	size_t i;

	if (n > CAMPAIGN_PHONES_MAX)
		return err_set(err, ERR_INVALID,
			"phoneNumbers has more than %d items",
			CAMPAIGN_PHONES_MAX);
	out->phones = xcalloc(n + 1, sizeof(*out->phones));
	json_array_foreach(array, i, item)
	{
		if (!json_is_string(item) ||
			phone_parse(json_string_value(item),
				json_string_length(item), out->phones[i]) != 0)
			return err_set(err, ERR_INVALID,
				"phoneNumbers: item %zu is no phone number", i);
	}
	out->n_phones =
		make_set(out->phones, n, sizeof(*out->phones), compare_phones);
	return 0;
}

int campaign_audience_resolve(struct store *store,
	const struct campaign_request *request, struct campaign_audience *out,
	struct err *err)
{
	*out = (struct campaign_audience){ 0 };
	if (json_array_size(request->group_ids) == 0 &&
		json_array_size(request->tag_ids) == 0 &&
		json_array_size(request->phones) == 0)
		return err_set(err, ERR_INVALID,
			"at least one of contactGroupIds, tagIds or "
			"phoneNumbers is required");
	if (resolve_segments(store, request, SEGMENT_GROUP, &out->groups,
		    &out->n_groups, err) != 0 ||
		resolve_segments(store, request, SEGMENT_TAG, &out->tags,
			&out->n_tags, err) != 0 ||
		take_phones(request->phones, out, err) != 0)
		return -1;
	join_segments(out);
	return 0;
}

/* ---- as JSON ---- */

static json_t *ids_json(const int64_t *ids, size_t n)
{
	json_t *array = json_array();

	for (size_t i = 0; i < n; i++)
		json_array_append_new(array, json_integer(ids[i]));
	return array;
}

char *campaign_audience_json(const struct campaign_audience *audience)
{
	json_t *phones = json_array(), *root;
	char *text;

	for (size_t i = 0; i < audience->n_phones; i++)
		json_array_append_new(phones, json_string(audience->phones[i]));
	root = json_pack("{s:o, s:o, s:o}", "groups",
		ids_json(audience->groups, audience->n_groups), "tags",
		ids_json(audience->tags, audience->n_tags), "phones", phones);
	text = json_dumps(root, JSON_COMPACT);
	json_decref(root);
	return text;
}

static void parse_ids(json_t *array, int64_t **ids_out, size_t *n_out)
{
	json_t *item;
	size_t i;

	*ids_out = xcalloc(json_array_size(array) + 1, sizeof(**ids_out));
	json_array_foreach(array, i, item)
	{
		(*ids_out)[i] = json_integer_value(item);
	}
	*n_out = make_set(*ids_out, json_array_size(array), sizeof(**ids_out),
		compare_ids);
}

/* What we wrote ourselves; an operator may still have had a hand in it. */
int campaign_audience_parse(
	const char *json, struct campaign_audience *out, struct err *err)
{
	json_t *root = json_loads(json, 0, NULL);
	int rc;

	*out = (struct campaign_audience){ 0 };
	if (root == NULL)
		return err_set(err, ERR_INTERNAL, "audience is no JSON");
	parse_ids(
		json_object_get(root, "groups"), &out->groups, &out->n_groups);
	parse_ids(json_object_get(root, "tags"), &out->tags, &out->n_tags);
	rc = take_phones(json_object_get(root, "phones"), out, err);
	json_decref(root);
	join_segments(out);
	if (out->n_segments > AUDIENCE_SEGMENTS_MAX)
		return err_set(err, ERR_INTERNAL, "audience of %zu segments",
			out->n_segments);
	return rc;
}

/* ---- counting ---- */

static int no_row(const struct audience_contact *contact, void *arg)
{
	(void)contact;
	(void)arg;
	return 0;
}

int campaign_audience_count(struct store *store, int64_t account_id,
	const struct campaign_audience *audience, int64_t *n_out,
	struct err *err)
{
	if (store_audience_count(store, audience->segments,
		    (int)audience->n_segments, n_out, err) != 0)
		return -1;
	for (size_t i = 0; i < audience->n_phones; i++) {
		enum audience_place place;

		if (store_audience_find(store, account_id, audience->phones[i],
			    audience->segments, (int)audience->n_segments,
			    &place, no_row, NULL, err) != 0)
			return -1;
		*n_out += place != AUDIENCE_IN_SEGMENT;
	}
	return 0;
}

/* ---- recipients ---- */

struct writing {
	struct tx *tx;
	const struct campaign *campaign;
	int n_lanes;
	int64_t position;
	struct err *err;
	bool has_failed;
};

static int add(struct writing *writing, int64_t contact_id, const char *phone,
	const char *name)
{
	return store_recipient_add(writing->tx, writing->campaign->id,
		writing->position++, writing->n_lanes, contact_id, phone, name,
		writing->err);
}

static int add_contact(const struct audience_contact *contact, void *arg)
{
	struct writing *writing = arg;

	if (add(writing, contact->id, contact->phone, contact->name) == 0)
		return 0;
	writing->has_failed = true;
	return 1;
}

static int write_segments(struct writing *writing,
	const struct campaign_audience *audience, int limit,
	struct campaign_progress *progress)
{
	int64_t last;

	if (store_audience_walk(tx_store(writing->tx), audience->segments,
		    (int)audience->n_segments, progress->after, limit,
		    add_contact, writing, &last, writing->err) != 0 ||
		writing->has_failed)
		return -1;
	progress->after = last;
	if (last == 0)
		progress->source = SOURCE_PHONES;
	return 0;
}

/* One who is saved is called by name; one who is in a segment has a place
 * already. */
static int write_phone(struct writing *writing,
	const struct campaign_audience *audience, const char *phone)
{
	enum audience_place place;

	if (store_audience_find(tx_store(writing->tx),
		    writing->campaign->account_id, phone, audience->segments,
		    (int)audience->n_segments, &place, add_contact, writing,
		    writing->err) != 0 ||
		writing->has_failed)
		return -1;
	return place == AUDIENCE_STRANGER ? add(writing, 0, phone, NULL) : 0;
}

static int write_phones(struct writing *writing,
	const struct campaign_audience *audience, int limit,
	struct campaign_progress *progress)
{
	const size_t n = audience->n_phones;
	size_t i = (size_t)progress->after;

	for (int taken = 0; i < n && taken < limit; i++, taken++) {
		if (write_phone(writing, audience, audience->phones[i]) != 0)
			return -1;
	}
	progress->after = (int64_t)i;
	if (i >= n)
		progress->source = CAMPAIGN_BUILT;
	return 0;
}

int campaign_audience_write(struct tx *tx, const struct campaign *campaign,
	const struct campaign_audience *audience, int n_lanes, int limit,
	struct campaign_progress *progress, struct err *err)
{
	struct writing writing = { .tx = tx,
		.campaign = campaign,
		.n_lanes = n_lanes,
		.position = progress->position,
		.err = err };
	int rc;

	if (progress->source == SOURCE_SEGMENTS)
		rc = write_segments(&writing, audience, limit, progress);
	else
		rc = write_phones(&writing, audience, limit, progress);
	if (rc != 0 || store_recipient_added(tx, campaign->id,
			       writing.position - progress->position, err) != 0)
		return -1;
	progress->position = writing.position;
	return 0;
}
