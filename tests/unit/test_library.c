#include "common/media/library.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/config.h"
#include "common/err.h"
#include "common/own.h"
#include "common/wa/crypto.h"

struct place {
	char dir[64];
	struct config config;
	struct err err;
};

static int setup(void **state)
{
	struct place *place = xcalloc(1, sizeof(*place));

	wa_crypto_init();
	snprintf(place->dir, sizeof(place->dir), "/tmp/vereda-library-XXXXXX");
	assert_non_null(mkdtemp(place->dir));
	place->config.suite.state_dir = place->dir;
	*state = place;
	return 0;
}

static int teardown(void **state)
{
	struct place *place = *state;
	char command[96];

	snprintf(command, sizeof(command), "rm -rf %s", place->dir);
	assert_int_equal(system(command), 0);
	free(place);
	return 0;
}

#define PLACE_TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

/* A temporary file with @text. */
static void temp_write(
	struct place *place, const char *text, char path[LIBRARY_PATH])
{
	scoped(fd_close) int fd =
		library_temp(&place->config, path, &place->err);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
}

static void keep(struct place *place, const char *text, uint8_t sha256[32])
{
	char path[LIBRARY_PATH];

	wa_sha256(text, strlen(text), sha256);
	temp_write(place, text, path);
	assert_int_equal(
		library_keep(&place->config, path, sha256, &place->err), 0);
	assert_int_equal(access(path, F_OK), -1);
}

static void check_reads(
	struct place *place, const uint8_t sha256[32], const char *text)
{
	scoped(fd_close) int fd =
		library_open(&place->config, sha256, &place->err);
	char got[64] = "";

	assert_true(fd >= 0);
	assert_int_equal(read(fd, got, sizeof(got)), strlen(text));
	assert_string_equal(got, text);
}

static void a_path_is_made_of_the_hash(void **state)
{
	struct place *place = *state;
	uint8_t sha256[32] = { 0xab, 0xcd, [31] = 0x0f };
	char path[LIBRARY_PATH];

	library_path(&place->config, sha256, path);
	assert_int_equal(strlen(path), strlen(place->dir) + 10 + 64);
	assert_memory_equal(path + strlen(place->dir), "/media/ab/abcd00", 16);
	assert_string_equal(path + strlen(path) - 4, "000f");
}

static void a_path_that_does_not_fit_is_no_other_files(void **state)
{
	struct place *place = *state;
	char long_dir[LIBRARY_PATH], path[LIBRARY_PATH];
	struct config config = { .suite.state_dir = long_dir };
	uint8_t sha256[32] = { 1 };

	(void)place;
	memset(long_dir, 'd', sizeof(long_dir));
	long_dir[450] = '\0';
	library_path(&config, sha256, path);
	assert_string_equal(path, "");
	assert_int_equal(library_open(&config, sha256, NULL), -1);
	assert_int_equal(library_temp(&config, path, NULL), -1);
}

static void a_temporary_file_is_private_and_empty(void **state)
{
	struct place *place = *state;
	char a[LIBRARY_PATH], b[LIBRARY_PATH];
	scoped(fd_close) int fd = library_temp(&place->config, a, &place->err);
	scoped(fd_close) int other =
		library_temp(&place->config, b, &place->err);
	struct stat st;

	assert_true(fd >= 0 && other >= 0);
	assert_string_not_equal(a, b);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(st.st_size, 0);
	*strrchr(a, '/') = '\0';
	assert_int_equal(stat(a, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	assert_int_equal(write(fd, "x", 1), 1);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	assert_int_equal(read(fd, b, 1), 1);
}

static void a_kept_file_is_found_by_its_hash(void **state)
{
	struct place *place = *state;
	uint8_t sha256[32], other[32] = { 1 };

	keep(place, "content", sha256);
	check_reads(place, sha256, "content");
	assert_int_equal(library_open(&place->config, other, &place->err), -1);
	assert_int_equal(place->err.code, ERR_NOT_FOUND);
}

static void the_same_file_is_there_once(void **state)
{
	struct place *place = *state;
	char path[LIBRARY_PATH];
	uint8_t sha256[32];
	struct stat before, after;

	keep(place, "twice", sha256);
	library_path(&place->config, sha256, path);
	assert_int_equal(stat(path, &before), 0);
	keep(place, "twice", sha256);
	assert_int_equal(stat(path, &after), 0);
	assert_int_equal(before.st_ino, after.st_ino);
	check_reads(place, sha256, "twice");
}

static void a_temporary_file_that_is_gone_cannot_be_kept(void **state)
{
	struct place *place = *state;
	char path[LIBRARY_PATH];
	uint8_t sha256[32] = { 3 };

	temp_write(place, "gone", path);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(
		library_keep(&place->config, path, sha256, &place->err), -1);
	assert_int_equal(place->err.code, ERR_IO);
}

static void a_removed_file_is_gone(void **state)
{
	struct place *place = *state;
	uint8_t sha256[32];

	keep(place, "remove me", sha256);
	library_remove(&place->config, sha256);
	assert_int_equal(library_open(&place->config, sha256, &place->err), -1);
	assert_int_equal(place->err.code, ERR_NOT_FOUND);
	library_remove(&place->config, sha256); /* once more is no error */
}

static void cleaning_removes_old_temporary_files_only(void **state)
{
	struct place *place = *state;
	char old[LIBRARY_PATH], fresh[LIBRARY_PATH];
	struct timespec times[2] = { { .tv_sec = time(NULL) - 25 * 3600 },
		{ .tv_sec = time(NULL) - 25 * 3600 } };
	uint8_t sha256[32];

	library_clean(&place->config); /* no directory yet */
	keep(place, "kept", sha256);
	temp_write(place, "old", old);
	temp_write(place, "fresh", fresh);
	assert_int_equal(utimensat(-1, old, times, 0), 0);
	library_clean(&place->config);
	assert_int_equal(access(old, F_OK), -1);
	assert_int_equal(access(fresh, F_OK), 0);
	check_reads(place, sha256, "kept");
}

static void a_link_in_the_place_of_a_file_is_not_followed(void **state)
{
	struct place *place = *state;
	char path[LIBRARY_PATH];
	uint8_t sha256[32];

	keep(place, "victim", sha256);
	library_path(&place->config, sha256, path);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(symlink("/etc/passwd", path), 0);
	assert_int_equal(library_open(&place->config, sha256, &place->err), -1);
	assert_int_equal(place->err.code, ERR_IO);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		PLACE_TEST(a_path_is_made_of_the_hash),
		PLACE_TEST(a_path_that_does_not_fit_is_no_other_files),
		PLACE_TEST(a_temporary_file_is_private_and_empty),
		PLACE_TEST(a_kept_file_is_found_by_its_hash),
		PLACE_TEST(the_same_file_is_there_once),
		PLACE_TEST(a_temporary_file_that_is_gone_cannot_be_kept),
		PLACE_TEST(a_removed_file_is_gone),
		PLACE_TEST(cleaning_removes_old_temporary_files_only),
		PLACE_TEST(a_link_in_the_place_of_a_file_is_not_followed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
