/* Spreadsheets for the tests: XLSX files put together with libzip. */
#ifndef TESTS_UNIT_MEDIACONV_SHEETS_H
#define TESTS_UNIT_MEDIACONV_SHEETS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>
#include <zip.h>

#include "common/buf.h"
#include "common/err.h"
#include "common/media/convert.h"
#include "common/own.h"
#include "mediaconv/sink.h"
#include "mediaconv/source.h"
#include "mediaconv/table.h"

#define SHEET_PATH "xl/worksheets/sheet1.xml"
#define STRINGS_PATH "xl/sharedStrings.xml"
#define RELATION(id, type, target)                                         \
	"<Relationship Id=\"" id                                           \
	"\" Type=\"http://schemas.openxmlformats.org/officeDocument/2006/" \
	"relationships/" type "\" Target=\"" target "\"/>"

/* A part of an archive; one with text NULL ends the list. */
struct sheet_part {
	const char *path, *text;
	size_t n; /* 0: strlen(text) */
};

static inline void sheet_archive(
	const struct sheet_part *parts, struct buf *out)
{
	zip_source_t *all = zip_source_buffer_create(NULL, 0, 0, NULL);
	zip_t *zip = zip_open_from_source(all, ZIP_TRUNCATE, NULL);
	zip_stat_t stat;

	assert_non_null(zip);
	zip_source_keep(all);
	for (; parts->text != NULL; parts++) {
		zip_source_t *part = zip_source_buffer(zip, parts->text,
			parts->n != 0 ? parts->n : strlen(parts->text), 0);

		assert_true(zip_file_add(zip, parts->path, part, 0) >= 0);
	}
	assert_int_equal(zip_close(zip), 0);
	assert_int_equal(zip_source_stat(all, &stat), 0);
	assert_int_equal(zip_source_open(all), 0);
	assert_int_equal(
		zip_source_read(all, buf_reserve(out, stat.size), stat.size),
		(zip_int64_t)stat.size);
	out->len += stat.size;
	zip_source_close(all);
	zip_source_free(all);
}

/* A workbook whose first sheet has these rows; @strings: the <si> of it. */
static inline void sheet_workbook(
	const char *rows, const char *strings, struct buf *out)
{
	scoped(str_free) char *sheet = xasprintf(
		"<worksheet><cols/><sheetData>%s</sheetData></worksheet>",
		rows);
	scoped(str_free) char *shared =
		xasprintf("<?xml version=\"1.0\" encoding=\"UTF-8\"?>"
			  "<sst>%s</sst>",
			strings);
	const struct sheet_part parts[] = {
		{ "xl/workbook.xml",
			"<workbook xmlns:r=\"r\"><sheets>"
			"<sheet name=\"One\" sheetId=\"7\" r:id=\"rId3\"/>"
			"<sheet name=\"Two\" sheetId=\"1\" r:id=\"rId1\"/>"
			"</sheets></workbook>",
			0 },
		{ "xl/_rels/workbook.xml.rels",
			"<Relationships>" RELATION("rId1", "worksheet",
				"worksheets/other.xml") RELATION("rId2",
				"sharedStrings", "sharedStrings.xml")
				RELATION("rId3", "worksheet",
					"/" SHEET_PATH) "</Relationships>",
			0 },
		{ STRINGS_PATH, shared, 0 },
		{ SHEET_PATH, sheet, 0 },
		{ NULL, NULL, 0 },
	};

	sheet_archive(parts, out);
}

/* The job on bytes in memory, in this process; the rows as text. */
static inline int sheet_run(
	const void *bytes, size_t n, struct buf *out, struct err *err)
{
	const struct source source = { bytes, n };
	struct sink sink = { .fd = memfd_create("rows", MFD_CLOEXEC),
		.max_bytes = TABLE_BYTES_MAX };
	struct media_facts facts = { 0 };
	int failed;

	*err = ERR_NONE;
	buf_clear(out);
	failed = table_run(&source, NULL, &sink, &facts, err);
	assert_int_equal(
		pread(sink.fd, buf_reserve(out, sink.size + 1), sink.size, 0),
		(ssize_t)sink.size);
	out->len = sink.size;
	close(sink.fd);
	if (failed == 0)
		assert_int_equal(facts.kind, MEDIA_DOCUMENT);
	return failed;
}

static inline void sheet_expect(const void *bytes, size_t n, const char *rows)
{
	scoped(buf_fini) struct buf out = BUF_INIT;
	struct err err;

	if (sheet_run(bytes, n, &out, &err) != 0)
		fail_msg("%s", err.msg);
	assert_string_equal(buf_cstr(&out), rows);
}

static inline void sheet_expect_refusal(
	const void *bytes, size_t n, const char *why)
{
	scoped(buf_fini) struct buf out = BUF_INIT;
	struct err err;

	if (sheet_run(bytes, n, &out, &err) == 0)
		fail_msg("taken: %s", buf_cstr(&out));
	assert_int_equal(err.code, ERR_INVALID);
	assert_string_equal(err.msg, why);
}

#endif
