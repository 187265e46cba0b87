#include "cli/demo.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/account.h"
#include "cli/device.h"
#include "cli/http.h"
#include "cli/senderd.h"
#include "common/bus.h"
#include "common/clock.h"
#include "common/config.h"
#include "common/err.h"
#include "common/own.h"
#include "common/secret.h"
#include "common/store/account.h"
#include "common/store/store.h"

#define DEMO_EMAIL "demo@vereda.local"
#define DEMO_PHONE "+15550001111"
#define LINK_TIMEOUT_MS 20000
#define SCAN_TIMEOUT_MS 5000 /* a scan that led to nothing is made again */
#define ASK_TIMEOUT_MS 2000  /* stopping waits for it */
#define HTTP_TIMEOUT_MS 5000
#define LOOK_EVERY_US 20000
#define TRY_AGAIN_US 50000

/* ---- the file ---- */

static json_t *demo_to_json(const struct demo *demo)
{
	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "accountId",
		demo->account_id, "apiKey", demo->api_key, "email", demo->email,
		"password", demo->password, "deviceUid", demo->device_uid,
		"devicePhone", demo->device_phone);
}

static bool take_text(json_t *object, const char *key, char *out, size_t size)
{
	const char *text = json_string_value(json_object_get(object, key));

	if (text == NULL || strlen(text) >= size)
		return false;
	snprintf(out, size, "%s", text);
	return true;
}

/* False: not there, or not ours. */
static bool demo_read(const char *path, struct demo *demo)
{
	json_t *object = json_load_file(path, 0, NULL);
	bool ok =
		take_text(object, "accountId", demo->account_id,
			sizeof(demo->account_id)) &&
		take_text(object, "apiKey", demo->api_key,
			sizeof(demo->api_key)) &&
		take_text(object, "email", demo->email, sizeof(demo->email)) &&
		take_text(object, "password", demo->password,
			sizeof(demo->password)) &&
		take_text(object, "deviceUid", demo->device_uid,
			sizeof(demo->device_uid)) &&
		take_text(object, "devicePhone", demo->device_phone,
			sizeof(demo->device_phone));

	json_decref(object);
	return ok;
}

/* Whole or not at all: written aside, then renamed. */
static int demo_write(
	const char *path, const struct demo *demo, struct err *err)
{
	scoped(str_free) char *temporary = xasprintf("%s.tmp", path);
	json_t *object = demo_to_json(demo);
	int fd =
		open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	bool ok = fd >= 0 && json_dumpfd(object, fd, JSON_INDENT(2)) == 0 &&
		  fsync(fd) == 0;

	json_decref(object);
	if (fd >= 0)
		close(fd);
	if (!ok || rename(temporary, path) != 0)
		return err_set(err, ERR_IO, "%s: %s", path, strerror(errno));
	return 0;
}

/* The device gets its uid when it is made. */
static void demo_invent(struct demo *demo)
{
	uint8_t bytes[(DEMO_PASSWORD_LEN - 1) / 2];

	id_uuid7(demo->account_id);
	id_api_key(demo->api_key);
	random_bytes(bytes, sizeof(bytes));
	sodium_bin2hex(
		demo->password, sizeof(demo->password), bytes, sizeof(bytes));
	snprintf(demo->email, sizeof(demo->email), "%s", DEMO_EMAIL);
	snprintf(demo->device_phone, sizeof(demo->device_phone), "%s",
		DEMO_PHONE);
}

/* ---- the store ---- */

static int on_account(const struct account *account, void *arg)
{
	*(int64_t *)arg = account->id;
	return 0;
}

/* *@id_out is 0 when there is none. */
static int account_find(struct store *store, const struct demo *demo,
	int64_t *id_out, struct err *err)
{
	struct err missing = ERR_NONE;

	*id_out = 0;
	if (store_account_by_public_id(store, demo->account_id, on_account,
		    id_out, &missing) == 0 ||
		missing.code == ERR_NOT_FOUND)
		return 0;
	return err_set(err, missing.code, "%s", missing.msg);
}

