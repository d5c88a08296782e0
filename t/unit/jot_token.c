/*
 * Tokens: what is malformed, which key is chosen, and that nothing but the
 * right signature by the right key with the right algorithm is good enough.
 */

#include <openssl/err.h>

#include "jot.h"
#include "hs256.h"
#include "tap.h"


#define X      "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU"
#define Y      "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"
#define EC     "\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" X "\",\"y\":\"" Y \
               "\""

/* RFC 7515, A.3: without kid, made by the key above */

#define INPUT  "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkz" \
               "ODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ"
#define R      "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmX"
#define S      "FCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"

#define OTHER  "\"kty\":\"oct\",\"k\":\"eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4" \
               "eHh4eHh4eHg\""

#define TEXT(s)  (s), sizeof(s) - 1
#define SET(s)   "{\"keys\":[" s "]}"

typedef struct {
    const char     *name;
    const char     *header;
    size_t          len;
    jot_status_t    status;
    const char     *detail;
} header_t;

typedef struct {
    const char     *name;
    const char     *header;
    const char     *sets[2];
    unsigned        algs;
    jot_status_t    status;
    const char     *detail;
} choice_t;

typedef struct {
    const char     *name;
    const char     *token;
    size_t          len;
    const char     *detail;
} malformed_t;


static const malformed_t  malformed[] = {
    { "nothing", TEXT(""), "not three parts with two dots between" },
    { "no dot", TEXT("abc"), "not three parts with two dots between" },
    { "one dot", TEXT("a.b"), "not three parts with two dots between" },
    { "three dots", TEXT("a.b.c.d"), "not three parts with two dots between" },
    { "five parts, as if encrypted", TEXT("a.b.c.d.e"),
      "not three parts with two dots between" },
    { "two dots", TEXT(".."), "JSON ends too early" },
    { "an empty header", TEXT(".e30.AAAA"), "JSON ends too early" },
    { "a header with padding", TEXT("eyJhbGciOiJIUzI1NiJ9=.e30.AAAA"),
      "header is not base64url" },
    { "a space in front", TEXT(" eyJhbGciOiJIUzI1NiJ9.e30.AAAA"),
      "header is not base64url" },
    { "a header that is plain JSON", TEXT("{\"alg\":\"HS256\"}.e30.AAAA"),
      "header is not base64url" },
    { "a NUL in the header", TEXT("eyJhbGciOi\0JIUzI1NiJ9.e30.AAAA"),
      "header is not base64url" },
    { "a header of one letter", TEXT("e.e30.AAAA"), "header is not base64url" }
};


