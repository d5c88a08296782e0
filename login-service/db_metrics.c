/* What the database alone can count, for all instances together. */

#include <stdlib.h>
#include <string.h>

#include "db_call.h"


db_status_t
db_metrics(db_t *db, int64_t *live, char **ended)
{
    PGresult     *result;
    db_params_t   params;
    db_status_t   status;

    *ended = NULL;
    memset(&params, 0, sizeof(params));

    status = db_call(db, "SELECT live, ended FROM portero.metrics()", &params,
                     &result);

    if (status != DB_OK) {
        return status;
    }

    *live = strtoll(PQgetvalue(result, 0, 0), NULL, 10);
    *ended = strdup(PQgetvalue(result, 0, 1));
    PQclear(result);

    return *ended ? DB_OK : DB_FAILED;
}
