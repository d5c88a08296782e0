/*
 * HMAC-SHA-256 by a key for one purpose, derived from one of the ring, so that
 * no HMAC made for one purpose can be passed off as another's.
 */

#ifndef KEYS_DERIVE_H
#define KEYS_DERIVE_H

#include "keys.h"


#define KEYS_MAC_SIZE  32

/*
 * key is one of the ring, of KEYS_REFRESH_SIZE bytes; purpose a fixed text of
 * the caller's own.  0, or -1 if OpenSSL fails.
 */
int keys_derive_mac(const unsigned char *key, const char *purpose,
    const void *data, size_t len, unsigned char mac[KEYS_MAC_SIZE]);

#endif
