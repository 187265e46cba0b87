#include "common/store/addressbook.h"

#include "common/store/addressbook_search.h"
#include "tests/unit/book_fixture.h"

/* ---- one entry ---- */

struct seen {
	int64_t id, saved_ms, updated_ms;
	char public_id[UUID_LEN], phone[32], name[64], fields[64];
};

static void copy(char *out, size_t room, const char *text)
{
	snprintf(out, room, "%s", text != NULL ? text : "-");
}

static int on_seen(const struct book_contact *contact, void *arg)
{
	struct seen *seen = arg;

	seen->id = contact->id;
	seen->saved_ms = contact->saved_ms;
	seen->updated_ms = contact->updated_ms;
	copy(seen->public_id, UUID_LEN, contact->public_id);
	copy(seen->phone, sizeof(seen->phone), contact->phone);
	copy(seen->name, sizeof(seen->name), contact->name);
	copy(seen->fields, sizeof(seen->fields), contact->fields);
	return 0;
}

static struct seen look(struct fixture *f, const char *public_id)
{
	struct seen seen = { 0 };

	assert_int_equal(store_book_by_public_id(f->store, f->account_id,
				 public_id, on_seen, &seen, &f->err),
		0);
	return seen;
}

static bool is_saved(struct fixture *f, const char *public_id)
{
	struct seen seen = { 0 };

	if (store_book_by_public_id(f->store, f->account_id, public_id, on_seen,
		    &seen, &f->err) == 0)
		return true;
	assert_int_equal(f->err.code, ERR_NOT_FOUND);
	return false;
}

static int64_t count(struct fixture *f)
{
	int64_t n = -1;

	assert_int_equal(
		store_book_count(f->store, f->account_id, &n, &f->err), 0);
	assert_int_equal(n,
		number(f, "SELECT count(*) FROM contact WHERE saved_ms > 0"));
	return n;
}

static int update(struct fixture *f, const char *public_id, const char *phone,
	const char *name, const char *fields)
{
	const struct book_entry entry = { f->account_id, phone, name, fields };
	struct tx *tx = begin(f);
	int rc = store_book_update(tx, public_id, &entry, NOW_MS + 9, &f->err);

	if (rc == 0)
		commit(f, tx);
	else
		tx_end(&tx);
	return rc;
}

static void erase(struct fixture *f, const char *public_id)
{
	struct tx *tx = begin(f);

	assert_int_equal(store_book_delete(
				 tx, f->account_id, public_id, NOW_MS, &f->err),
		0);
	commit(f, tx);
}

static void what_is_saved_is_there(void **state)
{
	struct fixture *f = *state;
	struct saved bob = save(f, PN, "Bob");
	struct seen seen = look(f, bob.public_id), again = { 0 };

	assert_int_equal(seen.id, bob.id);
	assert_string_equal(seen.phone, PN);
	assert_string_equal(seen.name, "Bob");
	assert_string_equal(seen.fields, "-");
	assert_int_equal(seen.saved_ms, NOW_MS);
	assert_int_equal(seen.updated_ms, NOW_MS);
	assert_int_equal(count(f), 1);
	assert_int_equal(
		store_book_by_id(f->store, bob.id, on_seen, &again, &f->err),
		0);
	assert_string_equal(again.public_id, bob.public_id);
	assert_int_equal(store_book_by_phone(f->store, f->account_id, PN,
				 on_seen, &again, &f->err),
		1);
	assert_int_equal(store_book_by_phone(f->store, f->account_id, OTHER_PN,
				 on_seen, &again, &f->err),
		0);
}

static void a_number_is_saved_once(void **state)
{
	struct fixture *f = *state;
	const struct book_entry entry = { f->account_id, PN, "Eve", NULL };
	struct saved bob = save(f, PN, "Bob");
	struct tx *tx = begin(f);
	char public_id[UUID_LEN];
	int64_t id;

	assert_int_equal(
		store_book_create(tx, &entry, NOW_MS, &id, public_id, &f->err),
		-1);
	assert_int_equal(f->err.code, ERR_CONFLICT);
	tx_end(&tx);
	assert_string_equal(look(f, bob.public_id).name, "Bob");
}

