/* The OpenAPI document and the page that shows it. */
#ifndef APID_DOCS_H
#define APID_DOCS_H

struct err;
struct request;

int docs_openapi(struct request *request, struct err *err);
/* GET /docs and what it loads: apid/docs/, built into the program. */
int docs_file(struct request *request, struct err *err);

#endif
