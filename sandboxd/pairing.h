/* Linking a companion: QR code and pairing code, server and phone side. */
#ifndef SANDBOXD_PAIRING_H
#define SANDBOXD_PAIRING_H

#include "common/gen.h"
#include "sandboxd/sandbox.h"

#endif
