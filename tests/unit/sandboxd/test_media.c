/* The media store: what is kept, under which name, and who may put it there. */
#include "network.h"

#include "sandboxd/fault.h"
#include "sandboxd/media.h"

static const char body[] = "hello media body";

static const char *put(const void *bytes, size_t n)
{
	struct err err = ERR_NONE;
	const char *path = NULL;

	if (media_put(&net.sandbox, bytes, n, &path, &err) != 0)
		fail_msg("media_put: %s", err.msg);
	return path;
}

static int get(const char *path, struct buf *out)
{
	struct err err = ERR_NONE;

	buf_clear(out);
	return media_get(&net.sandbox, path, out, &err);
}

static void what_is_put_comes_back_under_a_path_with_a_query(void **state)
{
	scoped(buf_fini) struct buf out = BUF_INIT;
	const char *path = put(body, sizeof(body));

	(void)state;
	assert_int_equal(strncmp(path, "/v/t62/", 7), 0);
	assert_non_null(strchr(path, '?')); /* clients append with '&' */
	assert_int_equal(get(path, &out), 0);
	assert_int_equal(out.len, sizeof(body));
	assert_memory_equal(out.data, body, sizeof(body));
	/* More in the query, or none at all, does not matter. */
	assert_int_equal(
		get(arena_printf(net.sandbox.arena, "%s&hash=x", path), &out),
		0);
	assert_int_equal(
		get(arena_strndup(net.sandbox.arena, path, strcspn(path, "?")),
			&out),
		0);
}

static void the_same_bytes_are_kept_once(void **state)
{
	const char *first = put(body, sizeof(body));

	(void)state;
	assert_string_equal(put(body, sizeof(body)), first);
	assert_null(media_older(media_newest(&net.sandbox)));
	assert_string_not_equal(put(body, sizeof(body) - 1), first);
	assert_non_null(media_older(media_newest(&net.sandbox)));
}

static void an_empty_blob_is_a_blob(void **state)
{
	scoped(buf_fini) struct buf out = BUF_INIT;

	(void)state;
	assert_int_equal(get(put("", 0), &out), 0);
	assert_int_equal(out.len, 0);
}

static void what_is_not_there_is_not_found(void **state)
{
	static const char *const paths[] = { "", "/", "/v/t62/", "/v/t62/x",
		"/v/t62/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA?ccb=1",
		"/v/t62/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA?ccb=1",
		"/etc/passwd" };
	scoped(buf_fini) struct buf out = BUF_INIT;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(paths); i++)
		assert_int_equal(get(paths[i], &out), -1);
	put(body, sizeof(body));
	for (size_t i = 0; i < ARRAY_LEN(paths); i++)
		assert_int_equal(get(paths[i], &out), -1);
}

static void a_deleted_blob_is_gone_and_can_come_again(void **state)
{
	scoped(buf_fini) struct buf out = BUF_INIT;
	const char *path = put(body, sizeof(body));
	char id[MEDIA_ID_LEN];

	(void)state;
	assert_true(media_id_of_path(path, id));
	assert_true(media_delete(&net.sandbox, id));
	assert_false(media_delete(&net.sandbox, id));
	assert_int_equal(get(path, &out), -1);
	assert_string_equal(put(body, sizeof(body)), path);
	assert_int_equal(get(path, &out), 0);
}

static void an_upload_is_kept_only_under_its_own_hash(void **state)
{
	static const char wrong[] =
		"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
	struct err err = ERR_NONE;
	struct media_upload *upload;
	char id[MEDIA_ID_LEN];

	(void)state;
	upload = media_upload_new(&net.sandbox, &err);
	assert_int_equal(media_upload_add(upload, body, 5, &err), 0);
	assert_int_equal(
		media_upload_keep(&net.sandbox, &upload, wrong, &err), -1);
	assert_int_equal(err.code, ERR_INVALID);
	assert_null(upload);
	assert_null(media_newest(&net.sandbox));

	assert_true(media_id_of_path(put(body, sizeof(body)), id));
	assert_true(media_delete(&net.sandbox, id));
	upload = media_upload_new(&net.sandbox, &err);
	assert_int_equal(media_upload_add(upload, body, 5, &err), 0);
	assert_int_equal(
		media_upload_add(upload, body + 5, sizeof(body) - 5, &err), 0);
	assert_int_equal(media_upload_keep(&net.sandbox, &upload, id, &err), 0);
	assert_non_null(media_find(&net.sandbox, id));
}

