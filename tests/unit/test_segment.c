#include "common/store/addressbook.h"

#include "tests/unit/book_fixture.h"

struct seen {
	int64_t id, n_contacts, created_ms, updated_ms;
	char names[256], description[64], color[16];
	int n;
};

static void copy(char *out, size_t room, const char *text)
{
	snprintf(out, room, "%s", text != NULL ? text : "-");
}

static int on_segment(const struct segment *segment, void *arg)
{
	struct seen *seen = arg;
	size_t n = strlen(seen->names);

	seen->n++;
	seen->id = segment->id;
	seen->n_contacts = segment->n_contacts;
	seen->created_ms = segment->created_ms;
	seen->updated_ms = segment->updated_ms;
	snprintf(
		seen->names + n, sizeof(seen->names) - n, "%s ", segment->name);
	copy(seen->description, sizeof(seen->description),
		segment->description);
	copy(seen->color, sizeof(seen->color), segment->color);
	return 0;
}

struct made {
	struct segment segment;
	char public_id[UUID_LEN];
};

static int create(struct fixture *f, struct made *made)
{
	struct tx *tx = begin(f);
	int rc;

	if (made->segment.account_id == 0)
		made->segment.account_id = f->account_id;
	id_uuid7(made->public_id);
	made->segment.public_id = made->public_id;
	rc = store_segment_create(tx, &made->segment, NOW_MS, &f->err);
	if (rc == 0)
		commit(f, tx);
	else
		tx_end(&tx);
	return rc;
}

static struct seen look(struct fixture *f, const struct made *made)
{
	struct seen seen = { 0 };

	assert_int_equal(store_segment_by_public_id(f->store,
				 made->segment.account_id, made->segment.kind,
				 made->public_id, on_segment, &seen, &f->err),
		0);
	return seen;
}

static struct seen list_kind(struct fixture *f, enum segment_kind kind,
	struct page page, int64_t *total_out)
{
	struct seen seen = { 0 };

	assert_int_equal(store_segment_list(f->store, f->account_id, kind, page,
				 on_segment, &seen, total_out, &f->err),
		0);
	return seen;
}

static int64_t size_of(struct fixture *f, int64_t id)
{
	scoped(query_close) struct query q = query_open(store_db(f->store),
		"SELECT n_contacts, (SELECT count(*) FROM segment_member"
		" WHERE segment_id = s.id) FROM segment s WHERE id = ?");
	int64_t n;

	query_bind_int(&q, id);
	assert_int_equal(query_step(&q, &f->err), 1);
	n = query_int(&q);
	assert_int_equal(n, query_int(&q)); /* kept, and true */
	return n;
}

static bool leave(struct fixture *f, int64_t segment, int64_t contact)
{
	struct tx *tx = begin(f);
	bool changed = false;

	assert_int_equal(
		store_segment_remove(tx, segment, contact, &changed, &f->err),
		0);
	commit(f, tx);
	return changed;
}

/* ---- segments ---- */

static void what_is_created_is_there(void **state)
{
	struct fixture *f = *state;
	struct made group = { .segment = { .kind = SEGMENT_GROUP,
				      .name = "VIP",
				      .description = "The best" } };
	struct made tag = { .segment = { .kind = SEGMENT_TAG,
				    .name = "Lead",
				    .color = "#22c55e" } };
	struct seen seen;

	assert_int_equal(create(f, &group), 0);
	assert_int_equal(create(f, &tag), 0);
	seen = look(f, &group);
	assert_int_equal(seen.id, group.segment.id);
	assert_string_equal(seen.names, "VIP ");
	assert_string_equal(seen.description, "The best");
	assert_string_equal(seen.color, "-");
	assert_int_equal(seen.n_contacts, 0);
	assert_int_equal(seen.created_ms, NOW_MS);
	seen = look(f, &tag);
	assert_string_equal(seen.color, "#22c55e");
	assert_string_equal(seen.description, "-");
}

static void a_name_is_taken_once_a_kind_and_account(void **state)
{
	struct fixture *f = *state;
	struct made first = { .segment = {
				      .kind = SEGMENT_GROUP, .name = "VIP" } };
	struct made same = first, tag = first, others = first;

	tag.segment.kind = SEGMENT_TAG;
	others.segment.account_id = f->other_account_id;
	assert_int_equal(create(f, &first), 0);
	assert_int_equal(create(f, &same), -1);
	assert_int_equal(f->err.code, ERR_CONFLICT);
	assert_int_equal(create(f, &tag), 0);
	assert_int_equal(create(f, &others), 0);
}

static int update(struct fixture *f, const struct made *made, const char *name,
	const char *description, const char *color)
{
	struct tx *tx = begin(f);
	int rc = store_segment_update(tx, made->segment.id, name, description,
		color, NOW_MS + 7, &f->err);

	if (rc == 0)
		commit(f, tx);
	else
		tx_end(&tx);
	return rc;
}

