/*
 * Every request goes through routes_dispatch(), which knows the order of
 * judgement and nothing of what the handlers do.  A refusal is logged once,
 * here, with its reason.
 */

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "csrf.h"
#include "log.h"
#include "metrics.h"
#include "routes.h"


typedef enum {
    BODY_NONE,                  /* one that comes is not looked at */
    BODY_OPTIONAL,              /* JSON; cookies may say it all */
    BODY_REQUIRED,              /* JSON */
    BODY_FORM
} route_body_t;

typedef struct {
    lane_t             lane;
    unsigned           methods;
    const char        *path;    /* with a / at its end: and one more part */
    route_body_t       body;
    route_handler_t    handler;
} route_t;

typedef struct {
    http_method_t      method;
    const char        *name;
} route_method_t;


static const route_t *routes_find(lane_t lane, const char *path);
static int routes_match(const char *route, const char *path);
static int routes_check(const route_t *route, http_request_t *request,
    http_response_t *response);
static int routes_json(http_request_t *request, http_response_t *response);
static int routes_form(http_request_t *request, http_response_t *response);
static int routes_fault(const http_request_t *request,
    http_response_t *response, const char *fault);
static int routes_is_type(const char *content_type, const char *type);
static void routes_allow(const route_t *route, http_response_t *response);
static void routes_finish(const http_request_t *request,
    http_response_t *response);


static const route_t  routes[] = {
    { LANE_PASSWORD, HTTP_POST, "/auth/login",
      BODY_REQUIRED, login_handler },
    { LANE_PASSWORD, HTTP_POST, "/auth/register",
      BODY_REQUIRED, register_handler },
    { LANE_PASSWORD, HTTP_POST, "/auth/password",
      BODY_REQUIRED, change_password_handler },
    { LANE_PASSWORD, HTTP_POST, "/auth/reset",
      BODY_REQUIRED, reset_handler },
    { LANE_TOKEN, HTTP_POST, "/auth/refresh",
      BODY_OPTIONAL, refresh_handler },
    { LANE_TOKEN, HTTP_POST, "/auth/logout",
      BODY_OPTIONAL, logout_handler },
    { LANE_TOKEN, HTTP_GET, "/auth/session",
      BODY_NONE, session_handler },
    { LANE_TOKEN, HTTP_GET, "/auth/sessions",
      BODY_NONE, sessions_handler },
    { LANE_TOKEN, HTTP_DELETE, "/auth/sessions/",
      BODY_NONE, sessions_end_handler },
    { LANE_TOKEN, HTTP_POST, "/oauth/token",
      BODY_FORM, oauth_token_handler },
    { LANE_TOKEN, HTTP_POST, "/oauth/revoke",
      BODY_FORM, oauth_revoke_handler },
    { LANE_TOKEN, HTTP_POST, "/oauth/introspect",
      BODY_FORM, oauth_introspect_handler },
    { LANE_TOKEN, HTTP_GET, "/.well-known/oauth-authorization-server",
      BODY_NONE, oauth_metadata_handler },
    { LANE_TOKEN, HTTP_GET, "/.well-known/jwks.json",
      BODY_NONE, jwks_handler },
    { LANE_INTERNAL, HTTP_GET, "/internal/revocations",
      BODY_NONE, revocations_handler },
    { LANE_INTERNAL, HTTP_GET, "/healthz",
      BODY_NONE, healthz_handler },
    { LANE_INTERNAL, HTTP_GET, "/readyz",
      BODY_NONE, readyz_handler },
    { LANE_INTERNAL, HTTP_GET, "/metrics",
      BODY_NONE, metrics_handler },
};

static const route_method_t  routes_methods[] = {
    { HTTP_GET, "GET" },
    { HTTP_POST, "POST" },
    { HTTP_DELETE, "DELETE" },
};

#define ROUTES_SAFE  HTTP_GET


void
routes_dispatch(service_t *service, http_request_t *request,
    http_response_t *response)
{
    const route_t  *route;

    route = routes_find(service->lane, request->path);

    if (route == NULL) {
        routes_refuse(request, response, 404, "not_found",
                      "nothing is at this path");

    } else if (routes_check(route, request, response) != 0) {
        /* The response says why. */

    } else if (!(request->method & ROUTES_SAFE)
               && csrf_cookies(request, service->config)
               && csrf_check(request, service->config, response) != 0)
    {
        metrics_add(METRIC_REQUEST_REFUSED, 1);

    } else {
        route->handler(service, request, response);
    }

    routes_finish(request, response);
}


static const route_t *
routes_find(lane_t lane, const char *path)
{
    size_t  i;

    for (i = 0; i < sizeof(routes) / sizeof(routes[0]); i++) {
        if (routes[i].lane == lane && routes_match(routes[i].path, path)) {
            return &routes[i];
        }
    }

    return NULL;
}


