/* The messages a lane holds in memory: found by WhatsApp id, standing in one
 * line each, lines kept in the order of their numbers.  Bounded by its user;
 * the store has them all. */
#ifndef SENDERD_WHATSAPP_JOBS_H
#define SENDERD_WHATSAPP_JOBS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "common/ids.h"
#include "common/store/message.h"
#include "common/wa/jid.h"

#define JOB_ID_LEN (WA_MSG_ID_LEN + 42) /* 64 characters and the NUL */

TAILQ_HEAD(job_line, job);

struct job {
	TAILQ_ENTRY(job) entry;
	struct job_line *line; /* where it stands; borrowed */
	struct job *next_by_id;
	int64_t seq;	    /* device_seq: the order */
	int64_t created_ms; /* unix */
	int64_t due_ms;	  /* monotonic: when the ack is overdue, or when to try
			     again */
	unsigned n_sends; /* stanzas sent so far */
	unsigned n_refused; /* of them refused with "later" */
	size_t n_devices;   /* of the last stanza */
	bool by_number;	    /* the server refused its LID form */
	bool is_cold;	    /* they never wrote to us: cold_chats.h */
	bool rebuilt;	    /* once, with a fresh device list */
	bool keys_asked;    /* devices without a session are left out now */
	int n_recipients;   /* group, status: accounts of the last stanza */
	enum message_kind kind;
	struct wa_jid chat; /* bare: PN, LID, group or status */
	int64_t media_id;   /* row of its media, 0 = none */
	char wa_id[JOB_ID_LEN];
	const char *content; /* JSON of docs/content.md, or NULL; behind text */
	char text[];	     /* "" = none */
};

/* A group or status: by sender key. */
static inline bool job_is_groupcast(const struct job *job)
{
	return job->chat.server == WA_SERVER_GROUP ||
	       job->chat.server == WA_SERVER_BROADCAST;
}

#define JOBS_BUCKETS 512

struct jobs {
	struct job *by_id[JOBS_BUCKETS];
	size_t n;
};

/* NULL when the id is empty or too long, or known already.  @text and @content
 * may be NULL. */
struct job *jobs_add(struct jobs *jobs, const char *wa_id,
	const struct wa_jid *chat, const char *text, const char *content);
struct job *jobs_find(const struct jobs *jobs, const char *wa_id);
/* Takes it out of its line and frees it; *@jobp is NULL afterwards. */
void jobs_remove(struct jobs *jobs, struct job **jobp);
void jobs_clear(struct jobs *jobs);
/* Leaves its line, if any, and stands in @line by its number. */
void job_move(struct job *job, struct job_line *line);

#endif
