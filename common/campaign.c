/* What is asked for, checked and quoted. */
#include "common/campaign.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/campaign_impl.h"
#include "common/config.h"
#include "common/content.h"
#include "common/err.h"
#include "common/own.h"
#include "common/recurrence.h"
#include "common/spintax.h"
#include "common/store/budget.h"
#include "common/store/device.h"

enum message_kind campaign_kind_of_media(enum media_kind kind)
{
	switch (kind) {
	case MEDIA_IMAGE:
		return MESSAGE_IMAGE;
	case MEDIA_VIDEO:
		return MESSAGE_VIDEO;
	case MEDIA_AUDIO:
		return MESSAGE_AUDIO;
	case MEDIA_STICKER:
		return MESSAGE_STICKER;
	case MEDIA_VOICE:
		return MESSAGE_VOICE;
	case MEDIA_DOCUMENT:
		break;
	}
	return MESSAGE_DOCUMENT;
}

bool campaign_shows_text(enum message_kind kind)
{
	return kind == MESSAGE_TEXT || kind == MESSAGE_IMAGE ||
	       kind == MESSAGE_VIDEO || kind == MESSAGE_DOCUMENT;
}

void campaign_plan_fini(struct campaign_plan *plan)
{
	campaign_audience_fini(&plan->audience);
	*plan = (struct campaign_plan){ .n_devices = 0 };
}

/* ---- devices ---- */

struct lane_device {
	int64_t account_id;
	int64_t id; /* 0 = not the account's */
	int64_t created_ms;
	enum device_status status;
	char name[128];
};

static int take_device(const struct device *device, void *arg)
{
	struct lane_device *out = arg;

	if (device->account_id != out->account_id)
		return 0;
	out->id = device->id;
	out->created_ms = device->created_ms;
	out->status = device->status;
	snprintf(out->name, sizeof(out->name), "%s", device->name);
	return 0;
}

static int find_device(struct store *store, int64_t account_id, const char *uid,
	struct lane_device *out, struct err *err)
{
	*out = (struct lane_device){ .account_id = account_id };
	if (store_device_by_uid(store, uid, take_device, out, err) != 0 &&
		err->code != ERR_NOT_FOUND)
		return -1;
	if (out->id == 0)
		return err_set(
			err, ERR_INVALID, "there is no device %.64s", uid);
	return 0;
}

static void name_disconnected(
	const struct lane_device *device, const char *uid, struct buf *out)
{
	scoped(str_free) char *name = content_cut(device->name, 40);

	buf_printf(out, "%s%s (%s, %s)", out->len > 0 ? ", " : "", name, uid,
		device_status_name(device->status));
}

/* All that are not connected are named, as far as an error has room. */
static int check_devices(struct store *store,
	const struct campaign_request *request, struct campaign_plan *plan,
	struct err *err)
{
	scoped(buf_fini) struct buf missing = BUF_INIT;
	struct lane_device device;

	if (request->n_devices < 1 || request->n_devices > CAMPAIGN_LANES_MAX)
		return err_set(err, ERR_INVALID,
			"a campaign has 1 to %d devices", CAMPAIGN_LANES_MAX);
	for (int i = 0; i < request->n_devices; i++) {
		const char *uid = request->device_uids[i];

		if (find_device(
			    store, request->account_id, uid, &device, err) != 0)
			return -1;
		plan->device_ids[i] = device.id;
		plan->device_created_ms[i] = device.created_ms;
		if (device.status != DEVICE_CONNECTED)
			name_disconnected(&device, uid, &missing);
	}
	plan->n_devices = request->n_devices;
	if (missing.len > 0)
		return err_set(err, ERR_INVALID,
			"Account safety: disconnected accounts: %s",
			buf_cstr(&missing));
	return 0;
}

/* ---- what is sent ---- */

struct media_facts_row {
	int64_t account_id, deleted_ms;
	enum media_kind kind;
	enum media_state state;
};

static int take_media(const struct media *media, void *arg)
{
	struct media_facts_row *out = arg;

	*out = (struct media_facts_row){ media->account_id, media->deleted_ms,
		media->kind, media->state };
	return 0;
}

static bool media_fits(enum message_kind kind, enum media_kind media)
{
	if (kind == campaign_kind_of_media(media))
		return true;
	return kind == MESSAGE_VOICE &&
	       (media == MEDIA_AUDIO || media == MEDIA_VIDEO);
}

static int check_media(struct store *store,
	const struct campaign_request *request, struct err *err)
{
	struct media_facts_row media = { 0 };

	if (request->kind == MESSAGE_TEXT)
		return request->media_id == 0
			       ? 0
			       : err_set(err, ERR_INVALID,
					 "a campaign of type TEXT has no "
					 "mediaId");
	if (request->media_id == 0)
		return err_set(err, ERR_INVALID, "mediaId is required");
	if (store_media_by_id(
		    store, request->media_id, take_media, &media, err) != 0)
		return -1;
	if (media.account_id != request->account_id || media.deleted_ms != 0 ||
		media.state != MEDIA_READY)
		return err_set(err, ERR_INVALID, "the file is no longer there");
	if (!media_fits(request->kind, media.kind))
		return err_set(err, ERR_INVALID,
			"media of kind %s cannot be sent as %s",
			media_kind_name(media.kind),
			message_kind_name(request->kind));
	return 0;
}

