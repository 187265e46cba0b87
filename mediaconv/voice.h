/* Any sound into a voice note: OGG with Opus, mono. */
#ifndef MEDIACONV_VOICE_H
#define MEDIACONV_VOICE_H

struct content;
struct err;
struct media_facts;
struct sink;
struct source;

#define VOICE_MAX_SECONDS 3600

/* The sound is encoded anew even if it is Opus already: what a phone gets then
 * comes from our encoder, not from a stranger. */
int voice_run(const struct source *source, const struct content *content,
	struct sink *sink, struct media_facts *facts, struct err *err);

#endif
