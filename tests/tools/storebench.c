/* How many messages and status changes a second the store takes, as JSON:
 *
 *	storebench DIR [MESSAGES [BATCH [DEVICES]]]
 *
 * Accepting is what the store does for one request: the insert with the
 * next number, and the budget.  A change is what it does for one receipt:
 * the new status and its event.  Each figure is of the last 20,000 messages:
 * with more MESSAGES it shows what the size of the store costs. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/bus.h"
#include "common/clock.h"
#include "common/err.h"
#include "common/eventlog.h"
#include "common/own.h"
#include "common/store/account.h"
#include "common/store/device.h"
#include "common/store/message.h"
#include "common/store/store.h"

#define MEASURED 20000
#define MAX_DEVICES 64

struct bench {
	struct store *store;
	int64_t account_id;
	int64_t devices[MAX_DEVICES];
	char uids[MAX_DEVICES][DEVICE_UID_LEN];
	int n_devices;
	int batch;
	char (*wa_ids)[WA_MSG_ID_LEN]; /* of the last MEASURED messages */
	struct err err;
};

static void check(int rc, struct bench *b)
{
	if (rc == 0)
		return;
	fprintf(stderr, "storebench: %s\n", b->err.msg);
	exit(1);
}

static struct tx *begin(struct bench *b)
{
	struct tx *tx = tx_begin(b->store, &b->err);

	check(tx == NULL ? -1 : 0, b);
	return tx;
}

static void make_devices(struct bench *b)
{
	char uuid[UUID_LEN];
	struct account account = { .public_id = uuid,
		.name = "bench",
		.email = uuid,
		.password_hash = "-",
		.plan = "pro" };
	scoped(tx_end) struct tx *tx = begin(b);

	id_uuid7(uuid);
	check(store_account_create(tx, &account, &b->account_id, &b->err), b);
	for (int i = 0; i < b->n_devices; i++) {
		struct device device = { .account_id = b->account_id,
			.uid = b->uids[i],
			.name = "bench",
			.status = DEVICE_CONNECTED };

		id_device_uid(b->uids[i]);
		check(store_device_create(tx, &device, &b->devices[i], &b->err),
			b);
	}
	check(tx_commit(tx, &b->err), b);
}

static void accept_one(struct bench *b, struct tx *tx, int64_t n)
{
	char public_id[UUID_LEN], wa_id[WA_MSG_ID_LEN];
	char phone[32], chat[64], client_id[32];
	struct message message = { .account_id = b->account_id,
		.device_id = b->devices[n % b->n_devices],
		.public_id = public_id,
		.wa_id = wa_id,
		.chat = chat,
		.phone = phone,
		.text = "Your order 4711 is on its way and will arrive today.",
		.kind = MESSAGE_TEXT,
		.source = MESSAGE_BY_API,
		.created_ms = clock_now_ms() };
	bool duplicate;

	id_uuid7(public_id);
	snprintf(phone, sizeof(phone), "1555%07" PRId64,
		random_between(0, 9999999));
	snprintf(chat, sizeof(chat), "%s@s.whatsapp.net", phone);
	snprintf(client_id, sizeof(client_id), "order-%" PRId64, n);
	if (n % 2 == 0)
		message.client_message_id = client_id;
	check(store_message_wa_id(tx, message.device_id, wa_id, &b->err), b);
	memcpy(b->wa_ids[n % MEASURED], wa_id, sizeof(wa_id));
	check(store_message_insert_out(tx, &message, &duplicate, &b->err), b);
	check(store_budget_take(
		      tx, message.device_id, message.created_ms, &b->err),
		b);
}

static void accept_many(struct bench *b, int64_t from, int64_t to)
{
	while (from < to) {
		scoped(tx_end) struct tx *tx = begin(b);

		for (int i = 0; i < b->batch && from < to; i++)
			accept_one(b, tx, from++);
		check(tx_commit(tx, &b->err), b);
	}
}

struct changed_row {
	struct bench *bench;
	struct tx *tx;
};

static int on_changed(const struct message *message, void *arg)
{
	struct changed_row *row = arg;
	Bus__Envelope *event = NULL;

	check(eventlog_message(row->tx, message, NULL, message->device_uid,
		      &event, &row->bench->err),
		row->bench);
	bus_envelope_free(&event);
	return 0;
}

static void change_many(
	struct bench *b, int64_t from, int64_t to, enum message_status status)
{
	while (from < to) {
		scoped(tx_end) struct tx *tx = begin(b);
		struct changed_row row = { b, tx };
		bool changed;

		for (int i = 0; i < b->batch && from < to; i++, from++) {
			struct message_change change = {
				.wa_id = b->wa_ids[from % MEASURED],
				.status = status,
				.at_ms = clock_now_ms()
			};

			check(store_message_change(tx,
				      b->devices[from % b->n_devices], &change,
				      &changed, on_changed, &row, &b->err),
				b);
		}
		check(tx_commit(tx, &b->err), b);
	}
}

/* One phase: how fast by the clock on the wall, and what each cost by the
 * processor's, which other load on the machine leaves alone. */
struct figure {
	int64_t began_ms;
	clock_t began_cpu;
};

static struct figure figure_begin(void)
{
	return (struct figure){ clock_mono_ms(), clock() };
}

static void figure_print(const struct figure *figure, const char *name)
{
	const int64_t took_ms = clock_mono_ms() - figure->began_ms;
	const double cpu_us =
		(double)(clock() - figure->began_cpu) * 1e6 / CLOCKS_PER_SEC;

	printf(",\"%s_per_sec\":%.0f,\"%s_cpu_us\":%.1f", name,
		1000.0 * MEASURED / (double)(took_ms > 0 ? took_ms : 1), name,
		cpu_us / MEASURED);
}

static void run(struct bench *b, int64_t n_messages)
{
	const int64_t first = n_messages - MEASURED;
	struct figure figure;

	printf("{\"messages\":%" PRId64 ",\"batch\":%d,\"devices\":%d",
		n_messages, b->batch, b->n_devices);
	accept_many(b, 0, first);
	figure = figure_begin();
	accept_many(b, first, n_messages);
	figure_print(&figure, "accept");
	figure = figure_begin();
	change_many(b, first, n_messages, MESSAGE_SENT);
	figure_print(&figure, "sent");
	figure = figure_begin();
	change_many(b, first, n_messages, MESSAGE_DELIVERED);
	figure_print(&figure, "delivered");
	printf("}\n");
}

int main(int argc, char **argv)
{
	scoped(str_free) char *path = NULL;
	struct bench b = { .err = ERR_NONE };
	int64_t n_messages = argc > 2 ? atoll(argv[2]) : 100000;

	b.batch = argc > 3 ? atoi(argv[3]) : 64;
	b.n_devices = argc > 4 ? atoi(argv[4]) : 4;
	if (argc < 2 || n_messages < MEASURED || b.batch < 1 ||
		b.n_devices < 1 || b.n_devices > MAX_DEVICES) {
		fprintf(stderr,
			"usage: storebench DIR"
			" [MESSAGES >= %d [BATCH [DEVICES <= %d]]]\n",
			MEASURED, MAX_DEVICES);
		return 2;
	}
	path = xasprintf("%s/bench.db", argv[1]);
	unlink(path);
	b.wa_ids = xcalloc(MEASURED, sizeof(*b.wa_ids));
	check(store_open(path, STORE_WRITE, &b.store, &b.err), &b);
	make_devices(&b);
	run(&b, n_messages);
	store_close(&b.store);
	free(b.wa_ids);
	return 0;
}