static const char *template_of(const struct campaign_request *request)
{
	return request->spintax_template != NULL ? request->spintax_template
						 : request->text;
}

static size_t characters(const char *text)
{
	size_t n = 0;

	for (; *text != '\0'; text++)
		n += ((unsigned char)*text & 0xc0) != 0x80;
	return n;
}

static int check_template(const char *member, const char *text,
	struct spintax **out, struct err *err)
{
	if (spintax_parse(text, strlen(text), out, err) != 0)
		return err_wrap(err, member);
	return 0;
}

/* Both must be templates; the one that is sent is returned. */
static int check_text(const struct campaign_request *request,
	struct spintax **out, struct err *err)
{
	scoped(spintax_free) struct spintax *text = NULL, *spintax = NULL;

	if (request->kind == MESSAGE_TEXT && template_of(request) == NULL)
		return err_set(err, ERR_INVALID, "text is required");
	if (request->text != NULL &&
		check_template("text", request->text, &text, err) != 0)
		return -1;
	if (request->spintax_template != NULL &&
		check_template("spintaxTemplate", request->spintax_template,
			&spintax, err) != 0)
		return -1;
	if (request->kind != MESSAGE_TEXT &&
		campaign_shows_text(request->kind) &&
		template_of(request) != NULL &&
		characters(template_of(request)) > CONTENT_CAPTION_MAX)
		return err_set(err, ERR_INVALID,
			"with media, text must have at most %d characters",
			CONTENT_CAPTION_MAX);
	*out = spintax != NULL ? move(spintax) : move(text);
	return 0;
}

static bool has_variant_rule(
	const struct config *config, const struct campaign_request *request)
{
	return config->safety.enabled &&
	       config->safety.variant_recipients > 0 &&
	       request->kind == MESSAGE_TEXT;
}

static int count_variants(const struct config *config,
	const struct campaign_request *request, const struct spintax *spintax,
	struct campaign_quote *quote, struct err *err)
{
	const int64_t per = config->safety.variant_recipients;
	uint64_t limit = CAMPAIGN_VARIANTS_MAX;

	quote->n_needed = 1;
	if (has_variant_rule(config, request) && quote->n_recipients > 1)
		quote->n_needed = (quote->n_recipients + per - 1) / per;
	if ((uint64_t)quote->n_needed > limit)
		limit = (uint64_t)quote->n_needed;
	quote->n_variants = 1;
	if (spintax != NULL && spintax_count_up_to(spintax, limit,
				       &quote->n_variants, err) != 0)
		return err_wrap(err, "text");
	return 0;
}

static int check_variants(const struct config *config,
	const struct campaign_quote *quote, struct err *err)
{
	if (quote->n_variants >= (uint64_t)quote->n_needed)
		return 0;
	return err_set(err, ERR_INVALID,
		"Account safety: this campaign has %" PRId64
		" recipients but only %" PRIu64
		" unique message variant(s). Provide at least %" PRId64
		" variants (one per every %d recipients) using spintax like "
		"{Hello|Hi|Hey} or separate message options in your template.",
		quote->n_recipients, quote->n_variants, quote->n_needed,
		config->safety.variant_recipients);
}

/* ---- who and when ---- */

static int check_name(struct store *store, int64_t account_id, const char *name,
	struct err *err)
{
	bool is_taken;

	if (store_campaign_name_is_taken(
		    store, account_id, name, &is_taken, err) != 0)
		return -1;
	return is_taken ? err_set(err, ERR_CONFLICT,
				  "a campaign with this name is running, "
				  "scheduled or paused")
			: 0;
}

static int check_recurrence(
	const json_t *rule, int64_t first_ms, struct err *err)
{
	if (recurrence_check(rule, err) != 0)
		return -1;
	return recurrence_next(rule, first_ms, first_ms - 1, 0) != 0
		       ? 0
		       : err_set(err, ERR_INVALID,
				 "recurrence.endAt is before the first run");
}

static int check_time(
	const struct campaign_request *request, int64_t now_ms, struct err *err)
{
	if (request->scheduled_ms != 0 && request->scheduled_ms <= now_ms)
		return err_set(
			err, ERR_INVALID, "scheduledAt must be in the future");
	if (request->recurrence != NULL)
		return check_recurrence(request->recurrence,
			request->scheduled_ms != 0 ? request->scheduled_ms
						   : now_ms,
			err);
	return 0;
}

static int check_size(const struct config *config,
	const struct campaign_quote *quote, struct err *err)
{
	if (quote->n_recipients <= config->campaign.max_recipients)
		return 0;
	return err_set(err, ERR_INVALID,
		"this campaign has %" PRId64
		" recipients; at most %d are allowed",
		quote->n_recipients, config->campaign.max_recipients);
}

