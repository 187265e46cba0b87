/* Recipients follow their messages, the counts follow the recipients, and the
 * list has its order: also against a model that knows no SQL. */
#include "common/store/recipient.h"

#include "tests/unit/campaign_fixture.h"

struct listed {
	struct recipient_row rows[512];
	int n;
	int64_t total;
};

static int list_row(const struct recipient_row *row, void *arg)
{
	struct listed *listed = arg;

	assert_true(listed->n < (int)ARRAY_LEN(listed->rows));
	listed->rows[listed->n++] = *row;
	return 0;
}

static void list(struct fixture *f, int64_t id, enum recipient_status status,
	struct page page, struct listed *out)
{
	out->n = 0;
	assert_int_equal(store_recipient_list(f->store, id, status, page,
				 list_row, out, &out->total, &f->err),
		0);
}

static struct recipient_row of_message(
	struct fixture *f, int64_t id, int64_t recipient_id)
{
	static struct listed listed;

	list(f, id, 0, (struct page){ 0, 512 }, &listed);
	for (int i = 0; i < listed.n; i++) {
		if (listed.rows[i].id == recipient_id)
			return listed.rows[i];
	}
	fail_msg("no such recipient");
	return (struct recipient_row){ 0 };
}

static int in_flight(struct fixture *f, int64_t device_id)
{
	struct device_pace pace;

	assert_int_equal(
		store_pace_get(f->store, device_id, &pace, &f->err), 0);
	return pace.n_in_flight;
}

/* ---- public ids ---- */

static void public_ids_are_version_8_and_differ(void **state)
{
	char a[UUID_LEN], b[UUID_LEN], again[UUID_LEN];

	(void)state;
	recipient_public_id("0195f5c2-0000-7000-8000-000000000001", 0, a);
	recipient_public_id("0195f5c2-0000-7000-8000-000000000001", 1, b);
	recipient_public_id("0195f5c2-0000-7000-8000-000000000001", 0, again);
	assert_true(id_is_uuid(a));
	assert_int_equal(a[14], '8');
	assert_string_not_equal(a, b);
	assert_string_equal(a, again);
}

static void status_names_are_read_back(void **state)
{
	(void)state;
	assert_string_equal(recipient_status_name(RECIPIENT_QUEUED), "PENDING");
	assert_int_equal(recipient_status_parse("PENDING"), RECIPIENT_PENDING);
	assert_int_equal(recipient_status_parse("READ"), RECIPIENT_READ);
	assert_int_equal(recipient_status_parse("QUEUED"), 0);
}

/* ---- one recipient ---- */

static void the_queue_is_walked_lane_by_lane(void **state)
{
	struct fixture *f = *state;
	const int64_t id = add_running(f, "a", 5, 2);
	struct recipient_row row;

	assert_int_equal(store_recipient_next(f->store, id, 1, keep_recipient,
				 &row, &f->err),
		1);
	assert_int_equal(row.position, 1);
	queue_next(f, id, 1);
	store_recipient_next(f->store, id, 1, keep_recipient, &row, &f->err);
	assert_int_equal(row.position, 3);
	queue_next(f, id, 1);
	assert_int_equal(store_recipient_next(f->store, id, 1, keep_recipient,
				 &row, &f->err),
		0);
	assert_int_equal(see(f, id).campaign.counts.queued, 2);
	assert_int_equal(in_flight(f, f->second_device_id), 2);
	assert_int_equal(in_flight(f, f->device_id), 0);
}

static void nobody_is_queued_twice_or_while_the_campaign_is_paused(void **state)
{
	struct fixture *f = *state;
	const int64_t id = add_running(f, "a", 2, 1);
	struct outgoing first = queue_next(f, id, 0);
	struct recipient_row row;
	struct tx *tx = begin(f);
	bool changed;

	hand_over(f, tx, first.message.recipient_id, 0, f->device_id, &changed);
	assert_false(changed);
	store_campaign_pause(tx, id, NULL, NOW_MS, &changed, &f->err);
	assert_true(changed);
	store_recipient_next(f->store, id, 0, keep_recipient, &row, &f->err);
	hand_over(f, tx, row.id, 0, f->device_id, &changed);
	assert_false(changed);
	commit(f, tx);
	assert_int_equal(see(f, id).campaign.counts.queued, 1);
	assert_int_equal(in_flight(f, f->device_id), 1);
}

