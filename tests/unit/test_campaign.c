/* Campaigns as they are asked for: who is reached, what is refused with which
 * words, what is written, and what somebody is sent. */
#include "common/campaign.h"

#include "common/buf.h"
#include "common/store/addressbook.h"
#include "tests/unit/campaign_fixture.h"
#include "tests/unit/safety_config.h"

#define HOUR_MS INT64_C(3600000)

struct asked {
	struct campaign_request request;
	const char *uids[2];
	json_t *groups, *tags, *phones; /* owned */
};

static struct config with_limits(void)
{
	struct config config = safety_config();

	config.safety.variant_recipients = 8;
	config.safety.failures_before_pause = 3;
	config.safety.campaign_delay_min_sec = 18;
	config.safety.campaign_delay_max_sec = 50;
	config.campaign.max_recipients = 500;
	config.campaign.in_flight = 1;
	return config;
}

static struct asked *ask(struct fixture *f)
{
	struct asked *asked = xcalloc(1, sizeof(*asked));

	asked->groups = json_array();
	asked->tags = json_array();
	asked->phones = json_array();
	asked->uids[0] = f->uid;
	asked->uids[1] = f->second_uid;
	asked->request = (struct campaign_request){ .account_id = f->account_id,
		.name = "Summer Sale",
		.device_uids = asked->uids,
		.n_devices = 1,
		.kind = MESSAGE_TEXT,
		.text = "Hi {name}!",
		.group_ids = asked->groups,
		.tag_ids = asked->tags,
		.phones = asked->phones };
	return asked;
}

static void asked_free(struct asked **askedp)
{
	struct asked *asked = move(*askedp);

	json_decref(asked->groups);
	json_decref(asked->tags);
	json_decref(asked->phones);
	free(asked);
}

static void add_phones(struct asked *asked, int n)
{
	char phone[20];

	for (int i = 0; i < n; i++) {
		snprintf(phone, sizeof(phone), "+1555%07d", i);
		json_array_append_new(asked->phones, json_string(phone));
	}
}

static int check(struct fixture *f, const struct asked *asked,
	struct campaign_quote *quote)
{
	struct config config = with_limits();

	f->err = ERR_NONE;
	return campaign_check(
		f->store, &config, &asked->request, NOW_MS, quote, &f->err);
}

static int64_t prepare(struct fixture *f, const struct asked *asked)
{
	struct config config = with_limits();
	struct campaign_quote quote;
	struct plan_refusal refusal;
	struct tx *tx;
	int64_t id = 0;

	assert_int_equal(campaign_prepare(f->store, &config, &asked->request,
				 NOW_MS, &quote, &id, &f->err),
		0);
	tx = begin(f);
	assert_int_equal(campaign_release(tx, &config, &asked->request, id,
				 NOW_MS, &refusal, &f->err),
		0);
	commit(f, tx);
	if (asked->request.recurrence == NULL)
		assert_int_equal(
			quote.n_recipients, see(f, id).campaign.counts.total);
	return id;
}

/* ---- an address book ---- */

static int64_t add_contact(
	struct fixture *f, const char *phone, const char *name)
{
	struct book_entry entry = { .account_id = f->account_id,
		.phone = phone,
		.name = name,
		.fields = "{\"city\":\"Bath\"}" };
	struct tx *tx = begin(f);
	char public_id[UUID_LEN];
	int64_t id;

	assert_int_equal(
		store_book_create(tx, &entry, NOW_MS, &id, public_id, &f->err),
		0);
	commit(f, tx);
	return id;
}

static void add_segment(struct fixture *f, json_t *ids, enum segment_kind kind,
	const char *name, const int64_t *contacts, int n)
{
	char uuid[UUID_LEN];
	struct segment segment = { .public_id = uuid,
		.account_id = f->account_id,
		.kind = kind,
		.name = name,
		.color = "#6366f1" };
	struct tx *tx = begin(f);
	bool changed;

	id_uuid7(uuid);
	assert_int_equal(
		store_segment_create(tx, &segment, NOW_MS, &f->err), 0);
	for (int i = 0; i < n; i++)
		assert_int_equal(store_segment_add(tx, segment.id, contacts[i],
					 &changed, &f->err),
			0);
	commit(f, tx);
	json_array_append_new(ids, json_string(uuid));
}

