/* A HistorySync from a hostile phone: any bytes, read in both passes and in
 * steps of any size, zipped or not. */
#include "tests/fuzz/lane_alone.h"

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "senderd/whatsapp/history_reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void read_pass(struct lane *lane, const struct history_plan *plan,
	bool is_zipped, size_t step, const uint8_t *data, size_t n)
{
	struct blob *blob = blob_of_bytes(data, n);
	struct history_reader *reader = NULL;
	struct err err = ERR_NONE;
	bool done = false;

	if (is_zipped)
		blob_unzip(blob, 1 << 20);
	reader = history_reader_new(lane, blob, plan);
	while (!done &&
		history_reader_step(reader, step, INT64_MAX, &done, &err) == 0)
		;
	assert(done || err.code == ERR_PEER);
	assert(!facts_failed(lane));
	history_reader_free(&reader);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct lane *lane = lane_alone();
	struct history_plan plan = { .has_names = true, .has_messages = true };
	size_t step;

	if (n < 2)
		return 0;
	plan.skip = data[0] >> 5;
	step = 1 + (data[1] & 0x1f);
	for (plan.pass = HISTORY_ADDRESSES; plan.pass <= HISTORY_CONTENT;
		plan.pass++)
		read_pass(lane, &plan, data[0] & 1, step, data + 2, n - 2);
	lane_forget(lane);
	return 0;
}
