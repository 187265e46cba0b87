/* Writes the tables of common/wa/token.c from the dictionary's data file:
 *
 *   gen_tokens common/wa/tokens.json > tokens.inc
 *
 * {"single": [236 strings], "double": [[256], [256], [256], [256]]}.  Token
 * numbers run through single, then double 0..3; token 0 is the empty string. */
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../common/wa/token_hash.h"

#define N_SINGLE 236
#define N_DOUBLE 256
#define N_DICTIONARIES 4
#define N_TOKENS (N_SINGLE + N_DICTIONARIES * N_DOUBLE)

static const char *tokens[N_TOKENS];
static unsigned slots[TOKEN_SLOTS];

static _Noreturn void die(const char *what, const char *detail)
{
	fprintf(stderr, "gen_tokens: %s: %s\n", what, detail);
	exit(1);
}

static bool is_plain(const char *text)
{
	for (; *text != '\0'; text++) {
		if (*text < ' ' || *text > '~' || *text == '"' || *text == '\\')
			return false;
	}
	return true;
}

static void take_list(json_t *list, size_t expected, unsigned first)
{
	if (json_array_size(list) != expected)
		die("tokens", "a list has the wrong length");
	for (size_t i = 0; i < expected; i++) {
		const char *text = json_string_value(json_array_get(list, i));

		if (text == NULL || !is_plain(text))
			die("tokens", "an entry is not plain text");
		tokens[first + i] = text;
	}
}

static void take_all(json_t *root)
{
	json_t *dictionaries = json_object_get(root, "double");

	take_list(json_object_get(root, "single"), N_SINGLE, 0);
	if (json_array_size(dictionaries) != N_DICTIONARIES)
		die("tokens", "need four dictionaries");
	for (unsigned i = 0; i < N_DICTIONARIES; i++)
		take_list(json_array_get(dictionaries, i), N_DOUBLE,
			N_SINGLE + i * N_DOUBLE);
	if (tokens[0][0] != '\0')
		die("tokens", "entry 0 must be empty");
}

static void fill_slots(void)
{
	for (unsigned i = 1; i < N_TOKENS; i++) {
		uint32_t slot = token_hash(tokens[i], strlen(tokens[i]));

		while (slots[slot] != 0) {
			if (strcmp(tokens[slots[slot]], tokens[i]) == 0)
				die("twice in the dictionary", tokens[i]);
			slot = (slot + 1) & (TOKEN_SLOTS - 1);
		}
		slots[slot] = i;
	}
}

static void print_tables(void)
{
	size_t longest = 0;

	printf("static const struct token tokens[%d] = {\n", N_TOKENS);
	for (unsigned i = 0; i < N_TOKENS; i++) {
		size_t n = strlen(tokens[i]);

		printf("\t{ \"%s\", %zu },\n", tokens[i], n);
		if (n > longest)
			longest = n;
	}
	printf("};\n\nstatic const uint16_t token_slots[%u] = {", TOKEN_SLOTS);
	for (unsigned i = 0; i < TOKEN_SLOTS; i++)
		printf("%s%u,", i % 16 == 0 ? "\n\t" : " ", slots[i]);
	printf("\n};\n\n#define TOKEN_MAX_BYTES %zu\n", longest);
}

int main(int argc, char **argv)
{
	json_error_t error;
	json_t *root;

	if (argc != 2)
		die("usage", "gen_tokens tokens.json");
	root = json_load_file(argv[1], JSON_REJECT_DUPLICATES, &error);
	if (root == NULL)
		die(argv[1], error.text);
	take_all(root);
	fill_slots();
	print_tables();
	json_decref(root);
	return fflush(stdout) == 0 && !ferror(stdout) ? 0 : 1;
}
