/* The two lists that tests look at: what a phone received (inbox), and what it
 * and its account's companions sent (outbox).
 *
 * Entries are numbered from 1 without gaps and found by number or by a hash of
 * what makes them unique; the oldest go when a list is full. */
#ifndef SANDBOXD_PHONE_BOX_H
#define SANDBOXD_PHONE_BOX_H

#include <jansson.h>
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

/* What one reader of a group or status message told. */
struct box_tick {
	char lid[48]; /* the reader's */
	enum box_status status;
};

struct box_entry {
	struct table_link by_key;
	uint64_t seq;
	char *id;
	/* Inbox: the sender's bare LID.  Outbox: bare LID of the recipient, the
	 * group, or status@broadcast. */
	struct wa_jid peer;
	struct wa_jid chat;  /* inbox: group or status@broadcast, else empty */
	unsigned device;     /* that sent it; outbox: 0 = the phone itself */
	char *type;	     /* phone_kind.h: "text", "image", ... */
	char *text;	     /* or NULL */
	json_t *details;     /* what else is in it, or NULL */
	int64_t t;	     /* unix seconds, the server's */
	unsigned duplicates; /* inbox: came again with the same id */
	enum box_status status; /* outbox */
	int error;		/* outbox: of the server's ack */
	struct buf message;	/* serialised Message */
	bool category_peer;	/* for an own companion, as protocol traffic */
	bool phone_only;	/* companions are told that it is unavailable */
	unsigned resends;
	/* outbox, group and status */
	struct box_tick *ticks;
	size_t n_ticks;
	char (*audience)[48]; /* status: LIDs of who may see it */
	size_t n_audience;
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
/* The newest entry with this id, whoever sent it.  Looks through all of them.
 */
struct box_entry *box_find_id(const struct box *box, const char *id);
/* The entry number @seq, or NULL when there is none (any more). */
struct box_entry *box_at(const struct box *box, uint64_t seq);
uint64_t box_first_seq(const struct box *box);
/* Drops all entries; returns how many there were. */
size_t box_clear(struct box *box);

struct box_entry *box_entry_new(const char *id, const struct wa_jid *peer,
	unsigned device, const char *type, const char *text, int64_t t);
/* Raises the status towards one reader, and that of the entry. */
void box_entry_tick(
	struct box_entry *entry, const char *lid, enum box_status status);
/* May the account with this LID have a status message? */
bool box_entry_is_for(const struct box_entry *entry, const char *lid);
const char *box_status_name(enum box_status status);

#endif
