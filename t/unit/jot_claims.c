/*
 * Claims: the edges of time, and who and what a token is for.
 */

#include "jot.h"
#include "hs256.h"
#include "tap.h"


typedef struct {
    const char     *name;
    const char     *payload;
    int64_t         now;
    int64_t         leeway;
    int             exp_optional;
    jot_status_t    status;
    const char     *detail;
} time_case_t;

typedef struct {
    const char     *name;
    const char     *claim;      /* a member of the payload */
    jot_status_t    status;
    const char     *detail;
} text_case_t;


#define MAX  9007199254740991       /* 2^53 - 1 */

static const time_case_t  times[] = {
    { "before exp", "{\"exp\":100}", 99, 0, 0, JOT_OK, NULL },
    { "expires exactly now", "{\"exp\":100}", 100, 0, 0, JOT_EXPIRED,
      "exp has passed" },
    { "late", "{\"exp\":100}", 101, 0, 0, JOT_EXPIRED, "exp has passed" },
    { "late, within leeway", "{\"exp\":100}", 101, 5, 0, JOT_OK, NULL },
    { "late, the last second of leeway", "{\"exp\":100}", 104, 5, 0, JOT_OK,
      NULL },
    { "late, leeway over", "{\"exp\":100}", 105, 5, 0, JOT_EXPIRED,
      "exp has passed" },
    { "a fraction left", "{\"exp\":100.25}", 100, 0, 0, JOT_OK, NULL },
    { "a fraction over", "{\"exp\":100.25}", 101, 0, 0, JOT_EXPIRED,
      "exp has passed" },
    { "exp with an exponent", "{\"exp\":1e2}", 99, 0, 0, JOT_OK, NULL },
    { "exp with an exponent, now", "{\"exp\":1e2}", 100, 0, 0, JOT_EXPIRED,
      "exp has passed" },
    { "exp with an exponent below 0", "{\"exp\":1000000e-4}", 99, 0, 0, JOT_OK,
      NULL },
    { "exp with an exponent below 0, now", "{\"exp\":1000000e-4}", 100, 0, 0,
      JOT_EXPIRED, "exp has passed" },
    { "exp by point and exponent", "{\"exp\":0.0010025E+5}", 100, 0, 0, JOT_OK,
      NULL },
    { "exp by point and exponent, over", "{\"exp\":0.0010025E+5}", 101, 0, 0,
      JOT_EXPIRED, "exp has passed" },
    { "zeros behind the point", "{\"exp\":100.000000000000000000000}", 100, 0, 0,
      JOT_EXPIRED, "exp has passed" },
    { "a fraction that no double has",
      "{\"exp\":100.00000000000000000000000001}", 100, 0, 0, JOT_OK, NULL },
    { "a fraction before the end", "{\"exp\":9007199254740991.99}", MAX, 0, 0,
      JOT_OK, NULL },
    { "a trace above 0", "{\"exp\":1e-999}", 0, 0, 0, JOT_OK, NULL },
    { "a trace above 0, over", "{\"exp\":1e-999}", 1, 0, 0, JOT_EXPIRED,
      "exp has passed" },
    { "exp 0e999", "{\"exp\":0e999}", 0, 0, 0, JOT_EXPIRED, "exp has passed" },
    { "exp 0", "{\"exp\":0}", 1, 0, 0, JOT_EXPIRED, "exp has passed" },
    { "exp -0", "{\"exp\":-0}", 0, 0, 0, JOT_EXPIRED, "exp has passed" },
    { "the largest exp", "{\"exp\":9007199254740991}", MAX - 1, 0, 0, JOT_OK,
      NULL },
    { "the largest exp, now", "{\"exp\":9007199254740991}", MAX, 0, 0,
      JOT_EXPIRED, "exp has passed" },
    { "the end of time", "{\"exp\":100}", INT64_MAX, 0, 0, JOT_EXPIRED,
      "exp has passed" },
    { "the end of time, a short leeway", "{\"exp\":100,\"nbf\":1}", INT64_MAX,
      10, 0, JOT_EXPIRED, "exp has passed" },
    { "all the leeway there is", "{\"exp\":100,\"nbf\":9007199254740991}", 101,
      INT64_MAX, 0, JOT_OK, NULL },
    { "before 1970, all the leeway", "{\"exp\":0}", INT64_MIN, INT64_MAX, 0,
      JOT_OK, NULL },

    { "no exp", "{}", 1, 0, 0, JOT_EXPIRED, "exp is missing" },
    { "no exp, leeway", "{}", 1, 1000, 0, JOT_EXPIRED, "exp is missing" },
    { "no exp, optional", "{}", 1, 0, 1, JOT_OK, NULL },
    { "an exp deeper", "{\"a\":{\"exp\":100}}", 1, 0, 0, JOT_EXPIRED,
      "exp is missing" },
    { "exp optional, but passed", "{\"exp\":100}", 100, 0, 1, JOT_EXPIRED,
      "exp has passed" },
    { "exp optional, but wrong", "{\"exp\":\"100\"}", 1, 0, 1, JOT_MALFORMED,
      "exp is not a number from 0 and below 2^53" },

    { "exp a string", "{\"exp\":\"100\"}", 1, 0, 0, JOT_MALFORMED,
      "exp is not a number from 0 and below 2^53" },
    { "exp null", "{\"exp\":null}", 1, 0, 0, JOT_MALFORMED,
      "exp is not a number from 0 and below 2^53" },
    { "exp true", "{\"exp\":true}", 1, 0, 0, JOT_MALFORMED,
      "exp is not a number from 0 and below 2^53" },
    { "exp an array", "{\"exp\":[100]}", 1, 0, 0, JOT_MALFORMED,
      "exp is not a number from 0 and below 2^53" },
    { "exp negative", "{\"exp\":-1}", -5, 0, 0, JOT_MALFORMED,
      "exp is not a number from 0 and below 2^53" },
    { "exp a little negative", "{\"exp\":-0.001}", -5, 0, 0, JOT_MALFORMED,
      "exp is not a number from 0 and below 2^53" },
    { "exp a trace below 0", "{\"exp\":-1e-999}", -5, 0, 0, JOT_MALFORMED,
      "exp is not a number from 0 and below 2^53" },
    { "exp 2^53 by an exponent", "{\"exp\":9.007199254740992e15}", 1, 0, 0,
      JOT_MALFORMED, "exp is not a number from 0 and below 2^53" },
    { "exp of 17 digits", "{\"exp\":1e16}", 1, 0, 0, JOT_MALFORMED,
      "exp is not a number from 0 and below 2^53" },
    { "exp 2^53", "{\"exp\":9007199254740992}", 1, 0, 0, JOT_MALFORMED,
      "exp is not a number from 0 and below 2^53" },
    { "exp 2^63", "{\"exp\":9223372036854775808}", 1, 0, 0, JOT_MALFORMED,
      "exp is not a number from 0 and below 2^53" },
    { "exp 2^64 + 1000", "{\"exp\":18446744073709552616}", 1, 0, 0,
      JOT_MALFORMED, "exp is not a number from 0 and below 2^53" },
    { "exp 1e300", "{\"exp\":1e300}", 1, 0, 0, JOT_MALFORMED,
      "exp is not a number from 0 and below 2^53" },

    { "after nbf", "{\"exp\":200,\"nbf\":100}", 101, 0, 0, JOT_OK, NULL },
    { "nbf exactly now", "{\"exp\":200,\"nbf\":100}", 100, 0, 0, JOT_OK,
      NULL },
    { "early", "{\"exp\":200,\"nbf\":100}", 99, 0, 0, JOT_NOT_YET,
      "nbf is ahead" },
    { "early, within leeway", "{\"exp\":200,\"nbf\":100}", 95, 5, 0, JOT_OK,
      NULL },
    { "early, before leeway", "{\"exp\":200,\"nbf\":100}", 94, 5, 0,
      JOT_NOT_YET, "nbf is ahead" },
    { "a fraction early", "{\"exp\":200,\"nbf\":100.5}", 100, 0, 0,
      JOT_NOT_YET, "nbf is ahead" },
    { "a fraction after", "{\"exp\":200,\"nbf\":100.5}", 101, 0, 0, JOT_OK,
      NULL },
    { "early, and no exp", "{\"nbf\":100}", 99, 0, 1, JOT_NOT_YET,
      "nbf is ahead" },
    { "early and expired", "{\"exp\":50,\"nbf\":100}", 60, 0, 0, JOT_EXPIRED,
      "exp has passed" },
    { "nbf a string", "{\"exp\":200,\"nbf\":\"1\"}", 100, 0, 0, JOT_MALFORMED,
      "nbf is not a number from 0 and below 2^53" },
    { "nbf negative", "{\"exp\":200,\"nbf\":-1}", 100, 0, 0, JOT_MALFORMED,
      "nbf is not a number from 0 and below 2^53" },
    { "nbf null", "{\"exp\":200,\"nbf\":null}", 100, 0, 0, JOT_MALFORMED,
      "nbf is not a number from 0 and below 2^53" },

    { "iat ahead is no reason", "{\"exp\":200,\"iat\":150}", 100, 0, 0, JOT_OK,
      NULL },
    { "iat a string", "{\"exp\":200,\"iat\":\"1\"}", 100, 0, 0, JOT_MALFORMED,
      "iat is not a number from 0 and below 2^53" },
    { "iat negative", "{\"exp\":200,\"iat\":-1}", 100, 0, 0, JOT_MALFORMED,
      "iat is not a number from 0 and below 2^53" },
    { "iat 2^53", "{\"exp\":200,\"iat\":9007199254740992}", 100, 0, 0,
      JOT_MALFORMED, "iat is not a number from 0 and below 2^53" }
};


