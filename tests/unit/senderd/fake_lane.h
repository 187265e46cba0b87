/* A lane without a loop and without a socket: stanzas that would leave are
 * caught, questions to the server wait for the test's answer, timers go off
 * when the test says so.  The store, the lane database and the Signal parties
 * are the real ones.
 *
 * It stands in for lane.c, iq.c and presence.c, so that a test includes this
 * file once. */
#ifndef TESTS_UNIT_SENDERD_FAKE_LANE_H
#define TESTS_UNIT_SENDERD_FAKE_LANE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/arena.h"
#include "common/bus.h"
#include "common/clock.h"
#include "common/store/account.h"
#include "senderd/facts.h"
#include "senderd/health.h"
#include "senderd/keyring.h"
#include "senderd/lane.h"
#include "senderd/mailbox.h"
#include "senderd/whatsapp/app_state.h"
#include "senderd/whatsapp/fanout.h"
#include "senderd/whatsapp/history.h"
#include "senderd/whatsapp/keepalive.h"
#include "senderd/whatsapp/media_in.h"
#include "senderd/whatsapp/media_out.h"
#include "senderd/whatsapp/stream.h"
#include "senderd/whatsapp/presence.h"
#include "senderd/whatsapp/transfer.h"
#include "senderd/whatsapp/typing.h"
#include "senderd/whatsapp/watch.h"
#include "tests/unit/signal_people.h"
#include "whatsapp.pb-c.h"

#define OWN_PN "15550001111"
#define OWN_LID "900001"
#define BOB_PN "15550002222"
#define BOB_LID "900002"
#define FAKE_MAX 2048

struct fake_question {
	struct wa_node *iq;
	iq_answer_fn *on_answer;
	void *arg;
};

struct fake {
	struct lane lane; /* first */
	struct config config;
	char dir[64];
	struct arena *arena; /* keeps what was caught until the test ends */
	struct wa_node *sent[FAKE_MAX];
	size_t n_sent;
	struct fake_question questions[FAKE_MAX];
	size_t n_questions, n_answered;
	struct lane_timer *timers[16];
	int64_t timer_ms[16];
	size_t n_timers;
	char events[FAKE_MAX][32]; /* types, in order */
	char payload[4096];	   /* of the newest */
	size_t n_events;
	bool is_blocked;				 /* lane_can_send() */
	unsigned n_rows_saved, n_lost, n_pings, n_stops; /* calls of lane.c and
							    stream.c */
	/* Answers to questions of the bus: how many, and the newest. */
	size_t n_answers;
	enum err_code answer_error;
	char answer[16384];   /* the result, or the words of the error */
	const char *presence; /* what presence_set() was told last */
	int64_t prekey_count;
	char push_name[128];
	struct person *own_phone, *bob, *bob_desktop;
	struct person *own_tablet; /* NULL: we have none */
	struct person **crowd;	   /* others who have keys; the test's */
	size_t n_crowd;
	uint32_t next_prekey;
};

/* ---- what lane.c, iq.c, presence.c and prekeys.c would do ---- */

void lane_send(struct lane *lane, const struct wa_node *node)
{
	struct fake *fake = (struct fake *)lane;

	assert_true(fake->n_sent < FAKE_MAX);
	fake->sent[fake->n_sent++] = wa_node_copy(fake->arena, node);
}

bool lane_can_send(const struct lane *lane)
{
	return !((const struct fake *)lane)->is_blocked;
}

void lane_tell(struct lane *lane, Bus__Envelope *envelope)
{
	struct fake *fake = (struct fake *)lane;

	if (envelope->body_case == BUS__ENVELOPE__BODY_ANSWER) {
		const Bus__Answer *answer = envelope->answer;

		fake->n_answers++;
		fake->answer_error = (enum err_code)answer->error;
		snprintf(fake->answer, sizeof fake->answer, "%s",
			answer->error != 0 ? answer->error_text
					   : answer->result);
		bus_envelope_free(&envelope);
		return;
	}
	assert_int_equal(envelope->body_case, BUS__ENVELOPE__BODY_EVENT);
	snprintf(fake->events[fake->n_events++], sizeof fake->events[0], "%s",
		envelope->event->type);
	snprintf(fake->payload, sizeof fake->payload, "%s",
		envelope->event->payload);
	bus_envelope_free(&envelope);
}

