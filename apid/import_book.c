#include "apid/import_book.h"

#include <stdlib.h>
#include <string.h>

#include "apid/import.h"
#include "apid/import_columns.h"
#include "apid/import_row.h"
#include "apid/import_seen.h"
#include "apid/segments.h"
#include "common/clock.h"
#include "common/config.h"
#include "common/err.h"
#include "common/log.h"
#include "common/media/table.h"
#include "common/own.h"

/* Of one transaction, whichever comes first. */
#define STEP_ROWS 1000
#define STEP_MS 20
#define NO_PHONES                                                         \
	"No phone column: name one \"phone\" in the first row, or begin " \
	"with names and phone numbers"

struct import_book {
	const struct config *config; /* borrowed */
	struct import_target target;
	struct store *store;
	struct table_reader *reader;
	struct import_columns columns;
	bool has_columns;
	struct import_row row; /* the one that is being saved */
	struct seen *seen;
	struct import_tally tally;
	/* Of the step under way: */
	struct tx *tx;	    /* borrowed */
	int64_t segment_id; /* a row of segments */
	int64_t room;	    /* contacts that the plan still allows */
	int64_t now_ms;
};

int import_book_open(const struct config *config, const char *db_path,
	const struct import_target *target, int table_fd,
	struct import_book **out, struct err *err)
{
	scoped(import_book_free) struct import_book *book =
		xcalloc(1, sizeof(*book));

	book->config = config;
	book->target = *target;
	book->tally.errors = json_array();
	if (store_open(db_path, STORE_WRITE, &book->store, err) != 0)
		return err_wrap(err, "store");
	book->reader = table_reader_new(table_fd);
	book->seen = seen_new();
	*out = move(book);
	return 0;
}

void import_book_free(struct import_book **bookp)
{
	struct import_book *book = move(*bookp);

	if (book == NULL)
		return;
	store_close(&book->store);
	table_reader_free(&book->reader);
	seen_free(&book->seen);
	import_row_fini(&book->row);
	json_decref(book->tally.errors);
	free(book);
}

const struct import_tally *import_book_tally(const struct import_book *book)
{
	return &book->tally;
}

static void add_error(
	struct import_book *book, uint32_t number, const char *message)
{
	if (book->tally.n_errors++ < IMPORT_ERRORS_MAX)
		json_array_append_new(book->tally.errors,
			json_pack("{s:I, s:s}", "row", (json_int_t)number,
				"message", message));
}

/* ---- what a step begins with ---- */

/* 0, also when nothing fits; the refusal is filled when not @more do. */
static int find_room(struct import_book *book, int64_t more, struct err *err)
{
	struct import_tally *tally = &book->tally;
	struct plan_refusal refusal;

	book->room = INT64_MAX;
	if (plan_check(tx_store(book->tx), book->config,
		    book->target.account_id, PLAN_CONTACTS, more, book->now_ms,
		    &refusal, err) == 0)
		return 0;
	if (err->code != ERR_FORBIDDEN)
		return -1;
	tally->refusal = refusal;
	tally->words = *err;
	*err = ERR_NONE;
	book->room =
		refusal.limit > refusal.used ? refusal.limit - refusal.used : 0;
	return 0;
}

static int step_begin(struct import_book *book, struct tx *tx, struct err *err)
{
	book->tx = tx;
	book->now_ms = clock_now_ms();
	if (segments_find(tx_store(tx), book->target.account_id,
		    book->target.kind, book->target.segment_uid,
		    &book->segment_id, err) != 0)
		return -1;
	return find_room(book, STEP_ROWS, err);
}

/* ---- a row ---- */

/* What the contact has already stays, unless the row names it, too. */
static int merge_fields(const struct book_contact *contact, void *arg)
{
	json_t *fields = arg;
	json_t *known = contact->fields != NULL
				? json_loads(contact->fields, 0, NULL)
				: NULL;

	if (fields != NULL && json_is_object(known))
		json_object_update_missing(fields, known);
	json_decref(known);
	return 0;
}

