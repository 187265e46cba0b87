/* What a companion asks of its phone: messages and media that it could not get,
 * and addresses that the phone tells it. */
#include "api.h"
#include "laptop.h"

#include "common/wa/media.h"
#include "sandboxd/media.h"
#include "sandboxd/route.h"

#define ALICE "15550001111"
#define BOB "15550002222"

static struct account *alice, *bob;

static int open_phones(void **state)
{
	net_open(state);
	alice = net_account(ALICE);
	bob = net_account(BOB);
	laptop_link(alice);
	net_connect(laptop);
	return 0;
}

static int close_phones(void **state)
{
	phone_store_fini(&keys);
	return net_close(state);
}

static struct wa_jid alice_lid(void)
{
	return wa_jid_lid(alice->lid, 0);
}

/* ---- messages ---- */

static Wa__PeerDataOperationRequestResponseMessage *ask_for(
	const char *id, Wa__Message **answer_out)
{
	Wa__PlaceholderMessageResendRequest one =
		WA__PLACEHOLDER_MESSAGE_RESEND_REQUEST__INIT;
	Wa__PlaceholderMessageResendRequest *list[] = { &one };
	Wa__PeerDataOperationRequestMessage request =
		WA__PEER_DATA_OPERATION_REQUEST_MESSAGE__INIT;
	Wa__ProtocolMessage protocol = WA__PROTOCOL_MESSAGE__INIT;
	Wa__MessageKey key = WA__MESSAGE_KEY__INIT;
	Wa__Message message = WA__MESSAGE__INIT;
	struct wa_jid from = alice_lid();

	key.remote_jid = (char *)"somebody@lid";
	key.id = (char *)id;
	one.message_key = &key;
	request.has_peer_data_operation_request_type = true;
	request.peer_data_operation_request_type =
		WA__PEER_DATA_OPERATION_REQUEST_TYPE__PLACEHOLDER_MESSAGE_RESEND;
	request.n_placeholder_message_resend_request = 1;
	request.placeholder_message_resend_request = list;
	protocol.has_type = true;
	protocol.type =
		WA__PROTOCOL_MESSAGE__TYPE__PEER_DATA_OPERATION_REQUEST_MESSAGE;
	protocol.peer_data_operation_request_message = &request;
	message.protocol_message = &protocol;
	net_forget_sent();
	laptop_ask(&message, "REQUEST1");
	*answer_out = laptop_read(laptop_last("message"), &from);
	return (*answer_out)
		->protocol_message
		->peer_data_operation_request_response_message;
}

static void a_phone_hands_out_a_message_that_it_received(void **state)
{
	Wa__PeerDataOperationRequestResponseMessage *response;
	const ProtobufCBinaryData *bytes;
	Wa__WebMessageInfo *info;
	Wa__Message *answer;
	char id[64];

	(void)state;
	snprintf(bob->push_name, sizeof(bob->push_name), "Bob");
	snprintf(id, sizeof(id), "%s",
		api_send(BOB, "{'to':'" ALICE "','text':'unreadable'}"));
	response = ask_for(id, &answer);
	assert_string_equal(response->stanza_id, "REQUEST1");
	assert_int_equal(response->peer_data_operation_request_type,
		WA__PEER_DATA_OPERATION_REQUEST_TYPE__PLACEHOLDER_MESSAGE_RESEND);
	assert_int_equal(response->n_peer_data_operation_result, 1);
	bytes = &response->peer_data_operation_result[0]
			 ->placeholder_message_resend_response
			 ->web_message_info_bytes;
	info = wa__web_message_info__unpack(NULL, bytes->len, bytes->data);
	assert_string_equal(info->key->id, id);
	assert_string_equal(info->key->remote_jid, "somebody@lid");
	assert_string_equal(info->message->conversation, "unreadable");
	assert_string_equal(info->push_name, "Bob");
	assert_true(info->message_timestamp > 0);
	wa__web_message_info__free_unpacked(info, NULL);
	wa__message__free_unpacked(answer, NULL);
}