static const header_t  headers[] = {
    { "alg alone", TEXT("{\"alg\":\"HS256\"}"), JOT_OK, NULL },
    { "typ and more", TEXT("{\"typ\":\"JWT\",\"cty\":\"x\",\"alg\":\"HS256\"}"),
      JOT_OK, NULL },
    { "keys that the token brings",
      TEXT("{\"alg\":\"HS256\",\"jwk\":{\"kty\":\"oct\",\"k\":\"AA\"},"
           "\"jku\":\"http://127.0.0.1/\",\"x5u\":\"a\",\"x5c\":[\"a\"]}"),
      JOT_OK, NULL },

    { "an array", TEXT("[\"alg\",\"HS256\"]"), JOT_MALFORMED,
      "not a JSON object" },
    { "no JSON", TEXT("alg=HS256"), JOT_MALFORMED, "not JSON" },
    { "no alg", TEXT("{}"), JOT_MALFORMED, "alg is missing, or not a string" },
    { "alg a number", TEXT("{\"alg\":256}"), JOT_MALFORMED,
      "alg is missing, or not a string" },
    { "alg null", TEXT("{\"alg\":null}"), JOT_MALFORMED,
      "alg is missing, or not a string" },
    { "alg an array", TEXT("{\"alg\":[\"HS256\"]}"), JOT_MALFORMED,
      "alg is missing, or not a string" },
    { "ALG", TEXT("{\"ALG\":\"HS256\"}"), JOT_MALFORMED,
      "alg is missing, or not a string" },
    { "alg twice", TEXT("{\"alg\":\"HS256\",\"alg\":\"HS256\"}"),
      JOT_MALFORMED, "JSON has a member twice" },
    { "alg twice, once escaped",
      TEXT("{\"alg\":\"HS256\",\"\\u0061lg\":\"a\"}"), JOT_MALFORMED,
      "JSON has a member twice" },
    { "kid twice", TEXT("{\"alg\":\"HS256\",\"kid\":\"a\",\"kid\":\"b\"}"),
      JOT_MALFORMED, "JSON has a member twice" },
    { "kid a number", TEXT("{\"alg\":\"HS256\",\"kid\":1}"), JOT_MALFORMED,
      "kid is not a string" },
    { "kid null", TEXT("{\"alg\":\"HS256\",\"kid\":null}"), JOT_MALFORMED,
      "kid is not a string" },
    { "kid an object", TEXT("{\"alg\":\"HS256\",\"kid\":{}}"), JOT_MALFORMED,
      "kid is not a string" },
    { "a NUL in kid", TEXT("{\"alg\":\"HS256\",\"kid\":\"a\\u0000\"}"),
      JOT_MALFORMED, "JSON has a NUL character" },
    { "not UTF-8", TEXT("{\"alg\":\"HS256\",\"kid\":\"\xff\"}"), JOT_MALFORMED,
      "JSON is not UTF-8" },
    { "17 levels", TEXT("{\"alg\":\"HS256\",\"a\":[[[[[[[[[[[[[[[[]]]]]]]]]]]]"
                        "]]]]}"), JOT_MALFORMED, "nested too deep" },
    { "crit", TEXT("{\"alg\":\"HS256\",\"crit\":[\"exp\"],\"exp\":1}"),
      JOT_MALFORMED, "header has crit or b64" },
    { "crit empty", TEXT("{\"alg\":\"HS256\",\"crit\":[]}"), JOT_MALFORMED,
      "header has crit or b64" },
    { "crit null", TEXT("{\"alg\":\"HS256\",\"crit\":null}"), JOT_MALFORMED,
      "header has crit or b64" },
    { "crit false", TEXT("{\"alg\":\"HS256\",\"crit\":false}"), JOT_MALFORMED,
      "header has crit or b64" },
    { "b64 false", TEXT("{\"alg\":\"HS256\",\"b64\":false}"), JOT_MALFORMED,
      "header has crit or b64" },
    { "b64 true", TEXT("{\"alg\":\"HS256\",\"b64\":true}"), JOT_MALFORMED,
      "header has crit or b64" },

    { "none", TEXT("{\"alg\":\"none\"}"), JOT_ALGORITHM, "alg is unknown" },
    { "None", TEXT("{\"alg\":\"None\"}"), JOT_ALGORITHM, "alg is unknown" },
    { "NONE", TEXT("{\"alg\":\"NONE\"}"), JOT_ALGORITHM, "alg is unknown" },
    { "nOnE", TEXT("{\"alg\":\"nOnE\"}"), JOT_ALGORITHM, "alg is unknown" },
    { "none with a space", TEXT("{\"alg\":\"none \"}"), JOT_ALGORITHM,
      "alg is unknown" },
    { "none in escapes", TEXT("{\"alg\":\"\\u006eone\"}"), JOT_ALGORITHM,
      "alg is unknown" },
    { "an empty alg", TEXT("{\"alg\":\"\"}"), JOT_ALGORITHM,
      "alg is unknown" },
    { "hs256", TEXT("{\"alg\":\"hs256\"}"), JOT_ALGORITHM, "alg is unknown" },
    { "HS256 with a space", TEXT("{\"alg\":\"HS256 \"}"), JOT_ALGORITHM,
      "alg is unknown" },
    { "HS25", TEXT("{\"alg\":\"HS25\"}"), JOT_ALGORITHM, "alg is unknown" },
    { "HS2567", TEXT("{\"alg\":\"HS2567\"}"), JOT_ALGORITHM,
      "alg is unknown" },
    { "HS1", TEXT("{\"alg\":\"HS1\"}"), JOT_ALGORITHM, "alg is unknown" },
    { "A256GCM", TEXT("{\"alg\":\"A256GCM\"}"), JOT_ALGORITHM,
      "alg is unknown" }
};


#define HS256  "{\"alg\":\"HS256\"}"
#define KID_A  "{\"alg\":\"HS256\",\"kid\":\"a\"}"
#define ALL    JOT_ALGS_ALL
#define K(k)   "{" HS256_KEY ",\"kid\":\"" k "\"}"
#define O(k)   "{" OTHER ",\"kid\":\"" k "\"}"
#define K_     "{" HS256_KEY "}"
#define O_     "{" OTHER "}"
#define O_7    O_ "," O_ "," O_ "," O_ "," O_ "," O_ "," O_

