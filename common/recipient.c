#include "common/recipient.h"

#include <stdio.h>
#include <string.h>

/* A number that is one: what WhatsApp calls so may be shorter or longer. */
static int take_phone(const char *digits, size_t n, struct recipient *out)
{
	struct wa_jid jid;

	if (phone_parse(digits, n, out->phone) != 0)
		return -1;
	jid = wa_jid_pn(out->phone, 0);
	wa_jid_text(&jid, out->jid);
	snprintf(out->name, sizeof(out->name), "+%s", out->phone);
	out->kind = RECIPIENT_PHONE;
	return 0;
}

static int take_jid(const struct wa_jid *jid, enum recipient_kind kind,
	struct recipient *out)
{
	const struct wa_jid bare = wa_jid_bare(jid);

	out->kind = kind;
	wa_jid_text(&bare, out->jid);
	memcpy(out->name, out->jid, sizeof(out->name));
	return 0;
}

static int parse(const char *text, size_t n, struct recipient *out)
{
	struct wa_jid jid;

	if (memchr(text, '@', n) == NULL)
		return take_phone(text, n, out);
	if (wa_jid_parse(text, n, &jid) != 0 || jid.user[0] == '\0')
		return -1;
	if (jid.server == WA_SERVER_PN || jid.server == WA_SERVER_LEGACY)
		return take_phone(jid.user, strlen(jid.user), out);
	if (jid.server == WA_SERVER_LID)
		return take_jid(&jid, RECIPIENT_LID, out);
	if (jid.server == WA_SERVER_GROUP)
		return take_jid(&jid, RECIPIENT_GROUP, out);
	return -1;
}

int recipient_parse(
	const char *text, size_t n, unsigned kinds, struct recipient *out)
{
	*out = (struct recipient){ .phone = "" };
	if (parse(text, n, out) != 0 || (out->kind & kinds) == 0)
		return -1;
	return 0;
}
