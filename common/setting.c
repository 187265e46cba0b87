#include "common/setting.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/config.h"
#include "common/err.h"
#include "common/log.h"
#include "common/own.h"

#define AT(field) offsetof(struct config, field)
#define DAY_SEC 86400
/* A section "plan_<name>"; -1 stands for no limit. */
#define PLAN_LIMIT(name, i, key, fallback, help)                           \
	{                                                                  \
		"plan_" name, #key, SETTING_NUMBER, AT(plans[i].key),      \
			fallback, -1, INT_MAX, help " -1: no limit.", NULL \
	}
#define PLAN(name, i, n_messages, n_devices, n_contacts, n_campaigns, import)  \
	PLAN_LIMIT(name, i, messages_per_month, n_messages,                    \
		"Messages in a calendar month."),                              \
		PLAN_LIMIT(name, i, devices, n_devices, "WhatsApp accounts."), \
		PLAN_LIMIT(name, i, contacts, n_contacts, "Saved contacts."),  \
		PLAN_LIMIT(name, i, campaigns_per_month, n_campaigns,          \
			"Campaigns in a calendar month."),                     \
	{                                                                      \
		"plan_" name, "contact_import", SETTING_BOOL,                  \
			AT(plans[i].contact_import), import, 0, 0,             \
			"May contacts be imported from files?", NULL           \
	}

