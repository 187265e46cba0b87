#include "common/wa/jid.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/own.h"
#include "common/wa/crypto.h"

static const char *const server_names[] = {
	[WA_SERVER_NONE] = "",
	[WA_SERVER_PN] = "s.whatsapp.net",
	[WA_SERVER_LID] = "lid",
	[WA_SERVER_HOSTED] = "hosted",
	[WA_SERVER_HOSTED_LID] = "hosted.lid",
	[WA_SERVER_GROUP] = "g.us",
	[WA_SERVER_BROADCAST] = "broadcast",
	[WA_SERVER_NEWSLETTER] = "newsletter",
	[WA_SERVER_BOT] = "bot",
	[WA_SERVER_LEGACY] = "c.us",
	[WA_SERVER_CALL] = "call",
	[WA_SERVER_MSGR] = "msgr",
	[WA_SERVER_INTEROP] = "interop",
};

const char *wa_server_name(enum wa_server server)
{
	return server_names[server];
}

enum wa_server wa_server_find(const char *name, size_t n)
{
	for (size_t i = WA_SERVER_PN; i < ARRAY_LEN(server_names); i++) {
		if (strlen(server_names[i]) == n &&
			memcmp(server_names[i], name, n) == 0)
			return (enum wa_server)i;
	}
	return WA_SERVER_NONE;
}

unsigned wa_server_max_device(enum wa_server server)
{
	switch (server) {
	case WA_SERVER_PN:
	case WA_SERVER_LID:
	case WA_SERVER_HOSTED:
	case WA_SERVER_HOSTED_LID:
		return 255; /* one byte on the wire */
	case WA_SERVER_MSGR:
	case WA_SERVER_INTEROP:
		return 65535;
	case WA_SERVER_NONE:
	case WA_SERVER_GROUP:
	case WA_SERVER_BROADCAST:
	case WA_SERVER_NEWSLETTER:
	case WA_SERVER_BOT:
	case WA_SERVER_LEGACY:
	case WA_SERVER_CALL:
		return 0;
	}
	return 0;
}

/* Plain decimal of at most @max; -1 otherwise. */
static long parse_number(const char *text, size_t n, unsigned max)
{
	long value = 0;

	if (n == 0 || n > 5)
		return -1;
	for (size_t i = 0; i < n; i++) {
		if (text[i] < '0' || text[i] > '9')
			return -1;
		value = value * 10 + (text[i] - '0');
	}
	return value <= (long)max ? value : -1;
}

/* Length of @user without ".agent" or "_agent", an old name for the server's
 * domain byte that device addresses may carry. */
static size_t cut_agent(const char *user, size_t n, enum wa_server server)
{
	size_t at = n;

	if (server > WA_SERVER_HOSTED_LID)
		return n;
	while (at > 0 && user[at - 1] >= '0' && user[at - 1] <= '9')
		at--;
	if (at < 2 || at == n || (user[at - 1] != '.' && user[at - 1] != '_'))
		return n;
	return at - 1;
}

static bool user_is_plain(const char *user, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)user[i];

		if (c <= ' ' || c >= 0x7f || c == '@' || c == ':')
			return false;
	}
	return n <= WA_USER_MAX;
}

int wa_jid_from_parts(const char *user, size_t n, enum wa_server server,
	unsigned device, struct wa_jid *out)
{
	if (server == WA_SERVER_NONE || !user_is_plain(user, n) ||
		cut_agent(user, n, server) != n || (n == 0 && device != 0) ||
		device > wa_server_max_device(server))
		return -1;
	*out = (struct wa_jid){ .server = server, .device = (uint16_t)device };
	memcpy(out->user, user, n);
	return 0;
}

/* "integrator-user" */
static int parse_interop(
	const char *user, size_t n, unsigned device, struct wa_jid *out)
{
	const char *dash = n > 0 ? memchr(user, '-', n) : NULL;
	long integrator = 0;

	if (dash != NULL) {
		integrator = parse_number(user, (size_t)(dash - user), 65535);
		if (integrator < 0)
			return -1;
		n -= (size_t)(dash + 1 - user);
		user = dash + 1;
		if (n == 0)
			return -1;
	}
	if (wa_jid_from_parts(user, n, WA_SERVER_INTEROP, device, out) != 0)
		return -1;
	out->integrator = (uint16_t)integrator;
	return 0;
}