static void receipts_fill_the_times_and_never_move_back(void **state)
{
	struct fixture *f = *state;
	const int64_t id = add_running(f, "a", 2, 1);
	struct outgoing out = queue_next(f, id, 0);
	struct recipient_row row;

	tell(f, &out, MESSAGE_READ, NOW_MS + 30, NULL);
	row = of_message(f, id, out.message.recipient_id);
	assert_int_equal(row.status, RECIPIENT_READ);
	assert_int_equal(row.sent_ms, NOW_MS + 30);
	tell(f, &out, MESSAGE_SENT, NOW_MS + 10, NULL);
	tell(f, &out, MESSAGE_DELIVERED, NOW_MS + 20, NULL);
	row = of_message(f, id, out.message.recipient_id);
	assert_int_equal(row.status, RECIPIENT_READ);
	assert_int_equal(row.sent_ms, NOW_MS + 10);
	assert_int_equal(row.read_ms, NOW_MS + 30);
	assert_int_equal(see(f, id).campaign.counts.read, 1);
	assert_int_equal(see(f, id).campaign.counts.sent, 0);
	assert_int_equal(in_flight(f, f->device_id), 0);
}

static void telling_the_same_twice_counts_once(void **state)
{
	static const enum message_status steps[] = { MESSAGE_SENT, MESSAGE_SENT,
		MESSAGE_DELIVERED, MESSAGE_DELIVERED, MESSAGE_READ,
		MESSAGE_PLAYED, MESSAGE_READ };
	struct fixture *f = *state;
	const int64_t id = add_running(f, "a", 2, 1);
	struct outgoing out = queue_next(f, id, 0);
	struct campaign_counts counts;

	for (size_t i = 0; i < ARRAY_LEN(steps); i++)
		tell(f, &out, steps[i], NOW_MS + (int64_t)i, NULL);
	counts = see(f, id).campaign.counts;
	assert_int_equal(counts.total, 2);
	assert_int_equal(counts.pending, 1);
	assert_int_equal(counts.read, 1);
	assert_int_equal(
		counts.queued + counts.sent + counts.delivered + counts.failed,
		0);
	assert_int_equal(in_flight(f, f->device_id), 0);
}

static void a_failure_has_its_reason_and_is_sure_or_not(void **state)
{
	static const struct {
		const char *reason;
		bool is_unsure;
	} cases[] = { { "not on WhatsApp", false }, { "expired", true },
		{ "device deleted", true }, { "invalid_content", false } };
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const int64_t id = add_running(f, cases[i].reason, 1, 1);
		struct outgoing out = queue_next(f, id, 0);
		struct recipient_row row;

		tell(f, &out, MESSAGE_FAILED, NOW_MS + 5, cases[i].reason);
		row = of_message(f, id, out.message.recipient_id);
		assert_int_equal(row.status, RECIPIENT_FAILED);
		assert_int_equal(row.is_unsure, cases[i].is_unsure);
		assert_int_equal(row.failed_ms, NOW_MS + 5);
		assert_int_equal(
			see(f, id).campaign.status, CAMPAIGN_COMPLETED);
		assert_int_equal(in_flight(f, f->device_id), 0);
	}
}

