/* A container of streams, read from memory by libavformat.  Only the container
 * type that was asked for, and nothing outside of it: references to other files
 * and addresses are not followed. */
#ifndef MEDIACONV_DEMUX_H
#define MEDIACONV_DEMUX_H

#include <libavformat/avformat.h>
#include <stdbool.h>
#include <stdint.h>

struct err;
struct source;

struct demux {
	AVFormatContext *format;
	AVPacket *packet;	     /* the last one read */
	const struct source *source; /* borrowed */
	size_t at;
};

/* @demuxer: libavformat's name.  ERR_INVALID: not such a container. */
int demux_open(const struct source *source, const char *demuxer,
	struct demux **out, struct err *err);
void demux_free(struct demux **demuxp);

/* The first stream of this type that is no cover picture; NULL: none. */
AVStream *demux_stream(struct demux *demux, enum AVMediaType type);
/* The next packet of any stream into demux->packet; false at the end. */
bool demux_read(struct demux *demux);
/* As a client shows it: rounded up, but for the padding of encoders. */
uint32_t demux_whole_seconds(int64_t time_us);
/* How long it plays; 0: no time at all.  Where the header does not
 * say, every packet is read: do it last. */
uint32_t demux_seconds(struct demux *demux, const AVStream *stream);

#endif
