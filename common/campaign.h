/* A campaign as it is asked for: checked, counted, estimated, made.  Used by
 * apid (create, preview) and by schedulerd (runs of a recurring one). */
#ifndef COMMON_CAMPAIGN_H
#define COMMON_CAMPAIGN_H

#include <jansson.h>

#include "common/estimate.h"
#include "common/plan.h"
#include "common/store/campaign.h"
#include "common/store/media.h"

struct config;
struct err;
struct store;

#define CAMPAIGN_NAME_MAX 200
#define CAMPAIGN_SEGMENTS_MAX 100 /* groups and tags, each */
#define CAMPAIGN_PHONES_MAX 100000
#define CAMPAIGN_CHUNK 1000 /* recipients written in one transaction */

/* The audience as it is stored: {"groups":[id…],"tags":[id…],"phones":["digits"
 * …]}, where the ids are rows of segments, sorted, and the phones are sorted;
 * nothing is there twice.  A person who is in several of them gets one
 * message: saved contacts have one row a phone, and phones that belong to a
 * contact of a segment are left out. */

struct campaign_request {
	int64_t account_id;
	const char *name;
	const char *const *device_uids; /* [0] is the primary one; no doubles */
	int n_devices;
	enum message_kind kind;
	const char *text, *spintax_template; /* or NULL */
	int64_t media_id;
	json_t *group_ids, *tag_ids; /* arrays of public ids, or NULL; borrowed
				      */
	json_t *phones;		     /* array of texts, or NULL; borrowed */
	int64_t scheduled_ms;	     /* 0 = now */
	json_t *recurrence;	     /* or NULL; recurrence.h */
};

struct campaign_quote {
	int64_t n_recipients;
	uint64_t n_variants; /* of the text, counted up to
				CAMPAIGN_VARIANTS_MAX, or what is needed */
	int64_t n_needed;    /* ceil(recipients / variant_recipients); 1 where
				the rule does not apply */
	struct estimate estimate;
	struct plan_refusal plan; /* with ERR_FORBIDDEN */
};
#define CAMPAIGN_VARIANTS_MAX 1000000

/* What media is sent as when nobody says: IMAGE, VIDEO, DOCUMENT ... */
enum message_kind campaign_kind_of_media(enum media_kind kind);

/* Everything that can be wrong, and what it would be: reads only.
 * ERR_INVALID: no audience, unknown device, group or tag, a device that is not
 * CONNECTED, media that does not fit, "Account safety: this campaign has 80
 * recipients but only 3 unique message variant(s). …", more than
 * [campaign] max_recipients, nobody at all.  ERR_FORBIDDEN: the plan.
 * ERR_CONFLICT: a campaign with this name is running or scheduled. */
int campaign_check(struct store *store, const struct config *config,
	const struct campaign_request *request, int64_t now_ms,
	struct campaign_quote *quote, struct err *err);

/* Writing one takes as long as it takes, and is done in steps, so that whoever
 * does it can do other things between them.  campaign_begin():
 * campaign_check(), then the row, PREPARING.  campaign_step(): one chunk of its
 * recipients, in a transaction of @store's own; *@done after the last.  The
 * caller then makes it ready in the transaction of its answer
 * (campaign_release()).  @request must live as long. */
struct campaign_making;
int campaign_begin(struct store *store, const struct config *config,
	const struct campaign_request *request, int64_t now_ms,
	struct campaign_quote *quote, struct campaign_making **out,
	struct err *err);
int campaign_step(struct store *store, struct campaign_making *making,
	bool *done, struct err *err);
int64_t campaign_making_id(const struct campaign_making *making);
void campaign_making_free(struct campaign_making **makingp);
/* Both, to the end.  What was written of one that fails is removed. */
int campaign_prepare(struct store *store, const struct config *config,
	const struct campaign_request *request, int64_t now_ms,
	struct campaign_quote *quote, int64_t *id_out, struct err *err);
/* RUNNING, or SCHEDULED; counts against the plan.  Name and plan are asked
 * again: others may have been quicker (ERR_CONFLICT; ERR_FORBIDDEN, @refusal).
 */
int campaign_release(struct tx *tx, const struct config *config,
	const struct campaign_request *request, int64_t id, int64_t now_ms,
	struct plan_refusal *refusal, struct err *err);

/* A PREPARING campaign again, where its row says that it is: for
 * campaign_step(). */
int campaign_take_up(struct store *store, int64_t id,
	struct campaign_making **out, struct err *err);
/* Has a run that is built as many variants as its recipients need, and not too
 * many of them?  ERR_INVALID with the sentence of campaign_check(). */
int campaign_check_run(struct store *store, const struct config *config,
	int64_t id, struct err *err);
/* A child of the parent @id for its run that is due: PREPARING, with the same
 * lanes and the audience as it is now.  campaign_take_up(), its steps and
 * store_campaign_ready() follow. */
int campaign_spawn(struct tx *tx, int64_t id, int64_t now_ms,
	int64_t *child_id_out, struct err *err);

/* What a recipient is sent: the template spun, {name}, {phone} and the
 * contact's fields filled in; what is unknown is empty.  Appends to @out;
 * nothing for a kind that shows no text (VOICE, AUDIO, STICKER). */
struct buf;
struct recipient_row;
int campaign_text(struct store *store, const struct campaign *campaign,
	const struct recipient_row *recipient, struct buf *out,
	struct err *err);

/* The estimate of one that exists, from what is left of it; false when there is
 * none (completed, or without an end: paused, a parent). */
bool campaign_estimate(struct store *store, const struct config *config,
	const struct campaign *campaign, int64_t now_ms, struct estimate *out);

#endif
