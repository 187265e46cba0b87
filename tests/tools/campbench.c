/* Measures a large campaign:
 *
 *	campbench DIR [RECIPIENTS]
 *
 * fills a group in DIR/vereda.db, makes a campaign of
 * it, and walks its list; prints JSON.  While the campaign is made another
 * writer commits small things, as a sending device would: what it waits is
 * what a campaign costs the others. */
#include <inttypes.h>
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "common/campaign.h"
#include "common/clock.h"
#include "common/config.h"
#include "common/err.h"
#include "common/ids.h"
#include "common/own.h"
#include "common/store/account.h"
#include "common/store/addressbook.h"
#include "common/store/device.h"
#include "common/store/recipient.h"

#define FILL_CHUNK 2000
#define FIRST_PHONE INT64_C(15550000000)

struct bench {
	char path[256];
	struct config *config;
	struct store *store;
	int64_t account_id, segment_id, n;
	char device_uid[DEVICE_UID_LEN], segment_uid[UUID_LEN];
	struct err err;
};

static void check(struct bench *bench, int rc, const char *what)
{
	if (rc == 0)
		return;
	fprintf(stderr, "campbench: %s: %s\n", what, bench->err.msg);
	exit(1);
}

static struct tx *begin(struct bench *bench)
{
	struct tx *tx = tx_begin(bench->store, &bench->err);

	check(bench, tx != NULL ? 0 : -1, "begin");
	return tx;
}

static void commit(struct bench *bench, struct tx *tx)
{
	check(bench, tx_commit(tx, &bench->err), "commit");
	tx_end(&tx);
}

static long rss_kib(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return usage.ru_maxrss;
}