struct reached {
	char phones[600][20], names[600][20];
	int64_t ids[600];
	int lanes[600], n;
};

static int see_recipient(const struct recipient_row *row, void *arg)
{
	struct reached *reached = arg;
	const int i = reached->n++;

	assert_int_equal(row->position, i);
	snprintf(reached->phones[i], 20, "%s", row->phone);
	snprintf(reached->names[i], 20, "%s", row->name ? row->name : "-");
	reached->ids[i] = row->contact_id;
	reached->lanes[i] = row->lane;
	return 0;
}

static void reach(struct fixture *f, int64_t id, struct reached *out)
{
	int64_t total;

	out->n = 0;
	assert_int_equal(
		store_recipient_list(f->store, id, 0, (struct page){ 0, 600 },
			see_recipient, out, &total, &f->err),
		0);
	assert_int_equal(out->n, total);
}

/* ---- who ---- */

static void everybody_is_reached_once(void **state)
{
	static const char *const phones[] = { "+15550000003", "15550000009",
		"+15550000009", "+15550000004", "15550000001" };
	struct fixture *f = *state;
	scoped(asked_free) struct asked *asked = ask(f);
	const int64_t a = add_contact(f, "15550000001", "Ada"),
		      b = add_contact(f, "15550000002", "Bob"),
		      c = add_contact(f, "15550000003", "Cid"),
		      d = add_contact(f, "15550000004", "Dan");
	static struct reached reached;
	static const char *const wanted[][2] = { { "15550000001", "Ada" },
		{ "15550000002", "Bob" }, { "15550000003", "Cid" },
		{ "15550000004", "Dan" }, { "15550000009", "-" } };
	int64_t id;

	add_segment(
		f, asked->groups, SEGMENT_GROUP, "VIP", (int64_t[]){ a, b }, 2);
	add_segment(
		f, asked->tags, SEGMENT_TAG, "Leads", (int64_t[]){ b, c }, 2);
	json_array_append(asked->groups, json_array_get(asked->groups, 0));
	for (size_t i = 0; i < ARRAY_LEN(phones); i++)
		json_array_append_new(asked->phones, json_string(phones[i]));
	id = prepare(f, asked);
	reach(f, id, &reached);
	assert_int_equal(reached.n, ARRAY_LEN(wanted));
	for (size_t i = 0; i < ARRAY_LEN(wanted); i++) {
		assert_string_equal(reached.phones[i], wanted[i][0]);
		assert_string_equal(reached.names[i], wanted[i][1]);
	}
	assert_int_equal(reached.ids[3], d);
	assert_int_equal(reached.ids[4], 0);
}

/* Random memberships: the merge of many segments against a plain count. */
static void many_segments_are_merged_without_doubles_or_gaps(void **state)
{
	struct fixture *f = *state;
	scoped(asked_free) struct asked *asked = ask(f);
	int64_t contacts[120];
	bool is_in[120] = { false };
	static struct reached reached;
	char phone[20], name[20];
	unsigned seed = 7;
	int n = 0;

	for (int i = 0; i < 120; i++) {
		snprintf(phone, sizeof(phone), "1556%07d", i);
		contacts[i] = add_contact(f, phone, "x");
	}
	for (int s = 0; s < 40; s++) {
		int64_t members[120];
		int k = 0;

		for (int i = 0; i < 120; i++) {
			seed = seed * 1103515245u + 12345u;
			if ((seed >> 16) % 50 != 0)
				continue;
			members[k++] = contacts[i];
			is_in[i] = true;
		}
		snprintf(name, sizeof(name), "s%d", s);
		add_segment(f, s % 2 ? asked->tags : asked->groups,
			s % 2 ? SEGMENT_TAG : SEGMENT_GROUP, name, members, k);
	}
	asked->request.text = "{a|b|c|d}{e|f|g|h}";
	reach(f, prepare(f, asked), &reached);
	for (int i = 0; i < 120; i++) {
		if (!is_in[i])
			continue;
		assert_true(n < reached.n);
		assert_int_equal(reached.ids[n++], contacts[i]);
	}
	assert_int_equal(n, reached.n);
}

