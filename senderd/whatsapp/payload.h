/* The ClientPayload: who connects, as the last part of the Noise handshake
 * (connection.md 3; the choices are those of its section 10).  Pure. */
#ifndef SENDERD_WHATSAPP_PAYLOAD_H
#define SENDERD_WHATSAPP_PAYLOAD_H

#include "common/buf.h"
#include "common/config.h"
#include "common/store/lanedb.h"

struct err;

/* "1": Chrome, as it appears in QR codes and pairing codes; not the numbering
 * of DeviceProps. */
#define PAYLOAD_CLIENT_TYPE "1"
#define PAYLOAD_CLIENT_NAME "Chrome (Mac OS)"

/* Append the serialised ClientPayload.  ERR_INVALID: a version that is not
 * three numbers, an own address that is no phone number. */
int payload_login(const struct config *config, const struct lane_identity *id,
	struct buf *out, struct err *err);
int payload_registration(const struct config *config,
	const struct lane_identity *id,
	const struct lane_signed_prekey *signed_prekey, struct buf *out,
	struct err *err);

#endif
