/* The one narrow door to the Signal protocol library: pairwise sessions and
 * sender keys for one account.  Nothing but signal*.c includes the library's
 * headers.
 *
 * The party holds no state of its own: it reads and writes records through the
 * store callbacks, and the owner wraps each call (or a whole turn of calls) in
 * one transaction: after WA_SIGNAL_STORE or ERR_IO, parts of a call may have
 * been written and must be rolled back; after any other failure nothing was.
 * Single thread.
 *
 * Addresses are already mapped: LID when the mapping is known, PN otherwise.
 *
 * Errors of the functions that give 0 or -1: ERR_NOT_FOUND no session or sender
 * key of ours, ERR_PEER bytes or keys of a peer that were refused, ERR_IO the
 * store. */
#ifndef COMMON_WA_SIGNAL_H
#define COMMON_WA_SIGNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/wa/crypto.h"
#include "common/wa/jid.h"

struct buf;
struct err;

/* Where records live.  @address is the bare-or-device JID given to the call,
 * mapped by the caller.  load functions append to @out and return 1 (found), 0
 * (not found) or -1 (the store failed: the whole call fails with ERR_IO). */
struct wa_signal_store {
	void *arg;
	int (*session_load)(
		void *arg, const struct wa_jid *address, struct buf *out);
	int (*session_save)(void *arg, const struct wa_jid *address,
		const uint8_t *record, size_t n);
	int (*session_delete)(void *arg, const struct wa_jid *address);
	/* 33-byte identity of the peer, 05 first.  save is called only after
	 * the message decrypted. */
	int (*identity_load)(
		void *arg, const struct wa_jid *address, struct buf *out);
	int (*identity_save)(void *arg, const struct wa_jid *address,
		const uint8_t *key, size_t n);
	/* One-time prekeys: private and public key, 64 bytes (priv, pub). */
	int (*prekey_load)(void *arg, uint32_t id, struct buf *out);
	int (*prekey_remove)(void *arg, uint32_t id);
	/* Signed prekey: priv 32, pub 32, signature 64. */
	int (*signed_prekey_load)(void *arg, uint32_t id, struct buf *out);
	int (*sender_key_load)(void *arg, const struct wa_jid *group,
		const struct wa_jid *sender, struct buf *out);
	int (*sender_key_save)(void *arg, const struct wa_jid *group,
		const struct wa_jid *sender, const uint8_t *record, size_t n);
};

struct wa_signal; /* one account's party */

struct wa_signal *wa_signal_new(const struct wa_keypair *identity,
	uint32_t registration_id,
	const struct wa_signal_store *store /* copied; arg borrowed */);
void wa_signal_free(struct wa_signal **partyp);

/* A peer's key bundle as it travels in stanzas (keys without type byte). */
struct wa_bundle {
	uint32_t registration_id;
	uint8_t identity[WA_KEY_BYTES];
	uint32_t signed_id;
	uint8_t signed_key[WA_KEY_BYTES];
	uint8_t signature[WA_SIGNATURE_BYTES];
	bool has_one_time;
	uint32_t one_time_id;
	uint8_t one_time_key[WA_KEY_BYTES];
};

enum wa_enc_type { WA_ENC_MSG = 1, WA_ENC_PKMSG, WA_ENC_SKMSG };
const char *wa_enc_name(enum wa_enc_type type); /* "msg", "pkmsg", "skmsg" */

/* Why a decryption failed: decides the answer (messages.md 1.10). */
enum wa_signal_result {
	WA_SIGNAL_OK = 0,
	WA_SIGNAL_DUPLICATE,   /* already decrypted: normal receipt */
	WA_SIGNAL_NO_SESSION,  /* no session, no sender key: retry, code 1 */
	WA_SIGNAL_INVALID_KEY, /* code 2 */
	WA_SIGNAL_NO_PREKEY,   /* code 3 */
	WA_SIGNAL_INVALID,     /* bad MAC, wrong session, malformed: code 4 */
	WA_SIGNAL_STORE,       /* the store failed: do not answer */
};

/* 1 yes, 0 no, -1 store failure. */
int wa_signal_has_session(
	struct wa_signal *party, const struct wa_jid *address);
/* Builds a session from a bundle.  Verifies the signed prekey's signature,
 * refuses keys of small order (all zero among them).  *@identity_changed (may
 * be NULL) is set when the stored identity of the address differed; the new one
 * is saved. */
int wa_signal_process_bundle(struct wa_signal *party,
	const struct wa_jid *address, const struct wa_bundle *bundle,
	bool *identity_changed, struct err *err);
/* @plain is already padded.  Appends the ciphertext to @out. */
int wa_signal_encrypt(struct wa_signal *party, const struct wa_jid *address,
	const void *plain, size_t n, struct buf *out,
	enum wa_enc_type *type_out, struct err *err);
/* Appends the (still padded) plaintext to @out.  The identity of a pkmsg is
 * saved, and its one-time prekey removed, only when the result is OK. */
enum wa_signal_result wa_signal_decrypt(struct wa_signal *party,
	const struct wa_jid *address, enum wa_enc_type type, const void *cipher,
	size_t n, struct buf *out, bool *identity_changed, struct err *err);

/* Of the current session: remote registration id, and the base key that tells
 * sessions apart (33 bytes).  -1 when there is no session. */
int wa_signal_session_info(struct wa_signal *party,
	const struct wa_jid *address, uint32_t *registration_id_out,
	uint8_t base_key_out[33]);

/* Has the other side ever written in this session: 1 yes, 0 no or no session,
 * -1 store failure. */
int wa_signal_is_answered(
	struct wa_signal *party, const struct wa_jid *address);

/* ---- groups ---- */
/* Creates our sender key for @group if needed; appends the SKDM bytes to @out.
 */
int wa_signal_group_skdm(struct wa_signal *party, const struct wa_jid *group,
	const struct wa_jid *self, struct buf *out, struct err *err);
/* Of our current sender key: its id, and how many messages it has encrypted.
 * 1, 0 there is none, -1 store failure. */
int wa_signal_group_info(struct wa_signal *party, const struct wa_jid *group,
	const struct wa_jid *self, uint32_t *key_id_out,
	uint32_t *iteration_out);
/* Ignores an SKDM whose key id and signing key we already hold, unless it is
 * more than 2000 messages ahead of what we can follow (messages.md 1.4). */
int wa_signal_group_process(struct wa_signal *party, const struct wa_jid *group,
	const struct wa_jid *sender, const void *skdm, size_t n,
	struct err *err);
int wa_signal_group_encrypt(struct wa_signal *party, const struct wa_jid *group,
	const struct wa_jid *self, const void *plain, size_t n, struct buf *out,
	struct err *err);
enum wa_signal_result wa_signal_group_decrypt(struct wa_signal *party,
	const struct wa_jid *group, const struct wa_jid *sender,
	const void *cipher, size_t n, struct buf *out, struct err *err);

/* A signed prekey for our own bundle: signature over 05 and the public key. */
void wa_signal_sign_prekey(const struct wa_keypair *identity,
	const uint8_t pub[WA_KEY_BYTES], uint8_t signature[WA_SIGNATURE_BYTES]);

/* protobuf-c must be the system's, not the old copy inside the Signal library:
 * -1 when a version older than the one we were built for has been linked. */
int wa_signal_check_library(struct err *err);

#endif