static void a_put_saves_and_then_changes(void **state)
{
	static const struct {
		const char *name, *fields;
		bool is_new;
		const char *then_name, *then_fields;
	} table[] = {
		{ "Bob", "{\"city\":\"Rome\"}", true, "Bob",
			"{\"city\":\"Rome\"}" },
		{ NULL, NULL, false, "Bob", "{\"city\":\"Rome\"}" },
		{ "Robert", NULL, false, "Robert", "{\"city\":\"Rome\"}" },
		{ NULL, "{\"city\":\"Pisa\"}", false, "Robert",
			"{\"city\":\"Pisa\"}" },
		{ "", "{}", false, "-", "-" },
	};
	struct fixture *f = *state;
	int64_t first = 0;

	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		const struct book_entry entry = { f->account_id, PN,
			table[i].name, table[i].fields };
		struct tx *tx = begin(f);
		struct seen seen = { 0 };
		bool is_new = !table[i].is_new;
		int64_t id = 0;

		assert_int_equal(store_book_put(tx, &entry, NOW_MS, &id,
					 &is_new, &f->err),
			0);
		commit(f, tx);
		assert_int_equal(is_new, table[i].is_new);
		if (i == 0)
			first = id;
		assert_int_equal(id, first);
		store_book_by_id(f->store, id, on_seen, &seen, &f->err);
		assert_string_equal(seen.name, table[i].then_name);
		assert_string_equal(seen.fields, table[i].then_fields);
	}
	assert_int_equal(count(f), 1);
}

static void a_put_that_says_nothing_new_writes_nothing(void **state)
{
	struct fixture *f = *state;
	const struct book_entry entry = { f->account_id, PN, "Bob", NULL };
	struct tx *tx;
	int before, after;
	bool is_new;
	int64_t id;

	save(f, PN, "Bob");
	tx = begin(f);
	before = sqlite3_total_changes(store_db(f->store)->handle);
	assert_int_equal(
		store_book_put(tx, &entry, NOW_MS + 1, &id, &is_new, &f->err),
		0);
	after = sqlite3_total_changes(store_db(f->store)->handle);
	commit(f, tx);
	assert_int_equal(after, before);
}

static void an_update_changes_what_it_names(void **state)
{
	struct fixture *f = *state;
	struct saved bob = save(f, PN, "Bob");

	assert_int_equal(update(f, bob.public_id, NULL, "Robert", NULL), 0);
	assert_string_equal(look(f, bob.public_id).name, "Robert");
	assert_string_equal(look(f, bob.public_id).phone, PN);
	assert_int_equal(look(f, bob.public_id).updated_ms, NOW_MS + 9);
	assert_int_equal(look(f, bob.public_id).saved_ms, NOW_MS);
	assert_int_equal(update(f, bob.public_id, OTHER_PN, NULL, NULL), 0);
	assert_string_equal(look(f, bob.public_id).name, "Robert");
	assert_string_equal(look(f, bob.public_id).phone, OTHER_PN);
	assert_int_equal(look(f, bob.public_id).id, bob.id);
	assert_int_equal(find(f, PN).n, 0);
	assert_int_equal(find(f, OTHER_PN).n, 1);
	assert_int_equal(find(f, "bob").n, 0);
	assert_int_equal(find(f, "robert").n, 1);
}

static void an_update_to_a_saved_number_is_a_conflict(void **state)
{
	struct fixture *f = *state;
	struct saved bob = save(f, PN, "Bob");

	save(f, OTHER_PN, "Eve");
	assert_int_equal(update(f, bob.public_id, OTHER_PN, NULL, NULL), -1);
	assert_int_equal(f->err.code, ERR_CONFLICT);
	assert_int_equal(update(f, bob.public_id, PN, NULL, NULL), 0);
}

static void another_account_sees_and_changes_nothing(void **state)
{
	struct fixture *f = *state;
	struct saved bob = save(f, PN, "Bob");
	const struct book_entry entry = { f->other_account_id, NULL, "x",
		NULL };
	const struct book_filter all = { .account_id = f->other_account_id },
				 search = { .account_id = f->other_account_id,
					 .search = "bob" };
	struct seen seen = { 0 };
	struct tx *tx = begin(f);

	assert_int_equal(
		store_book_update(tx, bob.public_id, &entry, NOW_MS, &f->err),
		-1);
	assert_int_equal(f->err.code, ERR_NOT_FOUND);
	assert_int_equal(store_book_delete(tx, f->other_account_id,
				 bob.public_id, NOW_MS, &f->err),
		-1);
	assert_int_equal(f->err.code, ERR_NOT_FOUND);
	tx_end(&tx);
	assert_int_equal(store_book_by_public_id(f->store, f->other_account_id,
				 bob.public_id, on_seen, &seen, &f->err),
		-1);
	assert_int_equal(store_book_by_phone(f->store, f->other_account_id, PN,
				 on_seen, &seen, &f->err),
		0);
	assert_int_equal(list(f, &all, (struct page){ 0, 10 }).total, 0);
	assert_int_equal(list(f, &search, (struct page){ 0, 10 }).n, 0);
}

