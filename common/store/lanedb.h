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

#include "common/secret.h"
#include "common/wa/crypto.h"
#include "common/wa/jid.h"

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
struct lane_sent {
	const char *wa_id;
	struct wa_jid chat;	/* as it was sent: LID or PN */
	const uint8_t *message; /* serialised Message */
	size_t n;
	int64_t sent_ms;
};
int lanedb_sent_save(
	struct lanedb *db, const struct lane_sent *sent, struct err *err);
int lanedb_sent_load(struct lanedb *db, const char *wa_id,
	struct wa_jid *chat_out, struct buf *message_out,
	struct err *err); /* 1/0/-1 */
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
