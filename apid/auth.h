/* Who is asking: an API key or a session token. */
#ifndef APID_AUTH_H
#define APID_AUTH_H

#include <stdint.h>

struct apid;
struct err;
struct request;

/* Fills request->account_id and account_uid as the endpoint demands;
 * ERR_UNAUTHORIZED. */
int auth_check(struct request *request, struct err *err);

/* A signed session token for an account; caller frees. */
char *auth_token_new(
	const struct apid *apid, const char *account_uid, int64_t now_s);

#endif