void lane_timer_stop(struct lane_timer *timer)
{
	struct fake *fake = (struct fake *)timer->lane;

	for (size_t i = 0; fake != NULL && i < fake->n_timers; i++) {
		if (fake->timers[i] == timer) {
			fake->n_timers--;
			fake->timers[i] = fake->timers[fake->n_timers];
			fake->timer_ms[i] = fake->timer_ms[fake->n_timers];
			return;
		}
	}
}

void lane_timer_start(struct lane *lane, struct lane_timer *timer,
	int64_t after_ms, void (*fn)(struct lane *lane, void *arg), void *arg)
{
	struct fake *fake = (struct fake *)lane;

	timer->lane = lane;
	lane_timer_stop(timer);
	timer->fn = fn;
	timer->arg = arg;
	assert_true(fake->n_timers < 16);
	fake->timer_ms[fake->n_timers] = after_ms;
	fake->timers[fake->n_timers++] = timer;
}

bool lane_is_self(const struct lane *lane, const struct wa_jid *jid)
{
	return wa_jid_same_user(jid, &lane->id.jid) ||
	       wa_jid_same_user(jid, &lane->id.lid);
}

struct wa_jid lane_signal_address(struct lane *lane, const struct wa_jid *wire)
{
	struct err err = ERR_NONE;
	struct wa_jid lid;

	if (wire->server != WA_SERVER_PN)
		return *wire;
	if (strcmp(wire->user, lane->id.jid.user) == 0)
		return wa_jid_with_device(&lane->id.lid, wire->device);
	return lanedb_lid_of(lane->db, wire, &lid, &err) == 1 ? lid : *wire;
}

struct wa_node *iq_new(struct lane *lane, const char *type, const char *xmlns)
{
	struct wa_node *iq = wa_node_new(lane->arena, "iq");

	wa_node_set(iq, "type", type);
	wa_node_set(iq, "xmlns", xmlns);
	return iq;
}

struct wa_node *iq_new_to(struct lane *lane, const char *type,
	const char *xmlns, const struct wa_jid *to)
{
	struct wa_node *iq = iq_new(lane, type, xmlns);

	wa_node_set_jid(iq, "to", to);
	return iq;
}

void iq_send(struct lane *lane, struct wa_node *iq, iq_answer_fn *on_answer,
	void *arg)
{
	struct fake *fake = (struct fake *)lane;

	assert_true(fake->n_questions < FAKE_MAX);
	fake->questions[fake->n_questions++] = (struct fake_question){
		.iq = wa_node_copy(fake->arena, iq),
		.on_answer = on_answer,
		.arg = arg,
	};
}

bool iq_is_error(const struct wa_node *answer, int *code_out)
{
	const struct wa_node *error =
		answer != NULL ? wa_node_child(answer, "error") : NULL;

	*code_out = error != NULL ? (int)wa_node_int(error, "code", 0) : 0;
	return answer == NULL || error != NULL;
}

void lane_save_row(struct lane *lane)
{
	((struct fake *)lane)->n_rows_saved++;
}

void lane_stop(struct lane *lane, const char *why)
{
	(void)why;
	((struct fake *)lane)->n_stops++;
}

void stream_on_lost(struct lane *lane, const char *why)
{
	(void)why;
	((struct fake *)lane)->n_lost++;
}

void keepalive_ask(struct lane *lane)
{
	((struct fake *)lane)->n_pings++;
}

bool presence_set(struct lane *lane, bool is_available)
{
	((struct fake *)lane)->presence =
		is_available ? "available" : "unavailable";
	return lane->id.push_name[0] != '\0';
}

void presence_set_push_name(struct lane *lane, const char *name)
{
	struct fake *fake = (struct fake *)lane;

	snprintf(fake->push_name, sizeof fake->push_name, "%s", name);
}

void prekeys_on_count(struct lane *lane, int64_t count)
{
	((struct fake *)lane)->prekey_count = count;
}

