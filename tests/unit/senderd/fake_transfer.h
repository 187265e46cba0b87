/* Stands in for transfer.c: what would go to or come from the host waits for
 * the test to end it. */
#ifndef TESTS_UNIT_SENDERD_FAKE_TRANSFER_H
#define TESTS_UNIT_SENDERD_FAKE_TRANSFER_H

#include "tests/unit/senderd/fake_lane.h"

#define TRANSFERS_MAX 64

struct fake_transfer {
	bool is_upload;
	enum wa_media_type type; /* upload */
	uint8_t sha256[32];
	struct wa_media_ref ref; /* download */
	uint64_t max_bytes;
	transfer_done_fn *done;
	void *arg;
};

static struct fake_transfer fake_transfers[TRANSFERS_MAX];
static size_t n_fake_transfers;	      /* begun */
static size_t n_fake_transfers_ended; /* in the order they were begun */

struct transfers *transfers_new(void)
{
	n_fake_transfers = n_fake_transfers_ended = 0;
	return NULL;
}

/* The real one forgets whom it would have called, too. */
void transfers_free(struct transfers **transfersp)
{
	(void)transfersp;
	for (size_t i = n_fake_transfers_ended; i < n_fake_transfers; i++) {
		if (!fake_transfers[i].is_upload)
			free(fake_transfers[i].arg);
	}
}

void transfers_on_ready(struct lane *lane)
{
	(void)lane;
}

void transfers_on_disconnect(struct lane *lane)
{
	(void)lane;
}

void transfer_upload(struct lane *lane, enum wa_media_type type,
	const uint8_t sha256[32], transfer_done_fn *done, void *arg)
{
	struct fake_transfer *transfer = &fake_transfers[n_fake_transfers++];

	(void)lane;
	assert_true(n_fake_transfers <= TRANSFERS_MAX);
	*transfer = (struct fake_transfer){
		.is_upload = true, .type = type, .done = done, .arg = arg
	};
	memcpy(transfer->sha256, sha256, 32);
}

void transfer_download(struct lane *lane, const struct wa_media_ref *ref,
	uint64_t max_bytes, transfer_done_fn *done, void *arg)
{
	struct fake_transfer *transfer = &fake_transfers[n_fake_transfers++];

	(void)lane;
	assert_true(n_fake_transfers <= TRANSFERS_MAX);
	*transfer = (struct fake_transfer){
		.ref = *ref, .max_bytes = max_bytes, .done = done, .arg = arg
	};
}

/* The oldest one under way; NULL: there is none. */
static inline struct fake_transfer *fake_transfer(void)
{
	return n_fake_transfers_ended < n_fake_transfers
		       ? &fake_transfers[n_fake_transfers_ended]
		       : NULL;
}

static inline void fake_transfer_end(struct fake *fake,
	enum transfer_outcome outcome, const struct wa_media_ref *ref,
	const char *path)
{
	struct fake_transfer *transfer = fake_transfer();

	assert_non_null(transfer);
	n_fake_transfers_ended++;
	transfer->done(&fake->lane, outcome, ref, path, transfer->arg);
	fake_run(fake);
}

/* ---- time ---- */

/* Shifts the clock; the first timer that was to wait from @low_ms to @high_ms
 * goes off. */
static inline void fake_time_pass(
	struct fake *fake, int64_t low_ms, int64_t high_ms)
{
	static int64_t shift_ms;

	shift_ms += high_ms;
	clock_shift_ms(shift_ms);
	for (size_t i = 0; i < fake->n_timers; i++) {
		struct lane_timer *timer = fake->timers[i];

		if (fake->timer_ms[i] < low_ms || fake->timer_ms[i] > high_ms)
			continue;
		lane_timer_stop(timer);
		timer->fn(&fake->lane, timer->arg);
		fake_run(fake);
		return;
	}
	fail_msg("nothing waits for %lld ms", (long long)low_ms);
}

/* ---- rows ---- */

static inline int64_t fake_media_insert(
	struct fake *fake, const struct media *wanted)
{
	struct media media = *wanted;
	struct err err = ERR_NONE;
	char uuid[UUID_LEN];
	scoped(tx_end) struct tx *tx = tx_begin(fake->lane.store, &err);

	assert_non_null(tx);
	id_uuid7(uuid);
	media.public_id = uuid;
	if (media.account_id == 0)
		media.account_id = fake->lane.account_id;
	media.created_ms = clock_now_ms();
	assert_int_equal(store_media_insert(tx, &media, &err), 0);
	assert_int_equal(tx_commit(tx, &err), 0);
	return media.id;
}

#endif
