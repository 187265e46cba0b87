/* See multipart.h. */
#include "apid/multipart.h"

#include <ctype.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/buf.h"
#include "common/err.h"
#include "common/own.h"

enum state {
	AT_DATA,     /* of a part, or before the first delimiter */
	AT_TAIL,     /* after a delimiter: CRLF or "--" */
	AT_HEADERS,  /* of a part */
	AT_EPILOGUE, /* after the last delimiter: nothing counts any more */
};

/* The delimiter is "\r\n--boundary".  As '\r' is nowhere else in it, a match
 * that breaks off can only begin anew at the byte where it broke off. */
struct multipart {
	const struct multipart_handlers *handlers; /* borrowed */
	void *arg;
	enum state state;
	char delimiter[4 + MULTIPART_BOUNDARY_MAX + 1];
	size_t n_delimiter, n_matched;
	char tail[2];
	size_t n_tail;
	struct buf headers;
	unsigned n_parts;
	bool has_part; /* on_part() was called, on_part_end() is due */
};

static int refuse(struct err *err, const char *why)
{
	return err_set(err, ERR_INVALID, "the form is broken: %s", why);
}

/* ---- header values ---- */

/* A parameter of a header: ; name=token or ; name="quoted".  In a quoted text
 * only \" and \\ are escapes: some clients send Windows paths as they are. */
struct parameter {
	const char *name;
	size_t n_name;
	struct buf value;
};

static const char *skip_spaces(const char *at)
{
	return at + strspn(at, " \t");
}

static bool is_token_char(char c)
{
	return c > ' ' && c < 127 && strchr("()<>@,;:\\\"/[]?=", c) == NULL;
}

static const char *take_quoted(const char *at, struct buf *value)
{
	for (at++; *at != '"'; at++) {
		if (*at == '\0')
			return NULL;
		if (at[0] == '\\' && (at[1] == '"' || at[1] == '\\'))
			at++;
		buf_add_byte(value, (uint8_t)*at);
	}
	return at + 1;
}

/* Reads the parameter at @at, behind its ';'.  NULL: there is none. */
static const char *take_parameter(const char *at, struct parameter *parameter)
{
	buf_clear(&parameter->value);
	at = skip_spaces(at);
	parameter->name = at;
	while (is_token_char(*at))
		at++;
	parameter->n_name = (size_t)(at - parameter->name);
	at = skip_spaces(at);
	if (parameter->n_name == 0 || *at != '=')
		return NULL;
	at = skip_spaces(at + 1);
	if (*at == '"') {
		at = take_quoted(at, &parameter->value);
	} else {
		while (is_token_char(*at))
			buf_add_byte(&parameter->value, (uint8_t)*at++);
	}
	if (at == NULL)
		return NULL;
	at = skip_spaces(at);
	return *at == ';' || *at == '\0' ? at : NULL;
}

static bool parameter_is(const struct parameter *parameter, const char *name)
{
	return strlen(name) == parameter->n_name &&
	       strncasecmp(name, parameter->name, parameter->n_name) == 0;
}

static bool is_boundary(const char *text)
{
	const size_t n = strlen(text);

	if (n < 1 || n > MULTIPART_BOUNDARY_MAX || text[n - 1] == ' ')
		return false;
	for (; *text != '\0'; text++) {
		if (!isalnum((unsigned char)*text) &&
			strchr("'()+_,-./:=? ", *text) == NULL)
			return false;
	}
	return true;
}

int multipart_boundary(const char *content_type,
	char out[MULTIPART_BOUNDARY_MAX + 1], struct err *err)
{
	static const char type[] = "multipart/form-data";
	const char *at = content_type;
	struct parameter parameter = { .value = BUF_INIT };
	bool found = false;

	if (at == NULL || strncasecmp(at, type, strlen(type)) != 0)
		return err_set(err, ERR_INVALID,
			"Content-Type must be multipart/form-data");
	at = skip_spaces(at + strlen(type));
	while (at != NULL && *at == ';' && !found) {
		at = take_parameter(at + 1, &parameter);
		if (at == NULL || !parameter_is(&parameter, "boundary"))
			continue;
		found = is_boundary(buf_cstr(&parameter.value));
		if (found)
			strcpy(out, buf_cstr(&parameter.value));
		break;
	}
	buf_fini(&parameter.value);
	return found ? 0
		     : err_set(err, ERR_INVALID,
			       "Content-Type needs a boundary of 1 to 70 "
			       "characters");
}

/* ---- headers of a part ---- */

struct part_names {
	struct buf name, file_name, file_name_star;
	bool has_name, has_file_name, has_star;
};

static void part_names_fini(struct part_names *names)
{
	buf_fini(&names->name);
	buf_fini(&names->file_name);
	buf_fini(&names->file_name_star);
}

