/*
 * A compact JWS: split, then its header, then a key, then the signature, and
 * only then the payload.  The key found by kid and type says which algorithms
 * may be used; the header's alg is only compared with it (RFC 8725, 3.1).
 */

#include <string.h>

#include <openssl/bn.h>
#include <openssl/crypto.h>
#include <openssl/ecdsa.h>
#include <openssl/rsa.h>

#include "jot.h"
#include "jot_json.h"
#include "jot_keys.h"


#define JOT_SIGNATURE_SIZE  2048    /* of RSA with 16384 bits */
#define JOT_DER_SIZE        160     /* two integers of 66 bytes, and tags */

typedef struct {
    const jot_keys_t *const  *sets;
    size_t                    nsets;
} jot_sets_t;


static jot_status_t jot_token_split(jot_token_t *token, const char *data,
    size_t len);
static jot_status_t jot_token_header(jot_token_t *token);
static jot_status_t jot_token_alg(jot_token_t *token);
static int jot_token_kid_known(const jot_token_t *token,
    const jot_sets_t *sets);
static int jot_token_candidate(const jot_token_t *token,
    const jot_key_t *key, int by_kid);
static jot_status_t jot_token_try(jot_token_t *token, const jot_sets_t *sets,
    const unsigned char *sig, size_t siglen);
static jot_status_t jot_token_check(const jot_token_t *token,
    const jot_key_t *key, const unsigned char *sig, size_t siglen);
static jot_status_t jot_token_check_mac(const jot_token_t *token,
    const jot_key_t *key, const unsigned char *sig, size_t siglen);
static jot_status_t jot_token_check_public(const jot_token_t *token,
    const jot_key_t *key, const unsigned char *sig, size_t siglen);
static int jot_token_der(unsigned char *der, const jot_curve_t *curve,
    const unsigned char *sig, size_t siglen);
static jot_status_t jot_token_payload(jot_token_t *token);


jot_status_t
jot_token_parse(jot_token_t *token, const char *data, size_t len)
{
    jot_status_t  status;

    memset(token, 0, sizeof(jot_token_t));
    token->detail = "";

    status = jot_token_split(token, data, len);
    if (status != JOT_OK) {
        return status;
    }

    return jot_token_header(token);
}


void
jot_token_free(jot_token_t *token)
{
    jot_json_free(token->header);
    jot_json_free(token->payload);

    token->header = NULL;
    token->payload = NULL;
    token->kid.data = NULL;
    token->kid.len = 0;
}


jot_status_t
jot_token_verify(jot_token_t *token, const jot_keys_t *const *sets,
    size_t nsets, unsigned algs)
{
    size_t         siglen;
    jot_sets_t     all;
    jot_status_t   status;
    unsigned char  sig[JOT_SIGNATURE_SIZE];

    if (!(JOT_ALG_BIT(token->alg) & algs)) {
        token->detail = "alg is not allowed here";
        return JOT_ALGORITHM;
    }

    if (JOT_BASE64URL_DECODED(token->encoded_signature.len) > sizeof(sig)
        || jot_base64url_decode(sig, &siglen, token->encoded_signature.data,
                                token->encoded_signature.len) != 0)
    {
        token->detail = "the signature is not base64url, or too long";
        return JOT_MALFORMED;
    }

    all.sets = sets;
    all.nsets = nsets;

    status = jot_token_try(token, &all, sig, siglen);
    if (status != JOT_OK) {
        return status;
    }

    return jot_token_payload(token);
}


static jot_status_t
jot_token_split(jot_token_t *token, const char *data, size_t len)
{
    const char  *end, *first, *second;

    if (len > JOT_TOKEN_SIZE) {
        token->detail = "longer than 16384 bytes";
        return JOT_MALFORMED;
    }

    end = data + len;
    first = len ? memchr(data, '.', len) : NULL;
    second = first ? memchr(first + 1, '.', end - first - 1) : NULL;

    if (second == NULL || memchr(second + 1, '.', end - second - 1)) {
        token->detail = "not three parts";
        return JOT_MALFORMED;
    }

    token->signing_input = (jot_str_t) { data, second - data };
    token->encoded_header = (jot_str_t) { data, first - data };
    token->encoded_payload = (jot_str_t) { first + 1, second - first - 1 };
    token->encoded_signature = (jot_str_t) { second + 1, end - second - 1 };

    return JOT_OK;
}


