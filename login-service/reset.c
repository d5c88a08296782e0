/*
 * POST /auth/reset: whoever has a link that "portero user reset-link" made
 * sets a password with it.  The link serves once, and is not used up by a
 * password that will not do; all sessions end.  It signs nobody in.
 */

#include <string.h>

#include "answer.h"
#include "client.h"
#include "credential.h"
#include "log.h"
#include "metrics.h"
#include "password.h"
#include "routes.h"
#include "secret.h"
#include "throttle.h"


typedef struct {
    const char     *token;
    const char     *wanted;
    client_t        client;
    throttle_t      throttle;
    unsigned char   digest[SECRET_DIGEST_SIZE];
    char            sub[DB_SUB_SIZE];
    char            login[DB_SUB_SIZE];
    char            hash[DB_HASH_SIZE];
} reset_t;


static int reset_parse(const http_request_t *request,
    http_response_t *response, reset_t *reset);
static int reset_find(service_t *service, http_response_t *response,
    reset_t *reset);
static int reset_judge(service_t *service, const http_request_t *request,
    http_response_t *response, reset_t *reset);
static void reset_accept(service_t *service, http_response_t *response,
    const reset_t *reset);
static void reset_refuse(http_response_t *response, const reset_t *reset,
    const char *reason);


void
reset_handler(service_t *service, const http_request_t *request,
    http_response_t *response)
{
    reset_t  reset;

    memset(&reset, 0, sizeof(reset));

    if (reset_parse(request, response, &reset) != 0) {
        return;
    }

    client_read(request, &reset.client);

    if (throttle_take(service, request, response, NULL, NULL, &reset.throttle)
        != 0)
    {
        return;
    }

    if (reset_find(service, response, &reset) == 0) {
        throttle_return(service, &reset.throttle);

        if (reset_judge(service, request, response, &reset) == 0) {
            reset_accept(service, response, &reset);
        }
    }

    explicit_bzero(&reset, sizeof(reset));
}


static int
reset_parse(const http_request_t *request, http_response_t *response,
    reset_t *reset)
{
    if (http_member(request, "token", &reset->token) != 1
        || http_member(request, "new_password", &reset->wanted) != 1)
    {
        routes_refuse(request, response, 400, "invalid_request",
                      "token and new_password have to be there, as strings");
        return -1;
    }

    return 0;
}


/* Whose link it is, and the hash that it replaces. */
static int
reset_find(service_t *service, http_response_t *response, reset_t *reset)
{
    db_status_t  status;

    status = secret_digest(reset->token, reset->digest) == 0
             ? db_link_find(service->db, DB_LINK_RESET, reset->digest,
                            reset->sub)
             : DB_NONE;

    if (status == DB_OK) {
        status = db_user_of(service->db, reset->sub, reset->login,
                            reset->hash);
    }

    if (status == DB_OK) {
        return 0;
    }

    if (status == DB_NONE) {
        reset_refuse(response, reset, reset->sub[0] ? "disabled" : "link");

    } else {
        answer_database(status, response);
    }

    return -1;
}


static int
reset_judge(service_t *service, const http_request_t *request,
    http_response_t *response, reset_t *reset)
{
    unsigned  weak;

    if (credential_weakness(service, response, reset->wanted, reset->login,
                            &weak)
        != 0)
    {
        return -1;
    }

    if (weak) {
        credential_respond_weak(response, weak);
        return -1;
    }

    if (request->client_gone(request->client_data)) {
        log_event(LOG_CLIENT_GONE, "path", request->path, "address",
                  request->address, NULL);
        http_respond_unavailable(response);
        return -1;
    }

    return 0;
}


static void
reset_accept(service_t *service, http_response_t *response,
    const reset_t *reset)
{
    char         hash[PASSWORD_HASH_SIZE];
    db_status_t  status;

    if (credential_hash(response, reset->wanted, hash) != 0) {
        return;
    }

    status = db_link_reset(service->db, reset->digest,
                           reset->hash[0] ? reset->hash : NULL, hash,
                           &reset->client.db);
    explicit_bzero(hash, sizeof(hash));

    if (status == DB_NONE) {
        reset_refuse(response, reset, "link");
        return;
    }

    if (status != DB_OK) {
        answer_database(status, response);
        return;
    }

    log_event(LOG_PASSWORD_RESET, "user", reset->sub, "address",
              reset->client.address, NULL);
    metrics_add(METRIC_PASSWORD_CHANGED, 1);

    http_respond_json(response, 200, json_pack("{s:{s:s, s:s}}", "user",
                                               "sub", reset->sub,
                                               "name", reset->login));
}


static void
reset_refuse(http_response_t *response, const reset_t *reset,
    const char *reason)
{
    log_event(LOG_PASSWORD_REFUSED, "reason", reason, "user",
              reset->sub[0] ? reset->sub : NULL, "address",
              reset->client.address, NULL);
    metrics_add(METRIC_PASSWORD_REFUSED, 1);

    http_respond_error(response, 403, "access_denied",
                       "this link has been used, or is too old");
}
