/* What an account shows of itself, and the media host, in the control API. */
#include "sandboxd/control.h"

#include <stdlib.h>
#include <string.h>

#include "common/err.h"
#include "common/own.h"
#include "sandboxd/control_body.h"
#include "sandboxd/media.h"
#include "sandboxd/phone.h"
#include "sandboxd/profile.h"

/* ---- one property each ---- */

static int put_about(
	struct control *control, const json_t *value, struct err *err)
{
	if (!json_is_string(value))
		return err_set(err, ERR_INVALID, "about must be a text");
	return profile_set_about(control->sandbox, control->phone->account,
		json_string_value(value), json_string_length(value), err);
}

static void free_bytes(uint8_t **bytesp)
{
	free(move(*bytesp));
}

/* null takes it away. */
static int put_picture(
	struct control *control, const json_t *value, struct err *err)
{
	struct account *account = control->phone->account;
	struct picture **picturep = &profile_of(account)->picture;
	size_t n_text = json_string_length(value);
	scoped(free_bytes) uint8_t *bytes = xcalloc(1, n_text + 1);
	int n;

	if (json_is_null(value)) {
		picture_free(picturep);
		picture_tell_account(control->sandbox, account);
		return 0;
	}
	n = json_is_string(value) ? wa_base64_decode(json_string_value(value),
					    n_text, bytes, n_text)
				  : -1;
	if (n < 0)
		return err_set(err, ERR_INVALID, "picture must be base64");
	if (picture_set(control->sandbox, picturep, bytes, (size_t)n, NULL, 0,
		    err) != 0)
		return -1;
	picture_tell_account(control->sandbox, account);
	return 0;
}

static int put_privacy(
	struct control *control, const json_t *value, struct err *err)
{
	const char *category;
	json_t *setting;

	if (!json_is_object(value))
		return err_set(err, ERR_INVALID, "privacy must be an object");
	json_object_foreach((json_t *)value, category, setting)
	{
		const char *text = json_string_value(setting);

		if (profile_set_privacy(control->sandbox,
			    control->phone->account, category,
			    text == NULL ? "" : text, err) != 0)
			return -1;
	}
	return 0;
}

/* The phones under @key, each once. */
static int read_accounts(struct control *control, const json_t *body,
	const char *key, struct account_list *out, struct err *err)
{
	struct account **accounts = NULL;
	size_t n = 0;

	if (body_accounts(control->sandbox, body, key, &accounts, &n, err) != 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		if (account_list_add(out, accounts[i], err) != 0)
			return -1;
	}
	return 0;
}

static int put_status_privacy(
	struct control *control, const json_t *value, struct err *err)
{
	const char *type = json_string_value(json_object_get(value, "type"));
	struct account_list accounts = { 0 };
	int rc = -1;

	if (type == NULL)
		err_set(err, ERR_INVALID, "statusPrivacy needs a type");
	else if (read_accounts(control, value, "list", &accounts, err) == 0)
		rc = profile_set_status(
			control->phone->account, type, &accounts, err);
	account_list_fini(&accounts);
	return rc;
}

static int block_all(struct control *control, const struct account_list *list,
	bool block, struct err *err)
{
	for (size_t i = 0; i < list->n; i++) {
		if (profile_block(control->sandbox, control->phone->account,
			    list->accounts[i], block, err) != 0)
			return -1;
	}
	return 0;
}

/* The list as a whole: who is not in it is unblocked. */
static int put_blocked(
	struct control *control, const json_t *value, struct err *err)
{
	(void)value;
	const struct account_list *blocked =
		&profile_of(control->phone->account)->blocked;
	struct account_list wanted = { 0 }, gone = { 0 };
	int rc = read_accounts(control, control->body, "blocked", &wanted, err);

	for (size_t i = 0; rc == 0 && i < blocked->n; i++) {
		if (!account_list_has(&wanted, blocked->accounts[i]))
			rc = account_list_add(&gone, blocked->accounts[i], err);
	}
	if (rc == 0)
		rc = block_all(control, &gone, false, err);
	if (rc == 0)
		rc = block_all(control, &wanted, true, err);
	account_list_fini(&wanted);
	account_list_fini(&gone);
	return rc;
}

/* ---- /phones/:phone/profile ---- */

static const struct {
	const char *key;
	int (*put)(
		struct control *control, const json_t *value, struct err *err);
} properties[] = {
	{ "about", put_about },
	{ "picture", put_picture },
	{ "privacy", put_privacy },
	{ "statusPrivacy", put_status_privacy },
	{ "blocked", put_blocked },
};

static json_t *accounts_json(const struct account_list *list)
{
	json_t *json = json_array();

	for (size_t i = 0; i < list->n; i++)
		json_array_append_new(
			json, json_sprintf("+%s", list->accounts[i]->pn));
	return json;
}

static json_t *privacy_json(const struct profile *profile)
{
	json_t *json = json_object();

	for (int i = 0; i < PRIVACY_CATEGORIES; i++)
		json_object_set_new(json, profile_privacy_name((enum privacy)i),
			json_string(profile->privacy[i]));
	return json;
}

int control_profile_get(struct control *control, struct err *err)
{
	const struct profile *profile = profile_of(control->phone->account);

	(void)err;
	json_object_update_new(control->answer,
		json_pack("{s:s?, s:s?, s:o, s:{s:s, s:o}, s:o}", "about",
			profile->about, "pictureId",
			profile->picture == NULL ? NULL : profile->picture->id,
			"privacy", privacy_json(profile), "statusPrivacy",
			"type", profile_status_name(profile->status), "list",
			accounts_json(&profile->status_list), "blocked",
			accounts_json(&profile->blocked)));
	return 200;
}

int control_profile_put(struct control *control, struct err *err)
{
	static const char *const names[] = { "about", "picture", "privacy",
		"statusPrivacy", "blocked", NULL };

	if (control_only(control, names, err) != 0)
		return -1;
	for (size_t i = 0; i < ARRAY_LEN(properties); i++) {
		const json_t *value =
			json_object_get(control->body, properties[i].key);

		if (value != NULL &&
			properties[i].put(control, value, err) != 0)
			return -1;
	}
	return control_profile_get(control, err);
}

/* ---- /media ---- */

int control_media_list(struct control *control, struct err *err)
{
	json_t *list = json_array();

	(void)err;
	for (const struct blob *blob = media_newest(control->sandbox);
		blob != NULL; blob = media_older(blob))
		json_array_append_new(
			list, json_pack("{s:s, s:s, s:I}", "id", blob->id,
				      "directPath",
				      media_path(control->sandbox, blob->id),
				      "bytes", (json_int_t)blob->bytes));
	json_object_set_new(control->answer, "media", list);
	return 200;
}

int control_media_delete(struct control *control, struct err *err)
{
	if (!media_delete(control->sandbox, control->segments[1]))
		return err_set(err, ERR_NOT_FOUND, "no such media");
	json_object_set_new(control->answer, "removed", json_integer(1));
	return 200;
}
