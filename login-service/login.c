/*
 * POST /auth/login.  Whoever asks learns that name and password do not fit,
 * never which of the two: an unknown, disabled or passwordless user costs one
 * hash and one line in the audit like anybody else, and the answer is the
 * same.  No transaction is open while a hash is computed.
 */

#include <string.h>

#include "answer.h"
#include "client.h"
#include "cookie.h"
#include "credential.h"
#include "csrf.h"
#include "log.h"
#include "metrics.h"
#include "notice.h"
#include "password.h"
#include "routes.h"
#include "throttle.h"
#include "username.h"


typedef struct {
    const char   *name;
    int           possible;     /* the name has the form that users have */
    const char   *password;
    delivery_t    delivery;
    client_t      client;
    db_user_t     user;
    throttle_t    throttle;
    int           known;        /* the device, or the network */
} login_t;

typedef struct {
    const char   *reason;
    metric_t      metric;
} login_reason_t;


static int login_parse(const http_request_t *request,
    http_response_t *response, login_t *login);
static int login_judge(service_t *service, const http_request_t *request,
    http_response_t *response, login_t *login);
static void login_refuse(service_t *service, const login_t *login,
    const char *reason, http_response_t *response);
static void login_count(const char *reason);
static void login_upgrade(service_t *service, const login_t *login);
static void login_accept(service_t *service, const http_request_t *request,
    http_response_t *response, login_t *login);
static int login_replaced(const service_t *service,
    const http_request_t *request, char sid[37],
    unsigned char digest[TOKEN_DIGEST_SIZE]);


static const login_reason_t  login_reasons[] = {
    { "wrong", METRIC_LOGIN_WRONG },
    { "unknown", METRIC_LOGIN_UNKNOWN },
    { "disabled", METRIC_LOGIN_DISABLED },
    { "no_password", METRIC_LOGIN_NO_PASSWORD },
    { "hash", METRIC_LOGIN_HASH },
};


void
login_handler(service_t *service, const http_request_t *request,
    http_response_t *response)
{
    login_t  login;

    memset(&login, 0, sizeof(login));

    if (login_parse(request, response, &login) != 0) {
        return;
    }

    /* A stranger's page must not sign its visitor in as somebody else. */

    if (login.delivery == DELIVERY_COOKIE
        && csrf_check(request, service->config, response) != 0)
    {
        metrics_add(METRIC_REQUEST_REFUSED, 1);
        return;
    }

    client_read(request, &login.client);

    if (login_judge(service, request, response, &login) == 0) {
        login_upgrade(service, &login);
        login_accept(service, request, response, &login);
    }

    explicit_bzero(&login.user, sizeof(login.user));
}


static int
login_parse(const http_request_t *request, http_response_t *response,
    login_t *login)
{
    int          rc;
    const char  *delivery;

    if (http_member(request, "username", &login->name) != 1
        || http_member(request, "password", &login->password) != 1)
    {
        routes_refuse(request, response, 400, "invalid_request",
                      "username and password have to be there, as strings");
        return -1;
    }

    rc = http_member(request, "delivery", &delivery);

    if (rc == 0) {
        login->delivery = request->sec_fetch_mode ? DELIVERY_COOKIE
                                                  : DELIVERY_TOKEN;

    } else if (rc == 1 && strcmp(delivery, "cookie") == 0) {
        login->delivery = DELIVERY_COOKIE;

    } else if (rc == 1 && strcmp(delivery, "token") == 0) {
        login->delivery = DELIVERY_TOKEN;

    } else {
        routes_refuse(request, response, 400, "invalid_request",
                      "delivery is \"cookie\" or \"token\"");
        return -1;
    }

    login->possible = username_valid(login->name);

    return 0;
}


/* 0 if the password is this user's; else the response says what it is. */
static int
login_judge(service_t *service, const http_request_t *request,
    http_response_t *response, login_t *login)
{
    const char   *doomed, *reason;
    db_status_t   status;

    status = login->possible
             ? db_user_find(service->db, login->name, &login->user) : DB_NONE;

    if (status != DB_OK && status != DB_NONE) {
        answer_database(status, response);
        return -1;
    }

    if (throttle_take(service, request, response,
                      status == DB_OK ? login->user.sub : NULL, login->name,
                      &login->throttle)
        != 0)
    {
        return -1;
    }

    doomed = status == DB_NONE ? "unknown"
             : login->user.disabled ? "disabled"
             : login->user.hash[0] == '\0' ? "no_password" : NULL;

    if (credential_check(request, response, login->password,
                         doomed ? NULL : login->user.hash, login->user.sub,
                         &reason)
        != 0)
    {
        throttle_return(service, &login->throttle);
        return -1;
    }

    if (doomed == NULL && reason == NULL) {
        login->known = throttle_passed(service, &login->throttle);
        return 0;
    }

    if (throttle_wrong(service, &login->throttle, login->password)
        && login->user.sub[0])
    {
        notice_many_failures(service, login->user.sub, login->name,
                             &login->client);
    }

    login_refuse(service, login, doomed ? doomed : reason, response);
    return -1;
}


