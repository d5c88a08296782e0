/*
 * A refusal makes a client throw its session away, so once a token is authentic
 * only the database's own word leads to one.
 */

#include <string.h>

#include "log.h"
#include "metrics.h"
#include "ring.h"
#include "rotation.h"


static db_status_t rotation_judge(service_t *service, int renew,
    const client_t *client, rotation_t *rotation);
static void rotation_accepted(const rotation_t *rotation,
    const client_t *client);
static void rotation_refused(const rotation_t *rotation,
    db_outcome_t outcome, const client_t *client);


/* What a client reads; NULL: not a refusal. */
static const char  *rotation_reasons[DB_SESSION_OUTCOMES] = {
    [DB_SESSION_REUSE]   = "reuse",
    [DB_SESSION_REUSED]  = "reuse",
    [DB_SESSION_REVOKED] = "revoked",
    [DB_SESSION_EXPIRED] = "expired",
    [DB_SESSION_IDLE]    = "idle",
    [DB_SESSION_INVALID] = "invalid",
};

static const metric_t  rotation_metrics[DB_SESSION_OUTCOMES] = {
    [DB_SESSION_REUSE]   = METRIC_REFRESH_REUSE,
    [DB_SESSION_REUSED]  = METRIC_REFRESH_REUSE,
    [DB_SESSION_REVOKED] = METRIC_REFRESH_REVOKED,
    [DB_SESSION_EXPIRED] = METRIC_REFRESH_EXPIRED,
    [DB_SESSION_IDLE]    = METRIC_REFRESH_IDLE,
    [DB_SESSION_INVALID] = METRIC_REFRESH_INVALID,
};


db_status_t
rotation_perform(service_t *service, jot_str_t text, int renew,
    const client_t *client, rotation_t *rotation)
{
    db_status_t   status;
    db_outcome_t  outcome;

    memset(rotation, 0, sizeof(rotation_t));
    outcome = DB_SESSION_INVALID;

    status = ring_token(service, text, &rotation->token);

    if (status == DB_UNAVAILABLE) {
        return status;
    }

    if (status == DB_OK) {

        token_sid_text(rotation->token.sid, rotation->sid);
        status = rotation_judge(service, renew, client, rotation);

        if (status != DB_OK) {
            return status;
        }

        outcome = rotation->session.outcome;
    }

    rotation->reason = rotation_reasons[outcome];

    if (rotation->reason) {
        rotation_refused(rotation, outcome, client);
    } else {
        rotation_accepted(rotation, client);
    }

    return DB_OK;
}


void
rotation_free(rotation_t *rotation)
{
    db_session_free(&rotation->session);
    explicit_bzero(rotation, sizeof(rotation_t));
}


static db_status_t
rotation_judge(service_t *service, int renew, const client_t *client,
    rotation_t *rotation)
{
    db_proof_t     proof;
    unsigned char  digest[TOKEN_DIGEST_SIZE];

    if (token_refresh_digest(&rotation->token, digest) != 0) {
        return DB_FAILED;
    }

    proof.sid = rotation->sid;
    proof.digest = digest;

    return db_session_refresh(service->db, &proof, rotation->token.generation,
                              renew, &client->db, &rotation->session);
}


static void
rotation_accepted(const rotation_t *rotation, const client_t *client)
{
    int                  rotated;
    const db_session_t  *session;

    session = &rotation->session;

    if (session->outcome == DB_SESSION_AHEAD) {
        log_event(LOG_REFRESH_AHEAD, "user", session->sub, "session",
                  rotation->sid, "address", client->address, NULL);
    }

    rotated = session->outcome == DB_SESSION_ROTATED
              || session->outcome == DB_SESSION_AHEAD;

    log_event(LOG_REFRESH, "rotated", rotated ? "yes" : "no",
              "user", session->sub, "session", rotation->sid,
              "address", client->address, NULL);
    metrics_add(rotated ? METRIC_REFRESH_ROTATED : METRIC_REFRESH_REPEATED, 1);
}


static void
rotation_refused(const rotation_t *rotation, db_outcome_t outcome,
    const client_t *client)
{
    log_event(outcome == DB_SESSION_REUSE ? LOG_REFRESH_REUSE
                                          : LOG_REFRESH_REFUSED,
              "reason", rotation->reason, "user", rotation->session.sub,
              "session", rotation->sid[0] ? rotation->sid : NULL,
              "address", client->address, NULL);
    metrics_add(rotation_metrics[outcome], 1);
}
