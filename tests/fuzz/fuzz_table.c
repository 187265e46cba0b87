/* Any bytes as a spreadsheet: as the file itself, which is CSV unless it begins
 * as an archive does, and as the sheet and the shared texts (behind a first
 * NUL) of a workbook that is whole.  Rows that come out are rows that apid can
 * read. XLS is left to libfreexl, which the lockdown is for. */
#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <zip.h>

#include "common/buf.h"
#include "common/err.h"
#include "common/media/convert.h"
#include "common/media/table.h"
#include "common/own.h"
#include "mediaconv/sink.h"
#include "mediaconv/source.h"
#include "mediaconv/table.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static void check_rows(int fd)
{
	scoped(table_reader_free) struct table_reader *reader =
		table_reader_new(fd);
	struct err err = ERR_NONE;
	struct table_row row;
	int found;

	while ((found = table_reader_next(reader, &row, &err)) == 1) {
		assert(row.n_cells >= 1);
		assert(row.cells[row.n_cells - 1][0] != '\0');
	}
	assert(found == 0);
}

static void run(const uint8_t *bytes, size_t n)
{
	const struct source source = { bytes, n };
	scoped(fd_close) int fd = memfd_create("rows", MFD_CLOEXEC);
	struct sink sink = { .fd = fd, .max_bytes = TABLE_BYTES_MAX };
	struct media_facts facts = { 0 };
	struct err err = ERR_NONE;

	if (table_run(&source, NULL, &sink, &facts, &err) == 0)
		check_rows(fd);
	else
		assert(err.code != ERR_OK && err.msg[0] != '\0');
}

static void add(zip_t *zip, const char *path, const void *bytes, size_t n)
{
	const zip_int64_t at =
		zip_file_add(zip, path, zip_source_buffer(zip, bytes, n, 0), 0);

	assert(at >= 0);
	zip_set_file_compression(zip, (zip_uint64_t)at, ZIP_CM_STORE, 0);
}

static void workbook_make(const uint8_t *bytes, size_t n, struct buf *out)
{
	static const char workbook[] = "<w><sheet id=\"a\"/></w>";
	static const char relations[] =
		"<R><Relationship Id=\"a\" Target=\"s.xml\"/>"
		"<Relationship Type=\"/sharedStrings\" Target=\"t.xml\"/></R>";
	const uint8_t *end = memchr(bytes, 0, n);
	const size_t n_sheet = end != NULL ? (size_t)(end - bytes) : n;
	zip_source_t *all = zip_source_buffer_create(NULL, 0, 0, NULL);
	zip_t *zip = zip_open_from_source(all, ZIP_TRUNCATE, NULL);
	zip_stat_t stat;

	zip_source_keep(all);
	add(zip, "xl/workbook.xml", workbook, sizeof(workbook) - 1);
	add(zip, "xl/_rels/workbook.xml.rels", relations,
		sizeof(relations) - 1);
	add(zip, "xl/s.xml", bytes, n_sheet);
	if (end != NULL)
		add(zip, "xl/t.xml", end + 1, n - n_sheet - 1);
	assert(zip_close(zip) == 0);
	zip_source_stat(all, &stat);
	zip_source_open(all);
	zip_source_read(all, buf_reserve(out, stat.size), stat.size);
	out->len = stat.size;
	zip_source_close(all);
	zip_source_free(all);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	scoped(buf_fini) struct buf file = BUF_INIT;

	if (n == 0 || bytes[0] == 0xd0)
		return 0;
	run(bytes, n);
	if (bytes[0] != '<')
		return 0;
	workbook_make(bytes, n, &file);
	run(file.data, file.len);
	return 0;
}
