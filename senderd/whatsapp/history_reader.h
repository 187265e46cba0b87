/* A HistorySync, walked through: never unpacked as a whole, however large, and
 * left and taken up again between turns.
 *
 * It is read twice.  The names of an account stand behind its messages, so the
 * first pass learns who is who, and the second takes the rest. */
#ifndef SENDERD_WHATSAPP_HISTORY_READER_H
#define SENDERD_WHATSAPP_HISTORY_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "senderd/lane.h"
#include "senderd/whatsapp/blob.h"

struct err;
struct history_reader;

enum history_pass { HISTORY_ADDRESSES = 0, HISTORY_CONTENT = 1 };
struct history_plan {
	enum history_pass pass;
	int64_t skip;	   /* so many chats were taken before */
	bool has_names;	   /* take names and chats */
	bool has_settings; /* and how those are listed, as far as it is told */
	bool has_messages; /* take messages */
	int64_t since_ms;  /* of messages: not older */
};
/* @blob: the HistorySync, inflated; the reader's from now on. */
struct history_reader *history_reader_new(
	struct lane *lane, struct blob *blob, const struct history_plan *plan);
void history_reader_free(struct history_reader **readerp);

/* Reads up to @max entries (messages, chats, names), but not past the monotonic
 * @until_ms.  *@done at the end.  -1: ERR_PEER, it is malformed, and what was
 * read up to there holds; ERR_IO. */
int history_reader_step(struct history_reader *reader, size_t max,
	int64_t until_ms, bool *done, struct err *err);
int64_t history_reader_chats(
	const struct history_reader *reader); /* taken, the skipped included */
size_t history_reader_messages(const struct history_reader *reader);

#endif
