#include "apid/book.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "apid/limits.h"
#include "apid/request.h"
#include "apid/segments.h"
#include "common/clock.h"
#include "common/own.h"
#include "common/plan.h"
#include "common/store/addressbook.h"

/* ---- what is shown ---- */

static json_t *fields_json(const char *fields)
{
	json_t *json = fields != NULL ? json_loads(fields, 0, NULL) : NULL;

	return json != NULL ? json : json_object();
}

static json_t *render(const struct book_contact *contact)
{
	return json_pack("{s:s, s:o, s:o, s:o, s:o, s:o}", "id",
		contact->public_id, "phone", json_phone(contact->phone), "name",
		json_text(contact->name), "fields",
		fields_json(contact->fields), "createdAt",
		json_time(contact->saved_ms), "updatedAt",
		json_time(contact->updated_ms));
}

static int add_contact(const struct book_contact *contact, void *arg)
{
	json_array_append_new(arg, render(contact));
	return 0;
}

/* One contact, as the answer. */
struct shown {
	struct request *request;
	int64_t id;
};

static int on_shown(const struct book_contact *contact, void *arg)
{
	struct shown *shown = arg;

	shown->id = contact->id;
	json_decref(shown->request->reply);
	shown->request->reply = render(contact);
	return 0;
}

static int add_segment(const struct segment *segment, void *arg)
{
	const char *name =
		segment->kind == SEGMENT_GROUP ? "groupIds" : "tagIds";

	json_array_append_new(
		json_object_get(arg, name), json_string(segment->public_id));
	return 0;
}

/* With its groups and tags. */
static int show(struct request *request, struct store *store,
	const char *public_id, struct err *err)
{
	struct shown shown = { .request = request };

	if (store_book_by_public_id(store, request->account_id, public_id,
		    on_shown, &shown, err) != 0)
		return -1;
	json_object_set_new(request->reply, "groupIds", json_array());
	json_object_set_new(request->reply, "tagIds", json_array());
	return store_segment_of_contact(
		store, shown.id, add_segment, request->reply, err);
}

/* ---- what is given ---- */

static bool is_field_name(const char *name)
{
	if (!isalpha((unsigned char)name[0]) && name[0] != '_')
		return false;
	for (size_t i = 0; name[i] != '\0'; i++) {
		if (i >= BOOK_FIELD_NAME_MAX ||
			(!isalnum((unsigned char)name[i]) &&
				strchr("_.-", name[i]) == NULL))
			return false;
	}
	return true;
}

static size_t count_characters(const char *text)
{
	size_t n = 0;

	for (; *text != '\0'; text++)
		n += ((unsigned char)*text & 0xC0) != 0x80;
	return n;
}

static int check_fields(const json_t *fields, struct err *err)
{
	const char *name;
	json_t *value;

	if (!json_is_object(fields))
		return err_set(err, ERR_INVALID, "fields must be an object");
	if (json_object_size(fields) > BOOK_FIELDS_MAX)
		return err_set(err, ERR_INVALID,
			"fields must not have more than %d members",
			BOOK_FIELDS_MAX);
	json_object_foreach((json_t *)fields, name, value)
	{
		if (!is_field_name(name))
			return err_set(err, ERR_INVALID,
				"names of fields must be letters, digits, "
				"'_', '.' and '-', at most %d, and begin with "
				"a letter or '_'",
				BOOK_FIELD_NAME_MAX);
		if (!json_is_string(value) ||
			count_characters(json_string_value(value)) >
				BOOK_FIELD_VALUE_MAX)
			return err_set(err, ERR_INVALID,
				"fields.%s must be a text of at most %d "
				"characters",
				name, BOOK_FIELD_VALUE_MAX);
	}
	return 0;
}

/* @fields_out is what entry_out->fields borrows. */
static int take_entry(struct request *request, struct book_entry *entry_out,
	char **fields_out, struct err *err)
{
	const struct arg *phone = request_arg(request, "phone");
	const struct arg *fields = request_arg(request, "fields");

	if (fields->is_set && check_fields(fields->json, err) != 0)
		return -1;
	if (fields->is_set)
		*fields_out = json_dumps(fields->json, JSON_COMPACT);
	*entry_out = (struct book_entry){
		.account_id = request->account_id,
		.phone = phone->is_set ? phone->phone : NULL,
		.name = request_text(request, "name"),
		.fields = *fields_out,
	};
	return 0;
}

