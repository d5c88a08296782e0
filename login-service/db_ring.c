/* The fingerprints of the HMAC keys. */

#include <string.h>

#include "db_call.h"


static const char *const  db_ring_words[] = {
    [DB_RING_KNOWN] = "known",
    [DB_RING_OTHER] = "other",
    [DB_RING_OLDER] = "older",
};


db_status_t
db_ring_check(db_t *db, const char *numbers, const char *prints,
    db_ring_t *ring)
{
    size_t        i;
    PGresult     *result;
    db_params_t   params;
    db_status_t   status;

    params.n = 0;
    db_param_text(&params, numbers);
    db_param_text(&params, prints);

    status = db_call(db, "SELECT portero.ring_check($1, $2)", &params,
                     &result);
    if (status != DB_OK) {
        return status;
    }

    status = DB_FAILED;

    for (i = 0; i < sizeof(db_ring_words) / sizeof(db_ring_words[0]); i++) {
        if (strcmp(PQgetvalue(result, 0, 0), db_ring_words[i]) == 0) {
            *ring = i;
            status = DB_OK;
        }
    }

    PQclear(result);
    return status;
}
