#include "common/store/message.h"

#include "common/store/store_impl.h"
#include "tests/unit/store_fixture.h"

struct seen {
	int n;
	struct message last;
	char public_id[UUID_LEN], reason[64], text[64], sender[64];
	int64_t seqs[16], ids[16];
};

static void copy(char *out, size_t cap, const char *text)
{
	snprintf(out, cap, "%s", text != NULL ? text : "(null)");
}

static int on_message(const struct message *message, void *arg)
{
	struct seen *seen = arg;

	if (seen->n < (int)ARRAY_LEN(seen->seqs)) {
		seen->seqs[seen->n] = message->device_seq;
		seen->ids[seen->n] = message->id;
	}
	seen->n++;
	seen->last = *message; /* numbers only: the texts go with the row */
	copy(seen->public_id, sizeof(seen->public_id), message->public_id);
	copy(seen->reason, sizeof(seen->reason), message->reason);
	copy(seen->text, sizeof(seen->text), message->text);
	copy(seen->sender, sizeof(seen->sender), message->sender);
	return 0;
}

static struct seen read_message(struct fixture *f, int64_t id)
{
	struct seen seen = { 0 };

	assert_int_equal(
		store_message_by_id(f->store, id, on_message, &seen, &f->err),
		0);
	return seen;
}

static bool change(struct fixture *f, const char *wa_id,
	enum message_status status, int64_t at_ms, const char *reason)
{
	struct message_change change = { .wa_id = wa_id,
		.status = status,
		.at_ms = at_ms,
		.reason = reason };
	struct tx *tx = begin(f);
	bool changed = false;

	assert_int_equal(store_message_change(tx, f->device_id, &change,
				 &changed, NULL, NULL, &f->err),
		0);
	commit(f, tx);
	return changed;
}

/* ---- numbers ---- */

static void numbers_are_gapless_per_device(void **state)
{
	struct fixture *f = *state;

	for (int64_t seq = 1; seq <= 3; seq++) {
		assert_int_equal(
			put_out(f, f->device_id).message.device_seq, seq);
		assert_int_equal(
			put_out(f, f->second_device_id).message.device_seq,
			seq);
	}
}

static void a_rolled_back_message_leaves_no_gap(void **state)
{
	struct fixture *f = *state;
	struct tx *tx = begin(f);

	insert_out(f, tx, f->device_id, NULL);
	insert_out(f, tx, f->device_id, NULL);
	tx_end(&tx);
	assert_int_equal(put_out(f, f->device_id).message.device_seq, 1);
}

static void a_message_of_no_device_is_refused(void **state)
{
	struct fixture *f = *state;
	struct message message = { .account_id = f->account_id,
		.device_id = 4711,
		.public_id = "p",
		.wa_id = "3EB0",
		.chat = "c",
		.kind = MESSAGE_TEXT,
		.source = MESSAGE_BY_API };
	struct tx *tx = begin(f);
	bool duplicate;

	assert_int_equal(
		store_message_insert_out(tx, &message, &duplicate, &f->err),
		-1);
	assert_int_equal(f->err.code, ERR_NOT_FOUND);
	tx_end(&tx);
}

/* ---- duplicates ---- */

static void a_known_client_message_id_inserts_nothing(void **state)
{
	struct fixture *f = *state;
	struct tx *tx = begin(f);
	struct outgoing first = insert_out(f, tx, f->device_id, "order-1");
	struct outgoing again = insert_out(f, tx, f->device_id, "order-1");
	struct outgoing next = insert_out(f, tx, f->device_id, "order-2");

	commit(f, tx);
	assert_false(first.duplicate);
	assert_true(again.duplicate);
	assert_int_equal(again.message.id, first.message.id);
	assert_int_equal(again.message.device_seq, 1);
	assert_int_equal(next.message.device_seq, 2);
}

static void another_device_may_use_the_same_client_message_id(void **state)
{
	struct fixture *f = *state;
	struct tx *tx = begin(f);

	insert_out(f, tx, f->device_id, "order-1");
	assert_false(
		insert_out(f, tx, f->second_device_id, "order-1").duplicate);
	commit(f, tx);
}