static int count_audience(struct store *store, const struct config *config,
	const struct campaign_request *request,
	const struct campaign_audience *audience, struct campaign_quote *quote,
	struct err *err)
{
	if (campaign_audience_count(store, request->account_id, audience,
		    &quote->n_recipients, err) != 0)
		return -1;
	if (quote->n_recipients == 0)
		return err_set(err, ERR_INVALID,
			"the audience is empty: its groups and tags have no "
			"contacts");
	return check_size(config, quote, err);
}

static int estimate(struct store *store, const struct config *config,
	const struct campaign_request *request,
	const struct campaign_plan *plan, int64_t now_ms,
	struct campaign_quote *quote, struct err *err)
{
	struct estimate_lane lanes[CAMPAIGN_LANES_MAX] = { 0 };
	const int64_t starts_ms =
		request->scheduled_ms != 0 ? request->scheduled_ms : now_ms;

	for (int i = 0; i < plan->n_devices; i++) {
		lanes[i].device_created_ms = plan->device_created_ms[i];
		lanes[i].n_recipients =
			(quote->n_recipients + plan->n_devices - 1 - i) /
			plan->n_devices;
		if (campaign_lane_state(store, plan->device_ids[i], 0, now_ms,
			    &lanes[i], err) != 0)
			return -1;
	}
	estimate_campaign(
		config, lanes, plan->n_devices, starts_ms, &quote->estimate);
	return 0;
}

/* ---- together ---- */

int campaign_examine(struct store *store, const struct config *config,
	const struct campaign_request *request, int64_t now_ms,
	struct campaign_quote *quote, struct campaign_plan *plan,
	struct err *err)
{
	scoped(spintax_free) struct spintax *spintax = NULL;

	*quote = (struct campaign_quote){ 0 };
	if (check_time(request, now_ms, err) != 0 ||
		check_devices(store, request, plan, err) != 0 ||
		check_media(store, request, err) != 0 ||
		check_text(request, &spintax, err) != 0 ||
		campaign_audience_resolve(
			store, request, &plan->audience, err) != 0 ||
		check_name(store, request->account_id, request->name, err) !=
			0 ||
		plan_check(store, config, request->account_id, PLAN_CAMPAIGNS,
			1, now_ms, &quote->plan, err) != 0 ||
		count_audience(store, config, request, &plan->audience, quote,
			err) != 0 ||
		count_variants(config, request, spintax, quote, err) != 0 ||
		check_variants(config, quote, err) != 0)
		return -1;
	return estimate(store, config, request, plan, now_ms, quote, err);
}

int campaign_check(struct store *store, const struct config *config,
	const struct campaign_request *request, int64_t now_ms,
	struct campaign_quote *quote, struct err *err)
{
	scoped(campaign_plan_fini) struct campaign_plan plan = { 0 };

	return campaign_examine(
		store, config, request, now_ms, quote, &plan, err);
}

struct recheck {
	const struct config *config;
	struct err *err;
	int rc;
};

static int check_again(const struct campaign *campaign, void *arg)
{
	struct recheck *again = arg;
	const struct campaign_request request = { .kind = campaign->kind,
		.text = campaign->text,
		.spintax_template = campaign->spintax_template };
	struct campaign_quote quote = { .n_recipients =
						campaign->counts.total };
	scoped(spintax_free) struct spintax *spintax = NULL;

	again->rc = -1;
	if (check_size(again->config, &quote, again->err) == 0 &&
		check_text(&request, &spintax, again->err) == 0 &&
		count_variants(again->config, &request, spintax, &quote,
			again->err) == 0)
		again->rc = check_variants(again->config, &quote, again->err);
	return 0;
}

int campaign_check_run(struct store *store, const struct config *config,
	int64_t id, struct err *err)
{
	struct recheck again = { .config = config, .err = err };

	if (store_campaign_by_id(store, id, check_again, &again, err) != 0)
		return -1;
	return again.rc;
}

int campaign_release(struct tx *tx, const struct config *config,
	const struct campaign_request *request, int64_t id, int64_t now_ms,
	struct plan_refusal *refusal, struct err *err)
{
	const bool waits =
		request->scheduled_ms != 0 || request->recurrence != NULL;
	const int64_t due_ms =
		request->scheduled_ms != 0 ? request->scheduled_ms : now_ms;

	if (check_name(tx_store(tx), request->account_id, request->name, err) !=
			0 ||
		plan_check(tx_store(tx), config, request->account_id,
			PLAN_CAMPAIGNS, 1, now_ms, refusal, err) != 0 ||
		store_campaign_ready(tx, id,
			waits ? CAMPAIGN_SCHEDULED : CAMPAIGN_RUNNING,
			waits ? due_ms : 0, now_ms, err) != 0)
		return -1;
	return plan_count_campaign(tx, request->account_id, now_ms, err);
}
