/* A lane's own database, <state>/lanes/<deviceUid>.db: identity, prekeys,
 * sessions, sender keys, address mapping, device lists, sent messages for
 * retries.  synchronous=FULL.  Records are sealed with the lane's key.  One
 * open handle, one process, one thread.
 *
 * A lane works in turns: lanedb_begin() is implicit with the first write of a
 * turn, and lanedb_commit() ends the turn before anything reaches the socket.
 */
#ifndef COMMON_STORE_LANEDB_H
#define COMMON_STORE_LANEDB_H

#include <stdbool.h>
#include <stdint.h>

#include "common/ids.h"
#include "common/secret.h"
#include "common/wa/crypto.h"
#include "common/wa/jid.h"
#include "common/wa/media.h"

struct buf;
struct err;
struct lanedb;

int lanedb_open(const char *path, const struct secret_key *lane_key,
	struct lanedb **out, struct err *err);
void lanedb_close(struct lanedb **dbp);
int lanedb_commit(struct lanedb *db,
	struct err *err); /* 0 also when nothing was written */
void lanedb_rollback(struct lanedb *db);
/* Clean unlink: removes every row and then the file. */
int lanedb_destroy(struct lanedb **dbp, const char *path, struct err *err);

/* ---- identity and registration, one row ---- */
struct lane_identity {
	struct wa_keypair noise;
	struct wa_keypair identity;
	uint32_t registration_id;
	uint8_t adv_secret[32];
	bool is_paired;
	struct wa_jid jid, lid; /* own device JIDs; valid when paired */
	char push_name[128];
	char platform[32];
};
/* 1 found, 0 none yet, -1 error. */
int lanedb_identity_load(
	struct lanedb *db, struct lane_identity *out, struct err *err);
int lanedb_identity_save(struct lanedb *db,
	const struct lane_identity *identity, struct err *err);
/* Small named values: "adv_identity" (complete ADVSignedDeviceIdentity),
 * "routing_info", "dirty_account_sync", ... sealed. 1/0/-1. */
int lanedb_value_load(
	struct lanedb *db, const char *name, struct buf *out, struct err *err);
int lanedb_value_save(struct lanedb *db, const char *name, const void *bytes,
	size_t n, struct err *err);

/* ---- keys ---- */
struct lane_prekey {
	uint32_t id;
	struct wa_keypair key;
};
/* Makes @n new one-time prekeys with ids never used before (1 .. 0xFFFFFE,
 * wrapping). */
int lanedb_prekeys_make(
	struct lanedb *db, int n, struct lane_prekey *out, struct err *err);
int lanedb_prekeys_mark_uploaded(struct lanedb *db, uint32_t first_id,
	uint32_t last_id, struct err *err);
/* Made and not yet uploaded, oldest first; returns how many were written to
 * @out. */
int lanedb_prekeys_pending(
	struct lanedb *db, struct lane_prekey *out, int max, struct err *err);
int lanedb_prekeys_count(struct lanedb *db, bool uploaded, struct err *err);
int lanedb_prekey_load(struct lanedb *db, uint32_t id, struct buf *out,
	struct err *err); /* priv 32, pub 32 */
int lanedb_prekey_remove(struct lanedb *db, uint32_t id, struct err *err);
struct lane_signed_prekey {
	uint32_t id;
	struct wa_keypair key;
	uint8_t signature[64];
	int64_t created_ms;
};
int lanedb_signed_prekey_save(struct lanedb *db,
	const struct lane_signed_prekey *key,
	struct err *err); /* keeps the newest three */
int lanedb_signed_prekey_newest(struct lanedb *db,
	struct lane_signed_prekey *out, struct err *err); /* 1/0/-1 */
int lanedb_signed_prekey_load(struct lanedb *db, uint32_t id, struct buf *out,
	struct err *err); /* priv 32, pub 32, signature 64 */

/* ---- Signal records; addresses as given ---- */
int lanedb_session_load(struct lanedb *db, const struct wa_jid *address,
	struct buf *out, struct err *err);
int lanedb_session_save(struct lanedb *db, const struct wa_jid *address,
	const uint8_t *record, size_t n, struct err *err);
int lanedb_session_delete(
	struct lanedb *db, const struct wa_jid *address, struct err *err);
int lanedb_peer_identity_load(struct lanedb *db, const struct wa_jid *address,
	struct buf *out, struct err *err);
int lanedb_peer_identity_save(struct lanedb *db, const struct wa_jid *address,
	const uint8_t *key, size_t n, struct err *err);
int lanedb_sender_key_load(struct lanedb *db, const struct wa_jid *group,
	const struct wa_jid *sender, struct buf *out, struct err *err);
