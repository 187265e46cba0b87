/* The real worker behind its lockdown, driven as the daemons drive it: this
 * program is its own worker. */
#include "mediaconv/worker.h"

#include "tests/unit/mediaconv/samples.h"

#include <event2/event.h>
#include <sodium.h>

#include "common/config.h"
#include "common/err.h"
#include "common/media/convert.h"

static struct config config = { .media = { .max_mib = 16 } };

struct outcome {
	struct event_base *base;
	struct err err;
	struct media_facts facts;
};

static void on_done(struct media_facts *facts, const struct err *err, void *arg)
{
	struct outcome *outcome = arg;

	outcome->err = *err;
	if (facts != NULL) {
		outcome->facts = *facts;
		facts->thumbnail = BUF_INIT;
	}
	event_base_loopbreak(outcome->base);
}

static void run(enum convert_job job, const struct buf *file, int out_fd,
	struct outcome *outcome)
{
	scoped(fd_close) int in_fd = sample_file(file);
	const struct convert_request request = {
		.job = job, .in_fd = in_fd, .out_fd = out_fd
	};
	struct convert *convert;

	*outcome = (struct outcome){ .base = event_base_new() };
	assert_int_equal(convert_start(outcome->base, &config, &request,
				 on_done, outcome, &convert, &outcome->err),
		0);
	event_base_dispatch(outcome->base);
	event_base_free(outcome->base);
}

static void read_back(int fd, const struct outcome *outcome, struct buf *out)
{
	uint8_t hash[32];

	out->len = (size_t)pread(fd, buf_reserve(out, 1 << 20), 1 << 20, 0);
	assert_int_equal(out->len, outcome->facts.size);
	crypto_hash_sha256(hash, out->data, out->len);
	assert_memory_equal(outcome->facts.sha256, hash, sizeof(hash));
}

static void pictures_are_looked_into(void **state)
{
	static const struct {
		const char *encoder, *mime;
		enum AVPixelFormat pixels;
	} files[] = {
		{ "mjpeg", "image/jpeg", AV_PIX_FMT_YUVJ420P },
		{ "png", "image/png", AV_PIX_FMT_RGBA },
		{ "libwebp", "image/webp", AV_PIX_FMT_YUV420P },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		scoped(buf_fini) struct buf file = BUF_INIT;
		struct outcome outcome;

		sample_still(
			files[i].encoder, files[i].pixels, 300, 200, &file);
		run(CONVERT_PROBE, &file, -1, &outcome);
		assert_int_equal(outcome.err.code, ERR_OK);
		assert_int_equal(outcome.facts.kind, MEDIA_IMAGE);
		assert_string_equal(outcome.facts.mime, files[i].mime);
		assert_int_equal(outcome.facts.width, 300);
		assert_true(outcome.facts.thumbnail.len > 0);
		assert_int_equal(outcome.facts.size, file.len);
		media_facts_fini(&outcome.facts);
	}
}

static void videos_sounds_and_documents_are_looked_into(void **state)
{
	static const struct sample film = { .format = "mp4",
		.video = "libx264",
		.audio = "aac",
		.pixels = AV_PIX_FMT_YUV420P,
		.samples = AV_SAMPLE_FMT_FLTP,
		.width = 160,
		.height = 120,
		.n_frames = 20,
		.seconds = 2 };
	scoped(buf_fini) struct buf file = BUF_INIT;
	struct outcome outcome;

	(void)state;
	sample_clip(&film, &file);
	run(CONVERT_PROBE, &file, -1, &outcome);
	assert_int_equal(outcome.err.code, ERR_OK);
	assert_int_equal(outcome.facts.kind, MEDIA_VIDEO);
	assert_int_equal(outcome.facts.height, 120);
	assert_int_equal(outcome.facts.seconds, 2);
	assert_true(outcome.facts.thumbnail.len > 0);
	media_facts_fini(&outcome.facts);

	buf_clear(&file);
	sample_amr(100, &file);
	run(CONVERT_PROBE, &file, -1, &outcome);
	assert_int_equal(outcome.facts.kind, MEDIA_AUDIO);
	assert_int_equal(outcome.facts.seconds, 2);

	buf_clear(&file);
	sample_pdf(5, &file);
	run(CONVERT_PROBE, &file, -1, &outcome);
	assert_int_equal(outcome.facts.kind, MEDIA_DOCUMENT);
	assert_int_equal(outcome.facts.pages, 5);
}

static void sound_becomes_a_voice_note(void **state)
{
	static const struct sample song = { .format = "mp3",
		.audio = "libmp3lame",
		.samples = AV_SAMPLE_FMT_S16P,
		.seconds = 2 };
	scoped(buf_fini) struct buf file = BUF_INIT, voice = BUF_INIT;
	scoped(fd_close) int out = memfd_create("out", MFD_CLOEXEC);
	struct outcome outcome;

	(void)state;
	sample_clip(&song, &file);
	run(CONVERT_VOICE, &file, out, &outcome);
	assert_int_equal(outcome.err.code, ERR_OK);
	assert_int_equal(outcome.facts.kind, MEDIA_VOICE);
	assert_int_equal(outcome.facts.seconds, 2);
	assert_true(outcome.facts.has_waveform);
	assert_true(outcome.facts.waveform[32] > 80);
	read_back(out, &outcome, &voice);
	run(CONVERT_PROBE, &voice, -1, &outcome);
	assert_int_equal(outcome.facts.kind, MEDIA_AUDIO);
	assert_string_equal(outcome.facts.mime, "audio/ogg; codecs=opus");
}

static void a_picture_becomes_a_sticker(void **state)
{
	scoped(buf_fini) struct buf file = BUF_INIT, webp = BUF_INIT;
	scoped(fd_close) int out = memfd_create("out", MFD_CLOEXEC);
	struct outcome outcome;

	(void)state;
	sample_still("png", AV_PIX_FMT_RGBA, 300, 200, &file);
	run(CONVERT_STICKER, &file, out, &outcome);
	assert_int_equal(outcome.err.code, ERR_OK);
	assert_int_equal(outcome.facts.kind, MEDIA_STICKER);
	read_back(out, &outcome, &webp);
	run(CONVERT_PROBE, &webp, -1, &outcome);
	assert_int_equal(outcome.facts.kind, MEDIA_STICKER);
	assert_int_equal(outcome.facts.width, 512);
	media_facts_fini(&outcome.facts);
}

static void what_is_broken_is_refused_with_a_sentence(void **state)
{
	scoped(buf_fini) struct buf file = BUF_INIT;
	scoped(fd_close) int out = memfd_create("out", MFD_CLOEXEC);
	struct outcome outcome;

	(void)state;
	sample_still("mjpeg", AV_PIX_FMT_YUVJ420P, 300, 200, &file);
	file.len /= 2;
	run(CONVERT_PROBE, &file, -1, &outcome);
	assert_int_equal(outcome.err.code, ERR_INVALID);
	assert_string_equal(
		outcome.err.msg, "The picture is broken or too large");
	run(CONVERT_VOICE, &file, out, &outcome);
	assert_int_equal(outcome.err.code, ERR_INVALID);
	assert_string_equal(
		outcome.err.msg, "The file is not audio that can be played");
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pictures_are_looked_into),
		cmocka_unit_test(videos_sounds_and_documents_are_looked_into),
		cmocka_unit_test(sound_becomes_a_voice_note),
		cmocka_unit_test(a_picture_becomes_a_sticker),
		cmocka_unit_test(what_is_broken_is_refused_with_a_sentence),
	};

	if (argc > 1)
		_exit(worker_run(argc, argv));
	convert_use_worker("/proc/self/exe", 0);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
