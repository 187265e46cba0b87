/* Files of media that nobody wants. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utime.h>

#include "common/config.h"
#include "common/err.h"
#include "common/media/library.h"
#include "common/own.h"
#include "common/store/account.h"
#include "common/store/media.h"
#include "schedulerd/files.h"

struct fixture {
	char dir[64];
	struct config config;
	struct schedulerd sd;
	int64_t account_id;
};

static int setup(void **state)
{
	struct fixture *f = xcalloc(1, sizeof *f);
	struct account account = { .public_id = "a",
		.name = "n",
		.email = "e",
		.password_hash = "",
		.plan = "p" };
	struct err err = ERR_NONE;
	char path[96];

	snprintf(f->dir, sizeof f->dir, "/tmp/vereda-files-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	f->config.suite.state_dir = f->dir;
	f->sd.config = &f->config;
	snprintf(path, sizeof path, "%s/vereda.db", f->dir);
	assert_int_equal(store_open(path, STORE_WRITE, &f->sd.store, &err), 0);
	scoped(tx_end) struct tx *tx = tx_begin(f->sd.store, &err);
	assert_int_equal(
		store_account_create(tx, &account, &f->account_id, &err), 0);
	assert_int_equal(tx_commit(tx, &err), 0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	char command[96];

	store_close(&f->sd.store);
	snprintf(command, sizeof command, "rm -r %s", f->dir);
	assert_int_equal(system(command), 0);
	free(f);
	return 0;
}

/* A file with the hash 07 @last..., @age_sec old. */
static void file_add(struct fixture *f, uint8_t last, int age_sec,
	char path_out[LIBRARY_PATH], uint8_t sha256[32])
{
	struct utimbuf times = { time(NULL) - age_sec, time(NULL) - age_sec };
	char temp[LIBRARY_PATH];
	struct err err = ERR_NONE;
	int fd = library_temp(&f->config, temp, &err);

	memset(sha256, last, 32);
	sha256[0] = 7;
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "x", 1), 1);
	close(fd);
	assert_int_equal(library_keep(&f->config, temp, sha256, &err), 0);
	library_path(&f->config, sha256, path_out);
	assert_int_equal(utime(path_out, &times), 0);
}

static void row_add(struct fixture *f, const uint8_t sha256[32])
{
	struct media row = { .public_id = "m",
		.account_id = f->account_id,
		.kind = MEDIA_IMAGE,
		.state = MEDIA_READY,
		.sha256 = sha256,
		.size = 1,
		.mime = "image/png",
		.created_ms = 1 };
	struct err err = ERR_NONE;
	scoped(tx_end) struct tx *tx = tx_begin(f->sd.store, &err);

	assert_int_equal(store_media_insert(tx, &row, &err), 0);
	assert_int_equal(tx_commit(tx, &err), 0);
}

static void only_old_files_without_a_row_go(void **state)
{
	struct fixture *f = *state;
	char wanted[LIBRARY_PATH], orphan[LIBRARY_PATH], young[LIBRARY_PATH];
	uint8_t hash[32];

	file_add(f, 1, 7200, wanted, hash);
	row_add(f, hash);
	file_add(f, 2, 7200, orphan, hash);
	file_add(f, 3, 60, young, hash);
	files_sweep(&f->sd, 8); /* another part of the library */
	assert_int_equal(access(orphan, F_OK), 0);
	files_sweep(&f->sd, 256 + 7);
	assert_int_equal(access(wanted, F_OK), 0);
	assert_int_equal(access(young, F_OK), 0);
	assert_int_equal(access(orphan, F_OK), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			only_old_files_without_a_row_go, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
