/* A lane: one process, one linked device, one WhatsApp session.
 *
 * The lane works in turns.  A turn is whatever one wake-up of the loop brings:
 * frames from the socket, jobs from the supervisor, due timers.  During a turn,
 * code changes the lane database, collects facts for the main store (facts.h)
 * and queues stanzas (lane_send).  lane_turn_end() then commits the facts,
 * commits the lane database, and only then writes the stanzas to the socket and
 * the events to the supervisor.  So nothing leaves before what it depends on is
 * durable, and a crash at any point is a redelivery or a resend with the same
 * id, never a loss.  A commit that fails drops the turn: the database rolls
 * back, nothing is sent, the connection is closed and opened again with
 * backoff, and the server redelivers.
 *
 * Everything here belongs to the lane's one thread. */
#ifndef SENDERD_LANE_H
#define SENDERD_LANE_H

#include <libwebsockets.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/config.h"
#include "common/ids.h"
#include "common/store/device.h"
#include "common/store/lanedb.h"
#include "common/store/store.h"
#include "common/wa/node.h"
#include "common/wa/signal.h"
#include "vereda.pb-c.h"

/* connection.md 7.10.  The names are in lane.c, with the table of allowed
 * transitions. */
enum lane_state {
	LANE_IDLE = 0,	/* unpaired and nobody asked for a code lately: no
			   connection */
	LANE_DIALING,	/* TCP, TLS, websocket upgrade */
	LANE_HANDSHAKE, /* Noise */
	LANE_UNPAIRED,	/* QR refs at hand, waits for a phone */
	LANE_PAIRED,	/* pair-success answered, 515 expected */
	LANE_LOGIN,	/* login payload sent, waits for <success> */
	LANE_SETUP,	/* prekeys, active */
	LANE_READY,
	LANE_BACKOFF,	 /* waits before it dials again */
	LANE_LOGGED_OUT, /* unlinked by the phone or by us: final */
	LANE_BANNED,	 /* final, or until the ban expires */
	LANE_STOPPED, /* replaced by another connection, client refused: final
			 until restarted */
};
#define LANE_N_STATES (LANE_STOPPED + 1)

struct app_state;
struct connection;
struct iq_table;
struct keepalive;
struct mailbox;
struct outbound;
struct pairing;
struct prekeys;
struct facts;
struct health;
struct history;
struct media_in;
struct media_uploads;
struct transfers;
struct typing;
struct watch;
struct lane;

/* A timer of the lane's loop; embedded in its owner, at rest when zeroed.  The
 * turn ends when @fn returns. */
struct lane_timer {
	lws_sorted_usec_list_t sul; /* first */
	struct lane *lane;	    /* borrowed */
	void (*fn)(struct lane *lane, void *arg);
	void *arg;
};

struct lane {
	const struct config *config;
	int64_t device_id, account_id;
	char device_uid[DEVICE_UID_LEN + 8];
	char device_name[128];
	char *proxy; /* owned: URL, may hold a password; NULL = none */

	struct lws_context *lws;
	struct lws_vhost *vhost;
	struct store
		*store; /* the shared store; written only by facts_commit() */
	struct lanedb *db;
	struct wa_signal *signal; /* on top of db */
	struct lane_identity id;  /* own keys and addresses; id.is_paired says
				     whether jid and lid hold */
	struct arena *arena; /* lives for one turn: nodes to send, scratch */

	enum lane_state state;
	char state_reason[160];
	int64_t state_since_ms;
	int64_t last_frame_ms;	 /* monotonic, 0 = never on this connection */
	int64_t clock_offset_ms; /* server minus ours, from <success t> */
	bool offline_done;  /* <ib><offline> came on this connection: backlog
			       delivered */
	bool presence_sent; /* "available" went out on this connection */
	bool presence_off;  /* somebody asked to stay unavailable */
	unsigned failures;  /* connection attempts since the last session that
			       held */
	int64_t linked_ms;  /* when this process linked a phone, 0 = it did not
			     */
	int64_t banned_until_ms;  /* BANNED: 0 = for good */
	char refused_version[32]; /* 405: waits for a newer one than this */

