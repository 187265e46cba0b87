#include "senderd/contact_cache.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/own.h"
#include "common/wa/jid.h"

#define ENTRIES 16
#define FRESH_MS 10000

struct entry {
	char phone[WA_USER_MAX + 1], lid[WA_USER_MAX + 1];
	uint64_t push_name; /* hash; 0: none was told */
	char public_id[UUID_LEN];
	int64_t until_ms; /* monotonic; 0: empty */
};

struct contact_cache {
	struct entry entries[ENTRIES];
};

struct contact_cache *contact_cache_new(void)
{
	return xcalloc(1, sizeof(struct contact_cache));
}

void contact_cache_free(struct contact_cache **cachep)
{
	free(move(*cachep));
}

void contact_cache_clear(struct contact_cache *cache)
{
	*cache = (struct contact_cache){ 0 };
}

/* FNV-1a: two names with one hash only delay a change of name. */
static uint64_t hash_text(const char *text)
{
	uint64_t hash = 14695981039346656037u;

	if (text == NULL)
		return 0;
	for (const char *p = text; *p != '\0'; p++)
		hash = (hash ^ (uint8_t)*p) * 1099511628211u;
	return hash;
}

static const char *or_empty(const char *text)
{
	return text != NULL ? text : "";
}

static struct entry *entry_of(
	struct contact_cache *cache, const struct contact_news *who)
{
	uint64_t hash = hash_text(who->phone != NULL ? who->phone : who->lid);

	return &cache->entries[hash % ENTRIES];
}

static bool same(const char *known, const char *asked)
{
	return asked != NULL && strcmp(known, asked) == 0;
}

/* What is asked with one name is answered by an entry that has both. */
static bool entry_is(const struct entry *entry, const struct contact_news *who)
{
	return entry->until_ms > clock_mono_ms() &&
	       (who->phone == NULL || same(entry->phone, who->phone)) &&
	       (who->lid == NULL || same(entry->lid, who->lid));
}

static void entry_set(struct contact_cache *cache,
	const struct contact_news *who, const char *public_id)
{
	struct entry *entry = entry_of(cache, who);

	/* What was two may have become one. */
	for (size_t i = 0; i < ENTRIES; i++) {
		if (same(cache->entries[i].phone, who->phone) ||
			same(cache->entries[i].lid, who->lid))
			cache->entries[i].until_ms = 0;
	}
	*entry = (struct entry){ .push_name = hash_text(who->push_name),
		.until_ms = clock_mono_ms() + FRESH_MS };
	/* A name that is cut is never found again. */
	snprintf(entry->phone, sizeof entry->phone, "%s", or_empty(who->phone));
	snprintf(entry->lid, sizeof entry->lid, "%s", or_empty(who->lid));
	snprintf(entry->public_id, sizeof entry->public_id, "%s", public_id);
}

int contact_cache_note(struct contact_cache *cache, struct tx *tx,
	const struct contact_news *news, char public_id_out[UUID_LEN],
	struct err *err)
{
	const struct entry *entry = entry_of(cache, news);
	int64_t id = 0;

	public_id_out[0] = '\0';
	if (news->phone == NULL && news->lid == NULL)
		return 0;
	if (entry_is(entry, news) &&
		(news->push_name == NULL ||
			entry->push_name == hash_text(news->push_name))) {
		memcpy(public_id_out, entry->public_id, UUID_LEN);
		return 0;
	}
	if (store_contact_note(
		    tx, news, clock_now_ms(), &id, public_id_out, err) != 0)
		return -1;
	entry_set(cache, news, public_id_out);
	return 0;
}

int contact_cache_find(struct contact_cache *cache, struct tx *tx,
	const struct contact_news *who, char public_id_out[UUID_LEN],
	struct err *err)
{
	const struct entry *entry = entry_of(cache, who);

	public_id_out[0] = '\0';
	if (who->phone == NULL && who->lid == NULL)
		return 0;
	if (entry_is(entry, who)) {
		memcpy(public_id_out, entry->public_id, UUID_LEN);
		return 0;
	}
	if (store_contact_public_id(tx_store(tx), who->account_id, who->phone,
		    who->lid, public_id_out, err) != 0)
		return -1;
	if (public_id_out[0] != '\0')
		entry_set(cache, who, public_id_out);
	return 0;
}
