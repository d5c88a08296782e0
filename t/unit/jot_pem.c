/* Keys as kid and PEM, and sets that may hold no secret. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "jot.h"
#include "tap.h"


#define SECRET    "{\"keys\":[{\"kty\":\"oct\",\"k\":\"MDEyMzQ1Njc4OTAxMjM0NTY3ODkw" \
                  "MTIzNDU2Nzg5MDE\"}]}"
#define BIT(alg)  JOT_ALG_BIT(JOT_ ## alg)
#define ALGS_RSA  (BIT(RS256) | BIT(RS384) | BIT(RS512) | BIT(PS256) \
                   | BIT(PS384) | BIT(PS512))

typedef enum {
    PEM_PUBLIC,
    PEM_CERTIFICATE,
    PEM_PRIVATE,
    PEM_ENCRYPTED
} form_t;

typedef struct {
    const char   *name;
    const char   *type;         /* OpenSSL's */
    const char   *curve;
    int           bits;
    form_t        form;
    unsigned      algs;         /* 0: it is left out */
    const char   *warning;
} pem_t;

typedef struct {
    const char   *name;
    const char   *text;
    const char   *reason;       /* or a warning */
} refused_t;


static const pem_t  keys[] = {
    { "RSA", "RSA", NULL, 2048, PEM_PUBLIC, ALGS_RSA, "" },
    { "P-256", "EC", "P-256", 0, PEM_PUBLIC, BIT(ES256), "" },
    { "P-384", "EC", "P-384", 0, PEM_PUBLIC, BIT(ES384), "" },
    { "P-521", "EC", "P-521", 0, PEM_PUBLIC, BIT(ES512), "" },
    { "secp256k1", "EC", "secp256k1", 0, PEM_PUBLIC, BIT(ES256K), "" },
    { "Ed25519", "ED25519", NULL, 0, PEM_PUBLIC, BIT(EDDSA) | BIT(ED25519),
      "" },
    { "Ed448", "ED448", NULL, 0, PEM_PUBLIC, BIT(EDDSA) | BIT(ED448), "" },
    { "a certificate", "EC", "P-256", 0, PEM_CERTIFICATE, BIT(ES256), "" },

    { "RSA of 1024 bits", "RSA", NULL, 1024, PEM_PUBLIC, 0, "2048" },
    { "a certificate of such a one", "RSA", NULL, 1024, PEM_CERTIFICATE, 0,
      "2048" },
    { "P-224", "EC", "P-224", 0, PEM_PUBLIC, 0, "its curve is none of" },
    { "X25519", "X25519", NULL, 0, PEM_PUBLIC, 0, "none of RSA, EC" },
    { "a private key", "EC", "P-256", 0, PEM_PRIVATE, 0,
      "no public key or certificate" },
    { "one with a password", "EC", "P-256", 0, PEM_ENCRYPTED, 0,
      "no public key or certificate" }
};


static const refused_t  refused[] = {
    { "nothing in it", "{}", "it has 0 keys" },
    { "an array", "[]", "not a JSON object" },
    { "no string", "{\"a\":1}", "its value is not a string" },
    { "no PEM", "{\"a\":\"x\"}", "no public key or certificate" },
    { "a JWK Set", SECRET, "its value is not a string" },
    { "one kid twice", "{\"a\":\"\",\"a\":\"\"}", "a member twice" }
};


static char  warning[JOT_REASON_SIZE];


static void
warn(void *data, const char *text)
{
    (void) data;

    snprintf(warning, sizeof(warning), "%s", text);
}


static EVP_PKEY *
generate(const pem_t *t)
{
    if (t->bits) {
        return EVP_PKEY_Q_keygen(NULL, NULL, t->type, (size_t) t->bits);
    }

    return t->curve ? EVP_PKEY_Q_keygen(NULL, NULL, t->type, t->curve)
                    : EVP_PKEY_Q_keygen(NULL, NULL, t->type);
}


static void
write_certificate(BIO *bio, EVP_PKEY *pkey)
{
    X509  *cert;

    cert = X509_new();

    if (X509_set_pubkey(cert, pkey) != 1
        || X509_gmtime_adj(X509_getm_notBefore(cert), -20) == NULL
        || X509_gmtime_adj(X509_getm_notAfter(cert), -10) == NULL
        || X509_sign(cert, pkey, EVP_sha256()) == 0
        || PEM_write_bio_X509(bio, cert) != 1)
    {
        abort();
    }

    X509_free(cert);
}


