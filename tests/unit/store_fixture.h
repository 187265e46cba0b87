/* A store of its own for each test: a fresh database with one account that has
 * two devices. */
#ifndef TESTS_UNIT_STORE_FIXTURE_H
#define TESTS_UNIT_STORE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/err.h"
#include "common/ids.h"
#include "common/own.h"
#include "common/store/account.h"
#include "common/store/device.h"
#include "common/store/message.h"
#include "common/store/store.h"

/* 2026-05-23T12:34:56.789Z */
#define NOW_MS INT64_C(1779539696789)

struct fixture {
	char dir[64];
	char path[96];
	struct store *store;
	int64_t account_id, other_account_id;
	int64_t device_id, second_device_id;
	char uid[DEVICE_UID_LEN], second_uid[DEVICE_UID_LEN];
	struct err err;
};

static inline struct tx *begin(struct fixture *f)
{
	struct tx *tx = tx_begin(f->store, &f->err);

	assert_non_null(tx);
	return tx;
}

static inline void commit(struct fixture *f, struct tx *tx)
{
	assert_int_equal(tx_commit(tx, &f->err), 0);
	tx_end(&tx);
}

static inline int64_t add_account(struct fixture *f, const char *email)
{
	char uuid[UUID_LEN];
	struct account account = { .public_id = uuid,
		.name = "Ada",
		.email = email,
		.password_hash = "hash",
		.plan = "pro",
		.created_ms = NOW_MS };
	struct tx *tx = begin(f);
	int64_t id = 0;

	id_uuid7(uuid);
	assert_int_equal(store_account_create(tx, &account, &id, &f->err), 0);
	commit(f, tx);
	return id;
}

static inline int64_t add_device(
	struct fixture *f, int64_t account_id, char uid[DEVICE_UID_LEN])
{
	struct device device = { .account_id = account_id,
		.uid = uid,
		.name = "Front desk",
		.status = DEVICE_CONNECTED,
		.phone = "+15550001111",
		.created_ms = NOW_MS };
	struct tx *tx = begin(f);
	int64_t id = 0;

	id_device_uid(uid);
	assert_int_equal(store_device_create(tx, &device, &id, &f->err), 0);
	commit(f, tx);
	return id;
}

static inline int fixture_setup(void **state)
{
	struct fixture *f = xcalloc(1, sizeof(*f));

	snprintf(f->dir, sizeof(f->dir), "/tmp/vereda-store-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	snprintf(f->path, sizeof(f->path), "%s/vereda.db", f->dir);
	assert_int_equal(
		store_open(f->path, STORE_WRITE, &f->store, &f->err), 0);
	f->account_id = add_account(f, "ada@example.com");
	f->other_account_id = add_account(f, "bob@example.com");
	f->device_id = add_device(f, f->account_id, f->uid);
	f->second_device_id = add_device(f, f->account_id, f->second_uid);
	*state = f;
	return 0;
}

static inline int fixture_teardown(void **state)
{
	static const char *const suffixes[] = { "", "-wal", "-shm", ".lock" };
	struct fixture *f = *state;
	char name[128];

	store_close(&f->store);
	for (size_t i = 0; i < ARRAY_LEN(suffixes); i++) {
		snprintf(name, sizeof(name), "%s%s", f->path, suffixes[i]);
		unlink(name);
	}
	rmdir(f->dir);
	free(f);
	return 0;
}

/* ---- messages ---- */

struct outgoing {
	struct message message;
	char public_id[UUID_LEN];
	char wa_id[WA_MSG_ID_LEN];
	bool duplicate;
};

/* An outbound text of @device_id with a fresh id, inserted in @tx. */
static inline struct outgoing insert_out(struct fixture *f, struct tx *tx,
	int64_t device_id, const char *client_message_id)
{
	struct outgoing out = { .duplicate = false };

	id_uuid7(out.public_id);
	assert_int_equal(
		store_message_wa_id(tx, device_id, out.wa_id, &f->err), 0);
	out.message = (struct message){ .account_id = f->account_id,
		.device_id = device_id,
		.public_id = out.public_id,
		.wa_id = out.wa_id,
		.chat = "15550002222@s.whatsapp.net",
		.phone = "15550002222",
		.text = "hello",
		.kind = MESSAGE_TEXT,
		.source = MESSAGE_BY_API,
		.client_message_id = client_message_id,
		.created_ms = NOW_MS };
	assert_int_equal(store_message_insert_out(
				 tx, &out.message, &out.duplicate, &f->err),
		0);
	return out;
}

static inline struct outgoing put_out(struct fixture *f, int64_t device_id)
{
	struct tx *tx = begin(f);
	struct outgoing out = insert_out(f, tx, device_id, NULL);

	commit(f, tx);
	return out;
}

#define STORE_TEST(test) \
	cmocka_unit_test_setup_teardown(test, fixture_setup, fixture_teardown)

#endif
