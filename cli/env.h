/* An environment for a child: a copy of ours with some variables changed. */
#ifndef CLI_ENV_H
#define CLI_ENV_H

#include <stddef.h>

struct env {
	char **vars; /* owned, as are the texts; ends with NULL */
	size_t n;
};

void env_init(struct env *env); /* ours as it is now */
void env_fini(struct env *env);
void env_set(struct env *env, const char *name, const char *value);

#endif
