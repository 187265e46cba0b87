#include "common/store/waid.h"

#include <assert.h>
#include <sodium.h>
#include <string.h>

#define PREFIX "3EB0"
#define PREFIX_LEN 4
#define HEX_DIGITS 18
/* 72 bits in two halves.  The upper 24 of the plain text are 0, which tells our
 * ids from others; the lower 48 are the number. */
#define HALF_BITS 36
#define HALF_MASK ((UINT64_C(1) << HALF_BITS) - 1)
#define SEQ_BITS 48
#define ROUNDS 4

static_assert(WAID_KEY_BYTES == crypto_shorthash_KEYBYTES, "a SipHash key");
static_assert(WA_MSG_ID_LEN == PREFIX_LEN + HEX_DIGITS + 1, "length of an id");

struct halves {
	uint64_t left, right;
};

/* The round function of a Feistel network: keyed, different each round and
 * device. */
static uint64_t mix(const struct waid_key *key, int64_t device_id,
	unsigned round, uint64_t half)
{
	const uint64_t in[3] = { (uint64_t)device_id, round, half };
	uint64_t out;

	static_assert(sizeof(out) == crypto_shorthash_BYTES, "64 bits");
	crypto_shorthash((unsigned char *)&out, (const unsigned char *)in,
		sizeof(in), key->bytes);
	return out & HALF_MASK;
}

static struct halves encipher(
	const struct waid_key *key, int64_t device_id, struct halves h)
{
	for (unsigned round = 0; round < ROUNDS; round++)
		h = (struct halves){ .left = h.right,
			.right = h.left ^ mix(key, device_id, round, h.right) };
	return h;
}

static struct halves decipher(
	const struct waid_key *key, int64_t device_id, struct halves h)
{
	for (unsigned round = ROUNDS; round-- > 0;)
		h = (struct halves){ .left = h.right ^
					     mix(key, device_id, round, h.left),
			.right = h.left };
	return h;
}

static void put_hex(uint64_t half, char *out)
{
	static const char digits[] = "0123456789ABCDEF";

	for (int i = HEX_DIGITS / 2 - 1; i >= 0; i--, half >>= 4)
		out[i] = digits[half & 0xf];
}

static int get_hex(const char *text, uint64_t *half)
{
	*half = 0;
	for (int i = 0; i < HEX_DIGITS / 2; i++) {
		*half <<= 4;
		if (text[i] >= '0' && text[i] <= '9')
			*half |= (uint64_t)(text[i] - '0');
		else if (text[i] >= 'A' && text[i] <= 'F')
			*half |= (uint64_t)(text[i] - 'A' + 10);
		else
			return -1;
	}
	return 0;
}

void waid_make(const struct waid_key *key, int64_t device_id, int64_t seq,
	char out[WA_MSG_ID_LEN])
{
	struct halves h = { .left = (uint64_t)seq >> HALF_BITS,
		.right = (uint64_t)seq & HALF_MASK };

	assert(seq > 0 && seq < INT64_C(1) << SEQ_BITS);
	h = encipher(key, device_id, h);
	memcpy(out, PREFIX, PREFIX_LEN);
	put_hex(h.left, out + PREFIX_LEN);
	put_hex(h.right, out + PREFIX_LEN + HEX_DIGITS / 2);
	out[WA_MSG_ID_LEN - 1] = '\0';
}

int64_t waid_seq(
	const struct waid_key *key, int64_t device_id, const char *wa_id)
{
	struct halves h;

	if (strlen(wa_id) != WA_MSG_ID_LEN - 1 ||
		strncmp(wa_id, PREFIX, PREFIX_LEN) != 0 ||
		get_hex(wa_id + PREFIX_LEN, &h.left) != 0 ||
		get_hex(wa_id + PREFIX_LEN + HEX_DIGITS / 2, &h.right) != 0)
		return 0;
	h = decipher(key, device_id, h);
	if (h.left >> (SEQ_BITS - HALF_BITS) != 0)
		return 0;
	return (int64_t)(h.left << HALF_BITS | h.right);
}