static void what_is_deleted_is_gone_for_good(void **state)
{
	struct fixture *f = *state;
	struct saved bob = save(f, PN, "Bob"), eve, again;

	save(f, OTHER_PN, "Eve");
	erase(f, bob.public_id);
	assert_false(is_saved(f, bob.public_id));
	assert_int_equal(count(f), 1);
	assert_int_equal(find(f, "bob").n, 0);
	assert_int_equal(
		number(f,
			"SELECT count(*) FROM contact WHERE phone = '" PN "'"),
		0);
	again = save(f, PN, "Bob");
	erase(f, again.public_id);
	eve = save(f, PN, "Bob");
	assert_int_not_equal(again.id, eve.id); /* the newest, too */
	assert_int_equal(count(f), 2);
}

/* ---- people that WhatsApp knows ---- */

static int on_contact(const struct contact *contact, void *arg)
{
	(void)contact;
	(*(int64_t *)arg)++;
	return 0;
}

/* The list of a device. */
static int64_t contacts_met(struct fixture *f)
{
	int64_t n = 0, total = -1;

	assert_int_equal(store_contact_list(f->store, f->account_id,
				 (struct page){ 0, 100 }, on_contact, &n,
				 &total, &f->err),
		0);
	assert_int_equal(n, total);
	return n;
}

static void saving_somebody_known_keeps_the_ids(void **state)
{
	struct fixture *f = *state;
	struct saved met = meet(f, PN, LID, "bobby"), bob;

	bob = save(f, PN, "Bob");
	assert_int_equal(bob.id, met.id);
	assert_string_equal(bob.public_id, met.public_id);
	assert_int_equal(contacts_met(f), 1);
	erase(f, bob.public_id);
	assert_false(is_saved(f, bob.public_id));
	assert_int_equal(contacts_met(f), 1);
	assert_int_equal(meet(f, NULL, LID, NULL).id, met.id);
	bob = save(f, PN, NULL);
	assert_string_equal(look(f, bob.public_id).name, "-");
	assert_int_equal(bob.id, met.id);
}

static void who_is_only_saved_is_no_contact_on_whatsapp(void **state)
{
	struct fixture *f = *state;
	struct saved bob = save(f, PN, "Bob");

	assert_int_equal(contacts_met(f), 0);
	assert_int_equal(meet(f, PN, LID, NULL).id, bob.id);
	assert_int_equal(contacts_met(f), 1);
	assert_int_equal(meet(f, PN, NULL, NULL).id, bob.id);
	assert_int_equal(contacts_met(f), 1);
}

static void what_whatsapp_tells_changes_no_entry(void **state)
{
	struct fixture *f = *state;
	struct saved bob = save(f, PN, "Bob");

	meet(f, PN, LID, "bobby");
	assert_string_equal(look(f, bob.public_id).name, "Bob");
	assert_int_equal(look(f, bob.public_id).updated_ms, NOW_MS);
}

/* The one with the entry stays, older or not. */
static void a_merge_keeps_the_entry(void **state)
{
	for (int saved_first = 0; saved_first < 2; saved_first++) {
		struct fixture *f;
		struct saved bob = { 0 }, eve = { 0 };
		int64_t group;

		assert_int_equal(fixture_setup((void **)&f), 0);
		if (saved_first == 1)
			bob = save(f, PN, "Bob");
		eve = meet(f, NULL, LID, "bobby");
		if (saved_first == 0)
			bob = save(f, PN, "Bob");
		group = add_segment(f, SEGMENT_GROUP, "VIP");
		join(f, group, bob.id);
		assert_int_not_equal(bob.id, eve.id);
		assert_int_equal(meet(f, PN, LID, NULL).id, bob.id);
		assert_string_equal(look(f, bob.public_id).name, "Bob");
		assert_int_equal(find(f, "bob").n, 1);
		assert_true(store_segment_has(f->store, group, bob.id));
		assert_int_equal(
			number(f, "SELECT n_contacts FROM segment"), 1);
		assert_int_equal(count(f), 1);
		assert_int_equal(contacts_met(f), 1);
		assert_int_equal(
			number(f, "SELECT count(*) FROM contact WHERE push_name"
				  " = 'bobby' AND phone = '" PN "'"),
			1);
		assert_int_equal(fixture_teardown((void **)&f), 0);
	}
	(void)state;
}

