/*
 * The table of endpoints, and the one way from a request to its handler:
 * path, method (405), size (413), content type (415), form (400), where it
 * comes from (403), then the handler.
 */

#ifndef ROUTES_H
#define ROUTES_H

#include "http.h"
#include "service.h"


typedef void (*route_handler_t)(service_t *service,
    const http_request_t *request, http_response_t *response);

/* Handlers, one file each, named as the handler. */
void login_handler(service_t *service, const http_request_t *request,
    http_response_t *response);
void register_handler(service_t *service, const http_request_t *request,
    http_response_t *response);
void change_password_handler(service_t *service,
    const http_request_t *request, http_response_t *response);
void reset_handler(service_t *service, const http_request_t *request,
    http_response_t *response);
void refresh_handler(service_t *service, const http_request_t *request,
    http_response_t *response);
void logout_handler(service_t *service, const http_request_t *request,
    http_response_t *response);
void session_handler(service_t *service, const http_request_t *request,
    http_response_t *response);
void sessions_handler(service_t *service, const http_request_t *request,
    http_response_t *response);
void sessions_end_handler(service_t *service, const http_request_t *request,
    http_response_t *response);
void oauth_token_handler(service_t *service, const http_request_t *request,
    http_response_t *response);
void oauth_revoke_handler(service_t *service, const http_request_t *request,
    http_response_t *response);
void oauth_introspect_handler(service_t *service,
    const http_request_t *request, http_response_t *response);
void oauth_metadata_handler(service_t *service, const http_request_t *request,
    http_response_t *response);
void jwks_handler(service_t *service, const http_request_t *request,
    http_response_t *response);
void revocations_handler(service_t *service, const http_request_t *request,
    http_response_t *response);
void healthz_handler(service_t *service, const http_request_t *request,
    http_response_t *response);
void readyz_handler(service_t *service, const http_request_t *request,
    http_response_t *response);
void metrics_handler(service_t *service, const http_request_t *request,
    http_response_t *response);

/* Answers a request whose form is wrong, with a line in the log. */
void routes_refuse(const http_request_t *request, http_response_t *response,
    int status, const char *error, const char *reason);

/* Always leaves a complete response. */
void routes_dispatch(service_t *service, http_request_t *request,
    http_response_t *response);

#endif
