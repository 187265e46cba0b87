/* The account's privacy settings, as apid's clients see and set them. */
#ifndef SENDERD_WHATSAPP_PRIVACY_CALLS_H
#define SENDERD_WHATSAPP_PRIVACY_CALLS_H

#include "senderd/whatsapp/calls.h"

/* privacy.get {} -> {category: value, ...} */
void privacy_calls_get(struct lane *lane, struct call *call);
/* privacy.set {category: value, ...} -> as privacy.get */
void privacy_calls_set(struct lane *lane, struct call *call);

#endif
