#include "senderd/whatsapp/read_marks.h"

#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/err.h"
#include "common/ids.h"
#include "common/own.h"
#include "common/store/chat.h"
#include "senderd/facts.h"
#include "senderd/whatsapp/group.h"
#include "senderd/whatsapp/names.h"
#include "senderd/whatsapp/outbound.h"
#include "senderd/whatsapp/privacy.h"

#define IDS_MAX 256 /* of one receipt */
#define MESSAGES_MAX CHAT_LOOK_BACK
#define WA_ID_MAX 132

/* A message that is to be marked. */
struct mark {
	int64_t row_id;
	struct wa_jid author; /* bare */
	char wa_id[WA_ID_MAX];
	bool is_voice;
};

struct reading {
	struct call *call;
	struct wa_jid chat; /* bare, as the caller named it */
	const char *jid;    /* of rows; in the turn's arena */
	struct mark *marks; /* owned */
	size_t n, cap;
	bool is_told; /* others may know */
};

static void reading_free(struct reading **readingp)
{
	struct reading *reading = move(*readingp);

	if (reading == NULL)
		return;
	free(reading->marks);
	free(reading);
}

/* ---- which messages ---- */

static int on_row(const struct message *row, void *arg)
{
	struct reading *reading = arg;
	struct mark *mark = NULL;

	if (row->sender == NULL || row->direction != MESSAGE_IN ||
		row->source == MESSAGE_BY_PHONE ||
		strcmp(row->chat, reading->jid) != 0 ||
		strlen(row->wa_id) >= WA_ID_MAX)
		return 0;
	if (reading->n >= MESSAGES_MAX)
		return 1;
	if (reading->n == reading->cap) {
		reading->cap = reading->cap != 0 ? 2 * reading->cap : 16;
		reading->marks = xrealloc(
			reading->marks, reading->cap * sizeof *reading->marks);
	}
	mark = &reading->marks[reading->n];
	*mark = (struct mark){ .row_id = row->id,
		.is_voice = row->kind == MESSAGE_VOICE };
	if (wa_jid_parse(row->sender, strlen(row->sender), &mark->author) != 0)
		return 0;
	mark->author = wa_jid_bare(&mark->author);
	memcpy(mark->wa_id, row->wa_id, strlen(row->wa_id) + 1);
	reading->n++;
	return 0;
}

/* One that is not there is passed over: it may have been removed meanwhile. */
static int mark_named(struct lane *lane, struct reading *reading,
	const char *id, struct err *err)
{
	if (!id_is_uuid(id))
		return store_chat_message(lane->store, lane->device_id,
			reading->jid, id, on_row, reading, err);
	if (store_message_by_public_id(lane->store, lane->account_id, id,
		    on_row, reading, err) != 0)
		return err->code == ERR_NOT_FOUND ? 0 : -1;
	return 0;
}

static int marks_find(
	struct lane *lane, struct reading *reading, struct err *err)
{
	const json_t *ids = call_param(reading->call, "messageIds");
	struct names names;

	if (names_find(lane, &reading->chat, &names, err) != 0)
		return -1;
	reading->jid = names.jid;
	if (ids == NULL)
		return store_chat_unread(lane->store, lane->account_id,
			lane->device_id, names.jid, on_row, reading, err);
	for (size_t i = 0; i < json_array_size(ids); i++) {
		const char *id = json_string_value(json_array_get(ids, i));

		if (id != NULL && mark_named(lane, reading, id, err) != 0)
			return -1;
	}
	return 0;
}

/* ---- receipts ---- */

static const char *receipt_type(const struct reading *reading, bool is_voice)
{
	if (is_voice)
		return reading->is_told ? "played" : "played-self";
	return reading->is_told ? "read" : "read-self";
}

/* A chat is written to by its LID as soon as it is known, and so are its
 * messages marked. */
static struct wa_jid chat_address(
	struct lane *lane, const struct reading *reading)
{
	if (lane->outbound->by_number)
		return reading->chat;
	return lane_signal_address(lane, &reading->chat);
}

/* As the group's mode writes its members. */
static int author_address(struct lane *lane, const struct reading *reading,
	const struct wa_jid *author, struct wa_jid *out, struct err *err)
{
	struct group *group = NULL;

	*out = lane_signal_address(lane, author);
	if (!wa_jid_is_group(&reading->chat))
		return 0;
	if (group_load(lane, &reading->chat, &group, err) < 0)
		return -1;
	if (group == NULL || group->by_lid || out->server != WA_SERVER_LID)
		return 0;
	return lanedb_pn_of(lane->db, author, out, err) < 0 ? -1 : 0;
}

