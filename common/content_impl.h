/* One check of a message's content under way.  Internal to common/content*.c.
 */
#ifndef COMMON_CONTENT_IMPL_H
#define COMMON_CONTENT_IMPL_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "common/content.h"
#include "common/recipient.h"

struct content_work {
	const struct content_place *place; /* borrowed */
	json_t *json; /* what the lane gets, so far; owned by content_check() */
	const char *text;
	struct err *err;
};

/* ---- content_value.c: all of them -1 or NULL with the error ---- */
size_t content_characters(const char *text);
int content_refuse(const struct content_work *check, const char *what);
/* A text of 1..@max characters on one line. */
const char *content_take_line(const struct content_work *check,
	const json_t *value, size_t max, const char *name);
/* An object of which only these members are known; @names ends with NULL. */
int content_take_object(const struct content_work *check, json_t *value,
	const char *name, const char *const names[]);
int content_take_array(const struct content_work *check, const json_t *value,
	const char *name, size_t min, size_t max);
/* Who @value names; @kinds as in recipient.h. */
int content_take_person(const struct content_work *check, const json_t *value,
	const char *name, unsigned kinds, struct recipient *out);
bool content_is_among(const char *key, const char *const names[]);
/* Into what the lane gets; takes @value. */
void content_put(struct content_work *check, const char *name, json_t *value);

/* ---- content_part.c: members ---- */
int content_part_media(struct content_work *check, json_t *value);
int content_part_view_once(struct content_work *check, json_t *value);
int content_part_location(struct content_work *check, json_t *value);
int content_part_contacts(struct content_work *check, json_t *value);
int content_part_poll(struct content_work *check, json_t *value);
int content_part_target(struct content_work *check, json_t *value);
int content_part_quote(struct content_work *check, json_t *value);

#endif
