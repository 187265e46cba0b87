#include "common/send.h"

#include "common/bus.h"
#include "tests/unit/safety_config.h"
#include "tests/unit/store_fixture.h"

static struct send_request request(struct fixture *f)
{
	return (struct send_request){ .account_id = f->account_id,
		.device_uid = f->uid,
		.phone = "15550002222",
		.text = "hello",
		.source = MESSAGE_BY_API };
}

/* Accepts and commits; what is refused is rolled back. */
static int accept(struct fixture *f, const struct send_request *request,
	struct send_result *result)
{
	struct config config = safety_config();
	struct tx *tx = begin(f);
	int rc;

	f->err = ERR_NONE;
	rc = send_accept(tx, &config, request, NOW_MS, result, &f->err);
	if (rc == 0)
		commit(f, tx);
	else
		tx_end(&tx);
	return rc;
}

static int sent_today(struct fixture *f)
{
	struct budget budget;

	assert_int_equal(store_budget_get(f->store, f->device_id, NOW_MS,
				 &budget, &f->err),
		0);
	return budget.day_sent;
}

static void set_status(struct fixture *f, enum device_status status)
{
	struct device_state state = { .status = status };
	struct tx *tx = begin(f);

	store_device_set_state(tx, f->device_id, &state, &f->err);
	commit(f, tx);
}

static int on_message(const struct message *message, void *arg)
{
	struct send_result *result = arg;

	assert_string_equal(message->wa_id, result->wa_id);
	assert_string_equal(message->chat, "15550002222@s.whatsapp.net");
	assert_string_equal(message->phone, "15550002222");
	assert_string_equal(message->text, "hello");
	assert_int_equal(message->status, MESSAGE_QUEUED);
	assert_int_equal(message->source, MESSAGE_BY_API);
	assert_int_equal(message->created_ms, NOW_MS);
	return 0;
}

static void an_accepted_message_is_stored_counted_and_has_a_job(void **state)
{
	struct fixture *f = *state;
	struct send_request r = request(f);
	struct send_result result;
	Bus__SendJob *job;

	assert_int_equal(accept(f, &r, &result), 0);
	assert_false(result.duplicate);
	assert_int_equal(result.status, MESSAGE_QUEUED);
	assert_string_equal(result.device_uid, f->uid);
	assert_int_equal(
		store_message_by_public_id(f->store, f->account_id,
			result.message_id, on_message, &result, &f->err),
		0);
	assert_int_equal(sent_today(f), 1);
	assert_string_equal(result.job->device_uid, f->uid);
	job = result.job->send_job;
	assert_int_equal(job->device_seq, 1);
	assert_string_equal(job->wa_id, result.wa_id);
	assert_string_equal(job->chat, "15550002222@s.whatsapp.net");
	assert_string_equal(job->text, "hello");
	assert_int_equal(job->kind, MESSAGE_TEXT);
	assert_int_equal(job->created_ms, NOW_MS);
	bus_envelope_free(&result.job);
}

static void a_device_of_another_account_is_not_found(void **state)
{
	struct fixture *f = *state;
	struct send_request r = request(f);
	struct send_result result;

	r.account_id = f->other_account_id;
	assert_int_equal(accept(f, &r, &result), -1);
	assert_int_equal(f->err.code, ERR_NOT_FOUND);
	r = request(f);
	r.device_uid = "dev_zzzzzzzz";
	assert_int_equal(accept(f, &r, &result), -1);
	assert_int_equal(f->err.code, ERR_NOT_FOUND);
	assert_null(result.job);
}

static void only_a_linked_device_sends(void **state)
{
	static const struct {
		enum device_status status;
		bool accepts;
	} table[] = {
		{ DEVICE_PAIRING, false },
		{ DEVICE_CONNECTED, true },
		{ DEVICE_DISCONNECTED, true },
		{ DEVICE_LOGGED_OUT, false },
		{ DEVICE_BANNED, false },
	};
	struct fixture *f = *state;
	struct send_request r = request(f);

	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct send_result result;

		set_status(f, table[i].status);
		assert_int_equal(accept(f, &r, &result) == 0, table[i].accepts);
		if (!table[i].accepts)
			assert_int_equal(f->err.code, ERR_INVALID);
		bus_envelope_free(&result.job);
	}
	assert_int_equal(sent_today(f), 2);
}

static void a_known_client_message_id_costs_nothing(void **state)
{
	struct fixture *f = *state;
	struct send_request r = request(f);
	struct send_result first, again;

	r.client_message_id = "order-1";
	assert_int_equal(accept(f, &r, &first), 0);
	r.text = "changed meanwhile";
	set_status(f, DEVICE_LOGGED_OUT);
	assert_int_equal(accept(f, &r, &again), 0);
	assert_true(again.duplicate);
	assert_string_equal(again.message_id, first.message_id);
	assert_string_equal(again.wa_id, first.wa_id);
	assert_int_equal(again.status, MESSAGE_QUEUED);
	assert_null(again.job);
	assert_int_equal(sent_today(f), 1);
	bus_envelope_free(&first.job);
}

