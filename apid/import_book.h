/* The rows of an import into the address book, a transaction at a time, so that
 * sends find the database free in between.
 *
 * What is committed stays when a later row fails or the process dies; the same
 * file again finds those contacts saved and links them. */
#ifndef APID_IMPORT_BOOK_H
#define APID_IMPORT_BOOK_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"
#include "common/plan.h"
#include "common/store/addressbook.h"

struct config;
struct err;
struct import_book;

struct import_target {
	int64_t account_id;
	enum segment_kind kind;
	const char *segment_uid; /* borrowed for as long as the book is open */
};

struct import_tally {
	int64_t linked, created;
	int64_t n_errors;
	json_t *errors; /* borrowed: the first IMPORT_ERRORS_MAX */
	/* Rows that the plan has no room for, and what it says of them. */
	int64_t n_over_plan;
	struct plan_refusal refusal;
	struct err words;
};

/* @table_fd: what mediaconv made; borrowed. */
int import_book_open(const struct config *config, const char *db_path,
	const struct import_target *target, int table_fd,
	struct import_book **out, struct err *err);
void import_book_free(struct import_book **bookp);
/* The next rows, in one transaction; *@is_over: there are no more.
 * ERR_INVALID: the spreadsheet has no column of phones, or no row, or the table
 * is not one; ERR_NOT_FOUND: the segment is gone. */
int import_book_step(struct import_book *book, bool *is_over, struct err *err);
const struct import_tally *import_book_tally(const struct import_book *book);

#endif
