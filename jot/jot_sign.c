/*
 * Private keys: read, made, named (RFC 7638), shown in public (RFC 7517), and
 * put to signing.  The key and its context are made once, since reading a PEM
 * costs more than twenty signatures.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "jot.h"
#include "jot_alg.h"


#define JOT_RSA_BITS        2048
#define JOT_RSA_BITS_MAX    16384
#define JOT_SIGNATURE_SIZE  (JOT_RSA_BITS_MAX / 8)
#define JOT_MEMBERS_SIZE    4096
#define JOT_KID_SIZE        (JOT_BASE64URL_ENCODED(32) + 1)

struct jot_private_s {
    jot_alg_t    alg;
    EVP_PKEY    *pkey;
    char         kid[JOT_KID_SIZE];

    /* "crv":...,"kty":... in the order of RFC 7638, 3.2; without braces */
    char         members[JOT_MEMBERS_SIZE];
};


static int jot_private_fits(const jot_private_t *key, char *reason);
static int jot_private_rsa_members(jot_private_t *key);
static int jot_private_ec_members(jot_private_t *key);
static char *jot_private_number(const EVP_PKEY *pkey, const char *param,
    size_t size);
static int jot_private_thumbprint(jot_private_t *key);
static jot_status_t jot_private_signature(const jot_private_t *key,
    const char *input, size_t len, unsigned char *sig, size_t *siglen);
static int jot_private_raw(const jot_curve_t *curve, unsigned char *sig,
    size_t *siglen);


jot_private_t *
jot_private_parse(const char *pem, size_t len, jot_alg_t alg,
    char reason[JOT_REASON_SIZE])
{
    BIO            *bio;
    jot_private_t  *key;

    key = calloc(1, sizeof(jot_private_t));
    bio = BIO_new_mem_buf(pem, len);

    if (key == NULL || bio == NULL) {
        snprintf(reason, JOT_REASON_SIZE, "out of memory");
        goto failed;
    }

    /* The empty passphrase keeps OpenSSL from asking on the terminal. */

    key->alg = alg;
    key->pkey = PEM_read_bio_PrivateKey(bio, NULL, NULL, (void *) "");

    if (key->pkey == NULL) {
        snprintf(reason, JOT_REASON_SIZE,
                 "not an unencrypted private key in PEM");
        goto failed;
    }

    if (!jot_private_fits(key, reason)) {
        goto failed;
    }

    if (jot_private_thumbprint(key) != 0) {
        snprintf(reason, JOT_REASON_SIZE, "the public key cannot be read");
        goto failed;
    }

    BIO_free(bio);
    return key;

failed:

    BIO_free(bio);
    jot_private_free(key);
    return NULL;
}


void
jot_private_free(jot_private_t *key)
{
    if (key) {
        EVP_PKEY_free(key->pkey);
        free(key);
    }
}


int
jot_private_generate(jot_alg_t alg, char **pem)
{
    int        rc;
    BIO       *bio;
    char      *data;
    long       len;
    EVP_PKEY  *pkey;

    rc = -1;
    *pem = NULL;
    pkey = NULL;
    bio = BIO_new(BIO_s_secmem());

    if (jot_algs[alg].kty == JOT_RSA) {
        pkey = EVP_RSA_gen(JOT_RSA_BITS);

    } else if (jot_algs[alg].kty == JOT_EC) {
        pkey = EVP_EC_gen(jot_curve_find(jot_algs[alg].crv)->group);
    }

    if (bio == NULL || pkey == NULL
        || PEM_write_bio_PKCS8PrivateKey(bio, pkey, NULL, NULL, 0, NULL, NULL)
           != 1)
    {
        goto done;
    }

    len = BIO_get_mem_data(bio, &data);
    *pem = strndup(data, len);
    rc = *pem ? 0 : -1;

done:

    EVP_PKEY_free(pkey);
    BIO_free(bio);
    return rc;
}


jot_alg_t
jot_private_alg(const jot_private_t *key)
{
    return key->alg;
}


