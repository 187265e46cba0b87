#include "senderd/whatsapp/link.h"

#include <stdio.h>
#include <string.h>

#include "common/err.h"
#include "common/phone.h"

void link_fini(struct link *link)
{
	buf_fini(&link->full);
	buf_fini(&link->reply);
}

int link_read(struct lane *lane, const struct wa_node *success,
	struct link *out, struct err *err)
{
	const struct wa_node *device = wa_node_child(success, "device");
	const struct wa_node *platform = wa_node_child(success, "platform");
	const struct wa_node *business = wa_node_child(success, "biz");
	const struct wa_node *identity =
		wa_node_child(success, "device-identity");
	const uint8_t *bytes;
	char digits[PHONE_LEN];
	size_t n;

	if (device == NULL || !wa_node_jid(device, "jid", &out->jid) ||
		out->jid.server != WA_SERVER_PN || out->jid.device == 0 ||
		phone_parse(out->jid.user, strlen(out->jid.user), digits) != 0)
		return err_set(err, ERR_PEER, "no device address");
	if (!wa_node_jid(device, "lid", &out->lid) ||
		out->lid.server != WA_SERVER_LID || out->lid.user[0] == '\0')
		return err_set(err, ERR_PEER, "no device LID");
	out->lid = wa_jid_with_device(&out->lid, out->jid.device);
	out->platform = platform != NULL ? wa_node_str(platform, "name") : NULL;
	out->business = business != NULL ? wa_node_str(business, "name") : NULL;
	if (identity == NULL || (bytes = wa_node_content(identity, &n)) == NULL)
		return err_set(err, ERR_PEER, "no device identity");
	return wa_adv_accept(bytes, n, lane->id.adv_secret, &lane->id.identity,
		&out->full, &out->reply, &out->adv, err);
}

/* The account key is the Signal identity of our own phone (connection.md
 * 5.3). */
int link_store(struct lane *lane, const struct link *link, struct err *err)
{
	struct lane_identity *id = &lane->id;
	struct wa_jid pn = wa_jid_bare(&link->jid);
	struct wa_jid lid = wa_jid_bare(&link->lid);
	uint8_t primary[1 + WA_KEY_BYTES] = { 0x05 };

	memcpy(primary + 1, link->adv.account_key, WA_KEY_BYTES);
	id->is_paired = true;
	id->jid = link->jid;
	id->lid = link->lid;
	snprintf(id->platform, sizeof id->platform, "%s",
		link->platform != NULL ? link->platform : "");
	if (link->business != NULL)
		snprintf(id->push_name, sizeof id->push_name, "%s",
			link->business);
	if (lanedb_identity_save(lane->db, id, err) != 0 ||
		lanedb_value_save(lane->db, "adv_identity", link->full.data,
			link->full.len, err) != 0 ||
		lanedb_peer_identity_save(
			lane->db, &lid, primary, sizeof primary, err) != 0)
		return -1;
	return lanedb_mapping_learn(lane->db, &pn, &lid, NULL, err);
}
