/* What waits for a device, in which order it comes, and when it leaves. */
#include "network.h"

#include "common/arena.h"
#include "sandboxd/queue.h"

static struct device *device;

static int open_device(void **state)
{
	net_open(state);
	device = net_companion(net_account("15550002222"));
	return 0;
}

static void push(const char *tag, const char *id)
{
	struct wa_node *stanza = net_stanza(tag, id, NULL);

	wa_node_set(stanza, "t", "1700000000");
	device_deliver(&net.sandbox, device, stanza);
	arena_reset(net.sandbox.arena);
}

static void push_numbered(unsigned from, unsigned to)
{
	char id[16];

	for (unsigned i = from; i < to; i++) {
		snprintf(id, sizeof(id), "m%u", i);
		push("message", id);
	}
}

/* Ids of everything sent in this session, in order; "ib:" and its child for
 * those. */
static const char *order(void)
{
	static char text[4096];
	size_t n = 0;

	text[0] = '\0';
	for (size_t i = 0; i < net.n; i++) {
		const struct wa_node *node = net.happened[i].node;

		if (net.happened[i].session != device->session || node == NULL)
			continue;
		if (strcmp(node->tag, "ib") == 0)
			n += (size_t)snprintf(text + n, sizeof(text) - n, "%s ",
				node->child->tag);
		else
			n += (size_t)snprintf(text + n, sizeof(text) - n,
				"%s%s ", wa_node_str(node, "id"),
				wa_node_get(node, "offline") != NULL ? "*"
								     : "");
	}
	return text;
}

static void an_empty_queue_still_ends_the_offline_phase(void **state)
{
	const struct wa_node *ib;

	(void)state;
	net_connect(device);
	assert_string_equal(order(), "offline ");
	ib = net_sent(device, "ib", 0);
	assert_jid(ib, "from", wa_jid_server());
	assert_attr(wa_node_child(ib, "offline"), "count", "0");
	assert_true(device->session->offline_sent);
}

static void what_waited_comes_first_in_order_and_marked_offline(void **state)
{
	const struct wa_node *preview;

	(void)state;
	push("message", "a");
	push("receipt", "b");
	push("notification", "c");
	push("message", "d");
	net_connect(device);
	push("message", "e");
	assert_string_equal(order(), "offline_preview a* b* c* d* offline e ");
	preview = wa_node_child(net_sent(device, "ib", 0), "offline_preview");
	assert_attr(preview, "count", "4");
	assert_attr(preview, "message", "2");
	assert_attr(preview, "receipt", "1");
	assert_attr(preview, "notification", "1");
	assert_attr(wa_node_child(net_sent(device, "ib", 1), "offline"),
		"count", "4");
	assert_attr(net_sent(device, "message", 0), "t", "1700000000");
}

static void what_is_not_answered_comes_again_after_a_reconnect(void **state)
{
	(void)state;
	net_connect(device);
	push("message", "a");
	push("message", "b");
	queue_received(device, "a");
	net_disconnect(device);
	push("message", "c");
	net_forget_sent();
	net_connect(device);
	assert_string_equal(order(), "offline_preview b* c* offline ");
}

static void a_receipt_takes_every_copy_an_ack_only_the_oldest(void **state)
{
	(void)state;
	push("message", "x"); /* the copy that failed */
	push("message", "y");
	push("message", "x"); /* sent again */
	push("receipt", "x");
	queue_ack(device, "message", "x"); /* its nack comes late */
	assert_int_equal(queue_length(device), 3);
	net_connect(device);
	assert_string_equal(order(), "offline_preview y* x* x* offline ");
	assert_string_equal(net_sent(device, "message", 1)->tag, "message");
	queue_received(device, "x");
	assert_int_equal(queue_length(device), 2); /* y, and the receipt */
	queue_ack(device, "receipt", "x");
	queue_ack(device, "message", "y");
	assert_int_equal(queue_length(device), 0);
}

static void a_retry_receipt_leaves_the_message_in_the_queue(void **state)
{
	struct wa_jid to = wa_jid_pn("15550001111", 1);
	struct wa_node *retry;

	(void)state;
	net_account("15550001111");
	push("message", "x");
	retry = net_stanza("receipt", "x", &to);
	wa_node_set(retry, "type", "retry");
	route_receipt(&net.sandbox, device, retry);
	assert_int_equal(queue_length(device), 1);
	retry = net_stanza("receipt", "x", &to);
	wa_node_set(retry, "type", "inactive");
	route_receipt(&net.sandbox, device, retry);
	assert_int_equal(queue_length(device), 0);
}

static void a_receipt_with_a_list_takes_all_its_messages(void **state)
{
	struct wa_jid to = wa_jid_pn("15550001111", 1);
	struct wa_node *receipt = net_stanza("receipt", "m0", &to), *list;

	(void)state;
	push_numbered(0, 4);
	receipt = net_stanza("receipt", "m0", &to);
	list = wa_node_add(receipt, "list");
	wa_node_set(wa_node_add(list, "item"), "id", "m2");
	wa_node_set(wa_node_add(list, "item"), "id", "unknown");
	wa_node_set(wa_node_add(list, "item"), "id", "m3");
	route_receipt(&net.sandbox, device, receipt);
	net_connect(device);
	assert_string_equal(order(), "offline_preview m1* offline ");
}