/* Whose LID and number the row has: "phone/lid". */
static void names_of(struct fixture *f, const struct saved *who, char out[64])
{
	scoped(query_close) struct query q = query_open(store_db(f->store),
		"SELECT coalesce(phone, '-') || '/' || coalesce(lid, '-')"
		" FROM contact WHERE id = ?");

	query_bind_int(&q, who->id);
	assert_int_equal(query_step(&q, &f->err), 1);
	snprintf(out, 64, "%s", query_text(&q));
}

static void assert_names(
	struct fixture *f, const struct saved *who, const char *expected)
{
	char names[64];

	names_of(f, who, names);
	assert_string_equal(names, expected);
}

static void add_receipt(struct fixture *f, const struct saved *from)
{
	struct outgoing out = put_out(f, f->device_id);
	char sql[160];

	snprintf(sql, sizeof(sql),
		"INSERT INTO receipt (message_id, contact_id, delivered_ms,"
		" read_ms) VALUES (%d, %d, 5, 0)",
		(int)out.message.id, (int)from->id);
	assert_int_equal(
		sqlite3_exec(store_db(f->store)->handle, sql, NULL, NULL, NULL),
		SQLITE_OK);
}

static void an_entry_keeps_its_number_when_the_person_takes_another(
	void **state)
{
	struct fixture *f = *state;
	struct saved bob = save(f, PN, "Bob"), person;
	int64_t group = add_segment(f, SEGMENT_GROUP, "VIP");

	join(f, group, bob.id);
	meet(f, PN, LID, "bobby");
	add_receipt(f, &bob);
	person = meet(f, OTHER_PN, LID, NULL);
	assert_int_not_equal(person.id, bob.id);
	assert_names(f, &bob, PN "/-");
	assert_names(f, &person, OTHER_PN "/" LID);
	assert_string_equal(look(f, bob.public_id).phone, PN);
	assert_true(store_segment_has(f->store, group, bob.id));
	assert_int_equal(
		number(f, "SELECT contact_id FROM receipt"), (int)person.id);
	assert_int_equal(count(f), 1);
	assert_int_equal(contacts_met(f), 2);
	assert_int_equal(find(f, PN).n, 1);
	assert_int_equal(find(f, OTHER_PN).n, 0);
}

static void an_entry_keeps_its_number_when_somebody_else_has_it(void **state)
{
	struct fixture *f = *state;
	struct saved bob = save(f, PN, "Bob"), first, eve;

	meet(f, PN, LID, "bobby");
	eve = meet(f, NULL, OTHER_LID, "eve");
	add_receipt(f, &eve);
	assert_int_equal(meet(f, PN, OTHER_LID, NULL).id, bob.id);
	assert_names(f, &bob, PN "/" OTHER_LID);
	assert_string_equal(look(f, bob.public_id).name, "Bob");
	assert_int_equal(
		number(f, "SELECT contact_id FROM receipt"), (int)bob.id);
	first = meet(f, NULL, LID, NULL);
	assert_int_not_equal(first.id, bob.id);
	assert_names(f, &first, "-/" LID);
	assert_int_equal(count(f), 1);
	assert_int_equal(contacts_met(f), 2);
}

static void two_entries_whose_people_swap_numbers_stay_two_entries(void **state)
{
	struct fixture *f = *state;
	struct saved bob = save(f, PN, "Bob"), eve = save(f, OTHER_PN, "Eve");

	meet(f, PN, LID, NULL);
	meet(f, OTHER_PN, OTHER_LID, NULL);
	meet(f, OTHER_PN, LID, NULL);
	assert_names(f, &eve, OTHER_PN "/" LID);
	assert_names(f, &bob, PN "/-");
	meet(f, PN, OTHER_LID, NULL);
	assert_names(f, &bob, PN "/" OTHER_LID);
	assert_int_equal(count(f), 2);
	assert_int_equal(contacts_met(f), 2);
	assert_string_equal(look(f, bob.public_id).name, "Bob");
	assert_string_equal(look(f, eve.public_id).name, "Eve");
}

