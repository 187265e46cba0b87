#include "common/err.h"

#include <stdarg.h>
#include <stdio.h>

int err_set(struct err *err, enum err_code code, const char *fmt, ...)
{
	if (err == NULL)
		return -1;

	/* Formatted aside: an argument may be the message that is replaced. */
	char msg[sizeof(err->msg)];
	va_list args;

	va_start(args, fmt);
	if (vsnprintf(msg, sizeof(msg), fmt, args) < 0)
		msg[0] = '\0';
	va_end(args);
	err->code = code;
	snprintf(err->msg, sizeof(err->msg), "%s", msg);
	return -1;
}

int err_wrap(struct err *err, const char *where)
{
	if (err == NULL)
		return -1;
	return err_set(err, err->code, "%s: %s", where, err->msg);
}

const char *err_code_name(enum err_code code)
{
	switch (code) {
	case ERR_OK:
		return "ok";
	case ERR_INVALID:
		return "invalid";
	case ERR_UNAUTHORIZED:
		return "unauthorized";
	case ERR_FORBIDDEN:
		return "forbidden";
	case ERR_NOT_FOUND:
		return "not_found";
	case ERR_CONFLICT:
		return "conflict";
	case ERR_TOO_LARGE:
		return "too_large";
	case ERR_LIMIT:
		return "limit";
	case ERR_BUSY:
		return "busy";
	case ERR_TIMEOUT:
		return "timeout";
	case ERR_IO:
		return "io";
	case ERR_PEER:
		return "peer";
	case ERR_INTERNAL:
		return "internal";
	}
	return "unknown"; /* a number that came over the bus */
}
