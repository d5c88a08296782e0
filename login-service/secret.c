/* Random secrets and their digests. */

#include <stdio.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/rand.h>

#include "jot.h"
#include "secret.h"


#define SECRET_BYTES  32

_Static_assert(JOT_BASE64URL_ENCODED(SECRET_BYTES) + 1 == SECRET_SIZE,
               "a secret fits");


int
secret_new(char text[SECRET_SIZE])
{
    size_t         len;
    unsigned char  random[SECRET_BYTES];

    if (RAND_priv_bytes(random, sizeof(random)) != 1) {
        return -1;
    }

    len = jot_base64url_encode(text, random, sizeof(random));
    text[len] = '\0';

    explicit_bzero(random, sizeof(random));
    return 0;
}


int
secret_digest(const char *text, unsigned char digest[SECRET_DIGEST_SIZE])
{
    int            rc;
    size_t         len;
    unsigned char  bytes[JOT_BASE64URL_DECODED(SECRET_SIZE)];

    rc = -1;

    if (strlen(text) == SECRET_SIZE - 1
        && jot_base64url_decode(bytes, &len, text, SECRET_SIZE - 1) == 0
        && EVP_Digest(text, SECRET_SIZE - 1, digest, NULL, EVP_sha256(), NULL)
           == 1)
    {
        rc = 0;
    }

    explicit_bzero(bytes, sizeof(bytes));
    return rc;
}


void
secret_hex(const unsigned char digest[SECRET_DIGEST_SIZE],
    char hex[SECRET_HEX_SIZE])
{
    size_t  i;

    for (i = 0; i < SECRET_DIGEST_SIZE; i++) {
        sprintf(hex + 2 * i, "%02x", digest[i]);
    }
}
