#include "senderd/questions.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/own.h"

struct entry {
	uint64_t id; /* 0 = free */
	int64_t deadline_ms;
	char uid[DEVICE_UID_LEN + 8];
	struct question question;
};

struct questions {
	struct entry
		entries[QUESTIONS_MAX]; /* an id lives at id % QUESTIONS_MAX */
	uint64_t last_id;
	size_t n;
};

struct questions *questions_new(void)
{
	return xcalloc(1, sizeof(struct questions));
}

void questions_free(struct questions **questionsp)
{
	struct questions *questions = move(*questionsp);

	if (questions == NULL)
		return;
	for (size_t i = 0; i < QUESTIONS_MAX; i++)
		bus_return_free(&questions->entries[i].question.way);
	free(questions);
}

uint64_t questions_add(struct questions *questions, const char *uid,
	struct question *question, int64_t now_ms)
{
	struct entry *entry;

	if (questions->n == QUESTIONS_MAX)
		return 0;
	do {
		entry = &questions->entries[++questions->last_id %
					    QUESTIONS_MAX];
	} while (entry->id != 0);
	entry->id = questions->last_id;
	entry->deadline_ms = now_ms + QUESTION_TIMEOUT_MS;
	snprintf(entry->uid, sizeof entry->uid, "%s", uid);
	entry->question = *question;
	question->way = NULL;
	questions->n++;
	return entry->id;
}

static bool entry_take(
	struct questions *questions, struct entry *entry, struct question *out)
{
	*out = entry->question;
	memset(entry, 0, sizeof *entry);
	questions->n--;
	return true;
}

bool questions_take(struct questions *questions, uint64_t id, const char *uid,
	struct question *out)
{
	struct entry *entry = &questions->entries[id % QUESTIONS_MAX];

	if (id == 0 || entry->id != id || strcmp(entry->uid, uid) != 0)
		return false;
	return entry_take(questions, entry, out);
}

bool questions_take_due(
	struct questions *questions, int64_t now_ms, struct question *out)
{
	if (questions->n == 0)
		return false;
	for (size_t i = 0; i < QUESTIONS_MAX; i++) {
		struct entry *entry = &questions->entries[i];

		if (entry->id != 0 && entry->deadline_ms <= now_ms)
			return entry_take(questions, entry, out);
	}
	return false;
}

bool questions_take_of(
	struct questions *questions, const char *uid, struct question *out)
{
	if (questions->n == 0)
		return false;
	for (size_t i = 0; i < QUESTIONS_MAX; i++) {
		struct entry *entry = &questions->entries[i];

		if (entry->id != 0 && strcmp(entry->uid, uid) == 0)
			return entry_take(questions, entry, out);
	}
	return false;
}

size_t questions_count(const struct questions *questions)
{
	return questions->n;
}
