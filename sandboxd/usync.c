/* usync: what a client wants to know about a list of users, one protocol a
 * child of the query.  A number that was never created is answered as one that
 * is not on WhatsApp: without devices and LID, since an <error> would fail the
 * query for all users. */
#include <string.h>

#include "common/log.h"
#include "common/own.h"
#include "common/phone.h"
#include "sandboxd/iq.h"
#include "sandboxd/profile.h"

struct lookup {
	const struct account *asking;
	struct account *account; /* NULL: not on WhatsApp */
	struct wa_jid jid;	 /* as asked; a PN for a number */
	bool by_lid;		 /* asked by LID */
	const struct wa_node
		*number; /* <contact> with a number in it, or NULL */
};

typedef void protocol_fn(struct wa_node *user, const struct lookup *lookup);

static void answer_devices(struct wa_node *user, const struct lookup *lookup)
{
	struct wa_node *devices, *list, *indexes;
	const struct buf *signed_list;
	int64_t t;

	if (lookup->account == NULL)
		return;
	devices = wa_node_add(user, "devices");
	list = wa_node_add(devices, "device-list");
	account_each_device (device, lookup->account) {
		struct wa_node *node;

		if (!device->has_bundle)
			continue; /* nobody could encrypt to it */
		node = wa_node_add(list, "device");
		wa_node_set_int(node, "id", device->number);
		if (device->number > 0)
			wa_node_set_int(node, "key-index", device->key_index);
	}
	signed_list = account_key_index_list(lookup->account, &t);
	indexes = wa_node_add(devices, "key-index-list");
	wa_node_set_int(indexes, "ts", t);
	wa_node_bytes(indexes, signed_list->data, signed_list->len);
}

static void answer_lid(struct wa_node *user, const struct lookup *lookup)
{
	struct wa_jid lid;

	if (lookup->account == NULL || lookup->by_lid)
		return;
	lid = wa_jid_lid(lookup->account->lid, 0);
	wa_node_set_jid(wa_node_add(user, "lid"), "val", &lid);
}

static void answer_contact(struct wa_node *user, const struct lookup *lookup)
{
	struct wa_node *contact = wa_node_add(user, "contact");
	size_t n = 0;
	const uint8_t *asked = lookup->number != NULL
				       ? wa_node_content(lookup->number, &n)
				       : NULL;

	wa_node_set(contact, "type", lookup->account != NULL ? "in" : "out");
	if (asked != NULL)
		wa_node_bytes(contact, asked, n);
}

/* The about; 401 stands for one that is not for whoever asks. */
static void answer_status(struct wa_node *user, const struct lookup *lookup)
{
	const struct profile *profile;
	struct wa_node *status;

	if (lookup->account == NULL)
		return;
	status = wa_node_add(user, "status");
	profile = lookup->account->profile;
	if (!profile_allows(lookup->account, PRIVACY_STATUS, lookup->asking)) {
		wa_node_set(status, "code", "401");
		wa_node_set(status, "t", "0");
		return;
	}
	wa_node_set_int(status, "t", profile == NULL ? 0 : profile->about_s);
	if (profile != NULL && profile->about != NULL)
		wa_node_text(status, profile->about);
}

static void answer_picture(struct wa_node *user, const struct lookup *lookup)
{
	const struct picture *picture =
		lookup->account == NULL
			? NULL
			: profile_picture(lookup->account, lookup->asking);

	if (picture != NULL)
		wa_node_set(wa_node_add(user, "picture"), "id", picture->id);
}

static void answer_disappearing(
	struct wa_node *user, const struct lookup *lookup)
{
	const struct profile *profile;
	struct wa_node *mode;

	if (lookup->account == NULL)
		return;
	profile = lookup->account->profile;
	mode = wa_node_add(user, "disappearing_mode");
	wa_node_set_int(
		mode, "duration", profile == NULL ? 0 : profile->expiration);
	wa_node_set_int(mode, "t", profile == NULL ? 0 : profile->expiration_s);
}

