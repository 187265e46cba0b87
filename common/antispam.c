#include "common/antispam.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "common/config.h"
#include "common/err.h"
#include "common/log.h"
#include "common/own.h"
#include "common/store/usage.h"

struct reading {
	int64_t now_ms;
	struct antispam *out;
};

static int take_pause(const struct usage_pause *pause, void *arg)
{
	const struct reading *reading = arg;
	struct antispam *out = reading->out;

	if (pause->until_ms <= reading->now_ms)
		return 0;
	out->paused_until_ms = pause->until_ms;
	snprintf(out->reason, sizeof(out->reason), "%s",
		pause->reason != NULL ? pause->reason : "");
	return 0;
}

int antispam_get(struct store *store, int64_t account_id, int64_t now_ms,
	struct antispam *out, struct err *err)
{
	struct reading reading = { .now_ms = now_ms, .out = out };

	out->paused_until_ms = 0;
	out->reason[0] = '\0';
	return store_usage_pause(store, account_id, take_pause, &reading, err);
}

int antispam_pause(struct tx *tx, int64_t account_id, int64_t until_ms,
	const char *reason, struct err *err)
{
	return store_usage_set_pause(tx, account_id, until_ms, reason, err);
}

bool antispam_is_sign(const char *reason)
{
	/* The server's trouble, and messages that it could not read. */
	static const char *const harmless[] = { "refused_malformed",
		"refused_stale_addressing", "refused_invalid",
		"refused_server_unavailable" };

	if (reason == NULL)
		return false;
	for (size_t i = 0; i < ARRAY_LEN(harmless); i++)
		if (strcmp(reason, harmless[i]) == 0)
			return false;
	return strcmp(reason, "not_on_whatsapp") == 0 ||
	       strncmp(reason, "refused", strlen("refused")) == 0;
}

int antispam_note_failure(struct tx *tx, const struct config *config,
	int64_t account_id, int64_t now_ms, struct err *err)
{
	const int limit = config->safety.spam_failures;
	const int64_t until_ms =
		now_ms + config->safety.spam_pause_sec * INT64_C(1000);
	char reason[sizeof(((struct antispam *)NULL)->reason)];
	int64_t n;

	if (limit == 0)
		return 0;
	if (store_usage_add_failure(tx, account_id, now_ms,
		    config->safety.spam_window_sec * INT64_C(1000), &n,
		    err) != 0)
		return -1;
	if (n < limit)
		return 0;
	snprintf(reason, sizeof(reason),
		"%" PRId64 " messages failed within %d seconds", n,
		config->safety.spam_window_sec);
	log_warning("account paused id=%" PRId64 " sec=%d reason=\"%s\"",
		account_id, config->safety.spam_pause_sec, reason);
	return antispam_pause(tx, account_id, until_ms, reason, err);
}

int64_t antispam_resets_at_ms(int64_t until_ms)
{
	return until_ms < ANTISPAM_UNTIL_LIFTED ? until_ms : 0;
}

void antispam_sentence(
	const char *what, int64_t until_ms, char out[ANTISPAM_SENTENCE_LEN])
{
	char until[CLOCK_ISO_LEN];

	if (antispam_resets_at_ms(until_ms) == 0) {
		snprintf(out, ANTISPAM_SENTENCE_LEN, "%s.", what);
		return;
	}
	clock_iso(until_ms, until);
	snprintf(out, ANTISPAM_SENTENCE_LEN, "%s. Try again after %s.", what,
		until);
}