static void another_number_leaves_the_person_of_the_old_one(void **state)
{
	struct fixture *f = *state;
	struct saved bob = save(f, PN, "Bob"), other, person;

	meet(f, PN, LID, "bobby");
	add_receipt(f, &bob);
	other = meet(f, OTHER_PN, OTHER_LID, "eve");
	assert_int_equal(update(f, bob.public_id, OTHER_PN, NULL, NULL), 0);
	assert_names(f, &bob, OTHER_PN "/" OTHER_LID);
	person = meet(f, PN, LID, NULL);
	assert_int_not_equal(person.id, bob.id);
	assert_names(f, &person, PN "/" LID);
	assert_int_equal(
		number(f, "SELECT contact_id FROM receipt"), (int)person.id);
	assert_int_not_equal(other.id, bob.id);
	assert_int_equal(count(f), 1);
	assert_int_equal(contacts_met(f), 2);
}

/* ---- lists ---- */

static void the_book_is_paged_oldest_first(void **state)
{
	struct fixture *f = *state;
	const struct book_filter all = { .account_id = f->account_id };
	struct listed page;

	meet(f, "15550009999", LID, NULL);
	save(f, PN, NULL);
	save(f, OTHER_PN, NULL);
	save(f, "15550004444", NULL);
	page = list(f, &all, (struct page){ 1, 1 });
	assert_string_equal(page.phones, OTHER_PN " ");
	assert_int_equal(page.total, 3);
	page = list(f, &all, (struct page){ 3, 10 });
	assert_int_equal(page.n, 0);
	assert_int_equal(page.total, 3);
}

static void a_search_finds_parts_of_names_and_numbers(void **state)
{
	static const struct {
		const char *search, *expected;
	} table[] = {
		{ "mül", "491701 491702 " },
		{ "MÜLLER", "491701 491702 " },
		{ "a mü", "491702 " },
		{ "brien", "491703 " },
		{ "o'brien", "491703 " },
		{ "O'B", "491703 " },
		{ "иван", "491704 " },
		{ "ИВАНОВ", "491704 " },
		{ "9170", "491701 491702 491703 491704 " },
		{ "+49 17", "491701 491702 491703 491704 " },
		{ "+491702", "491702 " },
		{ "4917-02", "491702 " },
		{ "(49) 1703", "491703 " },
		{ "  müller ", "491701 491702 " },
		{ "lerm", "" },
		{ "zzz", "" },
		{ "701mül", "" }, /* no number runs on into a name */
		/* short: where it begins */
		{ "4", "491701 491702 491703 491704 " },
		{ "49", "491701 491702 491703 491704 " },
		{ "17", "" },
		{ "+4", "491701 491702 491703 491704 " },
		{ "t", "491701 " },
		{ "AN", "491702 " },
		{ "é", "15550001 " },
		{ "ü", "" },
		{ "ю", "" },
		/* as "491...", which is all that there is to it */
		{ "", "491701 491702 491703 491704 15550001 " },
		{ "   ", "491701 491702 491703 491704 15550001 " },
	};
	struct fixture *f = *state;

	save(f, "491701", "Tom Müller");
	save(f, "491702", "Anna MÜLLER");
	save(f, "491703", "Pat O'Brien");
	save(f, "491704", "Пётр Иванов");
	save(f, "15550001", "Élodie");
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct listed found = find(f, table[i].search);

		if (strcmp(found.phones, table[i].expected) != 0)
			print_error("%s\n", table[i].search);
		assert_string_equal(found.phones, table[i].expected);
		assert_int_equal(found.total, found.n);
	}
}

/* The words of FTS5's own language, and bytes that are no text. */
static void hostile_searches_are_only_texts(void **state)
{
	static const char *const table[] = { "\"", "\"\"\"", "\" OR \"", "*",
		"a*", "bob OR eve", "bob AND NOT eve", "NEAR(bob eve)",
		"tokens:bob", "-bob", "^bob", "(", ")", "bob)", "{tokens}:bob",
		"'; DROP TABLE contact; --", "\\", "%", "_", "bo%", "b_b",
		"\xff\xfe\xfd\xfc", "\xc3", "\xe2\x82", "bob\xf0\x9f",
		"\x01\x02\x03\x04", "1x626f62", "+++", "---", "()()", "+ - " };
	struct fixture *f = *state;

	save(f, PN, "bob");
	save(f, OTHER_PN, "eve");
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct listed found = find(f, table[i]);

		if (found.n != 0)
			print_error("%s\n", table[i]);
		assert_int_equal(found.n, 0);
	}
	assert_int_equal(find(f, "bob").n, 1);
}