static void a_failure_of_a_text_is_a_failure_without_a_message(void **state)
{
	struct fixture *f = *state;
	const int64_t id = add_running(f, "a", 2, 1);
	struct recipient_row row;
	struct tx *tx = begin(f);

	store_recipient_next(f->store, id, 0, keep_recipient, &row, &f->err);
	assert_int_equal(
		store_recipient_fail(tx, row.id, "too long", NOW_MS, &f->err),
		0);
	assert_int_equal(
		store_recipient_fail(tx, row.id, "too long", NOW_MS, &f->err),
		0);
	commit(f, tx);
	assert_int_equal(see(f, id).campaign.counts.failed, 1);
	assert_int_equal(see(f, id).campaign.counts.pending, 1);
	assert_int_equal(see(f, id).campaign.counts.failures_in_a_row, 1);
}

/* ---- the campaign ---- */

static void failures_in_a_row_pause_with_their_number(void **state)
{
	struct fixture *f = *state;
	const int64_t id = add_running(f, "a", 10, 1);
	struct campaign_seen seen;
	struct outgoing out;

	for (int i = 0; i < FAILURE_LIMIT - 1; i++) {
		out = queue_next(f, id, 0);
		tell(f, &out, MESSAGE_FAILED, NOW_MS, "no");
	}
	out = queue_next(f, id, 0);
	tell(f, &out, MESSAGE_SENT, NOW_MS, NULL); /* breaks the row */
	for (int i = 0; i < FAILURE_LIMIT; i++) {
		assert_int_equal(see(f, id).campaign.status, CAMPAIGN_RUNNING);
		out = queue_next(f, id, 0);
		tell(f, &out, MESSAGE_FAILED, NOW_MS, "no");
	}
	seen = see(f, id);
	assert_int_equal(seen.campaign.status, CAMPAIGN_PAUSED);
	assert_string_equal(seen.reason, "3 consecutive failures");
}

static void the_last_one_completes_it_also_while_paused(void **state)
{
	struct fixture *f = *state;
	const int64_t id = add_running(f, "a", 2, 1);
	struct outgoing a = queue_next(f, id, 0), b = queue_next(f, id, 0);
	struct tx *tx;
	bool changed;

	tell(f, &a, MESSAGE_SENT, NOW_MS + 7, NULL);
	assert_int_equal(see(f, id).campaign.status, CAMPAIGN_RUNNING);
	tx = begin(f);
	store_campaign_pause(tx, id, "by hand", NOW_MS, &changed, &f->err);
	commit(f, tx);
	tell(f, &b, MESSAGE_SENT, NOW_MS + 9, NULL);
	assert_int_equal(see(f, id).campaign.status, CAMPAIGN_COMPLETED);
	assert_int_equal(see(f, id).campaign.completed_ms, NOW_MS + 9);
	assert_string_equal(see(f, id).reason, "");
}

/* ---- trying again ---- */

static int64_t retry(struct fixture *f, int64_t id, int limit)
{
	struct tx *tx = begin(f);
	int64_t n;

	assert_int_equal(store_campaign_retry_failed(
				 tx, id, limit, NOW_MS + 100, &n, &f->err),
		0);
	commit(f, tx);
	return n;
}

static void only_the_surely_failed_are_tried_again(void **state)
{
	struct fixture *f = *state;
	const int64_t id = add_running(f, "a", 3, 1);
	struct outgoing sure = queue_next(f, id, 0),
			unsure = queue_next(f, id, 0),
			good = queue_next(f, id, 0);
	struct campaign_seen seen;
	struct recipient_row row;

	tell(f, &sure, MESSAGE_FAILED, NOW_MS, "no");
	tell(f, &unsure, MESSAGE_FAILED, NOW_MS, "expired");
	tell(f, &good, MESSAGE_SENT, NOW_MS, NULL);
	assert_int_equal(see(f, id).campaign.status, CAMPAIGN_COMPLETED);
	assert_int_equal(retry(f, id, 10), 1);
	seen = see(f, id);
	assert_int_equal(seen.campaign.status, CAMPAIGN_RUNNING);
	assert_int_equal(seen.campaign.completed_ms, 0);
	assert_int_equal(seen.campaign.counts.pending, 1);
	assert_int_equal(seen.campaign.counts.failed, 1);
	row = of_message(f, id, sure.message.recipient_id);
	assert_int_equal(row.status, RECIPIENT_PENDING);
	assert_int_equal(row.message_id, 0);
	assert_int_equal(row.failed_ms, 0);
	assert_int_equal(retry(f, id, 10), 0);
}

