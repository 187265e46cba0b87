/* Linking a phone, by QR code or by a code typed on it (connection.md 5; the
 * code is in linkcode.h).
 *
 * Nothing is linked until pair-success, and our own address is set nowhere
 * before. */
#ifndef SENDERD_WHATSAPP_PAIRING_H
#define SENDERD_WHATSAPP_PAIRING_H

#include <stdbool.h>

#include "common/err.h"
#include "senderd/lane.h"

struct pairing *pairing_new(void);
void pairing_free(struct pairing **pairingp);

/* Questions from the supervisor: answered at once or when the server has given
 * refs, with ERR_TIMEOUT after 15 s.  They dial when there is no connection. */
void pairing_on_ask_qr(struct lane *lane, const Bus__Envelope *question);
void pairing_on_ask_code(struct lane *lane, const Bus__Envelope *question);

void pairing_on_pair_device(struct lane *lane, const struct wa_node *iq);
void pairing_on_pair_success(struct lane *lane, const struct wa_node *iq);
void pairing_on_link_code(
	struct lane *lane, const struct wa_node *notification);
/* A passkey is wanted: shown as the reason (passkey.h has the rest). */
void pairing_on_passkey(struct lane *lane);
struct passkey *pairing_passkey(struct lane *lane);
/* linkcode.c: the server took the code, or did not. */
void pairing_on_code(struct lane *lane, const char *code, int64_t expires_ms);
void pairing_on_code_refused(
	struct lane *lane, enum err_code code, const char *why);

/* Refs and code of the lost connection are void.  */
void pairing_on_disconnect(struct lane *lane);
/* Somebody still waits for a QR or a code: worth dialling again. */
bool pairing_is_wanted(const struct lane *lane);
/* The lane will not dial any more: everybody who waits is told why. */
void pairing_give_up(struct lane *lane, const char *why);

/* "https://wa.me/settings/linked_devices#REF,NOISE,IDENTITY,ADV,1".  -1 when
 * @ref, which comes from the server, would not survive being read back: a
 * comma, no printable ASCII, too long. */
#define PAIRING_QR_MAX 512
int pairing_qr_text(const struct lane_identity *id, const char *ref,
	char out[PAIRING_QR_MAX]);
/* How long ref number @i (from 0) is shown: what phones expect
 * (connection.md 5.2). */
int64_t pairing_ref_ms(size_t i);

#endif
