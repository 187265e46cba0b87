/* What a file is, by its content: libmagic tells the type, one table tells what
 * we do with it.  Names and declared types have no say. */
#ifndef MEDIACONV_SNIFFER_H
#define MEDIACONV_SNIFFER_H

#include <libavcodec/codec_id.h>

struct err;
struct sniffer;
struct source;

enum medium {
	MEDIUM_OTHER,	/* a document: nobody looks inside */
	MEDIUM_PDF,	/* a document with pages */
	MEDIUM_PICTURE, /* @codec decodes the whole file as one frame */
	MEDIUM_GIF,
	MEDIUM_WEBP,
	MEDIUM_CLIP, /* sound, or pictures and sound: @demuxer opens it */
};

struct content {
	enum medium medium;
	const char *mime; /* of a CLIP with pictures; of all else the only */
	const char *sound_mime; /* of a CLIP without pictures */
	const char *demuxer;	/* libavformat's name */
	enum AVCodecID codec;
};

/* Loads libmagic's database: before the lockdown. */
int sniffer_open(struct sniffer **out, struct err *err);
void sniffer_close(struct sniffer **snifferp);
/* The result is valid until the next call. */
struct content sniffer_look(
	struct sniffer *sniffer, const struct source *source);

#endif
