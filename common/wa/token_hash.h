/* The hash of the token table: shared by the program that lays the table out
 * (tools/gen_tokens.c) and the one that looks into it (token.c). */
#ifndef COMMON_WA_TOKEN_HASH_H
#define COMMON_WA_TOKEN_HASH_H

#include <stddef.h>
#include <stdint.h>

#define TOKEN_SLOTS 4096u /* 1259 tokens: less than a third is taken */

/* FNV-1a, folded: the low bits alone are poor for one-character strings. */
static inline uint32_t token_hash(const char *text, size_t n)
{
	uint32_t hash = 2166136261u;

	for (size_t i = 0; i < n; i++)
		hash = (hash ^ (uint8_t)text[i]) * 16777619u;
	return (hash ^ hash >> 15) & (TOKEN_SLOTS - 1);
}

#endif
