/*
 * A request and its response as values: what handlers see.  Nothing in here
 * knows FastCGI.
 */

#ifndef HTTP_H
#define HTTP_H

#include <stddef.h>

#include <jansson.h>

#include "jot.h"


#define HTTP_BODY_SIZE   16384
#define HTTP_BODY_DEPTH  8
#define HTTP_FORM_MEMBERS  16

typedef enum {
    HTTP_GET = 1,
    HTTP_POST = 2,
    HTTP_DELETE = 4,
    HTTP_OTHER = 8
} http_method_t;

/*
 * Texts are views that live as long as the request; a header that the client
 * did not send is NULL.  method, path, query and address never are.
 */
typedef struct {
    http_method_t    method;
    const char      *path;              /* DOCUMENT_URI */
    const char      *query;
    const char      *address;           /* REMOTE_ADDR */
    const char      *host;
    const char      *content_type;
    const char      *authorization;
    const char      *cookie;
    const char      *origin;
    const char      *user_agent;
    const char      *sec_fetch_site;
    const char      *sec_fetch_mode;
    const char      *if_none_match;

    const char      *fault;             /* static; NULL: the form is good */
    int              too_large;         /* the body, which was not kept then */

    char            *body;              /* wiped when the request is freed; */
    size_t           body_len;          /* a NUL follows, which is not counted */

    jot_json_t      *json;              /* the body, where the route wants it */
    struct {
        const char  *name;              /* views of the body */
        const char  *value;
    }                form[HTTP_FORM_MEMBERS];       /* or this */
    size_t           nform;

    int            (*client_gone)(void *data);  /* 1: nobody waits any more */
    void            *client_data;
} http_request_t;

/* Its body, wiped, and what was made of it; not the views. */
void http_request_free(http_request_t *request);

/*
 * How many cookies there are of this name, case too, and in *value the last of
 * them.  *value is left alone if there is none.
 */
size_t http_cookie_find(const http_request_t *request, const char *name,
    jot_str_t *value);

/*
 * The token of "Authorization: Bearer ..." (RFC 6750, 2.1): 1 and *token, 0 if
 * there is none (another scheme, too), -1 if it is malformed.
 */
int http_bearer(const http_request_t *request, jot_str_t *token);

/*
 * A member of the body, JSON or form: 1 and its text, 0 if absent, -1 if it is
 * no string.  The text is a view, terminated by NUL (\u0000 was refused).
 */
int http_member(const http_request_t *request, const char *name,
    const char **text);

/*
 * Takes the body apart as application/x-www-form-urlencoded, in place.  0, or
 * -1 and *fault, a static text: no UTF-8, a NUL, a parameter twice.  Those
 * without a value are left out (RFC 6749, 3.2).
 */
int http_form_parse(http_request_t *request, const char **fault);

/* One name or value of such a form, in place; 0, or -1 if it is none. */
int http_form_decode(char *text);


#define HTTP_HEADERS  12

typedef struct {
    int              status;
    struct {
        const char  *name;              /* static */
        char        *value;             /* owned */
    }                headers[HTTP_HEADERS];
    size_t           nheaders;
    json_t          *json;              /* owned; NULL: text, or no body */
    char            *text;              /* owned; a body made before */
    const char      *content_type;      /* of text; static */
} http_response_t;

void http_response_free(http_response_t *response);

/*
 * Each copies its texts.  Failing to is an internal error, status 500, and so
 * is a header's value with a control character in it.  An answer replaces the
 * one before it, and headers are added to those before it; but 500 stays, so
 * that nothing is sent whose other half is missing.
 */
void http_header_add(http_response_t *response, const char *name,
    const char *value);
void http_respond_json(http_response_t *response, int status,
    json_t *json /* stolen */);
void http_respond_error(http_response_t *response, int status,
    const char *error, const char *description);
/* 503 with Retry-After. */
void http_respond_unavailable(http_response_t *response);

#endif
