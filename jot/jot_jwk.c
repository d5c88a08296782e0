/*
 * One JSON Web Key (RFC 7517, 4; RFC 7518, 6; RFC 8037, 2) becomes one key of
 * OpenSSL's.  Whatever is weak, unknown or at odds with itself is no key.
 */

#include <stdlib.h>
#include <string.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/param_build.h>

#include "jot.h"
#include "jot_keys.h"


#define JOT_MEMBER_SIZE  (JOT_RSA_BITS_MAX / 8)
#define JOT_POINT_SIZE   (1 + 2 * 66)

typedef struct {
    size_t           len;
    unsigned char    data[JOT_MEMBER_SIZE];
} jot_bytes_t;

typedef int (*jot_jwk_pt)(jot_key_t *key, const json_t *jwk,
    const char **detail);


static int jot_jwk_private(jot_kty_t kty, const json_t *jwk);
static int jot_jwk_common(jot_key_t *key, const json_t *jwk,
    const char **detail);
static int jot_jwk_alg(jot_key_t *key, const json_t *jwk,
    const char **detail);
static int jot_jwk_key_ops(const json_t *ops);
static int jot_jwk_kid(jot_key_t *key, const json_t *jwk,
    const char **detail);
static int jot_jwk_oct(jot_key_t *key, const json_t *jwk,
    const char **detail);
static int jot_jwk_rsa(jot_key_t *key, const json_t *jwk,
    const char **detail);
static EVP_PKEY *jot_jwk_rsa_build(const BIGNUM *n, const BIGNUM *e);
static int jot_jwk_ec(jot_key_t *key, const json_t *jwk, const char **detail);
static EVP_PKEY *jot_jwk_build(const char *type, OSSL_PARAM *params);
static int jot_jwk_point_ok(EVP_PKEY *pkey);
static int jot_jwk_okp(jot_key_t *key, const json_t *jwk,
    const char **detail);
static const jot_curve_t *jot_jwk_curve(const jot_key_t *key,
    const json_t *jwk, const char **detail);
static int jot_jwk_bytes(jot_bytes_t *bytes, const json_t *jwk,
    const char *name);


static const jot_jwk_pt  jot_jwk_loaders[] = {
    [JOT_OCT] = jot_jwk_oct,
    [JOT_RSA] = jot_jwk_rsa,
    [JOT_EC]  = jot_jwk_ec,
    [JOT_OKP] = jot_jwk_okp
};


static const char *const  jot_jwk_private_members[] = {
    "d", "p", "q", "dp", "dq", "qi", "oth"
};


int
jot_jwk_load(jot_key_t *key, const json_t *jwk, int *private_members,
    const char **detail)
{
    int          kty;
    const char  *name;

    memset(key, 0, sizeof(jot_key_t));
    *private_members = 0;

    if (!json_is_object(jwk)) {
        *detail = "not a JSON object";
        return -1;
    }

    name = json_string_value(json_object_get(jwk, "kty"));
    if (name == NULL) {
        *detail = "kty is missing";
        return -1;
    }

    kty = jot_kty_find(name);
    if (kty == -1) {
        *detail = "kty is none of RSA, EC, OKP, oct";
        return -1;
    }

    key->kty = kty;
    *private_members = jot_jwk_private(kty, jwk);

    if (jot_jwk_common(key, jwk, detail) != 0
        || jot_jwk_alg(key, jwk, detail) != 0
        || jot_jwk_loaders[kty](key, jwk, detail) != 0)
    {
        jot_jwk_free(key);
        return -1;
    }

    return 0;
}


void
jot_jwk_free(jot_key_t *key)
{
    int  alg;

    for (alg = 0; alg < JOT_ALG_COUNT; alg++) {
        jot_signature_cleanup(&key->signature[alg]);
    }

    EVP_PKEY_free(key->pkey);
    free(key->kid);

    memset(key, 0, sizeof(jot_key_t));
}


static int
jot_jwk_private(jot_kty_t kty, const json_t *jwk)
{
    size_t        i;
    const size_t  n = sizeof(jot_jwk_private_members)
                      / sizeof(jot_jwk_private_members[0]);

    for (i = 0; kty != JOT_OCT && i < n; i++) {
        if (json_object_get(jwk, jot_jwk_private_members[i])) {
            return 1;
        }
    }

    return 0;
}


static int
jot_jwk_common(jot_key_t *key, const json_t *jwk, const char **detail)
{
    const char    *text;
    const json_t  *use, *ops;

    use = json_object_get(jwk, "use");

    if (use) {
        text = json_string_value(use);

        if (text == NULL || strcmp(text, "sig") != 0) {
            *detail = "use is not \"sig\"";
            return -1;
        }
    }

    ops = json_object_get(jwk, "key_ops");

    if (ops && !jot_jwk_key_ops(ops)) {
        *detail = "key_ops has no \"verify\"";
        return -1;
    }

    return jot_jwk_kid(key, jwk, detail);
}