/* 1: it is saved already, and its fields are in the row's now; 0; -1. */
static int find_saved(struct import_book *book, struct err *err)
{
	return store_book_by_phone(tx_store(book->tx), book->target.account_id,
		book->row.phone, merge_fields, book->row.fields, err);
}

static int over_plan(struct import_book *book, uint32_t number, struct err *err)
{
	char message[sizeof(book->tally.words.msg) + 32];

	/* What is used has changed since the step began. */
	if (find_room(book, 1, err) != 0)
		return -1;
	snprintf(message, sizeof(message), "PLAN_LIMIT_EXCEEDED: %s",
		book->tally.words.msg);
	add_error(book, number, message);
	book->tally.n_over_plan++;
	return 0;
}

static int put(struct import_book *book, struct err *err)
{
	scoped(str_free) char *fields =
		book->row.fields != NULL
			? json_dumps(book->row.fields, JSON_COMPACT)
			: NULL;
	const struct book_entry entry = {
		.account_id = book->target.account_id,
		.phone = book->row.phone,
		.name = book->row.name.len > 0 ? buf_cstr(&book->row.name)
					       : NULL,
		.fields = fields,
	};
	bool is_new = false, is_added = false;
	int64_t id;

	if (store_book_put(book->tx, &entry, book->now_ms, &id, &is_new, err) !=
			0 ||
		store_segment_add(
			book->tx, book->segment_id, id, &is_added, err) != 0)
		return -1;
	if (is_new && book->room != INT64_MAX)
		book->room--;
	book->tally.created += is_new;
	book->tally.linked += !is_new;
	return 0;
}

static int save(struct import_book *book, uint32_t number, struct err *err)
{
	int saved = 0;

	if (book->room == 0 || book->row.fields != NULL)
		saved = find_saved(book, err);
	if (saved < 0)
		return -1;
	if (book->room == 0 && saved == 0)
		return over_plan(book, number, err);
	if (book->row.fields != NULL &&
		json_object_size(book->row.fields) > BOOK_FIELDS_MAX) {
		add_error(book, number, "The contact has too many fields");
		return 0;
	}
	return put(book, err);
}

static int take_row(
	struct import_book *book, const struct table_row *row, struct err *err)
{
	if (!book->has_columns) {
		book->has_columns = true;
		if (columns_from_header(row, &book->columns))
			return 0;
		if (!columns_from_data(row, &book->columns))
			return err_set(err, ERR_INVALID, NO_PHONES);
	}
	if (import_row_take(row, &book->columns, &book->row) != 0) {
		add_error(book, row->number, book->row.why);
		return 0;
	}
	if (!seen_add(book->seen, book->row.phone)) {
		add_error(book, row->number, "Duplicate phone number in file");
		return 0;
	}
	return save(book, row->number, err);
}

/* ---- steps ---- */

/* mediaconv never writes such rows: the file has done that to it. */
static int blame_file(struct err *err)
{
	if (err->code != ERR_PEER)
		return -1;
	log_warning("import reason=%s action=refuse_file", log_quote(err->msg));
	return err_set(err, ERR_INVALID, "The file could not be read");
}

static int take_rows(struct import_book *book, bool *is_over, struct err *err)
{
	const int64_t until_ms = clock_mono_ms() + STEP_MS;
	struct table_row row;

	for (int n = 0; n < STEP_ROWS && clock_mono_ms() < until_ms; n++) {
		const int found = table_reader_next(book->reader, &row, err);

		if (found < 0)
			return blame_file(err);
		*is_over = found == 0;
		if (*is_over && !book->has_columns)
			return err_set(
				err, ERR_INVALID, "The file has no rows");
		if (*is_over)
			return 0;
		if (take_row(book, &row, err) != 0)
			return -1;
	}
	return 0;
}

int import_book_step(struct import_book *book, bool *is_over, struct err *err)
{
	scoped(tx_end) struct tx *tx = tx_begin(book->store, err);

	*is_over = false;
	if (tx == NULL || step_begin(book, tx, err) != 0 ||
		take_rows(book, is_over, err) != 0)
		return -1;
	return tx_commit(tx, err);
}
