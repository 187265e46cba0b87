/* An error on its way to the place that knows what to do about it: a code that
 * the dialects can render, and words for the log. */
#ifndef COMMON_ERR_H
#define COMMON_ERR_H

enum err_code {
	ERR_OK = 0,
	ERR_INVALID,	  /* the caller's input is wrong: 400 */
	ERR_UNAUTHORIZED, /* no or bad credentials: 401 */
	ERR_FORBIDDEN,	  /* known, but not allowed: 403 */
	ERR_NOT_FOUND,	  /* 404, also for what is somebody else's */
	ERR_CONFLICT,	  /* 409 */
	ERR_TOO_LARGE,	  /* 413 */
	ERR_LIMIT,	  /* a budget is used up: 429 */
	ERR_BUSY,	  /* try again: full queue, locked database: 503 */
	ERR_TIMEOUT,	  /* nobody answered in time: 504 */
	ERR_IO,		  /* disk, socket, database: 500 */
	ERR_PEER,	  /* bytes from a peer that make no sense */
	ERR_INTERNAL,	  /* none of the above: 500 */
};

struct err {
	enum err_code code;
	char msg[320]; /* always terminated; bounded, so peer text is cut */
};

#define ERR_NONE ((struct err){ .code = ERR_OK })

/* Fills @err (which may be NULL) and returns -1, so that a function can say
 * `return err_set(err, ERR_PEER, "frame of %zu bytes", n);`. */
int err_set(struct err *err, enum err_code code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Puts "@where: " before the message, keeps the code, returns -1. */
int err_wrap(struct err *err, const char *where);

const char *err_code_name(enum err_code code);

#endif
