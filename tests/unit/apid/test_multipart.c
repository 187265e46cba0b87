/* Forms, whole and in pieces of every size; and what is no form. */
#include "apid/multipart.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/buf.h"
#include "common/err.h"
#include "common/own.h"

#define PART(disposition) \
	"--B\r\nContent-Disposition: form-data; " disposition "\r\n\r\n"
#define END "\r\n--B--\r\n"

/* What the handlers were told, in one line: <name:file>data; */
static int on_part(
	const char *name, const char *file_name, void *arg, struct err *err)
{
	(void)err;
	buf_printf(arg, "<%s:%s>", name, file_name != NULL ? file_name : "-");
	return 0;
}

static int on_data(const void *bytes, size_t n, void *arg, struct err *err)
{
	(void)err;
	buf_add(arg, bytes, n);
	return 0;
}

static int on_part_end(void *arg, struct err *err)
{
	(void)err;
	buf_add_str(arg, ";");
	return 0;
}

static const struct multipart_handlers handlers = { on_part, on_data,
	on_part_end };

static int parse(const char *body, size_t n, size_t piece, struct buf *seen,
	struct err *err)
{
	scoped(multipart_free) struct multipart *mp =
		multipart_new("B", &handlers, seen);

	*err = ERR_NONE;
	for (size_t at = 0; at < n; at += piece) {
		if (multipart_feed(mp, body + at,
			    n - at < piece ? n - at : piece, err) != 0)
			return -1;
	}
	return multipart_finish(mp, err);
}