static bool insert_in(struct fixture *f, const char *chat, const char *sender,
	const char *wa_id, int64_t *id_out)
{
	char public_id[UUID_LEN];
	struct message message = { .account_id = f->account_id,
		.device_id = f->device_id,
		.public_id = public_id,
		.direction = MESSAGE_IN,
		.kind = MESSAGE_TEXT,
		.source = MESSAGE_BY_PHONE,
		.status = MESSAGE_RECEIVED,
		.wa_id = wa_id,
		.chat = chat,
		.sender = sender,
		.text = "hi",
		.created_ms = NOW_MS };
	struct tx *tx = begin(f);
	bool duplicate = false;

	id_uuid7(public_id);
	assert_int_equal(
		store_message_insert_in(tx, &message, &duplicate, &f->err), 0);
	commit(f, tx);
	if (id_out != NULL)
		*id_out = message.id;
	return duplicate;
}

static void an_inbound_redelivery_is_known_by_all_four_keys(void **state)
{
	struct fixture *f = *state;

	assert_false(insert_in(f, "1@g.us", "2@lid", "A", NULL));
	assert_true(insert_in(f, "1@g.us", "2@lid", "A", NULL));
	assert_false(insert_in(f, "2@g.us", "2@lid", "A", NULL));
	assert_false(insert_in(f, "1@g.us", "3@lid", "A", NULL));
	assert_false(insert_in(f, "1@g.us", "2@lid", "B", NULL));
	assert_false(insert_in(f, "1@g.us", NULL, "A", NULL));
	assert_true(insert_in(f, "1@g.us", NULL, "A", NULL));
}

static void an_inbound_message_takes_no_number(void **state)
{
	struct fixture *f = *state;
	int64_t id;

	insert_in(f, "2@lid", "2@lid", "A", &id);
	assert_int_equal(read_message(f, id).last.device_seq, 0);
	assert_string_equal(read_message(f, id).sender, "2@lid");
	assert_int_equal(put_out(f, f->device_id).message.device_seq, 1);
}

/* ---- finding ---- */

static void an_inbound_message_does_not_answer_to_a_receipt(void **state)
{
	struct fixture *f = *state;
	struct outgoing out = put_out(f, f->device_id);
	struct seen seen = { 0 };

	insert_in(f, "2@lid", "2@lid", out.wa_id, NULL); /* a hostile copy */
	insert_in(f, "2@lid", "2@lid", "3EB0INBOUND", NULL);
	assert_int_equal(store_message_by_wa_id(f->store, f->device_id,
				 out.wa_id, on_message, &seen, &f->err),
		0);
	assert_int_equal(seen.last.id, out.message.id);
	assert_int_equal(store_message_by_wa_id(f->store, f->device_id,
				 "3EB0INBOUND", on_message, &seen, &f->err),
		-1);
	assert_int_equal(f->err.code, ERR_NOT_FOUND);
}

struct walked {
	int n, stop_at;
	int64_t first;
};

static int on_same_id(const struct message *m, void *arg)
{
	struct walked *walked = arg;

	if (walked->n++ == 0)
		walked->first = m->id;
	return walked->n == walked->stop_at;
}

static struct walked walk_id(struct fixture *f, const char *wa_id, int stop_at)
{
	struct walked walked = { .stop_at = stop_at };

	assert_int_equal(store_message_each_wa_id(f->store, f->device_id, wa_id,
				 on_same_id, &walked, &f->err),
		0);
	return walked;
}

static void every_message_with_an_id_is_walked_ours_first(void **state)
{
	struct fixture *f = *state;
	struct outgoing out = put_out(f, f->device_id);

	insert_in(f, "1@g.us", "2@lid", out.wa_id, NULL);
	insert_in(f, "1@g.us", "3@lid", out.wa_id, NULL);
	insert_in(f, "1@g.us", "2@lid", "A", NULL);
	assert_int_equal(walk_id(f, out.wa_id, 0).n, 3);
	assert_int_equal(walk_id(f, out.wa_id, 0).first, out.message.id);
	assert_int_equal(walk_id(f, out.wa_id, 1).n, 1);
	assert_int_equal(walk_id(f, out.wa_id, 2).n, 2);
	assert_int_equal(walk_id(f, "A", 0).n, 1);
	assert_int_equal(walk_id(f, "B", 0).n, 0);
}

