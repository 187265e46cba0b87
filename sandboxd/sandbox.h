/* A local WhatsApp network: the server side of the protocol, and virtual
 * phones.
 *
 * Accounts own devices.  Device 0 is the phone; here it is always a virtual
 * phone (phone.c) that lives in this process.  Devices 1.. are companions: our
 * lanes, Baileys, whatsmeow.  A device is reached through device_deliver(): a
 * companion's stanzas go through its offline queue to its websocket, a phone's
 * straight into phone_on_stanza(). One loop, one thread.  It listens on
 * loopback only. */
#ifndef SANDBOXD_SANDBOX_H
#define SANDBOXD_SANDBOX_H

#include <libwebsockets.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/arena.h"
#include "common/buf.h"
#include "common/wa/node.h"
#include "common/wa/noise.h"
#include "common/wa/signal.h"
#include "sandboxd/table.h"

struct sandbox;
struct session;
struct phone;
struct queue;
struct sent_log;
struct contacts;
struct faults;
struct pairing;
struct picture;
struct directory;
struct err;

#define SANDBOX_PREKEYS_MAX 2000

struct one_time_key {
	uint32_t id;
	uint8_t pub[32];
};

struct device {
	struct account *account; /* borrowed */
	unsigned number;	 /* 0 = the phone */
	uint32_t key_index;	 /* from 1 for companions */
	uint8_t noise_pub[32];	 /* companions: who may log in */
	/* bundle */
	bool has_bundle; /* companions: after the first prekey upload; only then
			    listed by usync */
	uint32_t registration_id;
	uint8_t identity[32];
	uint32_t signed_id;
	uint8_t signed_pub[32];
	uint8_t signed_sig[64];
	struct one_time_key *prekeys; /* oldest first */
	size_t n_prekeys;
	uint32_t last_served; /* id of the one-time key given away last; 0 =
				 none yet */
	struct buf
		adv; /* complete ADVSignedDeviceIdentity; empty for a phone */
	struct session *session; /* companions: connected just now, or NULL */
	struct queue *queue;	 /* companions: stanzas not yet acknowledged */
	struct sent_log *sent;	 /* route.c: which devices got the messages this
				    one sent lately */
	struct phone *phone;	 /* device 0 only */
	bool inline_history;	 /* DeviceProps asked for inline history */
	bool welcomed;		 /* phone has sent key share and history */
	bool available; /* route.c: told presence "available" in this session */
	struct device *next;
};

struct account {
	char pn[48], lid[48]; /* users, without server */
	char push_name[128];
	struct device *devices; /* by number; the phone first */
	uint32_t adv_raw_id;
	uint32_t next_key_index;
	unsigned next_device;
	struct contacts *contacts; /* route.c: who this account exchanged
				      messages with */
	struct app_state
		*app_state; /* app_state.c: patches of its collections */
	struct profile
		*profile; /* profile.c: picture, about, privacy, blocks */
	struct buf key_index_list; /* ask account_key_index_list() */
	int64_t key_index_t;	   /* unix seconds; 0: to be signed anew */
	struct account *next;
};

/* ---- directory.c: accounts and devices; hash by PN and by LID ---- */
struct account *directory_create(struct sandbox *sandbox,
	const char *pn); /* also makes the phone; NULL when it exists */
struct account *directory_find(struct sandbox *sandbox,
	const struct wa_jid *jid); /* PN or LID form; NULL unknown */
struct account *directory_by_pn(struct sandbox *sandbox, const char *digits);
struct device *account_device(
	struct account *account, unsigned number); /* NULL unknown */
struct device *directory_device(
	struct sandbox *sandbox, const struct wa_jid *jid);
struct device *account_add_companion(
	struct account *account); /* next free number and key index */
/* Unlinks: closes the session with 401 device_removed, drops queue and keys,
 * tells the others. */
void account_remove_companion(struct sandbox *sandbox, struct device *device);
struct wa_jid device_pn(const struct device *device);
struct wa_jid device_lid(const struct device *device);
/* In the namespace of @like (PN or LID). */
struct wa_jid device_jid_like(
	const struct device *device, const struct wa_jid *like);
/* The signed ADVSignedKeyIndexList over all companions that have a bundle;
 * *@t_out in unix seconds. Signed anew only after a companion came or went. */
