/*
 * Key sets: which keys are used and for what, which are left out with which
 * warning, and which sets are refused.
 */

#include <stdlib.h>

#include <openssl/err.h>

#include "jot.h"
#include "tap.h"


#define N    "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHm" \
             "fHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_" \
             "YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5" \
             "z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uD" \
             "Zlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9ia" \
             "GNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ"
#define X    "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU"
#define Y    "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"
#define X5   "AekpBQ8ST8a8VcfVOTNl353vSrDCLLJXmPk06wTjxrrjcBpXp5EOnYG_NjFZ" \
             "6OvLFV1jSfS9tsz4qUxcWceqwQGk"
#define Y5   "ADSmRA43Z1DSNx_RvcLI87cdL07l6jQyyBXMoxVg_l2Th-x3S1WDhjDly79a" \
             "jL4Kkd0AZMaZmh9ubmf63e3kyMj2"
#define XK   "eb5mfvncu6xVoGKVzocLBwKb_NstzijZWfKBWxb4F5g"     /* secp256k1's */
#define YK   "SDradyajxGVdpPv8DhEIqP0XtEimhVQZnEfQj_sQ1Lg"     /* generator */
#define ED   "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
#define ED4  "X9dEm1m0Yf0s54fsYWrUah2hNCSFpw4fig6nXYDpZ3jt8SR2m0bHBhvWeD3x" \
             "5Q9s0foavq_oJWGA"
#define K31  "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MA"
#define K32  "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE"
#define K48  "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0" \
             "NTY3"
#define K64  "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0" \
             "NTY3ODkwMTIzNDU2Nzg5MDEyMw"

#define RSA   "\"kty\":\"RSA\",\"n\":\"" N "\",\"e\":\"AQAB\""
#define EC    "\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" X "\",\"y\":\"" Y \
              "\""
#define OCT   "\"kty\":\"oct\",\"k\":\"" K64 "\""
#define OKP   "\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"" ED "\""

#define BIT(alg)  JOT_ALG_BIT(JOT_ ## alg)
#define ALGS_RS   (BIT(RS256) | BIT(RS384) | BIT(RS512))
#define ALGS_PS   (BIT(PS256) | BIT(PS384) | BIT(PS512))


typedef struct {
    const char   *name;
    const char   *jwk;
    unsigned      algs;         /* what it may do; 0: it is left out */
    const char   *warning;      /* part of it; NULL: there is none */
} jwk_t;

typedef struct {
    const char   *name;
    const char   *text;
    size_t        count;        /* 0: refused */
    const char   *reason;       /* or the first warning; part of it */
} set_t;

typedef struct {
    unsigned      n;
    char          first[JOT_REASON_SIZE];
} warnings_t;