static void of_a_message_that_nobody_knows_there_is_nothing_to_hand_out(
	void **state)
{
	Wa__PeerDataOperationRequestResponseMessage *response;
	Wa__Message *answer;

	(void)state;
	response = ask_for("NOBODY", &answer);
	assert_int_equal(response->n_peer_data_operation_result, 1);
	assert_null(response->peer_data_operation_result[0]
			    ->placeholder_message_resend_response);
	wa__message__free_unpacked(answer, NULL);
}

static void only_an_own_companion_may_ask(void **state)
{
	Wa__PeerDataOperationRequestMessage request =
		WA__PEER_DATA_OPERATION_REQUEST_MESSAGE__INIT;
	Wa__ProtocolMessage protocol = WA__PROTOCOL_MESSAGE__INIT;
	Wa__Message message = WA__MESSAGE__INIT;
	uint8_t packed[64];
	char base64[128], body[256];
	size_t n;

	(void)state;
	protocol.has_type = true;
	protocol.type = WA__PROTOCOL_MESSAGE__TYPE__APP_STATE_SYNC_KEY_REQUEST;
	protocol.peer_data_operation_request_message = &request;
	message.protocol_message = &protocol;
	n = wa__message__pack(&message, packed);
	wa_base64(packed, n, base64, sizeof(base64));
	snprintf(body, sizeof(body),
		"{'to':'" ALICE "','kind':'raw','raw':"
		"'%s'}",
		base64);
	net_forget_sent();
	api_send(BOB, body);
	/* The laptop sees Bob's message, and no key. */
	assert_int_equal(net_count(laptop, "message"), 1);
	assert_jid(laptop_last("message"), "from", wa_jid_lid(bob->lid, 0));
	assert_int_equal(alice->devices->phone->inbox.n, 0);
}

/* A request is understood bare, and wrapped as some clients wrap it. */
static void a_request_for_keys_may_be_wrapped_like_a_copy(void **state)
{
	Wa__DeviceSentMessage sent = WA__DEVICE_SENT_MESSAGE__INIT;
	Wa__ProtocolMessage protocol = WA__PROTOCOL_MESSAGE__INIT;
	Wa__Message message = WA__MESSAGE__INIT, outer = WA__MESSAGE__INIT;
	const Wa__Message *requests[] = { &message, &outer };
	struct wa_jid from = alice_lid();

	(void)state;
	protocol.has_type = true;
	protocol.type = WA__PROTOCOL_MESSAGE__TYPE__APP_STATE_SYNC_KEY_REQUEST;
	message.protocol_message = &protocol;
	sent.destination_jid = (char *)ALICE "@s.whatsapp.net";
	sent.message = &message;
	outer.device_sent_message = &sent;
	for (size_t i = 0; i < ARRAY_LEN(requests); i++) {
		Wa__Message *answer;

		net_forget_sent();
		laptop_ask(requests[i], i == 0 ? "R1" : "R2");
		answer = laptop_read(laptop_last("message"), &from);
		assert_non_null(
			answer->protocol_message->app_state_sync_key_share);
		wa__message__free_unpacked(answer, NULL);
	}
	assert_int_equal(alice->devices->phone->outbox.n, 0);
}

static void bytes_that_are_no_message_are_refused(void **state)
{
	struct phone *phone = alice->devices->phone;

	(void)state;
	laptop_send("\x0a\x7f", 2, "R1");
	assert_int_equal(phone->undecryptable, 1);
	assert_int_equal(phone->inbox.n, 0);
	assert_int_equal(phone->outbox.n, 0);
	/* It is not asked for again. */
	assert_int_equal(net_count(laptop, "receipt"), 0);
}

/* ---- media ---- */

struct gone {
	char id[64];
	uint8_t key[32];
	char id_on_host[MEDIA_ID_LEN];
};