const struct setting settings[] = {
	{ "suite", "state_dir", SETTING_TEXT, AT(suite.state_dir),
		"/var/lib/vereda", 1, 180,
		"Databases, lane databases and the host key.", NULL },
	{ "suite", "run_dir", SETTING_TEXT, AT(suite.run_dir), "", 0, 80,
		"Sockets between the daemons.  Empty: run/ in state_dir.",
		NULL },
	{ "suite", "log_dir", SETTING_TEXT, AT(suite.log_dir), "", 0, 180,
		"Log files as well as standard error.  Empty: none.", NULL },
	{ "suite", "log_level", SETTING_CHOICE, AT(suite.log_level), "info", 0,
		0, "How much is logged.", "error warning info debug" },

	{ "api", "listen", SETTING_ADDRESS, AT(api.listen), "127.0.0.1", 0, 0,
		"Address of the HTTP API.", NULL },
	{ "api", "port", SETTING_NUMBER, AT(api.port), "8080", 0, 65535,
		"Port of the HTTP API; 0: any free one.", NULL },
	{ "api", "threads", SETTING_NUMBER, AT(api.threads), "2", 1, 64,
		"Event loops that serve HTTP.", NULL },
	{ "api", "max_body_bytes", SETTING_NUMBER, AT(api.max_body_bytes),
		"1048576", 1024, 64 * 1024 * 1024,
		"Largest request body; more is answered with 413.", NULL },
	{ "api", "request_timeout_sec", SETTING_NUMBER,
		AT(api.request_timeout_sec), "30", 1, 3600,
		"A client must finish its request in this time.", NULL },
	{ "api", "max_connections", SETTING_NUMBER, AT(api.max_connections),
		"10000", 1, 1000000, "Open client connections.", NULL },
	{ "api", "token_ttl_sec", SETTING_NUMBER, AT(api.token_ttl_sec),
		"43200", 60, 365 * DAY_SEC, "Life of a login token.", NULL },
	{ "api", "idempotency_ttl_sec", SETTING_NUMBER,
		AT(api.idempotency_ttl_sec), "86400", 60, 30 * DAY_SEC,
		"How long an Idempotency-Key is remembered.", NULL },

	{ "whatsapp", "url", SETTING_WS_URL, AT(whatsapp.url),
		"wss://web.whatsapp.com/ws/chat", 0, 0,
		"Where lanes connect to.", NULL },
	{ "whatsapp", "noise_root_key", SETTING_HEX,
		AT(whatsapp.noise_root_key), "", 0, 32,
		"Root of the server's certificates.  Empty: WhatsApp's own; "
		"only a test network needs another.",
		NULL },
	{ "whatsapp", "media_scheme", SETTING_CHOICE, AT(whatsapp.media_scheme),
		"https", 0, 0, "http is for a test network on this host alone.",
		"https http" },
	{ "whatsapp", "ca_file", SETTING_TEXT, AT(whatsapp.ca_file), "", 0, 180,
		"Certificate authorities.  Empty: the system's.", NULL },
	{ "whatsapp", "client_version", SETTING_VERSION,
		AT(whatsapp.client_version), "2.3000.1045649367", 0, 0,
		"Version of WhatsApp Web that lanes report, at least.", NULL },
	{ "whatsapp", "version_source", SETTING_TEXT,
		AT(whatsapp.version_source), "https://web.whatsapp.com/sw.js",
		0, 500,
		"Where a newer version is looked up, once a day.  Empty: "
		"nowhere.",
		NULL },
	{ "whatsapp", "proxy", SETTING_TEXT, AT(whatsapp.proxy), "", 0, 500,
		"http://[user:password@]host:port or socks5://…, for devices "
		"that have no proxy of their own.",
		NULL },
	{ "whatsapp", "device_name", SETTING_TEXT, AT(whatsapp.device_name),
		"Vereda", 1, 50, "Shown on the phone under linked devices.",
		NULL },

	{ "sender", "max_lanes", SETTING_NUMBER, AT(sender.max_lanes), "2000",
		1, 100000, "Lane processes on this host.", NULL },
	{ "sender", "ping_min_sec", SETTING_NUMBER, AT(sender.ping_min_sec),
		"20", 1, 600, "Shortest time between keep-alives.", NULL },
	{ "sender", "ping_max_sec", SETTING_NUMBER, AT(sender.ping_max_sec),
		"30", 1, 600, "Longest time between keep-alives.", NULL },
	{ "sender", "ping_deadline_sec", SETTING_NUMBER,
		AT(sender.ping_deadline_sec), "10", 1, 600,
		"A keep-alive without an answer for so long ends the "
		"connection.",
		NULL },
	{ "sender", "backoff_base_ms", SETTING_NUMBER,
		AT(sender.backoff_base_ms), "2000", 10, 60000,
		"First wait before a lane connects again; it doubles.", NULL },
	{ "sender", "backoff_max_sec", SETTING_NUMBER,
		AT(sender.backoff_max_sec), "60", 1, 3600,
		"Longest wait before a lane connects again.", NULL },
	{ "sender", "ack_timeout_sec", SETTING_NUMBER,
		AT(sender.ack_timeout_sec), "75", 1, 3600,
		"A message without an acknowledgement for so long is sent "
		"again.",
		NULL },
	{ "sender", "stall_sec", SETTING_NUMBER, AT(sender.stall_sec), "30", 1,
		3600,
		"No acknowledgement for so long while messages wait: the lane "
		"counts as degraded and repairs itself, in steps.",
		NULL },
	{ "sender", "max_in_flight", SETTING_NUMBER, AT(sender.max_in_flight),
		"512", 1, 10000,
		"Messages sent and not yet acknowledged, per lane.", NULL },
	{ "sender", "message_max_age_sec", SETTING_NUMBER,
		AT(sender.message_max_age_sec), "86400", 60, 30 * DAY_SEC,
		"A message that waited in the queue for so long fails.", NULL },
	{ "sender", "receipts", SETTING_CHOICE, AT(sender.receipts), "active",
		0, 0,
		"active: senders see two grey ticks at once.  inactive: as a "
		"client in the background.",
		"active inactive" },

	{ "safety", "enabled", SETTING_BOOL, AT(safety.enabled), "true", 0, 0,
		"Sending budgets that keep numbers from being banned.", NULL },
	{ "safety", "daily_tiers", SETTING_TIERS, AT(safety.daily_tiers),
		"0:10,2:25,8:75,15:150,31:200", 0, 1000000,
		"From a device's age in days: messages per UTC day.", NULL },
	{ "safety", "hourly_limit", SETTING_NUMBER, AT(safety.hourly_limit),
		"30", 0, 1000000, "Messages per device and hour.", NULL },
	{ "safety", "minute_limit", SETTING_NUMBER, AT(safety.minute_limit),
		"5", 0, 1000000, "Messages per device and minute.", NULL },
	{ "safety", "campaign_delay_min_sec", SETTING_NUMBER,
		AT(safety.campaign_delay_min_sec), "18", 0, DAY_SEC,
		"Shortest pause between campaign messages.", NULL },
	{ "safety", "campaign_delay_max_sec", SETTING_NUMBER,
		AT(safety.campaign_delay_max_sec), "50", 0, DAY_SEC,
		"Longest pause between campaign messages.", NULL },
	{ "safety", "cooldown_every", SETTING_NUMBER, AT(safety.cooldown_every),
		"5", 0, 1000000,
		"A longer pause after so many campaign messages; 0: none.",
		NULL },
	{ "safety", "cooldown_sec", SETTING_NUMBER, AT(safety.cooldown_sec),
		"120", 0, DAY_SEC, "The longer pause.", NULL },
	{ "safety", "variant_recipients", SETTING_NUMBER,
		AT(safety.variant_recipients), "8", 0, 1000000,
		"Recipients of one wording before a campaign needs another.",
		NULL },
	{ "safety", "failures_before_pause", SETTING_NUMBER,
		AT(safety.failures_before_pause), "3", 0, 1000000,
		"Failures in a row that pause a campaign; 0: never.", NULL },
	{ "safety", "spam_failures", SETTING_NUMBER, AT(safety.spam_failures),
		"20", 0, 100000,
		"Failed messages of an account within spam_window_sec that "
		"pause its sending; 0: never.",
		NULL },
	{ "safety", "spam_window_sec", SETTING_NUMBER,
		AT(safety.spam_window_sec), "600", 1, DAY_SEC,
		"In which time they are counted.", NULL },
	{ "safety", "spam_pause_sec", SETTING_NUMBER, AT(safety.spam_pause_sec),
		"3600", 1, 30 * DAY_SEC, "How long sending then pauses.",
		NULL },

	{ "campaign", "in_flight", SETTING_NUMBER, AT(campaign.in_flight), "1",
		1, 1000,
		"Campaign messages that a device has at once without an "
		"acknowledgement.",
		NULL },
	{ "campaign", "max_recipients", SETTING_NUMBER,
		AT(campaign.max_recipients), "5000000", 1, 100000000,
		"Of one campaign.", NULL },

	{ "auto_reply", "per_chat_hourly", SETTING_NUMBER,
		AT(auto_reply.per_chat_hourly), "20", 1, 10000,
		"Replies to one chat in an hour: two machines that answer each "
		"other must come to an end.",
		NULL },
	{ "auto_reply", "max_age_sec", SETTING_NUMBER,
		AT(auto_reply.max_age_sec), "3600", 1, 30 * DAY_SEC,
		"An older message, received after a time offline, is not "
		"answered.",
		NULL },

	PLAN("starter", 0, "3000", "2", "500", "5", "false"),
	PLAN("growth", 1, "12000", "3", "2000", "15", "true"),
	PLAN("pro", 2, "30000", "5", "5000", "30", "true"),
	PLAN("business", 3, "-1", "-1", "-1", "-1", "true"),

	{ "webhook", "attempts", SETTING_NUMBER, AT(webhook.attempts), "3", 1,
		100, "Tries before a delivery counts as failed.", NULL },
	{ "webhook", "timeout_sec", SETTING_NUMBER, AT(webhook.timeout_sec),
		"10", 1, 300, "A receiver must answer in this time.", NULL },
	{ "webhook", "backoff_base_ms", SETTING_NUMBER,
		AT(webhook.backoff_base_ms), "1000", 1, 3600000,
		"Wait before the second try; it doubles.", NULL },
	{ "webhook", "backoff_max_ms", SETTING_NUMBER,
		AT(webhook.backoff_max_ms), "30000", 1, 24 * 3600000,
		"Longest wait between tries.", NULL },
	{ "webhook", "allow_private_targets", SETTING_BOOL,
		AT(webhook.allow_private_targets), "false", 0, 0,
		"Allow addresses of this host and its networks.", NULL },
	{ "webhook", "max_concurrent", SETTING_NUMBER,
		AT(webhook.max_concurrent), "256", 1, 10000,
		"Deliveries under way at once.", NULL },
	{ "webhook", "breaker_failures", SETTING_NUMBER,
		AT(webhook.breaker_failures), "10", 1, 100000,
		"Events in a row that could not be delivered pause an "
		"endpoint.",
		NULL },
	{ "webhook", "breaker_base_sec", SETTING_NUMBER,
		AT(webhook.breaker_base_sec), "60", 1, DAY_SEC,
		"First pause; it doubles while a probe fails.", NULL },
	{ "webhook", "breaker_max_sec", SETTING_NUMBER,
		AT(webhook.breaker_max_sec), "3600", 1, 30 * DAY_SEC,
		"Longest pause.", NULL },
	{ "webhook", "secret_overlap_sec", SETTING_NUMBER,
		AT(webhook.secret_overlap_sec), "86400", 0, 30 * DAY_SEC,
		"How long a replaced secret goes on signing.", NULL },

	{ "media", "max_mib", SETTING_NUMBER, AT(media.max_mib), "16", 1, 100,
		"Largest file that is taken, up and down.", NULL },
	{ "media", "auto_download", SETTING_BOOL, AT(media.auto_download),
		"true", 0, 0,
		"Fetch received files at once.  false: only when asked for.",
		NULL },
	{ "media", "reuse_days", SETTING_NUMBER, AT(media.reuse_days), "7", 0,
		30, "An encrypted upload is used again for so long.", NULL },

	{ "history", "mode", SETTING_CHOICE, AT(history.mode), "names", 0, 0,
		"What is taken from the history that a phone sends when it is "
		"linked: nothing, names and chats, or messages too.",
		"off names messages" },
	{ "history", "days", SETTING_NUMBER, AT(history.days), "30", 1, 3650,
		"Messages of the history that are older are left out.", NULL },

	{ "scheduler", "late_limit_sec", SETTING_NUMBER,
		AT(scheduler.late_limit_sec), "86400", 60, 365 * DAY_SEC,
		"A scheduled message later than this fails instead.", NULL },

	{ "sandbox", "port", SETTING_NUMBER, AT(sandbox.port), "0", 0, 65535,
		"Port of the test network; 0: any free one.", NULL },
	{ "sandbox", "media_port", SETTING_NUMBER, AT(sandbox.media_port), "0",
		0, 65535, "Port of its media host; 0: any free one.", NULL },
	{ "sandbox", "noise_root_priv", SETTING_HEX,
		AT(sandbox.noise_root_priv), "", 0, 32,
		"Private root key of the test network.  Empty: a new one at "
		"every start.",
		NULL },
	{ "sandbox", "read_after_ms", SETTING_NUMBER, AT(sandbox.read_after_ms),
		"2000", 0, 86400000, "A virtual phone reads after this time.",
		NULL },
};

