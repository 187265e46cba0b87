/* Configuration: one ini file, environment overrides, defaults; one table row a
 * setting (common/config.c).  The sample file and the checks come from the
 * table.
 *
 * Order: default, then the file, then VEREDA_SECTION_KEY in the environment,
 * then the command line.  An unknown section or key, a wrong type or a value
 * out of range is an error that names file, line, key and what was expected. */
#ifndef COMMON_CONFIG_H
#define COMMON_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct err;

#define SAFETY_MAX_TIERS 16

struct safety_tier {
	int from_day; /* device age in days */
	int per_day;  /* messages per UTC day from that age on */
};

/* What an account may do in a calendar month (UTC), and have.  -1 = without
 * limit.  plan.h finds the one of an account. */
#define PLANS 4 /* starter, growth, pro, business */
struct plan {
	int messages_per_month;
	int devices;
	int contacts;
	int campaigns_per_month;
	bool contact_import;
};

struct config {
	struct {
		char *state_dir; /* /var/lib/vereda; --state */
		char *run_dir; /* "" = <state>/run, or a short private directory
				  when that is too long for a socket */
		char *log_dir; /* "" = stderr only */
		char *log_level; /* error, warning, info, debug */
	} suite;
	struct {
		char *listen; /* address, 127.0.0.1 */
		int port;     /* 8080 */
		int threads;  /* event loops that serve HTTP */
		int max_body_bytes;
		int request_timeout_sec; /* a client must finish its request in
					    this time */
		int max_connections;
		int token_ttl_sec;	 /* of a session JWT */
		int idempotency_ttl_sec; /* how long an Idempotency-Key is
					    remembered */
	} api;
	struct {
		char *url;	      /* wss://web.whatsapp.com/ws/chat */
		char *noise_root_key; /* 64 hex digits; "" = WhatsApp's own */
		char *media_scheme;   /* https | http */
		char *ca_file;	      /* "" = the system's */
		char *client_version; /* "2.3000.1045649367" */
		char *version_source; /* where a newer one is looked up; "" =
					 nowhere */
		char *proxy; /* of all lanes that have none of their own; "" =
				none */
		char *device_name; /* shown on the phone under linked devices */
	} whatsapp;
	struct {
		int max_lanes;
		int ping_min_sec,
			ping_max_sec;  /* keep-alive interval: 20..30 */
		int ping_deadline_sec; /* 10 */
		int backoff_max_sec;   /* 60 */
		int ack_timeout_sec;   /* 75 */
		int max_in_flight; /* messages sent and not acknowledged, per
				      lane */
		int message_max_age_sec; /* an undelivered queued message fails
					    after this */
		char *receipts;		 /* active | inactive */
		int backoff_base_ms;	 /* first reconnect delay: 2000 */
		int stall_sec; /* without an acknowledgement while something
				  waits: a lane repairs itself */
	} sender;
	struct {
		bool enabled;
		struct safety_tier daily_tiers[SAFETY_MAX_TIERS];
		size_t n_daily_tiers;
		int hourly_limit, minute_limit;
		int campaign_delay_min_sec, campaign_delay_max_sec;
		int cooldown_every, cooldown_sec;
		int variant_recipients;
		int failures_before_pause;
		int spam_failures;   /* failed messages of an account within */
		int spam_window_sec; /* this time pause all its sending for */
		int spam_pause_sec;
	} safety;
	struct {
		int in_flight; /* messages that a device has of campaigns at
				  once, not acknowledged */
		int max_recipients;
	} campaign;
	struct {
		int per_chat_hourly; /* replies to one chat in an hour */
		int max_age_sec; /* a message that was on its way for longer is
				    not answered */
	} auto_reply;
	struct plan plans[PLANS];
	struct {
		int attempts;
		int timeout_sec;
		int backoff_base_ms, backoff_max_ms;
		bool allow_private_targets;
		int max_concurrent;   /* deliveries under way at once */
		int breaker_failures; /* events in a row that failed: pause */
		int breaker_base_sec, breaker_max_sec;
		int secret_overlap_sec; /* how long a replaced secret signs */
	} webhook;
	struct {
		int max_mib;	    /* of one file, up and down */
		bool auto_download; /* received files, at once */
		int reuse_days;	    /* one upload serves so long */
	} media;
	struct {
		char *mode; /* off | names | messages */
		int days;   /* messages: not older */
	} history;
	struct {
		int late_limit_sec; /* a scheduled message later than this fails
				       instead of being sent */
	} scheduler;
	struct {
		int port;	       /* sandboxd; 0 = any free one */
		int media_port;	       /* of its media host; likewise */
		char *noise_root_priv; /* 64 hex digits; "" = made at start */
		int read_after_ms; /* a phone reads this long after delivery */
	} sandbox;
};

/* @file may be NULL: /etc/vereda/vereda.conf if it exists.  @state_dir may be
 * NULL. */
int config_load(const char *file, const char *state_dir, struct config **out,
	struct err *err);
/* The same from @n bytes of ini text; @name stands for the file in errors.  The
 * environment is not asked. */
int config_load_text(const char *text, size_t n, const char *name,
	struct config **out, struct err *err);
void config_free(struct config **configp);
/* The commented sample file with every setting, its default, range and help. */
void config_write_sample(FILE *out);

/* Paths derived from the configuration; caller frees. */
char *config_db_path(const struct config *config); /* <state>/vereda.db */
char *config_lane_db_path(const struct config *config,
	const char *device_uid); /* <state>/lanes/<uid>.db */
char *config_bus_url(const struct config *config,
	const char *name); /* ipc://<run>/<name>.ipc */
/* Creates state, run and lanes directories with mode 0700. */
int config_make_dirs(const struct config *config, struct err *err);

#endif
