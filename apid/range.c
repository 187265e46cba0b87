#include "apid/range.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Digits up to @end; INT64_MAX for what is larger.  False: there are none. */
static bool take_number(const char **at, int64_t *out)
{
	const char *from = *at;

	*out = 0;
	for (; isdigit((unsigned char)**at); (*at)++) {
		const int digit = **at - '0';

		*out = *out > (INT64_MAX - digit) / 10 ? INT64_MAX
						       : *out * 10 + digit;
	}
	return *at > from;
}

/* "-500": the last 500 bytes. */
static enum range_kind take_suffix(
	const char *at, int64_t size, struct range *out)
{
	int64_t n;

	if (!take_number(&at, &n) || *at != '\0')
		return RANGE_WHOLE;
	if (n == 0 || size == 0)
		return RANGE_BEYOND;
	out->length = n < size ? n : size;
	out->offset = size - out->length;
	return RANGE_PART;
}

enum range_kind range_parse(const char *text, int64_t size, struct range *out)
{
	static const char unit[] = "bytes=";
	int64_t first, last = INT64_MAX;

	if (strncasecmp(text, unit, strlen(unit)) != 0)
		return RANGE_WHOLE;
	text += strlen(unit);
	if (*text == '-')
		return take_suffix(text + 1, size, out);
	if (!take_number(&text, &first) || *text++ != '-' ||
		(*text != '\0' &&
			(!take_number(&text, &last) || *text != '\0')) ||
		last < first)
		return RANGE_WHOLE;
	if (first >= size)
		return RANGE_BEYOND;
	if (last >= size)
		last = size - 1;
	*out = (struct range){ .offset = first, .length = last - first + 1 };
	return RANGE_PART;
}
