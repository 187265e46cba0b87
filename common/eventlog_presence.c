/* Events of people's presence. */
#include "common/eventlog.h"

#include <stdio.h>
#include <string.h>

#include "common/buf.h"
#include "common/clock.h"
#include "common/err.h"
#include "common/json_write.h"
#include "common/own.h"

static void presence_payload(struct buf *out,
	const struct presence_event *presence, const char *device_uid)
{
	struct json_writer json = json_write_begin(out);
	char at[CLOCK_ISO_LEN], last_seen[CLOCK_ISO_LEN], phone[32];

	clock_iso(presence->at_ms, at);
	if (presence->phone != NULL)
		snprintf(phone, sizeof(phone), "+%s", presence->phone);
	json_write_text(&json, "deviceUid", device_uid);
	json_write_text(&json, "chat", presence->chat);
	json_write_text(&json, "from",
		presence->phone != NULL ? phone : presence->from);
	json_write_text(&json, "phone", presence->phone != NULL ? phone : NULL);
	json_write_text(&json, "lid", presence->lid);
	json_write_text(&json, "state", presence->state);
	if (presence->last_seen_ms > 0) {
		clock_iso(presence->last_seen_ms, last_seen);
		json_write_text(&json, "lastSeen", last_seen);
	}
	json_write_text(&json, "timestamp", at);
	json_write_end(&json);
}

static bool is_group(const char *chat)
{
	const char *at = strchr(chat, '@');

	return at != NULL && strcmp(at, "@g.us") == 0;
}

int eventlog_presence(struct tx *tx, const struct presence_event *presence,
	const char *device_uid, Bus__Envelope **event_out, struct err *err)
{
	scoped(buf_fini) struct buf payload = BUF_INIT;
	char public_id[UUID_LEN];
	struct event event = { .account_id = presence->account_id,
		.device_id = presence->device_id,
		.chat = is_group(presence->chat) ? EVENT_CHAT_GROUP
						 : EVENT_CHAT_PERSONAL,
		.type = presence->type,
		.created_ms = presence->at_ms };

	*event_out = NULL;
	presence_payload(&payload, presence, device_uid);
	event.payload = buf_cstr(&payload);
	if (store_event_append(tx, &event, public_id, err) != 0)
		return -1;
	*event_out = eventlog_envelope(&event, device_uid);
	return 0;
}
