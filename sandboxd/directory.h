/* The part of the directory that only this daemon's core uses: its life, and
 * numbers reserved for a companion that is still pairing. */
#ifndef SANDBOXD_DIRECTORY_H
#define SANDBOXD_DIRECTORY_H

#include "sandboxd/sandbox.h"

/* Device numbers travel as one byte; 0 is the phone. */
#define DEVICE_NUMBER_MAX 255

struct directory *directory_new(void);
/* Frees all accounts with their devices, queues and phones. */
void directory_free(struct sandbox *sandbox);

/* The next free device number and key index of an account, for a companion that
 * has not proved itself yet.  0: every number is taken. */
unsigned account_reserve(struct account *account, uint32_t *key_index_out);
/* The companion with reserved numbers. */
struct device *account_new_companion(
	struct account *account, unsigned number, uint32_t key_index);

#endif
