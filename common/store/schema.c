/* Every table that grows is read through an index only;
 * tests/unit/test_message.c and its neighbours check the plans.  Each index
 * costs every insert a write to one more tree, so each says here what it is
 * for. */
#include "common/store/schema.h"

#include "common/own.h"

static const char version_1[] =
	/* ---- accounts ---- */
	"CREATE TABLE account ("
	" id INTEGER PRIMARY KEY,"
	" public_id TEXT NOT NULL UNIQUE,"
	" name TEXT NOT NULL,"
	" email TEXT NOT NULL UNIQUE,"
	" password_hash TEXT NOT NULL,"
	" plan TEXT NOT NULL,"
	" created_ms INTEGER NOT NULL);"
	/* What changes with every event is apart from the wide row. */
	"CREATE TABLE account_tally ("
	" account_id INTEGER PRIMARY KEY REFERENCES account (id),"
	" event_seq INTEGER NOT NULL DEFAULT 0);"
	"CREATE TABLE api_key ("
	" id INTEGER PRIMARY KEY,"
	" public_id TEXT NOT NULL UNIQUE,"
	" account_id INTEGER NOT NULL REFERENCES account (id),"
	" name TEXT NOT NULL,"
	" prefix TEXT NOT NULL,"
	" hash BLOB NOT NULL UNIQUE,"
	" is_active INTEGER NOT NULL,"
	" created_ms INTEGER NOT NULL,"
	" last_used_ms INTEGER NOT NULL);"
	"CREATE INDEX api_key_of_account ON api_key (account_id, id);"
	/* Counts changes of a kind, so that caches know when they are stale. */
	"CREATE TABLE generation ("
	" id INTEGER PRIMARY KEY,"
	" name TEXT NOT NULL UNIQUE,"
	" n INTEGER NOT NULL);"
	"INSERT INTO generation (name, n) VALUES ('api_key', 1);"

	/* ---- devices ---- */
	"CREATE TABLE device ("
	" id INTEGER PRIMARY KEY,"
	" account_id INTEGER NOT NULL REFERENCES account (id),"
	" uid TEXT NOT NULL UNIQUE,"
	" name TEXT NOT NULL,"
	" status INTEGER NOT NULL,"
	" phone TEXT,"
	" jid TEXT,"
	" lid TEXT,"
	" push_name TEXT,"
	" lane_state TEXT,"
	" lane_reason TEXT,"
	" lane_since_ms INTEGER NOT NULL,"
	" last_frame_ms INTEGER NOT NULL,"
	" created_ms INTEGER NOT NULL,"
	" linked_ms INTEGER NOT NULL,"
	" deleted_ms INTEGER NOT NULL);"
	"CREATE INDEX device_of_account ON device (account_id, id);"
	/* The numbers that every message and event changes: the sequences, the
	 * list total and the safety budget.  It outlives the device, as its
	 * messages do. */
	"CREATE TABLE device_tally ("
	" device_id INTEGER PRIMARY KEY REFERENCES device (id),"
	" account_id INTEGER NOT NULL REFERENCES account (id),"
	" job_seq INTEGER NOT NULL DEFAULT 0,"
	" event_seq INTEGER NOT NULL DEFAULT 0,"
	" messages INTEGER NOT NULL DEFAULT 0,"
	" day INTEGER NOT NULL DEFAULT 0,"
	" day_sent INTEGER NOT NULL DEFAULT 0,"
	" hour INTEGER NOT NULL DEFAULT 0,"
	" hour_sent INTEGER NOT NULL DEFAULT 0,"
	" minute INTEGER NOT NULL DEFAULT 0,"
	" minute_sent INTEGER NOT NULL DEFAULT 0);"
	/* An account's total is the sum over its few devices. */
	"CREATE INDEX device_tally_of_account ON device_tally (account_id);"

	/* ---- messages ---- */
	"CREATE TABLE message ("
	" id INTEGER PRIMARY KEY,"
	" public_id TEXT NOT NULL,"
	" account_id INTEGER NOT NULL REFERENCES account (id),"
	" device_id INTEGER NOT NULL REFERENCES device (id),"
	" device_seq INTEGER NOT NULL," /* 0 for inbound */
	" direction INTEGER NOT NULL,"
	" kind INTEGER NOT NULL,"
	" source INTEGER NOT NULL,"
	" status INTEGER NOT NULL,"
	" wa_id TEXT NOT NULL,"
	" has_foreign_id INTEGER NOT NULL," /* wa_id is not of waid_make() */
	" chat TEXT NOT NULL,"
	" sender TEXT NOT NULL," /* '' for outbound: NULLs are never equal */
	" phone TEXT,"
	" lid TEXT,"
	" push_name TEXT,"
	" text TEXT,"
	" reason TEXT,"
	" client_message_id TEXT,"
	" n_devices INTEGER NOT NULL,"
	" n_retries INTEGER NOT NULL,"
	" created_ms INTEGER NOT NULL,"
	" wa_ms INTEGER NOT NULL,"
	" sent_ms INTEGER NOT NULL,"
	" delivered_ms INTEGER NOT NULL,"
	" read_ms INTEGER NOT NULL,"
	" failed_ms INTEGER NOT NULL);"
	/* GET one message.  UUIDv7 grows with time: always the same leaf. */
	"CREATE UNIQUE INDEX message_public ON message (public_id);"
	/* Acks and receipts find an outbound message by the number in its id
	 * (waid.h). */
	"CREATE UNIQUE INDEX message_seq ON message (device_id, device_seq)"
	" WHERE device_seq > 0;"
	/* The others by their WhatsApp id; all four columns are what makes a
	 * redelivery known.  The ids are random, so each insert touches a leaf
	 * of its own. */
	"CREATE UNIQUE INDEX message_wa"
	" ON message (device_id, wa_id, chat, sender)"
	" WHERE has_foreign_id = 1;"
	/* Lists, newest first, of the account and of a device; each covers the
	 * paging, so that skipped rows are not read. */
	"CREATE INDEX message_of_account ON message (account_id, id);"
	"CREATE INDEX message_of_device"
	" ON message (account_id, device_id, id);"
	/* Of a phone, in stretches of rows: see message_list.c. */
	"CREATE INDEX message_of_phone"
	" ON message (account_id, id / 4096, phone, id)"
	" WHERE phone IS NOT NULL;"
	/* The lane's queue: holds only what waits. */
	"CREATE INDEX message_queued ON message (device_id, device_seq)"
	" WHERE status = 1;"
	/* clientMessageId, where one was given. */
	"CREATE UNIQUE INDEX message_client"
	" ON message (device_id, client_message_id)"
	" WHERE client_message_id IS NOT NULL;"

	/* ---- events ---- */
	"CREATE TABLE event ("
	" id INTEGER PRIMARY KEY,"
	" public_id TEXT NOT NULL,"
	" account_id INTEGER NOT NULL REFERENCES account (id),"
	" account_seq INTEGER NOT NULL,"
	" device_id INTEGER NOT NULL REFERENCES device (id),"
	" device_seq INTEGER NOT NULL,"
	" chat INTEGER NOT NULL,"
	" type TEXT NOT NULL,"
	" payload TEXT NOT NULL,"
	" created_ms INTEGER NOT NULL);"
	/* The two orders the log is read in; unique: no number is given twice.
	 */
	"CREATE UNIQUE INDEX event_of_account"
	" ON event (account_id, account_seq);"
	"CREATE UNIQUE INDEX event_of_device ON event (device_id, device_seq);"

	/* ---- webhooks ---- */
	"CREATE TABLE webhook ("
	" id INTEGER PRIMARY KEY,"
	" public_id TEXT NOT NULL UNIQUE,"
	" account_id INTEGER NOT NULL REFERENCES account (id),"
	" device_id INTEGER NOT NULL UNIQUE REFERENCES device (id),"
	" secret BLOB NOT NULL,"
	" is_active INTEGER NOT NULL,"
	" created_ms INTEGER NOT NULL,"
	" updated_ms INTEGER NOT NULL);"
	"CREATE INDEX webhook_of_account ON webhook (account_id, id);"
	"CREATE TABLE webhook_endpoint ("
	" id INTEGER PRIMARY KEY,"
	" webhook_id INTEGER NOT NULL REFERENCES webhook (id)"
	"  ON DELETE CASCADE,"
	" chat INTEGER NOT NULL,"
	" url TEXT NOT NULL,"
	" cursor_seq INTEGER NOT NULL,"
	" attempts INTEGER NOT NULL,"
	" next_attempt_ms INTEGER NOT NULL,"
	" updated_ms INTEGER NOT NULL,"
	" UNIQUE (webhook_id, chat));"
	/* An attempt outlives its endpoint: the URL is copied, nothing refers.
	 */
	"CREATE TABLE attempt ("
	" id INTEGER PRIMARY KEY,"
	" public_id TEXT NOT NULL,"
	" endpoint_id INTEGER NOT NULL,"
	" account_id INTEGER NOT NULL REFERENCES account (id),"
	" device_id INTEGER NOT NULL REFERENCES device (id),"
	" event_id INTEGER NOT NULL,"
	" url TEXT NOT NULL,"
	" number INTEGER NOT NULL,"
	" status INTEGER NOT NULL,"
	" response_code INTEGER NOT NULL,"
	" error TEXT,"
	" started_ms INTEGER NOT NULL,"
	" duration_ms INTEGER NOT NULL);"
	/* History lists: the account or a device, all or one status.  A rare
	 * status must be found without walking the common one. */
	"CREATE INDEX attempt_of_account ON attempt (account_id, id);"
	"CREATE INDEX attempt_of_device"
	" ON attempt (account_id, device_id, id);"
	"CREATE INDEX attempt_of_account_status"
	" ON attempt (account_id, status, id);"
	"CREATE INDEX attempt_of_device_status"
	" ON attempt (account_id, device_id, status, id);"

	/* ---- scheduled messages ---- */
	"CREATE TABLE scheduled ("
	" id INTEGER PRIMARY KEY,"
	" public_id TEXT NOT NULL UNIQUE,"
	" account_id INTEGER NOT NULL REFERENCES account (id),"
	" device_id INTEGER NOT NULL REFERENCES device (id),"
	" phone TEXT NOT NULL,"
	" text TEXT NOT NULL,"
	" due_ms INTEGER NOT NULL,"
	" status INTEGER NOT NULL,"
	" reason TEXT,"
	" message_public_id TEXT,"
	" created_ms INTEGER NOT NULL,"
	" updated_ms INTEGER NOT NULL,"
	" sent_ms INTEGER NOT NULL);"
	"CREATE INDEX scheduled_due ON scheduled (due_ms, id)"
	" WHERE status = 1;"
	"CREATE INDEX scheduled_of_account ON scheduled (account_id, id);"
	"CREATE INDEX scheduled_of_device"
	" ON scheduled (account_id, device_id, id);"
	"CREATE INDEX scheduled_of_account_status"
	" ON scheduled (account_id, status, id);"
	"CREATE INDEX scheduled_of_device_status"
	" ON scheduled (account_id, device_id, status, id);"

	/* ---- random bytes that this database keeps ---- */
	"CREATE TABLE seed ("
	" id INTEGER PRIMARY KEY,"
	" name TEXT NOT NULL UNIQUE,"
	" bytes BLOB NOT NULL);"
	"INSERT INTO seed (name, bytes) VALUES ('wa_id', randomblob(16));"

	/* ---- list totals by account, device and status ---- */
	"CREATE TABLE list_total ("
	" id INTEGER PRIMARY KEY,"
	" list INTEGER NOT NULL,"
	" account_id INTEGER NOT NULL,"
	" device_id INTEGER NOT NULL,"
	" status INTEGER NOT NULL,"
	" n INTEGER NOT NULL,"
	" UNIQUE (list, account_id, device_id, status));"

	/* ---- Idempotency-Key ---- */
	"CREATE TABLE idempotency ("
	" id INTEGER PRIMARY KEY,"
	" account_id INTEGER NOT NULL REFERENCES account (id),"
	" key TEXT NOT NULL,"
	" request_hash BLOB NOT NULL,"
	" status INTEGER NOT NULL,"
	" body TEXT NOT NULL,"
	" created_ms INTEGER NOT NULL,"
	" UNIQUE (account_id, key));"
	"CREATE INDEX idempotency_by_age ON idempotency (created_ms);";