static const jwk_t  keys[] = {
    { "RSA without alg", "{" RSA "}", ALGS_RS | ALGS_PS, NULL },
    { "RSA for PS384", "{" RSA ",\"alg\":\"PS384\"}", BIT(PS384), NULL },
    { "P-256", "{" EC "}", BIT(ES256), NULL },
    { "P-521", "{\"kty\":\"EC\",\"crv\":\"P-521\",\"x\":\"" X5 "\",\"y\":\""
      Y5 "\"}", BIT(ES512), NULL },
    { "secp256k1", "{\"kty\":\"EC\",\"crv\":\"secp256k1\",\"x\":\"" XK
      "\",\"y\":\"" YK "\"}", BIT(ES256K), NULL },
    { "Ed25519", "{" OKP "}", BIT(EDDSA) | BIT(ED25519), NULL },
    { "Ed25519 for EdDSA", "{" OKP ",\"alg\":\"EdDSA\"}", BIT(EDDSA), NULL },
    { "Ed25519 for Ed25519", "{" OKP ",\"alg\":\"Ed25519\"}", BIT(ED25519),
      NULL },
    { "Ed448", "{\"kty\":\"OKP\",\"crv\":\"Ed448\",\"x\":\"" ED4 "\"}",
      BIT(EDDSA) | BIT(ED448), NULL },
    { "a secret of 64 bytes", "{" OCT "}", JOT_ALGS_HMAC, NULL },
    { "a secret of 48 bytes", "{\"kty\":\"oct\",\"k\":\"" K48 "\"}",
      BIT(HS256) | BIT(HS384), NULL },
    { "a secret of 32 bytes", "{\"kty\":\"oct\",\"k\":\"" K32 "\"}",
      BIT(HS256), NULL },
    { "use sig", "{" EC ",\"use\":\"sig\"}", BIT(ES256), NULL },
    { "key_ops with verify", "{" EC ",\"key_ops\":[\"sign\",\"verify\"]}",
      BIT(ES256), NULL },
    { "members nobody knows", "{" EC ",\"x5t\":\"a\",\"ext\":true,\"iat\":1}",
      BIT(ES256), NULL },
    { "x5c and x5u are not read", "{" EC ",\"x5c\":[\"!\"],\"x5u\":\"a\"}",
      BIT(ES256), NULL },
    { "an empty kid", "{" EC ",\"kid\":\"\"}", BIT(ES256), NULL },
    { "d of EC is ignored", "{" EC ",\"d\":\"AA\"}", BIT(ES256),
      "key 1 holds its private part" },
    { "p of RSA is ignored", "{" RSA ",\"kid\":\"r\",\"p\":\"AA\"}",
      ALGS_RS | ALGS_PS, "key 1 (kid \"r\") holds its private part" },

    { "a string", "\"a\"", 0, "key 1 is not used: not a JSON object" },
    { "null", "null", 0, "not a JSON object" },
    { "no kty", "{\"kid\":\"a\"}", 0,
      "key 1 (kid \"a\") is not used: kty is missing" },
    { "kty a number", "{\"kty\":1}", 0, "kty is missing" },
    { "kty in another case", "{\"kty\":\"rsa\"}", 0, "kty is none of" },
    { "kty of the future", "{\"kty\":\"AKP\"}", 0, "kty is none of" },
    { "kid a number", "{" EC ",\"kid\":1}", 0, "kid is not a string" },
    { "kid null", "{" EC ",\"kid\":null}", 0, "kid is not a string" },

    { "use enc", "{" RSA ",\"use\":\"enc\"}", 0, "use is not \"sig\"" },
    { "use a number", "{" RSA ",\"use\":1}", 0, "use is not \"sig\"" },
    { "use null", "{" RSA ",\"use\":null}", 0, "use is not \"sig\"" },
    { "key_ops only sign", "{" RSA ",\"key_ops\":[\"sign\"]}", 0,
      "key_ops has no \"verify\"" },
    { "key_ops empty", "{" RSA ",\"key_ops\":[]}", 0, "key_ops has no" },
    { "key_ops a string", "{" RSA ",\"key_ops\":\"verify\"}", 0,
      "key_ops has no" },
    { "alg none", "{" RSA ",\"alg\":\"none\"}", 0, "alg is none that" },
    { "alg in another case", "{" RSA ",\"alg\":\"rs256\"}", 0,
      "alg is none that" },
    { "alg for encryption", "{" RSA ",\"alg\":\"RSA-OAEP\"}", 0,
      "alg is none that" },
    { "alg a number", "{" RSA ",\"alg\":256}", 0, "alg is none that" },
    { "RSA with HS256", "{" RSA ",\"alg\":\"HS256\"}", 0,
      "alg and kty do not fit" },
    { "EC with HS256", "{" EC ",\"alg\":\"HS256\"}", 0,
      "alg and kty do not fit" },
    { "oct with RS256", "{" OCT ",\"alg\":\"RS256\"}", 0,
      "alg and kty do not fit" },
    { "P-256 with ES384", "{" EC ",\"alg\":\"ES384\"}", 0,
      "alg and crv do not fit" },
    { "P-256 with ES256K", "{" EC ",\"alg\":\"ES256K\"}", 0,
      "alg and crv do not fit" },
    { "Ed25519 with Ed448", "{" OKP ",\"alg\":\"Ed448\"}", 0,
      "alg and crv do not fit" },

    { "a secret of 31 bytes", "{\"kty\":\"oct\",\"k\":\"" K31 "\"}", 0,
      "k is shorter than the hash" },
    { "a secret of 32 bytes for HS384",
      "{\"kty\":\"oct\",\"alg\":\"HS384\",\"k\":\"" K32 "\"}", 0,
      "k is shorter than the hash" },
    { "a secret of 48 bytes for HS512",
      "{\"kty\":\"oct\",\"alg\":\"HS512\",\"k\":\"" K48 "\"}", 0,
      "k is shorter than the hash" },
    { "an empty secret", "{\"kty\":\"oct\",\"k\":\"\"}", 0, "k is missing" },
    { "no secret", "{\"kty\":\"oct\"}", 0, "k is missing" },
    { "a secret not in base64url", "{\"kty\":\"oct\",\"k\":\"" K32 "=\"}", 0,
      "k is missing, not base64url" },

    { "RSA without n", "{\"kty\":\"RSA\",\"e\":\"AQAB\"}", 0,
      "n or e is missing" },
    { "RSA without e", "{\"kty\":\"RSA\",\"n\":\"" N "\"}", 0,
      "n or e is missing" },
    { "n a number", "{\"kty\":\"RSA\",\"n\":17,\"e\":\"AQAB\"}", 0,
      "n or e is missing" },
    { "n with padding", "{\"kty\":\"RSA\",\"n\":\"" N "==\",\"e\":\"AQAB\"}", 0,
      "n or e is missing, not base64url" },
    { "n even", "{\"kty\":\"RSA\",\"n\":\"" N "AA\",\"e\":\"AQAB\"}", 0,
      "n is even" },
    { "e 1", "{\"kty\":\"RSA\",\"n\":\"" N "\",\"e\":\"AQ\"}", 0, "e is not" },
    { "e 0", "{\"kty\":\"RSA\",\"n\":\"" N "\",\"e\":\"AA\"}", 0, "e is not" },
    { "e even", "{\"kty\":\"RSA\",\"n\":\"" N "\",\"e\":\"AQAA\"}", 0,
      "e is not" },
    { "e above 2^64", "{\"kty\":\"RSA\",\"n\":\"" N
      "\",\"e\":\"AQAAAAAAAAAB\"}", 0, "e is not" },

    { "EC without crv", "{\"kty\":\"EC\",\"x\":\"" X "\",\"y\":\"" Y "\"}", 0,
      "crv is unknown" },
    { "EC on P-192", "{\"kty\":\"EC\",\"crv\":\"P-192\",\"x\":\"" X
      "\",\"y\":\"" Y "\"}", 0, "crv is unknown" },
    { "EC on Ed25519", "{\"kty\":\"EC\",\"crv\":\"Ed25519\",\"x\":\"" ED
      "\",\"y\":\"" Y "\"}", 0, "crv is unknown, or not of this kty" },
    { "EC by OpenSSL's name", "{\"kty\":\"EC\",\"crv\":\"prime256v1\",\"x\":\""
      X "\",\"y\":\"" Y "\"}", 0, "crv is unknown" },
    { "EC without y", "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" X "\"}", 0,
      "x or y is missing" },
    { "EC of another size", "{\"kty\":\"EC\",\"crv\":\"P-384\",\"x\":\"" X
      "\",\"y\":\"" Y "\"}", 0, "has not the length of the curve" },
    { "EC with one byte too few", "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\""
      K31 "\",\"y\":\"" Y "\"}", 0, "has not the length of the curve" },
    { "EC with a zero too many", "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"A"
      X "\",\"y\":\"" Y "\"}", 0, "x or y is missing, or has not" },
    { "EC off its curve", "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" X
      "\",\"y\":\"" X "\"}", 0, "the point is not on its curve" },
    { "EC of another curve", "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" XK
      "\",\"y\":\"" YK "\"}", 0, "the point is not on its curve" },
    { "EC at zero", "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"AAAAAAAAAAAAAA"
      "AAAAAAAAAAAAAAAAAAAAAAAAAAAAA\",\"y\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
      "AAAAAAAAAAAA\"}", 0, "the point is not on its curve" },
    { "EC with x beyond the field", "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\""
      "_____________________________________________8\",\"y\":\"" Y "\"}", 0,
      "x or y is missing" },

    { "OKP on X25519", "{\"kty\":\"OKP\",\"crv\":\"X25519\",\"x\":\"" ED
      "\"}", 0, "crv is unknown" },
    { "OKP on P-256", "{\"kty\":\"OKP\",\"crv\":\"P-256\",\"x\":\"" X "\"}", 0,
      "crv is unknown, or not of this kty" },
    { "Ed448 with 32 bytes", "{\"kty\":\"OKP\",\"crv\":\"Ed448\",\"x\":\"" ED
      "\"}", 0, "x is missing, or has not the length" },
    { "Ed25519 without x", "{\"kty\":\"OKP\",\"crv\":\"Ed25519\"}", 0,
      "x is missing" }
};


