/* The account's privacy settings (connection.md 8.5). */
#ifndef SENDERD_WHATSAPP_PRIVACY_H
#define SENDERD_WHATSAPP_PRIVACY_H

#include <jansson.h>
#include <stdbool.h>

#include "senderd/lane.h"

struct err;

#define PRIVACY_XMLNS "privacy"

/* Asks the server for all of them. */
void privacy_ask(struct lane *lane, iq_answer_fn *fn, void *arg);
/* {category: value, ...}; NULL: the server did not tell. */
json_t *privacy_read(struct lane *lane, const struct wa_node *answer);

/* May others know that we have read what they wrote?  Answered from memory when
 * it was asked within the hour. */
typedef void privacy_receipts_fn(struct lane *lane, bool is_told, void *arg);
void privacy_ask_receipts(
	struct lane *lane, privacy_receipts_fn *done, void *arg);
/* The settings were changed on another device. */
int privacy_forget(struct lane *lane, struct err *err);

#endif
