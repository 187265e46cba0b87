/* A row of an imported spreadsheet as a contact. */
#ifndef APID_IMPORT_ROW_H
#define APID_IMPORT_ROW_H

#include <jansson.h>

#include "common/buf.h"
#include "common/phone.h"

struct import_columns;
struct table_row;

struct import_row {
	char phone[PHONE_LEN];
	struct buf name; /* "" = none */
	json_t *fields;	 /* owned: texts by name; NULL = none */
	char why[128];	 /* the sentence of a refusal */
};

/* Fills @out anew; -1: @out->why says what is wrong with it. */
int import_row_take(const struct table_row *row,
	const struct import_columns *columns, struct import_row *out);
void import_row_fini(struct import_row *row);

#endif