/* Accounts here have no business profile and no user name: nothing to add. */
static void answer_nothing(struct wa_node *user, const struct lookup *lookup)
{
	(void)user, (void)lookup;
}

static const struct {
	const char *name;
	protocol_fn *answer;
} protocols[] = {
	{ "contact", answer_contact },
	{ "devices", answer_devices },
	{ "lid", answer_lid },
	{ "status", answer_status },
	{ "disappearing_mode", answer_disappearing },
	{ "picture", answer_picture },
	{ "business", answer_nothing },
	{ "username", answer_nothing },
};

/* "+15550001111", with "@c.us" from some clients. */
static bool number_from_contact(
	const struct wa_node *contact, char out[PHONE_LEN])
{
	size_t n = 0;
	const uint8_t *text = wa_node_content(contact, &n);
	const uint8_t *at = text != NULL ? memchr(text, '@', n) : NULL;

	if (at != NULL)
		n = (size_t)(at - text);
	return text != NULL && phone_parse((const char *)text, n, out) == 0;
}

/* False when the user names nobody at all. */
static bool lookup_user(struct sandbox *sandbox, const struct wa_node *asked,
	struct lookup *lookup)
{
	const struct wa_node *contact = wa_node_child(asked, "contact");
	char digits[PHONE_LEN];

	*lookup = (struct lookup){ 0 };
	if (wa_node_jid(asked, "jid", &lookup->jid)) {
		lookup->by_lid = lookup->jid.server == WA_SERVER_LID;
	} else if (contact != NULL && number_from_contact(contact, digits)) {
		lookup->number = contact;
		lookup->jid = wa_jid_pn(digits, 0);
	} else {
		return false;
	}
	lookup->account = directory_find(sandbox, &lookup->jid);
	return true;
}

/* A number asked with addressing_mode="lid" is answered under its LID. */
static void name_user(
	struct wa_node *user, const struct lookup *lookup, bool lid_mode)
{
	struct wa_jid lid;

	if (!lid_mode || lookup->number == NULL || lookup->account == NULL) {
		wa_node_set_jid(user, "jid", &lookup->jid);
		return;
	}
	lid = wa_jid_lid(lookup->account->lid, 0);
	wa_node_set_jid(user, "jid", &lid);
	wa_node_set_jid(user, "pn_jid", &lookup->jid);
}

static void answer_user(struct session *session, const struct wa_node *query,
	const struct wa_node *asked, struct wa_node *list)
{
	const struct wa_node *contact = wa_node_child(query, "contact");
	bool lid_mode = contact != NULL &&
			wa_node_is(contact, "addressing_mode", "lid");
	struct lookup lookup;
	struct wa_node *user;

	if (!lookup_user(session->sandbox, asked, &lookup))
		return;
	lookup.asking = session->device->account;
	user = wa_node_add(list, "user");
	name_user(user, &lookup, lid_mode);
	for (size_t i = 0; i < ARRAY_LEN(protocols); i++)
		if (wa_node_child(query, protocols[i].name) != NULL)
			protocols[i].answer(user, &lookup);
}

void usync_on_query(struct session *session, const struct wa_node *iq)
{
	const struct wa_node *asked = wa_node_child(iq, "usync");
	const struct wa_node *query = wa_node_child(asked, "query");
	const struct wa_node *users = wa_node_child(asked, "list");
	struct wa_node *result, *usync, *done, *list;

	if (query == NULL || users == NULL ||
		wa_node_n_children(users) > IQ_USERS_MAX) {
		iq_refuse(session, iq, IQ_BAD_REQUEST);
		return;
	}
	result = iq_result(session, iq);
	usync = wa_node_add(result, "usync");
	for (const struct wa_attr *a = asked->attrs; a != NULL; a = a->next)
		wa_node_set_value(usync, a->key, &a->value);
	done = wa_node_add(usync, "result");
	wa_node_each (protocol, query)
		wa_node_add(done, protocol->tag);
	list = wa_node_add(usync, "list");
	wa_node_each (user, users)
		answer_user(session, query, user, list);
	session_send(session, result);
}