#define NOT_ISS  "iss is none of those asked for"
#define NOT_AUD  "aud is none of those asked for"
#define NOT_TYP  "typ is none of those asked for"

static const text_case_t  issuers[] = {
    { "the first", "\"iss\":\"https://a.example\"", JOT_OK, NULL },
    { "the second", "\"iss\":\"b\"", JOT_OK, NULL },
    { "in escapes", "\"iss\":\"\\u0062\"", JOT_OK, NULL },
    { "missing", "\"a\":1", JOT_ISSUER, NOT_ISS },
    { "another", "\"iss\":\"c\"", JOT_ISSUER, NOT_ISS },
    { "empty", "\"iss\":\"\"", JOT_ISSUER, NOT_ISS },
    { "in another case", "\"iss\":\"B\"", JOT_ISSUER, NOT_ISS },
    { "with a slash", "\"iss\":\"https://a.example/\"", JOT_ISSUER, NOT_ISS },
    { "the beginning", "\"iss\":\"https://a.exam\"", JOT_ISSUER, NOT_ISS },
    { "a space", "\"iss\":\"b \"", JOT_ISSUER, NOT_ISS },
    { "an array", "\"iss\":[\"b\"]", JOT_ISSUER, NOT_ISS },
    { "a number", "\"iss\":1", JOT_ISSUER, NOT_ISS },
    { "null", "\"iss\":null", JOT_ISSUER, NOT_ISS }
};


