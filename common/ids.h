/* Public identifiers and random numbers. */
#ifndef COMMON_IDS_H
#define COMMON_IDS_H

#include <stddef.h>
#include <stdint.h>

#define UUID_LEN 37	  /* 36 characters and the NUL */
#define DEVICE_UID_LEN 13 /* "dev_" + 8 base32 characters and the NUL */
#define WA_MSG_ID_LEN 23  /* "3EB0" + 18 upper hex digits and the NUL */
#define API_KEY_LEN 53	  /* "wak_" + 48 lower hex digits and the NUL */

/* UUIDv7 (RFC 9562): sorts by creation time, also within one millisecond of
 * one process. */
void id_uuid7(char out[UUID_LEN]);
int id_is_uuid(const char *text); /* 1 or 0; any version, lower or upper case */
void id_device_uid(char out[DEVICE_UID_LEN]);
/* WhatsApp message id, see protocol notes: any unique 3EB0 + 18 hex works. */
void id_wa_message(char out[WA_MSG_ID_LEN]);
void id_api_key(char out[API_KEY_LEN]);

void random_bytes(void *out, size_t bytes);
/* Uniform in [low, high]. */
int64_t random_between(int64_t low, int64_t high);
/* @value with @percent of jitter to both sides, at least 0. */
int64_t random_jitter(int64_t value, unsigned percent);

#endif
