/* A small JSON object, written straight into a buffer.  Text may come from a
 * peer: what JSON does not allow is escaped, and bytes that are no UTF-8 become
 * U+FFFD. */
#ifndef COMMON_JSON_WRITE_H
#define COMMON_JSON_WRITE_H

#include <stdbool.h>
#include <stdint.h>

struct buf;

struct json_writer {
	struct buf *out; /* borrowed */
	bool has_member;
};

struct json_writer json_write_begin(struct buf *out); /* { */
void json_write_end(struct json_writer *json);	      /* } */
/* Keys are our own literals.  A NULL text writes nothing. */
void json_write_text(
	struct json_writer *json, const char *key, const char *text);
void json_write_bool(struct json_writer *json, const char *key, bool value);
void json_write_int(struct json_writer *json, const char *key, int64_t value);
/* @value is JSON already; NULL writes nothing. */
void json_write_raw(
	struct json_writer *json, const char *key, const char *value);

#endif
