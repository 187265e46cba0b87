#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "common/device_proxy.h"
#include "common/err.h"
#include "common/own.h"

static void only_complete_proxy_urls_are_taken(void **state)
{
	static const struct {
		const char *url;
		bool good;
	} cases[] = {
		{ "http://127.0.0.1:3128", true },
		{ "https://user:pw@proxy.example.org:8443", true },
		{ "socks5://10.0.0.1:1080", true },
		{ "socks5h://u:p@[::1]:1080", true },
		{ "SOCKS4://a:1", true },
		{ "http://proxy", false },
		{ "proxy:3128", false },
		{ "ftp://proxy:21", false },
		{ "socks5://:1080", false },
		{ "http://a:99999", false },
		{ "http://a b:80", false },
		{ "", false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct err err = ERR_NONE;

		assert_int_equal(device_proxy_check(cases[i].url, &err),
			cases[i].good ? 0 : -1);
		if (!cases[i].good)
			assert_int_equal(err.code, ERR_INVALID);
	}
}

static void what_is_shown_holds_no_password(void **state)
{
	scoped(str_free) char *shown =
		device_proxy_public("socks5://user:secret@proxy:1080");

	(void)state;
	assert_string_equal(shown, "socks5://proxy:1080");
}

static void it_opens_for_its_device_alone(void **state)
{
	struct secret_key key = { .bytes = { 3 } };
	scoped(buf_fini) struct buf sealed = BUF_INIT;
	struct err err = ERR_NONE;
	char *url = NULL;

	(void)state;
	device_proxy_seal(&key, "dev_a", "http://u:p@h:1", &sealed);
	assert_null(memmem(sealed.data, sealed.len, "http", 4));
	assert_int_equal(
		device_proxy_open(&key, "dev_a", &sealed, &url, &err), 0);
	assert_string_equal(url, "http://u:p@h:1");
	str_free(&url);
	assert_int_equal(
		device_proxy_open(&key, "dev_b", &sealed, &url, &err), -1);
	assert_null(url);
	sealed.len = 10;
	assert_int_equal(
		device_proxy_open(&key, "dev_a", &sealed, &url, &err), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_complete_proxy_urls_are_taken),
		cmocka_unit_test(what_is_shown_holds_no_password),
		cmocka_unit_test(it_opens_for_its_device_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
