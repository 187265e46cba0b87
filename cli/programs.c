#include "cli/programs.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/err.h"
#include "common/own.h"

/* The command is in bin, the daemons in lib/vereda beside it. */
#define INSTALLED_DIR "../lib/vereda"

char *programs_find(const char *name, struct err *err)
{
	static const char *const dirs[] = { ".", INSTALLED_DIR };
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (n <= 0) {
		err_set(err, ERR_IO, "/proc/self/exe cannot be read");
		return NULL;
	}
	self[n] = '\0';
	*strrchr(self, '/') = '\0';
	for (size_t i = 0; i < ARRAY_LEN(dirs); i++) {
		char *path =
			i == 0 ? xasprintf("%s/%s", self, name)
			       : xasprintf("%s/%s/%s", self, dirs[i], name);

		if (access(path, X_OK) == 0)
			return path;
		str_free(&path);
	}
	err_set(err, ERR_NOT_FOUND, "%s is not in %s", name, self);
	return NULL;
}