static jot_status_t
jot_token_header(jot_token_t *token)
{
    json_t        *root, *kid;
    jot_status_t   status;

    token->header = jot_json_decode(token->encoded_header, &status);
    if (token->header == NULL) {
        token->detail = "the header is not base64url";
        return status;
    }

    status = jot_json_read(token->header, JOT_TOKEN_DEPTH, &token->detail);
    if (status != JOT_OK) {
        return status;
    }

    root = jot_json_root(token->header);    /* borrowed */

    /* RFC 7515, 4.1.11: what is critical and unknown refuses the token. */

    if (json_object_get(root, "crit") || json_object_get(root, "b64")) {
        token->detail = "the header has crit or b64";
        return JOT_MALFORMED;
    }

    kid = json_object_get(root, "kid");     /* borrowed */

    if (kid) {
        if (!json_is_string(kid)) {
            token->detail = "kid is not a string";
            return JOT_MALFORMED;
        }

        token->kid.data = json_string_value(kid);
        token->kid.len = json_string_length(kid);
    }

    return jot_token_alg(token);
}


static jot_status_t
jot_token_alg(jot_token_t *token)
{
    int            alg;
    const json_t  *member;

    member = json_object_get(jot_json_root(token->header), "alg");

    if (!json_is_string(member)) {
        token->detail = "alg is missing, or not a string";
        return JOT_MALFORMED;
    }

    alg = jot_alg_find(json_string_value(member), json_string_length(member));

    if (alg == -1) {
        token->detail = "unknown alg";
        return JOT_ALGORITHM;
    }

    token->alg = alg;
    return JOT_OK;
}


/*
 * Keys of the token's kid, or, if there is none, keys without one; a token
 * without kid is tried with every key that fits its alg.
 */

static jot_status_t
jot_token_try(jot_token_t *token, const jot_sets_t *sets,
    const unsigned char *sig, size_t siglen)
{
    int               by_kid;
    size_t            i, k, tried, candidates;
    jot_status_t      status;
    const jot_key_t  *key;

    by_kid = jot_token_kid_known(token, sets);
    candidates = 0;
    tried = 0;

    for (i = 0; i < sets->nsets; i++) {
        for (k = 0; k < jot_keys_count(sets->sets[i]); k++) {
            key = jot_keys_at(sets->sets[i], k);

            if (!jot_token_candidate(token, key, by_kid)) {
                continue;
            }

            candidates++;

            if (!(key->algs & JOT_ALG_BIT(token->alg))) {
                continue;
            }

            if (tried++ == JOT_KEYS_TRIED) {
                token->detail = "more than 8 keys fit; a kid would tell";
                return JOT_KEY;
            }

            status = jot_token_check(token, key, sig, siglen);
            if (status != JOT_SIGNATURE) {
                return status;
            }
        }
    }

    if (tried) {
        token->detail = "the signature does not fit";
        return JOT_SIGNATURE;
    }

    if (candidates && token->kid.data) {
        token->detail = "alg is not the key's";
        return JOT_ALGORITHM;
    }

    token->detail = "no key fits";
    return JOT_KEY;
}


static int
jot_token_kid_known(const jot_token_t *token, const jot_sets_t *sets)
{
    size_t  i, k;

    for (i = 0; token->kid.data && i < sets->nsets; i++) {
        for (k = 0; k < jot_keys_count(sets->sets[i]); k++) {
            if (jot_token_candidate(token, jot_keys_at(sets->sets[i], k), 1)) {
                return 1;
            }
        }
    }

    return 0;
}


static int
jot_token_candidate(const jot_token_t *token, const jot_key_t *key, int by_kid)
{
    if (by_kid) {
        return key->kid && key->kid_len == token->kid.len
               && memcmp(key->kid, token->kid.data, key->kid_len) == 0;
    }

    return token->kid.data == NULL || key->kid == NULL;
}


