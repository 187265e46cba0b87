#include "senderd/whatsapp/calls.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/own.h"
#include "common/phone.h"

struct call {
	struct asker asker;
	json_t *params; /* owned */
};

void call_forget(struct call **callp)
{
	struct call *call = move(*callp);

	if (call == NULL)
		return;
	json_decref(call->params);
	free(call);
}

void call_done(struct lane *lane, struct call **callp, json_t *result)
{
	scoped(call_forget) struct call *call = move(*callp);
	Bus__Envelope *envelope = mailbox_answer(lane, call->asker);
	char *text = result != NULL ? json_dumps(result, JSON_COMPACT) : NULL;

	envelope->answer->result = text != NULL ? text : xstrdup("{}");
	json_decref(result);
	lane_tell(lane, envelope);
}

void call_fail(struct lane *lane, struct call **callp, enum err_code code,
	const char *fmt, ...)
{
	scoped(call_forget) struct call *call = move(*callp);
	char why[256];
	va_list args;

	va_start(args, fmt);
	vsnprintf(why, sizeof why, fmt, args);
	va_end(args);
	mailbox_refuse(lane, call->asker, code, why);
}

void call_fail_answer(
	struct lane *lane, struct call **callp, const struct wa_node *answer)
{
	static const struct {
		int code;
		enum err_code err;
		const char *why;
	} refusals[] = {
		{ 401, ERR_FORBIDDEN, "WhatsApp does not allow this" },
		{ 403, ERR_FORBIDDEN, "WhatsApp does not allow this" },
		{ 404, ERR_NOT_FOUND, "WhatsApp does not know it" },
		{ 405, ERR_FORBIDDEN, "WhatsApp does not allow this" },
		{ 406, ERR_INVALID, "WhatsApp does not accept this" },
		{ 409, ERR_CONFLICT, "It is so already" },
		{ 410, ERR_NOT_FOUND, "It is not valid any more" },
		{ 429, ERR_LIMIT, "WhatsApp asks to wait before trying again" },
	};
	int code = 0;

	iq_is_error(answer, &code);
	if (answer == NULL) {
		call_fail(lane, callp, ERR_TIMEOUT, "WhatsApp did not answer");
		return;
	}
	for (size_t i = 0; i < ARRAY_LEN(refusals); i++) {
		if (refusals[i].code == code) {
			call_fail(lane, callp, refusals[i].err, "%s",
				refusals[i].why);
			return;
		}
	}
	call_fail(lane, callp, ERR_INTERNAL, "WhatsApp answered %d", code);
}

static void on_plain_answer(
	struct lane *lane, const struct wa_node *answer, void *arg)
{
	struct call *call = arg;
	int code = 0;

	if (iq_is_error(answer, &code))
		call_fail_answer(lane, &call, answer);
	else
		call_done(lane, &call, NULL);
}

void call_send(struct lane *lane, struct call **callp, struct wa_node *iq)
{
	iq_send(lane, iq, on_plain_answer, move(*callp));
}

const json_t *call_params(const struct call *call)
{
	return call->params;
}

const json_t *call_param(const struct call *call, const char *key)
{
	return json_object_get(call->params, key);
}

const char *call_text(const struct call *call, const char *key)
{
	return json_string_value(call_param(call, key));
}

int call_jid(struct lane *lane, const char *text, struct wa_jid *out,
	struct err *err)
{
	char digits[PHONE_LEN];

	(void)lane;
	if (text != NULL && phone_parse(text, strlen(text), digits) == 0) {
		*out = wa_jid_pn(digits, 0);
		return 0;
	}
	if (text != NULL && wa_jid_parse(text, strlen(text), out) == 0 &&
		out->user[0] != '\0') {
		*out = wa_jid_bare(out);
		return 0;
	}
	return err_set(
		err, ERR_INVALID, "neither a phone number nor an address");
}

/* ---- the door ---- */

static const struct call_method *const tables[] = {
	group_calls,
	contact_calls,
	chat_calls,
	media_calls,
	passkey_calls,
};

static const struct call_method *method_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(tables); i++) {
		for (const struct call_method *method = tables[i];
			method->name != NULL; method++) {
			if (strcmp(method->name, name) == 0)
				return method;
		}
	}
	return NULL;
}

void calls_on_question(struct lane *lane, const Bus__Envelope *question)
{
	const Bus__LaneCall *ask = question->question->lane_call;
	const struct call_method *method = method_find(ask->method);
	struct asker asker = mailbox_asker(question);
	struct call *call = NULL;
	json_t *params = NULL;

	if (method == NULL) {
		mailbox_refuse(lane, asker, ERR_INVALID, "unknown method");
		return;
	}
	if (method->is_unpaired ? lane->id.is_paired : !lane_is_ready(lane)) {
		mailbox_refuse(lane, asker,
			method->is_unpaired ? ERR_CONFLICT : ERR_BUSY,
			method->is_unpaired ? "a phone is linked already"
					    : "the device is not connected");
		return;
	}
	params = json_loads(ask->params, JSON_REJECT_DUPLICATES, NULL);
	if (!json_is_object(params)) {
		json_decref(params);
		mailbox_refuse(lane, asker, ERR_INVALID, "bad parameters");
		return;
	}
	call = xcalloc(1, sizeof *call);
	call->asker = asker;
	call->params = params;
	method->fn(lane, call);
}
