/* The cryptography of app state (connection.md 8.9): what is in a mutation, and
 * what proves that a collection is complete.
 *
 * A collection is a version, a hash of 128 bytes that is all zero at version 0,
 * and a map from index MAC to value MAC.  To apply a patch: for each mutation
 * take the contribution of the value that its index had before out of the hash,
 * and for a SET put the new one in; then the MACs of snapshot and patch must be
 * what the patch says.  Pure functions; nothing is kept here. */
#ifndef COMMON_WA_SYNCD_H
#define COMMON_WA_SYNCD_H

#include <stddef.h>
#include <stdint.h>

struct buf;
struct err;

#define WA_SYNCD_KEY 32
#define WA_SYNCD_MAC 32
#define WA_SYNCD_LTHASH 128

/* As in SyncdMutation.operation; the records of a snapshot are all SET. */
enum wa_syncd_operation { WA_SYNCD_SET = 0, WA_SYNCD_REMOVE = 1 };

struct wa_syncd_keys {
	uint8_t index[WA_SYNCD_KEY];
	uint8_t value_encryption[WA_SYNCD_KEY];
	uint8_t value_mac[WA_SYNCD_KEY];
	uint8_t snapshot_mac[WA_SYNCD_KEY];
	uint8_t patch_mac[WA_SYNCD_KEY];
};

/* From the keyData that the phone shares (32 bytes; of a peer: any length). */
void wa_syncd_keys_expand(
	const void *key_data, size_t n, struct wa_syncd_keys *out);
void wa_syncd_keys_wipe(struct wa_syncd_keys *keys);

/* ---- the hash of a collection ---- */
void wa_syncd_lthash_add(
	uint8_t hash[WA_SYNCD_LTHASH], const uint8_t value_mac[WA_SYNCD_MAC]);
void wa_syncd_lthash_sub(
	uint8_t hash[WA_SYNCD_LTHASH], const uint8_t value_mac[WA_SYNCD_MAC]);

/* ---- MACs; compare them in constant time ---- */
/* Of SyncActionData.index, the JSON text: what SyncdRecord.index holds. */
void wa_syncd_index_mac(const struct wa_syncd_keys *keys, const void *index,
	size_t n, uint8_t out[WA_SYNCD_MAC]);
/* @sealed is IV and ciphertext: a value blob without its last 32 bytes, which
 * are this MAC. */
void wa_syncd_value_mac(const struct wa_syncd_keys *keys,
	enum wa_syncd_operation operation, const void *key_id, size_t n_key_id,
	const void *sealed, size_t n, uint8_t out[WA_SYNCD_MAC]);
/* Of a collection as it is at @version. */
void wa_syncd_snapshot_mac(const struct wa_syncd_keys *keys,
	const uint8_t hash[WA_SYNCD_LTHASH], uint64_t version,
	const char *collection, uint8_t out[WA_SYNCD_MAC]);
/* @value_macs: those of the patch's mutations one after the other, @n of them.
 */
void wa_syncd_patch_mac(const struct wa_syncd_keys *keys,
	const uint8_t snapshot_mac[WA_SYNCD_MAC], const uint8_t *value_macs,
	size_t n, uint64_t version, const char *collection,
	uint8_t out[WA_SYNCD_MAC]);

/* ---- values ---- */
/* Appends the value blob of a record, IV ‖ ciphertext ‖ value MAC; @data is a
 * serialised SyncActionData. */
void wa_syncd_encrypt(const struct wa_syncd_keys *keys,
	enum wa_syncd_operation operation, const void *key_id, size_t n_key_id,
	const void *data, size_t n, struct buf *out);
/* Checks a value blob and appends the SyncActionData in it, of which only the
 * MAC is known to be right: whoever unpacks it bounds it first, and compares
 * the index in it with the record's.  @value_mac_out may be NULL.  ERR_PEER:
 * too short, wrong MAC or padding; @out is then as before. */
int wa_syncd_decrypt(const struct wa_syncd_keys *keys,
	enum wa_syncd_operation operation, const void *key_id, size_t n_key_id,
	const void *blob, size_t n, struct buf *out,
	uint8_t value_mac_out[WA_SYNCD_MAC], struct err *err);
/* The value MAC at the end of a blob, unchecked; NULL: too short for one. */
const uint8_t *wa_syncd_blob_mac(const void *blob, size_t n);

#endif