static void an_update_changes_what_it_names(void **state)
{
	struct fixture *f = *state;
	struct made group = { .segment = { .kind = SEGMENT_GROUP,
				      .name = "VIP",
				      .description = "The best" } };
	struct made other = { .segment = { .kind = SEGMENT_GROUP,
				      .name = "Other" } };

	assert_int_equal(create(f, &group), 0);
	assert_int_equal(create(f, &other), 0);
	assert_int_equal(update(f, &group, "Very", NULL, NULL), 0);
	assert_string_equal(look(f, &group).names, "Very ");
	assert_string_equal(look(f, &group).description, "The best");
	assert_int_equal(look(f, &group).updated_ms, NOW_MS + 7);
	assert_int_equal(update(f, &group, NULL, "", "#000000"), 0);
	assert_string_equal(look(f, &group).description, "-");
	assert_string_equal(look(f, &group).color, "#000000");
	assert_int_equal(update(f, &group, "Other", NULL, NULL), -1);
	assert_int_equal(f->err.code, ERR_CONFLICT);
	assert_int_equal(update(f, &other, "Other", NULL, NULL), 0);
	assert_string_equal(look(f, &group).names, "Very ");
}

static void kinds_and_accounts_are_apart(void **state)
{
	struct fixture *f = *state;
	struct made group = { .segment = {
				      .kind = SEGMENT_GROUP, .name = "VIP" } };
	struct seen seen = { 0 };
	int64_t total;

	assert_int_equal(create(f, &group), 0);
	assert_int_equal(
		store_segment_by_public_id(f->store, f->account_id, SEGMENT_TAG,
			group.public_id, on_segment, &seen, &f->err),
		-1);
	assert_int_equal(f->err.code, ERR_NOT_FOUND);
	assert_int_equal(store_segment_by_public_id(f->store,
				 f->other_account_id, SEGMENT_GROUP,
				 group.public_id, on_segment, &seen, &f->err),
		-1);
	assert_int_equal(f->err.code, ERR_NOT_FOUND);
	list_kind(f, SEGMENT_TAG, (struct page){ 0, 10 }, &total);
	assert_int_equal(total, 0);
}

static void lists_are_paged_newest_first(void **state)
{
	struct fixture *f = *state;
	int64_t total;
	struct seen seen;

	add_segment(f, SEGMENT_GROUP, "one");
	add_segment(f, SEGMENT_GROUP, "two");
	add_segment(f, SEGMENT_TAG, "tag");
	add_segment(f, SEGMENT_GROUP, "three");
	seen = list_kind(f, SEGMENT_GROUP, (struct page){ 1, 2 }, &total);
	assert_string_equal(seen.names, "two one ");
	assert_int_equal(total, 3);
}

/* ---- members ---- */

static void a_contact_is_in_a_segment_once(void **state)
{
	struct fixture *f = *state;
	int64_t group = add_segment(f, SEGMENT_GROUP, "VIP");
	int64_t bob = save(f, PN, "Bob").id, eve = save(f, OTHER_PN, "Eve").id;

	assert_true(join(f, group, bob));
	assert_false(join(f, group, bob));
	assert_true(join(f, group, eve));
	assert_int_equal(size_of(f, group), 2);
	assert_true(store_segment_has(f->store, group, bob));
	assert_true(leave(f, group, bob));
	assert_false(leave(f, group, bob));
	assert_int_equal(size_of(f, group), 1);
	assert_false(store_segment_has(f->store, group, bob));
	assert_true(store_segment_has(f->store, group, eve));
}

static void a_deleted_contact_leaves_its_segments(void **state)
{
	struct fixture *f = *state;
	int64_t group = add_segment(f, SEGMENT_GROUP, "VIP");
	int64_t tag = add_segment(f, SEGMENT_TAG, "Lead");
	int64_t other = add_segment(f, SEGMENT_TAG, "Other");
	struct saved bob = save(f, PN, "Bob"), eve = save(f, OTHER_PN, "Eve");
	struct tx *tx;

	join(f, group, bob.id);
	join(f, tag, bob.id);
	join(f, tag, eve.id);
	join(f, other, eve.id);
	tx = begin(f);
	assert_int_equal(store_book_delete(tx, f->account_id, bob.public_id,
				 NOW_MS, &f->err),
		0);
	commit(f, tx);
	assert_int_equal(size_of(f, group), 0);
	assert_int_equal(size_of(f, tag), 1);
	assert_int_equal(size_of(f, other), 1);
}

