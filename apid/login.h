/* POST /v1/auth/login.  Checking a password costs 64 MiB and some 50 ms by
 * intent, so one thread of its own does it, with a short queue and a limit of
 * failures per e-mail. */
#ifndef APID_LOGIN_H
#define APID_LOGIN_H

struct apid;
struct err;
struct login;
struct request;

int login_open(struct apid *apid, struct login **out, struct err *err);
void login_close(struct login **loginp);

int login_start(struct request *request, struct err *err); /* handler */

#endif
