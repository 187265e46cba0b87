/* What compose*.c share.  Nothing else includes it. */
#ifndef SENDERD_WHATSAPP_COMPOSE_IMPL_H
#define SENDERD_WHATSAPP_COMPOSE_IMPL_H

#include <jansson.h>

#include "common/arena.h"
#include "senderd/whatsapp/compose.h"
#include "whatsapp.pb-c.h"

/* One message being composed; everything it points at is in the lane's arena,
 * or lives as long as the job. */
struct composing {
	struct lane *lane;
	const struct job *job;
	const json_t *content; /* borrowed; NULL = none */
	struct envelope *envelope;
	Wa__Message message;
	Wa__ContextInfo *context; /* NULL: nothing to say */
	struct wa_jid chat;	  /* as the stanza will name it */
	bool by_lid;		  /* people in it go by LID */
	bool is_status;
	const char *reason; /* set with COMPOSE_REFUSED; a literal */
	struct err *err;
};

typedef enum compose_state compose_fn(struct composing *c);

/* An empty one, which lives until the turn ends. */
#define COMPOSE_NEW(c, type, name)                                         \
	({                                                                 \
		Wa__##type *new_ =                                         \
			arena_alloc((c)->lane->arena, sizeof(Wa__##type)); \
		wa__##name##__init(new_);                                  \
		new_;                                                      \
	})

/* Sets the reason. */
enum compose_state compose_refuse(struct composing *c, const char *reason);

/* ---- people ---- */
/* "+15550002222" or a JID of a user, as the chat names people.  -1: it is none
 * (ERR_INVALID), or the lane database failed. */
int compose_user(struct composing *c, const char *text, struct wa_jid *out);
int compose_own(struct composing *c, struct wa_jid *out);
char *compose_jid_text(struct composing *c, const struct wa_jid *jid);

/* ---- compose_text.c ---- */
enum compose_state compose_text(struct composing *c);
enum compose_state compose_location(struct composing *c);
enum compose_state compose_contact(struct composing *c);
enum compose_state compose_poll(struct composing *c);
/* "#RRGGBB" or "#AARRGGBB" of the content; false: none, or it is not. */
bool compose_background(const struct composing *c, uint32_t *argb_out);

/* ---- compose_media.c ---- */
enum compose_state compose_media(struct composing *c);

/* ---- compose_context.c ---- */
/* Quote, mentions, forwarding, expiration. */
enum compose_state compose_context(struct composing *c);

/* ---- compose_target.c: reactions, edits, revokes ---- */
/* A message that the content names: as {messageId}, or {id, fromMe,
 * participant}. */
struct compose_found {
	char *id;
	bool is_ours;
	struct wa_jid author; /* as the chat names people; empty: not known */
	struct wa_jid chat;   /* where it stands; empty: in this one */
	bool is_known;	      /* the rest is from the store */
	enum message_kind kind;
	char *text; /* or NULL */
};
/* COMPOSE_READY: @out is filled in. */
enum compose_state compose_find(
	struct composing *c, const json_t *named, struct compose_found *out);
enum compose_state compose_reaction(struct composing *c);
enum compose_state compose_edit(struct composing *c);
enum compose_state compose_revoke(struct composing *c);

#endif
