#include "sandboxd/profile.h"

#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/err.h"
#include "common/own.h"
#include "sandboxd/contacts.h"
#include "sandboxd/iq.h"
#include "sandboxd/route.h"

#define VALUES_MAX 5

/* Each category with its values; the first one is the default. */
static const struct {
	const char *name;
	const char *values[VALUES_MAX];
} categories[PRIVACY_CATEGORIES] = {
	/* Decides whether a client tells senders that it read. */
	[PRIVACY_READRECEIPTS] = { "readreceipts", { "all", "none" } },
	[PRIVACY_LAST] = { "last",
		{ "all", "contacts", "contact_blacklist", "none" } },
	[PRIVACY_ONLINE] = { "online", { "all", "match_last_seen" } },
	[PRIVACY_PROFILE] = { "profile",
		{ "all", "contacts", "contact_blacklist", "none" } },
	[PRIVACY_STATUS] = { "status",
		{ "all", "contacts", "contact_blacklist", "none" } },
	[PRIVACY_GROUPADD] = { "groupadd",
		{ "all", "contacts", "contact_blacklist", "none" } },
	[PRIVACY_CALLADD] = { "calladd", { "all", "known" } },
	[PRIVACY_MESSAGES] = { "messages", { "all", "contacts" } },
	[PRIVACY_DEFENSE] = { "defense", { "off", "on_standard" } },
	[PRIVACY_STICKERS] = { "stickers",
		{ "contacts", "contact_allowlist", "none" } },
};

static const char *const audiences[] = {
	[STATUS_CONTACTS] = "contacts",
	[STATUS_WHITELIST] = "whitelist",
	[STATUS_BLACKLIST] = "blacklist",
};

/* ---- lists ---- */

bool account_list_has(
	const struct account_list *list, const struct account *account)
{
	for (size_t i = 0; i < list->n; i++) {
		if (list->accounts[i] == account)
			return true;
	}
	return false;
}

int account_list_add(
	struct account_list *list, struct account *account, struct err *err)
{
	if (account_list_has(list, account))
		return 0;
	if (list->n >= PROFILE_LIST_MAX)
		return err_set(err, ERR_LIMIT, "%zu are listed", list->n);
	list->accounts = xrealloc(
		list->accounts, (list->n + 1) * sizeof(*list->accounts));
	list->accounts[list->n++] = account;
	return 0;
}

static void account_list_drop(
	struct account_list *list, const struct account *account)
{
	size_t kept = 0;

	for (size_t i = 0; i < list->n; i++) {
		if (list->accounts[i] != account)
			list->accounts[kept++] = list->accounts[i];
	}
	list->n = kept;
}

void account_list_fini(struct account_list *list)
{
	free(list->accounts);
	*list = (struct account_list){ 0 };
}

/* ---- life ---- */

struct profile *profile_of(struct account *account)
{
	struct profile *profile = account->profile;

	if (profile != NULL)
		return profile;
	profile = account->profile = xcalloc(1, sizeof(*profile));
	for (size_t i = 0; i < ARRAY_LEN(categories); i++)
		profile->privacy[i] = categories[i].values[0];
	return profile;
}

void profile_forget_account(struct account *account)
{
	struct profile *profile = move(account->profile);

	if (profile == NULL)
		return;
	picture_free(&profile->picture);
	account_list_fini(&profile->status_list);
	account_list_fini(&profile->blocked);
	free(profile->about);
	free(profile);
}

/* ---- who may see what ---- */

static bool is_contact(
	const struct account *account, const struct account *other)
{
	for (size_t i = 0; i < contacts_count(account); i++) {
		if (contacts_at(account, i) == other)
			return true;
	}
	return false;
}

bool profile_blocks(const struct account *account, const struct account *other)
{
	return account->profile != NULL &&
	       account_list_has(&account->profile->blocked, other);
}

bool profile_allows(const struct account *account, enum privacy category,
	const struct account *other)
{
	const char *value;

	if (account == other || account->profile == NULL)
		return true;
	if (profile_blocks(account, other))
		return false;
	value = account->profile->privacy[category];
	if (strcmp(value, "none") == 0)
		return false;
	if (strcmp(value, "match_last_seen") == 0)
		return profile_allows(account, PRIVACY_LAST, other);
	if (strncmp(value, "contact", 7) == 0 || strcmp(value, "known") == 0)
		return is_contact(account, other);
	return true;
}

const struct picture *profile_picture(
	const struct account *account, const struct account *other)
{
	if (account->profile == NULL ||
		!profile_allows(account, PRIVACY_PROFILE, other))
		return NULL;
	return account->profile->picture;
}

/* ---- privacy ---- */

const char *profile_privacy_name(enum privacy category)
{
	return categories[category].name;
}

