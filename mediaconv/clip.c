#include "mediaconv/clip.h"

#include <stdio.h>

#include "common/err.h"
#include "common/media/convert.h"
#include "common/own.h"
#include "mediaconv/demux.h"
#include "mediaconv/picture.h"
#include "mediaconv/sniffer.h"
#include "mediaconv/thumbnail.h"
#include "mediaconv/track.h"

static int video_probe(struct demux *demux, AVStream *stream,
	struct media_facts *facts, struct err *err)
{
	scoped(picture_fini) struct picture picture = { 0 };
	scoped(track_fini) struct track track = { 0 };

	if (track_open(demux, stream, &track, err) != 0 ||
		picture_read_track(&track, THUMBNAIL_FIT, &picture, err) != 0)
		return err_set(err, ERR_INVALID,
			"The file is no video that can be played");
	facts->kind = MEDIA_VIDEO;
	facts->width = picture.width;
	facts->height = picture.height;
	thumbnail_write(&picture.pixels, &facts->thumbnail);
	facts->seconds = demux_seconds(demux, stream);
	return 0;
}

static int audio_probe(struct demux *demux, AVStream *stream,
	struct media_facts *facts, struct err *err)
{
	scoped(track_fini) struct track track = { 0 };

	if (track_open(demux, stream, &track, err) != 0 ||
		track_next(&track) == NULL)
		return err_set(err, ERR_INVALID,
			"The file is no audio that can be played");
	facts->kind = MEDIA_AUDIO;
	facts->seconds = demux_seconds(demux, stream);
	return 0;
}

int clip_probe(const struct source *source, const struct content *content,
	struct media_facts *facts, struct err *err)
{
	scoped(demux_free) struct demux *demux = NULL;
	AVStream *video, *audio;
	const char *codec = "";

	if (demux_open(source, content->demuxer, &demux, err) != 0)
		return err_set(err, ERR_INVALID,
			"The file is broken, or not the audio or video that it "
			"seems to be");
	video = demux_stream(demux, AVMEDIA_TYPE_VIDEO);
	audio = demux_stream(demux, AVMEDIA_TYPE_AUDIO);
	if (video != NULL && content->mime != NULL) {
		snprintf(facts->mime, sizeof(facts->mime), "%s", content->mime);
		return video_probe(demux, video, facts, err);
	}
	if (audio == NULL)
		return err_set(err, ERR_INVALID,
			"The file has neither sound nor pictures");
	/* What tells a voice note from other sound. */
	if (audio->codecpar->codec_id == AV_CODEC_ID_OPUS)
		codec = "; codecs=opus";
	snprintf(facts->mime, sizeof(facts->mime), "%s%s", content->sound_mime,
		codec);
	return audio_probe(demux, audio, facts, err);
}
