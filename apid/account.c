#include "apid/account.h"

#include "apid/request.h"
#include "common/antispam.h"
#include "common/clock.h"
#include "common/own.h"
#include "common/plan.h"
#include "common/store/account.h"

/* null: no limit. */
static json_t *render_limit(int limit)
{
	return limit < 0 ? json_null() : json_integer(limit);
}

static json_t *render_limits(const struct plan *plan)
{
	static const struct plan unlimited = { -1, -1, -1, -1, true };

	if (plan == NULL)
		plan = &unlimited;
	return json_pack("{s:o, s:o, s:o, s:o, s:b}", "messagesPerMonth",
		render_limit(plan->messages_per_month), "devices",
		render_limit(plan->devices), "contacts",
		render_limit(plan->contacts), "campaignsPerMonth",
		render_limit(plan->campaigns_per_month), "contactImport",
		plan->contact_import);
}

static int add_usage(struct request *request, int64_t now_ms, struct err *err)
{
	static const struct {
		const char *name;
		enum plan_quota quota;
	} members[] = {
		{ "messagesThisMonth", PLAN_MESSAGES },
		{ "devices", PLAN_DEVICES },
		{ "contacts", PLAN_CONTACTS },
		{ "campaignsThisMonth", PLAN_CAMPAIGNS },
	};
	json_t *usage = json_object();

	json_object_set_new(request->reply, "usage", usage);
	for (size_t i = 0; i < ARRAY_LEN(members); i++) {
		int64_t n;

		if (plan_used(request->store, request->account_id,
			    members[i].quota, now_ms, &n, err) != 0)
			return -1;
		json_object_set_new(usage, members[i].name, json_integer(n));
	}
	return 0;
}

/* until is null when only the operator ends it. */
static int add_pause(struct request *request, int64_t now_ms, struct err *err)
{
	struct antispam pause;
	json_t *value = json_null();

	if (antispam_get(request->store, request->account_id, now_ms, &pause,
		    err) != 0)
		return -1;
	if (pause.paused_until_ms != 0)
		value = json_pack("{s:o, s:o}", "until",
			json_time(antispam_resets_at_ms(pause.paused_until_ms)),
			"reason", json_text(pause.reason));
	json_object_set_new(request->reply, "pause", value);
	return 0;
}

static int on_account(const struct account *account, void *arg)
{
	struct request *request = arg;
	const struct plan *plan =
		plan_find(request->apid->config, account->plan);

	request->reply = json_pack("{s:s, s:o, s:o, s:o, s:o, s:o}",
		"accountId", account->public_id, "name",
		json_text(account->name), "email", json_text(account->email),
		"plan", json_text(account->plan), "limits", render_limits(plan),
		"createdAt", json_time(account->created_ms));
	return 0;
}

int account_get(struct request *request, struct err *err)
{
	const int64_t now_ms = clock_now_ms();

	if (store_account_by_id(request->store, request->account_id, on_account,
		    request, err) != 0 ||
		add_usage(request, now_ms, err) != 0)
		return -1;
	return add_pause(request, now_ms, err);
}
