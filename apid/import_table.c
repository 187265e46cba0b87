/* Importing contacts from files. */
#include "apid/endpoint.h"

#include "apid/import.h"
#include "apid/intake.h"
#include "apid/shape.h"
#include "apid/table.h"
#include "common/own.h"

#define END_OF_FIELDS        \
	{                    \
		.name = NULL \
	}

static const struct field import_error[] = {
	{ "row", FIELD_INTEGER, 0, NULL,
		"Of the file, as a spreadsheet shows it: the header is 1." },
	{ "message", FIELD_TEXT, 0, NULL, "What is wrong with it." },
	END_OF_FIELDS
};
static const struct field import_result[] = {
	{ "linked", FIELD_INTEGER, 0, NULL,
		"Contacts that were saved before, and are members now." },
	{ "created", FIELD_INTEGER, 0, NULL,
		"Contacts that were saved, and are members now." },
	{ "errors", FIELD_LIST, 0, "ImportError",
		"Rows that were left out; the first 1000 of them." },
	{ "errorCount", FIELD_INTEGER, 0, NULL,
		"How many rows were left out." },
	END_OF_FIELDS
};
static const struct shape shapes[] = {
	{ "ImportError", import_error, false },
	{ "ImportResult", import_result, false },
};

#define DETAILS                                                                \
	"A CSV (comma, semicolon or tab), XLSX or XLS file; of a workbook, "   \
	"the first sheet. Its first row names the columns: phone (or phone "   \
	"number, whatsapp, mobile, tel, number), name (or full name, or "      \
	"first name and last name); all others become fields of the contact, " \
	"for {field} in a message, up to 20. Without such a row the first "    \
	"two columns are a name and a phone, in either order. Spaces, "        \
	"dashes, "                                                             \
	"dots, brackets and a leading 00 of a phone do not matter. Contacts "  \
	"are found by their phone: what is saved already is linked, and "      \
	"takes over what the file says of it. Rows with an error are left "    \
	"out; importing a file again is harmless. Requires the contactImport " \
	"plan feature."
#define EXAMPLE                                                \
	"{\"linked\":5,\"created\":12,\"errors\":[{\"row\":4," \
	"\"message\":\"Invalid phone number\"}],\"errorCount\":1}"
#define ERRORS "400 403 404 409 413 503 504"

static const struct param group_id[] = { ID_PARAM("Group UUID."),
	END_OF_PARAMS };
static const struct param tag_id[] = { ID_PARAM("Tag UUID."), END_OF_PARAMS };

static const struct endpoint rows[] = {
	{ "POST", INTAKE_GROUP_IMPORT, AUTH_ACCOUNT, "Contact Groups & Tags",
		"Import Contacts to Group", 200, group_id, .takes_file = true,
		.details = DETAILS, .answer = "ImportResult", .errors = ERRORS,
		.example = EXAMPLE, .start = import_to_group },
	{ "POST", INTAKE_TAG_IMPORT, AUTH_ACCOUNT, "Contact Groups & Tags",
		"Import Contacts to Tag", 200, tag_id, .takes_file = true,
		.details = DETAILS, .answer = "ImportResult", .errors = ERRORS,
		.example = EXAMPLE, .start = import_to_tag },
};

const struct endpoints endpoints_import = {
	.rows = rows,
	.n = ARRAY_LEN(rows),
	.shapes = shapes,
	.n_shapes = ARRAY_LEN(shapes),
};