static void an_outbound_message_with_a_foreign_id_is_found(void **state)
{
	struct fixture *f = *state;
	struct message message = { .account_id = f->account_id,
		.device_id = f->device_id,
		.public_id = "p",
		.wa_id = "3EB0CF074BD25C018553A2",
		.chat = "c",
		.kind = MESSAGE_TEXT,
		.source = MESSAGE_BY_API };
	struct tx *tx = begin(f);
	bool duplicate;

	assert_int_equal(
		store_message_insert_out(tx, &message, &duplicate, &f->err), 0);
	commit(f, tx);
	assert_true(change(f, message.wa_id, MESSAGE_SENT, NOW_MS, NULL));
	assert_int_equal(read_message(f, message.id).last.status, MESSAGE_SENT);
}

static void the_id_of_one_device_finds_nothing_in_another(void **state)
{
	struct fixture *f = *state;
	struct outgoing out = put_out(f, f->device_id);
	struct seen seen = { 0 };

	put_out(f, f->second_device_id);
	assert_int_equal(store_message_by_wa_id(f->store, f->second_device_id,
				 out.wa_id, on_message, &seen, &f->err),
		-1);
	assert_int_equal(f->err.code, ERR_NOT_FOUND);
}

static void a_message_is_shown_to_its_account_only(void **state)
{
	struct fixture *f = *state;
	struct outgoing out = put_out(f, f->device_id);
	struct seen seen = { 0 };

	assert_int_equal(store_message_by_public_id(f->store, f->account_id,
				 out.public_id, on_message, &seen, &f->err),
		0);
	assert_string_equal(seen.text, "hello");
	assert_int_equal(
		store_message_by_public_id(f->store, f->other_account_id,
			out.public_id, on_message, &seen, &f->err),
		-1);
	assert_int_equal(f->err.code, ERR_NOT_FOUND);
}

/* ---- the queue ---- */

static void the_queue_gives_what_waits_after_a_number(void **state)
{
	struct fixture *f = *state;
	struct outgoing out[5];
	struct seen seen = { 0 };

	for (int i = 0; i < 5; i++)
		out[i] = put_out(f, f->device_id);
	change(f, out[2].wa_id, MESSAGE_SENT, NOW_MS, NULL);
	assert_int_equal(store_message_queued(f->store, f->device_id, 1, 2,
				 on_message, &seen, &f->err),
		0);
	assert_int_equal(seen.n, 2);
	assert_int_equal(seen.seqs[0], 2);
	assert_int_equal(seen.seqs[1], 4);
}

/* ---- status ---- */

static void check_move(struct fixture *f, enum message_status from,
	enum message_status to, bool moves)
{
	struct outgoing out = put_out(f, f->device_id);

	if (from != MESSAGE_QUEUED)
		change(f, out.wa_id, from, NOW_MS, NULL);
	assert_int_equal(change(f, out.wa_id, to, NOW_MS + 1, NULL), moves);
	assert_int_equal(
		read_message(f, out.message.id).last.status, moves ? to : from);
}

