/* What messages of virtual phones hold: one table of kinds (phone_kind.c), the
 * way from an order of the control API to a Message (phone_build.c), and from a
 * Message to what the inbox shows (phone_content.c). */
#ifndef SANDBOXD_PHONE_KIND_H
#define SANDBOXD_PHONE_KIND_H

#include <jansson.h>

#include "sandboxd/sandbox.h"
#include "whatsapp.pb-c.h"

struct box_entry;

/* ---- what a stanza tells of a Message (messages.md 2.8) ---- */
struct phone_shape {
	const char *name;      /* as in the inbox: "image", "vote", ... */
	const char *type;      /* of the stanza: "text", "media", ... */
	const char *mediatype; /* of each <enc>, or NULL */
	const char *edit;      /* "1", "7", ..., or NULL */
	const char *polltype;  /* of <meta>, or NULL */
	bool hide;	       /* decrypt-fail=hide */
};
struct phone_shape phone_shape_of(const Wa__Message *message);
/* The content below ephemeral, view-once and similar wrappers. */
const Wa__Message *phone_unwrap(const Wa__Message *message);
/* NULL: not a Message, or not one that may be unpacked. */
Wa__Message *phone_message_parse(const void *bytes, size_t n);
/* Appends. */
void phone_message_pack(const Wa__Message *message, struct buf *out);

/* A message of protobuf-c in an arena, with its defaults: MESSAGE_NEW(arena,
 * Wa__Message, WA__MESSAGE__INIT). */
#define MESSAGE_NEW(arena, type, defaults) \
	((type *)arena_dup((arena), &(type)defaults, sizeof(type)))

/* ---- orders ---- */
enum phone_kind {
	PHONE_TEXT,
	PHONE_IMAGE,
	PHONE_VIDEO,
	PHONE_AUDIO,
	PHONE_VOICE,
	PHONE_DOCUMENT,
	PHONE_STICKER,
	PHONE_LOCATION,
	PHONE_CONTACT,
	PHONE_POLL,
	PHONE_VOTE,
	PHONE_REACTION,
	PHONE_EDIT,
	PHONE_REVOKE,
	PHONE_UNKNOWN, /* a Message whose only field nobody knows */
	PHONE_RAW,
};
/* -1: no such kind. */
int phone_kind_find(const char *name);

/* Where to: exactly one of the three. */
struct phone_chat {
	struct account *account;
	struct group *group;
	struct account **audience; /* of a status */
	size_t n_audience;
};
/* LID of the account, the group, or status@broadcast. */
struct wa_jid phone_chat_jid(const struct phone_chat *chat);
/* How @account is called in this chat: LID, but PN in an old group. */
struct wa_jid phone_chat_address(
	const struct phone_chat *chat, const struct account *account);

/* Another message of the same chat. */
struct phone_target {
	const char *id; /* NULL: there is none */
	bool from_me;	/* of the phone's account */
	struct account *author;
	const char *text; /* to quote a message that the phone has not got */
	const struct box_entry *entry; /* NULL: the phone has not got it */
};

enum phone_view_once { PHONE_VIEW_MANY, PHONE_VIEW_ONCE, PHONE_VIEW_ON_PHONE };

/* Everything is borrowed; what does not apply to the kind is ignored. */
struct phone_order {
	enum phone_kind kind;
	const char *text; /* or caption, question, emoji */
	const char *url, *title,
		*description; /* of a preview; url NULL: none */
	const uint8_t *file;  /* media */
	size_t n_file;
	const char *mimetype, *file_name;
	uint32_t seconds, width, height, pages;
	const uint8_t *thumbnail;
	size_t n_thumbnail;
	bool gif;
	struct phone_target quoted, target;
	struct account **mentions;
	size_t n_mentions;
	const char **options; /* of a poll, or chosen in a vote */
	size_t n_options;
	unsigned selectable; /* of a poll: 0 = any number */
	double latitude, longitude;
	const char *name, *address; /* place; contact */
	const char *vcard;	    /* NULL: made from name and number */
	struct account *contact;    /* or NULL */
	uint32_t background;	    /* of a text status, 0xAARRGGBB */
	int font;
	uint32_t expiration; /* seconds; 0: stays */
	bool forwarded;
	enum phone_view_once view_once;
	const uint8_t *raw; /* PHONE_RAW: a serialised Message */
	size_t n_raw;
};
/* Appends the serialised Message with the id @id. */
int phone_build(struct phone *phone, const struct phone_chat *chat,
	const struct phone_order *order, const char *id, struct buf *out,
	struct err *err);

/* ---- reading ---- */
struct phone_context {
	struct wa_jid chat;	/* group or status@broadcast; empty in 1:1 */
	struct account *author; /* who sent it */
	const char *id;
};
/* What the inbox shows of a message: text (or NULL; lives as long as the
 * message) and the members beside it (or NULL; the caller owns it).  Media is
 * fetched from the media host and checked. */
void phone_describe(struct phone *phone, const struct phone_context *context,
	const Wa__Message *message, const char **text_out,
	json_t **details_out);

/* ---- phone_media.c ---- */
struct phone_blob {
	const char *url, *direct_path; /* in the arena */
	uint8_t key[32], sha256[32], enc_sha256[32];
};
/* Encrypts, puts it on the media host and keeps it for whoever asks again. */
int phone_media_upload(struct phone *phone, const char *id, int type,
	const void *file, size_t n, struct phone_blob *out, struct err *err);
/* Fetches and checks what @ref names, and keeps it; NULL: it is no media.
 * Members: size and sha256, or mediaError. */
struct wa_media_ref;
void phone_media_fetch(struct phone *phone, const char *id,
	const struct wa_media_ref *ref, json_t *out);

/* ---- phone_poll.c ---- */
/* Fills the vote of @order on the poll that it targets, in the arena. */
int phone_vote_seal(struct phone *phone, const struct phone_chat *chat,
	const struct phone_order *order, Wa__PollEncValue *out,
	struct err *err);
/* Members of a vote: poll, and options when it can be read. */
json_t *phone_vote_read(struct phone *phone,
	const struct phone_context *context,
	const Wa__PollUpdateMessage *update);

#endif
