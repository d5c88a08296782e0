/*
 * Access tokens and refresh tokens: what is in them, and everything that is
 * near one of ours and is not.
 */

#include <jansson.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "keydir.h"
#include "tap.h"
#include "token.h"


#define NOW  1800000000
#define SID  "0f8fad5b-d9cb-469f-a165-70867728950e"

typedef struct {
    const char   *name;
    const char   *claims;       /* JSON, laid over good ones; null removes */
    const char   *typ;
    jot_status_t  status;
} judged_t;

static const judged_t  judged[] = {
    { "as we make them", "{}", "at+jwt", JOT_OK },
    { "without sid", "{\"sid\":null}", "at+jwt", JOT_OK },
    { "an identity token", "{}", "JWT", JOT_TYP },
    { "another issuer", "{\"iss\":\"https://x.example\"}", "at+jwt",
      JOT_ISSUER },
    { "another audience", "{\"aud\":\"https://x.example\"}", "at+jwt",
      JOT_AUDIENCE },
    { "expired", "{\"exp\":1799999999}", "at+jwt", JOT_EXPIRED },
    { "expires now", "{\"exp\":1800000000}", "at+jwt", JOT_EXPIRED },
    { "expires in a second", "{\"exp\":1800000001}", "at+jwt", JOT_OK },
    { "no exp", "{\"exp\":null}", "at+jwt", JOT_MALFORMED },
    { "expired, another issuer",
      "{\"exp\":1799999999,\"iss\":\"https://x.example\"}", "at+jwt",
      JOT_ISSUER },
    { "expired, another audience",
      "{\"exp\":1799999999,\"aud\":\"https://x.example\"}", "at+jwt",
      JOT_AUDIENCE },
    { "expired, an identity token", "{\"exp\":1799999999}", "JWT", JOT_TYP },
    { "not yet", "{\"nbf\":1800000009}", "at+jwt", JOT_NOT_YET },
    { "no sub", "{\"sub\":null}", "at+jwt", JOT_MALFORMED },
    { "an empty sub", "{\"sub\":\"\"}", "at+jwt", JOT_MALFORMED },
    { "a sub that is a number", "{\"sub\":1}", "at+jwt", JOT_MALFORMED },
    { "no jti", "{\"jti\":null}", "at+jwt", JOT_MALFORMED },
    { "no client_id", "{\"client_id\":null}", "at+jwt", JOT_MALFORMED },
    { "no ver", "{\"ver\":null}", "at+jwt", JOT_MALFORMED },
    { "a ver that is a text", "{\"ver\":\"1\"}", "at+jwt", JOT_MALFORMED },
    { "a ver that is a fraction", "{\"ver\":1.5}", "at+jwt", JOT_MALFORMED },
    { "a sid that is too long", "{\"sid\":\"" SID "0\"}", "at+jwt",
      JOT_MALFORMED },
};


static void test_access(jot_alg_t alg);
static void test_claims(void);
static void test_extra(void);
static void test_sizes(void);
static void test_judged(void);
static void test_altered(void);
static void test_refresh(void);
static void test_refresh_altered(void);
static void test_refresh_others(void);
static keys_t *load(jot_alg_t alg);
static token_claims_t good_claims(void);
static json_t *decode(const char *token, int part);
static char *sign(const char *claims, const char *typ);
static jot_str_t text_of(const char *text);
static void is_text(json_t *object, const char *name, const char *expected);


static keys_t    *keys;
static config_t   config;


int
main(void)
{
    keydir_new();

    test_access(JOT_RS256);
    test_access(JOT_ES256);
    test_claims();
    test_extra();
    test_sizes();
    test_altered();
    test_refresh();
    test_refresh_altered();

    test_access(JOT_HS256);
    test_judged();
    test_refresh_others();

    keys_free(keys);
    keydir_remove();

    return done_testing();
}


/* Leaves keys of this algorithm for those that follow. */

