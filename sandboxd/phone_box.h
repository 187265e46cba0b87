/* The two lists that tests look at: what a phone received (inbox), and what it
 * and its account's companions sent (outbox).
 *
 * Entries are numbered from 1 without gaps and found by number or by a hash of
 * what makes them unique; the oldest go when a list is full. */
#ifndef SANDBOXD_PHONE_BOX_H
#define SANDBOXD_PHONE_BOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/wa/jid.h"
#include "sandboxd/table.h"

#define BOX_INBOX_MAX 20000
#define BOX_OUTBOX_MAX 2000
#define BOX_BYTES_MAX (64u << 20) /* of texts and kept messages */

/* Towards the recipient; only goes up. */
enum box_status {
	BOX_PENDING,
	BOX_FAILED, /* refused by the server */
	BOX_SENT,
	BOX_DELIVERED,
	BOX_READ,
	BOX_PLAYED,
};

struct box_entry {
	struct table_link by_key;
	uint64_t seq;
	char *id;
	struct wa_jid peer; /* bare LID: sender (inbox) or recipient (outbox) */
	unsigned device;    /* of the sender */
	char *type;	    /* of the stanza: "text", "media", ... */
	char *text;	    /* or NULL */
	int64_t t;	    /* unix seconds, the server's */
	unsigned duplicates;	/* inbox: came again with the same id */
	enum box_status status; /* outbox */
	int error;		/* outbox: of the server's ack */
	/* outbox, own messages: for whoever asks for it again */
	struct buf message; /* serialised Message; empty for copies of
			       companions */
	bool category_peer; /* for an own companion, as protocol traffic */
	unsigned resends;
};

struct box {
	struct box_entry **ring;
	size_t cap, head, n;
	size_t max, bytes;
	uint64_t next_seq; /* of the next entry; the first is 1 */
	uint64_t dropped;  /* left because the list was full */
	struct table by_key;
};

void box_init(struct box *box, size_t max);
void box_fini(struct box *box);
/* What makes an entry unique: chat or sender, and id. */
uint64_t box_key(const struct wa_jid *peer, unsigned device, const char *id);
/* Takes the entry; its number is given here.  @key: see box_key(). */
void box_add(struct box *box, struct box_entry *entry, uint64_t key);
struct box_entry *box_find(const struct box *box, uint64_t key, const char *id);
/* The entry number @seq, or NULL when there is none (any more). */
struct box_entry *box_at(const struct box *box, uint64_t seq);
uint64_t box_first_seq(const struct box *box);
/* Drops all entries; returns how many there were. */
size_t box_clear(struct box *box);

struct box_entry *box_entry_new(const char *id, const struct wa_jid *peer,
	unsigned device, const char *type, const char *text, int64_t t);
const char *box_status_name(enum box_status status);

#endif
