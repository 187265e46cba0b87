/* See making.h. */
#include "apid/making.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "apid/conversion.h"
#include "apid/request.h"
#include "apid/worker.h"
#include "common/clock.h"
#include "common/media/library.h"
#include "common/own.h"

struct making {
	struct media_entry from, made;
	enum media_kind kind;
	int in_fd, out_fd;
	char temp[LIBRARY_PATH]; /* "" = none, or it is in the library */
	struct media_facts facts;
	making_done_fn *done;
};

void making_free(struct making **makingp)
{
	struct making *making = move(*makingp);

	if (making == NULL)
		return;
	if (making->in_fd >= 0)
		close(making->in_fd);
	if (making->out_fd >= 0)
		close(making->out_fd);
	if (making->temp[0] != '\0')
		unlink(making->temp);
	media_facts_fini(&making->facts);
	free(making);
}

static void take_facts(const struct making *making, struct media *media)
{
	const struct media_facts *facts = &making->facts;

	media->kind = making->kind;
	media->state = MEDIA_READY;
	media->sha256 = facts->sha256;
	media->size = facts->size;
	media->mime = facts->mime;
	media->width = facts->width;
	media->height = facts->height;
	media->seconds = facts->seconds;
	media->is_animated = facts->is_animated;
	media->thumbnail = facts->thumbnail.data;
	media->n_thumbnail = facts->thumbnail.len;
	media->waveform = facts->has_waveform ? facts->waveform : NULL;
	media->n_waveform = facts->has_waveform ? MEDIA_WAVEFORM : 0;
	media->made_from = making->from.id;
}

/* Another request may have made it meanwhile: then that one is used. */
static int insert(struct request *request, struct tx *tx, struct err *err)
{
	struct making *making = request->making;
	char public_id[UUID_LEN];
	struct media media = { .public_id = public_id,
		.account_id = request->account_id,
		.created_ms = clock_now_ms() };
	struct err none = ERR_NONE;

	if (store_media_made_from(tx_store(tx), making->from.id, making->kind,
		    media_entry_take, &making->made, &none) == 0)
		return 0;
	id_uuid7(public_id);
	take_facts(making, &media);
	if (media_check_file(request->apid->config, media.sha256, err) != 0 ||
		store_media_insert(tx, &media, err) != 0)
		return -1;
	return media_entry_take(&media, &making->made);
}

static void on_inserted(struct request *request)
{
	request->making->done(request, &request->making->made);
}

static int keep(struct request *request, struct err *err)
{
	struct making *making = request->making;

	if (library_keep(request->apid->config, making->temp,
		    making->facts.sha256, err) != 0)
		return -1;
	making->temp[0] = '\0';
	return 0;
}

static void on_kept(struct request *request)
{
	struct err err = ERR_NONE;

	if (request_write(request, insert, on_inserted, &err) != 0)
		request_fail(request, &err);
}

static void on_made(struct request *request, struct media_facts *facts,
	const struct err *failure)
{
	struct making *making = request->making;
	struct err err = ERR_NONE;

	if (facts == NULL) {
		request_fail(request, failure);
		return;
	}
	making->facts = *facts;
	facts->thumbnail = BUF_INIT; /* ours now */
	if (worker_submit(request, keep, on_kept, &err) != 0)
		request_fail(request, &err);
}

static int convert(
	struct request *request, struct making *making, struct err *err)
{
	const struct config *config = request->apid->config;
	struct convert_request job = { .job = making->kind == MEDIA_VOICE
						      ? CONVERT_VOICE
						      : CONVERT_STICKER };

	making->in_fd = library_open(config, making->from.sha256, err);
	if (making->in_fd < 0)
		return err_wrap(err, "media");
	making->out_fd = library_temp(config, making->temp, err);
	if (making->out_fd < 0)
		return -1;
	job.in_fd = making->in_fd;
	job.out_fd = making->out_fd;
	return conversion_start(request, &job, on_made, err);
}

int making_start(struct request *request, const struct media_entry *from,
	enum media_kind kind, making_done_fn *done, struct err *err)
{
	struct media_entry made;
	struct making *making;
	struct err miss = ERR_NONE;

	if (store_media_made_from(request->store, from->id, kind,
		    media_entry_take, &made, &miss) == 0) {
		done(request, &made);
		return 0;
	}
	if (miss.code != ERR_NOT_FOUND) {
		*err = miss;
		return -1;
	}
	making_free(&request->making);
	making = xcalloc(1, sizeof(*making));
	request->making = making;
	making->from = *from;
	making->kind = kind;
	making->in_fd = making->out_fd = -1;
	making->done = done;
	return convert(request, making, err);
}
