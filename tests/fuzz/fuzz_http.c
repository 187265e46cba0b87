/* The HTTP body validator: any bytes as the body of each operation that takes
 * one. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "apid/request.h"
#include "apid/router.h"
#include "apid/validate.h"
#include "common/own.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* Gives the request the operation of this number, counted over all tables;
 * false: there are fewer. */
static bool take_operation(struct request *request, size_t number)
{
	const struct dialect *const *dialects;
	size_t n_dialects = router_dialects(&dialects);

	for (size_t d = 0; d < n_dialects; d++) {
		for (size_t g = 0; g < dialects[d]->n_groups; g++) {
			const struct endpoints *group = dialects[d]->groups[g];

			if (number < group->n) {
				request->dialect = dialects[d];
				request->endpoint = &group->rows[number];
				return true;
			}
			number -= group->n;
		}
	}
	return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct err err = ERR_NONE;
	struct request *request;

	if (n == 0)
		return 0;
	request = xcalloc(1, sizeof(*request));
	if (take_operation(request, data[0]))
		(void)validate_body(
			request, (const char *)data + 1, n - 1, &err);
	request_free(&request);
	return 0;
}