static void
test_access(jot_alg_t alg)
{
    char            *token;
    json_t          *header;
    jot_status_t     status;
    token_access_t   access;
    token_claims_t   claims;

    keys_free(keys);
    keys = load(alg);
    claims = good_claims();

    if (!ok(token_access_build(keys, &config, &claims, &token) == TOKEN_OK,
            "%s: a token is made", jot_alg_name(alg)))
    {
        return;
    }

    header = decode(token, 0);
    ok(json_object_size(header) == 3, "%s: the header has three members",
       jot_alg_name(alg));
    is_text(header, "alg", jot_alg_name(alg));
    is_text(header, "typ", "at+jwt");
    is_text(header, "kid", keys_kid(keys));
    json_decref(header);

    status = token_access_verify(keys, &config, text_of(token), NOW, &access);

    ok(status == JOT_OK && access.sub && strcmp(access.sub, "u-1") == 0
       && strcmp(access.sid, SID) == 0 && access.exp == NOW + 600
       && access.ver == 3, "%s: and verified", jot_alg_name(alg));
    token_access_free(&access);

    status = token_access_verify(keys, &config, text_of(token), NOW + 600,
                                 &access);
    ok(status == JOT_EXPIRED && access.sub && strcmp(access.sid, SID) == 0,
       "%s: expired, it still says whose it is", jot_alg_name(alg));
    token_access_free(&access);

    free(token);
}


static void
test_claims(void)
{
    char            *first, *second;
    json_t          *payload, *other;
    const char      *jti;
    token_claims_t   claims;

    claims = good_claims();
    token_access_build(keys, &config, &claims, &first);
    token_access_build(keys, &config, &claims, &second);
    payload = decode(first, 1);
    other = decode(second, 1);

    is_text(payload, "iss", "https://login.example");
    is_text(payload, "aud", "https://api.example");
    is_text(payload, "client_id", "portero");
    is_text(payload, "sub", "u-1");
    is_text(payload, "sid", SID);
    is_text(payload, "name", "Zoë");
    is_text(payload, "scope", "read write");
    ok(json_integer_value(json_object_get(payload, "exp")) == NOW + 600
       && json_integer_value(json_object_get(payload, "iat")) == NOW
       && json_integer_value(json_object_get(payload, "ver")) == 3,
       "exp, iat and ver are numbers");
    ok(json_array_size(json_object_get(payload, "roles")) == 2,
       "roles are a list");
    ok(json_object_get(payload, "nbf") == NULL, "there is no nbf");

    jti = json_string_value(json_object_get(payload, "jti"));
    ok(jti && strlen(jti) == 36 && jti[14] == '4' && strchr("89ab", jti[19]),
       "jti is a UUID of version 4");
    ok(jti && strcmp(jti, json_string_value(json_object_get(other, "jti")))
              != 0, "and another one each time");

    json_decref(payload);
    json_decref(other);
    free(first);
    free(second);

    claims.scope = NULL;
    claims.roles = "[]";
    token_access_build(keys, &config, &claims, &first);
    payload = decode(first, 1);
    ok(json_object_get(payload, "scope") == NULL,
       "without a scope there is no such claim");
    ok(json_is_array(json_object_get(payload, "roles")),
       "without roles there is an empty list");
    json_decref(payload);
    free(first);
}


