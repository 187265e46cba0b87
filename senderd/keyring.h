/* The lane's own keys, made once, and the Signal party's door to the lane
 * database. */
#ifndef SENDERD_KEYRING_H
#define SENDERD_KEYRING_H

#include "senderd/lane.h"

struct err;

/* Reads lane->id from lane->db, or makes it, and opens lane->signal. */
int keyring_open(struct lane *lane, struct err *err);
/* Reads lane->id again: what a dropped turn changed in memory is void. */
int keyring_reload(struct lane *lane, struct err *err);

#endif
