/* Rows into the address book, a transaction a step. */
#include "apid/import_book.h"

#include "tests/unit/book_fixture.h"

#include <sys/mman.h>

#include "apid/import.h"
#include "common/config.h"
#include "common/media/table.h"
#include "common/store/usage.h"

#define FREE_CONTACTS 3

struct import_case {
	struct fixture *f; /* borrowed */
	struct config config;
	char segment_uid[UUID_LEN];
	int64_t segment_id;
	int fd;
	struct import_book *book;
};

static int on_segment(const struct segment *segment, void *arg)
{
	struct import_case *c = arg;

	memcpy(c->segment_uid, segment->public_id, UUID_LEN);
	return 0;
}

/* @text is the whole table. */
static void case_open(
	struct import_case *c, struct fixture *f, const char *text)
{
	int64_t total;

	*c = (struct import_case){ .f = f };
	c->config.plans[0] = (struct plan){ -1, -1, FREE_CONTACTS, -1, true };
	c->segment_id = add_segment(f, SEGMENT_GROUP, "Group");
	assert_int_equal(
		store_segment_list(f->store, f->account_id, SEGMENT_GROUP,
			(struct page){ 0, 1 }, on_segment, c, &total, &f->err),
		0);
	c->fd = memfd_create("table", MFD_CLOEXEC);
	assert_int_equal(
		write(c->fd, text, strlen(text)), (ssize_t)strlen(text));
	assert_int_equal(import_book_open(&c->config, f->path,
				 &(struct import_target){ f->account_id,
					 SEGMENT_GROUP, c->segment_uid },
				 c->fd, &c->book, &f->err),
		0);
}

static void case_close(struct import_case *c)
{
	import_book_free(&c->book);
	close(c->fd);
}

static const struct import_tally *run(struct import_case *c)
{
	for (bool is_over = false; !is_over;)
		assert_int_equal(
			import_book_step(c->book, &is_over, &c->f->err), 0);
	return import_book_tally(c->book);
}

/* The fixture's account has no plan of ours until then. */
static void set_plan(struct fixture *f, const char *plan)
{
	struct tx *tx = begin(f);

	assert_int_equal(
		store_usage_set_plan(tx, f->account_id, plan, &f->err), 0);
	commit(f, tx);
}

static const char *error_at(const struct import_tally *tally, size_t i)
{
	return json_string_value(
		json_object_get(json_array_get(tally->errors, i), "message"));
}

static void new_and_saved_contacts_become_members(void **state)
{
	const struct import_tally *tally;
	struct import_case c;

	save(*state, "15550000001", "old name");
	case_open(&c, *state,
		"[1,\"phone\",\"name\"]\n[2,\"15550000001\",\"new name\"]\n"
		"[3,\"15550000002\",\"B\"]\n[9,\"x\"]\n");
	set_plan(c.f, "UNLIMITED");
	tally = run(&c);
	assert_int_equal(tally->created, 1);
	assert_int_equal(tally->linked, 1);
	assert_int_equal(tally->n_errors, 1);
	assert_int_equal(number(c.f, "SELECT n_contacts FROM segment"), 2);
	assert_int_equal(number(c.f, "SELECT count(*) FROM contact WHERE "
				     "book_name = 'new name'"),
		1);
	case_close(&c);
}

static void many_rows_take_several_transactions(void **state)
{
	scoped(buf_fini) struct buf text = BUF_INIT;
	struct import_case c;
	bool is_over = false;
	int n_steps = 0;

	for (unsigned i = 1; i <= 2500; i++)
		buf_printf(&text, "[%u,\"1555%07u\"]\n", i, i);
	case_open(&c, *state, buf_cstr(&text));
	set_plan(c.f, "UNLIMITED");
	while (!is_over) {
		const int64_t before =
			number(c.f, "SELECT n_contacts FROM segment");

		assert_int_equal(
			import_book_step(c.book, &is_over, &c.f->err), 0);
		assert_true(number(c.f, "SELECT n_contacts FROM segment") -
				    before <=
			    1000);
		n_steps++;
	}
	assert_true(n_steps >= 3);
	assert_int_equal(number(c.f, "SELECT n_contacts FROM segment"), 2500);
	case_close(&c);
}