static void
test_extra(void)
{
    char            *token, *text, deep[64];
    json_t          *payload, *plain;
    size_t           i;
    token_claims_t   claims;

    static const char *const  bad[] = {
        "[1]", "1", "{", "{\"a\":1,\"a\":2}", "{\"a\":\"\\u0000\"}", "{}x",
        "{\"\xff\":1}",
    };

    static const char *const  bad_roles[] = {
        "", "{}", "[1]", "[null]", "[\"a\",[]]", "\"admin\"", "[\"\\u0000\"]",
    };

    claims = good_claims();
    claims.extra = "{\"iss\":1,\"sub\":\"root\",\"aud\":1,\"exp\":9e9,"
                   "\"nbf\":1,\"iat\":1,\"jti\":1,\"client_id\":1,\"sid\":1,"
                   "\"ver\":99,\"name\":1,\"roles\":[\"root\"],\"scope\":1,"
                   "\"cnf\":{},\"act\":{},\"tenant\":{\"id\":7}}";
    ok(token_access_build(keys, &config, &claims, &token) == TOKEN_OK,
       "claims are added");
    payload = decode(token, 1);
    ok(json_integer_value(json_object_get(json_object_get(payload, "tenant"),
                                          "id")) == 7, "one's own");
    json_object_del(payload, "tenant");
    json_object_del(payload, "jti");
    free(token);

    claims.extra = NULL;
    token_access_build(keys, &config, &claims, &token);
    plain = decode(token, 1);
    json_object_del(plain, "jti");
    ok(json_equal(payload, plain), "and none that is ours");
    json_decref(payload);
    json_decref(plain);
    free(token);

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        claims.extra = bad[i];
        ok(token_access_build(keys, &config, &claims, &token) == TOKEN_FAILED
           && token == NULL, "claims %s are refused", i == 6 ? "that are not "
           "UTF-8" : bad[i]);
    }

    claims.extra = "";
    ok(token_access_build(keys, &config, &claims, &token) == TOKEN_OK,
       "no text at all adds none");
    free(token);
    claims.extra = NULL;

    for (i = 0; i < sizeof(bad_roles) / sizeof(bad_roles[0]); i++) {
        claims.roles = bad_roles[i];
        ok(token_access_build(keys, &config, &claims, &token) == TOKEN_FAILED,
           "roles %s are refused", bad_roles[i]);
    }

    claims = good_claims();
    claims.name = "\xff";
    ok(token_access_build(keys, &config, &claims, &token) == TOKEN_FAILED,
       "a name that is not UTF-8 is refused");

    claims = good_claims();
    text = stpcpy(deep, "{\"a\":");
    memset(text, '[', JOT_TOKEN_DEPTH);
    memset(text + JOT_TOKEN_DEPTH, ']', JOT_TOKEN_DEPTH);
    strcpy(text + 2 * JOT_TOKEN_DEPTH, "}");
    claims.extra = deep;
    ok(token_access_build(keys, &config, &claims, &token) == TOKEN_FAILED,
       "claims too deep for a gateway are refused");
}


/* Up to the limit, each length; above it, none. */

static void
test_sizes(void)
{
    int              large, small, longest, wrong;
    char            *token, extra[4096];
    size_t           n;
    token_claims_t   claims;
    token_result_t   result;

    claims = good_claims();
    claims.extra = extra;
    large = small = longest = wrong = 0;

    for (n = 1800; n < 2600; n++) {
        sprintf(extra, "{\"x\":\"%0*d\"}", (int) n, 0);
        result = token_access_build(keys, &config, &claims, &token);

        if (result == TOKEN_OK) {
            small++;
            wrong += strlen(token) > TOKEN_ACCESS_SIZE || large;
            longest = strlen(token);

        } else {
            large++;
            wrong += result != TOKEN_TOO_LARGE || token != NULL;
        }

        free(token);
    }

    ok(small && large && wrong == 0 && longest > TOKEN_ACCESS_SIZE - 8,
       "3584 bytes are the most, and it is said what was wrong");
}


static void
test_judged(void)
{
    char            *token;
    size_t           i;
    jot_status_t     status;
    token_access_t   access;

    for (i = 0; i < sizeof(judged) / sizeof(judged[0]); i++) {
        token = sign(judged[i].claims, judged[i].typ);
        status = token_access_verify(keys, &config, text_of(token), NOW,
                                     &access);

        if (!ok(status == judged[i].status
                && (status == JOT_OK || status == JOT_EXPIRED
                    || access.sub == NULL), "%s", judged[i].name))
        {
            printf("#  got: %s\n", jot_status_text(status));
        }

        token_access_free(&access);
        free(token);
    }
}


static void
test_altered(void)
{
    int              passed;
    char            *token, saved;
    size_t           i, len;
    token_access_t   access;
    token_claims_t   claims;

    claims = good_claims();
    token_access_build(keys, &config, &claims, &token);
    len = strlen(token);
    passed = 0;

    for (i = 0; i < len; i++) {
        saved = token[i];
        token[i] = saved == 'A' ? 'B' : 'A';

        if (token_access_verify(keys, &config, text_of(token), NOW, &access)
            == JOT_OK)
        {
            passed++;
        }

        token_access_free(&access);
        token[i] = saved;
    }

    ok(passed == 0, "each character of a token counts");

    passed = 0;

    for (i = 0; i < len; i++) {
        passed += token_access_verify(keys, &config, (jot_str_t) { token, i },
                                      NOW, &access) == JOT_OK;
        token_access_free(&access);
    }

    ok(passed == 0, "none passes that was cut");
    free(token);
}


