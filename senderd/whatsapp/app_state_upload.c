/* Changes of our own: a patch on top of what the collection is, refused by the
 * server when somebody was faster.  What it took comes back with the next fetch
 * and goes the way of every other patch. */
#include "senderd/whatsapp/app_state_impl.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/err.h"
#include "common/log.h"
#include "common/own.h"
#include "senderd/facts.h"

#define CONFLICT 409
#define CONFLICTS_MAX 1

static void upload_free(struct app_upload **uploadp)
{
	struct app_upload *upload = move(*uploadp);

	if (upload == NULL)
		return;
	for (size_t i = 0; i < upload->n; i++) {
		free(upload->changes[i].action);
		buf_fini(&upload->changes[i].value);
	}
	free(upload);
}

static void upload_remove(struct app_state *state, struct app_upload *upload)
{
	TAILQ_REMOVE(&state->uploads, upload, entry);
	state->n_uploads--;
}

/* Ends it; nobody holds it any more. */
static void upload_end(
	struct lane *lane, struct app_upload *upload, const struct err *err)
{
	app_state_done_fn *done = upload->done;
	void *arg = upload->arg;

	upload_remove(lane->app_state, upload);
	upload_free(&upload);
	done(lane, err, arg);
}

static void upload_fail(struct lane *lane, struct app_upload *upload,
	enum err_code code, const char *why)
{
	struct err err = ERR_NONE;

	err_set(&err, code, "%s", why);
	upload_end(lane, upload, &err);
}

void app_upload_drop_all(struct app_state *state)
{
	struct app_upload *upload = NULL;

	while ((upload = TAILQ_FIRST(&state->uploads)) != NULL) {
		upload_remove(state, upload);
		upload_free(&upload);
	}
}

/* Those that are there now: whoever is told may ask for the next. */
void app_upload_fail_all(struct lane *lane, enum err_code code, const char *why)
{
	struct app_state *state = lane->app_state;

	for (size_t n = state->n_uploads; n > 0 && state->n_uploads > 0; n--)
		upload_fail(lane, TAILQ_FIRST(&state->uploads), code, why);
}

/* ---- the patch ---- */

/* ["archive","15550002222@s.whatsapp.net"], as it is hashed. */
static char *index_text(const char *action, const struct wa_jid *chat)
{
	char text[WA_JID_TEXT];
	json_t *index = json_array();
	char *out = NULL;

	json_array_append_new(index, json_string(action));
	if (!wa_jid_is_empty(chat))
		json_array_append_new(
			index, json_string(wa_jid_text(chat, text)));
	out = json_dumps(index, JSON_COMPACT);
	json_decref(index);
	return out != NULL ? out : xstrdup("[]");
}

/* The phone files a chat by number or by LID; what is there already is changed,
 * not doubled. */
static char *index_choose(struct lane *lane, const char *collection,
	const char *action, const struct wa_jid *chat, struct err *err)
{
	char *given = index_text(action, chat);
	char *other = NULL;
	struct wa_jid lid;
	int found = 0;

	if (chat->server != WA_SERVER_PN)
		return given;
	found = lanedb_lid_of(lane->db, chat, &lid, err);
	if (found == 1) {
		other = index_text(action, &lid);
		found = syncd_has_index(lane, collection, other, err);
	}
	if (found == 1) {
		free(given);
		return other;
	}
	free(other);
	if (found == 0)
		return given;
	free(given);
	return NULL;
}

struct prepared {
	struct syncd_change changes[APP_CHANGES_MAX];
	Wa__SyncActionValue *values[APP_CHANGES_MAX];
	size_t n;
};

static void prepared_fini(struct prepared *prepared)
{
	for (size_t i = 0; i < prepared->n; i++) {
		free((char *)prepared->changes[i].index);
		if (prepared->values[i] != NULL)
			wa__sync_action_value__free_unpacked(
				prepared->values[i], NULL);
	}
}

static int prepare(struct lane *lane, const struct app_upload *upload,
	struct prepared *out, struct err *err)
{
	const char *collection = app_collection_name(upload->collection);