static const set_t  sets[] = {
    { "two keys", "{\"keys\":[{" RSA ",\"kid\":\"a\"},{" EC
      ",\"kid\":\"b\"}]}", 2, NULL },
    { "one kid, two types", "{\"keys\":[{" RSA ",\"kid\":\"a\"},{" EC
      ",\"kid\":\"a\"}]}", 2, NULL },
    { "two keys of one type without kid", "{\"keys\":[{" EC "},{" EC "}]}", 2,
      NULL },
    { "kids that differ in case", "{\"keys\":[{" EC ",\"kid\":\"a\"},{" EC
      ",\"kid\":\"A\"}]}", 2, NULL },
    { "other members beside keys", "{\"a\":[1],\"keys\":[{" EC "}],\"b\":{}}",
      1, NULL },
    { "one of two is left out", "{\"keys\":[{\"kty\":\"x\",\"kid\":\"a\"},{" EC
      ",\"kid\":\"b\"}]}", 1, "key 1 (kid \"a\") is not used: kty is none" },
    { "an equal kid, but left out", "{\"keys\":[{" EC
      ",\"kid\":\"a\",\"use\":\"enc\"},{" EC ",\"kid\":\"a\"}]}", 1,
      "use is not \"sig\"" },
    { "a kid is escaped", "{\"keys\":[{\"kty\":\"x\","
      "\"kid\":\"a\\n\\\"\\u00e9\\\\ b\"},{" EC "}]}", 1,
      "key 1 (kid \"a\\x0a\\x22\\xc3\\xa9\\x5c b\") is not used" },

    { "equal kids of one type", "{\"keys\":[{" EC ",\"kid\":\"a\"},{" EC
      ",\"kid\":\"a\"}]}", 0, "key 2 (kid \"a\") has the kid of another EC" },
    { "equal kids of one type, other curve", "{\"keys\":[{" EC
      ",\"kid\":\"a\"},{\"kty\":\"EC\",\"crv\":\"P-521\",\"x\":\"" X5
      "\",\"y\":\"" Y5 "\",\"kid\":\"a\"}]}", 0, "has the kid of another EC" },
    { "equal empty kids", "{\"keys\":[{" OCT ",\"kid\":\"\"},{" OCT
      ",\"kid\":\"\"}]}", 0, "key 2 (kid \"\") has the kid of another oct" },
    { "no key", "{\"keys\":[]}", 0, "it has 0 keys" },
    { "no usable key", "{\"keys\":[{},1]}", 0, "none of its 2 keys is usable" },
    { "one key that is no set", "{" EC "}", 0, "it has no array \"keys\"" },
    { "keys an object", "{\"keys\":{}}", 0, "it has no array \"keys\"" },
    { "keys null", "{\"keys\":null}", 0, "it has no array \"keys\"" },
    { "an array", "[{" EC "}]", 0, "not a JSON object" },
    { "nothing", "", 0, "JSON ends too early" },
    { "a PEM", "-----BEGIN PUBLIC KEY-----\n", 0, "not JSON, line 1" },
    { "an error on the third line", "{\n\"keys\":[\n{]}", 0,
      "not JSON, line 3" },
    { "keys twice", "{\"keys\":[{" EC "}],\n\"keys\":[{" RSA "}]}", 0,
      "JSON has a member twice, line 2" },
    { "a member of a key twice", "{\"keys\":[{" EC ",\"kty\":\"EC\"}]}", 0,
      "JSON has a member twice" },
    { "not UTF-8", "{\"keys\":[{" EC ",\"kid\":\"\xff\"}]}", 0,
      "JSON is not UTF-8" },
    { "nested too deep", "{\"keys\":[{\"a\":[[[[[[[]]]]]]]}]}", 0,
      "nested too deep" }
};


