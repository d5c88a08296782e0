/*
 * A public key in PEM becomes a key of a set.  It says nothing of algorithms:
 * those of its type, and of its curve, are what it may verify.
 */

#include <limits.h>
#include <string.h>

#include <openssl/bio.h>
#include <openssl/core_names.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "jot.h"
#include "jot_keys.h"


#define JOT_GROUP_SIZE  64


static EVP_PKEY *jot_pem_read(const char *pem, size_t len);
static int jot_pem_no_password(char *buf, int size, int rwflag, void *data);
static unsigned jot_pem_algs(jot_key_t *key, const char **detail);
static unsigned jot_pem_rsa(EVP_PKEY *pkey, const char **detail);
static unsigned jot_pem_ec(EVP_PKEY *pkey, const char **detail);


int
jot_pem_load(jot_key_t *key, const char *kid, const json_t *pem,
    const char **detail)
{
    memset(key, 0, sizeof(jot_key_t));

    key->kid_len = strlen(kid);
    key->kid = strdup(kid);

    if (key->kid == NULL) {
        *detail = "out of memory";
        return -1;
    }

    if (!json_is_string(pem)) {
        *detail = "its value is not a string";
        goto failed;
    }

    key->pkey = jot_pem_read(json_string_value(pem), json_string_length(pem));

    if (key->pkey == NULL) {
        *detail = "its value is no public key or certificate in PEM";
        goto failed;
    }

    key->algs = jot_pem_algs(key, detail);

    if (key->algs == 0 || jot_jwk_public(key, key->algs, detail) != 0) {
        goto failed;
    }

    return 0;

failed:

    jot_jwk_free(key);
    return -1;
}


static EVP_PKEY *
jot_pem_read(const char *pem, size_t len)
{
    BIO       *bio;
    X509      *cert;
    EVP_PKEY  *pkey;

    if (len > INT_MAX) {
        return NULL;
    }

    bio = BIO_new_mem_buf(pem, (int) len);
    if (bio == NULL) {
        return NULL;
    }

    pkey = PEM_read_bio_PUBKEY(bio, NULL, jot_pem_no_password, NULL);

    if (pkey == NULL && BIO_reset(bio) == 1) {
        cert = PEM_read_bio_X509(bio, NULL, jot_pem_no_password, NULL);

        if (cert) {
            pkey = X509_get_pubkey(cert);
            X509_free(cert);
        }
    }

    BIO_free(bio);
    return pkey;
}


/* Else OpenSSL asks the terminal. */

static int
jot_pem_no_password(char *buf, int size, int rwflag, void *data)
{
    (void) buf;
    (void) size;
    (void) rwflag;
    (void) data;

    return -1;
}


static unsigned
jot_pem_algs(jot_key_t *key, const char **detail)
{
    switch (EVP_PKEY_get_base_id(key->pkey)) {

    case EVP_PKEY_RSA:
        key->kty = JOT_RSA;
        return jot_pem_rsa(key->pkey, detail);

    case EVP_PKEY_EC:
        key->kty = JOT_EC;
        return jot_pem_ec(key->pkey, detail);

    case EVP_PKEY_ED25519:
        key->kty = JOT_OKP;
        return jot_algs_of(JOT_OKP, "Ed25519");

    case EVP_PKEY_ED448:
        key->kty = JOT_OKP;
        return jot_algs_of(JOT_OKP, "Ed448");

    default:
        *detail = "it is none of RSA, EC, Ed25519, Ed448";
        return 0;
    }
}


static unsigned
jot_pem_rsa(EVP_PKEY *pkey, const char **detail)
{
    BIGNUM  *n, *e;

    n = NULL;
    e = NULL;

    if (EVP_PKEY_get_bn_param(pkey, OSSL_PKEY_PARAM_RSA_N, &n) == 1
        && EVP_PKEY_get_bn_param(pkey, OSSL_PKEY_PARAM_RSA_E, &e) == 1)
    {
        *detail = jot_jwk_rsa_fault(n, e);

    } else {
        *detail = "OpenSSL cannot use it";
    }

    BN_free(n);
    BN_free(e);

    return *detail ? 0 : jot_algs_of(JOT_RSA, NULL);
}


/* The point is on its curve, or it could not have been read. */

static unsigned
jot_pem_ec(EVP_PKEY *pkey, const char **detail)
{
    char                group[JOT_GROUP_SIZE];
    const jot_curve_t  *curve;

    curve = NULL;

    if (EVP_PKEY_get_utf8_string_param(pkey, OSSL_PKEY_PARAM_GROUP_NAME, group,
                                       sizeof(group), NULL) == 1)
    {
        curve = jot_curve_of_group(group);
    }

    if (curve == NULL) {
        *detail = "its curve is none of P-256, P-384, P-521, secp256k1";
        return 0;
    }

    return jot_algs_of(JOT_EC, curve->name);
}
