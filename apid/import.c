/* See import.h.
 *
 * The form is spooled on a worker; with an Idempotency-Key the writer is asked
 * whether it is known; mediaconv makes rows of the file; they are saved on a
 * worker, a transaction a turn, so that uploads have their turns too; and the
 * writer keeps the answer for the key. */
#include "apid/import.h"

#include <event2/http.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "apid/conversion.h"
#include "apid/form.h"
#include "apid/import_book.h"
#include "apid/limits.h"
#include "apid/request.h"
#include "apid/segments.h"
#include "apid/worker.h"
#include "common/buf.h"
#include "common/config.h"
#include "common/media/digest.h"
#include "common/own.h"
#include "common/wa/crypto.h"

#define IMPORTS_MAX 16 /* of this process: each has a database open */

struct import {
	enum segment_kind kind;
	struct form form;
	int table_fd;
	struct import_book *book;
	bool is_over;
};

static atomic_int n_imports;

static void import_free(void **importp)
{
	struct import *import = move(*importp);

	import_book_free(&import->book);
	form_fini(&import->form);
	fd_close(&import->table_fd);
	free(import);
	atomic_fetch_sub(&n_imports, 1);
}

/* ---- the end ---- */

static json_t *render(const struct import_tally *tally)
{
	return json_pack("{s:I, s:I, s:O, s:I}", "linked",
		(json_int_t)tally->linked, "created",
		(json_int_t)tally->created, "errors", tally->errors,
		"errorCount", (json_int_t)tally->n_errors);
}

/* On the writer, which keeps the answer. */
static int answer(struct request *request, struct tx *tx, struct err *err)
{
	const struct import *import = request->context;

	(void)tx;
	(void)err;
	request->reply = render(import_book_tally(import->book));
	return 0;
}

/* Did the plan stand against all that could have been saved? */
static bool is_refused(const struct import_tally *tally)
{
	return tally->n_over_plan > 0 && tally->created == 0 &&
	       tally->linked == 0;
}

static int finish(struct request *request, struct err *err)
{
	const struct import *import = request->context;
	const struct import_tally *tally = import_book_tally(import->book);

	if (is_refused(tally)) {
		*err = tally->words;
		return limits_render_plan(request, &tally->refusal, err);
	}
	if (request->idempotency_key != NULL)
		return request_write(request, answer, NULL, err);
	request->reply = render(tally);
	request_finish(request);
	return 0;
}

/* ---- the rows ---- */

static int step(struct request *request, struct err *err)
{
	struct import *import = request->context;
	const struct import_target target = {
		.account_id = request->account_id,
		.kind = import->kind,
		.segment_uid = request_text(request, "id"),
	};

	if (import->book == NULL &&
		import_book_open(request->apid->config, request->apid->db_path,
			&target, import->table_fd, &import->book, err) != 0)
		return -1;
	return import_book_step(import->book, &import->is_over, err);
}

/* Again and again, behind what others have queued meanwhile. */
static void on_stepped(struct request *request)
{
	const struct import *import = request->context;
	struct err err = ERR_NONE;

	if ((import->is_over ? finish(request, &err)
			     : worker_submit(
				       request, step, on_stepped, &err)) != 0)
		request_fail(request, &err);
}

static void on_table(struct request *request, struct media_facts *facts,
	const struct err *failure)
{
	struct err err = ERR_NONE;

	if (facts == NULL)
		request_fail(request, failure);
	else if (worker_submit(request, step, on_stepped, &err) != 0)
		request_fail(request, &err);
}

/* ---- the file ---- */

static int temp_open(const struct config *config, int *fd_out, struct err *err)
{
	char path[LIBRARY_PATH];

	*fd_out = library_temp(config, path, err);
	if (*fd_out < 0)
		return -1;
	unlink(path);
	return 0;
}

/* What an Idempotency-Key stands for: the segment and the file.  Not the body:
 * a retry has another boundary. */
static int hash_file(
	struct request *request, const struct import *import, struct err *err)
{
	scoped(buf_fini) struct buf seen = BUF_INIT;
	struct digest digest;
	uint8_t sha256[32];
	bool is_done = false;

	digest_init(&digest, import->form.fd);
	while (!is_done)
		if (digest_step(&digest, &is_done, err) != 0)
			return -1;
	digest_result(&digest, sha256);
	buf_add_str(&seen, evhttp_request_get_uri(request->http));
	buf_add_byte(&seen, 0);
	buf_add(&seen, sha256, sizeof(sha256));
	wa_sha256(seen.data, seen.len, request->body_hash);
	return 0;
}

static int spool(struct request *request, struct err *err)
{
	struct import *import = request->context;

	if (form_spool(&import->form, request->apid->config, err) != 0 ||
		temp_open(request->apid->config, &import->table_fd, err) != 0)
		return -1;
	if (request->idempotency_key == NULL)
		return 0;
	return hash_file(request, import, err);
}

static void convert(struct request *request)
{
	const struct import *import = request->context;
	const struct convert_request job = { .job = CONVERT_TABLE,
		.in_fd = import->form.fd,
		.out_fd = import->table_fd };
	struct err err = ERR_NONE;

	if (conversion_start(request, &job, on_table, &err) != 0)
		request_fail(request, &err);
}

/* On the writer, which answers in our place when it knows the key. */
static int look_up_key(struct request *request, struct tx *tx, struct err *err)
{
	(void)request;
	(void)tx;
	(void)err;
	return 0;
}

static void on_spooled(struct request *request)
{
	struct err err = ERR_NONE;

	request_leave_place(request);
	if (request->idempotency_key == NULL)
		convert(request);
	else if (request_write(request, look_up_key, convert, &err) != 0)
		request_fail(request, &err);
}

/* ---- the beginning ---- */

static int check(
	struct request *request, enum segment_kind kind, struct err *err)
{
	struct plan_refusal refusal = { 0 };
	int64_t id;

	if (segments_find(request->store, request->account_id, kind,
		    request_text(request, "id"), &id, err) != 0)
		return -1;
	if (plan_check_import(request->store, request->apid->config,
		    request->account_id, &refusal, err) == 0)
		return 0;
	return err->code == ERR_FORBIDDEN
		       ? limits_render_plan(request, &refusal, err)
		       : -1;
}

static int start(
	struct request *request, enum segment_kind kind, struct err *err)
{
	struct import *import;

	if (check(request, kind, err) != 0)
		return -1;
	if (atomic_fetch_add(&n_imports, 1) >= IMPORTS_MAX) {
		atomic_fetch_sub(&n_imports, 1);
		return err_set(
			err, ERR_BUSY, "Too many imports at once; try again");
	}
	import = xcalloc(1, sizeof(*import));
	import->kind = kind;
	import->table_fd = -1;
	request->context = import;
	request->context_free = import_free;
	if (form_take(&import->form, request, NULL, err) != 0)
		return -1;
	return worker_submit(request, spool, on_spooled, err);
}

int import_to_group(struct request *request, struct err *err)
{
	return start(request, SEGMENT_GROUP, err);
}

int import_to_tag(struct request *request, struct err *err)
{
	return start(request, SEGMENT_TAG, err);
}