/* Bob's picture, deleted from the media host. */
static void send_and_lose(struct gone *gone)
{
	const struct box_entry *entry;
	Wa__Message *message;
	const char *path;

	snprintf(gone->id, sizeof(gone->id), "%s",
		api_send(BOB, "{'to':'" ALICE "','kind':'image',"
			      "'mediaBytes':1234}"));
	entry = box_find_id(&alice->devices->phone->inbox, gone->id);
	assert_non_null(entry);
	message = phone_message_parse(entry->message.data, entry->message.len);
	memcpy(gone->key, message->image_message->media_key.data, 32);
	path = message->image_message->direct_path;
	assert_true(media_id_of_path(path, gone->id_on_host));
	assert_true(media_delete(&net.sandbox, gone->id_on_host));
	wa__message__free_unpacked(message, NULL);
	net_forget_sent();
}

static void ask_for_media(const struct gone *gone, const uint8_t key[32])
{
	struct wa_jid own = wa_jid_pn(alice->pn, 0);
	struct wa_node *receipt = net_stanza("receipt", gone->id, &own);
	struct wa_node *encrypt = wa_node_add(receipt, "encrypt");
	struct wa_node *rmr = wa_node_add(receipt, "rmr");
	Wa__ServerErrorReceipt question = WA__SERVER_ERROR_RECEIPT__INIT;
	struct wa_jid chat = wa_jid_lid(bob->lid, 0);
	struct buf sealed = BUF_INIT;
	uint8_t packed[128], iv[12];
	size_t n;

	question.stanza_id = (char *)gone->id;
	n = wa__server_error_receipt__pack(&question, packed);
	wa_media_retry_seal(key, gone->id, packed, n, iv, &sealed);
	wa_node_set(receipt, "type", "server-error");
	wa_node_bytes(wa_node_add(encrypt, "enc_p"), sealed.data, sealed.len);
	wa_node_bytes(wa_node_add(encrypt, "enc_iv"), iv, sizeof(iv));
	wa_node_set_jid(rmr, "jid", &chat);
	wa_node_set(rmr, "from_me", "false");
	route_receipt(&net.sandbox, laptop, receipt);
	buf_fini(&sealed);
}

static Wa__MediaRetryNotification *read_answer(const struct gone *gone)
{
	const struct wa_node *notification = laptop_last("notification");
	const struct wa_node *encrypt = wa_node_child(notification, "encrypt");
	Wa__MediaRetryNotification *answer;
	struct buf plain = BUF_INIT;
	struct err err = ERR_NONE;
	const uint8_t *sealed, *iv;
	size_t n, n_iv;

	assert_attr(notification, "type", "mediaretry");
	assert_attr(notification, "id", gone->id);
	assert_jid(notification, "from", wa_jid_pn(alice->pn, 0));
	assert_attr(wa_node_child(notification, "rmr"), "from_me", "false");
	sealed = wa_node_content(wa_node_child(encrypt, "enc_p"), &n);
	iv = wa_node_content(wa_node_child(encrypt, "enc_iv"), &n_iv);
	assert_int_equal(n_iv, 12);
	if (wa_media_retry_open(
		    gone->key, gone->id, iv, sealed, n, &plain, &err) != 0)
		fail_msg("%s", err.msg);
	answer = wa__media_retry_notification__unpack(
		NULL, plain.len, plain.data);
	buf_fini(&plain);
	assert_string_equal(answer->stanza_id, gone->id);
	return answer;
}

static void media_that_is_gone_comes_back_at_another_path(void **state)
{
	Wa__MediaRetryNotification *answer;
	struct buf blob = BUF_INIT;
	struct err err = ERR_NONE;
	char first[128];
	struct gone gone;

	(void)state;
	send_and_lose(&gone);
	ask_for_media(&gone, gone.key);
	answer = read_answer(&gone);
	assert_int_equal(answer->result, 1);
	assert_int_equal(
		media_get(&net.sandbox, answer->direct_path, &blob, &err), 0);
	assert_int_equal(blob.len, 1234 / 16 * 16 + 16 + 10);
	snprintf(first, sizeof(first), "%s", answer->direct_path);
	wa__media_retry_notification__free_unpacked(answer, NULL);
	ask_for_media(&gone, gone.key);
	answer = read_answer(&gone);
	assert_string_not_equal(answer->direct_path, first);
	wa__media_retry_notification__free_unpacked(answer, NULL);
	buf_fini(&blob);
}

