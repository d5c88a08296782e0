/* Statements about how often who may be wrong. */

#include <stdlib.h>
#include <string.h>

#include "db_call.h"
#include "log.h"


static int db_throttle_copy(char *dst, size_t size, const PGresult *result,
    int column);


db_status_t
db_throttle_take(db_t *db, db_throttle_t *throttle)
{
    int              rc;
    PGresult        *result;
    db_params_t      params;
    db_status_t      status;
    const config_t  *config;

    config = db_config(db);

    params.n = 0;
    db_param_text(&params, throttle->account);
    db_param_text(&params, throttle->sub);
    db_param_text(&params, throttle->device);
    db_param_text(&params, throttle->network);
    db_param_number(&params, config->throttle_account_network);
    db_param_number(&params, config->throttle_account_network_fall);
    db_param_number(&params, config->throttle_network);
    db_param_number(&params, config->throttle_network_fall);
    db_param_number(&params, config->throttle_account);
    db_param_number(&params, config->throttle_account_fall);

    status = db_call(db, "SELECT refused, wait, counted"
                     " FROM portero.throttle_take("
                     "$1, $2, $3, $4, $5, $6, $7, $8, $9, $10)", &params,
                     &result);
    if (status != DB_OK) {
        return status == DB_NONE ? DB_FAILED : status;
    }

    throttle->wait = atoi(PQgetvalue(result, 0, 1));

    rc = db_throttle_copy(throttle->refused, sizeof(throttle->refused),
                          result, 0)
         | db_throttle_copy(throttle->counted, sizeof(throttle->counted),
                            result, 2);

    PQclear(result);
    return rc == 0 ? DB_OK : DB_FAILED;
}


db_status_t
db_throttle_wrong(db_t *db, const db_throttle_t *throttle, unsigned mark)
{
    db_params_t      params;
    const config_t  *config;

    config = db_config(db);

    params.n = 0;
    db_param_text(&params, throttle->account);
    db_param_text(&params, throttle->device);
    db_param_text(&params, throttle->network);
    db_param_text(&params, throttle->counted);
    db_param_number(&params, mark);
    db_param_number(&params, config->throttle_account_network_fall);
    db_param_number(&params, config->throttle_network_fall);
    db_param_number(&params, config->throttle_account);
    db_param_number(&params, config->throttle_account_fall);

    return db_call_boolean(db, "SELECT portero.throttle_wrong("
                           "$1, $2, $3, $4, $5, $6, $7, $8, $9)", &params);
}


db_status_t
db_throttle_passed(db_t *db, const db_throttle_t *throttle, int login)
{
    db_params_t      params;
    const config_t  *config;

    config = db_config(db);

    params.n = 0;
    db_param_text(&params, throttle->account);
    db_param_text(&params, throttle->device);
    db_param_text(&params, throttle->network);
    db_param_text(&params, throttle->counted);
    db_param_text(&params, login ? throttle->sub : NULL);
    db_param_number(&params, config->throttle_account_network_fall);
    db_param_number(&params, config->throttle_network_fall);
    db_param_number(&params, config->throttle_account_fall);

    return db_call_boolean(db, "SELECT portero.throttle_passed("
                           "$1, $2, $3, $4, $5, $6, $7, $8)", &params);
}


static int
db_throttle_copy(char *dst, size_t size, const PGresult *result, int column)
{
    const char  *text;

    text = PQgetvalue(result, 0, column);

    if (strlen(text) >= size) {
        return -1;
    }

    strcpy(dst, text);
    return 0;
}