/* ---- what mailbox.c would do ---- */

struct asker mailbox_asker(const Bus__Envelope *question)
{
	return (struct asker){ .request_id = question->request_id };
}

Bus__Envelope *mailbox_answer(const struct lane *lane, struct asker asker)
{
	Bus__Envelope *envelope = xcalloc(1, sizeof *envelope);
	Bus__Answer *answer = xcalloc(1, sizeof *answer);

	(void)lane;
	bus__envelope__init(envelope);
	bus__answer__init(answer);
	envelope->request_id = asker.request_id;
	envelope->body_case = BUS__ENVELOPE__BODY_ANSWER;
	envelope->answer = answer;
	return envelope;
}

void mailbox_refuse(struct lane *lane, struct asker asker, enum err_code code,
	const char *why)
{
	Bus__Envelope *envelope = mailbox_answer(lane, asker);

	envelope->answer->error = code;
	envelope->answer->error_text = xstrdup(why);
	lane_tell(lane, envelope);
}

/* What keyring.c needs for the lane's signed prekey. */
int prekeys_make_signed(struct lane *lane, uint32_t id,
	struct lane_signed_prekey *out, struct err *err);
int prekeys_make_signed(struct lane *lane, uint32_t id,
	struct lane_signed_prekey *out, struct err *err)
{
	out->id = id;
	out->created_ms = clock_now_ms();
	wa_keypair_new(&out->key);
	wa_signal_sign_prekey(&lane->id.identity, out->key.pub, out->signature);
	return lanedb_signed_prekey_save(lane->db, out, err);
}

/* A test that defines FAKE_TRANSFERS before it includes this answers downloads
 * itself: fake_download() is the oldest open one. */
#ifdef FAKE_TRANSFERS
static struct {
	struct wa_media_ref ref;
	uint64_t max_bytes;
	transfer_done_fn *done;
	void *arg;
	bool is_open;
} fake_download;

struct transfers *transfers_new(void)
{
	fake_download.is_open = false;
	return NULL;
}

void transfers_free(struct transfers **transfersp)
{
	(void)transfersp;
}

void transfer_upload(struct lane *lane, enum wa_media_type type,
	const uint8_t sha256[32], transfer_done_fn *done, void *arg)
{
	(void)type;
	(void)sha256;
	done(lane, TRANSFER_FAILED, NULL, NULL, arg);
}

void transfer_download(struct lane *lane, const struct wa_media_ref *ref,
	uint64_t max_bytes, transfer_done_fn *done, void *arg)
{
	(void)lane;
	assert_false(fake_download.is_open);
	fake_download.ref = *ref;
	fake_download.max_bytes = max_bytes;
	fake_download.done = done;
	fake_download.arg = arg;
	fake_download.is_open = true;
}
#endif

/* ---- turns ---- */

/* What lane_turn_end() does.  -1: the turn was dropped. */
static inline int fake_turn_end(struct fake *fake)
{
	struct lane *lane = &fake->lane;
	struct err err = ERR_NONE;
	int rc = 0;

	if (facts_commit(lane, &err) != 0 ||
		lanedb_commit(lane->db, &err) != 0) {
		print_message("turn dropped: %s\n", err.msg);
		facts_drop(lane);
		lanedb_rollback(lane->db);
		rc = -1;
	}
	arena_reset(lane->arena);
	return rc;
}

/* Lets every timer go off that is due within @ms, each in a turn of its own. */
static inline void fake_timers(struct fake *fake, int64_t ms)
{
	for (size_t i = 0; i < fake->n_timers;) {
		struct lane_timer *timer = fake->timers[i];

		if (fake->timer_ms[i] > ms) {
			i++;
			continue;
		}
		lane_timer_stop(timer);
		timer->fn(&fake->lane, timer->arg);
		assert_int_equal(fake_turn_end(fake), 0);
		i = 0;
	}
}

/* The timer that was set last goes off, whatever its time, in a turn of its
 * own. */
