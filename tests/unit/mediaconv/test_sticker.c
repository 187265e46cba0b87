/* Pictures into stickers. */
#include "mediaconv/sticker.h"

#include "tests/unit/mediaconv/run.h"

#include "mediaconv/picture.h"
#include "mediaconv/webp.h"

static void read_sticker(const struct buf *webp, struct picture *out)
{
	const struct source source = { webp->data, webp->len };
	struct err err = ERR_NONE;

	assert_int_equal(webp_read(&source, (struct fit){ .box = STICKER_BOX },
				 out, &err),
		0);
	assert_int_equal(out->width, STICKER_BOX);
	assert_int_equal(out->height, STICKER_BOX);
}

static const uint8_t *pixel(const struct picture *picture, size_t x, size_t y)
{
	return picture->pixels.rgba + (y * STICKER_BOX + x) * 4;
}

static void make_sticker(const struct buf *file, struct buf *out)
{
	scoped(media_facts_fini) struct media_facts facts;
	struct err err;

	if (run_job(sticker_run, file, &facts, out, &err) != 0)
		fail_msg("%s", err.msg);
	assert_int_equal(facts.kind, MEDIA_STICKER);
	assert_string_equal(facts.mime, "image/webp");
	assert_int_equal(facts.width, STICKER_BOX);
	assert_int_equal(facts.height, STICKER_BOX);
	assert_false(facts.is_animated);
	assert_true(out->len > 0 && out->len <= STICKER_MAX);
}

