/* Any bytes as a configuration file: refused with one line of words, or a
 * configuration that keeps its own ranges. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "common/config.h"
#include "common/err.h"
#include "common/own.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static void check_refusal(const struct err *err)
{
	assert(err->code != ERR_OK);
	assert(strncmp(err->msg, "f:", 2) == 0);
	assert(strpbrk(err->msg, "\n\r\x1b") == NULL);
}

static void check_config(const struct config *config)
{
	const struct safety_tier *tiers = config->safety.daily_tiers;

	assert(config->api.port >= 0 && config->api.port <= 65535);
	assert(config->sender.ping_min_sec <= config->sender.ping_max_sec);
	assert(config->suite.state_dir[0] == '/');
	assert(config->safety.n_daily_tiers >= 1);
	assert(config->safety.n_daily_tiers <= SAFETY_MAX_TIERS);
	assert(tiers[0].from_day == 0);
	for (size_t i = 1; i < config->safety.n_daily_tiers; i++)
		assert(tiers[i - 1].from_day < tiers[i].from_day);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	scoped(config_free) struct config *config = NULL;
	struct err err = ERR_NONE;

	if (config_load_text((const char *)bytes, n, "f", &config, &err) != 0)
		check_refusal(&err);
	else
		check_config(config);
	return 0;
}
