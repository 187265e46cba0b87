#include "senderd/whatsapp/devices.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/err.h"
#include "common/ids.h"
#include "common/log.h"
#include "common/own.h"
#include "common/phone.h"
#include "senderd/facts.h"

/* ---- the cache ---- */

int devices_load(struct lane *lane, const struct wa_jid *account,
	struct device_list *out, struct err *err)
{
	int64_t fetched_ms = 0;
	int found = lanedb_devices_load(lane->db, account, out->numbers,
		DEVICES_MAX, &out->n, &fetched_ms, err);

	if (found <= 0)
		return found;
	return out->n > 0 && clock_now_ms() - fetched_ms < DEVICES_FRESH_MS;
}

int devices_learn_pair(struct lane *lane, const struct wa_jid *a,
	const struct wa_jid *b, struct err *err)
{
	struct wa_jid pn = wa_jid_bare(a);
	struct wa_jid lid = wa_jid_bare(b);

	if (pn.server == WA_SERVER_LID && lid.server == WA_SERVER_PN) {
		struct wa_jid swapped = pn;

		pn = lid;
		lid = swapped;
	}
	if (pn.server != WA_SERVER_PN || lid.server != WA_SERVER_LID ||
		pn.user[0] == '\0' || lid.user[0] == '\0')
		return 0;
	/* Nobody else's number or LID may become a name of ours. */
	if (lane_is_self(lane, &pn) != lane_is_self(lane, &lid)) {
		log_warning("mapping status=refused reason=\"pairs us with "
			    "another account\" action=none");
		return 0;
	}
	return lanedb_mapping_learn(lane->db, &pn, &lid, NULL, err);
}

/* The other name of an account.  1/0/-1 */
static int other_name(struct lane *lane, const struct wa_jid *user,
	struct wa_jid *out, struct err *err)
{
	struct wa_jid bare = wa_jid_bare(user);

	if (bare.server == WA_SERVER_PN)
		return lanedb_lid_of(lane->db, &bare, out, err);
	if (bare.server == WA_SERVER_LID)
		return lanedb_pn_of(lane->db, &bare, out, err);
	return 0;
}

typedef int forget_fn(
	struct lanedb *db, const struct wa_jid *user, struct err *err);

static int forget_both(struct lane *lane, const struct wa_jid *user,
	forget_fn *forget, struct err *err)
{
	struct wa_jid bare = wa_jid_bare(user);
	struct wa_jid other;
	int has_other = other_name(lane, &bare, &other, err);

	if (has_other < 0 || forget(lane->db, &bare, err) != 0)
		return -1;
	return has_other ? forget(lane->db, &other, err) : 0;
}

int devices_forget(
	struct lane *lane, const struct wa_jid *user, struct err *err)
{
	return forget_both(lane, user, lanedb_devices_forget, err);
}

int devices_forget_user(
	struct lane *lane, const struct wa_jid *user, struct err *err)
{
	if (forget_both(lane, user, lanedb_user_forget, err) != 0)
		return -1;
	return devices_forget(lane, user, err);
}

/* Neither its devices nor whether it is on WhatsApp at all is known now. */
static int number_forget(
	struct lane *lane, const struct wa_jid *user, struct err *err)
{
	if (devices_forget(lane, user, err) != 0)
		return -1;
	if (user->server != WA_SERVER_PN)
		return 0;
	return lanedb_number_save(lane->db, user->user, false, "", 0, err);
}

int devices_on_contacts(
	struct lane *lane, const struct wa_node *notification, struct err *err)
{
	static const char *const names[] = { "old", "new" };
	const struct wa_node *modify = wa_node_child(notification, "modify");
	struct wa_jid user;

	for (size_t i = 0; modify != NULL && i < ARRAY_LEN(names); i++) {
		if (wa_node_jid(modify, names[i], &user) &&
			wa_jid_is_user(&user) &&
			number_forget(lane, &user, err) != 0)
			return -1;
	}
	return 0;
}

/* ---- the question for devices ---- */

struct question {
	devices_done_fn *done;
	void *arg;
	size_t n;
	struct wa_jid users[DEVICES_ASK_MAX];
	enum devices_outcome outcomes[DEVICES_ASK_MAX];
};

static void question_free(struct question **questionp)
{
	free(move(*questionp));
}

struct wa_node *devices_usync(struct lane *lane, const char *mode,
	const char *context, struct wa_node **query_out,
	struct wa_node **list_out)
{
	struct wa_node *iq = iq_new(lane, "get", "usync");
	struct wa_node *usync = wa_node_add(iq, "usync");
	char sid[UUID_LEN];

