/* The contacts that a lane had to do with last, so that a burst of messages
 * from one of them asks the store once.  What it says may be some seconds old:
 * another device of the account can have found out that two contacts are one.
 */
#ifndef SENDERD_CONTACT_CACHE_H
#define SENDERD_CONTACT_CACHE_H

#include "common/ids.h"
#include "common/store/contact.h"

struct contact_cache;

struct contact_cache *contact_cache_new(void);
void contact_cache_free(struct contact_cache **cachep);
/* Nothing is known any more: a transaction was rolled back. */
void contact_cache_clear(struct contact_cache *cache);

/* As store_contact_note(), but for what was noted just now.  Without phone and
 * LID there is no contact: "". */
int contact_cache_note(struct contact_cache *cache, struct tx *tx,
	const struct contact_news *news, char public_id_out[UUID_LEN],
	struct err *err);
/* As store_contact_public_id(). */
int contact_cache_find(struct contact_cache *cache, struct tx *tx,
	const struct contact_news *who, char public_id_out[UUID_LEN],
	struct err *err);

#endif
