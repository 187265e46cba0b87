/* See auth.h.  Keys are cached per thread, by hash, for as long as no key was
 * created or revoked anywhere. */
#include "apid/auth.h"

#include <jwt.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "apid/http.h"
#include "apid/request.h"
#include "common/clock.h"
#include "common/own.h"
#include "common/store/account.h"

#define CACHE_SLOTS 256
#define KEY_MAX 256
#define TOKEN_MAX 2048

struct cached_key {
	uint8_t hash[SECRET_HASH_BYTES];
	int64_t generation; /* of the store's keys when it was read; 0 = empty
			     */
	int64_t account_id;
	char account_uid[UUID_LEN];
};

static _Thread_local struct cached_key cache[CACHE_SLOTS];

static int take_account(const struct account *account, void *arg)
{
	struct request *request = arg;

	request->account_id = account->id;
	memcpy(request->account_uid, account->public_id, UUID_LEN);
	return 0;
}

static int check_key(struct request *request, const char *key, struct err *err)
{
	uint8_t hash[SECRET_HASH_BYTES];
	int64_t generation = store_api_key_generation(request->store);
	struct cached_key *slot;
	int64_t key_id;

	if (strlen(key) > KEY_MAX)
		return err_set(err, ERR_UNAUTHORIZED, "Invalid API key");
	secret_hash_key(key, hash);
	slot = &cache[hash[0] % CACHE_SLOTS];
	if (slot->generation == generation + 1 &&
		secret_equal(slot->hash, hash, sizeof(hash))) {
		request->account_id = slot->account_id;
		memcpy(request->account_uid, slot->account_uid, UUID_LEN);
		return 0;
	}
	if (store_api_key_account(request->store, hash, &request->account_id,
		    &key_id, err) != 0 ||
		store_account_by_id(request->store, request->account_id,
			take_account, request, err) != 0)
		return err_set(err, ERR_UNAUTHORIZED, "Invalid API key");
	memcpy(slot->hash, hash, sizeof(hash));
	slot->generation = generation + 1; /* so that 0 stays "empty" */
	slot->account_id = request->account_id;
	memcpy(slot->account_uid, request->account_uid, UUID_LEN);
	return 0;
}

char *auth_token_new(
	const struct apid *apid, const char *account_uid, int64_t now_s)
{
	jwt_t *jwt = NULL;
	char *encoded, *token;

	if (jwt_new(&jwt) != 0)
		return NULL;
	if (jwt_set_alg(jwt, JWT_ALG_HS256, apid->jwt_key.bytes,
		    SECRET_KEY_BYTES) != 0 ||
		jwt_add_grant(jwt, "sub", account_uid) != 0 ||
		jwt_add_grant_int(jwt, "iat", (long)now_s) != 0 ||
		jwt_add_grant_int(jwt, "exp",
			(long)(now_s + apid->config->api.token_ttl_sec)) != 0) {
		jwt_free(jwt);
		return NULL;
	}
	encoded = jwt_encode_str(jwt);
	token = encoded != NULL ? xstrdup(encoded) : NULL;
	free(encoded);
	jwt_free(jwt);
	return token;
}

static int check_token(
	struct request *request, const char *token, struct err *err)
{
	jwt_t *jwt = NULL;
	const char *account_uid;
	int rc = -1;

	if (strlen(token) > TOKEN_MAX ||
		jwt_decode(&jwt, token, request->apid->jwt_key.bytes,
			SECRET_KEY_BYTES) != 0)
		return err_set(err, ERR_UNAUTHORIZED, "Invalid token");
	account_uid = jwt_get_grant(jwt, "sub");
	if (jwt_get_alg(jwt) != JWT_ALG_HS256 || account_uid == NULL)
		err_set(err, ERR_UNAUTHORIZED, "Invalid token");
	else if (jwt_get_grant_int(jwt, "exp") <= clock_now_ms() / 1000)
		err_set(err, ERR_UNAUTHORIZED, "Token expired");
	else
		rc = store_account_by_public_id(request->store, account_uid,
			take_account, request, err);
	jwt_free(jwt);
	return rc == 0 ? 0
		       : err_set(err, ERR_UNAUTHORIZED,
				 "Unauthorized - missing or invalid API key");
}

static bool looks_like_jwt(const char *text)
{
	const char *dot = strchr(text, '.');

	return dot != NULL && strchr(dot + 1, '.') != NULL;
}

static int check_credentials(struct request *request, struct err *err)
{
	bool twice = false;
	const char *key = http_header_once(request, "X-API-Key", &twice);
	const char *bearer = http_header_once(request, "Authorization", &twice);

	if (key != NULL && key[0] != '\0')
		return check_key(request, key, err);
	if (bearer == NULL || strncasecmp(bearer, "Bearer ", 7) != 0)
		return err_set(err, ERR_UNAUTHORIZED,
			"Unauthorized - missing or invalid API key");
	bearer += 7;
	while (*bearer == ' ')
		bearer++;
	return looks_like_jwt(bearer) ? check_token(request, bearer, err)
				      : check_key(request, bearer, err);
}

int auth_check(struct request *request, struct err *err)
{
	switch (request->endpoint->auth) {
	case AUTH_NONE:
		return 0;
	case AUTH_LOCAL:
		if (http_peer_is_local(request))
			return 0;
		return check_credentials(request, err);
	case AUTH_ACCOUNT:
		return check_credentials(request, err);
	}
	return err_set(err, ERR_INTERNAL, "endpoint without authentication");
}