static void the_segments_of_a_contact_are_known(void **state)
{
	struct fixture *f = *state;
	int64_t group = add_segment(f, SEGMENT_GROUP, "VIP");
	int64_t tag = add_segment(f, SEGMENT_TAG, "Lead");
	int64_t bob = save(f, PN, "Bob").id;
	struct seen seen = { 0 };

	add_segment(f, SEGMENT_TAG, "Other");
	join(f, tag, bob);
	join(f, group, bob);
	assert_int_equal(store_segment_of_contact(
				 f->store, bob, on_segment, &seen, &f->err),
		0);
	assert_string_equal(seen.names, "VIP Lead ");
}

static void a_walk_takes_up_where_the_last_one_ended(void **state)
{
	struct fixture *f = *state;
	int64_t group = add_segment(f, SEGMENT_GROUP, "VIP");
	int64_t ids[5], after = 0;
	struct listed seen = { 0 };

	for (int i = 0; i < 5; i++) {
		char phone[24];

		snprintf(phone, sizeof(phone), "1555000%d", i);
		ids[i] = save(f, phone, NULL).id;
	}
	for (int i = 4; i >= 0; i--)
		if (i != 2)
			join(f, group, ids[i]);
	for (int i = 0; i < 5; i += 2) {
		assert_int_equal(store_segment_walk(f->store, group, after, 2,
					 on_listed, &seen, &f->err),
			0);
		after = i == 0 ? ids[1] : ids[4];
	}
	assert_string_equal(
		seen.phones, "15550000 15550001 15550003 15550004 ");
}

static void a_segment_is_deleted_in_slices(void **state)
{
	struct fixture *f = *state;
	int64_t group = add_segment(f, SEGMENT_GROUP, "VIP");
	int64_t tag = add_segment(f, SEGMENT_TAG, "Lead");
	int64_t total;
	bool gone = false;

	for (int i = 0; i < 5; i++) {
		char phone[24];
		int64_t id;

		snprintf(phone, sizeof(phone), "1555000%d", i);
		id = save(f, phone, NULL).id;
		join(f, group, id);
		join(f, tag, id);
	}
	for (int slice = 1; slice <= 3; slice++) {
		struct tx *tx = begin(f);

		assert_int_equal(
			store_segment_delete(tx, group, 2, &gone, &f->err), 0);
		commit(f, tx);
		assert_int_equal(gone, slice == 3);
		if (!gone)
			assert_int_equal(size_of(f, group), 5 - 2 * slice);
	}
	list_kind(f, SEGMENT_GROUP, (struct page){ 0, 10 }, &total);
	assert_int_equal(total, 0);
	assert_int_equal(size_of(f, tag), 5);
	assert_int_equal(number(f, "SELECT count(*) FROM segment"), 1);
	assert_int_equal(number(f, "SELECT count(*) FROM contact"), 5);
	assert_true(add_segment(f, SEGMENT_GROUP, "VIP") > 0);
}

static void deleting_what_is_not_there_is_told(void **state)
{
	struct fixture *f = *state;
	struct tx *tx = begin(f);
	bool gone;

	assert_int_equal(store_segment_delete(tx, 99, 10, &gone, &f->err), -1);
	assert_int_equal(f->err.code, ERR_NOT_FOUND);
	tx_end(&tx);
}

/* A walk for a campaign must not sort, nor look at other segments. */
static void no_question_walks_the_members(void **state)
{
	struct fixture *f = *state;
	struct listed seen = { 0 };
	struct tx *tx;
	int64_t total;
	bool gone;

	a_deleted_contact_leaves_its_segments(state);
	store_segment_walk(f->store, 1, 0, 10, on_listed, &seen, &f->err);
	store_segment_has(f->store, 1, 1);
	store_segment_of_contact(
		f->store, 1, on_segment, &(struct seen){ 0 }, &f->err);
	list_kind(f, SEGMENT_TAG, (struct page){ 0, 10 }, &total);
	leave(f, 1, 1);
	deleting_what_is_not_there_is_told(state);
	tx = begin(f);
	store_segment_delete(tx, 1, 1, &gone, &f->err);
	commit(f, tx);
	assert_true(check_plans(f, "segment") >= 12);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORE_TEST(what_is_created_is_there),
		STORE_TEST(a_name_is_taken_once_a_kind_and_account),
		STORE_TEST(an_update_changes_what_it_names),
		STORE_TEST(kinds_and_accounts_are_apart),
		STORE_TEST(lists_are_paged_newest_first),
		STORE_TEST(a_contact_is_in_a_segment_once),
		STORE_TEST(a_deleted_contact_leaves_its_segments),
		STORE_TEST(the_segments_of_a_contact_are_known),
		STORE_TEST(a_walk_takes_up_where_the_last_one_ended),
		STORE_TEST(a_segment_is_deleted_in_slices),
		STORE_TEST(deleting_what_is_not_there_is_told),
		STORE_TEST(no_question_walks_the_members),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
