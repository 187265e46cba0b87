#include "apid/segments.h"

#include <ctype.h>
#include <string.h>

#include "apid/request.h"
#include "common/clock.h"
#include "common/own.h"

#define DEFAULT_COLOR "#6366f1"
/* Members that go in one transaction: about 5 ms. */
#define DELETE_SLICE 500

static enum segment_kind kind_of(const struct request *request)
{
	static const char tags[] = SEGMENTS_TAGS_PATH;

	return strncmp(request->endpoint->path, tags, sizeof(tags) - 1) == 0
		       ? SEGMENT_TAG
		       : SEGMENT_GROUP;
}

/* ---- finding by id ---- */

static int take_segment_id(const struct segment *segment, void *arg)
{
	*(int64_t *)arg = segment->id;
	return 0;
}

int segments_find(struct store *store, int64_t account_id,
	enum segment_kind kind, const char *public_id, int64_t *id_out,
	struct err *err)
{
	if (store_segment_by_public_id(store, account_id, kind, public_id,
		    take_segment_id, id_out, err) == 0)
		return 0;
	if (err->code != ERR_NOT_FOUND)
		return -1;
	return err_set(err, ERR_NOT_FOUND, "%s %s not found",
		kind == SEGMENT_GROUP ? "Group" : "Tag", public_id);
}

/* That of the path. */
static int find_asked(struct request *request, struct store *store,
	int64_t *id_out, struct err *err)
{
	return segments_find(store, request->account_id, kind_of(request),
		request_text(request, "id"), id_out, err);
}

static int take_contact_id(const struct book_contact *contact, void *arg)
{
	*(int64_t *)arg = contact->id;
	return 0;
}

static int find_contact(struct tx *tx, int64_t account_id,
	const char *public_id, int64_t *id_out, struct err *err)
{
	if (store_book_by_public_id(tx_store(tx), account_id, public_id,
		    take_contact_id, id_out, err) == 0)
		return 0;
	if (err->code != ERR_NOT_FOUND)
		return -1;
	return err_set(err, ERR_NOT_FOUND, "Contact %s not found", public_id);
}

/* ---- what is shown ---- */

static json_t *render(const struct segment *segment)
{
	bool is_tag = segment->kind == SEGMENT_TAG;

	return json_pack("{s:s, s:o, s:o, s:I, s:o, s:o}", "id",
		segment->public_id, "name", json_text(segment->name),
		is_tag ? "color" : "description",
		json_text(is_tag ? segment->color : segment->description),
		"contactCount", (json_int_t)segment->n_contacts, "createdAt",
		json_time(segment->created_ms), "updatedAt",
		json_time(segment->updated_ms));
}

static int add_segment(const struct segment *segment, void *arg)
{
	json_array_append_new(arg, render(segment));
	return 0;
}

static int set_segment(const struct segment *segment, void *arg)
{
	struct request *request = arg;

	json_decref(request->reply);
	request->reply = render(segment);
	return 0;
}

static int show(
	struct request *request, struct tx *tx, const char *id, struct err *err)
{
	return store_segment_by_public_id(tx_store(tx), request->account_id,
		kind_of(request), id, set_segment, request, err);
}

static int add_member(const struct book_contact *contact, void *arg)
{
	json_array_append_new(
		arg, json_pack("{s:s, s:o, s:o}", "id", contact->public_id,
			     "name", json_text(contact->name), "phone",
			     json_phone(contact->phone)));
	return 0;
}

/* ---- one and all ---- */

int segments_list(struct request *request, struct err *err)
{
	json_t *data = json_array();
	int64_t total = 0;
	int number;
	struct page page =
		request_whole_page(request, SEGMENTS_PAGE_MAX, &number);

	request->reply = json_pack("{s:o, s:i, s:i, s:i}", "data", data,
		"total", 0, "page", number, "limit", page.limit);
	if (store_segment_list(request->store, request->account_id,
		    kind_of(request), page, add_segment, data, &total,
		    err) != 0)
		return -1;
	json_object_set_new(request->reply, "total", json_integer(total));
	return 0;
}

static int put_members(struct request *request, int64_t id, struct err *err)
{
	struct book_filter filter = { .account_id = request->account_id,
		.group_id = id };
	json_t *contacts = json_array();
	int64_t total;
	int number;
	struct page page =
		request_whole_page(request, SEGMENT_CONTACTS_MAX, &number);

	json_object_set_new(request->reply, "contacts", contacts);
	json_object_set_new(request->reply, "page", json_integer(number));
	json_object_set_new(request->reply, "limit", json_integer(page.limit));
	return store_book_list(request->store, &filter, page, add_member,
		contacts, &total, err);
}