static void a_late_receipt_of_the_old_message_touches_nobody(void **state)
{
	struct fixture *f = *state;
	const int64_t id = add_running(f, "a", 1, 1);
	struct outgoing old = queue_next(f, id, 0), fresh;
	struct recipient_row row;

	tell(f, &old, MESSAGE_FAILED, NOW_MS, "no");
	retry(f, id, 10);
	fresh = queue_next(f, id, 0);
	assert_int_equal(fresh.message.recipient_id, old.message.recipient_id);
	tell(f, &old, MESSAGE_READ, NOW_MS + 2, NULL);
	row = of_message(f, id, old.message.recipient_id);
	assert_int_equal(row.status, RECIPIENT_QUEUED);
	assert_int_equal(row.n_attempts, 2);
	assert_int_equal(in_flight(f, f->device_id), 1);
}

/* The receipt comes between the retry and the second message. */
static void who_turns_out_to_have_it_is_taken_out_of_the_queue(void **state)
{
	struct fixture *f = *state;
	const int64_t id = add_running(f, "a", 2, 1);
	struct outgoing first = queue_next(f, id, 0),
			second = queue_next(f, id, 0);
	struct campaign_counts counts;
	struct recipient_row row;

	tell(f, &first, MESSAGE_FAILED, NOW_MS, "no");
	tell(f, &second, MESSAGE_FAILED, NOW_MS, "no");
	assert_int_equal(retry(f, id, 10), 2);
	tell(f, &first, MESSAGE_SENT, NOW_MS + 1, NULL);
	assert_int_equal(see(f, id).campaign.counts.pending, 1);
	tell(f, &first, MESSAGE_DELIVERED, NOW_MS + 1, NULL);
	row = of_message(f, id, first.message.recipient_id);
	assert_int_equal(row.status, RECIPIENT_FAILED);
	assert_int_equal(row.message_id, first.message.id);
	assert_int_equal(row.failed_ms, NOW_MS);
	assert_true(row.is_unsure);
	tell(f, &first, MESSAGE_READ, NOW_MS + 2, NULL);
	counts = see(f, id).campaign.counts;
	assert_int_equal(counts.pending, 1);
	assert_int_equal(counts.failed, 1);
	assert_int_equal(counts.failures_in_a_row, 0);
	assert_int_equal(see(f, id).campaign.status, CAMPAIGN_RUNNING);
	tell(f, &second, MESSAGE_DELIVERED, NOW_MS + 3, NULL);
	assert_int_equal(see(f, id).campaign.status, CAMPAIGN_COMPLETED);
	assert_int_equal(in_flight(f, f->device_id), 0);
	assert_int_equal(retry(f, id, 10), 0);
}

static void who_has_it_after_all_is_never_tried_again(void **state)
{
	struct fixture *f = *state;
	const int64_t id = add_running(f, "a", 1, 1);
	struct outgoing out = queue_next(f, id, 0);

	tell(f, &out, MESSAGE_FAILED, NOW_MS, "no");
	assert_false(of_message(f, id, out.message.recipient_id).is_unsure);
	tell(f, &out, MESSAGE_DELIVERED, NOW_MS + 1, NULL);
	assert_true(of_message(f, id, out.message.recipient_id).is_unsure);
	assert_int_equal(see(f, id).campaign.counts.failed, 1);
	assert_int_equal(retry(f, id, 10), 0);
}

