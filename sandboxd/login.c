/* What a client payload asks for: registration of a new companion, or login of
 * a known one. */
#include "sandboxd/session.h"

#include <inttypes.h>
#include <string.h>

#include "common/clock.h"
#include "common/err.h"
#include "common/log.h"
#include "common/own.h"
#include "common/secret.h"
#include "common/wa/pbguard.h"
#include "sandboxd/pairing.h"
#include "whatsapp.pb-c.h"

#define REASON_LOGGED_OUT 401
#define REASON_BAD_REQUEST 400

static void client_payload_free(Wa__ClientPayload **payloadp)
{
	wa__client_payload__free_unpacked(move(*payloadp), NULL);
}

static struct wa_node *failure_new(
	struct session *session, int reason, const char *why)
{
	struct wa_node *failure =
		wa_node_new(session->sandbox->arena, "failure");

	log_info("login who=%s status=refused code=%d reason=\"%s\"",
		session_name(session), reason, why);
	wa_node_set_int(failure, "reason", reason);
	wa_node_set(failure, "location", "sbx");
	return failure;
}

static void refuse(struct session *session, int reason, const char *why)
{
	session_end_with(session, failure_new(session, reason, why));
}

/* What the client says it is: "2.3000.1045649367". */
static const char *client_version(
	struct session *session, const Wa__ClientPayload *payload)
{
	const Wa__AppVersion *version =
		payload->user_agent == NULL ? NULL
					    : payload->user_agent->app_version;

	if (version == NULL)
		return "";
	return arena_printf(session->sandbox->arena, "%u.%u.%u",
		version->primary, version->secondary, version->tertiary);
}

static bool refused_by_fault(struct session *session,
	const struct device *device, const Wa__ClientPayload *payload)
{
	const struct fault_login fault = fault_login_failure(
		session->sandbox, device, client_version(session, payload));
	struct wa_node *failure;

	if (fault.reason == 0)
		return false;
	failure = failure_new(session, fault.reason, "fault");
	if (fault.ban_code != 0)
		wa_node_set_int(failure, "code", fault.ban_code);
	if (fault.expire_s != 0)
		wa_node_set_int(failure, "expire", fault.expire_s);
	session_end_with(session, failure);
	return true;
}

/* ---- registration ---- */

static bool take_key(ProtobufCBinaryData from, uint8_t *to, size_t n)
{
	if (from.len != n)
		return false;
	memcpy(to, from.data, n);
	return true;
}

static bool take_number(ProtobufCBinaryData from, size_t n, uint32_t *out)
{
	if (from.len != n)
		return false;
	*out = 0;
	for (size_t i = 0; i < n; i++)
		*out = *out << 8 | from.data[i];
	return true;
}

static bool wants_inline_history(ProtobufCBinaryData bytes)
{
	Wa__DeviceProps *props;
	bool inline_history;

	if (!wa_pb_bounded(bytes.data, bytes.len))
		return false;
	props = wa__device_props__unpack(NULL, bytes.len, bytes.data);
	if (props == NULL)
		return false;
	inline_history =
		props->history_sync_config != NULL &&
		props->history_sync_config->inline_initial_payload_in_e2ee_msg;
	wa__device_props__free_unpacked(props, NULL);
	return inline_history;
}

static void on_registration(
	struct session *session, const Wa__DevicePairingRegistrationData *data)
{
	struct pairing_client client = { 0 };
	uint8_t signed_djb[1 + WA_KEY_BYTES] = { 5 };

	if (!take_number(data->e_regid, 4, &client.registration_id) ||
		!take_key(data->e_ident, client.identity, WA_KEY_BYTES) ||
		!take_number(data->e_skey_id, 3, &client.signed_id) ||
		!take_key(data->e_skey_val, client.signed_pub, WA_KEY_BYTES) ||
		!take_key(data->e_skey_sig, client.signed_sig,
			WA_SIGNATURE_BYTES)) {
		refuse(session, REASON_BAD_REQUEST, "pairing data");
		return;
	}
	memcpy(signed_djb + 1, client.signed_pub, WA_KEY_BYTES);
	if (!wa_verify(client.identity, signed_djb, sizeof(signed_djb),
		    client.signed_sig)) {
		refuse(session, REASON_BAD_REQUEST, "signed prekey signature");
		return;
	}
	client.inline_history = wants_inline_history(data->device_props);
	pairing_start(session, &client);
}

