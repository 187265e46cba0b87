/* Parties whose Signal records are in memory: for the tests and the fuzzer of
 * common/wa/signal.h. */
#ifndef TESTS_UNIT_SIGNAL_PEOPLE_H
#define TESTS_UNIT_SIGNAL_PEOPLE_H

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/err.h"
#include "common/own.h"
#include "common/wa/signal.h"

#define MAX_RECORDS 64
#define NO_FAILURE 0

/* ---- records in memory ---- */

enum kind {
	SESSION = 1,
	IDENTITY,
	PREKEY,
	SIGNED_PREKEY,
	SENDER_KEY,
};

struct record {
	enum kind kind;
	char name[2 * WA_JID_TEXT];
	struct buf bytes;
};

struct memory {
	struct record records[MAX_RECORDS];
	size_t n;
	enum kind failing_load, failing_save; /* NO_FAILURE: none */
};

static inline struct record *memory_find(
	struct memory *memory, enum kind kind, const char *name)
{
	for (size_t i = 0; i < memory->n; i++)
		if (memory->records[i].kind == kind &&
			strcmp(memory->records[i].name, name) == 0)
			return &memory->records[i];
	return NULL;
}

static inline int memory_load(struct memory *memory, enum kind kind,
	const char *name, struct buf *out)
{
	const struct record *record = memory_find(memory, kind, name);

	if (memory->failing_load == kind)
		return -1;
	if (record == NULL)
		return 0;
	buf_add(out, record->bytes.data, record->bytes.len);
	return 1;
}

static inline int memory_save(struct memory *memory, enum kind kind,
	const char *name, const void *bytes, size_t n)
{
	struct record *record = memory_find(memory, kind, name);

	if (memory->failing_save == kind)
		return -1;
	if (record == NULL) {
		assert(memory->n < MAX_RECORDS);
		record = &memory->records[memory->n++];
		record->kind = kind;
		snprintf(record->name, sizeof(record->name), "%s", name);
	}
	buf_clear(&record->bytes);
	buf_add(&record->bytes, bytes, n);
	return 0;
}

static inline int memory_remove(
	struct memory *memory, enum kind kind, const char *name)
{
	struct record *record = memory_find(memory, kind, name);

	if (memory->failing_save == kind)
		return -1;
	if (record == NULL)
		return 0;
	buf_fini(&record->bytes);
	*record = memory->records[--memory->n];
	memory->records[memory->n].bytes = BUF_INIT;
	return 0;
}

static inline void memory_clear(struct memory *memory)
{
	for (size_t i = 0; i < memory->n; i++)
		buf_fini(&memory->records[i].bytes);
	memory->n = 0;
}

/* Makes @to what @from is now. */
static inline void memory_copy(struct memory *to, const struct memory *from)
{
	memory_clear(to);
	for (size_t i = 0; i < from->n; i++)
		memory_save(to, from->records[i].kind, from->records[i].name,
			from->records[i].bytes.data,
			from->records[i].bytes.len);
}

static inline bool memory_equal(const struct memory *a, const struct memory *b)
{
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++) {
		const struct record *x = &a->records[i];
		const struct record *y = &b->records[i];

		if (x->kind != y->kind || strcmp(x->name, y->name) != 0 ||
			x->bytes.len != y->bytes.len ||
			memcmp(x->bytes.data, y->bytes.data, x->bytes.len) != 0)
			return false;
	}
	return true;
}

static inline const char *name_of(const struct wa_jid *jid)
{
	static char text[WA_JID_TEXT];

	return wa_jid_text(jid, text);
}

static inline const char *name_of_id(uint32_t id)
{
	static char text[16];

	snprintf(text, sizeof(text), "%u", id);
	return text;
}

static inline const char *name_of_sender(
	const struct wa_jid *group, const struct wa_jid *sender)
{
	static char text[2 * WA_JID_TEXT];
	char group_text[WA_JID_TEXT];

	snprintf(text, sizeof(text), "%s %s", wa_jid_text(group, group_text),
		name_of(sender));
	return text;
}

static inline int session_load(
	void *arg, const struct wa_jid *address, struct buf *out)
{
	return memory_load(arg, SESSION, name_of(address), out);
}

static inline int session_save(void *arg, const struct wa_jid *address,
	const uint8_t *record, size_t n)
{
	return memory_save(arg, SESSION, name_of(address), record, n);
}

static inline int identity_load(
	void *arg, const struct wa_jid *address, struct buf *out)
{
	return memory_load(arg, IDENTITY, name_of(address), out);
}

static inline int identity_save(
	void *arg, const struct wa_jid *address, const uint8_t *key, size_t n)
{
	return memory_save(arg, IDENTITY, name_of(address), key, n);
}

