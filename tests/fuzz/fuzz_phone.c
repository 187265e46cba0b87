/* What peers send to virtual phones and to the app state server, once it is
 * decrypted: any bytes as a message to be shown, as a patch, as a value in it.
 */
#include <jansson.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "common/arena.h"
#include "common/err.h"
#include "common/log.h"
#include "common/wa/syncd.h"
#include "sandboxd/app_state.h"
#include "sandboxd/directory.h"
#include "sandboxd/phone.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static struct sandbox sandbox;
static struct account *alice, *bob;

static void setup(void)
{
	wa_crypto_init();
	log_open("fuzz", NULL, LOG_LVL_ERROR, NULL);
	sandbox.arena = arena_new(64 * 1024);
	sandbox.directory = directory_new();
	alice = directory_create(&sandbox, "15550001111");
	bob = directory_create(&sandbox, "15550002222");
}

/* Shown as one of Bob's, in a group or not; kept, so that later inputs may
 * quote it or vote on it. */
static void show(const uint8_t *data, size_t n, bool in_group)
{
	struct phone *phone = alice->devices->phone;
	struct phone_context context = { .author = bob, .id = "FUZZ" };
	Wa__Message *message = phone_message_parse(data, n);
	struct wa_jid from = wa_jid_lid(bob->lid, 0);
	struct box_entry *entry;
	const char *text;
	json_t *details;

	if (message == NULL)
		return;
	if (in_group)
		wa_jid_parse("1@g.us", 6, &context.chat);
	phone_describe(phone, &context, message, &text, &details);
	entry = box_entry_new("FUZZ", &from, 0, phone_shape_of(message).name,
		text, 1700000000);
	entry->details = details;
	buf_add(&entry->message, data, n);
	wa__message__free_unpacked(message, NULL);
	box_clear(&phone->inbox);
	box_add(&phone->inbox, entry, box_key(&from, 0, "FUZZ"));
}

/* Pushed by a companion, read by the phone, put into a snapshot. */
static void push(const uint8_t *data, size_t n)
{
	struct phone *phone = alice->devices->phone;
	struct err err = ERR_NONE;

	phone_app_state_begin(phone);
	if (app_state_push(&sandbox, alice->devices, 3,
		    app_state_version(alice, 3), data, n, &err) == 0)
		phone_app_state_on_change(phone);
	json_decref(phone_app_state_json(phone));
	phone_app_state_free(&phone->app_state);
	app_state_forget_account(alice);
}

static void open_value(const uint8_t *data, size_t n)
{
	static const uint8_t key[WA_SYNCD_KEY];
	struct wa_syncd_keys keys;
	struct buf out = BUF_INIT;
	struct err err = ERR_NONE;

	wa_syncd_keys_expand(key, sizeof(key), &keys);
	(void)wa_syncd_decrypt(
		&keys, WA_SYNCD_SET, key, 6, data, n, &out, NULL, &err);
	buf_fini(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	if (alice == NULL)
		setup();
	if (n == 0)
		return 0;
	switch (data[0] % 4) {
	case 0:
	case 1:
		show(data + 1, n - 1, data[0] % 4 == 1);
		break;
	case 2:
		push(data + 1, n - 1);
		break;
	case 3:
		open_value(data + 1, n - 1);
		break;
	}
	arena_reset(sandbox.arena);
	return 0;
}