static const text_case_t  audiences[] = {
    { "a string", "\"aud\":\"api\"", JOT_OK, NULL },
    { "the second", "\"aud\":\"web\"", JOT_OK, NULL },
    { "in an array", "\"aud\":[\"x\",\"api\",\"y\"]", JOT_OK, NULL },
    { "missing", "\"a\":1", JOT_AUDIENCE, NOT_AUD },
    { "another", "\"aud\":\"x\"", JOT_AUDIENCE, NOT_AUD },
    { "others", "\"aud\":[\"x\",\"y\"]", JOT_AUDIENCE, NOT_AUD },
    { "an empty array", "\"aud\":[]", JOT_AUDIENCE, NOT_AUD },
    { "two in one string", "\"aud\":\"api web\"", JOT_AUDIENCE, NOT_AUD },
    { "two with a comma", "\"aud\":\"api,web\"", JOT_AUDIENCE, NOT_AUD },
    { "in another case", "\"aud\":\"API\"", JOT_AUDIENCE, NOT_AUD },
    { "an array in an array", "\"aud\":[[\"api\"]]", JOT_AUDIENCE,
      "aud is an array of more than strings" },
    { "a number beside", "\"aud\":[\"api\",1]", JOT_AUDIENCE,
      "aud is an array of more than strings" },
    { "an object", "\"aud\":{\"api\":1}", JOT_AUDIENCE, NOT_AUD },
    { "null", "\"aud\":null", JOT_AUDIENCE, NOT_AUD }
};


