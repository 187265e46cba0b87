/* Who is who: numbers, LIDs, devices. */
#include "network.h"

#include "common/wa/adv.h"
#include "whatsapp.pb-c.h"

#define MANY 3000

static void an_account_is_found_by_number_and_by_lid(void **state)
{
	struct account *alice = net_account("15550001111");
	struct account *bob = net_account("15550002222");
	struct wa_jid pn = wa_jid_pn("15550001111", 7);
	struct wa_jid lid = wa_jid_lid(bob->lid, 0);
	struct wa_jid legacy = { .user = "15550002222",
		.server = WA_SERVER_LEGACY };

	(void)state;
	assert_ptr_equal(directory_find(&net.sandbox, &pn), alice);
	assert_ptr_equal(directory_find(&net.sandbox, &lid), bob);
	assert_ptr_equal(directory_find(&net.sandbox, &legacy), bob);
	assert_ptr_equal(directory_by_pn(&net.sandbox, "15550001111"), alice);
}

static void a_number_never_created_is_nobody(void **state)
{
	struct account *alice = net_account("15550001111");
	struct wa_jid as_lid = wa_jid_lid(alice->pn, 0);
	struct wa_jid as_pn = wa_jid_pn(alice->lid, 0);
	struct wa_jid group = { .user = "15550001111",
		.server = WA_SERVER_GROUP };

	(void)state;
	assert_null(directory_by_pn(&net.sandbox, "15550009999"));
	assert_null(directory_find(&net.sandbox, &as_lid));
	assert_null(directory_find(&net.sandbox, &as_pn));
	assert_null(directory_find(&net.sandbox, &group));
}

static void a_number_is_created_once(void **state)
{
	char longer[64];

	(void)state;
	memset(longer, '1', sizeof(longer));
	longer[sizeof(longer) - 1] = '\0';
	net_account("15550001111");
	assert_null(directory_create(&net.sandbox, "15550001111"));
	assert_null(directory_create(&net.sandbox, ""));
	assert_null(directory_create(&net.sandbox, longer));
}

static void a_lid_is_the_same_in_every_run_and_not_the_number(void **state)
{
	char lid[48];

	snprintf(lid, sizeof(lid), "%s", net_account("15550001111")->lid);
	assert_int_equal(strlen(lid), 15);
	assert_string_not_equal(lid, "15550001111");
	net_close(state);
	net_open(state);
	net_account("15550002222");
	assert_string_equal(net_account("15550001111")->lid, lid);
}

static void thousands_of_accounts_are_all_found(void **state)
{
	char pn[16];

	(void)state;
	for (unsigned i = 0; i < MANY; i++) {
		snprintf(pn, sizeof(pn), "1555%07u", i);
		net_account(pn);
	}
	for (unsigned i = 0; i < MANY; i++) {
		struct account *account;
		struct wa_jid lid;

		snprintf(pn, sizeof(pn), "1555%07u", i);
		account = directory_by_pn(&net.sandbox, pn);
		assert_non_null(account);
		lid = wa_jid_lid(account->lid, 0);
		assert_ptr_equal(directory_find(&net.sandbox, &lid), account);
	}
}

static void companions_count_up_and_the_phone_comes_first(void **state)
{
	struct account *alice = net_account("15550001111");
	struct device *one = account_add_companion(alice);
	struct device *two = account_add_companion(alice);
	struct wa_jid lid = device_lid(two);

	(void)state;
	assert_int_equal(alice->devices->number, 0);
	assert_non_null(alice->devices->phone);
	assert_int_equal(one->number, 1);
	assert_int_equal(two->number, 2);
	assert_int_equal(two->key_index, 2);
	assert_ptr_equal(directory_device(&net.sandbox, &lid), two);
}

static void a_number_in_use_is_never_given_twice(void **state)
{
	struct account *alice = net_account("15550001111");
	uint32_t key_index;

	(void)state;
	for (unsigned i = 0; i < DEVICE_NUMBER_MAX; i++)
		assert_non_null(account_add_companion(alice));
	assert_null(account_add_companion(alice));
	account_remove_companion(&net.sandbox, account_device(alice, 99));
	assert_int_equal(account_reserve(alice, &key_index), 99);
	/* A removed device's key index does not come back: its signatures
	 * would. */
	assert_int_equal(key_index, DEVICE_NUMBER_MAX + 1);
}

static void unlinking_ends_the_session_and_forgets_the_device(void **state)
{
	struct account *alice = net_account("15550001111");
	struct device *one = net_companion(alice);
	struct session *session = net_connect(one);

	(void)state;
	net_forget_sent();
	account_remove_companion(&net.sandbox, one);
	assert_null(account_device(alice, 1));
	assert_null(session->device);
	assert_int_equal(net.n, 1);
	assert_string_equal(net.happened[0].what, "end");
	assert_int_equal(net.happened[0].code, 401);
	assert_string_equal(net.happened[0].conflict, "device_removed");
}

/* The indexes in a list whose signature is the account's. */
static unsigned count_indexes(struct account *account)
{
	int64_t t;
	const struct buf *list = account_key_index_list(account, &t);
	Wa__ADVSignedKeyIndexList *outer = wa__advsigned_key_index_list__unpack(
		NULL, list->len, list->data);
	Wa__ADVKeyIndexList *inner;
	uint8_t message[512] = { 6, 2 };
	unsigned n;

	assert_non_null(outer);
	memcpy(message + 2, outer->details.data, outer->details.len);
	assert_true(
		wa_verify(phone_identity(account->devices->phone)->pub, message,
			outer->details.len + 2, outer->account_signature.data));
	inner = wa__advkey_index_list__unpack(
		NULL, outer->details.len, outer->details.data);
	assert_non_null(inner);
	n = (unsigned)inner->n_valid_indexes;
	wa__advkey_index_list__free_unpacked(inner, NULL);
	wa__advsigned_key_index_list__free_unpacked(outer, NULL);
	return n;
}

static void the_key_index_list_names_the_companions_with_keys(void **state)
{
	struct account *alice = net_account("15550001111");
	struct device *one;

	(void)state;
	assert_int_equal(count_indexes(alice), 0);
	alice->key_index_t = 0;
	account_add_companion(alice); /* has uploaded nothing */
	one = net_companion(alice);
	assert_int_equal(count_indexes(alice), 1);
	account_remove_companion(&net.sandbox, one);
	assert_int_equal(count_indexes(alice), 0);
}

#define on_network(test) \
	cmocka_unit_test_setup_teardown(test, net_open, net_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		on_network(an_account_is_found_by_number_and_by_lid),
		on_network(a_number_never_created_is_nobody),
		on_network(a_number_is_created_once),
		on_network(a_lid_is_the_same_in_every_run_and_not_the_number),
		on_network(thousands_of_accounts_are_all_found),
		on_network(companions_count_up_and_the_phone_comes_first),
		on_network(a_number_in_use_is_never_given_twice),
		on_network(unlinking_ends_the_session_and_forgets_the_device),
		on_network(the_key_index_list_names_the_companions_with_keys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