static const choice_t  choices[] = {
    { "no kid, one key", HS256, { SET(K_) }, ALL, JOT_OK, NULL },
    { "no kid, a key with one", HS256, { SET(K("b")) }, ALL, JOT_OK, NULL },
    { "no kid, the second key", HS256, { SET(O("a") "," K("b")) }, ALL, JOT_OK,
      NULL },
    { "no kid, among other types", HS256, { SET("{" EC "}," K_) }, ALL, JOT_OK,
      NULL },
    { "no kid, the eighth key", HS256, { SET(O_7 "," K_) }, ALL, JOT_OK, NULL },
    { "no kid, in the second set", HS256, { SET(O_), SET(K_) }, ALL, JOT_OK,
      NULL },
    { "the key of that kid", KID_A, { SET(O("b") "," K("a")) }, ALL, JOT_OK,
      NULL },
    { "the key of that kid in the second set", KID_A,
      { SET(O("b")), SET(K("a")) }, ALL, JOT_OK, NULL },
    { "the kid in both sets", KID_A, { SET(O("a")), SET(K("a")) }, ALL, JOT_OK,
      NULL },
    { "the kid of two types", KID_A,
      { SET("{" EC ",\"kid\":\"a\"}," K("a")) }, ALL, JOT_OK, NULL },
    { "an unknown kid, a key without", KID_A, { SET(O("b") "," K_) }, ALL,
      JOT_OK, NULL },
    { "a kid behind eight others", KID_A,
      { SET(O_7 "," O_ "," K("a")) }, ALL, JOT_OK, NULL },
    { "a kid in escapes", "{\"alg\":\"HS256\",\"kid\":\"\\u0061\"}",
      { SET(K("a")) }, ALL, JOT_OK, NULL },
    { "an empty kid", "{\"alg\":\"HS256\",\"kid\":\"\"}", { SET(K("")) }, ALL,
      JOT_OK, NULL },
    { "a key of that alg", HS256,
      { SET("{" HS256_KEY ",\"alg\":\"HS256\"}") }, JOT_ALG_BIT(JOT_HS256),
      JOT_OK, NULL },

    { "no set", HS256, { NULL }, ALL, JOT_KEY, "no key does this alg" },
    { "no set, a kid", KID_A, { NULL }, ALL, JOT_KEY, "no key has this kid" },
    { "an unknown kid", KID_A, { SET(K("b")) }, ALL, JOT_KEY,
      "no key has this kid" },
    { "a kid in another case", KID_A, { SET(K("A")) }, ALL, JOT_KEY,
      "no key has this kid" },
    { "the beginning of a kid", KID_A, { SET(K("ab")) }, ALL, JOT_KEY,
      "no key has this kid" },
    { "a kid that is a path", "{\"alg\":\"HS256\",\"kid\":\"../../dev/null\"}",
      { SET(K("a")) }, ALL, JOT_KEY, "no key has this kid" },
    { "a kid that is SQL", "{\"alg\":\"HS256\",\"kid\":\"' or 'a'='a\"}",
      { SET(K("a")) }, ALL, JOT_KEY, "no key has this kid" },
    { "an empty kid is a kid", "{\"alg\":\"HS256\",\"kid\":\"\"}",
      { SET(K("a")) }, ALL, JOT_KEY, "no key has this kid" },
    { "no kid, keys of another type", HS256, { SET("{" EC "}") }, ALL, JOT_KEY,
      "no key does this alg" },
    { "an unknown kid, keys without of another type", KID_A,
      { SET("{" EC "}," K("b")) }, ALL, JOT_KEY, "no key has this kid" },

    { "alg not allowed", HS256, { SET(K_) }, ALL & ~JOT_ALGS_HMAC,
      JOT_ALGORITHM, "alg is not allowed here" },
    { "only another size allowed", HS256, { SET(K_) }, JOT_ALG_BIT(JOT_HS512),
      JOT_ALGORITHM, "alg is not allowed here" },
    { "none allowed", HS256, { SET(K_) }, 0, JOT_ALGORITHM,
      "alg is not allowed here" },
    { "the key is of another type", KID_A, { SET("{" EC ",\"kid\":\"a\"}") },
      ALL, JOT_ALGORITHM, "alg is not the key's" },
    { "the key is for another alg", KID_A,
      { SET("{\"kty\":\"oct\",\"kid\":\"a\",\"alg\":\"HS384\",\"k\":\"MDEyMzQ1"
            "Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0NTY3\"}") },
      ALL, JOT_ALGORITHM, "alg is not the key's" },
    { "a kid's wrong alg is not made good by others", KID_A,
      { SET("{" EC ",\"kid\":\"a\"}," K_) }, ALL, JOT_ALGORITHM,
      "alg is not the key's" },

    { "another secret", HS256, { SET(O_) }, ALL, JOT_SIGNATURE,
      "not made by the key" },
    { "another secret of that kid", KID_A, { SET(O("a") "," K("b")) }, ALL,
      JOT_SIGNATURE, "not made by the key" },
    { "a kid's wrong key is not made good by one without", KID_A,
      { SET(O("a") "," K_) }, ALL, JOT_SIGNATURE, "not made by the key" },
    { "an unknown kid, keys without that are wrong", KID_A,
      { SET(O_ "," O_) }, ALL, JOT_SIGNATURE, "not made by the key" },
    { "the ninth key is not tried", HS256, { SET(O_7 "," O_ "," K_) }, ALL,
      JOT_SIGNATURE, "made by none of the 8 keys tried" },
    { "nor in the next set", HS256, { SET(O_7 "," O_), SET(K_) }, ALL,
      JOT_SIGNATURE, "made by none of the 8 keys tried" }
};