/* The reason is for the log and the audit; the answer is always the same. */
static void
login_refuse(service_t *service, const login_t *login, const char *reason,
    http_response_t *response)
{
    const char   *sub;
    db_status_t   status;

    sub = login->user.sub[0] ? login->user.sub : NULL;

    /* A name that nobody has may be a password in the wrong field. */

    status = db_user_refused(service->db, sub ? login->name : NULL, sub,
                             reason, &login->client.db);
    if (status != DB_OK) {
        answer_database(status, response);
        return;
    }

    log_event(LOG_LOGIN_REFUSED, "reason", reason, "user", sub,
              "address", login->client.address, NULL);
    login_count(reason);

    http_respond_error(response, 401, "invalid_grant",
                       "the user name or the password is wrong");
}


static void
login_count(const char *reason)
{
    size_t  i;

    for (i = 0; i < sizeof(login_reasons) / sizeof(login_reasons[0]); i++) {
        if (strcmp(login_reasons[i].reason, reason) == 0) {
            metrics_add(login_reasons[i].metric, 1);
        }
    }
}


/* Best effort: the login is good either way, and the next one tries again. */
static void
login_upgrade(service_t *service, const login_t *login)
{
    char  hash[PASSWORD_HASH_SIZE];

    if (!password_outdated(login->user.hash, login->password)) {
        return;
    }

    if (password_hash(login->password, hash) == 0
        && db_user_rehash(service->db, login->user.sub, login->user.hash,
                          hash) == DB_OK)
    {
        log_event(LOG_HASH_UPGRADED, "user", login->user.sub, NULL);
    }

    explicit_bzero(hash, sizeof(hash));
}


static void
login_accept(service_t *service, const http_request_t *request,
    http_response_t *response, login_t *login)
{
    int               replaces;
    char              sid[37], old_sid[37];
    db_proof_t        proof, replaced;
    db_status_t       status;
    db_session_t      session;
    unsigned char     digest[TOKEN_DIGEST_SIZE], old[TOKEN_DIGEST_SIZE];
    token_refresh_t   refresh;

    if (token_refresh_new(&refresh) != 0
        || token_refresh_digest(&refresh, digest) != 0)
    {
        http_respond_json(response, 500, NULL);
        return;
    }

    token_sid_text(refresh.sid, sid);
    proof.sid = sid;
    proof.digest = digest;

    replaces = login_replaced(service, request, old_sid, old);
    replaced.sid = old_sid;
    replaced.digest = old;

    status = db_session_create(service->db, login->user.sub, &proof,
                               replaces ? &replaced : NULL,
                               &login->client.db, &session);

    if (status != DB_OK) {
        answer_database(status, response);

    } else if (session.outcome != DB_SESSION_LIVE) {
        login_refuse(service, login, "disabled", response);

    } else if (answer_tokens(service, login->delivery, &session, &refresh, -1,
                             response) == TOKEN_OK)
    {
        if (login->delivery == DELIVERY_COOKIE) {
            device_set(service, login->user.sub, response);
        }

        log_event(LOG_LOGIN, "user", session.sub, "session", sid, "address",
                  login->client.address, NULL);
        metrics_add(METRIC_LOGIN_OK, 1);

        if (!login->known) {
            notice_new_device(service, login->user.sub, login->name,
                              &login->client);
        }

    } else {
        (void) db_session_end(service->db, &proof, NULL, "unusable",
                              &login->client.db);
    }

    db_session_free(&session);
    explicit_bzero(&refresh, sizeof(refresh));
}


/* Whether the request carries the refresh cookie of a session. */
static int
login_replaced(const service_t *service, const http_request_t *request,
    char sid[37], unsigned char digest[TOKEN_DIGEST_SIZE])
{
    int               rc;
    jot_str_t         text;
    token_refresh_t   refresh;

    if (http_cookie_find(request, cookie_refresh_name(service->config), &text)
        != 1
        || token_refresh_parse(service->keys, text, &refresh) != 0)
    {
        return 0;
    }

    token_sid_text(refresh.sid, sid);
    rc = token_refresh_digest(&refresh, digest);
    explicit_bzero(&refresh, sizeof(refresh));

    return rc == 0;
}
