/* Contacts of the address book: list, create, get, update, delete. */
#ifndef APID_BOOK_H
#define APID_BOOK_H

struct err;
struct request;
struct tx;

#define BOOK_SEARCH_MAX 100   /* characters */
#define BOOK_SEGMENTS_MAX 100 /* groups, and tags, of a new contact */

/* handlers */
int book_list(struct request *request, struct err *err);
int book_create(struct request *request, struct tx *tx, struct err *err);
int book_get(struct request *request, struct err *err);
int book_update(struct request *request, struct tx *tx, struct err *err);
int book_delete(struct request *request, struct tx *tx, struct err *err);

#endif
