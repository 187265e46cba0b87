#include "senderd/whatsapp/login.h"

#include <inttypes.h>
#include <sodium.h>
#include <string.h>

#include "common/clock.h"
#include "common/err.h"
#include "common/log.h"
#include "common/own.h"
#include "senderd/facts.h"
#include "senderd/whatsapp/app_state.h"
#include "senderd/whatsapp/connection.h"
#include "senderd/whatsapp/history.h"
#include "senderd/whatsapp/media_in.h"
#include "senderd/whatsapp/payload.h"
#include "senderd/whatsapp/prekeys.h"
#include "senderd/whatsapp/stream.h"
#include "senderd/whatsapp/watch.h"
#include "senderd/whatsapp/transfer.h"

#define ROUTING_MAX 4096
#define OFFLINE_BATCH 100
#define DIRTY_XMLNS "urn:xmpp:whatsapp:dirty"

int login_build(struct lane *lane, struct buf *out, struct err *err)
{
	struct lane_signed_prekey signed_prekey;
	int found, result;

	if (lane->id.is_paired)
		return payload_login(lane->config, &lane->id, out, err);
	found = lanedb_signed_prekey_newest(lane->db, &signed_prekey, err);
	if (found < 0)
		return -1;
	if (found == 0)
		return err_set(err, ERR_INTERNAL, "no signed prekey");
	result = payload_registration(
		lane->config, &lane->id, &signed_prekey, out, err);
	sodium_memzero(&signed_prekey, sizeof signed_prekey);
	return result;
}

/* ---- <success> to READY ---- */

static void clean_ban(struct lane *lane)
{
	static const int64_t none;
	struct err err = ERR_NONE;

	if (lane->banned_until_ms == 0)
		return;
	lane->banned_until_ms = 0;
	if (lanedb_value_save(
		    lane->db, "banned_until", &none, sizeof none, &err) != 0)
		facts_fail(lane, &err);
}

static void learn_lid(struct lane *lane, const struct wa_node *success)
{
	struct wa_jid lid, bare_pn, bare_lid;
	struct err err = ERR_NONE;

	if (!wa_node_jid(success, "lid", &lid) || lid.server != WA_SERVER_LID ||
		lid.user[0] == '\0')
		return;
	lid = wa_jid_with_device(&lid, lane->id.jid.device);
	bare_pn = wa_jid_bare(&lane->id.jid);
	bare_lid = wa_jid_bare(&lid);
	if (lanedb_mapping_learn(lane->db, &bare_pn, &bare_lid, NULL, &err) !=
		0) {
		facts_fail(lane, &err);
		return;
	}
	if (wa_jid_equal(&lid, &lane->id.lid))
		return;
	lane->id.lid = lid;
	if (lanedb_identity_save(lane->db, &lane->id, &err) != 0)
		facts_fail(lane, &err);
	lane_save_row(lane);
}

static void on_active(
	struct lane *lane, const struct wa_node *answer, void *arg)
{
	int code;

	(void)arg;
	if (lane->state != LANE_SETUP)
		return; /* the connection was lost meanwhile */
	if (iq_is_error(answer, &code))
		log_warning("login step=active code=%d status=failed: "
			    "going on without",
			code);
	stream_on_ready(
		lane); /* first: the row tells the health with the state */
	lane_set_state(lane, LANE_READY, "");
	prekeys_check_digest(lane);
	prekeys_rotate_if_due(lane);
	stream_send_unified_session(lane);
	presence_send_available(lane);
	outbound_on_ready(lane);
	app_state_on_ready(lane);
	history_on_ready(lane);
	watch_on_ready(lane);
	transfers_on_ready(lane);
	media_in_on_ready(lane);
}

static void on_prekeys_done(struct lane *lane)
{
	struct wa_node *iq;

	if (lane->state != LANE_SETUP)
		return;
	iq = iq_new(lane, "set", "passive");
	wa_node_add(iq, "active");
	iq_send(lane, iq, on_active, NULL);
}

void login_on_success(struct lane *lane, const struct wa_node *success)
{
	int64_t t = wa_node_int(success, "t", 0);

	connection_on_login(lane);
	if (t > 0 && t < INT64_MAX / 1000)
		lane->clock_offset_ms = t * 1000 - clock_now_ms();
	lane->presence_sent = false;
	lane_set_state(lane, LANE_SETUP, "");
	clean_ban(lane);
	learn_lid(lane, success);
	prekeys_on_login(lane, on_prekeys_done);
}

