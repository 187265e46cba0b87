#include "senderd/whatsapp/ending.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/log.h"
#include "common/own.h"

/* A ban whose end the server does not tell, or puts years away, is tried again
 * this often: the account may have been unblocked on the phone. */
#define BAN_DEFAULT_SEC (24 * 3600)
#define OUTDATED 405
#define BAN_MAX_SEC (30 * 24 * 3600)

struct ending ending_retry(const char *fmt, ...)
{
	struct ending ending = { .to = LANE_BACKOFF };
	va_list args;

	va_start(args, fmt);
	vsnprintf(ending.reason, sizeof ending.reason, fmt, args);
	va_end(args);
	return ending;
}

static const struct failure_rule {
	int reason;
	enum lane_state to;
	bool forget;
	const char *words;
} failure_rules[] = {
	{ 400, LANE_STOPPED, false, "login refused" },
	{ 401, LANE_LOGGED_OUT, true, "unlinked by the phone" },
	{ 402, LANE_BANNED, false, "banned for a while" },
	{ 403, LANE_BANNED, true, "account locked or banned" },
	{ 405, LANE_STOPPED, false, "client outdated" },
	{ 406, LANE_BANNED, true, "account banned" },
	{ 409, LANE_STOPPED, false, "user agent refused" },
	{ 415, LANE_STOPPED, false, "login not found" },
	{ 418, LANE_STOPPED, false, "client unknown" },
	{ 500, LANE_BACKOFF, false, "server error" },
	{ 501, LANE_STOPPED, false, "experimental client refused" },
	{ 503, LANE_BACKOFF, false, "server unavailable" },
};

static const struct failure_rule *failure_rule(int reason)
{
	/* What nobody has seen stops the lane: to go on knocking at a door that
	 * was shut for an unknown reason is what gets numbers banned. */
	static const struct failure_rule unknown = { 0, LANE_STOPPED, false,
		"login refused" };

	for (size_t i = 0; i < ARRAY_LEN(failure_rules); i++) {
		if (failure_rules[i].reason == reason)
			return &failure_rules[i];
	}
	return &unknown;
}

static const char *ban_words(int64_t code)
{
	static const struct {
		int64_t code;
		const char *words;
	} names[] = {
		{ 101, "sent to too many people" },
		{ 102, "blocked by too many people" },
		{ 103, "created too many groups" },
		{ 104, "sent the same message too often" },
		{ 106, "too many broadcasts" },
	};

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		if (names[i].code == code)
			return names[i].words;
	}
	return "reason not given";
}

static void ban_fill(
	struct ending *ending, const struct wa_node *failure, int64_t now_ms)
{
	int64_t code = wa_node_int(failure, "code", 0);
	int64_t expire_sec = wa_node_int(failure, "expire", BAN_DEFAULT_SEC);

	if (expire_sec < 0)
		expire_sec = 0;
	if (expire_sec > BAN_MAX_SEC)
		expire_sec = BAN_MAX_SEC;
	ending->until_ms = now_ms + expire_sec * 1000;
	snprintf(ending->reason, sizeof ending->reason,
		"banned for %lld s: %s (402, code %lld)", (long long)expire_sec,
		ban_words(code), (long long)code);
}

struct ending ending_of_failure(const struct wa_node *failure, int64_t now_ms)
{
	/* A missing reason counts as server trouble, as other clients have
	 * it. */
	int reason = (int)wa_node_int(failure, "reason", 500);
	const struct failure_rule *rule = failure_rule(reason);
	const char *message = wa_node_str(failure, "logout_message_header");
	struct ending ending = { .to = rule->to,
		.forget = rule->forget,
		.is_outdated = reason == OUTDATED };

	if (message == NULL)
		message = wa_node_str(failure, "message");
	if (reason == 402) {
		ban_fill(&ending, failure, now_ms);
		return ending;
	}
	if (message != NULL)
		snprintf(ending.reason, sizeof ending.reason, "%s (%d: %.80s)",
			rule->words, reason, log_quote(message));
	else
		snprintf(ending.reason, sizeof ending.reason, "%s (%d)",
			rule->words, reason);
	return ending;
}

static struct ending ending_make(
	enum lane_state to, bool forget, const char *reason)
{
	struct ending ending = { .to = to, .forget = forget };

	snprintf(ending.reason, sizeof ending.reason, "%s", reason);
	return ending;
}

struct ending ending_of_stream_error(const struct wa_node *error)
{
	int code = (int)wa_node_int(error, "code", 0);
	const struct wa_node *conflict = wa_node_child(error, "conflict");

	if (conflict != NULL && wa_node_is(conflict, "type", "replaced"))
		return ending_make(LANE_STOPPED, false,
			"replaced by another connection of this device");
	if (code == 401 || (conflict != NULL && wa_node_is(conflict, "type",
							"device_removed")))
		return ending_make(
			LANE_LOGGED_OUT, true, "unlinked by the phone");
	if (code == 515)
		return ending_make(
			LANE_DIALING, false, "restart required (515)");
	if (code == 503)
		return ending_retry("server unavailable (503)");
	if (code != 0)
		return ending_retry("stream error (%d)", code);
	return ending_retry("stream error");
}
