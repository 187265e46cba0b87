#include "common/wa/adv.h"

#include <string.h>

#include <sodium.h>

#include "common/buf.h"
#include "common/err.h"
#include "common/own.h"
#include "common/wa/pbguard.h"
#include "whatsapp.pb-c.h"

#define HMAC_BYTES 32

/* Two bytes before what is signed say who signs and what for. */
static const uint8_t prefix_account[2] = { 6, 0 };
static const uint8_t prefix_device[2] = { 6, 1 };
static const uint8_t prefix_key_list[2] = { 6, 2 };
static const uint8_t prefix_hosted[2] = { 6, 5 };

/* ---- reading ---- */

static void outer_free(Wa__ADVSignedDeviceIdentityHMAC **outerp)
{
	Wa__ADVSignedDeviceIdentityHMAC *outer = move(*outerp);

	if (outer != NULL)
		wa__advsigned_device_identity_hmac__free_unpacked(outer, NULL);
}

static void signed_free(Wa__ADVSignedDeviceIdentity **sdip)
{
	Wa__ADVSignedDeviceIdentity *sdi = move(*sdip);

	if (sdi != NULL)
		wa__advsigned_device_identity__free_unpacked(sdi, NULL);
}

static void identity_free(Wa__ADVDeviceIdentity **dip)
{
	Wa__ADVDeviceIdentity *di = move(*dip);

	if (di != NULL)
		wa__advdevice_identity__free_unpacked(di, NULL);
}

static Wa__ADVSignedDeviceIdentity *signed_read(const uint8_t *bytes, size_t n)
{
	if (!wa_pb_bounded(bytes, n))
		return NULL;
	return wa__advsigned_device_identity__unpack(NULL, n, bytes);
}

static Wa__ADVDeviceIdentity *identity_read(const ProtobufCBinaryData *details)
{
	if (!wa_pb_bounded(details->data, details->len))
		return NULL;
	return wa__advdevice_identity__unpack(
		NULL, details->len, details->data);
}

/* ---- signing and checking: over the bytes as received ---- */

/* prefix, details, device identity, and for the device's signature the account
 * key. */
static void signed_text(const uint8_t prefix[2],
	const ProtobufCBinaryData *details,
	const uint8_t device_identity[WA_KEY_BYTES], const uint8_t *account_key,
	struct buf *out)
{
	buf_add(out, prefix, 2);
	buf_add(out, details->data, details->len);
	buf_add(out, device_identity, WA_KEY_BYTES);
	if (account_key != NULL)
		buf_add(out, account_key, WA_KEY_BYTES);
}

static bool account_signature_is_good(const Wa__ADVSignedDeviceIdentity *sdi,
	const Wa__ADVDeviceIdentity *di, const uint8_t *account_key,
	const uint8_t device_identity[WA_KEY_BYTES])
{
	scoped(buf_fini) struct buf text = BUF_INIT;
	const uint8_t *prefix =
		di->device_type == WA__ADVENCRYPTION_TYPE__HOSTED
			? prefix_hosted
			: prefix_account;

	signed_text(prefix, &sdi->details, device_identity, NULL, &text);
	return sdi->account_signature.len == WA_SIGNATURE_BYTES &&
	       wa_verify(account_key, text.data, text.len,
		       sdi->account_signature.data);
}

static bool device_signature_is_good(const Wa__ADVSignedDeviceIdentity *sdi,
	const uint8_t *account_key, const uint8_t device_identity[WA_KEY_BYTES])
{
	scoped(buf_fini) struct buf text = BUF_INIT;

	signed_text(prefix_device, &sdi->details, device_identity, account_key,
		&text);
	return sdi->device_signature.len == WA_SIGNATURE_BYTES &&
	       wa_verify(device_identity, text.data, text.len,
		       sdi->device_signature.data);
}

static void compute_hmac(const uint8_t adv_secret[32], bool hosted,
	const ProtobufCBinaryData *details, uint8_t out[HMAC_BYTES])
{
	scoped(buf_fini) struct buf text = BUF_INIT;

	if (hosted)
		buf_add(&text, prefix_hosted, sizeof(prefix_hosted));
	buf_add(&text, details->data, details->len);
	wa_hmac_sha256(adv_secret, 32, text.data, text.len, out);
}

static bool hmac_is_good(const Wa__ADVSignedDeviceIdentityHMAC *outer,
	const uint8_t adv_secret[32])
{
	uint8_t hmac[HMAC_BYTES];

	compute_hmac(adv_secret,
		outer->account_type == WA__ADVENCRYPTION_TYPE__HOSTED,
		&outer->details, hmac);
	return outer->hmac.len == HMAC_BYTES &&
	       sodium_memcmp(outer->hmac.data, hmac, HMAC_BYTES) == 0;
}

