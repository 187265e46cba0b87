/* The phone's answer to a question for lost media: as a stanza, and as what is
 * sealed in it, which whoever has the file's key can write. */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/arena.h"
#include "common/err.h"
#include "common/media/xfer.h"
#include "senderd/whatsapp/media_retry.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static struct lane_fetch fetch_new(void)
{
	struct lane_fetch fetch = { .wa_id = "3EB0",
		.chat = wa_jid_pn("15550002222", 0) };

	snprintf(fetch.ref.direct_path, sizeof(fetch.ref.direct_path), "/old");
	return fetch;
}

static void check(const struct lane_fetch *fetch)
{
	if (!xfer_path_is_valid(fetch->ref.direct_path))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct arena *arena = arena_new(4096);
	struct lane_fetch fetch = fetch_new();
	struct wa_node *node = NULL;
	struct err err = ERR_NONE;

	(void)media_retry_read_plain(data, n, &fetch);
	check(&fetch);
	if (wa_node_decode(arena, data, n, &node, &err) == 0) {
		(void)media_retry_read(node, true, &fetch);
		(void)media_retry_read(node, false, &fetch);
		check(&fetch);
	}
	arena_free(&arena);
	return 0;
}
