#include "mediaconv/xlsx_strings.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/own.h"
#include "mediaconv/table.h"
#include "mediaconv/xlsx_part.h"

#define STRINGS_MAX (4u << 20)
#define TEXT_MAX (128u << 20)
#define TOO_MANY "The spreadsheet has too many texts"

/* <si><t>one</t></si>, or <si><r><t>in pieces</t></r>...<rPh>how it is
 * pronounced</rPh></si>. */
struct reading {
	struct strings *strings;
	size_t start; /* of the text that is being read */
	bool is_item, is_text, is_phonetic;
};

static void on_start(
	struct part *part, const char *name, const char **attributes)
{
	struct reading *reading = part_arg(part);

	(void)attributes;
	if (strcmp(name, "si") == 0) {
		reading->is_item = true;
		reading->start = reading->strings->text.len;
	} else if (strcmp(name, "rPh") == 0) {
		reading->is_phonetic = true;
	} else if (strcmp(name, "t") == 0) {
		reading->is_text = reading->is_item && !reading->is_phonetic;
	}
}

/* A little more than a cell takes, so that nothing is left of a character that
 * is cut here. */
static void on_text(struct part *part, const char *text, size_t n)
{
	struct reading *reading = part_arg(part);
	struct buf *all = &reading->strings->text;
	const size_t room = TABLE_CELL_MAX + 8 - (all->len - reading->start);

	if (reading->is_text)
		buf_add(all, text, n < room ? n : room);
}

static void item_end(struct part *part, struct strings *strings)
{
	if (strings->n == STRINGS_MAX || strings->text.len > TEXT_MAX) {
		part_fail(part, TOO_MANY);
		return;
	}
	if (strings->n == strings->cap) {
		strings->cap = strings->cap == 0 ? 1024 : 2 * strings->cap;
		strings->ends = xrealloc(
			strings->ends, strings->cap * sizeof(strings->ends[0]));
	}
	strings->ends[strings->n++] = (uint32_t)strings->text.len;
}

static void on_end(struct part *part, const char *name)
{
	struct reading *reading = part_arg(part);

	if (strcmp(name, "t") == 0) {
		reading->is_text = false;
	} else if (strcmp(name, "rPh") == 0) {
		reading->is_phonetic = false;
	} else if (strcmp(name, "si") == 0 && reading->is_item) {
		reading->is_item = false;
		item_end(part, reading->strings);
	}
}

int strings_read(struct archive *archive, const char *path, struct strings *out,
	struct err *err)
{
	static const struct part_handlers handlers = { on_start, on_end,
		on_text };
	struct reading reading = { .strings = out };

	return part_read(archive, path, &handlers, &reading, err);
}

void strings_fini(struct strings *strings)
{
	buf_fini(&strings->text);
	free(strings->ends);
	*strings = (struct strings){ 0 };
}

const char *strings_get(
	const struct strings *strings, uint64_t index, size_t *n_out)
{
	uint32_t start;

	if (index >= strings->n)
		return NULL;
	start = index == 0 ? 0 : strings->ends[index - 1];
	*n_out = strings->ends[index] - start;
	return *n_out == 0 ? "" : (const char *)strings->text.data + start;
}