static void
test_refresh(void)
{
    char              text[TOKEN_REFRESH_SIZE], again[TOKEN_REFRESH_SIZE];
    char              sid[37];
    unsigned char     digest[TOKEN_DIGEST_SIZE], md[EVP_MAX_MD_SIZE];
    token_refresh_t   one, two;

    memset(&two, 0, sizeof(two));

    ok(token_refresh_new(&one) == 0 && one.generation == 1
       && token_refresh_build(keys, &one, text) == 0, "a new refresh token");
    ok(strlen(text) == TOKEN_REFRESH_SIZE - 1 && strncmp(text, "v1.", 3) == 0,
       "has its form");
    ok(token_refresh_parse(keys, text_of(text), &two) == 0
       && memcmp(&one, &two, sizeof(one)) == 0, "and is read again");

    one.generation = 0xfedcba98;
    ok(token_refresh_build(keys, &one, text) == 0
       && token_refresh_parse(keys, text_of(text), &two) == 0
       && two.generation == 0xfedcba98, "a generation has 32 bits");
    ok(token_refresh_build(keys, &one, again) == 0
       && strcmp(text, again) == 0, "one generation has one text");

    one.generation++;
    ok(token_refresh_build(keys, &one, again) == 0 && strcmp(text, again) != 0,
       "the next has another");

    EVP_Digest(one.secret, TOKEN_SECRET_SIZE, md, NULL, EVP_sha256(), NULL);
    ok(token_refresh_digest(&one, digest) == 0
       && memcmp(digest, md, TOKEN_DIGEST_SIZE) == 0,
       "the digest is SHA-256 of the secret");

    token_refresh_new(&two);
    ok(memcmp(one.sid, two.sid, TOKEN_SID_SIZE) != 0
       && memcmp(one.secret, two.secret, TOKEN_SECRET_SIZE) != 0,
       "no two sessions are alike");

    token_sid_text(two.sid, sid);
    ok(strlen(sid) == 36 && sid[8] == '-' && sid[13] == '-' && sid[18] == '-'
       && sid[23] == '-' && sid[14] == '4' && strchr("89ab", sid[19]),
       "a session's name is a UUID of version 4");
}


static void
test_refresh_altered(void)
{
    int              passed;
    char             text[TOKEN_REFRESH_SIZE + 1], saved;
    size_t           i;
    token_refresh_t  one, two;

    token_refresh_new(&one);
    token_refresh_build(keys, &one, text);
    passed = 0;

    for (i = 0; i < TOKEN_REFRESH_SIZE - 1; i++) {
        saved = text[i];
        text[i] = saved == 'A' ? 'B' : 'A';
        passed += token_refresh_parse(keys, text_of(text), &two) == 0;
        text[i] = saved;
        passed += token_refresh_parse(keys, (jot_str_t) { text, i }, &two)
                  == 0;
    }

    ok(passed == 0, "each character of a refresh token counts");

    strcat(text, "A");
    ok(token_refresh_parse(keys, text_of(text), &two) == -1,
       "one more is too many");
    text[TOKEN_REFRESH_SIZE - 1] = '\0';

    text[1] = '2';
    ok(token_refresh_parse(keys, text_of(text), &two) == -1,
       "another version is not ours");
    text[1] = '1';

    text[TOKEN_REFRESH_SIZE - 2] = '=';
    ok(token_refresh_parse(keys, text_of(text), &two) == -1,
       "padding is refused");
    ok(token_refresh_parse(keys, text_of(""), &two) == -1, "nothing, too");
    ok(token_refresh_parse(keys, (jot_str_t) { NULL, 0 }, &two) == -1,
       "and less than nothing");
}


/* Of another ring, and by the right key over bytes without their name. */

