/* JSON Schema (2020-12) of parameters and answers, as OpenAPI 3.1 uses it. */
#ifndef APID_OPENAPI_SCHEMA_H
#define APID_OPENAPI_SCHEMA_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

struct endpoint;
struct param;
struct shape;

/* What a client may write there. */
json_t *openapi_schema_param(
	const struct endpoint *endpoint, const struct param *param);
/* The whole body; NULL: the operation takes none.  *@is_required: it may not
 * be left out. */
json_t *openapi_schema_body(const struct endpoint *endpoint, bool *is_required);
/* endpoint->answer: {} for NULL. */
json_t *openapi_schema_answer(const char *answer);
/* The body of a refusal with this status. */
json_t *openapi_schema_refusal(int status);

/* Adds a schema for each shape to @schemas, under its name. */
void openapi_schema_add_shapes(
	json_t *schemas, const struct shape *shapes, size_t n);
/* Those of refusals, which all groups share. */
void openapi_schema_add_refusals(json_t *schemas);

#endif