	for (size_t i = 0; i < upload->n; i++) {
		const struct buf *packed = &upload->changes[i].value;
		Wa__SyncActionValue *value = wa__sync_action_value__unpack(
			NULL, packed->len, packed->data);
		struct syncd_change *change = &out->changes[out->n];

		out->values[out->n++] = value;
		if (value == NULL)
			return err_set(err, ERR_INTERNAL, "a change is lost");
		value->has_timestamp = true;
		value->timestamp = clock_now_ms();
		change->value = value;
		change->version = upload->changes[i].version;
		change->index = index_choose(lane, collection,
			upload->changes[i].action, &upload->changes[i].chat,
			err);
		if (change->index == NULL)
			return -1;
	}
	return 0;
}

static enum syncd_result patch_make(struct lane *lane,
	const struct app_upload *upload, struct buf *out, struct err *err)
{
	scoped(prepared_fini) struct prepared prepared = { .n = 0 };

	if (prepare(lane, upload, &prepared, err) != 0)
		return SYNCD_FAILED;
	return syncd_patch_build(lane, app_collection_name(upload->collection),
		prepared.changes, prepared.n, out, err);
}

/* ---- the answer ---- */

/* The head of the line is on its way while its collection is in hand. */
static struct app_upload *upload_sent(struct lane *lane)
{
	struct app_state *state = lane->app_state;
	struct app_upload *upload = TAILQ_FIRST(&state->uploads);

	if (upload == NULL || state->busy != (int)upload->collection)
		return NULL;
	return upload;
}

static void on_conflict(struct lane *lane, struct app_upload *upload,
	const struct wa_node *node)
{
	struct err err = ERR_NONE;

	log_info("app_state collection=%s status=conflict",
		app_collection_name(upload->collection));
	if (upload->n_conflicts++ >= CONFLICTS_MAX) {
		upload_fail(lane, upload, ERR_CONFLICT,
			"the phone's settings change too fast");
		app_state_release(lane);
		return;
	}
	/* With the missing patches applied it is built anew. */
	if (app_state_mark(lane, BIT(upload->collection), &err) != 0) {
		facts_fail(lane, &err);
		return;
	}
	lane->app_state->again &= ~BIT(upload->collection);
	app_state_on_collection(lane, node);
}

static void on_accepted(struct lane *lane, struct app_upload *upload)
{
	struct err err = ERR_NONE;

	upload->is_accepted = true;
	if (app_state_mark(lane, BIT(upload->collection), &err) != 0)
		facts_fail(lane, &err);
	lane->app_state->again &= ~BIT(upload->collection);
	app_state_release(lane);
}

static const struct wa_node *node_find(
	const struct wa_node *answer, const char *name)
{
	const struct wa_node *sync = wa_node_child(answer, "sync");

	if (sync == NULL)
		return NULL;
	wa_node_each (node, sync) {
		if (wa_node_is(node, "name", name))
			return node;
	}
	return NULL;
}

static void on_upload_answer(
	struct lane *lane, const struct wa_node *answer, void *arg)
{
	struct app_upload *upload = upload_sent(lane);
	const struct wa_node *node = NULL;
	int code = 0;

	(void)arg;
	if (upload == NULL)
		return;
	if (answer != NULL)
		node = node_find(
			answer, app_collection_name(upload->collection));
	if (node != NULL && !iq_is_error(node, &code)) {
		on_accepted(lane, upload);
		return;
	}
	if (node != NULL && code == CONFLICT) {
		on_conflict(lane, upload, node);
		return;
	}
	if (node == NULL)
		iq_is_error(answer, &code);
	log_warning("app_state collection=%s status=refused code=%d "
		    "action=\"told the asker\"",
		app_collection_name(upload->collection), code);
	upload_fail(lane, upload, answer == NULL ? ERR_TIMEOUT : ERR_PEER,
		answer == NULL ? "WhatsApp did not answer"
			       : "WhatsApp refused the change");
	app_state_release(lane);
}

/* ---- sending ---- */

