#include "webhookd/target.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <netinet/in.h>
#include <stdint.h>
#include <string.h>

#include "common/err.h"
#include "common/own.h"

struct network {
	uint8_t prefix[16];
	unsigned bits;
};

/* IANA's special-purpose registries, what is not globally reachable. */
static const struct network closed_v4[] = {
	{ { 0 }, 8 },		      /* this network */
	{ { 10 }, 8 },		      /* private */
	{ { 100, 64 }, 10 },	      /* carrier NAT */
	{ { 127 }, 8 },		      /* loopback */
	{ { 168, 63, 129, 16 }, 32 }, /* Azure's host service */
	{ { 169, 254 }, 16 },	      /* link-local, metadata services */
	{ { 172, 16 }, 12 },	      /* private */
	{ { 192, 0, 0 }, 24 },	      /* protocol assignments */
	{ { 192, 0, 2 }, 24 },	      /* documentation */
	{ { 192, 88, 99 }, 24 },      /* 6to4 relays */
	{ { 192, 168 }, 16 },	      /* private */
	{ { 198, 18 }, 15 },	      /* benchmarks */
	{ { 198, 51, 100 }, 24 },     /* documentation */
	{ { 203, 0, 113 }, 24 },      /* documentation */
	{ { 224 }, 4 },		      /* multicast */
	{ { 240 }, 4 },		      /* reserved, broadcast */
};

/* Of IPv6, only 2000::/3 is given out at all. */
static const struct network global_v6 = { { 0x20 }, 3 };
static const struct network closed_v6[] = {
	{ { 0x20, 0x01 }, 23 },		    /* protocol assignments, Teredo */
	{ { 0x20, 0x01, 0x0d, 0xb8 }, 32 }, /* documentation */
	{ { 0x20, 0x02 }, 16 },		    /* 6to4: any IPv4 inside */
	{ { 0x3f, 0xff }, 20 },		    /* documentation */
};
/* An IPv4 address in the last 32 bits, which is the one that counts. */
static const struct network v4_inside[] = {
	{ { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff }, 96 }, /* v4-mapped */
	{ { 0, 0x64, 0xff, 0x9b }, 96 },		      /* NAT64 */
};

static bool network_has(const struct network *network, const uint8_t *address)
{
	unsigned bytes = network->bits / 8, rest = network->bits % 8;
	unsigned mask = 0xff00u >> rest & 0xff;

	if (memcmp(network->prefix, address, bytes) != 0)
		return false;
	return rest == 0 ||
	       (network->prefix[bytes] & mask) == (address[bytes] & mask);
}

static bool networks_have(
	const struct network *networks, size_t n, const uint8_t *address)
{
	for (size_t i = 0; i < n; i++)
		if (network_has(&networks[i], address))
			return true;
	return false;
}

static bool v4_is_public(const uint8_t address[4])
{
	return !networks_have(closed_v4, ARRAY_LEN(closed_v4), address);
}

static bool v6_is_public(const uint8_t address[16])
{
	if (networks_have(v4_inside, ARRAY_LEN(v4_inside), address))
		return v4_is_public(address + 12);
	return network_has(&global_v6, address) &&
	       !networks_have(closed_v6, ARRAY_LEN(closed_v6), address);
}

bool target_address_is_public(const struct sockaddr *address)
{
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;

	if (address->sa_family == AF_INET) {
		memcpy(&v4, address, sizeof(v4));
		return v4_is_public((const uint8_t *)&v4.sin_addr);
	}
	if (address->sa_family == AF_INET6) {
		memcpy(&v6, address, sizeof(v6));
		return v6_is_public(v6.sin6_addr.s6_addr);
	}
	return false;
}

/* A host that is written as an address; a name passes, it is looked at when it
 * has been resolved. */
static bool host_is_closed_address(const char *host)
{
	uint8_t address[16];
	char plain[INET6_ADDRSTRLEN];
	size_t n = strlen(host);

	if (inet_pton(AF_INET, host, address) == 1)
		return !v4_is_public(address);
	if (host[0] != '[' || n < 3 || n - 2 >= sizeof(plain))
		return host[0] == '[';
	memcpy(plain, host + 1, n - 2);
	plain[n - 2] = '\0';
	return inet_pton(AF_INET6, plain, address) != 1 ||
	       !v6_is_public(address);
}

static void url_free(CURLU **urlp)
{
	curl_url_cleanup(*urlp);
}

static void part_free(char **partp)
{
	curl_free(*partp);
}

int target_check_url(
	const char *url, bool allow_private, char **host_out, struct err *err)
{
	scoped(url_free) CURLU *parsed = curl_url();
	scoped(part_free) char *scheme = NULL;
	scoped(part_free) char *host = NULL;

	*host_out = NULL;
	if (parsed == NULL ||
		curl_url_set(parsed, CURLUPART_URL, url,
			CURLU_NON_SUPPORT_SCHEME) != CURLUE_OK ||
		curl_url_get(parsed, CURLUPART_SCHEME, &scheme, 0) !=
			CURLUE_OK ||
		curl_url_get(parsed, CURLUPART_HOST, &host, 0) != CURLUE_OK)
		return err_set(err, ERR_INVALID, "not a URL");
	*host_out = xstrdup(host);
	if (strcmp(scheme, "https") != 0 && strcmp(scheme, "http") != 0)
		return err_set(err, ERR_INVALID, "neither http nor https");
	if (!allow_private && host_is_closed_address(host))
		return err_set(
			err, ERR_FORBIDDEN, "target address is not public");
	return 0;
}
