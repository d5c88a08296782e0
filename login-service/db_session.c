/*
 * Statements about sessions.  All answers have one shape, which
 * portero.session_answer defines.
 */

#include <stdlib.h>
#include <string.h>

#include "db_call.h"
#include "log.h"
#include "token.h"


#define DB_SESSIONS_PER_USER  20

#define DB_SESSION_COLUMNS                                                    \
    "outcome, sub, generation, renewed, ver, name, roles, scope, extra,"      \
    " now_us, idle_us, absolute_us"

/* Their places in it. */
enum {
    COLUMN_OUTCOME,
    COLUMN_SUB,
    COLUMN_GENERATION,
    COLUMN_RENEWED,
    COLUMN_VER,
    COLUMN_NAME,
    COLUMN_ROLES,
    COLUMN_SCOPE,
    COLUMN_EXTRA,
    COLUMN_NOW,
    COLUMN_IDLE,
    COLUMN_ABSOLUTE
};


static void db_param_proof(db_params_t *params, const db_proof_t *proof);
static void db_param_client(db_params_t *params, const db_client_t *client);
static db_status_t db_session_call(db_t *db, const char *sql,
    const db_params_t *params, db_session_t *session);
static int db_session_read(PGresult *result, db_session_t *session);
static int64_t db_number(const PGresult *result, int column);


static const char  *db_outcomes[DB_SESSION_OUTCOMES] = {
    [DB_SESSION_LIVE]    = "live",
    [DB_SESSION_ROTATED] = "rotated",
    [DB_SESSION_SAME]    = "same",
    [DB_SESSION_RETRY]   = "retry",
    [DB_SESSION_AHEAD]   = "ahead",
    [DB_SESSION_REUSE]   = "reuse",
    [DB_SESSION_REUSED]  = "reused",
    [DB_SESSION_REVOKED] = "revoked",
    [DB_SESSION_EXPIRED] = "expired",
    [DB_SESSION_IDLE]    = "idle",
    [DB_SESSION_INVALID] = "invalid",
};


db_status_t
db_session_create(db_t *db, const char *sub, const db_proof_t *proof,
    const db_proof_t *replaced, const db_client_t *client,
    db_session_t *session)
{
    db_params_t      params;
    const config_t  *config;

    config = db_config(db);

    params.n = 0;
    db_param_text(&params, sub);
    db_param_proof(&params, proof);
    db_param_number(&params, config->session_idle);
    db_param_number(&params, config->session_absolute);
    db_param_number(&params, config->access_token_expire);
    db_param_number(&params, DB_SESSIONS_PER_USER);
    db_param_client(&params, client);
    db_param_proof(&params, replaced);

    return db_session_call(db,
        "SELECT " DB_SESSION_COLUMNS " FROM portero.session_create("
        "$1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)", &params, session);
}


db_status_t
db_session_change_password(db_t *db, const db_change_t *change,
    const db_proof_t *proof, const db_client_t *client,
    db_session_t *session)
{
    db_params_t      params;
    const config_t  *config;

    config = db_config(db);

    params.n = 0;
    db_param_text(&params, change->sub);
    db_param_text(&params, change->asking);
    db_param_text(&params, change->old_hash);
    db_param_text(&params, change->new_hash);
    db_param_proof(&params, proof);
    db_param_number(&params, config->session_idle);
    db_param_number(&params, config->session_absolute);
    db_param_number(&params, config->access_token_expire);
    db_param_number(&params, DB_SESSIONS_PER_USER);
    db_param_client(&params, client);

    return db_session_call(db,
        "SELECT " DB_SESSION_COLUMNS " FROM portero.session_change_password("
        "$1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)", &params,
        session);
}


db_status_t
db_session_refresh(db_t *db, const db_proof_t *proof, uint32_t generation,
    int renew, const db_client_t *client, db_session_t *session)
{
    db_params_t      params;
    const config_t  *config;

    config = db_config(db);

    params.n = 0;
    db_param_proof(&params, proof);
    db_param_number(&params, generation);
    db_param_text(&params, renew ? "t" : "f");
    db_param_number(&params, config->refresh_grace);
    db_param_number(&params, config->session_idle);
    db_param_number(&params, config->access_token_expire);
    db_param_client(&params, client);

    return db_session_call(db,
        "SELECT " DB_SESSION_COLUMNS " FROM portero.session_refresh("
        "$1, $2, $3, $4, $5, $6, $7, $8, $9)", &params, session);
}


db_status_t
db_session_get(db_t *db, const char *sid, const char *sub,
    db_session_t *session)
{
    db_params_t  params;

    params.n = 0;
    db_param_text(&params, sid);
    db_param_text(&params, sub);

    return db_session_call(db,
        "SELECT " DB_SESSION_COLUMNS " FROM portero.session_get($1, $2)",
        &params, session);
}


