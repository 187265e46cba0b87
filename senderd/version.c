#include "senderd/version.h"

#include <curl/curl.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/clock.h"
#include "common/config.h"
#include "common/err.h"
#include "common/ids.h"
#include "common/log.h"
#include "common/own.h"

#define FILE_NAME "client_version"
#define WISH_NAME "client_version.wanted"
#define CARE_EVERY_MS 10000
#define FRESH_MS (24 * 3600 * 1000LL)
#define AGAIN_MS (5 * 60 * 1000LL) /* after a lookup that failed */
#define WISH_MS 20000		   /* not more often, whatever lanes wish */
#define ANSWER_MAX (8u << 20)
#define FETCH_SEC 30
#define MAJOR "2.3000."
#define REVISION_MAX 4294967295LL

/* ---- versions ---- */

int version_compare(const char *a, const char *b)
{
	long long left[3] = { 0 }, right[3] = { 0 };

	if (sscanf(a, "%lld.%lld.%lld", &left[0], &left[1], &left[2]) != 3)
		memset(left, 0, sizeof left);
	if (sscanf(b, "%lld.%lld.%lld", &right[0], &right[1], &right[2]) != 3)
		memset(right, 0, sizeof right);
	for (int i = 0; i < 3; i++) {
		if (left[i] != right[i])
			return left[i] < right[i] ? -1 : 1;
	}
	return 0;
}

int64_t version_find_revision(const char *text, size_t n)
{
	static const char key[] = "client_revision";
	const char *at = memmem(text, n, key, sizeof key - 1);
	const char *end = text + n;
	int64_t revision = 0;

	if (at == NULL)
		return -1;
	at += sizeof key - 1;
	/* In the page it stands in quotes, which may be escaped. */
	while (at < end && strchr("\\\": ", *at) != NULL && *at != '\0')
		at++;
	while (at < end && *at >= '0' && *at <= '9') {
		revision = revision * 10 + (*at++ - '0');
		if (revision > REVISION_MAX)
			return -1;
	}
	return revision > 0 ? revision : -1;
}

static char *state_path(const struct config *config, const char *name)
{
	return xasprintf("%s/%s", config->suite.state_dir, name);
}

static bool cached_read(const struct config *config, char out[VERSION_LEN])
{
	scoped(str_free) char *path = state_path(config, FILE_NAME);
	FILE *file = fopen(path, "re");
	unsigned a, b, c;
	int n;

	if (file == NULL)
		return false;
	n = fscanf(file, "%4u.%5u.%10u", &a, &b, &c);
	fclose(file);
	if (n != 3)
		return false;
	snprintf(out, VERSION_LEN, "%u.%u.%u", a, b, c);
	return true;
}

void version_current(const struct config *config, char out[VERSION_LEN])
{
	const char *configured = config->whatsapp.client_version;
	char cached[VERSION_LEN];

	snprintf(out, VERSION_LEN, "%s", configured);
	if (version_can_follow(config) && cached_read(config, cached) &&
		version_compare(cached, configured) > 0)
		snprintf(out, VERSION_LEN, "%s", cached);
}

bool version_can_follow(const struct config *config)
{
	const char *source = config->whatsapp.version_source;

	return source != NULL && source[0] != '\0';
}

void version_ask(const struct config *config)
{
	scoped(str_free) char *path = state_path(config, WISH_NAME);
	scoped(fd_close) int fd =
		open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);

	if (fd < 0)
		log_warning("client_version status=not_asked path=%s", path);
}

/* ---- looking it up, in a child ---- */

static size_t on_body(char *bytes, size_t size, size_t n, void *arg)
{
	struct buf *body = arg;

	if (body->len + size * n > ANSWER_MAX)
		return 0;
	buf_add(body, bytes, size * n);
	return size * n;
}

