/* A secret that is long enough needs no salt, and no slow hash. */

#include <string.h>

#include <openssl/evp.h>
#include <openssl/rand.h>

#include "jot.h"
#include "link.h"


#define LINK_BYTES  32

_Static_assert(JOT_BASE64URL_ENCODED(LINK_BYTES) == LINK_SECRET_SIZE - 1,
               "the text and a NUL have to fit");


int
link_secret_new(char secret[LINK_SECRET_SIZE])
{
    unsigned char  bytes[LINK_BYTES];

    if (RAND_priv_bytes(bytes, sizeof(bytes)) != 1) {
        return -1;
    }

    jot_base64url_encode(secret, bytes, sizeof(bytes));
    secret[LINK_SECRET_SIZE - 1] = '\0';
    explicit_bzero(bytes, sizeof(bytes));

    return 0;
}


int
link_digest(const char *secret, unsigned char digest[LINK_DIGEST_SIZE])
{
    int            rc;
    size_t         len;
    unsigned char  bytes[LINK_BYTES];

    if (strlen(secret) != LINK_SECRET_SIZE - 1
        || jot_base64url_decode(bytes, &len, secret, LINK_SECRET_SIZE - 1) != 0
        || len != LINK_BYTES)
    {
        return -1;
    }

    rc = EVP_Digest(bytes, sizeof(bytes), digest, NULL, EVP_sha256(), NULL);
    explicit_bzero(bytes, sizeof(bytes));

    return rc == 1 ? 0 : -1;
}