static void a_status_only_moves_up(void **state)
{
	static const struct {
		enum message_status from;
		const char *moves; /* to SENT DELIVERED READ PLAYED FAILED */
	} table[] = {
		{ MESSAGE_QUEUED, "yyyyy" },
		{ MESSAGE_SENT, "nyyyy" },
		{ MESSAGE_DELIVERED, "nnyyn" },
		{ MESSAGE_READ, "nnnyn" },
		{ MESSAGE_PLAYED, "nnnnn" },
		{ MESSAGE_FAILED, "nnnnn" },
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		for (int to = MESSAGE_SENT; to <= MESSAGE_FAILED; to++)
			check_move(f, table[i].from, (enum message_status)to,
				table[i].moves[to - MESSAGE_SENT] == 'y');
}

static void read_fills_what_it_implies_and_late_news_fill_gaps(void **state)
{
	struct fixture *f = *state;
	struct outgoing out = put_out(f, f->device_id);
	struct message m;

	assert_true(change(f, out.wa_id, MESSAGE_READ, NOW_MS + 30, NULL));
	assert_false(change(f, out.wa_id, MESSAGE_SENT, NOW_MS + 10, NULL));
	assert_false(
		change(f, out.wa_id, MESSAGE_DELIVERED, NOW_MS + 20, NULL));
	m = read_message(f, out.message.id).last;
	assert_int_equal(m.status, MESSAGE_READ);
	assert_int_equal(m.sent_ms, NOW_MS + 10);
	assert_int_equal(m.delivered_ms, NOW_MS + 30);
	assert_int_equal(m.read_ms, NOW_MS + 30);
	assert_int_equal(m.failed_ms, 0);
}

static void a_failure_has_its_reason_and_its_time(void **state)
{
	struct fixture *f = *state;
	struct outgoing out = put_out(f, f->device_id);
	struct seen seen;

	assert_true(change(
		f, out.wa_id, MESSAGE_FAILED, NOW_MS, "not on WhatsApp"));
	seen = read_message(f, out.message.id);
	assert_string_equal(seen.reason, "not on WhatsApp");
	assert_int_equal(seen.last.failed_ms, NOW_MS);
	assert_false(change(f, out.wa_id, MESSAGE_DELIVERED, NOW_MS + 9, NULL));
	seen = read_message(f, out.message.id);
	assert_int_equal(seen.last.status, MESSAGE_FAILED);
	assert_string_equal(seen.reason, "not on WhatsApp");
	assert_int_equal(seen.last.delivered_ms, NOW_MS + 9);
}

static void a_reason_to_wait_goes_when_the_message_moves(void **state)
{
	struct fixture *f = *state;
	struct outgoing out = put_out(f, f->device_id);
	struct tx *tx = begin(f);

	assert_int_equal(store_message_set_reason(tx, f->device_id, out.wa_id,
				 "device offline", &f->err),
		0);
	commit(f, tx);
	assert_string_equal(
		read_message(f, out.message.id).reason, "device offline");
	change(f, out.wa_id, MESSAGE_SENT, NOW_MS, NULL);
	assert_string_equal(read_message(f, out.message.id).reason, "(null)");
	tx = begin(f);
	assert_int_equal(store_message_set_reason(tx, f->device_id, out.wa_id,
				 "device offline", &f->err),
		0);
	commit(f, tx);
	assert_string_equal(read_message(f, out.message.id).reason, "(null)");
}

static void the_row_is_seen_only_when_the_status_moved(void **state)
{
	struct fixture *f = *state;
	struct outgoing out = put_out(f, f->device_id);
	struct message_change change = { .wa_id = out.wa_id,
		.status = MESSAGE_SENT,
		.at_ms = NOW_MS,
		.n_devices = 3 };
	struct seen seen = { 0 };
	struct tx *tx = begin(f);
	bool changed;

	for (int i = 0; i < 2; i++)
		assert_int_equal(store_message_change(tx, f->device_id, &change,
					 &changed, on_message, &seen, &f->err),
			0);
	assert_int_equal(
		store_message_count_retry(tx, f->device_id, out.wa_id, &f->err),
		0);
	commit(f, tx);
	assert_int_equal(seen.n, 1);
	assert_int_equal(seen.last.status, MESSAGE_SENT);
	assert_int_equal(seen.last.n_devices, 3);
	seen = read_message(f, out.message.id);
	assert_int_equal(seen.last.n_devices, 3);
	assert_int_equal(seen.last.n_retries, 1);
}

static void a_receipt_for_an_unknown_message_is_told(void **state)
{
	struct fixture *f = *state;
	struct message_change change = { .wa_id = "3EB0CF074BD25C018553A2",
		.status = MESSAGE_READ };
	struct tx *tx = begin(f);
	bool changed = true;

	assert_int_equal(store_message_change(tx, f->device_id, &change,
				 &changed, NULL, NULL, &f->err),
		-1);
	assert_int_equal(f->err.code, ERR_NOT_FOUND);
	assert_false(changed);
	tx_end(&tx);
}

/* ---- lists ---- */

static struct outgoing put_to(
	struct fixture *f, int64_t device_id, const char *phone)
{
	struct outgoing out = { .duplicate = false };
	struct tx *tx = begin(f);

	id_uuid7(out.public_id);
	store_message_wa_id(tx, device_id, out.wa_id, &f->err);
	out.message = (struct message){ .account_id = f->account_id,
		.device_id = device_id,
		.public_id = out.public_id,
		.wa_id = out.wa_id,
		.chat = phone,
		.phone = phone,
		.kind = MESSAGE_TEXT,
		.source = MESSAGE_BY_API };
	assert_int_equal(store_message_insert_out(
				 tx, &out.message, &out.duplicate, &f->err),
		0);
	commit(f, tx);
	return out;
}

static void lists_filter_count_and_page(void **state)
{
	struct fixture *f = *state;
	const struct {
		struct message_filter filter;
		struct page page;
		int n;
		int64_t total, last_seq;
	} table[] = {
		{ { f->account_id, 0, NULL }, { 0, 10 }, 5, 5, 1 },
		{ { f->account_id, 0, NULL }, { 1, 3 }, 3, 5, 1 },
		{ { f->account_id, 0, NULL }, { 9, 3 }, 0, 5, 0 },
		{ { f->account_id, f->device_id, NULL }, { 0, 10 }, 3, 3, 1 },
		{ { f->account_id, f->device_id, NULL }, { 0, 2 }, 2, 3, 2 },
		{ { f->account_id, 0, "222" }, { 0, 10 }, 3, 3, 2 },
		{ { f->account_id, f->device_id, "222" }, { 0, 10 }, 2, 2, 2 },
		{ { f->account_id, 0, "333" }, { 0, 10 }, 0, 0, 0 },
		{ { f->other_account_id, 0, NULL }, { 0, 10 }, 0, 0, 0 },
		{ { f->other_account_id, f->device_id, NULL }, { 0, 10 }, 0, 0,
			0 },
	};

	put_to(f, f->device_id, "111");	       /* 1 */
	put_to(f, f->device_id, "222");	       /* 2 */
	put_to(f, f->second_device_id, "111"); /* 1 */
	put_to(f, f->second_device_id, "222"); /* 2 */
	put_to(f, f->device_id, "222");	       /* 3 */
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct seen seen = { 0 };
		int64_t total = -1;

		assert_int_equal(store_message_list(f->store, &table[i].filter,
					 table[i].page, on_message, &seen,
					 &total, &f->err),
			0);
		assert_int_equal(seen.n, table[i].n);
		assert_int_equal(total, table[i].total);
		if (table[i].page.offset == 0 && seen.n > 0)
			assert_int_equal(
				seen.seqs[seen.n - 1], table[i].last_seq);
	}
}

