/*
 * HMAC, RSA, ECDSA and EdDSA as RFC 7518 and RFC 8037 want them of OpenSSL.
 *
 * OpenSSL allows EVP_PKEY_verify() and EVP_PKEY_sign() any number of times on
 * a context that was set up once, so the text is hashed apart from that.  Of
 * EdDSA's, which does both in one, a copy is used up each time; OpenSSL copies
 * it from 3.0.1 on.
 */

#include <string.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ecdsa.h>
#include <openssl/rsa.h>

#include "jot.h"
#include "jot_alg.h"
#include "jot_signature.h"


#define JOT_DER_SIZE  144       /* two integers of 66 bytes, signs and tags */


static int jot_signature_init(jot_signature_t *signature, jot_alg_t alg,
    EVP_PKEY *pkey, int (*init)(EVP_PKEY_CTX *ctx));
static int jot_signature_digest(const jot_signature_t *signature,
    jot_str_t input, unsigned char *digest, unsigned *len);
static jot_status_t jot_signature_verify_mac(const jot_signature_t *signature,
    jot_str_t input, const unsigned char *sig);
static jot_status_t jot_signature_verify_eddsa(
    const jot_signature_t *signature, jot_str_t input,
    const unsigned char *sig, size_t siglen);
static int jot_signature_to_der(unsigned char *der, const unsigned char *sig,
    size_t size);
static int jot_signature_from_der(unsigned char *sig, size_t size,
    const unsigned char *der, size_t derlen);


int
jot_signature_init_secret(jot_signature_t *signature, jot_alg_t alg,
    const unsigned char *secret, size_t len)
{
    EVP_MAC     *hmac;
    OSSL_PARAM   params[2];

    memset(signature, 0, sizeof(jot_signature_t));

    signature->alg = alg;
    signature->len = jot_algs[alg].hash_size;

    hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    signature->mac = EVP_MAC_CTX_new(hmac);
    EVP_MAC_free(hmac);

    if (signature->mac == NULL) {
        return -1;
    }

    params[0] = OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST,
                                                 (char *) jot_algs[alg].hash,
                                                 0);
    params[1] = OSSL_PARAM_construct_end();

    return EVP_MAC_init(signature->mac, secret, len, params) == 1 ? 0 : -1;
}


int
jot_signature_init_public(jot_signature_t *signature, jot_alg_t alg,
    EVP_PKEY *pkey)
{
    return jot_signature_init(signature, alg, pkey, EVP_PKEY_verify_init);
}


int
jot_signature_init_private(jot_signature_t *signature, jot_alg_t alg,
    EVP_PKEY *pkey)
{
    return jot_signature_init(signature, alg, pkey, EVP_PKEY_sign_init);
}


void
jot_signature_cleanup(jot_signature_t *signature)
{
    EVP_PKEY_CTX_free(signature->ctx);
    EVP_MAC_CTX_free(signature->mac);
    EVP_MD_CTX_free(signature->hash);
    EVP_MD_free(signature->md);

    memset(signature, 0, sizeof(jot_signature_t));
}


jot_status_t
jot_signature_verify(const jot_signature_t *signature, jot_str_t input,
    const unsigned char *sig, size_t siglen)
{
    int             derlen;
    unsigned        len;
    jot_kty_t       kty;
    unsigned char   digest[EVP_MAX_MD_SIZE], der[JOT_DER_SIZE];

    /*
     * OpenSSL takes an RSA-PSS signature without its leading zeros, and would
     * see two texts as one signature (RFC 8017, 8.1.2 refuses the second).
     */

    if (siglen != signature->len) {
        return JOT_SIGNATURE;
    }

    kty = jot_algs[signature->alg].kty;

    if (kty == JOT_OCT) {
        return jot_signature_verify_mac(signature, input, sig);
    }

    if (kty == JOT_OKP) {
        return jot_signature_verify_eddsa(signature, input, sig, siglen);
    }

    if (jot_signature_digest(signature, input, digest, &len) != 1) {
        return JOT_INTERNAL;
    }

    if (kty == JOT_EC) {
        derlen = jot_signature_to_der(der, sig, siglen / 2);
        if (derlen <= 0) {
            return JOT_INTERNAL;
        }

        sig = der;
        siglen = derlen;
    }

    return EVP_PKEY_verify(signature->ctx, sig, siglen, digest, len) == 1
           ? JOT_OK : JOT_SIGNATURE;
}


jot_status_t
jot_signature_make(const jot_signature_t *signature, jot_str_t input,
    unsigned char *sig)
{
    size_t          made;
    unsigned        len;
    unsigned char   digest[EVP_MAX_MD_SIZE], der[JOT_SIGNATURE_SIZE];

    if (jot_signature_digest(signature, input, digest, &len) != 1) {
        return JOT_INTERNAL;
    }

    made = sizeof(der);

    if (EVP_PKEY_sign(signature->ctx, der, &made, digest, len) != 1) {
        return JOT_INTERNAL;
    }

    if (jot_algs[signature->alg].kty == JOT_EC) {
        return jot_signature_from_der(sig, signature->len / 2, der, made) == 0
               ? JOT_OK : JOT_INTERNAL;
    }

    if (made != signature->len) {
        return JOT_INTERNAL;
    }

    memcpy(sig, der, made);
    return JOT_OK;
}


