/* Values inside of a message's members. */
#include "common/content_impl.h"

#include <string.h>

#include "common/err.h"

size_t content_characters(const char *text)
{
	size_t n = 0;

	for (; *text != '\0'; text++)
		n += ((unsigned char)*text & 0xc0) != 0x80;
	return n;
}

static bool has_control(const char *text)
{
	for (; *text != '\0'; text++) {
		if ((unsigned char)*text < ' ' || *text == 127)
			return true;
	}
	return false;
}

int content_refuse(const struct content_work *check, const char *what)
{
	return err_set(check->err, ERR_INVALID, "%s", what);
}

const char *content_take_line(const struct content_work *check,
	const json_t *value, size_t max, const char *name)
{
	const char *text = json_string_value(value);

	if (text != NULL && text[0] != '\0' &&
		content_characters(text) <= max && !has_control(text))
		return text;
	err_set(check->err, ERR_INVALID,
		"%s must be a text of 1 to %zu characters without line breaks",
		name, max);
	return NULL;
}

bool content_is_among(const char *key, const char *const names[])
{
	for (size_t i = 0; names[i] != NULL; i++) {
		if (strcmp(key, names[i]) == 0)
			return true;
	}
	return false;
}

int content_take_object(const struct content_work *check, json_t *value,
	const char *name, const char *const names[])
{
	const char *key;
	json_t *member;

	if (!json_is_object(value))
		return err_set(
			check->err, ERR_INVALID, "%s must be an object", name);
	json_object_foreach(value, key, member)
	{
		if (!content_is_among(key, names))
			return err_set(check->err, ERR_INVALID,
				"%s has a member that should not exist: %.40s",
				name, key);
	}
	return 0;
}

int content_take_array(const struct content_work *check, const json_t *value,
	const char *name, size_t min, size_t max)
{
	if (json_is_array(value) && json_array_size(value) >= min &&
		json_array_size(value) <= max)
		return 0;
	return err_set(check->err, ERR_INVALID,
		"%s must be an array of %zu to %zu items", name, min, max);
}

int content_take_person(const struct content_work *check, const json_t *value,
	const char *name, unsigned kinds, struct recipient *out)
{
	if (json_is_string(value) &&
		recipient_parse(json_string_value(value),
			json_string_length(value), kinds, out) == 0)
		return 0;
	return err_set(check->err, ERR_INVALID,
		kinds == RECIPIENT_PHONE
			? "%s must hold phone numbers"
			: "%s must hold phone numbers or addresses like "
			  "900002@lid",
		name);
}

void content_put(struct content_work *check, const char *name, json_t *value)
{
	json_object_set_new(check->json, name, value);
}