static void
collect(void *data, const char *text)
{
    warnings_t  *warnings = data;

    if (warnings->n++ == 0) {
        snprintf(warnings->first, sizeof(warnings->first), "%s", text);
    }
}


/* From a copy without an end, for a sanitizer to see what is read behind. */

static jot_keys_t *
parse(const char *text, size_t len, warnings_t *warnings, char *reason)
{
    char        *copy;
    jot_keys_t  *set;

    memset(warnings, 0, sizeof(warnings_t));
    reason[0] = '\0';

    copy = malloc(len ? len : 1);
    memcpy(copy, text, len);

    set = jot_keys_parse(copy, len, 0, collect, warnings, reason);

    free(copy);
    return set;
}


static void
contains(const char *text, const char *part)
{
    if (!ok(part ? strstr(text, part) != NULL : text[0] == '\0',
            "  with %s", part ? part : "no word about it"))
    {
        printf("# got: %s\n", text);
    }
}


static void
test_key(const jwk_t *t)
{
    char         text[4096], reason[JOT_REASON_SIZE];
    size_t       len;
    jot_keys_t  *set;
    warnings_t   warnings;

    len = snprintf(text, sizeof(text), "{\"keys\":[%s]}", t->jwk);
    set = parse(text, len, &warnings, reason);

    if (t->algs) {
        ok(set && jot_keys_count(set) == 1 && jot_keys_algs(set) == t->algs,
           "used: %s", t->name);

    } else {
        ok(set == NULL && warnings.n == 1
           && strcmp(reason, "none of its 1 keys is usable") == 0,
           "left out: %s", t->name);
    }

    contains(warnings.first, t->warning);
    jot_keys_free(set);
}