static const header_t  payloads[] = {
    { "an empty object", TEXT("{}"), JOT_OK, NULL },
    { "16 levels", TEXT("{\"a\":[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]}"), JOT_OK,
      NULL },
    { "nothing", TEXT(""), JOT_MALFORMED, "JSON ends too early" },
    { "an array", TEXT("[{}]"), JOT_MALFORMED, "not a JSON object" },
    { "text", TEXT("Payload"), JOT_MALFORMED, "not JSON" },
    { "another token", TEXT("eyJhbGciOiJub25lIn0.e30."), JOT_MALFORMED,
      "not JSON" },
    { "sub twice", TEXT("{\"sub\":\"a\",\"sub\":\"b\"}"), JOT_MALFORMED,
      "JSON has a member twice" },
    { "exp twice", TEXT("{\"exp\":1,\"exp\":9e9}"), JOT_MALFORMED,
      "JSON has a member twice" },
    { "not UTF-8", TEXT("{\"sub\":\"\xe9\"}"), JOT_MALFORMED,
      "JSON is not UTF-8" },
    { "a NUL", TEXT("{\"sub\":\"admin\\u0000x\"}"), JOT_MALFORMED,
      "JSON has a NUL character" },
    { "17 levels", TEXT("{\"a\":[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]}"),
      JOT_MALFORMED, "nested too deep" },
    { "a number beyond doubles", TEXT("{\"a\":1e400}"), JOT_MALFORMED,
      "JSON has a number that is too large" }
};


/* whole tokens */

static const header_t  parts[] = {
    { "a payload that is not base64url",
      TEXT("eyJhbGciOiJIUzI1NiJ9.e3 0.AAAA"), JOT_MALFORMED,
      "payload is not base64url" },
    { "a signature that is not base64url",
      TEXT("eyJhbGciOiJIUzI1NiJ9.e30.A+AA"), JOT_MALFORMED,
      "signature is not base64url" },
    { "a line end behind",
      TEXT("eyJhbGciOiJIUzI1NiJ9.e30.AAAA\n"), JOT_MALFORMED,
      "signature is not base64url" },
    { "no signature",
      TEXT("eyJhbGciOiJIUzI1NiJ9.e30."), JOT_SIGNATURE,
      "not made by the key" },
    { "no payload and no signature",
      TEXT("eyJhbGciOiJIUzI1NiJ9.."), JOT_SIGNATURE,
      "not made by the key" },
    { "no signature, and alg none",
      TEXT("eyJhbGciOiJub25lIn0.e30."), JOT_ALGORITHM, "alg is unknown" }
};


static jot_keys_t *
keys(const char *text)
{
    char         reason[JOT_REASON_SIZE];
    jot_keys_t  *set;

    set = jot_keys_parse(text, strlen(text), 0, NULL, NULL, reason);

    if (set == NULL) {
        printf("Bail out! %s: %s\n", text, reason);
        exit(1);
    }

    return set;
}


