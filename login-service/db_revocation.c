/* The list of revocations. */

#include <stdlib.h>
#include <string.h>

#include "db_call.h"


db_status_t
db_revocation_list(db_t *db, int64_t since, int limit, char **json)
{
    PGresult     *result;
    db_params_t   params;
    db_status_t   status;

    *json = NULL;

    params.n = 0;
    db_param_number(&params, since);
    db_param_number(&params, limit);

    status = db_call(db, "SELECT portero.revocation_list($1, $2)", &params,
                     &result);
    if (status != DB_OK) {
        return status;
    }

    *json = strdup(PQgetvalue(result, 0, 0));
    PQclear(result);

    return *json ? DB_OK : DB_FAILED;
}