static void a_long_search_is_compared_to_its_end(void **state)
{
	static const char name[] =
		"abcdefghijklmnopqrstuvwxyz0123456789abcdefghijklmnopq";
	char search[sizeof(name)];
	struct fixture *f = *state;

	save(f, PN, name);
	assert_int_equal(find(f, name).n, 1);
	memcpy(search, name, sizeof(name));
	search[sizeof(name) - 2] = 'z';
	assert_int_equal(find(f, search).n, 0);
	/* All its three letters are there, but not in this order. */
	assert_int_equal(find(f, "xyz0123abc").n, 0);
}

/* Every part of every name and number is found, and nothing else is: held
 * against a comparison of texts. */
static void a_search_agrees_with_comparing(void **state)
{
	static const char letters[] = "abcAB12 -'";
	struct fixture *f = *state;
	char names[60][10], phones[60][24];
	unsigned seed = 7;

	for (int i = 0; i < 60; i++) {
		for (int k = 0; k < 9; k++) {
			seed = seed * 1103515245u + 12345u;
			names[i][k] = letters[(seed >> 16) % 10];
		}
		names[i][9] = '\0';
		snprintf(phones[i], sizeof(phones[i]), "1555%04d", i);
		save(f, phones[i], names[i]);
	}
	for (int i = 0; i < 60; i++) {
		for (int from = 0; from <= 5; from++) {
			struct listed found;
			char part[5];
			int n = 0;

			memcpy(part, names[i] + from, 4);
			part[4] = '\0';
			if (part[0] == ' ' || part[3] == ' ' ||
				strspn(part, "12 -") == 4)
				continue;
			for (int k = 0; k < 60; k++)
				n += strcasestr(names[k], part) != NULL;
			found = find(f, part);
			assert_int_equal(found.n, n);
		}
	}
}

static void a_search_is_counted_and_listed_up_to_its_limit(void **state)
{
	struct fixture *f = *state;
	const struct book_filter filter = { .account_id = f->account_id,
		.search = "same" };
	struct listed page;
	struct tx *tx = begin(f);

	for (int i = 0; i < BOOK_COUNT_MAX + 5; i++) {
		char phone[24];
		const struct book_entry entry = { f->account_id, phone, "same",
			NULL };
		bool is_new;
		int64_t id;

		snprintf(phone, sizeof(phone), "1%09d", i);
		assert_int_equal(store_book_put(tx, &entry, NOW_MS, &id,
					 &is_new, &f->err),
			0);
	}
	commit(f, tx);
	page = list(f, &filter, (struct page){ BOOK_COUNT_MAX - 1, 10 });
	assert_int_equal(page.total, BOOK_COUNT_MAX);
	assert_string_equal(page.phones, "1000009999 ");
}

static void a_page_of_a_search_ends_where_it_is_told(void **state)
{
	struct fixture *f = *state;
	const struct book_filter filter = { .account_id = f->account_id,
		.search = "1555" };
	struct listed page;

	save(f, PN, NULL);
	save(f, OTHER_PN, NULL);
	save(f, "15550004444", NULL);
	page = list(f, &filter, (struct page){ 1, 1 });
	assert_string_equal(page.phones, OTHER_PN " ");
	assert_int_equal(page.total, 3);
}

static void a_list_can_be_of_a_group_a_tag_and_a_search(void **state)
{
	struct fixture *f = *state;
	int64_t group = add_segment(f, SEGMENT_GROUP, "VIP");
	int64_t tag = add_segment(f, SEGMENT_TAG, "Lead");
	int64_t empty = add_segment(f, SEGMENT_TAG, "Nobody");
	const int64_t a = save(f, "15550001", "Ann").id;
	const int64_t b = save(f, "15550002", "Bea").id;
	const int64_t c = save(f, "15550003", "Ann").id;
	const struct {
		int64_t group, tag;
		const char *search, *expected;
	} table[] = {
		{ group, 0, NULL, "15550001 15550002 " },
		{ 0, tag, NULL, "15550002 15550003 " },
		{ group, tag, NULL, "15550002 " },
		{ group, empty, NULL, "" },
		{ 0, empty, "ann", "" },
		{ group, 0, "ann", "15550001 " },
		{ 0, tag, "ann", "15550003 " },
		{ group, tag, "ann", "" },
		{ group, tag, "b", "15550002 " },
		{ 987654, 0, NULL, "" },
		{ group, 987654, NULL, "" },
	};

	join(f, group, a);
	join(f, group, b);
	join(f, tag, b);
	join(f, tag, c);
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		const struct book_filter filter = { f->account_id,
			table[i].search, table[i].group, table[i].tag };
		struct listed found = list(f, &filter, (struct page){ 0, 10 });

		if (strcmp(found.phones, table[i].expected) != 0)
			print_error("row %zu\n", i);
		assert_string_equal(found.phones, table[i].expected);
		assert_int_equal(found.total, found.n);
	}
}