/* Media, every kind of message, groups, contacts and chats. */
static const char version_2[] =
	/* What a message holds beyond its text: JSON, see docs/content.md. */
	"ALTER TABLE message ADD COLUMN content TEXT;"
	"ALTER TABLE message ADD COLUMN media_id INTEGER;"
	/* Of a message to a group or a status: accounts that it was sent to,
	 * and how many of them have reported. 0: a chat with one account. */
	"ALTER TABLE message ADD COLUMN n_recipients INTEGER NOT NULL"
	" DEFAULT 0;"
	"ALTER TABLE message ADD COLUMN n_delivered INTEGER NOT NULL"
	" DEFAULT 0;"
	"ALTER TABLE message ADD COLUMN n_read INTEGER NOT NULL DEFAULT 0;"
	/* One row a member that reported. */
	"CREATE TABLE receipt ("
	" id INTEGER PRIMARY KEY,"
	" message_id INTEGER NOT NULL REFERENCES message (id),"
	" contact_id INTEGER NOT NULL REFERENCES contact (id),"
	" delivered_ms INTEGER NOT NULL,"
	" read_ms INTEGER NOT NULL,"
	" played_ms INTEGER NOT NULL DEFAULT 0,"
	" UNIQUE (message_id, contact_id));"
	/* Two contacts that turn out to be one. */
	"CREATE INDEX receipt_of_contact ON receipt (contact_id);"

	/* ---- media ---- */
	"CREATE TABLE media ("
	" id INTEGER PRIMARY KEY,"
	" public_id TEXT NOT NULL UNIQUE,"
	" account_id INTEGER NOT NULL REFERENCES account (id),"
	" device_id INTEGER NOT NULL DEFAULT 0," /* that received it; 0:
						    uploaded */
	" kind INTEGER NOT NULL,"
	" state INTEGER NOT NULL,"
	" sha256 BLOB," /* names the file; NULL: not here yet */
	" size INTEGER NOT NULL,"
	" mime TEXT NOT NULL,"
	" file_name TEXT,"
	" width INTEGER NOT NULL,"
	" height INTEGER NOT NULL,"
	" seconds INTEGER NOT NULL,"
	" pages INTEGER NOT NULL,"
	" is_animated INTEGER NOT NULL,"
	" thumbnail BLOB,"
	" waveform BLOB,"
	" made_from INTEGER," /* a voice note or sticker: the media it is of */
	" created_ms INTEGER NOT NULL,"
	" deleted_ms INTEGER NOT NULL);"
	/* Lists: uploads of an account, all or of a kind. */
	"CREATE INDEX media_of_account ON media (account_id, id)"
	" WHERE device_id = 0 AND deleted_ms = 0 AND made_from IS NULL;"
	"CREATE INDEX media_of_kind ON media (account_id, kind, id)"
	" WHERE device_id = 0 AND deleted_ms = 0 AND made_from IS NULL;"
	/* Whether a file is still wanted; a voice note made before. */
	"CREATE INDEX media_of_file ON media (sha256)"
	" WHERE sha256 IS NOT NULL;"
	"CREATE INDEX media_made_from ON media (made_from, kind)"
	" WHERE made_from IS NOT NULL AND deleted_ms = 0;"
	/* Messages that name it: a file stays while one waits to be sent. */
	"CREATE INDEX message_of_media ON message (media_id)"
	" WHERE media_id IS NOT NULL AND status = 1;"

	/* ---- contacts: one for each person an account knows, whichever of
	 * the two names came first ---- */
	"CREATE TABLE contact ("
	" id INTEGER PRIMARY KEY,"
	" public_id TEXT NOT NULL UNIQUE,"
	" account_id INTEGER NOT NULL REFERENCES account (id),"
	" phone TEXT,"
	" lid TEXT,"
	" name TEXT,"	   /* from the phone's address book */
	" push_name TEXT," /* what they call themselves */
	" created_ms INTEGER NOT NULL,"
	" updated_ms INTEGER NOT NULL);"
	"CREATE UNIQUE INDEX contact_phone ON contact (account_id, phone)"
	" WHERE phone IS NOT NULL;"
	"CREATE UNIQUE INDEX contact_lid ON contact (account_id, lid)"
	" WHERE lid IS NOT NULL;"
	"CREATE INDEX contact_of_account ON contact (account_id, id);"

	/* ---- chats of a device, as its phone lists them ---- */
	"CREATE TABLE chat ("
	" id INTEGER PRIMARY KEY,"
	" account_id INTEGER NOT NULL REFERENCES account (id),"
	" device_id INTEGER NOT NULL REFERENCES device (id),"
	" jid TEXT NOT NULL,"
	" name TEXT,"
	" is_archived INTEGER NOT NULL,"
	" is_pinned INTEGER NOT NULL,"
	" is_unread INTEGER NOT NULL,"
	" muted_until_ms INTEGER NOT NULL," /* -1: for ever */
	" last_ms INTEGER NOT NULL,"
	/* The oldest message that is known: what a question for earlier ones
	 * starts from. */
	" oldest_ms INTEGER NOT NULL,"
	" oldest_wa_id TEXT,"
	" oldest_from_me INTEGER NOT NULL,"
	" updated_ms INTEGER NOT NULL,"
	" UNIQUE (device_id, jid));"
	"CREATE INDEX chat_of_device ON chat (device_id, id);"

	/* Why new chats wait, and until when; how the lane does. */
	"ALTER TABLE device ADD COLUMN health TEXT NOT NULL DEFAULT '';"
	"ALTER TABLE device ADD COLUMN health_reason TEXT;"
	"ALTER TABLE device ADD COLUMN cold_chats_until_ms INTEGER NOT NULL"
	" DEFAULT 0;"
	"ALTER TABLE device ADD COLUMN cold_chats_reason TEXT;"
	"ALTER TABLE device ADD COLUMN proxy BLOB;"; /* sealed URL, or NULL */

