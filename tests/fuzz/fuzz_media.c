/* Any bytes as a media file: looked into, and as sound and as a sticker.  What
 * is said of it keeps its ranges, and the parent could read it. */
#include <assert.h>
#include <libavutil/log.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/err.h"
#include "common/media/answer.h"
#include "common/media/convert.h"
#include "common/own.h"
#include "mediaconv/probe.h"
#include "mediaconv/sink.h"
#include "mediaconv/sniffer.h"
#include "mediaconv/source.h"
#include "mediaconv/sticker.h"
#include "mediaconv/voice.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

typedef int job_fn(const struct source *source, const struct content *content,
	struct sink *sink, struct media_facts *facts, struct err *err);

static struct sniffer *sniffer;

static void check_facts(const struct media_facts *facts)
{
	scoped(media_facts_fini) struct media_facts again;
	scoped(buf_fini) struct buf text = BUF_INIT;
	struct err err = ERR_NONE;

	answer_write(facts, &text);
	assert(answer_read((const char *)text.data, text.len, &again, &err) ==
		0);
	assert(facts->thumbnail.len <= MEDIA_THUMB_MAX);
	assert((facts->width == 0) == (facts->height == 0));
	assert(facts->kind != MEDIA_DOCUMENT || facts->width == 0);
}

static void run(job_fn *job, const struct source *source)
{
	scoped(media_facts_fini) struct media_facts facts = { 0 };
	struct content content = sniffer_look(sniffer, source);
	struct sink sink = { .fd = -1 };
	struct err err = ERR_NONE;

	if (job(source, &content, &sink, &facts, &err) == 0)
		check_facts(&facts);
	else
		assert(err.code != ERR_OK && err.msg[0] != '\0');
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	const struct source source = { bytes, n };
	struct err err;

	if (n == 0)
		return 0;
	if (sniffer == NULL)
		assert(sniffer_open(&sniffer, &err) == 0);
	av_log_set_level(AV_LOG_QUIET);
	run(probe_run, &source);
	run(voice_run, &source);
	run(sticker_run, &source);
	return 0;
}