int wa_jid_parse(const char *text, size_t n, struct wa_jid *out)
{
	const char *at = n > 0 ? memchr(text, '@', n) : NULL;
	const char *name = at != NULL ? at + 1 : text;
	enum wa_server server = wa_server_find(name, n - (size_t)(name - text));
	size_t n_user = at != NULL ? (size_t)(at - text) : 0;
	const char *colon = n_user > 0 ? memchr(text, ':', n_user) : NULL;
	long device = 0;

	*out = (struct wa_jid){ 0 };
	if (server == WA_SERVER_NONE)
		return -1;
	if (colon != NULL) {
		device = parse_number(colon + 1, (size_t)(at - colon - 1),
			wa_server_max_device(server));
		n_user = (size_t)(colon - text);
		if (device < 0 || n_user == 0)
			return -1;
	}
	if (server == WA_SERVER_INTEROP)
		return parse_interop(text, n_user, (unsigned)device, out);
	n_user = cut_agent(text, n_user, server);
	return wa_jid_from_parts(text, n_user, server, (unsigned)device, out);
}

char *wa_jid_text(const struct wa_jid *jid, char out[WA_JID_TEXT])
{
	const char *server = wa_server_name(jid->server);
	char integrator[sizeof("65535-")] = "";

	static_assert(sizeof("65535-") + WA_USER_MAX + sizeof(":65535@") +
				      sizeof("s.whatsapp.net") <=
			      WA_JID_TEXT,
		"any address fits");
	if (jid->server == WA_SERVER_INTEROP)
		snprintf(
			integrator, sizeof(integrator), "%u-", jid->integrator);
	if (jid->user[0] == '\0')
		snprintf(out, WA_JID_TEXT, "%s", server);
	else if (jid->device == 0)
		snprintf(out, WA_JID_TEXT, "%s%s@%s", integrator, jid->user,
			server);
	else
		snprintf(out, WA_JID_TEXT, "%s%s:%u@%s", integrator, jid->user,
			jid->device, server);
	return out;
}

struct wa_jid wa_jid_server(void)
{
	return (struct wa_jid){ .server = WA_SERVER_PN };
}

static struct wa_jid make(
	const char *user, unsigned device, enum wa_server server)
{
	struct wa_jid jid = { .server = server, .device = (uint16_t)device };

	snprintf(jid.user, sizeof(jid.user), "%s", user);
	return jid;
}

struct wa_jid wa_jid_pn(const char *digits, unsigned device)
{
	return make(digits, device, WA_SERVER_PN);
}

struct wa_jid wa_jid_lid(const char *user, unsigned device)
{
	return make(user, device, WA_SERVER_LID);
}

struct wa_jid wa_jid_with_device(const struct wa_jid *jid, unsigned device)
{
	struct wa_jid copy = *jid;

	copy.device = (uint16_t)device;
	return copy;
}

struct wa_jid wa_jid_bare(const struct wa_jid *jid)
{
	return wa_jid_with_device(jid, 0);
}

bool wa_jid_same_user(const struct wa_jid *a, const struct wa_jid *b)
{
	return a->server == b->server && a->integrator == b->integrator &&
	       strcmp(a->user, b->user) == 0;
}

bool wa_jid_equal(const struct wa_jid *a, const struct wa_jid *b)
{
	return a->device == b->device && wa_jid_same_user(a, b);
}

bool wa_jid_is_user(const struct wa_jid *jid)
{
	return jid->user[0] != '\0' &&
	       (jid->server == WA_SERVER_PN || jid->server == WA_SERVER_LID);
}

bool wa_jid_is_group(const struct wa_jid *jid)
{
	return jid->user[0] != '\0' && jid->server == WA_SERVER_GROUP;
}

bool wa_jid_is_empty(const struct wa_jid *jid)
{
	return jid->server == WA_SERVER_NONE;
}

static int compare_text(const void *a, const void *b)
{
	return strcmp(a, b);
}

void wa_phash(const struct wa_jid *jids, size_t n, char out[WA_PHASH_LEN])
{
	char(*forms)[WA_JID_TEXT] = xcalloc(n + 1, sizeof(*forms));
	scoped(buf_fini) struct buf joined = BUF_INIT;
	uint8_t hash[32];

	/* ".0" is the agent, which is always 0; device 0 is written here. */
	for (size_t i = 0; i < n; i++)
		snprintf(forms[i], sizeof(forms[i]), "%s.0:%u@%s", jids[i].user,
			jids[i].device, wa_server_name(jids[i].server));
	qsort(forms, n, sizeof(*forms), compare_text);
	for (size_t i = 0; i < n; i++)
		buf_add_str(&joined, forms[i]);
	free(forms);
	wa_sha256(joined.data, joined.len, hash);

	memcpy(out, "2:", 2);
	wa_base64(hash, 6, out + 2, WA_PHASH_LEN - 2);
}
