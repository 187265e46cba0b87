/* What a worker may say: its answer comes from a process that decoded a hostile
 * file. */
#include "common/media/answer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/err.h"
#include "common/media/convert.h"
#include "common/own.h"

static void facts_come_back_as_they_were(void **state)
{
	struct media_facts facts = { .kind = MEDIA_VOICE,
		.mime = "audio/ogg; codecs=opus",
		.width = 1,
		.height = 2147483647,
		.seconds = 359999,
		.pages = 12,
		.is_animated = true,
		.has_waveform = true };
	scoped(media_facts_fini) struct media_facts again;
	scoped(buf_fini) struct buf text = BUF_INIT;
	struct err err = ERR_NONE;

	(void)state;
	for (uint8_t i = 0; i < MEDIA_WAVEFORM; i++)
		facts.waveform[i] = i;
	for (int i = 0; i < MEDIA_THUMB_MAX; i++)
		buf_add_byte(&facts.thumbnail, (uint8_t)i);
	answer_write(&facts, &text);
	assert_true(text.len <= ANSWER_MAX);
	assert_int_equal(
		answer_read((char *)text.data, text.len, &again, &err), 0);
	assert_int_equal(again.kind, facts.kind);
	assert_string_equal(again.mime, facts.mime);
	assert_int_equal(again.width, facts.width);
	assert_int_equal(again.height, facts.height);
	assert_int_equal(again.seconds, facts.seconds);
	assert_int_equal(again.pages, facts.pages);
	assert_true(again.is_animated);
	assert_true(again.has_waveform);
	assert_memory_equal(again.waveform, facts.waveform, MEDIA_WAVEFORM);
	assert_int_equal(again.thumbnail.len, MEDIA_THUMB_MAX);
	assert_memory_equal(
		again.thumbnail.data, facts.thumbnail.data, MEDIA_THUMB_MAX);
	media_facts_fini(&facts);
}

static void nothing_is_left_out_as_nothing(void **state)
{
	const struct media_facts facts = { .kind = MEDIA_DOCUMENT,
		.mime = "text/plain" };
	scoped(media_facts_fini) struct media_facts again;
	scoped(buf_fini) struct buf text = BUF_INIT;
	struct err err = ERR_NONE;

	(void)state;
	answer_write(&facts, &text);
	assert_string_equal(buf_cstr(&text),
		"{\"kind\":\"document\",\"mime\":\"text/plain\"}");
	assert_int_equal(
		answer_read((char *)text.data, text.len, &again, &err), 0);
	assert_int_equal(again.width | again.height | again.seconds |
				 again.pages | again.thumbnail.len,
		0);
	assert_false(again.is_animated || again.has_waveform);
}

static void errors_come_back_as_they_were(void **state)
{
	static const enum err_code codes[] = { ERR_INVALID, ERR_TOO_LARGE,
		ERR_IO, ERR_INTERNAL };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(codes); i++) {
		scoped(media_facts_fini) struct media_facts facts;
		scoped(buf_fini) struct buf text = BUF_INIT;
		struct err err = ERR_NONE, again = ERR_NONE;

		err_set(&err, codes[i], "It is \"broken\" (%d%%)", 50);
		answer_write_error(&err, &text);
		assert_int_equal(answer_read((char *)text.data, text.len,
					 &facts, &again),
			-1);
		assert_int_equal(again.code, codes[i]);
		assert_string_equal(again.msg, err.msg);
	}
}

#define MIME "\"mime\":\"image/png\""
#define HEAD "{\"kind\":\"image\"," MIME
#define ZEROS_60                                                               \
	"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA" \
	"AAAAAAAAAAAA"

static void an_answer_out_of_shape_is_refused(void **state)
{
	static const char *const answers[] = {
		"",
		"null",
		"[]",
		"{}",
		"{\"kind\":\"image\"}",
		"{" MIME "}",
		"{\"kind\":\"program\"," MIME "}",
		"{\"kind\":1," MIME "}",
		"{\"kind\":\"image\",\"mime\":\"png\"}",
		"{\"kind\":\"image\",\"mime\":\"image/<b>\"}",
		"{\"kind\":\"image\",\"mime\":\"a/b\\r\\nX: y\"}",
		"{\"kind\":\"image\",\"mime\":\"image/" ZEROS_60 ZEROS_60 "\"}",
		HEAD ",\"width\":-1}",
		HEAD ",\"width\":2147483648}",
		HEAD ",\"width\":1.5}",
		HEAD ",\"height\":\"1\"}",
		HEAD ",\"seconds\":99999999999}",
		HEAD ",\"pages\":null}",
		HEAD ",\"thumbnail\":1}",
		HEAD ",\"thumbnail\":\"?\"}",
		HEAD ",\"waveform\":\"AAAA\"}",
		HEAD ",\"waveform\":\"" ZEROS_60 "AAAAAA\"}",
		HEAD ",\"waveform\":\"" ZEROS_60 "AAAAZg==\"}", /* 102 */
		HEAD "}x",
		HEAD "," MIME "}",
		"{\"error\":\"x\"}",
		"{\"error\":\"x\",\"code\":\"ok\"}",
		"{\"error\":\"x\",\"code\":\"unauthorized\"}",
		"{\"error\":\"\",\"code\":\"invalid\"}",
		"{\"error\":\"two\\nlines\",\"code\":\"invalid\"}",
		"{\"error\":\"\\u001b[31m\",\"code\":\"invalid\"}",
		"{\"error\":\"" ZEROS_60 ZEROS_60 ZEROS_60
		"\",\"code\":\"invalid\"}",
		"{\"error\":null,\"code\":\"invalid\"}",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
		scoped(media_facts_fini) struct media_facts facts;
		struct err err = ERR_NONE;

		if (answer_read(answers[i], strlen(answers[i]), &facts, &err) ==
				0 ||
			err.code != ERR_PEER)
			fail_msg("%s: %s", answers[i], err.msg);
	}
}

static void an_answer_or_thumbnail_too_long_is_refused(void **state)
{
	static const size_t lengths[] = { MEDIA_THUMB_MAX / 3 * 4 + 8,
		ANSWER_MAX };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(lengths); i++) {
		scoped(media_facts_fini) struct media_facts facts;
		scoped(buf_fini) struct buf text = BUF_INIT;
		struct err err = ERR_NONE;

		buf_add_str(&text, HEAD ",\"thumbnail\":\"");
		for (size_t j = 0; j < lengths[i]; j++)
			buf_add_byte(&text, 'A');
		buf_add_str(&text, "\"}");
		assert_int_equal(
			answer_read((char *)text.data, text.len, &facts, &err),
			-1);
		assert_int_equal(err.code, ERR_PEER);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(facts_come_back_as_they_were),
		cmocka_unit_test(nothing_is_left_out_as_nothing),
		cmocka_unit_test(errors_come_back_as_they_were),
		cmocka_unit_test(an_answer_out_of_shape_is_refused),
		cmocka_unit_test(an_answer_or_thumbnail_too_long_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
