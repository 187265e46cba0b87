/* The configuration's [safety] section and the plans with the reference's
 * numbers. */
#ifndef TESTS_UNIT_SAFETY_CONFIG_H
#define TESTS_UNIT_SAFETY_CONFIG_H

#include "common/config.h"

static inline struct config safety_config(void)
{
	struct config config = { 0 };

	config.safety.enabled = true;
	config.safety.daily_tiers[0] = (struct safety_tier){ 0, 10 };
	config.safety.daily_tiers[1] = (struct safety_tier){ 2, 25 };
	config.safety.daily_tiers[2] = (struct safety_tier){ 8, 75 };
	config.safety.daily_tiers[3] = (struct safety_tier){ 15, 150 };
	config.safety.daily_tiers[4] = (struct safety_tier){ 31, 200 };
	config.safety.n_daily_tiers = 5;
	config.safety.hourly_limit = 30;
	config.safety.minute_limit = 5;
	config.plans[0] = (struct plan){ 3000, 2, 500, 5, false };
	config.plans[1] = (struct plan){ 12000, 3, 2000, 15, true };
	config.plans[2] = (struct plan){ 30000, 5, 5000, 30, true };
	config.plans[3] = (struct plan){ -1, -1, -1, -1, true };
	return config;
}

#endif
