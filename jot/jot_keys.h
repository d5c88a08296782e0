/*
 * One key of a set.  Private to jot.
 */

#ifndef JOT_KEYS_H
#define JOT_KEYS_H

#include <jansson.h>
#include <openssl/evp.h>

#include "jot.h"
#include "jot_alg.h"


typedef struct {
    char            *kid;               /* NULL if it has none */
    size_t           kid_len;
    jot_kty_t        kty;
    unsigned         algs;              /* what it may verify */
    EVP_PKEY        *pkey;              /* NULL with oct */
    EVP_MAC_CTX     *mac[JOT_HS512 + 1];    /* oct: keyed once for each hash */
} jot_key_t;

/*
 * Builds a key from a JWK (RFC 7517, 4).  Returns 0, or -1 and a static text
 * in *detail.  *ignored_private says that there were private members.
 */
int jot_jwk_load(jot_key_t *key, const json_t *jwk, int *ignored_private,
    const char **detail);
void jot_jwk_free(jot_key_t *key);

const jot_key_t *jot_keys_at(const jot_keys_t *keys, size_t i);

#endif
