/* What handlers read from a request, and how they answer. */

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "http.h"


static int http_is_b64token(const char *text, size_t len);
static void http_respond_internal(http_response_t *response);
static void http_body_free(http_response_t *response);


void
http_request_free(http_request_t *request)
{
    jot_json_free(request->json);
    request->json = NULL;

    if (request->body) {
        explicit_bzero(request->body, request->body_len);
        free(request->body);
        request->body = NULL;
        request->body_len = 0;
    }
}


size_t
http_cookie_find(const http_request_t *request, const char *name,
    jot_str_t *value)
{
    size_t       found, len, namelen;
    const char  *p;

    if (request->cookie == NULL) {
        return 0;
    }

    found = 0;
    namelen = strlen(name);

    for (p = request->cookie; *p; p += len + (p[len] == ';')) {

        while (*p == ' ' || *p == '\t') {
            p++;
        }

        len = strcspn(p, ";");

        if (len > namelen && p[namelen] == '='
            && memcmp(p, name, namelen) == 0)
        {
            value->data = p + namelen + 1;
            value->len = len - namelen - 1;

            while (value->len && (value->data[value->len - 1] == ' '
                                  || value->data[value->len - 1] == '\t'))
            {
                value->len--;
            }

            found++;
        }
    }

    return found;
}


int
http_bearer(const http_request_t *request, jot_str_t *token)
{
    size_t       len;
    const char  *p;

    p = request->authorization;

    if (p == NULL || strncasecmp(p, "Bearer", 6) != 0) {
        return 0;
    }

    p += 6;

    if (*p != ' ' && *p != '\0') {
        return 0;                       /* a longer scheme's name */
    }

    while (*p == ' ') {
        p++;
    }

    len = strlen(p);

    while (len && p[len - 1] == ' ') {
        len--;
    }

    if (!http_is_b64token(p, len)) {
        return -1;
    }

    token->data = p;
    token->len = len;

    return 1;
}


int
http_member(const http_request_t *request, const char *name, const char **text)
{
    size_t       i;
    jot_str_t    path;
    jot_value_t  value;

    for (i = 0; i < request->nform; i++) {
        if (strcmp(request->form[i].name, name) == 0) {
            *text = request->form[i].value;
            return 1;
        }
    }

    path.data = name;
    path.len = strlen(name);

    if (request->json == NULL
        || !jot_json_find(request->json, &path, 1, &value))
    {
        return 0;
    }

    if (value.type != JOT_STRING) {
        return -1;
    }

    *text = jot_value_string(&value).data;

    return 1;
}


void
http_response_free(http_response_t *response)
{
    size_t  i;

    http_body_free(response);

    for (i = 0; i < response->nheaders; i++) {

        /* Set-Cookie has tokens in it. */

        explicit_bzero(response->headers[i].value,
                       strlen(response->headers[i].value));
        free(response->headers[i].value);
    }

    response->nheaders = 0;
}


void
http_header_add(http_response_t *response, const char *name, const char *value)
{
    char                 *copy;
    const unsigned char  *p;

    if (response->status == 500) {
        return;
    }

    for (p = (const unsigned char *) value; *p; p++) {
        if (*p < 0x20 || *p == 0x7f) {
            http_respond_internal(response);
            return;
        }
    }

    copy = response->nheaders < HTTP_HEADERS ? strdup(value) : NULL;

    if (copy == NULL) {
        http_respond_internal(response);
        return;
    }

    response->headers[response->nheaders].name = name;
    response->headers[response->nheaders].value = copy;
    response->nheaders++;
}


void
http_respond_json(http_response_t *response, int status, json_t *json)
{
    if (response->status == 500) {
        json_decref(json);
        return;
    }

    if (json == NULL) {
        http_respond_internal(response);
        return;
    }

    http_body_free(response);
    response->status = status;
    response->json = json;
}


void
http_respond_error(http_response_t *response, int status, const char *error,
    const char *description)
{
    http_respond_json(response, status,
                      json_pack("{s:s, s:s}", "error", error,
                                "error_description", description));
}


void
http_respond_unavailable(http_response_t *response)
{
    http_header_add(response, "Retry-After", "2");
    http_respond_error(response, 503, "temporarily_unavailable",
                       "the service cannot answer now, try again");
}


/* token68 of RFC 7235, 2.1, which RFC 6750 calls b64token. */
static int
http_is_b64token(const char *text, size_t len)
{
    size_t  n;

    n = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                     "0123456789-._~+/");
    if (n == 0) {
        return 0;
    }

    while (n < len && text[n] == '=') {
        n++;
    }

    return n == len;
}


/* Whatever the answer was to be, it is not sent in part. */
static void
http_respond_internal(http_response_t *response)
{
    http_response_free(response);
    response->status = 500;
    response->json = json_pack("{s:s, s:s}", "error", "server_error",
                               "error_description", "an internal error");
}


static void
http_body_free(http_response_t *response)
{
    json_decref(response->json);
    response->json = NULL;

    if (response->text) {
        explicit_bzero(response->text, strlen(response->text));
        free(response->text);
        response->text = NULL;
    }
}
