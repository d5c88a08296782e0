/*
 * Tokens for the unit tests, with whatever header and payload, signed right.
 * The MAC is OpenSSL's one-shot function, not a line of jot's.
 */

#ifndef HS256_H
#define HS256_H

#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "jot.h"


#define HS256_SECRET  "01234567890123456789012345678901"
#define HS256_KEY     "\"kty\":\"oct\",\"k\":\"MDEyMzQ1Njc4OTAxMjM0NTY3ODkw" \
                      "MTIzNDU2Nzg5MDE\""
#define HS256_KEYS    "{\"keys\":[{" HS256_KEY "}]}"


/* The caller frees it. */

static char *
hs256_token(const char *header, size_t header_len, const char *payload,
    size_t payload_len)
{
    char           *token;
    size_t          len, maclen;
    unsigned char   mac[EVP_MAX_MD_SIZE];

    token = malloc(JOT_BASE64URL_ENCODED(header_len)
                   + JOT_BASE64URL_ENCODED(payload_len) + 64);

    len = jot_base64url_encode(token, header, header_len);
    token[len++] = '.';
    len += jot_base64url_encode(token + len, payload, payload_len);

    if (EVP_Q_mac(NULL, "HMAC", NULL, "SHA256", NULL, HS256_SECRET,
                  strlen(HS256_SECRET), (unsigned char *) token, len, mac,
                  sizeof(mac), &maclen)
        == NULL)
    {
        abort();
    }

    token[len++] = '.';
    len += jot_base64url_encode(token + len, mac, maclen);
    token[len] = '\0';

    return token;
}

#endif
