/* The states of a lane, and what clients are told of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/arena.h"
#include "common/own.h"
#include "senderd/facts.h"
#include "senderd/health.h"
#include "senderd/lane.h"

/* Every step that is allowed, written down a second time: a line too many or
 * too few in lane.c shows here. */
static const struct {
	enum lane_state from;
	const char *to; /* names */
} allowed[] = {
	{ LANE_IDLE, "DIALING BANNED LOGGED_OUT" },
	{ LANE_DIALING, "HANDSHAKE IDLE BACKOFF LOGGED_OUT" },
	{ LANE_HANDSHAKE, "UNPAIRED LOGIN IDLE BACKOFF LOGGED_OUT" },
	{ LANE_UNPAIRED, "PAIRED IDLE BANNED STOPPED BACKOFF LOGGED_OUT" },
	{ LANE_PAIRED, "IDLE STOPPED BACKOFF LOGGED_OUT" },
	{ LANE_LOGIN, "SETUP BANNED STOPPED BACKOFF LOGGED_OUT" },
	{ LANE_SETUP, "READY STOPPED BACKOFF LOGGED_OUT" },
	{ LANE_READY, "STOPPED BACKOFF LOGGED_OUT" },
	{ LANE_BACKOFF, "DIALING IDLE LOGGED_OUT" },
	{ LANE_LOGGED_OUT, "" },
	{ LANE_BANNED, "DIALING LOGGED_OUT" },
	{ LANE_STOPPED, "" },
};

static bool names_have(const char *names, const char *name)
{
	size_t n = strlen(name);

	for (const char *at = names; (at = strstr(at, name)) != NULL; at++) {
		if ((at == names || at[-1] == ' ') &&
			(at[n] == ' ' || at[n] == '\0'))
			return true;
	}
	return false;
}

static void only_the_listed_steps_are_allowed(void **state)
{
	(void)state;
	assert_int_equal(ARRAY_LEN(allowed), LANE_N_STATES);
	for (size_t i = 0; i < ARRAY_LEN(allowed); i++) {
		for (int to = 0; to < LANE_N_STATES; to++) {
			const char *name = lane_state_name((enum lane_state)to);

			assert_int_equal(lane_may_become(allowed[i].from,
						 (enum lane_state)to),
				names_have(allowed[i].to, name));
		}
	}
}

static void ready_is_reached_through_setup_alone(void **state)
{
	(void)state;
	for (int from = 0; from < LANE_N_STATES; from++)
		assert_int_equal(
			lane_may_become((enum lane_state)from, LANE_READY),
			from == LANE_SETUP);
}

