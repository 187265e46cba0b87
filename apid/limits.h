/* Answers that say no for a reason of its own: a plan's limit, the pause
 * against spam, a safety budget.  Each has a body that the reference documents.
 */
#ifndef APID_LIMITS_H
#define APID_LIMITS_H

struct err;
struct plan_refusal;
struct request;
struct send_result;

/* After plan_check() said no, with its words in @err: the 403 body
 * {statusCode, error, message, plan, limit, used}; the last two are null for a
 * feature.  An error that is no refusal is left to the dialect.  Returns -1. */
int limits_render_plan(struct request *request,
	const struct plan_refusal *refusal, struct err *err);
/* After send_accept() refused, with its words in @err: the 429 body of the
 * budget or the pause, or the plan's 403.  resetsAt is null in a pause that
 * only an operator ends.  Any other refusal is left to the dialect.  Returns
 * -1. */
int limits_render_send(struct request *request, const char *device_uid,
	const struct send_result *result, struct err *err);

#endif
