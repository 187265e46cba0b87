/* The account that asks: its plan, what it has used of it, its pause. */
#ifndef APID_ACCOUNT_H
#define APID_ACCOUNT_H

struct err;
struct request;

int account_get(struct request *request, struct err *err);

#endif