static void acks_of_unknown_classes_and_ids_are_harmless(void **state)
{
	(void)state;
	queue_ack(device, "message", "before any queue");
	push("message", "a");
	queue_ack(device, "iq", "a");
	queue_ack(device, "receipt", "a");
	queue_ack(device, "message", "b");
	assert_int_equal(queue_length(device), 1);
}

static void a_window_of_unanswered_stanzas_holds_the_rest_back(void **state)
{
	(void)state;
	push_numbered(0, QUEUE_WINDOW + 3);
	net_connect(device);
	assert_int_equal(net_count(device, "message"), QUEUE_WINDOW);
	assert_false(device->session->offline_sent);
	push("message", "late");
	queue_received(device, "m0");
	queue_received(device, "m1");
	assert_int_equal(net_count(device, "message"), QUEUE_WINDOW + 2);
	assert_false(device->session->offline_sent);
	queue_received(device, "m2");
	queue_received(device, "m3");
	assert_true(device->session->offline_sent);
	/* What came in meanwhile follows the end, unmarked. */
	assert_attr(
		net_sent(device, "message", QUEUE_WINDOW + 3), "id", "late");
	assert_no_attr(
		net_sent(device, "message", QUEUE_WINDOW + 3), "offline");
}

static void a_client_that_does_not_answer_gets_more_after_a_while(void **state)
{
	(void)state;
	push_numbered(0, QUEUE_WINDOW + 3);
	net_connect(device);
	assert_int_equal(net_run_timers(), 1);
	assert_int_equal(net_count(device, "message"), QUEUE_WINDOW + 3);
	assert_true(device->session->offline_sent);
}

static void a_client_that_asks_gets_more_at_once(void **state)
{
	(void)state;
	push_numbered(0, QUEUE_WINDOW + 3);
	net_connect(device);
	queue_on_offline_batch(device->session);
	assert_int_equal(net_count(device, "message"), QUEUE_WINDOW + 3);
	assert_true(device->session->offline_sent);
}

static void a_live_window_holds_back_and_keeps_the_order(void **state)
{
	(void)state;
	net_connect(device);
	push_numbered(0, QUEUE_WINDOW + 2);
	assert_int_equal(net_count(device, "message"), QUEUE_WINDOW);
	queue_received(device, "m5");
	assert_attr(net_sent(device, "message", QUEUE_WINDOW), "id", "m1000");
	/* One that was held back can be answered by its id, too. */
	queue_received(device, "m1001");
	queue_received(device, "m6");
	assert_int_equal(net_count(device, "message"), QUEUE_WINDOW + 1);
}

static void active_twice_does_not_send_twice(void **state)
{
	(void)state;
	push("message", "a");
	queue_start(net_connect(device));
	assert_string_equal(order(), "offline_preview a* offline ");
}

static void typing_and_presence_never_wait(void **state)
{
	(void)state;
	push("chatstate", NULL);
	push("presence", NULL);
	push("message", NULL); /* nothing could answer it */
	assert_int_equal(queue_length(device), 0);
}

static void a_full_queue_drops_what_comes_in(void **state)
{
	(void)state;
	push_numbered(0, QUEUE_MAX_ITEMS);
	push("message", "one too many");
	assert_int_equal(queue_length(device), QUEUE_MAX_ITEMS);
	queue_received(device, "m7");
	push("message", "fits");
	assert_int_equal(queue_length(device), QUEUE_MAX_ITEMS);
	queue_received(device, "fits");
	assert_int_equal(queue_length(device), QUEUE_MAX_ITEMS - 1);
}

static void taking_gives_the_oldest_first(void **state)
{
	(void)state;
	push("message", "a");
	push("message", "b");
	assert_attr(queue_take(&net.sandbox, device), "id", "a");
	assert_attr(queue_take(&net.sandbox, device), "id", "b");
	assert_null(queue_take(&net.sandbox, device));
}

#define on_device(test) \
	cmocka_unit_test_setup_teardown(test, open_device, net_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		on_device(an_empty_queue_still_ends_the_offline_phase),
		on_device(what_waited_comes_first_in_order_and_marked_offline),
		on_device(what_is_not_answered_comes_again_after_a_reconnect),
		on_device(a_receipt_takes_every_copy_an_ack_only_the_oldest),
		on_device(a_retry_receipt_leaves_the_message_in_the_queue),
		on_device(a_receipt_with_a_list_takes_all_its_messages),
		on_device(acks_of_unknown_classes_and_ids_are_harmless),
		on_device(a_window_of_unanswered_stanzas_holds_the_rest_back),
		on_device(
			a_client_that_does_not_answer_gets_more_after_a_while),
		on_device(a_client_that_asks_gets_more_at_once),
		on_device(a_live_window_holds_back_and_keeps_the_order),
		on_device(active_twice_does_not_send_twice),
		on_device(typing_and_presence_never_wait),
		on_device(a_full_queue_drops_what_comes_in),
		on_device(taking_gives_the_oldest_first),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