static inline void fake_fire(struct fake *fake)
{
	struct lane_timer *timer = NULL;

	assert_true(fake->n_timers > 0);
	timer = fake->timers[fake->n_timers - 1];
	lane_timer_stop(timer);
	timer->fn(&fake->lane, timer->arg);
	assert_int_equal(fake_turn_end(fake), 0);
}

/* Work that was put off to the next turn. */
static inline void fake_run(struct fake *fake)
{
	assert_int_equal(fake_turn_end(fake), 0);
	fake_timers(fake, 0);
}

/* The five-second tick, once, and what follows from it. */
static inline void fake_tick(struct fake *fake)
{
	for (size_t i = 0; i < fake->n_timers; i++) {
		struct lane_timer *timer = fake->timers[i];

		if (fake->timer_ms[i] < 1000)
			continue;
		lane_timer_stop(timer);
		timer->fn(&fake->lane, timer->arg);
		break;
	}
	fake_run(fake);
}

/* ---- what was caught ---- */

static inline const struct wa_node *fake_last(
	const struct fake *fake, const char *tag)
{
	for (size_t i = fake->n_sent; i > 0; i--) {
		if (strcmp(fake->sent[i - 1]->tag, tag) == 0)
			return fake->sent[i - 1];
	}
	return NULL;
}

static inline size_t fake_count(const struct fake *fake, const char *tag)
{
	size_t n = 0;

	for (size_t i = 0; i < fake->n_sent; i++)
		n += strcmp(fake->sent[i]->tag, tag) == 0;
	return n;
}

static inline void fake_forget_sent(struct fake *fake)
{
	fake->n_sent = 0;
	fake->n_events = 0;
	fake->payload[0] = '\0';
}

/* The oldest question that has no answer yet. */
static inline struct fake_question *fake_question(struct fake *fake)
{
	return fake->n_answered < fake->n_questions
		       ? &fake->questions[fake->n_answered]
		       : NULL;
}

static inline void fake_answer(struct fake *fake, const struct wa_node *answer)
{
	struct fake_question *question = fake_question(fake);

	assert_non_null(question);
	fake->n_answered++;
	question->on_answer(&fake->lane, answer, question->arg);
	fake_run(fake);
}

/* ---- the network's side ---- */

static inline void node_be(
	struct wa_node *parent, const char *tag, uint32_t value, unsigned n)
{
	uint8_t bytes[4];

	for (unsigned i = 0; i < n; i++)
		bytes[i] = (uint8_t)(value >> 8 * (n - 1 - i));
	wa_node_bytes(wa_node_add(parent, tag), bytes, n);
}

static inline struct person *fake_person(
	struct fake *fake, const struct wa_jid *device)
{
	struct person *all[] = { fake->own_phone, fake->bob, fake->bob_desktop,
		fake->own_tablet };

	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		if (all[i] != NULL && wa_jid_equal(&all[i]->jid, device))
			return all[i];
	}
	for (size_t i = 0; i < fake->n_crowd; i++) {
		if (wa_jid_equal(&fake->crowd[i]->jid, device))
			return fake->crowd[i];
	}
	return NULL;
}

static inline void fake_add_bundle(
	struct fake *fake, struct wa_node *user, struct person *person)
{
	struct wa_bundle bundle = bundle_of(person, ++fake->next_prekey);
	struct wa_node *key = NULL;

	node_be(user, "registration", bundle.registration_id, 4);
	wa_node_bytes(wa_node_add(user, "identity"), bundle.identity, 32);
	key = wa_node_add(user, "skey");
	node_be(key, "id", bundle.signed_id, 3);
	wa_node_bytes(wa_node_add(key, "value"), bundle.signed_key, 32);
	wa_node_bytes(wa_node_add(key, "signature"), bundle.signature, 64);
	key = wa_node_add(user, "key");
	node_be(key, "id", bundle.one_time_id, 3);
	wa_node_bytes(wa_node_add(key, "value"), bundle.one_time_key, 32);
}

