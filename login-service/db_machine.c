/* Statements about machines, and about access tokens by themselves. */

#include <stdlib.h>
#include <string.h>

#include "db_call.h"


/* Columns of portero.machine_find. */
enum {
    COLUMN_SUB,
    COLUMN_NAME,
    COLUMN_OWNED,
    COLUMN_SCOPE,
    COLUMN_VER,
    COLUMN_NOW,
    COLUMN_EXPIRES
};


db_status_t
db_machine_find(db_t *db, const char *client_id,
    const unsigned char digest[32], db_machine_t *machine)
{
    PGresult     *result;
    db_params_t   params;
    db_status_t   status;

    memset(machine, 0, sizeof(db_machine_t));

    params.n = 0;
    db_param_text(&params, client_id);
    db_param_bytes(&params, digest, 32);
    db_param_number(&params, db_config(db)->access_token_expire);

    status = db_call(db, "SELECT sub, name, owned, scope, ver, now_us,"
                         " expires_us FROM portero.machine_find($1, $2, $3)",
                     &params, &result);
    if (status != DB_OK) {
        return status;
    }

    machine->sub = PQgetvalue(result, 0, COLUMN_SUB);
    machine->name = PQgetvalue(result, 0, COLUMN_NAME);
    machine->scope = PQgetvalue(result, 0, COLUMN_SCOPE);
    machine->owned = PQgetvalue(result, 0, COLUMN_OWNED)[0] == 't';
    machine->ver = strtoll(PQgetvalue(result, 0, COLUMN_VER), NULL, 10);
    machine->now = strtoll(PQgetvalue(result, 0, COLUMN_NOW), NULL, 10);
    machine->expires = strtoll(PQgetvalue(result, 0, COLUMN_EXPIRES), NULL,
                               10);
    machine->texts = result;

    return DB_OK;
}


void
db_machine_free(db_machine_t *machine)
{
    PQclear(machine->texts);
    memset(machine, 0, sizeof(db_machine_t));
}


db_status_t
db_token_live(db_t *db, const db_token_t *token)
{
    db_params_t  params;

    params.n = 0;
    db_param_text(&params, token->jti);
    db_param_text(&params, token->sid);
    db_param_text(&params, token->sub);
    db_param_number(&params, token->ver);
    db_param_text(&params, token->client_id);

    return db_call_boolean(db,
                           "SELECT portero.token_live($1, $2, $3, $4, $5)",
                           &params);
}


db_status_t
db_token_revoke(db_t *db, const db_token_t *token, const db_client_t *client)
{
    db_params_t  params;

    params.n = 0;
    db_param_text(&params, token->jti);
    db_param_text(&params, token->sub);
    db_param_text(&params, token->sid);
    db_param_text(&params, client->address);
    db_param_text(&params, client->user_agent);

    return db_call_boolean(db,
                           "SELECT portero.token_revoke($1, $2, $3, $4, $5)",
                           &params);
}