/* ---- handlers ---- */

/* A group or tag that does not exist has no contacts: *@is_empty. */
static int take_filter(struct request *request, const char *name,
	enum segment_kind kind, int64_t *id_out, bool *is_empty,
	struct err *err)
{
	const char *public_id = request_text(request, name);

	if (public_id == NULL ||
		segments_find(request->store, request->account_id, kind,
			public_id, id_out, err) == 0)
		return 0;
	*is_empty = err->code == ERR_NOT_FOUND;
	return *is_empty ? 0 : -1;
}

int book_list(struct request *request, struct err *err)
{
	struct book_filter filter = { .account_id = request->account_id,
		.search = request_text(request, "search") };
	json_t *data = json_array();
	bool is_empty = false;
	int64_t total = 0;
	int number;
	struct page page = request_page(request, &number);

	request->reply = json_pack("{s:o, s:i, s:i, s:i}", "data", data,
		"total", 0, "page", number, "limit", page.limit);
	if (take_filter(request, "groupId", SEGMENT_GROUP, &filter.group_id,
		    &is_empty, err) != 0 ||
		take_filter(request, "tagId", SEGMENT_TAG, &filter.tag_id,
			&is_empty, err) != 0)
		return -1;
	if (is_empty)
		return 0;
	if (store_book_list(request->store, &filter, page, add_contact, data,
		    &total, err) != 0)
		return -1;
	json_object_set_new(request->reply, "total", json_integer(total));
	return 0;
}

static int join(struct request *request, struct tx *tx, const char *name,
	enum segment_kind kind, int64_t contact_id, struct err *err)
{
	json_t *ids = request_arg(request, name)->json;
	json_t *id;
	size_t i;

	json_array_foreach(ids, i, id)
	{
		int64_t segment_id;
		bool changed;

		if (segments_find(tx_store(tx), request->account_id, kind,
			    json_string_value(id), &segment_id, err) != 0 ||
			store_segment_add(
				tx, segment_id, contact_id, &changed, err) != 0)
			return -1;
	}
	return 0;
}

int book_create(struct request *request, struct tx *tx, struct err *err)
{
	scoped(str_free) char *fields = NULL;
	const int64_t now_ms = clock_now_ms();
	char public_id[UUID_LEN];
	struct plan_refusal refusal;
	struct book_entry entry;
	int64_t id;

	if (take_entry(request, &entry, &fields, err) != 0)
		return -1;
	if (plan_check(tx_store(tx), request->apid->config, request->account_id,
		    PLAN_CONTACTS, 1, now_ms, &refusal, err) != 0)
		return limits_render_plan(request, &refusal, err);
	if (store_book_create(tx, &entry, now_ms, &id, public_id, err) != 0 ||
		join(request, tx, "groupIds", SEGMENT_GROUP, id, err) != 0 ||
		join(request, tx, "tagIds", SEGMENT_TAG, id, err) != 0)
		return -1;
	return show(request, tx_store(tx), public_id, err);
}

int book_get(struct request *request, struct err *err)
{
	return show(request, request->store, request_text(request, "id"), err);
}

int book_update(struct request *request, struct tx *tx, struct err *err)
{
	scoped(str_free) char *fields = NULL;
	const char *id = request_text(request, "id");
	struct book_entry entry;

	if (take_entry(request, &entry, &fields, err) != 0 ||
		store_book_update(tx, id, &entry, clock_now_ms(), err) != 0)
		return -1;
	return show(request, tx_store(tx), id, err);
}

int book_delete(struct request *request, struct tx *tx, struct err *err)
{
	if (store_book_delete(tx, request->account_id,
		    request_text(request, "id"), clock_now_ms(), err) != 0)
		return -1;
	request->reply = json_pack("{s:b}", "deleted", 1);
	return 0;
}