const struct buf *account_key_index_list(
	struct account *account, int64_t *t_out);
#define account_each_device(var, acc) \
	for (struct device *var = (acc)->devices; var != NULL; var = var->next)

/* ---- session.c: one websocket connection of a client ---- */
enum session_state {
	SESSION_HELLO,
	SESSION_FINISH,
	SESSION_REGISTERING,
	SESSION_PAIRED,
	SESSION_LOGGED_IN,
	SESSION_CLOSING
};
struct session {
	struct sandbox *sandbox;
	struct lws *wsi;
	enum session_state state;
	struct device *device;		 /* LOGGED_IN */
	uint8_t noise_pub[WA_KEY_BYTES]; /* the client's static key, from FINISH
					    on */
	struct pairing *pairing;	 /* pairing.c: REGISTERING and PAIRED */
	bool active; /* passive -> active answered, or a login without passive:
			the queue is being or was delivered */
	bool offline_sent; /* <ib><offline> went out: live stanzas may follow */
	/* the rest is private to session.c */
	struct session_private *priv;
	struct session *next;
};
/* Encrypts and queues for the socket, in order.  The fault layer may hold, drop
 * or cut here. */
void session_send(struct session *session, const struct wa_node *node);
/* <stream:error>, <xmlstreamend/>, then close after flush.  @code 0 = none;
 * @conflict may be NULL. */
void session_end(struct session *session, int code, const char *conflict);
void session_cut(
	struct session *session); /* closes the TCP connection at once */
void session_cut_mid_frame(
	struct session *session); /* sends half of a frame, then closes */
/* Seals @plain (flags byte first, or whatever a fault wants) as it is. */
void session_send_raw(struct session *session, const void *plain, size_t n);
/* Bytes waiting for the socket.  A client that lets them grow past 32 MiB is
 * cut off. */
size_t session_backlog(const struct session *session);
/* Unpaired sessions: the one that showed this ref / waits for this pairing
 * code. NULL: none. */
struct session *session_by_ref(struct sandbox *sandbox, const char *ref);
struct session *session_by_pairing_phone(
	struct sandbox *sandbox, const char *pn);
/* Finds the registering session of a scanned QR text, checks noise and
 * identity, sends pair-success.  The account's phone signs.  */
int pairing_scan(struct sandbox *sandbox, struct account *account,
	const char *qr, struct err *err);
/* The user typed @code on the phone: runs primary_hello; the rest follows from
 * the client's answers. */
int pairing_enter_code(struct sandbox *sandbox, struct account *account,
	const char *code, struct err *err);

/* ---- iq.c, prekeys.c, usync.c: requests of a logged-in session ---- */
void iq_on_request(struct session *session, const struct wa_node *iq);
/* Pops one one-time key into @bundle_user, sends the low-water notification
 * when due. */
void prekeys_add_bundle(
	struct sandbox *sandbox, struct device *device, struct wa_node *user);

/* ---- route.c: stanzas between devices ---- */
void route_message(struct sandbox *sandbox, struct device *from,
	const struct wa_node *message);
void route_receipt(struct sandbox *sandbox, struct device *from,
	const struct wa_node *receipt);
void route_presence(struct sandbox *sandbox, struct device *from,
	const struct wa_node *presence);
void route_chatstate(struct sandbox *sandbox, struct device *from,
	const struct wa_node *chatstate);
/* <ack> of a client for something it was sent. */
void route_ack(struct sandbox *sandbox, struct device *from,
	const struct wa_node *ack);
/* To one device: into the queue and, when it is live, to its socket; into the
 * phone for device 0. */
void device_deliver(struct sandbox *sandbox, struct device *device,
	const struct wa_node *stanza);
/* Tells contacts and own devices that a companion came or went (notification
 * devices / account_sync). */
void route_devices_changed(struct sandbox *sandbox, struct account *account,
	struct device *changed, bool added);
/* After <active/> was answered: offline_preview, the queue, offline; then the
 * phone's welcome. */
void queue_start(struct session *session);
/* The client asks for more of its queue: <ib><offline_batch/></ib>. */
void queue_on_offline_batch(struct session *session);
void queue_on_disconnect(struct device *device);
void queue_free(struct queue **queuep);
size_t queue_length(const struct device *device);
/* What route.c keeps for a device and an account; called before either is
 * freed. */
