/* Members of a request's body, each checked as it is taken.  A member that is
 * missing leaves its result as it is (or NULL) without an error; ERR_INVALID
 * names the member. */
#ifndef SANDBOXD_CONTROL_BODY_H
#define SANDBOXD_CONTROL_BODY_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/phone.h"

struct account;
struct arena;
struct err;
struct sandbox;

/* At most @max bytes; *@out is borrowed from @body. */
int body_text(const json_t *body, const char *key, size_t max, const char **out,
	struct err *err);
int body_number(const json_t *body, const char *key, int64_t low, int64_t high,
	int64_t *out, struct err *err);
int body_real(const json_t *body, const char *key, double limit, double *out,
	struct err *err);
int body_bool(const json_t *body, const char *key, bool *out, struct err *err);
/* Base64; the bytes are in @arena. */
int body_bytes(const json_t *body, const char *key, struct arena *arena,
	const uint8_t **out, size_t *n_out, struct err *err);
/* A list of texts of 1 to @max bytes, in @arena. */
int body_texts(const json_t *body, const char *key, size_t max,
	struct arena *arena, const char ***out, size_t *n_out, struct err *err);
/* ERR_INVALID also when it is missing. */
int body_phone(const json_t *body, const char *key, char digits[PHONE_LEN],
	struct err *err);
/* Phones of this network; ERR_NOT_FOUND: there is no such phone. */
int body_account(struct sandbox *sandbox, const json_t *body, const char *key,
	struct account **out, struct err *err);
int body_accounts(struct sandbox *sandbox, const json_t *body, const char *key,
	struct account ***out, size_t *n_out, struct err *err);
/* One of the NULL-terminated @names: its place. */
int body_choice(const json_t *body, const char *key, const char *const *names,
	int *out, struct err *err);

#endif