int lanedb_sender_key_save(struct lanedb *db, const struct wa_jid *group,
	const struct wa_jid *sender, const uint8_t *record, size_t n,
	struct err *err);
/* Drops sessions and identities of every device of @user. */
int lanedb_user_forget(
	struct lanedb *db, const struct wa_jid *user, struct err *err);

/* ---- PN <-> LID ---- */
/* Stores the pair and, when it is new, moves sessions, identities and sender
 * keys of all devices from PN to LID unless the LID has its own
 * (messages.md 1.6).  *@is_new may be NULL. */
int lanedb_mapping_learn(struct lanedb *db, const struct wa_jid *pn,
	const struct wa_jid *lid, bool *is_new, struct err *err);
int lanedb_lid_of(struct lanedb *db, const struct wa_jid *pn,
	struct wa_jid *lid_out, struct err *err); /* 1/0/-1; keeps the device */
int lanedb_pn_of(struct lanedb *db, const struct wa_jid *lid,
	struct wa_jid *pn_out, struct err *err);

/* ---- device lists ---- */
/* @devices are device numbers, 0 included.  1/0/-1; *@n_out at most @max. */
int lanedb_devices_load(struct lanedb *db, const struct wa_jid *user,
	uint16_t *devices, size_t max, size_t *n_out, int64_t *fetched_ms_out,
	struct err *err);
int lanedb_devices_save(struct lanedb *db, const struct wa_jid *user,
	const uint16_t *devices, size_t n, int64_t now_ms, struct err *err);
int lanedb_devices_forget(
	struct lanedb *db, const struct wa_jid *user, struct err *err);

/* ---- sent messages, kept for retry receipts ---- */
#define LANE_ENVELOPE 64
struct lane_sent {
	const char *wa_id;
	struct wa_jid chat;	/* as it was sent: LID, PN, group, status */
	const char *envelope;	/* what its stanza said: compose.h */
	const uint8_t *message; /* serialised Message */
	size_t n;
	int64_t sent_ms;
};
int lanedb_sent_save(
	struct lanedb *db, const struct lane_sent *sent, struct err *err);
int lanedb_sent_load(struct lanedb *db, const char *wa_id,
	struct wa_jid *chat_out, char envelope_out[LANE_ENVELOPE],
	struct buf *message_out, struct err *err); /* 1/0/-1 */
/* When it was sent last.  1/0/-1. */
int lanedb_sent_time(struct lanedb *db, const char *wa_id, int64_t *sent_ms_out,
	struct err *err);
int lanedb_sent_expire(
	struct lanedb *db, int64_t before_ms, int limit, struct err *err);
/* How often (peer, id) was retried: adds one and gives the new count; @base_key
 * (33 bytes) is the session's base key at the last count, updated when given.
 */
int lanedb_retry_count(struct lanedb *db,
	const char *direction /* "in" | "out" */, const struct wa_jid *peer,
	const char *wa_id, int64_t now_ms, int *count_out, struct err *err);
int lanedb_retry_base_key(struct lanedb *db, const struct wa_jid *peer,
	const char *wa_id, const uint8_t base_key[33], bool *same_as_before,
	struct err *err);

/* ---- seen stanzas: (chat, sender, id), kept 30 days, for kinds that are no
 * row of the store ---- */
int lanedb_seen(struct lanedb *db, const struct wa_jid *chat,
	const struct wa_jid *sender, const char *wa_id, int64_t now_ms,
	bool *was_seen, struct err *err);
int lanedb_seen_expire(
	struct lanedb *db, int64_t before_ms, int limit, struct err *err);

/* ---- groups: lanedb_group.c ---- */
/* @bytes: the metadata as its owner serialises it.  1/0/-1. */
int lanedb_group_load(struct lanedb *db, const struct wa_jid *group,
	struct buf *out, int64_t *fetched_ms_out, struct err *err);
int lanedb_group_save(struct lanedb *db, const struct wa_jid *group,
	const void *bytes, size_t n, int64_t now_ms, struct err *err);
/* Metadata only: keys stay. */
int lanedb_group_forget(
	struct lanedb *db, const struct wa_jid *group, struct err *err);
/* What is known of it stays, with fetched_ms 0. */
int lanedb_group_expire(
	struct lanedb *db, const struct wa_jid *group, struct err *err);
/* Our own sender key of @chat, and who has it: the next message makes a new
 * one. */
int lanedb_sender_key_delete(struct lanedb *db, const struct wa_jid *group,
	const struct wa_jid *sender, struct err *err);