/* Browsers write '"', CR and LF in a name as %22, %0D and %0A. */
static void unescape_quotes(struct buf *text)
{
	const char *in = buf_cstr(text);
	char *out = (char *)text->data;

	while (*in != '\0') {
		if (strncmp(in, "%22", 3) == 0) {
			*out++ = '"';
			in += 3;
		} else {
			*out++ = *in++;
		}
	}
	text->len = (size_t)(out - (char *)text->data);
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)tolower((unsigned char)c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* UTF-8''na%C3%AFve.txt (RFC 5987). */
static bool decode_star(struct buf *text)
{
	static const char charset[] = "utf-8''";
	const char *in = buf_cstr(text);
	char *out = (char *)text->data;

	if (strncasecmp(in, charset, strlen(charset)) != 0)
		return false;
	for (in += strlen(charset); *in != '\0'; in++) {
		if (*in != '%') {
			*out++ = *in;
			continue;
		}
		if (hex_digit(in[1]) < 0 || hex_digit(in[2]) < 0)
			return false;
		*out++ = (char)(hex_digit(in[1]) * 16 + hex_digit(in[2]));
		in += 2;
	}
	text->len = (size_t)(out - (char *)text->data);
	return true;
}

static bool is_plain_text(struct buf *text)
{
	json_t *utf8;

	if (text->len > MULTIPART_NAME_MAX)
		return false;
	for (size_t i = 0; i < text->len; i++) {
		if (text->data[i] < ' ' || text->data[i] == 127)
			return false;
	}
	utf8 = json_stringn(buf_cstr(text), text->len);
	json_decref(utf8);
	return utf8 != NULL;
}

static int take_once(
	struct buf *into, bool *has, struct buf *value, struct err *err)
{
	if (*has)
		return refuse(err, "a part has two names");
	*has = true;
	buf_add(into, value->data, value->len);
	return 0;
}

static int take_disposition(
	const char *value, struct part_names *names, struct err *err)
{
	static const char type[] = "form-data";
	struct parameter parameter = { .value = BUF_INIT };
	int rc = 0;

	if (strncasecmp(value, type, strlen(type)) != 0)
		return refuse(err, "a part is no form-data");
	value = skip_spaces(value + strlen(type));
	while (*value == ';' && rc == 0) {
		value = take_parameter(value + 1, &parameter);
		if (value == NULL) {
			rc = refuse(err, "a part's header makes no sense");
			break;
		}
		if (parameter_is(&parameter, "name"))
			rc = take_once(&names->name, &names->has_name,
				&parameter.value, err);
		else if (parameter_is(&parameter, "filename"))
			rc = take_once(&names->file_name, &names->has_file_name,
				&parameter.value, err);
		else if (parameter_is(&parameter, "filename*"))
			rc = take_once(&names->file_name_star, &names->has_star,
				&parameter.value, err);
	}
	if (rc == 0 && *value != '\0')
		rc = refuse(err, "a part's header makes no sense");
	buf_fini(&parameter.value);
	return rc;
}

/* One header line, terminated in place. */
static int take_header(char *line, struct part_names *names, struct err *err)
{
	char *value = strchr(line, ':');

	if (value == NULL || value == line || line[0] == ' ' || line[0] == '\t')
		return refuse(err, "a part's header makes no sense");
	*value++ = '\0';
	if (strcasecmp(line, "Content-Disposition") == 0)
		return take_disposition(skip_spaces(value), names, err);
	if (strcasecmp(line, "Content-Transfer-Encoding") == 0 &&
		strcasecmp(skip_spaces(value), "binary") != 0 &&
		strcasecmp(skip_spaces(value), "8bit") != 0 &&
		strcasecmp(skip_spaces(value), "7bit") != 0)
		return refuse(err, "a part has a transfer encoding");
	return 0; /* what a part says of its type is not believed anyway */
}

static int check_names(struct part_names *names, struct err *err)
{
	if (!names->has_name)
		return refuse(err, "a part has no name");
	unescape_quotes(&names->name);
	unescape_quotes(&names->file_name);
	if (names->has_star && !decode_star(&names->file_name_star))
		return refuse(err, "a file name makes no sense");
	if (!is_plain_text(&names->name) || !is_plain_text(&names->file_name) ||
		!is_plain_text(&names->file_name_star))
		return refuse(err, "a name is no text");
	return 0;
}

static const char *file_name_of(struct part_names *names)
{
	if (names->has_star)
		return buf_cstr(&names->file_name_star);
	return names->has_file_name ? buf_cstr(&names->file_name) : NULL;
}

static int begin_part(struct multipart *mp, struct err *err)
{
	struct part_names names = { .has_name = false };
	char *line, *end;
	int rc = 0;

	(void)buf_cstr(&mp->headers);
	line = (char *)mp->headers.data;
	if (strlen(line) != mp->headers.len)
		return refuse(err, "a part's header makes no sense");
	for (; *line != '\0' && rc == 0; line = end + 2) {
		end = strstr(line, "\r\n");
		*end = '\0';
		rc = take_header(line, &names, err);
	}
	if (rc == 0)
		rc = check_names(&names, err);
	if (rc == 0)
		rc = mp->handlers->on_part(buf_cstr(&names.name),
			file_name_of(&names), mp->arg, err);
	part_names_fini(&names);
	mp->has_part = rc == 0;
	return rc;
}

/* ---- states ---- */

/* Takes bytes of the header block up to and with its empty line.  Returns how
 * many, or 0 for a refusal. */
static size_t feed_headers(
	struct multipart *mp, const uint8_t *bytes, size_t n, struct err *err)
{
	size_t i;

	for (i = 0; i < n; i++) {
		const struct buf *h = &mp->headers;

		if (h->len >= MULTIPART_HEADERS_MAX) {
			refuse(err, "a part's header is too long");
			return 0;
		}
		buf_add_byte(&mp->headers, bytes[i]);
		if (bytes[i] != '\n')
			continue;
		if (h->len < 2 || h->data[h->len - 2] != '\r') {
			refuse(err, "a part's header makes no sense");
			return 0;
		}
		if (h->len != 2 && (h->len < 4 || memcmp(h->data + h->len - 4,
							  "\r\n\r\n", 4) != 0))
			continue;
		mp->headers.len -= 2; /* the empty line */
		if (begin_part(mp, err) != 0)
			return 0;
		buf_clear(&mp->headers);
		mp->state = AT_DATA;
		return i + 1;
	}
	return n;
}

static int give_data(
	struct multipart *mp, const void *bytes, size_t n, struct err *err)
{
	if (n == 0)
		return 0;
	if (!mp->has_part)
		return refuse(err, "it does not begin with its boundary");
	return mp->handlers->on_data(bytes, n, mp->arg, err);
}

static int end_part(struct multipart *mp, struct err *err)
{
	const bool was_part = mp->has_part;

	mp->n_matched = 0;
	mp->n_tail = 0;
	mp->state = AT_TAIL;
	mp->has_part = false;
	return was_part ? mp->handlers->on_part_end(mp->arg, err) : 0;
}

/* Returns how many bytes were taken, or 0 for a refusal. */
static size_t feed_data(
	struct multipart *mp, const uint8_t *bytes, size_t n, struct err *err)
{
	size_t i = 0, from = 0;

	while (i < n) {
		if (mp->n_matched == 0) {
			const uint8_t *cr = memchr(bytes + i, '\r', n - i);

			i = cr != NULL ? (size_t)(cr - bytes) : n;
			if (cr == NULL)
				break;
		}
		if (bytes[i] == (uint8_t)mp->delimiter[mp->n_matched]) {
			/* What matches is held back: it may go on in the next
			 * piece. */
			if (mp->n_matched == 0 &&
				give_data(mp, bytes + from, i - from, err) != 0)
				return 0;
			i++;
			from = i;
			if (++mp->n_matched == mp->n_delimiter)
				return end_part(mp, err) == 0 ? i : 0;
			continue;
		}
		if (give_data(mp, mp->delimiter, mp->n_matched, err) != 0)
			return 0;
		mp->n_matched = 0;
		from = i;
		if (bytes[i] != '\r')
			i++;
	}
	return give_data(mp, bytes + from, i - from, err) == 0 ? n : 0;
}

static int feed_tail(struct multipart *mp, uint8_t byte, struct err *err)
{
	mp->tail[mp->n_tail++] = (char)byte;
	if (mp->n_tail < 2)
		return 0;
	if (memcmp(mp->tail, "--", 2) == 0) {
		mp->state = AT_EPILOGUE;
		return 0;
	}
	if (memcmp(mp->tail, "\r\n", 2) != 0)
		return refuse(err, "a boundary has no end");
	if (++mp->n_parts > MULTIPART_PARTS_MAX)
		return refuse(err, "it has too many parts");
	mp->state = AT_HEADERS;
	return 0;
}

int multipart_feed(
	struct multipart *mp, const void *bytes, size_t n, struct err *err)
{
	const uint8_t *at = bytes;
	size_t taken;

	while (n > 0) {
		taken = 1;
		switch (mp->state) {
		case AT_DATA:
			taken = feed_data(mp, at, n, err);
			break;
		case AT_TAIL:
			taken = feed_tail(mp, *at, err) == 0;
			break;
		case AT_HEADERS:
			taken = feed_headers(mp, at, n, err);
			break;
		case AT_EPILOGUE:
			return 0;
		}
		if (taken == 0)
			return -1;
		at += taken;
		n -= taken;
	}
	return 0;
}

int multipart_finish(struct multipart *mp, struct err *err)
{
	return mp->state == AT_EPILOGUE ? 0 : refuse(err, "it has no end");
}

struct multipart *multipart_new(const char *boundary,
	const struct multipart_handlers *handlers, void *arg)
{
	struct multipart *mp = xcalloc(1, sizeof(*mp));

	mp->handlers = handlers;
	mp->arg = arg;
	mp->state = AT_DATA;
	mp->n_delimiter = 4 + strlen(boundary);
	memcpy(mp->delimiter, "\r\n--", 4);
	strncpy(mp->delimiter + 4, boundary, MULTIPART_BOUNDARY_MAX);
	/* The first delimiter has no line before it. */
	mp->n_matched = 2;
	return mp;
}

void multipart_free(struct multipart **multipartp)
{
	struct multipart *mp = move(*multipartp);

	if (mp == NULL)
		return;
	buf_fini(&mp->headers);
	free(mp);
}
