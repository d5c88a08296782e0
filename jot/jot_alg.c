/*
 * Algorithms (RFC 7518, 3.1; RFC 8037; RFC 8812; RFC 9864), key types and
 * curves.  "none" is no row here, and so cannot be asked for by any spelling.
 */

#include <string.h>

#include "jot.h"
#include "jot_alg.h"


#define JOT_N(array)  (sizeof(array) / sizeof((array)[0]))


const jot_alg_info_t  jot_algs[JOT_ALG_COUNT] = {
    [JOT_HS256]   = { "HS256",   JOT_OCT, "SHA256", 32, NULL,        0 },
    [JOT_HS384]   = { "HS384",   JOT_OCT, "SHA384", 48, NULL,        0 },
    [JOT_HS512]   = { "HS512",   JOT_OCT, "SHA512", 64, NULL,        0 },
    [JOT_RS256]   = { "RS256",   JOT_RSA, "SHA256", 32, NULL,        0 },
    [JOT_RS384]   = { "RS384",   JOT_RSA, "SHA384", 48, NULL,        0 },
    [JOT_RS512]   = { "RS512",   JOT_RSA, "SHA512", 64, NULL,        0 },
    [JOT_PS256]   = { "PS256",   JOT_RSA, "SHA256", 32, NULL,        1 },
    [JOT_PS384]   = { "PS384",   JOT_RSA, "SHA384", 48, NULL,        1 },
    [JOT_PS512]   = { "PS512",   JOT_RSA, "SHA512", 64, NULL,        1 },
    [JOT_ES256]   = { "ES256",   JOT_EC,  "SHA256", 32, "P-256",     0 },
    [JOT_ES384]   = { "ES384",   JOT_EC,  "SHA384", 48, "P-384",     0 },
    [JOT_ES512]   = { "ES512",   JOT_EC,  "SHA512", 64, "P-521",     0 },
    [JOT_ES256K]  = { "ES256K",  JOT_EC,  "SHA256", 32, "secp256k1", 0 },
    [JOT_EDDSA]   = { "EdDSA",   JOT_OKP, NULL,     0,  NULL,        0 },
    [JOT_ED25519] = { "Ed25519", JOT_OKP, NULL,     0,  "Ed25519",   0 },
    [JOT_ED448]   = { "Ed448",   JOT_OKP, NULL,     0,  "Ed448",     0 }
};


static const jot_curve_t  jot_curves[] = {
    { "P-256",     "prime256v1", JOT_EC,  32 },
    { "P-384",     "secp384r1",  JOT_EC,  48 },
    { "P-521",     "secp521r1",  JOT_EC,  66 },
    { "secp256k1", "secp256k1",  JOT_EC,  32 },
    { "Ed25519",   "ED25519",    JOT_OKP, 32 },
    { "Ed448",     "ED448",      JOT_OKP, 57 }
};


static const char *const jot_kty_names[] = {
    [JOT_OCT] = "oct",
    [JOT_RSA] = "RSA",
    [JOT_EC]  = "EC",
    [JOT_OKP] = "OKP"
};


int
jot_alg_find(const char *name, size_t len)
{
    int  i;

    for (i = 0; i < JOT_ALG_COUNT; i++) {
        if (strlen(jot_algs[i].name) == len
            && memcmp(jot_algs[i].name, name, len) == 0)
        {
            return i;
        }
    }

    return -1;
}


const char *
jot_alg_name(jot_alg_t alg)
{
    return alg < JOT_ALG_COUNT ? jot_algs[alg].name : "";
}


const char *
jot_kty_name(jot_kty_t kty)
{
    return jot_kty_names[kty];
}


int
jot_kty_find(const char *name)
{
    size_t  i;

    for (i = 0; i < JOT_N(jot_kty_names); i++) {
        if (strcmp(jot_kty_names[i], name) == 0) {
            return i;
        }
    }

    return -1;
}


const jot_curve_t *
jot_curve_find(const char *crv)
{
    size_t  i;

    for (i = 0; i < JOT_N(jot_curves); i++) {
        if (strcmp(jot_curves[i].name, crv) == 0) {
            return &jot_curves[i];
        }
    }

    return NULL;
}


const jot_curve_t *
jot_curve_of_group(const char *group)
{
    size_t  i;

    for (i = 0; i < JOT_N(jot_curves); i++) {
        if (strcmp(jot_curves[i].group, group) == 0) {
            return &jot_curves[i];
        }
    }

    return NULL;
}


unsigned
jot_algs_of(jot_kty_t kty, const char *crv)
{
    int       i;
    unsigned  algs;

    algs = 0;

    for (i = 0; i < JOT_ALG_COUNT; i++) {
        if (jot_algs[i].kty == kty
            && (jot_algs[i].crv == NULL || crv == NULL
                || strcmp(jot_algs[i].crv, crv) == 0))
        {
            algs |= JOT_ALG_BIT(i);
        }
    }

    return algs;
}
