/* The HTTP body validator: any bytes as the body of each operation that takes
 * one. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "apid/request.h"
#include "apid/validate.h"
#include "common/own.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	const size_t n_first = dialect_msgera.n_endpoints;
	const size_t n_all = n_first + dialect_vereda.n_endpoints;
	struct err err = ERR_NONE;
	struct request *request;
	size_t i;

	if (n == 0)
		return 0;
	i = data[0] % n_all;
	request = xcalloc(1, sizeof(*request));
	request->dialect = i < n_first ? &dialect_msgera : &dialect_vereda;
	request->endpoint =
		&request->dialect->endpoints[i < n_first ? i : i - n_first];
	(void)validate_body(request, (const char *)data + 1, n - 1, &err);
	request_free(&request);
	return 0;
}