/* The index by phone is cut in stretches of 4096 rows; a page may lie across
 * several. */
static void a_phones_list_goes_over_all_stretches(void **state)
{
	static const int64_t ids[] = { 1, 4094, 4095, 4096, 4097, 9000, 81920,
		81921 };
	const int n_ids = ARRAY_LEN(ids);
	struct fixture *f = *state;
	const struct message_filter filter = { f->account_id, 0, "222" };

	for (int i = 0; i < n_ids; i++)
		put_to(f, f->device_id, "222");
	for (int i = n_ids - 1; i >= 0; i--) {
		scoped(str_free) char *sql = xasprintf(
			"UPDATE message SET id = %d WHERE device_seq = %d",
			(int)ids[i], i + 1);

		assert_int_equal(db_exec(store_db(f->store), sql, &f->err), 0);
	}
	put_to(f, f->device_id, "111");
	for (int offset = 0; offset <= n_ids; offset++) {
		for (int limit = 1; limit <= n_ids; limit++) {
			const int left = n_ids - offset;
			const int n = left < limit ? left : limit;
			struct seen seen = { 0 };
			int64_t total = -1;

			assert_int_equal(
				store_message_list(f->store, &filter,
					(struct page){ offset, limit },
					on_message, &seen, &total, &f->err),
				0);
			assert_int_equal(total, n_ids);
			assert_int_equal(seen.n, n);
			for (int i = 0; i < n; i++)
				assert_int_equal(seen.ids[i],
					ids[n_ids - 1 - offset - i]);
		}
	}
}

