#include "cli/http.h"

#include <curl/curl.h>
#include <stdlib.h>

#include "common/err.h"
#include "common/own.h"

static void curl_free_handle(CURL **curlp)
{
	CURL *curl = move(*curlp);

	if (curl != NULL)
		curl_easy_cleanup(curl);
}

static void headers_free(struct curl_slist **headersp)
{
	curl_slist_free_all(move(*headersp));
}

/* What the body says is not needed. */
static size_t on_body(char *bytes, size_t size, size_t n, void *arg)
{
	(void)bytes;
	(void)arg;
	return size * n;
}

int http_request(const char *url, json_t *body, int timeout_ms,
	long *status_out, struct err *err)
{
	scoped(curl_free_handle) CURL *curl = curl_easy_init();
	scoped(headers_free) struct curl_slist *headers = NULL;
	scoped(str_free) char *text =
		body != NULL ? json_dumps(body, JSON_COMPACT) : NULL;
	CURLcode rc;

	json_decref(body);
	if (curl == NULL)
		return err_set(err, ERR_INTERNAL, "libcurl cannot start");
	headers = curl_slist_append(NULL, "Content-Type: application/json");
	curl_easy_setopt(curl, CURLOPT_URL, url);
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_NOPROXY, "*"); /* this host alone */
	curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)timeout_ms);
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
	if (text != NULL)
		curl_easy_setopt(curl, CURLOPT_POSTFIELDS, text);
	rc = curl_easy_perform(curl);
	if (rc != CURLE_OK)
		return err_set(
			err, ERR_IO, "%s: %s", url, curl_easy_strerror(rc));
	curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, status_out);
	return 0;
}
