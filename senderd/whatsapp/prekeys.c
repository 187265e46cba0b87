#include "senderd/whatsapp/prekeys.h"

#include <inttypes.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/clock.h"
#include "common/err.h"
#include "common/log.h"
#include "common/own.h"
#include "common/wa/signal.h"
#include "senderd/facts.h"

#define FIRST_BATCH 812
#define REFILL_BATCH 50
#define LOW_WATER 5
#define ATTEMPTS_MAX 4 /* the first and three more, after 1, 2 and 4 s */
#define RECENT_UPLOAD_MS (10 * 60 * 1000)
#define ROTATE_MS (7 * 24 * 3600 * 1000LL)
#define ID_MAX 0xFFFFFE /* 24 bits on the wire */

struct prekeys {
	bool uploading;
	unsigned attempts;
	int batch; /* of the upload under way */
	/* Of the upload under way: what the server is being told. */
	uint32_t ids[FIRST_BATCH];
	size_t n_ids;
	uint32_t signed_id;
	int64_t uploaded_ms; /* monotonic, last success; 0 = never */
	int64_t left; /* at the server, as far as we know; -1 = unknown */
	void (*done)(struct lane *lane); /* waits for the upload, or NULL */
	struct lane_timer retry;
};

struct prekeys *prekeys_new(void)
{
	struct prekeys *prekeys = xcalloc(1, sizeof *prekeys);

	prekeys->left = -1;
	return prekeys;
}

void prekeys_free(struct prekeys **prekeysp)
{
	struct prekeys *prekeys = move(*prekeysp);

	if (prekeys == NULL)
		return;
	lane_timer_stop(&prekeys->retry);
	free(prekeys);
}

int64_t prekeys_left(const struct lane *lane)
{
	return lane->prekeys->left;
}

void prekeys_on_disconnect(struct lane *lane)
{
	struct prekeys *prekeys = lane->prekeys;

	lane_timer_stop(&prekeys->retry);
	prekeys->uploading = false;
	prekeys->done = NULL;
}

/* ---- the signed prekey ---- */

int prekeys_make_signed(struct lane *lane, uint32_t id,
	struct lane_signed_prekey *out, struct err *err)
{
	memset(out, 0, sizeof *out);
	out->id = id;
	out->created_ms = clock_now_ms();
	wa_keypair_new(&out->key);
	wa_signal_sign_prekey(&lane->id.identity, out->key.pub, out->signature);
	return lanedb_signed_prekey_save(lane->db, out, err);
}

static void add_number(
	struct wa_node *parent, const char *tag, uint32_t value, unsigned bytes)
{
	uint8_t be[4];

	for (unsigned i = 0; i < bytes; i++)
		be[i] = (uint8_t)(value >> (8 * (bytes - 1 - i)));
	wa_node_bytes(wa_node_add(parent, tag), be, bytes);
}

static void add_signed(
	struct wa_node *parent, const struct lane_signed_prekey *key)
{
	struct wa_node *skey = wa_node_add(parent, "skey");

	add_number(skey, "id", key->id, 3);
	wa_node_bytes(wa_node_add(skey, "value"), key->key.pub, WA_KEY_BYTES);
	wa_node_bytes(wa_node_add(skey, "signature"), key->signature,
		WA_SIGNATURE_BYTES);
}

/* Which signed prekey the server has confirmed: a rotation whose answer got
 * lost is repeated with the same key. */
static void confirm_signed(struct lane *lane, uint32_t id)
{
	struct err err = ERR_NONE;

	if (lanedb_value_save(lane->db, "signed_prekey_at_server", &id,
		    sizeof id, &err) != 0)
		facts_fail(lane, &err);
}

static int confirmed_signed(
	struct lane *lane, uint32_t *id_out, struct err *err)
{
	scoped(buf_fini) struct buf stored = BUF_INIT;

	*id_out = 0;
	if (lanedb_value_load(
		    lane->db, "signed_prekey_at_server", &stored, err) < 0)
		return -1;
	if (stored.len == sizeof *id_out)
		memcpy(id_out, stored.data, sizeof *id_out);
	return 0;
}

static void on_rotated(
	struct lane *lane, const struct wa_node *answer, void *arg)
{
	uint32_t id = (uint32_t)(uintptr_t)arg;
	int code;

	if (iq_is_error(answer, &code)) {
		log_warning("signed_prekey id=%u code=%d status=not_rotated: "
			    "trying again at the next login",
			id, code);
		return;
	}
	confirm_signed(lane, id);
	log_info("signed_prekey id=%u status=rotated", id);
}

