/*
 * Two questions of those who run the service: is this process alive, and
 * would a request succeed.  Both are asked on the internal lane, which
 * answers when the others are full.
 */

#include <stddef.h>

#include "db.h"
#include "routes.h"


void
healthz_handler(service_t *service, const http_request_t *request,
    http_response_t *response)
{
    (void) service;
    (void) request;

    http_respond_json(response, 200, json_pack("{s:s}", "status", "ok"));
}


void
readyz_handler(service_t *service, const http_request_t *request,
    http_response_t *response)
{
    (void) request;

    /* A worker without keys does not start, so only the database is left. */

    if (db_ping(service->db) == DB_OK) {
        http_respond_json(response, 200, json_pack("{s:s}", "status", "ok"));
        return;
    }

    http_header_add(response, "Retry-After", "2");
    http_respond_json(response, 503, json_pack("{s:s, s:s}",
                                               "status", "unavailable",
                                               "reason", "database"));
}
