/* Sound of every kind into voice notes. */
#include "mediaconv/voice.h"

#include "tests/unit/mediaconv/run.h"

#include "mediaconv/demux.h"
#include "mediaconv/oggopus.h"
#include "mediaconv/probe.h"
#include "mediaconv/track.h"

static void make_tone_wav(double seconds, uint32_t rate, struct buf *out)
{
	const uint32_t n = (uint32_t)(seconds * rate);
	scoped(buf_fini) struct buf pcm = BUF_INIT;

	for (uint32_t i = 0; i < n; i++) {
		const int16_t value = sample_tone(i);

		buf_add(&pcm, &value, sizeof(value));
	}
	sample_wav((const int16_t *)(void *)pcm.data, n, rate, out);
}

static void expect_refused(const struct buf *file, const char *sentence)
{
	scoped(media_facts_fini) struct media_facts facts;
	struct err err;

	assert_int_equal(run_job(voice_run, file, &facts, NULL, &err), -1);
	assert_int_equal(err.code, ERR_INVALID);
	assert_string_equal(err.msg, sentence);
}

/* How many samples of 48 kHz a voice note plays, and that it is mono Opus. */
static size_t count_samples(const struct buf *voice)
{
	const struct source source = { voice->data, voice->len };
	scoped(demux_free) struct demux *demux = NULL;
	scoped(track_fini) struct track track = { 0 };
	struct err err = ERR_NONE;
	const AVFrame *frame;
	AVStream *stream;
	size_t n = 0;

	assert_int_equal(demux_open(&source, "ogg", &demux, &err), 0);
	assert_int_equal(demux->format->nb_streams, 1);
	stream = demux_stream(demux, AVMEDIA_TYPE_AUDIO);
	assert_non_null(stream);
	assert_int_equal(stream->codecpar->codec_id, AV_CODEC_ID_OPUS);
	assert_int_equal(stream->codecpar->ch_layout.nb_channels, 1);
	assert_int_equal(track_open(demux, stream, &track, &err), 0);
	while ((frame = track_next(&track)) != NULL)
		n += (size_t)frame->nb_samples;
	return n;
}

static void a_wav_becomes_an_opus_note_of_the_same_length(void **state)
{
	static const struct {
		double seconds;
		uint32_t rate, shown;
	} wavs[] = { { 3, 48000, 3 }, { 2.5, 48000, 3 }, { 3, 44100, 3 },
		{ 2, 8000, 2 }, { 1, 96000, 1 }, { 0.03, 48000, 1 } };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(wavs); i++) {
		scoped(buf_fini) struct buf wav = BUF_INIT, voice = BUF_INIT;
		scoped(media_facts_fini) struct media_facts facts, again;
		const double wanted = wavs[i].seconds * OGGOPUS_RATE;
		struct err err;
		double got;

		make_tone_wav(wavs[i].seconds, wavs[i].rate, &wav);
		assert_int_equal(
			run_job(voice_run, &wav, &facts, &voice, &err), 0);
		assert_int_equal(facts.kind, MEDIA_VOICE);
		assert_string_equal(facts.mime, "audio/ogg; codecs=opus");
		assert_int_equal(facts.seconds, wavs[i].shown);
		got = (double)count_samples(&voice);
		if (got < wanted - 100 || got > wanted + 100)
			fail_msg("%f s at %u: %f samples", wavs[i].seconds,
				wavs[i].rate, got);
		assert_int_equal(
			run_job(probe_run, &voice, &again, NULL, &err), 0);
		assert_int_equal(again.kind, MEDIA_AUDIO);
		assert_string_equal(again.mime, "audio/ogg; codecs=opus");
		assert_int_equal(again.seconds, wavs[i].shown);
	}
}

