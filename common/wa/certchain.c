#include "common/wa/certchain.h"

#include <sodium.h>
#include <string.h>

#include "common/buf.h"
#include "common/err.h"
#include "common/own.h"
#include "common/wa/pbguard.h"
#include "whatsapp.pb-c.h"

#define ROOT_SERIAL 0
#define INTERMEDIATE_SERIAL 1
#define LEAF_SERIAL 2

/* ---- checking ---- */

static void chain_free(Wa__CertChain **chainp)
{
	Wa__CertChain *chain = move(*chainp);

	if (chain != NULL)
		wa__cert_chain__free_unpacked(chain, NULL);
}

static void details_free(Wa__NoiseCertificateDetails **detailsp)
{
	Wa__NoiseCertificateDetails *details = move(*detailsp);

	if (details != NULL)
		wa__noise_certificate_details__free_unpacked(details, NULL);
}

/* The signature covers the bytes as received, never a re-encoding. */
static bool is_signed_by(const Wa__NoiseCertificate *cert, const uint8_t *key)
{
	return cert->signature.len == WA_SIGNATURE_BYTES &&
	       wa_verify(key, cert->details.data, cert->details.len,
		       cert->signature.data);
}

static Wa__NoiseCertificateDetails *read_details(
	const Wa__NoiseCertificate *cert)
{
	Wa__NoiseCertificateDetails *details =
		wa__noise_certificate_details__unpack(
			NULL, cert->details.len, cert->details.data);

	if (details != NULL && details->key.len != WA_KEY_BYTES)
		details_free(&details);
	return details;
}

/* Absent dates are 0 and so in the past. */
static bool is_valid_at(const Wa__NoiseCertificateDetails *details, int64_t now)
{
	return now >= 0 && (uint64_t)now >= details->not_before &&
	       (uint64_t)now <= details->not_after;
}

static int check_parts(const Wa__CertChain *chain, const uint8_t *root_key,
	const uint8_t *static_key, int64_t now, struct err *err)
{
	scoped(details_free) Wa__NoiseCertificateDetails *middle = NULL;
	scoped(details_free) Wa__NoiseCertificateDetails *leaf = NULL;

	if (!is_signed_by(chain->intermediate, root_key))
		return err_set(err, ERR_PEER, "bad root signature");
	middle = read_details(chain->intermediate);
	if (middle == NULL)
		return err_set(err, ERR_PEER, "bad intermediate details");
	if (middle->issuer_serial != ROOT_SERIAL)
		return err_set(err, ERR_PEER, "bad issuer serial");
	if (!is_signed_by(chain->leaf, middle->key.data))
		return err_set(err, ERR_PEER, "bad leaf signature");
	leaf = read_details(chain->leaf);
	if (leaf == NULL)
		return err_set(err, ERR_PEER, "bad leaf details");
	if (leaf->issuer_serial != middle->serial)
		return err_set(err, ERR_PEER, "bad leaf issuer");
	if (sodium_memcmp(leaf->key.data, static_key, WA_KEY_BYTES) != 0)
		return err_set(err, ERR_PEER, "bad leaf key");
	if (!is_valid_at(middle, now) || !is_valid_at(leaf, now))
		return err_set(err, ERR_PEER, "bad dates");
	return 0;
}

int wa_certchain_check(const uint8_t *bytes, size_t n,
	const uint8_t root_key[WA_KEY_BYTES],
	const uint8_t static_key[WA_KEY_BYTES], int64_t now, struct err *err)
{
	scoped(chain_free) Wa__CertChain *chain = NULL;

	if (wa_pb_bounded(bytes, n))
		chain = wa__cert_chain__unpack(NULL, n, bytes);
	if (chain == NULL || chain->leaf == NULL || chain->intermediate == NULL)
		return err_set(err, ERR_PEER, "bad certificate chain");
	return check_parts(chain, root_key, static_key, now, err);
}

/* ---- making ---- */

/* A certificate and the memory its fields point into. */
struct made_cert {
	struct buf details;
	uint8_t signature[WA_SIGNATURE_BYTES];
	Wa__NoiseCertificate pb;
};

static void cert_sign(struct made_cert *cert,
	const Wa__NoiseCertificateDetails *details,
	const struct wa_keypair *issuer)
{
	size_t n = wa__noise_certificate_details__get_packed_size(details);

	wa__noise_certificate_details__pack(
		details, buf_reserve(&cert->details, n));
	cert->details.len = n;
	wa_sign(issuer->priv, cert->details.data, n, cert->signature);
	wa__noise_certificate__init(&cert->pb);
	cert->pb.has_details = cert->pb.has_signature = 1;
	cert->pb.details = (ProtobufCBinaryData){ n, cert->details.data };
	cert->pb.signature = (ProtobufCBinaryData){ sizeof(cert->signature),
		cert->signature };
}

/* Zero fields are written, too: some clients need issuer serial 0 to be there.
 */
static Wa__NoiseCertificateDetails make_details(uint32_t serial,
	uint32_t issuer_serial, uint8_t *key, uint64_t not_before,
	uint64_t not_after)
{
	Wa__NoiseCertificateDetails details =
		WA__NOISE_CERTIFICATE_DETAILS__INIT;

	details.has_serial = details.has_issuer_serial = details.has_key = 1;
	details.has_not_before = details.has_not_after = 1;
	details.serial = serial;
	details.issuer_serial = issuer_serial;
	details.key = (ProtobufCBinaryData){ WA_KEY_BYTES, key };
	details.not_before = not_before;
	details.not_after = not_after;
	return details;
}

void wa_certchain_make(const struct wa_keypair *root,
	const uint8_t static_key[WA_KEY_BYTES], int64_t not_before,
	int64_t not_after, enum wa_chain_defect defect, struct buf *out)
{
	uint64_t from = (uint64_t)not_before, to = (uint64_t)not_after;
	struct made_cert middle = { 0 }, leaf = { 0 };
	struct wa_keypair issuer, stranger;
	Wa__NoiseCertificateDetails details;
	Wa__CertChain chain = WA__CERT_CHAIN__INIT;
	uint8_t leaf_key[WA_KEY_BYTES];

	wa_keypair_new(&issuer);
	wa_keypair_new(&stranger);
	memcpy(leaf_key, static_key, sizeof(leaf_key));
	if (defect == WA_CHAIN_WRONG_KEY)
		memcpy(leaf_key, stranger.pub, sizeof(leaf_key));
	if (defect == WA_CHAIN_EXPIRED) {
		to = from - 1;
		from = 0;
	} else if (defect == WA_CHAIN_NOT_YET) {
		from = to + 1;
		to = from + 3600;
	}

	details = make_details(INTERMEDIATE_SERIAL,
		defect == WA_CHAIN_BAD_ISSUER ? 7 : ROOT_SERIAL, issuer.pub,
		from, to);
	cert_sign(&middle, &details,
		defect == WA_CHAIN_BAD_ROOT ? &stranger : root);
	details = make_details(LEAF_SERIAL,
		defect == WA_CHAIN_BAD_LEAF_ISSUER ? 7 : INTERMEDIATE_SERIAL,
		leaf_key, from, to);
	cert_sign(&leaf, &details,
		defect == WA_CHAIN_BAD_LEAF_SIG ? &stranger : &issuer);

	chain.leaf = &leaf.pb;
	chain.intermediate = &middle.pb;
	buf_reserve(out, wa__cert_chain__get_packed_size(&chain));
	out->len += wa__cert_chain__pack(&chain, out->data + out->len);
	buf_fini(&middle.details);
	buf_fini(&leaf.details);
	sodium_memzero(&issuer, sizeof(issuer));
}