/* The old keys stay for sessions under way: lanedb keeps the newest three. */
static int rotate(struct lane *lane, struct err *err)
{
	struct lane_signed_prekey key;
	uint32_t confirmed;
	struct wa_node *iq;

	if (lanedb_signed_prekey_newest(lane->db, &key, err) != 1 ||
		confirmed_signed(lane, &confirmed, err) != 0)
		return -1;
	if (key.id == confirmed) {
		if (clock_now_ms() - key.created_ms < ROTATE_MS)
			goto out;
		if (prekeys_make_signed(lane, key.id >= ID_MAX ? 1 : key.id + 1,
			    &key, err) != 0)
			return -1;
	}
	iq = iq_new(lane, "set", "encrypt");
	add_signed(wa_node_add(iq, "rotate"), &key);
	iq_send(lane, iq, on_rotated, (void *)(uintptr_t)key.id);
out:
	sodium_memzero(&key, sizeof key);
	return 0;
}

void prekeys_on_paired(struct lane *lane)
{
	struct lane_signed_prekey key;
	struct err err = ERR_NONE;

	if (lanedb_signed_prekey_newest(lane->db, &key, &err) == 1)
		confirm_signed(lane, key.id);
	else
		facts_fail(lane, &err);
	sodium_memzero(&key, sizeof key);
}

void prekeys_rotate_if_due(struct lane *lane)
{
	struct err err = ERR_NONE;

	if (lane_is_ready(lane) && rotate(lane, &err) != 0)
		facts_fail(lane, &err);
}

/* ---- one-time prekeys ---- */

static void upload(struct lane *lane);

static void upload_end(struct lane *lane)
{
	struct prekeys *prekeys = lane->prekeys;
	void (*done)(struct lane * lane) = prekeys->done;

	prekeys->uploading = false;
	prekeys->done = NULL;
	if (done != NULL)
		done(lane);
}

static void on_retry(struct lane *lane, void *arg)
{
	(void)arg;
	upload(lane);
}

static void upload_failed(struct lane *lane, const char *why)
{
	struct prekeys *prekeys = lane->prekeys;

	if (prekeys->attempts >= ATTEMPTS_MAX) {
		log_warning("prekeys attempts=%u reason=\"%s\": going on with "
			    "what the server has",
			prekeys->attempts, why);
		upload_end(lane);
		return;
	}
	log_info("prekeys attempt=%u status=deferred reason=\"%s\"",
		prekeys->attempts, why);
	lane_timer_start(lane, &prekeys->retry,
		1000LL << (prekeys->attempts - 1), on_retry, NULL);
}

/* Ids come in runs; a range may only cover what was sent. */
static int mark_uploaded(struct lane *lane, struct err *err)
{
	const uint32_t *ids = lane->prekeys->ids;
	size_t n = lane->prekeys->n_ids;
	size_t first = 0;

	for (size_t i = 1; i <= n; i++) {
		if (i < n && ids[i] == ids[i - 1] + 1)
			continue;
		if (lanedb_prekeys_mark_uploaded(
			    lane->db, ids[first], ids[i - 1], err) != 0)
			return -1;
		first = i;
	}
	return 0;
}

static void on_uploaded(
	struct lane *lane, const struct wa_node *answer, void *arg)
{
	struct prekeys *prekeys = lane->prekeys;
	struct err err = ERR_NONE;
	char why[32];
	int code;

	(void)arg;
	if (!prekeys->uploading)
		return; /* of a lost connection */
	if (iq_is_error(answer, &code)) {
		snprintf(why, sizeof why, "server says %d", code);
		upload_failed(lane, answer == NULL ? "no answer" : why);
		return;
	}
	if (mark_uploaded(lane, &err) != 0)
		facts_fail(lane, &err);
	confirm_signed(lane, prekeys->signed_id);
	prekeys->uploaded_ms = clock_mono_ms();
	prekeys->left = (prekeys->left > 0 ? prekeys->left : 0) +
			(int64_t)prekeys->n_ids;
	log_info("prekeys uploaded=%zu", prekeys->n_ids);
	upload_end(lane);
}

static struct wa_node *upload_new(struct lane *lane,
	const struct lane_signed_prekey *signed_key,
	const struct lane_prekey *keys, size_t n)
{
	static const uint8_t djb = 0x05;
	struct wa_node *iq = iq_new(lane, "set", "encrypt");
	struct wa_node *list;

	add_number(iq, "registration", lane->id.registration_id, 4);
	wa_node_bytes(wa_node_add(iq, "type"), &djb, 1);
	wa_node_bytes(wa_node_add(iq, "identity"), lane->id.identity.pub,
		WA_KEY_BYTES);
	list = wa_node_add(iq, "list");
	for (size_t i = 0; i < n; i++) {
		struct wa_node *key = wa_node_add(list, "key");

		add_number(key, "id", keys[i].id, 3);
		wa_node_bytes(wa_node_add(key, "value"), keys[i].key.pub,
			WA_KEY_BYTES);
	}
	add_signed(iq, signed_key);
	return iq;
}

/* Keys of an upload that got no answer come first, then new ones.  -1, or how
 * many. */
static int collect(
	struct lane *lane, struct lane_prekey *keys, int n, struct err *err)
{
	int pending = lanedb_prekeys_pending(lane->db, keys, n, err);

