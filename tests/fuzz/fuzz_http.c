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
	const struct dialect *dialect = &dialect_msgera;
	struct err err = ERR_NONE;
	struct request *request;

	if (n == 0)
		return 0;
	request = xcalloc(1, sizeof(*request));
	request->dialect = dialect;
	request->endpoint = &dialect->endpoints[data[0] % dialect->n_endpoints];
	(void)validate_body(request, (const char *)data + 1, n - 1, &err);
	request_free(&request);
	return 0;
}
