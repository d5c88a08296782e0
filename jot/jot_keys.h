/*
 * One key of a set.  Private to jot.
 */

#ifndef JOT_KEYS_H
#define JOT_KEYS_H

#include <jansson.h>
#include <openssl/bn.h>
#include <openssl/evp.h>

#include "jot.h"
#include "jot_alg.h"
#include "jot_signature.h"


#define JOT_RSA_BITS_MIN  2048
#define JOT_RSA_BITS_MAX  (JOT_SIGNATURE_SIZE * 8)

typedef struct {
    char             *kid;              /* NULL if it has none */
    size_t            kid_len;
    jot_kty_t         kty;
    unsigned          algs;             /* what it may verify */
    EVP_PKEY         *pkey;             /* NULL with oct */
    jot_signature_t   signature[JOT_ALG_COUNT];     /* those in algs */
} jot_key_t;

/*
 * Builds a key from a JWK (RFC 7517, 4).  Returns 0, or -1 and a static text
 * in *detail.  *private_members says that there were some; they are not read.
 */
int jot_jwk_load(jot_key_t *key, const json_t *jwk, int *private_members,
    const char **detail);
void jot_jwk_free(jot_key_t *key);

/* The same from PEM (RFC 7468): "PUBLIC KEY" or "CERTIFICATE", a string. */
int jot_pem_load(jot_key_t *key, const char *kid, const json_t *pem,
    const char **detail);

/* The algorithms of algs that pkey is made ready for.  0, or -1 and *detail. */
int jot_jwk_public(jot_key_t *key, unsigned algs, const char **detail);
const char *jot_jwk_rsa_fault(const BIGNUM *n, const BIGNUM *e);

const jot_key_t *jot_keys_at(const jot_keys_t *keys, size_t i);

#endif
