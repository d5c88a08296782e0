/*
 * The same token is written down again for every retry within the grace: a
 * refresh token is a function of the session's secret and its generation.
 */

#include <stdlib.h>
#include <string.h>

#include "answer.h"
#include "cookie.h"
#include "log.h"
#include "ring.h"


#define SECOND  INT64_C(1000000)


static token_result_t answer_access(const service_t *service,
    const db_session_t *session, const char *sid, int64_t exp, char **token);
static int64_t answer_exp(const config_t *config, const db_session_t *session);
static int answer_texts(const db_session_t *session, json_t *body,
    const answer_pair_t *pair);


json_t *
answer_session(const config_t *config, const char *sid,
    const db_session_t *session)
{
    json_t  *roles;

    roles = json_loads(session->roles, 0, NULL);

    return json_pack("{s:f, s:{s:s, s:I, s:I, s:I}, s:{s:s, s:s, s:o}}",
        "server_time", (double) (session->now / 1000) / 1000,
        "session",
            "id", sid,
            "idle_expires_in",
            (json_int_t) answer_left(session, session->idle),
            "absolute_expires_in",
            (json_int_t) answer_left(session, session->absolute),
            "idle_seconds", (json_int_t) config->session_idle,
        "user",
            "sub", session->sub,
            "name", session->name,
            "roles", roles);
}


token_result_t
answer_pair(service_t *service, const db_session_t *session,
    token_refresh_t *refresh, answer_pair_t *pair, http_response_t *response)
{
    char            sid[37];
    int64_t         exp;
    token_result_t  result;

    memset(pair, 0, sizeof(answer_pair_t));

    if (ring_ready(service) != 0) {
        http_respond_unavailable(response);
        return TOKEN_FAILED;
    }

    refresh->generation = session->generation;
    token_sid_text(refresh->sid, sid);
    exp = answer_exp(service->config, session);
    pair->expires_in = answer_left(session, exp * SECOND);

    result = answer_access(service, session, sid, exp, &pair->access);

    if (result == TOKEN_OK
        && token_refresh_build(service->keys, refresh, pair->refresh) != 0)
    {
        result = TOKEN_FAILED;
    }

    if (result != TOKEN_OK) {
        log_event(LOG_INTERNAL, "reason", "no token was made", "session", sid,
                  NULL);
        http_respond_error(response, 500, "server_error",
                           result == TOKEN_TOO_LARGE
                           ? "what this user's access token has to say does "
                             "not fit into it"
                           : "no token could be made");
    }

    return result;
}


void
answer_pair_free(answer_pair_t *pair)
{
    if (pair->access) {
        explicit_bzero(pair->access, strlen(pair->access));
        free(pair->access);
    }

    explicit_bzero(pair, sizeof(answer_pair_t));
}


token_result_t
answer_tokens(service_t *service, delivery_t delivery,
    const db_session_t *session, token_refresh_t *refresh, int renewed,
    http_response_t *response)
{
    char             sid[37];
    json_t          *body;
    answer_pair_t    pair;
    token_result_t   result;

    result = answer_pair(service, session, refresh, &pair, response);

    if (result != TOKEN_OK) {
        goto done;
    }

    token_sid_text(refresh->sid, sid);
    body = answer_session(service->config, sid, session);

    if (body == NULL
        || json_object_set_new(body, "token_type", json_string("Bearer")) != 0
        || json_object_set_new(body, "expires_in",
                               json_integer(pair.expires_in)) != 0
        || (renewed >= 0
            && json_object_set_new(body, "renewed", json_boolean(renewed))
               != 0)
        || (delivery == DELIVERY_TOKEN
            && answer_texts(session, body, &pair) != 0))
    {
        json_decref(body);
        http_respond_json(response, 500, NULL);
        goto done;
    }

    if (delivery == DELIVERY_COOKIE) {
        cookie_access_set(response, service->config, pair.access,
                          pair.expires_in);
        cookie_refresh_set(response, service->config, pair.refresh,
                           answer_left(session, session->absolute));
    }

    http_respond_json(response, 200, body);

done:

    answer_pair_free(&pair);
    return result;
}


void
answer_database(db_status_t status, http_response_t *response)
{
    if (status == DB_UNAVAILABLE) {
        http_respond_unavailable(response);
        return;
    }

    http_respond_error(response, 500, "server_error", "an internal error");
}


int64_t
answer_left(const db_session_t *session, int64_t time)
{
    return time > session->now ? (time - session->now) / SECOND : 0;
}


static token_result_t
answer_access(const service_t *service, const db_session_t *session,
    const char *sid, int64_t exp, char **token)
{
    token_claims_t  claims;

    claims.client_id = NULL;
    claims.sub = session->sub;
    claims.name = session->name;
    claims.sid = sid;
    claims.roles = session->roles;
    claims.scope = session->scope;
    claims.extra = session->extra[0] ? session->extra : "{}";
    claims.ver = session->ver;
    claims.iat = session->now / SECOND;
    claims.exp = exp;

    return token_access_build(service->keys, service->config, &claims, token);
}


/* Whole seconds, and never past an end of the session. */
static int64_t
answer_exp(const config_t *config, const db_session_t *session)
{
    int64_t  exp;

    exp = session->now / SECOND + config->access_token_expire;

    if (exp > session->idle / SECOND) {
        exp = session->idle / SECOND;
    }

    if (exp > session->absolute / SECOND) {
        exp = session->absolute / SECOND;
    }

    return exp;
}


static int
answer_texts(const db_session_t *session, json_t *body,
    const answer_pair_t *pair)
{
    int64_t  left;

    left = answer_left(session, session->absolute);

    return json_object_set_new(body, "access_token",
                               json_string(pair->access)) != 0
           || json_object_set_new(body, "refresh_token",
                                  json_string(pair->refresh)) != 0
           || json_object_set_new(body, "refresh_token_expires_in",
                                  json_integer(left)) != 0
           ? -1 : 0;
}
