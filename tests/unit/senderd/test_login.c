/* What a lane says when it connects, and how it reads the ways a session
 * ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/arena.h"
#include "common/buf.h"
#include "common/err.h"
#include "common/own.h"
#include "common/wa/crypto.h"
#include "common/wa/signal.h"
#include "senderd/whatsapp/ending.h"
#include "senderd/whatsapp/payload.h"
#include "tests/unit/hex.h"
#include "whatsapp.pb-c.h"

#define NOW_MS 1700000000000LL

/* ---- ClientPayload ---- */

struct fixture {
	struct config config;
	struct lane_identity id;
	struct lane_signed_prekey signed_prekey;
	struct arena *arena;
};

static int setup(void **state)
{
	struct fixture *f = xcalloc(1, sizeof *f);

	wa_crypto_init();
	f->arena = arena_new(1024);
	f->config.whatsapp.client_version = (char *)"2.3000.1045649367";
	f->config.history.mode = (char *)"names";
	f->config.whatsapp.device_name = (char *)"Vereda";
	wa_keypair_new(&f->id.noise);
	wa_keypair_new(&f->id.identity);
	f->id.registration_id = 0x1234;
	f->signed_prekey.id = 1;
	wa_keypair_new(&f->signed_prekey.key);
	wa_signal_sign_prekey(&f->id.identity, f->signed_prekey.key.pub,
		f->signed_prekey.signature);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	arena_free(&f->arena);
	free(f);
	return 0;
}

static Wa__ClientPayload *payload_parse(const struct buf *bytes)
{
	Wa__ClientPayload *payload =
		wa__client_payload__unpack(NULL, bytes->len, bytes->data);

	assert_non_null(payload);
	return payload;
}

static Wa__ClientPayload *registration(struct fixture *f)
{
	scoped(buf_fini) struct buf bytes = BUF_INIT;
	struct err err = ERR_NONE;

	assert_int_equal(payload_registration(&f->config, &f->id,
				 &f->signed_prekey, &bytes, &err),
		0);
	return payload_parse(&bytes);
}

static Wa__ClientPayload *login(struct fixture *f)
{
	scoped(buf_fini) struct buf bytes = BUF_INIT;
	struct err err = ERR_NONE;

	f->id.is_paired = true;
	f->id.jid = wa_jid_pn("15550001111", 7);
	assert_int_equal(payload_login(&f->config, &f->id, &bytes, &err), 0);
	return payload_parse(&bytes);
}

static void assert_bytes(
	const ProtobufCBinaryData *field, const void *bytes, size_t n)
{
	assert_int_equal(field->len, n);
	assert_memory_equal(field->data, bytes, n);
}

static void a_registration_carries_the_keys_in_wire_form(void **state)
{
	struct fixture *f = *state;
	Wa__ClientPayload *payload = registration(f);
	const Wa__DevicePairingRegistrationData *data =
		payload->device_pairing_data;
	uint8_t signed_text[33] = { 0x05 };

	assert_non_null(data);
	assert_bytes(&data->e_regid, "\x00\x00\x12\x34", 4);
	assert_bytes(&data->e_keytype, "\x05", 1);
	assert_bytes(&data->e_ident, f->id.identity.pub, 32);
	assert_bytes(&data->e_skey_id, "\x00\x00\x01", 3);
	assert_bytes(&data->e_skey_val, f->signed_prekey.key.pub, 32);
	assert_int_equal(data->e_skey_sig.len, 64);
	memcpy(signed_text + 1, data->e_skey_val.data, 32);
	assert_true(wa_verify(
		data->e_ident.data, signed_text, 33, data->e_skey_sig.data));
	wa__client_payload__free_unpacked(payload, NULL);
}

static void the_build_hash_is_that_of_the_dotted_version(void **state)
{
	Wa__ClientPayload *payload = registration(*state);
	uint8_t expected[16];

	hex_bytes("9fa53af9421567b114e33c9bb1ef7db2", expected, 16);
	assert_bytes(&payload->device_pairing_data->build_hash, expected, 16);
	wa__client_payload__free_unpacked(payload, NULL);
}

static void zeros_of_a_registration_are_on_the_wire(void **state)
{
	Wa__ClientPayload *payload = registration(*state);

	assert_true(payload->has_passive && !payload->passive);
	assert_true(payload->has_pull && !payload->pull);
	assert_true(payload->user_agent->has_release_channel);
	assert_int_equal(payload->user_agent->release_channel, 0);
	assert_true(payload->web_info->has_web_sub_platform);
	assert_int_equal(payload->web_info->web_sub_platform, 0);
	assert_false(payload->has_username);
	assert_false(payload->has_device);
	assert_false(payload->has_lid_db_migrated);
	wa__client_payload__free_unpacked(payload, NULL);
}

static void zeros_of_a_login_are_on_the_wire(void **state)
{
	Wa__ClientPayload *payload = login(*state);

	assert_true(payload->user_agent->has_release_channel);
	assert_int_equal(payload->user_agent->release_channel, 0);
	assert_true(payload->web_info->has_web_sub_platform);
	assert_int_equal(payload->web_info->web_sub_platform, 0);
	wa__client_payload__free_unpacked(payload, NULL);
}

