#include "common/store/addressbook_search.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/own.h"

#define GRAM 3		/* characters */
#define TERMS_MAX 24	/* of an expression: the texts are compared anyway */
#define NO_CHARACTER 0u /* the end */
#define BAD_CHARACTER 0xFFFDu

/* ---- characters ---- */

/* The next character of UTF-8 text; what is none is BAD_CHARACTER. */
static uint32_t take_character(const char **at)
{
	const uint8_t *p = (const uint8_t *)*at;
	unsigned n = *p < 0x80 ? 0 : *p >= 0xF0 ? 3 : *p >= 0xE0 ? 2 : 1;
	uint32_t c = n == 0 ? *p : *p & (0x3Fu >> n);

	if (*p == '\0')
		return NO_CHARACTER;
	(*at)++;
	for (unsigned i = 1; i <= n; i++) {
		if ((p[i] & 0xC0) != 0x80)
			return BAD_CHARACTER;
		c = c << 6 | (p[i] & 0x3Fu);
	}
	*at += n;
	return c >= 0x80 || n == 0 ? c : BAD_CHARACTER;
}

static void put_character(struct buf *out, uint32_t c)
{
	if (c < 0x80) {
		buf_add_byte(out, (uint8_t)c);
		return;
	}
	if (c >= 0x10000) {
		buf_add_byte(out, (uint8_t)(0xF0 | (c >> 18 & 0x07)));
		buf_add_byte(out, (uint8_t)(0x80 | (c >> 12 & 0x3F)));
	} else if (c >= 0x800) {
		buf_add_byte(out, (uint8_t)(0xE0 | c >> 12));
	}
	if (c >= 0x800)
		buf_add_byte(out, (uint8_t)(0x80 | (c >> 6 & 0x3F)));
	else
		buf_add_byte(out, (uint8_t)(0xC0 | c >> 6));
	buf_add_byte(out, (uint8_t)(0x80 | (c & 0x3F)));
}

/* Capital letters, by range.  Ours and not the C library's: the index must find
 * its tokens again after an upgrade of it. */
static const struct {
	uint32_t first, last;
	uint32_t step; /* 2: every second one is a capital */
	int32_t delta;
} capitals[] = {
	{ 'A', 'Z', 1, 32 },
	{ 0xC0, 0xD6, 1, 32 }, /* Latin-1 */
	{ 0xD8, 0xDE, 1, 32 },
	{ 0x100, 0x12E, 2, 1 },		/* Latin Extended-A */
	{ 0x130, 0x130, 1, 'i' - 304 }, /* I with a dot */
	{ 0x132, 0x136, 2, 1 },
	{ 0x139, 0x147, 2, 1 },
	{ 0x14A, 0x176, 2, 1 },
	{ 0x178, 0x178, 1, 0xFF - 0x178 },
	{ 0x179, 0x17D, 2, 1 },
	{ 0x386, 0x386, 1, 38 }, /* Greek */
	{ 0x388, 0x38A, 1, 37 },
	{ 0x38C, 0x38C, 1, 64 },
	{ 0x38E, 0x38F, 1, 63 },
	{ 0x391, 0x3A1, 1, 32 },
	{ 0x3A3, 0x3AB, 1, 32 },
	{ 0x3C2, 0x3C2, 1, 1 },	 /* final sigma */
	{ 0x400, 0x40F, 1, 80 }, /* Cyrillic */
	{ 0x410, 0x42F, 1, 32 },
	{ 0x460, 0x480, 2, 1 },
	{ 0x48A, 0x4BE, 2, 1 },
	{ 0x4D0, 0x52E, 2, 1 },
	{ 0x531, 0x556, 1, 48 },  /* Armenian */
	{ 0x1E00, 0x1E94, 2, 1 }, /* Latin Extended Additional */
	{ 0x1EA0, 0x1EFE, 2, 1 },
};

static uint32_t fold(uint32_t c)
{
	if (c < 0x80)
		return (uint32_t)tolower((int)c);
	for (size_t i = 1; i < ARRAY_LEN(capitals); i++) {
		if (c < capitals[i].first)
			break;
		if (c <= capitals[i].last &&
			(c - capitals[i].first) % capitals[i].step == 0)
			return (uint32_t)((int32_t)c + capitals[i].delta);
	}
	return c;
}

static void fold_text(struct buf *out, const char *text)
{
	uint32_t c;

	while ((c = take_character(&text)) != NO_CHARACTER)
		put_character(out, fold(c));
}

/* ---- tokens ---- */

/* Between the account's number, in hexadecimal, and the characters. */
enum token_kind { TOKEN_PART = 'x', TOKEN_START = 'z' };

/* How tokens are written. */
struct token_style {
	char account[17];
	size_t account_bytes;
	const char *before, *after;
	unsigned n_left; /* still wanted */
};

static struct token_style style_of(
	int64_t account_id, const char *before, const char *after, unsigned n)
{
	struct token_style style = {
		.before = before, .after = after, .n_left = n
	};

	style.account_bytes = (size_t)snprintf(style.account,
		sizeof(style.account), "%" PRIx64, (uint64_t)account_id);
	return style;
}

