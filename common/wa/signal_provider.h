/* The crypto that the Signal library asks its host for: random numbers,
 * HMAC-SHA-256, SHA-512 and AES-256-CBC, from libsodium and mbedTLS.  Only
 * signal.c includes this. */
#ifndef COMMON_WA_SIGNAL_PROVIDER_H
#define COMMON_WA_SIGNAL_PROVIDER_H

#include <signal/signal_protocol.h>

/* Stateless; the same for every party. */
extern const signal_crypto_provider signal_provider;

#endif