	struct connection *connection; /* NULL while not connected */
	struct iq_table *iqs;
	struct keepalive *keepalive;
	struct health *health;
	struct pairing *pairing;
	struct prekeys *prekeys;
	struct outbound *outbound;
	struct transfers *transfers;
	struct media_uploads *uploads;
	struct media_in *media_in;
	struct facts *facts;
	struct app_state *app_state;
	struct history *history;
	struct typing *typing;
	struct watch *watch;
	struct mailbox *mailbox; /* to and from the supervisor */

	/* private to lane.c */
	struct lane_timer redial; /* stream.c */
	struct lane_timer housekeeping, unlink;
	unsigned turn_work; /* stanzas and jobs handled in this turn */
	size_t turn_bytes;  /* of the frames among them */
	bool row_stale;	    /* the device row may lag behind: record it again */
	bool told_connected; /* the last session event says "connected";
				told_committed: in the store */
	bool told_committed;
	enum device_status row_status; /* what was last recorded */
	char row_reason[160];
	enum lane_state row_state;
	bool unlinking; /* remove-companion-device is under way */
	bool forget;	/* destroy the lane database at the end */
	bool final;	/* do not start again */
	bool stopping;	/* the loop ends after this turn */
};

/* ---- lane.c: state ---- */
const char *lane_state_name(enum lane_state state);
bool lane_may_become(enum lane_state from, enum lane_state to);
/* The only place that assigns lane->state: checks the transition, logs "old ->
 * new", records the fact. */
void lane_set_state(struct lane *lane, enum lane_state to, const char *why);
/* States that last; the others are passed through within seconds.  Only these
 * are written to the store and told to the supervisor at once: a host that
 * starts 2,000 lanes commits once for each. */
bool lane_is_lasting(enum lane_state state);
static inline bool lane_is_ready(const struct lane *lane)
{
	return lane->state == LANE_READY;
}
/* A new reason within the same state. */
void lane_set_reason(struct lane *lane, const char *why);
/* The device's status as clients see it, for a state and whether a phone is
 * linked. */
enum device_status lane_device_status(enum lane_state state, bool is_paired);
/* Records the device row again: the push name or an address changed. */
void lane_save_row(struct lane *lane);

/* ---- lane.c: turns ---- */
/* Queues a stanza for the end of the turn; the node may be changed or reused
 * afterwards. Without a connection that is past its handshake it is dropped. */
void lane_send(struct lane *lane, const struct wa_node *node);
/* False while so much is unsent that new messages must wait; acks and receipts
 * still may go. */
bool lane_can_send(const struct lane *lane);
/* An envelope for the supervisor at the end of the turn (answers, events);
 * takes ownership. It must be allocated as protobuf-c does it: every part on
 * the heap. */
void lane_tell(struct lane *lane, Bus__Envelope *envelope);
/* A stanza or a job of @bytes was taken up: what bounds a turn. */
void lane_count_work(struct lane *lane, size_t bytes);
/* Ends the turn, see above; cheap when nothing happened.  The loop and the
 * timers call it: other code has no need to. */
void lane_turn_end(struct lane *lane);

void lane_timer_start(struct lane *lane, struct lane_timer *timer,
	int64_t after_ms, void (*fn)(struct lane *lane, void *arg), void *arg);
void lane_timer_stop(struct lane_timer *timer);

/* ---- lane.c: life ---- */
/* Logs out at WhatsApp when connected, forgets the keys, ends for good. */
void lane_unlink(struct lane *lane);
/* The loop ends after this turn, once what is queued has left. */
void lane_stop(struct lane *lane, const char *why);
/* The same, and the supervisor does not start it again. */
void lane_finish(struct lane *lane);

/* Our LID form of a user or device address when the mapping is known, else the
 * address itself: the identity that sessions are kept under. */
