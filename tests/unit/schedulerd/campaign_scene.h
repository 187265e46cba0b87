/* Campaigns over devices of a test's own, as schedulerd sees them, and a
 * virtual clock. */
#ifndef TESTS_UNIT_SCHEDULERD_CAMPAIGN_SCENE_H
#define TESTS_UNIT_SCHEDULERD_CAMPAIGN_SCENE_H

#include "common/bus.h"
#include "common/log.h"
#include "common/store/campaign.h"
#include "common/store/recipient.h"
#include "common/store/store_impl.h"
#include "schedulerd/campaigns.h"
#include "schedulerd/schedulerd.h"
#include "tests/unit/store_fixture.h"

#define DAY_MS INT64_C(86400000)
#define HOUR_MS INT64_C(3600000)
#define MINUTE_MS INT64_C(60000)

struct scene {
	struct fixture *f;
	struct config *config;
	struct schedulerd sd;
	int n_campaigns;
};

/* The store without its waits for the disk. */
static inline void scene_quicken(struct scene *scene)
{
	assert_int_equal(db_exec(store_db(scene->f->store),
				 "PRAGMA synchronous = OFF", &scene->f->err),
		0);
}

static inline int scene_setup(void **state)
{
	struct scene *scene = xcalloc(1, sizeof(*scene));
	char url[128];

	log_open("test", NULL, LOG_LVL_ERROR, NULL);
	fixture_setup((void **)&scene->f);
	assert_int_equal(config_load(NULL, scene->f->dir, &scene->config,
				 &scene->f->err),
		0);
	/* Nobody listens: what is pushed is dropped, as when senderd is away.
	 */
	snprintf(url, sizeof(url), "ipc://%s/jobs.ipc", scene->f->dir);
	assert_int_equal(
		bus_push_open(url, &scene->sd.senderd_jobs, &scene->f->err), 0);
	scene->sd.config = scene->config;
	scene->sd.store = scene->f->store;
	scene_quicken(scene);
	*state = scene;
	return 0;
}

static inline int scene_teardown(void **state)
{
	struct scene *scene = *state;

	campaign_watch_fini(&scene->sd.watch);
	bus_out_close(&scene->sd.senderd_jobs);
	config_free(&scene->config);
	fixture_teardown((void **)&scene->f);
	free(scene);
	return 0;
}

#define SCENE_TEST(test) \
	cmocka_unit_test_setup_teardown(test, scene_setup, scene_teardown)

/* A campaign over @devices, PREPARING, with phones 1555<first>... */
static inline int64_t scene_prepare(struct scene *scene, const int64_t *devices,
	int n_devices, int64_t first, int64_t n, int64_t now_ms)
{
	char uuid[UUID_LEN], name[32], phone[20];
	struct fixture *f = scene->f;
	struct campaign campaign = { .public_id = uuid,
		.account_id = f->account_id,
		.name = name,
		.kind = MESSAGE_TEXT,
		.text = "hello",
		.audience = "{\"groups\":[],\"tags\":[],\"phones\":[]}",
		.failure_limit = scene->config->safety.failures_before_pause };
	struct tx *tx = begin(f);

	id_uuid7(uuid);
	snprintf(name, sizeof(name), "campaign %d", scene->n_campaigns++);
	assert_int_equal(store_campaign_create(tx, &campaign, devices,
				 n_devices, now_ms, &f->err),
		0);
	for (int64_t i = 0; i < n; i++) {
		snprintf(phone, sizeof(phone), "1555%07d", (int)(first + i));
		assert_int_equal(store_recipient_add(tx, campaign.id, i,
					 n_devices, 0, phone, NULL, &f->err),
			0);
	}
	assert_int_equal(store_recipient_added(tx, campaign.id, n, &f->err), 0);
	commit(f, tx);
	return campaign.id;
}

static inline int64_t scene_run(struct scene *scene, const int64_t *devices,
	int n_devices, int64_t first, int64_t n, int64_t now_ms)
{
	const int64_t id =
		scene_prepare(scene, devices, n_devices, first, n, now_ms);
	struct tx *tx = begin(scene->f);

	assert_int_equal(store_campaign_ready(tx, id, CAMPAIGN_RUNNING, 0,
				 now_ms, &scene->f->err),
		0);
	commit(scene->f, tx);
	return id;
}

/* A connected device that is so old. */
static inline int64_t scene_device(
	struct scene *scene, int age_days, int64_t now_ms)
{
	char uid[DEVICE_UID_LEN];
	struct device device = { .account_id = scene->f->account_id,
		.uid = uid,
		.name = "Sales line",
		.status = DEVICE_CONNECTED,
		.phone = NULL,
		.created_ms = now_ms - age_days * DAY_MS };
	struct tx *tx = begin(scene->f);
	int64_t id = 0;

	id_device_uid(uid);
	assert_int_equal(
		store_device_create(tx, &device, &id, &scene->f->err), 0);
	commit(scene->f, tx);
	return id;
}

static inline void scene_set_device(
	struct scene *scene, int64_t device_id, enum device_status status)
{
	struct device_state state = { .status = status,
		.cold_chats_until_ms = -1 };
	struct tx *tx = begin(scene->f);

	assert_int_equal(
		store_device_set_state(tx, device_id, &state, &scene->f->err),
		0);
	commit(scene->f, tx);
}

static inline void scene_chill(
	struct scene *scene, int64_t device_id, int64_t until_ms)
{
	struct device_state state = { .status = DEVICE_CONNECTED,
		.cold_chats_until_ms = until_ms,
		.cold_chats_reason = until_ms != 0 ? "463" : NULL };
	struct tx *tx = begin(scene->f);

	assert_int_equal(
		store_device_set_state(tx, device_id, &state, &scene->f->err),
		0);
	commit(scene->f, tx);
}

struct scene_campaign {
	struct campaign_counts counts;
	enum campaign_status status;
	int64_t due_ms, n_runs, started_ms, completed_ms;
	char reason[160];
};

static inline int scene_take(const struct campaign *campaign, void *arg)
{
	struct scene_campaign *out = arg;

	*out = (struct scene_campaign){ .counts = campaign->counts,
		.status = campaign->status,
		.due_ms = campaign->due_ms,
		.n_runs = campaign->n_runs,
		.started_ms = campaign->started_ms,
		.completed_ms = campaign->completed_ms };
	snprintf(out->reason, sizeof(out->reason), "%s",
		campaign->reason != NULL ? campaign->reason : "");
	return 0;
}

static inline struct scene_campaign scene_look(struct scene *scene, int64_t id)
{
	struct scene_campaign out = { 0 };

	assert_int_equal(store_campaign_by_id(scene->f->store, id, scene_take,
				 &out, &scene->f->err),
		0);
	return out;
}

#endif
