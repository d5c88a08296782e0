/* Statements about links that serve once. */

#include <stdio.h>
#include <string.h>

#include "db_call.h"
#include "secret.h"


static const char *const  db_link_kinds[] = {
    [DB_LINK_INVITE] = "invite",
    [DB_LINK_RESET]  = "reset",
};


db_status_t
db_link_find(db_t *db, db_link_t kind, const unsigned char *digest,
    char sub[DB_SUB_SIZE])
{
    PGresult     *result;
    db_params_t   params;
    db_status_t   status;

    params.n = 0;
    db_param_text(&params, db_link_kinds[kind]);
    db_param_bytes(&params, digest, SECRET_DIGEST_SIZE);

    status = db_call(db, "SELECT sub FROM portero.link_find($1, $2)", &params,
                     &result);

    if (status == DB_OK) {
        snprintf(sub, DB_SUB_SIZE, "%s", PQgetvalue(result, 0, 0));
        PQclear(result);
    }

    return status;
}


db_status_t
db_link_reset(db_t *db, const unsigned char *digest, const char *old_hash,
    const char *new_hash, const db_client_t *client)
{
    db_params_t  params;

    params.n = 0;
    db_param_bytes(&params, digest, SECRET_DIGEST_SIZE);
    db_param_text(&params, old_hash);
    db_param_text(&params, new_hash);
    db_param_text(&params, client->address);
    db_param_text(&params, client->user_agent);

    return db_call_boolean(db, "SELECT portero.link_reset("
                           "$1, $2, $3, $4, $5)", &params);
}


db_status_t
db_link_register(db_t *db, const unsigned char *digest, const char *login,
    const char *hash, const char *email, const db_client_t *client,
    char sub[DB_SUB_SIZE])
{
    PGresult     *result;
    db_params_t   params;
    db_status_t   status;

    params.n = 0;
    db_param_bytes(&params, digest, SECRET_DIGEST_SIZE);
    db_param_text(&params, login);
    db_param_text(&params, hash);
    db_param_text(&params, email);
    db_param_text(&params, client->address);
    db_param_text(&params, client->user_agent);

    status = db_call(db, "SELECT portero.user_register_invited("
                     "$1, $2, $3, $4, $5, $6)", &params, &result);

    if (status == DB_OK) {
        snprintf(sub, DB_SUB_SIZE, "%s", PQgetvalue(result, 0, 0));

        if (PQgetisnull(result, 0, 0)) {
            status = DB_NONE;
        }

        PQclear(result);
    }

    return status;
}