static void more_than_one_chunk_goes_round_the_lanes(void **state)
{
	struct fixture *f = *state;
	scoped(asked_free) struct asked *asked = ask(f);
	static struct reached reached;

	asked->request.n_devices = 2;
	asked->request.text = "{a|b|c|d|e|f|g|h}{a|b|c|d|e|f|g|h}";
	add_phones(asked, 499);
	reach(f, prepare(f, asked), &reached);
	assert_int_equal(reached.n, 499);
	for (int i = 0; i < reached.n; i++)
		assert_int_equal(reached.lanes[i], i % 2);
}

/* ---- variants ---- */

static void too_few_variants_are_refused_with_the_documented_words(void **state)
{
	struct fixture *f = *state;
	scoped(asked_free) struct asked *asked = ask(f);
	struct campaign_quote quote;

	add_phones(asked, 80);
	asked->request.text = "{Hello|Hi|Hey} {name}";
	assert_int_equal(check(f, asked, &quote), -1);
	assert_int_equal(f->err.code, ERR_INVALID);
	assert_string_equal(f->err.msg,
		"Account safety: this campaign has 80 recipients but only 3 "
		"unique message variant(s). Provide at least 10 variants (one "
		"per every 8 recipients) using spintax like {Hello|Hi|Hey} or "
		"separate message options in your template.");
}

static void variants_are_needed_one_for_every_eight(void **state)
{
	static const struct {
		int n;
		const char *text, *spintax_template;
		int rc;
		int64_t needed;
	} cases[] = {
		{ 1, "Hi", NULL, 0, 1 },
		{ 8, "Hi", NULL, 0, 1 },
		{ 9, "Hi", NULL, -1, 2 },
		{ 9, "{Hi|Ho}", NULL, 0, 2 },
		{ 9, "{Hi|Hi}", NULL, -1, 2 },
		{ 16, "{Hi|Ho}", NULL, 0, 2 },
		{ 17, "{Hi|Ho}", NULL, -1, 3 },
		{ 17, "Hi", "{a|b|c}", 0, 3 },
		{ 17, "{a|b|c}", "Hi", -1, 3 },
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		scoped(asked_free) struct asked *asked = ask(f);
		struct campaign_quote quote;

		add_phones(asked, cases[i].n);
		asked->request.text = cases[i].text;
		asked->request.spintax_template = cases[i].spintax_template;
		assert_int_equal(check(f, asked, &quote), cases[i].rc);
		assert_int_equal(quote.n_needed, cases[i].needed);
		assert_int_equal(quote.n_recipients, cases[i].n);
	}
}

/* ---- what is refused ---- */

static void refused(struct fixture *f, const struct asked *asked,
	enum err_code code, const char *words)
{
	struct campaign_quote quote;