static void a_login_names_number_and_device_and_is_passive(void **state)
{
	Wa__ClientPayload *payload = login(*state);

	assert_true(payload->has_username);
	assert_true(payload->username == 15550001111ULL);
	assert_int_equal(payload->device, 7);
	assert_true(payload->has_passive && payload->passive);
	assert_true(payload->has_pull && payload->pull);
	assert_true(payload->has_lc && payload->lc == 1);
	assert_true(payload->has_lid_db_migrated && payload->lid_db_migrated);
	assert_null(payload->device_pairing_data);
	assert_null(payload->push_name);
	wa__client_payload__free_unpacked(payload, NULL);
}

/* What Baileys 7.0.0-rc13 sends in both payloads. */
static void both_payloads_have_the_fields_other_clients_send(void **state)
{
	Wa__ClientPayload *payloads[] = { registration(*state), login(*state) };

	for (size_t i = 0; i < ARRAY_LEN(payloads); i++) {
		const Wa__ClientPayload *p = payloads[i];
		const Wa__UserAgent *agent = p->user_agent;

		assert_int_equal(p->connect_type, 1);
		assert_int_equal(p->connect_reason, 1);
		assert_int_equal(agent->platform, 14);
		assert_int_equal(agent->app_version->primary, 2);
		assert_int_equal(agent->app_version->secondary, 3000);
		assert_int_equal(agent->app_version->tertiary, 1045649367);
		assert_string_equal(agent->mcc, "000");
		assert_string_equal(agent->mnc, "000");
		assert_string_equal(agent->os_version, "0.1");
		assert_string_equal(agent->device, "Desktop");
		assert_string_equal(agent->os_build_number, "0.1");
		assert_string_equal(agent->locale_language_iso6391, "en");
		assert_string_equal(
			agent->locale_country_iso31661_alpha2, "US");
		wa__client_payload__free_unpacked(payloads[i], NULL);
	}
}

static void the_phone_is_shown_our_name_and_asked_for_little_history(
	void **state)
{
	Wa__ClientPayload *payload = registration(*state);
	const ProtobufCBinaryData *bytes =
		&payload->device_pairing_data->device_props;
	Wa__DeviceProps *props =
		wa__device_props__unpack(NULL, bytes->len, bytes->data);

	assert_non_null(props);
	assert_string_equal(props->os, "Vereda");
	assert_int_equal(props->platform_type, 1);
	assert_true(props->has_require_full_sync && !props->require_full_sync);
	assert_int_equal(props->history_sync_config->storage_quota_mb, 10240);
	assert_true(
		props->history_sync_config->inline_initial_payload_in_e2ee_msg);
	wa__device_props__free_unpacked(props, NULL);
	wa__client_payload__free_unpacked(payload, NULL);
}

static void a_version_that_is_not_three_numbers_is_refused(void **state)
{
	static const char *const bad[] = { "", "2", "2.3000", "2.3000.x",
		"2.3000.1.4", "2.3000.1 ", "a.b.c" };
	struct fixture *f = *state;

	f->id.jid = wa_jid_pn("15550001111", 7);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		scoped(buf_fini) struct buf bytes = BUF_INIT;
		struct err err = ERR_NONE;

		f->config.whatsapp.client_version = (char *)bad[i];
		assert_int_equal(
			payload_login(&f->config, &f->id, &bytes, &err), -1);
		assert_int_equal(err.code, ERR_INVALID);
	}
}

static void an_own_address_without_a_number_is_refused(void **state)
{
	struct fixture *f = *state;
	scoped(buf_fini) struct buf bytes = BUF_INIT;
	struct err err = ERR_NONE;

	f->id.jid = wa_jid_pn("abc", 7);
	assert_int_equal(payload_login(&f->config, &f->id, &bytes, &err), -1);
	f->id.jid = wa_jid_pn("", 7);
	assert_int_equal(payload_login(&f->config, &f->id, &bytes, &err), -1);
}

/* ---- how a session ends ---- */

static void each_failure_leads_where_the_table_says(void **state)
{
	static const struct {
		const char *reason;
		enum lane_state to;
		bool forget;
		const char *words;
	} table[] = {
		{ "400", LANE_STOPPED, false, "login refused (400)" },
		{ "401", LANE_LOGGED_OUT, true, "unlinked by the phone (401)" },
		{ "403", LANE_BANNED, true, "account locked or banned (403)" },
		{ "405", LANE_STOPPED, false, "client outdated (405)" },
		{ "406", LANE_BANNED, true, "account banned (406)" },
		{ "409", LANE_STOPPED, false, "user agent refused (409)" },
		{ "415", LANE_STOPPED, false, "login not found (415)" },
		{ "418", LANE_STOPPED, false, "client unknown (418)" },
		{ "500", LANE_BACKOFF, false, "server error (500)" },
		{ "501", LANE_STOPPED, false,
			"experimental client refused (501)" },
		{ "503", LANE_BACKOFF, false, "server unavailable (503)" },
		{ "777", LANE_STOPPED, false, "login refused (777)" },
		{ "", LANE_BACKOFF, false, "server error (500)" },
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct wa_node *node = wa_node_new(f->arena, "failure");
		struct ending ending;

		wa_node_set(node, "reason", table[i].reason);
		ending = ending_of_failure(node, NOW_MS);
		assert_int_equal(ending.to, table[i].to);
		assert_int_equal(ending.forget, table[i].forget);
		assert_string_equal(ending.reason, table[i].words);
		assert_true(ending.until_ms == 0);
	}
}