static inline int prekey_load(void *arg, uint32_t id, struct buf *out)
{
	return memory_load(arg, PREKEY, name_of_id(id), out);
}

static inline int prekey_remove(void *arg, uint32_t id)
{
	return memory_remove(arg, PREKEY, name_of_id(id));
}

static inline int signed_prekey_load(void *arg, uint32_t id, struct buf *out)
{
	return memory_load(arg, SIGNED_PREKEY, name_of_id(id), out);
}

static inline int sender_key_load(void *arg, const struct wa_jid *group,
	const struct wa_jid *sender, struct buf *out)
{
	return memory_load(arg, SENDER_KEY, name_of_sender(group, sender), out);
}

static inline int sender_key_save(void *arg, const struct wa_jid *group,
	const struct wa_jid *sender, const uint8_t *record, size_t n)
{
	return memory_save(
		arg, SENDER_KEY, name_of_sender(group, sender), record, n);
}

/* ---- parties ---- */

struct person {
	struct wa_jid jid;
	struct wa_keypair identity;
	uint32_t registration_id;
	struct memory memory;
	struct wa_signal *signal;
};

static inline void person_load(struct person *person)
{
	const struct wa_signal_store store = {
		.arg = &person->memory,
		.session_load = session_load,
		.session_save = session_save,
		.identity_load = identity_load,
		.identity_save = identity_save,
		.prekey_load = prekey_load,
		.prekey_remove = prekey_remove,
		.signed_prekey_load = signed_prekey_load,
		.sender_key_load = sender_key_load,
		.sender_key_save = sender_key_save,
	};

	wa_signal_free(&person->signal);
	person->signal = wa_signal_new(
		&person->identity, person->registration_id, &store);
}

static inline struct person *person_new(const char *user, unsigned device)
{
	struct person *person = xcalloc(1, sizeof(*person));

	person->jid = wa_jid_lid(user, device);
	person->registration_id = 0xfedc0000u + device;
	wa_keypair_new(&person->identity);
	person_load(person);
	return person;
}

static inline void person_free(struct person **personp)
{
	struct person *person = move(*personp);

	wa_signal_free(&person->signal);
	memory_clear(&person->memory);
	free(person);
}

/* A bundle of @person with one-time prekey @one_time_id, 0 = without. */
static inline struct wa_bundle bundle_of(
	struct person *person, uint32_t one_time_id)
{
	struct wa_bundle bundle = {
		.registration_id = person->registration_id,
		.signed_id = 1,
		.has_one_time = one_time_id != 0,
		.one_time_id = one_time_id,
	};
	uint8_t record[64 + WA_SIGNATURE_BYTES];
	struct wa_keypair signed_key, one_time;

	wa_keypair_new(&signed_key);
	if (memory_find(&person->memory, SIGNED_PREKEY, "1") != NULL)
		memcpy(&signed_key,
			memory_find(&person->memory, SIGNED_PREKEY, "1")
				->bytes.data,
			sizeof(signed_key));
	wa_signal_sign_prekey(
		&person->identity, signed_key.pub, bundle.signature);
	memcpy(record, signed_key.priv, 32);
	memcpy(record + 32, signed_key.pub, 32);
	memcpy(record + 64, bundle.signature, WA_SIGNATURE_BYTES);
	memory_save(
		&person->memory, SIGNED_PREKEY, "1", record, sizeof(record));
	memcpy(bundle.identity, person->identity.pub, 32);
	memcpy(bundle.signed_key, signed_key.pub, 32);
	if (one_time_id == 0)
		return bundle;
	wa_keypair_new(&one_time);
	memcpy(record, one_time.priv, 32);
	memcpy(record + 32, one_time.pub, 32);
	memory_save(
		&person->memory, PREKEY, name_of_id(one_time_id), record, 64);
	memcpy(bundle.one_time_key, one_time.pub, 32);
	return bundle;
}

/* ---- packets ---- */

struct packet {
	enum wa_enc_type type;
	struct buf bytes;
};

static inline void packet_fini(struct packet *packet)
{
	buf_fini(&packet->bytes);
}

#define PACKET scoped(packet_fini) struct packet

struct two {
	struct person *alice, *bob;
};

static inline int two_setup(void **state)
{
	struct two *two = xcalloc(1, sizeof(*two));

	wa_crypto_init();
	two->alice = person_new("900001", 0);
	two->bob = person_new("900002", 3);
	*state = two;
	return 0;
}

static inline int two_teardown(void **state)
{
	struct two *two = *state;

	person_free(&two->alice);
	person_free(&two->bob);
	free(two);
	return 0;
}

#endif
