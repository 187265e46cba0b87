/* A device's proxy: how its lane reaches WhatsApp. */
#include "apid/handlers.h"

#include "apid/request.h"
#include "common/buf.h"
#include "common/device_proxy.h"
#include "common/own.h"
#include "common/store/device.h"

static int device_id(struct request *request, struct store *store,
	int64_t *id_out, struct err *err)
{
	return store_device_id(store, request->account_id,
		request_text(request, "deviceUid"), id_out, err);
}

/* The lane takes it up when it starts anew. */
static void restart_lane(struct request *request)
{
	Bus__Envelope *envelope = xcalloc(1, sizeof(*envelope));

	bus__envelope__init(envelope);
	envelope->device_uid = xstrdup(request_text(request, "deviceUid"));
	envelope->body_case = BUS__ENVELOPE__BODY_LANE_COMMAND;
	envelope->lane_command = xcalloc(1, sizeof(*envelope->lane_command));
	bus__lane_command__init(envelope->lane_command);
	envelope->lane_command->action = BUS__LANE_ACTION__LANE_RESTART;
	request_push(request, TO_SENDERD, envelope);
}

/* What is shown never holds the password. */
static void reply_with(struct request *request, const char *url)
{
	scoped(str_free) char *shown =
		url != NULL ? device_proxy_public(url) : NULL;

	request->reply = json_pack("{s:s, s:o}", "deviceUid",
		request_text(request, "deviceUid"), "proxy", json_text(shown));
}

int proxy_get(struct request *request, struct err *err)
{
	const char *uid = request_text(request, "deviceUid");
	scoped(buf_fini) struct buf sealed = BUF_INIT;
	scoped(str_free) char *url = NULL;
	struct secret_key key;
	int64_t id;
	int found;

	if (device_id(request, request->store, &id, err) != 0)
		return -1;
	found = store_device_proxy(request->store, id, &sealed, err);
	if (found < 0)
		return -1;
	if (found > 0) {
		if (device_proxy_key(request->apid->config, &key, err) != 0)
			return -1;
		found = device_proxy_open(&key, uid, &sealed, &url, err);
		secret_wipe(&key);
		if (found != 0)
			return -1;
	}
	reply_with(request, url);
	return 0;
}

int proxy_put(struct request *request, struct tx *tx, struct err *err)
{
	const char *uid = request_text(request, "deviceUid");
	const char *url = request_text(request, "url");
	scoped(buf_fini) struct buf sealed = BUF_INIT;
	struct secret_key key;
	int64_t id;

	if (device_id(request, tx_store(tx), &id, err) != 0 ||
		device_proxy_check(url, err) != 0 ||
		device_proxy_key(request->apid->config, &key, err) != 0)
		return -1;
	device_proxy_seal(&key, uid, url, &sealed);
	secret_wipe(&key);
	if (store_device_set_proxy(tx, id, sealed.data, sealed.len, err) != 0)
		return -1;
	restart_lane(request);
	reply_with(request, url);
	return 0;
}

int proxy_delete(struct request *request, struct tx *tx, struct err *err)
{
	int64_t id;

	if (device_id(request, tx_store(tx), &id, err) != 0 ||
		store_device_set_proxy(tx, id, NULL, 0, err) != 0)
		return -1;
	restart_lane(request);
	reply_with(request, NULL);
	return 0;
}
