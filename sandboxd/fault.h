/* Deliberate faults: a list of rules, each for one kind of place.  The stanza
 * hooks are in sandbox.h; here are those of the routing, and the list itself.
 *
 * A rule as JSON has a "kind", and what narrows it: "phone", "device" (0 = the
 * phone; absent = every companion), "direction" ("out", the default, is towards
 * the client; "in"), "stanza" (a tag), "count" (1), "after" (0), "probability"
 * (1), "now" (false: at once, on the sessions that match).
 *
 *   drop duplicate delay{delayMs} reorder corrupt      one stanza
 *   silence                                            until it is removed
 *   cut cut_mid_frame stream_error{code,conflict} raw{hex}  at a stanza or now
 *   ack_drop ack_delay{delayMs} ack_error{code}        the ack of a message
 *   ack_phash                                          with a wrong phash
 *   login_failure{code} bad_cert{defect}               a login, a handshake
 *   no_one_time_key bad_bundle_signature               a bundle of the device
 *   no_sender_key     a group message or status reaches the device without the
 *                     part that holds the sender key
 *   aggregate_receipt a tick in a group reaches the device in the form that
 *                     names readers in a list
 *   media_error{code} media_slow{delayMs}              a transfer of media
 *   media_truncate media_flip                          a download
 *
 * Those of an ack may be narrowed by "to" (a phone, a group's JID or
 * status@broadcast) and "type" (of the message).  A login_failure may say
 * "version": it hits clients that say they are this version; and for 402
 * "banCode" and "expireSec".  Media: "direction" is "out" for downloads, which
 * nobody can be told of, and "in" for uploads; media_slow waits before each
 * piece of 32 KiB. */
#ifndef SANDBOXD_FAULT_H
#define SANDBOXD_FAULT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "sandboxd/sandbox.h"

#define FAULT_RULES_MAX 200
#define FAULT_RAW_MAX 65536
#define FAULT_DELAY_MAX_MS 600000

enum fault_kind {
	KIND_DROP,
	KIND_DUPLICATE,
	KIND_DELAY,
	KIND_REORDER,
	KIND_CORRUPT,
	KIND_CUT,
	KIND_CUT_MID_FRAME,
	KIND_SILENCE,
	KIND_STREAM_ERROR,
	KIND_RAW,
	KIND_ACK_DROP,
	KIND_ACK_DELAY,
	KIND_ACK_ERROR,
	KIND_LOGIN_FAILURE,
	KIND_BAD_CERT,
	KIND_NO_ONE_TIME_KEY,
	KIND_BAD_BUNDLE_SIGNATURE,
	KIND_ACK_PHASH,
	KIND_NO_SENDER_KEY,
	KIND_AGGREGATE_RECEIPT,
	KIND_MEDIA_ERROR,
	KIND_MEDIA_SLOW,
	KIND_MEDIA_TRUNCATE,
	KIND_MEDIA_FLIP,
};

enum fault_direction { FAULT_OUT, FAULT_IN };

struct fault_rule {
	unsigned id;
	enum fault_kind kind;
	char pn[48]; /* "" = every account */
	int device;  /* -1 = every companion; 0 = the phone, only when named */
	enum fault_direction direction;
	char stanza[32];      /* "" = every tag */
	char to[WA_JID_TEXT]; /* a phone's digits or a JID; "" = everybody */
	char type[32];	      /* of a message; "" = every type */
	char version[40];     /* that a client logs in with; "" = every one */
	unsigned count;	      /* how often it still acts */
	unsigned after;	      /* how many matches it still lets pass */
	double probability; /* 0..1; a match that it lets pass is not counted */
	int delay_ms;
	int code; /* of a stream error, an ack, a login failure, an answer */
	int ban_code, expire_s; /* of a login failure */
	char conflict[32];	/* "" = none */
	enum wa_chain_defect defect;
	struct buf raw; /* plaintext of a frame */
	bool now;	/* acts once, at once, on the sessions it matches */
	unsigned acted;
	struct fault_rule *next;
};

/* ---- fault_rule.c: rules as JSON ---- */
/* ERR_INVALID with the property that is wrong. */
int fault_rule_parse(
	const json_t *json, struct fault_rule **out, struct err *err);
json_t *fault_rule_json(const struct fault_rule *rule);
void fault_rule_free(struct fault_rule **rulep);
const char *fault_kind_name(enum fault_kind kind);

/* ---- fault.c ---- */
/* Takes the rule; with "now" it acts and is gone.  @acted_out: sessions it
 * acted on. Returns its id, or 0 when there are FAULT_RULES_MAX already (the
 * rule is freed). */
unsigned fault_add(
	struct sandbox *sandbox, struct fault_rule *rule, unsigned *acted_out);
const struct fault_rule *fault_first(const struct sandbox *sandbox);
/* False: no such rule. */
bool fault_remove(struct sandbox *sandbox, unsigned id);
unsigned fault_remove_all(struct sandbox *sandbox);

/* The server's ack of a message from @from. */
struct fault_ack {
	bool drop;
	int delay_ms;
	int error;  /* refuse the message with this code; 0 = accept */
	bool phash; /* carries a wrong one */
};
struct fault_ack fault_on_ack(struct sandbox *sandbox,
	const struct device *from, const struct wa_node *message);
/* Asked for each device that a group message or a status goes to. */
bool fault_without_sender_key(
	struct sandbox *sandbox, const struct device *device);
/* Asked for each device that hears of a reader in a group. */
bool fault_aggregates_receipt(
	struct sandbox *sandbox, const struct device *device);
/* A transfer: OUT is a download (@device NULL), IN an upload of @device. */
struct fault_media {
	int error; /* answer with this status; 0 = none */
	int delay_ms;
	bool truncate, flip;
};
struct fault_media fault_on_media(struct sandbox *sandbox,
	enum fault_direction direction, const struct device *device);
/* Runs @fn from the loop after @ms if @device is still linked then, and frees
 * @arg either way.  A session must not end inside its own send. */
typedef void fault_deferred_fn(
	struct sandbox *sandbox, struct device *device, void *arg);
void fault_defer(struct sandbox *sandbox, const struct device *device, int ms,
	fault_deferred_fn *fn, void *arg, void (*free_arg)(void *arg));

/* A stanza about to be handed to a phone: NONE, DROP, DUPLICATE or CORRUPT. */
enum fault_action fault_to_phone(struct sandbox *sandbox,
	const struct device *phone, const struct wa_node *stanza);

#endif
