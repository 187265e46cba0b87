#include "senderd/whatsapp/jobs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/own.h"

/* FNV-1a: the ids are random, any spread will do. */
static size_t bucket_of(const char *wa_id)
{
	uint32_t hash = 2166136261u;

	for (const char *p = wa_id; *p != '\0'; p++)
		hash = (hash ^ (uint8_t)*p) * 16777619u;
	return hash % JOBS_BUCKETS;
}

struct job *jobs_find(const struct jobs *jobs, const char *wa_id)
{
	struct job *job = jobs->by_id[bucket_of(wa_id)];

	while (job != NULL && strcmp(job->wa_id, wa_id) != 0)
		job = job->next_by_id;
	return job;
}

struct job *jobs_add(struct jobs *jobs, const char *wa_id,
	const struct wa_jid *chat, const char *text, const char *content)
{
	size_t n_text = text != NULL ? strlen(text) : 0;
	size_t n_content = content != NULL ? strlen(content) : 0;
	size_t bucket = 0;
	struct job *job = NULL;

	if (wa_id[0] == '\0' || strlen(wa_id) >= JOB_ID_LEN ||
		jobs_find(jobs, wa_id) != NULL)
		return NULL;
	job = xcalloc(1, sizeof *job + n_text + 1 + n_content + 1);
	snprintf(job->wa_id, sizeof job->wa_id, "%s", wa_id);
	job->chat = *chat;
	if (n_text > 0)
		memcpy(job->text, text, n_text);
	if (n_content > 0)
		job->content =
			memcpy(job->text + n_text + 1, content, n_content);
	bucket = bucket_of(wa_id);
	job->next_by_id = jobs->by_id[bucket];
	jobs->by_id[bucket] = job;
	jobs->n++;
	return job;
}

static void job_leave(struct job *job)
{
	if (job->line != NULL)
		TAILQ_REMOVE(job->line, job, entry);
	job->line = NULL;
}

void jobs_remove(struct jobs *jobs, struct job **jobp)
{
	struct job *job = move(*jobp);
	struct job **link = NULL;

	if (job == NULL)
		return;
	link = &jobs->by_id[bucket_of(job->wa_id)];
	while (*link != job)
		link = &(*link)->next_by_id;
	*link = job->next_by_id;
	job_leave(job);
	free(job);
	jobs->n--;
}

void jobs_clear(struct jobs *jobs)
{
	for (size_t i = 0; i < JOBS_BUCKETS; i++) {
		while (jobs->by_id[i] != NULL) {
			struct job *job = jobs->by_id[i];

			jobs_remove(jobs, &job);
		}
	}
}

/* New ones come with the highest number, so the search from the end is short.
 */
void job_move(struct job *job, struct job_line *line)
{
	struct job *before = NULL;

	job_leave(job);
	before = TAILQ_LAST(line, job_line);
	while (before != NULL && before->seq > job->seq)
		before = TAILQ_PREV(before, job_line, entry);
	if (before != NULL)
		TAILQ_INSERT_AFTER(line, before, job, entry);
	else
		TAILQ_INSERT_HEAD(line, job, entry);
	job->line = line;
}
