/* Who exchanged messages with whom: they are told when an account's devices or
 * identity change.  And who watches an account's presence. */
#ifndef SANDBOXD_CONTACTS_H
#define SANDBOXD_CONTACTS_H

#include <stddef.h>
#include <stdint.h>

struct account;
struct contacts;
struct device;
struct sandbox;
struct wa_jid;
struct wa_node;

#define WATCHERS_MAX 10000

/* Makes the two each other's contacts; cheap when they are. */
void contacts_meet(struct account *a, struct account *b);
size_t contacts_count(const struct account *account);
/* Borrowed; @i < contacts_count(). */
struct account *contacts_at(const struct account *account, size_t i);

/* @device wants to hear of @account's presence as long as its session lasts,
 * named as
 * @as (PN or LID). */
void contacts_watch(struct account *account, const struct device *device,
	const struct wa_jid *as);
/* Sends every live watcher a <presence>: @type NULL = available, @last unix
 * seconds or 0. */
void contacts_tell_presence(struct sandbox *sandbox, struct account *account,
	const char *type, int64_t last);
int64_t contacts_last_seen(const struct account *account);
void contacts_free(struct contacts **contactsp);

#endif
