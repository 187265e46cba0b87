#include "common/autoreply.h"

#include <locale.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wctype.h>

#include "common/buf.h"
#include "common/bus.h"
#include "common/config.h"
#include "common/err.h"
#include "common/ids.h"
#include "common/log.h"
#include "common/own.h"
#include "common/send.h"
#include "common/wa/jid.h"

#define PHONE_DIGITS_MIN 7

/* ---- texts that are compared: folded, without white space around ---- */

#define UNICODE_MAX 0x10FFFF

static locale_t unicode;
static pthread_once_t unicode_once = PTHREAD_ONCE_INIT;

static void unicode_open(void)
{
	unicode = newlocale(LC_CTYPE_MASK, "C.UTF-8", NULL);
}

/* Is it for glibc's tables, whatever the locale of the process?  On a host
 * that lacks them ASCII alone is folded. */
static bool is_unicode(uint32_t c)
{
	if (c < 0x80 || c > UNICODE_MAX)
		return false;
	pthread_once(&unicode_once, unicode_open);
	return unicode != NULL;
}

/* By way of upper case, which final sigma and its like have in common with
 * their other forms. */
static uint32_t fold(uint32_t c)
{
	if (c >= 'A' && c <= 'Z')
		return c + ('a' - 'A');
	return is_unicode(c) ? towlower_l(towupper_l(c, unicode), unicode) : c;
}

/* Spaces that do not break a line are none for iswspace(). */
static bool is_white(uint32_t c)
{
	if (c == ' ' || (c >= '\t' && c <= '\r'))
		return true;
	return c == 0xA0 || c == 0x2007 || c == 0x202F ||
	       (is_unicode(c) && iswspace_l(c, unicode));
}

/* How many bytes a code point has that begins so; 0: none does. */
static size_t length_of(uint8_t first)
{
	if (first < 0x80)
		return 1;
	if (first < 0xC2 || first >= 0xF5)
		return 0;
	return first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
}

/* The code point at @s and how many bytes it has; 0 bytes at the end.  Bytes
 * that are no UTF-8 stand for themselves, out of Unicode's range. */
static size_t decode(const char *s, uint32_t *out)
{
	static const uint32_t smallest[] = { 0, 0, 0x80, 0x800, 0x10000 };
	const uint8_t first = (uint8_t)s[0];
	const size_t n = length_of(first);
	uint32_t c = first;
	size_t i = 1;

	if (n > 1)
		c &= 0x7Fu >> n;
	while (i < n && ((uint8_t)s[i] & 0xC0) == 0x80)
		c = c << 6 | ((uint8_t)s[i++] & 0x3F);
	if (i != n || c < smallest[n] || c > UNICODE_MAX) {
		*out = UINT32_MAX - first;
		return 1;
	}
	*out = c;
	return first != '\0' ? n : 0;
}

static void encode(struct buf *out, uint32_t c)
{
	if (c > UNICODE_MAX) {
		buf_add_byte(out, (uint8_t)(UINT32_MAX - c));
	} else if (c < 0x80) {
		buf_add_byte(out, (uint8_t)c);
	} else if (c < 0x800) {
		buf_add_byte(out, (uint8_t)(0xC0 | c >> 6));
		buf_add_byte(out, (uint8_t)(0x80 | (c & 0x3F)));
	} else {
		if (c < 0x10000) {
			buf_add_byte(out, (uint8_t)(0xE0 | c >> 12));
		} else {
			buf_add_byte(out, (uint8_t)(0xF0 | c >> 18));
			buf_add_byte(out, (uint8_t)(0x80 | (c >> 12 & 0x3F)));
		}
		buf_add_byte(out, (uint8_t)(0x80 | (c >> 6 & 0x3F)));
		buf_add_byte(out, (uint8_t)(0x80 | (c & 0x3F)));
	}
}

static void text_fold(const char *text, struct buf *out)
{
	size_t n = 0, end = 0;
	uint32_t c;

	buf_clear(out);
	for (const char *s = text; (n = decode(s, &c)) > 0; s += n) {
		if (is_white(c) && end == 0)
			continue;
		encode(out, fold(c));
		if (!is_white(c))
			end = out->len;
	}
	out->len = end;
}

