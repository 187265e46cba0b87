#include "cli/env.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/own.h"

static void env_add(struct env *env, char *entry)
{
	env->vars = xrealloc(env->vars, (env->n + 2) * sizeof(*env->vars));
	env->vars[env->n++] = entry;
	env->vars[env->n] = NULL;
}

void env_init(struct env *env)
{
	*env = (struct env){ 0 };
	for (char **entry = environ; *entry != NULL; entry++)
		env_add(env, xstrdup(*entry));
}

void env_fini(struct env *env)
{
	for (size_t i = 0; i < env->n; i++)
		free(env->vars[i]);
	free(env->vars);
	*env = (struct env){ 0 };
}

void env_set(struct env *env, const char *name, const char *value)
{
	size_t length = strlen(name);
	char *entry = xasprintf("%s=%s", name, value);

	for (size_t i = 0; i < env->n; i++) {
		if (strncmp(env->vars[i], name, length) != 0 ||
			env->vars[i][length] != '=')
			continue;
		free(env->vars[i]);
		env->vars[i] = entry;
		return;
	}
	env_add(env, entry);
}