const size_t n_settings = ARRAY_LEN(settings);
_Static_assert(ARRAY_LEN(settings) <= SETTINGS_MAX, "");

bool setting_is_text(const struct setting *setting)
{
	switch (setting->type) {
	case SETTING_TEXT:
	case SETTING_CHOICE:
	case SETTING_HEX:
	case SETTING_ADDRESS:
	case SETTING_WS_URL:
	case SETTING_VERSION:
		return true;
	case SETTING_NUMBER:
	case SETTING_BOOL:
	case SETTING_TIERS:
		return false;
	}
	return false;
}

void *setting_field(struct config *config, const struct setting *setting)
{
	return (char *)config + setting->offset;
}

bool setting_section_exists(const char *section)
{
	for (size_t i = 0; i < n_settings; i++)
		if (strcmp(settings[i].section, section) == 0)
			return true;
	return false;
}

const struct setting *setting_find(const char *section, const char *key)
{
	for (size_t i = 0; i < n_settings; i++)
		if (strcmp(settings[i].section, section) == 0 &&
			strcmp(settings[i].key, key) == 0)
			return &settings[i];
	return NULL;
}

static bool number_parse(const char *text, int min, int max, int *out)
{
	long value;
	char *end;

	if (!isdigit((unsigned char)text[0]) && text[0] != '-')
		return false;
	errno = 0;
	value = strtol(text, &end, 10);
	if (errno != 0 || end == text || *end != '\0')
		return false;
	if (value < min || value > max)
		return false;
	*out = (int)value;
	return true;
}