/* Answers a bundle question; users that are nobody get error 404. */
static inline void fake_answer_keys(struct fake *fake)
{
	struct wa_node *answer = wa_node_new(fake->arena, "iq");
	struct wa_node *list = wa_node_add(answer, "list");
	const struct wa_node *key = NULL;

	assert_non_null(fake_question(fake));
	key = wa_node_child(fake_question(fake)->iq, "key");
	assert_non_null(key);
	wa_node_each (asked, key) {
		struct wa_node *user = wa_node_add(list, "user");
		struct person *person = NULL;
		struct wa_jid jid;

		assert_true(wa_node_jid(asked, "jid", &jid));
		wa_node_set_jid(user, "jid", &jid);
		person = fake_person(fake, &jid);
		if (person != NULL)
			fake_add_bundle(fake, user, person);
		else
			wa_node_set_int(
				wa_node_add(user, "error"), "code", 404);
	}
	fake_answer(fake, answer);
}

static inline struct wa_node *device_add(
	struct wa_node *list, int id, int key_index)
{
	struct wa_node *device = wa_node_add(list, "device");

	wa_node_set_int(device, "id", id);
	if (key_index > 0)
		wa_node_set_int(device, "key-index", key_index);
	return device;
}

/* Answers a question for devices: we have a phone and this device, Bob a phone
 * and a desktop (3), everybody else whose number ends in 9 is not on WhatsApp,
 * the rest have a phone; LIDs are 77 and the number. */
static inline void fake_answer_devices(struct fake *fake)
{
	struct wa_node *answer = wa_node_new(fake->arena, "iq");
	struct wa_node *list =
		wa_node_add(wa_node_add(answer, "usync"), "list");
	const struct wa_node *asked_list = NULL;

	assert_non_null(fake_question(fake));
	asked_list = wa_node_path(fake_question(fake)->iq, "usync", "list");
	assert_non_null(asked_list);
	wa_node_each (asked, asked_list) {
		struct wa_node *user = wa_node_add(list, "user");
		struct wa_node *devices = NULL;
		struct wa_jid jid, lid;
		bool is_own, is_bob;

		assert_true(wa_node_jid(asked, "jid", &jid));
		wa_node_set_jid(user, "jid", &jid);
		is_own = lane_is_self(&fake->lane, &jid);
		is_bob = strcmp(jid.user, BOB_PN) == 0 ||
			 strcmp(jid.user, BOB_LID) == 0;
		if (!is_own && !is_bob && jid.user[strlen(jid.user) - 1] == '9')
			continue;
		if (jid.server == WA_SERVER_PN) {
			char text[48];

			snprintf(text, sizeof text, "77%.40s", jid.user);
			lid = is_own   ? wa_jid_lid(OWN_LID, 0)
			      : is_bob ? wa_jid_lid(BOB_LID, 0)
				       : wa_jid_lid(text, 0);
			wa_node_set_jid(wa_node_add(user, "lid"), "val", &lid);
		}
		devices = wa_node_add(
			wa_node_add(user, "devices"), "device-list");
		device_add(devices, 0, 0);
		if (is_own)
			device_add(devices, 1, 1);
		if (is_own && fake->own_tablet != NULL)
			device_add(devices, 2, 2);
		if (is_bob)
			device_add(devices, 3, 2);
	}
	fake_answer(fake, answer);
}

/* Answers questions until nothing is asked any more. */
static inline void fake_answer_all(struct fake *fake)
{
	struct fake_question *question = NULL;

	while ((question = fake_question(fake)) != NULL) {
		if (wa_node_is(question->iq, "xmlns", "usync"))
			fake_answer_devices(fake);
		else if (wa_node_is(question->iq, "xmlns", "encrypt"))
			fake_answer_keys(fake);
		else
			fake_answer(fake, wa_node_new(fake->arena, "iq"));
	}
}

static inline struct wa_node *fake_ack(
	struct fake *fake, const char *id, int error)
{
	struct wa_node *ack = wa_node_new(fake->arena, "ack");

	wa_node_set(ack, "class", "message");
	wa_node_set(ack, "id", id);
	wa_node_set_int(ack, "t", clock_now_ms() / 1000);
	if (error != 0)
		wa_node_set_int(ack, "error", error);
	return ack;
}

/* ---- store ---- */

