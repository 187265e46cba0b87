#include "mediaxfer/reply.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <jansson.h>

#include "common/err.h"

static bool url_is_valid(const char *url)
{
	if (strncmp(url, "https://", 8) != 0 && strncmp(url, "http://", 7) != 0)
		return false;
	for (const char *c = url; *c != '\0'; c++) {
		if (*c <= ' ' || *c > '~' || *c == '"' || *c == '\\')
			return false;
	}
	return strlen(url) < sizeof(((struct xfer_answer *)NULL)->url);
}

int reply_parse(
	const void *bytes, size_t n, struct xfer_answer *out, struct err *err)
{
	json_t *json = n <= REPLY_MAX ? json_loadb(bytes, n, 0, NULL) : NULL;
	const char *path =
		json_string_value(json_object_get(json, "direct_path"));
	const char *url = json_string_value(json_object_get(json, "url"));
	int rc = 0;

	if (path == NULL || !xfer_path_is_valid(path)) {
		rc = err_set(err, ERR_PEER,
			"the host's answer of %zu bytes names no path", n);
	} else {
		snprintf(
			out->direct_path, sizeof(out->direct_path), "%s", path);
		snprintf(out->url, sizeof(out->url), "%s",
			url != NULL && url_is_valid(url) ? url : "");
	}
	json_decref(json);
	return rc;
}
