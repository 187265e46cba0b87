#include "senderd/whatsapp/bundles.h"

#include <stdlib.h>
#include <string.h>

#include "common/err.h"
#include "common/log.h"
#include "common/own.h"
#include "common/wa/adv.h"
#include "senderd/facts.h"

/* ---- one bundle ---- */

/* A big-endian number of exactly @n bytes. */
static int number_read(
	const struct wa_node *parent, const char *tag, size_t n, uint32_t *out)
{
	const struct wa_node *node = wa_node_child(parent, tag);
	size_t n_got = 0;
	const uint8_t *bytes =
		node != NULL ? wa_node_content(node, &n_got) : NULL;

	if (bytes == NULL || n_got != n)
		return -1;
	*out = 0;
	for (size_t i = 0; i < n; i++)
		*out = *out << 8 | bytes[i];
	return 0;
}

static int bytes_read(
	const struct wa_node *parent, const char *tag, uint8_t *out, size_t n)
{
	const struct wa_node *node = wa_node_child(parent, tag);
	size_t n_got = 0;
	const uint8_t *bytes =
		node != NULL ? wa_node_content(node, &n_got) : NULL;

	if (bytes == NULL || n_got != n)
		return -1;
	memcpy(out, bytes, n);
	return 0;
}

static int bundle_read(const struct wa_node *owner, const struct wa_node *keys,
	struct wa_bundle *out, struct err *err)
{
	const struct wa_node *skey = wa_node_child(keys, "skey");
	const struct wa_node *key = wa_node_child(keys, "key");

	memset(out, 0, sizeof *out);
	if (number_read(owner, "registration", 4, &out->registration_id) != 0 ||
		bytes_read(keys, "identity", out->identity, WA_KEY_BYTES) != 0)
		return err_set(err, ERR_PEER, "no registration or identity");
	if (skey == NULL || number_read(skey, "id", 3, &out->signed_id) != 0 ||
		bytes_read(skey, "value", out->signed_key, WA_KEY_BYTES) != 0 ||
		bytes_read(skey, "signature", out->signature,
			WA_SIGNATURE_BYTES) != 0)
		return err_set(err, ERR_PEER, "no signed prekey");
	if (key == NULL)
		return 0; /* the server ran out of one-time keys: fine */
	if (number_read(key, "id", 3, &out->one_time_id) != 0 ||
		bytes_read(key, "value", out->one_time_key, WA_KEY_BYTES) != 0)
		return err_set(err, ERR_PEER, "malformed one-time prekey");
	out->has_one_time = true;
	return 0;
}

/* A companion's identity must be vouched for by its account, when the server
 * shows the voucher.  One that is not even readable proves nothing and is
 * passed over. */
static int identity_check(const struct wa_node *keys,
	const struct wa_bundle *bundle, struct err *err)
{
	const struct wa_node *node = wa_node_child(keys, "device-identity");
	size_t n = 0;
	const uint8_t *full = node != NULL ? wa_node_content(node, &n) : NULL;

	if (full == NULL || wa_adv_verify(full, n, bundle->identity, err) == 0)
		return 0;
	return err != NULL && err->code == ERR_UNAUTHORIZED ? -1 : 0;
}

int bundles_use(struct lane *lane, const struct wa_jid *address,
	const struct wa_node *owner, const struct wa_node *keys,
	struct err *err)
{
	struct wa_bundle bundle;
	bool identity_changed = false;
	char text[WA_JID_TEXT];

	if (bundle_read(owner, keys, &bundle, err) != 0 ||
		identity_check(keys, &bundle, err) != 0 ||
		wa_signal_process_bundle(lane->signal, address, &bundle,
			&identity_changed, err) != 0)
		return -1;
	if (identity_changed)
		log_info("identity address=%s status=changed source=bundle",
			wa_jid_text(address, text));
	return 0;
}

/* ---- the question ---- */

struct question {
	bundles_done_fn *done;
	void *arg;
	size_t n;
	struct wa_jid devices[BUNDLES_ASK_MAX];
};

static void question_free(struct question **questionp)
{
	free(move(*questionp));
}

static bool was_asked(
	const struct question *question, const struct wa_jid *device)
{
	for (size_t i = 0; i < question->n; i++) {
		if (wa_jid_equal(&question->devices[i], device))
			return true;
	}
	return false;
}

/* -1 only when the lane database failed; a bad bundle costs its device the
 * message. */
static int user_read(struct lane *lane, const struct question *question,
	const struct wa_node *user, struct err *err)
{
	const struct wa_node *error = wa_node_child(user, "error");
	const struct wa_node *keys = wa_node_child(user, "keys");
	char text[WA_JID_TEXT];
	struct wa_jid device;
	struct wa_jid address;

	if (!wa_node_jid(user, "jid", &device) || !was_asked(question, &device))
		return 0;
	if (error != NULL) {
		err_set(err, ERR_PEER, "the server has none, code %d",
			(int)wa_node_int(error, "code", 0));
	} else {
		address = lane_signal_address(lane, &device);
		if (bundles_use(lane, &address, user,
			    keys != NULL ? keys : user, err) == 0)
			return 0;
	}
	if (err->code == ERR_IO)
		return -1;
	log_warning("bundle device=%s status=unusable reason=\"%s\" "
		    "action=\"device is left out\"",
		wa_jid_text(&device, text), err->msg);
	return 0;
}

static void on_answer(
	struct lane *lane, const struct wa_node *answer, void *arg)
{
	scoped(question_free) struct question *question = arg;
	const struct wa_node *list = NULL;
	struct err err = ERR_NONE;
	int code = 0;

	if (iq_is_error(answer, &code))
		log_warning("bundles devices=%zu status=failed code=%d "
			    "action=\"ask again later\"",
			question->n, code);
	else
		list = wa_node_child(answer, "list");
	if (list != NULL) {
		wa_node_each (user, list) {
			if (user_read(lane, question, user, &err) != 0) {
				facts_fail(lane, &err);
				break;
			}
		}
	}
	question->done(lane, list != NULL, question->arg);
}

void bundles_ask(struct lane *lane, const struct wa_jid *devices, size_t n,
	bool renew, bundles_done_fn *done, void *arg)
{
	struct question *question = xcalloc(1, sizeof *question);
	struct wa_node *iq = iq_new(lane, "get", "encrypt");
	struct wa_node *key = wa_node_add(iq, "key");

	question->done = done;
	question->arg = arg;
	question->n = n < BUNDLES_ASK_MAX ? n : BUNDLES_ASK_MAX;
	for (size_t i = 0; i < question->n; i++) {
		struct wa_node *user = wa_node_add(key, "user");

		question->devices[i] = devices[i];
		wa_node_set_jid(user, "jid", &devices[i]);
		if (renew)
			wa_node_set(user, "reason", "identity");
	}
	iq_send(lane, iq, on_answer, question);
}
