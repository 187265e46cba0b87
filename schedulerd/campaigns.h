/* Campaigns: what starts is started, what runs is handed to the devices, what
 * lost a device goes on with the others.
 *
 * Nothing is kept in memory that a restart would miss: each message is handed
 * over in one transaction with the state of its recipient and the pace of its
 * device. */
#ifndef SCHEDULERD_CAMPAIGNS_H
#define SCHEDULERD_CAMPAIGNS_H

#include <stdint.h>

struct err;
struct schedulerd;

/* A bounded piece of what is to be done at @now_ms.  0, or -1: the store
 * failed, and nothing of that piece has happened. */
int campaigns_run(struct schedulerd *sd, int64_t now_ms, struct err *err);
/* When campaigns_run() has something to do again. */
int64_t campaigns_next_ms(struct schedulerd *sd);

#endif