/* The same for every chat whose key of ours (@sender) @device has. */
int lanedb_sender_keys_revoke(struct lanedb *db, const struct wa_jid *sender,
	const struct wa_jid *device, struct err *err);
/* Everybody's sender keys of a group that we left. */
int lanedb_sender_keys_forget(
	struct lanedb *db, const struct wa_jid *group, struct err *err);
/* Devices (session addresses) that have our sender key of @chat. */
int lanedb_holder_has(struct lanedb *db, const struct wa_jid *chat,
	const struct wa_jid *device, struct err *err); /* 1/0/-1 */
/* Any device of @user. */
int lanedb_holder_has_user(struct lanedb *db, const struct wa_jid *chat,
	const struct wa_jid *user, struct err *err); /* 1/0/-1 */
int lanedb_holder_add(struct lanedb *db, const struct wa_jid *chat,
	const struct wa_jid *device, struct err *err);
int lanedb_holder_remove(struct lanedb *db, const struct wa_jid *chat,
	const struct wa_jid *device, struct err *err);
/* Every holder of a chat, ordered; @fn returns non-zero to stop. */
int lanedb_holder_each(struct lanedb *db, const struct wa_jid *chat,
	int (*fn)(const struct wa_jid *device, void *arg), void *arg,
	struct err *err);
int lanedb_holders_clear(
	struct lanedb *db, const struct wa_jid *chat, struct err *err);
/* The identity is another: in no chat any more. */
int lanedb_holder_forget(
	struct lanedb *db, const struct wa_jid *device, struct err *err);
int lanedb_holder_forget_user(
	struct lanedb *db, const struct wa_jid *user, struct err *err);
/* Whom a status was for, as its owner serialises it; kept as long as the
 * message is, see lanedb_sent_expire(). */
int lanedb_audience_save(struct lanedb *db, const char *wa_id,
	const void *bytes, size_t n, int64_t now_ms, struct err *err);
int lanedb_audience_load(struct lanedb *db, const char *wa_id, struct buf *out,
	struct err *err); /* 1/0/-1 */

/* ---- message secrets: lanedb_secret.c; kept 90 days ---- */
int lanedb_secret_save(struct lanedb *db, const char *wa_id,
	const struct wa_jid *chat, const struct wa_jid *sender,
	const uint8_t secret[32], int64_t now_ms, struct err *err);
int lanedb_secret_load(struct lanedb *db, const char *wa_id,
	const struct wa_jid *chat, const struct wa_jid *sender,
	uint8_t secret_out[32], struct err *err); /* 1/0/-1 */
int lanedb_secret_expire(
	struct lanedb *db, int64_t before_ms, int limit, struct err *err);

/* ---- disappearing messages of a chat: lanedb_timer.c ---- */
/* @seconds 0: off, and that is known.  Kept when it is newer than what is
 * there; @set_ms is the time that its sender gives. */
int lanedb_timer_save(struct lanedb *db, const struct wa_jid *chat,
	uint32_t seconds, int64_t set_ms, struct err *err);
int lanedb_timer_load(struct lanedb *db, const struct wa_jid *chat,
	uint32_t *seconds_out, int64_t *set_ms_out, struct err *err); /* 1/0/-1
								       */

/* ---- app state: lanedb_state.c ---- */
#define LANE_HASH_BYTES 128
/* Version 0 and a hash of zeros while there is nothing. */
int lanedb_collection_load(struct lanedb *db, const char *name,
	uint64_t *version_out, uint8_t hash_out[LANE_HASH_BYTES],
	struct err *err);
int lanedb_collection_save(struct lanedb *db, const char *name,
	uint64_t version, const uint8_t hash[LANE_HASH_BYTES], struct err *err);
/* Back to version 0, values dropped. */
int lanedb_collection_reset(
	struct lanedb *db, const char *name, struct err *err);
int lanedb_state_value_load(struct lanedb *db, const char *name,
	const uint8_t index_mac[32], uint8_t value_mac_out[32],
	struct err *err); /* 1/0/-1 */
int lanedb_state_value_save(struct lanedb *db, const char *name,
	const uint8_t index_mac[32], const uint8_t value_mac[32],
	struct err *err);
int lanedb_state_value_remove(struct lanedb *db, const char *name,
	const uint8_t index_mac[32], struct err *err);
int lanedb_app_key_load(struct lanedb *db, const uint8_t *key_id,
	size_t n_key_id, struct buf *out, struct err *err); /* 1/0/-1 */
/* The one for patches of our own.  1/0/-1 */
int lanedb_app_key_newest(struct lanedb *db, struct buf *key_id_out,
	struct buf *out, struct err *err);

