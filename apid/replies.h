/* Auto-reply rules: what is answered to a received message by itself. */
#ifndef APID_REPLIES_H
#define APID_REPLIES_H

struct err;
struct request;
struct tx;

/* The rules of a device, in the order in which they are tried. */
int replies_list(struct request *request, struct err *err);
int replies_get(struct request *request, struct err *err);
int replies_create(struct request *request, struct tx *tx, struct err *err);
/* Any subset of the fields; what is not given stays. */
int replies_update(struct request *request, struct tx *tx, struct err *err);
int replies_delete(struct request *request, struct tx *tx, struct err *err);

#endif
