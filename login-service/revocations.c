/*
 * GET /internal/revocations?since=SEQ: what gateways have to refuse although
 * its signature is good, from a number on.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "answer.h"
#include "routes.h"


#define REVOCATIONS_PAGE  1000      /* 256 KiB, which gateways take, hold more */


static int revocations_since(const char *query, int64_t *since);


void
revocations_handler(service_t *service, const http_request_t *request,
    http_response_t *response)
{
    int64_t      since;
    db_status_t  status;

    if (revocations_since(request->query, &since) != 0) {
        routes_refuse(request, response, 400, "invalid_request",
                      "the query is since=NUMBER, or empty");
        return;
    }

    status = db_revocation_list(service->db, since, REVOCATIONS_PAGE,
                                &response->text);
    if (status != DB_OK) {
        answer_database(status, response);
        return;
    }

    response->content_type = "application/json";
    response->status = 200;
}


static int
revocations_since(const char *query, int64_t *since)
{
    char  *end;

    *since = 0;

    if (query[0] == '\0') {
        return 0;
    }

    if (strncmp(query, "since=", 6) != 0 || query[6] < '0' || query[6] > '9') {
        return -1;
    }

    errno = 0;
    *since = strtoll(query + 6, &end, 10);

    return errno || *end ? -1 : 0;
}
