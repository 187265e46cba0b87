/* API keys: list, create, revoke. */
#include "apid/handlers.h"

#include <string.h>

#include "apid/request.h"
#include "apid/table.h"
#include "common/clock.h"
#include "common/store/account.h"

#define PREFIX_CHARS 12

static json_t *render_key(const struct api_key *key)
{
	return json_pack("{s:s, s:o, s:o, s:b, s:o, s:o}", "id", key->public_id,
		"name", json_text(key->name), "prefix", json_text(key->prefix),
		"isActive", key->is_active, "createdAt",
		json_time(key->created_ms), "lastUsedAt",
		json_time(key->last_used_ms));
}

static int add_key(const struct api_key *key, void *arg)
{
	json_array_append_new(arg, render_key(key));
	return 0;
}

int keys_list(struct request *request, struct err *err)
{
	json_t *data = json_array();
	int64_t total = 0;
	struct page page;
	int number;

	page = request_whole_page(request, WHOLE_PAGE_MAX, &number);
	request->reply = json_pack("{s:o, s:i, s:i, s:i}", "data", data,
		"total", 0, "page", number, "limit", page.limit);
	if (store_api_key_list(request->store, request->account_id, page,
		    add_key, data, &total, err) != 0)
		return -1;
	json_object_set_new(request->reply, "total", json_integer(total));
	return 0;
}

int keys_create(struct request *request, struct tx *tx, struct err *err)
{
	uint8_t hash[SECRET_HASH_BYTES];
	char uid[UUID_LEN], raw[API_KEY_LEN], prefix[PREFIX_CHARS + 1];
	const char *name = request_text(request, "name");
	struct api_key key = { .account_id = request->account_id,
		.public_id = uid,
		.name = name != NULL ? name : "API key",
		.prefix = prefix,
		.is_active = true,
		.created_ms = clock_now_ms() };
	int64_t id;

	id_uuid7(uid);
	id_api_key(raw);
	snprintf(prefix, sizeof(prefix), "%.*s", PREFIX_CHARS, raw);
	secret_hash_key(raw, hash);
	if (store_api_key_create(tx, &key, hash, &id, err) != 0)
		return -1;
	request->reply = render_key(&key);
	json_object_set_new(request->reply, "key", json_string(raw));
	return 0;
}

int keys_revoke(struct request *request, struct tx *tx, struct err *err)
{
	if (store_api_key_revoke(tx, request->account_id,
		    request_text(request, "id"), err) != 0)
		return -1;
	request->reply = json_pack("{s:b}", "deleted", 1);
	return 0;
}