/* The tokenizer splits at ASCII that is neither letter nor digit: such
 * characters are moved out of ASCII.  That two characters may become the same
 * does not matter. */
static void put_token(struct buf *out, struct token_style *style,
	enum token_kind kind, const uint32_t *characters, unsigned n)
{
	if (style->n_left == 0)
		return;
	style->n_left--;
	buf_add_str(out, style->before);
	buf_add(out, style->account, style->account_bytes);
	buf_add_byte(out, (uint8_t)kind);
	for (unsigned i = 0; i < n; i++) {
		uint32_t c = characters[i];

		put_character(out, c < 0x80 && !isalnum((int)c) ? c + 0x80 : c);
	}
	buf_add_str(out, style->after);
}

/* What @text begins with. */
static void put_starts(
	struct buf *out, struct token_style style, const char *text)
{
	uint32_t start[GRAM - 1];

	for (unsigned n = 0; n < GRAM - 1; n++) {
		start[n] = fold(take_character(&text));
		if (start[n] == NO_CHARACTER)
			return;
		put_token(out, &style, TOKEN_START, start, n + 1);
	}
}

static void put_parts(
	struct buf *out, struct token_style style, const char *text)
{
	uint32_t last[GRAM] = { 0 };
	uint32_t c;

	for (unsigned n = 1; (c = take_character(&text)) != NO_CHARACTER; n++) {
		memmove(last, last + 1, (GRAM - 1) * sizeof(last[0]));
		last[GRAM - 1] = fold(c);
		if (n >= GRAM)
			put_token(out, &style, TOKEN_PART, last, GRAM);
	}
}

void book_tokens_add(struct buf *out, int64_t account_id, const char *phone,
	const char *name)
{
	const struct token_style style =
		style_of(account_id, "", " ", UINT32_MAX);

	put_starts(out, style, phone);
	put_parts(out, style, phone);
	if (name == NULL)
		return;
	put_starts(out, style, name);
	put_parts(out, style, name);
}

/* ---- searching ---- */

static size_t count_characters(const char *text)
{
	size_t n = 0;

	while (take_character(&text) != NO_CHARACTER)
		n++;
	return n;
}

static bool is_short(const char *text)
{
	return count_characters(text) < GRAM;
}

/* The last start of a short text is the whole of it. */
static void put_short(
	struct buf *out, struct token_style style, const char *text)
{
	uint32_t characters[GRAM];
	unsigned n = 0;

	while (n < GRAM &&
		(characters[n] = take_character(&text)) != NO_CHARACTER)
		n++;
	put_token(out, &style, TOKEN_START, characters, n);
}

/* @text is folded, and not empty.  Nothing in a token ends its quotes. */
static void match_add(
	struct book_search *search, int64_t account_id, const char *text)
{
	const struct token_style style =
		style_of(account_id, "\"", "\" ", TERMS_MAX);

	buf_add_str(&search->match, search->match.len > 0 ? "OR (" : "(");
	if (is_short(text))
		put_short(&search->match, style, text);
	else
		put_parts(&search->match, style, text);
	buf_add_str(&search->match, ") ");
}

/* Digits as people write them: "+1 (555) 000-2222". */
static void take_digits(struct buf *out, const char *text)
{
	if (text[strspn(text, "0123456789+-(). ")] != '\0')
		return;
	for (; *text != '\0'; text++) {
		if (isdigit((unsigned char)*text))
			buf_add_byte(out, (uint8_t)*text);
	}
}

bool book_search_init(
	struct book_search *search, int64_t account_id, const char *text)
{
	*search = (struct book_search){ 0 };
	if (text == NULL)
		return false;
	fold_text(&search->text, text + strspn(text, " \t"));
	while (search->text.len > 0 &&
		strchr(" \t", search->text.data[search->text.len - 1]) != NULL)
		search->text.len--;
	if (search->text.len == 0)
		return false;
	take_digits(&search->digits, buf_cstr(&search->text));
	match_add(search, account_id, buf_cstr(&search->text));
	if (search->digits.len > 0 && search->digits.len != search->text.len)
		match_add(search, account_id, buf_cstr(&search->digits));
	return true;
}

void book_search_fini(struct book_search *search)
{
	buf_fini(&search->text);
	buf_fini(&search->digits);
	buf_fini(&search->candidate);
	buf_fini(&search->match);
}

static bool holds(const char *text, const char *part)
{
	if (is_short(part))
		return strncmp(text, part, strlen(part)) == 0;
	return strstr(text, part) != NULL;
}

bool book_search_fits(
	struct book_search *search, const char *phone, const char *name)
{
	if (search->digits.len > 0 && holds(phone, buf_cstr(&search->digits)))
		return true;
	if (name == NULL)
		return false;
	buf_clear(&search->candidate);
	fold_text(&search->candidate, name);
	return holds(buf_cstr(&search->candidate), buf_cstr(&search->text));
}
