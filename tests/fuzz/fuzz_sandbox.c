/* What a logged-in client may send the sandbox: any decodable stanzas, one
 * after the other, each with two bytes of length in front, into a network of
 * three accounts with some groups.  What does not decode is taken for what
 * comes to the media host.  Sockets are left out: what would go to them is
 * encoded, as it would be, and dropped. */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/err.h"
#include "common/log.h"
#include "common/own.h"
#include "sandboxd/contacts.h"
#include "sandboxd/directory.h"
#include "sandboxd/group.h"
#include "sandboxd/media.h"
#include "sandboxd/queue.h"

#define STANZAS_MAX 16

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
int LLVMFuzzerInitialize(int *argc, char ***argv);

/* ---- session.c and server.c ---- */

struct sandbox_timer {
	void (*fn)(void *arg);
	void *arg;
	struct sandbox_timer *next;
};

static struct sandbox_timer *timers;

void session_send(struct session *session, const struct wa_node *node)
{
	scoped(buf_fini) struct buf bytes = BUF_INIT;
	struct err err = ERR_NONE;

	(void)session;
	(void)wa_node_encode(node, &bytes, &err);
}

void session_end(struct session *session, int code, const char *conflict)
{
	(void)session, (void)code, (void)conflict;
}

void session_cut(struct session *session)
{
	(void)session;
}

void session_cut_mid_frame(struct session *session)
{
	(void)session;
}

void session_send_raw(struct session *session, const void *plain, size_t n)
{
	(void)session, (void)plain, (void)n;
}

size_t session_backlog(const struct session *session)
{
	(void)session;
	return 0;
}

struct sandbox_timer *sandbox_after(
	struct sandbox *sandbox, int64_t ms, void (*fn)(void *arg), void *arg)
{
	struct sandbox_timer *timer = xcalloc(1, sizeof(*timer));

	(void)sandbox, (void)ms;
	*timer = (struct sandbox_timer){ fn, arg, timers };
	timers = timer;
	return timer;
}

void sandbox_timer_cancel(struct sandbox_timer **timerp)
{
	struct sandbox_timer *timer = move(*timerp), **at = &timers;

	if (timer == NULL)
		return;
	while (*at != timer)
		at = &(*at)->next;
	*at = timer->next;
	free(timer);
}

const char *sandbox_stanza_id(struct sandbox *sandbox)
{
	return arena_printf(sandbox->arena, "sbx-%llu",
		(unsigned long long)++sandbox->next_id);
}

/* ---- the network ---- */

static struct device *join(struct sandbox *sandbox, const char *pn)
{
	struct account *account = directory_create(sandbox, pn);
	struct device *device = account_add_companion(account);
	struct session *session = xcalloc(1, sizeof(*session));

	device->has_bundle = true;
	device->welcomed = true;
	session->sandbox = sandbox;
	session->device = device;
	session->state = SESSION_LOGGED_IN;
	session->active = true;
	session->next = sandbox->sessions;
	sandbox->sessions = session;
	device->session = session;
	queue_start(session);
	return device;
}

/* Under an id that an input can name. */
static void make_group(struct sandbox *sandbox, const char *id,
	struct account *creator, struct account **members, size_t n, bool lid)
{
	struct group *group =
		group_create(sandbox, creator, "Fuzzy", members, n, lid);

	table_remove(&sandbox->groups_by_id, &group->by_id);
	snprintf(group->id, sizeof(group->id), "%s", id);
	snprintf(group->invite_code, sizeof(group->invite_code), "CODE%s", id);
	table_add(&sandbox->groups_by_id, &group->by_id,
		table_hash_text(group->id));
}

static struct device *network_open(struct sandbox *sandbox)
{
	struct device *alice, *bob, *carol;
	struct account *members[2];

	sandbox->arena = arena_new(64 * 1024);
	sandbox->directory = directory_new();
	alice = join(sandbox, "15550001111");
	bob = join(sandbox, "15550002222");
	carol = join(sandbox, "15550003333");
	contacts_meet(alice->account, bob->account);
	members[0] = bob->account;
	members[1] = carol->account;
	make_group(sandbox, "1203630001", alice->account, members, 2, true);
	members[0] = alice->account;
	make_group(sandbox, "1203630002", bob->account, members, 1, false);
	make_group(sandbox, "1203630003", carol->account, members, 0, true);
	return alice;
}

static void network_close(struct sandbox *sandbox)
{
	while (sandbox->sessions != NULL) {
		struct session *session = sandbox->sessions;
		struct device *device = session->device;

		sandbox->sessions = session->next;
		if (device != NULL) {
			device->session = NULL;
			queue_on_disconnect(device);
		}
		free(session);
	}
	directory_free(sandbox);
	faults_free(&sandbox->faults);
	media_free(&sandbox->media);
	while (timers != NULL)
		sandbox_timer_cancel(&(struct sandbox_timer *){ timers });
	arena_free(&sandbox->arena);
}

static void handle(struct device *from, const struct wa_node *node)
{
	struct sandbox *sandbox = from->session->sandbox;

	if (strcmp(node->tag, "iq") == 0)
		iq_on_request(from->session, node);
	else if (strcmp(node->tag, "message") == 0)
		route_message(sandbox, from, node);
	else if (strcmp(node->tag, "receipt") == 0)
		route_receipt(sandbox, from, node);
	else if (strcmp(node->tag, "presence") == 0)
		route_presence(sandbox, from, node);
	else if (strcmp(node->tag, "chatstate") == 0)
		route_chatstate(sandbox, from, node);
	else if (strcmp(node->tag, "ack") == 0)
		route_ack(sandbox, from, node);
}

static void handle_text(struct sandbox *sandbox, const uint8_t *bytes, size_t n)
{
	const char *text =
		arena_strndup(sandbox->arena, (const char *)bytes, n);
	struct media_range range = media_range_of(text, n);
	char id[MEDIA_ID_LEN];

	if (!range.impossible && (range.from > range.end || range.end > n))
		abort();
	(void)media_id_of_token(text, id);
	(void)media_id_of_path(text, id);
	(void)media_auth_device(sandbox, text);
}

/* Unlinking frees the device that the next stanza would come from. */
static bool unlinks(const struct wa_node *node)
{
	return wa_node_child(node, "remove-companion-device") != NULL;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc, (void)argv;
	wa_crypto_init();
	return log_open("fuzz", NULL, LOG_LVL_ERROR, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct sandbox sandbox = { 0 };
	struct device *alice = network_open(&sandbox);

	for (int i = 0; i < STANZAS_MAX && n >= 2; i++) {
		size_t length = (size_t)data[0] << 8 | data[1];
		struct wa_node *node = NULL;
		struct err err = ERR_NONE;

		data += 2;
		n -= 2;
		if (length > n)
			length = n;
		if (wa_node_decode(sandbox.arena, data, length, &node, &err) !=
			0)
			handle_text(&sandbox, data, length);
		else if (!unlinks(node))
			handle(alice, node);
		arena_reset(sandbox.arena);
		data += length;
		n -= length;
	}
	network_close(&sandbox);
	return 0;
}
