#include "mediaconv/xlsx.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "common/err.h"
#include "common/own.h"
#include "mediaconv/table.h"
#include "mediaconv/xlsx_part.h"
#include "mediaconv/xlsx_sheet.h"
#include "mediaconv/xlsx_strings.h"

#define WORKBOOK "xl/workbook.xml"
#define RELATIONS "xl/_rels/workbook.xml.rels"
#define FOLDER "xl/"
#define STRINGS_TYPE "/sharedStrings"
#define ID_MAX 64

struct workbook {
	bool has_sheet;
	char sheet_id[ID_MAX]; /* of the first sheet, as relations call it */
	char sheet[PART_PATH_MAX], strings[PART_PATH_MAX]; /* "" = none */
};

static void on_end(struct part *part, const char *name)
{
	(void)part;
	(void)name;
}

/* <sheets><sheet name="Contacts" sheetId="1" r:id="rId1"/>...</sheets> */
static void on_workbook(
	struct part *part, const char *name, const char **attributes)
{
	struct workbook *workbook = part_arg(part);
	const char *id;

	if (strcmp(name, "sheet") != 0)
		return;
	id = part_attribute(attributes, "id");
	if (id == NULL || strlen(id) >= ID_MAX) {
		part_fail(part, TABLE_BROKEN);
		return;
	}
	strcpy(workbook->sheet_id, id);
	workbook->has_sheet = true;
	part_stop(part);
}

/* "worksheets/sheet1.xml", or "/xl/worksheets/sheet1.xml". */
static void path_take(
	struct part *part, const char *target, char out[PART_PATH_MAX])
{
	const bool is_absolute = target != NULL && target[0] == '/';

	if (target == NULL || strlen(target) + sizeof(FOLDER) > PART_PATH_MAX)
		part_fail(part, TABLE_BROKEN);
	else
		snprintf(out, PART_PATH_MAX, "%s%s", is_absolute ? "" : FOLDER,
			target + is_absolute);
}

static bool ends_with(const char *text, const char *end)
{
	const size_t n = strlen(text), n_end = strlen(end);

	return n >= n_end && strcmp(text + n - n_end, end) == 0;
}

/* <Relationship Id="rId1" Type=".../worksheet" Target="worksheets/sheet1.xml"/>
 */
static void on_relation(
	struct part *part, const char *name, const char **attributes)
{
	struct workbook *workbook = part_arg(part);
	const char *id = part_attribute(attributes, "Id");
	const char *type = part_attribute(attributes, "Type");
	const char *target = part_attribute(attributes, "Target");

	if (strcmp(name, "Relationship") != 0)
		return;
	if (id != NULL && strcmp(id, workbook->sheet_id) == 0)
		path_take(part, target, workbook->sheet);
	else if (type != NULL && ends_with(type, STRINGS_TYPE))
		path_take(part, target, workbook->strings);
}

static int workbook_read(
	struct archive *archive, struct workbook *out, struct err *err)
{
	static const struct part_handlers of_workbook = { on_workbook, on_end,
		NULL };
	static const struct part_handlers of_relations = { on_relation, on_end,
		NULL };

	if (!archive_has(archive, WORKBOOK))
		return err_set(err, ERR_INVALID, TABLE_UNKNOWN);
	if (part_read(archive, WORKBOOK, &of_workbook, out, err) != 0)
		return -1;
	if (!out->has_sheet)
		return err_set(
			err, ERR_INVALID, "The spreadsheet has no sheet");
	return part_read(archive, RELATIONS, &of_relations, out, err);
}

int xlsx_read(const struct source *source, struct table *table, struct err *err)
{
	scoped(archive_close) struct archive *archive = NULL;
	scoped(strings_fini) struct strings strings = { 0 };
	struct workbook workbook = { 0 };

	if (archive_open(source, &archive, err) != 0 ||
		workbook_read(archive, &workbook, err) != 0)
		return -1;
	if (workbook.strings[0] != '\0' &&
		strings_read(archive, workbook.strings, &strings, err) != 0)
		return -1;
	return sheet_read(archive, workbook.sheet, &strings, table, err);
}