static void a_retry_in_slices_runs_again_with_the_last(void **state)
{
	struct fixture *f = *state;
	const int64_t id = add_running(f, "a", 4, 1);

	for (int i = 0; i < 4; i++) {
		struct outgoing out;
		struct tx *tx = begin(f);
		bool changed;

		store_campaign_resume(tx, id, NOW_MS, &changed, &f->err);
		commit(f, tx);
		out = queue_next(f, id, 0);
		tell(f, &out, MESSAGE_FAILED, NOW_MS, "no");
	}
	assert_int_equal(retry(f, id, 2), 2);
	assert_int_equal(see(f, id).campaign.status, CAMPAIGN_COMPLETED);
	assert_int_equal(retry(f, id, 2), 2);
	assert_int_equal(see(f, id).campaign.status, CAMPAIGN_RUNNING);
	assert_int_equal(see(f, id).campaign.counts.pending, 4);
	assert_int_equal(see(f, id).campaign.counts.failures_in_a_row, 0);
}

/* What the last slice would have taken is there after all. */
static void a_retry_whose_last_slice_is_empty_runs_again_too(void **state)
{
	struct fixture *f = *state;
	const int64_t id = add_running(f, "a", 2, 1);
	struct outgoing first = queue_next(f, id, 0),
			second = queue_next(f, id, 0);

	tell(f, &first, MESSAGE_FAILED, NOW_MS, "no");
	tell(f, &second, MESSAGE_FAILED, NOW_MS, "no");
	assert_int_equal(retry(f, id, 1), 1);
	tell(f, &second, MESSAGE_DELIVERED, NOW_MS + 1, NULL);
	assert_int_equal(retry(f, id, 1), 0);
	assert_int_equal(see(f, id).campaign.counts.pending, 1);
	assert_int_equal(see(f, id).campaign.status, CAMPAIGN_RUNNING);
}

static void a_retry_of_nobody_does_not_resume(void **state)
{
	struct fixture *f = *state;
	const int64_t id = add_running(f, "a", 2, 1);
	struct tx *tx = begin(f);
	bool changed;

	store_campaign_pause(tx, id, "x", NOW_MS, &changed, &f->err);
	commit(f, tx);
	assert_int_equal(retry(f, id, 10), 0);
	assert_int_equal(see(f, id).campaign.status, CAMPAIGN_PAUSED);
}

/* ---- devices that are gone ---- */

static void a_deleted_device_fails_its_recipients_unsurely(void **state)
{
	struct fixture *f = *state;
	const int64_t id = add_running(f, "a", 4, 2);
	struct outgoing gone = queue_next(f, id, 0),
			stays = queue_next(f, id, 1);
	struct recipient_row row;
	struct tx *tx = begin(f);

	assert_int_equal(
		store_device_delete(tx, f->device_id, NOW_MS + 3, &f->err), 0);
	commit(f, tx);
	row = of_message(f, id, gone.message.recipient_id);
	assert_int_equal(row.status, RECIPIENT_FAILED);
	assert_true(row.is_unsure);
	assert_int_equal(row.failed_ms, NOW_MS + 3);
	row = of_message(f, id, stays.message.recipient_id);
	assert_int_equal(row.status, RECIPIENT_QUEUED);
	assert_int_equal(in_flight(f, f->device_id), 0);
	assert_int_equal(see(f, id).campaign.counts.failed, 1);
	assert_int_equal(retry(f, id, 10), 0);
}

static int keep_status(const struct message *message, void *arg)
{
	*(enum message_status *)arg = message->status;
	return 0;
}

static enum message_status status_of(
	struct fixture *f, const struct outgoing *out)
{
	enum message_status status = 0;

	assert_int_equal(store_message_by_id(f->store, out->message.id,
				 keep_status, &status, &f->err),
		0);
	return status;
}