static void patch_send(struct lane *lane, const struct app_upload *upload,
	const struct buf *patch, uint64_t version)
{
	struct wa_node *iq = iq_new(lane, "set", APP_STATE_XMLNS);
	struct wa_node *node =
		wa_node_add(wa_node_add(iq, "sync"), "collection");

	wa_node_set(node, "name", app_collection_name(upload->collection));
	wa_node_set_int(node, "version", (int64_t)version);
	wa_node_set(node, "return_snapshot", "false");
	wa_node_bytes(wa_node_add(node, "patch"), patch->data, patch->len);
	iq_send(lane, iq, on_upload_answer, NULL);
}

static void upload_send(struct lane *lane, struct app_upload *upload)
{
	scoped(buf_fini) struct buf patch = BUF_INIT;
	const char *name = app_collection_name(upload->collection);
	uint8_t hash[LANE_HASH_BYTES];
	struct err err = ERR_NONE;
	uint64_t version = 0;
	enum syncd_result result = patch_make(lane, upload, &patch, &err);

	if (result == SYNCD_OK && lanedb_collection_load(lane->db, name,
					  &version, hash, &err) != 0)
		result = SYNCD_FAILED;
	if (result == SYNCD_OK) {
		lane->app_state->busy = (int)upload->collection;
		patch_send(lane, upload, &patch, version);
		return;
	}
	if (result == SYNCD_FAILED)
		facts_fail(lane, &err);
	upload_fail(lane, upload, ERR_BUSY, "the phone shared no key yet");
}

void app_upload_next(struct lane *lane)
{
	struct app_state *state = lane->app_state;
	struct app_upload *upload = TAILQ_FIRST(&state->uploads);

	if (upload == NULL)
		return;
	if ((state->parked | state->resting) & BIT(upload->collection)) {
		upload_fail(lane, upload, ERR_BUSY,
			"the phone's settings cannot be read just now");
		app_state_kick(lane);
		return;
	}
	upload_send(lane, upload);
}

/* ---- when the collection has been fetched, or cannot be ---- */

void app_upload_on_settled(struct lane *lane, enum app_collection collection)
{
	struct app_upload *upload = TAILQ_FIRST(&lane->app_state->uploads);

	if (upload != NULL && upload->collection == collection &&
		upload->is_accepted)
		upload_end(lane, upload, NULL);
}

/* What the server has taken is done, seen by us or not. */
void app_upload_on_rest(
	struct lane *lane, enum app_collection collection, const char *why)
{
	struct app_upload *upload = TAILQ_FIRST(&lane->app_state->uploads);

	if (upload == NULL || upload->collection != collection)
		return;
	if (upload->is_accepted)
		upload_end(lane, upload, NULL);
	else
		upload_fail(lane, upload, ERR_BUSY, why);
}

/* ---- the door ---- */

static void change_keep(
	struct app_upload *upload, const struct app_change *change)
{
	size_t n = wa__sync_action_value__get_packed_size(change->value);
	struct buf *value = &upload->changes[upload->n].value;

	upload->changes[upload->n].action = xstrdup(change->action);
	upload->changes[upload->n].chat = change->chat;
	upload->changes[upload->n].version = change->version;
	wa__sync_action_value__pack(change->value, buf_reserve(value, n + 1));
	value->len = n;
	upload->n++;
}

void app_state_change(struct lane *lane, enum app_collection collection,
	const struct app_change *changes, size_t n, app_state_done_fn *done,
	void *arg)
{
	struct app_state *state = lane->app_state;
	struct app_upload *upload = xcalloc(1, sizeof *upload);

	upload->collection = collection;
	upload->done = done;
	upload->arg = arg;
	for (size_t i = 0; i < n && i < APP_CHANGES_MAX; i++)
		change_keep(upload, &changes[i]);
	TAILQ_INSERT_TAIL(&state->uploads, upload, entry);
	if (++state->n_uploads > APP_UPLOADS_MAX) {
		upload_fail(lane, upload, ERR_BUSY, "too many changes wait");
		return;
	}
	app_state_kick(lane);
}
