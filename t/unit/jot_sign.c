/*
 * Private keys: made, read, refused, and what they sign verified.  t/jot.t
 * holds the same against another implementation.
 */

#include <stdlib.h>

#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "jot.h"
#include "tap.h"


#define TEXT(s)  (jot_str_t) { (s), strlen(s) }


static const jot_alg_t  algs[] = {
    JOT_ES256, JOT_ES384, JOT_ES512, JOT_RS256, JOT_RS384, JOT_RS512,
    JOT_PS256, JOT_PS384, JOT_PS512
};


static const jot_alg_t  others[] = {
    JOT_HS256, JOT_HS512, JOT_ES256K, JOT_EDDSA, JOT_ED25519, JOT_ED448,
    JOT_ALG_COUNT
};


/* RFC 7515, A.3's key, and its public part */

static const char  ec_pem[] =
    "-----BEGIN PRIVATE KEY-----\n"
    "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgjpsQnnGQmL+YBIff\n"
    "H1136cspYG6+0iY7X1fCE9+E9LKhRANCAAR/zc4ncPbEXUGDy+5v20t7WAczNXvp\n"
    "7xO6z248e9FURcfxRM0bvZt+hyzf7bnuufSzaV1uqQskrYpGIyiFiOWt\n"
    "-----END PRIVATE KEY-----\n";

static const char  public_pem[] =
    "-----BEGIN PUBLIC KEY-----\n"
    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEf83OJ3D2xF1Bg8vub9tLe1gHMzV7\n"
    "6e8Tus9uPHvRVEXH8UTNG72bfocs3+257rn0s2ldbqkLJK2KRiMohYjlrQ==\n"
    "-----END PUBLIC KEY-----\n";


/* A verdict on one token by a set of one key; payload as a copy, or NULL. */

static jot_status_t
judge(const char *jwk, const char *text, unsigned allowed, char **payload)
{
    char              *set, reason[JOT_REASON_SIZE];
    jot_str_t          json;
    jot_keys_t        *keys;
    jot_token_t        token;
    jot_status_t       status;
    jot_trust_t        list;

    *payload = NULL;

    if (asprintf(&set, "{\"keys\":[%s]}", jwk) == -1) {
        abort();
    }

    keys = jot_keys_parse(set, strlen(set), 0, NULL, NULL, reason);
    free(set);

    if (keys == NULL) {
        printf("# %s\n", reason);
        return JOT_KEY;
    }

    list = (jot_trust_t) { keys, { NULL, 0 } };
    status = jot_token_parse(&token, NULL, text, strlen(text));

    if (status == JOT_OK) {
        status = jot_token_verify(&token, &list, 1, allowed);
    }

    if (status == JOT_OK) {
        json = jot_json_text(token.payload);
        *payload = strndup(json.data, json.len);
    }

    jot_token_free(&token);
    jot_keys_free(keys);

    return status;
}


static void
test_alg(jot_alg_t alg)
{
    int             i, fine;
    char           *pem, *jwk, *token, *payload, header[256];
    char            reason[JOT_REASON_SIZE];
    const char     *name;
    jot_private_t  *key;

    name = jot_alg_name(alg);
    pem = NULL;

    if (!ok(jot_private_generate(alg, &pem) == 0
            && strstr(pem, "-----BEGIN PRIVATE KEY-----\n") == pem,
            "%s: a key is made", name))
    {
        return;
    }

    key = jot_private_parse(pem, strlen(pem), alg, reason);

    if (!ok(key && jot_private_alg(key) == alg, "%s: and read", name)) {
        free(pem);
        return;
    }

    jwk = jot_private_jwk(key);
    ok(strlen(jot_private_kid(key)) == 43 && strstr(jwk, jot_private_kid(key))
       && strstr(jwk, name) && !strstr(jwk, "\"d\""),
       "%s: its JWK has kid and alg, and nothing private", name);

    snprintf(header, sizeof(header), "{\"alg\":\"%s\",\"kid\":\"%s\"}", name,
             jot_private_kid(key));

    /* often enough for r or s to begin with a zero byte */

    fine = 0;

    for (i = 0; i < 600; i++) {
        if (jot_private_sign(key, TEXT(header), TEXT("{\"sub\":\"a\"}"),
                             &token)
            != JOT_OK)
        {
            break;
        }

        fine += judge(jwk, token, JOT_ALG_BIT(alg), &payload) == JOT_OK
                && strcmp(payload, "{\"sub\":\"a\"}") == 0;

        free(payload);
        free(token);

        if (alg > JOT_ES512 || alg < JOT_ES256) {
            i += 99;
        }
    }

    ok(fine == (alg >= JOT_ES256 ? 600 : 6), "%s: what it signs is good",
       name);

    free(jwk);
    jot_private_free(key);
    free(pem);
}


static void
test_refusal(const char *name, const char *pem, size_t len, jot_alg_t alg,
    const char *expected)
{
    char            reason[JOT_REASON_SIZE];
    jot_private_t  *key;

    reason[0] = '\0';
    key = jot_private_parse(pem, len, alg, reason);

    ok(key == NULL, "refused: %s", name);
    is(reason, expected, "  and why");

    jot_private_free(key);
}


/* Writes a private key as PEM, encrypted if a password is given. */

static char *
write_pem(EVP_PKEY *pkey, const char *password)
{
    BIO   *bio;
    char  *data, *pem;
    long   len;

    bio = BIO_new(BIO_s_mem());

    if (pkey == NULL
        || PEM_write_bio_PKCS8PrivateKey(bio, pkey,
                                         password ? EVP_aes_128_cbc() : NULL,
                                         password,
                                         password ? strlen(password) : 0, NULL,
                                         NULL) != 1)
    {
        abort();
    }

    len = BIO_get_mem_data(bio, &data);
    pem = strndup(data, len);

    BIO_free(bio);
    EVP_PKEY_free(pkey);
    return pem;
}