static void every_kind_of_sound_becomes_a_voice_note(void **state)
{
	static const struct sample samples[] = {
		{ "mp3", NULL, "libmp3lame", 0, AV_SAMPLE_FMT_S16P, 0, 0, 0,
			2 },
		{ "ipod", NULL, "aac", 0, AV_SAMPLE_FMT_FLTP, 0, 0, 0, 2 },
		{ "adts", NULL, "aac", 0, AV_SAMPLE_FMT_FLTP, 0, 0, 0, 2 },
		{ "flac", NULL, "flac", 0, AV_SAMPLE_FMT_S16, 0, 0, 0, 2 },
		{ "ogg", NULL, "libvorbis", 0, AV_SAMPLE_FMT_FLTP, 0, 0, 0, 2 },
		{ "ogg", NULL, "libopus", 0, AV_SAMPLE_FMT_S16, 0, 0, 0, 2 },
		{ "webm", NULL, "libopus", 0, AV_SAMPLE_FMT_S16, 0, 0, 0, 2 },
		{ "mp4", "mpeg4", "aac", AV_PIX_FMT_YUV420P, AV_SAMPLE_FMT_FLTP,
			64, 48, 10, 2 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(samples); i++) {
		scoped(buf_fini) struct buf file = BUF_INIT, voice = BUF_INIT;
		scoped(media_facts_fini) struct media_facts facts;
		struct err err;
		size_t n;

		sample_clip(&samples[i], &file);
		if (run_job(voice_run, &file, &facts, &voice, &err) != 0)
			fail_msg("%s: %s", samples[i].format, err.msg);
		assert_int_equal(facts.seconds, 2);
		assert_true(facts.has_waveform);
		n = count_samples(&voice);
		if (n < 95000 || n > 101000)
			fail_msg("%s: %zu samples", samples[i].format, n);
	}
}

static void the_waveform_shows_where_the_sound_is(void **state)
{
	const uint32_t n = 4 * 48000;
	scoped(buf_fini) struct buf pcm = BUF_INIT, wav = BUF_INIT;
	scoped(media_facts_fini) struct media_facts facts;
	struct err err;

	(void)state;
	for (uint32_t i = 0; i < n; i++) {
		const int16_t value = i < n / 2 ? sample_tone(i) : 0;

		buf_add(&pcm, &value, sizeof(value));
	}
	sample_wav((const int16_t *)(void *)pcm.data, n, 48000, &wav);
	assert_int_equal(run_job(voice_run, &wav, &facts, NULL, &err), 0);
	assert_true(facts.has_waveform);
	for (int i = 0; i < MEDIA_WAVEFORM; i++)
		if (facts.waveform[i] != (i < MEDIA_WAVEFORM / 2 ? 100 : 0))
			fail_msg("bar %d is %d", i, facts.waveform[i]);
}

static void the_same_sound_makes_the_same_file(void **state)
{
	scoped(buf_fini) struct buf wav = BUF_INIT, a = BUF_INIT, b = BUF_INIT;
	scoped(media_facts_fini) struct media_facts facts;
	struct err err;

	(void)state;
	make_tone_wav(1, 48000, &wav);
	assert_int_equal(run_job(voice_run, &wav, &facts, &a, &err), 0);
	assert_int_equal(run_job(voice_run, &wav, &facts, &b, &err), 0);
	assert_int_equal(a.len, b.len);
	assert_memory_equal(a.data, b.data, a.len);
}

static void what_has_no_sound_is_refused(void **state)
{
	static const struct sample silent_film = { .format = "mp4",
		.video = "mpeg4",
		.pixels = AV_PIX_FMT_YUV420P,
		.width = 64,
		.height = 48,
		.n_frames = 5 };
	scoped(buf_fini) struct buf file = BUF_INIT;

	(void)state;
	sample_clip(&silent_film, &file);
	expect_refused(&file, "The file has no sound");
	buf_clear(&file);
	sample_still("png", AV_PIX_FMT_RGB24, 20, 20, &file);
	expect_refused(&file, "The file is not audio that can be played");
	buf_clear(&file);
	buf_add_str(&file, "Not a song.");
	expect_refused(&file, "The file is not audio that can be played");
	buf_clear(&file);
	sample_wav(NULL, 0, 48000, &file);
	expect_refused(&file, "The file is not audio that can be played");
}

/* 8 kHz and one hour: 57 MB, of which every byte is the same. */
static void more_than_an_hour_is_refused(void **state)
{
	const uint32_t n = 8000 * (VOICE_MAX_SECONDS + 1);
	scoped(str_free) char *zeros = xcalloc(n, 2);
	scoped(buf_fini) struct buf file = BUF_INIT;

	(void)state;
	sample_wav((const int16_t *)(void *)zeros, n, 8000, &file);
	expect_refused(&file, "A voice note is at most 60 minutes long");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_wav_becomes_an_opus_note_of_the_same_length),
		cmocka_unit_test(every_kind_of_sound_becomes_a_voice_note),
		cmocka_unit_test(the_waveform_shows_where_the_sound_is),
		cmocka_unit_test(the_same_sound_makes_the_same_file),
		cmocka_unit_test(what_has_no_sound_is_refused),
		cmocka_unit_test(more_than_an_hour_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