static inline int on_row_copy(const struct message *row, void *arg)
{
	struct message *copy = arg;

	*copy = *row;
	copy->text = row->text != NULL ? "set" : NULL;
	copy->reason = row->reason != NULL ? strdup(row->reason) : NULL;
	return 0;
}

static inline enum message_status fake_status(
	struct fake *fake, const char *wa_id)
{
	struct message row = { 0 };
	struct err err = ERR_NONE;

	assert_int_equal(
		store_message_by_wa_id(fake->lane.store, fake->lane.device_id,
			wa_id, on_row_copy, &row, &err),
		0);
	free((char *)row.reason);
	return row.status;
}

/* Why it waits or failed; "" for no reason.  Good until the next call. */
static inline const char *fake_reason(struct fake *fake, const char *wa_id)
{
	static char reason[128];
	struct message row = { 0 };
	struct err err = ERR_NONE;

	assert_int_equal(
		store_message_by_wa_id(fake->lane.store, fake->lane.device_id,
			wa_id, on_row_copy, &row, &err),
		0);
	snprintf(reason, sizeof reason, "%s",
		row.reason != NULL ? row.reason : "");
	free((char *)row.reason);
	return reason;
}

/* Accepts a message, as apid does.  Returns its device_seq. */
static inline int64_t fake_accept(struct fake *fake, const char *wa_id,
	const char *phone, const char *text, int64_t created_ms)
{
	struct err err = ERR_NONE;
	char uuid[UUID_LEN], chat[64];
	bool duplicate = false;
	struct message message = {
		.account_id = fake->lane.account_id,
		.device_id = fake->lane.device_id,
		.kind = MESSAGE_TEXT,
		.source = MESSAGE_BY_API,
		.wa_id = wa_id,
		.phone = phone,
		.text = text,
		.created_ms = created_ms,
	};

	scoped(tx_end) struct tx *tx = tx_begin(fake->lane.store, &err);

	assert_non_null(tx);
	id_uuid7(uuid);
	message.public_id = uuid;
	snprintf(chat, sizeof chat, "%s@s.whatsapp.net", phone);
	message.chat = chat;
	assert_int_equal(
		store_message_insert_out(tx, &message, &duplicate, &err), 0);
	assert_int_equal(tx_commit(tx, &err), 0);
	return message.device_seq;
}

/* The same, and the job arrives over the bus. */
static inline void fake_job(struct fake *fake, const char *wa_id,
	const char *phone, const char *text)
{
	Bus__SendJob job = BUS__SEND_JOB__INIT;
	char chat[64];

	snprintf(chat, sizeof chat, "%s@s.whatsapp.net", phone);
	job.created_ms = clock_now_ms();
	job.device_seq = fake_accept(fake, wa_id, phone, text, job.created_ms);
	job.wa_id = (char *)wa_id;
	job.chat = chat;
	job.kind = MESSAGE_TEXT;
	job.text = (char *)text;
	outbound_on_job(&fake->lane, &job);
}

/* ---- life ---- */

static inline void fake_open_store(struct fake *fake)
{
	struct err err = ERR_NONE;
	char path[96];
	struct device device = { .uid = "dev_test0001",
		.name = "test",
		.status = DEVICE_CONNECTED,
		.created_ms = clock_now_ms() };
	struct account account = {
		.public_id = "00000000-0000-7000-8000-000000000001",
		.name = "test",
		.email = "a@example.org",
		.password_hash = "",
		.plan = "TEST"
	};

	snprintf(path, sizeof path, "%s/vereda.db", fake->dir);
	assert_int_equal(
		store_open(path, STORE_WRITE, &fake->lane.store, &err), 0);
	scoped(tx_end) struct tx *tx = tx_begin(fake->lane.store, &err);
	assert_int_equal(store_account_create(
				 tx, &account, &fake->lane.account_id, &err),
		0);
	device.account_id = fake->lane.account_id;
	assert_int_equal(
		store_device_create(tx, &device, &fake->lane.device_id, &err),
		0);
	assert_int_equal(tx_commit(tx, &err), 0);
}

