/* A device has few rules (AUTO_REPLY_MAX), so they are counted and sorted as
 * they are asked for. */
#include "common/store/autoreply.h"

#include <assert.h>
#include <string.h>

#include "common/err.h"
#include "common/own.h"
#include "common/store/store_impl.h"

static_assert(TRIGGER_CONTAINS == 1 && TRIGGER_EXACT == 2 &&
		      TRIGGER_STARTS_WITH == 3 && TRIGGER_ENDS_WITH == 4,
	"stored numbers never change");

#define HOUR_MS 3600000

const char *auto_reply_trigger_name(enum auto_reply_trigger trigger)
{
	switch (trigger) {
	case TRIGGER_CONTAINS:
		return "CONTAINS";
	case TRIGGER_EXACT:
		return "EXACT";
	case TRIGGER_STARTS_WITH:
		return "STARTS_WITH";
	case TRIGGER_ENDS_WITH:
		return "ENDS_WITH";
	}
	return "UNKNOWN";
}

enum auto_reply_trigger auto_reply_trigger_parse(const char *name)
{
	for (int t = TRIGGER_CONTAINS; t <= TRIGGER_ENDS_WITH; t++) {
		const enum auto_reply_trigger trigger =
			(enum auto_reply_trigger)t;

		if (strcmp(auto_reply_trigger_name(trigger), name) == 0)
			return trigger;
	}
	return 0;
}

#define RULE_SELECT                                                   \
	"SELECT r.id, r.public_id, r.account_id, r.device_id, d.uid," \
	" r.position, r.trigger_type, r.trigger_value, r.reply_text," \
	" r.is_enabled, r.created_ms, r.updated_ms"                   \
	" FROM auto_reply r JOIN device d ON d.id = r.device_id"

static struct auto_reply rule_from_row(struct query *q)
{
	struct auto_reply rule = { 0 };

	rule.id = query_int(q);
	rule.public_id = query_text(q);
	rule.account_id = query_int(q);
	rule.device_id = query_int(q);
	rule.device_uid = query_text(q);
	rule.position = (int)query_int(q);
	rule.trigger = (enum auto_reply_trigger)query_int(q);
	rule.trigger_value = query_text(q);
	rule.reply_text = query_text(q);
	rule.is_enabled = query_int(q) != 0;
	rule.created_ms = query_int(q);
	rule.updated_ms = query_int(q);
	return rule;
}

static int rule_rows(
	struct query *q, auto_reply_row_fn *row, void *arg, struct err *err)
{
	struct auto_reply rule;
	int rc;

	while ((rc = query_step(q, err)) == 1) {
		rule = rule_from_row(q);
		if (row(&rule, arg) != 0)
			return 0;
	}
	return rc;
}

/* ---- reading ---- */

static int rule_count(
	struct db *db, int64_t device_id, int64_t *n_out, struct err *err)
{
	scoped(query_close) struct query q = query_open(
		db, "SELECT COUNT(*) FROM auto_reply WHERE device_id = ?");

	query_bind_int(&q, device_id);
	if (query_one(&q, "auto-reply rule", err) != 0)
		return -1;
	*n_out = query_int(&q);
	return 0;
}

int store_auto_reply_list(struct store *store, int64_t account_id,
	int64_t device_id, struct page page, auto_reply_row_fn *row, void *arg,
	int64_t *total_out, struct err *err)
{
	scoped(query_close) struct query q = query_open(store_db(store),
		RULE_SELECT " WHERE r.device_id = ? AND r.account_id = ?"
			    " ORDER BY r.position, r.id LIMIT ? OFFSET ?");

	if (rule_count(store_db(store), device_id, total_out, err) != 0)
		return -1;
	query_bind_int(&q, device_id);
	query_bind_int(&q, account_id);
	query_bind_page(&q, page);
	return rule_rows(&q, row, arg, err);
}

int store_auto_reply_enabled(struct store *store, int64_t device_id,
	auto_reply_row_fn *row, void *arg, struct err *err)
{
	scoped(query_close) struct query q = query_open(store_db(store),
		RULE_SELECT " WHERE r.device_id = ? AND r.is_enabled = 1"
			    " ORDER BY r.position, r.id");

	query_bind_int(&q, device_id);
	return rule_rows(&q, row, arg, err);
}