static void an_abandoned_device_keeps_its_other_messages(void **state)
{
	struct fixture *f = *state;
	const int64_t id = add_running(f, "a", 2, 1);
	struct outgoing direct = put_out(f, f->device_id),
			ours = queue_next(f, id, 0);
	struct tx *tx = begin(f);

	assert_int_equal(store_recipient_abandon(tx, f->device_id, "logged out",
				 NOW_MS, &f->err),
		0);
	commit(f, tx);
	assert_int_equal(status_of(f, &direct), MESSAGE_QUEUED);
	assert_int_equal(status_of(f, &ours), MESSAGE_FAILED);
	assert_true(of_message(f, id, ours.message.recipient_id).is_unsure);
	assert_int_equal(see(f, id).campaign.counts.failed, 1);
	tell(f, &ours, MESSAGE_SENT, NOW_MS, NULL);
	assert_int_equal(see(f, id).campaign.counts.sent, 0);
	assert_true(of_message(f, id, ours.message.recipient_id).is_unsure);
}

static void a_lost_device_does_not_pause_the_others(void **state)
{
	struct fixture *f = *state;
	const int64_t id = add_running(f, "a", 10, 2);
	struct tx *tx;

	for (int i = 0; i < 4; i++)
		queue_next(f, id, 0);
	tx = begin(f);
	assert_int_equal(store_recipient_abandon(tx, f->device_id, "logged out",
				 NOW_MS, &f->err),
		0);
	commit(f, tx);
	assert_int_equal(see(f, id).campaign.counts.failed, 4);
	assert_int_equal(see(f, id).campaign.status, CAMPAIGN_RUNNING);
}

/* ---- random sequences against a model ---- */

#define MODEL_SIZE 40
#define MODEL_STEPS 600

struct modelled {
	enum recipient_status status;
	bool is_unsure;
	int64_t sent_ms, delivered_ms, read_ms, failed_ms;
	struct outgoing message;
	int64_t id;
};
struct model {
	struct modelled all[MODEL_SIZE];
	unsigned seed;
};

static unsigned roll(struct model *model, unsigned n)
{
	model->seed = model->seed * 1103515245u + 12345u;
	return (model->seed >> 16) % n;
}

static void model_times(struct modelled *m, enum message_status status,
	int64_t at_ms, bool moved)
{
	int64_t *fields[2] = { NULL, NULL };

	if (status == MESSAGE_SENT)
		fields[0] = &m->sent_ms;
	if (status == MESSAGE_DELIVERED || status == MESSAGE_READ)
		fields[0] = &m->delivered_ms;
	if (status == MESSAGE_READ)
		fields[1] = &m->read_ms;
	if (status == MESSAGE_FAILED && moved)
		fields[0] = &m->failed_ms;
	for (int i = 0; i < 2; i++) {
		if (fields[i] != NULL && *fields[i] == 0)
			*fields[i] = at_ms;
	}
}

static void model_tell(struct fixture *f, struct model *model, int i)
{
	static const struct {
		enum message_status told;
		enum recipient_status becomes;
	} steps[] = { { MESSAGE_SENT, RECIPIENT_SENT },
		{ MESSAGE_DELIVERED, RECIPIENT_DELIVERED },
		{ MESSAGE_READ, RECIPIENT_READ },
		{ MESSAGE_FAILED, RECIPIENT_FAILED } };
	struct modelled *m = &model->all[i];
	const unsigned step = roll(model, 4);
	const bool unsure = roll(model, 2);
	const int64_t at_ms = NOW_MS + roll(model, 1000);
	const enum recipient_status to = steps[step].becomes;
	bool moves;

	if (m->status == RECIPIENT_PENDING)
		return;
	moves = to == RECIPIENT_FAILED ? m->status == RECIPIENT_QUEUED ||
						 m->status == RECIPIENT_SENT
				       : m->status < to;
	tell(f, &m->message, steps[step].told, at_ms,
		unsure ? "expired" : "no");
	model_times(m, steps[step].told, at_ms, moves);
	if (moves && to == RECIPIENT_FAILED)
		m->is_unsure = unsure;
	if (moves)
		m->status = to;
	if (m->status == RECIPIENT_FAILED &&
		(m->sent_ms != 0 || m->delivered_ms != 0))
		m->is_unsure = true;
}