/* Both folded.  memmem() is linear, whatever a peer writes. */
static bool fits(enum auto_reply_trigger type, const struct buf *trigger,
	const struct buf *text)
{
	const size_t n = trigger->len;

	if (n == 0 || n > text->len)
		return false;
	switch (type) {
	case TRIGGER_CONTAINS:
		return memmem(text->data, text->len, trigger->data, n) != NULL;
	case TRIGGER_EXACT:
		return n == text->len &&
		       memcmp(text->data, trigger->data, n) == 0;
	case TRIGGER_STARTS_WITH:
		return memcmp(text->data, trigger->data, n) == 0;
	case TRIGGER_ENDS_WITH:
		return memcmp(text->data + text->len - n, trigger->data, n) ==
		       0;
	}
	return false;
}

bool autoreply_matches(enum auto_reply_trigger type, const char *trigger_value,
	const char *text)
{
	scoped(buf_fini) struct buf trigger = BUF_INIT;
	scoped(buf_fini) struct buf folded = BUF_INIT;

	text_fold(trigger_value, &trigger);
	text_fold(text, &folded);
	return fits(type, &trigger, &folded);
}

bool autoreply_is_blank(const char *text)
{
	scoped(buf_fini) struct buf folded = BUF_INIT;

	text_fold(text, &folded);
	return folded.len == 0;
}

/* ---- the first rule that fits ---- */

struct search {
	const char *text; /* of the message */
	struct buf folded, trigger;
	bool is_folded;
	char rule_id[UUID_LEN];
	char *reply; /* owned; NULL: none fits */
};

static void search_fini(struct search *search)
{
	buf_fini(&search->folded);
	buf_fini(&search->trigger);
	free(search->reply);
}

static int on_rule(const struct auto_reply *rule, void *arg)
{
	struct search *search = arg;

	if (!search->is_folded)
		text_fold(search->text, &search->folded);
	search->is_folded = true;
	text_fold(rule->trigger_value, &search->trigger);
	if (!fits(rule->trigger, &search->trigger, &search->folded))
		return 0;
	snprintf(search->rule_id, sizeof(search->rule_id), "%s",
		rule->public_id);
	search->reply = xstrdup(rule->reply_text);
	return 1;
}

/* ---- answering ---- */

/* Texts and captions.  An edit, a reaction or a button is no question. */
static bool has_question(const struct message *message)
{
	switch (message->kind) {
	case MESSAGE_TEXT:
	case MESSAGE_IMAGE:
	case MESSAGE_VIDEO:
	case MESSAGE_DOCUMENT:
		return message->text != NULL && message->text[0] != '\0';
	case MESSAGE_AUDIO:
	case MESSAGE_VOICE:
	case MESSAGE_STICKER:
	case MESSAGE_LOCATION:
	case MESSAGE_CONTACT:
	case MESSAGE_POLL:
	case MESSAGE_REACTION:
	case MESSAGE_EDIT:
	case MESSAGE_REVOKE:
	case MESSAGE_POLL_VOTE:
	case MESSAGE_BUTTON_REPLY:
	case MESSAGE_GROUP_INVITE:
	case MESSAGE_OTHER:
		break;
	}
	return false;
}

static bool is_answered(const struct config *config,
	const struct message *message, int64_t now_ms)
{
	const int64_t max_age_ms = config->auto_reply.max_age_sec * 1000LL;
	struct wa_jid chat;

	return message->direction == MESSAGE_IN &&
	       message->source == MESSAGE_BY_API && has_question(message) &&
	       message->chat != NULL &&
	       wa_jid_parse(message->chat, strlen(message->chat), &chat) == 0 &&
	       wa_jid_is_user(&chat) && now_ms - message->wa_ms <= max_age_ms;
}

struct answering {
	const struct config *config;
	const char *device_uid;
	const struct message *message;
	const struct search *rule;
	int64_t now_ms;
};

/* Budgets, plans, pauses and bounds are everyday; what fails for another
 * reason is not.  One function writes these lines. */
