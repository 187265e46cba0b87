/* See request.h: arguments, outgoing envelopes, JSON values. */
#include "apid/request.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "apid/http.h"
#include "apid/intake.h"
#include "apid/making.h"
#include "apid/writer.h"
#include "common/clock.h"
#include "common/own.h"

const struct arg *request_arg(const struct request *request, const char *name)
{
	static const struct arg missing;
	const struct param *param = request->endpoint->params;

	for (size_t i = 0; param != NULL && param[i].name != NULL; i++) {
		if (strcmp(param[i].name, name) == 0)
			return &request->args[i];
	}
	return &missing;
}

const char *request_text(const struct request *request, const char *name)
{
	return request_arg(request, name)->text;
}

int64_t request_number(
	const struct request *request, const char *name, int64_t missing)
{
	const struct arg *arg = request_arg(request, name);

	return arg->is_set ? arg->number : missing;
}

void request_push(
	struct request *request, enum outgoing_to to, Bus__Envelope *envelope)
{
	if (envelope == NULL)
		return;
	/* The store has it too: what does not fit is found by its number. */
	if (request->n_outgoing == REQUEST_MAX_OUTGOING) {
		bus_envelope_free(&envelope);
		return;
	}
	request->outgoing[request->n_outgoing++] =
		(struct outgoing){ .to = to, .envelope = envelope };
}

static struct bus_out *outgoing_socket(struct apid *apid, enum outgoing_to to)
{
	switch (to) {
	case TO_SENDERD:
		return apid->senderd_jobs;
	case TO_WEBHOOKD:
		return apid->webhookd_events;
	case TO_SCHEDULERD:
		return apid->schedulerd_wake;
	}
	return NULL;
}

void request_send_outgoing(struct request *request)
{
	for (size_t i = 0; i < request->n_outgoing; i++) {
		struct outgoing *out = &request->outgoing[i];

		(void)bus_send(
			outgoing_socket(request->apid, out->to), out->envelope);
		bus_envelope_free(&out->envelope);
	}
	request->n_outgoing = 0;
}

void request_free(struct request **requestp)
{
	struct request *request = move(*requestp);

	if (request == NULL)
		return;
	for (size_t i = 0; i < request->n_outgoing; i++)
		bus_envelope_free(&request->outgoing[i].envelope);
	bus_envelope_free(&request->answer);
	json_decref(request->body);
	json_decref(request->reply);
	free(request->raw_reply);
	free(request->path_values);
	free(request->query_values);
	free(request->idempotency_key);
	free(request->own_type);
	if (request->file.is_set)
		close(request->file.fd);
	if (request->context != NULL && request->context_free != NULL)
		request->context_free(&request->context);
	making_free(&request->making);
	request_leave_place(request);
	free(request);
}

int request_write(struct request *request,
	int (*write)(struct request *request, struct tx *tx, struct err *err),
	void (*after)(struct request *request), struct err *err)
{
	request->write = write;
	request->after = after;
	return writer_submit(request->apid->writer, request, err);
}

void request_leave_place(struct request *request)
{
	if (request->has_place)
		intake_release(http_thread_intake(request->thread));
	request->has_place = false;
}

void request_fail(struct request *request, const struct err *err)
{
	request->failed = true;
	request->err = *err;
	request_finish(request);
}

#define PAGE_LIMIT_DEFAULT 20

struct page request_page(const struct request *request, int *page_out)
{
	return request_whole_page(request, PAGE_LIMIT_DEFAULT, page_out);
}

struct page request_whole_page(
	const struct request *request, int most, int *page_out)
{
	int64_t page = request_number(request, "page", 1);
	int64_t limit = request_number(request, "limit", most);

	if (page_out != NULL)
		*page_out = (int)page;
	return (struct page){ .offset = (page - 1) * limit,
		.limit = (int)limit };
}

json_t *json_text(const char *text)
{
	json_t *value = text != NULL ? json_string(text) : NULL;

	return value != NULL ? value : json_null();
}

json_t *json_time(int64_t unix_ms)
{
	char iso[CLOCK_ISO_LEN];

	if (unix_ms == 0)
		return json_null();
	clock_iso(unix_ms, iso);
	return json_string(iso);
}

json_t *json_phone(const char *digits)
{
	char text[PHONE_LEN + 1];

	if (digits == NULL || digits[0] == '\0')
		return json_null();
	if (digits[0] == '+')
		return json_text(digits);
	snprintf(text, sizeof(text), "+%s", digits);
	return json_text(text);
}
