/* Campaigns whose time has come, and runs of recurring ones. */
#ifndef SCHEDULERD_CAMPAIGN_STARTS_H
#define SCHEDULERD_CAMPAIGN_STARTS_H

#include <stdbool.h>
#include <stdint.h>

struct err;
struct schedulerd;

/* Starts those that are due, a batch in one transaction.  A recurring one gets
 * a child, whose recipients campaign_build_some() writes.  0 or -1. */
int campaign_starts(struct schedulerd *sd, int64_t now_ms, struct err *err);
/* One chunk of one campaign that is being prepared: of a run of a recurring
 * one, or a piece less of one that nobody will finish.  *@more tells whether
 * there was one.  0 or -1. */
int campaign_build_some(
	struct schedulerd *sd, int64_t now_ms, bool *more, struct err *err);

#endif