static void log_answer(const struct answering *a, const struct err *why)
{
	const char *message = a->message->public_id;
	const char *rule = a->rule->rule_id;

	switch (why->code) {
	case ERR_OK:
		log_info("auto_reply device=%s message=%s rule=%s "
			 "status=accepted",
			a->device_uid, message, rule);
		return;
	case ERR_INVALID:
	case ERR_FORBIDDEN:
	case ERR_NOT_FOUND:
	case ERR_CONFLICT:
	case ERR_LIMIT:
		log_info("auto_reply device=%s message=%s rule=%s "
			 "status=not_sent reason=\"%s\"",
			a->device_uid, message, rule, why->msg);
		return;
	case ERR_UNAUTHORIZED:
	case ERR_TOO_LARGE:
	case ERR_BUSY:
	case ERR_TIMEOUT:
	case ERR_IO:
	case ERR_PEER:
	case ERR_INTERNAL:
		break;
	}
	log_warning("auto_reply device=%s message=%s rule=%s status=failed "
		    "reason=\"%s\" action=\"not answered\"",
		a->device_uid, message, rule, why->msg);
}

static int reply_accept(struct tx *tx, const struct answering *a,
	struct send_result *result, struct err *err)
{
	const struct message *message = a->message;
	const bool has_phone = message->phone != NULL &&
			       strlen(message->phone) >= PHONE_DIGITS_MIN;
	char client_id[sizeof(SEND_OWN_ID "auto:") + UUID_LEN];
	const struct send_request request = {
		.account_id = message->account_id,
		.device_uid = a->device_uid,
		.phone = has_phone ? message->phone : NULL,
		.chat = has_phone ? NULL : message->chat,
		.kind = MESSAGE_TEXT,
		.text = a->rule->reply,
		.client_message_id = client_id,
		.source = MESSAGE_BY_AUTO_REPLY,
		.is_template = true,
	};

	snprintf(client_id, sizeof(client_id), SEND_OWN_ID "auto:%s",
		message->public_id);
	return send_accept(tx, a->config, &request, a->now_ms, result, err);
}

/* 0: the reply is accepted.  Else the caller rolls back, so that a reply that
 * is not sent does not count either. */
static int reply_make(struct tx *tx, const struct answering *a,
	struct send_result *result, struct err *err)
{
	const int max = a->config->auto_reply.per_chat_hourly;
	int n = 0;

	if (store_auto_reply_count(tx, a->message->device_id, a->message->chat,
		    a->now_ms, &n, err) != 0)
		return -1;
	if (n > max)
		return err_set(err, ERR_LIMIT,
			"the chat had its %d replies of this hour", max);
	if (reply_accept(tx, a, result, err) != 0)
		return -1;
	return result->duplicate ? err_set(err, ERR_CONFLICT, "answered before")
				 : 0;
}

static int answer(struct tx *tx, const struct answering *a,
	Bus__Envelope **job_out, struct err *err)
{
	struct send_result result = { 0 };
	struct err why = ERR_NONE;

	if (tx_savepoint(tx, err) != 0)
		return -1;
	if (reply_make(tx, a, &result, &why) != 0) {
		tx_savepoint_rollback(tx);
		tx_savepoint_release(tx);
		bus_envelope_free(&result.job);
		log_answer(a, &why);
		return 0;
	}
	tx_savepoint_release(tx);
	*job_out = result.job;
	log_answer(a, &why);
	return 0;
}

int autoreply_answer(struct tx *tx, const struct config *config,
	const char *device_uid, const struct message *message, int64_t now_ms,
	Bus__Envelope **job_out, struct err *err)
{
	scoped(search_fini) struct search search = { .text = message->text };
	const struct answering answering = {
		.config = config,
		.device_uid = device_uid,
		.message = message,
		.rule = &search,
		.now_ms = now_ms,
	};
	struct err why = ERR_NONE;

	*job_out = NULL;
	if (!is_answered(config, message, now_ms))
		return 0;
	if (store_auto_reply_enabled(tx_store(tx), message->device_id, on_rule,
		    &search, &why) != 0) {
		log_warning("auto_reply device=%s message=%s "
			    "status=unreadable reason=\"%s\" "
			    "action=\"not answered\"",
			device_uid, message->public_id, why.msg);
		return 0;
	}
	return search.reply != NULL ? answer(tx, &answering, job_out, err) : 0;
}