static void
test_set(const set_t *t)
{
    char         reason[JOT_REASON_SIZE];
    jot_keys_t  *set;
    warnings_t   warnings;

    set = parse(t->text, strlen(t->text), &warnings, reason);

    if (t->count) {
        ok(set && jot_keys_count(set) == t->count, "taken: %s", t->name);
        contains(warnings.first, t->reason);

    } else {
        ok(set == NULL, "refused: %s", t->name);
        contains(reason, t->reason);
    }

    jot_keys_free(set);
}


/* A modulus of so many bits; that it is no product of primes, none can see. */

static void
test_modulus(unsigned bits, int fits)
{
    char            n[JOT_BASE64URL_ENCODED(4096)], text[8192];
    char            reason[JOT_REASON_SIZE];
    size_t          len, bytes;
    jot_keys_t     *set;
    warnings_t      warnings;
    unsigned char   modulus[4096];

    bytes = (bits + 7) / 8;
    memset(modulus, 0xa5, sizeof(modulus));
    modulus[0] = 1u << (bits - 1) % 8;

    len = jot_base64url_encode(n, modulus, bytes);
    len = snprintf(text, sizeof(text), "{\"keys\":[{\"kty\":\"RSA\","
                   "\"e\":\"AQAB\",\"n\":\"%.*s\"}]}", (int) len, n);

    set = parse(text, len, &warnings, reason);
    ok((set != NULL) == fits, "RSA of %u bits is %s", bits,
       fits ? "used" : "left out");

    jot_keys_free(set);
}


