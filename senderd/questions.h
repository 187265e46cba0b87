/* Questions that were passed on to a lane and have no answer yet: a bounded
 * table. */
#ifndef SENDERD_QUESTIONS_H
#define SENDERD_QUESTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/bus.h"
#include "common/ids.h"

#define QUESTIONS_MAX 4096
#define QUESTION_TIMEOUT_MS 30000

struct questions;

struct question {
	uint64_t request_id, trace_id; /* the asker's */
	struct bus_return
		*way; /* owned: whoever takes the question answers it */
};

struct questions *questions_new(void);
void questions_free(struct questions **questionsp);

/* Keeps @question, whose way back it then owns, for the lane @uid.  Returns the
 * id that the lane's answer must repeat, or 0 when the table is full: then
 * @question is still the caller's. */
uint64_t questions_add(struct questions *questions, const char *uid,
	struct question *question, int64_t now_ms);
/* The question with @id if it went to @uid; nobody else may answer it. */
bool questions_take(struct questions *questions, uint64_t id, const char *uid,
	struct question *out);
/* Any question that is older than its timeout at @now_ms. */
bool questions_take_due(
	struct questions *questions, int64_t now_ms, struct question *out);
/* Any question that went to @uid. */
bool questions_take_of(
	struct questions *questions, const char *uid, struct question *out);
size_t questions_count(const struct questions *questions);

#endif
