/* Invented chats for the history of a virtual phone.  The same order gives the
 * same chats: message ids tell chat and place, so that what is older can be
 * found again. */
#ifndef SANDBOXD_PHONE_HISTORY_H
#define SANDBOXD_PHONE_HISTORY_H

#include "sandboxd/phone.h"

/* Who a chat is with. */
struct history_peer {
	struct wa_jid id; /* LID or group */
	struct wa_jid pn; /* empty: a group */
	char name[128];
	struct group *group; /* borrowed during a call; NULL: a person */
	bool real;	     /* there is such an account or group */
};

struct history_source {
	struct phone *phone; /* borrowed */
	struct phone_history_order order;
	int64_t now_s; /* when it was ordered */
	/* Chats with what there really is come first: groups of the account,
	 * then people it exchanged messages with. */
	struct wa_jid *real;
	size_t n_real;
	/* all pictures are the same one */
	bool has_picture;
	char *picture_path;
	uint8_t picture_key[32], picture_sha256[32], picture_enc_sha256[32];
	uint64_t picture_length;
};

void history_source_init(struct history_source *source, struct phone *phone,
	const struct phone_history_order *order);
void history_source_fini(struct history_source *source);

/* Messages of chat @k that a first sync holds, and those with the older ones.
 */
unsigned history_n_messages(const struct history_source *source, unsigned k);
unsigned history_n_all(const struct history_source *source, unsigned k);
void history_peer_of(const struct history_source *source, unsigned k,
	struct history_peer *out);
/* Chat @k with its messages from the @first (0 is the newest), in @arena. */
Wa__Conversation *history_conversation(const struct history_source *source,
	struct arena *arena, unsigned k, unsigned first, unsigned count);
/* Which message of ours has this id?  False: none. */
bool history_find(const struct history_source *source, const char *id,
	unsigned *k_out, unsigned *index_out);
int64_t history_time(
	const struct history_source *source, unsigned k, unsigned index);

#endif
