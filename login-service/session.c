/*
 * GET /auth/session: what is left of a session.  It extends nothing.  The row
 * is asked as well as the token, which outlives a logout by some minutes.
 */

#include <string.h>
#include <time.h>

#include "log.h"
#include "offer.h"
#include "routes.h"


static void session_judge(service_t *service, const http_request_t *request,
    http_response_t *response, const token_access_t *access);
static void session_respond(const service_t *service,
    http_response_t *response, const token_access_t *access,
    const db_session_t *session);
static void session_refuse(const http_request_t *request,
    http_response_t *response, const char *reason);


/* For the log; NULL: not a refusal. */
static const char  *session_reasons[DB_SESSION_OUTCOMES] = {
    [DB_SESSION_REUSED]  = "reuse",
    [DB_SESSION_REVOKED] = "revoked",
    [DB_SESSION_EXPIRED] = "session expired",
    [DB_SESSION_IDLE]    = "idle",
    [DB_SESSION_INVALID] = "unknown session",
};


void
session_handler(service_t *service, const http_request_t *request,
    http_response_t *response)
{
    int              offered;
    jot_str_t        text;
    const char      *fault;
    jot_status_t     status;
    token_access_t   access;

    offered = offer_access(request, service->config, &text, &fault);

    if (offered == -1) {
        routes_refuse(request, response, 400, "invalid_request", fault);
        return;
    }

    if (offered == 0) {
        session_refuse(request, response, jot_status_text(JOT_MISSING));
        return;
    }

    memset(&access, 0, sizeof(access));

    status = token_access_verify(service->keys, service->config, text,
                                 time(NULL), &access);

    if (status == JOT_INTERNAL) {
        http_respond_json(response, 500, NULL);

    } else if (status != JOT_OK) {
        session_refuse(request, response, jot_status_text(status));

    } else if (access.sid[0] == '\0') {
        session_refuse(request, response, "no session");

    } else {
        session_judge(service, request, response, &access);
    }

    token_access_free(&access);
}


static void
session_judge(service_t *service, const http_request_t *request,
    http_response_t *response, const token_access_t *access)
{
    db_status_t   status;
    db_session_t  session;

    status = db_session_get(service->db, access->sid, access->sub, &session);

    if (status != DB_OK) {
        answer_database(status, response);

    } else if (session_reasons[session.outcome]) {
        session_refuse(request, response, session_reasons[session.outcome]);

    } else {
        session_respond(service, response, access, &session);
    }

    db_session_free(&session);
}


static void
session_respond(const service_t *service, http_response_t *response,
    const token_access_t *access, const db_session_t *session)
{
    json_t   *body;
    int64_t   left;

    left = answer_left(session, access->exp * 1000000);
    body = answer_session(service->config, access->sid, session);

    if (body
        && json_object_set_new(body, "access_expires_in",
                               json_integer(left)) != 0)
    {
        json_decref(body);
        body = NULL;
    }

    http_respond_json(response, 200, body);
}


static void
session_refuse(const http_request_t *request, http_response_t *response,
    const char *reason)
{
    log_event(LOG_TOKEN_REFUSED, "reason", reason, "path", request->path,
              "address", request->address, NULL);

    http_respond_error(response, 401, "invalid_token",
                       "there is no session to this access token");
}