/* ---- history that is to be read: lanedb_history.c ---- */
struct lane_history {
	int64_t id;
	char wa_id[132]; /* of the message that told of it */
	int pass;	 /* how far it is: history.c */
	int64_t done;
	int tries; /* begun so often */
	int64_t at_ms;
};
/* Nothing when one of this @wa_id is there. */
int lanedb_history_add(struct lanedb *db, const char *wa_id, const void *bytes,
	size_t n, int64_t now_ms, struct err *err);
/* The oldest.  1/0/-1 */
int lanedb_history_next(struct lanedb *db, struct lane_history *out,
	struct buf *bytes_out, struct err *err);
/* pass, done and tries. */
int lanedb_history_save(
	struct lanedb *db, const struct lane_history *history, struct err *err);
int lanedb_history_remove(struct lanedb *db, int64_t id, struct err *err);
int lanedb_history_count(struct lanedb *db, struct err *err);

/* ---- media: lanedb_media.c ---- */
/* The blob of a file that was uploaded as @type: 1/0/-1.  ref.sha256 names the
 * file.  *@out holds a key. */
int lanedb_upload_load(struct lanedb *db, const uint8_t sha256[32],
	enum wa_media_type type, struct wa_media_ref *out,
	int64_t *uploaded_ms_out, struct err *err);
int lanedb_upload_save(struct lanedb *db, const struct wa_media_ref *ref,
	int64_t uploaded_ms, struct err *err);
int lanedb_upload_expire(
	struct lanedb *db, int64_t before_ms, int limit, struct err *err);

/* Stored; never renumber. */
enum lane_fetch_phase {
	LANE_FETCH_DUE = 1,	/* to be downloaded at next_ms */
	LANE_FETCH_RUNNING = 2, /* is being; next_ms: given up for lost */
	LANE_FETCH_ASKED = 3,	/* the phone; next_ms: asked again */
	LANE_FETCH_PARKED = 4,	/* until wanted; next_ms: forgotten */
};
#define LANE_MESSAGE_ID 129
/* Received media that is not here yet: where it is, and of which message. */
struct lane_fetch {
	char media_id[UUID_LEN]; /* public id of its row in the store */
	char wa_id[LANE_MESSAGE_ID];
	struct wa_jid chat, participant; /* participant: empty in a 1:1 chat */
	bool from_me;
	struct wa_media_ref ref; /* holds a key */
	enum lane_fetch_phase phase;
	int attempts;
	int64_t next_ms;
};
/* Inserts or replaces. */
int lanedb_fetch_save(
	struct lanedb *db, const struct lane_fetch *fetch, struct err *err);
int lanedb_fetch_load(struct lanedb *db, const char *media_id,
	struct lane_fetch *out, struct err *err); /* 1/0/-1 */
/* The one whose next_ms comes first, due or not.  1/0/-1 */
int lanedb_fetch_first(
	struct lanedb *db, struct lane_fetch *out, struct err *err);
/* Those of a message id, at most @max; returns how many, or -1. */
int lanedb_fetch_of_message(struct lanedb *db, const char *wa_id,
	struct lane_fetch *out, int max, struct err *err);
int lanedb_fetch_remove(
	struct lanedb *db, const char *media_id, struct err *err);
/* Those that were RUNNING when the process ended are DUE at @now_ms. */
int lanedb_fetch_release(struct lanedb *db, int64_t now_ms, struct err *err);

/* ---- numbers that were asked for ---- */
#define LANE_NUMBER_LID 48
/* @lid is the bare user; "" while none is known. */
int lanedb_number_load(struct lanedb *db, const char *phone, bool *is_there,
	char lid_out[LANE_NUMBER_LID], int64_t *asked_ms_out,
	struct err *err); /* 1/0/-1 */
int lanedb_number_save(struct lanedb *db, const char *phone, bool is_there,
	const char *lid, int64_t now_ms, struct err *err);
int lanedb_number_expire(
	struct lanedb *db, int64_t before_ms, int limit, struct err *err);

/* ---- app-state keys and privacy tokens: stored for later use ---- */
int lanedb_app_key_save(struct lanedb *db, const uint8_t *key_id,
	size_t n_key_id, const uint8_t *data, size_t n, int64_t timestamp,
	struct err *err);
int lanedb_app_key_count(struct lanedb *db, struct err *err);
int lanedb_token_save(struct lanedb *db, const struct wa_jid *user,
	const uint8_t *token, size_t n, int64_t t, struct err *err);
int lanedb_token_load(struct lanedb *db, const struct wa_jid *user,
	struct buf *out, int64_t *t_out, struct err *err);
int lanedb_contact_save(struct lanedb *db, const struct wa_jid *user,
	const char *push_name, struct err *err);

#endif
