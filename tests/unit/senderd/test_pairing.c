/* The QR code that a phone scans. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "common/own.h"
#include "common/wa/crypto.h"
#include "senderd/whatsapp/pairing.h"

static struct lane_identity identity(void)
{
	struct lane_identity id = { 0 };

	memset(id.noise.pub, 0x11, sizeof id.noise.pub);
	memset(id.identity.pub, 0x22, sizeof id.identity.pub);
	memset(id.adv_secret, 0x33, sizeof id.adv_secret);
	memset(id.noise.priv, 0x44, sizeof id.noise.priv);
	return id;
}

static void the_qr_text_is_the_url_form_with_five_fields(void **state)
{
	struct lane_identity id = identity();
	char text[PAIRING_QR_MAX];

	(void)state;
	assert_int_equal(pairing_qr_text(&id, "2@ref/x+y=", text), 0);
	assert_string_equal(text,
		"https://wa.me/settings/linked_devices#2@ref/x+y=,"
		"ERERERERERERERERERERERERERERERERERERERERERE=,"
		"IiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiI=,"
		"MzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzM=,1");
}

static void keys_in_the_qr_text_are_standard_base64_with_padding(void **state)
{
	struct lane_identity id = identity();
	char text[PAIRING_QR_MAX], *field;
	uint8_t key[33];

	(void)state;
	memset(id.noise.pub, 0xfb, sizeof id.noise.pub); /* gives '+' and '/' */
	assert_int_equal(pairing_qr_text(&id, "ref", text), 0);
	strtok(text, ",");
	field = strtok(NULL, ",");
	assert_int_equal(strlen(field), 44);
	assert_non_null(strchr(field, '+'));
	assert_int_equal(
		wa_base64_decode(field, strlen(field), key, sizeof key), 32);
	assert_memory_equal(key, id.noise.pub, 32);
}

static void a_ref_that_would_not_survive_the_code_is_refused(void **state)
{
	static const char *const bad[] = { "", "a,b", "a b", "a\nb", "\x7f",
		"\xc3\xa9" };
	struct lane_identity id = identity();
	char text[PAIRING_QR_MAX], longest[201], too_long[202];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_int_equal(pairing_qr_text(&id, bad[i], text), -1);
	memset(longest, 'r', 200);
	longest[200] = '\0';
	memset(too_long, 'r', 201);
	too_long[201] = '\0';
	assert_int_equal(pairing_qr_text(&id, too_long, text), -1);
	assert_int_equal(pairing_qr_text(&id, longest, text), 0);
	assert_string_equal(text + strlen(text) - 2, ",1");
}

static void six_refs_last_160_seconds(void **state)
{
	int64_t sum_ms = 0;

	(void)state;
	for (size_t i = 0; i < 6; i++)
		sum_ms += pairing_ref_ms(i);
	assert_true(pairing_ref_ms(0) == 60000);
	assert_true(sum_ms == 160000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_qr_text_is_the_url_form_with_five_fields),
		cmocka_unit_test(
			keys_in_the_qr_text_are_standard_base64_with_padding),
		cmocka_unit_test(
			a_ref_that_would_not_survive_the_code_is_refused),
		cmocka_unit_test(six_refs_last_160_seconds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
