/* See router.h.  Some dozens of rows: a walk over them costs about a
 * microsecond. */
#include "apid/router.h"

#include <event2/http.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "apid/request.h"
#include "common/own.h"

static const struct dialect *const dialects[] = { &dialect_msgera,
	&dialect_vereda };

/* Compares segment by segment; a pattern segment ":name" takes any non-empty
 * one. */
static bool path_matches(const char *pattern, const char *path)
{
	while (*pattern != '\0' && *path != '\0') {
		if (pattern[0] == '/' && pattern[1] == ':') {
			size_t n = strcspn(path + 1, "/");

			if (*path != '/' || n == 0)
				return false;
			path += 1 + n;
			pattern += 1 + strcspn(pattern + 1, "/");
			continue;
		}
		if (*pattern != *path)
			return false;
		pattern++;
		path++;
	}
	return *pattern == '\0' && *path == '\0';
}

/* Decodes one path segment; NULL for a bad escape or a NUL inside. */
static char *segment_decode(const char *segment, size_t n)
{
	char *raw = xcalloc(1, n + 1);
	size_t decoded_bytes;
	char *text;

	memcpy(raw, segment, n);
	text = evhttp_uridecode(raw, 0, &decoded_bytes);
	free(raw);
	if (text != NULL && strlen(text) != decoded_bytes) {
		free(text);
		return NULL;
	}
	return text;
}

/* Copies the ":name" segments into the arguments of the same order of path
 * parameters.  At most one path parameter is long; all together fit the path
 * itself. */
static bool take_path_values(struct request *request, const char *path)
{
	const char *pattern = request->endpoint->path;
	char *out;

	request->path_values = xcalloc(1, strlen(path) + 2);
	out = request->path_values;
	for (; *pattern != '\0'; pattern++) {
		const struct param *param = request->endpoint->params;
		size_t n_name, n_value;
		char *text;

		if (pattern[0] != '/') {
			path++;
			continue;
		}
		if (pattern[1] != ':') {
			path++;
			continue;
		}
		n_name = strcspn(pattern + 2, "/");
		n_value = strcspn(path + 1, "/");
		text = segment_decode(path + 1, n_value);
		if (text == NULL)
			return false;
		strcpy(out, text);
		for (size_t i = 0; param != NULL && param[i].name != NULL;
			i++) {
			if (param[i].in == IN_PATH &&
				strlen(param[i].name) == n_name &&
				memcmp(param[i].name, pattern + 2, n_name) ==
					0) {
				request->args[i].is_set = true;
				request->args[i].text = out;
			}
		}
		out += strlen(text) + 1;
		free(text);
		path += 1 + n_value;
		pattern += 1 + n_name;
	}
	return true;
}

static void allow_add(char *allow, size_t cap, const char *method)
{
	size_t n = strlen(allow);

	snprintf(allow + n, cap - n, "%s%s", n > 0 ? ", " : "", method);
}

struct search {
	const char *method, *path;
	char *allow;
	size_t allow_cap;
};

static bool find_in(const struct search *search, const struct dialect *dialect,
	const struct endpoints *group, struct request *request)
{
	for (size_t i = 0; i < group->n; i++) {
		const struct endpoint *e = &group->rows[i];

		if (!path_matches(e->path, search->path))
			continue;
		request->dialect = dialect;
		if (strcmp(e->method, search->method) == 0) {
			request->endpoint = e;
			return true;
		}
		allow_add(search->allow, search->allow_cap, e->method);
	}
	return false;
}

static bool find(const struct search *search, struct request *request)
{
	for (size_t d = 0; d < ARRAY_LEN(dialects); d++) {
		for (size_t g = 0; g < dialects[d]->n_groups; g++) {
			if (find_in(search, dialects[d], dialects[d]->groups[g],
				    request))
				return true;
		}
	}
	return false;
}

int router_find(const char *method, const char *path, struct request *request,
	char *allow, size_t allow_cap)
{
	const struct search search = {
		.method = strcmp(method, "HEAD") == 0 ? "GET" : method,
		.path = path,
		.allow = allow,
		.allow_cap = allow_cap,
	};

	allow[0] = '\0';
	if (find(&search, request))
		return take_path_values(request, path) ? ROUTER_FOUND
						       : ROUTER_NOT_FOUND;
	return allow[0] != '\0' ? ROUTER_WRONG_METHOD : ROUTER_NOT_FOUND;
}

size_t router_dialects(const struct dialect *const **out)
{
	*out = dialects;
	return ARRAY_LEN(dialects);
}
