/*
 * POST /oauth/revoke (RFC 7009).  A refresh token ends its session, an access
 * token is put on the list that gateways read.  Whoever holds a token of a
 * session may give it up; that of a machine only the machine itself.
 */

#include <string.h>
#include <time.h>

#include "answer.h"
#include "client.h"
#include "log.h"
#include "metrics.h"
#include "oauth_client.h"
#include "ring.h"
#include "routes.h"
#include "token.h"


static void oauth_revoke_judge(service_t *service,
    const http_request_t *request, http_response_t *response,
    const oauth_client_t *client, jot_str_t text);
static db_status_t oauth_revoke_refresh(service_t *service,
    const token_refresh_t *refresh, const client_t *asking);
static int oauth_revoke_may(const service_t *service,
    const http_request_t *request, http_response_t *response,
    const oauth_client_t *client, const char *owner);
static db_status_t oauth_revoke_access(service_t *service,
    const token_access_t *access, const client_t *asking);


void
oauth_revoke_handler(service_t *service, const http_request_t *request,
    http_response_t *response)
{
    const char      *text;
    jot_str_t        token;
    oauth_client_t   client;

    if (http_member(request, "token", &text) != 1) {
        routes_refuse(request, response, 400, "invalid_request",
                      "there is no token");
        return;
    }

    token = (jot_str_t) { text, strlen(text) };

    if (oauth_client_find(service, request, response, &client) == 0) {
        oauth_revoke_judge(service, request, response, &client, token);
    }

    oauth_client_free(&client);
}


/*
 * token_type_hint is not needed: the two do not look alike.  One that is none,
 * or has ended, needs nothing more (2.2).
 */
static void
oauth_revoke_judge(service_t *service, const http_request_t *request,
    http_response_t *response, const oauth_client_t *client, jot_str_t text)
{
    int               may;
    client_t          asking;
    db_status_t       status;
    jot_status_t      verified;
    token_access_t    access;
    token_refresh_t   refresh;

    memset(&access, 0, sizeof(access));
    client_read(request, &asking);
    verified = JOT_MISSING;
    may = 1;

    status = ring_token(service, text, &refresh);

    if (status == DB_OK) {

        may = oauth_revoke_may(service, request, response, client,
                               service->config->client_id);
        if (may) {
            status = oauth_revoke_refresh(service, &refresh, &asking);
        }

    } else if (status == DB_NONE) {
        verified = token_access_verify(service->keys, service->config, text,
                                       time(NULL), &access);
    }

    if (verified == JOT_OK) {

        may = oauth_revoke_may(service, request, response, client,
                               access.client_id);
        if (may) {
            status = oauth_revoke_access(service, &access, &asking);
        }

    } else if (verified == JOT_INTERNAL) {
        status = DB_FAILED;
    }

    if (may && (status == DB_OK || status == DB_NONE)) {
        response->status = 200;

    } else if (may) {
        answer_database(status, response);
    }

    token_access_free(&access);
    explicit_bzero(&refresh, sizeof(refresh));
}


static int
oauth_revoke_may(const service_t *service, const http_request_t *request,
    http_response_t *response, const oauth_client_t *client,
    const char *owner)
{
    int  of_people;

    of_people = strcmp(owner, service->config->client_id) == 0;

    if (client->kind == OAUTH_CLIENT_NONE && !of_people) {
        oauth_client_refuse(request, response, NULL, "no credentials");
        return 0;
    }

    if (client->kind != OAUTH_CLIENT_NONE && strcmp(client->id, owner) != 0) {
        routes_refuse(request, response, 400, "unauthorized_client",
                      "the token was not issued to this client");
        return 0;
    }

    return 1;
}


static db_status_t
oauth_revoke_refresh(service_t *service, const token_refresh_t *refresh,
    const client_t *asking)
{
    char            sid[37];
    db_proof_t      proof;
    db_status_t     status;
    unsigned char   digest[TOKEN_DIGEST_SIZE];

    if (token_refresh_digest(refresh, digest) != 0) {
        return DB_FAILED;
    }

    token_sid_text(refresh->sid, sid);
    proof.sid = sid;
    proof.digest = digest;

    status = db_session_end(service->db, &proof, NULL, "logout", &asking->db);

    if (status == DB_OK) {
        log_event(LOG_LOGOUT, "session", sid, "address", asking->address,
                  NULL);
        metrics_add(METRIC_LOGOUT, 1);
    }

    return status;
}


static db_status_t
oauth_revoke_access(service_t *service, const token_access_t *access,
    const client_t *asking)
{
    db_token_t   token;
    db_status_t  status;

    token.jti = access->jti;
    token.sid = access->sid[0] ? access->sid : NULL;
    token.sub = access->sub;
    token.client_id = access->client_id;
    token.ver = access->ver;

    status = db_token_revoke(service->db, &token, &asking->db);

    if (status == DB_OK) {
        log_event(LOG_TOKEN_REVOKED, "jti", access->jti, "client",
                  access->client_id, "address", asking->address, NULL);
        metrics_add(METRIC_TOKEN_REVOKED, 1);
    }

    return status;
}