static int
jot_jwk_key_ops(const json_t *ops)
{
    size_t       i;
    const char  *op;

    for (i = 0; i < json_array_size(ops); i++) {
        op = json_string_value(json_array_get(ops, i));

        if (op && strcmp(op, "verify") == 0) {
            return 1;
        }
    }

    return 0;
}


static int
jot_jwk_kid(jot_key_t *key, const json_t *jwk, const char **detail)
{
    const json_t  *kid;

    kid = json_object_get(jwk, "kid");

    if (kid == NULL) {
        return 0;
    }

    if (!json_is_string(kid)) {
        *detail = "kid is not a string";
        return -1;
    }

    key->kid_len = json_string_length(kid);
    key->kid = malloc(key->kid_len + 1);

    if (key->kid == NULL) {
        *detail = "out of memory";
        return -1;
    }

    memcpy(key->kid, json_string_value(kid), key->kid_len + 1);
    return 0;
}


/* A JWK's own alg is the only one it is for.  Its type may narrow that. */

static int
jot_jwk_alg(jot_key_t *key, const json_t *jwk, const char **detail)
{
    int            alg;
    const json_t  *member;

    key->algs = jot_algs_of(key->kty, NULL);
    member = json_object_get(jwk, "alg");

    if (member == NULL) {
        return 0;
    }

    alg = json_is_string(member)
          ? jot_alg_find(json_string_value(member),
                         json_string_length(member))
          : -1;

    if (alg == -1) {
        *detail = "alg is none that makes signatures";
        return -1;
    }

    key->algs &= JOT_ALG_BIT(alg);

    if (key->algs == 0) {
        *detail = "alg and kty do not fit";
        return -1;
    }

    return 0;
}


static int
jot_jwk_oct(jot_key_t *key, const json_t *jwk, const char **detail)
{
    int          alg, rc;
    unsigned     algs;
    jot_bytes_t  secret;

    rc = -1;
    algs = key->algs;
    key->algs = 0;

    if (jot_jwk_bytes(&secret, jwk, "k") != 0) {
        *detail = "k is missing, not base64url, or longer than 2048 bytes";
        goto done;
    }

    for (alg = JOT_HS256; alg <= JOT_HS512; alg++) {
        if (!(algs & JOT_ALG_BIT(alg)) || secret.len < jot_algs[alg].hash_size)
        {
            continue;
        }

        if (jot_signature_init_secret(&key->signature[alg], alg, secret.data,
                                      secret.len) != 0)
        {
            *detail = "OpenSSL cannot use it";
            goto done;
        }

        key->algs |= JOT_ALG_BIT(alg);
    }

    if (key->algs == 0) {
        *detail = "k is shorter than the hash (RFC 7518, 3.2)";
        goto done;
    }

    rc = 0;

done:

    OPENSSL_cleanse(&secret, sizeof(secret));
    return rc;
}


static int
jot_jwk_rsa(jot_key_t *key, const json_t *jwk, const char **detail)
{
    BIGNUM      *n, *e;
    jot_bytes_t  modulus, exponent;

    if (jot_jwk_bytes(&modulus, jwk, "n") != 0
        || jot_jwk_bytes(&exponent, jwk, "e") != 0)
    {
        *detail = "n or e is missing, not base64url, or too long";
        return -1;
    }

    n = BN_bin2bn(modulus.data, modulus.len, NULL);
    e = BN_bin2bn(exponent.data, exponent.len, NULL);

    *detail = n && e ? jot_jwk_rsa_fault(n, e) : "out of memory";

    if (*detail == NULL) {
        key->pkey = jot_jwk_rsa_build(n, e);
    }

    BN_free(n);
    BN_free(e);

    return *detail ? -1 : jot_jwk_public(key, key->algs, detail);
}


/*
 * OpenSSL's own check of a public key looks for primes in the modulus, which
 * takes seconds with a long one, and tells nothing that matters here.
 */

const char *
jot_jwk_rsa_fault(const BIGNUM *n, const BIGNUM *e)
{
    int  bits;

    bits = BN_num_bits(n);

    if (bits < JOT_RSA_BITS_MIN || bits > JOT_RSA_BITS_MAX) {
        return "n has not 2048 to 16384 bits";
    }

    if (!BN_is_odd(n)) {
        return "n is even";
    }

    if (!BN_is_odd(e) || BN_is_one(e) || BN_num_bits(e) > 64) {
        return "e is not odd, from 3 and below 2^64";
    }

    return NULL;
}