static void any_picture_becomes_a_sticker_with_transparent_borders(void **state)
{
	static const struct {
		const char *encoder;
		enum AVPixelFormat pixels;
		int width, height;
	} files[] = {
		{ "mjpeg", AV_PIX_FMT_YUVJ420P, 300, 150 },
		{ "png", AV_PIX_FMT_RGB24, 1000, 500 },
		{ "bmp", AV_PIX_FMT_BGR24, 16, 8 },
		{ "libwebp", AV_PIX_FMT_YUV420P, 600, 300 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		scoped(buf_fini) struct buf file = BUF_INIT, webp = BUF_INIT;
		scoped(picture_fini) struct picture picture = { 0 };

		sample_still(files[i].encoder, files[i].pixels, files[i].width,
			files[i].height, &file);
		make_sticker(&file, &webp);
		read_sticker(&webp, &picture);
		/* 512x256 in the middle. */
		assert_int_equal(pixel(&picture, 100, 100)[3], 0);
		assert_int_equal(pixel(&picture, 100, 400)[3], 0);
		assert_int_equal(pixel(&picture, 5, 200)[3], 255);
		assert_int_equal(pixel(&picture, 506, 300)[3], 255);
		assert_true(pixel(&picture, 100, 180)[0] > 180); /* red */
	}
}

static void what_is_transparent_stays_so_and_leaves_no_fringe(void **state)
{
	scoped(buf_fini) struct buf file = BUF_INIT, webp = BUF_INIT;
	scoped(picture_fini) struct picture picture = { 0 };

	(void)state;
	sample_still("png", AV_PIX_FMT_RGBA, 2000, 2000, &file);
	make_sticker(&file, &webp);
	read_sticker(&webp, &picture);
	assert_int_equal(pixel(&picture, 100, 400)[3], 0);
	assert_int_equal(pixel(&picture, 100, 240)[3], 255);
	assert_true(pixel(&picture, 100, 240)[0] > 180);
}

static void a_gif_gives_its_first_picture(void **state)
{
	static const struct sample gif = { .format = "gif",
		.video = "gif",
		.pixels = AV_PIX_FMT_RGB8,
		.width = 64,
		.height = 64,
		.n_frames = 3 };
	scoped(buf_fini) struct buf file = BUF_INIT, webp = BUF_INIT;
	scoped(picture_fini) struct picture picture = { 0 };

	(void)state;
	sample_clip(&gif, &file);
	make_sticker(&file, &webp);
	read_sticker(&webp, &picture);
	assert_true(pixel(&picture, 100, 100)[0] > 180);
}

static void a_sticker_stays_as_it_is(void **state)
{
	scoped(buf_fini) struct buf file = BUF_INIT, webp = BUF_INIT;

	(void)state;
	sample_still("libwebp", AV_PIX_FMT_YUV420P, 512, 512, &file);
	make_sticker(&file, &webp);
	assert_int_equal(file.len, webp.len);
	assert_memory_equal(file.data, webp.data, webp.len);
}

static void make_noise(struct pixels *noise)
{
	uint32_t random = 1;

	for (size_t i = 0; i < (size_t)STICKER_BOX * STICKER_BOX * 4; i++) {
		random = random * 1664525 + 1013904223;
		noise->rgba[i] = i % 4 == 3 ? 255 : (uint8_t)(random >> 24);
	}
}

static void a_sticker_that_is_too_large_is_made_smaller(void **state)
{
	scoped(pixels_fini) struct pixels noise =
		pixels_new(STICKER_BOX, STICKER_BOX);
	scoped(buf_fini) struct buf file = BUF_INIT, webp = BUF_INIT;
	struct err err = ERR_NONE;

	(void)state;
	make_noise(&noise);
	assert_int_equal(webp_write(&noise, 95, &file, &err), 0);
	assert_true(file.len > STICKER_MAX);
	make_sticker(&file, &webp);
}

static void an_animated_sticker_stays_as_it_is(void **state)
{
	scoped(buf_fini) struct buf file = BUF_INIT, webp = BUF_INIT;
	scoped(media_facts_fini) struct media_facts facts;
	struct err err;

	(void)state;
	sample_animation(512, 4, &file);
	assert_int_equal(run_job(sticker_run, &file, &facts, &webp, &err), 0);
	assert_true(facts.is_animated);
	assert_int_equal(file.len, webp.len);
	assert_memory_equal(file.data, webp.data, webp.len);
}

static void another_animation_is_refused(void **state)
{
	scoped(buf_fini) struct buf file = BUF_INIT;
	scoped(media_facts_fini) struct media_facts facts;
	struct err err;

	(void)state;
	sample_animation(300, 2, &file);
	assert_int_equal(run_job(sticker_run, &file, &facts, NULL, &err), -1);
	assert_int_equal(err.code, ERR_INVALID);
	assert_string_equal(err.msg, "An animated sticker must have 512x512 "
				     "pixels and at most 500 kB");
}

/* Where the last picture's chunk of an animation starts. */
static uint8_t *last_picture(const struct buf *webp)
{
	size_t at = webp->len - 8;

	while (memcmp(webp->data + at, "VP8 ", 4) != 0 &&
		memcmp(webp->data + at, "VP8L", 4) != 0)
		at--;
	return webp->data + at;
}

/* The first picture is whole, the last has no header. */
static void an_animation_with_a_broken_end_is_refused(void **state)
{
	scoped(buf_fini) struct buf file = BUF_INIT;
	scoped(media_facts_fini) struct media_facts facts;
	struct err err;

	(void)state;
	sample_animation(512, 4, &file);
	memset(last_picture(&file) + 8, 0, 10);
	assert_int_equal(run_job(sticker_run, &file, &facts, NULL, &err), -1);
	assert_int_equal(err.code, ERR_INVALID);
}

static void what_is_no_picture_is_refused(void **state)
{
	scoped(buf_fini) struct buf file = BUF_INIT;
	scoped(media_facts_fini) struct media_facts facts;
	struct err err;

	(void)state;
	sample_amr(10, &file);
	assert_int_equal(run_job(sticker_run, &file, &facts, NULL, &err), -1);
	assert_int_equal(err.code, ERR_INVALID);
	assert_string_equal(err.msg, "The file is no picture");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			any_picture_becomes_a_sticker_with_transparent_borders),
		cmocka_unit_test(
			what_is_transparent_stays_so_and_leaves_no_fringe),
		cmocka_unit_test(a_gif_gives_its_first_picture),
		cmocka_unit_test(a_sticker_stays_as_it_is),
		cmocka_unit_test(a_sticker_that_is_too_large_is_made_smaller),
		cmocka_unit_test(an_animated_sticker_stays_as_it_is),
		cmocka_unit_test(another_animation_is_refused),
		cmocka_unit_test(an_animation_with_a_broken_end_is_refused),
		cmocka_unit_test(what_is_no_picture_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