static jot_status_t
jot_token_check(const jot_token_t *token, const jot_key_t *key,
    const unsigned char *sig, size_t siglen)
{
    const jot_curve_t    *curve;
    unsigned char         der[JOT_DER_SIZE];
    int                   derlen;
    const jot_alg_info_t *alg;

    alg = &jot_algs[token->alg];

    if (key->kty == JOT_OCT) {
        return jot_token_check_mac(token, key, sig, siglen);
    }

    if (key->kty != JOT_EC) {
        return jot_token_check_public(token, key, sig, siglen);
    }

    curve = jot_curve_find(alg->crv);
    derlen = jot_token_der(der, curve, sig, siglen);

    return derlen > 0 ? jot_token_check_public(token, key, der, derlen)
                      : JOT_SIGNATURE;
}


static jot_status_t
jot_token_check_mac(const jot_token_t *token, const jot_key_t *key,
    const unsigned char *sig, size_t siglen)
{
    int            same;
    size_t         len;
    EVP_MAC_CTX   *ctx;
    unsigned char  mac[EVP_MAX_MD_SIZE];

    ctx = key->mac[token->alg];

    if (EVP_MAC_init(ctx, NULL, 0, NULL) != 1
        || EVP_MAC_update(ctx,
                          (const unsigned char *) token->signing_input.data,
                          token->signing_input.len) != 1
        || EVP_MAC_final(ctx, mac, &len, sizeof(mac)) != 1)
    {
        return JOT_INTERNAL;
    }

    same = len == siglen && CRYPTO_memcmp(mac, sig, len) == 0;
    OPENSSL_cleanse(mac, sizeof(mac));

    return same ? JOT_OK : JOT_SIGNATURE;
}


static jot_status_t
jot_token_check_public(const jot_token_t *token, const jot_key_t *key,
    const unsigned char *sig, size_t siglen)
{
    EVP_MD_CTX            *ctx;
    EVP_PKEY_CTX          *pctx;
    jot_status_t           status;
    const jot_alg_info_t  *alg;

    alg = &jot_algs[token->alg];
    status = JOT_INTERNAL;

    ctx = EVP_MD_CTX_new();
    if (ctx == NULL) {
        goto done;
    }

    if (EVP_DigestVerifyInit_ex(ctx, &pctx, alg->hash, NULL, NULL, key->pkey,
                                NULL) != 1)
    {
        goto done;
    }

    /* RFC 7518, 3.5: the salt is as long as the hash. */

    if (alg->pss
        && (EVP_PKEY_CTX_set_rsa_padding(pctx, RSA_PKCS1_PSS_PADDING) != 1
            || EVP_PKEY_CTX_set_rsa_pss_saltlen(pctx, RSA_PSS_SALTLEN_DIGEST)
               != 1))
    {
        goto done;
    }

    status = EVP_DigestVerify(ctx, sig, siglen,
                              (const unsigned char *) token->signing_input.data,
                              token->signing_input.len) == 1
             ? JOT_OK : JOT_SIGNATURE;

done:

    EVP_MD_CTX_free(ctx);
    return status;
}


/*
 * RFC 7518, 3.4: r and s, each exactly as long as the field.  OpenSSL wants
 * them as DER, and refuses a zero and what is not below the order.
 */

static int
jot_token_der(unsigned char *der, const jot_curve_t *curve,
    const unsigned char *sig, size_t siglen)
{
    int         len;
    BIGNUM     *r, *s;
    ECDSA_SIG  *pair;

    if (siglen != curve->siglen) {
        return -1;
    }

    len = -1;
    pair = ECDSA_SIG_new();
    r = BN_bin2bn(sig, curve->size, NULL);
    s = BN_bin2bn(sig + curve->size, curve->size, NULL);

    if (pair == NULL || r == NULL || s == NULL
        || ECDSA_SIG_set0(pair, r, s) != 1)
    {
        BN_free(r);
        BN_free(s);
        goto done;
    }

    if (i2d_ECDSA_SIG(pair, NULL) <= JOT_DER_SIZE) {
        len = i2d_ECDSA_SIG(pair, &der);
    }

done:

    ECDSA_SIG_free(pair);
    return len;
}


static jot_status_t
jot_token_payload(jot_token_t *token)
{
    jot_json_t    *json;
    jot_status_t   status;

    json = jot_json_decode(token->encoded_payload, &status);
    if (json == NULL) {
        token->detail = "the payload is not base64url";
        return status;
    }

    status = jot_json_read(json, JOT_TOKEN_DEPTH, &token->detail);
    if (status != JOT_OK) {
        jot_json_free(json);
        return status;
    }

    token->payload = json;
    return JOT_OK;
}