int store_auto_reply_by_public_id(struct store *store, int64_t account_id,
	const char *public_id, auto_reply_row_fn *row, void *arg,
	struct err *err)
{
	scoped(query_close) struct query q = query_open(store_db(store),
		RULE_SELECT " WHERE r.public_id = ? AND r.account_id = ?"
			    " AND d.deleted_ms = 0");
	struct auto_reply rule;

	query_bind_text(&q, public_id);
	query_bind_int(&q, account_id);
	if (query_one(&q, "auto-reply rule", err) != 0)
		return -1;
	rule = rule_from_row(&q);
	row(&rule, arg);
	return 0;
}

/* ---- positions ---- */

static int position_after_last(
	struct tx *tx, int64_t device_id, int *out, struct err *err)
{
	scoped(query_close) struct query q = query_open(tx_db(tx),
		"SELECT COALESCE(MAX(position) + 1, 0) FROM auto_reply"
		" WHERE device_id = ?");

	query_bind_int(&q, device_id);
	if (query_one(&q, "auto-reply rule", err) != 0)
		return -1;
	*out = (int)query_int(&q);
	return 0;
}

/* The first free one at or after @position. */
static int position_free(struct tx *tx, int64_t device_id, int position,
	int *out, struct err *err)
{
	scoped(query_close) struct query q = query_open(tx_db(tx),
		"SELECT position FROM auto_reply"
		" WHERE device_id = ? AND position >= ? ORDER BY position, id");
	int rc;

	*out = position;
	query_bind_int(&q, device_id);
	query_bind_int(&q, position);
	while ((rc = query_step(&q, err)) == 1) {
		const int taken = (int)query_int(&q);

		if (taken > *out)
			return 0;
		*out = taken + 1;
	}
	return rc;
}

/* Those that stand there without a gap move on by one. */
static int position_make_free(
	struct tx *tx, int64_t device_id, int position, struct err *err)
{
	scoped(query_close) struct query q = query_open(tx_db(tx),
		"UPDATE auto_reply SET position = position + 1"
		" WHERE device_id = ? AND position >= ? AND position < ?");
	int free_one;

	if (position_free(tx, device_id, position, &free_one, err) != 0)
		return -1;
	if (free_one == position)
		return 0;
	query_bind_int(&q, device_id);
	query_bind_int(&q, position);
	query_bind_int(&q, free_one);
	return query_run(&q, NULL, err);
}

/* ---- changing ---- */

static int rule_insert(
	struct tx *tx, struct auto_reply *rule, int64_t now_ms, struct err *err)
{
	scoped(query_close) struct query q = query_open(tx_db(tx),
		"INSERT INTO auto_reply (public_id, account_id, device_id,"
		" position, trigger_type, trigger_value, reply_text,"
		" is_enabled, created_ms, updated_ms)"
		" VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?9)");

	rule->created_ms = rule->updated_ms = now_ms;
	query_bind_text(&q, rule->public_id);
	query_bind_int(&q, rule->account_id);
	query_bind_int(&q, rule->device_id);
	query_bind_int(&q, rule->position);
	query_bind_int(&q, rule->trigger);
	query_bind_text(&q, rule->trigger_value);
	query_bind_text(&q, rule->reply_text);
	query_bind_int(&q, rule->is_enabled);
	query_bind_int(&q, now_ms);
	return query_insert(&q, &rule->id, err) < 0 ? -1 : 0;
}

int store_auto_reply_create(
	struct tx *tx, struct auto_reply *rule, int64_t now_ms, struct err *err)
{
	int64_t n;

	if (rule_count(tx_db(tx), rule->device_id, &n, err) != 0)
		return -1;
	if (n >= AUTO_REPLY_MAX)
		return err_set(err, ERR_CONFLICT,
			"the device has %d auto-reply rules: no more are "
			"possible",
			AUTO_REPLY_MAX);
	if (rule->position < 0 && position_after_last(tx, rule->device_id,
					  &rule->position, err) != 0)
		return -1;
	if (position_make_free(tx, rule->device_id, rule->position, err) != 0)
		return -1;
	return rule_insert(tx, rule, now_ms, err);
}