static int read_segment(struct request *request, struct err *err)
{
	int64_t id;

	if (find_asked(request, request->store, &id, err) != 0 ||
		store_segment_by_public_id(request->store, request->account_id,
			kind_of(request), request_text(request, "id"),
			set_segment, request, err) != 0)
		return -1;
	return put_members(request, id, err);
}

/* The count and the members are of one moment. */
int segments_get(struct request *request, struct err *err)
{
	int rc;

	store_read_begin(request->store);
	rc = read_segment(request, err);
	store_read_end(request->store);
	return rc;
}

/* "#6366F1" and "#6366f1" are one colour.  NULL: none was given. */
static const char *take_color(
	const struct request *request, char out[sizeof(DEFAULT_COLOR)])
{
	const char *color = request_text(request, "color");

	if (color == NULL)
		return NULL;
	for (size_t i = 0; i < sizeof(DEFAULT_COLOR); i++)
		out[i] = (char)tolower((unsigned char)color[i]);
	return out;
}

int segments_update(struct request *request, struct tx *tx, struct err *err)
{
	char color[sizeof(DEFAULT_COLOR)];
	int64_t id;

	if (find_asked(request, tx_store(tx), &id, err) != 0 ||
		store_segment_update(tx, id, request_text(request, "name"),
			request_text(request, "description"),
			take_color(request, color), clock_now_ms(), err) != 0)
		return -1;
	return show(request, tx, request_text(request, "id"), err);
}

/* ---- members ---- */

typedef int change_fn(struct tx *tx, int64_t segment_id, int64_t contact_id,
	bool *changed, struct err *err);

/* All of contactIds or, when one of them is unknown, none. */
static int change_members(struct request *request, struct tx *tx, int64_t id,
	change_fn *change, int *n_out, struct err *err)
{
	const json_t *contacts = request_arg(request, "contactIds")->json;
	json_t *contact;
	size_t i;

	*n_out = 0;
	json_array_foreach((json_t *)contacts, i, contact)
	{
		int64_t contact_id;
		bool changed;

		if (find_contact(tx, request->account_id,
			    json_string_value(contact), &contact_id,
			    err) != 0 ||
			change(tx, id, contact_id, &changed, err) != 0)
			return -1;
		*n_out += changed;
	}
	return 0;
}

int segments_create(struct request *request, struct tx *tx, struct err *err)
{
	char public_id[UUID_LEN], color[sizeof(DEFAULT_COLOR)];
	const char *description = request_text(request, "description");
	struct segment segment = { .public_id = public_id,
		.account_id = request->account_id,
		.kind = kind_of(request),
		.name = request_text(request, "name") };
	int n;

	id_uuid7(public_id);
	if (description != NULL && description[0] != '\0')
		segment.description = description;
	if (segment.kind == SEGMENT_TAG)
		segment.color = take_color(request, color);
	if (segment.kind == SEGMENT_TAG && segment.color == NULL)
		segment.color = DEFAULT_COLOR;
	if (store_segment_create(tx, &segment, clock_now_ms(), err) != 0 ||
		change_members(request, tx, segment.id, store_segment_add, &n,
			err) != 0)
		return -1;
	return show(request, tx, public_id, err);
}

static int change_asked(struct request *request, struct tx *tx,
	change_fn *change, const char *word, struct err *err)
{
	int64_t id;
	int n;

	if (find_asked(request, tx_store(tx), &id, err) != 0 ||
		change_members(request, tx, id, change, &n, err) != 0)
		return -1;
	request->reply = json_pack("{s:i}", word, n);
	return 0;
}

int segments_add(struct request *request, struct tx *tx, struct err *err)
{
	return change_asked(request, tx, store_segment_add, "added", err);
}

int segments_remove(struct request *request, struct tx *tx, struct err *err)
{
	return change_asked(request, tx, store_segment_remove, "removed", err);
}

/* ---- deleting: a slice a transaction, so that sends find room between ---- */

static int delete_slice(struct request *request, struct tx *tx, struct err *err)
{
	bool gone;
	int64_t id;

	if (find_asked(request, tx_store(tx), &id, err) != 0 ||
		store_segment_delete(tx, id, DELETE_SLICE, &gone, err) != 0)
		return -1;
	if (gone)
		request->reply = json_pack("{s:b}", "deleted", 1);
	return 0;
}

static void after_slice(struct request *request)
{
	struct err err = ERR_NONE;

	if (request->reply != NULL)
		request_finish(request);
	else if (request_write(request, delete_slice, after_slice, &err) != 0)
		request_fail(request, &err);
}

int segments_delete(struct request *request, struct err *err)
{
	return request_write(request, delete_slice, after_slice, err);
}