const char *
jot_private_kid(const jot_private_t *key)
{
    return key->kid;
}


char *
jot_private_jwk(const jot_private_t *key)
{
    int    n;
    char  *text;

    n = asprintf(&text,
                 "{%s,\"kid\":\"%s\",\"alg\":\"%s\",\"use\":\"sig\"}",
                 key->members, key->kid, jot_alg_name(key->alg));

    return n == -1 ? NULL : text;
}


jot_status_t
jot_private_sign(const jot_private_t *key, jot_str_t header, jot_str_t payload,
    char **token)
{
    char           *text;
    size_t          len, siglen, size;
    jot_status_t    status;
    unsigned char   sig[JOT_SIGNATURE_SIZE];

    *token = NULL;
    size = JOT_BASE64URL_ENCODED(header.len)
           + JOT_BASE64URL_ENCODED(payload.len)
           + JOT_BASE64URL_ENCODED(sizeof(sig)) + sizeof("..");

    text = malloc(size);
    if (text == NULL) {
        return JOT_INTERNAL;
    }

    len = jot_base64url_encode(text, header.data, header.len);
    text[len++] = '.';
    len += jot_base64url_encode(text + len, payload.data, payload.len);

    status = jot_private_signature(key, text, len, sig, &siglen);

    if (status != JOT_OK) {
        free(text);
        return status;
    }

    text[len++] = '.';
    len += jot_base64url_encode(text + len, sig, siglen);
    text[len] = '\0';

    *token = text;
    return JOT_OK;
}


static int
jot_private_fits(const jot_private_t *key, char *reason)
{
    int                    bits;
    char                   group[32];
    size_t                 len;
    const jot_curve_t     *curve;
    const jot_alg_info_t  *alg;

    alg = &jot_algs[key->alg];

    if (alg->kty == JOT_RSA && EVP_PKEY_is_a(key->pkey, "RSA")) {
        bits = EVP_PKEY_get_bits(key->pkey);

        if (bits >= JOT_RSA_BITS && bits <= JOT_RSA_BITS_MAX) {
            return 1;
        }

        snprintf(reason, JOT_REASON_SIZE,
                 "an RSA key of %d bits, from 2048 to 16384 would be right",
                 bits);
        return 0;
    }

    if (alg->kty == JOT_EC && EVP_PKEY_is_a(key->pkey, "EC")
        && EVP_PKEY_get_group_name(key->pkey, group, sizeof(group), &len) == 1)
    {
        curve = jot_curve_of_group(group);

        if (curve && strcmp(curve->name, alg->crv) == 0) {
            return 1;
        }
    }

    snprintf(reason, JOT_REASON_SIZE, "not a key for %s", alg->name);
    return 0;
}


static int
jot_private_rsa_members(jot_private_t *key)
{
    int    n;
    char  *e, *modulus;

    n = -1;
    e = jot_private_number(key->pkey, OSSL_PKEY_PARAM_RSA_E, 0);
    modulus = jot_private_number(key->pkey, OSSL_PKEY_PARAM_RSA_N, 0);

    if (e && modulus) {
        n = snprintf(key->members, sizeof(key->members),
                     "\"e\":\"%s\",\"kty\":\"RSA\",\"n\":\"%s\"", e, modulus);
    }

    free(e);
    free(modulus);

    return n > 0 && (size_t) n < sizeof(key->members) ? 0 : -1;
}


static int
jot_private_ec_members(jot_private_t *key)
{
    int                 n;
    char               *x, *y;
    const jot_curve_t  *curve;

    n = -1;
    curve = jot_curve_find(jot_algs[key->alg].crv);
    x = jot_private_number(key->pkey, OSSL_PKEY_PARAM_EC_PUB_X, curve->size);
    y = jot_private_number(key->pkey, OSSL_PKEY_PARAM_EC_PUB_Y, curve->size);

    if (x && y) {
        n = snprintf(key->members, sizeof(key->members),
                     "\"crv\":\"%s\",\"kty\":\"EC\",\"x\":\"%s\",\"y\":\"%s\"",
                     curve->name, x, y);
    }

    free(x);
    free(y);

    return n > 0 && (size_t) n < sizeof(key->members) ? 0 : -1;
}


