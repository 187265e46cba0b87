/* Linking a companion: QR code and pairing code, the server's and the phone's
 * part (connection.md sections 5, 6 and 9.3). */
#ifndef SANDBOXD_PAIRING_H
#define SANDBOXD_PAIRING_H

#include "sandboxd/sandbox.h"

/* What a client said about itself when it registered. */
struct pairing_client {
	uint32_t registration_id;
	uint8_t identity[WA_KEY_BYTES];
	uint32_t signed_id;
	uint8_t signed_pub[WA_KEY_BYTES];
	uint8_t signed_sig[WA_SIGNATURE_BYTES];
	bool inline_history;
};

/* Makes @session REGISTERING and shows it its refs. */
void pairing_start(
	struct session *session, const struct pairing_client *client);
/* Any stanza of a session that is REGISTERING or PAIRED. */
void pairing_on_stanza(struct session *session, const struct wa_node *node);
void pairing_free(struct pairing **pairingp);

#endif
