/* One job on bytes in memory, in this process: what the worker does behind its
 * lockdown. */
#ifndef TESTS_UNIT_MEDIACONV_RUN_H
#define TESTS_UNIT_MEDIACONV_RUN_H

#include "tests/unit/mediaconv/samples.h"

#include "common/err.h"
#include "common/media/convert.h"
#include "mediaconv/sink.h"
#include "mediaconv/sniffer.h"
#include "mediaconv/source.h"

typedef int job_fn(const struct source *source, const struct content *content,
	struct sink *sink, struct media_facts *facts, struct err *err);

/* Fills @out, unless NULL, with what the job wrote. */
static inline int run_job(job_fn *job, const struct buf *file,
	struct media_facts *facts, struct buf *out, struct err *err)
{
	const struct source source = { file->data, file->len };
	struct sink sink = { .fd = memfd_create("out", MFD_CLOEXEC) };
	struct sniffer *sniffer = NULL;
	struct content content;
	int result;

	*facts = (struct media_facts){ 0 };
	*err = ERR_NONE;
	av_log_set_level(AV_LOG_QUIET);
	assert_int_equal(sniffer_open(&sniffer, err), 0);
	content = sniffer_look(sniffer, &source);
	result = job(&source, &content, &sink, facts, err);
	if (out != NULL) {
		assert_int_equal(pread(sink.fd, buf_reserve(out, sink.size),
					 sink.size, 0),
			(ssize_t)sink.size);
		out->len = sink.size;
	}
	close(sink.fd);
	sniffer_close(&sniffer);
	return result;
}

#endif
