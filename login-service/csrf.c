/*
 * Sec-Fetch-Site (W3C Fetch Metadata) cannot be set by a page, and Origin
 * neither; a client that is no browser may send what it likes, but it has no
 * cookies that somebody else could make it send.
 */

#include <string.h>
#include <strings.h>

#include "cookie.h"
#include "csrf.h"
#include "log.h"


typedef struct {
    const char   *host;
    size_t        len;
    const char   *port;         /* digits, not terminated; NULL: the default */
    size_t        portlen;
} csrf_authority_t;


static const char *csrf_reason(const http_request_t *request,
    const config_t *config);
static int csrf_origin_is_own(const char *origin, const char *host);
static int csrf_authority_parse(const char *text, csrf_authority_t *authority);


int
csrf_cookies(const http_request_t *request, const config_t *config)
{
    jot_str_t  ignored;

    return http_cookie_find(request, cookie_access_name(config), &ignored)
           || http_cookie_find(request, cookie_refresh_name(config), &ignored);
}


int
csrf_check(const http_request_t *request, const config_t *config,
    http_response_t *response)
{
    const char  *reason;

    reason = csrf_reason(request, config);

    if (reason == NULL) {
        return 0;
    }

    log_event(LOG_CROSS_SITE, "reason", reason, "path", request->path,
              "address", request->address, "origin", request->origin,
              "sec_fetch_site", request->sec_fetch_site, NULL);

    http_respond_error(response, 403, "cross_site",
                       "cookies are only taken from pages of this origin");
    return -1;
}


/* What speaks against the request, or NULL. */
static const char *
csrf_reason(const http_request_t *request, const config_t *config)
{
    if (request->sec_fetch_site) {
        return strcmp(request->sec_fetch_site, "same-origin") == 0
               ? NULL : "sec-fetch-site";
    }

    if (request->origin) {
        return csrf_origin_is_own(request->origin, request->host)
               ? NULL : "origin";
    }

    return csrf_cookies(request, config) ? "no origin" : NULL;
}


/*
 * The scheme is not compared, because TLS may end before nginx; but it tells
 * the port that was left out on either side.
 */
static int
csrf_origin_is_own(const char *origin, const char *host)
{
    size_t            scheme;
    const char       *port;
    csrf_authority_t  theirs, own;

    if (strncmp(origin, "https://", 8) == 0) {
        scheme = 8;
        port = "443";

    } else if (strncmp(origin, "http://", 7) == 0) {
        scheme = 7;
        port = "80";

    } else {
        return 0;                       /* "null", too */
    }

    if (host == NULL
        || csrf_authority_parse(origin + scheme, &theirs) != 0
        || csrf_authority_parse(host, &own) != 0)
    {
        return 0;
    }

    if (theirs.port == NULL) {
        theirs.port = port;
        theirs.portlen = strlen(port);
    }

    if (own.port == NULL) {
        own.port = port;
        own.portlen = strlen(port);
    }

    return theirs.len == own.len
           && strncasecmp(theirs.host, own.host, own.len) == 0
           && theirs.portlen == own.portlen
           && memcmp(theirs.port, own.port, own.portlen) == 0;
}


/* host or host:port, and an IPv6 address in its brackets. */
static int
csrf_authority_parse(const char *text, csrf_authority_t *authority)
{
    size_t  len;

    if (*text == '[') {
        len = strcspn(text, "]");
        len += text[len] == ']';

    } else {
        len = strcspn(text, ":");
    }

    authority->host = text;
    authority->len = len;
    authority->port = NULL;
    authority->portlen = 0;

    if (len == 0 || strcspn(text, "/@?#\\ ") < len) {
        return -1;
    }

    if (text[len] == '\0') {
        return 0;
    }

    authority->port = text + len + 1;
    authority->portlen = strlen(authority->port);

    return text[len] == ':' && authority->portlen > 0
           && strspn(authority->port, "0123456789") == authority->portlen
           ? 0 : -1;
}