static int64_t cpu_ms(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000 +
	       (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1000;
}

/* ---- the group ---- */

static void make_owner(struct bench *bench)
{
	char uid[UUID_LEN], email[80];
	struct account account = { .public_id = uid,
		.name = "Bench",
		.email = email,
		.password_hash = "x",
		.plan = "UNLIMITED",
		.created_ms = clock_now_ms() };
	struct device device = { .uid = bench->device_uid,
		.name = "Bench",
		.status = DEVICE_CONNECTED,
		.phone = "+15550000001",
		.created_ms = clock_now_ms() };
	int64_t device_id;
	struct tx *tx = begin(bench);

	id_uuid7(uid);
	snprintf(email, sizeof(email), "%s@example.com", uid);
	id_device_uid(bench->device_uid);
	check(bench,
		store_account_create(
			tx, &account, &bench->account_id, &bench->err),
		"account");
	device.account_id = bench->account_id;
	check(bench, store_device_create(tx, &device, &device_id, &bench->err),
		"device");
	commit(bench, tx);
}

static void make_segment(struct bench *bench)
{
	struct segment segment = { .public_id = bench->segment_uid,
		.kind = SEGMENT_GROUP,
		.account_id = bench->account_id,
		.name = "Everybody" };
	struct tx *tx = begin(bench);

	id_uuid7(bench->segment_uid);
	check(bench,
		store_segment_create(tx, &segment, clock_now_ms(), &bench->err),
		"segment");
	bench->segment_id = segment.id;
	commit(bench, tx);
}

static void add_member(struct bench *bench, struct tx *tx, int64_t i)
{
	char phone[24], name[32];
	struct book_entry entry = {
		.account_id = bench->account_id, .phone = phone, .name = name
	};
	int64_t id;
	bool is_new;

	snprintf(phone, sizeof(phone), "%" PRId64, FIRST_PHONE + i);
	snprintf(name, sizeof(name), "Person %" PRId64, i);
	check(bench,
		store_book_put(
			tx, &entry, clock_now_ms(), &id, &is_new, &bench->err),
		"contact");
	check(bench,
		store_segment_add(
			tx, bench->segment_id, id, &is_new, &bench->err),
		"member");
}

static void fill(struct bench *bench)
{
	make_owner(bench);
	make_segment(bench);
	for (int64_t i = 0; i < bench->n;) {
		struct tx *tx = begin(bench);

		for (int k = 0; k < FILL_CHUNK && i < bench->n; k++, i++)
			add_member(bench, tx, i);
		commit(bench, tx);
	}
}

/* ---- the other writer ---- */

struct rival {
	struct bench *bench;
	atomic_bool stop;
	int64_t longest_ms, n, sum_ms;
};

static void *rival_run(void *arg)
{
	struct rival *rival = arg;
	struct store *store = NULL;
	struct err err = ERR_NONE;

	if (store_open(rival->bench->path, STORE_WRITE, &store, &err) != 0)
		return NULL;
	while (!atomic_load(&rival->stop)) {
		const int64_t from_ms = clock_mono_ms();
		struct tx *tx = tx_begin(store, &err);
		struct timespec nap = { .tv_nsec = 5000000 };
		int64_t waited_ms = clock_mono_ms() - from_ms;

		if (tx != NULL && tx_commit(tx, &err) == 0)
			rival->n++;
		tx_end(&tx);
		rival->sum_ms += waited_ms;
		if (waited_ms > rival->longest_ms)
			rival->longest_ms = waited_ms;
		nanosleep(&nap, NULL);
	}
	store_close(&store);
	return NULL;
}

/* ---- the campaign ---- */

static int64_t make(struct bench *bench, struct campaign_quote *quote)
{
	const char *uids[] = { bench->device_uid };
	json_t *groups = json_pack("[s]", bench->segment_uid);
	struct campaign_request request = { .account_id = bench->account_id,
		.name = "Bench",
		.device_uids = uids,
		.n_devices = 1,
		.kind = MESSAGE_TEXT,
		.text = "{a|b|c|d|e|f|g|h|i|j}{a|b|c|d|e|f|g|h|i|j}"
			"{a|b|c|d|e|f|g|h|i|j}{a|b|c|d|e|f|g|h|i|j}"
			"{a|b|c|d|e|f|g|h|i|j}{a|b|c|d|e|f|g|h|i|j} {name}",
		.group_ids = groups };
	struct plan_refusal refusal;
	struct tx *tx;
	int64_t id = 0;

	check(bench,
		campaign_prepare(bench->store, bench->config, &request,
			clock_now_ms(), quote, &id, &bench->err),
		"prepare");
	tx = begin(bench);
	check(bench,
		campaign_release(tx, bench->config, &request, id,
			clock_now_ms(), &refusal, &bench->err),
		"release");
	commit(bench, tx);
	json_decref(groups);
	return id;
}

/* ---- the list ---- */

static int count_row(const struct recipient_row *row, void *arg)
{
	(void)row;
	++*(int *)arg;
	return 0;
}

static double page_ms(
	struct bench *bench, struct store *store, int64_t id, int64_t offset)
{
	const struct page page = { offset, 20 };
	struct timespec from, to;
	int64_t total;
	int n = 0;

	clock_gettime(CLOCK_MONOTONIC, &from);
	check(bench,
		store_recipient_list(
			store, id, 0, page, count_row, &n, &total, &bench->err),
		"list");
	clock_gettime(CLOCK_MONOTONIC, &to);
	if (n != 20 || total != bench->n)
		fprintf(stderr, "campbench: %d rows of %" PRId64 "\n", n,
			total);
	return (double)(to.tv_sec - from.tv_sec) * 1e3 +
	       (double)(to.tv_nsec - from.tv_nsec) / 1e6;
}

static void report_list(struct bench *bench, int64_t id)
{
	const int64_t offsets[] = { 0, 1000, bench->n / 4, bench->n / 2,
		bench->n - 20 };
	struct store *store = NULL;

	check(bench, store_open(bench->path, STORE_READ, &store, &bench->err),
		"open");
	for (size_t i = 0; i < ARRAY_LEN(offsets); i++) {
		const double cold = page_ms(bench, store, id, offsets[i]);

		printf(",\n  \"list_offset_%" PRId64
		       "_ms\": {\"first\": %.2f, \"again\": %.2f}",
			offsets[i], cold,
			page_ms(bench, store, id, offsets[i]));
	}
	store_close(&store);
}

int main(int argc, char **argv)
{
	struct bench bench = { .n = argc > 2 ? atoll(argv[2]) : 1000000 };
	struct rival rival = { .bench = &bench };
	struct campaign_quote quote;
	int64_t from_ms, made_ms, cpu_from_ms, made_cpu_ms, id;
	long rss_before_kib;
	pthread_t thread;

	if (argc < 2 || bench.n < 20) {
		fprintf(stderr, "usage: campbench DIR [RECIPIENTS]\n");
		return 2;
	}
	snprintf(bench.path, sizeof(bench.path), "%s/vereda.db", argv[1]);
	check(&bench,
		config_load_text("", 0, "default", &bench.config, &bench.err),
		"config");
	check(&bench,
		store_open(bench.path, STORE_WRITE, &bench.store, &bench.err),
		"open");
	from_ms = clock_mono_ms();
	fill(&bench);
	printf("{\"recipients\": %" PRId64 ",\n  \"fill_ms\": %" PRId64,
		bench.n, clock_mono_ms() - from_ms);
	rss_before_kib = rss_kib();
	pthread_create(&thread, NULL, rival_run, &rival);
	from_ms = clock_mono_ms();
	cpu_from_ms = cpu_ms();
	id = make(&bench, &quote);
	made_ms = clock_mono_ms() - from_ms;
	made_cpu_ms = cpu_ms() - cpu_from_ms;
	atomic_store(&rival.stop, true);
	pthread_join(thread, NULL);
	printf(",\n  \"create_ms\": %" PRId64 ",\n  \"create_cpu_ms\": %" PRId64
	       ",\n  \"rss_before_kib\": %ld,"
	       "\n  \"rss_peak_kib\": %ld,\n  \"other_writer\": {\"commits\": "
	       "%" PRId64 ", \"longest_wait_ms\": %" PRId64
	       ", \"mean_wait_ms\": %.2f}",
		made_ms, made_cpu_ms, rss_before_kib, rss_kib(), rival.n,
		rival.longest_ms,
		rival.n > 0 ? (double)rival.sum_ms / (double)rival.n : 0.0);
	report_list(&bench, id);
	printf("}\n");
	store_close(&bench.store);
	config_free(&bench.config);
	return 0;
}
