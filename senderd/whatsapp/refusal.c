#include "senderd/whatsapp/refusal.h"

#include <stddef.h>

#include "common/own.h"

static const struct refusal refusals[] = {
	{ 400, REFUSAL_BY_NUMBER, "refused_malformed" },
	{ 401, REFUSAL_FAIL, "refused_unauthorized" },
	{ 403, REFUSAL_FAIL, "refused_forbidden" },
	{ 404, REFUSAL_FAIL, "refused_no_such_chat" },
	{ 405, REFUSAL_FAIL, "refused_not_allowed" },
	{ 420, REFUSAL_FAIL, "refused_by_policy" },
	{ 421, REFUSAL_FAIL, "refused_stale_addressing" },
	{ 429, REFUSAL_LATER, "refused_rate_limit" },
	{ 463, REFUSAL_NO_CONTACT, "refused_new_chat_restricted" },
	{ 475, REFUSAL_NO_NEW_CHATS, "refused_new_chats_capped" },
	{ 479, REFUSAL_REFRESH, "refused_invalid" },
};

static const struct refusal server_trouble = { 500, REFUSAL_LATER,
	"refused_server_unavailable" };
static const struct refusal unknown = { 0, REFUSAL_FAIL, "refused" };

const struct refusal *refusal_of(int code)
{
	for (size_t i = 0; i < ARRAY_LEN(refusals); i++) {
		if (refusals[i].code == code)
			return &refusals[i];
	}
	return code >= 500 && code <= 599 ? &server_trouble : &unknown;
}
