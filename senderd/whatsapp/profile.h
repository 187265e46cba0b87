/* Our own profile. */
#ifndef SENDERD_WHATSAPP_PROFILE_H
#define SENDERD_WHATSAPP_PROFILE_H

#include "senderd/lane.h"
#include "senderd/whatsapp/calls.h"

/* profile.set {name?, about?, pictureJpeg?} -> {pictureId?}: one after the
 * other; the first that is refused ends it. */
void profile_on_set(struct lane *lane, struct call *call);

#endif