static jot_headers_t  *before;


static void
check(const char *name, jot_status_t got, jot_status_t expected,
    const char *detail, const char *expected_detail)
{
    ok(got == expected, "%s: %s, not %s", name, jot_status_text(expected),
       jot_status_text(got));

    if (expected_detail) {
        is(detail, expected_detail, "  and why");
    }
}


/* From a copy without an end, for a sanitizer to see what is read behind. */

static jot_status_t
judge_with(jot_headers_t *read, const char *text, size_t len,
    const char *const *sets, unsigned algs, const char **detail)
{
    char              *copy;
    size_t             n;
    jot_keys_t        *loaded[2];
    jot_trust_t        trust[2];
    jot_token_t        token;
    jot_status_t       status;

    copy = malloc(len ? len : 1);
    memcpy(copy, text, len);

    for (n = 0; n < 2 && sets[n]; n++) {
        loaded[n] = keys(sets[n]);
        trust[n] = (jot_trust_t) { loaded[n], { NULL, 0 } };
    }

    status = jot_token_parse(&token, read, copy, len);

    if (status == JOT_OK) {
        status = jot_token_verify(&token, trust, n, algs);
    }

    *detail = token.detail;

    if ((status == JOT_OK) != (token.payload != NULL)) {
        ok(0, "a payload is there if, and only if, it was verified");
    }

    jot_token_free(&token);
    jot_token_free(&token);     /* twice does no harm */
    free(copy);

    while (n) {
        jot_keys_free(loaded[--n]);
    }

    return status;
}


/* Headers that were read before, for all tokens of this test, change nothing. */

static jot_status_t
judge(const char *text, size_t len, const char *const *sets, unsigned algs,
    const char **detail)
{
    int            i;
    const char    *again;
    jot_status_t   status;

    status = judge_with(NULL, text, len, sets, algs, detail);

    for (i = 0; i < 2; i++) {
        if (judge_with(before, text, len, sets, algs, &again) != status
            || strcmp(*detail, again) != 0)
        {
            ok(0, "the same with headers that were read before");
        }
    }

    return status;
}


static void
test_malformed(const malformed_t *t)
{
    const char    *detail;
    const char    *sets[2] = { HS256_KEYS, NULL };
    jot_status_t   status;

    status = judge(t->token, t->len, sets, ALL, &detail);
    check(t->name, status, JOT_MALFORMED, detail, t->detail);
}


static void
test_header(const header_t *t)
{
    char          *token;
    const char    *detail;
    const char    *sets[2] = { HS256_KEYS, NULL };
    jot_status_t   status;

    token = hs256_token(t->header, t->len, TEXT("{\"sub\":\"a\"}"));
    status = judge(token, strlen(token), sets, ALL, &detail);
    check(t->name, status, t->status, detail, t->detail);

    free(token);
}


static void
test_payload(const header_t *t)
{
    char          *token, *last;
    const char    *detail;
    const char    *sets[2] = { HS256_KEYS, NULL };
    jot_status_t   status;

    token = hs256_token(TEXT(HS256), t->header, t->len);
    status = judge(token, strlen(token), sets, ALL, &detail);
    check(t->name, status, t->status, detail, t->detail);

    /* the same, not signed: nothing is said about what is inside */

    last = &token[strlen(token) - 5];
    *last = *last == 'A' ? 'B' : 'A';
    status = judge(token, strlen(token), sets, ALL, &detail);
    check("  unsigned", status, JOT_SIGNATURE, detail, "not made by the key");

    free(token);
}


static void
test_choice(const choice_t *t)
{
    char          *token;
    const char    *detail;
    jot_status_t   status;

    token = hs256_token(t->header, strlen(t->header), TEXT("{}"));
    status = judge(token, strlen(token), t->sets, t->algs, &detail);
    check(t->name, status, t->status, detail, t->detail);

    free(token);
}


/* A token of exactly this many bytes, most of it a claim. */