static int account_create(struct store *store, const struct demo *demo,
	int64_t *id_out, struct err *err)
{
	const struct new_account new = {
		.public_id = demo->account_id,
		.name = "Demo",
		.email = demo->email,
		.password = demo->password,
		.plan = "UNLIMITED",
	};
	char public_id[UUID_LEN], hash[SECRET_PASSWORD_HASH_LEN];
	scoped(tx_end) struct tx *tx = NULL;

	if (account_hash(&new, hash, err) != 0)
		return -1;
	tx = tx_begin(store, err);
	if (tx == NULL ||
		account_make(tx, &new, hash, id_out, public_id, err) != 0)
		return -1;
	return tx_commit(tx, err);
}

static int ensure_key(struct store *store, struct tx *tx, struct demo *demo,
	int64_t account_id, struct err *err)
{
	uint8_t hash[SECRET_HASH_BYTES];
	struct err missing = ERR_NONE;
	char public_id[UUID_LEN];
	int64_t owner, key_id;

	secret_hash_key(demo->api_key, hash);
	if (store_api_key_account(store, hash, &owner, &key_id, &missing) == 0)
		return 0;
	return account_add_key(
		tx, account_id, "demo", demo->api_key, public_id, err);
}

/* Returns 1 when the device is a new one, with a uid that must be kept. */
static int ensure_device(struct store *store, struct tx *tx, struct demo *demo,
	int64_t account_id, struct err *err)
{
	struct err missing = ERR_NONE;
	int64_t id;

	if (store_device_id(
		    store, account_id, demo->device_uid, &id, &missing) == 0)
		return 0;
	if (missing.code != ERR_NOT_FOUND)
		return err_set(err, missing.code, "%s", missing.msg);
	return device_make(tx, account_id, "Demo", demo->device_uid, err) == 0
		       ? 1
		       : -1;
}

static int ensure_key_and_device(struct store *store, const char *path,
	struct demo *demo, int64_t account_id, struct err *err)
{
	scoped(tx_end) struct tx *tx = tx_begin(store, err);
	int is_new;

	if (tx == NULL || ensure_key(store, tx, demo, account_id, err) != 0)
		return -1;
	is_new = ensure_device(store, tx, demo, account_id, err);
	if (is_new < 0 || (is_new == 1 && demo_write(path, demo, err) != 0))
		return -1;
	return tx_commit(tx, err);
}

static int demo_store(struct store *store, const char *path, struct demo *demo,
	struct err *err)
{
	int64_t account_id;

	if (account_find(store, demo, &account_id, err) != 0)
		return -1;
	if (account_id == 0 &&
		account_create(store, demo, &account_id, err) != 0)
		return -1;
	return ensure_key_and_device(store, path, demo, account_id, err);
}

int demo_prepare(
	const struct config *config, struct demo *demo, struct err *err)
{
	scoped(str_free) char *path =
		xasprintf("%s/demo.json", config->suite.state_dir);
	scoped(str_free) char *db = config_db_path(config);
	scoped(store_close) struct store *store = NULL;

	/* The file is first: what the store has and no file tells is lost. */
	if (!demo_read(path, demo)) {
		demo_invent(demo);
		if (demo_write(path, demo, err) != 0)
			return -1;
	}
	if (store_open(db, STORE_WRITE, &store, err) != 0)
		return -1;
	return demo_store(store, path, demo, err);
}

/* ---- linking ---- */

struct linking {
	const struct demo *demo;
	const char *sandbox_url;
	struct store *store;
	struct senderd *senderd;
	int64_t since_ms;   /* a connection older than this is another run's */
	int64_t scanned_ms; /* monotonic; 0 = not scanned, or in vain */
};

static void linking_fini(struct linking *linking)
{
	senderd_close(&linking->senderd);
	store_close(&linking->store);
}

static int sandbox_post(struct linking *linking, const char *path, json_t *body,
	struct err *err)
{
	scoped(str_free) char *url =
		xasprintf("%s%s", linking->sandbox_url, path);
	long status = 0;