/* { "the kid": PEM }, the caller's to free. */

static char *
keyval(const pem_t *t)
{
    BIO       *bio;
    char      *pem, *text, *p;
    long       i, len;
    EVP_PKEY  *pkey;

    bio = BIO_new(BIO_s_mem());
    pkey = generate(t);

    switch (t->form) {

    case PEM_PUBLIC:
        PEM_write_bio_PUBKEY(bio, pkey);
        break;

    case PEM_CERTIFICATE:
        write_certificate(bio, pkey);
        break;

    case PEM_PRIVATE:
        PEM_write_bio_PrivateKey(bio, pkey, NULL, NULL, 0, NULL, NULL);
        break;

    case PEM_ENCRYPTED:
        PEM_write_bio_PrivateKey(bio, pkey, EVP_aes_128_cbc(), NULL, 0, NULL,
                                 "secret");
        break;
    }

    len = BIO_get_mem_data(bio, &pem);
    text = malloc(2 * len + 64);
    p = text + sprintf(text, "{\"the kid\": \"");

    for (i = 0; i < len; i++) {
        if (pem[i] == '\n') {
            *p++ = '\\';
            *p++ = 'n';

        } else {
            *p++ = pem[i];
        }
    }

    strcpy(p, "\"}");

    EVP_PKEY_free(pkey);
    BIO_free(bio);
    return text;
}


static void
test_pem(const pem_t *t)
{
    char        *text, reason[JOT_REASON_SIZE];
    jot_keys_t  *set;

    text = keyval(t);
    warning[0] = '\0';
    reason[0] = '\0';

    set = jot_keys_parse(text, strlen(text), JOT_KEYS_KEYVAL, warn, NULL,
                         reason);

    ok((set ? jot_keys_algs(set) : 0) == t->algs, "%s", t->name);
    ok(t->algs ? warning[0] == '\0'
               : strstr(warning, "key 1 (kid \"the kid\") is not used")
                 && strstr(warning, t->warning) && strstr(reason, "none of"),
       "  %s", t->algs ? "without a word" : t->warning);

    jot_keys_free(set);
    free(text);
}


static void
test_refused(const refused_t *t)
{
    char  reason[JOT_REASON_SIZE];

    warning[0] = '\0';

    ok(jot_keys_parse(t->text, strlen(t->text), JOT_KEYS_KEYVAL, warn, NULL,
                      reason) == NULL,
       "%s: refused", t->name);
    ok(strstr(reason, t->reason) || strstr(warning, t->reason), "  %s",
       t->reason);
}


static void
test_public(void)
{
    char         reason[JOT_REASON_SIZE];
    char         both[] = "{\"keys\":[{\"kty\":\"oct\",\"k\":\"MDEyMzQ1Njc4OT"
                          "AxMjM0NTY3ODkwMTIzNDU2Nzg5MDE\"},{\"kty\":\"OKP\","
                          "\"crv\":\"Ed25519\",\"kid\":\"e\",\"x\":\"11qYAYKxC"
                          "rfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}]}";
    jot_keys_t  *set;

    warning[0] = '\0';
    set = jot_keys_parse(both, strlen(both), JOT_KEYS_PUBLIC, warn, NULL,
                         reason);

    ok(set && jot_keys_count(set) == 1
       && jot_keys_algs(set) == (BIT(EDDSA) | BIT(ED25519)),
       "a public set is read without its secret");
    ok(strstr(warning, "key 1 is not used: a secret has no place") != NULL,
       "  and says so");
    jot_keys_free(set);

    set = jot_keys_parse(SECRET, strlen(SECRET), JOT_KEYS_PUBLIC, warn,
                         NULL, reason);
    ok(set == NULL && strstr(reason, "none of its 1 keys"),
       "one with nothing but a secret is refused");
}


int
main(void)
{
    size_t  i;

    for (i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        test_pem(&keys[i]);
    }

    ERR_clear_error();

    for (i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        test_refused(&refused[i]);
    }

    test_public();

    ok(ERR_peek_error() == 0, "nothing is left in OpenSSL's error queue");

    return done_testing();
}