static struct wa_node *receipt_new(struct lane *lane,
	const struct reading *reading, const struct mark *first,
	const struct wa_jid *participant)
{
	struct wa_node *receipt = wa_node_new(lane->arena, "receipt");
	struct wa_jid to = chat_address(lane, reading);

	wa_node_set(receipt, "id", first->wa_id);
	wa_node_set(receipt, "type", receipt_type(reading, first->is_voice));
	wa_node_set_jid(receipt, "to", &to);
	wa_node_set_int(receipt, "t", clock_now_ms() / 1000);
	if (!wa_jid_is_user(&reading->chat))
		wa_node_set_jid(receipt, "participant", participant);
	return receipt;
}

/* Marks of one author and kind stand together. */
static int compare(const void *a, const void *b)
{
	const struct mark *left = a;
	const struct mark *right = b;
	int order = strcmp(left->author.user, right->author.user);

	if (order == 0)
		order = left->is_voice - right->is_voice;
	if (order == 0)
		order = left->row_id < right->row_id ? -1 : 1;
	return order;
}

static bool goes_with(const struct mark *a, const struct mark *b)
{
	return wa_jid_same_user(&a->author, &b->author) &&
	       a->is_voice == b->is_voice;
}

/* One receipt for marks[@from] and what goes with it; gives where the next one
 * starts. */
static int receipt_send(struct lane *lane, const struct reading *reading,
	size_t from, size_t *next, struct err *err)
{
	const struct mark *first = &reading->marks[from];
	struct wa_jid participant;
	struct wa_node *receipt = NULL;
	struct wa_node *list = NULL;
	size_t i = from + 1;

	if (author_address(lane, reading, &first->author, &participant, err) !=
		0)
		return -1;
	receipt = receipt_new(lane, reading, first, &participant);
	for (; i < reading->n && i < from + IDS_MAX &&
		goes_with(first, &reading->marks[i]);
		i++) {
		if (list == NULL)
			list = wa_node_add(receipt, "list");
		wa_node_set(wa_node_add(list, "item"), "id",
			reading->marks[i].wa_id);
	}
	lane_send(lane, receipt);
	*next = i;
	return 0;
}

static int receipts_send(
	struct lane *lane, struct reading *reading, struct err *err)
{
	size_t next = 0;

	if (reading->n > 0)
		qsort(reading->marks, reading->n, sizeof *reading->marks,
			compare);
	while (next < reading->n) {
		if (receipt_send(lane, reading, next, &next, err) != 0)
			return -1;
	}
	for (size_t i = 0; i < reading->n; i++)
		facts_add_read(lane, reading->marks[i].row_id, clock_now_ms());
	if (reading->n > 0)
		facts_add_chat(lane, &(struct chat){ .jid = reading->jid },
			CHAT_UNREAD);
	return 0;
}

/* ---- the call ---- */

static void on_receipts_known(struct lane *lane, bool is_told, void *arg)
{
	scoped(reading_free) struct reading *reading = arg;
	struct err err = ERR_NONE;

	reading->is_told = is_told;
	if (marks_find(lane, reading, &err) != 0 ||
		receipts_send(lane, reading, &err) != 0) {
		facts_fail(lane, &err);
		call_fail(lane, &reading->call, ERR_IO, "the database failed");
		return;
	}
	call_done(lane, &reading->call,
		json_pack("{s:I}", "read", (json_int_t)reading->n));
}

void read_marks_on_call(struct lane *lane, struct call *call)
{
	struct reading *reading = NULL;
	const json_t *ids = call_param(call, "messageIds");
	struct wa_jid chat;
	struct err err = ERR_NONE;

	if (call_jid(lane, call_text(call, "jid"), &chat, &err) != 0) {
		call_fail(lane, &call, err.code, "jid: %s", err.msg);
		return;
	}
	if (ids != NULL &&
		(!json_is_array(ids) || json_array_size(ids) > MESSAGES_MAX)) {
		call_fail(lane, &call, ERR_INVALID,
			"messageIds: a list of at most %d", MESSAGES_MAX);
		return;
	}
	reading = xcalloc(1, sizeof *reading);
	reading->call = call;
	reading->chat = chat;
	privacy_ask_receipts(lane, on_receipts_known, reading);
}
