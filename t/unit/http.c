/* Cookies, bearer tokens and members out of a request; answers that hold. */

#include <stdlib.h>

#include "http.h"
#include "tap.h"
#include "utf8.h"


typedef struct {
    const char   *name;
    const char   *header;
    size_t        count;
    const char   *value;
} cookie_case_t;

typedef struct {
    const char   *name;
    const char   *header;
    int           rc;
    const char   *token;
} bearer_case_t;

typedef struct {
    const char   *name;
    const char   *text;
    size_t        len;
    size_t        sequence;
} utf8_case_t;


static const cookie_case_t  cookies[] = {
    { "no header",             NULL,                          0, NULL },
    { "an empty header",       "",                            0, NULL },
    { "alone",                 "access=abc",                  1, "abc" },
    { "first",                 "access=abc; b=2",             1, "abc" },
    { "last",                  "b=2; access=abc",             1, "abc" },
    { "without a space",       "b=2;access=abc",              1, "abc" },
    { "blanks after it",       "access=abc \t; b=2",          1, "abc" },
    { "an equals sign in it",  "access=a=b=",                 1, "a=b=" },
    { "empty",                 "access=; b=2",                1, "" },
    { "twice, the last one",   "access=1; access=2",          2, "2" },
    { "another case",          "Access=abc",                  0, NULL },
    { "a longer name",         "access2=abc",                 0, NULL },
    { "a name that ends so",   "xaccess=abc",                 0, NULL },
    { "in another's value",    "b=access=abc",                0, NULL },
    { "a name and no value",   "access",                      0, NULL },
    { "only separators",       ";;; ;",                       0, NULL },
};

static const bearer_case_t  bearers[] = {
    { "no header",             NULL,                  0,  NULL },
    { "Basic",                 "Basic abc",           0,  NULL },
    { "a longer scheme",       "BearerX abc",         0,  NULL },
    { "plain",                 "Bearer abc.d-_~+/=",  1,  "abc.d-_~+/=" },
    { "without case",          "bEARER abc",          1,  "abc" },
    { "spaces around",         "Bearer   abc  ",      1,  "abc" },
    { "nothing after it",      "Bearer",              -1, NULL },
    { "spaces after it",       "Bearer  ",            -1, NULL },
    { "two tokens",            "Bearer abc def",      -1, NULL },
    { "a comma",               "Bearer abc, def",     -1, NULL },
    { "a tab before it",       "Bearer \tabc",        -1, NULL },
    { "quotes",                "Bearer \"abc\"",      -1, NULL },
    { "only padding",          "Bearer ==",           -1, NULL },
    { "padding inside",        "Bearer ab=c",         -1, NULL },
    { "a byte above 127",      "Bearer ab\303\244",   -1, NULL },
};

static const utf8_case_t  utf8s[] = {
    { "nothing",               "",                    0, 0 },
    { "ASCII",                 "a",                   1, 1 },
    { "two bytes",             "\303\244",            2, 2 },
    { "three bytes",           "\342\202\254",        3, 3 },
    { "four bytes",            "\360\237\230\200",    4, 4 },
    { "the last character",    "\364\217\277\277",    4, 4 },
    { "cut short",             "\342\202",            2, 0 },
    { "a wrong third byte",    "\342\202a",           3, 0 },
    { "no first byte",         "\202",                1, 0 },
    { "overlong, two",         "\300\257",            2, 0 },
    { "overlong, three",       "\340\237\277",        3, 0 },
    { "overlong, four",        "\360\217\277\277",    4, 0 },
    { "a surrogate",           "\355\240\200",        3, 0 },
    { "above U+10FFFF",        "\364\220\200\200",    4, 0 },
    { "the byte 255",          "\377",                1, 0 },
};


static void
test_cookies(void)
{
    size_t          count, i;
    jot_str_t       value;
    http_request_t  request;

    for (i = 0; i < sizeof(cookies) / sizeof(cookies[0]); i++) {
        memset(&request, 0, sizeof(request));
        request.cookie = cookies[i].header;
        value.data = NULL;
        value.len = 0;

        count = http_cookie_find(&request, "access", &value);

        ok(count == cookies[i].count
           && (cookies[i].value == NULL
               ? value.data == NULL
               : value.len == strlen(cookies[i].value)
                 && memcmp(value.data, cookies[i].value, value.len) == 0),
           "cookie: %s", cookies[i].name);
    }
}


