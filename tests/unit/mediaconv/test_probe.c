/* Files of every kind, whole, cut short and changed, and what is said of them.
 */
#include "mediaconv/probe.h"

#include "tests/unit/mediaconv/run.h"

#include <zlib.h>

#include "mediaconv/picture.h"
#include "mediaconv/thumbnail.h"

struct expected {
	enum media_kind kind;
	const char *mime;
	uint32_t width, height, seconds, pages;
	bool is_animated, has_thumbnail;
};

static void expect_facts(
	const char *name, const struct buf *file, const struct expected *e)
{
	scoped(media_facts_fini) struct media_facts facts;
	struct err err;

	if (run_job(probe_run, file, &facts, NULL, &err) != 0)
		fail_msg("%s: %s", name, err.msg);
	if (facts.kind != e->kind || strcmp(facts.mime, e->mime) != 0)
		fail_msg("%s: is %s %s", name, media_kind_name(facts.kind),
			facts.mime);
	if (facts.width != e->width || facts.height != e->height)
		fail_msg("%s: %ux%u", name, facts.width, facts.height);
	if (facts.seconds != e->seconds || facts.pages != e->pages)
		fail_msg("%s: %u seconds, %u pages", name, facts.seconds,
			facts.pages);
	if (facts.is_animated != e->is_animated)
		fail_msg("%s: animated %d", name, facts.is_animated);
	if ((facts.thumbnail.len > 0) != e->has_thumbnail ||
		facts.thumbnail.len > MEDIA_THUMB_MAX)
		fail_msg("%s: thumbnail of %zu bytes", name,
			facts.thumbnail.len);
}

static void expect_refused(const char *name, const struct buf *file)
{
	scoped(media_facts_fini) struct media_facts facts;
	struct err err;

	if (run_job(probe_run, file, &facts, NULL, &err) == 0)
		fail_msg("%s: taken for %s", name, facts.mime);
	if (err.code != ERR_INVALID)
		fail_msg("%s: %s: %s", name, err_code_name(err.code), err.msg);
}

/* ---- pictures ---- */

static const struct {
	const char *encoder, *mime;
	enum AVPixelFormat pixels;
} stills[] = {
	{ "mjpeg", "image/jpeg", AV_PIX_FMT_YUVJ420P },
	{ "mjpeg", "image/jpeg", AV_PIX_FMT_YUVJ444P },
	{ "png", "image/png", AV_PIX_FMT_RGB24 },
	{ "png", "image/png", AV_PIX_FMT_RGBA },
	{ "png", "image/png", AV_PIX_FMT_GRAY8 },
	{ "png", "image/png", AV_PIX_FMT_RGBA64BE },
	{ "bmp", "image/bmp", AV_PIX_FMT_BGR24 },
	{ "libwebp", "image/webp", AV_PIX_FMT_YUV420P },
};

static void a_picture_is_an_image_with_its_size_and_a_thumbnail(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(stills); i++) {
		const struct expected e = { .kind = MEDIA_IMAGE,
			.mime = stills[i].mime,
			.width = 300,
			.height = 200,
			.has_thumbnail = true };
		scoped(buf_fini) struct buf file = BUF_INIT;

		sample_still(
			stills[i].encoder, stills[i].pixels, 300, 200, &file);
		expect_facts(stills[i].mime, &file, &e);
	}
}

static void a_picture_of_one_pixel_or_one_line_is_an_image(void **state)
{
	static const int sizes[][2] = { { 1, 1 }, { 1, 2000 }, { 2000, 1 },
		{ 7, 3 } };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		const struct expected e = { .kind = MEDIA_IMAGE,
			.mime = "image/png",
			.width = (uint32_t)sizes[i][0],
			.height = (uint32_t)sizes[i][1],
			.has_thumbnail = true };
		scoped(buf_fini) struct buf file = BUF_INIT;

		sample_still("png", AV_PIX_FMT_RGB24, sizes[i][0], sizes[i][1],
			&file);
		expect_facts("small", &file, &e);
	}
}

