/* Questions to a device's lane.  The answer comes over the bus and resumes the
 * request on its own thread. */
#ifndef APID_ASK_H
#define APID_ASK_H

#include <jansson.h>
#include <stdint.h>

#include "common/store/device.h"
#include "vereda.pb-c.h"

struct err;
struct request;

/* The status of the device that the request names; ERR_NOT_FOUND when it is
 * not the account's. */
int ask_status(
	struct request *request, enum device_status *out, struct err *err);
/* Asks the lane of the request's device; @question is borrowed. */
int ask_lane(struct request *request, Bus__Question *question,
	void (*resume)(struct request *request), struct err *err);
/* In @resume: what went wrong, if something did. */
int ask_check(struct request *request, struct err *err);

/* A method of senderd/whatsapp/calls.h; takes @params.  The request is
 * answered with the lane's result. */
int ask_call(struct request *request, const char *method, json_t *params,
	struct err *err);

/* The same of the device with this row id, without waiting for an answer. */
void ask_and_forget(struct request *request, int64_t device_id,
	const char *method, json_t *params);

/* Handler of the rows that name a method: their arguments but the device are
 * its parameters, written in one way: people as "+1555…" or "…@lid". */
int call_start(struct request *request, struct err *err);

#endif