static void
test_bearer(void)
{
    int             rc;
    size_t          i;
    jot_str_t       token;
    http_request_t  request;

    for (i = 0; i < sizeof(bearers) / sizeof(bearers[0]); i++) {
        memset(&request, 0, sizeof(request));
        request.authorization = bearers[i].header;
        token.data = NULL;
        token.len = 0;

        rc = http_bearer(&request, &token);

        ok(rc == bearers[i].rc
           && (rc != 1 || (token.len == strlen(bearers[i].token)
                           && memcmp(token.data, bearers[i].token, token.len)
                              == 0)),
           "bearer: %s", bearers[i].name);
    }
}


static void
test_members(void)
{
    const char      *text;
    http_request_t   request;
    static const char body[] = "{\"name\":\"\303\244\",\"n\":1,\"o\":{},"
                               "\"null\":null,\"empty\":\"\"}";

    memset(&request, 0, sizeof(request));
    text = NULL;

    ok(http_member(&request, "name", &text) == 0, "member: no body");

    if (jot_json_parse(&request.json, body, sizeof(body) - 1, HTTP_BODY_DEPTH,
                       NULL) != JOT_OK)
    {
        ok(0, "the body parses");
        return;
    }

    ok(http_member(&request, "name", &text) == 1, "member: there");
    is(text, "\303\244", "member: its text");
    ok(http_member(&request, "empty", &text) == 1, "member: empty");
    is(text, "", "member: an empty text");
    ok(http_member(&request, "other", &text) == 0, "member: missing");
    ok(http_member(&request, "n", &text) == -1, "member: a number");
    ok(http_member(&request, "o", &text) == -1, "member: an object");
    ok(http_member(&request, "null", &text) == -1, "member: null");

    http_request_free(&request);
    ok(request.json == NULL && request.body == NULL, "the request is freed");
}


static void
test_response(void)
{
    size_t           i;
    http_response_t  response;

    memset(&response, 0, sizeof(response));
    http_respond_error(&response, 401, "invalid_grant", "no");
    http_respond_error(&response, 403, "other", "later");
    ok(response.status == 403, "the later answer holds");
    is(json_string_value(json_object_get(response.json, "error")), "other",
       "with its error");
    http_response_free(&response);

    memset(&response, 0, sizeof(response));
    http_header_add(&response, "Location", "/a\r\nSet-Cookie: b");
    ok(response.status == 500 && response.nheaders == 0,
       "a line end in a header's value never leaves");
    http_respond_json(&response, 200, json_object());
    http_header_add(&response, "X-A", "b");
    ok(response.status == 500 && response.nheaders == 0,
       "500 stays, whatever follows");
    http_response_free(&response);

    memset(&response, 0, sizeof(response));
    http_header_add(&response, "X-A", "\177");
    ok(response.status == 500, "nor does DEL");
    http_response_free(&response);

    memset(&response, 0, sizeof(response));

    for (i = 0; i < HTTP_HEADERS; i++) {
        http_header_add(&response, "X-A", "b");
    }

    ok(response.status == 0 && response.nheaders == HTTP_HEADERS,
       "as many headers as there is room for");
    http_header_add(&response, "X-A", "b");
    ok(response.status == 500, "one more is a fault of ours");
    http_response_free(&response);

    memset(&response, 0, sizeof(response));
    http_respond_json(&response, 200, NULL);
    ok(response.status == 500, "JSON that could not be made is a fault");
    http_response_free(&response);

    memset(&response, 0, sizeof(response));
    http_respond_unavailable(&response);
    ok(response.status == 503 && response.nheaders == 1, "503");
    is(response.headers[0].name, "Retry-After", "says when to try again");
    http_response_free(&response);
}


static void
test_utf8(void)
{
    char    text[8];
    size_t  i;

    for (i = 0; i < sizeof(utf8s) / sizeof(utf8s[0]); i++) {
        ok(utf8_sequence(utf8s[i].text, utf8s[i].len) == utf8s[i].sequence,
           "UTF-8: %s", utf8s[i].name);
    }

    utf8_copy(text, sizeof(text), "a\377b\303");
    is(text, "a?b?", "UTF-8: what is none becomes ?");

    utf8_copy(text, sizeof(text), "abcdef\303\244");
    is(text, "abcdef", "UTF-8: no half character at the end");

    utf8_copy(text, sizeof(text), "abcdefgh");
    is(text, "abcdefg", "UTF-8: cut, and ended");
}


int
main(void)
{
    test_cookies();
    test_bearer();
    test_members();
    test_response();
    test_utf8();

    return done_testing();
}