static void a_picture_cut_anywhere_is_refused(void **state)
{
	static const unsigned percent[] = { 5, 20, 50, 80, 95 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(stills); i++) {
		scoped(buf_fini) struct buf file = BUF_INIT;
		size_t whole;

		sample_still(
			stills[i].encoder, stills[i].pixels, 300, 200, &file);
		whole = file.len;
		for (size_t j = 0; j < ARRAY_LEN(percent); j++) {
			file.len = whole * percent[j] / 100;
			expect_refused(stills[i].mime, &file);
		}
	}
}

static const struct sample gif = { .format = "gif",
	.video = "gif",
	.pixels = AV_PIX_FMT_RGB8,
	.width = 120,
	.height = 80 };

static void a_gif_is_an_image_and_moves_with_its_second_frame(void **state)
{
	struct expected e = { .kind = MEDIA_IMAGE,
		.mime = "image/gif",
		.width = 120,
		.height = 80,
		.has_thumbnail = true };

	(void)state;
	for (int n = 1; n <= 3; n++) {
		scoped(buf_fini) struct buf file = BUF_INIT;
		struct sample sample = gif;

		sample.n_frames = n;
		sample_clip(&sample, &file);
		e.is_animated = n > 1;
		expect_facts("gif", &file, &e);
	}
}

static void a_gif_without_a_whole_frame_is_refused(void **state)
{
	scoped(buf_fini) struct buf file = BUF_INIT;
	struct sample sample = gif;

	(void)state;
	sample.n_frames = 1;
	sample_clip(&sample, &file);
	file.len = 40;
	expect_refused("gif", &file);
}

static void exif_turns_a_jpeg_and_its_thumbnail(void **state)
{
	(void)state;
	for (uint8_t i = 1; i <= 8; i++) {
		const struct expected e = { .kind = MEDIA_IMAGE,
			.mime = "image/jpeg",
			.width = i < 5 ? 300 : 200,
			.height = i < 5 ? 200 : 300,
			.has_thumbnail = true };
		scoped(buf_fini) struct buf file = BUF_INIT;

		sample_still("mjpeg", AV_PIX_FMT_YUVJ420P, 300, 200, &file);
		sample_orient(&file, i);
		expect_facts("oriented", &file, &e);
	}
}

static void a_webp_of_512_pixels_is_a_sticker(void **state)
{
	const struct expected e = { .kind = MEDIA_STICKER,
		.mime = "image/webp",
		.width = 512,
		.height = 512,
		.has_thumbnail = true };
	scoped(buf_fini) struct buf file = BUF_INIT;

	(void)state;
	sample_still("libwebp", AV_PIX_FMT_YUV420P, 512, 512, &file);
	expect_facts("sticker", &file, &e);
}

static void an_animated_webp_says_so(void **state)
{
	struct expected e = {
		.mime = "image/webp", .is_animated = true, .has_thumbnail = true
	};
	static const enum media_kind kinds[] = { MEDIA_STICKER, MEDIA_IMAGE };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		scoped(buf_fini) struct buf file = BUF_INIT;

		const int box = i == 0 ? 512 : 300;

		e.width = e.height = (uint32_t)box;
		e.kind = kinds[i];
		sample_animation(box, 3, &file);
		expect_facts("animated", &file, &e);
		file.len = file.len / 10;
		expect_refused("animated, cut", &file);
	}
}

/* ---- bombs ---- */

/* A PNG whose header speaks of this size, with next to nothing behind it. */
static void make_bomb(uint32_t width, uint32_t height, struct buf *out)
{
	uint32_t crc;

	sample_still("png", AV_PIX_FMT_GRAY8, 8, 8, out);
	for (int i = 0; i < 4; i++) {
		out->data[16 + i] = (uint8_t)(width >> (24 - 8 * i));
		out->data[20 + i] = (uint8_t)(height >> (24 - 8 * i));
	}
	crc = (uint32_t)crc32(0, out->data + 12, 17);
	for (int i = 0; i < 4; i++)
		out->data[29 + i] = (uint8_t)(crc >> (24 - 8 * i));
}

static void a_picture_of_too_many_pixels_is_refused(void **state)
{
	static const uint32_t sizes[][2] = { { 10500, 10000 }, { 60000, 60000 },
		{ 2147483647, 1 }, { 1, 2147483647 }, { 4294967295u, 4 },
		{ 0, 10 } };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		scoped(buf_fini) struct buf file = BUF_INIT;

		make_bomb(sizes[i][0], sizes[i][1], &file);
		expect_refused("bomb", &file);
	}
}

