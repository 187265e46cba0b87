#include "senderd/whatsapp/picture.h"

#include <sodium.h>
#include <string.h>

#include "common/arena.h"
#include "common/err.h"
#include "common/own.h"
#include "senderd/facts.h"
#include "senderd/whatsapp/content.h"
#include "senderd/whatsapp/tokens.h"

#define XMLNS "w:profile:picture"
#define URL_MAX 2048

/* ---- showing ---- */

static void member_set(
	struct lane *lane, json_t *json, const char *key, const char *text)
{
	if (text != NULL && strlen(text) <= URL_MAX)
		json_object_set_new(json, key,
			json_string(content_clean(lane->arena, text)));
}

static void on_picture(
	struct lane *lane, const struct wa_node *answer, void *arg)
{
	struct call *call = arg;
	const struct wa_node *picture = NULL;
	json_t *json = NULL;
	int code = 0;

	if (iq_is_error(answer, &code)) {
		call_fail_answer(lane, &call, answer);
		return;
	}
	picture = wa_node_child(answer, "picture");
	if (wa_node_str(picture, "url") == NULL) {
		call_fail(lane, &call, ERR_NOT_FOUND, "there is no picture");
		return;
	}
	json = json_object();
	member_set(lane, json, "url", wa_node_str(picture, "url"));
	member_set(lane, json, "id", wa_node_str(picture, "id"));
	member_set(lane, json, "type", wa_node_str(picture, "type"));
	member_set(lane, json, "hash", wa_node_str(picture, "hash"));
	call_done(lane, &call, json);
}

/* A token shows that we are known to them; for our own picture the server does
 * not answer when there is one. */
static int token_add(struct lane *lane, struct wa_node *picture,
	const struct wa_jid *target, struct err *err)
{
	struct wa_jid account = lane_signal_address(lane, target);
	int has_token = 0;

	if (!wa_jid_is_user(target) || lane_is_self(lane, target))
		return 0;
	has_token = tokens_has_valid(lane, &account, err);
	if (has_token <= 0)
		return has_token;
	return tokens_attach(lane, picture, &account, err);
}

void picture_on_get(struct lane *lane, struct call *call)
{
	struct wa_node *iq = iq_new(lane, "get", XMLNS);
	struct wa_node *picture = NULL;
	struct wa_jid target;
	struct err err = ERR_NONE;

	if (call_jid(lane, call_text(call, "id"), &target, &err) != 0) {
		call_fail(lane, &call, err.code, "id: %s", err.msg);
		return;
	}
	wa_node_set_jid(iq, "target", &target);
	picture = wa_node_add(iq, "picture");
	wa_node_set(picture, "query", "url");
	wa_node_set(picture, "type",
		json_is_true(call_param(call, "preview")) ? "preview"
							  : "image");
	if (token_add(lane, picture, &target, &err) != 0)
		facts_fail(lane, &err);
	iq_send(lane, iq, on_picture, call);
}

/* ---- setting ---- */

int picture_decode(const char *base64, struct buf *out, struct err *err)
{
	size_t n = base64 != NULL ? strlen(base64) : 0;
	size_t n_out = 0;

	if (n > PICTURE_MAX / 3 * 4 + 4)
		return err_set(err, ERR_INVALID, "a picture has at most %u KiB",
			PICTURE_MAX >> 10);
	if (n == 0 ||
		sodium_base642bin(buf_reserve(out, n), n, base64, n, "\r\n",
			&n_out, NULL, sodium_base64_VARIANT_ORIGINAL) != 0)
		return err_set(err, ERR_INVALID, "not base64");
	out->len = n_out;
	if (n_out < 4 || memcmp(out->data, "\xff\xd8\xff", 3) != 0)
		return err_set(err, ERR_INVALID, "not a JPEG");
	return 0;
}

struct wa_node *picture_set_iq(
	struct lane *lane, const struct wa_jid *target, const struct buf *jpeg)
{
	struct wa_node *iq = iq_new(lane, "set", XMLNS);
	struct wa_node *picture = NULL;

	wa_node_set_jid(iq, "target", target);
	picture = wa_node_add(iq, "picture");
	wa_node_set(picture, "type", "image");
	wa_node_bytes(picture, jpeg->data, jpeg->len);
	return iq;
}

static void on_set(struct lane *lane, const struct wa_node *answer, void *arg)
{
	struct call *call = arg;
	const char *id = wa_node_str(wa_node_child(answer, "picture"), "id");
	int code = 0;

	if (iq_is_error(answer, &code)) {
		call_fail_answer(lane, &call, answer);
		return;
	}
	call_done(lane, &call,
		json_pack("{s:s*}", "id",
			id != NULL ? content_clean(lane->arena, id) : NULL));
}

void picture_on_set_group(struct lane *lane, struct call *call)
{
	scoped(buf_fini) struct buf jpeg = BUF_INIT;
	struct wa_jid group;
	struct err err = ERR_NONE;

	if (call_jid(lane, call_text(call, "jid"), &group, &err) != 0 ||
		!wa_jid_is_group(&group)) {
		call_fail(lane, &call, ERR_INVALID, "jid: not a group");
		return;
	}
	if (picture_decode(call_text(call, "pictureJpeg"), &jpeg, &err) != 0) {
		call_fail(lane, &call, err.code, "pictureJpeg: %s", err.msg);
		return;
	}
	iq_send(lane, picture_set_iq(lane, &group, &jpeg), on_set, call);
}