/* What a large segment leaves to the index. */
static void a_search_in_large_segments_finds_their_members_only(void **state)
{
	struct fixture *f = *state;
	int64_t group = add_segment(f, SEGMENT_GROUP, "All but one");
	int64_t tag = add_segment(f, SEGMENT_TAG, "All but another");
	struct book_filter filter = { f->account_id, "wanted", group, 0 };
	struct listed found;
	struct tx *tx = begin(f);
	bool changed;

	for (int i = 0; i <= BOOK_COUNT_MAX + 1; i++) {
		char phone[24];
		const struct book_entry entry = { f->account_id, phone,
			i % 5000 == 1 ? "wanted" : "other", NULL };
		int64_t id;

		snprintf(phone, sizeof(phone), "1%09d", i);
		assert_int_equal(store_book_put(tx, &entry, NOW_MS, &id,
					 &changed, &f->err),
			0);
		if (i != 5001)
			assert_int_equal(store_segment_add(tx, group, id,
						 &changed, &f->err),
				0);
		if (i != 1)
			assert_int_equal(store_segment_add(tx, tag, id,
						 &changed, &f->err),
				0);
	}
	commit(f, tx);
	found = list(f, &filter, (struct page){ 0, 10 });
	assert_string_equal(found.phones, "1000000001 1000010001 ");
	assert_int_equal(found.total, 2);
	filter.tag_id = tag;
	found = list(f, &filter, (struct page){ 0, 10 });
	assert_string_equal(found.phones, "1000010001 ");
	assert_int_equal(found.total, 1);
}

/* A search must cost by the account's own contacts: no token is shared. */
static void accounts_share_no_token(void **state)
{
	static const int64_t accounts[] = { 1, 2, 16, 0x1a, 0xa, INT64_MAX };
	char texts[ARRAY_LEN(accounts)][600];

	for (size_t i = 0; i < ARRAY_LEN(accounts); i++) {
		struct buf tokens = BUF_INIT;

		book_tokens_add(&tokens, accounts[i], PN, "Ann x1z a1");
		snprintf(texts[i], sizeof(texts[i]), " %s", buf_cstr(&tokens));
		buf_fini(&tokens);
	}
	for (size_t i = 0; i < ARRAY_LEN(accounts); i++) {
		for (size_t k = 0; k < ARRAY_LEN(accounts); k++) {
			scoped(str_free) char *own = xstrdup(texts[i]);
			char *save_at = NULL;

			if (i == k)
				continue;
			for (char *token = strtok_r(own, " ", &save_at);
				token != NULL;
				token = strtok_r(NULL, " ", &save_at)) {
				scoped(str_free) char *whole =
					xasprintf(" %s ", token);

				assert_null(strstr(texts[k], whole));
			}
		}
	}
	(void)state;
}

static void the_index_holds_what_the_book_holds(void **state)
{
	struct fixture *f = *state;
	struct saved bob = save(f, PN, "Bob"), eve = save(f, OTHER_PN, "Eve");
	int i;

	for (i = 0; i < 50; i++) {
		char name[16];

		snprintf(name, sizeof(name), "Bob %d", i);
		assert_int_equal(
			update(f, bob.public_id, i % 2 ? PN : "15550007777",
				name, NULL),
			0);
	}
	erase(f, eve.public_id);
	assert_int_equal(find(f, "bob").n, 1);
	assert_int_equal(find(f, "49").n, 0);
	assert_int_equal(
		number(f, "SELECT count(*) FROM book_search('\"1xbob\"')"), 1);
	assert_int_equal(
		number(f, "SELECT count(*) FROM book_search('\"1xeve\"')"), 0);
	assert_int_equal(
		number(f, "SELECT count(*) FROM book_search('\"1x777\"')"), 0);
	assert_int_equal(sqlite3_exec(store_db(f->store)->handle,
				 "INSERT INTO book_search (book_search)"
				 " VALUES ('integrity-check')",
				 NULL, NULL, NULL),
		SQLITE_OK);
}