	id_uuid7(sid);
	wa_node_set(usync, "sid", sid);
	wa_node_set(usync, "context", context);
	wa_node_set(usync, "mode", mode);
	wa_node_set(usync, "last", "true");
	wa_node_set(usync, "index", "0");
	*query_out = wa_node_add(usync, "query");
	*list_out = wa_node_add(usync, "list");
	return iq;
}

/* Companions must show a key index, else they are not the account's own
 * (messages.md 2.5); hosted devices are not ours to write to. */
static bool device_counts(const struct wa_node *device, int64_t *number_out)
{
	int64_t number = wa_node_int(device, "id", -1);

	if (strcmp(device->tag, "device") != 0 || number < 0 ||
		number > UINT16_MAX || number == 99 ||
		wa_node_is(device, "is_hosted", "true"))
		return false;
	*number_out = number;
	return number == 0 || wa_node_int(device, "key-index", 0) > 0;
}

static bool list_has(const struct device_list *list, int64_t number)
{
	for (size_t i = 0; i < list->n; i++) {
		if (list->numbers[i] == number)
			return true;
	}
	return false;
}

static void list_read(
	const struct wa_node *device_list, struct device_list *out)
{
	int64_t number = 0;

	out->n = 0;
	wa_node_each (device, device_list) {
		if (out->n < DEVICES_MAX && device_counts(device, &number) &&
			!list_has(out, number))
			out->numbers[out->n++] = (uint16_t)number;
	}
}

static int user_learn(struct lane *lane, const struct wa_jid *asked,
	const struct wa_node *user, enum devices_outcome *outcome,
	struct err *err)
{
	const struct wa_node *devices = wa_node_child(user, "devices");
	const struct wa_node *list = NULL;
	const struct wa_node *lid_node = wa_node_child(user, "lid");
	struct device_list numbers = { .n = 0 };
	struct wa_jid account = *asked;
	struct wa_jid lid;
	bool has_lid = lid_node != NULL && wa_node_jid(lid_node, "val", &lid) &&
		       lid.server == WA_SERVER_LID && lid.user[0] != '\0';

	if (has_lid && asked->server == WA_SERVER_PN) {
		account = wa_jid_bare(&lid);
		if (devices_learn_pair(lane, asked, &lid, err) != 0)
			return -1;
	}
	if (devices != NULL)
		list = wa_node_child(devices, "device-list");
	if (list != NULL)
		list_read(list, &numbers);
	if (numbers.n > 0) {
		*outcome = DEVICES_KNOWN;
		return lanedb_devices_save(lane->db, &account, numbers.numbers,
			numbers.n, clock_now_ms(), err);
	}
	if (!has_lid && asked->server == WA_SERVER_PN &&
		(devices == NULL || wa_node_child(devices, "error") == NULL))
		*outcome = DEVICES_NO_ACCOUNT;
	return 0;
}

/* A user that the answer leaves out is nobody's number when it was asked by
 * number. */
static void outcomes_default(struct question *question)
{
	for (size_t i = 0; i < question->n; i++) {
		question->outcomes[i] =
			question->users[i].server == WA_SERVER_PN
				? DEVICES_NO_ACCOUNT
				: DEVICES_UNCLEAR;
	}
}

static int answer_read(struct lane *lane, struct question *question,
	const struct wa_node *list, struct err *err)
{
	outcomes_default(question);
	wa_node_each (user, list) {
		struct wa_jid jid;

		if (!wa_node_jid(user, "jid", &jid))
			continue;
		for (size_t i = 0; i < question->n; i++) {
			if (!wa_jid_same_user(&question->users[i], &jid))
				continue;
			question->outcomes[i] = DEVICES_UNCLEAR;
			if (user_learn(lane, &question->users[i], user,
				    &question->outcomes[i], err) != 0)
				return -1;
		}
	}
	return 0;
}

static void on_devices_answer(
	struct lane *lane, const struct wa_node *answer, void *arg)
{
	scoped(question_free) struct question *question = arg;
	const struct wa_node *list = NULL;
	struct err err = ERR_NONE;
	int code = 0;

	if (iq_is_error(answer, &code))
		log_warning("usync users=%zu status=failed code=%d "
			    "action=\"ask again later\"",
			question->n, code);
	else
		list = wa_node_path(answer, "usync", "list");
	if (list != NULL && answer_read(lane, question, list, &err) != 0) {
		facts_fail(lane, &err);
		list = NULL;
	}
	if (list == NULL) {
		for (size_t i = 0; i < question->n; i++)
			question->outcomes[i] = DEVICES_NO_ANSWER;
	}
	question->done(lane, question->outcomes, question->n, question->arg);
}

