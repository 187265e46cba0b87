/* Any bytes as a worker's answer: refused, or facts within their ranges that
 * are the same after writing and reading them again. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "common/buf.h"
#include "common/err.h"
#include "common/media/answer.h"
#include "common/media/convert.h"
#include "common/own.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static void check_again(const struct media_facts *facts)
{
	scoped(media_facts_fini) struct media_facts again;
	scoped(buf_fini) struct buf text = BUF_INIT;
	struct err err = ERR_NONE;

	answer_write(facts, &text);
	assert(text.len <= ANSWER_MAX);
	assert(answer_read((const char *)text.data, text.len, &again, &err) ==
		0);
	assert(again.kind == facts->kind);
	assert(strcmp(again.mime, facts->mime) == 0);
	assert(again.width == facts->width && again.height == facts->height);
	assert(again.thumbnail.len == facts->thumbnail.len);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	scoped(media_facts_fini) struct media_facts facts;
	struct err err = ERR_NONE;

	if (answer_read((const char *)bytes, n, &facts, &err) != 0) {
		assert(err.code != ERR_OK && err.msg[0] != '\0');
		assert(strpbrk(err.msg, "\n\r\x1b") == NULL);
		return 0;
	}
	assert(facts.thumbnail.len <= MEDIA_THUMB_MAX);
	check_again(&facts);
	return 0;
}
