/*
 * POST /auth/password: whoever is signed in and knows the old password sets a
 * new one.  All sessions of the user end, for one of them may be the reason;
 * the one that asks is replaced.  No transaction is open while a hash is
 * computed; the change takes effect only if the old hash still is in force.
 */

#include <string.h>

#include "answer.h"
#include "caller.h"
#include "client.h"
#include "credential.h"
#include "log.h"
#include "metrics.h"
#include "notice.h"
#include "password.h"
#include "routes.h"
#include "throttle.h"


typedef struct {
    const char   *current;
    const char   *wanted;
    caller_t      caller;
    client_t      client;
    char          login[DB_SUB_SIZE];
    char          hash[DB_HASH_SIZE];
    throttle_t    throttle;
} change_t;


static int change_parse(const http_request_t *request,
    http_response_t *response, change_t *change);
static int change_find(service_t *service, const http_request_t *request,
    http_response_t *response, change_t *change);
static int change_judge(service_t *service, const http_request_t *request,
    http_response_t *response, change_t *change);
static int change_refused(service_t *service, http_response_t *response,
    const change_t *change, const char *reason);
static void change_accept(service_t *service, const http_request_t *request,
    http_response_t *response, change_t *change);
static void change_respond(service_t *service, const http_request_t *request,
    http_response_t *response, const change_t *change,
    token_refresh_t *refresh, const char *new_hash);


void
change_password_handler(service_t *service, const http_request_t *request,
    http_response_t *response)
{
    change_t  change;

    memset(&change, 0, sizeof(change));

    if (change_parse(request, response, &change) == 0
        && change_find(service, request, response, &change) == 0
        && change_judge(service, request, response, &change) == 0)
    {
        change_accept(service, request, response, &change);
    }

    caller_free(&change.caller);
    explicit_bzero(&change, sizeof(change));
}


static int
change_parse(const http_request_t *request, http_response_t *response,
    change_t *change)
{
    if (http_member(request, "current_password", &change->current) != 1
        || http_member(request, "new_password", &change->wanted) != 1)
    {
        routes_refuse(request, response, 400, "invalid_request",
                      "current_password and new_password have to be there, as"
                      " strings");
        return -1;
    }

    client_read(request, &change->client);

    return 0;
}


/* Who asks, and the hash to compare with. */
static int
change_find(service_t *service, const http_request_t *request,
    http_response_t *response, change_t *change)
{
    db_status_t  status;

    if (caller_find(service, request, response, &change->caller) != 0) {
        return -1;
    }

    status = db_user_can_change(service->db);

    if (status == DB_NONE) {
        routes_refuse(request, response, 404, "not_found",
                      "passwords are not changed here");
        return -1;
    }

    if (status == DB_OK) {
        status = db_user_of(service->db, change->caller.access.sub,
                            change->login, change->hash);
    }

    if (status == DB_NONE) {
        caller_refuse(request, response, "revoked");
        return -1;
    }

    if (status != DB_OK) {
        answer_database(status, response);
        return -1;
    }

    return 0;
}


static int
change_judge(service_t *service, const http_request_t *request,
    http_response_t *response, change_t *change)
{
    unsigned     weak;
    const char  *reason;

    if (throttle_take(service, request, response, change->caller.access.sub,
                      NULL, &change->throttle)
        != 0)
    {
        return -1;
    }

    if (credential_check(request, response, change->current,
                         change->hash[0] ? change->hash : NULL,
                         change->caller.access.sub, &reason)
        != 0)
    {
        throttle_return(service, &change->throttle);
        return -1;
    }

    if (reason) {
        if (throttle_wrong(service, &change->throttle, change->current)) {
            notice_many_failures(service, change->caller.access.sub,
                                 change->login, &change->client);
        }

        if (change_refused(service, response, change, reason) == 0) {
            http_respond_error(response, 403, "wrong_password",
                               "the current password is wrong");
        }

        return -1;
    }

    throttle_return(service, &change->throttle);

    if (credential_weakness(service, response, change->wanted, change->login,
                            &weak)
        != 0)
    {
        return -1;
    }

    if (weak) {
        if (change_refused(service, response, change, "weak") == 0) {
            credential_respond_weak(response, weak);
        }

        return -1;
    }

    return 0;
}


/* Audit, log and counter; -1 if the database is away, and the response. */
static int
change_refused(service_t *service, http_response_t *response,
    const change_t *change, const char *reason)
{
    db_status_t            status;
    const token_access_t  *access;

    access = &change->caller.access;

    status = db_user_change_refused(service->db, access->sub, access->sid,
                                    reason, &change->client.db);
    if (status != DB_OK) {
        answer_database(status, response);
        return -1;
    }

    log_event(LOG_PASSWORD_REFUSED, "reason", reason, "user", access->sub,
              "session", access->sid, "address", change->client.address, NULL);
    metrics_add(METRIC_PASSWORD_REFUSED, 1);

    return 0;
}


static void
change_accept(service_t *service, const http_request_t *request,
    http_response_t *response, change_t *change)
{
    char             hash[PASSWORD_HASH_SIZE];
    token_refresh_t  refresh;

    if (token_refresh_new(&refresh) != 0) {
        http_respond_json(response, 500, NULL);
        return;
    }

    if (credential_hash(response, change->wanted, hash) == 0) {
        change_respond(service, request, response, change, &refresh, hash);
    }

    explicit_bzero(hash, sizeof(hash));
    explicit_bzero(&refresh, sizeof(refresh));
}


static void
change_respond(service_t *service, const http_request_t *request,
    http_response_t *response, const change_t *change,
    token_refresh_t *refresh, const char *new_hash)
{
    char            sid[37];
    db_proof_t      proof;
    db_change_t     wanted;
    db_status_t     status;
    db_session_t    session;
    unsigned char   digest[TOKEN_DIGEST_SIZE];

    if (token_refresh_digest(refresh, digest) != 0) {
        http_respond_json(response, 500, NULL);
        return;
    }

    token_sid_text(refresh->sid, sid);
    proof.sid = sid;
    proof.digest = digest;

    wanted.sub = change->caller.access.sub;
    wanted.asking = change->caller.access.sid;
    wanted.old_hash = change->hash;
    wanted.new_hash = new_hash;

    status = db_session_change_password(service->db, &wanted, &proof,
                                        &change->client.db, &session);

    if (status != DB_OK) {
        answer_database(status, response);

    } else if (session.outcome != DB_SESSION_LIVE) {
        caller_refuse(request, response, "revoked");

    } else {
        log_event(LOG_PASSWORD_CHANGED, "user", session.sub, "session", sid,
                  "address", change->client.address, NULL);
        metrics_add(METRIC_PASSWORD_CHANGED, 1);

        if (answer_tokens(service, change->caller.delivery, &session, refresh,
                          -1, response)
            != TOKEN_OK)
        {
            (void) db_session_end(service->db, &proof, NULL, "unusable",
                                  &change->client.db);
        }
    }

    db_session_free(&session);
}
