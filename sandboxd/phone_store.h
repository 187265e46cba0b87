/* The keys and Signal records of a virtual phone, in memory.
 *
 * One-time prekeys are derived from a seed by their number, so there is no end
 * of them and none is kept; a used one stays derivable, which a real phone must
 * not do. */
#ifndef SANDBOXD_PHONE_STORE_H
#define SANDBOXD_PHONE_STORE_H

#include <stdint.h>

#include "common/wa/signal.h"
#include "sandboxd/table.h"

struct phone_store {
	struct wa_keypair identity;
	uint32_t registration_id;
	struct wa_keypair signed_key;
	uint8_t signature[WA_SIGNATURE_BYTES];
	uint8_t seed[32];	 /* of the one-time prekeys */
	uint32_t last_prekey;	 /* number given out last */
	struct wa_signal *party; /* made at the first message */
	struct table records;
};

/* Fresh keys, as after registering the number. */
void phone_store_init(struct phone_store *store);
void phone_store_fini(struct phone_store *store);
struct wa_signal *phone_store_party(struct phone_store *store);
/* Our bundle with the next one-time prekey. */
void phone_store_bundle(struct phone_store *store, struct wa_bundle *out);
/* Drops session and identity of one device. */
void phone_store_forget(
	struct phone_store *store, const struct wa_jid *address);
/* Drops the sender key of @sender (bare LIDs of other people's devices, or our
 * own) in one group. */
void phone_store_forget_sender_key(struct phone_store *store,
	const struct wa_jid *group, const struct wa_jid *sender);

#endif