static inline void fake_open_lanedb(struct fake *fake)
{
	struct lane *lane = &fake->lane;
	struct err err = ERR_NONE;
	struct secret_key key = { .bytes = { 7 } };
	struct lane_signed_prekey signed_prekey;
	struct wa_jid pn = wa_jid_pn(OWN_PN, 0), lid = wa_jid_lid(OWN_LID, 0);
	char path[96];

	snprintf(path, sizeof path, "%s/lane.db", fake->dir);
	assert_int_equal(lanedb_open(path, &key, &lane->db, &err), 0);
	assert_int_equal(keyring_open(lane, &err), 0);
	lane->id.is_paired = true;
	lane->id.jid = wa_jid_pn(OWN_PN, 1);
	lane->id.lid = wa_jid_lid(OWN_LID, 1);
	assert_int_equal(lanedb_identity_save(lane->db, &lane->id, &err), 0);
	if (lanedb_signed_prekey_newest(lane->db, &signed_prekey, &err) == 0)
		assert_int_equal(
			prekeys_make_signed(lane, 1, &signed_prekey, &err), 0);
	assert_int_equal(
		lanedb_value_save(lane->db, "adv_identity", "voucher", 7, &err),
		0);
	assert_int_equal(
		lanedb_mapping_learn(lane->db, &pn, &lid, NULL, &err), 0);
	assert_int_equal(lanedb_commit(lane->db, &err), 0);
}

static inline int fake_setup(void **state)
{
	struct fake *fake = xcalloc(1, sizeof *fake);
	struct lane *lane = &fake->lane;

	wa_crypto_init();
	snprintf(fake->dir, sizeof fake->dir, "/tmp/vereda-lane-XXXXXX");
	assert_non_null(mkdtemp(fake->dir));
	fake->config.sender.max_in_flight = 64;
	fake->config.sender.ack_timeout_sec = 75;
	fake->config.sender.message_max_age_sec = 3600;
	fake->config.sender.receipts = xstrdup("active");
	fake->config.media.max_mib = 16;
	fake->config.media.auto_download = true;
	fake->config.media.reuse_days = 7;
	fake->config.suite.state_dir = fake->dir;
	fake->config.history.mode = (char *)"names";
	fake->config.history.days = 30;
	fake->config.whatsapp.media_scheme = (char *)"http";
	fake->config.whatsapp.ca_file = (char *)"";
	lane->config = &fake->config;
	snprintf(lane->device_uid, sizeof lane->device_uid, "dev_test0001");
	fake->arena = arena_new(65536);
	lane->arena = arena_new(65536);
	lane->facts = facts_new();
	fake_open_store(fake);
	fake_open_lanedb(fake);
	lane->state = LANE_READY;
	lane->offline_done = true;
	lane->health = health_new();
	lane->app_state = app_state_new();
	lane->history = history_new();
	lane->typing = typing_new();
	lane->watch = watch_new();
	lane->outbound = outbound_new(lane);
	lane->transfers = transfers_new();
	lane->uploads = media_uploads_new();
	lane->media_in = media_in_new();
	fake->own_phone = person_new(OWN_LID, 0);
	fake->bob = person_new(BOB_LID, 0);
	fake->bob_desktop = person_new(BOB_LID, 3);
	*state = fake;
	return 0;
}

static inline int fake_teardown(void **state)
{
	struct fake *fake = *state;
	struct lane *lane = &fake->lane;
	char command[128];

	outbound_on_disconnect(lane);
	while (fake_question(fake) != NULL)
		fake_answer(fake, NULL);
	app_state_on_disconnect(lane);
	watch_on_disconnect(lane);
	facts_drop(lane);
	outbound_free(&lane->outbound);
	watch_free(&lane->watch);
	typing_free(&lane->typing);
	history_free(&lane->history);
	app_state_free(&lane->app_state);
	media_in_free(&lane->media_in);
	media_uploads_free(&lane->uploads);
	transfers_free(&lane->transfers);
	health_free(&lane->health);
	wa_signal_free(&lane->signal);
	facts_free(&lane->facts);
	lanedb_close(&lane->db);
	store_close(&lane->store);
	arena_free(&lane->arena);
	arena_free(&fake->arena);
	person_free(&fake->own_phone);
	person_free(&fake->bob);
	person_free(&fake->bob_desktop);
	if (fake->own_tablet != NULL)
		person_free(&fake->own_tablet);
	snprintf(command, sizeof command, "rm -rf %s", fake->dir);
	assert_int_equal(system(command), 0);
	free(fake->config.sender.receipts);
	free(fake);
	return 0;
}

