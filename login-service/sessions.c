/*
 * GET /auth/sessions and DELETE /auth/sessions/ID: the sessions of whoever
 * asks.  What is not theirs is not there.
 */

#include <string.h>

#include "answer.h"
#include "caller.h"
#include "client.h"
#include "cookie.h"
#include "log.h"
#include "metrics.h"
#include "routes.h"


static void sessions_end(service_t *service, const http_request_t *request,
    http_response_t *response, const caller_t *caller);
static int sessions_is_id(const char *text);


void
sessions_handler(service_t *service, const http_request_t *request,
    http_response_t *response)
{
    json_t       *list;
    caller_t      caller;
    db_status_t   status;

    if (caller_find(service, request, response, &caller) == 0) {

        status = db_session_list(service->db, caller.access.sub,
                                 caller.access.sid, &list);
        if (status == DB_OK) {
            http_respond_json(response, 200,
                              json_pack("{s:o}", "sessions", list));
        } else {
            answer_database(status, response);
        }
    }

    caller_free(&caller);
}


void
sessions_end_handler(service_t *service, const http_request_t *request,
    http_response_t *response)
{
    caller_t  caller;

    if (caller_find(service, request, response, &caller) == 0) {
        sessions_end(service, request, response, &caller);
    }

    caller_free(&caller);
}


static void
sessions_end(service_t *service, const http_request_t *request,
    http_response_t *response, const caller_t *caller)
{
    client_t      client;
    db_proof_t    proof;
    db_status_t   status;

    client_read(request, &client);

    proof.sid = strrchr(request->path, '/') + 1;
    proof.digest = NULL;

    status = sessions_is_id(proof.sid)
             ? db_session_end(service->db, &proof, caller->access.sub,
                              "logout", &client.db)
             : DB_NONE;

    if (status == DB_NONE) {
        routes_refuse(request, response, 404, "not_found",
                      "you have no such session");
        return;
    }

    if (status != DB_OK) {
        answer_database(status, response);
        return;
    }

    log_event(LOG_LOGOUT, "session", proof.sid, "address", client.address,
              NULL);
    metrics_add(METRIC_LOGOUT, 1);

    if (strcmp(proof.sid, caller->access.sid) == 0) {
        cookie_clear(response, service->config);
    }

    if (response->status == 0) {
        response->status = 204;
    }
}


/* A UUID as we write it (RFC 9562, 4). */
static int
sessions_is_id(const char *text)
{
    size_t  i;

    static const char  form[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";

    for (i = 0; form[i]; i++) {
        if (text[i] == '\0'
            || (form[i] == '-' ? text[i] != '-'
                               : strchr("0123456789abcdef", text[i]) == NULL))
        {
            return 0;
        }
    }

    return text[i] == '\0';
}
