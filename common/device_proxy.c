#include "common/device_proxy.h"

#include <curl/curl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "common/config.h"
#include "common/err.h"
#include "common/own.h"

static void url_free(CURLU **urlp)
{
	curl_url_cleanup(*urlp);
	*urlp = NULL;
}

static bool has_part(CURLU *url, CURLUPart part)
{
	char *text = NULL;
	bool has = curl_url_get(url, part, &text, 0) == CURLUE_OK;

	curl_free(text);
	return has;
}

static bool scheme_is_known(CURLU *url)
{
	static const char *const known[] = { "http", "https", "socks4",
		"socks4a", "socks5", "socks5h" };
	char *scheme = NULL;
	bool found = false;

	if (curl_url_get(url, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK)
		return false;
	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		found |= strcmp(known[i], scheme) == 0;
	curl_free(scheme);
	return found;
}

int device_proxy_check(const char *url, struct err *err)
{
	scoped(url_free) CURLU *parts = curl_url();

	if (strlen(url) <= DEVICE_PROXY_MAX &&
		curl_url_set(parts, CURLUPART_URL, url,
			CURLU_NON_SUPPORT_SCHEME) == CURLUE_OK &&
		scheme_is_known(parts) && has_part(parts, CURLUPART_HOST) &&
		has_part(parts, CURLUPART_PORT))
		return 0;
	return err_set(err, ERR_INVALID,
		"url must be http://, https://, socks4:// or socks5:// with "
		"host and port");
}

char *device_proxy_public(const char *url)
{
	scoped(url_free) CURLU *parts = curl_url();
	char *scheme = NULL, *host = NULL, *port = NULL, *out = NULL;

	if (curl_url_set(parts, CURLUPART_URL, url, CURLU_NON_SUPPORT_SCHEME) ==
			CURLUE_OK &&
		curl_url_get(parts, CURLUPART_SCHEME, &scheme, 0) ==
			CURLUE_OK &&
		curl_url_get(parts, CURLUPART_HOST, &host, 0) == CURLUE_OK &&
		curl_url_get(parts, CURLUPART_PORT, &port, 0) == CURLUE_OK)
		out = xasprintf("%s://%s:%s", scheme, host, port);
	curl_free(scheme);
	curl_free(host);
	curl_free(port);
	return out != NULL ? out : xstrdup("");
}

int device_proxy_key(
	const struct config *config, struct secret_key *out, struct err *err)
{
	struct secret_key host;

	if (secret_host_key(config->suite.state_dir, &host, err) != 0)
		return -1;
	secret_derive(&host, "proxy", out);
	secret_wipe(&host);
	return 0;
}

void device_proxy_seal(const struct secret_key *key, const char *device_uid,
	const char *url, struct buf *out)
{
	size_t n = strlen(url);

	secret_seal(key, device_uid, url, n,
		buf_reserve(out, n + SECRET_SEAL_OVERHEAD));
	out->len += n + SECRET_SEAL_OVERHEAD;
}

int device_proxy_open(const struct secret_key *key, const char *device_uid,
	const struct buf *sealed, char **url_out, struct err *err)
{
	char *url;

	if (sealed->len < SECRET_SEAL_OVERHEAD)
		return err_set(err, ERR_IO, "sealed proxy is damaged");
	url = xcalloc(1, sealed->len);
	if (secret_open(key, device_uid, sealed->data, sealed->len,
		    (uint8_t *)url, err) != 0) {
		str_free(&url);
		return -1;
	}
	*url_out = url;
	return 0;
}