static const text_case_t  typs[] = {
    { "the same", ",\"typ\":\"at+jwt\"", JOT_OK, NULL },
    { "in another case", ",\"typ\":\"AT+JWT\"", JOT_OK, NULL },
    { "as a media type", ",\"typ\":\"application/at+jwt\"", JOT_OK, NULL },
    { "as a media type in another case", ",\"typ\":\"Application/At+Jwt\"",
      JOT_OK, NULL },
    { "what was asked as a media type", ",\"typ\":\"jwt\"", JOT_OK, NULL },
    { "missing", "", JOT_TYP, NOT_TYP },
    { "another", ",\"typ\":\"dpop+jwt\"", JOT_TYP, NOT_TYP },
    { "empty", ",\"typ\":\"\"", JOT_TYP, NOT_TYP },
    { "application/ alone", ",\"typ\":\"application/\"", JOT_TYP, NOT_TYP },
    { "application/ twice", ",\"typ\":\"application/application/jwt\"",
      JOT_TYP, NOT_TYP },
    { "text/", ",\"typ\":\"text/jwt\"", JOT_TYP, NOT_TYP },
    { "with a parameter", ",\"typ\":\"at+jwt;a=b\"", JOT_TYP, NOT_TYP },
    { "an array", ",\"typ\":[\"at+jwt\"]", JOT_TYP, NOT_TYP },
    { "null", ",\"typ\":null", JOT_TYP, NOT_TYP }
};


static const jot_str_t  want_iss[] = { { "https://a.example", 17 },
                                       { "b", 1 } };
static const jot_str_t  want_aud[] = { { "api", 3 }, { "web", 3 } };
static const jot_str_t  want_typ[] = { { "at+jwt", 6 },
                                       { "application/JWT", 15 } };


static void
check(const char *header, const char *payload, const jot_policy_t *policy,
    int64_t now, const text_case_t *expected)
{
    char              *text, reason[JOT_REASON_SIZE];
    jot_keys_t        *keys;
    jot_token_t        token;
    jot_status_t       status;
    jot_trust_t        set;

    keys = jot_keys_parse(HS256_KEYS, strlen(HS256_KEYS), 0, NULL, NULL, reason);
    set = (jot_trust_t) { keys, { NULL, 0 } };
    text = hs256_token(header, strlen(header), payload, strlen(payload));

    if (jot_token_parse(&token, NULL, text, strlen(text)) != JOT_OK
        || jot_claims_check(&token, policy, now) != JOT_INTERNAL
        || jot_token_verify(&token, &set, 1, JOT_ALGS_ALL) != JOT_OK)
    {
        ok(0, "%s: is no token to begin with", expected->name);

    } else {
        status = jot_claims_check(&token, policy, now);

        ok(status == expected->status, "%s: %s, not %s", expected->name,
           jot_status_text(expected->status), jot_status_text(status));

        if (expected->detail) {
            is(token.detail, expected->detail, "  and why");
        }
    }

    jot_token_free(&token);
    jot_keys_free(keys);
    free(text);
}