static void
test_counts(unsigned n, int fits)
{
    char        *text, reason[JOT_REASON_SIZE];
    size_t       len;
    unsigned     i;
    jot_keys_t  *set;
    warnings_t   warnings;

    text = malloc(n * 64 + 64);
    len = sprintf(text, "{\"keys\":[");

    for (i = 0; i < n; i++) {
        len += sprintf(text + len, "%s{\"kty\":\"oct\",\"k\":\"" K32 "\"}",
                       i ? "," : "");
    }

    len += sprintf(text + len, "]}");
    set = parse(text, len, &warnings, reason);
    free(text);

    ok((set != NULL) == fits, "%u keys are %s", n, fits ? "taken" : "refused");
    contains(reason, fits ? NULL : "257 keys, more than 256");

    jot_keys_free(set);
}


static void
test_sizes(size_t size, int fits)
{
    char        *text, reason[JOT_REASON_SIZE];
    jot_keys_t  *set;
    warnings_t   warnings;

    text = malloc(size + 1);
    memset(text, ' ', size);
    memcpy(text, "{\"keys\":[{" EC "}]}", strlen("{\"keys\":[{" EC "}]}"));

    set = parse(text, size, &warnings, reason);
    free(text);

    ok((set != NULL) == fits, "%zu bytes are %s", size,
       fits ? "taken" : "refused");
    contains(reason, fits ? NULL : "262145 bytes, more than 262144");

    jot_keys_free(set);
}


/* A kid of 10,000 quotes is cut; the rest of the line still stands. */

static void
test_long_kid(void)
{
    char         text[32768], reason[JOT_REASON_SIZE];
    size_t       i, len;
    jot_keys_t  *set;
    warnings_t   warnings;

    len = sprintf(text, "{\"keys\":[{\"kid\":\"");

    for (i = 0; i < 10000; i++) {
        len += sprintf(text + len, "\\\"");
    }

    len += sprintf(text + len, "\",\"kty\":\"x\"},{" EC "}]}");
    set = parse(text, len, &warnings, reason);

    ok(set && strlen(warnings.first) < 150, "a long kid is cut in a warning");
    contains(warnings.first, "\\x22\") is not used: kty is none");

    jot_keys_free(set);
}


int
main(void)
{
    char         reason[JOT_REASON_SIZE];
    size_t       i;
    jot_keys_t  *set;

    for (i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        test_key(&keys[i]);
    }

    for (i = 0; i < sizeof(sets) / sizeof(sets[0]); i++) {
        test_set(&sets[i]);
    }

    test_modulus(1024, 0);
    test_modulus(2047, 0);
    test_modulus(2048, 1);
    test_modulus(2049, 1);
    test_modulus(16384, 1);
    test_modulus(16385, 0);
    test_modulus(16400, 0);

    test_counts(256, 1);
    test_counts(257, 0);
    test_sizes(262144, 1);
    test_sizes(262145, 0);
    test_long_kid();

    set = jot_keys_parse("{\"keys\":[{}]}", 13, 0, NULL, NULL, reason);
    ok(set == NULL, "nobody has to listen to warnings");
    jot_keys_free(NULL);

    ok(ERR_peek_error() == 0, "nothing is left in OpenSSL's error queue");

    return done_testing();
}
