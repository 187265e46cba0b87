/* Hostile ciphertexts.  Input: one byte that picks the message to start from
 * and the way it is decrypted, then (offset, value) pairs that are XORed into
 * it, or, for the last way, the whole message itself.  Whatever comes, the
 * session that was there before must still work. */
#include "common/wa/signal.h"

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/unit/signal_people.h"

#define N_WAYS 8

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static struct {
	struct person *alice, *bob;
	struct wa_jid group;
	struct packet msg, pkmsg, fresh_pkmsg, skdm, skmsg;
	struct memory before; /* bob's records when all of these are unread */
} world;

static struct packet encrypt(struct person *from, const struct person *to)
{
	struct packet packet = { 0 };

	if (wa_signal_encrypt(from->signal, &to->jid, "text", 4, &packet.bytes,
		    &packet.type, NULL) != 0)
		abort();
	return packet;
}

static void decrypt(
	struct person *to, const struct person *from, struct packet *packet)
{
	struct buf plain = BUF_INIT;

	if (wa_signal_decrypt(to->signal, &from->jid, packet->type,
		    packet->bytes.data, packet->bytes.len, &plain, NULL,
		    NULL) != WA_SIGNAL_OK)
		abort();
	buf_fini(&plain);
	packet_fini(packet);
}

static void bundle_from(struct person *from, struct person *to, uint32_t id)
{
	struct wa_bundle bundle = bundle_of(to, id);

	if (wa_signal_process_bundle(
		    from->signal, &to->jid, &bundle, NULL, NULL) != 0)
		abort();
}

static void world_make(void)
{
	struct person *again;
	struct packet packet;

	wa_crypto_init();
	world.alice = person_new("900001", 0);
	world.bob = person_new("900002", 3);
	world.group = wa_jid_lid("120363001", 0);
	world.group.server = WA_SERVER_GROUP;
	bundle_from(world.alice, world.bob, 7);
	packet = encrypt(world.alice, world.bob);
	world.pkmsg = encrypt(world.alice, world.bob);
	decrypt(world.bob, world.alice, &packet);
	packet = encrypt(world.bob, world.alice);
	decrypt(world.alice, world.bob, &packet);
	world.msg = encrypt(world.alice, world.bob);
	again = person_new("900001", 0); /* alice with another identity */
	bundle_from(again, world.bob, 8);
	world.fresh_pkmsg = encrypt(again, world.bob);
	person_free(&again);
	if (wa_signal_group_skdm(world.alice->signal, &world.group,
		    &world.alice->jid, &world.skdm.bytes, NULL) != 0 ||
		wa_signal_group_process(world.bob->signal, &world.group,
			&world.alice->jid, world.skdm.bytes.data,
			world.skdm.bytes.len, NULL) != 0 ||
		wa_signal_group_encrypt(world.alice->signal, &world.group,
			&world.alice->jid, "text", 4, &world.skmsg.bytes,
			NULL) != 0)
		abort();
	memory_copy(&world.before, &world.bob->memory);
}

static const struct packet *packet_of(unsigned way)
{
	const struct packet *packets[] = { &world.msg, &world.pkmsg,
		&world.fresh_pkmsg, &world.skmsg, &world.skdm };

	return way < ARRAY_LEN(packets) ? packets[way] : NULL;
}

/* True when the bytes were taken as genuine. */
static bool feed(unsigned way, const uint8_t *bytes, size_t n)
{
	const struct wa_jid *alice = &world.alice->jid;
	struct wa_signal *bob = world.bob->signal;
	struct buf plain = BUF_INIT;
	struct err err = ERR_NONE;
	int refused;

	switch (way) {
	case 0:
	case 5:
		refused = wa_signal_decrypt(
			bob, alice, WA_ENC_MSG, bytes, n, &plain, NULL, &err);
		break;
	case 1:
	case 2:
	case 6:
		refused = wa_signal_decrypt(
			bob, alice, WA_ENC_PKMSG, bytes, n, &plain, NULL, &err);
		break;
	case 3:
	case 7:
		refused = wa_signal_group_decrypt(
			bob, &world.group, alice, bytes, n, &plain, &err);
		break;
	default:
		refused = wa_signal_group_process(
			bob, &world.group, alice, bytes, n, &err);
	}
	buf_fini(&plain);
	return refused == 0;
}

static void records_check(bool accepted)
{
	if (!accepted && !memory_equal(&world.bob->memory, &world.before))
		abort();
	memory_copy(&world.bob->memory, &world.before);
}

static void session_check(void)
{
	struct buf plain = BUF_INIT;

	if (wa_signal_decrypt(world.bob->signal, &world.alice->jid, WA_ENC_MSG,
		    world.msg.bytes.data, world.msg.bytes.len, &plain, NULL,
		    NULL) != WA_SIGNAL_OK)
		abort();
	buf_fini(&plain);
	memory_copy(&world.bob->memory, &world.before);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	const struct packet *packet;
	struct buf bytes = BUF_INIT;
	unsigned way;

	if (n == 0)
		return 0;
	if (world.alice == NULL)
		world_make();
	way = data[0] % N_WAYS;
	packet = packet_of(way);
	if (packet == NULL) {
		records_check(feed(way, data + 1, n - 1));
	} else {
		buf_add(&bytes, packet->bytes.data, packet->bytes.len);
		for (size_t i = 1; i + 1 < n; i += 2)
			bytes.data[data[i] % bytes.len] ^= data[i + 1];
		records_check(feed(way, bytes.data, bytes.len));
	}
	buf_fini(&bytes);
	session_check();
	return 0;
}
