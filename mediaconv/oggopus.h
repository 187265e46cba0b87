/* Writes an OGG file with one mono Opus stream: what WhatsApp plays as a voice
 * note. */
#ifndef MEDIACONV_OGGOPUS_H
#define MEDIACONV_OGGOPUS_H

#include <stddef.h>
#include <stdint.h>

struct err;
struct oggopus;
struct sink;

#define OGGOPUS_RATE 48000
#define OGGOPUS_BLOCK 960 /* samples of a packet: 20 ms */

int oggopus_open(struct sink *sink, struct oggopus **out, struct err *err);
void oggopus_free(struct oggopus **filep);
/* @n is OGGOPUS_BLOCK, or less for the last block. */
int oggopus_add(struct oggopus *file, const int16_t *samples, size_t n,
	struct err *err);
/* What the encoder still holds, and the end of the file. */
int oggopus_end(struct oggopus *file, struct err *err);

#endif
