/* What an account shows of itself, and to whom: picture, about, privacy, the
 * audience of its status, and whom it has blocked. */
#ifndef SANDBOXD_PROFILE_H
#define SANDBOXD_PROFILE_H

#include <stdbool.h>

#include "sandboxd/sandbox.h"

#define PROFILE_ABOUT_MAX 700
#define PROFILE_LIST_MAX                                    \
	2000 /* blocked accounts, accounts of a status list \
	      */
#define PICTURE_MAX (512u << 10)

/* ---- picture.c: of an account or a group ---- */
/* On the media host, as it is: pictures are not encrypted. */
struct picture {
	char id[24];
	char *image_path, *preview_path; /* direct paths */
	uint8_t hash[32];		 /* of the image */
};
void picture_free(struct picture **picturep);
/* Takes the place of *@picturep.  Both are JPEG; @preview NULL: the image
 * serves as such. ERR_INVALID: no JPEG, ERR_TOO_LARGE: over PICTURE_MAX. */
int picture_set(struct sandbox *sandbox, struct picture **picturep,
	const void *image, size_t n_image, const void *preview,
	size_t n_preview, struct err *err);
/* Tells whom it concerns that the picture changed or went. */
void picture_tell_account(struct sandbox *sandbox, struct account *account);
void picture_tell_group(struct sandbox *sandbox, const struct group *group,
	const struct account *actor);
void picture_on_get(struct session *session, const struct wa_node *iq);
void picture_on_set(struct session *session, const struct wa_node *iq);

/* ---- profile.c ---- */
enum privacy {
	PRIVACY_READRECEIPTS,
	PRIVACY_LAST,
	PRIVACY_ONLINE,
	PRIVACY_PROFILE,
	PRIVACY_STATUS,
	PRIVACY_GROUPADD,
	PRIVACY_CALLADD,
	PRIVACY_MESSAGES,
	PRIVACY_DEFENSE,
	PRIVACY_STICKERS,
	PRIVACY_CATEGORIES
};
struct account_list {
	struct account **accounts; /* borrowed */
	size_t n;
};
enum status_audience { STATUS_CONTACTS, STATUS_WHITELIST, STATUS_BLACKLIST };
struct profile {
	struct picture *picture;		 /* NULL: none */
	char *about;				 /* or NULL */
	int64_t about_s;			 /* unix seconds */
	const char *privacy[PRIVACY_CATEGORIES]; /* static words */
	enum status_audience status;
	struct account_list status_list;
	struct account_list blocked;
	unsigned expiration; /* of new chats, seconds */
	int64_t expiration_s;
};
/* The account's own, made at need. */
struct profile *profile_of(struct account *account);
/* May @other see or do what the category is about?  Nobody who is blocked may.
 */
bool profile_allows(const struct account *account, enum privacy category,
	const struct account *other);
/* NULL: none that @other may see. */
const struct picture *profile_picture(
	const struct account *account, const struct account *other);

/* What a client's iq and the control API both do; own devices are told. */
/* ERR_INVALID: no such category, or no such value of it. */
int profile_set_privacy(struct sandbox *sandbox, struct account *account,
	const char *category, const char *value, struct err *err);
int profile_set_about(struct sandbox *sandbox, struct account *account,
	const void *text, size_t n, struct err *err);
int profile_block(struct sandbox *sandbox, struct account *account,
	struct account *other, bool block, struct err *err);
/* @accounts is taken. */
int profile_set_status(struct account *account, const char *type,
	struct account_list *accounts, struct err *err);
/* The hash by which clients tell that their block list is old. */
void profile_set_dhash(struct wa_node *list, struct account *account);
const char *profile_privacy_name(enum privacy category);
const char *profile_status_name(enum status_audience audience);
/* ERR_LIMIT: PROFILE_LIST_MAX are in it.  Once only. */
int account_list_add(
	struct account_list *list, struct account *account, struct err *err);
bool account_list_has(
	const struct account_list *list, const struct account *account);
void account_list_fini(struct account_list *list);

/* ---- profile_iq.c ---- */
void profile_on_privacy_get(struct session *session, const struct wa_node *iq);
void profile_on_privacy_set(struct session *session, const struct wa_node *iq);
void profile_on_blocklist_get(
	struct session *session, const struct wa_node *iq);
void profile_on_blocklist_set(
	struct session *session, const struct wa_node *iq);
void profile_on_status_get(struct session *session, const struct wa_node *iq);
void profile_on_status_set(struct session *session, const struct wa_node *iq);
void profile_on_about_set(struct session *session, const struct wa_node *iq);
void profile_on_expiration_set(
	struct session *session, const struct wa_node *iq);

#endif
