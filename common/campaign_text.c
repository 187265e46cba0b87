/* What a recipient is sent. */
#include "common/campaign.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "common/buf.h"
#include "common/campaign_impl.h"
#include "common/err.h"
#include "common/own.h"
#include "common/spintax.h"
#include "common/store/addressbook.h"
#include "common/store/recipient.h"

struct person {
	const char *name; /* borrowed, or NULL */
	char phone[PHONE_LEN + 1];
	json_t *fields; /* owned, or NULL */
};

static void person_fini(struct person *person)
{
	json_decref(person->fields);
}

static int take_fields(const struct book_contact *contact, void *arg)
{
	struct person *person = arg;

	if (contact->fields != NULL)
		person->fields = json_loads(contact->fields, 0, NULL);
	return 0;
}

/* A contact that was deleted meanwhile keeps the name it was invited by. */
static int find_fields(struct store *store, int64_t contact_id,
	struct person *person, struct err *err)
{
	struct err miss = ERR_NONE;

	if (contact_id == 0 || store_book_by_id(store, contact_id, take_fields,
				       person, &miss) == 0)
		return 0;
	if (miss.code == ERR_NOT_FOUND)
		return 0;
	*err = miss;
	return -1;
}

static const char *value_of(const char *name, void *arg)
{
	const struct person *person = arg;
	const char *value = NULL;

	if (strcmp(name, "name") == 0)
		value = person->name;
	else if (strcmp(name, "phone") == 0)
		value = person->phone;
	else
		value = json_string_value(
			json_object_get(person->fields, name));
	return value != NULL ? value : "";
}

int campaign_text(struct store *store, const struct campaign *campaign,
	const struct recipient_row *recipient, struct buf *out, struct err *err)
{
	scoped(spintax_free) struct spintax *spintax = NULL;
	scoped(person_fini) struct person person = { .name = recipient->name };
	const char *text = campaign->spintax_template != NULL
				   ? campaign->spintax_template
				   : campaign->text;

	if (text == NULL || !campaign_shows_text(campaign->kind))
		return 0;
	snprintf(person.phone, sizeof(person.phone), "+%s", recipient->phone);
	if (spintax_parse(text, strlen(text), &spintax, err) != 0 ||
		find_fields(store, recipient->contact_id, &person, err) != 0)
		return -1;
	return spintax_spin(spintax, value_of, &person, out, err);
}
