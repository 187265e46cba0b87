/* Scheduled messages whose time has come. */
#ifndef SCHEDULERD_DUE_H
#define SCHEDULERD_DUE_H

#include <stdint.h>

struct err;
struct schedulerd;

/* Takes everything due at @now_ms, in batches of one transaction.  Each message becomes a message
 * of its device's queue, is postponed because a safety budget is used up, or fails with a
 * reason (docs/api-decisions.md, "Scheduled messages"). */
int due_run(struct schedulerd *sd, int64_t now_ms, struct err *err);

#endif
