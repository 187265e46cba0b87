/* Profile pictures of accounts and groups (connection.md 8.6). */
#include "sandboxd/profile.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/err.h"
#include "common/own.h"
#include "sandboxd/contacts.h"
#include "sandboxd/group.h"
#include "sandboxd/iq.h"
#include "sandboxd/route.h"

/* ---- pictures ---- */

void picture_free(struct picture **picturep)
{
	struct picture *picture = move(*picturep);

	if (picture == NULL)
		return;
	free(picture->image_path);
	free(picture->preview_path);
	free(picture);
}

static int store_jpeg(struct sandbox *sandbox, const void *image, size_t n,
	char **path_out, struct err *err)
{
	static const uint8_t magic[] = { 0xff, 0xd8, 0xff };
	const char *path;

	if (n > PICTURE_MAX)
		return err_set(err, ERR_TOO_LARGE, "picture of %zu bytes", n);
	if (n < sizeof(magic) || memcmp(image, magic, sizeof(magic)) != 0)
		return err_set(err, ERR_INVALID, "the picture is no JPEG");
	if (media_put(sandbox, image, n, &path, err) != 0)
		return -1;
	*path_out = xstrdup(path);
	return 0;
}

int picture_set(struct sandbox *sandbox, struct picture **picturep,
	const void *image, size_t n_image, const void *preview,
	size_t n_preview, struct err *err)
{
	scoped(picture_free) struct picture *picture =
		xcalloc(1, sizeof(*picture));
	int64_t id = clock_now_ms();

	if (preview == NULL) {
		preview = image;
		n_preview = n_image;
	}
	if (store_jpeg(sandbox, image, n_image, &picture->image_path, err) !=
			0 ||
		store_jpeg(sandbox, preview, n_preview, &picture->preview_path,
			err) != 0)
		return -1;
	/* Each has another id, also two within a millisecond. */
	if (*picturep != NULL && strtoll((*picturep)->id, NULL, 10) >= id)
		id = strtoll((*picturep)->id, NULL, 10) + 1;
	snprintf(picture->id, sizeof(picture->id), "%lld", (long long)id);
	wa_sha256(image, n_image, picture->hash);
	picture_free(picturep);
	*picturep = move(picture);
	return 0;
}

/* ---- telling ---- */

static void add_change(struct wa_node *node, const struct picture *picture,
	const struct wa_jid *whose, const struct wa_jid *author)
{
	struct wa_node *change =
		wa_node_add(node, picture != NULL ? "set" : "delete");

	wa_node_set_jid(change, "jid", whose);
	wa_node_set_jid(change, "author", author);
	if (picture != NULL)
		wa_node_set(change, "id", picture->id);
}

void picture_tell_account(struct sandbox *sandbox, struct account *account)
{
	struct wa_node *node = route_notification(sandbox, account, "picture");
	struct wa_jid jid = wa_jid_pn(account->pn, 0);

	add_change(node, profile_of(account)->picture, &jid, &jid);
	for (size_t i = 0; i < contacts_count(account); i++) {
		struct account *contact = contacts_at(account, i);

		if (profile_allows(account, PRIVACY_PROFILE, contact))
			route_tell_companions(sandbox, contact, NULL, node);
	}
	route_tell_companions(sandbox, account, NULL, node);
}

void picture_tell_group(struct sandbox *sandbox, const struct group *group,
	const struct account *actor)
{
	struct wa_node *node = route_stanza(sandbox, "notification",
		sandbox_stanza_id(sandbox), clock_now_ms() / 1000);
	struct wa_jid jid = group_jid(group),
		      author = group_address(group, actor);

	wa_node_set_jid(node, "from", &jid);
	wa_node_set(node, "type", "picture");
	add_change(node, group->picture, &jid, &author);
	group_tell(sandbox, group, node);
}

/* ---- asking ---- */

/* These give 0, or the code to refuse with. */

static int find_account_picture(struct session *session,
	const struct wa_jid *target, const struct picture **out)
{
	struct account *account = directory_find(session->sandbox, target);

	if (account == NULL)
		return IQ_NOT_FOUND;
	*out = profile_picture(account, session->device->account);
	if (*out != NULL)
		return 0;
	return profile_allows(
		       account, PRIVACY_PROFILE, session->device->account)
		       ? IQ_NOT_FOUND
		       : IQ_NOT_AUTHORIZED;
}

/* Members see it, and who has the link. */
static int find_group_picture(struct session *session,
	const struct wa_node *asked, const struct wa_jid *target,
	const struct picture **out)
{
	struct group *group = group_find(session->sandbox, target);

	if (group == NULL)
		return IQ_NOT_FOUND;
	if (group_member_of(group, session->device->account) == NULL &&
		!wa_node_is(asked, "invite", group->invite_code))
		return IQ_NOT_AUTHORIZED;
	*out = group->picture;
	return *out != NULL ? 0 : IQ_NOT_FOUND;
}

