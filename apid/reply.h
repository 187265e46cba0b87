/* Writes the answer of a request: JSON, a text, or a part of a file. */
#ifndef APID_REPLY_H
#define APID_REPLY_H

struct request;

void reply_write(struct request *request);

#endif