void devices_ask(struct lane *lane, const struct wa_jid *users, size_t n,
	devices_done_fn *done, void *arg)
{
	struct question *question = xcalloc(1, sizeof *question);
	struct wa_node *query = NULL;
	struct wa_node *list = NULL;
	struct wa_node *iq =
		devices_usync(lane, "query", "message", &query, &list);

	question->done = done;
	question->arg = arg;
	question->n = n < DEVICES_ASK_MAX ? n : DEVICES_ASK_MAX;
	wa_node_set(wa_node_add(query, "devices"), "version", "2");
	wa_node_add(query, "lid");
	for (size_t i = 0; i < question->n; i++) {
		question->users[i] = wa_jid_bare(&users[i]);
		wa_node_set_jid(
			wa_node_add(list, "user"), "jid", &question->users[i]);
	}
	iq_send(lane, iq, on_devices_answer, question);
}

/* ---- is this number on WhatsApp? ---- */

#define EXISTS_FRESH_MS (24 * 3600 * 1000LL)
#define MISSING_FRESH_MS (3600 * 1000LL)

struct check {
	devices_numbers_fn *fn;
	void *arg;
	size_t n;
	struct {
		char phone[PHONE_LEN];
		char lid[LANE_NUMBER_LID]; /* bare user */
		bool exists;
		bool is_known; /* asked lately, or just now */
	} numbers[DEVICES_ASK_MAX];
};

static void check_free(struct check **checkp)
{
	free(move(*checkp));
}

static void check_answer(struct lane *lane, struct check *check,
	enum err_code code, const char *words)
{
	Bus__NumberExists rows[DEVICES_ASK_MAX];
	Bus__NumberExists *row_pointers[DEVICES_ASK_MAX];
	char lids[DEVICES_ASK_MAX][WA_JID_TEXT];
	Bus__Answer answer = BUS__ANSWER__INIT;

	answer.error = (uint32_t)code;
	answer.error_text = (char *)words;
	for (size_t i = 0; code == ERR_OK && i < check->n; i++) {
		struct wa_jid lid = wa_jid_lid(check->numbers[i].lid, 0);

		bus__number_exists__init(&rows[i]);
		rows[i].phone = check->numbers[i].phone;
		rows[i].exists = check->numbers[i].exists;
		rows[i].lid = check->numbers[i].lid[0] != '\0'
				      ? wa_jid_text(&lid, lids[i])
				      : (char *)"";
		row_pointers[i] = &rows[i];
		answer.n_numbers = i + 1;
	}
	answer.numbers = row_pointers;
	check->fn(lane, &answer, check->arg);
}

/* Digits of a contact element: "+15550001111" or "+15550001111@c.us". */
static bool contact_phone(const struct wa_node *contact, char out[PHONE_LEN])
{
	size_t n = 0;
	const char *text = (const char *)wa_node_content(contact, &n);
	const char *at = NULL;

	if (text == NULL)
		return false;
	at = memchr(text, '@', n);
	return phone_parse(text, at != NULL ? (size_t)(at - text) : n, out) ==
	       0;
}

/* Which number an answer is about: newer servers put the LID into jid and the
 * number into pn_jid, older ones the number into jid; both repeat the query. */
static bool user_phone(const struct wa_node *user,
	const struct wa_node *contact, char out[PHONE_LEN])
{
	struct wa_jid jid;

	if (wa_node_jid(user, "pn_jid", &jid) && jid.server == WA_SERVER_PN)
		return phone_parse(jid.user, strlen(jid.user), out) == 0;
	if (contact_phone(contact, out))
		return true;
	return wa_node_jid(user, "jid", &jid) && jid.server == WA_SERVER_PN &&
	       phone_parse(jid.user, strlen(jid.user), out) == 0;
}

static int number_lid(struct lane *lane, struct check *check, size_t at,
	const struct wa_node *user, struct err *err)
{
	const struct wa_node *lid_node = wa_node_child(user, "lid");
	struct wa_jid pn = wa_jid_pn(check->numbers[at].phone, 0);
	struct wa_jid lid;

	if (!(lid_node != NULL && wa_node_jid(lid_node, "val", &lid)) &&
		!wa_node_jid(user, "jid", &lid))
		return 0;
	if (lid.server != WA_SERVER_LID)
		return 0;
	snprintf(check->numbers[at].lid, sizeof check->numbers[at].lid, "%s",
		lid.user);
	return devices_learn_pair(lane, &pn, &lid, err);
}

static int number_learn(struct lane *lane, struct check *check, size_t at,
	const struct wa_node *user, const struct wa_node *contact,
	struct err *err)
{
	check->numbers[at].is_known = true;
	check->numbers[at].exists = wa_node_is(contact, "type", "in");
	if (check->numbers[at].exists &&
		number_lid(lane, check, at, user, err) != 0)
		return -1;
	return lanedb_number_save(lane->db, check->numbers[at].phone,
		check->numbers[at].exists, check->numbers[at].lid,
		clock_now_ms(), err);
}