void route_forget_device(struct device *device);
void route_forget_account(struct account *account);
/* The account's phone was registered anew: its contacts must drop the old
 * identity. */
void route_identity_changed(struct sandbox *sandbox, struct account *account);

/* ---- group.c: the network's groups; the rest of them is in group.h ---- */
enum group_rank { GROUP_MEMBER, GROUP_ADMIN, GROUP_SUPERADMIN };
struct group_member {
	struct account *account; /* borrowed */
	enum group_rank rank;
	struct table_link by_account; /* group.c */
	struct group_member *next;    /* in the order in which they joined */
};
struct group {
	char id[32];   /* user part of the JID */
	bool lid_mode; /* addressing_mode: lid, or pn for old groups */
	char subject[128];
	char *description; /* or NULL */
	char description_id[32];
	int64_t created_s, subject_s, description_s; /* unix seconds */
	struct account *creator; /* borrowed; the one who made it */
	struct account *subject_by, *description_by; /* borrowed, or NULL */
	bool announcement;			     /* only admins may send */
	bool locked;				     /* only admins may edit */
	bool admin_add;				     /* only admins may add */
	bool approval;	     /* who joins by link waits for an admin */
	unsigned expiration; /* seconds, 0 = messages stay */
	char invite_code[32];
	struct picture *picture; /* profile.c; NULL: none */
	struct group_member *members;
	size_t n_members;
	uint64_t version; /* p_v_id and a_v_id: counts changes */
	/* group.c and group_join.c */
	struct table by_account;
	struct table_link by_id;
	struct group_request *requests; /* oldest first */
	struct group_invite *invites;	/* newest first */
	struct group_old_code *old_codes;
	struct group *next;
};
struct wa_jid group_jid(const struct group *group);
struct group *group_find(struct sandbox *sandbox, const struct wa_jid *jid);
struct group_member *group_member_of(
	const struct group *group, const struct account *account);
/* The account's bare address in the group's mode. */
struct wa_jid group_address(
	const struct group *group, const struct account *account);
/* What a client's iq and the control API both do.  Each tells everybody by
 * <notification type=w:gp2>.  @actor NULL: the creator, or an admin once it
 * left.  ERR_FORBIDDEN: not an admin, or the account's privacy does not allow
 * it; ERR_NOT_FOUND: no member; ERR_CONFLICT: a member already; ERR_LIMIT. */
struct group *group_create(struct sandbox *sandbox, struct account *creator,
	const char *subject, struct account **members, size_t n, bool lid_mode);
enum group_verb { GROUP_ADD, GROUP_REMOVE, GROUP_PROMOTE, GROUP_DEMOTE };
int group_change(struct sandbox *sandbox, struct group *group,
	struct account *actor, enum group_verb verb, struct account *account,
	struct err *err);
int group_leave(struct sandbox *sandbox, struct group *group,
	struct account *account, struct err *err);
/* All of them; before the accounts go. */
void groups_free(struct sandbox *sandbox);

/* ---- media.c: the media host's store; https and http fronts are in
 * media_host.c ---- */
/* Keeps an encrypted blob; *@path_out (in the arena) is its direct_path,
 * "/v/t62/<id>?ccb=11-4". The same blob has the same path. */
int media_put(struct sandbox *sandbox, const void *blob, size_t n,
	const char **path_out, struct err *err);
/* Appends the blob.  -1: not there (or a fault hides it). */
int media_get(struct sandbox *sandbox, const char *direct_path, struct buf *out,
	struct err *err);
/* "127.0.0.1:PORT" as media_conn names the https front, which answers plain
 * http as well.  In the arena. */
const char *media_hostname(struct sandbox *sandbox);

/* ---- profile.c: pictures, about, privacy, blocks ---- */
/* Has @account blocked @other? */
bool profile_blocks(const struct account *account, const struct account *other);
void profile_forget_account(struct account *account);

/* ---- app_state.c: the server's side of app state ---- */
void app_state_on_sync(struct session *session, const struct wa_node *iq);
void app_state_forget_account(struct account *account);

/* ---- phone.c: a virtual phone, device 0 of an account ---- */
struct phone *phone_new(struct sandbox *sandbox, struct account *account);
void phone_free(struct phone **phonep);
const struct wa_keypair *phone_identity(
	const struct phone *phone); /* also the account's ADV key */
