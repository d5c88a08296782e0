/* JWK Sets and the JWK of a shared secret. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "jot.h"
#include "keys_set.h"


#define KEYS_KID_DOMAIN   "portero kid of SECRET_KEY"
#define KEYS_KID_BYTES    16
#define KEYS_SECRET_JWK   "{\"alg\":\"HS256\",\"k\":\"%s\",\"kid\":\"%s\","  \
                          "\"kty\":\"oct\",\"use\":\"sig\"}"


char *
keys_set_join(char *const *jwks, size_t n)
{
    char    *text, *p;
    size_t   i, size;

    size = sizeof("{\"keys\":[]}\n");

    for (i = 0; i < n; i++) {
        size += strlen(jwks[i]) + 1;
    }

    text = malloc(size);

    if (text == NULL) {
        return NULL;
    }

    p = stpcpy(text, "{\"keys\":[");

    for (i = 0; i < n; i++) {
        p = stpcpy(p, i ? "," : "");
        p = stpcpy(p, jwks[i]);
    }

    strcpy(p, "]}\n");

    return text;
}


int
keys_set_secret_kid(const char *secret, char kid[KEYS_SECRET_KID_SIZE])
{
    size_t         n;
    unsigned char  mac[EVP_MAX_MD_SIZE];

    if (HMAC(EVP_sha256(), secret, strlen(secret),
             (const unsigned char *) KEYS_KID_DOMAIN, strlen(KEYS_KID_DOMAIN),
             mac, NULL)
        == NULL)
    {
        return -1;
    }

    n = jot_base64url_encode(kid, mac, KEYS_KID_BYTES);
    kid[n] = '\0';
    explicit_bzero(mac, sizeof(mac));

    return 0;
}


char *
keys_set_secret_jwk(const char *secret, const char *kid)
{
    int      n;
    char    *k, *jwk;
    size_t   len, size;

    jwk = NULL;
    len = JOT_BASE64URL_ENCODED(strlen(secret));
    k = calloc(1, len + 1);

    if (k == NULL) {
        return NULL;
    }

    jot_base64url_encode(k, secret, strlen(secret));
    size = sizeof(KEYS_SECRET_JWK) + len + strlen(kid);
    jwk = malloc(size);

    if (jwk) {
        n = snprintf(jwk, size, KEYS_SECRET_JWK, k, kid);

        if (n < 0 || (size_t) n >= size) {
            keys_set_wipe(jwk);
            jwk = NULL;
        }
    }

    keys_set_wipe(k);

    return jwk;
}


void
keys_set_wipe(char *text)
{
    if (text) {
        explicit_bzero(text, strlen(text));
        free(text);
    }
}