/* As apid's writer runs many requests in one transaction. */
static void what_is_rolled_back_is_not_found(void **state)
{
	static const char *const names[] = { "first", "second", "third" };
	struct fixture *f = *state;
	struct tx *tx = begin(f);

	for (int i = 0; i < 3; i++) {
		char phone[24], public_id[UUID_LEN];
		const struct book_entry entry = { f->account_id, phone,
			names[i], NULL };
		int64_t id;

		snprintf(phone, sizeof(phone), "1555000%d", i);
		assert_int_equal(tx_savepoint(tx, &f->err), 0);
		assert_int_equal(store_book_create(tx, &entry, NOW_MS, &id,
					 public_id, &f->err),
			0);
		if (i == 1)
			tx_savepoint_rollback(tx);
		tx_savepoint_release(tx);
	}
	commit(f, tx);
	assert_string_equal(find(f, "first").phones, "15550000 ");
	assert_string_equal(find(f, "third").phones, "15550002 ");
	assert_string_equal(find(f, "1555").phones, "15550000 15550002 ");
	assert_int_equal(
		number(f, "SELECT count(*) FROM book_search('\"1xsec\"')"), 0);
	assert_int_equal(count(f), 2);
}

static void no_question_walks_the_book(void **state)
{
	struct fixture *f = *state;
	int64_t group = add_segment(f, SEGMENT_GROUP, "VIP");
	int64_t tag = add_segment(f, SEGMENT_TAG, "Lead");
	struct saved bob = save(f, PN, "Bob"), eve;

	join(f, group, bob.id);
	join(f, tag, bob.id);
	for (int i = 0; i < 8; i++) {
		const struct book_filter filter = { f->account_id,
			i & 1 ? "bob" : NULL, i & 2 ? group : 0,
			i & 4 ? tag : 0 };

		list(f, &filter, (struct page){ 0, 10 });
	}
	meet(f, PN, LID, NULL);
	eve = save(f, OTHER_PN, "Eve");
	meet(f, OTHER_PN, LID, NULL);
	update(f, bob.public_id, "15550007777", "Robert", NULL);
	look(f, eve.public_id);
	is_saved(f, "x");
	erase(f, eve.public_id);
	assert_true(check_plans(f, "contact") >= 20);
	assert_true(check_plans(f, "book_search") >= 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORE_TEST(what_is_saved_is_there),
		STORE_TEST(a_number_is_saved_once),
		STORE_TEST(a_put_saves_and_then_changes),
		STORE_TEST(a_put_that_says_nothing_new_writes_nothing),
		STORE_TEST(an_update_changes_what_it_names),
		STORE_TEST(an_update_to_a_saved_number_is_a_conflict),
		STORE_TEST(another_account_sees_and_changes_nothing),
		STORE_TEST(what_is_deleted_is_gone_for_good),
		STORE_TEST(saving_somebody_known_keeps_the_ids),
		STORE_TEST(who_is_only_saved_is_no_contact_on_whatsapp),
		STORE_TEST(what_whatsapp_tells_changes_no_entry),
		cmocka_unit_test(a_merge_keeps_the_entry),
		STORE_TEST(
			an_entry_keeps_its_number_when_the_person_takes_another),
		STORE_TEST(an_entry_keeps_its_number_when_somebody_else_has_it),
		STORE_TEST(
			two_entries_whose_people_swap_numbers_stay_two_entries),
		STORE_TEST(another_number_leaves_the_person_of_the_old_one),
		STORE_TEST(the_book_is_paged_oldest_first),
		STORE_TEST(a_search_finds_parts_of_names_and_numbers),
		STORE_TEST(hostile_searches_are_only_texts),
		STORE_TEST(a_long_search_is_compared_to_its_end),
		STORE_TEST(a_search_agrees_with_comparing),
		STORE_TEST(a_search_is_counted_and_listed_up_to_its_limit),
		STORE_TEST(a_page_of_a_search_ends_where_it_is_told),
		STORE_TEST(a_list_can_be_of_a_group_a_tag_and_a_search),
		STORE_TEST(a_search_in_large_segments_finds_their_members_only),
		cmocka_unit_test(accounts_share_no_token),
		STORE_TEST(the_index_holds_what_the_book_holds),
		STORE_TEST(what_is_rolled_back_is_not_found),
		STORE_TEST(no_question_walks_the_book),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
