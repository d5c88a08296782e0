/*
 * Keys of one issuer never verify a token of another one, nor anybody else's
 * keys a token of theirs.
 */

#include <openssl/err.h>

#include "jot.h"
#include "hs256.h"
#include "tap.h"


#define A        "https://a.example"
#define B        "https://b.example"
#define OTHER    "\"kty\":\"oct\",\"k\":\"eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4" \
                 "eHh4eHh4eHg\""
#define RIGHT    HS256_KEYS
#define WRONG    "{\"keys\":[{" OTHER "}]}"
#define RIGHT_K  "{\"keys\":[{\"kid\":\"k\"," HS256_KEY "}]}"
#define WRONG_K  "{\"keys\":[{\"kid\":\"k\"," OTHER "}]}"
#define OTHERS   "the key is not that of this iss"
#define NOT_HERS "not made by the key"

typedef struct {
    const char     *set;        /* NULL: not at hand */
    const char     *issuer;     /* NULL: of nobody in particular */
} trusted_t;

typedef struct {
    const char     *name;
    const char     *payload;
    trusted_t       trusted[3];
    size_t          n;
    jot_status_t    status;
    const char     *detail;
} issuer_t;


static const issuer_t  cases[] = {
    { "her own key", "{\"iss\":\"" A "\"}", { { RIGHT, A } }, 1, JOT_OK, "" },
    { "nobody's key, and nobody's token", "{}", { { RIGHT, NULL } }, 1,
      JOT_OK, "" },
    { "nobody's key, beside hers, for another's token",
      "{\"iss\":\"" B "\"}", { { WRONG, A }, { RIGHT, NULL } }, 2,
      JOT_OK, "" },
    { "the second of two with equal kids", "{\"iss\":\"" B "\"}",
      { { WRONG_K, A }, { RIGHT_K, B } }, 2, JOT_OK, "" },
    { "one secret of both: the second is hers", "{\"iss\":\"" B "\"}",
      { { RIGHT_K, A }, { RIGHT_K, B } }, 2, JOT_OK, "" },
    { "two sets of hers", "{\"iss\":\"" A "\"}",
      { { WRONG, A }, { RIGHT, A } }, 2, JOT_OK, "" },
    { "an empty issuer is one too", "{\"iss\":\"\"}", { { RIGHT, "" } }, 1,
      JOT_OK, "" },

    { "a token of another", "{\"iss\":\"" B "\"}", { { RIGHT, A } }, 1,
      JOT_ISSUER, OTHERS },
    { "a token of another, whose key is there", "{\"iss\":\"" B "\"}",
      { { RIGHT_K, A }, { WRONG_K, B } }, 2, JOT_ISSUER, OTHERS },
    { "the same the other way round", "{\"iss\":\"" B "\"}",
      { { WRONG_K, B }, { RIGHT_K, A } }, 2, JOT_ISSUER, OTHERS },
    { "her token by nobody's key", "{\"iss\":\"" A "\"}",
      { { WRONG, A }, { RIGHT, NULL } }, 2, JOT_ISSUER, OTHERS },
    { "her token by nobody's key, hers not at hand", "{\"iss\":\"" A "\"}",
      { { NULL, A }, { RIGHT, NULL } }, 2, JOT_ISSUER, OTHERS },
    { "hers alone, and not at hand", "{\"iss\":\"" A "\"}", { { NULL, A } }, 1,
      JOT_KEY, "no key does this alg" },
    { "a forged one", "{\"iss\":\"" A "\"}", { { WRONG, A } }, 1,
      JOT_SIGNATURE, NOT_HERS },
    { "no iss", "{\"sub\":\"x\"}", { { RIGHT, A } }, 1, JOT_ISSUER, OTHERS },
    { "iss as an array", "{\"iss\":[\"" A "\"]}", { { RIGHT, A } }, 1,
      JOT_ISSUER, OTHERS },
    { "iss as a number", "{\"iss\":1}", { { RIGHT, "1" } }, 1,
      JOT_ISSUER, OTHERS },
    { "iss as null", "{\"iss\":null}", { { RIGHT, "" } }, 1,
      JOT_ISSUER, OTHERS },
    { "a slash at the end", "{\"iss\":\"" A "/\"}", { { RIGHT, A } }, 1,
      JOT_ISSUER, OTHERS },
    { "another case", "{\"iss\":\"https://A.example\"}", { { RIGHT, A } }, 1,
      JOT_ISSUER, OTHERS },
    { "the beginning of it", "{\"iss\":\"https://a.exampl\"}",
      { { RIGHT, A } }, 1, JOT_ISSUER, OTHERS },
    { "her iss twice", "{\"iss\":\"" A "\",\"iss\":\"" B "\"}",
      { { RIGHT, A } }, 1, JOT_MALFORMED, "JSON has a member twice" },
    { "no payload to speak of", "[]", { { RIGHT, A } }, 1, JOT_MALFORMED,
      "not a JSON object" }
};


static void
test_issuer(const issuer_t *t)
{
    char          *text, reason[JOT_REASON_SIZE];
    size_t         i;
    jot_token_t    token;
    jot_trust_t    trusts[3];
    jot_keys_t    *keys[3] = { NULL, NULL, NULL };
    const char    *header;
    jot_status_t   status;

    for (i = 0; i < t->n; i++) {
        if (t->trusted[i].set) {
            keys[i] = jot_keys_parse(t->trusted[i].set,
                                     strlen(t->trusted[i].set), 0, NULL, NULL,
                                     reason);
        }

        trusts[i].keys = keys[i];
        trusts[i].issuer.data = t->trusted[i].issuer;
        trusts[i].issuer.len = t->trusted[i].issuer
                               ? strlen(t->trusted[i].issuer) : 0;
    }

    header = t->trusted[0].set && strstr(t->trusted[0].set, "\"k\",")
             ? "{\"alg\":\"HS256\",\"kid\":\"k\"}" : "{\"alg\":\"HS256\"}";

    text = hs256_token(header, strlen(header), t->payload,
                       strlen(t->payload));

    status = jot_token_parse(&token, NULL, text, strlen(text));

    if (status == JOT_OK) {
        status = jot_token_verify(&token, trusts, t->n, JOT_ALGS_ALL);
    }

    ok(status == t->status, "%s: %s, not %s", t->name,
       jot_status_text(t->status), jot_status_text(status));
    is(token.detail, t->detail, "  and why");
    ok((token.payload != NULL) == (status == JOT_OK),
       "  a payload is there if, and only if, it was verified");

    jot_token_free(&token);
    free(text);

    for (i = 0; i < t->n; i++) {
        jot_keys_free(keys[i]);
    }
}


int
main(void)
{
    size_t  i;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        test_issuer(&cases[i]);
    }

    ok(ERR_peek_error() == 0, "nothing is left in OpenSSL's error queue");

    return done_testing();
}
