#include "common/wa/token.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "common/wa/token_hash.h"

struct token {
	const char *text;
	size_t n;
};

/* Defines tokens[WA_TOKEN_COUNT], token_slots[TOKEN_SLOTS] and TOKEN_MAX_BYTES.
 */
#include "tokens.inc"

const char *wa_token_text(unsigned token, size_t *n_out)
{
	assert(token > 0 && token < WA_TOKEN_COUNT);
	*n_out = tokens[token].n;
	return tokens[token].text;
}

unsigned wa_token_find(const char *text, size_t n)
{
	uint32_t slot;

	if (n == 0 || n > TOKEN_MAX_BYTES)
		return 0;
	slot = token_hash(text, n);
	while (token_slots[slot] != 0) {
		const struct token *token = &tokens[token_slots[slot]];

		if (token->n == n && memcmp(token->text, text, n) == 0)
			return token_slots[slot];
		slot = (slot + 1) & (TOKEN_SLOTS - 1);
	}
	return 0;
}
