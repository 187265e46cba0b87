/* The handlers of the endpoint table: parse, one domain operation, render.
 * Those that take a transaction run on the writer. */
#ifndef APID_HANDLERS_H
#define APID_HANDLERS_H

struct err;
struct request;
struct tx;

/* keys.c */
int keys_list(struct request *request, struct err *err);
int keys_create(struct request *request, struct tx *tx, struct err *err);
int keys_revoke(struct request *request, struct tx *tx, struct err *err);

/* devices.c */
int devices_list(struct request *request, struct err *err);
int devices_get(struct request *request, struct err *err);
int devices_create(struct request *request, struct tx *tx, struct err *err);
int devices_unlink(struct request *request, struct tx *tx, struct err *err);
int devices_restart(struct request *request, struct err *err);
/* pairing.c: questions to the lane */
int pairing_qr(struct request *request, struct err *err);
int pairing_code(struct request *request, struct err *err);
int numbers_check(struct request *request, struct err *err);

/* messages.c */
int messages_list(struct request *request, struct err *err);
int messages_get(struct request *request, struct err *err);

/* contacts.c, chats.c */
int contacts_list(struct request *request, struct err *err);
int chats_list(struct request *request, struct err *err);

/* schedules.c */
int schedules_create(struct request *request, struct tx *tx, struct err *err);
int schedules_list(struct request *request, struct err *err);
int schedules_get(struct request *request, struct err *err);
int schedules_update(struct request *request, struct tx *tx, struct err *err);
int schedules_cancel(struct request *request, struct tx *tx, struct err *err);

/* webhooks.c */
int webhooks_list(struct request *request, struct err *err);
int webhooks_put(struct request *request, struct tx *tx, struct err *err);
int webhooks_history(struct request *request, struct err *err);

/* proxy.c */
int proxy_get(struct request *request, struct err *err);
int proxy_put(struct request *request, struct tx *tx, struct err *err);
int proxy_delete(struct request *request, struct tx *tx, struct err *err);

/* health.c */
int health_healthz(struct request *request, struct err *err);
int health_readyz(struct request *request, struct err *err);
int health_metrics(struct request *request, struct err *err);

#endif