static void a_blob_has_an_upper_size(void **state)
{
	struct err err = ERR_NONE;
	scoped(media_upload_free) struct media_upload *upload =
		media_upload_new(&net.sandbox, &err);
	const size_t piece = 1u << 20;
	scoped(buf_fini) struct buf zeros = BUF_INIT;

	(void)state;
	memset(buf_reserve(&zeros, piece), 0, piece);
	for (size_t n = 0; n < MEDIA_MAX_BYTES / piece; n++)
		assert_int_equal(
			media_upload_add(upload, zeros.data, piece, &err), 0);
	assert_int_equal(media_upload_add(upload, zeros.data, 1, &err), -1);
	assert_int_equal(err.code, ERR_TOO_LARGE);
}

static void the_oldest_goes_when_there_are_too_many(void **state)
{
	const char *first = put("first", 5);
	scoped(buf_fini) struct buf out = BUF_INIT;
	char text[16];

	(void)state;
	for (unsigned i = 0; i < MEDIA_BLOBS_MAX - 1; i++)
		put(text, (size_t)snprintf(text, sizeof(text), "%u", i));
	assert_int_equal(get(first, &out), 0);
	put("one more", 8);
	assert_int_equal(get(first, &out), -1);
}

static void tokens_are_read_in_both_forms(void **state)
{
	static const struct {
		const char *token;
		bool good;
	} cases[] = {
		{ "3odK1nwSJxKGqeKvrovg0ahbkcJDjFZ5qkYJuG0pLNM", true },
		{ "3odK1nwSJxKGqeKvrovg0ahbkcJDjFZ5qkYJuG0pLNM=", true },
		{ "X9gPuMA-wLtbyciXgIWCOjMzzBy2QX2GS1xqTQQaKuA", true },
		{ "X9gPuMA+wLtbyciXgIWCOjMzzBy2QX2GS1xqTQQaKuA", false },
		{ "3odK1nwSJxKGqeKvrovg0ahbkcJDjFZ5qkYJuG0pLN", false },
		{ "3odK1nwSJxKGqeKvrovg0ahbkcJDjFZ5qkYJuG0pLNM==", false },
		{ "3odK1nwSJxKGqeKvrovg0ahbkcJDjFZ5qkYJuG0pLNMA", false },
		{ "", false },
		{ "=", false },
	};
	char id[MEDIA_ID_LEN];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		if (media_id_of_token(cases[i].token, id) != cases[i].good)
			fail_msg("token %s", cases[i].token);
		if (cases[i].good)
			assert_int_equal(
				strncmp(id, cases[i].token, MEDIA_ID_LEN - 1),
				0);
	}
}

static void an_auth_is_of_one_device_as_long_as_it_is_linked(void **state)
{
	struct account *alice = net_account("15550001111");
	struct device *device = net_companion(alice);
	const char *auth =
		arena_strdup(net.kept, media_auth(&net.sandbox, device));
	char *bad;

	(void)state;
	assert_ptr_equal(media_auth_device(&net.sandbox, auth), device);
	for (size_t i = 0; i < strlen(auth); i++) {
		bad = arena_strdup(net.kept, auth);
		bad[i] = bad[i] == '1' ? '2' : '1';
		assert_null(media_auth_device(&net.sandbox, bad));
		bad[i] = '\0';
		assert_null(media_auth_device(&net.sandbox, bad));
	}
	account_remove_companion(&net.sandbox, device);
	assert_null(media_auth_device(&net.sandbox, auth));
}

static void a_fault_hides_a_blob_from_phones_too(void **state)
{
	scoped(buf_fini) struct buf out = BUF_INIT;
	json_t *json =
		json_pack("{s:s, s:i}", "kind", "media_error", "code", 410);
	const char *path = put(body, sizeof(body));
	struct fault_rule *rule = NULL;
	struct err err = ERR_NONE;
	unsigned acted;

	(void)state;
	assert_int_equal(fault_rule_parse(json, &rule, &err), 0);
	json_decref(json);
	fault_add(&net.sandbox, rule, &acted);
	assert_int_equal(get(path, &out), -1);
	assert_int_equal(get(path, &out), 0);
}

#define on_network(test) \
	cmocka_unit_test_setup_teardown(test, net_open, net_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		on_network(what_is_put_comes_back_under_a_path_with_a_query),
		on_network(the_same_bytes_are_kept_once),
		on_network(an_empty_blob_is_a_blob),
		on_network(what_is_not_there_is_not_found),
		on_network(a_deleted_blob_is_gone_and_can_come_again),
		on_network(an_upload_is_kept_only_under_its_own_hash),
		on_network(a_blob_has_an_upper_size),
		on_network(the_oldest_goes_when_there_are_too_many),
		on_network(tokens_are_read_in_both_forms),
		on_network(an_auth_is_of_one_device_as_long_as_it_is_linked),
		on_network(a_fault_hides_a_blob_from_phones_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
