/*
 * POST /auth/refresh.  What is no token of ours is refused before the database
 * is asked; all else is decided by one statement there (session_refresh).
 * A 401 makes a client throw its session away, so once a token is authentic
 * only the database's own word leads to one.
 */

#include <string.h>

#include "client.h"
#include "cookie.h"
#include "log.h"
#include "metrics.h"
#include "offer.h"
#include "routes.h"


typedef struct {
    delivery_t         delivery;
    int                renew;       /* the idle deadline, too */
    client_t           client;
    token_refresh_t    token;
    char               sid[37];
} refresh_t;


static int refresh_intent(const http_request_t *request, int *renew,
    const char **fault);
static void refresh_judge(service_t *service, refresh_t *refresh,
    http_response_t *response);
static void refresh_accept(service_t *service, refresh_t *refresh,
    const db_session_t *session, http_response_t *response);
static void refresh_refuse(const service_t *service, const refresh_t *refresh,
    db_outcome_t outcome, const char *sub, http_response_t *response);


/* What a client reads; NULL: not a refusal. */
static const char  *refresh_reasons[DB_SESSION_OUTCOMES] = {
    [DB_SESSION_REUSE]   = "reuse",
    [DB_SESSION_REUSED]  = "reuse",
    [DB_SESSION_REVOKED] = "revoked",
    [DB_SESSION_EXPIRED] = "expired",
    [DB_SESSION_IDLE]    = "idle",
    [DB_SESSION_INVALID] = "invalid",
};


void
refresh_handler(service_t *service, const http_request_t *request,
    http_response_t *response)
{
    int          rc;
    jot_str_t    text;
    refresh_t    refresh;
    const char  *fault;

    memset(&refresh, 0, sizeof(refresh));

    if (refresh_intent(request, &refresh.renew, &fault) != 0
        || (rc = offer_refresh(request, service->config, &text,
                               &refresh.delivery, &fault)) == -1)
    {
        routes_refuse(request, response, 400, "invalid_request", fault);
        return;
    }

    client_read(request, &refresh.client);

    if (rc == 1
        && token_refresh_parse(service->keys, text, &refresh.token) == 0)
    {
        token_sid_text(refresh.token.sid, refresh.sid);
        refresh_judge(service, &refresh, response);

    } else {
        refresh_refuse(service, &refresh, DB_SESSION_INVALID, NULL, response);
    }

    explicit_bzero(&refresh.token, sizeof(refresh.token));
}


static int
refresh_intent(const http_request_t *request, int *renew, const char **fault)
{
    int          rc;
    const char  *intent;

    rc = http_member(request, "intent", &intent);

    if (rc == 0 || (rc == 1 && strcmp(intent, "continue") == 0)) {
        *renew = 1;
        return 0;
    }

    if (rc == 1 && strcmp(intent, "silent") == 0) {
        *renew = 0;
        return 0;
    }

    *fault = "intent is \"silent\" or \"continue\"";
    return -1;
}


static void
refresh_judge(service_t *service, refresh_t *refresh,
    http_response_t *response)
{
    db_proof_t      proof;
    db_status_t     status;
    db_session_t    session;
    unsigned char   digest[TOKEN_DIGEST_SIZE];

    if (token_refresh_digest(&refresh->token, digest) != 0) {
        http_respond_json(response, 500, NULL);
        return;
    }

    proof.sid = refresh->sid;
    proof.digest = digest;

    status = db_session_refresh(service->db, &proof,
                                refresh->token.generation, refresh->renew,
                                &refresh->client.db, &session);

    if (status != DB_OK) {
        answer_database(status, response);

    } else if (refresh_reasons[session.outcome]) {
        refresh_refuse(service, refresh, session.outcome, session.sub,
                       response);

    } else {
        refresh_accept(service, refresh, &session, response);
    }

    db_session_free(&session);
}


static void
refresh_accept(service_t *service, refresh_t *refresh,
    const db_session_t *session, http_response_t *response)
{
    int  rotated;

    if (answer_tokens(service, refresh->delivery, session, &refresh->token,
                      session->renewed, response)
        != TOKEN_OK)
    {
        return;
    }

    if (session->outcome == DB_SESSION_AHEAD) {
        log_event(LOG_REFRESH_AHEAD, "user", session->sub, "session",
                  refresh->sid, "address", refresh->client.address, NULL);
    }

    rotated = session->outcome == DB_SESSION_ROTATED
              || session->outcome == DB_SESSION_AHEAD;

    log_event(LOG_REFRESH, "rotated", rotated ? "yes" : "no",
              "user", session->sub, "session", refresh->sid,
              "address", refresh->client.address, NULL);
    metrics_add(rotated ? METRIC_REFRESH_ROTATED : METRIC_REFRESH_REPEATED, 1);
}


static void
refresh_refuse(const service_t *service, const refresh_t *refresh,
    db_outcome_t outcome, const char *sub, http_response_t *response)
{
    log_event(outcome == DB_SESSION_REUSE ? LOG_REFRESH_REUSE
                                          : LOG_REFRESH_REFUSED,
              "reason", refresh_reasons[outcome], "user", sub,
              "session", refresh->sid[0] ? refresh->sid : NULL,
              "address", refresh->client.address, NULL);
    metrics_add(METRIC_REFRESH_REFUSED, 1);

    cookie_clear(response, service->config);

    http_respond_json(response, 401,
        json_pack("{s:s, s:s, s:s}", "error", "invalid_grant",
                  "error_description", "this session cannot be continued",
                  "reason", refresh_reasons[outcome]));
}
