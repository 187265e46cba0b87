#include "senderd/whatsapp/profile.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/arena.h"
#include "common/buf.h"
#include "common/err.h"
#include "common/own.h"
#include "senderd/whatsapp/app_state.h"
#include "senderd/whatsapp/content.h"
#include "senderd/whatsapp/picture.h"

#define NAME_CHARS_MAX 25
#define ABOUT_CHARS_MAX 139

enum step { STEP_PICTURE, STEP_ABOUT, STEP_NAME, STEP_END };

struct change {
	struct call *call;
	enum step step;
	struct buf jpeg;     /* empty: leave the picture */
	char picture_id[64]; /* of the new one */
};

static void change_free(struct change **changep)
{
	struct change *change = move(*changep);

	if (change == NULL)
		return;
	buf_fini(&change->jpeg);
	free(change);
}

static size_t count_chars(const char *utf8)
{
	size_t n = 0;

	for (; *utf8 != '\0'; utf8++)
		n += ((unsigned char)*utf8 & 0xc0) != 0x80;
	return n;
}

static int text_check(const struct call *call, const char *key,
	size_t min_chars, size_t max_chars, struct err *err)
{
	const json_t *value = call_param(call, key);
	size_t n;

	if (value == NULL)
		return 0;
	if (!json_is_string(value))
		return err_set(err, ERR_INVALID, "%s: not a text", key);
	n = count_chars(json_string_value(value));
	if (n < min_chars || n > max_chars)
		return err_set(err, ERR_INVALID,
			"%s: %zu to %zu characters are allowed", key, min_chars,
			max_chars);
	return 0;
}

/* ---- the steps ---- */

static void step_next(struct lane *lane, struct change *change);

static void step_done(struct lane *lane, struct change *change)
{
	change->step++;
	step_next(lane, change);
}

static void on_answer(
	struct lane *lane, const struct wa_node *answer, void *arg)
{
	struct change *change = arg;
	const struct wa_node *picture = NULL;
	const char *id = NULL;
	int code = 0;

	if (iq_is_error(answer, &code)) {
		call_fail_answer(lane, &change->call, answer);
		change_free(&change);
		return;
	}
	picture = wa_node_child(answer, "picture");
	id = wa_node_str(picture, "id");
	if (id != NULL)
		snprintf(change->picture_id, sizeof change->picture_id, "%s",
			content_line(lane->arena, id,
				sizeof change->picture_id - 1));
	step_done(lane, change);
}

static void on_name(struct lane *lane, const struct err *err, void *arg)
{
	struct change *change = arg;

	if (err != NULL) {
		call_fail(lane, &change->call, err->code, "name: %s", err->msg);
		change_free(&change);
		return;
	}
	step_done(lane, change);
}

static bool picture_set(struct lane *lane, struct change *change)
{
	static const struct wa_jid ourselves = { .server = WA_SERVER_NONE };

	if (change->jpeg.len == 0)
		return false;
	iq_send(lane, picture_set_iq(lane, &ourselves, &change->jpeg),
		on_answer, change);
	return true;
}

static bool about_set(struct lane *lane, struct change *change)
{
	const char *about = call_text(change->call, "about");
	struct wa_node *iq = NULL;

	if (about == NULL)
		return false;
	iq = iq_new(lane, "set", "status");
	wa_node_text(wa_node_add(iq, "status"), about);
	iq_send(lane, iq, on_answer, change);
	return true;
}

static bool name_set(struct lane *lane, struct change *change)
{
	Wa__SyncActionValue value = WA__SYNC_ACTION_VALUE__INIT;
	Wa__PushNameSetting setting = WA__PUSH_NAME_SETTING__INIT;
	const char *name = call_text(change->call, "name");
	struct app_change wanted = {
		.action = "setting_pushName", .value = &value, .version = 1
	};

	if (name == NULL)
		return false;
	setting.name = (char *)name;
	value.push_name_setting = &setting;
	app_state_change(lane, APP_CRITICAL_BLOCK, &wanted, 1, on_name, change);
	return true;
}

static void step_next(struct lane *lane, struct change *change)
{
	static bool (*const steps[])(
		struct lane * lane, struct change * change) = {
		[STEP_PICTURE] = picture_set,
		[STEP_ABOUT] = about_set,
		[STEP_NAME] = name_set,
	};

	for (; change->step < STEP_END; change->step++) {
		if (steps[change->step](lane, change))
			return;
	}
	call_done(lane, &change->call,
		json_pack("{s:s*}", "pictureId",
			change->picture_id[0] != '\0' ? change->picture_id
						      : NULL));
	change_free(&change);
}

void profile_on_set(struct lane *lane, struct call *call)
{
	struct change *change = xcalloc(1, sizeof *change);
	const char *jpeg = call_text(call, "pictureJpeg");
	struct err err = ERR_NONE;

	change->call = call;
	if (text_check(call, "name", 1, NAME_CHARS_MAX, &err) != 0 ||
		text_check(call, "about", 0, ABOUT_CHARS_MAX, &err) != 0) {
		call_fail(lane, &change->call, err.code, "%s", err.msg);
		change_free(&change);
		return;
	}
	if (jpeg != NULL && picture_decode(jpeg, &change->jpeg, &err) != 0) {
		call_fail(lane, &change->call, err.code, "pictureJpeg: %s",
			err.msg);
		change_free(&change);
		return;
	}
	step_next(lane, change);
}