static void clients_see_the_status_that_the_state_means(void **state)
{
	static const struct {
		enum lane_state state;
		bool is_paired;
		enum device_status status;
	} table[] = {
		{ LANE_IDLE, false, DEVICE_PAIRING },
		{ LANE_UNPAIRED, false, DEVICE_PAIRING },
		{ LANE_BACKOFF, false, DEVICE_PAIRING },
		{ LANE_STOPPED, false, DEVICE_PAIRING },
		{ LANE_PAIRED, true, DEVICE_DISCONNECTED },
		{ LANE_DIALING, true, DEVICE_DISCONNECTED },
		{ LANE_SETUP, true, DEVICE_DISCONNECTED },
		{ LANE_READY, true, DEVICE_CONNECTED },
		{ LANE_BACKOFF, true, DEVICE_DISCONNECTED },
		{ LANE_STOPPED, true, DEVICE_DISCONNECTED },
		{ LANE_LOGGED_OUT, true, DEVICE_LOGGED_OUT },
		{ LANE_LOGGED_OUT, false, DEVICE_LOGGED_OUT },
		{ LANE_BANNED, true, DEVICE_BANNED },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		assert_int_equal(
			lane_device_status(table[i].state, table[i].is_paired),
			table[i].status);
}

/* ---- lane_set_state() ---- */

static int lane_setup(void **state)
{
	struct lane *lane = xcalloc(1, sizeof *lane);

	lane->arena = arena_new(1024);
	lane->facts = facts_new();
	lane->health = health_new();
	lane->row_status = DEVICE_DISCONNECTED;
	lane->id.is_paired = true;
	lane->id.jid = wa_jid_pn("15550001111", 3);
	lane->id.lid = wa_jid_lid("900001", 3);
	*state = lane;
	return 0;
}

static int lane_teardown(void **state)
{
	struct lane *lane = *state;

	facts_free(&lane->facts);
	health_free(&lane->health);
	arena_free(&lane->arena);
	free(lane);
	return 0;
}

static void a_forbidden_step_changes_nothing(void **state)
{
	struct lane *lane = *state;

	lane_set_state(lane, LANE_READY, "jump");
	assert_int_equal(lane->state, LANE_IDLE);
	assert_string_equal(lane->state_reason, "");
	assert_int_equal(facts_count(lane), 0);
}

static void walk_to_ready(struct lane *lane)
{
	lane_set_state(lane, LANE_DIALING, "");
	lane_set_state(lane, LANE_HANDSHAKE, "");
	lane_set_state(lane, LANE_LOGIN, "");
	lane_set_state(lane, LANE_SETUP, "");
	lane_set_state(lane, LANE_READY, "");
}

static void the_way_to_ready_is_one_fact(void **state)
{
	struct lane *lane = *state;

	walk_to_ready(lane);
	assert_int_equal(lane->state, LANE_READY);
	assert_int_equal(facts_count(lane), 1);
	assert_true(lane->told_connected);
}

static void a_lost_session_is_told_once_however_often_dialling_fails(
	void **state)
{
	struct lane *lane = *state;

	walk_to_ready(lane);
	lane_set_state(lane, LANE_BACKOFF, "cut");
	assert_false(lane->told_connected);
	assert_int_equal(facts_count(lane), 2);
	for (int i = 0; i < 5; i++) {
		lane_set_state(lane, LANE_DIALING, lane->state_reason);
		lane_set_state(lane, LANE_BACKOFF, "cut");
	}
	assert_int_equal(facts_count(lane), 2);
	lane_set_state(lane, LANE_DIALING, "");
	lane_set_state(lane, LANE_BACKOFF, "another reason");
	assert_int_equal(facts_count(lane), 3);
}

static void a_reason_may_be_its_own_successor(void **state)
{
	struct lane *lane = *state;

	lane_set_state(lane, LANE_DIALING, "why");
	lane_set_state(lane, LANE_BACKOFF, lane->state_reason);
	assert_string_equal(lane->state_reason, "why");
}

static void own_devices_are_known_by_both_names(void **state)
{
	struct lane *lane = *state;
	struct wa_jid pn = wa_jid_pn("15550001111", 0);
	struct wa_jid lid = wa_jid_lid("900001", 9);
	struct wa_jid other = wa_jid_lid("15550001111", 0);

	assert_true(lane_is_self(lane, &pn));
	assert_true(lane_is_self(lane, &lid));
	assert_false(lane_is_self(lane, &other));
	lane->id.is_paired = false;
	assert_false(lane_is_self(lane, &pn));
}

static void our_own_number_is_addressed_by_its_lid(void **state)
{
	struct lane *lane = *state;
	struct wa_jid pn = wa_jid_pn("15550001111", 7);
	struct wa_jid group = { .user = "1", .server = WA_SERVER_GROUP };
	struct wa_jid mapped = lane_signal_address(lane, &pn);
	struct wa_jid lid = wa_jid_lid("900001", 7);

	assert_true(wa_jid_equal(&mapped, &lid));
	mapped = lane_signal_address(lane, &group);
	assert_true(wa_jid_equal(&mapped, &group));
}

int main(void)
{
#define WITH_LANE(test) \
	cmocka_unit_test_setup_teardown(test, lane_setup, lane_teardown)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_the_listed_steps_are_allowed),
		cmocka_unit_test(ready_is_reached_through_setup_alone),
		cmocka_unit_test(clients_see_the_status_that_the_state_means),
		WITH_LANE(a_forbidden_step_changes_nothing),
		WITH_LANE(the_way_to_ready_is_one_fact),
		WITH_LANE(
			a_lost_session_is_told_once_however_often_dialling_fails),
		WITH_LANE(a_reason_may_be_its_own_successor),
		WITH_LANE(own_devices_are_known_by_both_names),
		WITH_LANE(our_own_number_is_addressed_by_its_lid),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