	if (pending < 0)
		return -1;
	if (pending < n && lanedb_prekeys_make(lane->db, n - pending,
				   keys + pending, err) != 0)
		return -1;
	return n;
}

static int upload_send(struct lane *lane, struct lane_prekey *keys,
	struct lane_signed_prekey *signed_key, struct err *err)
{
	struct prekeys *prekeys = lane->prekeys;
	int n = prekeys->batch;

	if (lanedb_signed_prekey_newest(lane->db, signed_key, err) != 1 ||
		collect(lane, keys, n, err) < 0)
		return -1;
	prekeys->n_ids = (size_t)n;
	for (int i = 0; i < n; i++)
		prekeys->ids[i] = keys[i].id;
	prekeys->signed_id = signed_key->id;
	iq_send(lane, upload_new(lane, signed_key, keys, (size_t)n),
		on_uploaded, NULL);
	return 0;
}

/* The keys are in the lane database before the stanza leaves: the turn sees to
 * that. */
static void upload(struct lane *lane)
{
	struct prekeys *prekeys = lane->prekeys;
	size_t bytes = (size_t)prekeys->batch * sizeof(struct lane_prekey);
	struct lane_prekey *keys = xcalloc(1, bytes);
	struct lane_signed_prekey signed_key;
	struct err err = ERR_NONE;

	prekeys->attempts++;
	if (upload_send(lane, keys, &signed_key, &err) != 0)
		facts_fail(lane, &err);
	sodium_memzero(&signed_key, sizeof signed_key);
	sodium_memzero(keys, bytes);
	free(keys);
}

static void upload_start(struct lane *lane, int batch)
{
	struct prekeys *prekeys = lane->prekeys;

	prekeys->uploading = true;
	prekeys->attempts = 0;
	prekeys->batch = batch;
	upload(lane);
}

/* How many to send when the server has @count; 0 = enough, -1 = the database
 * failed. */
static int batch_for(struct lane *lane, int64_t count, struct err *err)
{
	int ours = lanedb_prekeys_count(lane->db, true, err);

	if (ours < 0)
		return -1;
	if (count == 0 && ours == 0)
		return FIRST_BATCH;
	return count < LOW_WATER || ours < LOW_WATER ? REFILL_BATCH : 0;
}

static void on_count(struct lane *lane, const struct wa_node *answer, void *arg)
{
	struct prekeys *prekeys = lane->prekeys;
	const struct wa_node *count =
		answer == NULL ? NULL : wa_node_child(answer, "count");
	struct err err = ERR_NONE;
	int batch, code;

	(void)arg;
	if (!prekeys->uploading)
		return;
	if (iq_is_error(answer, &code) || count == NULL) {
		log_warning("prekeys step=count code=%d status=failed: going "
			    "on without",
			code);
		upload_end(lane);
		return;
	}
	prekeys->left = wa_node_int(count, "value", 0);
	batch = batch_for(lane, prekeys->left, &err);
	if (batch < 0)
		facts_fail(lane, &err);
	else if (batch > 0)
		upload_start(lane, batch);
	else
		upload_end(lane);
}

/* One check at a time: @uploading also stands for the count before an
 * upload. */
static void check(struct lane *lane, void (*done)(struct lane *lane))
{
	struct wa_node *iq = iq_new(lane, "get", "encrypt");

	lane->prekeys->uploading = true;
	lane->prekeys->done = done;
	wa_node_add(iq, "count");
	iq_send(lane, iq, on_count, NULL);
}

void prekeys_on_login(struct lane *lane, void (*done)(struct lane *lane))
{
	check(lane, done);
}

void prekeys_on_count(struct lane *lane, int64_t count)
{
	struct prekeys *prekeys = lane->prekeys;

	prekeys->left = count;
	if (count >= LOW_WATER || prekeys->uploading)
		return;
	/* Right after an upload the notification may be older than that. */
	if (prekeys->uploaded_ms != 0 &&
		clock_mono_ms() - prekeys->uploaded_ms < RECENT_UPLOAD_MS) {
		check(lane, NULL);
		return;
	}
	upload_start(lane, REFILL_BATCH);
}

static void on_digest(
	struct lane *lane, const struct wa_node *answer, void *arg)
{
	int code;
	bool is_error = iq_is_error(answer, &code);

	(void)arg;
	if (answer == NULL || lane->prekeys->uploading)
		return;
	if (is_error && code != 404) {
		log_info("prekeys step=digest code=%d status=failed", code);
		return;
	}
	if (is_error || wa_node_child(answer, "digest") == NULL) {
		log_warning("prekeys step=digest: the server has none, "
			    "uploading");
		upload_start(lane, REFILL_BATCH);
	}
}

void prekeys_check_digest(struct lane *lane)
{
	struct wa_node *iq = iq_new(lane, "get", "encrypt");

	wa_node_add(iq, "digest");
	iq_send(lane, iq, on_digest, NULL);
}