/* ---- writing ---- */

/* @account_key may be NULL: left out. */
static void signed_write(const ProtobufCBinaryData *details,
	const uint8_t *account_key,
	const uint8_t account_signature[WA_SIGNATURE_BYTES],
	const uint8_t *device_signature, struct buf *out)
{
	Wa__ADVSignedDeviceIdentity sdi = WA__ADVSIGNED_DEVICE_IDENTITY__INIT;

	sdi.has_details = sdi.has_account_signature = 1;
	sdi.details = *details;
	sdi.account_signature = (ProtobufCBinaryData){ WA_SIGNATURE_BYTES,
		(uint8_t *)account_signature };
	sdi.has_account_signature_key = account_key != NULL;
	sdi.account_signature_key =
		(ProtobufCBinaryData){ WA_KEY_BYTES, (uint8_t *)account_key };
	sdi.has_device_signature = device_signature != NULL;
	sdi.device_signature = (ProtobufCBinaryData){ WA_SIGNATURE_BYTES,
		(uint8_t *)device_signature };
	buf_reserve(out, wa__advsigned_device_identity__get_packed_size(&sdi));
	out->len +=
		wa__advsigned_device_identity__pack(&sdi, out->data + out->len);
}

/* ---- device side ---- */

int wa_adv_accept(const uint8_t *hmac_msg, size_t n,
	const uint8_t adv_secret[32], const struct wa_keypair *identity,
	struct buf *full, struct buf *reply, struct wa_adv_result *result,
	struct err *err)
{
	scoped(outer_free) Wa__ADVSignedDeviceIdentityHMAC *outer = NULL;
	scoped(signed_free) Wa__ADVSignedDeviceIdentity *sdi = NULL;
	scoped(identity_free) Wa__ADVDeviceIdentity *di = NULL;
	scoped(buf_fini) struct buf text = BUF_INIT;
	uint8_t signature[WA_SIGNATURE_BYTES];
	const uint8_t *account_key;

	if (wa_pb_bounded(hmac_msg, n))
		outer = wa__advsigned_device_identity_hmac__unpack(
			NULL, n, hmac_msg);
	if (outer == NULL)
		return err_set(err, ERR_PEER, "device identity unreadable");
	if (!hmac_is_good(outer, adv_secret))
		return err_set(err, ERR_UNAUTHORIZED, "hmac-mismatch");
	sdi = signed_read(outer->details.data, outer->details.len);
	if (sdi != NULL)
		di = identity_read(&sdi->details);
	if (di == NULL || sdi->account_signature_key.len != WA_KEY_BYTES)
		return err_set(err, ERR_PEER, "signed identity unreadable");
	account_key = sdi->account_signature_key.data;
	if (!account_signature_is_good(sdi, di, account_key, identity->pub))
		return err_set(err, ERR_UNAUTHORIZED, "signature-mismatch");

	signed_text(prefix_device, &sdi->details, identity->pub, account_key,
		&text);
	wa_sign(identity->priv, text.data, text.len, signature);
	signed_write(&sdi->details, account_key, sdi->account_signature.data,
		signature, full);
	signed_write(&sdi->details, NULL, sdi->account_signature.data,
		signature, reply);
	memcpy(result->account_key, account_key, WA_KEY_BYTES);
	result->key_index = di->key_index;
	return 0;
}

/* ---- phone side ---- */

void wa_adv_issue(const struct wa_keypair *account,
	const uint8_t device_identity[WA_KEY_BYTES],
	const uint8_t adv_secret[32], uint32_t raw_id, uint64_t timestamp,
	uint32_t key_index, struct buf *out)
{
	Wa__ADVDeviceIdentity di = WA__ADVDEVICE_IDENTITY__INIT;
	Wa__ADVSignedDeviceIdentityHMAC outer =
		WA__ADVSIGNED_DEVICE_IDENTITY_HMAC__INIT;
	scoped(buf_fini) struct buf text = BUF_INIT, inner = BUF_INIT;
	uint8_t signature[WA_SIGNATURE_BYTES], hmac[HMAC_BYTES];
	uint8_t packed[64]; /* five varints */
	ProtobufCBinaryData details = { 0, packed };

	/* Zeros are written, too: some clients need key index and types. */
	di.has_raw_id = di.has_timestamp = di.has_key_index = 1;
	di.has_account_type = di.has_device_type = 1;
	di.raw_id = raw_id;
	di.timestamp = timestamp;
	di.key_index = key_index;
	details.len = wa__advdevice_identity__pack(&di, packed);

	signed_text(prefix_account, &details, device_identity, NULL, &text);
	wa_sign(account->priv, text.data, text.len, signature);
	signed_write(&details, account->pub, signature, NULL, &inner);

	outer.has_details = outer.has_hmac = 1;
	outer.details = (ProtobufCBinaryData){ inner.len, inner.data };
	compute_hmac(adv_secret, false, &outer.details, hmac);
	outer.hmac = (ProtobufCBinaryData){ sizeof(hmac), hmac };
	buf_reserve(out,
		wa__advsigned_device_identity_hmac__get_packed_size(&outer));
	out->len += wa__advsigned_device_identity_hmac__pack(
		&outer, out->data + out->len);
}

