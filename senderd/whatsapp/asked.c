#include "senderd/whatsapp/asked.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/clock.h"
#include "common/err.h"
#include "common/own.h"

/* One a line: "<unix ms> <id>". */
struct list {
	struct buf text;
	struct buf kept; /* the lines that stay */
	size_t n;	 /* of those */
	bool has_id;	 /* @id was among them; it is not */
};

static void list_fini(struct list *list)
{
	buf_fini(&list->text);
	buf_fini(&list->kept);
}

/* Sorts out the lines that are older than the window, and that of @id. */
static int list_read(struct lane *lane, const char *name, const char *id,
	int64_t window_ms, struct list *out, struct err *err)
{
	int64_t since_ms = clock_now_ms() - window_ms;
	char *state = NULL;

	if (lanedb_value_load(lane->db, name, &out->text, err) < 0)
		return -1;
	buf_cstr(&out->text);
	for (char *line = strtok_r((char *)out->text.data, "\n", &state);
		line != NULL; line = strtok_r(NULL, "\n", &state)) {
		char *end = NULL;
		int64_t at_ms = strtoll(line, &end, 10);

		if (*end != ' ' || at_ms < since_ms)
			continue;
		if (strcmp(end + 1, id) == 0) {
			out->has_id = true;
			continue;
		}
		buf_printf(&out->kept, "%s\n", line);
		out->n++;
	}
	return 0;
}

static int list_save(
	struct lane *lane, const char *name, struct list *list, struct err *err)
{
	return lanedb_value_save(
		lane->db, name, list->kept.data, list->kept.len, err);
}

int asked_note(struct lane *lane, const char *list, const char *id,
	int64_t window_ms, bool *may, struct err *err)
{
	scoped(list_fini) struct list all = { 0 };

	*may = false;
	if (list_read(lane, list, id, window_ms, &all, err) != 0)
		return -1;
	if (all.has_id || all.n >= ASKED_MAX)
		return 0;
	*may = true;
	buf_printf(&all.kept, "%" PRId64 " %s\n", clock_now_ms(), id);
	return list_save(lane, list, &all, err);
}

int asked_take(struct lane *lane, const char *list, const char *id,
	int64_t window_ms, bool *was, struct err *err)
{
	scoped(list_fini) struct list all = { 0 };

	if (list_read(lane, list, id, window_ms, &all, err) != 0)
		return -1;
	*was = all.has_id;
	return all.has_id ? list_save(lane, list, &all, err) : 0;
}
