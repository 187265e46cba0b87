/* Chats of a device, as its phone lists them. */
#include "apid/handlers.h"

#include "apid/request.h"
#include "common/own.h"
#include "common/store/chat.h"
#include "common/store/device.h"

static json_t *render_muted(int64_t until_ms)
{
	return until_ms < 0 ? json_string("forever") : json_time(until_ms);
}

static int add_chat(const struct chat *chat, void *arg)
{
	json_array_append_new(
		arg, json_pack("{s:s, s:o, s:b, s:b, s:b, s:o, s:o, s:o}",
			     "jid", chat->jid, "name", json_text(chat->name),
			     "archived", chat->is_archived, "pinned",
			     chat->is_pinned, "unread", chat->is_unread,
			     "mutedUntil", render_muted(chat->muted_until_ms),
			     "lastMessageAt", json_time(chat->last_ms),
			     "updatedAt", json_time(chat->updated_ms)));
	return 0;
}

int chats_list(struct request *request, struct err *err)
{
	json_t *data = json_array();
	int64_t device_id, total = 0;
	struct page page;
	int number;

	page = request_page(request, &number);
	request->reply = json_pack("{s:o, s:i, s:i, s:i}", "data", data,
		"total", 0, "page", number, "limit", page.limit);
	if (store_device_id(request->store, request->account_id,
		    request_text(request, "deviceUid"), &device_id, err) != 0 ||
		store_chat_list(request->store, request->account_id, device_id,
			page, add_chat, data, &total, err) != 0)
		return -1;
	json_object_set_new(request->reply, "total", json_integer(total));
	return 0;
}