static int
routes_match(const char *route, const char *path)
{
    size_t  len;

    len = strlen(route);

    if (route[len - 1] != '/') {
        return strcmp(route, path) == 0;
    }

    return strncmp(route, path, len) == 0 && path[len] != '\0'
           && strchr(path + len, '/') == NULL;
}


static int
routes_check(const route_t *route, http_request_t *request,
    http_response_t *response)
{
    if (!(request->method & route->methods)) {
        routes_allow(route, response);
        routes_refuse(request, response, 405, "invalid_request",
                      "this path does not take this method");
        return -1;
    }

    if (request->too_large) {
        routes_refuse(request, response, 413, "invalid_request",
                      "the body is larger than 16 KiB");
        return -1;
    }

    switch (route->body) {

    case BODY_NONE:
        break;

    case BODY_OPTIONAL:
        if (request->body_len == 0) {
            break;
        }

        return routes_json(request, response);

    case BODY_REQUIRED:
        return routes_json(request, response);

    case BODY_FORM:
        return routes_form(request, response);
    }

    return routes_fault(request, response, request->fault);
}


static int
routes_json(http_request_t *request, http_response_t *response)
{
    jot_status_t   status;
    const char    *detail;

    if (!routes_is_type(request->content_type, "application/json")) {
        routes_refuse(request, response, 415, "invalid_request",
                      "the content type is not application/json in UTF-8");
        return -1;
    }

    if (routes_fault(request, response, request->fault) != 0) {
        return -1;
    }

    status = jot_json_parse(&request->json, request->body, request->body_len,
                            HTTP_BODY_DEPTH, &detail);

    if (status == JOT_INTERNAL) {
        http_respond_error(response, 500, "server_error", "an internal error");
        return -1;
    }

    return status == JOT_OK ? 0 : routes_fault(request, response, detail);
}


static int
routes_form(http_request_t *request, http_response_t *response)
{
    const char  *detail;

    if (!routes_is_type(request->content_type,
                        "application/x-www-form-urlencoded"))
    {
        routes_refuse(request, response, 415, "invalid_request",
                      "the content type is not "
                      "application/x-www-form-urlencoded in UTF-8");
        return -1;
    }

    detail = request->fault;

    if (detail == NULL && http_form_parse(request, &detail) == 0) {
        return 0;
    }

    return routes_fault(request, response, detail);
}


/* 0 if there is none. */
static int
routes_fault(const http_request_t *request, http_response_t *response,
    const char *fault)
{
    if (fault == NULL) {
        return 0;
    }

    routes_refuse(request, response, 400, "invalid_request", fault);
    return -1;
}


/* RFC 9110, 8.3.1; bodies are UTF-8, and no other charset may be claimed. */
static int
routes_is_type(const char *content_type, const char *type)
{
    size_t       len;
    const char  *p;

    len = strlen(type);

    if (content_type == NULL || strncasecmp(content_type, type, len) != 0) {
        return 0;
    }

    p = content_type + len;
    p += strspn(p, " \t");

    if (*p == '\0') {
        return 1;
    }

    if (*p != ';') {
        return 0;
    }

    p++;
    p += strspn(p, " \t");

    if (strncasecmp(p, "charset=", 8) != 0) {
        return 0;
    }

    p += 8;
    len = strlen(p);

    while (len && (p[len - 1] == ' ' || p[len - 1] == '\t')) {
        len--;
    }

    return (len == 5 && strncasecmp(p, "utf-8", 5) == 0)
           || (len == 7 && strncasecmp(p, "\"utf-8\"", 7) == 0);
}


static void
routes_allow(const route_t *route, http_response_t *response)
{
    char    list[32];
    size_t  i;

    list[0] = '\0';

    for (i = 0; i < sizeof(routes_methods) / sizeof(routes_methods[0]); i++) {
        if (!(route->methods & routes_methods[i].method)) {
            continue;
        }

        if (list[0]) {
            strcat(list, ", ");
        }

        strcat(list, routes_methods[i].name);
    }

    http_header_add(response, "Allow", list);
}


void
routes_refuse(const http_request_t *request, http_response_t *response,
    int status, const char *error, const char *reason)
{
    char  number[16];

    snprintf(number, sizeof(number), "%d", status);
    log_event(LOG_REQUEST_REFUSED, "status", number, "reason", reason,
              "path", request->path, "address", request->address, NULL);
    metrics_add(METRIC_REQUEST_REFUSED, 1);

    http_respond_error(response, status, error, reason);
}


/* What every answer of a status has, whoever gave it. */
static void
routes_finish(const http_request_t *request, http_response_t *response)
{
    if (response->status == 0 || response->status == 500) {
        log_event(LOG_INTERNAL, "reason", "answered 500", "path",
                  request->path, NULL);
        http_respond_error(response, 500, "server_error", "an internal error");
    }

    if (response->status == 401) {

        /* Never Basic: a browser would open a window of its own. */

        http_header_add(response, "WWW-Authenticate", "Bearer");
    }

    if (response->status == 503) {
        metrics_add(METRIC_UNAVAILABLE, 1);
    }
}