	if (http_request(url, body, HTTP_TIMEOUT_MS, &status, err) != 0)
		return -1;
	if (status >= 200 && status < 300)
		return 0;
	return err_set(err, status == 409 ? ERR_CONFLICT : ERR_PEER,
		"sandbox answered %ld to POST %s", status, path);
}

/* A number that exists already will do. */
static int create_phone(struct linking *linking, struct err *err)
{
	json_t *body = json_pack("{s:s}", "phone", linking->demo->device_phone);

	if (sandbox_post(linking, "/phones", body, err) == 0 ||
		err->code == ERR_CONFLICT)
		return 0;
	return -1;
}

static int scan(struct linking *linking, const char *qr, struct err *err)
{
	scoped(str_free) char *path =
		xasprintf("/phones/%s/scan", linking->demo->device_phone + 1);

	return sandbox_post(linking, path, json_pack("{s:s}", "qr", qr), err);
}

/* The lane may still be connecting, the code just have changed, or the lane of
 * a network that is gone be on its way out: the caller comes again. */
static void try_scan(struct linking *linking, struct err *err)
{
	scoped(bus_envelope_free) Bus__Envelope *answer = NULL;
	Bus__PairingQr qr = BUS__PAIRING_QR__INIT;
	Bus__Question question = BUS__QUESTION__INIT;

	question.ask_case = BUS__QUESTION__ASK_PAIRING_QR;
	question.pairing_qr = &qr;
	senderd_command(linking->senderd, linking->demo->device_uid,
		BUS__LANE_ACTION__LANE_START); /* one that runs stays */
	if (senderd_ask(linking->senderd, linking->demo->device_uid, &question,
		    ASK_TIMEOUT_MS, &answer, err) == 0 &&
		scan(linking, answer->answer->qr, err) == 0)
		linking->scanned_ms = clock_mono_ms();
	else
		usleep(TRY_AGAIN_US);
}

/* 1: connected, 0: look again, -1: never will be. */
static int link_step(struct linking *linking, struct err *err)
{
	struct device_view view;

	if (device_look(
		    linking->store, linking->demo->device_uid, &view, err) != 0)
		return -1;
	if (view.status == DEVICE_CONNECTED &&
		view.lane_since_ms >= linking->since_ms)
		return 1;
	if (linking->scanned_ms != 0 &&
		clock_mono_ms() - linking->scanned_ms > SCAN_TIMEOUT_MS)
		linking->scanned_ms = 0;
	if (linking->scanned_ms == 0 &&
		(view.status == DEVICE_PAIRING ||
			view.status == DEVICE_LOGGED_OUT))
		try_scan(linking, err);
	return 0;
}

int demo_link(const struct config *config, const struct demo *demo,
	const char *sandbox_url, int64_t since_ms, const atomic_bool *cancel,
	struct err *err)
{
	scoped(linking_fini) struct linking linking = {
		.demo = demo,
		.sandbox_url = sandbox_url,
		.since_ms = since_ms,
	};
	scoped(str_free) char *db = config_db_path(config);
	int64_t deadline_ms = clock_mono_ms() + LINK_TIMEOUT_MS;
	struct err last = ERR_NONE;
	int rc;

	if (store_open(db, STORE_READ, &linking.store, err) != 0 ||
		senderd_open(config, &linking.senderd, err) != 0 ||
		create_phone(&linking, err) != 0)
		return -1;
	while ((rc = link_step(&linking, &last)) == 0) {
		if (atomic_load(cancel))
			return err_set(err, ERR_BUSY, "stopped");
		if (clock_mono_ms() > deadline_ms)
			return err_set(err, ERR_TIMEOUT,
				"demo device %s did not connect in %d s%s%s",
				demo->device_uid, LINK_TIMEOUT_MS / 1000,
				last.code != ERR_OK ? ": " : "", last.msg);
		usleep(LOOK_EVERY_US);
	}
	return rc == 1 ? 0 : err_set(err, last.code, "%s", last.msg);
}