/* Clients choose ids too: a recipient must not follow a message of theirs. */
static void a_recipient_does_not_take_over_somebody_elses_message(void **state)
{
	struct fixture *f = *state;
	const struct config config = safety_config();
	struct send_request r = request(f);
	struct send_result first, other;
	struct tx *tx = begin(f);

	r.client_message_id = "camp:1:1";
	assert_int_equal(
		send_accept(tx, &config, &r, NOW_MS, &first, &f->err), 0);
	r.recipient_id = 1;
	assert_int_equal(
		send_accept(tx, &config, &r, NOW_MS, &other, &f->err), -1);
	assert_int_equal(f->err.code, ERR_INVALID);
	assert_int_equal(other.refusal, SEND_TAKEN);
	assert_false(other.duplicate);
	commit(f, tx);
	bus_envelope_free(&first.job);
}

static void a_client_cannot_choose_an_id_of_our_own_senders(void **state)
{
	struct fixture *f = *state;
	struct send_request r = request(f);
	struct send_result result;

	r.client_message_id = SEND_OWN_ID "sched:1";
	assert_int_equal(accept(f, &r, &result), -1);
	assert_int_equal(f->err.code, ERR_INVALID);
	r.source = MESSAGE_BY_SCHEDULE;
	assert_int_equal(accept(f, &r, &result), 0);
	bus_envelope_free(&result.job);
}

static void a_used_up_budget_refuses_and_tells_when(void **state)
{
	struct fixture *f = *state;
	struct send_request r = request(f);
	struct send_result result;

	r.client_message_id = "first";
	for (int i = 0; i < 5; i++) {
		assert_int_equal(accept(f, &r, &result), 0);
		bus_envelope_free(&result.job);
		r.client_message_id = NULL;
	}
	assert_int_equal(accept(f, &r, &result), -1);
	assert_int_equal(f->err.code, ERR_LIMIT);
	assert_int_equal(result.safety.block, SAFETY_MINUTE);
	assert_string_equal(f->err.msg, result.safety.blocked_reason);
	assert_string_equal(f->err.msg,
		"Per-minute account safety limit reached (5 messages per"
		" minute). Try again after 2026-05-23T12:34:59.999Z.");
	assert_null(result.job);
	assert_int_equal(sent_today(f), 5);
	/* A retry of what was accepted is still answered. */
	r.client_message_id = "first";
	assert_int_equal(accept(f, &r, &result), 0);
	assert_true(result.duplicate);
}

static void a_refusal_has_changed_nothing(void **state)
{
	struct fixture *f = *state;
	struct config config = safety_config();
	struct send_request r = request(f);
	struct send_result result;
	struct tx *tx = begin(f);

	config.safety.daily_tiers[0].per_day = 0;
	assert_int_equal(
		send_accept(tx, &config, &r, NOW_MS, &result, &f->err), -1);
	assert_int_equal(f->err.code, ERR_LIMIT);
	commit(f, tx);
	assert_int_equal(sent_today(f), 0);
	assert_int_equal(put_out(f, f->device_id).message.device_seq, 1);
}

static void a_text_has_at_least_one_byte_and_a_bound(void **state)
{
	struct fixture *f = *state;
	struct send_request r = request(f);
	struct send_result result;
	char *text = xcalloc(1, SEND_TEXT_MAX + 2);

	memset(text, 'x', SEND_TEXT_MAX + 1);
	r.text = text;
	assert_int_equal(accept(f, &r, &result), -1);
	assert_int_equal(f->err.code, ERR_INVALID);
	text[SEND_TEXT_MAX] = '\0';
	assert_int_equal(accept(f, &r, &result), 0);
	bus_envelope_free(&result.job);
	r.text = "";
	assert_int_equal(accept(f, &r, &result), -1);
	assert_int_equal(f->err.code, ERR_INVALID);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORE_TEST(an_accepted_message_is_stored_counted_and_has_a_job),
		STORE_TEST(a_device_of_another_account_is_not_found),
		STORE_TEST(only_a_linked_device_sends),
		STORE_TEST(a_known_client_message_id_costs_nothing),
		STORE_TEST(
			a_recipient_does_not_take_over_somebody_elses_message),
		STORE_TEST(a_client_cannot_choose_an_id_of_our_own_senders),
		STORE_TEST(a_used_up_budget_refuses_and_tells_when),
		STORE_TEST(a_refusal_has_changed_nothing),
		STORE_TEST(a_text_has_at_least_one_byte_and_a_bound),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