static const char *fetch(const struct config *config, struct buf *body)
{
	CURL *curl = curl_easy_init();
	const char *problem = NULL;
	CURLcode rc;

	if (curl == NULL)
		return "no memory";
	curl_easy_setopt(curl, CURLOPT_URL, config->whatsapp.version_source);
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "https,http");
	curl_easy_setopt(curl, CURLOPT_USERAGENT,
		"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 "
		"(KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36");
	curl_easy_setopt(curl, CURLOPT_TIMEOUT, (long)FETCH_SEC);
	curl_easy_setopt(curl, CURLOPT_FAILONERROR, 1L);
	curl_easy_setopt(curl, CURLOPT_ACCEPT_ENCODING, "");
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, body);
	if (config->whatsapp.ca_file[0] != '\0')
		curl_easy_setopt(
			curl, CURLOPT_CAINFO, config->whatsapp.ca_file);
	if (config->whatsapp.proxy[0] != '\0')
		curl_easy_setopt(curl, CURLOPT_PROXY, config->whatsapp.proxy);
	rc = curl_easy_perform(curl);
	if (rc != CURLE_OK)
		problem = curl_easy_strerror(rc);
	curl_easy_cleanup(curl);
	return problem;
}

static const char *cache_write(const struct config *config, int64_t revision)
{
	scoped(str_free) char *path = state_path(config, FILE_NAME);
	scoped(str_free) char *temp = xasprintf("%s.%d", path, (int)getpid());
	FILE *file = fopen(temp, "we");
	bool is_written;

	if (file == NULL)
		return "cannot write the state directory";
	is_written = fprintf(file, MAJOR "%" PRId64 "\n", revision) > 0;
	is_written &= fclose(file) == 0;
	if (!is_written || rename(temp, path) != 0) {
		unlink(temp);
		return "cannot write the state directory";
	}
	return NULL;
}

static void look_up(const struct config *config)
{
	scoped(buf_fini) struct buf body = BUF_INIT;
	const char *problem = fetch(config, &body);
	int64_t revision = 0;

	if (problem == NULL) {
		revision = version_find_revision(
			(const char *)body.data, body.len);
		problem = revision < 0 ? "no client_revision in the answer"
				       : cache_write(config, revision);
	}
	if (problem != NULL)
		log_warning("client_version status=unknown reason=\"%s\" "
			    "action=\"the last known one is used\"",
			log_quote(problem));
	else
		log_info("client_version status=known version=" MAJOR
			 "%" PRId64,
			revision);
}

/* ---- when ---- */

struct version_watch {
	const struct config *config; /* borrowed */
	int64_t care_ms;	     /* monotonic: next look at the files */
	int64_t looked_ms;	     /* monotonic: last lookup; 0 = none */
};

struct version_watch *version_watch_new(const struct config *config)
{
	struct version_watch *watch = xcalloc(1, sizeof *watch);

	watch->config = config;
	return watch;
}

void version_watch_free(struct version_watch **watchp)
{
	free(move(*watchp));
}

static bool is_stale(const struct config *config)
{
	scoped(str_free) char *path = state_path(config, FILE_NAME);
	struct stat stat_now;

	if (stat(path, &stat_now) != 0)
		return true;
	return clock_now_ms() - (int64_t)stat_now.st_mtim.tv_sec * 1000 >
	       FRESH_MS;
}

static bool is_wanted(const struct config *config)
{
	scoped(str_free) char *path = state_path(config, WISH_NAME);

	return unlink(path) == 0;
}

void version_care(struct version_watch *watch, int64_t mono_ms)
{
	const struct config *config = watch->config;
	pid_t parent = getpid(), pid;

	if (!version_can_follow(config) || mono_ms < watch->care_ms)
		return;
	watch->care_ms = mono_ms + CARE_EVERY_MS;
	if (watch->looked_ms != 0 && mono_ms - watch->looked_ms < WISH_MS)
		return;
	if (!is_wanted(config) &&
		(!is_stale(config) ||
			(watch->looked_ms != 0 &&
				mono_ms - watch->looked_ms < AGAIN_MS)))
		return;
	watch->looked_ms = mono_ms;
	pid = fork();
	if (pid < 0)
		log_warning("client_version status=not_looked_up");
	if (pid != 0)
		return; /* whoever reaps the lanes reaps it too */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() == parent)
		look_up(config);
	_exit(EXIT_SUCCESS);
}
