/* The OpenAPI document and the page that shows it. */
#include "apid/endpoint.h"

#include "apid/docs.h"
#include "apid/shape.h"
#include "common/own.h"

static const struct field document_fields[] = {
	{ "openapi", FIELD_TEXT, 0, NULL, "Version of OpenAPI." },
	{ .name = NULL },
};
static const struct shape shapes[] = {
	{ "OpenApiDocument", document_fields, .is_open = true },
};

#define FILE_ROW(route, words, type)                                           \
	{                                                                      \
		"GET", route, AUTH_NONE, "Operation", words, 200,              \
			.other_type = type, .errors = "304", .read = docs_file \
	}

static const struct endpoint rows[] = {
	{ "GET", "/openapi.json", AUTH_NONE, "Operation",
		"Get OpenAPI Document", 200,
		.details = "This document, made from the tables that the "
			   "server routes and validates by.",
		.answer = "OpenApiDocument", .errors = "304",
		.read = docs_openapi },
	FILE_ROW("/docs", "Get Documentation Page", "text/html; charset=utf-8"),
	FILE_ROW("/docs/app.css", "Get Page Style", "text/css; charset=utf-8"),
	FILE_ROW("/docs/app.js", "Get Page Script",
		"text/javascript; charset=utf-8"),
	FILE_ROW("/docs/snippets.js", "Get Page Snippets",
		"text/javascript; charset=utf-8"),
};

const struct endpoints endpoints_docs = { .rows = rows,
	.n = ARRAY_LEN(rows),
	.shapes = shapes,
	.n_shapes = ARRAY_LEN(shapes) };
