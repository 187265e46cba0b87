/* Templates without sending: what would come of one. */
#ifndef APID_SPINTAX_H
#define APID_SPINTAX_H

struct err;
struct request;

/* Variables stay as they are written in both. */
int spintax_preview_start(struct request *request, struct err *err);
int spintax_spin_once(struct request *request, struct err *err);

#endif