static void a_form_reads_the_same_in_pieces_of_any_size(void **state)
{
	static const struct {
		const char *body, *seen;
	} cases[] = {
		{ PART("name=\"file\"; filename=\"a.txt\"") "hello" END,
			"<file:a.txt>hello;" },
		{ PART("name=file") END, "<file:->;" },
		{ PART("name=\"kind\"") "image\r\n" PART(
			  "name=\"file\"; filename=\"a\"") "\r\n\r\n-" END,
			"<kind:->image;<file:a>\r\n\r\n-;" },
		/* What looks like a delimiter for a while. */
		{ PART("name=\"f\"; filename=\"\"") "\r\n--A\r\n-\r\r\n--" END,
			"<f:>\r\n--A\r\n-\r\r\n--;" },
		{ PART("name=\"f\"; filename=\"a\\\"b\\\\c%22d.txt\"") "x" END,
			"<f:a\"b\\c\"d.txt>x;" },
		{ PART("name=\"f\"; filename=\"C:\\dir\\a.txt\"") "x" END,
			"<f:C:\\dir\\a.txt>x;" },
		{ PART("name=\"f\"; filename=\"a.txt\"; "
		       "filename*=UTF-8''na%C3%AFve.txt") "x" END,
			"<f:na\xc3\xafve.txt>x;" },
		{ "--B\r\ncontent-type: text/html\r\nX-Other: a:b\r\n"
		  "content-disposition:form-data;name=f\r\n\r\nx" END "junk",
			"<f:->x;" },
		{ "--B--", "" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const size_t n = strlen(cases[i].body);

		for (size_t piece = 1; piece <= n; piece++) {
			scoped(buf_fini) struct buf seen = BUF_INIT;
			struct err err;

			if (parse(cases[i].body, n, piece, &seen, &err) != 0)
				fail_msg("case %zu, piece %zu: %s", i, piece,
					err.msg);
			assert_string_equal(buf_cstr(&seen), cases[i].seen);
		}
	}
}

static void what_is_no_form_is_refused(void **state)
{
	static const char *const cases[] = {
		"",
		"hello",
		"--A\r\n",
		"\r\n--B--",
		"--B\r\n",
		PART("name=f") "x",
		PART("name=f") "x\r\n--B",
		PART("name=f") "x\r\n--Bx",
		PART("filename=a") "x" END,
		PART("name=f; name=g") "x" END,
		PART("name=\"f") "x" END,
		PART("name=f garbage") "x" END,
		PART("name=f; filename*=UTF-8''%G0") "x" END,
		PART("name=f; filename*=latin1''a") "x" END,
		PART("name=\"a\x01b\"") "x" END,
		PART("name=\"a\xff\"") "x" END,
		"--B\r\n\r\nx" END,
		"--B\r\nContent-Disposition: attachment; name=f\r\n\r\nx" END,
		"--B\r\nContent-Disposition: form-data; name=f\n\nx" END,
		"--B\r\n no header\r\n\r\nx" END,
		"--B\r\nContent-Disposition: form-data; name=f\r\n"
		"Content-Transfer-Encoding: base64\r\n\r\nx" END,
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const size_t n = strlen(cases[i]);

		for (int whole = 0; whole <= 1; whole++) {
			const size_t piece = whole ? n + 1 : 1;
			scoped(buf_fini) struct buf seen = BUF_INIT;
			struct err err;

			if (parse(cases[i], n, piece, &seen, &err) != -1)
				fail_msg("case %zu passed", i);
			assert_int_equal(err.code, ERR_INVALID);
		}
	}
}

static void headers_parts_and_names_are_bounded(void **state)
{
	scoped(buf_fini) struct buf body = BUF_INIT;
	scoped(buf_fini) struct buf seen = BUF_INIT;
	struct err err;

	(void)state;
	buf_add_str(&body, "--B\r\nX: ");
	for (int i = 0; i < MULTIPART_HEADERS_MAX; i++)
		buf_add_byte(&body, 'x');
	assert_int_equal(
		parse((char *)body.data, body.len, 100, &seen, &err), -1);
	assert_non_null(strstr(err.msg, "too long"));

	buf_clear(&body);
	for (int i = 0; i <= MULTIPART_PARTS_MAX; i++)
		buf_add_str(&body, "--B\r\nContent-Disposition: form-data; "
				   "name=f\r\n\r\nx\r\n");
	buf_add_str(&body, "--B--");
	assert_int_equal(
		parse((char *)body.data, body.len, 100, &seen, &err), -1);
	assert_non_null(strstr(err.msg, "too many parts"));

	buf_clear(&body);
	buf_add_str(&body, "--B\r\nContent-Disposition: form-data; name=\"");
	for (int i = 0; i <= MULTIPART_NAME_MAX; i++)
		buf_add_byte(&body, 'x');
	buf_add_str(&body, "\"\r\n\r\nx" END);
	assert_int_equal(
		parse((char *)body.data, body.len, 100, &seen, &err), -1);
}

static void the_boundary_comes_from_the_content_type(void **state)
{
	static const struct {
		const char *type, *boundary; /* NULL: refused */
	} cases[] = {
		{ "multipart/form-data; boundary=abc", "abc" },
		{ "Multipart/Form-Data;charset=utf-8;BOUNDARY=\"a b\"", "a b" },
		{ "multipart/form-data; boundary=----WebKitFormBoundary7MA4",
			"----WebKitFormBoundary7MA4" },
		{ NULL, NULL },
		{ "", NULL },
		{ "application/json", NULL },
		{ "multipart/form-data", NULL },
		{ "multipart/form-data; boundary=", NULL },
		{ "multipart/form-data; boundary=\"a", NULL },
		{ "multipart/form-data; boundary=\"a \"", NULL },
		{ "multipart/form-data; boundary=\"a\r\nb\"", NULL },
		{ "multipart/form-data; boundary="
		  "12345678901234567890123456789012345678901234567890"
		  "123456789012345678901",
			NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char boundary[MULTIPART_BOUNDARY_MAX + 1];
		struct err err = ERR_NONE;
		int rc = multipart_boundary(cases[i].type, boundary, &err);

		if ((rc == 0) != (cases[i].boundary != NULL))
			fail_msg("case %zu: %s", i, err.msg);
		if (rc == 0)
			assert_string_equal(boundary, cases[i].boundary);
		else
			assert_int_equal(err.code, ERR_INVALID);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_form_reads_the_same_in_pieces_of_any_size),
		cmocka_unit_test(what_is_no_form_is_refused),
		cmocka_unit_test(headers_parts_and_names_are_bounded),
		cmocka_unit_test(the_boundary_comes_from_the_content_type),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