/* ---- clips ---- */

#define VIDEO(format_, video_, audio_, samples_)                          \
	{                                                                 \
		.format = format_, .video = video_, .audio = audio_,      \
		.pixels = AV_PIX_FMT_YUV420P, .samples = samples_,        \
		.width = 320, .height = 240, .n_frames = 20, .seconds = 2 \
	}
#define SOUND(format_, audio_, samples_)                                 \
	{                                                                \
		.format = format_, .audio = audio_, .samples = samples_, \
		.seconds = 3                                             \
	}

static const struct {
	const char *mime;
	struct sample sample;
} clips[] = {
	{ "video/mp4", VIDEO("mp4", "mpeg4", "aac", AV_SAMPLE_FMT_FLTP) },
	{ "video/quicktime", VIDEO("mov", "mpeg4", "aac", AV_SAMPLE_FMT_FLTP) },
	{ "video/3gpp", VIDEO("3gp", "mpeg4", "aac", AV_SAMPLE_FMT_FLTP) },
	{ "video/webm", VIDEO("webm", "libvpx", "libopus", AV_SAMPLE_FMT_S16) },
	{ "video/x-matroska",
		VIDEO("matroska", "mpeg4", "libvorbis", AV_SAMPLE_FMT_FLTP) },
	{ "video/x-msvideo",
		VIDEO("avi", "mpeg4", "libmp3lame", AV_SAMPLE_FMT_S16P) },
	{ "video/ogg",
		VIDEO("ogg", "libtheora", "libvorbis", AV_SAMPLE_FMT_FLTP) },
	{ "audio/mpeg", SOUND("mp3", "libmp3lame", AV_SAMPLE_FMT_S16P) },
	{ "audio/mp4", SOUND("ipod", "aac", AV_SAMPLE_FMT_FLTP) },
	{ "audio/mp4", SOUND("mp4", "aac", AV_SAMPLE_FMT_FLTP) },
	{ "audio/aac", SOUND("adts", "aac", AV_SAMPLE_FMT_FLTP) },
	{ "audio/flac", SOUND("flac", "flac", AV_SAMPLE_FMT_S16) },
	{ "audio/wav", SOUND("wav", "pcm_s16le", AV_SAMPLE_FMT_S16) },
	{ "audio/aiff", SOUND("aiff", "pcm_s16be", AV_SAMPLE_FMT_S16) },
	{ "audio/ogg", SOUND("ogg", "libvorbis", AV_SAMPLE_FMT_FLTP) },
	{ "audio/ogg; codecs=opus",
		SOUND("ogg", "libopus", AV_SAMPLE_FMT_S16) },
	{ "audio/webm; codecs=opus",
		SOUND("webm", "libopus", AV_SAMPLE_FMT_S16) },
};

static void a_clip_has_its_type_and_length_and_a_video_its_picture(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(clips); i++) {
		const struct sample *sample = &clips[i].sample;
		const bool is_video = sample->video != NULL;
		const struct expected e = { .kind = is_video ? MEDIA_VIDEO
							     : MEDIA_AUDIO,
			.mime = clips[i].mime,
			.width = (uint32_t)sample->width,
			.height = (uint32_t)sample->height,
			.seconds = (uint32_t)sample->seconds,
			.has_thumbnail = is_video };
		scoped(buf_fini) struct buf file = BUF_INIT;

		sample_clip(sample, &file);
		expect_facts(clips[i].mime, &file, &e);
	}
}

/* What is left of one that was cut later may play, and is then as long as what
 * is left. */
static void a_clip_cut_in_its_header_is_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(clips); i++) {
		scoped(buf_fini) struct buf file = BUF_INIT;

		sample_clip(&clips[i].sample, &file);
		/* A frame of these stands for itself. */
		if (strcmp(clips[i].sample.format, "mp3") == 0 ||
			strcmp(clips[i].sample.format, "adts") == 0)
			continue;
		file.len = 40;
		scoped(media_facts_fini) struct media_facts facts;
		struct err err;

		if (run_job(probe_run, &file, &facts, NULL, &err) == 0 &&
			facts.kind != MEDIA_DOCUMENT)
			fail_msg("%s: taken for %s", clips[i].mime, facts.mime);
	}
}

