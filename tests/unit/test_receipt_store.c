/* Reports of many on one message. */
#include "common/store/receipt.h"

#include "common/store/contact.h"
#include "tests/unit/store_fixture.h"

struct reported {
	int n_recipients, n_delivered, n_read;
};

static int on_message(const struct message *message, void *arg)
{
	struct reported *out = arg;

	out->n_recipients = message->n_recipients;
	out->n_delivered = message->n_delivered;
	out->n_read = message->n_read;
	return 0;
}

static struct reported reported(struct fixture *f, int64_t message_id)
{
	struct reported out = { 0 };

	assert_int_equal(store_message_by_id(f->store, message_id, on_message,
				 &out, &f->err),
		0);
	return out;
}

static int64_t contact(struct fixture *f, const char *phone)
{
	const struct contact_news news = { .account_id = f->account_id,
		.phone = phone };
	char public_id[UUID_LEN];
	struct tx *tx = begin(f);
	int64_t id = 0;

	assert_int_equal(
		store_contact_note(tx, &news, NOW_MS, &id, public_id, &f->err),
		0);
	commit(f, tx);
	return id;
}

static void note(struct fixture *f, int64_t message_id, int64_t contact_id,
	enum message_status status, int64_t at_ms)
{
	const struct receipt_news news = { .message_id = message_id,
		.contact_id = contact_id,
		.status = status,
		.at_ms = at_ms };
	struct tx *tx = begin(f);

	assert_int_equal(store_receipt_note(tx, &news, &f->err), 0);
	commit(f, tx);
}

struct rows {
	struct receipt list[4];
	size_t n;
};

static int on_receipt(const struct receipt *receipt, void *arg)
{
	struct rows *rows = arg;

	assert_true(rows->n < ARRAY_LEN(rows->list));
	assert_non_null(receipt->contact_public_id);
	rows->list[rows->n++] = *receipt;
	return 0;
}

static void an_account_counts_once_for_each_thing_it_reports(void **state)
{
	struct fixture *f = *state;
	int64_t message_id = put_out(f, f->device_id).message.id;
	int64_t bob = contact(f, "15550002222");
	int64_t carol = contact(f, "15550003333");
	static const struct {
		enum message_status status;
		int n_delivered, n_read; /* after Bob's report */
	} reports[] = {
		{ MESSAGE_DELIVERED, 1, 0 },
		{ MESSAGE_DELIVERED, 1, 0 }, /* another device of his */
		{ MESSAGE_READ, 1, 1 },
		{ MESSAGE_READ, 1, 1 },
		{ MESSAGE_DELIVERED, 1, 1 },
		{ MESSAGE_PLAYED, 1, 1 },
	};

	for (size_t i = 0; i < ARRAY_LEN(reports); i++) {
		note(f, message_id, bob, reports[i].status, NOW_MS);
		assert_int_equal(reported(f, message_id).n_delivered,
			reports[i].n_delivered);
		assert_int_equal(
			reported(f, message_id).n_read, reports[i].n_read);
	}
	note(f, message_id, carol, MESSAGE_PLAYED, NOW_MS);
	assert_int_equal(reported(f, message_id).n_delivered, 2);
	assert_int_equal(reported(f, message_id).n_read, 2);
	assert_int_equal(
		store_receipt_count_played(f->store, message_id, &f->err), 2);
}

static void the_first_report_of_a_kind_holds(void **state)
{
	struct fixture *f = *state;
	int64_t message_id = put_out(f, f->device_id).message.id;
	int64_t bob = contact(f, "15550002222");
	struct rows rows = { .n = 0 };
	int64_t total = 0;

	note(f, message_id, bob, MESSAGE_READ, NOW_MS + 5);
	note(f, message_id, bob, MESSAGE_DELIVERED, NOW_MS + 7);
	note(f, message_id, bob, MESSAGE_READ, NOW_MS + 9);
	note(f, message_id, bob, MESSAGE_PLAYED, NOW_MS + 11);
	assert_int_equal(store_receipt_list(f->store, message_id,
				 (struct page){ .limit = 10 }, on_receipt,
				 &rows, &total, &f->err),
		0);
	assert_int_equal(rows.n, 1);
	assert_int_equal(rows.list[0].delivered_ms, NOW_MS + 5);
	assert_int_equal(rows.list[0].read_ms, NOW_MS + 5);
	assert_int_equal(rows.list[0].played_ms, NOW_MS + 11);
}

static void reports_are_listed_in_the_order_they_came(void **state)
{
	struct fixture *f = *state;
	int64_t message_id = put_out(f, f->device_id).message.id;
	int64_t other_id = put_out(f, f->device_id).message.id;
	int64_t people[3];
	struct rows rows = { .n = 0 };
	int64_t total = 0;

	for (int i = 0; i < 3; i++) {
		char phone[32];

		snprintf(phone, sizeof(phone), "1555000000%d", i);
		people[i] = contact(f, phone);
	}
	note(f, message_id, people[2], MESSAGE_DELIVERED, NOW_MS);
	note(f, message_id, people[0], MESSAGE_DELIVERED, NOW_MS);
	note(f, message_id, people[1], MESSAGE_DELIVERED, NOW_MS);
	note(f, message_id, people[2], MESSAGE_READ, NOW_MS);
	note(f, other_id, people[0], MESSAGE_READ, NOW_MS);
	assert_int_equal(store_receipt_list(f->store, message_id,
				 (struct page){ .offset = 1, .limit = 2 },
				 on_receipt, &rows, &total, &f->err),
		0);
	assert_int_equal(total, 3);
	assert_int_equal(rows.n, 2);
	assert_int_equal(rows.list[0].contact_id, people[0]);
	assert_int_equal(rows.list[1].contact_id, people[1]);
}

static void reports_are_of_their_own_message(void **state)
{
	struct fixture *f = *state;
	int64_t message_id = put_out(f, f->device_id).message.id;
	int64_t other_id = put_out(f, f->device_id).message.id;

	note(f, message_id, contact(f, "15550002222"), MESSAGE_READ, NOW_MS);
	assert_int_equal(reported(f, other_id).n_delivered, 0);
	assert_int_equal(
		store_receipt_count_played(f->store, message_id, &f->err), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORE_TEST(an_account_counts_once_for_each_thing_it_reports),
		STORE_TEST(the_first_report_of_a_kind_holds),
		STORE_TEST(reports_are_listed_in_the_order_they_came),
		STORE_TEST(reports_are_of_their_own_message),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
