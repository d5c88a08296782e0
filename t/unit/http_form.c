/* Forms: what is read from them, and which are refused, with the reason. */

#include <stdlib.h>

#include "http.h"
#include "tap.h"


typedef struct {
    const char   *name;
    const char   *body;
    const char   *member;       /* what is looked up; NULL: a refusal */
    const char   *text;         /* NULL: absent; of a refusal, why */
} form_case_t;


#define NOT_ENCODED  "the form is not URL-encoded UTF-8"
#define TWICE        "a parameter came twice"
#define TOO_MANY     "the form has too many parameters"

static const form_case_t  forms[] = {
    { "empty",                  "",                     "a", NULL },
    { "one",                    "a=b",                  "a", "b" },
    { "the second",             "a=b&c=d",              "c", "d" },
    { "another name",           "a=b",                  "b", NULL },
    { "another case",           "a=b",                  "A", NULL },
    { "no equals sign",         "a&c=d",                "a", NULL },
    { "no value",               "a=&c=d",               "a", NULL },
    { "no value, then one",     "a=&a=b",               "a", "b" },
    { "an equals sign in it",   "a=b=c",                "a", "b=c" },
    { "plus",                   "a=b+c",                "a", "b c" },
    { "a plus that is meant",   "a=b%2Bc",              "a", "b+c" },
    { "percent, both cases",    "a=%2f%2F",             "a", "//" },
    { "percent, not twice",     "a=%252F",              "a", "%2F" },
    { "an encoded ampersand",   "a=b%26c=d",            "a", "b&c=d" },
    { "an encoded name",        "%61=b",                "a", "b" },
    { "UTF-8",                  "a=%C3%A4",             "a", "\303\244" },
    { "empty ones between",     "&&a=b&&",              "a", "b" },
    { "only a value",           "=b",                   "a", NULL },

    { "percent, cut short",     "a=%2",                 NULL, NOT_ENCODED },
    { "percent alone",          "a=%",                  NULL, NOT_ENCODED },
    { "percent, no number",     "a=%g0",                NULL, NOT_ENCODED },
    { "percent, then blank",    "a=% 20",               NULL, NOT_ENCODED },
    { "NUL",                    "a=b%00c",              NULL, NOT_ENCODED },
    { "NUL in a name",          "a%00=b",               NULL, NOT_ENCODED },
    { "Latin-1",                "a=%E4",                NULL, NOT_ENCODED },
    { "Latin-1 as it is",       "a=\344",               NULL, NOT_ENCODED },
    { "twice",                  "a=b&a=c",              NULL, TWICE },
    { "twice alike",            "a=b&a=b",              NULL, TWICE },
    { "twice, one encoded",     "a=b&%61=c",            NULL, TWICE },
    { "too many", "a=1&b=1&c=1&d=1&e=1&f=1&g=1&h=1&i=1&j=1&k=1&l=1&m=1&n=1"
                  "&o=1&p=1&q=1",                       NULL, TOO_MANY },
};


static void
test_form(const form_case_t *c)
{
    int              rc, found;
    const char      *text, *fault;
    http_request_t   request;

    memset(&request, 0, sizeof(request));
    request.body = strdup(c->body);
    request.body_len = strlen(c->body);
    fault = NULL;
    text = NULL;

    rc = http_form_parse(&request, &fault);

    if (c->member == NULL) {
        ok(rc == -1, "%s: refused", c->name);
        is(fault, c->text, c->name);

    } else {
        found = rc == 0 ? http_member(&request, c->member, &text) : -1;
        ok(found == (c->text != NULL), "%s: there, or not", c->name);
        is(text, c->text, c->name);
    }

    http_request_free(&request);
}


/* The bytes that decoding frees at the end hold the rest of a secret. */

static void
test_leftover(void)
{
    char  text[] = "%73%65cret";

    ok(http_form_decode(text) == 0, "a secret is decoded");
    ok(memcmp(text, "secret\0\0\0\0", 11) == 0, "and nothing of it is left");
}


static void
test_nul(void)
{
    const char      *fault;
    http_request_t   request;

    memset(&request, 0, sizeof(request));
    request.body = calloc(1, 8);
    memcpy(request.body, "a=b\0c=d", 7);
    request.body_len = 7;

    ok(http_form_parse(&request, &fault) == -1, "a NUL byte is refused");
    is(fault, "the form has a NUL byte", "with its reason");

    http_request_free(&request);

    ok(http_form_parse(&request, &fault) == 0 && request.nform == 0,
       "no body is a form without parameters");
}


int
main(void)
{
    size_t  i;

    for (i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        test_form(&forms[i]);
    }

    test_leftover();
    test_nul();

    return done_testing();
}
