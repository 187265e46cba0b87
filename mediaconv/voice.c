#include "mediaconv/voice.h"

#include <libswresample/swresample.h>
#include <stdio.h>
#include <string.h>

#include "common/err.h"
#include "common/media/convert.h"
#include "common/own.h"
#include "mediaconv/demux.h"
#include "mediaconv/oggopus.h"
#include "mediaconv/sniffer.h"
#include "mediaconv/track.h"
#include "mediaconv/waveform.h"

#define UNPLAYABLE "The file is not audio that can be played"
#define CHUNK 4096 /* samples out of the resampler at once */

struct voice {
	SwrContext *resampler; /* for frames like this one: */
	int format, rate;
	AVChannelLayout layout;
	struct oggopus *file;
	int16_t block[OGGOPUS_BLOCK]; /* not yet encoded */
	size_t n_block;
	uint64_t n_samples; /* made so far */
	struct waveform waveform;
};

static void voice_fini(struct voice *voice)
{
	swr_free(&voice->resampler);
	av_channel_layout_uninit(&voice->layout);
	oggopus_free(&voice->file);
}

/* ---- from mono 48 kHz to the file ---- */

static int add_samples(
	struct voice *voice, const int16_t *samples, size_t n, struct err *err)
{
	voice->n_samples += n;
	if (voice->n_samples > (uint64_t)VOICE_MAX_SECONDS * OGGOPUS_RATE)
		return err_set(err, ERR_INVALID,
			"A voice note is at most %d minutes long",
			VOICE_MAX_SECONDS / 60);
	waveform_add(&voice->waveform, samples, n);
	while (n > 0) {
		const size_t room = OGGOPUS_BLOCK - voice->n_block;
		const size_t some = n < room ? n : room;

		memcpy(voice->block + voice->n_block, samples,
			some * sizeof(*samples));
		voice->n_block += some;
		samples += some;
		n -= some;
		if (voice->n_block < OGGOPUS_BLOCK)
			break;
		voice->n_block = 0;
		if (oggopus_add(
			    voice->file, voice->block, OGGOPUS_BLOCK, err) != 0)
			return -1;
	}
	return 0;
}

static int finish(struct voice *voice, struct err *err)
{
	if (voice->n_block > 0 && oggopus_add(voice->file, voice->block,
					  voice->n_block, err) != 0)
		return -1;
	return oggopus_end(voice->file, err);
}

/* ---- from the file's sound to mono 48 kHz ---- */

/* Takes out all that the resampler has after @frame; NULL: its rest, at the
 * end. */
static int resample(struct voice *voice, const AVFrame *frame, struct err *err)
{
	int16_t samples[CHUNK];
	uint8_t *planes[] = { (uint8_t *)samples };
	const uint8_t **in = NULL;
	int n_in = 0, n;

	if (frame != NULL) {
		in = (const uint8_t **)frame->extended_data;
		n_in = frame->nb_samples;
	}
	do {
		n = swr_convert(voice->resampler, planes, CHUNK, in, n_in);
		if (n < 0)
			return err_set(err, ERR_INVALID, UNPLAYABLE);
		if (add_samples(voice, samples, (size_t)n, err) != 0)
			return -1;
		/* The frame is inside now: what comes next is more of it,
		 * whereas NULL would end the stream. */
		if (frame != NULL)
			n_in = 0;
	} while (n == CHUNK);
	return 0;
}

static bool resampler_fits(const struct voice *voice, const AVFrame *frame)
{
	return voice->resampler != NULL && voice->format == frame->format &&
	       voice->rate == frame->sample_rate &&
	       av_channel_layout_compare(&voice->layout, &frame->ch_layout) ==
		       0;
}

static int resampler_open(
	struct voice *voice, const AVFrame *frame, struct err *err)
{
	AVChannelLayout mono = AV_CHANNEL_LAYOUT_MONO;
	AVChannelLayout layout = { 0 };
	int failed;

	if (voice->resampler != NULL && resample(voice, NULL, err) != 0)
		return -1;
	swr_free(&voice->resampler);
	voice->format = frame->format;
	voice->rate = frame->sample_rate;
	if (av_channel_layout_copy(&voice->layout, &frame->ch_layout) != 0)
		return err_set(err, ERR_INTERNAL, "out of memory");
	/* A WAV need not say which channel is which. */
	if (voice->layout.order == AV_CHANNEL_ORDER_UNSPEC)
		av_channel_layout_default(&layout, voice->layout.nb_channels);
	else if (av_channel_layout_copy(&layout, &voice->layout) != 0)
		return err_set(err, ERR_INTERNAL, "out of memory");
	failed = swr_alloc_set_opts2(&voice->resampler, &mono,
			 AV_SAMPLE_FMT_S16, OGGOPUS_RATE, &layout,
			 frame->format, frame->sample_rate, 0, NULL) != 0 ||
		 swr_init(voice->resampler) != 0;
	av_channel_layout_uninit(&layout);
	return failed ? err_set(err, ERR_INVALID, UNPLAYABLE) : 0;
}

static int convert(struct voice *voice, struct track *track, struct err *err)
{
	const AVFrame *frame;

	while ((frame = track_next(track)) != NULL) {
		/* A stream may change in its middle. */
		if (!resampler_fits(voice, frame) &&
			resampler_open(voice, frame, err) != 0)
			return -1;
		if (resample(voice, frame, err) != 0)
			return -1;
	}
	if (voice->resampler != NULL && resample(voice, NULL, err) != 0)
		return -1;
	if (voice->n_samples == 0)
		return err_set(err, ERR_INVALID, UNPLAYABLE);
	return finish(voice, err);
}

/* ---- the job ---- */

static int sound_open(const struct source *source,
	const struct content *content, struct demux **demux,
	struct track *track, struct err *err)
{
	AVStream *stream;

	if (content->medium != MEDIUM_CLIP ||
		demux_open(source, content->demuxer, demux, err) != 0)
		return err_set(err, ERR_INVALID, UNPLAYABLE);
	stream = demux_stream(*demux, AVMEDIA_TYPE_AUDIO);
	if (stream == NULL)
		return err_set(err, ERR_INVALID, "The file has no sound");
	if (track_open(*demux, stream, track, err) != 0)
		return err_set(err, ERR_INVALID, UNPLAYABLE);
	return 0;
}

int voice_run(const struct source *source, const struct content *content,
	struct sink *sink, struct media_facts *facts, struct err *err)
{
	scoped(demux_free) struct demux *demux = NULL;
	scoped(track_fini) struct track track = { 0 };
	scoped(voice_fini) struct voice voice = { 0 };

	if (sound_open(source, content, &demux, &track, err) != 0)
		return -1;
	waveform_init(&voice.waveform);
	if (oggopus_open(sink, &voice.file, err) != 0 ||
		convert(&voice, &track, err) != 0)
		return -1;
	facts->kind = MEDIA_VOICE;
	snprintf(facts->mime, sizeof(facts->mime), "audio/ogg; codecs=opus");
	facts->seconds = demux_whole_seconds(
		(int64_t)voice.n_samples * AV_TIME_BASE / OGGOPUS_RATE);
	facts->has_waveform = true;
	waveform_result(&voice.waveform, facts->waveform);
	return 0;
}