	assert_int_equal(check(f, asked, &quote), -1);
	assert_int_equal(f->err.code, code);
	if (strstr(f->err.msg, words) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", f->err.msg, words);
}

static void a_device_that_is_not_connected_is_named(void **state)
{
	struct fixture *f = *state;
	scoped(asked_free) struct asked *asked = ask(f);
	struct device_state off = { .status = DEVICE_DISCONNECTED };
	struct tx *tx = begin(f);

	store_device_set_state(tx, f->second_device_id, &off, &f->err);
	commit(f, tx);
	add_phones(asked, 1);
	asked->request.n_devices = 2;
	refused(f, asked, ERR_INVALID, "disconnected accounts: Front desk");
	refused(f, asked, ERR_INVALID, "DISCONNECTED");
	asked->uids[1] = "dev_nosuch00";
	refused(f, asked, ERR_INVALID, "there is no device dev_nosuch00");
	asked->request.account_id = f->other_account_id;
	refused(f, asked, ERR_INVALID, "there is no device");
}

static void an_audience_of_nobody_or_too_many_is_refused(void **state)
{
	struct fixture *f = *state;
	scoped(asked_free) struct asked *asked = ask(f);

	refused(f, asked, ERR_INVALID, "at least one of");
	add_segment(f, asked->groups, SEGMENT_GROUP, "empty", NULL, 0);
	refused(f, asked, ERR_INVALID, "audience is empty");
	add_phones(asked, 501);
	refused(f, asked, ERR_INVALID, "at most 500");
	json_array_append_new(asked->tags,
		json_string("0195f5c2-0000-7000-8000-000000000001"));
	refused(f, asked, ERR_INVALID, "tagIds: there is no tag");
}

static void a_group_is_no_tag_and_not_another_accounts(void **state)
{
	struct fixture *f = *state;
	scoped(asked_free) struct asked *asked = ask(f);
	const int64_t a = add_contact(f, "15550000001", "Ada");

	add_segment(f, asked->groups, SEGMENT_GROUP, "VIP", &a, 1);
	asked->request.tag_ids = asked->groups;
	asked->request.group_ids = NULL;
	refused(f, asked, ERR_INVALID, "tagIds: there is no tag");
}

static void what_is_sent_is_checked(void **state)
{
	struct fixture *f = *state;
	scoped(asked_free) struct asked *asked = ask(f);

	add_phones(asked, 1);
	asked->request.text = NULL;
	refused(f, asked, ERR_INVALID, "text is required");
	asked->request.text = "Hi {a|b";
	refused(f, asked, ERR_INVALID, "text: ");
	asked->request.text = "Hi";
	asked->request.spintax_template = "{";
	refused(f, asked, ERR_INVALID, "spintaxTemplate: ");
	asked->request.spintax_template = NULL;
	asked->request.media_id = 1;
	refused(f, asked, ERR_INVALID, "has no mediaId");
	asked->request.media_id = 0;
	asked->request.kind = MESSAGE_IMAGE;
	refused(f, asked, ERR_INVALID, "mediaId is required");
}

static void the_past_is_refused_and_a_name_is_one_campaigns(void **state)
{
	struct fixture *f = *state;
	scoped(asked_free) struct asked *asked = ask(f);
	struct config config = with_limits();
	struct plan_refusal refusal;
	struct tx *tx;

	add_phones(asked, 1);
	asked->request.scheduled_ms = NOW_MS;
	refused(f, asked, ERR_INVALID, "scheduledAt must be in the future");
	asked->request.scheduled_ms = NOW_MS + HOUR_MS;
	prepare(f, asked);
	refused(f, asked, ERR_CONFLICT, "this name");
	/* The same is asked again in the last moment. */
	tx = begin(f);
	assert_int_equal(campaign_release(tx, &config, &asked->request, 99,
				 NOW_MS, &refusal, &f->err),
		-1);
	assert_int_equal(f->err.code, ERR_CONFLICT);
	tx_end(&tx);
}

static void runs_that_would_end_before_the_first_are_refused(void **state)
{
	static const struct {
		const char *end;
		int64_t scheduled_ms;
		bool is_refused;
	} table[] = {
		{ "2020-01-01T00:00:00Z", 0, true },
		{ "2026-05-23T13:00:00Z", NOW_MS + HOUR_MS, true },
		{ "2099-01-01T00:00:00Z", 0, false },
		{ "2099-01-01T00:00:00Z", NOW_MS + HOUR_MS, false },
	};
	struct fixture *f = *state;
	scoped(asked_free) struct asked *asked = ask(f);
	struct campaign_quote quote;

	add_phones(asked, 1);
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		json_t *rule = json_pack("{s:s, s:s}", "frequency", "DAILY",
			"endAt", table[i].end);

		asked->request.recurrence = rule;
		asked->request.scheduled_ms = table[i].scheduled_ms;
		if (table[i].is_refused)
			refused(f, asked, ERR_INVALID,
				"recurrence.endAt is before the first run");
		else
			assert_int_equal(check(f, asked, &quote), 0);
		json_decref(rule);
	}
}

/* ---- texts ---- */

static void text_is(struct fixture *f, const char *text,
	const struct recipient_row *to, enum message_kind kind,
	const char *wanted)
{
	scoped(buf_fini) struct buf out = BUF_INIT;
	const struct campaign campaign = { .kind = kind, .text = text };

	assert_int_equal(
		campaign_text(f->store, &campaign, to, &out, &f->err), 0);
	assert_string_equal(buf_cstr(&out), wanted);
}

