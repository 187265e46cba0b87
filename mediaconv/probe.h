/* What a file is, and what a client shows of it before it has the file. */
#ifndef MEDIACONV_PROBE_H
#define MEDIACONV_PROBE_H

struct content;
struct err;
struct media_facts;
struct sink;
struct source;

/* Fills @facts; nothing is written to @sink.  ERR_INVALID: its type is one that
 * we decode, but it cannot be decoded. */
int probe_run(const struct source *source, const struct content *content,
	struct sink *sink, struct media_facts *facts, struct err *err);

#endif
