/* Uploads and downloads.  Forms: any bytes, in pieces whose size the first byte
 * says.  A part must begin before data and end after it, and the whole must say
 * the same as the pieces.
 */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "apid/media.h"
#include "apid/multipart.h"
#include "apid/range.h"
#include "common/buf.h"
#include "common/err.h"
#include "common/own.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

struct seen {
	struct buf bytes;
	int open; /* parts that have begun and not ended */
};

static int on_part(
	const char *name, const char *file_name, void *arg, struct err *err)
{
	struct seen *seen = arg;

	(void)err;
	assert(seen->open == 0);
	seen->open = 1;
	buf_printf(&seen->bytes, "<%s:%s>", name,
		file_name != NULL ? file_name : "-");
	return 0;
}

static int on_data(const void *bytes, size_t n, void *arg, struct err *err)
{
	struct seen *seen = arg;

	(void)err;
	assert(seen->open == 1);
	buf_add(&seen->bytes, bytes, n);
	return 0;
}

static int on_part_end(void *arg, struct err *err)
{
	struct seen *seen = arg;

	(void)err;
	assert(seen->open == 1);
	seen->open = 0;
	return 0;
}

static int parse(const uint8_t *data, size_t n, size_t piece, struct seen *seen)
{
	static const struct multipart_handlers handlers = { on_part, on_data,
		on_part_end };
	scoped(multipart_free) struct multipart *mp =
		multipart_new("B", &handlers, seen);
	struct err err = ERR_NONE;

	for (size_t at = 0; at < n; at += piece) {
		if (multipart_feed(mp, data + at,
			    n - at < piece ? n - at : piece, &err) != 0)
			return -1;
	}
	return multipart_finish(mp, &err);
}

static void check_name(const char *text)
{
	char once[MEDIA_NAME_MAX + 1], twice[MEDIA_NAME_MAX + 1];

	media_clean_name(text, once);
	assert(strpbrk(once, "/\\\r\n") == NULL);
	media_clean_name(once, twice);
	assert(strlen(twice) <= strlen(once));
}

static void check_range(const char *text)
{
	struct range range = { 0 };

	if (range_parse(text, 1000, &range) != RANGE_PART)
		return;
	assert(range.offset >= 0 && range.length > 0);
	assert(range.offset + range.length <= 1000);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct seen whole = { .open = 0 }, pieces = { .open = 0 };
	char boundary[MULTIPART_BOUNDARY_MAX + 1];
	char type[256];
	int rc;

	if (n < 2)
		return 0;
	rc = parse(data + 1, n - 1, n - 1, &whole);
	assert(parse(data + 1, n - 1, 1 + data[0] % 16u, &pieces) == rc);
	if (rc == 0) {
		assert(whole.open == 0 && whole.bytes.len == pieces.bytes.len);
		assert(whole.bytes.len == 0 ||
			memcmp(whole.bytes.data, pieces.bytes.data,
				whole.bytes.len) == 0);
	}
	buf_fini(&whole.bytes);
	buf_fini(&pieces.bytes);
	if (n < sizeof(type)) {
		memcpy(type, data, n);
		type[n] = '\0';
		(void)multipart_boundary(type, boundary, NULL);
		check_name(type);
		check_range(type);
	}
	return 0;
}