void phone_on_stanza(struct phone *phone, const struct wa_node *stanza);
/* Fills a bundle for a prekey request: synthetic one-time keys without end. */
void phone_bundle(struct phone *phone, struct wa_bundle *out);
/* Peer messages to a freshly linked companion: key share, history (inline),
 * push name. Does nothing while it has no bundle, is not active, or was
 * welcomed before: so call it after the first prekey upload as well. */
void phone_welcome(struct phone *phone, struct device *companion);
/* Sends a text; the stanza goes through route_message() like anybody's.
 * @wa_id_out 64 bytes. */
int phone_send_text(struct phone *phone, const char *to_digits,
	const char *text, char *wa_id_out, struct err *err);

/* ---- fault.c ---- */
/* What to do with a stanza about to be sent to a companion, or just received
 * from it. */
enum fault_action {
	FAULT_NONE,
	FAULT_DROP,
	FAULT_DUPLICATE,
	FAULT_DELAY,
	FAULT_REORDER,
	FAULT_CORRUPT,
	FAULT_CUT,
	FAULT_CUT_MID_FRAME,
	FAULT_SILENCE
};
enum fault_action fault_outgoing(struct sandbox *sandbox,
	struct session *session, const struct wa_node *node, int *delay_ms_out);
enum fault_action fault_incoming(struct sandbox *sandbox,
	struct session *session, const struct wa_node *node, int *delay_ms_out);
/* FAULT_CORRUPT: a copy in the sandbox's arena in which one byte of every <enc>
 * is flipped. */
const struct wa_node *fault_corrupted(
	struct sandbox *sandbox, const struct wa_node *node);
/* Login answers by fault: a <failure> instead of <success>; reason 0 = none.
 * @device NULL: a registration.  @version is what the client says it is. */
struct fault_login {
	int reason;
	int ban_code, expire_s; /* of a temporary ban; 0 = not said */
};
struct fault_login fault_login_failure(struct sandbox *sandbox,
	const struct device *device, const char *version);
/* What the next handshake shows: sandbox->noise, or an identity with a
 * defective chain. */
const struct wa_responder_identity *fault_handshake_identity(
	struct sandbox *sandbox);
/* Asked once a bundle of @device is served. */
bool fault_bundle_without_key(
	struct sandbox *sandbox, const struct device *device);
bool fault_bundle_bad_signature(
	struct sandbox *sandbox, const struct device *device);
void faults_free(struct faults **faultsp);

/* ---- control.c: HTTP on the same port ---- */
/* One request, body complete.  Appends the JSON answer to @out and returns the
 * status. */
int control_on_request(struct sandbox *sandbox, const char *method,
	const char *path, const char *query, const char *body, size_t n_body,
	struct buf *out);

/* ---- sandbox context (server.c) ---- */
struct sandbox {
	struct lws_context *lws;
	struct lws_vhost *vhost;
	int port;
	struct wa_keypair root;
	struct wa_responder_identity noise;
	struct arena *arena; /* reset after each stanza or request */
	struct account *
		accounts; /* list; the hash tables are private to directory.c */
	struct directory *directory;
	struct group *groups; /* list, newest first */
	struct table groups_by_id;
	size_t n_groups;
	struct media *media;	       /* media.c; NULL until it is needed */
	struct media_host *media_host; /* media_host.c: its front */
	struct session *sessions;
	struct faults *faults;
	struct sandbox_timer *timers; /* server.c: armed ones */
	struct buf scratch;	      /* session.c: one encoded stanza */
	uint64_t next_id;
	int read_after_ms;
	struct {
		uint64_t messages, acks, receipts, sessions, logins;
	} count;
};

/* An id for a stanza of the server's own: unlike any that the clients here
 * choose.  In the arena. */
const char *sandbox_stanza_id(struct sandbox *sandbox);

/* A timer on the sandbox's loop: runs @fn once; cancelled by
 * sandbox_timer_cancel().  The handle is gone when @fn runs: @fn forgets it.
 * The arena is reset after @fn. */
struct sandbox_timer;
struct sandbox_timer *sandbox_after(
	struct sandbox *sandbox, int64_t ms, void (*fn)(void *arg), void *arg);
void sandbox_timer_cancel(struct sandbox_timer **timerp);

#endif