static void a_clip_with_a_broken_body_is_refused_or_read(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(clips); i++) {
		scoped(buf_fini) struct buf file = BUF_INIT;
		scoped(media_facts_fini) struct media_facts facts;
		struct err err;

		sample_clip(&clips[i].sample, &file);
		for (size_t at = 200; at < file.len; at += 37)
			file.data[at] ^= (uint8_t)at;
		if (run_job(probe_run, &file, &facts, NULL, &err) != 0)
			assert_int_equal(err.code, ERR_INVALID);
	}
}

static void sound_without_a_header_is_recognised(void **state)
{
	const struct expected e = {
		.kind = MEDIA_AUDIO, .mime = "audio/amr", .seconds = 2
	};
	scoped(buf_fini) struct buf file = BUF_INIT;

	(void)state;
	sample_amr(100, &file);
	expect_facts("amr", &file, &e);
}

/* ---- documents ---- */

static void a_pdf_is_a_document_with_pages(void **state)
{
	static const unsigned n_pages[] = { 1, 3, 40 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(n_pages); i++) {
		const struct expected e = { .kind = MEDIA_DOCUMENT,
			.mime = "application/pdf",
			.pages = n_pages[i] };
		scoped(buf_fini) struct buf file = BUF_INIT;

		sample_pdf(n_pages[i], &file);
		expect_facts("pdf", &file, &e);
	}
}

static void a_broken_pdf_is_a_document_of_unknown_pages(void **state)
{
	const struct expected e = { .kind = MEDIA_DOCUMENT,
		.mime = "application/pdf" };
	scoped(buf_fini) struct buf file = BUF_INIT;

	(void)state;
	sample_pdf(3, &file);
	file.len /= 2;
	expect_facts("pdf", &file, &e);
}