static bool word_is_in(const char *words, const char *word)
{
	size_t n = strlen(word);

	if (n == 0 || strchr(word, ' ') != NULL)
		return false;
	for (const char *at = words; (at = strstr(at, word)) != NULL; at++)
		if ((at == words || at[-1] == ' ') &&
			(at[n] == ' ' || at[n] == '\0'))
			return true;
	return false;
}

static bool hex_is_valid(const char *text, int bytes)
{
	size_t n = strspn(text, "0123456789abcdefABCDEF");

	return text[n] == '\0' && (n == 0 || n == 2 * (size_t)bytes);
}

static bool address_is_valid(const char *text)
{
	struct in6_addr address;

	return inet_pton(AF_INET, text, &address) == 1 ||
	       inet_pton(AF_INET6, text, &address) == 1;
}

/* Scheme, a host, and nothing that would end the request line early. */
static bool ws_url_is_valid(const char *text)
{
	const char *host = strncmp(text, "wss://", 6) == 0  ? text + 6
			   : strncmp(text, "ws://", 5) == 0 ? text + 5
							    : NULL;

	if (host == NULL || host[0] == '\0' || strchr("/:?#", host[0]) != NULL)
		return false;
	for (; *host != '\0'; host++)
		if (*host <= ' ' || *host == 0x7f)
			return false;
	return true;
}

static bool version_is_valid(const char *text)
{
	int major, minor, build, end = 0;

	if (strspn(text, "0123456789.") != strlen(text) || strlen(text) > 24)
		return false;
	return sscanf(text, "%9d.%9d.%10d%n", &major, &minor, &build, &end) ==
		       3 &&
	       text[end] == '\0';
}

