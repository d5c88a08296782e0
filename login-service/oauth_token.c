/*
 * POST /oauth/token (RFC 6749, 3.2, 5.1, 5.2).  A table has the grants; that
 * of a password is not among them (RFC 9700, 2.4).
 */

#include <stdlib.h>
#include <string.h>

#include "answer.h"
#include "log.h"
#include "metrics.h"
#include "oauth_client.h"
#include "rotation.h"
#include "routes.h"


#define SECOND  INT64_C(1000000)


typedef struct {
    const char   *name;
    void        (*answer)(service_t *service, const http_request_t *request,
                          http_response_t *response,
                          const oauth_client_t *client);
} oauth_grant_t;


static void oauth_grant_refresh(service_t *service,
    const http_request_t *request, http_response_t *response,
    const oauth_client_t *client);
static void oauth_renewed(service_t *service, rotation_t *rotation,
    const char *scope, http_response_t *response);
static void oauth_grant_client(service_t *service,
    const http_request_t *request, http_response_t *response,
    const oauth_client_t *client);
static void oauth_issue(service_t *service, const http_request_t *request,
    http_response_t *response, const oauth_client_t *client,
    const char *scope);
static int oauth_scope(const http_request_t *request,
    http_response_t *response, const char *granted, const char **scope);
static int oauth_scope_has(const char *granted, const char *name, size_t len);
static void oauth_respond(http_response_t *response, const char *access,
    int64_t expires_in, const char *refresh, const char *scope);


static const oauth_grant_t  oauth_grants[] = {
    { "refresh_token", oauth_grant_refresh },
    { "client_credentials", oauth_grant_client },
};


void
oauth_token_handler(service_t *service, const http_request_t *request,
    http_response_t *response)
{
    size_t                i;
    const char           *type;
    oauth_client_t        client;
    const oauth_grant_t  *grant;

    if (http_member(request, "grant_type", &type) != 1) {
        routes_refuse(request, response, 400, "invalid_request",
                      "there is no grant_type");
        return;
    }

    grant = NULL;

    for (i = 0; i < sizeof(oauth_grants) / sizeof(oauth_grants[0]); i++) {
        if (strcmp(oauth_grants[i].name, type) == 0) {
            grant = &oauth_grants[i];
        }
    }

    if (grant == NULL) {
        routes_refuse(request, response, 400, "unsupported_grant_type",
                      "grant_type is refresh_token or client_credentials");
        return;
    }

    if (oauth_client_find(service, request, response, &client) == 0) {
        grant->answer(service, request, response, &client);
    }

    oauth_client_free(&client);
}


/* Section 6.  Only sessions have refresh tokens, and they are CLIENT_ID's. */

static void
oauth_grant_refresh(service_t *service, const http_request_t *request,
    http_response_t *response, const oauth_client_t *client)
{
    client_t      asking;
    jot_str_t     token;
    const char   *scope, *text;
    rotation_t    rotation;
    db_status_t   status;

    if (http_member(request, "refresh_token", &text) != 1) {
        routes_refuse(request, response, 400, "invalid_request",
                      "there is no refresh_token");
        return;
    }

    if (client->kind == OAUTH_CLIENT_MACHINE) {
        routes_refuse(request, response, 400, "invalid_grant",
                      "this client was given no refresh token");
        return;
    }

    token = (jot_str_t) { text, strlen(text) };
    client_read(request, &asking);
    status = rotation_perform(service, token, 1, &asking, &rotation);

    if (status != DB_OK) {
        answer_database(status, response);

    } else if (rotation.reason) {
        http_respond_json(response, 400,
            json_pack("{s:s, s:s, s:s}", "error", "invalid_grant",
                      "error_description", "this session cannot be continued",
                      "reason", rotation.reason));

    } else if (oauth_scope(request, response, rotation.session.scope, &scope)
               == 0)
    {
        oauth_renewed(service, &rotation, scope, response);
    }

    rotation_free(&rotation);
}