int wa_adv_check_reply(const uint8_t *reply, size_t n,
	const uint8_t account_key[WA_KEY_BYTES],
	const uint8_t device_identity[WA_KEY_BYTES], struct buf *full,
	struct err *err)
{
	scoped(signed_free) Wa__ADVSignedDeviceIdentity *sdi =
		signed_read(reply, n);
	scoped(identity_free) Wa__ADVDeviceIdentity *di = NULL;

	if (sdi != NULL)
		di = identity_read(&sdi->details);
	if (di == NULL)
		return err_set(err, ERR_PEER, "signed identity unreadable");
	if (!account_signature_is_good(sdi, di, account_key, device_identity))
		return err_set(err, ERR_UNAUTHORIZED, "bad account signature");
	if (!device_signature_is_good(sdi, account_key, device_identity))
		return err_set(err, ERR_UNAUTHORIZED, "bad device signature");
	signed_write(&sdi->details, account_key, sdi->account_signature.data,
		sdi->device_signature.data, full);
	return 0;
}

void wa_adv_key_index_list(const struct wa_keypair *account, uint32_t raw_id,
	uint64_t timestamp, const uint32_t *indexes, size_t n, struct buf *out)
{
	Wa__ADVKeyIndexList list = WA__ADVKEY_INDEX_LIST__INIT;
	Wa__ADVSignedKeyIndexList envelope = WA__ADVSIGNED_KEY_INDEX_LIST__INIT;
	scoped(buf_fini) struct buf text = BUF_INIT;
	uint8_t signature[WA_SIGNATURE_BYTES];

	list.has_raw_id = list.has_timestamp = list.has_current_index = 1;
	list.raw_id = raw_id;
	list.timestamp = timestamp;
	for (size_t i = 0; i < n; i++) {
		if (indexes[i] > list.current_index)
			list.current_index = indexes[i];
	}
	list.n_valid_indexes = n;
	list.valid_indexes = (uint32_t *)indexes;

	/* Signed with its prefix, sent without. */
	buf_add(&text, prefix_key_list, sizeof(prefix_key_list));
	buf_reserve(&text, wa__advkey_index_list__get_packed_size(&list));
	text.len += wa__advkey_index_list__pack(&list, text.data + text.len);
	wa_sign(account->priv, text.data, text.len, signature);
	envelope.has_details = envelope.has_account_signature = 1;
	envelope.details =
		(ProtobufCBinaryData){ text.len - sizeof(prefix_key_list),
			text.data + sizeof(prefix_key_list) };
	envelope.account_signature =
		(ProtobufCBinaryData){ sizeof(signature), signature };
	buf_reserve(
		out, wa__advsigned_key_index_list__get_packed_size(&envelope));
	out->len += wa__advsigned_key_index_list__pack(
		&envelope, out->data + out->len);
}

/* ---- anybody ---- */

int wa_adv_verify(const uint8_t *full, size_t n,
	const uint8_t device_identity[WA_KEY_BYTES], struct err *err)
{
	scoped(signed_free) Wa__ADVSignedDeviceIdentity *sdi =
		signed_read(full, n);
	scoped(identity_free) Wa__ADVDeviceIdentity *di = NULL;
	const uint8_t *account_key;

	if (sdi != NULL)
		di = identity_read(&sdi->details);
	if (di == NULL || sdi->account_signature_key.len != WA_KEY_BYTES)
		return err_set(err, ERR_PEER, "signed identity unreadable");
	account_key = sdi->account_signature_key.data;
	if (!account_signature_is_good(sdi, di, account_key, device_identity))
		return err_set(err, ERR_UNAUTHORIZED, "bad account signature");
	if (!device_signature_is_good(sdi, account_key, device_identity))
		return err_set(err, ERR_UNAUTHORIZED, "bad device signature");
	return 0;
}
