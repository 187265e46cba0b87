/* Recipients about whom the server must be asked before anything can be sent:
 * which devices they have, or keys for a first session.  Their messages stand
 * here in order until the answer is there; many recipients share one question.
 */
#ifndef SENDERD_WHATSAPP_LOOKUP_H
#define SENDERD_WHATSAPP_LOOKUP_H

#include "senderd/lane.h"
#include "senderd/whatsapp/jobs.h"

struct lookup;

struct lookup *lookup_new(void);
void lookup_free(struct lookup **lookupp);
/* Forgets everybody, not their jobs: those belong to the caller's table. */
void lookup_clear(struct lookup *lookup);

enum lookup_need { LOOKUP_DEVICES, LOOKUP_KEYS };
/* Puts @job behind its recipient's others.  @account is whom to ask for, bare.
 */
void lookup_hold(struct lookup *lookup, struct job *job, enum lookup_need need,
	const struct wa_jid *account);
/* True when the recipient is being asked about: @job has joined the others
 * there. */
bool lookup_joins(struct lookup *lookup, struct job *job);
/* Sends the questions that are due.  Answers bring the jobs back by
 * outbound_resume() or end them by outbound_fail(). */
void lookup_ask(struct lane *lane, struct lookup *lookup);
size_t lookup_count(const struct lookup *lookup);
/* True when a question that failed is due again. */
bool lookup_is_due(const struct lookup *lookup, int64_t mono_ms);
/* Calls @fn for every job that stands here; @fn may remove it. */
void lookup_each(struct lookup *lookup,
	void (*fn)(struct lane *lane, struct job *job), struct lane *lane);

/* Was @address lately found to have no usable keys? */
bool lookup_is_keyless(
	const struct lookup *lookup, const struct wa_jid *address);
void lookup_set_keyless(struct lookup *lookup, const struct wa_jid *address);

#endif
