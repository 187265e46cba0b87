/* A companion with keys of its own: it reads what its phone sends it, and can
 * write as any client does.  Includes network.h. */
#ifndef TESTS_SANDBOXD_LAPTOP_H
#define TESTS_SANDBOXD_LAPTOP_H

#include "network.h"

#include "common/arena.h"
#include "sandboxd/phone.h"

static struct phone_store keys;
static struct device *laptop;

static inline void laptop_link(struct account *account)
{
	struct wa_bundle bundle;

	phone_store_init(&keys);
	phone_store_bundle(&keys, &bundle);
	laptop = net_companion(account);
	laptop->inline_history = true;
	laptop->registration_id = bundle.registration_id;
	laptop->signed_id = bundle.signed_id;
	memcpy(laptop->identity, bundle.identity, WA_KEY_BYTES);
	memcpy(laptop->signed_pub, bundle.signed_key, WA_KEY_BYTES);
	memcpy(laptop->signed_sig, bundle.signature, WA_SIGNATURE_BYTES);
}

/* Decrypts the @i-th <enc> of @message, which @from (a LID) sent. */
static inline Wa__Message *laptop_read_part(
	const struct wa_node *message, const struct wa_jid *from, size_t i)
{
	const struct wa_node *enc = message->child;
	struct buf plain = BUF_INIT;
	struct err err = ERR_NONE;
	enum wa_enc_type type;
	const uint8_t *bytes;
	Wa__Message *content;
	size_t n;

	while (enc != NULL && (strcmp(enc->tag, "enc") != 0 || i-- > 0))
		enc = enc->next;
	assert_non_null(enc);
	type = wa_node_is(enc, "type", "pkmsg") ? WA_ENC_PKMSG : WA_ENC_MSG;
	bytes = wa_node_content(enc, &n);
	if (wa_signal_decrypt(phone_store_party(&keys), from, type, bytes, n,
		    &plain, NULL, &err) != WA_SIGNAL_OK)
		fail_msg("%s", err.msg);
	assert_int_equal(wa_unpad(plain.data, plain.len, &n), 0);
	content = wa__message__unpack(NULL, n, plain.data);
	buf_fini(&plain);
	assert_non_null(content);
	return content;
}

static inline Wa__Message *laptop_read(
	const struct wa_node *message, const struct wa_jid *from)
{
	return laptop_read_part(message, from, 0);
}

/* The last message to the laptop's session; read by laptop_read(). */
static inline const struct wa_node *laptop_last(const char *tag)
{
	size_t n = net_count(laptop, tag);

	assert_true(n > 0);
	return net_sent(laptop, tag, n - 1);
}

/* A peer message of these bytes from the laptop to its phone. */
static inline void laptop_send(const void *bytes, size_t n, const char *id)
{
	struct device *phone = laptop->account->devices;
	struct wa_jid to = device_pn(phone), lid = device_lid(phone);
	struct buf plain = BUF_INIT, sealed = BUF_INIT;
	struct wa_bundle bundle;
	struct err err = ERR_NONE;
	enum wa_enc_type type;
	struct wa_node *stanza, *enc;

	phone_bundle(phone->phone, &bundle);
	if (wa_signal_has_session(phone_store_party(&keys), &lid) != 1)
		assert_int_equal(
			wa_signal_process_bundle(phone_store_party(&keys), &lid,
				&bundle, NULL, &err),
			0);
	buf_add(&plain, bytes, n);
	wa_pad(&plain);
	assert_int_equal(wa_signal_encrypt(phone_store_party(&keys), &lid,
				 plain.data, plain.len, &sealed, &type, &err),
		0);
	stanza = net_stanza("message", id, &to);
	wa_node_set(stanza, "type", "text");
	wa_node_set(stanza, "category", "peer");
	enc = wa_node_add(stanza, "enc");
	wa_node_set(enc, "v", "2");
	wa_node_set(enc, "type", wa_enc_name(type));
	wa_node_bytes(enc, sealed.data, sealed.len);
	route_message(&net.sandbox, laptop, stanza);
	buf_fini(&plain);
	buf_fini(&sealed);
}

static inline void laptop_ask(const Wa__Message *message, const char *id)
{
	struct buf packed = BUF_INIT;

	packed.len = wa__message__pack(message,
		buf_reserve(&packed, wa__message__get_packed_size(message)));
	laptop_send(packed.data, packed.len, id);
	buf_fini(&packed);
}

#endif