static void a_segment_that_goes_ends_the_import(void **state)
{
	scoped(buf_fini) struct buf text = BUF_INIT;
	struct import_case c;
	bool is_over = false, gone = false;

	for (unsigned i = 1; i <= 1500; i++)
		buf_printf(&text, "[%u,\"1555%07u\"]\n", i, i);
	case_open(&c, *state, buf_cstr(&text));
	set_plan(c.f, "UNLIMITED");
	assert_int_equal(import_book_step(c.book, &is_over, &c.f->err), 0);
	while (!gone) {
		struct tx *tx = begin(c.f);

		assert_int_equal(store_segment_delete(tx, c.segment_id, 1000,
					 &gone, &c.f->err),
			0);
		commit(c.f, tx);
	}
	assert_int_equal(import_book_step(c.book, &is_over, &c.f->err), -1);
	assert_int_equal(c.f->err.code, ERR_NOT_FOUND);
	assert_int_equal(number(c.f, "SELECT count(*) FROM segment_member"), 0);
	case_close(&c);
}

static void what_the_plan_has_no_room_for_is_an_error(void **state)
{
	const struct import_tally *tally;
	struct import_case c;

	save(*state, "15550000001", NULL);
	case_open(&c, *state,
		"[1,\"15550000002\"]\n[2,\"15550000003\"]\n"
		"[3,\"15550000004\"]\n[4,\"15550000001\"]\n"
		"[5,\"15550000005\"]\n");
	set_plan(c.f, "STARTER");
	tally = run(&c);
	assert_int_equal(tally->created, 2);
	assert_int_equal(tally->linked, 1);
	assert_int_equal(tally->n_over_plan, 2);
	assert_int_equal(tally->n_errors, 2);
	assert_int_equal(
		strncmp(error_at(tally, 0), "PLAN_LIMIT_EXCEEDED: ", 21), 0);
	assert_int_equal(tally->refusal.limit, FREE_CONTACTS);
	assert_int_equal(tally->refusal.used, FREE_CONTACTS);
	case_close(&c);
}

static void errors_are_listed_up_to_a_number(void **state)
{
	scoped(buf_fini) struct buf text = BUF_INIT;
	const struct import_tally *tally;
	struct import_case c;

	buf_add_str(&text, "[1,\"phone\"]\n");
	for (unsigned i = 2; i <= IMPORT_ERRORS_MAX + 500; i++)
		buf_printf(&text, "[%u,\"no\"]\n", i);
	case_open(&c, *state, buf_cstr(&text));
	tally = run(&c);
	assert_int_equal(tally->n_errors, IMPORT_ERRORS_MAX + 499);
	assert_int_equal(json_array_size(tally->errors), IMPORT_ERRORS_MAX);
	case_close(&c);
}

static void a_table_without_sense_is_refused(void **state)
{
	static const struct {
		const char *text, *why;
	} tables[] = { { "", "The file has no rows" },
		{ "[1,\"name\"]\n[2,\"Ana\"]\n", NULL },
		{ "[1,\"phone\"]\n[1,\"again\"]\n",
			"The file could not be read" },
		{ "garbage", "The file could not be read" } };

	for (size_t i = 0; i < ARRAY_LEN(tables); i++) {
		struct import_case c;
		bool is_over = false;
		int64_t id;
		bool gone;
		struct tx *tx;

		case_open(&c, *state, tables[i].text);
		assert_int_equal(
			import_book_step(c.book, &is_over, &c.f->err), -1);
		assert_int_equal(c.f->err.code, ERR_INVALID);
		if (tables[i].why != NULL)
			assert_string_equal(c.f->err.msg, tables[i].why);
		id = c.segment_id;
		case_close(&c);
		tx = begin(*state);
		assert_int_equal(
			store_segment_delete(tx, id, 10, &gone, &c.f->err), 0);
		commit(*state, tx);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORE_TEST(new_and_saved_contacts_become_members),
		STORE_TEST(many_rows_take_several_transactions),
		STORE_TEST(a_segment_that_goes_ends_the_import),
		STORE_TEST(what_the_plan_has_no_room_for_is_an_error),
		STORE_TEST(errors_are_listed_up_to_a_number),
		STORE_TEST(a_table_without_sense_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