static void
test_refresh_others(void)
{
    char                  text[TOKEN_REFRESH_SIZE];
    keys_t               *others;
    unsigned              id;
    unsigned char         bytes[69];
    token_refresh_t       one, two;
    const unsigned char  *key;

    token_refresh_new(&one);
    token_refresh_build(keys, &one, text);

    others = keys;
    keys = load(JOT_ES256);
    ok(token_refresh_parse(keys, text_of(text), &two) == -1,
       "a refresh token by another ring is refused");
    keys_free(others);

    key = keys_refresh(keys, &id);
    memset(bytes, 7, sizeof(bytes));
    bytes[0] = id;
    HMAC(EVP_sha256(), key, KEYS_REFRESH_SIZE, bytes, 37, bytes + 37, NULL);
    strcpy(text, "v1.");
    text[3 + jot_base64url_encode(text + 3, bytes, sizeof(bytes))] = '\0';
    ok(token_refresh_parse(keys, text_of(text), &two) == -1,
       "an HMAC by the same key for something else is not one");

    bytes[0] = id + 1;
    jot_base64url_encode(text + 3, bytes, sizeof(bytes));
    ok(token_refresh_parse(keys, text_of(text), &two) == -1,
       "nor one by a key that is not there");
}


/* A fresh directory each time. */

static keys_t *
load(jot_alg_t alg)
{
    char       error[KEYS_ERROR_SIZE];
    keys_t    *loaded;
    unsigned   n;

    config = keydir_settings(alg);
    keydir_empty(keydir_path);

    if (keys_generate(&config, &n, error) != 0
        || (loaded = keys_load(&config, error)) == NULL)
    {
        printf("Bail out! %s\n", error);
        exit(1);
    }

    return loaded;
}


static token_claims_t
good_claims(void)
{
    return (token_claims_t) {
        .sub = "u-1", .name = "Zoë", .sid = SID,
        .roles = "[\"staff\", \"ops\"]", .scope = "read write",
        .ver = 3, .iat = NOW, .exp = NOW + 600
    };
}


static json_t *
decode(const char *token, int part)
{
    char        *text;
    size_t       len;
    json_t      *json;
    const char  *end;

    if (part) {
        token = strchr(token, '.') + 1;
    }

    end = strchr(token, '.');
    text = malloc(end - token);
    jot_base64url_decode(text, &len, token, end - token);
    json = json_loadb(text, len, 0, NULL);
    free(text);

    return json;
}


/* By the shared secret, so that it can say what we never would. */

static char *
sign(const char *claims, const char *typ)
{
    char           *token, *p, *head, *body;
    json_t         *header, *payload, *over, *value;
    const char     *name;
    unsigned char   mac[EVP_MAX_MD_SIZE];

    header = json_pack("{s:s, s:s, s:s}", "alg", "HS256", "kid",
                       keys_kid(keys), "typ", typ);
    payload = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:I}", "iss",
                        "https://login.example", "aud", "https://api.example",
                        "sub", "u-1", "sid", SID, "jti", "j-1",
                        "client_id", "portero",
                        "exp", (json_int_t) NOW + 600, "ver", (json_int_t) 1);
    over = json_loads(claims, 0, NULL);

    json_object_foreach(over, name, value) {
        if (json_is_null(value)) {
            json_object_del(payload, name);
        } else {
            json_object_set(payload, name, value);
        }
    }

    head = json_dumps(header, JSON_COMPACT);
    body = json_dumps(payload, JSON_COMPACT);
    token = malloc(4096);
    p = token + jot_base64url_encode(token, head, strlen(head));
    *p++ = '.';
    p += jot_base64url_encode(p, body, strlen(body));
    HMAC(EVP_sha256(), KEYDIR_SECRET, strlen(KEYDIR_SECRET),
         (unsigned char *) token, p - token, mac, NULL);
    *p++ = '.';
    p += jot_base64url_encode(p, mac, 32);
    *p = '\0';

    free(head);
    free(body);
    json_decref(header);
    json_decref(payload);
    json_decref(over);

    return token;
}


static jot_str_t
text_of(const char *text)
{
    return (jot_str_t) { text, strlen(text) };
}


static void
is_text(json_t *object, const char *name, const char *expected)
{
    is(json_string_value(json_object_get(object, name)), expected, name);
}
