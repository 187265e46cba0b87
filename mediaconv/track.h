/* One stream of a container, as decoded frames. */
#ifndef MEDIACONV_TRACK_H
#define MEDIACONV_TRACK_H

#include <libavutil/frame.h>
#include <stdbool.h>

#include "mediaconv/decoder.h"
#include "mediaconv/demux.h"

struct track {
	struct demux *demux; /* borrowed */
	AVStream *stream;    /* the container's */
	struct decoder *decoder;
	bool is_over; /* every packet is in the decoder */
};

/* ERR_INVALID: it cannot be decoded. */
int track_open(struct demux *demux, AVStream *stream, struct track *out,
	struct err *err);
void track_fini(struct track *track);
/* The next frame, which stays the track's until the next call; NULL at the
 * end.  What is broken is left out. */
const AVFrame *track_next(struct track *track);

#endif
