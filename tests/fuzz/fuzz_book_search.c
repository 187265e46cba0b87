/* Any bytes as a contact's name and as a search, with a NUL between them: what
 * the texts say matches must be what the index is asked for, and nothing but
 * quoted tokens gets into the index's language. */
#include <assert.h>
#include <ctype.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "common/buf.h"
#include "common/own.h"
#include "common/store/addressbook_search.h"

#define ACCOUNT 26
#define PHONE "15550002222"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

/* Are all tokens of one alternative, up to its ')', among @tokens? */
static bool has_all(const char *alternative, const char *tokens)
{
	const size_t n = strcspn(alternative, ")");
	const char *at = alternative;

	while ((at = memchr(at, '"', n - (size_t)(at - alternative))) != NULL) {
		const char *end = strchr(++at, '"');
		scoped(str_free) char *token =
			xasprintf(" %.*s ", (int)(end - at), at);

		if (strstr(tokens, token) == NULL)
			return false;
		at = end + 1;
	}
	return true;
}

static bool is_found(const char *match, const char *tokens)
{
	for (const char *at = match; (at = strchr(at, '(')) != NULL; at++) {
		if (has_all(at, tokens))
			return true;
	}
	return false;
}

/* Inside quotes only letters, digits and what is not ASCII; outside only the
 * brackets and OR. */
static void check_language(const char *match)
{
	bool is_quoted = false;

	for (; *match != '\0'; match++) {
		if (*match == '"')
			is_quoted = !is_quoted;
		else if (is_quoted)
			assert((*match & 0x80) != 0 ||
				isalnum((unsigned char)*match));
		else
			assert(strchr("() OR", *match) != NULL);
	}
	assert(!is_quoted);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	scoped(str_free) char *text = xcalloc(n + 2, 1);
	scoped(buf_fini) struct buf tokens = BUF_INIT;
	scoped(book_search_fini) struct book_search search = { 0 };
	const char *name = text, *asked;

	memcpy(text, bytes, n);
	asked = text + strlen(text) + 1;
	if (asked > text + n)
		asked = name;
	buf_add_str(&tokens, " ");
	book_tokens_add(&tokens, ACCOUNT, PHONE, name);
	if (!book_search_init(&search, ACCOUNT, asked))
		return 0;
	check_language(buf_cstr(&search.match));
	if (book_search_fits(&search, PHONE, name))
		assert(is_found(buf_cstr(&search.match), buf_cstr(&tokens)));
	return 0;
}
