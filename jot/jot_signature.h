/*
 * One algorithm on one key, made ready once and then used again and again:
 * the hash fetched, the padding set, the secret expanded.  Private to jot.
 *
 * The context inside changes while it works and is as new for the next use.
 * So a jot_signature_t serves one thread, and any number of calls.
 */

#ifndef JOT_SIGNATURE_H
#define JOT_SIGNATURE_H

#include <openssl/evp.h>

#include "jot.h"


#define JOT_SIGNATURE_SIZE  2048        /* of an RSA key with 16384 bits */

typedef struct {
    jot_alg_t         alg;
    size_t            len;              /* a signature has this many bytes */
    EVP_MD           *md;
    EVP_MD_CTX       *hash;             /* EdDSA: to be copied, with the key */
    EVP_MAC_CTX      *mac;              /* HS* */
    EVP_PKEY_CTX     *ctx;              /* RSA and ECDSA */
} jot_signature_t;

/* 0, or -1 if OpenSSL cannot; jot_signature_cleanup() is due in both cases. */
int jot_signature_init_secret(jot_signature_t *signature, jot_alg_t alg,
    const unsigned char *secret, size_t len);
int jot_signature_init_public(jot_signature_t *signature, jot_alg_t alg,
    EVP_PKEY *pkey);
int jot_signature_init_private(jot_signature_t *signature, jot_alg_t alg,
    EVP_PKEY *pkey);
void jot_signature_cleanup(jot_signature_t *signature);

jot_status_t jot_signature_verify(const jot_signature_t *signature,
    jot_str_t input, const unsigned char *sig, size_t siglen);

/* Not for HS* and EdDSA.  sig has room for signature->len bytes. */
jot_status_t jot_signature_make(const jot_signature_t *signature,
    jot_str_t input, unsigned char *sig);

#endif
