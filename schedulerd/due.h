/* Scheduled messages whose time has come. */
#ifndef SCHEDULERD_DUE_H
#define SCHEDULERD_DUE_H

#include <stdint.h>

struct err;
struct schedulerd;

/* Takes the earliest due at @now_ms, one batch in one transaction.  Each
 * message becomes a message of its device's queue, is postponed because a
 * safety budget is used up, or fails with a reason (docs/api-decisions.md,
 * "Scheduled messages").  1: more may be due, 0: none is, -1. */
int due_run(struct schedulerd *sd, int64_t now_ms, struct err *err);

#endif
