/*
 * POST /auth/logout.  Any token that we signed ends its session, an expired
 * or superseded one too: whoever holds it may at least give it up.  All else
 * is answered the same, so that it can be repeated.
 */

#include <string.h>
#include <time.h>

#include "caller.h"
#include "client.h"
#include "cookie.h"
#include "log.h"
#include "metrics.h"
#include "offer.h"
#include "ring.h"
#include "routes.h"


typedef enum {
    LOGOUT_LOCAL,
    LOGOUT_OTHERS,
    LOGOUT_GLOBAL,
    LOGOUT_SCOPES
} logout_scope_t;

/* Each db_status_t: DB_NONE if there was nothing to end. */

static int logout_scope(const http_request_t *request, logout_scope_t *scope,
    const char **fault);
static db_status_t logout_by_refresh(service_t *service, logout_scope_t scope,
    jot_str_t text, const client_t *client);
static db_status_t logout_by_access(service_t *service, logout_scope_t scope,
    jot_str_t text, const client_t *client);
static db_status_t logout_end(service_t *service, logout_scope_t scope,
    const db_proof_t *proof, const char *sub, const client_t *client);


static const char *const  logout_scopes[LOGOUT_SCOPES] = {
    [LOGOUT_LOCAL]  = "local",
    [LOGOUT_OTHERS] = "others",
    [LOGOUT_GLOBAL] = "global",
};


void
logout_handler(service_t *service, const http_request_t *request,
    http_response_t *response)
{
    int              has_refresh, has_access;
    client_t         client;
    jot_str_t        refresh, access;
    delivery_t       delivery;
    const char      *fault;
    db_status_t      status;
    logout_scope_t   scope;

    if (logout_scope(request, &scope, &fault) != 0
        || (has_refresh = offer_refresh(request, service->config, &refresh,
                                        &delivery, &fault)) == -1
        || (has_access = offer_access(request, service->config, &access,
                                      &delivery, &fault)) == -1)
    {
        routes_refuse(request, response, 400, "invalid_request", fault);
        return;
    }

    client_read(request, &client);
    status = DB_NONE;

    if (has_refresh) {
        status = logout_by_refresh(service, scope, refresh, &client);
    }

    /*
     * Both are of the same session as a rule; but where they are not, a local
     * logout ends either.
     */

    if (has_access
        && (status == DB_NONE || (status == DB_OK && scope == LOGOUT_LOCAL)))
    {
        status = logout_by_access(service, scope, access, &client);
    }

    if (status == DB_NONE && scope != LOGOUT_LOCAL) {
        caller_refuse(request, response, "no live session");
        return;
    }

    if (status != DB_OK && status != DB_NONE) {
        answer_database(status, response);
        return;
    }

    if (scope != LOGOUT_OTHERS) {
        cookie_clear(response, service->config);
    }

    if (response->status == 0) {
        response->status = 204;
    }
}


static int
logout_scope(const http_request_t *request, logout_scope_t *scope,
    const char **fault)
{
    int          rc;
    const char  *word;

    rc = http_member(request, "scope", &word);
    *scope = LOGOUT_LOCAL;

    if (rc == 0) {
        return 0;
    }

    for ( /* void */ ; rc == 1 && *scope < LOGOUT_SCOPES; (*scope)++) {
        if (strcmp(word, logout_scopes[*scope]) == 0) {
            return 0;
        }
    }

    *fault = "scope is \"local\", \"others\" or \"global\"";

    return -1;
}


static db_status_t
logout_by_refresh(service_t *service, logout_scope_t scope, jot_str_t text,
    const client_t *client)
{
    char              sid[37];
    db_proof_t        proof;
    db_status_t       status;
    unsigned char     digest[TOKEN_DIGEST_SIZE];
    token_refresh_t   refresh;

    status = ring_token(service, text, &refresh);

    if (status != DB_OK) {
        return status;
    }

    token_sid_text(refresh.sid, sid);
    proof.sid = sid;
    proof.digest = digest;

    status = token_refresh_digest(&refresh, digest) == 0
             ? logout_end(service, scope, &proof, NULL, client) : DB_FAILED;

    explicit_bzero(&refresh, sizeof(refresh));
    return status;
}


static db_status_t
logout_by_access(service_t *service, logout_scope_t scope, jot_str_t text,
    const client_t *client)
{
    db_proof_t       proof;
    db_status_t      status;
    jot_status_t     verified;
    token_access_t   access;

    memset(&access, 0, sizeof(access));
    status = DB_NONE;

    verified = token_access_verify(service->keys, service->config, text,
                                   time(NULL), &access);

    if (access.sid[0]
        && (verified == JOT_OK
            || (verified == JOT_EXPIRED && scope == LOGOUT_LOCAL)))
    {
        proof.sid = access.sid;
        proof.digest = NULL;
        status = logout_end(service, scope, &proof, access.sub, client);
    }

    token_access_free(&access);
    return status;
}


static db_status_t
logout_end(service_t *service, logout_scope_t scope, const db_proof_t *proof,
    const char *sub, const client_t *client)
{
    db_status_t  status;

    if (scope == LOGOUT_LOCAL) {
        status = db_session_end(service->db, proof, sub, "logout",
                                &client->db);
    } else {
        status = db_session_end_all(service->db, proof, sub,
                                    scope == LOGOUT_OTHERS, &client->db);
    }

    if (status == DB_OK) {
        log_event(LOG_LOGOUT, "scope", logout_scopes[scope],
                  "session", proof->sid, "address", client->address, NULL);
        metrics_add(METRIC_LOGOUT, 1);
    }

    return status;
}
