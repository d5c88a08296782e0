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
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "jot.h"
#include "jot_json.h"
#include "jot_keys.h"


#define JOT_PEM_SIZE      65536
#define JOT_MEMBERS_SIZE  (JOT_BASE64URL_ENCODED(JOT_SIGNATURE_SIZE) + 128)
#define JOT_KID_SIZE      (JOT_BASE64URL_ENCODED(32) + 1)
#define JOT_ALGS_PRIVATE  (JOT_ALGS_ASYMMETRIC & ~JOT_ALG_BIT(JOT_EDDSA)      \
                           & ~JOT_ALG_BIT(JOT_ED25519)                        \
                           & ~JOT_ALG_BIT(JOT_ED448))


struct jot_private_s {
    jot_alg_t          alg;
    EVP_PKEY          *pkey;
    jot_signature_t    signature;
    char               kid[JOT_KID_SIZE];

    /* "crv":...,"kty":... in the order of RFC 7638, 3.2; without braces */
    char               members[JOT_MEMBERS_SIZE];
};


static const char *jot_private_load(jot_private_t *key, const char *pem,
    size_t len);
static const char *jot_private_fault(const jot_private_t *key);
static int jot_private_rsa_members(jot_private_t *key);
static int jot_private_ec_members(jot_private_t *key);
static char *jot_private_number(const EVP_PKEY *pkey, const char *param,
    size_t size);
static int jot_private_thumbprint(jot_private_t *key);
static jot_status_t jot_private_header_ok(const jot_private_t *key,
    jot_str_t header);


jot_private_t *
jot_private_parse(const char *pem, size_t len, jot_alg_t alg,
    char reason[JOT_REASON_SIZE])
{
    const char     *fault;
    jot_private_t  *key;

    if (alg >= JOT_ALG_COUNT || !(JOT_ALG_BIT(alg) & JOT_ALGS_PRIVATE)) {
        snprintf(reason, JOT_REASON_SIZE, "there are no private keys for %s",
                 jot_alg_name(alg));
        return NULL;
    }

    key = calloc(1, sizeof(jot_private_t));

    if (key == NULL) {
        snprintf(reason, JOT_REASON_SIZE, "out of memory");
        return NULL;
    }

    key->alg = alg;

    ERR_set_mark();
    fault = jot_private_load(key, pem, len);
    ERR_pop_to_mark();

    if (fault) {
        snprintf(reason, JOT_REASON_SIZE, "%s (it is to sign with %s)", fault,
                 jot_alg_name(alg));
        jot_private_free(key);
        return NULL;
    }

    return key;
}


void
jot_private_free(jot_private_t *key)
{
    if (key) {
        jot_signature_cleanup(&key->signature);
        EVP_PKEY_free(key->pkey);
        free(key);
    }
}


int
jot_private_generate(jot_alg_t alg, char **pem)
{
    BIO       *bio;
    char      *data;
    long       len;
    EVP_PKEY  *pkey;

    *pem = NULL;

    if (alg >= JOT_ALG_COUNT || !(JOT_ALG_BIT(alg) & JOT_ALGS_PRIVATE)) {
        return -1;
    }

    ERR_set_mark();

    bio = BIO_new(BIO_s_secmem());
    pkey = jot_algs[alg].kty == JOT_RSA
           ? EVP_RSA_gen(JOT_RSA_BITS_MIN)
           : EVP_EC_gen(jot_curve_find(jot_algs[alg].crv)->group);

    if (bio && pkey
        && PEM_write_bio_PKCS8PrivateKey(bio, pkey, NULL, NULL, 0, NULL, NULL)
           == 1)
    {
        len = BIO_get_mem_data(bio, &data);
        *pem = strndup(data, len);
    }

    EVP_PKEY_free(pkey);
    BIO_free(bio);              /* wipes it */

    ERR_pop_to_mark();

    return *pem ? 0 : -1;
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
    size_t          len;
    jot_status_t    status;
    unsigned char   sig[JOT_SIGNATURE_SIZE];

    *token = NULL;

    status = jot_private_header_ok(key, header);
    if (status != JOT_OK) {
        return status;
    }

    text = malloc(JOT_BASE64URL_ENCODED(header.len)
                  + JOT_BASE64URL_ENCODED(payload.len)
                  + JOT_BASE64URL_ENCODED(key->signature.len) + sizeof(".."));
    if (text == NULL) {
        return JOT_INTERNAL;
    }

    len = jot_base64url_encode(text, header.data, header.len);
    text[len++] = '.';
    len += jot_base64url_encode(text + len, payload.data, payload.len);

    ERR_set_mark();
    status = jot_signature_make(&key->signature, (jot_str_t) { text, len },
                                sig);
    ERR_pop_to_mark();

    if (status != JOT_OK) {
        free(text);
        return status;
    }

    text[len++] = '.';
    len += jot_base64url_encode(text + len, sig, key->signature.len);
    text[len] = '\0';

    *token = text;
    return JOT_OK;
}