/* ---- login ---- */

static struct device *find_companion(
	struct session *session, const Wa__ClientPayload *payload)
{
	char digits[24];
	struct account *account;
	struct device *device;

	if (!payload->has_username || payload->device == 0)
		return NULL;
	snprintf(digits, sizeof(digits), "%" PRIu64, payload->username);
	account = directory_by_pn(session->sandbox, digits);
	if (account == NULL)
		return NULL;
	device = account_device(account, payload->device);
	if (device == NULL || !secret_equal(device->noise_pub,
				      session->noise_pub, WA_KEY_BYTES))
		return NULL;
	return device;
}

/* The newer connection wins; whatever the older one still waits for comes here.
 */
static void take_over(struct session *session, struct device *device)
{
	struct session *old = device->session;

	if (old != NULL) {
		session_end(old, 0, "replaced");
		session_detach(old);
	}
	device->session = session;
	session->device = device;
}

static void send_success(struct session *session)
{
	struct wa_node *success =
		wa_node_new(session->sandbox->arena, "success");
	struct wa_jid lid = device_lid(session->device);

	wa_node_set_int(success, "t", clock_now_ms() / 1000);
	wa_node_set_jid(success, "lid", &lid);
	wa_node_set(success, "location", "sbx");
	session_send(session, success);
}

static struct wa_node *info_node(struct session *session)
{
	struct wa_node *ib = wa_node_new(session->sandbox->arena, "ib");
	struct wa_jid server = wa_jid_server();

	wa_node_set_jid(ib, "from", &server);
	return ib;
}

static void send_infos(struct session *session)
{
	static const uint8_t routing[] = { 8, 5, 8, 2, 's', 'b', 'x' };
	struct wa_node *ib = info_node(session);

	wa_node_bytes(
		wa_node_add(wa_node_add(ib, "edge_routing"), "routing_info"),
		routing, sizeof(routing));
	session_send(session, ib);

	ib = info_node(session);
	struct wa_node *dirty = wa_node_add(ib, "dirty");
	wa_node_set(dirty, "type", "account_sync");
	wa_node_set_int(dirty, "timestamp", clock_now_ms() / 1000);
	session_send(session, ib);
}

static void on_login(struct session *session, const Wa__ClientPayload *payload)
{
	struct device *device = find_companion(session, payload);

	if (device == NULL) {
		refuse(session, REASON_LOGGED_OUT, "unknown device or key");
		return;
	}
	if (refused_by_fault(session, device, payload))
		return;
	take_over(session, device);
	session_set_state(session, SESSION_LOGGED_IN);
	session->sandbox->count.logins++;
	log_info("login who=%s status=success queue=%zu", session_name(session),
		queue_length(device));
	send_success(session);
	send_infos(session);
	/* Who logs in without passive never sends <active/>: its offline phase
	 * begins now. It has no bundle yet at its first login, so nothing can
	 * be encrypted to it; what the phone sends it waits for the first
	 * prekey upload. */
	if (!payload->passive && session->state == SESSION_LOGGED_IN) {
		session->active = true;
		queue_start(session);
	}
}

void login_on_payload(struct session *session, const uint8_t *bytes, size_t n)
{
	scoped(client_payload_free) Wa__ClientPayload *payload = NULL;

	if (wa_pb_bounded(bytes, n))
		payload = wa__client_payload__unpack(NULL, n, bytes);
	if (payload == NULL)
		refuse(session, REASON_BAD_REQUEST, "client payload");
	else if (payload->device_pairing_data == NULL)
		on_login(session, payload);
	else if (!refused_by_fault(session, NULL, payload))
		on_registration(session, payload->device_pairing_data);
}
