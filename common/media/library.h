/* The files of media, <state>/media: each is named by the SHA-256 of its
 * content, so that one file is there once, however often it was sent. */
#ifndef COMMON_MEDIA_LIBRARY_H
#define COMMON_MEDIA_LIBRARY_H

#include <stdbool.h>
#include <stdint.h>

struct config;
struct err;

#define LIBRARY_PATH 512

/* <state>/media/ab/abcdef… */
void library_path(const struct config *config, const uint8_t sha256[32],
	char out[LIBRARY_PATH]);
/* A new empty file in <state>/media/tmp, mode 0600, open for reading and
 * writing; makes the directories.  Returns the descriptor, or -1. */
int library_temp(const struct config *config, char path_out[LIBRARY_PATH],
	struct err *err);
/* The finished temporary file becomes the one with this hash: synced, renamed,
 * directory synced.  One that is there already stays, and the temporary one is
 * removed. */
int library_keep(const struct config *config, const char *temp_path,
	const uint8_t sha256[32], struct err *err);
/* A descriptor for reading, or -1: ERR_NOT_FOUND when the file is not there. */
int library_open(
	const struct config *config, const uint8_t sha256[32], struct err *err);
void library_remove(const struct config *config, const uint8_t sha256[32]);
/* Calls @fn with each file whose hash begins with @first and that is older than
 * an hour: younger ones may not have their row yet. */
void library_each(const struct config *config, uint8_t first,
	void (*fn)(const uint8_t sha256[32], void *arg), void *arg);
/* Temporary files that a killed process left, older than a day. */
void library_clean(const struct config *config);

#endif