/* Msgera's groups: address book, campaigns, auto-replies, plans, webhooks that
 * are replayed and paused. */
static const char version_3[] =
	/* ---- address book: a contact that the owner saved ---- */
	"ALTER TABLE contact ADD COLUMN saved_ms INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE contact ADD COLUMN book_name TEXT;" /* the owner's name */
	"ALTER TABLE contact ADD COLUMN fields TEXT;"	 /* JSON: texts by name
							  */
	"ALTER TABLE contact ADD COLUMN book_updated_ms INTEGER NOT NULL"
	" DEFAULT 0;" /* by the owner; updated_ms: by WhatsApp */
	/* Who was saved only is no contact on WhatsApp. */
	"ALTER TABLE contact ADD COLUMN is_met INTEGER NOT NULL DEFAULT 1;"
	"DROP INDEX contact_of_account;"
	"CREATE INDEX contact_of_account ON contact (account_id, id)"
	" WHERE is_met = 1;"
	"CREATE INDEX contact_saved ON contact (account_id, id)"
	" WHERE saved_ms > 0;"
	/* Search in names and phones: see addressbook_search.h.  It keeps no
	 * texts and no positions, only which contact has which token. */
	"CREATE VIRTUAL TABLE book_search USING fts5 (tokens, content = '',"
	" detail = none, columnsize = 0, tokenize = 'ascii');"
	/* Groups and tags: both are named sets of saved contacts. */
	"CREATE TABLE segment ("
	" id INTEGER PRIMARY KEY AUTOINCREMENT," /* audiences name it when it is
						    gone: none is given twice */
	" public_id TEXT NOT NULL UNIQUE,"
	" account_id INTEGER NOT NULL REFERENCES account (id),"
	" kind INTEGER NOT NULL,"
	" name TEXT NOT NULL,"
	" description TEXT,"
	" color TEXT,"
	" n_contacts INTEGER NOT NULL DEFAULT 0,"
	" created_ms INTEGER NOT NULL,"
	" updated_ms INTEGER NOT NULL,"
	" UNIQUE (account_id, kind, name));"
	"CREATE INDEX segment_of_account ON segment (account_id, kind, id);"
	"CREATE TABLE segment_member ("
	" segment_id INTEGER NOT NULL REFERENCES segment (id),"
	" contact_id INTEGER NOT NULL REFERENCES contact (id),"
	" PRIMARY KEY (segment_id, contact_id)) WITHOUT ROWID;"
	/* A contact that is deleted or merged leaves its segments. */
	"CREATE INDEX segment_of_contact ON segment_member (contact_id);"

	/* ---- campaigns ---- */
	"ALTER TABLE message ADD COLUMN recipient_id INTEGER;"
	/* What a device that is gone leaves unsent. */
	"CREATE INDEX message_of_campaign ON message (device_id, device_seq)"
	" WHERE status = 1 AND recipient_id IS NOT NULL;"
	"CREATE TABLE campaign ("
	" id INTEGER PRIMARY KEY AUTOINCREMENT," /* none is given twice: its
						    maker may still write */
	" public_id TEXT NOT NULL UNIQUE,"
	" account_id INTEGER NOT NULL REFERENCES account (id),"
	" parent_id INTEGER REFERENCES campaign (id),"
	" name TEXT NOT NULL,"
	" status INTEGER NOT NULL,"
	" kind INTEGER NOT NULL,"
	" text TEXT,"
	" spintax_template TEXT,"
	" media_id INTEGER,"
	" recurrence TEXT,"	    /* JSON, of a parent */
	" n_runs INTEGER NOT NULL," /* children made */
	" failure_limit INTEGER NOT NULL,"
	" due_ms INTEGER NOT NULL," /* SCHEDULED: when it starts; a parent: the
				       next run */
	" build_source INTEGER NOT NULL," /* PREPARING: which part of the
					     audience, */
	" build_after INTEGER NOT NULL,"  /* and after which contact */
	" reason TEXT,"
	" created_ms INTEGER NOT NULL,"
	" updated_ms INTEGER NOT NULL,"
	" started_ms INTEGER NOT NULL,"
	" completed_ms INTEGER NOT NULL,"
	/* JSON, as it was asked for.  It may be long: the last column, so that
	 * reading the others does not walk over it. */
	" audience TEXT NOT NULL);"
	"CREATE INDEX campaign_of_account ON campaign (account_id, id)"
	" WHERE status <> 1;"
	"CREATE INDEX campaign_parents ON campaign (account_id, id)"
	" WHERE status <> 1 AND parent_id IS NULL;"
	/* A name is one campaign's until that is through. */
	"CREATE INDEX campaign_named ON campaign (account_id, name)"
	" WHERE status < 5;"
	/* What schedulerd looks for: what is being prepared, what starts next,
	 * and what runs. */
	"CREATE INDEX campaign_preparing ON campaign (id) WHERE status = 1;"
	"CREATE INDEX campaign_due ON campaign (due_ms, id)"
	" WHERE status = 2;"
	"CREATE INDEX campaign_running ON campaign (id) WHERE status = 3;"
	"CREATE INDEX campaign_running_of_account ON campaign"
	" (account_id, id) WHERE status = 3;"
	/* A file stays while a campaign has somebody left to send it to. */
	"CREATE INDEX campaign_of_media ON campaign (media_id)"
	" WHERE media_id IS NOT NULL AND status < 5;"
	/* One that is removed must have no children. */
	"CREATE INDEX campaign_children ON campaign (parent_id, status)"
	" WHERE parent_id IS NOT NULL;"
	"CREATE TABLE campaign_tally ("
	" campaign_id INTEGER PRIMARY KEY REFERENCES campaign (id),"
	" total INTEGER NOT NULL,"
	" n_pending INTEGER NOT NULL,"
	" n_queued INTEGER NOT NULL,"
	" n_sent INTEGER NOT NULL,"
	" n_delivered INTEGER NOT NULL,"
	" n_read INTEGER NOT NULL,"
	" n_failed INTEGER NOT NULL,"
	" failures_in_a_row INTEGER NOT NULL);"
	"CREATE TABLE campaign_lane ("
	" id INTEGER PRIMARY KEY,"
	" campaign_id INTEGER NOT NULL REFERENCES campaign (id),"
	" position INTEGER NOT NULL,"
	" device_id INTEGER NOT NULL REFERENCES device (id),"
	" UNIQUE (campaign_id, position));"
	"CREATE INDEX campaign_lane_of_device ON campaign_lane"
	" (device_id, campaign_id);"
	"CREATE TABLE recipient ("
	" id INTEGER PRIMARY KEY,"
	" campaign_id INTEGER NOT NULL REFERENCES campaign (id),"
	" position INTEGER NOT NULL," /* in the queue, from 0 */
	" lane INTEGER NOT NULL,"     /* position of its lane */
	" contact_id INTEGER,"
	" phone TEXT NOT NULL,"
	" name TEXT,"
	" status INTEGER NOT NULL,"
	" sort_key INTEGER NOT NULL," /* PENDING, QUEUED: position; FAILED:
					 failed_ms; else sent_ms */
	" message_id INTEGER,"
	" n_attempts INTEGER NOT NULL,"
	" is_unsure INTEGER NOT NULL," /* FAILED, but it may have left */
	" error TEXT,"
	" sent_ms INTEGER NOT NULL,"
	" delivered_ms INTEGER NOT NULL,"
	" read_ms INTEGER NOT NULL,"
	" failed_ms INTEGER NOT NULL);"
	"CREATE INDEX recipient_list ON recipient"
	" (campaign_id, status, sort_key, id);"
	/* The queue of a lane. */
	"CREATE INDEX recipient_next ON recipient"
	" (campaign_id, lane, position) WHERE status = 1;"
	/* Those that may be tried again. */
	"CREATE INDEX recipient_retry ON recipient (campaign_id, id)"
	" WHERE status = 6 AND is_unsure = 0;"
	/* When a device may send its next campaign message; all campaigns of a
	 * device share it. */
	"CREATE TABLE device_pace ("
	" device_id INTEGER PRIMARY KEY REFERENCES device (id),"
	" next_ms INTEGER NOT NULL,"
	" n_in_run INTEGER NOT NULL,"	 /* since the last cool-down */
	" n_in_flight INTEGER NOT NULL," /* handed over, not acknowledged */
	" last_campaign_id INTEGER NOT NULL," /* whose turn it was */
	" has_work INTEGER NOT NULL);"	      /* schedulerd looks at it */
	"CREATE INDEX device_pace_next ON device_pace (next_ms)"
	" WHERE has_work = 1;"

	/* ---- auto-replies ---- */
	"CREATE TABLE auto_reply ("
	" id INTEGER PRIMARY KEY,"
	" public_id TEXT NOT NULL UNIQUE,"
	" account_id INTEGER NOT NULL REFERENCES account (id),"
	" device_id INTEGER NOT NULL REFERENCES device (id),"
	" position INTEGER NOT NULL,"
	" trigger_type INTEGER NOT NULL,"
	" trigger_value TEXT NOT NULL,"
	" reply_text TEXT NOT NULL,"
	" is_enabled INTEGER NOT NULL,"
	" created_ms INTEGER NOT NULL,"
	" updated_ms INTEGER NOT NULL);"
	"CREATE INDEX auto_reply_of_device ON auto_reply"
	" (device_id, position, id);"
	/* How often a chat was answered in the current hour: two machines that
	 * answer each other must come to an end. */
	"CREATE TABLE auto_reply_chat ("
	" id INTEGER PRIMARY KEY,"
	" device_id INTEGER NOT NULL REFERENCES device (id),"
	" chat TEXT NOT NULL,"
	" hour INTEGER NOT NULL,"
	" n INTEGER NOT NULL,"
	" UNIQUE (device_id, chat));"
	/* Hours that are over are forgotten. */
	"CREATE INDEX auto_reply_chat_hour ON auto_reply_chat (hour);"

	/* ---- plans and the pause against spam ---- */
	"ALTER TABLE device_tally ADD COLUMN month INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE device_tally ADD COLUMN month_sent INTEGER NOT NULL"
	" DEFAULT 0;"
	"ALTER TABLE account_tally ADD COLUMN campaign_month INTEGER NOT NULL"
	" DEFAULT 0;"
	"ALTER TABLE account_tally ADD COLUMN month_campaigns INTEGER NOT NULL"
	" DEFAULT 0;"
	"ALTER TABLE account_tally ADD COLUMN paused_until_ms INTEGER NOT NULL"
	" DEFAULT 0;"
	"ALTER TABLE account_tally ADD COLUMN pause_reason TEXT;"
	"ALTER TABLE account_tally ADD COLUMN spam_window_ms INTEGER NOT NULL"
	" DEFAULT 0;"
	"ALTER TABLE account_tally ADD COLUMN spam_failures INTEGER NOT NULL"
	" DEFAULT 0;"

	/* ---- webhooks: rotation, breaker, replay ---- */
	"ALTER TABLE webhook ADD COLUMN old_secret BLOB;"
	"ALTER TABLE webhook ADD COLUMN old_until_ms INTEGER NOT NULL"
	" DEFAULT 0;"
	/* Replaced secrets, which are wiped when their time is over. */
	"CREATE INDEX webhook_old_secret ON webhook (old_until_ms)"
	" WHERE old_until_ms > 0;"
	"ALTER TABLE webhook_endpoint ADD COLUMN n_failed INTEGER NOT NULL"
	" DEFAULT 0;" /* events in a row that could not be delivered */
	"ALTER TABLE webhook_endpoint ADD COLUMN n_pauses INTEGER NOT NULL"
	" DEFAULT 0;"
	"ALTER TABLE webhook_endpoint ADD COLUMN paused_until_ms INTEGER"
	" NOT NULL DEFAULT 0;"
	/* What is to be delivered once more; a row is gone when it is done. */
	"CREATE TABLE webhook_replay ("
	" id INTEGER PRIMARY KEY AUTOINCREMENT," /* none is given twice */
	" public_id TEXT NOT NULL," /* one for both URLs of a webhook */
	" endpoint_id INTEGER NOT NULL REFERENCES webhook_endpoint (id)"
	"  ON DELETE CASCADE,"
	" until_seq INTEGER NOT NULL,"
	" cursor_seq INTEGER NOT NULL,"
	" attempts INTEGER NOT NULL DEFAULT 0,"
	" next_attempt_ms INTEGER NOT NULL DEFAULT 0,"
	" n_failed INTEGER NOT NULL DEFAULT 0,"
	" n_pauses INTEGER NOT NULL DEFAULT 0,"
	" paused_until_ms INTEGER NOT NULL DEFAULT 0,"
	" created_ms INTEGER NOT NULL);"
	"CREATE INDEX webhook_replay_of_endpoint ON webhook_replay"
	" (endpoint_id, id);"
	"ALTER TABLE attempt ADD COLUMN is_replay INTEGER NOT NULL DEFAULT 0;"
	/* All attempts of one event.  Events are delivered about in the order
	 * of their ids, so inserts stay at the end of the tree. */
	"CREATE INDEX attempt_of_event ON attempt (event_id, id);";

const char *const store_migrations[] = {
	version_1,
	version_2,
	version_3,
};
const int n_store_migrations = ARRAY_LEN(store_migrations);
