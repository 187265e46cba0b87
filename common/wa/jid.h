/* WhatsApp addresses.  A JID is user, server and device; device 0 is the phone
 * itself and is not written.  PN (phone number) and LID (hidden id) are two
 * names of one account with the same device numbers. */
#ifndef COMMON_WA_JID_H
#define COMMON_WA_JID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum wa_server {
	WA_SERVER_NONE = 0,
	WA_SERVER_PN,	      /* s.whatsapp.net */
	WA_SERVER_LID,	      /* lid */
	WA_SERVER_HOSTED,     /* hosted */
	WA_SERVER_HOSTED_LID, /* hosted.lid */
	WA_SERVER_GROUP,      /* g.us */
	WA_SERVER_BROADCAST,  /* broadcast */
	WA_SERVER_NEWSLETTER, /* newsletter */
	WA_SERVER_BOT,	      /* bot */
	WA_SERVER_LEGACY,     /* c.us */
	WA_SERVER_CALL,	      /* call */
	WA_SERVER_MSGR,	      /* msgr */
	WA_SERVER_INTEROP,    /* interop */
};

#define WA_USER_MAX 47
#define WA_JID_TEXT 96 /* room for any JID as text, with the NUL */

struct wa_jid {
	char user[WA_USER_MAX + 1]; /* "" for the server itself */
	uint16_t device;
	uint16_t integrator; /* interop only */
	enum wa_server server;
};

/* Parses "user[.agent|_agent][:device]@server" (interop: "integrator-user"), or
 * a server without user: "s.whatsapp.net", "@s.whatsapp.net".  The agent is
 * dropped.  -1 and an empty JID: unknown server, user too long or not plain,
 * bad device. */
int wa_jid_parse(const char *text, size_t n, struct wa_jid *out);
/* The same from its parts.  A plain user is printable ASCII without space, '@',
 * ':' or agent; a device needs a user. */
int wa_jid_from_parts(const char *user, size_t n, enum wa_server server,
	unsigned device, struct wa_jid *out);
/* "user:device@server"; device 0 is left out, and a server without user is
 * written "s.whatsapp.net".  Returns @out. */
char *wa_jid_text(const struct wa_jid *jid, char out[WA_JID_TEXT]);
const char *wa_server_name(enum wa_server server);
enum wa_server wa_server_find(const char *name, size_t n); /* or NONE */
/* Highest device number that an address of this server can carry; 0: it has
 * no devices. */
unsigned wa_server_max_device(enum wa_server server);

struct wa_jid wa_jid_server(void); /* s.whatsapp.net */
/* The user is cut at WA_USER_MAX. */
struct wa_jid wa_jid_pn(const char *digits, unsigned device);
struct wa_jid wa_jid_lid(const char *user, unsigned device);
/* The same address without, or with another, device. */
struct wa_jid wa_jid_bare(const struct wa_jid *jid);
struct wa_jid wa_jid_with_device(const struct wa_jid *jid, unsigned device);
bool wa_jid_equal(const struct wa_jid *a, const struct wa_jid *b);
/* Ignores the device. */
bool wa_jid_same_user(const struct wa_jid *a, const struct wa_jid *b);
bool wa_jid_is_user(const struct wa_jid *jid); /* PN or LID with a user */
bool wa_jid_is_group(const struct wa_jid *jid);
bool wa_jid_is_empty(const struct wa_jid *jid); /* server NONE */

/* Participant hash over device JIDs: "2:" and 8 base64 characters
 * (messages.md 2.7), whatever their order. */
#define WA_PHASH_LEN 11
void wa_phash(const struct wa_jid *jids, size_t n, char out[WA_PHASH_LEN]);

#endif
