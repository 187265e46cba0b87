/* apid: wiring. */
#include "apid/apid.h"

#include <event2/event.h>
#include <event2/thread.h>
#include <stdio.h>
#include <stdlib.h>

#include "apid/http.h"
#include "apid/live.h"
#include "apid/login.h"
#include "apid/metrics.h"
#include "apid/worker.h"
#include "apid/writer.h"
#include "common/daemon.h"
#include "common/err.h"
#include "common/log.h"
#include "common/own.h"
#include "common/store/webhook.h"
#include "common/wa/crypto.h"

static void apid_close(struct apid *apid)
{
	/* No new requests; then everyone who holds one gives it back. */
	http_stop(apid->http);
	bus_asker_close(&apid->senderd_ask);
	worker_stop(&apid->worker);
	writer_stop(&apid->writer);
	login_close(&apid->login);
	http_close(&apid->http);
	live_close(&apid->live);
	bus_out_close(&apid->senderd_jobs);
	bus_out_close(&apid->webhookd_events);
	bus_out_close(&apid->schedulerd_wake);
	metrics_free(&apid->metrics);
	secret_wipe(&apid->jwt_key);
	secret_wipe(&apid->webhook_key);
	if (apid->base != NULL)
		event_base_free(apid->base);
	free(apid->db_path);
	config_free(&apid->config);
}

static int open_keys(struct apid *apid, struct err *err)
{
	struct secret_key host;

	if (secret_host_key(apid->config->suite.state_dir, &host, err) != 0)
		return -1;
	secret_derive(&host, "jwt", &apid->jwt_key);
	secret_derive(&host, WEBHOOK_KEY_PURPOSE, &apid->webhook_key);
	secret_wipe(&host);
	return 0;
}

static int open_push(struct apid *apid, const char *name, struct bus_out **out,
	struct err *err)
{
	scoped(str_free) char *url = config_bus_url(apid->config, name);

	return bus_push_open(url, out, err);
}

static int open_bus(struct apid *apid, struct err *err)
{
	scoped(str_free) char *ask =
		config_bus_url(apid->config, BUS_SENDERD_ASK);

	if (open_push(apid, BUS_SENDERD_JOBS, &apid->senderd_jobs, err) != 0 ||
		open_push(apid, BUS_WEBHOOKD_EVENTS, &apid->webhookd_events,
			err) != 0 ||
		open_push(apid, BUS_SCHEDULERD_WAKE, &apid->schedulerd_wake,
			err) != 0)
		return -1;
	return bus_asker_open(ask, &apid->senderd_ask, err);
}

static int apid_open(struct apid *apid, struct err *err)
{
	if (config_make_dirs(apid->config, err) != 0 ||
		open_keys(apid, err) != 0)
		return -1;
	apid->db_path = config_db_path(apid->config);
	apid->metrics = metrics_new();
	/* The writer first: its connection brings the schema up to date. */
	if (writer_start(apid, &apid->writer, err) != 0 ||
		worker_start(&apid->worker, err) != 0 ||
		login_open(apid, &apid->login, err) != 0 ||
		open_bus(apid, err) != 0 ||
		http_open(apid, &apid->http, err) != 0 ||
		live_open(apid, &apid->live, err) != 0)
		return -1;
	return http_start(apid->http, err);
}

int main(int argc, char **argv)
{
	struct apid apid = { .config = daemon_init("apid", argc, argv) };
	struct err err = ERR_NONE;
	char status[64];
	int rc;

	evthread_use_pthreads();
	wa_crypto_init();
	apid.base = event_base_new();
	if (apid_open(&apid, &err) != 0)
		fatal("cannot start: %s", err.msg);
	daemon_lockdown();
	snprintf(
		status, sizeof(status), "STATUS=port %d", http_port(apid.http));
	daemon_notify(status);
	log_info("listening address=%s port=%d threads=%d",
		apid.config->api.listen, http_port(apid.http),
		apid.config->api.threads);
	rc = daemon_run(apid.base);
	apid_close(&apid);
	log_close();
	return rc;
}