static void a_text_is_filled_in_for_each(void **state)
{
	struct fixture *f = *state;
	const int64_t id = add_contact(f, "15550000001", "Ada");
	const struct recipient_row ada = {
		.contact_id = id, .phone = "15550000001", .name = "Ada"
	};
	const struct recipient_row stranger = { .phone = "15550000009" };

	text_is(f, "Hi {name} of {city}: {phone}", &ada, MESSAGE_TEXT,
		"Hi Ada of Bath: +15550000001");
	text_is(f, "Hi {name}! {phone} {city}", &stranger, MESSAGE_IMAGE,
		"Hi! +15550000009");
	text_is(f, "Hi {name}!", &ada, MESSAGE_VOICE, "");
}

/* ---- recurring ones ---- */

/* As schedulerd does, and as after a restart between any two chunks. */
static void build(struct fixture *f, int64_t id)
{
	bool done = false;

	for (int i = 0; i < 10 && !done; i++) {
		scoped(campaign_making_free) struct campaign_making *making =
			NULL;

		assert_int_equal(
			campaign_take_up(f->store, id, &making, &f->err), 0);
		assert_int_equal(
			campaign_step(f->store, making, &done, &f->err), 0);
	}
	assert_true(done);
}

static void a_run_is_a_child_with_the_audience_as_it_is_then(void **state)
{
	struct fixture *f = *state;
	scoped(asked_free) struct asked *asked = ask(f);
	json_t *rule = json_pack("{s:s}", "frequency", "DAILY");
	const int64_t a = add_contact(f, "15550000001", "Ada");
	static struct reached reached;
	int64_t parent_id, child_id, b;
	struct campaign_seen child;
	struct tx *tx;
	bool changed;

	add_segment(f, asked->groups, SEGMENT_GROUP, "VIP", &a, 1);
	add_phones(asked, 2);
	asked->request.n_devices = 2;
	asked->request.recurrence = rule;
	asked->request.scheduled_ms = NOW_MS + HOUR_MS;
	parent_id = prepare(f, asked);
	json_decref(rule);
	assert_int_equal(see(f, parent_id).campaign.status, CAMPAIGN_SCHEDULED);
	assert_int_equal(see(f, parent_id).campaign.counts.total, 0);

	b = add_contact(f, "15550000002", "Bob");
	tx = begin(f);
	store_segment_add(tx, 1, b, &changed, &f->err);
	assert_int_equal(campaign_spawn(tx, parent_id, NOW_MS + HOUR_MS,
				 &child_id, &f->err),
		0);
	commit(f, tx);
	build(f, child_id);
	child = see(f, child_id);
	assert_string_equal(child.name, "Summer Sale (2026-05-23)");
	assert_int_equal(child.campaign.parent_id, parent_id);
	assert_int_equal(child.campaign.status, CAMPAIGN_PREPARING);
	assert_int_equal(child.campaign.failure_limit, 3);
	reach(f, child_id, &reached);
	/* One of the two phones is Ada's. */
	assert_int_equal(reached.n, 3);
	assert_string_equal(reached.names[1], "Bob");
	assert_string_equal(reached.phones[2], "15550000000");
	assert_int_equal(reached.lanes[1], 1);
}

static int64_t build_run(struct fixture *f, int64_t parent_id)
{
	struct tx *tx = begin(f);
	int64_t id;

	assert_int_equal(
		campaign_spawn(tx, parent_id, NOW_MS + HOUR_MS, &id, &f->err),
		0);
	commit(f, tx);
	build(f, id);
	return id;
}

