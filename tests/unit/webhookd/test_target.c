#include "webhookd/target.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "common/err.h"
#include "common/own.h"

static const struct {
	const char *text;
	bool is_public;
} addresses[] = {
	{ "8.8.8.8", true },
	{ "1.1.1.1", true },
	{ "93.184.216.34", true },
	{ "223.255.255.255", true },
	{ "0.0.0.0", false },
	{ "0.255.255.255", false },
	{ "9.255.255.255", true },
	{ "10.0.0.0", false },
	{ "10.255.255.255", false },
	{ "11.0.0.0", true },
	{ "100.63.255.255", true },
	{ "100.64.0.0", false },
	{ "100.100.100.200", false }, /* a cloud's metadata service */
	{ "100.127.255.255", false },
	{ "100.128.0.0", true },
	{ "127.0.0.1", false },
	{ "127.255.255.254", false },
	{ "128.0.0.1", true },
	{ "168.63.129.15", true },
	{ "168.63.129.16", false },
	{ "169.253.255.255", true },
	{ "169.254.169.254", false },
	{ "169.255.0.0", true },
	{ "172.15.255.255", true },
	{ "172.16.0.0", false },
	{ "172.31.255.255", false },
	{ "172.32.0.0", true },
	{ "192.0.0.192", false },
	{ "192.0.1.1", true },
	{ "192.0.2.1", false },
	{ "192.88.99.1", false },
	{ "192.167.255.255", true },
	{ "192.168.0.1", false },
	{ "192.169.0.1", true },
	{ "198.17.255.255", true },
	{ "198.18.0.1", false },
	{ "198.19.255.255", false },
	{ "198.20.0.0", true },
	{ "198.51.100.1", false },
	{ "203.0.113.1", false },
	{ "224.0.0.1", false },
	{ "239.255.255.255", false },
	{ "240.0.0.1", false },
	{ "255.255.255.255", false },
	{ "2606:4700:4700::1111", true },
	{ "2a00:1450:4001::1", true },
	{ "::", false },
	{ "::1", false },
	{ "::8.8.8.8", false }, /* v4-compatible: nobody routes it */
	{ "::ffff:8.8.8.8", true },
	{ "::ffff:127.0.0.1", false },
	{ "::ffff:10.1.2.3", false },
	{ "::ffff:169.254.169.254", false },
	{ "64:ff9b::8.8.8.8", true },
	{ "64:ff9b::192.168.1.1", false },
	{ "64:ff9b:1::8.8.8.8", false },
	{ "100::1", false },
	{ "2001::1", false },
	{ "2001:db8::1", false },
	{ "2001:1ff:ffff::1", false },
	{ "2001:200::1", true },
	{ "2002:7f00:1::1", false },
	{ "2003::1", true },
	{ "3fff:fff::1", false },
	{ "3fff:1000::1", true },
	{ "4000::1", false },
	{ "fc00::1", false },
	{ "fd00:ec2::254", false }, /* a cloud's metadata service */
	{ "fe80::1", false },
	{ "fec0::1", false },
	{ "ff02::1", false },
};

static void addresses_are_told_apart(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(addresses); i++) {
		struct sockaddr_in v4 = { .sin_family = AF_INET };
		struct sockaddr_in6 v6 = { .sin6_family = AF_INET6 };
		const char *text = addresses[i].text;
		const struct sockaddr *address;

		if (inet_pton(AF_INET, text, &v4.sin_addr) == 1) {
			address = (const struct sockaddr *)&v4;
		} else {
			assert_int_equal(
				inet_pton(AF_INET6, text, &v6.sin6_addr), 1);
			address = (const struct sockaddr *)&v6;
		}
		if (target_address_is_public(address) != addresses[i].is_public)
			fail_msg("%s is taken for %s", text,
				addresses[i].is_public ? "closed" : "public");
	}
}

static void other_families_are_never_public(void **state)
{
	struct sockaddr_un local = { .sun_family = AF_UNIX };

	(void)state;
	assert_false(target_address_is_public((struct sockaddr *)&local));
}

static const struct {
	const char *url, *host;
	enum err_code code, code_if_allowed;
} urls[] = {
	{ "https://example.com/hook", "example.com", ERR_OK, ERR_OK },
	{ "http://example.com:8080/hook?a=b", "example.com", ERR_OK, ERR_OK },
	{ "https://user:secret@example.com/", "example.com", ERR_OK, ERR_OK },
	{ "https://8.8.8.8/", "8.8.8.8", ERR_OK, ERR_OK },
	{ "https://[2606:4700:4700::1111]/", "[2606:4700:4700::1111]", ERR_OK,
		ERR_OK },
	/* A name is judged when it has been resolved. */
	{ "http://localhost/", "localhost", ERR_OK, ERR_OK },
	{ "http://127.0.0.1:9000/", "127.0.0.1", ERR_FORBIDDEN, ERR_OK },
	{ "http://2130706433/", "127.0.0.1", ERR_FORBIDDEN, ERR_OK },
	{ "http://0x7f.1/", "127.0.0.1", ERR_FORBIDDEN, ERR_OK },
	{ "http://0177.0.0.1/", "127.0.0.1", ERR_FORBIDDEN, ERR_OK },
	{ "http://[::1]/", "[::1]", ERR_FORBIDDEN, ERR_OK },
	{ "http://[::ffff:10.0.0.1]/", NULL, ERR_FORBIDDEN, ERR_OK },
	{ "http://[fe80::1%25eth0]/", NULL, ERR_FORBIDDEN, ERR_OK },
	{ "http://169.254.169.254/latest/meta-data", "169.254.169.254",
		ERR_FORBIDDEN, ERR_OK },
	{ "ftp://example.com/", "example.com", ERR_INVALID, ERR_INVALID },
	{ "file:///etc/passwd", NULL, ERR_INVALID, ERR_INVALID },
	{ "gopher://example.com/", "example.com", ERR_INVALID, ERR_INVALID },
	{ "javascript:alert(1)", NULL, ERR_INVALID, ERR_INVALID },
	{ "example.com/hook", NULL, ERR_INVALID, ERR_INVALID },
	{ "https://", NULL, ERR_INVALID, ERR_INVALID },
	{ "", NULL, ERR_INVALID, ERR_INVALID },
};

static void check_url(size_t i, bool allow_private, enum err_code expected)
{
	scoped(str_free) char *host = NULL;
	struct err err = ERR_NONE;
	int rc = target_check_url(urls[i].url, allow_private, &host, &err);

	if (err.code != expected || (rc == 0) != (expected == ERR_OK))
		fail_msg("%s gives %d, not %d", urls[i].url, (int)err.code,
			(int)expected);
	if (urls[i].host != NULL)
		assert_string_equal(host, urls[i].host);
}

static void urls_are_judged(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(urls); i++) {
		check_url(i, false, urls[i].code);
		check_url(i, true, urls[i].code_if_allowed);
	}
}

static void a_refusal_does_not_repeat_the_url(void **state)
{
	scoped(str_free) char *host = NULL;
	struct err err = ERR_NONE;

	(void)state;
	assert_int_equal(target_check_url("http://me:secret@127.0.0.1/", false,
				 &host, &err),
		-1);
	assert_string_equal(host, "127.0.0.1");
	assert_null(strstr(err.msg, "secret"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_are_told_apart),
		cmocka_unit_test(other_families_are_never_public),
		cmocka_unit_test(urls_are_judged),
		cmocka_unit_test(a_refusal_does_not_repeat_the_url),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