static void model_queue(struct fixture *f, struct model *model, int64_t id)
{
	struct recipient_row row;
	struct modelled *m;

	if (store_recipient_next(
		    f->store, id, 0, keep_recipient, &row, &f->err) != 1)
		return;
	m = &model->all[row.position];
	assert_int_equal(m->status, RECIPIENT_PENDING);
	for (int i = 0; i < row.position; i++)
		assert_int_not_equal(model->all[i].status, RECIPIENT_PENDING);
	m->id = row.id;
	m->status = RECIPIENT_QUEUED;
	m->message = queue_next(f, id, 0);
}

static void model_retry(struct fixture *f, struct model *model, int64_t id)
{
	int64_t n = 0;

	for (int i = 0; i < MODEL_SIZE; i++) {
		struct modelled *m = &model->all[i];

		if (m->status != RECIPIENT_FAILED || m->is_unsure)
			continue;
		*m = (struct modelled){ .status = RECIPIENT_PENDING,
			.id = m->id };
		n++;
	}
	assert_int_equal(retry(f, id, 1000), n);
}

static int64_t shown_sent(const struct modelled *m)
{
	if (m->sent_ms != 0)
		return m->sent_ms;
	return m->delivered_ms != 0 ? m->delivered_ms : m->read_ms;
}

static int section_of(enum recipient_status status)
{
	return status <= RECIPIENT_QUEUED ? 0
	       : status <= RECIPIENT_READ ? 1
					  : 2;
}

static int64_t key_of(const struct model *model, int position)
{
	const struct modelled *m = &model->all[position];

	switch (section_of(m->status)) {
	case 0:
		return position;
	case 1:
		return shown_sent(m);
	default:
		return m->failed_ms;
	}
}

static bool is_before(const struct model *model, int a, int b)
{
	const int sa = section_of(model->all[a].status);
	const int sb = section_of(model->all[b].status);
	const int64_t ka = key_of(model, a), kb = key_of(model, b);

	if (sa != sb)
		return sa < sb;
	return ka != kb ? ka < kb : a < b;
}

static void model_order(const struct model *model, int out[MODEL_SIZE])
{
	for (int i = 0; i < MODEL_SIZE; i++) {
		int at = i;

		for (; at > 0 && is_before(model, i, out[at - 1]); at--)
			out[at] = out[at - 1];
		out[at] = i;
	}
}

static void counts_agree(
	struct fixture *f, const struct model *model, int64_t id)
{
	const struct campaign_counts counts = see(f, id).campaign.counts;
	int64_t n[7] = { 0 };

	for (int i = 0; i < MODEL_SIZE; i++)
		n[model->all[i].status]++;
	assert_int_equal(counts.total, MODEL_SIZE);
	assert_int_equal(counts.pending, n[RECIPIENT_PENDING]);
	assert_int_equal(counts.queued, n[RECIPIENT_QUEUED]);
	assert_int_equal(counts.sent, n[RECIPIENT_SENT]);
	assert_int_equal(counts.delivered, n[RECIPIENT_DELIVERED]);
	assert_int_equal(counts.read, n[RECIPIENT_READ]);
	assert_int_equal(counts.failed, n[RECIPIENT_FAILED]);
	assert_int_equal(in_flight(f, f->device_id), n[RECIPIENT_QUEUED]);
}

static void lists_agree(
	struct fixture *f, const struct model *model, int64_t id)
{
	static struct listed listed;
	int order[MODEL_SIZE];

	model_order(model, order);
	for (int limit = 7, at = 0; at < MODEL_SIZE + limit; at += limit) {
		const int left = MODEL_SIZE - at;

		list(f, id, 0, (struct page){ at, limit }, &listed);
		assert_int_equal(listed.total, MODEL_SIZE);
		assert_int_equal(listed.n, left < 0	  ? 0
					   : left < limit ? left
							  : limit);
		for (int i = 0; i < listed.n; i++) {
			const struct recipient_row *row = &listed.rows[i];
			const struct modelled *m = &model->all[order[at + i]];

			assert_int_equal(row->position, order[at + i]);
			assert_int_equal(row->status, m->status);
			assert_int_equal(row->sent_ms, shown_sent(m));
			assert_int_equal(row->delivered_ms, m->delivered_ms);
			assert_int_equal(row->read_ms, m->read_ms);
			assert_int_equal(row->failed_ms, m->failed_ms);
		}
	}
}

