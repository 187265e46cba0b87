/* The server's side of app state: five collections an account, each a list of
 * patches that it passes on without being able to read them (connection.md
 * 8.9). */
#ifndef SANDBOXD_APP_STATE_H
#define SANDBOXD_APP_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "whatsapp.pb-c.h"

struct account;
struct buf;
struct device;
struct err;
struct sandbox;

#define APP_STATE_COLLECTIONS 5
#define APP_STATE_PATCHES_MAX 20000
#define APP_STATE_BYTES_MAX (64u << 20) /* of a collection's patches */
#define APP_STATE_PATCH_MAX (1u << 20)
/* One answer for one collection; the rest has to be asked for. */
#define APP_STATE_ANSWER_PATCHES 50
#define APP_STATE_ANSWER_BYTES (512u << 10)

extern const char *const app_state_names[APP_STATE_COLLECTIONS];
/* -1: no such collection. */
int app_state_find(const char *name);

/* Version 0: nothing was ever set. */
uint64_t app_state_version(const struct account *account, int collection);
/* The serialised patch that made @version; borrowed until the next call that
 * changes the account's state.  NULL: there is none. */
const struct buf *app_state_patch(
	const struct account *account, int collection, uint64_t version);
/* Takes a patch over @version (ERR_CONFLICT: another one came before it),
 * writes the new version into it and tells all other devices of the account.
 * ERR_INVALID: no patch; ERR_LIMIT: too many. */
int app_state_push(struct sandbox *sandbox, struct device *from, int collection,
	uint64_t version, const void *patch, size_t n, struct err *err);

/* ---- blobs on the media host that are too large for a stanza ---- */
/* Encrypts @file, puts it there and appends the serialised reference;
 * ERR_IO: the host did not take it, and nothing is appended. */
int app_state_blob(struct sandbox *sandbox, const struct buf *file,
	struct buf *out, struct err *err);
/* The mutations that a patch keeps there; the caller frees them. NULL: they
 * cannot be had. */
Wa__SyncdMutations *app_state_external(struct sandbox *sandbox,
	const Wa__ExternalBlobReference *reference, struct err *err);

/* Options of an account: clients that know nothing get a snapshot; its MAC is
 * wrong. */
void app_state_set_snapshot(struct account *account, bool snapshot);
void app_state_set_bad_snapshot(struct account *account, bool bad);
bool app_state_has_snapshot(const struct account *account);

#endif
