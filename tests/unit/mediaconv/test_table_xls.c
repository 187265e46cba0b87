/* XLS files into rows (tests/data/make_contacts_xls.py made the one), and the
 * job behind the lockdown: this program is its own worker. */
#include "mediaconv/worker.h"

#include "tests/unit/mediaconv/sheets.h"

#include <event2/event.h>
#include <fcntl.h>
#include <iconv.h>
#include <sys/wait.h>

#include "common/config.h"
#include "mediaconv/lockdown.h"
#include "mediaconv/xls.h"
#include "mediaconv/xls_file.h"

#define FIXTURE "tests/data/contacts.xls"
#define ROWS                                                        \
	"[1,\"Name\",\"Phone\",\"City\",\"Since\"]\n"               \
	"[2,\"Ana \xc3\x9cnal\",\"15550007001\",\"\xc5\x81\xc3\xb3" \
	"d\xc5\xba\",\"2024-02-29\"]\n"                             \
	"[3,\"Bo\",\"+1 (555) 000-7002\",\"7.25\"]\n"               \
	"[5,\"Cy\",\"bad\"]\n"                                      \
	"[7,\"Di\",\"15550007003\",\"1\"]\n"

static struct config config = { .media = { .max_mib = 16 } };

static void load(struct buf *out)
{
	scoped(fd_close) int fd = open(FIXTURE, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		fail_msg("%s is not there: run in the source tree", FIXTURE);
	out->len = (size_t)read(fd, buf_reserve(out, 1 << 20), 1 << 20);
}

static void the_first_sheet_is_read(void **state)
{
	scoped(buf_fini) struct buf file = BUF_INIT;

	(void)state;
	load(&file);
	sheet_expect(file.data, file.len, ROWS);
	/* A second time: nothing is left of the first. */
	sheet_expect(file.data, file.len, ROWS);
}

static void what_is_broken_is_refused(void **state)
{
	scoped(buf_fini) struct buf file = BUF_INIT;

	(void)state;
	load(&file);
	for (size_t n = 8; n < 2048; n += 97)
		sheet_expect_refusal(file.data, n, TABLE_BROKEN);
}

static void other_files_are_still_opened_by_name(void **state)
{
	static const uint8_t bytes[] = "input";
	const struct source source = { bytes, 5 };
	const char *name = xls_file_offer(&source);
	char text[8] = "";
	FILE *file = fopen(name, "rb");

	(void)state;
	assert_non_null(file);
	assert_int_equal(fread(text, 1, sizeof(text), file), 5);
	assert_string_equal(text, "input");
	fclose(file);
	file = fopen("/proc/self/comm", "r");
	assert_non_null(file);
	fclose(file);
	(void)xls_file_offer(NULL);
	assert_null(fopen(name, "rb"));
}

/* ---- behind the lockdown ---- */

struct outcome {
	struct event_base *base;
	struct err err;
	char mime[96];
	uint64_t size;
};

static void on_done(struct media_facts *facts, const struct err *err, void *arg)
{
	struct outcome *outcome = arg;

	outcome->err = *err;
	if (facts != NULL) {
		strcpy(outcome->mime, facts->mime);
		outcome->size = facts->size;
	}
	event_base_loopbreak(outcome->base);
}

static void run(const struct buf *file, int out_fd, struct outcome *outcome)
{
	scoped(fd_close) int in_fd = memfd_create("in", MFD_CLOEXEC);
	const struct convert_request request = {
		.job = CONVERT_TABLE, .in_fd = in_fd, .out_fd = out_fd
	};
	struct convert *convert;

	assert_int_equal(
		write(in_fd, file->data, file->len), (ssize_t)file->len);
	*outcome = (struct outcome){ .base = event_base_new() };
	assert_int_equal(convert_start(outcome->base, &config, &request,
				 on_done, outcome, &convert, &outcome->err),
		0);
	event_base_dispatch(outcome->base);
	event_base_free(outcome->base);
}

static void expect(const struct buf *file, const char *mime, const char *rows)
{
	scoped(fd_close) int out_fd = memfd_create("out", MFD_CLOEXEC);
	scoped(buf_fini) struct buf out = BUF_INIT;
	struct outcome outcome;

	run(file, out_fd, &outcome);
	assert_string_equal(outcome.err.msg, "");
	assert_string_equal(outcome.mime, mime);
	assert_int_equal(outcome.size, strlen(rows));
	out.len = (size_t)pread(
		out_fd, buf_reserve(&out, strlen(rows)), strlen(rows), 0);
	assert_string_equal(buf_cstr(&out), rows);
}

static void all_three_formats_are_read_behind_the_lockdown(void **state)
{
	scoped(buf_fini) struct buf xls = BUF_INIT, xlsx = BUF_INIT;
	scoped(buf_fini) struct buf csv = BUF_INIT;

	(void)state;
	load(&xls);
	expect(&xls, "application/vnd.ms-excel", ROWS);
	sheet_workbook("<row><c t=\"s\"><v>0</v></c><c><v>15550001111</v></c>"
		       "</row>",
		"<si><t>Ana</t></si>", &xlsx);
	expect(&xlsx,
		"application/vnd.openxmlformats-officedocument."
		"spreadsheetml.sheet",
		"[1,\"Ana\",\"15550001111\"]\n");
	buf_add_str(&csv, "Ana;15550001111\n");
	expect(&csv, "text/csv", "[1,\"Ana\",\"15550001111\"]\n");
}

/* Files of Excel 5 and 95 have one byte a character, in a code page of theirs.
 * Their tables are libraries, and no library can be loaded there. */
static void code_pages_are_there_behind_the_lockdown(void **state)
{
	static const char *const pages[] = { "CP1252", "CP1251", "CP437",
		"CP932", "UTF-16LE" };
	struct err err = ERR_NONE;
	int status;
	pid_t pid = fork();

	(void)state;
	if (pid == 0) {
		xls_prepare();
		if (lockdown_prepare(3, &err) != 0 ||
			lockdown_enter(0, &err) != 0)
			_exit(100);
		for (int i = 0; i < (int)ARRAY_LEN(pages); i++)
			if (iconv_open("UTF-8", pages[i]) == (iconv_t)-1)
				_exit(1 + i);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void a_file_of_another_kind_is_refused_with_a_sentence(void **state)
{
	scoped(fd_close) int out_fd = memfd_create("out", MFD_CLOEXEC);
	scoped(buf_fini) struct buf file = BUF_INIT;
	struct outcome outcome;

	(void)state;
	buf_add_str(&file, "\x89PNG\r\n\x1a\n");
	run(&file, out_fd, &outcome);
	assert_int_equal(outcome.err.code, ERR_INVALID);
	assert_string_equal(outcome.err.msg, TABLE_UNKNOWN);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_sheet_is_read),
		cmocka_unit_test(what_is_broken_is_refused),
		cmocka_unit_test(other_files_are_still_opened_by_name),
		cmocka_unit_test(
			all_three_formats_are_read_behind_the_lockdown),
		cmocka_unit_test(code_pages_are_there_behind_the_lockdown),
		cmocka_unit_test(
			a_file_of_another_kind_is_refused_with_a_sentence),
	};

	if (argc > 1)
		_exit(worker_run(argc, argv));
	convert_use_worker("/proc/self/exe", 0);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