static void what_is_no_media_is_a_document(void **state)
{
	static const struct {
		const char *mime, *bytes;
		size_t n;
	} files[] = {
		{ "text/plain", "Dear customer,\n", 15 },
		{ "text/html", "<!DOCTYPE html><html></html>", 28 },
		{ "application/json", "{\"a\":1}", 7 },
		{ "application/zip",
			"PK\5\6\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 22 },
		{ "application/octet-stream", "\1\2\3\377\376\0\0\7", 8 },
		{ "image/svg+xml",
			"<?xml version=\"1.0\"?><svg "
			"xmlns=\"http://www.w3.org/2000/svg\"/>",
			61 },
		{ "application/octet-stream", "\0", 1 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		const struct expected e = { .kind = MEDIA_DOCUMENT,
			.mime = files[i].mime };
		scoped(buf_fini) struct buf file = BUF_INIT;

		buf_add(&file, files[i].bytes, files[i].n);
		expect_facts(files[i].mime, &file, &e);
	}
}

/* ---- thumbnails ---- */

/* The pixel in the middle of the quarter (x, y) of a JPEG. */
static void quarter_colour(
	const struct buf *jpeg, int x, int y, uint8_t rgba[4])
{
	scoped(pixels_fini) struct pixels pixels = { 0 };
	const struct source source = { jpeg->data, jpeg->len };
	const struct content content = { .medium = MEDIUM_PICTURE,
		.codec = AV_CODEC_ID_MJPEG };
	struct picture picture;
	struct err err = ERR_NONE;

	assert_int_equal(picture_read(&source, &content,
				 (struct fit){ .box = 1000 }, &picture, &err),
		0);
	pixels = picture.pixels;
	memcpy(rgba,
		pixels.rgba +
			4 * ((2 * (size_t)y + 1) * pixels.height / 4 *
					    pixels.width +
				    (2 * (size_t)x + 1) * pixels.width / 4),
		4);
}

static bool is_red(const uint8_t rgba[4])
{
	return rgba[0] > 180 && rgba[1] < 80 && rgba[2] < 80;
}

static void a_thumbnail_fits_its_box_and_is_the_right_way_up(void **state)
{
	/* Where EXIF puts the red quarter, which is stored at the top left. */
	static const int corner[][2] = { { 0, 0 }, { 1, 0 }, { 1, 1 }, { 0, 1 },
		{ 0, 0 }, { 1, 0 }, { 1, 1 }, { 0, 1 } };

	(void)state;
	for (uint8_t i = 1; i <= 8; i++) {
		scoped(buf_fini) struct buf file = BUF_INIT;
		scoped(media_facts_fini) struct media_facts facts, again;
		struct err err;
		uint8_t rgba[4];

		sample_still("mjpeg", AV_PIX_FMT_YUVJ420P, 300, 200, &file);
		sample_orient(&file, i);
		assert_int_equal(
			run_job(probe_run, &file, &facts, NULL, &err), 0);
		assert_int_equal(run_job(probe_run, &facts.thumbnail, &again,
					 NULL, &err),
			0);
		assert_string_equal(again.mime, "image/jpeg");
		assert_int_equal(again.width, i < 5 ? 72 : 48);
		assert_int_equal(again.height, i < 5 ? 48 : 72);
		quarter_colour(&facts.thumbnail, corner[i - 1][0],
			corner[i - 1][1], rgba);
		if (!is_red(rgba))
			fail_msg("orientation %d: %d %d %d", i, rgba[0],
				rgba[1], rgba[2]);
	}
}

static void what_is_transparent_is_white_in_a_thumbnail(void **state)
{
	scoped(buf_fini) struct buf file = BUF_INIT;
	scoped(media_facts_fini) struct media_facts facts;
	struct err err;
	uint8_t rgba[4];

	(void)state;
	sample_still("png", AV_PIX_FMT_RGBA, 300, 200, &file);
	assert_int_equal(run_job(probe_run, &file, &facts, NULL, &err), 0);
	quarter_colour(&facts.thumbnail, 0, 0, rgba);
	assert_true(is_red(rgba));
	quarter_colour(&facts.thumbnail, 0, 1, rgba);
	assert_true(rgba[0] > 250 && rgba[1] > 250 && rgba[2] > 250);
}

/* Noise has the largest JPEG there is. */
static void a_thumbnail_of_noise_stays_in_its_limit(void **state)
{
	scoped(pixels_fini) struct pixels noise = pixels_new(72, 72);
	scoped(buf_fini) struct buf jpeg = BUF_INIT;
	uint32_t random = 1;

	(void)state;
	for (size_t i = 0; i < (size_t)72 * 72 * 4; i++) {
		random = random * 1664525 + 1013904223;
		noise.rgba[i] = (uint8_t)(random >> 24);
	}
	thumbnail_write(&noise, &jpeg);
	assert_true(jpeg.len > 0 && jpeg.len <= MEDIA_THUMB_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			a_picture_is_an_image_with_its_size_and_a_thumbnail),
		cmocka_unit_test(
			a_picture_of_one_pixel_or_one_line_is_an_image),
		cmocka_unit_test(a_picture_cut_anywhere_is_refused),
		cmocka_unit_test(
			a_gif_is_an_image_and_moves_with_its_second_frame),
		cmocka_unit_test(a_gif_without_a_whole_frame_is_refused),
		cmocka_unit_test(exif_turns_a_jpeg_and_its_thumbnail),
		cmocka_unit_test(a_webp_of_512_pixels_is_a_sticker),
		cmocka_unit_test(an_animated_webp_says_so),
		cmocka_unit_test(a_picture_of_too_many_pixels_is_refused),
		cmocka_unit_test(
			a_clip_has_its_type_and_length_and_a_video_its_picture),
		cmocka_unit_test(a_clip_cut_in_its_header_is_refused),
		cmocka_unit_test(a_clip_with_a_broken_body_is_refused_or_read),
		cmocka_unit_test(sound_without_a_header_is_recognised),
		cmocka_unit_test(a_pdf_is_a_document_with_pages),
		cmocka_unit_test(a_broken_pdf_is_a_document_of_unknown_pages),
		cmocka_unit_test(what_is_no_media_is_a_document),
		cmocka_unit_test(
			a_thumbnail_fits_its_box_and_is_the_right_way_up),
		cmocka_unit_test(what_is_transparent_is_white_in_a_thumbnail),
		cmocka_unit_test(a_thumbnail_of_noise_stays_in_its_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
