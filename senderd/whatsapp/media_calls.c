/* Calls about received files. */
#include "senderd/facts.h"
#include "senderd/whatsapp/calls.h"
#include "senderd/whatsapp/media_in.h"

/* With media.auto_download off, asking for a file is what fetches it. */
static void call_fetch(struct lane *lane, struct call *call)
{
	const char *id = call_text(call, "mediaId");
	struct err err = ERR_NONE;

	if (id == NULL) {
		call_fail(lane, &call, ERR_INVALID, "mediaId is missing");
		return;
	}
	if (media_in_want(lane, id, &err) == 0) {
		call_done(lane, &call, NULL);
		return;
	}
	if (err.code != ERR_NOT_FOUND)
		facts_fail(lane, &err);
	call_fail(lane, &call, err.code, "%s", err.msg);
}

const struct call_method media_calls[] = {
	{ "media.fetch", call_fetch, .is_unpaired = false },
	{ NULL, NULL, false },
};