/* ---- <ib> ---- */

static void send_offline_batch(struct lane *lane)
{
	struct wa_node *ib = wa_node_new(lane->arena, "ib");

	wa_node_set_int(
		wa_node_add(ib, "offline_batch"), "count", OFFLINE_BATCH);
	lane_send(lane, ib);
}

static void on_offline_preview(struct lane *lane, const struct wa_node *node)
{
	log_info("offline waiting=%" PRId64 " messages=%" PRId64,
		wa_node_int(node, "count", 0), wa_node_int(node, "message", 0));
	send_offline_batch(lane);
}

static void on_offline(struct lane *lane, const struct wa_node *node)
{
	lane->offline_done = true;
	log_info("offline delivered=%" PRId64, wa_node_int(node, "count", 0));
}

static void on_clean(struct lane *lane, const struct wa_node *answer, void *arg)
{
	int code;

	(void)lane;
	(void)arg;
	if (answer != NULL && iq_is_error(answer, &code))
		log_info("dirty status=not_cleaned code=%d", code);
}

static void send_clean(struct lane *lane, const char *type, int64_t timestamp)
{
	struct wa_node *iq = iq_new(lane, "set", DIRTY_XMLNS);
	struct wa_node *clean = wa_node_add(iq, "clean");

	wa_node_set(clean, "type", type);
	if (timestamp > 0)
		wa_node_set_int(clean, "timestamp", timestamp);
	iq_send(lane, iq, on_clean, NULL);
}

/* The clean names the timestamp of the time before, so the first one only
 * stores. */
static void on_dirty_account(struct lane *lane, int64_t timestamp)
{
	scoped(buf_fini) struct buf stored = BUF_INIT;
	struct err err = ERR_NONE;
	int64_t before = 0;
	int found = lanedb_value_load(
		lane->db, "dirty_account_sync", &stored, &err);

	if (found == 1 && stored.len == sizeof before) {
		memcpy(&before, stored.data, sizeof before);
		send_clean(lane, "account_sync", before);
	}
	if (found < 0 || lanedb_value_save(lane->db, "dirty_account_sync",
				 &timestamp, sizeof timestamp, &err) != 0)
		facts_fail(lane, &err);
}

static void on_dirty(struct lane *lane, const struct wa_node *node)
{
	int64_t timestamp = wa_node_int(node, "timestamp", 0);

	if (wa_node_is(node, "type", "account_sync"))
		on_dirty_account(lane, timestamp);
	else if (wa_node_is(node, "type", "groups"))
		send_clean(lane, "groups", timestamp);
	else if (wa_node_is(node, "type", "syncd_app_state"))
		app_state_on_dirty(lane);
}

static void on_edge_routing(struct lane *lane, const struct wa_node *node)
{
	const struct wa_node *info = wa_node_child(node, "routing_info");
	struct err err = ERR_NONE;
	const uint8_t *bytes;
	size_t n = 0;

	if (info == NULL || (bytes = wa_node_content(info, &n)) == NULL ||
		n == 0 || n > ROUTING_MAX)
		return;
	if (lanedb_value_save(lane->db, "routing_info", bytes, n, &err) != 0)
		facts_fail(lane, &err);
}

static void on_downgrade(struct lane *lane, const struct wa_node *node)
{
	(void)lane;
	(void)node;
	log_warning("pairing status=refused reason=\"the phone scanned without "
		    "multi-device\": the code stays valid");
}

static const struct ib_route {
	const char *tag;
	bool needs_login;
	void (*on)(struct lane *lane, const struct wa_node *node);
} ib_routes[] = {
	{ "offline_preview", true, on_offline_preview },
	{ "offline", true, on_offline },
	{ "dirty", true, on_dirty },
	{ "edge_routing", true, on_edge_routing },
	{ "downgrade_webclient", false, on_downgrade },
};

static void on_ib_child(struct lane *lane, const struct wa_node *child)
{
	bool logged_in = lane->state == LANE_SETUP || lane->state == LANE_READY;

	for (size_t i = 0; i < ARRAY_LEN(ib_routes); i++) {
		if (strcmp(child->tag, ib_routes[i].tag) != 0)
			continue;
		if (logged_in || !ib_routes[i].needs_login)
			ib_routes[i].on(lane, child);
		return;
	}
}

void login_on_ib(struct lane *lane, const struct wa_node *ib)
{
	wa_node_each (child, ib)
		on_ib_child(lane, child);
}
