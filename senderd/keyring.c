#include "senderd/keyring.h"

#include <sodium.h>
#include <string.h>

#include "common/err.h"
#include "common/ids.h"
#include "common/log.h"
#include "senderd/facts.h"
#include "senderd/whatsapp/prekeys.h"

#define REGISTRATION_ID_MAX 16380

/* ---- records of the Signal party ---- */

/* A record that cannot be read or written spoils the whole turn. */
static int checked(struct lane *lane, int result, const struct err *err)
{
	if (result < 0)
		facts_fail(lane, err);
	return result;
}

static int on_session_load(
	void *arg, const struct wa_jid *address, struct buf *out)
{
	struct lane *lane = arg;
	struct err err = ERR_NONE;

	return checked(
		lane, lanedb_session_load(lane->db, address, out, &err), &err);
}

static int on_session_save(void *arg, const struct wa_jid *address,
	const uint8_t *record, size_t n)
{
	struct lane *lane = arg;
	struct err err = ERR_NONE;

	return checked(lane,
		lanedb_session_save(lane->db, address, record, n, &err), &err);
}

static int on_session_delete(void *arg, const struct wa_jid *address)
{
	struct lane *lane = arg;
	struct err err = ERR_NONE;

	return checked(
		lane, lanedb_session_delete(lane->db, address, &err), &err);
}

static int on_identity_load(
	void *arg, const struct wa_jid *address, struct buf *out)
{
	struct lane *lane = arg;
	struct err err = ERR_NONE;

	return checked(lane,
		lanedb_peer_identity_load(lane->db, address, out, &err), &err);
}

static int on_identity_save(
	void *arg, const struct wa_jid *address, const uint8_t *key, size_t n)
{
	struct lane *lane = arg;
	struct err err = ERR_NONE;
	int rc = lanedb_peer_identity_save(lane->db, address, key, n, &err);

	/* Whoever was at this address before has our sender keys, not it. */
	if (rc == 0)
		rc = lanedb_holder_forget(lane->db, address, &err);
	return checked(lane, rc, &err);
}

static int on_prekey_load(void *arg, uint32_t id, struct buf *out)
{
	struct lane *lane = arg;
	struct err err = ERR_NONE;

	return checked(lane, lanedb_prekey_load(lane->db, id, out, &err), &err);
}

static int on_prekey_remove(void *arg, uint32_t id)
{
	struct lane *lane = arg;
	struct err err = ERR_NONE;

	return checked(lane, lanedb_prekey_remove(lane->db, id, &err), &err);
}

static int on_signed_prekey_load(void *arg, uint32_t id, struct buf *out)
{
	struct lane *lane = arg;
	struct err err = ERR_NONE;

	return checked(
		lane, lanedb_signed_prekey_load(lane->db, id, out, &err), &err);
}

static int on_sender_key_load(void *arg, const struct wa_jid *group,
	const struct wa_jid *sender, struct buf *out)
{
	struct lane *lane = arg;
	struct err err = ERR_NONE;

	return checked(lane,
		lanedb_sender_key_load(lane->db, group, sender, out, &err),
		&err);
}

static int on_sender_key_save(void *arg, const struct wa_jid *group,
	const struct wa_jid *sender, const uint8_t *record, size_t n)
{
	struct lane *lane = arg;
	struct err err = ERR_NONE;

	return checked(lane,
		lanedb_sender_key_save(
			lane->db, group, sender, record, n, &err),
		&err);
}

static struct wa_signal *signal_new(struct lane *lane)
{
	const struct wa_signal_store records = {
		.arg = lane,
		.session_load = on_session_load,
		.session_save = on_session_save,
		.session_delete = on_session_delete,
		.identity_load = on_identity_load,
		.identity_save = on_identity_save,
		.prekey_load = on_prekey_load,
		.prekey_remove = on_prekey_remove,
		.signed_prekey_load = on_signed_prekey_load,
		.sender_key_load = on_sender_key_load,
		.sender_key_save = on_sender_key_save,
	};

	return wa_signal_new(
		&lane->id.identity, lane->id.registration_id, &records);
}

/* ---- our own identity ---- */

/* Everything a registration needs, in one transaction (connection.md 3.3). */
static int identity_make(struct lane *lane, struct err *err)
{
	struct lane_identity *id = &lane->id;
	struct lane_signed_prekey signed_prekey;
	int result;

	memset(id, 0, sizeof *id);
	wa_keypair_new(&id->noise);
	wa_keypair_new(&id->identity);
	id->registration_id = (uint32_t)random_between(1, REGISTRATION_ID_MAX);
	random_bytes(id->adv_secret, sizeof id->adv_secret);
	if (lanedb_identity_save(lane->db, id, err) != 0)
		return -1;
	result = prekeys_make_signed(lane, 1, &signed_prekey, err);
	sodium_memzero(&signed_prekey, sizeof signed_prekey);
	if (result != 0)
		return -1;
	return lanedb_commit(lane->db, err);
}

int keyring_reload(struct lane *lane, struct err *err)
{
	struct lane_identity id;
	int found = lanedb_identity_load(lane->db, &id, err);

	if (found == 1)
		lane->id = id;
	sodium_memzero(&id, sizeof id);
	return found == 1 ? 0 : -1;
}

int keyring_open(struct lane *lane, struct err *err)
{
	int found = lanedb_identity_load(lane->db, &lane->id, err);

	if (found < 0)
		return -1;
	if (found == 0) {
		if (identity_make(lane, err) != 0)
			return -1;
		log_info("identity status=made");
	}
	lane->signal = signal_new(lane);
	return 0;
}