static void answer_picture(struct session *session, const struct wa_node *iq,
	const struct wa_node *asked, const struct picture *picture)
{
	struct arena *arena = session->sandbox->arena;
	bool preview = !wa_node_is(asked, "type", "image");
	const char *path =
		preview ? picture->preview_path : picture->image_path;
	struct wa_node *result = iq_result(session, iq);
	struct wa_node *node = wa_node_add(result, "picture");
	char hash[48];

	wa_node_set(node, "id", picture->id);
	if (wa_node_is(asked, "id", picture->id)) {
		wa_node_set(node, "status", "304"); /* not modified */
		session_send(session, result);
		return;
	}
	wa_node_set(node, "type", preview ? "preview" : "image");
	wa_node_set(node, "url",
		arena_printf(arena, "https://%s%s",
			media_hostname(session->sandbox), path));
	wa_node_set(node, "direct_path", path);
	wa_node_set(node, "hash",
		wa_base64(picture->hash, sizeof(picture->hash), hash,
			sizeof(hash)));
	session_send(session, result);
}

void picture_on_get(struct session *session, const struct wa_node *iq)
{
	const struct wa_node *asked = wa_node_child(iq, "picture");
	const struct picture *picture = NULL;
	struct wa_jid target;
	int code;

	if (!wa_node_jid(iq, "target", &target))
		target = wa_jid_lid(session->device->account->lid, 0);
	code = wa_jid_is_group(&target)
		       ? find_group_picture(session, asked, &target, &picture)
		       : find_account_picture(session, &target, &picture);
	if (code != 0)
		iq_refuse(session, iq, code);
	else
		answer_picture(session, iq, asked, picture);
}

/* ---- setting ---- */

static const struct wa_node *picture_of_type(
	const struct wa_node *iq, const char *type)
{
	wa_node_each (node, iq) {
		if (strcmp(node->tag, "picture") == 0 &&
			wa_node_is(node, "type", type))
			return node;
	}
	return NULL;
}

/* Without an image the picture goes. */
static int store_or_remove(struct sandbox *sandbox, const struct wa_node *iq,
	struct picture **picturep)
{
	const struct wa_node *image = picture_of_type(iq, "image");
	const struct wa_node *preview = picture_of_type(iq, "preview");
	struct err err = ERR_NONE;
	const uint8_t *bytes = NULL, *small = NULL;
	size_t n = 0, n_small = 0;

	if (image != NULL)
		bytes = wa_node_content(image, &n);
	if (preview != NULL)
		small = wa_node_content(preview, &n_small);
	if (bytes == NULL) {
		picture_free(picturep);
		return 0;
	}
	return picture_set(sandbox, picturep, bytes, n, small, n_small, &err) ==
			       0
		       ? 0
		       : IQ_NOT_ACCEPTABLE;
}

static int set_group_picture(struct session *session, const struct wa_node *iq,
	const struct wa_jid *target, const struct picture **out)
{
	struct account *actor = session->device->account;
	struct group *group = group_find(session->sandbox, target);
	int code;

	if (group == NULL)
		return IQ_NOT_FOUND;
	if (!group_may_edit(group, actor))
		return group_member_of(group, actor) == NULL
			       ? IQ_FORBIDDEN
			       : IQ_NOT_AUTHORIZED;
	code = store_or_remove(session->sandbox, iq, &group->picture);
	if (code == 0)
		picture_tell_group(session->sandbox, group, actor);
	*out = group->picture;
	return code;
}

static int set_own_picture(struct session *session, const struct wa_node *iq,
	const struct picture **out)
{
	struct account *account = session->device->account;
	struct profile *profile = profile_of(account);
	int code = store_or_remove(session->sandbox, iq, &profile->picture);

	if (code == 0)
		picture_tell_account(session->sandbox, account);
	*out = profile->picture;
	return code;
}

void picture_on_set(struct session *session, const struct wa_node *iq)
{
	const struct picture *picture = NULL;
	struct wa_node *result;
	struct wa_jid target;
	int code;

	if (!wa_node_jid(iq, "target", &target))
		code = set_own_picture(session, iq, &picture);
	else if (wa_jid_is_group(&target))
		code = set_group_picture(session, iq, &target, &picture);
	else if (directory_find(session->sandbox, &target) ==
		 session->device->account)
		code = set_own_picture(session, iq, &picture);
	else
		code = IQ_FORBIDDEN;
	if (code != 0) {
		iq_refuse(session, iq, code);
		return;
	}
	result = iq_result(session, iq);
	if (picture != NULL)
		wa_node_set(wa_node_add(result, "picture"), "id", picture->id);
	session_send(session, result);
}