db_status_t
db_session_end(db_t *db, const db_proof_t *proof, const char *sub,
    const char *reason, const db_client_t *client)
{
    db_params_t  params;

    params.n = 0;
    db_param_proof(&params, proof);
    db_param_text(&params, sub);
    db_param_text(&params, reason);
    db_param_client(&params, client);

    return db_call_boolean(db,
        "SELECT portero.session_end($1, $2, $3, $4, $5, $6)", &params);
}


db_status_t
db_session_end_all(db_t *db, const db_proof_t *proof, const char *sub,
    int others, const db_client_t *client)
{
    db_params_t  params;

    params.n = 0;
    db_param_proof(&params, proof);
    db_param_text(&params, sub);
    db_param_text(&params, others ? "t" : "f");
    db_param_client(&params, client);

    return db_call_boolean(db,
        "SELECT portero.session_end_all($1, $2, $3, $4, $5, $6)", &params);
}


db_status_t
db_session_list(db_t *db, const char *sub, const char *sid, json_t **list)
{
    PGresult     *result;
    db_params_t   params;
    db_status_t   status;

    params.n = 0;
    db_param_text(&params, sub);
    db_param_text(&params, sid);

    status = db_call(db, "SELECT portero.session_list($1, $2)", &params,
                     &result);
    if (status != DB_OK) {
        return status;
    }

    *list = json_loads(PQgetvalue(result, 0, 0), 0, NULL);
    PQclear(result);

    return *list ? DB_OK : DB_FAILED;
}


db_status_t
db_cleanup(db_t *db, int limit, int64_t *rows)
{
    PGresult     *result;
    db_params_t   params;
    db_status_t   status;

    params.n = 0;
    db_param_number(&params, limit);
    db_param_number(&params, db_config(db)->audit_retention);

    status = db_call(db, "SELECT portero.cleanup($1, $2)", &params, &result);
    if (status != DB_OK) {
        return status;
    }

    *rows = db_number(result, 0);
    PQclear(result);

    return DB_OK;
}


void
db_session_free(db_session_t *session)
{
    PQclear(session->texts);
    session->texts = NULL;
}


/* Two parameters: sid and digest. */
static void
db_param_proof(db_params_t *params, const db_proof_t *proof)
{
    db_param_text(params, proof ? proof->sid : NULL);
    db_param_bytes(params, proof ? proof->digest : NULL, TOKEN_DIGEST_SIZE);
}


/* Two parameters: address and user agent. */
static void
db_param_client(db_params_t *params, const db_client_t *client)
{
    db_param_text(params, client->address);
    db_param_text(params, client->user_agent);
}


static db_status_t
db_session_call(db_t *db, const char *sql, const db_params_t *params,
    db_session_t *session)
{
    PGresult     *result;
    db_status_t   status;

    memset(session, 0, sizeof(*session));
    status = db_call(db, sql, params, &result);

    if (status != DB_OK) {
        return status == DB_NONE ? DB_FAILED : status;
    }

    if (db_session_read(result, session) != 0) {
        log_event(LOG_DATABASE_ERROR, "message",
                  "this service and the schema do not fit together: "
                  "is a migration missing?", NULL);
        PQclear(result);
        memset(session, 0, sizeof(*session));
        return DB_FAILED;
    }

    return DB_OK;
}


static int
db_session_read(PGresult *result, db_session_t *session)
{
    int          i;
    int64_t      generation;
    const char  *word;

    word = PQgetvalue(result, 0, COLUMN_OUTCOME);

    for (i = 0; i < DB_SESSION_OUTCOMES; i++) {
        if (strcmp(word, db_outcomes[i]) == 0) {
            break;
        }
    }

    generation = db_number(result, COLUMN_GENERATION);

    if (i == DB_SESSION_OUTCOMES || generation < 0 || generation > UINT32_MAX)
    {
        return -1;
    }

    session->outcome = i;
    session->generation = (uint32_t) generation;
    session->renewed = PQgetvalue(result, 0, COLUMN_RENEWED)[0] == 't';
    session->ver = db_number(result, COLUMN_VER);
    session->now = db_number(result, COLUMN_NOW);
    session->idle = db_number(result, COLUMN_IDLE);
    session->absolute = db_number(result, COLUMN_ABSOLUTE);
    session->sub = PQgetvalue(result, 0, COLUMN_SUB);
    session->name = PQgetvalue(result, 0, COLUMN_NAME);
    session->roles = PQgetvalue(result, 0, COLUMN_ROLES);
    session->scope = PQgetvalue(result, 0, COLUMN_SCOPE);
    session->extra = PQgetvalue(result, 0, COLUMN_EXTRA);
    session->texts = result;

    return 0;
}


/* A bigint; 0 for NULL. */
static int64_t
db_number(const PGresult *result, int column)
{
    return strtoll(PQgetvalue(result, 0, column), NULL, 10);
}
