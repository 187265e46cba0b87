#include "common/pace.h"

#include "common/config.h"
#include "common/ids.h"

void pace_advance(
	const struct config *config, struct device_pace *pace, int64_t now_ms)
{
	const int every = config->safety.cooldown_every;
	int64_t pause_ms = random_between(
		config->safety.campaign_delay_min_sec * INT64_C(1000),
		config->safety.campaign_delay_max_sec * INT64_C(1000));

	pace->n_in_run++;
	if (every > 0 && pace->n_in_run >= every) {
		pace->n_in_run = 0;
		pause_ms += config->safety.cooldown_sec * INT64_C(1000);
	}
	pace->next_ms = now_ms + pause_ms;
}
