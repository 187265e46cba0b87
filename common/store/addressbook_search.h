/* Search in an address book: any part of a name or of a number.
 *
 * SQLite's FTS5 keeps which contact has which token.  A token is three
 * characters in a row out of the number or the name, folded, or how one of them
 * begins (one and two characters: for searches as short as that), and before
 * them the account: so an account's search reads lists of its own contacts
 * only.  The index knows no positions; what it finds is held against the texts
 * again.  Tokens must be made the same way to be taken out: a change here needs
 * a migration that builds the index anew.  Internal to common/store. */
#ifndef COMMON_STORE_ADDRESSBOOK_SEARCH_H
#define COMMON_STORE_ADDRESSBOOK_SEARCH_H

#include <stdbool.h>
#include <stdint.h>

#include "common/buf.h"

/* The tokens of a contact, separated by spaces; @name may be NULL. */
void book_tokens_add(struct buf *out, int64_t account_id, const char *phone,
	const char *name);

struct book_search {
	struct buf text;      /* as it is asked for, folded */
	struct buf digits;    /* as a part of a number; empty: it is none */
	struct buf candidate; /* the folded name of fits() */
	struct buf match;     /* an expression of FTS5 */
};

/* False: there is nothing to search for.  To be ended in any case. */
bool book_search_init(
	struct book_search *search, int64_t account_id, const char *text);
void book_search_fini(struct book_search *search);
/* Does a contact that the index gave, or any other, match? */
bool book_search_fits(
	struct book_search *search, const char *phone, const char *name);

#endif
