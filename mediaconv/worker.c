#include "mediaconv/worker.h"

#include <libavutil/log.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/err.h"
#include "common/media/answer.h"
#include "common/media/convert.h"
#include "common/own.h"
#include "mediaconv/lockdown.h"
#include "mediaconv/probe.h"
#include "mediaconv/sink.h"
#include "mediaconv/sniffer.h"
#include "mediaconv/source.h"
#include "mediaconv/sticker.h"
#include "mediaconv/table.h"
#include "mediaconv/voice.h"

#define OUT_FD 3
#define EXIT_USAGE 2

struct job {
	const char *name;
	uint64_t out_bytes; /* at most; 0: it writes no file */
	/* What it loads from files; NULL: it asks the sniffer. */
	int (*prepare)(struct err *err);
	/* @content is not filled for a job with @prepare. */
	int (*run)(const struct source *source, const struct content *content,
		struct sink *sink, struct media_facts *facts, struct err *err);
};

static const struct job jobs[] = {
	{ "probe", 0, NULL, probe_run },
	{ "voice", SINK_MAX, NULL, voice_run },
	{ "sticker", SINK_MAX, NULL, sticker_run },
	{ "table", TABLE_BYTES_MAX, table_prepare, table_run },
};

static const struct job *job_find(int argc, char **argv)
{
	for (size_t i = 0; argc == 2 && i < ARRAY_LEN(jobs); i++)
		if (strcmp(argv[1], jobs[i].name) == 0)
			return &jobs[i];
	return NULL;
}

static int job_run(
	const struct job *job, struct media_facts *facts, struct err *err)
{
	scoped(sniffer_close) struct sniffer *sniffer = NULL;
	const bool has_output = job->out_bytes > 0;
	struct sink sink = { .fd = has_output ? OUT_FD : -1,
		.max_bytes = job->out_bytes };
	struct content content = { 0 };
	struct source source;

	if (lockdown_prepare(OUT_FD + has_output, err) != 0 ||
		(job->prepare != NULL ? job->prepare(err)
				      : sniffer_open(&sniffer, err)) != 0 ||
		source_map(STDIN_FILENO, &source, err) != 0 ||
		lockdown_enter(job->out_bytes, err) != 0)
		return -1;
	if (sniffer != NULL)
		content = sniffer_look(sniffer, &source);
	return job->run(&source, &content, &sink, facts, err);
}

static bool answer_send(const struct buf *answer)
{
	for (size_t at = 0; at < answer->len;) {
		ssize_t n = write(
			STDOUT_FILENO, answer->data + at, answer->len - at);

		if (n <= 0)
			return false; /* nobody listens any more */
		at += (size_t)n;
	}
	return true;
}

int worker_run(int argc, char **argv)
{
	const struct job *job = job_find(argc, argv);
	scoped(media_facts_fini) struct media_facts facts = { 0 };
	scoped(buf_fini) struct buf answer = BUF_INIT;
	struct err err = ERR_NONE;

	if (job == NULL) {
		fprintf(stderr,
			"Usage: mediaconv probe|voice|sticker|table <FILE "
			"[3<>RESULT]\n");
		return EXIT_USAGE;
	}
	av_log_set_level(AV_LOG_QUIET);
	if (job_run(job, &facts, &err) == 0)
		answer_write(&facts, &answer);
	else
		answer_write_error(&err, &answer);
	return answer_send(&answer) ? 0 : 1;
}