/* Its members are nobody of this campaign: they are another account's. */
static void a_run_does_not_reach_whoever_came_after_a_deleted_group(
	void **state)
{
	struct fixture *f = *state;
	scoped(asked_free) struct asked *asked = ask(f);
	json_t *rule = json_pack("{s:s}", "frequency", "DAILY");
	const int64_t a = add_contact(f, "15550000001", "Ada");
	const int64_t account_id = f->account_id;
	static struct reached reached;
	int64_t parent_id, eve;
	bool gone = false;
	struct tx *tx;

	add_segment(f, asked->groups, SEGMENT_GROUP, "VIP", &a, 1);
	add_phones(asked, 1);
	asked->request.recurrence = rule;
	asked->request.scheduled_ms = NOW_MS + HOUR_MS;
	parent_id = prepare(f, asked);
	json_decref(rule);
	tx = begin(f);
	assert_int_equal(store_segment_delete(tx, 1, 100, &gone, &f->err), 0);
	assert_true(gone);
	commit(f, tx);
	f->account_id = f->other_account_id;
	eve = add_contact(f, "15550000007", "Eve");
	add_segment(f, asked->groups, SEGMENT_GROUP, "Others", &eve, 1);
	f->account_id = account_id;
	reach(f, build_run(f, parent_id), &reached);
	assert_int_equal(reached.n, 1);
	assert_string_equal(reached.phones[0], "15550000000");
}

/* schedulerd removes what was left for ten minutes, as by a machine that slept;
 * whoever was writing it must not go on in the next one. */
static void what_was_removed_meanwhile_is_not_gone_on_with(void **state)
{
	struct fixture *f = *state;
	scoped(asked_free) struct asked *asked = ask(f);
	scoped(campaign_making_free) struct campaign_making *making = NULL;
	struct config config = with_limits();
	struct campaign_quote quote;
	bool gone = false, done = false;
	struct tx *tx;

	add_phones(asked, 3);
	assert_int_equal(campaign_begin(f->store, &config, &asked->request,
				 NOW_MS, &quote, &making, &f->err),
		0);
	tx = begin(f);
	assert_int_equal(store_campaign_discard(tx, campaign_making_id(making),
				 100, &gone, &f->err),
		0);
	assert_true(gone);
	commit(f, tx);
	(void)add_prepared(f, "another one", 1, 1);
	for (int i = 0; i < 10 && !done; i++) {
		if (campaign_step(f->store, making, &done, &f->err) != 0)
			return;
	}
	fail_msg("written into another campaign");
}

/* ---- estimates ---- */

static void only_what_has_an_end_is_estimated(void **state)
{
	struct fixture *f = *state;
	scoped(asked_free) struct asked *asked = ask(f);
	struct config config = with_limits();
	struct campaign_seen seen;
	struct estimate estimate;
	struct campaign_quote quote;
	struct tx *tx;
	bool changed;
	int64_t id;

	add_phones(asked, 3);
	assert_int_equal(check(f, asked, &quote), 0);
	assert_true(quote.estimate.completes_ms > NOW_MS);
	id = prepare(f, asked);
	seen = see(f, id);
	assert_true(campaign_estimate(
		f->store, &config, &seen.campaign, NOW_MS, &estimate));
	assert_int_equal(estimate.completes_ms, quote.estimate.completes_ms);
	tx = begin(f);
	store_campaign_pause(tx, id, NULL, NOW_MS, &changed, &f->err);
	commit(f, tx);
	seen = see(f, id);
	assert_false(campaign_estimate(
		f->store, &config, &seen.campaign, NOW_MS, &estimate));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORE_TEST(everybody_is_reached_once),
		STORE_TEST(many_segments_are_merged_without_doubles_or_gaps),
		STORE_TEST(more_than_one_chunk_goes_round_the_lanes),
		STORE_TEST(
			too_few_variants_are_refused_with_the_documented_words),
		STORE_TEST(variants_are_needed_one_for_every_eight),
		STORE_TEST(a_device_that_is_not_connected_is_named),
		STORE_TEST(an_audience_of_nobody_or_too_many_is_refused),
		STORE_TEST(a_group_is_no_tag_and_not_another_accounts),
		STORE_TEST(what_is_sent_is_checked),
		STORE_TEST(the_past_is_refused_and_a_name_is_one_campaigns),
		STORE_TEST(runs_that_would_end_before_the_first_are_refused),
		STORE_TEST(a_text_is_filled_in_for_each),
		STORE_TEST(a_run_is_a_child_with_the_audience_as_it_is_then),
		STORE_TEST(
			a_run_does_not_reach_whoever_came_after_a_deleted_group),
		STORE_TEST(what_was_removed_meanwhile_is_not_gone_on_with),
		STORE_TEST(only_what_has_an_end_is_estimated),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