static int on_first(const struct message *message, void *arg)
{
	(void)message;
	++*(int *)arg;
	return 1;
}

static void a_reader_that_stops_still_learns_the_total(void **state)
{
	struct fixture *f = *state;
	const struct message_filter filter = { f->account_id, 0, "222" };
	int64_t total = -1;
	int n = 0;

	for (int i = 0; i < 3; i++)
		put_to(f, f->device_id, "222");
	assert_int_equal(
		store_message_list(f->store, &filter, (struct page){ 0, 10 },
			on_first, &n, &total, &f->err),
		0);
	assert_int_equal(n, 1);
	assert_int_equal(total, 3);
}

static void a_list_is_newest_first(void **state)
{
	struct fixture *f = *state;
	struct seen seen = { 0 };
	int64_t total;

	for (int i = 0; i < 4; i++)
		put_out(f, f->device_id);
	assert_int_equal(
		store_message_list(f->store,
			&(struct message_filter){ f->account_id, 0, NULL },
			(struct page){ .limit = 10 }, on_message, &seen, &total,
			&f->err),
		0);
	for (int i = 0; i < 4; i++)
		assert_int_equal(seen.seqs[i], 4 - i);
}

static void totals_forget_what_is_rolled_back(void **state)
{
	struct fixture *f = *state;
	struct seen seen = { 0 };
	int64_t total = -1;
	struct tx *tx = begin(f);

	insert_out(f, tx, f->device_id, NULL);
	tx_end(&tx);
	put_out(f, f->device_id);
	insert_in(f, "2@lid", "2@lid", "A", NULL);
	insert_in(f, "2@lid", "2@lid", "A", NULL);
	assert_int_equal(
		store_message_list(f->store,
			&(struct message_filter){ f->account_id, 0, NULL },
			(struct page){ .limit = 10 }, on_message, &seen, &total,
			&f->err),
		0);
	assert_int_equal(total, 2);
	assert_int_equal(seen.n, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORE_TEST(numbers_are_gapless_per_device),
		STORE_TEST(a_rolled_back_message_leaves_no_gap),
		STORE_TEST(a_message_of_no_device_is_refused),
		STORE_TEST(a_known_client_message_id_inserts_nothing),
		STORE_TEST(another_device_may_use_the_same_client_message_id),
		STORE_TEST(an_inbound_redelivery_is_known_by_all_four_keys),
		STORE_TEST(an_inbound_message_takes_no_number),
		STORE_TEST(an_inbound_message_does_not_answer_to_a_receipt),
		STORE_TEST(every_message_with_an_id_is_walked_ours_first),
		STORE_TEST(an_outbound_message_with_a_foreign_id_is_found),
		STORE_TEST(the_id_of_one_device_finds_nothing_in_another),
		STORE_TEST(a_message_is_shown_to_its_account_only),
		STORE_TEST(the_queue_gives_what_waits_after_a_number),
		STORE_TEST(a_status_only_moves_up),
		STORE_TEST(read_fills_what_it_implies_and_late_news_fill_gaps),
		STORE_TEST(a_failure_has_its_reason_and_its_time),
		STORE_TEST(a_reason_to_wait_goes_when_the_message_moves),
		STORE_TEST(the_row_is_seen_only_when_the_status_moved),
		STORE_TEST(a_receipt_for_an_unknown_message_is_told),
		STORE_TEST(lists_filter_count_and_page),
		STORE_TEST(a_phones_list_goes_over_all_stretches),
		STORE_TEST(a_reader_that_stops_still_learns_the_total),
		STORE_TEST(a_list_is_newest_first),
		STORE_TEST(totals_forget_what_is_rolled_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