struct wa_jid lane_signal_address(struct lane *lane, const struct wa_jid *wire);
/* Is this one of our own devices or our own account, in either namespace? */
bool lane_is_self(const struct lane *lane, const struct wa_jid *jid);

/* ---- process.c ---- */
/* What a supervisor hands to a lane's process. */
struct lane_start {
	const struct config *config; /* borrowed */
	int64_t device_id, account_id;
	const char *uid, *name;	   /* borrowed */
	enum device_status status; /* the device row's */
	int fd;			   /* SOCK_SEQPACKET to the supervisor */
	SSL_CTX *tls;		   /* borrowed; NULL for ws:// */
};
/* Runs the lane in this process until it ends.  Returns the exit status. */
int lane_main(const struct lane_start *start);

/* ---- whatsapp/iq.c: questions to the server ---- */
/* @answer is the <iq>, NULL on timeout or a lost connection.  Runs inside a
 * turn. */
typedef void iq_answer_fn(
	struct lane *lane, const struct wa_node *answer, void *arg);
/* A new <iq> to the server with a fresh id; add children, then iq_send(). */
struct wa_node *iq_new(struct lane *lane, const char *type /* "get" | "set" */,
	const char *xmlns);
/* The same to somebody else: a group, say. */
struct wa_node *iq_new_to(struct lane *lane, const char *type,
	const char *xmlns, const struct wa_jid *to);
/* Never fails: without a connection @on_answer gets NULL at once.  60 s
 * timeout. */
void iq_send(struct lane *lane, struct wa_node *iq, iq_answer_fn *on_answer,
	void *arg);
bool iq_is_error(const struct wa_node *answer,
	int *code_out); /* also true for NULL: code 0 */

/* ---- whatsapp/outbound.c: jobs to stanzas ---- */
struct outbound *outbound_new(struct lane *lane);
void outbound_free(struct outbound **outboundp);
void outbound_on_job(struct lane *lane, const Bus__SendJob *job);
void outbound_on_ready(
	struct lane *lane); /* reads the queue from the store and sends */
void outbound_on_disconnect(struct lane
		*lane); /* what was in flight will be sent again, same ids */
void outbound_on_ack(
	struct lane *lane, const struct wa_node *ack); /* class="message" */
/* Something may be sent or waits for its ack: an acknowledgement is due. */
bool outbound_is_busy(const struct lane *lane);
size_t outbound_in_flight(const struct lane *lane);
size_t outbound_waiting(const struct lane *lane);

/* ---- whatsapp/inbound.c, receipt.c, retry.c, notification.c: stanzas to facts
 * ---- */
void inbound_on_message(struct lane *lane, const struct wa_node *message);
void receipt_on_receipt(struct lane *lane,
	const struct wa_node *receipt); /* acks it, hands retries to retry.c */
void notification_on_notification(struct lane *lane,
	const struct wa_node
		*notification); /* all but link_code_companion_reg; acks it */
/* Acks a stanza: class = its tag, id, to, participant, recipient, type copied
 * (connection.md 7.8). @error 0 = none. */
void receipt_send_ack(
	struct lane *lane, const struct wa_node *stanza, int error);

/* ---- whatsapp/devices.c: who has which devices ---- */
typedef void devices_numbers_fn(
	struct lane *lane, const Bus__Answer *answer, void *arg);
/* usync contact query for up to 50 numbers; answers once. */
void devices_check_numbers(struct lane *lane, char **phones, size_t n,
	devices_numbers_fn *fn, void *arg);

/* ---- whatsapp/prekeys.c ---- */
void prekeys_on_login(struct lane *lane,
	void (*done)(struct lane *lane)); /* count, upload if low */
void prekeys_on_count(
	struct lane *lane, int64_t count);     /* low-water notification */
void prekeys_rotate_if_due(struct lane *lane); /* weekly */

/* ---- whatsapp/presence.c ---- */
void presence_send_available(
	struct lane *lane); /* nothing while no push name is known */
void presence_set_push_name(struct lane *lane,
	const char *name); /* learned from own messages, history */

#endif
