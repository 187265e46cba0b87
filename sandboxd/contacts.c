#include "sandboxd/contacts.h"

#include <stdlib.h>

#include "common/own.h"
#include "sandboxd/sandbox.h"
#include "sandboxd/table.h"

struct contact {
	struct table_link by_account;
	struct account *account; /* borrowed; accounts are never removed */
};

struct watcher {
	struct account *account; /* borrowed */
	unsigned device;
	const struct session *session; /* only compared */
	struct wa_jid as;	       /* how it named the watched account */
};

struct contacts {
	struct table by_account;
	struct contact **list;
	size_t n, cap;
	struct watcher *watchers;
	size_t n_watchers;
	int64_t last_seen; /* unix seconds, 0 never */
};

static struct contacts *contacts_of(struct account *account)
{
	if (account->contacts == NULL)
		account->contacts = xcalloc(1, sizeof(*account->contacts));
	return account->contacts;
}

static uint64_t account_hash(const struct account *account)
{
	return table_hash_pair((uintptr_t)account, 0);
}

static bool contacts_know(
	const struct contacts *contacts, const struct account *account)
{
	for (struct table_link *link = table_first(
		     &contacts->by_account, account_hash(account));
		link != NULL; link = table_next(link)) {
		if (table_entry(link, struct contact, by_account)->account ==
			account)
			return true;
	}
	return false;
}

static void contacts_add(struct contacts *contacts, struct account *account)
{
	struct contact *contact = xcalloc(1, sizeof(*contact));

	contact->account = account;
	table_add(&contacts->by_account, &contact->by_account,
		account_hash(account));
	if (contacts->n == contacts->cap) {
		contacts->cap = contacts->cap == 0 ? 4 : contacts->cap * 2;
		contacts->list = xrealloc(contacts->list,
			contacts->cap * sizeof(struct contact *));
	}
	contacts->list[contacts->n++] = contact;
}

void contacts_meet(struct account *a, struct account *b)
{
	if (a == b || contacts_know(contacts_of(a), b))
		return;
	contacts_add(contacts_of(a), b);
	contacts_add(contacts_of(b), a);
}

size_t contacts_count(const struct account *account)
{
	return account->contacts == NULL ? 0 : account->contacts->n;
}

struct account *contacts_at(const struct account *account, size_t i)
{
	return account->contacts->list[i]->account;
}

/* ---- presence ---- */

static struct device *watcher_device(const struct watcher *watcher)
{
	struct device *device =
		account_device(watcher->account, watcher->device);

	if (device == NULL || device->session == NULL ||
		device->session != watcher->session)
		return NULL;
	return device;
}

static void watchers_drop_gone(struct contacts *contacts)
{
	size_t kept = 0;

	for (size_t i = 0; i < contacts->n_watchers; i++) {
		if (watcher_device(&contacts->watchers[i]) != NULL)
			contacts->watchers[kept++] = contacts->watchers[i];
	}
	contacts->n_watchers = kept;
}

void contacts_watch(struct account *account, const struct device *device,
	const struct wa_jid *as)
{
	struct contacts *contacts = contacts_of(account);

	watchers_drop_gone(contacts);
	for (size_t i = 0; i < contacts->n_watchers; i++) {
		const struct watcher *watcher = &contacts->watchers[i];

		if (watcher->account == device->account &&
			watcher->device == device->number)
			return;
	}
	if (contacts->n_watchers >= WATCHERS_MAX)
		return;
	contacts->watchers = xrealloc(contacts->watchers,
		(contacts->n_watchers + 1) * sizeof(*contacts->watchers));
	contacts->watchers[contacts->n_watchers++] = (struct watcher){
		.account = device->account,
		.device = device->number,
		.session = device->session,
		.as = wa_jid_bare(as),
	};
}

static struct wa_node *presence_new(struct sandbox *sandbox,
	const struct wa_jid *from, const char *type, int64_t last)
{
	struct wa_node *presence = wa_node_new(sandbox->arena, "presence");

	wa_node_set_jid(presence, "from", from);
	wa_node_set(presence, "type", type);
	if (type != NULL && last > 0)
		wa_node_set_int(presence, "last", last);
	return presence;
}

void contacts_tell_presence(struct sandbox *sandbox, struct account *account,
	const char *type, int64_t last)
{
	struct contacts *contacts = contacts_of(account);

	if (type != NULL)
		contacts->last_seen = last;
	watchers_drop_gone(contacts);
	for (size_t i = 0; i < contacts->n_watchers; i++) {
		const struct watcher *watcher = &contacts->watchers[i];

		device_deliver(sandbox, watcher_device(watcher),
			presence_new(sandbox, &watcher->as, type, last));
	}
}

int64_t contacts_last_seen(const struct account *account)
{
	return account->contacts == NULL ? 0 : account->contacts->last_seen;
}

void contacts_free(struct contacts **contactsp)
{
	struct contacts *contacts = move(*contactsp);

	if (contacts == NULL)
		return;
	for (size_t i = 0; i < contacts->n; i++)
		free(contacts->list[i]);
	free(contacts->list);
	free(contacts->watchers);
	table_fini(&contacts->by_account);
	free(contacts);
}
