/* As HKDF-Expand would with one block (RFC 5869, 2.3): HMAC(key, purpose | 1). */

#include <string.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "keys_derive.h"


#define KEYS_PURPOSE_SIZE  64


int
keys_derive_mac(const unsigned char *key, const char *purpose,
    const void *data, size_t len, unsigned char mac[KEYS_MAC_SIZE])
{
    int            rc;
    size_t         n;
    unsigned char  info[KEYS_PURPOSE_SIZE], derived[KEYS_MAC_SIZE];

    n = strlen(purpose);

    if (key == NULL || n >= sizeof(info)) {
        return -1;
    }

    memcpy(info, purpose, n);
    info[n] = 1;

    rc = HMAC(EVP_sha256(), key, KEYS_REFRESH_SIZE, info, n + 1, derived, NULL)
         && HMAC(EVP_sha256(), derived, sizeof(derived), data, len, mac, NULL)
         ? 0 : -1;

    explicit_bzero(derived, sizeof(derived));

    return rc;
}