/* NULL, or what is wrong. */

static const char *
jot_private_load(jot_private_t *key, const char *pem, size_t len)
{
    BIO         *bio;
    const char  *fault;

    if (len > JOT_PEM_SIZE) {
        return "longer than 65536 bytes";
    }

    bio = BIO_new_mem_buf(pem, len);
    if (bio == NULL) {
        return "out of memory";
    }

    /* The empty passphrase keeps OpenSSL from asking on the terminal. */

    key->pkey = PEM_read_bio_PrivateKey(bio, NULL, NULL, (void *) "");
    BIO_free(bio);

    if (key->pkey == NULL) {
        return "not an unencrypted private key in PEM";
    }

    fault = jot_private_fault(key);
    if (fault) {
        return fault;
    }

    if (jot_private_thumbprint(key) != 0
        || jot_signature_init_private(&key->signature, key->alg, key->pkey)
           != 0)
    {
        return "OpenSSL cannot use it";
    }

    return NULL;
}


static const char *
jot_private_fault(const jot_private_t *key)
{
    int                    bits, whole;
    char                   group[32];
    size_t                 len;
    EVP_PKEY_CTX          *ctx;
    const jot_curve_t     *curve;
    const jot_alg_info_t  *info;

    info = &jot_algs[key->alg];

    if (!EVP_PKEY_is_a(key->pkey, jot_kty_name(info->kty))) {
        return "a private key of another type";
    }

    if (info->kty == JOT_RSA) {
        bits = EVP_PKEY_get_bits(key->pkey);

        if (bits < JOT_RSA_BITS_MIN || bits > JOT_RSA_BITS_MAX) {
            return "an RSA key that has not 2048 to 16384 bits";
        }

    } else {
        curve = EVP_PKEY_get_group_name(key->pkey, group, sizeof(group), &len)
                == 1 ? jot_curve_of_group(group) : NULL;

        if (curve == NULL || strcmp(curve->name, info->crv) != 0) {
            return "an EC key on another curve";
        }
    }

    /* A public part that is not its own would sign what nobody can verify. */

    ctx = EVP_PKEY_CTX_new_from_pkey(NULL, key->pkey, NULL);
    whole = ctx && EVP_PKEY_pairwise_check(ctx) == 1;
    EVP_PKEY_CTX_free(ctx);

    return whole ? NULL : "a key whose private and public part do not fit";
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
    unsigned char   bytes[JOT_SIGNATURE_SIZE];

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


/* A header that names another algorithm is the caller's mistake, seen early. */

static jot_status_t
jot_private_header_ok(const jot_private_t *key, jot_str_t header)
{
    int            line;
    json_t        *root;
    const char    *alg, *detail;
    jot_status_t   status;

    root = jot_tree_load(header.data, header.len, JOT_TOKEN_DEPTH, &detail,
                         &line);
    if (root == NULL) {
        return JOT_MALFORMED;
    }

    alg = json_string_value(json_object_get(root, "alg"));      /* borrowed */
    status = alg && strcmp(alg, jot_alg_name(key->alg)) == 0
             ? JOT_OK : JOT_ALGORITHM;

    json_decref(root);
    return status;
}
