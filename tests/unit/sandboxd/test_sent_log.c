/* The memory of who got which message: compared with a plain list of
 * everything. */
#include "network.h"

#include "sandboxd/sent_log.h"

static struct device *sender, *one, *two;

static int open_devices(void **state)
{
	net_open(state);
	sender = net_companion(net_account("15550001111"));
	one = net_companion(net_account("15550002222"));
	two = net_companion(one->account);
	return 0;
}

static const char *id_of(unsigned i)
{
	static char id[16];

	snprintf(id, sizeof(id), "id%u", i);
	return id;
}

static void a_pair_is_new_once(void **state)
{
	(void)state;
	assert_false(sent_log_has(sender, "a", one));
	assert_true(sent_log_add(sender, "a", one));
	assert_false(sent_log_add(sender, "a", one));
	assert_true(sent_log_add(sender, "a", two));
	assert_true(sent_log_add(sender, "b", one));
	assert_true(sent_log_add(one, "a", one));
}

static void what_is_forgotten_is_new_again_and_nothing_else(void **state)
{
	enum { N = 5000 };

	(void)state;
	for (unsigned i = 0; i < N; i++)
		assert_true(sent_log_add(sender, id_of(i), one));
	for (unsigned i = 0; i < N; i += 3)
		sent_log_forget(sender, id_of(i), one);
	sent_log_forget(sender, "never seen", one);
	for (unsigned i = 0; i < N; i++)
		assert_int_equal(
			sent_log_has(sender, id_of(i), one), i % 3 != 0);
}

static void the_oldest_pairs_leave_when_it_is_full(void **state)
{
	const unsigned more = 1000;

	(void)state;
	for (unsigned i = 0; i < SENT_LOG_MAX + more; i++)
		assert_true(sent_log_add(sender, id_of(i), one));
	for (unsigned i = 0; i < SENT_LOG_MAX + more; i++)
		assert_int_equal(
			sent_log_has(sender, id_of(i), one), i >= more);
}

#define on_devices(test) \
	cmocka_unit_test_setup_teardown(test, open_devices, net_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		on_devices(a_pair_is_new_once),
		on_devices(what_is_forgotten_is_new_again_and_nothing_else),
		on_devices(the_oldest_pairs_leave_when_it_is_full),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