static void a_question_under_another_key_is_answered_with_an_error(void **state)
{
	Wa__MediaRetryNotification *answer;
	uint8_t wrong[32] = { 1 };
	struct gone gone;

	(void)state;
	send_and_lose(&gone);
	ask_for_media(&gone, wrong);
	answer = read_answer(&gone);
	assert_int_equal(answer->result, 3);
	assert_null(answer->direct_path);
	wa__media_retry_notification__free_unpacked(answer, NULL);
}

static void a_phone_may_have_lost_its_media_or_say_nothing(void **state)
{
	Wa__MediaRetryNotification *answer;
	struct gone gone;

	(void)state;
	send_and_lose(&gone);
	api_do("PUT", "/phones/" ALICE "/options",
		"{'mediaRetry':'not_found'}");
	ask_for_media(&gone, gone.key);
	answer = read_answer(&gone);
	assert_int_equal(answer->result, 2);
	wa__media_retry_notification__free_unpacked(answer, NULL);
	api_do("PUT", "/phones/" ALICE "/options", "{'mediaRetry':'silent'}");
	net_forget_sent();
	ask_for_media(&gone, gone.key);
	assert_int_equal(net_count(laptop, "notification"), 0);
	api_do("PUT", "/phones/" ALICE "/options", "{'mediaRetry':'answer'}");
	snprintf(gone.id, sizeof(gone.id), "NEVERHEARDOF");
	ask_for_media(&gone, gone.key);
	assert_attr(wa_node_child(laptop_last("notification"), "error"), "code",
		"2");
}

/* ---- addresses ---- */

static void companions_are_told_the_lids_of_contacts(void **state)
{
	struct wa_jid from = alice_lid();
	Wa__LIDMigrationMappingSyncPayload *payload;
	const ProtobufCBinaryData *bytes;
	Wa__Message *message;

	(void)state;
	api_send(ALICE, "{'to':'" BOB "','text':'hello'}");
	api_do("POST", "/phones/" ALICE "/lid-migration", "{}");
	message = laptop_read(laptop_last("message"), &from);
	assert_int_equal(message->protocol_message->type,
		WA__PROTOCOL_MESSAGE__TYPE__LID_MIGRATION_MAPPING_SYNC);
	bytes = &message->protocol_message->lid_migration_mapping_sync_message
			 ->encoded_mapping_payload;
	payload = wa__lidmigration_mapping_sync_payload__unpack(
		NULL, bytes->len, bytes->data);
	assert_int_equal(payload->n_pn_to_lid_mappings, 1);
	assert_int_equal(payload->pn_to_lid_mappings[0]->pn, 15550002222);
	assert_int_equal(payload->pn_to_lid_mappings[0]->assigned_lid,
		strtoull(bob->lid, NULL, 10));
	wa__lidmigration_mapping_sync_payload__free_unpacked(payload, NULL);
	wa__message__free_unpacked(message, NULL);
	json_decref(api_try("POST", "/phones/" BOB "/lid-migration", "{}"));
	assert_int_equal(api_status, 409);
}

#define on_phones(test) \
	cmocka_unit_test_setup_teardown(test, open_phones, close_phones)

int main(void)
{
	const struct CMUnitTest tests[] = {
		on_phones(a_phone_hands_out_a_message_that_it_received),
		on_phones(
			of_a_message_that_nobody_knows_there_is_nothing_to_hand_out),
		on_phones(only_an_own_companion_may_ask),
		on_phones(a_request_for_keys_may_be_wrapped_like_a_copy),
		on_phones(bytes_that_are_no_message_are_refused),
		on_phones(media_that_is_gone_comes_back_at_another_path),
		on_phones(
			a_question_under_another_key_is_answered_with_an_error),
		on_phones(a_phone_may_have_lost_its_media_or_say_nothing),
		on_phones(companions_are_told_the_lids_of_contacts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