/* ---- peers ---- */

/* @from encrypts a Message for the lane's device. */
static inline void person_say(struct fake *fake, struct person *from,
	const Wa__Message *message, struct wa_node *stanza)
{
	scoped(buf_fini) struct buf plain = BUF_INIT;
	scoped(buf_fini) struct buf cipher = BUF_INIT;
	struct err err = ERR_NONE;
	enum wa_enc_type type = WA_ENC_MSG;
	size_t n = wa__message__get_packed_size(message);
	struct wa_node *enc = NULL;

	wa__message__pack(message, buf_reserve(&plain, n));
	plain.len += n;
	wa_pad(&plain);
	assert_int_equal(wa_signal_encrypt(from->signal, &fake->lane.id.lid,
				 plain.data, plain.len, &cipher, &type, &err),
		0);
	enc = wa_node_add(stanza, "enc");
	wa_node_set(enc, "v", "2");
	wa_node_set(enc, "type", wa_enc_name(type));
	wa_node_bytes(enc, cipher.data, cipher.len);
}

/* @from gets a session with the lane's device from a bundle of it. */
static inline void person_meet(struct fake *fake, struct person *from)
{
	struct lane *lane = &fake->lane;
	struct lane_signed_prekey signed_prekey;
	struct lane_prekey prekey;
	struct wa_bundle bundle = { .has_one_time = true };
	struct err err = ERR_NONE;

	assert_int_equal(
		lanedb_signed_prekey_newest(lane->db, &signed_prekey, &err), 1);
	assert_int_equal(lanedb_prekeys_make(lane->db, 1, &prekey, &err), 0);
	assert_int_equal(lanedb_commit(lane->db, &err), 0);
	bundle.registration_id = lane->id.registration_id;
	memcpy(bundle.identity, lane->id.identity.pub, 32);
	bundle.signed_id = signed_prekey.id;
	memcpy(bundle.signed_key, signed_prekey.key.pub, 32);
	memcpy(bundle.signature, signed_prekey.signature, 64);
	bundle.one_time_id = prekey.id;
	memcpy(bundle.one_time_key, prekey.key.pub, 32);
	assert_int_equal(wa_signal_process_bundle(from->signal, &lane->id.lid,
				 &bundle, NULL, &err),
		0);
}

/* @to decrypts an <enc>; NULL when it cannot. */
static inline Wa__Message *person_hear(
	struct fake *fake, struct person *to, const struct wa_node *enc)
{
	scoped(buf_fini) struct buf plain = BUF_INIT;
	struct err err = ERR_NONE;
	size_t n = 0;
	const uint8_t *cipher = wa_node_content(enc, &n);

	if (wa_signal_decrypt(to->signal, &fake->lane.id.lid,
		    wa_node_is(enc, "type", "pkmsg") ? WA_ENC_PKMSG
						     : WA_ENC_MSG,
		    cipher, n, &plain, NULL, &err) != WA_SIGNAL_OK ||
		wa_unpad(plain.data, plain.len, &n) != 0)
		return NULL;
	return wa__message__unpack(NULL, n, plain.data);
}

/* The <enc> of a stanza for one device, by its wire address; NULL: it gets
 * none. */
static inline const struct wa_node *stanza_enc(
	const struct wa_node *stanza, const struct wa_jid *device)
{
	const struct wa_node *list = wa_node_child(stanza, "participants");
	struct wa_jid jid;

	if (list == NULL)
		return wa_node_child(stanza, "enc");
	wa_node_each (to, list) {
		if (wa_node_jid(to, "jid", &jid) && wa_jid_equal(&jid, device))
			return wa_node_child(to, "enc");
	}
	return NULL;
}

#endif
