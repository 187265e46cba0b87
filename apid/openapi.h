/* The OpenAPI 3.1 document of all operations, made from the tables of
 * endpoints: what it says is what the server checks. */
#ifndef APID_OPENAPI_H
#define APID_OPENAPI_H

#include <jansson.h>

/* Made anew; the caller's. */
json_t *openapi_make(void);
/* As compact text, made once for the process.  Never freed. */
const char *openapi_text(void);

#endif
