/* See login.h. */
#include "apid/login.h"

#include <ctype.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "apid/auth.h"
#include "apid/http.h"
#include "apid/request.h"
#include "common/clock.h"
#include "common/own.h"
#include "common/store/account.h"

#define QUEUE_MAX 32
#define FAILURE_SLOTS 1024
#define FAILURES_MAX 10 /* in a window, for one e-mail */
#define FAILURE_WINDOW_MS 60000
#define EMAIL_MAX 254

struct attempt_row { /* what the thread needs of the account */
	char email[EMAIL_MAX + 1];
	char hash[SECRET_PASSWORD_HASH_LEN];
	char uid[UUID_LEN];
};

struct failures {
	uint32_t email_hash;
	int count;
	int64_t window_began_ms;
};

struct login {
	struct apid *apid; /* borrowed */
	struct store *store;
	pthread_t id;
	bool started;
	pthread_mutex_t lock; /* guards the queue and stopping */
	pthread_cond_t ready;
	struct request *head, **tail;
	unsigned n_queued;
	bool stopping;
	struct failures failures[FAILURE_SLOTS]; /* the thread's own */
};

static int take_row(const struct account *account, void *arg)
{
	struct attempt_row *row = arg;

	snprintf(row->hash, sizeof(row->hash), "%s", account->password_hash);
	snprintf(row->uid, sizeof(row->uid), "%s", account->public_id);
	return 0;
}

static void lower_email(const char *text, char out[EMAIL_MAX + 1])
{
	size_t i;

	for (i = 0; i < EMAIL_MAX && text[i] != '\0'; i++)
		out[i] = (char)tolower((unsigned char)text[i]);
	out[i] = '\0';
}

static struct failures *failures_of(
	struct login *login, const char *email, int64_t now_ms)
{
	uint8_t hash[SECRET_HASH_BYTES];
	uint32_t key;
	struct failures *slot;

	secret_hash_key(email, hash);
	memcpy(&key, hash, sizeof(key));
	slot = &login->failures[key % FAILURE_SLOTS];
	if (slot->email_hash != key ||
		now_ms - slot->window_began_ms > FAILURE_WINDOW_MS)
		*slot = (struct failures){ .email_hash = key,
			.window_began_ms = now_ms };
	return slot;
}

/* The password is checked against something even for an unknown e-mail, so that
 * the time does not tell whether an account exists. */
static const char decoy_hash[] =
	"$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$"
	"pB8cLcX1aIAzN9nvdYLKFQjRyQbTzOzFv9Rhbx5O5wY";

static int check(struct login *login, struct request *request, struct err *err)
{
	struct attempt_row row = { .uid = "" };
	struct err unknown = ERR_NONE;
	int64_t now_ms = clock_now_ms();
	struct failures *failures;
	bool known;
	char *token;

	lower_email(request_text(request, "email"), row.email);
	failures = failures_of(login, row.email, now_ms);
	if (failures->count >= FAILURES_MAX)
		return err_set(err, ERR_LIMIT,
			"Too many failed logins, try again in a minute");
	known = store_account_by_email(
			login->store, row.email, take_row, &row, &unknown) == 0;
	if (!secret_password_matches(known ? row.hash : decoy_hash,
		    request_text(request, "password")) ||
		!known) {
		failures->count++;
		return err_set(
			err, ERR_UNAUTHORIZED, "Invalid email or password");
	}
	failures->count = 0;
	token = auth_token_new(request->apid, row.uid, now_ms / 1000);
	if (token == NULL)
		return err_set(err, ERR_INTERNAL, "cannot make a token");
	request->reply = json_pack("{s:s, s:s, s:i}", "accessToken", token,
		"tokenType", "Bearer", "expiresIn",
		request->apid->config->api.token_ttl_sec);
	free(token);
	return 0;
}

static struct request *take(struct login *login)
{
	struct request *request;

	pthread_mutex_lock(&login->lock);
	while (login->head == NULL && !login->stopping)
		pthread_cond_wait(&login->ready, &login->lock);
	request = login->stopping ? NULL : login->head;
	if (request != NULL) {
		login->head = request->next;
		if (login->head == NULL)
			login->tail = &login->head;
		login->n_queued--;
	}
	pthread_mutex_unlock(&login->lock);
	return request;
}

static void *login_run(void *arg)
{
	struct login *login = arg;
	struct request *request;

	while ((request = take(login)) != NULL) {
		request->next = NULL;
		request->failed = check(login, request, &request->err) != 0;
		request->resume = request_finish;
		http_post(request);
	}
	return NULL;
}

int login_start(struct request *request, struct err *err)
{
	struct login *login = request->apid->login;
	bool full;

	pthread_mutex_lock(&login->lock);
	full = login->n_queued >= QUEUE_MAX || login->stopping;
	if (!full) {
		*login->tail = request;
		login->tail = &request->next;
		login->n_queued++;
		pthread_cond_signal(&login->ready);
	}
	pthread_mutex_unlock(&login->lock);
	return full ? err_set(err, ERR_BUSY, "Too many logins are waiting") : 0;
}

int login_open(struct apid *apid, struct login **out, struct err *err)
{
	struct login *login = xcalloc(1, sizeof(*login));

	*out = login;
	login->apid = apid;
	login->tail = &login->head;
	pthread_mutex_init(&login->lock, NULL);
	pthread_cond_init(&login->ready, NULL);
	if (store_open(apid->db_path, STORE_READ, &login->store, err) != 0)
		return err_wrap(err, "store");
	if (pthread_create(&login->id, NULL, login_run, login) != 0)
		return err_set(err, ERR_IO, "cannot start the login thread");
	login->started = true;
	return 0;
}

void login_close(struct login **loginp)
{
	struct login *login = move(*loginp);

	if (login == NULL)
		return;
	if (login->started) {
		pthread_mutex_lock(&login->lock);
		login->stopping = true;
		pthread_cond_signal(&login->ready);
		pthread_mutex_unlock(&login->lock);
		pthread_join(login->id, NULL);
	}
	while (login->head != NULL) {
		struct request *request = login->head;

		login->head = request->next;
		request_free(&request);
	}
	store_close(&login->store);
	pthread_cond_destroy(&login->ready);
	pthread_mutex_destroy(&login->lock);
	free(login);
}
