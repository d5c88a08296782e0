/*
 * Refresh tokens.  The HMAC comes first: what we did not write is refused
 * before the database is asked.  It covers all that stands before it and a
 * name of its own, so that no other HMAC by the same key can be passed off as
 * one of these.
 */

#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include "token.h"


#define TOKEN_PREFIX      "v1."
#define TOKEN_PREFIX_LEN  (sizeof(TOKEN_PREFIX) - 1)
#define TOKEN_DOMAIN      "portero refresh token v1"
#define TOKEN_MAC_SIZE    32

/* Where the parts begin. */
#define TOKEN_SID         1
#define TOKEN_GENERATION  (TOKEN_SID + TOKEN_SID_SIZE)
#define TOKEN_SECRET      (TOKEN_GENERATION + 4)
#define TOKEN_MAC         (TOKEN_SECRET + TOKEN_SECRET_SIZE)
#define TOKEN_BYTES       (TOKEN_MAC + TOKEN_MAC_SIZE)
#define TOKEN_TEXT_LEN    (TOKEN_PREFIX_LEN                                   \
                           + JOT_BASE64URL_ENCODED(TOKEN_BYTES))

_Static_assert(TOKEN_TEXT_LEN == TOKEN_REFRESH_SIZE - 1,
               "the text and a NUL have to fit");


static int token_refresh_mac(const unsigned char *key,
    const unsigned char *bytes, unsigned char mac[TOKEN_MAC_SIZE]);


int
token_refresh_new(token_refresh_t *refresh)
{
    refresh->generation = 1;

    if (RAND_bytes(refresh->sid, TOKEN_SID_SIZE) != 1
        || RAND_priv_bytes(refresh->secret, TOKEN_SECRET_SIZE) != 1)
    {
        return -1;
    }

    /* A UUID of version 4 (RFC 9562, 5.4), as the database stores it. */

    refresh->sid[6] = (refresh->sid[6] & 0x0f) | 0x40;
    refresh->sid[8] = (refresh->sid[8] & 0x3f) | 0x80;

    return 0;
}


int
token_refresh_build(const keys_t *keys, const token_refresh_t *refresh,
    char text[TOKEN_REFRESH_SIZE])
{
    int                   rc;
    unsigned              id;
    unsigned char         bytes[TOKEN_BYTES];
    const unsigned char  *key;

    key = keys_refresh(keys, &id);

    if (key == NULL) {
        return -1;
    }

    bytes[0] = id;
    memcpy(bytes + TOKEN_SID, refresh->sid, TOKEN_SID_SIZE);
    bytes[TOKEN_GENERATION] = refresh->generation >> 24;
    bytes[TOKEN_GENERATION + 1] = refresh->generation >> 16;
    bytes[TOKEN_GENERATION + 2] = refresh->generation >> 8;
    bytes[TOKEN_GENERATION + 3] = refresh->generation;
    memcpy(bytes + TOKEN_SECRET, refresh->secret, TOKEN_SECRET_SIZE);

    rc = token_refresh_mac(key, bytes, bytes + TOKEN_MAC);

    if (rc == 0) {
        memcpy(text, TOKEN_PREFIX, TOKEN_PREFIX_LEN);
        jot_base64url_encode(text + TOKEN_PREFIX_LEN, bytes, TOKEN_BYTES);
        text[TOKEN_TEXT_LEN] = '\0';
    }

    explicit_bzero(bytes, sizeof(bytes));

    return rc;
}


int
token_refresh_parse(const keys_t *keys, jot_str_t text,
    token_refresh_t *refresh)
{
    int                   rc;
    size_t                len;
    unsigned char         bytes[TOKEN_BYTES], mac[TOKEN_MAC_SIZE];
    const unsigned char  *key;

    rc = -1;

    if (text.len != TOKEN_TEXT_LEN
        || memcmp(text.data, TOKEN_PREFIX, TOKEN_PREFIX_LEN) != 0
        || jot_base64url_decode(bytes, &len, text.data + TOKEN_PREFIX_LEN,
                                text.len - TOKEN_PREFIX_LEN) != 0
        || len != TOKEN_BYTES)
    {
        return -1;
    }

    key = keys_refresh_find(keys, bytes[0]);

    if (key == NULL || token_refresh_mac(key, bytes, mac) != 0
        || CRYPTO_memcmp(mac, bytes + TOKEN_MAC, TOKEN_MAC_SIZE) != 0)
    {
        goto done;
    }

    memcpy(refresh->sid, bytes + TOKEN_SID, TOKEN_SID_SIZE);
    refresh->generation = (uint32_t) bytes[TOKEN_GENERATION] << 24
                          | (uint32_t) bytes[TOKEN_GENERATION + 1] << 16
                          | (uint32_t) bytes[TOKEN_GENERATION + 2] << 8
                          | (uint32_t) bytes[TOKEN_GENERATION + 3];
    memcpy(refresh->secret, bytes + TOKEN_SECRET, TOKEN_SECRET_SIZE);
    rc = 0;

done:

    explicit_bzero(bytes, sizeof(bytes));
    explicit_bzero(mac, sizeof(mac));

    return rc;
}


int
token_refresh_digest(const token_refresh_t *refresh,
    unsigned char digest[TOKEN_DIGEST_SIZE])
{
    return EVP_Digest(refresh->secret, TOKEN_SECRET_SIZE, digest, NULL,
                      EVP_sha256(), NULL) == 1 ? 0 : -1;
}


static int
token_refresh_mac(const unsigned char *key, const unsigned char *bytes,
    unsigned char mac[TOKEN_MAC_SIZE])
{
    int            rc;
    unsigned char  data[sizeof(TOKEN_DOMAIN) + TOKEN_MAC];

    /* The name ends with its NUL. */

    memcpy(data, TOKEN_DOMAIN, sizeof(TOKEN_DOMAIN));
    memcpy(data + sizeof(TOKEN_DOMAIN), bytes, TOKEN_MAC);

    rc = HMAC(EVP_sha256(), key, KEYS_REFRESH_SIZE, data, sizeof(data), mac,
              NULL)
         ? 0 : -1;

    explicit_bzero(data, sizeof(data));

    return rc;
}
