/* The pause against spam: an account whose messages keep failing (numbers that
 * are not on WhatsApp, refusals) stops sending altogether for a while, before
 * WhatsApp stops it for good.  Direct sends are refused with 429, scheduled
 * messages, campaigns and auto-replies wait or are left out.  An operator can
 * pause and resume an account, too. */
#ifndef COMMON_ANTISPAM_H
#define COMMON_ANTISPAM_H

#include <stdbool.h>
#include <stdint.h>

struct config;
struct err;
struct store;
struct tx;

/* The end of a pause that lasts until it is lifted: the last second that an
 * ISO date of four digits can name. */
#define ANTISPAM_UNTIL_LIFTED INT64_C(253402300799999)

struct antispam {
	int64_t paused_until_ms; /* 0 = not paused */
	char reason[160];
};
/* A pause that is over reads as none. */
int antispam_get(struct store *store, int64_t account_id, int64_t now_ms,
	struct antispam *out, struct err *err);
/* Does it tell of spam that a message to a person failed for @reason?  That
 * the number is not on WhatsApp does, and WhatsApp's refusals of what we want;
 * what expired or broke here does not, nor do refusals of a form. */
bool antispam_is_sign(const char *reason);
/* Such a message of the account has failed.  safety.spam_failures of them
 * within safety.spam_window_sec of the first pause it; the count then starts
 * anew.  What fails during a pause was accepted before it: it is not counted.
 */
int antispam_note_failure(struct tx *tx, const struct config *config,
	int64_t account_id, int64_t now_ms, struct err *err);
/* 0 resumes.  Either way the count of failures starts anew. */
int antispam_pause(struct tx *tx, int64_t account_id, int64_t until_ms,
	const char *reason, struct err *err);

/* When clients may try again: 0 for a pause without an end of its own. */
int64_t antispam_resets_at_ms(int64_t until_ms);
#define ANTISPAM_PAUSED "Sending is paused: " /* and the reason */
/* "<what>. Try again after 2026-05-23T23:59:59.999Z.", as far as there is such
 * a time. */
#define ANTISPAM_SENTENCE_LEN 400
void antispam_sentence(
	const char *what, int64_t until_ms, char out[ANTISPAM_SENTENCE_LEN]);

#endif
