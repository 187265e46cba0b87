/* What a client asks to send: any JSON as the members of each kind, in each
 * place.  What passes must be JSON again, and bounded. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "common/content.h"
#include "common/err.h"
#include "common/recipient.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void check_out(const struct content_out *out)
{
	json_t *json;

	if (out->json == NULL)
		return;
	assert(strlen(out->json) <= CONTENT_JSON_MAX);
	json = json_loads(out->json, 0, NULL);
	assert(json_is_object(json));
	json_decref(json);
}

static void check_recipient(const char *text, size_t n)
{
	const unsigned kinds = RECIPIENT_PERSON | RECIPIENT_GROUP;
	struct recipient first, again;

	if (recipient_parse(text, n, kinds, &first) != 0)
		return;
	/* Its names are names of the same. */
	assert(recipient_parse(
		       first.jid, strlen(first.jid), first.kind, &again) == 0);
	assert(strcmp(first.name, again.name) == 0);
	assert(recipient_parse(first.name, strlen(first.name), first.kind,
		       &again) == 0);
	assert(strcmp(first.jid, again.jid) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct content_place place = { 0 };
	struct err err = ERR_NONE;
	struct content_out out;
	json_t *members;

	if (n < 2)
		return 0;
	place.kind = (enum message_kind)(data[0] % (MESSAGE_GROUP_INVITE + 1));
	place.is_group = (data[1] & 1) != 0;
	place.is_status = (data[1] & 2) != 0;
	check_recipient((const char *)data + 2, n - 2);
	members = json_loadb(
		(const char *)data + 2, n - 2, JSON_REJECT_DUPLICATES, NULL);
	if (json_is_object(members)) {
		if (content_check(members, &place, &out, &err) == 0)
			check_out(&out);
		else
			assert(err.code == ERR_INVALID && out.json == NULL);
		content_out_fini(&out);
	}
	json_decref(members);
	return 0;
}
