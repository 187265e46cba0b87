#include "common/program.h"

#include <limits.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "common/err.h"
#include "common/own.h"

char *program_find(const char *name, struct err *err)
{
	/* The daemons are in lib/vereda, the command in bin beside it. */
	static const char *const places[] = { "", "../lib/vereda/" };
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (n <= 0) {
		err_set(err, ERR_IO, "/proc/self/exe cannot be read");
		return NULL;
	}
	self[n] = '\0';
	*strrchr(self, '/') = '\0';
	for (size_t i = 0; i < ARRAY_LEN(places); i++) {
		char *path = xasprintf("%s/%s%s", self, places[i], name);

		if (access(path, X_OK) == 0)
			return path;
		str_free(&path);
	}
	err_set(err, ERR_NOT_FOUND, "%s is not in %s", name, self);
	return NULL;
}