static int check_read(struct lane *lane, struct check *check,
	const struct wa_node *list, struct err *err)
{
	wa_node_each (user, list) {
		const struct wa_node *contact = wa_node_child(user, "contact");
		char phone[PHONE_LEN];

		if (contact == NULL || !user_phone(user, contact, phone))
			continue;
		for (size_t i = 0; i < check->n; i++) {
			if (!check->numbers[i].is_known &&
				strcmp(check->numbers[i].phone, phone) == 0 &&
				number_learn(lane, check, i, user, contact,
					err) != 0)
				return -1;
		}
	}
	return 0;
}

static void on_check_answer(
	struct lane *lane, const struct wa_node *answer, void *arg)
{
	scoped(check_free) struct check *check = arg;
	const struct wa_node *list = NULL;
	struct err err = ERR_NONE;
	int code = 0;

	if (answer == NULL) {
		check_answer(lane, check, ERR_TIMEOUT,
			"WhatsApp did not answer in time");
		return;
	}
	if (!iq_is_error(answer, &code))
		list = wa_node_path(answer, "usync", "list");
	if (list == NULL) {
		log_warning("usync numbers=%zu status=refused code=%d "
			    "action=\"told the asker\"",
			check->n, code);
		check_answer(lane, check, code == 429 ? ERR_LIMIT : ERR_PEER,
			"WhatsApp refused to look the numbers up");
		return;
	}
	if (check_read(lane, check, list, &err) != 0) {
		facts_fail(lane, &err);
		check_answer(lane, check, ERR_IO, "lane database failed");
		return;
	}
	check_answer(lane, check, ERR_OK, "");
}

static struct check *check_new(
	char **phones, size_t n, devices_numbers_fn *fn, void *arg)
{
	struct check *check = xcalloc(1, sizeof *check);

	check->fn = fn;
	check->arg = arg;
	for (size_t i = 0; i < n; i++) {
		if (phone_parse(phones[i], strlen(phones[i]),
			    check->numbers[check->n].phone) == 0)
			check->n++;
	}
	return check;
}

/* What was asked lately.  *@n_open: how many are left to ask for. */
static int check_recall(
	struct lane *lane, struct check *check, size_t *n_open, struct err *err)
{
	int64_t now_ms = clock_now_ms();

	*n_open = 0;
	for (size_t i = 0; i < check->n; i++) {
		bool exists = false;
		int64_t asked_ms = 0;
		int found =
			lanedb_number_load(lane->db, check->numbers[i].phone,
				&exists, check->numbers[i].lid, &asked_ms, err);

		if (found < 0)
			return -1;
		check->numbers[i].is_known =
			found == 1 &&
			now_ms - asked_ms <
				(exists ? EXISTS_FRESH_MS : MISSING_FRESH_MS);
		if (check->numbers[i].is_known) {
			check->numbers[i].exists = exists;
			continue;
		}
		check->numbers[i].lid[0] = '\0';
		++*n_open;
	}
	return 0;
}

static void check_ask(struct lane *lane, struct check *check)
{
	struct wa_node *query = NULL;
	struct wa_node *list = NULL;
	struct wa_node *iq =
		devices_usync(lane, "query", "interactive", &query, &list);

	wa_node_set(wa_node_add(query, "contact"), "addressing_mode", "lid");
	wa_node_add(query, "lid");
	for (size_t i = 0; i < check->n; i++) {
		char text[PHONE_LEN + 8];

		if (check->numbers[i].is_known)
			continue;
		snprintf(
			text, sizeof text, "+%s@c.us", check->numbers[i].phone);
		wa_node_text(wa_node_add(wa_node_add(list, "user"), "contact"),
			text);
	}
	iq_send(lane, iq, on_check_answer, check);
}

void devices_check_numbers(struct lane *lane, char **phones, size_t n,
	devices_numbers_fn *fn, void *arg)
{
	scoped(check_free) struct check *check =
		check_new(phones, n <= DEVICES_ASK_MAX ? n : 0, fn, arg);
	struct err err = ERR_NONE;
	size_t n_open = 0;

	if (check->n != n || n == 0) {
		check_answer(lane, check, ERR_INVALID,
			"1 to 50 phone numbers are needed");
		return;
	}
	if (check_recall(lane, check, &n_open, &err) != 0) {
		facts_fail(lane, &err);
		check_answer(lane, check, ERR_IO, "lane database failed");
		return;
	}
	if (n_open == 0)
		check_answer(lane, check, ERR_OK, "");
	else if (!lane_is_ready(lane))
		check_answer(
			lane, check, ERR_BUSY, "the device is not connected");
	else
		check_ask(lane, move(check));
}