/* Takes it out of its place, which then counts as free, and tells where that
 * was. */
static int rule_lift(struct tx *tx, const struct auto_reply *rule,
	int64_t *device_id_out, int *position_out, struct err *err)
{
	scoped(query_close) struct query q = query_open(tx_db(tx),
		"SELECT device_id, position FROM auto_reply"
		" WHERE public_id = ? AND account_id = ?");
	scoped(query_close) struct query lift = query_open(tx_db(tx),
		"UPDATE auto_reply SET position = -1"
		" WHERE public_id = ? AND account_id = ?");

	query_bind_text(&q, rule->public_id);
	query_bind_int(&q, rule->account_id);
	if (query_one(&q, "auto-reply rule", err) != 0)
		return -1;
	*device_id_out = query_int(&q);
	*position_out = (int)query_int(&q);
	query_bind_text(&lift, rule->public_id);
	query_bind_int(&lift, rule->account_id);
	return query_run(&lift, NULL, err);
}

static int rule_write(struct tx *tx, const struct auto_reply *rule,
	int64_t now_ms, struct err *err)
{
	scoped(query_close) struct query q = query_open(tx_db(tx),
		"UPDATE auto_reply SET position = ?, trigger_type = ?,"
		" trigger_value = ?, reply_text = ?, is_enabled = ?,"
		" updated_ms = ? WHERE public_id = ? AND account_id = ?");

	query_bind_int(&q, rule->position);
	query_bind_int(&q, rule->trigger);
	query_bind_text(&q, rule->trigger_value);
	query_bind_text(&q, rule->reply_text);
	query_bind_int(&q, rule->is_enabled);
	query_bind_int(&q, now_ms);
	query_bind_text(&q, rule->public_id);
	query_bind_int(&q, rule->account_id);
	return query_run(&q, NULL, err);
}

int store_auto_reply_update(struct tx *tx, const struct auto_reply *rule,
	int64_t now_ms, struct err *err)
{
	int64_t device_id;
	int position;

	if (rule_lift(tx, rule, &device_id, &position, err) != 0)
		return -1;
	if (rule->position != position &&
		position_make_free(tx, device_id, rule->position, err) != 0)
		return -1;
	return rule_write(tx, rule, now_ms, err);
}

int store_auto_reply_delete(struct tx *tx, int64_t account_id,
	const char *public_id, struct err *err)
{
	scoped(query_close) struct query q = query_open(tx_db(tx),
		"DELETE FROM auto_reply"
		" WHERE public_id = ? AND account_id = ?");
	int n;

	query_bind_text(&q, public_id);
	query_bind_int(&q, account_id);
	if (query_run(&q, &n, err) != 0)
		return -1;
	return n == 1 ? 0
		      : err_set(err, ERR_NOT_FOUND,
				"auto-reply rule not found");
}

int store_auto_reply_count(struct tx *tx, int64_t device_id, const char *chat,
	int64_t now_ms, int *n_out, struct err *err)
{
	scoped(query_close) struct query q = query_open(tx_db(tx),
		"INSERT INTO auto_reply_chat (device_id, chat, hour, n)"
		" VALUES (?1, ?2, ?3, 1)"
		" ON CONFLICT (device_id, chat) DO UPDATE SET"
		" n = CASE auto_reply_chat.hour WHEN ?3"
		"  THEN auto_reply_chat.n ELSE 0 END + 1, hour = ?3"
		" RETURNING n");

	query_bind_int(&q, device_id);
	query_bind_text(&q, chat);
	query_bind_int(&q, now_ms / HOUR_MS);
	if (query_one(&q, "auto-reply count", err) != 0)
		return -1;
	*n_out = (int)query_int(&q);
	return 0;
}

int store_auto_reply_forget(
	struct tx *tx, int64_t now_ms, int limit, struct err *err)
{
	scoped(query_close) struct query q = query_open(tx_db(tx),
		"DELETE FROM auto_reply_chat WHERE id IN (SELECT id FROM"
		" auto_reply_chat WHERE hour < ? LIMIT ?)");
	int n = 0;

	query_bind_int(&q, now_ms / HOUR_MS);
	query_bind_int(&q, limit);
	return query_run(&q, &n, err) == 0 ? n : -1;
}
