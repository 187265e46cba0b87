/* One setting of the configuration: its row in the table, how its text is read,
 * and what to say when it is wrong.  Private to config.c and config_dirs.c. */
#ifndef COMMON_SETTING_H
#define COMMON_SETTING_H

#include <stdbool.h>
#include <stddef.h>

struct config;
struct err;

#define SETTINGS_MAX 160

enum setting_type {
	SETTING_TEXT,	 /* min..max bytes */
	SETTING_NUMBER,	 /* min..max */
	SETTING_BOOL,	 /* true | false */
	SETTING_CHOICE,	 /* one of @words */
	SETTING_HEX,	 /* "" or @max bytes as hex digits */
	SETTING_ADDRESS, /* IPv4 or IPv6, numeric */
	SETTING_WS_URL,	 /* ws:// or wss:// */
	SETTING_VERSION, /* three numbers with dots */
	SETTING_TIERS,	 /* struct safety_tier[] */
};

struct setting {
	const char *section, *key;
	enum setting_type type;
	size_t offset; /* into struct config */
	const char *fallback;
	int min, max;
	const char *help;
	const char *words; /* SETTING_CHOICE: separated by one space */
};

extern const struct setting settings[];
extern const size_t n_settings; /* at most SETTINGS_MAX */

/* NULL when there is no such key. */
const struct setting *setting_find(const char *section, const char *key);
bool setting_section_exists(const char *section);
/* Is the field a char * that the configuration owns? */
bool setting_is_text(const struct setting *setting);
void *setting_field(struct config *config, const struct setting *setting);
/* False, and nothing changed, when @text is no such value. */
bool setting_assign(
	struct config *config, const struct setting *setting, const char *text);
/* What would have been right, for errors and the sample file; caller frees. */
char *setting_expectation(const struct setting *setting);
/* "@where: expected a whole number from 0 to 65535, got "eighty""; the value of
 * a key is not shown. */
int setting_refuse(const struct setting *setting, const char *where,
	const char *text, struct err *err);

#endif
