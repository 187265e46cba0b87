/* See upload.h.
 *
 * The body is taken apart into a temporary file on a worker, a process of its
 * own looks into that file, the worker syncs it into the library, and the
 * writer adds the row.  What the client says of its type is not believed. */
#include "apid/upload.h"

#include <event2/http.h>
#include <stdlib.h>
#include <string.h>

#include "apid/conversion.h"
#include "apid/form.h"
#include "apid/intake.h"
#include "apid/media.h"
#include "apid/request.h"
#include "apid/worker.h"
#include "common/buf.h"
#include "common/clock.h"
#include "common/config.h"
#include "common/media/library.h"
#include "common/own.h"
#include "common/wa/crypto.h"

#define MIB ((size_t)1 << 20)

struct upload {
	struct form form;     /* its file is in the library at the end */
	enum media_kind kind; /* that was asked for; 0 = by content */
	struct media_facts facts;
};

static void upload_free(void **uploadp)
{
	struct upload *upload = move(*uploadp);

	form_fini(&upload->form);
	media_facts_fini(&upload->facts);
	free(upload);
}

size_t upload_max_bytes(const struct config *config)
{
	return (size_t)config->media.max_mib * MIB + INTAKE_OVERHEAD;
}

/* ---- the form, on a worker ---- */

static int spool(struct request *request, struct err *err)
{
	struct upload *upload = request->context;

	return form_spool(&upload->form, request->apid->config, err);
}

/* ---- the row, on the writer ---- */

static enum media_kind kind_of(const struct upload *upload)
{
	if (upload->kind != 0)
		return upload->kind;
	switch (upload->facts.kind) {
	case MEDIA_VOICE:
		return MEDIA_AUDIO;
	case MEDIA_STICKER:
		return MEDIA_IMAGE;
	case MEDIA_IMAGE:
	case MEDIA_VIDEO:
	case MEDIA_AUDIO:
	case MEDIA_DOCUMENT:
		break;
	}
	return upload->facts.kind;
}

static int insert(struct request *request, struct tx *tx, struct err *err)
{
	const struct upload *upload = request->context;
	const struct media_facts *facts = &upload->facts;
	char public_id[UUID_LEN];
	struct media media = {
		.public_id = public_id,
		.account_id = request->account_id,
		.kind = kind_of(upload),
		.state = MEDIA_READY,
		.sha256 = facts->sha256,
		.size = facts->size,
		.mime = facts->mime,
		.file_name = upload->form.file_name[0] != '\0'
				     ? upload->form.file_name
				     : NULL,
		.width = facts->width,
		.height = facts->height,
		.seconds = facts->seconds,
		.pages = facts->pages,
		.is_animated = facts->is_animated,
		.thumbnail = facts->thumbnail.data,
		.n_thumbnail = facts->thumbnail.len,
		.waveform = facts->has_waveform ? facts->waveform : NULL,
		.n_waveform = facts->has_waveform ? MEDIA_WAVEFORM : 0,
		.created_ms = clock_now_ms(),
	};

	id_uuid7(public_id);
	if (media_check_file(request->apid->config, facts->sha256, err) != 0 ||
		store_media_insert(tx, &media, err) != 0)
		return -1;
	request->reply = media_render(&media);
	return 0;
}

/* ---- from step to step ---- */

/* What an Idempotency-Key stands for: the file and its name.  Not the body: a
 * retry has another boundary. */
static void hash_upload(struct request *request)
{
	struct upload *upload = request->context;
	scoped(buf_fini) struct buf seen = BUF_INIT;

	if (request->idempotency_key == NULL)
		return;
	buf_add_str(&seen, evhttp_request_get_uri(request->http));
	buf_add_byte(&seen, 0);
	buf_add(&seen, upload->facts.sha256, sizeof(upload->facts.sha256));
	buf_printf(&seen, "%d %s", (int)upload->kind, upload->form.file_name);
	wa_sha256(seen.data, seen.len, request->body_hash);
}

static int keep(struct request *request, struct err *err)
{
	struct upload *upload = request->context;

	if (library_keep(request->apid->config, upload->form.temp,
		    upload->facts.sha256, err) != 0)
		return -1;
	upload->form.temp[0] = '\0';
	return 0;
}

static void on_kept(struct request *request)
{
	struct err err = ERR_NONE;

	if (request_write(request, insert, NULL, &err) != 0)
		request_fail(request, &err);
}

/* Does the content match what was asked for?  A document may be anything. */
static int check_kind(const struct upload *upload, struct err *err)
{
	struct upload by_content = { .facts = { .kind = upload->facts.kind } };
	const enum media_kind found = kind_of(&by_content);

	if (upload->kind == 0 || upload->kind == MEDIA_DOCUMENT ||
		upload->kind == found)
		return 0;
	return err_set(err, ERR_INVALID,
		"the file is not of kind %s but %s (%s)",
		media_kind_name(upload->kind), media_kind_name(found),
		upload->facts.mime);
}

static void on_probed(struct request *request, struct media_facts *facts,
	const struct err *failure)
{
	struct upload *upload = request->context;
	struct err err = ERR_NONE;

	if (facts == NULL) {
		request_fail(request, failure);
		return;
	}
	upload->facts = *facts;
	facts->thumbnail = BUF_INIT; /* ours now */
	hash_upload(request);
	if (check_kind(upload, &err) != 0 ||
		worker_submit(request, keep, on_kept, &err) != 0)
		request_fail(request, &err);
}

/* kind= of the query and of the form must not contradict. */
static int take_kind(struct request *request, struct err *err)
{
	struct upload *upload = request->context;
	const char *asked = request_text(request, "kind");

	if (asked != NULL && upload->form.has_value &&
		strcmp(asked, upload->form.value) != 0)
		return err_set(err, ERR_INVALID, "kind is given twice");
	if (asked == NULL && upload->form.has_value)
		asked = upload->form.value;
	if (asked == NULL)
		return 0;
	if (media_kind_parse(asked, &upload->kind) != 0 ||
		upload->kind > MEDIA_DOCUMENT)
		return err_set(err, ERR_INVALID,
			"kind must be image, video, audio or document");
	return 0;
}

static void on_spooled(struct request *request)
{
	struct upload *upload = request->context;
	struct convert_request job = {
		.job = CONVERT_PROBE, .in_fd = upload->form.fd, .out_fd = -1
	};
	struct err err = ERR_NONE;

	request_leave_place(request);
	if (take_kind(request, &err) != 0 ||
		conversion_start(request, &job, on_probed, &err) != 0)
		request_fail(request, &err);
}

int upload_start(struct request *request, struct err *err)
{
	struct upload *upload = xcalloc(1, sizeof(*upload));

	request->context = upload;
	request->context_free = upload_free;
	if (form_take(&upload->form, request, "kind", err) != 0)
		return -1;
	return worker_submit(request, spool, on_spooled, err);
}
