/* Groups and tags of the address book.  They differ in what they are shown
 * with; which of the two a request is about follows from its path. */
#ifndef APID_SEGMENTS_H
#define APID_SEGMENTS_H

#include <stdint.h>

#include "common/store/addressbook.h"

struct err;
struct request;
struct store;
struct tx;

#define SEGMENTS_GROUPS_PATH "/v1/contact-groups"
#define SEGMENTS_TAGS_PATH "/v1/contact-tags"
#define SEGMENT_NAME_MAX 100 /* characters */
#define SEGMENT_DESCRIPTION_MAX 500
#define SEGMENT_CONTACTS_MAX 1000 /* in one request or answer */
#define SEGMENTS_PAGE_MAX 1000	  /* of them in one answer */

/* ERR_NOT_FOUND, with words that name the id. */
int segments_find(struct store *store, int64_t account_id,
	enum segment_kind kind, const char *public_id, int64_t *id_out,
	struct err *err);

/* handlers */
int segments_list(struct request *request, struct err *err);
int segments_create(struct request *request, struct tx *tx, struct err *err);
int segments_get(struct request *request, struct err *err);
int segments_update(struct request *request, struct tx *tx, struct err *err);
int segments_delete(struct request *request, struct err *err);
int segments_add(struct request *request, struct tx *tx, struct err *err);
int segments_remove(struct request *request, struct tx *tx, struct err *err);

#endif
