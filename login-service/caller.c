/* Whatever speaks against a token is for the log; the client learns "no". */

#include <string.h>
#include <time.h>

#include "caller.h"
#include "log.h"
#include "offer.h"
#include "routes.h"


static int caller_judge(service_t *service, const http_request_t *request,
    http_response_t *response, caller_t *caller);


/* For the log; NULL: not a refusal. */
static const char  *caller_reasons[DB_SESSION_OUTCOMES] = {
    [DB_SESSION_REUSED]  = "reuse",
    [DB_SESSION_REVOKED] = "revoked",
    [DB_SESSION_EXPIRED] = "session expired",
    [DB_SESSION_IDLE]    = "idle",
    [DB_SESSION_INVALID] = "unknown session",
};


int
caller_find(service_t *service, const http_request_t *request,
    http_response_t *response, caller_t *caller)
{
    int            offered;
    jot_str_t      text;
    const char    *fault;
    jot_status_t   status;

    memset(caller, 0, sizeof(caller_t));

    offered = offer_access(request, service->config, &text, &caller->delivery,
                           &fault);
    if (offered == -1) {
        routes_refuse(request, response, 400, "invalid_request", fault);
        return -1;
    }

    status = offered == 0 ? JOT_MISSING
             : token_access_verify(service->keys, service->config, text,
                                   time(NULL), &caller->access);

    if (status == JOT_INTERNAL) {
        http_respond_json(response, 500, NULL);
        return -1;
    }

    if (status != JOT_OK) {
        caller_refuse(request, response, jot_status_text(status));
        return -1;
    }

    if (caller->access.sid[0] == '\0') {
        caller_refuse(request, response, "no session");
        return -1;
    }

    return caller_judge(service, request, response, caller);
}


void
caller_free(caller_t *caller)
{
    token_access_free(&caller->access);
    db_session_free(&caller->session);
}


static int
caller_judge(service_t *service, const http_request_t *request,
    http_response_t *response, caller_t *caller)
{
    const char   *reason;
    db_status_t   status;

    status = db_session_get(service->db, caller->access.sid,
                            caller->access.sub, &caller->session);

    if (status != DB_OK) {
        answer_database(status, response);
        return -1;
    }

    reason = caller_reasons[caller->session.outcome];

    if (reason) {
        caller_refuse(request, response, reason);
        return -1;
    }

    return 0;
}


void
caller_refuse(const http_request_t *request, http_response_t *response,
    const char *reason)
{
    log_event(LOG_TOKEN_REFUSED, "reason", reason, "path", request->path,
              "address", request->address, NULL);

    http_respond_error(response, 401, "invalid_token",
                       "there is no session to this access token");
}