static int
jot_signature_init(jot_signature_t *signature, jot_alg_t alg, EVP_PKEY *pkey,
    int (*init)(EVP_PKEY_CTX *ctx))
{
    const jot_alg_info_t  *info;

    memset(signature, 0, sizeof(jot_signature_t));

    info = &jot_algs[alg];
    signature->alg = alg;
    signature->len = info->kty == JOT_EC ? jot_curve_find(info->crv)->size * 2
                                         : (size_t) EVP_PKEY_get_size(pkey);

    signature->hash = EVP_MD_CTX_new();
    if (signature->hash == NULL) {
        return -1;
    }

    if (info->kty == JOT_OKP) {
        return EVP_DigestVerifyInit_ex(signature->hash, NULL, NULL, NULL, NULL,
                                       pkey, NULL) == 1 ? 0 : -1;
    }

    signature->ctx = EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL);
    signature->md = EVP_MD_fetch(NULL, info->hash, NULL);

    if (signature->ctx == NULL || signature->md == NULL
        || init(signature->ctx) != 1
        || EVP_PKEY_CTX_set_signature_md(signature->ctx, signature->md) != 1)
    {
        return -1;
    }

    if (info->kty == JOT_EC) {
        return 0;
    }

    if (!info->pss) {
        return EVP_PKEY_CTX_set_rsa_padding(signature->ctx, RSA_PKCS1_PADDING)
               == 1 ? 0 : -1;
    }

    /* RFC 7518, 3.5: the salt is as long as the hash, MGF1 uses it as well. */

    return EVP_PKEY_CTX_set_rsa_padding(signature->ctx, RSA_PKCS1_PSS_PADDING)
           == 1
           && EVP_PKEY_CTX_set_rsa_pss_saltlen(signature->ctx,
                                               RSA_PSS_SALTLEN_DIGEST) == 1
           && EVP_PKEY_CTX_set_rsa_mgf1_md(signature->ctx, signature->md) == 1
           ? 0 : -1;
}


static int
jot_signature_digest(const jot_signature_t *signature, jot_str_t input,
    unsigned char *digest, unsigned *len)
{
    return EVP_DigestInit_ex2(signature->hash, signature->md, NULL) == 1
           && EVP_DigestUpdate(signature->hash, input.data, input.len) == 1
           && EVP_DigestFinal_ex(signature->hash, digest, len) == 1;
}


static jot_status_t
jot_signature_verify_mac(const jot_signature_t *signature, jot_str_t input,
    const unsigned char *sig)
{
    int             same;
    size_t          len;
    unsigned char   mac[EVP_MAX_MD_SIZE];

    if (EVP_MAC_init(signature->mac, NULL, 0, NULL) != 1
        || EVP_MAC_update(signature->mac, (const unsigned char *) input.data,
                          input.len) != 1
        || EVP_MAC_final(signature->mac, mac, &len, sizeof(mac)) != 1
        || len != signature->len)
    {
        return JOT_INTERNAL;
    }

    same = CRYPTO_memcmp(mac, sig, len) == 0;

    /* For a forged token this is what would have made it good. */

    OPENSSL_cleanse(mac, sizeof(mac));

    return same ? JOT_OK : JOT_SIGNATURE;
}


/*
 * EdDSA hashes for itself, twice; it takes the whole text in one call, which
 * ends the context.
 */

static jot_status_t
jot_signature_verify_eddsa(const jot_signature_t *signature, jot_str_t input,
    const unsigned char *sig, size_t siglen)
{
    EVP_MD_CTX    *ctx;
    jot_status_t   status;

    status = JOT_INTERNAL;

    ctx = EVP_MD_CTX_new();
    if (ctx == NULL) {
        return JOT_INTERNAL;
    }

    if (EVP_MD_CTX_copy_ex(ctx, signature->hash) == 1) {
        status = EVP_DigestVerify(ctx, sig, siglen,
                                  (const unsigned char *) input.data,
                                  input.len) == 1
                 ? JOT_OK : JOT_SIGNATURE;
    }

    EVP_MD_CTX_free(ctx);
    return status;
}


/*
 * RFC 7518, 3.4: r and s side by side, each as long as the field.  OpenSSL
 * wants and makes DER; it refuses a zero, and what is not below the order.
 */

static int
jot_signature_to_der(unsigned char *der, const unsigned char *sig, size_t size)
{
    int         len;
    BIGNUM     *r, *s;
    ECDSA_SIG  *pair;

    len = -1;
    pair = ECDSA_SIG_new();
    r = BN_bin2bn(sig, size, NULL);
    s = BN_bin2bn(sig + size, size, NULL);

    if (pair == NULL || r == NULL || s == NULL) {
        BN_free(r);
        BN_free(s);
        goto done;
    }

    ECDSA_SIG_set0(pair, r, s);

    if (i2d_ECDSA_SIG(pair, NULL) <= JOT_DER_SIZE) {
        len = i2d_ECDSA_SIG(pair, &der);
    }

done:

    ECDSA_SIG_free(pair);
    return len;
}


static int
jot_signature_from_der(unsigned char *sig, size_t size,
    const unsigned char *der, size_t derlen)
{
    int         rc;
    ECDSA_SIG  *pair;

    pair = d2i_ECDSA_SIG(NULL, &der, derlen);
    if (pair == NULL) {
        return -1;
    }

    rc = BN_bn2binpad(ECDSA_SIG_get0_r(pair), sig, size) == (int) size
         && BN_bn2binpad(ECDSA_SIG_get0_s(pair), sig + size, size)
            == (int) size
         ? 0 : -1;

    ECDSA_SIG_free(pair);
    return rc;
}
