/* What the files of the Signal door share: the party, and the way from the
 * library's codes to ours.  Only signal*.c include this and the library's own
 * headers. */
#ifndef COMMON_WA_SIGNAL_PARTY_H
#define COMMON_WA_SIGNAL_PARTY_H

#include <signal/group_cipher.h>
#include <signal/group_session_builder.h>
#include <signal/protocol.h>
#include <signal/session_builder.h>
#include <signal/session_cipher.h>
#include <signal/signal_protocol.h>

#include "common/buf.h"
#include "common/own.h"
#include "common/wa/signal.h"

#define DJB_KEY_BYTES (1 + WA_KEY_BYTES)
#define DJB_TYPE 0x05

/* What our store callbacks return when the store failed: below everything that
 * the library uses, so that a disk error is never taken for a bad message. */
#define STORE_FAILED (SG_ERR_MINIMUM - 1)

struct wa_signal {
	struct wa_keypair identity;
	uint32_t registration_id;
	struct wa_signal_store store;

	signal_context *context;
	signal_protocol_store_context *records;
	session_cipher *cipher;
	session_builder *builder;
	group_cipher *group_cipher;
	group_session_builder *group_builder;

	/* The library's addresses never change: the callbacks look at the call
	 * under way instead, which saves making a cipher object per call. */
	signal_protocol_address address;
	signal_protocol_sender_key_name key_name;

	/* The call under way. */
	const struct wa_jid *group; /* borrowed; NULL in a pairwise call */
	const struct wa_jid *peer;  /* borrowed; the sender in a group */
	bool session_missing;	    /* a load found none */
	bool identity_pending;	    /* seen, not yet proven by a MAC */
	uint8_t pending_identity[DJB_KEY_BYTES];
	struct buf record; /* what a load read; wiped after use, memory kept */
};

/* Every entry from outside starts with this. */
void signal_party_begin(struct wa_signal *party, const struct wa_jid *group,
	const struct wa_jid *peer);
void signal_party_wipe_record(struct wa_signal *party);

/* Fills @err for a library call that gave @rc; the second returns -1. */
enum wa_signal_result signal_report(int rc, const char *what, struct err *err);
int signal_fail(int rc, const char *what, struct err *err);
/* The code of a parser: whatever does not parse is the peer's fault, too short
 * bytes
 * ("invalid argument" to the library) among them. */
int signal_parse_error(int rc);

/* SG_ERR_INVALID_KEY for a key whose shared secrets anybody knows: all zero,
 * small order. */
int signal_key_check(const ec_public_key *key);
bool signal_key_is_weak(const uint8_t pub[WA_KEY_BYTES]);

/* scoped(signal_unref): any reference-counted object of the library. */
void signal_unref(void *objectp);
/* scoped(signal_wipe_free) signal_buffer *: for everything that was ever
 * secret. */
void signal_wipe_free(signal_buffer **bufferp);

#endif