static void
oauth_renewed(service_t *service, rotation_t *rotation, const char *scope,
    http_response_t *response)
{
    db_session_t   session;
    answer_pair_t  pair;

    session = rotation->session;        /* which goes on to own the texts */
    session.scope = scope;

    if (answer_pair(service, &session, &rotation->token, &pair, response)
        == TOKEN_OK)
    {
        oauth_respond(response, pair.access, pair.expires_in, pair.refresh,
                      scope);
    }

    answer_pair_free(&pair);
}


/* Section 4.4. */

static void
oauth_grant_client(service_t *service, const http_request_t *request,
    http_response_t *response, const oauth_client_t *client)
{
    const char  *scope;

    switch (client->kind) {

    case OAUTH_CLIENT_NONE:
        oauth_client_refuse(request, response, NULL, "no credentials");
        return;

    case OAUTH_CLIENT_PUBLIC:
        routes_refuse(request, response, 400, "unauthorized_client",
                      "a public client has no credentials to show");
        return;

    case OAUTH_CLIENT_MACHINE:
        break;
    }

    if (oauth_scope(request, response, client->machine.scope, &scope) == 0) {
        oauth_issue(service, request, response, client, scope);
    }
}


/*
 * No session, so no sid and nothing to refresh; and no role of the owner's: a
 * machine may do what its scopes say.
 */
static void
oauth_issue(service_t *service, const http_request_t *request,
    http_response_t *response, const oauth_client_t *client,
    const char *scope)
{
    char                *token;
    token_claims_t       claims;
    token_result_t       result;
    const db_machine_t  *machine;

    machine = &client->machine;
    memset(&claims, 0, sizeof(claims));

    claims.sub = machine->sub;
    claims.name = machine->name;
    claims.client_id = client->id;
    claims.scope = scope;
    claims.ver = machine->ver;
    claims.iat = machine->now / SECOND;
    claims.exp = claims.iat + service->config->access_token_expire;

    if (machine->expires && claims.exp > machine->expires / SECOND) {
        claims.exp = machine->expires / SECOND;
    }

    result = token_access_build(service->keys, service->config, &claims,
                                &token);
    if (result != TOKEN_OK) {
        log_event(LOG_INTERNAL, "reason", "no token was made", "client",
                  client->id, NULL);
        http_respond_error(response, 500, "server_error",
                           "no token could be made");
        return;
    }

    log_event(LOG_CLIENT_TOKEN, "client", client->id, "user",
              machine->owned ? machine->sub : NULL, "address",
              request->address, NULL);
    metrics_add(METRIC_CLIENT_TOKEN, 1);

    oauth_respond(response, token, claims.exp - claims.iat, NULL, scope);

    explicit_bzero(token, strlen(token));
    free(token);
}


/*
 * What is asked for, if all of it was granted (3.3); or all that was granted.
 * *scope is a view.
 */
static int
oauth_scope(const http_request_t *request, http_response_t *response,
    const char *granted, const char **scope)
{
    size_t       len;
    const char  *p;

    if (http_member(request, "scope", scope) != 1) {
        *scope = granted;
        return 0;
    }

    for (p = *scope; *p; p += len + (p[len] == ' ')) {

        len = strcspn(p, " ");

        if (!oauth_scope_has(granted, p, len)) {
            routes_refuse(request, response, 400, "invalid_scope",
                          "the scope is more than was granted");
            return -1;
        }
    }

    return 0;
}


static int
oauth_scope_has(const char *granted, const char *name, size_t len)
{
    size_t  n;

    for ( ; *granted; granted += n + (granted[n] == ' ')) {

        n = strcspn(granted, " ");

        if (n == len && memcmp(granted, name, len) == 0) {
            return 1;
        }
    }

    return 0;
}


/* Section 5.1; what is NULL or empty is left out. */

static void
oauth_respond(http_response_t *response, const char *access,
    int64_t expires_in, const char *refresh, const char *scope)
{
    http_header_add(response, "Pragma", "no-cache");

    http_respond_json(response, 200,
        json_pack("{s:s, s:s, s:I, s:s*, s:s*}",
                  "access_token", access,
                  "token_type", "Bearer",
                  "expires_in", (json_int_t) expires_in,
                  "refresh_token", refresh,
                  "scope", scope && scope[0] ? scope : NULL));
}
