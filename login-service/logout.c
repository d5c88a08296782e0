/*
 * POST /auth/logout.  Any token that we signed ends its session, an expired
 * or superseded one too: whoever holds it may at least give it up.  All else
 * is answered the same, so that it can be repeated.
 */

#include <string.h>
#include <time.h>

#include "client.h"
#include "cookie.h"
#include "log.h"
#include "metrics.h"
#include "offer.h"
#include "ring.h"
#include "routes.h"


static int logout_scope(const http_request_t *request, const char **fault);
static db_status_t logout_by_refresh(service_t *service, jot_str_t text,
    const client_t *client);
static db_status_t logout_by_access(service_t *service, jot_str_t text,
    const client_t *client);
static db_status_t logout_session(service_t *service, const db_proof_t *proof,
    const char *sub, const client_t *client);


void
logout_handler(service_t *service, const http_request_t *request,
    http_response_t *response)
{
    int          has_refresh, has_access;
    client_t     client;
    jot_str_t    refresh, access;
    delivery_t   delivery;
    const char  *fault;
    db_status_t  status;

    if (logout_scope(request, &fault) != 0
        || (has_refresh = offer_refresh(request, service->config, &refresh,
                                        &delivery, &fault)) == -1
        || (has_access = offer_access(request, service->config, &access,
                                      &delivery, &fault)) == -1)
    {
        routes_refuse(request, response, 400, "invalid_request", fault);
        return;
    }

    client_read(request, &client);
    status = DB_OK;

    if (has_refresh) {
        status = logout_by_refresh(service, refresh, &client);
    }

    /* Of the same session as a rule, and then this finds nothing to do. */

    if (has_access && status == DB_OK) {
        status = logout_by_access(service, access, &client);
    }

    if (status != DB_OK) {
        answer_database(status, response);
        return;
    }

    cookie_clear(response, service->config);

    if (response->status == 0) {
        response->status = 204;
    }
}


static int
logout_scope(const http_request_t *request, const char **fault)
{
    int          rc;
    const char  *scope;

    rc = http_member(request, "scope", &scope);

    if (rc == 0 || (rc == 1 && strcmp(scope, "local") == 0)) {
        return 0;
    }

    *fault = "scope is \"local\"; no other is served";

    return -1;
}


static db_status_t
logout_by_refresh(service_t *service, jot_str_t text, const client_t *client)
{
    char              sid[37];
    db_proof_t        proof;
    db_status_t       status;
    unsigned char     digest[TOKEN_DIGEST_SIZE];
    token_refresh_t   refresh;

    status = ring_token(service, text, &refresh);

    if (status != DB_OK) {
        return status == DB_NONE ? DB_OK : status;
    }

    token_sid_text(refresh.sid, sid);
    proof.sid = sid;
    proof.digest = digest;

    status = token_refresh_digest(&refresh, digest) == 0
             ? logout_session(service, &proof, NULL, client) : DB_FAILED;

    explicit_bzero(&refresh, sizeof(refresh));
    return status;
}


static db_status_t
logout_by_access(service_t *service, jot_str_t text, const client_t *client)
{
    db_proof_t       proof;
    db_status_t      status;
    jot_status_t     verified;
    token_access_t   access;

    memset(&access, 0, sizeof(access));
    status = DB_OK;

    verified = token_access_verify(service->keys, service->config, text,
                                   time(NULL), &access);

    if ((verified == JOT_OK || verified == JOT_EXPIRED) && access.sid[0]) {
        proof.sid = access.sid;
        proof.digest = NULL;
        status = logout_session(service, &proof, access.sub, client);
    }

    token_access_free(&access);
    return status;
}


/* DB_OK if it is ended now, whoever ended it. */
static db_status_t
logout_session(service_t *service, const db_proof_t *proof, const char *sub,
    const client_t *client)
{
    db_status_t  status;

    status = db_session_end(service->db, proof, sub, "logout", &client->db);

    if (status == DB_OK) {
        log_event(LOG_LOGOUT, "session", proof->sid, "address",
                  client->address, NULL);
        metrics_add(METRIC_LOGOUT, 1);
    }

    return status == DB_NONE ? DB_OK : status;
}
