#include "apid/form.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/http.h>
#include <string.h>
#include <unistd.h>

#include "apid/http.h"
#include "apid/request.h"
#include "common/config.h"
#include "common/err.h"
#include "common/own.h"

#define MIB ((size_t)1 << 20)

static int on_part(
	const char *name, const char *file_name, void *arg, struct err *err)
{
	struct form *form = arg;

	if (strcmp(name, "file") == 0 && !form->has_file) {
		form->part = FORM_FILE;
		form->has_file = true;
		media_clean_name(
			file_name != NULL ? file_name : "", form->file_name);
		return 0;
	}
	if (form->field != NULL && strcmp(name, form->field) == 0 &&
		file_name == NULL && !form->has_value) {
		form->part = FORM_FIELD;
		form->has_value = true;
		return 0;
	}
	if (form->field == NULL)
		return err_set(err, ERR_INVALID,
			"the form must have one part, named file");
	return err_set(err, ERR_INVALID,
		"the form must have one part named file and at most one "
		"named %s",
		form->field);
}

static int write_all(int fd, const void *bytes, size_t n, struct err *err)
{
	const char *at = bytes;

	while (n > 0) {
		const ssize_t written = write(fd, at, n);

		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0)
			return err_set(err, ERR_IO, "cannot write media: %s",
				strerror(errno));
		at += written;
		n -= (size_t)written;
	}
	return 0;
}

static int on_data(const void *bytes, size_t n, void *arg, struct err *err)
{
	struct form *form = arg;
	const size_t n_value = strlen(form->value);

	if (form->part == FORM_FIELD) {
		if (n_value + n > FORM_VALUE_MAX)
			return err_set(err, ERR_INVALID, "%s is too long",
				form->field);
		memcpy(form->value + n_value, bytes, n);
		return 0;
	}
	form->n_bytes += n;
	if (form->n_bytes > form->max_bytes)
		return err_set(err, ERR_TOO_LARGE,
			"the file must not be larger than %zu MiB",
			form->max_bytes / MIB);
	return write_all(form->fd, bytes, n, err);
}

static int on_part_end(void *arg, struct err *err)
{
	struct form *form = arg;

	(void)err;
	form->part = FORM_NOTHING;
	return 0;
}

/* Frees the body as it goes. */
static int feed_body(
	struct form *form, struct multipart *multipart, struct err *err)
{
	struct evbuffer_iovec piece;

	while (evbuffer_get_length(form->body) > 0) {
		if (evbuffer_peek(form->body, -1, NULL, &piece, 1) < 1)
			return err_set(err, ERR_INTERNAL, "no body");
		if (multipart_feed(
			    multipart, piece.iov_base, piece.iov_len, err) != 0)
			return -1;
		evbuffer_drain(form->body, piece.iov_len);
	}
	return multipart_finish(multipart, err);
}

int form_spool(struct form *form, const struct config *config, struct err *err)
{
	static const struct multipart_handlers handlers = { on_part, on_data,
		on_part_end };
	scoped(multipart_free) struct multipart *multipart =
		multipart_new(form->boundary, &handlers, form);

	form->fd = library_temp(config, form->temp, err);
	if (form->fd < 0 || feed_body(form, multipart, err) != 0)
		return -1;
	if (!form->has_file)
		return err_set(err, ERR_INVALID,
			"the form must have a part named file");
	if (form->n_bytes == 0)
		return err_set(err, ERR_INVALID, "the file is empty");
	return 0;
}

int form_take(struct form *form, struct request *request, const char *field,
	struct err *err)
{
	bool twice = false;

	*form = (struct form){ .fd = -1,
		.field = field,
		.max_bytes =
			(size_t)request->apid->config->media.max_mib * MIB };
	if (multipart_boundary(
		    http_header_once(request, "Content-Type", &twice),
		    form->boundary, err) != 0)
		return -1;
	form->body = evbuffer_new();
	evbuffer_add_buffer(
		form->body, evhttp_request_get_input_buffer(request->http));
	return 0;
}

void form_fini(struct form *form)
{
	if (form->body != NULL)
		evbuffer_free(form->body);
	form->body = NULL;
	fd_close(&form->fd);
	if (form->temp[0] != '\0')
		unlink(form->temp);
	form->temp[0] = '\0';
}
