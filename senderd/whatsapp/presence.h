/* Our own presence; the rest of it is in lane.h. */
#ifndef SENDERD_WHATSAPP_PRESENCE_H
#define SENDERD_WHATSAPP_PRESENCE_H

#include "senderd/lane.h"

/* Shows us as available, or not, from now on, whatever the configuration says;
 * false: nobody can see us without a name. */
bool presence_set(struct lane *lane, bool is_available);

#endif