/* The static word, or NULL when the category has no such value. */
static const char *value_find(enum privacy category, const char *value)
{
	for (size_t i = 0; i < VALUES_MAX; i++) {
		const char *known = categories[category].values[i];

		if (known != NULL && strcmp(known, value) == 0)
			return known;
	}
	return NULL;
}

static void tell_privacy(struct sandbox *sandbox, struct account *account,
	const char *category, const char *value)
{
	struct wa_node *node =
		route_notification(sandbox, account, "account_sync");
	struct wa_node *told =
		wa_node_add(wa_node_add(node, "privacy"), "category");

	wa_node_set(told, "name", category);
	wa_node_set(told, "value", value);
	route_tell_companions(sandbox, account, NULL, node);
}

int profile_set_privacy(struct sandbox *sandbox, struct account *account,
	const char *category, const char *value, struct err *err)
{
	for (size_t i = 0; i < ARRAY_LEN(categories); i++) {
		const char *known;

		if (strcmp(categories[i].name, category) != 0)
			continue;
		known = value_find((enum privacy)i, value);
		if (known == NULL)
			return err_set(err, ERR_INVALID,
				"%s cannot be \"%.40s\"", categories[i].name,
				value);
		profile_of(account)->privacy[i] = known;
		tell_privacy(sandbox, account, category, known);
		return 0;
	}
	return err_set(
		err, ERR_INVALID, "no privacy category \"%.40s\"", category);
}

/* ---- about ---- */

static void tell_about(struct sandbox *sandbox, struct account *account)
{
	const struct profile *profile = profile_of(account);
	struct wa_node *node = route_notification(sandbox, account, "status");

	wa_node_text(wa_node_add(node, "set"), profile->about);
	for (size_t i = 0; i < contacts_count(account); i++) {
		struct account *contact = contacts_at(account, i);

		if (profile_allows(account, PRIVACY_STATUS, contact))
			route_tell_companions(sandbox, contact, NULL, node);
	}
	route_tell_companions(sandbox, account, NULL, node);
}

int profile_set_about(struct sandbox *sandbox, struct account *account,
	const void *text, size_t n, struct err *err)
{
	struct profile *profile = profile_of(account);

	if (n > PROFILE_ABOUT_MAX || !iq_is_text(text, n))
		return err_set(err, ERR_INVALID, "about of %zu bytes", n);
	free(profile->about);
	profile->about =
		xasprintf("%.*s", (int)n, n > 0 ? (const char *)text : "");
	profile->about_s = clock_now_ms() / 1000;
	tell_about(sandbox, account);
	return 0;
}

/* ---- blocks ---- */

static void tell_block(struct sandbox *sandbox, struct account *account,
	const struct account *other, bool block)
{
	struct wa_node *node =
		route_notification(sandbox, account, "account_sync");
	struct wa_node *list = wa_node_add(node, "blocklist"), *item;
	struct wa_jid jid = wa_jid_lid(other->lid, 0);

	wa_node_set(list, "action", "modify");
	profile_set_dhash(list, account);
	item = wa_node_add(list, "item");
	wa_node_set_jid(item, "jid", &jid);
	wa_node_set(item, "action", block ? "block" : "unblock");
	route_tell_companions(sandbox, account, NULL, node);
}

void profile_set_dhash(struct wa_node *list, struct account *account)
{
	const struct account_list *blocked = &profile_of(account)->blocked;
	struct wa_jid *jids =
		arena_alloc(list->arena, (blocked->n + 1) * sizeof(*jids));
	char hash[WA_PHASH_LEN];

	for (size_t i = 0; i < blocked->n; i++)
		jids[i] = wa_jid_lid(blocked->accounts[i]->lid, 0);
	wa_phash(jids, blocked->n, hash);
	wa_node_set(list, "dhash", hash);
}

int profile_block(struct sandbox *sandbox, struct account *account,
	struct account *other, bool block, struct err *err)
{
	struct account_list *blocked = &profile_of(account)->blocked;

	if (other == account)
		return err_set(err, ERR_INVALID, "nobody blocks himself");
	if (block && account_list_add(blocked, other, err) != 0)
		return -1;
	if (!block)
		account_list_drop(blocked, other);
	tell_block(sandbox, account, other, block);
	return 0;
}

/* ---- who gets the status ---- */

const char *profile_status_name(enum status_audience audience)
{
	return audiences[audience];
}

int profile_set_status(struct account *account, const char *type,
	struct account_list *accounts, struct err *err)
{
	struct profile *profile = profile_of(account);

	for (size_t i = 0; i < ARRAY_LEN(audiences); i++) {
		if (strcmp(audiences[i], type) != 0)
			continue;
		profile->status = (enum status_audience)i;
		account_list_fini(&profile->status_list);
		profile->status_list = *accounts;
		*accounts = (struct account_list){ 0 };
		return 0;
	}
	return err_set(err, ERR_INVALID, "no status audience \"%.40s\"", type);
}