static void
test_time(const time_case_t *t)
{
    text_case_t    expected = { t->name, NULL, t->status, t->detail };
    jot_policy_t   policy;

    memset(&policy, 0, sizeof(policy));
    policy.leeway = t->leeway;
    policy.exp_optional = t->exp_optional;

    check("{\"alg\":\"HS256\"}", t->payload, &policy, t->now, &expected);
}


static void
test_claim(const text_case_t *t, const jot_policy_t *policy)
{
    char  payload[256];

    snprintf(payload, sizeof(payload), "{\"exp\":100,%s}", t->claim);
    check("{\"alg\":\"HS256\"}", payload, policy, 1, t);
}


static void
test_typ(const text_case_t *t, const jot_policy_t *policy)
{
    char  header[256];

    snprintf(header, sizeof(header), "{\"alg\":\"HS256\"%s}", t->claim);
    check(header, "{\"exp\":100}", policy, 1, t);
}


/* Of several reasons the first in the documented order is told. */

static void
test_order(void)
{
    size_t              i;
    jot_policy_t        policy;
    static const char  *const headers[] = {
        "{\"alg\":\"HS256\"}", "{\"alg\":\"HS256\",\"typ\":\"jwt\"}"
    };
    static const struct {
        const char   *payload;
        text_case_t   expected;
    } order[] = {
        { "{\"exp\":1,\"nbf\":999,\"iat\":\"a\",\"iss\":1}",
          { "malformed comes first", NULL, JOT_MALFORMED, NULL } },
        { "{\"exp\":1,\"nbf\":999,\"iss\":\"x\"}",
          { "then exp", NULL, JOT_EXPIRED, NULL } },
        { "{\"exp\":999,\"nbf\":999,\"iss\":\"x\"}",
          { "then nbf", NULL, JOT_NOT_YET, NULL } },
        { "{\"exp\":999,\"iss\":\"x\",\"aud\":\"x\"}",
          { "then iss", NULL, JOT_ISSUER, NULL } },
        { "{\"exp\":999,\"iss\":\"b\",\"aud\":\"x\"}",
          { "then aud", NULL, JOT_AUDIENCE, NULL } },
        { "{\"exp\":999,\"iss\":\"b\",\"aud\":\"api\"}",
          { "then typ", NULL, JOT_TYP, NULL } }
    };

    memset(&policy, 0, sizeof(policy));
    policy.issuers = want_iss;
    policy.nissuers = 2;
    policy.audiences = want_aud;
    policy.naudiences = 2;
    policy.typs = want_typ;
    policy.ntyps = 2;

    for (i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
        check(headers[0], order[i].payload, &policy, 100, &order[i].expected);
    }

    check(headers[1], order[i - 1].payload, &policy, 100,
          &(text_case_t) { "and all is well", NULL, JOT_OK, NULL });
}


int
main(void)
{
    size_t        i;
    jot_policy_t  policy;

    for (i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
        test_time(&times[i]);
    }

    memset(&policy, 0, sizeof(policy));
    policy.issuers = want_iss;
    policy.nissuers = 2;

    for (i = 0; i < sizeof(issuers) / sizeof(issuers[0]); i++) {
        test_claim(&issuers[i], &policy);
    }

    memset(&policy, 0, sizeof(policy));
    policy.audiences = want_aud;
    policy.naudiences = 2;

    for (i = 0; i < sizeof(audiences) / sizeof(audiences[0]); i++) {
        test_claim(&audiences[i], &policy);
    }

    memset(&policy, 0, sizeof(policy));
    policy.typs = want_typ;
    policy.ntyps = 2;

    for (i = 0; i < sizeof(typs) / sizeof(typs[0]); i++) {
        test_typ(&typs[i], &policy);
    }

    test_order();

    return done_testing();
}