static EVP_PKEY *
jot_jwk_rsa_build(const BIGNUM *n, const BIGNUM *e)
{
    EVP_PKEY        *pkey;
    OSSL_PARAM      *params;
    OSSL_PARAM_BLD  *build;

    pkey = NULL;
    params = NULL;
    build = OSSL_PARAM_BLD_new();

    if (build
        && OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, n) == 1
        && OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_E, e) == 1)
    {
        params = OSSL_PARAM_BLD_to_param(build);
    }

    if (params) {
        pkey = jot_jwk_build("RSA", params);
    }

    OSSL_PARAM_free(params);
    OSSL_PARAM_BLD_free(build);

    return pkey;
}


static int
jot_jwk_ec(jot_key_t *key, const json_t *jwk, const char **detail)
{
    OSSL_PARAM          params[3];
    jot_bytes_t         x, y;
    unsigned char       point[JOT_POINT_SIZE];
    const jot_curve_t  *curve;

    curve = jot_jwk_curve(key, jwk, detail);
    if (curve == NULL) {
        return -1;
    }

    if (jot_jwk_bytes(&x, jwk, "x") != 0 || jot_jwk_bytes(&y, jwk, "y") != 0
        || x.len != curve->size || y.len != curve->size)
    {
        *detail = "x or y is missing, or has not the length of the curve";
        return -1;
    }

    point[0] = POINT_CONVERSION_UNCOMPRESSED;
    memcpy(&point[1], x.data, x.len);
    memcpy(&point[1 + x.len], y.data, y.len);

    params[0] = OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME,
                                                 (char *) curve->group, 0);
    params[1] = OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY,
                                                  point, 1 + x.len + y.len);
    params[2] = OSSL_PARAM_construct_end();

    key->pkey = jot_jwk_build("EC", params);

    if (key->pkey == NULL || !jot_jwk_point_ok(key->pkey)) {
        *detail = "the point is not on its curve";
        return -1;
    }

    return jot_jwk_public(key, jot_algs_of(JOT_EC, curve->name), detail);
}


static EVP_PKEY *
jot_jwk_build(const char *type, OSSL_PARAM *params)
{
    EVP_PKEY      *pkey;
    EVP_PKEY_CTX  *ctx;

    pkey = NULL;
    ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);

    if (ctx && EVP_PKEY_fromdata_init(ctx) == 1
        && EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_PUBLIC_KEY, params) != 1)
    {
        pkey = NULL;
    }

    EVP_PKEY_CTX_free(ctx);
    return pkey;
}


static int
jot_jwk_point_ok(EVP_PKEY *pkey)
{
    int            ok;
    EVP_PKEY_CTX  *ctx;

    ctx = EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL);
    ok = ctx && EVP_PKEY_public_check(ctx) == 1;

    EVP_PKEY_CTX_free(ctx);
    return ok;
}


static int
jot_jwk_okp(jot_key_t *key, const json_t *jwk, const char **detail)
{
    jot_bytes_t         x;
    const jot_curve_t  *curve;

    curve = jot_jwk_curve(key, jwk, detail);
    if (curve == NULL) {
        return -1;
    }

    if (jot_jwk_bytes(&x, jwk, "x") != 0 || x.len != curve->size) {
        *detail = "x is missing, or has not the length of the curve";
        return -1;
    }

    key->pkey = EVP_PKEY_new_raw_public_key_ex(NULL, curve->group, NULL,
                                               x.data, x.len);

    return jot_jwk_public(key, jot_algs_of(JOT_OKP, curve->name), detail);
}


static const jot_curve_t *
jot_jwk_curve(const jot_key_t *key, const json_t *jwk, const char **detail)
{
    const char         *crv;
    const jot_curve_t  *curve;

    crv = json_string_value(json_object_get(jwk, "crv"));
    curve = crv ? jot_curve_find(crv) : NULL;

    if (curve == NULL || curve->kty != key->kty) {
        *detail = "crv is unknown, or not of this kty";
        return NULL;
    }

    return curve;
}


static int
jot_jwk_bytes(jot_bytes_t *bytes, const json_t *jwk, const char *name)
{
    size_t         len;
    const json_t  *member;

    member = json_object_get(jwk, name);
    len = json_string_length(member);

    if (len == 0 || JOT_BASE64URL_DECODED(len) > sizeof(bytes->data)) {
        return -1;
    }

    return jot_base64url_decode(bytes->data, &bytes->len,
                                json_string_value(member), len);
}


int
jot_jwk_public(jot_key_t *key, unsigned algs, const char **detail)
{
    int  alg;

    key->algs &= algs;

    if (key->algs == 0) {
        *detail = "alg and crv do not fit";
        return -1;
    }

    for (alg = 0; alg < JOT_ALG_COUNT; alg++) {
        if (!(key->algs & JOT_ALG_BIT(alg))) {
            continue;
        }

        if (key->pkey == NULL
            || jot_signature_init_public(&key->signature[alg], alg, key->pkey)
               != 0)
        {
            *detail = "OpenSSL cannot use it";
            return -1;
        }
    }

    return 0;
}
