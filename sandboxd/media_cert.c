/* The certificate of the media host.  Clients only build https URLs, so a test
 * network needs one; it is made at start and proves nothing. */
#include "sandboxd/media.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "common/err.h"
#include "common/ids.h"
#include "common/own.h"

#define VALID_S (365 * 86400)

static const struct {
	int nid;
	const char *value;
} extensions[] = {
	{ NID_basic_constraints, "critical,CA:TRUE" },
	{ NID_key_usage, "critical,digitalSignature,keyCertSign" },
	{ NID_ext_key_usage, "serverAuth" },
	{ NID_subject_alt_name, "IP:127.0.0.1,DNS:localhost" },
};

static int add_extensions(X509 *cert)
{
	X509V3_CTX context;

	X509V3_set_ctx_nodb(&context);
	X509V3_set_ctx(&context, cert, cert, NULL, NULL, 0);
	for (size_t i = 0; i < ARRAY_LEN(extensions); i++) {
		X509_EXTENSION *extension = X509V3_EXT_conf_nid(
			NULL, &context, extensions[i].nid, extensions[i].value);
		int ok = extension != NULL && X509_add_ext(cert, extension, -1);

		X509_EXTENSION_free(extension);
		if (!ok)
			return -1;
	}
	return 0;
}

static int fill(X509 *cert, EVP_PKEY *key)
{
	X509_NAME *name = X509_get_subject_name(cert);

	if (!X509_set_version(cert, 2) ||
		!ASN1_INTEGER_set_int64(X509_get_serialNumber(cert),
			random_between(1, INT64_MAX)) ||
		!X509_gmtime_adj(X509_getm_notBefore(cert), -86400) ||
		!X509_gmtime_adj(X509_getm_notAfter(cert), VALID_S) ||
		!X509_set_pubkey(cert, key) ||
		!X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
			(const unsigned char *)"localhost", -1, -1, 0) ||
		!X509_set_issuer_name(cert, name) || add_extensions(cert) != 0)
		return -1;
	return X509_sign(cert, key, EVP_sha256()) > 0 ? 0 : -1;
}

static int add_pem(struct buf *out, const X509 *cert, const EVP_PKEY *key)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *text;
	long n;
	int ok = bio != NULL &&
		 (cert != NULL ? PEM_write_bio_X509(bio, cert)
			       : PEM_write_bio_PrivateKey(
					 bio, key, NULL, NULL, 0, NULL, NULL));

	if (ok) {
		n = BIO_get_mem_data(bio, &text);
		buf_add(out, text, (size_t)n);
	}
	BIO_free(bio);
	return ok ? 0 : -1;
}

int media_cert_new(struct buf *cert_out, struct buf *key_out, struct err *err)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *cert = X509_new();
	int rc = -1;

	if (key != NULL && cert != NULL && fill(cert, key) == 0 &&
		add_pem(cert_out, cert, NULL) == 0 &&
		add_pem(key_out, NULL, key) == 0)
		rc = 0;
	X509_free(cert);
	EVP_PKEY_free(key);
	return rc == 0 ? 0 : err_set(err, ERR_INTERNAL, "no media certificate");
}
