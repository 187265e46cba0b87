#include "webhookd/delivery.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/err.h"
#include "common/own.h"
#include "webhookd/signing.h"
#include "webhookd/target.h"
#include "webhookd/transport.h"

#define ANSWER_MAX (64 * 1024)
#define STATUS_WORDS 32 /* "HTTP 503" */
#define USER_AGENT "Vereda/" VEREDA_VERSION

struct delivery {
	struct courier *courier;   /* borrowed */
	struct endpoint *endpoint; /* borrowed, while under way */
	CURL *easy;
	struct curl_slist *headers;
	int64_t started_ms; /* unix */
	int64_t started_mono_ms;
	size_t answer_bytes;
	bool is_refused; /* an address that is not public was about to be used
			  */
	char error[CURL_ERROR_SIZE];
	struct delivery *next_spare;
};

struct courier {
	struct courier_options options;
	struct transport *transport;
	struct delivery *spare; /* handles to use again */
};

/* ---- callbacks of curl ---- */

static size_t on_answer(char *bytes, size_t size, size_t n, void *arg)
{
	struct delivery *delivery = arg;

	(void)bytes;
	delivery->answer_bytes += size * n;
	return delivery->answer_bytes <= ANSWER_MAX ? size * n : 0;
}

/* The address is final here: no name is resolved after this. */
static curl_socket_t on_open_socket(
	void *arg, curlsocktype purpose, struct curl_sockaddr *address)
{
	struct delivery *delivery = arg;

	if (purpose != CURLSOCKTYPE_IPCXN)
		return CURL_SOCKET_BAD;
	if (!delivery->courier->options.allow_private &&
		!target_address_is_public(&address->addr)) {
		delivery->is_refused = true;
		return CURL_SOCKET_BAD;
	}
	return socket(address->family, address->socktype | SOCK_CLOEXEC,
		address->protocol);
}

/* ---- handles ---- */

static void delivery_free(struct delivery **deliveryp)
{
	struct delivery *delivery = move(*deliveryp);

	if (delivery == NULL)
		return;
	curl_easy_cleanup(delivery->easy);
	curl_slist_free_all(delivery->headers);
	free(delivery);
}

/* What is the same for every attempt. */
static void settings_fix(struct delivery *delivery)
{
	const long timeout_ms = delivery->courier->options.timeout_ms;
	CURL *easy = delivery->easy;

	curl_easy_setopt(easy, CURLOPT_PRIVATE, delivery);
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, delivery->error);
	curl_easy_setopt(easy, CURLOPT_POST, 1L);
	curl_easy_setopt(easy, CURLOPT_USERAGENT, USER_AGENT);
	curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(easy, CURLOPT_PROXY, ""); /* not from environment */
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, timeout_ms);
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, timeout_ms);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_answer);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, delivery);
	curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_answer);
	curl_easy_setopt(easy, CURLOPT_HEADERDATA, delivery);
	curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, on_open_socket);
	curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, delivery);
}

static struct delivery *delivery_take(struct courier *courier)
{
	struct delivery *delivery = courier->spare;

	if (delivery != NULL) {
		courier->spare = delivery->next_spare;
		return delivery;
	}
	delivery = xcalloc(1, sizeof(*delivery));
	delivery->courier = courier;
	delivery->easy = curl_easy_init();
	assert(delivery->easy != NULL);
	settings_fix(delivery);
	return delivery;
}

/* At most as many spare ones as ever were under way at once. */
static void delivery_give_back(struct delivery *delivery)
{
	curl_slist_free_all(delivery->headers);
	delivery->headers = NULL;
	delivery->endpoint = NULL;
	delivery->next_spare = delivery->courier->spare;
	delivery->courier->spare = delivery;
}

/* ---- the request ---- */

static void header_add(
	struct delivery *delivery, const char *name, const char *value)
{
	struct curl_slist *longer;
	char line[160];

	snprintf(line, sizeof(line), "%s: %s", name, value);
	longer = curl_slist_append(delivery->headers, line);
	assert(longer != NULL);
	delivery->headers = longer;
}

/* One signature, or while a secret is being replaced two, the new one first. */
static void signature_add(
	struct delivery *delivery, const struct parcel *parcel, int64_t now_ms)
{
	const struct endpoint *target = endpoint_target(delivery->endpoint);
	char signatures[2 * SIGNATURE_LEN];

	signing_sign(&target->key, parcel->public_id, now_ms / 1000,
		parcel->body, parcel->body_bytes, signatures);
	if (target->old_key.n > 0 && now_ms < target->old_until_ms) {
		signatures[SIGNATURE_LEN - 1] = ' ';
		signing_sign(&target->old_key, parcel->public_id, now_ms / 1000,
			parcel->body, parcel->body_bytes,
			signatures + SIGNATURE_LEN);
	}
	header_add(delivery, "webhook-signature", signatures);
}