static void
test_size(size_t size, jot_status_t expected)
{
    char          *token, *payload;
    size_t         len;
    const char    *detail;
    const char    *sets[2] = { HS256_KEYS, NULL };
    jot_status_t   status;

    len = (size - strlen("eyJhbGciOiJIUzI1NiJ9") - 2 - 43) * 3 / 4;
    payload = malloc(len);
    memset(payload, 'a', len);
    memcpy(payload, "{\"a\":\"", 6);
    memcpy(payload + len - 2, "\"}", 2);

    token = hs256_token(TEXT(HS256), payload, len);
    status = judge(token, strlen(token), sets, ALL, &detail);

    ok(strlen(token) == size, "a token of %zu bytes", size);
    check("  is", status, expected, detail,
          expected == JOT_OK ? NULL : "longer than 16384 bytes");

    free(payload);
    free(token);
}


/* Every bit of a token that is good, one after the other. */

static void
test_bits(const char *name, const char *good, const char *set)
{
    int            bit, taken;
    char          *token;
    size_t         i, len;
    const char    *detail;
    const char    *sets[2] = { set, NULL };

    len = strlen(good);
    token = malloc(len);
    memcpy(token, good, len);

    ok(judge(token, len, sets, ALL, &detail) == JOT_OK, "%s is good", name);
    taken = 0;

    for (i = 0; i < len; i++) {
        for (bit = 0; bit < 8; bit++) {
            token[i] ^= 1 << bit;
            taken += judge(token, len, sets, ALL, &detail) == JOT_OK;
            token[i] ^= 1 << bit;
        }
    }

    ok(taken == 0, "%s with any one bit changed is not", name);
    taken = 0;

    for (i = 0; i < len; i++) {
        taken += judge(token, i, sets, ALL, &detail) == JOT_OK;
    }

    ok(taken == 0, "%s cut anywhere is not", name);
    free(token);
}


typedef struct {
    const char     *name;
    const char     *sig;        /* hexadecimal */
} ecdsa_t;

#define R_HEX  "0ed1215379636c483c2f7f155807d402a3b228033af97c7e" \
               "17819ac3169ea665"
#define S_HEX  "c50a07d38c3c70e5d8f12daf084a5480a66590c5f293509a" \
               "8f3f7f8a83a354d5"
#define N_HEX  "ffffffff00000000ffffffffffffffffbce6faada7179e84" \
               "f3b9cac2fc632551"
#define ZERO   "000000000000000000000000000000000000000000000000" \
               "0000000000000000"
#define ONE    "000000000000000000000000000000000000000000000000" \
               "0000000000000001"
#define FF     "ffffffffffffffffffffffffffffffffffffffffffffffff" \
               "ffffffffffffffff"

static const ecdsa_t  ecdsas[] = {
    { "nothing", "" },
    { "r and s zero", ZERO ZERO },
    { "r zero", ZERO S_HEX },
    { "s zero", R_HEX ZERO },
    { "r and s one", ONE ONE },
    { "r the order", N_HEX S_HEX },
    { "s the order", R_HEX N_HEX },
    { "both the order", N_HEX N_HEX },
    { "both all ones", FF FF },
    { "r and s exchanged", S_HEX R_HEX },
    { "one byte too few",
      "0ed1215379636c483c2f7f155807d402a3b228033af97c7e17819ac3169ea66"
      "5c50a07d38c3c70e5d8f12daf084a5480a66590c5f293509a8f3f7f8a83a354" },
    { "a zero behind", R_HEX S_HEX "00" },
    { "a zero in front", "00" R_HEX S_HEX },
    { "a zero in front of each", "00" R_HEX "00" S_HEX },
    { "as long as P-384's, zeros in front",
      "00000000000000000000000000000000" R_HEX
      "00000000000000000000000000000000" S_HEX },
    { "DER, as OpenSSL makes it", "30450220" R_HEX "022100" S_HEX },
    { "r alone", R_HEX }
};


static size_t
from_hex(unsigned char *dst, const char *hex)
{
    size_t    n;
    unsigned  byte;

    for (n = 0; sscanf(hex, "%2x", &byte) == 1; n++, hex += 2) {
        dst[n] = byte;
    }

    return n;
}


static jot_status_t
judge_ecdsa(const char *hex, const char **detail)
{
    char            token[1024];
    size_t          len, n;
    const char     *sets[2] = { SET("{" EC "}"), NULL };
    unsigned char   sig[256];

    n = from_hex(sig, hex);
    len = sprintf(token, "%s.", INPUT);
    len += jot_base64url_encode(token + len, sig, n);

    return judge(token, len, sets, ALL, detail);
}


