#include "common/phone.h"

#include <string.h>

#define PHONE_MIN_DIGITS 7

int phone_parse(const char *text, size_t n, char digits_out[PHONE_LEN])
{
	if (n > 0 && text[0] == '+') {
		text++;
		n--;
	}
	if (n < PHONE_MIN_DIGITS || n >= PHONE_LEN)
		return -1;
	for (size_t i = 0; i < n; i++)
		if (text[i] < '0' || text[i] > '9')
			return -1;
	memcpy(digits_out, text, n);
	digits_out[n] = '\0';
	return 0;
}