static void
test_refused_key(const char *name, EVP_PKEY *pkey, const char *password,
    jot_alg_t alg, const char *expected)
{
    char  *pem;

    pem = write_pem(pkey, password);
    test_refusal(name, pem, strlen(pem), alg, expected);
    free(pem);
}


#define ES256_TEXT  " (it is to sign with ES256)"
#define NO_PEM      "not an unencrypted private key in PEM" ES256_TEXT

static void
test_refusals(void)
{
    char    *mixed, *long_text;
    size_t   i;

    test_refusal("nothing", "", 0, JOT_ES256, NO_PEM);
    test_refusal("no PEM", "hello\n", 6, JOT_ES256, NO_PEM);
    test_refusal("a public key", public_pem, strlen(public_pem), JOT_ES256,
                 NO_PEM);
    test_refusal("a key cut short", ec_pem, strlen(ec_pem) / 2, JOT_ES256,
                 NO_PEM);

    long_text = malloc(65537);
    memset(long_text, '\n', 65537);
    memcpy(long_text, ec_pem, strlen(ec_pem));
    test_refusal("a long file", long_text, 65537, JOT_ES256,
                 "longer than 65536 bytes" ES256_TEXT);
    free(long_text);

    /* ec_pem with a letter of its private part changed */

    mixed = strdup(ec_pem);
    i = strstr(mixed, "QnnGQ") - mixed;
    mixed[i] = mixed[i] == 'Q' ? 'R' : 'Q';
    test_refusal("a private part that is not the public one's", mixed,
                 strlen(mixed), JOT_ES256,
                 "a key whose private and public part do not fit" ES256_TEXT);
    free(mixed);

    test_refused_key("an encrypted key", EVP_EC_gen("P-256"), "secret",
                     JOT_ES256, NO_PEM);
    test_refused_key("RSA for ES256", EVP_RSA_gen(2048), NULL, JOT_ES256,
                     "a private key of another type" ES256_TEXT);
    test_refused_key("P-384 for ES256", EVP_EC_gen("P-384"), NULL, JOT_ES256,
                     "an EC key on another curve" ES256_TEXT);
    test_refused_key("secp256k1 for ES256", EVP_EC_gen("secp256k1"), NULL,
                     JOT_ES256, "an EC key on another curve" ES256_TEXT);
    test_refused_key("P-224 for ES256", EVP_EC_gen("P-224"), NULL, JOT_ES256,
                     "an EC key on another curve" ES256_TEXT);
    test_refused_key("Ed25519 for ES256",
                     EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"), NULL, JOT_ES256,
                     "a private key of another type" ES256_TEXT);
    test_refused_key("EC for RS256", EVP_EC_gen("P-256"), NULL, JOT_RS256,
                     "a private key of another type (it is to sign with "
                     "RS256)");
    test_refused_key("RSA of 1024 bits", EVP_RSA_gen(1024), NULL, JOT_RS256,
                     "an RSA key that has not 2048 to 16384 bits (it is to "
                     "sign with RS256)");
    test_refusal("HS256", ec_pem, strlen(ec_pem), JOT_HS256,
                 "there are no private keys for HS256");
}


static void
test_known(void)
{
    char           *jwk, *token, reason[JOT_REASON_SIZE];
    jot_private_t  *key;

    key = jot_private_parse(ec_pem, strlen(ec_pem), JOT_ES256, reason);
    if (!ok(key != NULL, "RFC 7515, A.3's key is read")) {
        printf("# %s\n", reason);
        return;
    }

    jwk = jot_private_jwk(key);

    is(jot_private_kid(key), "oKIywvGUpTVTyxMQ3bwIIeQUudfr_CkLMjCE19ECD-U",
       "it has the name of RFC 7638");
    is(jwk, "{\"crv\":\"P-256\",\"kty\":\"EC\","
       "\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\","
       "\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\","
       "\"kid\":\"oKIywvGUpTVTyxMQ3bwIIeQUudfr_CkLMjCE19ECD-U\","
       "\"alg\":\"ES256\",\"use\":\"sig\"}", "and its public form");

    ok(jot_private_sign(key, TEXT("{\"alg\":\"ES384\"}"), TEXT("{}"), &token)
       == JOT_ALGORITHM && token == NULL, "a header of another alg is refused");
    ok(jot_private_sign(key, TEXT("{\"alg\":\"none\"}"), TEXT("{}"), &token)
       == JOT_ALGORITHM && token == NULL, "a header of alg none is refused");
    ok(jot_private_sign(key, TEXT("{}"), TEXT("{}"), &token) == JOT_ALGORITHM
       && token == NULL, "a header without alg is refused");
    ok(jot_private_sign(key, TEXT("{\"alg\":1}"), TEXT("{}"), &token)
       == JOT_ALGORITHM && token == NULL, "a header of alg 1 is refused");
    ok(jot_private_sign(key, TEXT("alg=ES256"), TEXT("{}"), &token)
       == JOT_MALFORMED && token == NULL, "a header of no JSON is refused");

    free(jwk);
    jot_private_free(key);
}


int
main(void)
{
    char    *pem;
    size_t   i;

    for (i = 0; i < sizeof(algs) / sizeof(algs[0]); i++) {
        test_alg(algs[i]);
    }

    for (i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        ok(jot_private_generate(others[i], &pem) == -1 && pem == NULL,
           "no private keys for \"%s\"", jot_alg_name(others[i]));
    }

    test_known();
    test_refusals();

    ok(ERR_peek_error() == 0, "nothing is left in OpenSSL's error queue");

    return done_testing();
}