static void
test_ecdsa(void)
{
    size_t         i;
    const char    *detail;
    jot_status_t   status;

    ok(judge_ecdsa(R_HEX S_HEX, &detail) == JOT_OK,
       "the RFC's ECDSA signature is good");

    for (i = 0; i < sizeof(ecdsas) / sizeof(ecdsas[0]); i++) {
        status = judge_ecdsa(ecdsas[i].sig, &detail);
        check(ecdsas[i].name, status, JOT_SIGNATURE, detail,
              "not made by the key");
    }
}


/* What a refused token leaves behind, and what a second look at one does. */

static void
test_states(void)
{
    char              *token;
    jot_keys_t        *good, *bad;
    jot_token_t        t;
    jot_trust_t        set;

    good = keys(HS256_KEYS);
    bad = keys(SET(O_));
    memset(&set, 0, sizeof(set));
    token = hs256_token(TEXT(KID_A), TEXT("{}"));

    ok(jot_token_parse(&t, NULL, token, strlen(token)) == JOT_OK
       && t.alg == JOT_HS256 && t.kid.len == 1 && t.kid.data[0] == 'a'
       && t.header && t.payload == NULL, "a header is readable at once");

    set.keys = bad;
    ok(jot_token_verify(&t, &set, 1, ALL) == JOT_SIGNATURE, "a wrong key");
    set.keys = good;
    ok(jot_token_verify(&t, &set, 1, ALL) == JOT_OK && t.payload,
       "the right key after that");
    set.keys = bad;
    ok(jot_token_verify(&t, &set, 1, ALL) == JOT_SIGNATURE
       && t.payload == NULL, "a wrong key after that takes the payload away");
    set.keys = good;
    ok(jot_token_verify(&t, &set, 1, 0) == JOT_ALGORITHM, "no alg allowed");

    jot_token_free(&t);
    free(token);

    token = hs256_token(TEXT("{\"alg\":\"none\",\"kid\":\"a\"}"), TEXT("{}"));
    ok(jot_token_parse(&t, NULL, token, strlen(token)) == JOT_ALGORITHM
       && t.alg == JOT_ALG_COUNT && t.kid.len == 1,
       "a refused header still tells its kid, for a log");
    ok(jot_token_verify(&t, &set, 1, ALL) == JOT_ALGORITHM,
       "to verify what was refused before is refused");
    ok(jot_token_verify(&t, &set, 1, ~0u) == JOT_ALGORITHM,
       "even if all bits are allowed");

    jot_token_free(&t);
    free(token);

    ok(jot_token_parse(&t, NULL, "x", 1) == JOT_MALFORMED, "no token at all");
    ok(jot_token_verify(&t, &set, 1, ~0u) == JOT_ALGORITHM && !t.payload,
       "to verify that is refused");

    jot_token_free(&t);
    jot_keys_free(good);
    jot_keys_free(bad);
}


static void
test_broken_parts(void)
{
    size_t         i;
    const char    *detail;
    const char    *sets[2] = { HS256_KEYS, NULL };
    jot_status_t   status;

    for (i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        status = judge(parts[i].header, parts[i].len, sets, ALL, &detail);
        check(parts[i].name, status, parts[i].status, detail, parts[i].detail);
    }
}


int
main(void)
{
    char    *token;
    size_t   i;

    before = jot_headers_new();

    for (i = 0; i < sizeof(malformed) / sizeof(malformed[0]); i++) {
        test_malformed(&malformed[i]);
    }

    for (i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
        test_header(&headers[i]);
    }

    for (i = 0; i < sizeof(payloads) / sizeof(payloads[0]); i++) {
        test_payload(&payloads[i]);
    }

    for (i = 0; i < sizeof(choices) / sizeof(choices[0]); i++) {
        test_choice(&choices[i]);
    }

    test_broken_parts();
    test_size(16384, JOT_OK);
    test_size(16385, JOT_MALFORMED);
    test_ecdsa();
    test_states();

    token = hs256_token(TEXT(KID_A), TEXT("{\"sub\":\"a\"}"));
    test_bits("HS256", token, SET(K("a")));
    free(token);

    test_bits("ES256", INPUT "." R S, SET("{" EC "}"));

    jot_headers_free(before);

    ok(ERR_peek_error() == 0, "nothing is left in OpenSSL's error queue");

    return done_testing();
}