/* Base64url, as long as size, or as short as possible if that is 0. */

static char *
jot_private_number(const EVP_PKEY *pkey, const char *param, size_t size)
{
    char           *text;
    BIGNUM         *number;
    unsigned char   bytes[JOT_RSA_BITS_MAX / 8];

    text = NULL;
    number = NULL;

    if (EVP_PKEY_get_bn_param(pkey, param, &number) != 1) {
        return NULL;
    }

    if (size == 0) {
        size = BN_num_bytes(number);
    }

    if (size <= sizeof(bytes)
        && BN_bn2binpad(number, bytes, size) == (int) size)
    {
        text = malloc(JOT_BASE64URL_ENCODED(size) + 1);

        if (text) {
            text[jot_base64url_encode(text, bytes, size)] = '\0';
        }
    }

    BN_free(number);
    return text;
}


static int
jot_private_thumbprint(jot_private_t *key)
{
    int            n, rc;
    char           text[JOT_MEMBERS_SIZE + sizeof("{}")];
    size_t         len;
    unsigned char  digest[32];

    rc = jot_algs[key->alg].kty == JOT_RSA ? jot_private_rsa_members(key)
                                           : jot_private_ec_members(key);
    if (rc != 0) {
        return -1;
    }

    n = snprintf(text, sizeof(text), "{%s}", key->members);

    if (EVP_Q_digest(NULL, "SHA256", NULL, text, n, digest, &len) != 1) {
        return -1;
    }

    key->kid[jot_base64url_encode(key->kid, digest, len)] = '\0';
    return 0;
}


static jot_status_t
jot_private_signature(const jot_private_t *key, const char *input, size_t len,
    unsigned char *sig, size_t *siglen)
{
    EVP_MD_CTX            *ctx;
    EVP_PKEY_CTX          *pctx;
    jot_status_t           status;
    const jot_alg_info_t  *alg;

    alg = &jot_algs[key->alg];
    status = JOT_INTERNAL;
    *siglen = JOT_SIGNATURE_SIZE;

    ctx = EVP_MD_CTX_new();
    if (ctx == NULL) {
        goto done;
    }

    if (EVP_DigestSignInit_ex(ctx, &pctx, alg->hash, NULL, NULL, key->pkey,
                              NULL) != 1)
    {
        goto done;
    }

    if (alg->pss
        && (EVP_PKEY_CTX_set_rsa_padding(pctx, RSA_PKCS1_PSS_PADDING) != 1
            || EVP_PKEY_CTX_set_rsa_pss_saltlen(pctx, RSA_PSS_SALTLEN_DIGEST)
               != 1))
    {
        goto done;
    }

    if (EVP_DigestSign(ctx, sig, siglen, (const unsigned char *) input, len)
        != 1)
    {
        goto done;
    }

    if (alg->kty == JOT_EC
        && jot_private_raw(jot_curve_find(alg->crv), sig, siglen) != 0)
    {
        goto done;
    }

    status = JOT_OK;

done:

    EVP_MD_CTX_free(ctx);
    return status;
}


/* DER, as OpenSSL signs, becomes r and s side by side (RFC 7518, 3.4). */

static int
jot_private_raw(const jot_curve_t *curve, unsigned char *sig, size_t *siglen)
{
    int                   rc;
    ECDSA_SIG            *pair;
    const unsigned char  *p;

    p = sig;
    pair = d2i_ECDSA_SIG(NULL, &p, *siglen);

    if (pair == NULL) {
        return -1;
    }

    rc = BN_bn2binpad(ECDSA_SIG_get0_r(pair), sig, curve->size) == -1
         || BN_bn2binpad(ECDSA_SIG_get0_s(pair), sig + curve->size,
                         curve->size) == -1
         ? -1 : 0;

    *siglen = curve->siglen;
    ECDSA_SIG_free(pair);
    return rc;
}
