#include "common/ids.h"

#include <assert.h>
#include <pthread.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"

static pthread_once_t sodium_once = PTHREAD_ONCE_INIT;

static void sodium_start(void)
{
	if (sodium_init() < 0)
		abort(); /* no random numbers: nothing may go on */
}

void random_bytes(void *out, size_t bytes)
{
	pthread_once(&sodium_once, sodium_start);
	randombytes_buf(out, bytes);
}

int64_t random_between(int64_t low, int64_t high)
{
	assert(low <= high);

	uint64_t span = (uint64_t)high - (uint64_t)low + 1, value;

	if (span == 0) { /* all of int64_t */
		random_bytes(&value, sizeof(value));
		return (int64_t)value;
	}
	/* Values below (2^64 mod span) would make the first numbers likelier.
	 */
	uint64_t floor = -span % span;

	do {
		random_bytes(&value, sizeof(value));
	} while (value < floor);
	return (int64_t)((uint64_t)low + value % span);
}

int64_t random_jitter(int64_t value, unsigned percent)
{
	if (value <= 0)
		return 0;
	if (percent > 100)
		percent = 100;
	/* Hundredths first where the product would not fit. */
	int64_t spread = value < INT64_MAX / 100 ? value * percent / 100
						 : value / 100 * percent;

	if (value > INT64_MAX - spread)
		value = INT64_MAX - spread;
	return value + random_between(-spread, spread);
}

static void hex_lower(const uint8_t *bytes, size_t n, char *out)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < n; i++) {
		out[2 * i] = digits[bytes[i] >> 4];
		out[2 * i + 1] = digits[bytes[i] & 15];
	}
	out[2 * n] = '\0';
}

/* Time and counter of the next UUID.  Within a millisecond, and when the clock
 * went back, the counter goes on from the last one; a full counter borrows the
 * next millisecond (RFC 9562, 6.2, methods 1 and 3). */
static void uuid7_tick(uint64_t *ms_out, unsigned *counter_out)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	static uint64_t last_ms;
	static unsigned counter;
	uint64_t now_ms = (uint64_t)clock_now_ms();

	pthread_mutex_lock(&lock);
	if (now_ms > last_ms) {
		last_ms = now_ms;
		counter = (unsigned)random_between(0, 0x7ff);
	} else if (++counter > 0xfff) {
		last_ms++;
		counter = (unsigned)random_between(0, 0x7ff);
	}
	*ms_out = last_ms;
	*counter_out = counter;
	pthread_mutex_unlock(&lock);
}

void id_uuid7(char out[UUID_LEN])
{
	uint8_t b[16];
	char hex[33];
	unsigned counter;
	uint64_t ms;

	uuid7_tick(&ms, &counter);
	random_bytes(b + 8, 8);
	for (int i = 0; i < 6; i++)
		b[i] = (uint8_t)(ms >> (40 - 8 * i));
	b[6] = (uint8_t)(0x70 | counter >> 8);
	b[7] = (uint8_t)counter;
	b[8] = (uint8_t)(0x80 | (b[8] & 0x3f));
	hex_lower(b, sizeof(b), hex);
	snprintf(out, UUID_LEN, "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8,
		hex + 12, hex + 16, hex + 20);
}

int id_is_uuid(const char *text)
{
	for (int i = 0; i < UUID_LEN - 1; i++) {
		char c = text[i];

		if (i == 8 || i == 13 || i == 18 || i == 23) {
			if (c != '-')
				return 0;
		} else if (!(c >= '0' && c <= '9') && !(c >= 'a' && c <= 'f') &&
			   !(c >= 'A' && c <= 'F')) {
			return 0;
		}
	}
	return text[UUID_LEN - 1] == '\0';
}

void id_device_uid(char out[DEVICE_UID_LEN])
{
	/* Without i, l, o and u: people read these aloud. */
	static const char alphabet[] = "0123456789abcdefghjkmnpqrstvwxyz";
	uint8_t bytes[DEVICE_UID_LEN - 5];

	random_bytes(bytes, sizeof(bytes));
	memcpy(out, "dev_", 4);
	for (size_t i = 0; i < sizeof(bytes); i++)
		out[4 + i] = alphabet[bytes[i] % 32];
	out[DEVICE_UID_LEN - 1] = '\0';
}

void id_wa_message(char out[WA_MSG_ID_LEN])
{
	uint8_t bytes[9];

	random_bytes(bytes, sizeof(bytes));
	memcpy(out, "3EB0", 4);
	hex_lower(bytes, sizeof(bytes), out + 4);
	for (char *c = out + 4; *c != '\0'; c++)
		if (*c >= 'a')
			*c = (char)(*c - 'a' + 'A');
}

void id_api_key(char out[API_KEY_LEN])
{
	uint8_t bytes[24];

	random_bytes(bytes, sizeof(bytes));
	memcpy(out, "wak_", 4);
	hex_lower(bytes, sizeof(bytes), out + 4);
	sodium_memzero(bytes, sizeof(bytes));
}
