#include "mediaconv/sniffer.h"

#include <ctype.h>
#include <libavformat/avformat.h>
#include <libavutil/avstring.h>
#include <magic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/err.h"
#include "common/media/convert.h"
#include "common/own.h"
#include "mediaconv/source.h"

#define UNKNOWN "application/octet-stream"
/* libavformat guesses from so much, and is believed from this score on: several
 * frames in a row, which random bytes do not have. */
#define GUESS_BYTES (64u << 10)
#define GUESS_SCORE (AVPROBE_SCORE_EXTENSION + 1)

struct sniffer {
	magic_t magic;
	char mime[sizeof(((struct media_facts *)0)->mime)];
};

struct kind {
	const char *magic; /* libmagic's name */
	struct content content;
};

#define PICTURE(magic_, mime_, codec_)                           \
	{                                                        \
		magic_,                                          \
		{                                                \
			.medium = MEDIUM_PICTURE, .mime = mime_, \
			.codec = codec_                          \
		}                                                \
	}
#define CLIP(magic_, demuxer_, mime_, sound_mime_)                     \
	{                                                              \
		magic_,                                                \
		{                                                      \
			.medium = MEDIUM_CLIP, .mime = mime_,          \
			.sound_mime = sound_mime_, .demuxer = demuxer_ \
		}                                                      \
	}

/* What we decode.  Everything else is a document, whatever libmagic calls it.
 */
static const struct kind kinds[] = {
	PICTURE("image/jpeg", "image/jpeg", AV_CODEC_ID_MJPEG),
	PICTURE("image/png", "image/png", AV_CODEC_ID_PNG),
	PICTURE("image/bmp", "image/bmp", AV_CODEC_ID_BMP),
	PICTURE("image/x-ms-bmp", "image/bmp", AV_CODEC_ID_BMP),
	{ "image/gif", { .medium = MEDIUM_GIF,
			       .mime = "image/gif",
			       .demuxer = "gif" } },
	{ "image/webp", { .medium = MEDIUM_WEBP, .mime = "image/webp" } },
	{ "application/pdf",
		{ .medium = MEDIUM_PDF, .mime = "application/pdf" } },
	CLIP("video/mp4", "mov", "video/mp4", "audio/mp4"),
	CLIP("video/x-m4v", "mov", "video/mp4", "audio/mp4"),
	CLIP("audio/mp4", "mov", "video/mp4", "audio/mp4"),
	CLIP("audio/x-m4a", "mov", "video/mp4", "audio/mp4"),
	CLIP("video/quicktime", "mov", "video/quicktime", "audio/mp4"),
	CLIP("video/3gpp", "mov", "video/3gpp", "audio/3gpp"),
	CLIP("video/3gpp2", "mov", "video/3gpp2", "audio/3gpp2"),
	CLIP("video/webm", "matroska", "video/webm", "audio/webm"),
	CLIP("video/x-matroska", "matroska", "video/x-matroska",
		"audio/x-matroska"),
	CLIP("application/ogg", "ogg", "video/ogg", "audio/ogg"),
	CLIP("video/ogg", "ogg", "video/ogg", "audio/ogg"),
	CLIP("audio/ogg", "ogg", "video/ogg", "audio/ogg"),
	CLIP("video/x-msvideo", "avi", "video/x-msvideo", "audio/x-msvideo"),
	CLIP("audio/mpeg", "mp3", NULL, "audio/mpeg"),
	CLIP("audio/x-hx-aac-adts", "aac", NULL, "audio/aac"),
	CLIP("audio/aac", "aac", NULL, "audio/aac"),
	CLIP("audio/amr", "amr", NULL, "audio/amr"),
	CLIP("audio/x-wav", "wav", NULL, "audio/wav"),
	CLIP("audio/flac", "flac", NULL, "audio/flac"),
	CLIP("audio/x-aiff", "aiff", NULL, "audio/aiff"),
};

int sniffer_open(struct sniffer **out, struct err *err)
{
	scoped(sniffer_close) struct sniffer *sniffer =
		xcalloc(1, sizeof(*sniffer));

	sniffer->magic = magic_open(
		MAGIC_MIME_TYPE | MAGIC_NO_CHECK_COMPRESS | MAGIC_NO_CHECK_ELF);
	if (sniffer->magic == NULL)
		return err_set(err, ERR_INTERNAL, "libmagic cannot start");
	if (magic_load(sniffer->magic, NULL) != 0)
		return err_set(err, ERR_INTERNAL, "libmagic: %s",
			magic_error(sniffer->magic));
	*out = move(sniffer);
	return 0;
}

void sniffer_close(struct sniffer **snifferp)
{
	struct sniffer *sniffer = move(*snifferp);

	if (sniffer == NULL)
		return;
	if (sniffer->magic != NULL)
		magic_close(sniffer->magic);
	free(sniffer);
}

/* The database is long, and some of its answers are built from the file. */
static bool is_mime(const char *text)
{
	const char *slash = strchr(text, '/');

	if (slash == NULL || slash == text || slash[1] == '\0')
		return false;
	for (const char *c = text; *c != '\0'; c++)
		if (!isalnum((unsigned char)*c) && strchr("/+-._", *c) == NULL)
			return false;
	return true;
}

static void look_with_magic(
	struct sniffer *sniffer, const struct source *source)
{
	const char *mime =
		magic_buffer(sniffer->magic, source->bytes, source->n);

	if (mime == NULL || !is_mime(mime) ||
		strlen(mime) >= sizeof(sniffer->mime))
		mime = UNKNOWN;
	strcpy(sniffer->mime, mime);
}

static const struct kind *kind_by_magic(const char *mime)
{
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (strcasecmp(kinds[i].magic, mime) == 0)
			return &kinds[i];
	return NULL;
}

static const struct kind *kind_by_demuxer(const char *names)
{
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (kinds[i].content.medium == MEDIUM_CLIP &&
			av_match_list(kinds[i].content.demuxer, names, ','))
			return &kinds[i];
	return NULL;
}

/* Sound without a header, MP3 above all, is often nothing to libmagic. */
static const struct kind *guess_with_av(const struct source *source)
{
	const size_t n = source->n < GUESS_BYTES ? source->n : GUESS_BYTES;
	scoped(str_free) char *head = xcalloc(1, n + AVPROBE_PADDING_SIZE);
	AVProbeData data = {
		.filename = "", .buf = (uint8_t *)head, .buf_size = (int)n
	};
	const AVInputFormat *format;
	int score = 0;

	memcpy(head, source->bytes, n);
	format = av_probe_input_format3(&data, 1, &score);
	if (format == NULL || score < GUESS_SCORE)
		return NULL;
	return kind_by_demuxer(format->name);
}

struct content sniffer_look(
	struct sniffer *sniffer, const struct source *source)
{
	const struct kind *kind;

	look_with_magic(sniffer, source);
	kind = kind_by_magic(sniffer->mime);
	if (kind == NULL && strcmp(sniffer->mime, UNKNOWN) == 0)
		kind = guess_with_av(source);
	if (kind != NULL)
		return kind->content;
	return (struct content){ .medium = MEDIUM_OTHER,
		.mime = sniffer->mime };
}
