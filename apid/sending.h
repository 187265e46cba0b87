/* Accepting messages of every kind for sending. */
#ifndef APID_SENDING_H
#define APID_SENDING_H

struct err;
struct request;
struct tx;

/* handlers */
int sending_text(struct request *request, struct tx *tx, struct err *err);
int sending_media(struct request *request, struct err *err);
int sending_voice(struct request *request, struct err *err);
int sending_any(struct request *request, struct err *err);
int sending_text_status(struct request *request, struct err *err);
int sending_media_status(struct request *request, struct err *err);

#endif