static void request_make(struct delivery *delivery, int64_t now_ms)
{
	const struct parcel *parcel = endpoint_first(delivery->endpoint);
	char timestamp[24];

	snprintf(timestamp, sizeof(timestamp), "%" PRId64, now_ms / 1000);
	header_add(delivery, "Content-Type", "application/json");
	header_add(delivery, "webhook-id", parcel->public_id);
	header_add(delivery, "webhook-timestamp", timestamp);
	signature_add(delivery, parcel, now_ms);
	curl_easy_setopt(delivery->easy, CURLOPT_URL,
		endpoint_target(delivery->endpoint)->url);
	curl_easy_setopt(delivery->easy, CURLOPT_HTTPHEADER, delivery->headers);
	curl_easy_setopt(delivery->easy, CURLOPT_POSTFIELDS, parcel->body);
	curl_easy_setopt(delivery->easy, CURLOPT_POSTFIELDSIZE_LARGE,
		(curl_off_t)parcel->body_bytes);
}

int delivery_start(struct courier *courier, struct endpoint *endpoint,
	int64_t now_ms, struct delivery **out, struct err *err)
{
	struct delivery *delivery = delivery_take(courier);

	delivery->endpoint = endpoint;
	delivery->started_ms = now_ms;
	delivery->started_mono_ms = clock_mono_ms();
	delivery->answer_bytes = 0;
	delivery->is_refused = false;
	delivery->error[0] = '\0';
	request_make(delivery, now_ms);
	if (transport_add(courier->transport, delivery->easy, err) != 0) {
		delivery_free(&delivery);
		return -1;
	}
	*out = delivery;
	return 0;
}

void delivery_abandon(struct delivery **deliveryp)
{
	struct delivery *delivery = move(*deliveryp);

	transport_remove(delivery->courier->transport, delivery->easy);
	delivery_free(&delivery);
}

int64_t delivery_started_ms(const struct delivery *delivery)
{
	return delivery->started_ms;
}

int delivery_duration_ms(const struct delivery *delivery)
{
	return (int)(clock_mono_ms() - delivery->started_mono_ms);
}

/* ---- the end ---- */

static void outcome_judge(const struct delivery *delivery, CURLcode code,
	char status_words[STATUS_WORDS], struct delivery_report *report)
{
	long status = 0;

	curl_easy_getinfo(delivery->easy, CURLINFO_RESPONSE_CODE, &status);
	report->result = RESULT_FAILED;
	if (status >= 200) {
		report->response_code = (int)status;
		if (status < 300)
			report->result = RESULT_DELIVERED;
		snprintf(status_words, STATUS_WORDS, "HTTP %ld", status);
		report->reason = report->result == RESULT_DELIVERED
					 ? NULL
					 : status_words;
	} else if (delivery->is_refused && code == CURLE_COULDNT_CONNECT) {
		report->result = RESULT_REFUSED;
		report->reason = "target address is not public";
	} else {
		report->reason = delivery->error[0] != '\0'
					 ? delivery->error
					 : curl_easy_strerror(code);
	}
}

static void on_transfer_done(CURL *easy, CURLcode code)
{
	struct delivery *delivery = NULL;
	struct delivery_report report = { 0 };
	struct courier *courier;
	struct endpoint *endpoint;
	char status_words[STATUS_WORDS];
	char reason[CURL_ERROR_SIZE];

	curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **)&delivery);
	courier = delivery->courier;
	endpoint = delivery->endpoint;
	outcome_judge(delivery, code, status_words, &report);
	if (report.reason == delivery->error) {
		memcpy(reason, delivery->error, sizeof(reason));
		report.reason = reason;
	}
	report.started_ms = delivery->started_ms;
	report.duration_ms = delivery_duration_ms(delivery);
	delivery_give_back(delivery);
	courier->options.on_done(endpoint, &report, courier->options.arg);
}

/* ---- life ---- */

int courier_open(struct event_base *base, const struct courier_options *options,
	struct courier **out, struct err *err)
{
	scoped(courier_close) struct courier *courier =
		xcalloc(1, sizeof(*courier));

	courier->options = *options;
	if (transport_open(base, options->max_concurrent, on_transfer_done,
		    &courier->transport, err) != 0)
		return -1;
	*out = move(courier);
	return 0;
}

void courier_close(struct courier **courierp)
{
	struct courier *courier = move(*courierp);
	struct delivery *delivery;

	if (courier == NULL)
		return;
	while ((delivery = courier->spare) != NULL) {
		courier->spare = delivery->next_spare;
		delivery_free(&delivery);
	}
	transport_close(&courier->transport);
	free(courier);
}