static void filters_agree(
	struct fixture *f, const struct model *model, int64_t id)
{
	static struct listed listed;

	for (int status = RECIPIENT_PENDING; status <= RECIPIENT_FAILED;
		status++) {
		int order[MODEL_SIZE], at = 0;

		if (status == RECIPIENT_QUEUED)
			continue;
		model_order(model, order);
		list(f, id, (enum recipient_status)status,
			(struct page){ 0, 100 }, &listed);
		for (int i = 0; i < MODEL_SIZE; i++) {
			enum recipient_status is = model->all[order[i]].status;

			if (is == RECIPIENT_QUEUED)
				is = RECIPIENT_PENDING;
			if ((int)is != status)
				continue;
			assert_true(at < listed.n);
			assert_int_equal(listed.rows[at++].position, order[i]);
		}
		assert_int_equal(at, listed.n);
		assert_int_equal(listed.total, at);
	}
}

static void keep_running(struct fixture *f, int64_t id)
{
	struct tx *tx = begin(f);
	bool changed;

	assert_int_equal(
		store_campaign_resume(tx, id, NOW_MS, &changed, &f->err), 0);
	commit(f, tx);
}

static void counts_and_order_agree_with_a_model_after_any_sequence(void **state)
{
	struct fixture *f = *state;
	const int64_t id = add_running(f, "a", MODEL_SIZE, 1);
	struct model model = { .seed = 42 };

	for (int i = 0; i < MODEL_SIZE; i++)
		model.all[i].status = RECIPIENT_PENDING;
	for (int step = 0; step < MODEL_STEPS; step++) {
		const unsigned what = roll(&model, 12);

		keep_running(f, id);
		if (what < 3 && see(f, id).campaign.status == CAMPAIGN_RUNNING)
			model_queue(f, &model, id);
		else if (what == 3)
			model_retry(f, &model, id);
		else
			model_tell(f, &model, (int)roll(&model, MODEL_SIZE));
		if (step % 20 != 0)
			continue;
		counts_agree(f, &model, id);
		lists_agree(f, &model, id);
		filters_agree(f, &model, id);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(public_ids_are_version_8_and_differ),
		cmocka_unit_test(status_names_are_read_back),
		STORE_TEST(the_queue_is_walked_lane_by_lane),
		STORE_TEST(
			nobody_is_queued_twice_or_while_the_campaign_is_paused),
		STORE_TEST(receipts_fill_the_times_and_never_move_back),
		STORE_TEST(telling_the_same_twice_counts_once),
		STORE_TEST(a_failure_has_its_reason_and_is_sure_or_not),
		STORE_TEST(a_failure_of_a_text_is_a_failure_without_a_message),
		STORE_TEST(failures_in_a_row_pause_with_their_number),
		STORE_TEST(the_last_one_completes_it_also_while_paused),
		STORE_TEST(only_the_surely_failed_are_tried_again),
		STORE_TEST(a_late_receipt_of_the_old_message_touches_nobody),
		STORE_TEST(who_turns_out_to_have_it_is_taken_out_of_the_queue),
		STORE_TEST(who_has_it_after_all_is_never_tried_again),
		STORE_TEST(a_retry_in_slices_runs_again_with_the_last),
		STORE_TEST(a_retry_whose_last_slice_is_empty_runs_again_too),
		STORE_TEST(a_retry_of_nobody_does_not_resume),
		STORE_TEST(a_deleted_device_fails_its_recipients_unsurely),
		STORE_TEST(an_abandoned_device_keeps_its_other_messages),
		STORE_TEST(a_lost_device_does_not_pause_the_others),
		STORE_TEST(
			counts_and_order_agree_with_a_model_after_any_sequence),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