/* One "day:messages" at *@p; moves past it and the comma. */
static bool tier_parse(const char **p, int max, struct safety_tier *tier)
{
	char day[8] = "", count[12] = "";
	int used = 0;

	if (sscanf(*p, "%7[0-9]:%11[0-9]%n", day, count, &used) != 2 ||
		used == 0)
		return false;
	if (!number_parse(day, 0, 36500, &tier->from_day) ||
		!number_parse(count, 0, max, &tier->per_day))
		return false;
	*p += used;
	if (**p == '\0')
		return true;
	if (**p != ',' || (*p)[1] == '\0')
		return false;
	(*p)++;
	return true;
}

/* The first tier starts at day 0 and the days rise, so that every age has one.
 */
static bool tiers_parse(const char *text, int max, struct config *config)
{
	struct safety_tier tiers[SAFETY_MAX_TIERS];
	const char *p = text;
	size_t n = 0;

	do {
		if (n == SAFETY_MAX_TIERS || !tier_parse(&p, max, &tiers[n]))
			return false;
		if (n == 0 ? tiers[n].from_day != 0
			   : tiers[n].from_day <= tiers[n - 1].from_day)
			return false;
		n++;
	} while (*p != '\0');
	memcpy(config->safety.daily_tiers, tiers, n * sizeof(tiers[0]));
	config->safety.n_daily_tiers = n;
	return true;
}

static bool has_controls(const char *text)
{
	for (; *text != '\0'; text++)
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			return true;
	return false;
}

static bool text_is_valid(const struct setting *setting, const char *text)
{
	size_t n = strlen(text);

	switch (setting->type) {
	case SETTING_TEXT:
		return n >= (size_t)setting->min && n <= (size_t)setting->max &&
		       !has_controls(text);
	case SETTING_CHOICE:
		return word_is_in(setting->words, text);
	case SETTING_HEX:
		return hex_is_valid(text, setting->max);
	case SETTING_ADDRESS:
		return address_is_valid(text);
	case SETTING_WS_URL:
		return ws_url_is_valid(text);
	case SETTING_VERSION:
		return version_is_valid(text);
	case SETTING_NUMBER:
	case SETTING_BOOL:
	case SETTING_TIERS:
		return false;
	}
	return false;
}

bool setting_assign(
	struct config *config, const struct setting *setting, const char *text)
{
	void *field = setting_field(config, setting);

	if (setting->type == SETTING_NUMBER)
		return number_parse(text, setting->min, setting->max, field);
	if (setting->type == SETTING_TIERS)
		return tiers_parse(text, setting->max, config);
	if (setting->type == SETTING_BOOL) {
		if (!word_is_in("true false", text))
			return false;
		*(bool *)field = text[0] == 't';
		return true;
	}
	if (!text_is_valid(setting, text))
		return false;
	str_free(field);
	*(char **)field = xstrdup(text);
	return true;
}

char *setting_expectation(const struct setting *setting)
{
	switch (setting->type) {
	case SETTING_NUMBER:
		return xasprintf("a whole number from %d to %d", setting->min,
			setting->max);
	case SETTING_BOOL:
		return xstrdup("true or false");
	case SETTING_CHOICE:
		return xasprintf("one of: %s", setting->words);
	case SETTING_HEX:
		return xasprintf("%d hex digits or nothing", 2 * setting->max);
	case SETTING_ADDRESS:
		return xstrdup("an IPv4 or IPv6 address");
	case SETTING_WS_URL:
		return xstrdup("a URL that starts with wss:// or ws://");
	case SETTING_VERSION:
		return xstrdup("three numbers with dots between them");
	case SETTING_TIERS:
		return xasprintf("day:messages pairs with commas between "
				 "them, from day 0 on, at most %d",
			SAFETY_MAX_TIERS);
	case SETTING_TEXT:
		return xasprintf("printable text of %d to %d bytes",
			setting->min, setting->max);
	}
	return xstrdup("another value");
}

int setting_refuse(const struct setting *setting, const char *where,
	const char *text, struct err *err)
{
	scoped(str_free) char *expected = setting_expectation(setting);

	if (setting->type == SETTING_HEX)
		return err_set(err, ERR_INVALID,
			"%s: expected %s, got %zu characters", where, expected,
			strlen(text));
	return err_set(err, ERR_INVALID, "%s: expected %s, got \"%s\"", where,
		expected, log_quote(text));
}
