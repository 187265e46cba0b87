/* The accounts that a call names, by phone or address: looked up first, so that
 * the server gets both names of each, and matched with its answer. */
#ifndef SENDERD_WHATSAPP_PEOPLE_H
#define SENDERD_WHATSAPP_PEOPLE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "senderd/lane.h"

#define PEOPLE_MAX 1024

struct person_named {
	struct wa_jid pn, lid;	       /* either may be empty, not both */
	bool is_unknown;	       /* nobody on WhatsApp has this number */
	const struct wa_node *outcome; /* in the answer, while that is read */
};

struct people_named {
	struct person_named *list; /* owned */
	size_t n;
};
void people_free(struct people_named **peoplep);

/* From a JSON array of texts.  NULL: none, too many, or one that is neither a
 * phone nor the address of an account; @err says which. */
struct people_named *people_parse(
	struct lane *lane, const json_t *texts, struct err *err);
/* Asks for those whose LID is not known.  @answered is false when the server
 * did not answer.  Answers once, at once when nothing is to be asked. */
typedef void people_done_fn(struct lane *lane, bool answered, void *arg);
void people_resolve(struct lane *lane, struct people_named *people,
	people_done_fn *done, void *arg);

/* Adds <participant> for everyone who exists, by LID with the number, or by
 * number where @by_number.  With their privacy tokens when they are to be
 * added.  Returns how many, or -1. */
struct people_form {
	bool by_number, with_tokens;
};
int people_add_nodes(struct lane *lane, struct wa_node *parent,
	const struct people_named *people, struct people_form form,
	struct err *err);
/* What became of them: [{id, phone, lid, status, code?}].  @answer holds
 * <participant jid [error]> for each; NULL: they are all unknown. */
json_t *people_outcomes(
	struct people_named *people, const struct wa_node *answer);

#endif
