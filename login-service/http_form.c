/*
 * application/x-www-form-urlencoded, as OAuth's endpoints take it (RFC 6749,
 * appendix B).  It is decoded where it stands, which only makes it shorter, so
 * that no copy of a secret is left behind.
 */

#include <string.h>

#include "http.h"
#include "utf8.h"


static int http_form_add(http_request_t *request, const char *name,
    const char *value, const char **fault);
static int http_hex(char c);


int
http_form_parse(http_request_t *request, const char **fault)
{
    char  *name, *value, *next;

    request->nform = 0;

    if (request->body && memchr(request->body, '\0', request->body_len)) {
        *fault = "the form has a NUL byte";
        return -1;
    }

    for (name = request->body; name; name = next) {

        next = strchr(name, '&');
        if (next) {
            *next++ = '\0';
        }

        value = strchr(name, '=');
        if (value) {
            *value++ = '\0';
        }

        if (http_form_decode(name) != 0
            || (value && http_form_decode(value) != 0))
        {
            *fault = "the form is not URL-encoded UTF-8";
            return -1;
        }

        /* A parameter without a value is as one that is absent (3.2). */

        if (value && *value
            && http_form_add(request, name, value, fault) != 0)
        {
            return -1;
        }
    }

    return 0;
}


int
http_form_decode(char *text)
{
    int      high, low;
    char    *dst, *start;

    start = text;

    for (dst = text; *text; dst++) {

        if (*text != '%') {
            *dst = *text == '+' ? ' ' : *text;
            text++;
            continue;
        }

        high = http_hex(text[1]);
        low = high == -1 ? -1 : http_hex(text[2]);

        if (low == -1 || (high == 0 && low == 0)) {
            return -1;
        }

        *dst = (char) (high * 16 + low);
        text += 3;
    }

    /* What is left behind the new end is no longer needed, and may be secret. */

    explicit_bzero(dst, text - dst);

    return utf8_valid(start, dst - start) ? 0 : -1;
}


static int
http_form_add(http_request_t *request, const char *name, const char *value,
    const char **fault)
{
    const char  *ignored;

    if (http_member(request, name, &ignored)) {
        *fault = "a parameter came twice";
        return -1;
    }

    if (request->nform == HTTP_FORM_MEMBERS) {
        *fault = "the form has too many parameters";
        return -1;
    }

    request->form[request->nform].name = name;
    request->form[request->nform].value = value;
    request->nform++;

    return 0;
}


static int
http_hex(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }

    c |= 0x20;

    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}