static void a_ban_ends_when_the_server_says(void **state)
{
	static const struct {
		const char *code, *expire;
		int64_t after_sec;
		const char *words;
	} table[] = {
		{ "101", "3600", 3600, "sent to too many people" },
		{ "102", "60", 60, "blocked by too many people" },
		{ "103", "60", 60, "created too many groups" },
		{ "104", "60", 60, "sent the same message too often" },
		{ "106", "60", 60, "too many broadcasts" },
		{ "999", "60", 60, "reason not given" },
		{ "104", "", 24 * 3600, "sent the same message too often" },
		{ "104", "-5", 0, "sent the same message too often" },
		{ "104", "999999999999", 30 * 24 * 3600,
			"sent the same message too often" },
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct wa_node *node = wa_node_new(f->arena, "failure");
		struct ending ending;

		wa_node_set(node, "reason", "402");
		wa_node_set(node, "code", table[i].code);
		wa_node_set(node, "expire", table[i].expire);
		ending = ending_of_failure(node, NOW_MS);
		assert_int_equal(ending.to, LANE_BANNED);
		assert_false(ending.forget);
		assert_true(
			ending.until_ms == NOW_MS + table[i].after_sec * 1000);
		assert_non_null(strstr(ending.reason, table[i].words));
	}
}

static void text_of_the_server_is_escaped_and_cut(void **state)
{
	struct fixture *f = *state;
	struct wa_node *node = wa_node_new(f->arena, "failure");
	struct ending ending;
	char message[1000];

	memset(message, 'x', sizeof message - 1);
	message[sizeof message - 1] = '\0';
	message[0] = '\n';
	wa_node_set(node, "reason", "403");
	wa_node_set(node, "logout_message_header", message);
	ending = ending_of_failure(node, NOW_MS);
	assert_null(strchr(ending.reason, '\n'));
	assert_true(strlen(ending.reason) < sizeof ending.reason);
	assert_non_null(strstr(ending.reason, "xxx"));
}

static void each_stream_error_leads_where_the_table_says(void **state)
{
	static const struct {
		const char *code, *conflict;
		enum lane_state to;
		bool forget;
	} table[] = {
		{ "515", NULL, LANE_DIALING, false },
		{ "401", "device_removed", LANE_LOGGED_OUT, true },
		{ "401", NULL, LANE_LOGGED_OUT, true },
		{ NULL, "device_removed", LANE_LOGGED_OUT, true },
		{ NULL, "replaced", LANE_STOPPED, false },
		{ "401", "replaced", LANE_STOPPED, false },
		{ "503", NULL, LANE_BACKOFF, false },
		{ "500", NULL, LANE_BACKOFF, false },
		{ NULL, NULL, LANE_BACKOFF, false },
		{ NULL, "other", LANE_BACKOFF, false },
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct wa_node *node = wa_node_new(f->arena, "stream:error");
		struct ending ending;

		wa_node_set(node, "code", table[i].code);
		if (table[i].conflict != NULL)
			wa_node_set(wa_node_add(node, "conflict"), "type",
				table[i].conflict);
		ending = ending_of_stream_error(node);
		assert_int_equal(ending.to, table[i].to);
		assert_int_equal(ending.forget, table[i].forget);
		assert_true(ending.reason[0] != '\0');
	}
}

#define WITH_FIXTURE(test) \
	cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_FIXTURE(a_registration_carries_the_keys_in_wire_form),
		WITH_FIXTURE(the_build_hash_is_that_of_the_dotted_version),
		WITH_FIXTURE(zeros_of_a_registration_are_on_the_wire),
		WITH_FIXTURE(zeros_of_a_login_are_on_the_wire),
		WITH_FIXTURE(a_login_names_number_and_device_and_is_passive),
		WITH_FIXTURE(both_payloads_have_the_fields_other_clients_send),
		WITH_FIXTURE(
			the_phone_is_shown_our_name_and_asked_for_little_history),
		WITH_FIXTURE(a_version_that_is_not_three_numbers_is_refused),
		WITH_FIXTURE(an_own_address_without_a_number_is_refused),
		WITH_FIXTURE(each_failure_leads_where_the_table_says),
		WITH_FIXTURE(a_ban_ends_when_the_server_says),
		WITH_FIXTURE(text_of_the_server_is_escaped_and_cut),
		WITH_FIXTURE(each_stream_error_leads_where_the_table_says),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
