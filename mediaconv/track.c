#include "mediaconv/track.h"

int track_open(struct demux *demux, AVStream *stream, struct track *out,
	struct err *err)
{
	*out = (struct track){ .demux = demux, .stream = stream };
	return decoder_open(stream->codecpar->codec_id, stream->codecpar, false,
		&out->decoder, err);
}

void track_fini(struct track *track)
{
	decoder_free(&track->decoder);
}

static void feed(struct track *track)
{
	struct demux *demux = track->demux;

	while (demux_read(demux)) {
		if (demux->packet->stream_index != track->stream->index)
			continue;
		decoder_feed(track->decoder, demux->packet);
		return;
	}
	decoder_feed(track->decoder, NULL);
	track->is_over = true;
}

const AVFrame *track_next(struct track *track)
{
	while (!decoder_next(track->decoder)) {
		if (track->is_over)
			return NULL;
		feed(track);
	}
	return track->decoder->frame;
}
