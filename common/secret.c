#include "common/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/err.h"
#include "common/ids.h"
#include "common/own.h"

#define NONCE_BYTES crypto_aead_xchacha20poly1305_ietf_NPUBBYTES

_Static_assert(SECRET_SEAL_OVERHEAD ==
		       NONCE_BYTES + crypto_aead_xchacha20poly1305_ietf_ABYTES,
	"a sealed value is nonce, text, tag");
_Static_assert(SECRET_PASSWORD_HASH_LEN >= crypto_pwhash_STRBYTES, "");
_Static_assert(SECRET_KEY_BYTES == crypto_auth_hmacsha256_KEYBYTES, "");
_Static_assert(SECRET_KEY_BYTES == crypto_auth_hmacsha256_BYTES, "");

static int key_file_check(int fd, const char *path, struct err *err)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return err_set(err, ERR_IO, "%s: %s", path, strerror(errno));
	if (!S_ISREG(st.st_mode) || st.st_size != SECRET_KEY_BYTES)
		return err_set(err, ERR_INVALID,
			"%s: not a host key (a file of %d bytes)", path,
			SECRET_KEY_BYTES);
	if ((st.st_mode & 077) != 0)
		return err_set(err, ERR_FORBIDDEN,
			"%s: mode %04o lets others in; run: chmod 600 %s", path,
			(unsigned)st.st_mode & 07777, path);
	if (st.st_uid != geteuid() && geteuid() != 0)
		return err_set(err, ERR_FORBIDDEN, "%s: belongs to user %u",
			path, (unsigned)st.st_uid);
	return 0;
}

/* ERR_NOT_FOUND when there is none yet. */
static int key_file_read(
	const char *path, struct secret_key *out, struct err *err)
{
	scoped(fd_close) int fd =
		open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

	if (fd < 0)
		return err_set(err, errno == ENOENT ? ERR_NOT_FOUND : ERR_IO,
			"%s: %s", path, strerror(errno));
	if (key_file_check(fd, path, err) != 0)
		return -1;
	if (read(fd, out->bytes, sizeof(out->bytes)) !=
		(ssize_t)sizeof(out->bytes))
		return err_set(err, ERR_IO, "%s: cannot be read", path);
	return 0;
}

static int key_file_fill(int fd, const char *path, struct err *err)
{
	struct secret_key key;
	bool ok;

	random_bytes(key.bytes, sizeof(key.bytes));
	ok = write(fd, key.bytes, sizeof(key.bytes)) ==
		     (ssize_t)sizeof(key.bytes) &&
	     fsync(fd) == 0;
	secret_wipe(&key);
	if (!ok)
		return err_set(err, ERR_IO, "%s: %s", path, strerror(errno));
	return 0;
}

/* The name appears only with the whole key on disk.  Two daemons may get here
 * at once: link() lets one of them win, and both read the winner's. */
static int key_file_make(
	const char *state_dir, const char *path, struct err *err)
{
	scoped(str_free) char *temporary = xasprintf("%s.XXXXXX", path);
	scoped(fd_close) int fd = mkostemp(temporary, O_CLOEXEC);
	scoped(fd_close) int dir = -1;
	int rc;

	if (fd < 0)
		return err_set(err, ERR_IO, "%s: %s", path, strerror(errno));
	rc = key_file_fill(fd, path, err);
	if (rc == 0 && link(temporary, path) != 0 && errno != EEXIST)
		rc = err_set(err, ERR_IO, "%s: %s", path, strerror(errno));
	unlink(temporary);
	if (rc != 0)
		return -1;
	dir = open(state_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0 || fsync(dir) != 0)
		return err_set(
			err, ERR_IO, "%s: %s", state_dir, strerror(errno));
	return 0;
}

int secret_host_key(
	const char *state_dir, struct secret_key *out, struct err *err)
{
	scoped(str_free) char *path = xasprintf("%s/host.key", state_dir);
	struct err missing = ERR_NONE;

	if (sodium_init() < 0)
		return err_set(err, ERR_INTERNAL, "libsodium cannot start");
	if (key_file_read(path, out, &missing) == 0)
		return 0;
	if (missing.code != ERR_NOT_FOUND)
		return err_set(err, missing.code, "%s", missing.msg);
	if (key_file_make(state_dir, path, err) != 0)
		return -1;
	return key_file_read(path, out, err);
}

void secret_derive(const struct secret_key *host, const char *purpose,
	struct secret_key *out)
{
	crypto_auth_hmacsha256(out->bytes, (const unsigned char *)purpose,
		strlen(purpose), host->bytes);
}

void secret_wipe(struct secret_key *key)
{
	sodium_memzero(key, sizeof(*key));
}

void secret_seal(const struct secret_key *key, const char *context,
	const void *plain, size_t n, uint8_t *out)
{
	random_bytes(out, NONCE_BYTES);
	crypto_aead_xchacha20poly1305_ietf_encrypt(out + NONCE_BYTES, NULL,
		plain, n, (const unsigned char *)context, strlen(context), NULL,
		out, key->bytes);
}

int secret_open(const struct secret_key *key, const char *context,
	const uint8_t *sealed, size_t n, uint8_t *out, struct err *err)
{
	if (n < SECRET_SEAL_OVERHEAD ||
		crypto_aead_xchacha20poly1305_ietf_decrypt(out, NULL, NULL,
			sealed + NONCE_BYTES, n - NONCE_BYTES,
			(const unsigned char *)context, strlen(context), sealed,
			key->bytes) != 0)
		return err_set(err, ERR_INVALID,
			"sealed value (%s) does not open with this host key",
			context);
	return 0;
}

void secret_hash_key(const char *api_key, uint8_t out[SECRET_HASH_BYTES])
{
	crypto_hash_sha256(
		out, (const unsigned char *)api_key, strlen(api_key));
}

int secret_hash_password(const char *password,
	char out[SECRET_PASSWORD_HASH_LEN], struct err *err)
{
	if (crypto_pwhash_str(out, password, strlen(password),
		    crypto_pwhash_OPSLIMIT_INTERACTIVE,
		    crypto_pwhash_MEMLIMIT_INTERACTIVE) != 0)
		return err_set(err, ERR_INTERNAL,
			"password cannot be hashed: out of memory");
	return 0;
}

bool secret_password_matches(const char *hash, const char *password)
{
	return crypto_pwhash_str_verify(hash, password, strlen(password)) == 0;
}

bool secret_equal(const void *a, const void *b, size_t n)
{
	return sodium_memcmp(a, b, n) == 0;
}
