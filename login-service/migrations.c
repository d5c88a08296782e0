/*
 * Which migrations a database has is a set, not a number: one that was
 * written earlier may arrive later.
 */

#include <string.h>

#include <libpq-fe.h>

#include "migrations.h"


int
migrations_applied(const PGresult *applied, const migration_t *migration)
{
    int  row;

    for (row = 0; row < PQntuples(applied); row++) {
        if (strcmp(PQgetvalue(applied, row, 0), migration->version) == 0) {
            return 1;
        }
    }

    return 0;
}


const char *
migrations_unknown(const PGresult *applied)
{
    int                 row;
    const char         *version;
    const migration_t  *m;

    for (row = 0; row < PQntuples(applied); row++) {
        version = PQgetvalue(applied, row, 0);

        for (m = migrations; m->version; m++) {
            if (strcmp(m->version, version) == 0) {
                break;
            }
        }

        if (m->version == NULL) {
            return version;
        }
    }

    return NULL;
}
