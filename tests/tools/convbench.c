/* What a conversion costs, through the real worker process, as JSON:
 *
 *	convbench MEDIACONV [SECONDS]
 *
 * How many seconds of a synthetic WAV become a voice note in a second, what a
 * worker takes that only looks at a line of text (its start, that is), and the
 * sizes of both files. */
#include <event2/event.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/clock.h"
#include "common/config.h"
#include "common/err.h"
#include "common/media/convert.h"
#include "common/own.h"

#define RATE 44100
#define MAX_SECONDS 600 /* 53 MB */
#define PROBES 10

static struct config config = { .media = { .max_mib = 100 } };

struct job {
	struct event_base *base;
	struct err err;
	uint64_t size;
	uint32_t seconds;
};

static void fail(const char *what)
{
	fprintf(stderr, "convbench: %s\n", what);
	exit(1);
}

static void on_done(struct media_facts *facts, const struct err *err, void *arg)
{
	struct job *job = arg;

	job->err = *err;
	if (facts != NULL) {
		job->size = facts->size;
		job->seconds = facts->seconds;
	}
	event_base_loopbreak(job->base);
}

/* How long it took. */
static int64_t run(
	struct job *job, enum convert_job kind, int in_fd, int out_fd)
{
	const struct convert_request request = {
		.job = kind, .in_fd = in_fd, .out_fd = out_fd
	};
	const int64_t began_ms = clock_mono_ms();
	struct convert *convert;

	if (convert_start(job->base, &config, &request, on_done, job, &convert,
		    &job->err) != 0)
		fail(job->err.msg);
	event_base_dispatch(job->base);
	if (job->err.code != ERR_OK)
		fail(job->err.msg);
	return clock_mono_ms() - began_ms;
}

static int file_of(const struct buf *bytes)
{
	int fd = memfd_create("convbench", MFD_CLOEXEC);

	if (fd < 0 || write(fd, bytes->data, bytes->len) != (ssize_t)bytes->len)
		fail("no memory for a file");
	return fd;
}

static void add_le(struct buf *out, uint32_t value, unsigned n_bytes)
{
	for (unsigned i = 0; i < n_bytes; i++)
		buf_add_byte(out, (uint8_t)(value >> 8 * i));
}

/* Something like speech: two tones that swell and fade four times a second. */
static void wav_make(uint32_t seconds, struct buf *out)
{
	const uint32_t n = seconds * RATE;

	buf_add_str(out, "RIFF");
	add_le(out, 36 + 2 * n, 4);
	buf_add_str(out, "WAVEfmt ");
	add_le(out, 16, 4);
	add_le(out, 1, 2); /* PCM */
	add_le(out, 1, 2); /* channels */
	add_le(out, RATE, 4);
	add_le(out, 2 * RATE, 4);
	add_le(out, 2, 2);
	add_le(out, 16, 2);
	buf_add_str(out, "data");
	add_le(out, 2 * n, 4);
	for (uint32_t i = 0; i < n; i++) {
		const double t = 2 * M_PI * i / RATE;
		const double level = 12000 * sin(2 * t) * sin(2 * t);

		add_le(out,
			(uint16_t)(int16_t)(level *
					    (sin(180 * t) + sin(1130 * t)) / 2),
			2);
	}
}

static double start_ms(struct job *job)
{
	scoped(buf_fini) struct buf text = BUF_INIT;
	int64_t took_ms = 0;

	buf_add_str(&text, "One line of text.\n");
	scoped(fd_close) int fd = file_of(&text);

	for (int i = 0; i < PROBES; i++)
		took_ms += run(job, CONVERT_PROBE, fd, -1);
	return (double)took_ms / PROBES;
}

int main(int argc, char **argv)
{
	const int seconds = argc > 2 ? atoi(argv[2]) : 60;
	scoped(buf_fini) struct buf wav = BUF_INIT;
	struct job job = { .base = event_base_new() };

	if (argc < 2 || seconds < 1 || seconds > MAX_SECONDS) {
		fprintf(stderr, "usage: convbench MEDIACONV [SECONDS <= %d]\n",
			MAX_SECONDS);
		return 2;
	}
	convert_use_worker(argv[1], 0);
	wav_make((uint32_t)seconds, &wav);

	scoped(fd_close) int in_fd = file_of(&wav);
	scoped(fd_close) int out_fd = memfd_create("voice", MFD_CLOEXEC);
	const double probe_ms = start_ms(&job);
	const int64_t voice_ms = run(&job, CONVERT_VOICE, in_fd, out_fd);

	printf("{\"audio_seconds\":%" PRIu32 ",\"voice_ms\":%" PRId64
	       ",\"voice_realtime_factor\":%.1f,\"worker_start_ms\":%.1f"
	       ",\"wav_bytes\":%zu,\"voice_bytes\":%" PRIu64 "}\n",
		job.seconds, voice_ms,
		1000.0 * job.seconds / (double)(voice_ms > 0 ? voice_ms : 1),
		probe_ms, wav.len, job.size);
	event_base_free(job.base);
	return 0;
}
