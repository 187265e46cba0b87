#include "sandboxd/control_body.h"

#include <inttypes.h>
#include <string.h>

#include "common/arena.h"
#include "common/err.h"
#include "common/wa/crypto.h"
#include "sandboxd/sandbox.h"

int body_text(const json_t *body, const char *key, size_t max, const char **out,
	struct err *err)
{
	const json_t *value = json_object_get(body, key);

	if (value == NULL)
		return 0;
	if (!json_is_string(value) || json_string_length(value) > max)
		return err_set(err, ERR_INVALID,
			"%s must be a text of at most %zu bytes", key, max);
	*out = json_string_value(value);
	return 0;
}

int body_number(const json_t *body, const char *key, int64_t low, int64_t high,
	int64_t *out, struct err *err)
{
	const json_t *value = json_object_get(body, key);

	if (value == NULL)
		return 0;
	if (!json_is_integer(value) || json_integer_value(value) < low ||
		json_integer_value(value) > high)
		return err_set(err, ERR_INVALID,
			"%s must be a whole number from %" PRId64
			" to %" PRId64,
			key, low, high);
	*out = json_integer_value(value);
	return 0;
}

int body_real(const json_t *body, const char *key, double limit, double *out,
	struct err *err)
{
	const json_t *value = json_object_get(body, key);

	if (value == NULL)
		return 0;
	if (!json_is_number(value) || json_number_value(value) < -limit ||
		json_number_value(value) > limit)
		return err_set(err, ERR_INVALID,
			"%s must be a number from -%g to %g", key, limit,
			limit);
	*out = json_number_value(value);
	return 0;
}

int body_bool(const json_t *body, const char *key, bool *out, struct err *err)
{
	const json_t *value = json_object_get(body, key);

	if (value == NULL)
		return 0;
	if (!json_is_boolean(value))
		return err_set(
			err, ERR_INVALID, "%s must be true or false", key);
	*out = json_is_true(value);
	return 0;
}

int body_bytes(const json_t *body, const char *key, struct arena *arena,
	const uint8_t **out, size_t *n_out, struct err *err)
{
	const json_t *value = json_object_get(body, key);
	uint8_t *bytes;
	size_t n;
	int length;

	if (value == NULL)
		return 0;
	n = json_string_length(value);
	bytes = arena_alloc(arena, n + 1);
	length = json_is_string(value)
			 ? wa_base64_decode(
				   json_string_value(value), n, bytes, n + 1)
			 : -1;
	if (length < 0)
		return err_set(err, ERR_INVALID, "%s must be base64", key);
	*out = bytes;
	*n_out = (size_t)length;
	return 0;
}

int body_texts(const json_t *body, const char *key, size_t max,
	struct arena *arena, const char ***out, size_t *n_out, struct err *err)
{
	const json_t *list = json_object_get(body, key);
	const size_t n = json_array_size(list);
	const char **texts;

	if (list == NULL)
		return 0;
	texts = arena_alloc(arena, (n + 1) * sizeof(*texts));
	for (size_t i = 0; i < n; i++) {
		const json_t *text = json_array_get(list, i);

		texts[i] = json_string_value(text);
		if (texts[i] == NULL || json_string_length(text) == 0 ||
			json_string_length(text) > max)
			return err_set(err, ERR_INVALID,
				"%s must be a list of texts of 1 to %zu bytes",
				key, max);
	}
	if (!json_is_array(list))
		return err_set(err, ERR_INVALID, "%s must be a list", key);
	*out = texts;
	*n_out = n;
	return 0;
}

static int phone_take(const json_t *value, const char *key,
	char digits[PHONE_LEN], struct err *err)
{
	if (!json_is_string(value) ||
		phone_parse(json_string_value(value), json_string_length(value),
			digits) != 0)
		return err_set(err, ERR_INVALID,
			"%s must match ^\\+?[0-9]{7,15}$", key);
	return 0;
}

int body_phone(const json_t *body, const char *key, char digits[PHONE_LEN],
	struct err *err)
{
	return phone_take(json_object_get(body, key), key, digits, err);
}

static int account_take(struct sandbox *sandbox, const json_t *value,
	const char *key, struct account **out, struct err *err)
{
	char digits[PHONE_LEN];

	if (phone_take(value, key, digits, err) != 0)
		return -1;
	*out = directory_by_pn(sandbox, digits);
	if (*out == NULL)
		return err_set(err, ERR_NOT_FOUND,
			"%s: %.20s is not on this network", key, digits);
	return 0;
}

int body_account(struct sandbox *sandbox, const json_t *body, const char *key,
	struct account **out, struct err *err)
{
	const json_t *value = json_object_get(body, key);

	return value == NULL ? 0 : account_take(sandbox, value, key, out, err);
}

int body_accounts(struct sandbox *sandbox, const json_t *body, const char *key,
	struct account ***out, size_t *n_out, struct err *err)
{
	const json_t *list = json_object_get(body, key);
	const size_t n = json_array_size(list);
	struct account **accounts;

	if (list == NULL)
		return 0;
	if (!json_is_array(list))
		return err_set(
			err, ERR_INVALID, "%s must be a list of phones", key);
	accounts = arena_alloc(sandbox->arena, (n + 1) * sizeof(*accounts));
	for (size_t i = 0; i < n; i++) {
		if (account_take(sandbox, json_array_get(list, i), key,
			    &accounts[i], err) != 0)
			return -1;
	}
	*out = accounts;
	*n_out = n;
	return 0;
}

int body_choice(const json_t *body, const char *key, const char *const *names,
	int *out, struct err *err)
{
	const json_t *value = json_object_get(body, key);
	const char *text = json_string_value(value);

	if (value == NULL)
		return 0;
	for (int i = 0; text != NULL && names[i] != NULL; i++) {
		if (strcmp(names[i], text) == 0) {
			*out = i;
			return 0;
		}
	}
	return err_set(err, ERR_INVALID, "%s: %.40s is none of its values", key,
		text == NULL ? "that" : text);
}
